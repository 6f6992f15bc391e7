//! `motet admin bootstrap-token`: a token that makes a publisher (`spec/trust.md` 5).

use keys::TokenText;
use serde_json::json;

use super::{Reach, refused};
use crate::{context::Context, failure::Failure, report::Report, visible};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet admin bootstrap-token --data-dir /srv/motet
  motet admin bootstrap-token --offline > /etc/motet/bootstrap.token")]
pub struct Bootstrap {
    /// Ask no server: print a token for the file that `serve` reads one from
    #[arg(long)]
    pub offline: bool,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

pub(super) async fn run(command: &Bootstrap, context: &Context) -> Result<Report, Failure> {
    if command.offline {
        let token = TokenText::generate("bootstrap", &context.random);
        let text = token.expose().clone();
        return Ok(Report::answer(json!({ "value": text }), text));
    }
    let made = command.reach.client(context)?.bootstrap_token().await.map_err(refused)?;
    let value = visible(made.value.as_deref().unwrap_or_default());
    let expires_at = visible(&made.expires_at);
    let result = json!({ "value": value, "expires_at": expires_at });
    Ok(Report::answer(result, value))
}
