//! `motet admin rotate`: another key signs for the install.

use super::{Reach, jobs::result, refused};
use crate::{context::Context, failure::Failure, report::Report, visible};

/// Which key.
#[derive(Debug, clap::Subcommand)]
pub enum Rotate {
    /// The key that signs sessions of browsers; those that are open go on
    Session(Which),
    /// The key that signs the server's own commits and seals the logs of refs
    ///
    /// What the key before has signed is good as before. The next movement in each repository writes the change into its
    /// log, sealed with the key before, so that clients follow it.
    Server(Which),
}

impl Rotate {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Session(_) => "admin rotate session",
            Self::Server(_) => "admin rotate server",
        }
    }
}

/// What can be said with each.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

pub(super) async fn run(command: &Rotate, context: &Context) -> Result<Report, Failure> {
    let (Rotate::Session(Which { reach }) | Rotate::Server(Which { reach })) = command;
    let client = reach.client(context)?;
    let (rotated, signs) = match command {
        Rotate::Session(_) => (client.rotate_session_key().await, "sessions"),
        Rotate::Server(_) => (client.rotate_server_key().await, "for the server"),
    };
    let rotated = rotated.map_err(refused)?;
    let good = match &rotated.old_until {
        Some(until) => format!("good until {}", visible(until)),
        None => "good as before".to_owned(),
    };
    let text = format!(
        "{} signs {signs} now; what the key before has signed is {good}",
        visible(&rotated.kid)
    );
    Ok(Report::news(result(&rotated)?, text))
}
