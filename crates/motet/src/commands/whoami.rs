//! `motet whoami`: who one is at a server.

use serde_json::json;

use crate::{client::Origin, context::Context, failure::Failure, report::Report, visible};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet whoami
  motet whoami https://forge.example --json")]
pub struct Whoami {
    /// The server
    #[arg(value_name = "ADDRESS")]
    pub origin: Option<Origin>,
}

pub(super) async fn run(arguments: &Whoami, context: &Context) -> Result<Report, Failure> {
    let origin = context.which_origin(arguments.origin.as_ref())?;
    let (_, client) = context.signed_in(&origin)?;
    let me = client.me().await?.principal;
    let fingerprint = client.key().map(keys::PrivateKey::fingerprint);
    let (handle, kind) = (visible(&me.handle), visible(&me.kind));
    let result = json!({
        "host": origin.to_string(),
        "handle": handle,
        "kind": kind,
        "id": visible(&me.id),
        "fingerprint": fingerprint,
    });
    Ok(Report::answer(result, format!("{handle} at {origin}")))
}
