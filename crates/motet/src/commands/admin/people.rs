//! `motet admin people`: who helps to run the install, who is stopped, and a look into what is private.

use names::Handle;
use serde_json::json;

use super::{Reach, jobs::result, refused};
use crate::{
    client::Target,
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    visible,
};

/// What to do with people.
#[derive(Debug, clap::Subcommand)]
pub enum People {
    /// Make a person an install admin; the operator does this
    Grant(One),
    /// Take the office away from an install admin
    Withdraw(One),
    /// Stop somebody, and their agents
    Suspend(Suspend),
    /// Let somebody go on who was stopped
    Restore(One),
    /// Bring an account back that was deleted within thirty days, and print a code that lets one new key in
    BringBack(One),
    /// Look into a private repository for an hour; its owner reads why
    BreakGlass(BreakGlass),
}

/// What can be said with most of these.
#[derive(Debug, clap::Args)]
pub struct One {
    /// Whom
    pub handle: Handle,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

/// What can be said with `suspend`.
#[derive(Debug, clap::Args)]
pub struct Suspend {
    /// Whom
    pub handle: Handle,
    /// Why; it stands in the audit log
    #[arg(long)]
    pub reason: String,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

/// What can be said with `break-glass`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An install admin does this with their own key, so that the owner reads a name.

Examples:
  motet admin people break-glass ada/engine --reason 'asked by ada in #41' --host https://forge.example")]
pub struct BreakGlass {
    /// The repository, as `owner/name`
    #[arg(value_name = "OWNER/NAME")]
    pub repository: Target,
    /// Why; the owner and the audit log have it
    #[arg(long)]
    pub reason: String,
    /// Which server.
    #[command(flatten)]
    pub reach: Reach,
}

impl People {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Grant(_) => "admin people grant",
            Self::Withdraw(_) => "admin people withdraw",
            Self::Suspend(_) => "admin people suspend",
            Self::Restore(_) => "admin people restore",
            Self::BringBack(_) => "admin people bring-back",
            Self::BreakGlass(_) => "admin people break-glass",
        }
    }
}

pub(super) async fn run(command: &People, context: &Context) -> Result<Report, Failure> {
    match command {
        People::Grant(One { handle, reach }) => {
            reach.client(context)?.set_install_admin(handle, true).await.map_err(refused)?;
            Ok(told(handle, "is an install admin"))
        }
        People::Withdraw(One { handle, reach }) => {
            reach.client(context)?.set_install_admin(handle, false).await.map_err(refused)?;
            Ok(told(handle, "is no install admin any more"))
        }
        People::Suspend(Suspend { handle, reason, reach }) => {
            reach.client(context)?.suspend(handle, reason).await.map_err(refused)?;
            Ok(told(handle, "is stopped; nothing that they prove themselves by is believed"))
        }
        People::Restore(One { handle, reach }) => {
            reach.client(context)?.restore(handle).await.map_err(refused)?;
            Ok(told(handle, "goes on"))
        }
        People::BringBack(One { handle, reach }) => {
            let made = reach.client(context)?.bring_back(handle).await.map_err(refused)?;
            Ok(Report::answer(result(&made)?, visible(made.code.as_deref().unwrap_or_default())))
        }
        People::BreakGlass(BreakGlass { repository, reason, reach }) => {
            let Some(name) = &repository.name else {
                let message = "name the repository as owner/name";
                return Err(Failure::new(Exit::Usage, "no_repository", message.to_owned()));
            };
            let client = reach.client(context)?;
            let glass = client.break_glass(&repository.owner, name, reason).await;
            let glass = glass.map_err(refused)?;
            let text = format!(
                "{} is open to you until {}; its owner can read why",
                visible(&glass.repository),
                visible(&glass.ends_at)
            );
            Ok(Report::news(result(&glass)?, text))
        }
    }
}

fn told(handle: &Handle, what: &str) -> Report {
    Report::news(json!({ "handle": handle.as_str() }), format!("{handle} {what}"))
}
