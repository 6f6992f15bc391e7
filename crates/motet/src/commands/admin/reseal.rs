//! `motet admin reseal`: another install key.

use serde_json::json;
use server::SealArgs;

use crate::{
    failure::{Exit, Failure},
    report::Report,
};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Stop the server, put the old key elsewhere, run this, start the server. The new key is made where it
is missing; keep a copy of it, and the old one as long as there are backups from before.

Examples:
  mv /srv/motet/install.key /srv/old.key
  motet admin reseal --data-dir /srv/motet --old-key-file /srv/old.key")]
pub struct Reseal {
    /// The settings.
    #[command(flatten)]
    pub settings: SealArgs,
}

pub(super) async fn run(command: &Reseal) -> Result<Report, Failure> {
    let count = server::reseal(&command.settings).await.map_err(|error| {
        let exit = if error.exit_code() == 2 { Exit::Usage } else { Exit::Internal };
        Failure::new(exit, "reseal", error)
    })?;
    let text = match count {
        0 => "everything lies under the new install key already".to_owned(),
        count => format!("{count} values lie under the new install key now"),
    };
    Ok(Report::news(json!({ "values": count }), text))
}
