//! `motet admin rotate`: another key signs for the install.

use super::{Reach, jobs::result, refused};
use crate::{context::Context, failure::Failure, report::Report, visible};

/// Which key.
#[derive(Debug, clap::Subcommand)]
pub enum Rotate {
    /// The key that signs sessions of browsers; those that are open go on
    Session(Session),
}

/// What can be said with `session`.
#[derive(Debug, clap::Args)]
pub struct Session {
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

pub(super) async fn run(command: &Rotate, context: &Context) -> Result<Report, Failure> {
    let Rotate::Session(Session { reach }) = command;
    let rotated = reach.client(context)?.rotate_session_key().await.map_err(refused)?;
    let text = format!(
        "{} signs sessions now; what the key before has signed is good until {}",
        visible(&rotated.kid),
        visible(&rotated.old_until)
    );
    Ok(Report::news(result(&rotated)?, text))
}
