//! `motet admin search`: what is searched is made again.

use super::{Reach, jobs::result, refused};
use crate::{context::Context, failure::Failure, report::Report, visible};

/// What to do with what is searched.
#[derive(Debug, clap::Subcommand)]
pub enum Searching {
    /// Make everything that is searched again from the store, in the background
    Rebuild(Rebuild),
}

/// What can be said with `rebuild`.
#[derive(Debug, clap::Args)]
pub struct Rebuild {
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

impl Searching {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Rebuild(_) => "admin search rebuild",
        }
    }
}

pub(super) async fn run(command: &Searching, context: &Context) -> Result<Report, Failure> {
    let Searching::Rebuild(Rebuild { reach }) = command;
    let started = reach.client(context)?.rebuild_search().await.map_err(refused)?;
    let text = if started.pushed {
        format!("{} is due now", visible(&started.job))
    } else {
        format!("{} is waiting or running already", visible(&started.job))
    };
    Ok(Report::news(result(&started)?, text))
}
