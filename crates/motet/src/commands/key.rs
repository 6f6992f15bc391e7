//! `motet key`: keys that are registered (`spec/trust.md` 2). New ones come by `motet register`.

use api::json::Key;
use keys::Fingerprint;
use names::Handle;

use super::admin::{jobs::result, table::table};
use crate::{client::Origin, context::Context, failure::Failure, report::Report, visible};

/// What to do with keys.
#[derive(Debug, clap::Subcommand)]
pub enum Keys {
    /// Show your keys, oldest first, ended ones too
    List(List),
    /// Give a key up: it is worth nothing from that moment
    Revoke(Revoke),
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

/// Why a key is given up.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Reason {
    /// Somebody else may have it: what it opened and made ends too
    Compromised,
    /// It is no longer needed
    Retired,
}

/// What can be said with `revoke`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet key revoke SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg --reason retired
  motet key revoke SHA256:lbmsoA0yIEcEiVDRnMWuzm+nV+3ZEEpVIURqFoeSspg --of robot")]
pub struct Revoke {
    /// The key, as `motet key list` names it
    #[arg(value_name = "FINGERPRINT")]
    pub key: Fingerprint,
    /// Why
    #[arg(long, value_enum, default_value = "compromised")]
    pub reason: Reason,
    /// Whose it is, if it is an agent's of yours
    #[arg(long, value_name = "HANDLE")]
    pub of: Option<Handle>,
    /// The server, if you are registered at several
    #[arg(long, value_name = "ADDRESS")]
    pub host: Option<Origin>,
}

impl Keys {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "key list",
            Self::Revoke(_) => "key revoke",
        }
    }
}

pub(super) async fn run(command: &Keys, context: &Context) -> Result<Report, Failure> {
    match command {
        Keys::List(List { host }) => {
            let (_, client) = context.signed_in(&context.which_origin(host.as_ref())?)?;
            let found = client.keys().await?;
            let rows: Vec<_> = found.items.iter().map(row).collect();
            let text = table(["KEY", "LABEL", "SINCE", "STATE"], &rows);
            Ok(Report::answer(result(&found)?, text))
        }
        Keys::Revoke(Revoke { key, reason, of, host }) => {
            let (account, client) = context.signed_in(&context.which_origin(host.as_ref())?)?;
            let reason = match reason {
                Reason::Compromised => "compromised",
                Reason::Retired => "retired",
            };
            let whose = of.as_ref().unwrap_or(&account.handle);
            let revoked = client.revoke_key(whose, key, reason).await?;
            Ok(Report::news(result(&revoked)?, format!("the key {key} is worth nothing now")))
        }
    }
}

fn row(it: &Key) -> [String; 4] {
    let state = it.revoke_reason.as_deref().unwrap_or("live");
    [&it.fingerprint, &it.label, &it.created_at, state].map(visible)
}
