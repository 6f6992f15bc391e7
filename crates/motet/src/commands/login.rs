//! `motet login --web`: an address that signs a browser in, once (`spec/trust.md` 6).

use serde_json::json;

use crate::{client::Origin, context::Context, failure::Failure, report::Report, visible};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet login --web
  motet login --web https://forge.example --json")]
pub struct Login {
    /// Print an address that signs a browser in: it works once, within a minute
    #[arg(long, required = true)]
    pub web: bool,
    /// The server
    #[arg(value_name = "ADDRESS")]
    pub origin: Option<Origin>,
}

pub(super) async fn run(arguments: &Login, context: &Context) -> Result<Report, Failure> {
    let origin = context.which_origin(arguments.origin.as_ref())?;
    let (_, client) = context.signed_in(&origin)?;
    let made = client.web_login().await?;
    let (url, expires_at) = (visible(&made.url), visible(&made.expires_at));
    let result = json!({ "host": origin.to_string(), "url": url, "expires_at": expires_at });
    Ok(Report::answer(result, url))
}
