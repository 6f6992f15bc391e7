//! Forked; handed on, taken, left.

use api::json::{NewFork, NewTransfer};
use names::{BranchName, Handle, RepositoryName};
use serde_json::json;

use super::{At, FullName, Meant, named};
use crate::{
    client::{Handed, Word},
    commands::admin::{jobs::result, table::table},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What can be said with `fork`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo fork ada/songs
  motet repo fork ada/songs --as choir/hymns --default-branch-only")]
pub struct Fork {
    /// owner/name of the repository to make one from
    pub repository: FullName,
    /// What the new one is called, and whose it is: its name among your own, unless you say otherwise
    #[arg(long = "as", value_name = "OWNER/NAME")]
    pub target: Option<FullName>,
    /// Take over only the branch that is shown first
    #[arg(long)]
    pub default_branch_only: bool,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `sync`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo sync songs
  motet repo sync choir/songs --branch solo")]
pub struct Sync {
    /// owner/name of the fork, or only the name for one of your own
    pub repository: FullName,
    /// Which branch, if not the one that is shown first
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<BranchName>,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `transfer`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo transfer songs choir --confirm ada/songs
  motet repo transfer songs --keep")]
pub struct Transfer {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// Whose it shall be
    #[arg(required_unless_present = "keep")]
    pub to: Option<Handle>,
    /// Take back that it is handed on
    #[arg(long, conflicts_with = "to")]
    pub keep: bool,
    /// That it is meant.
    #[command(flatten)]
    pub meant: Meant,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `transfers`.
#[derive(Debug, clap::Args)]
pub struct Transfers {
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `accept`.
#[derive(Debug, clap::Args)]
pub struct Accept {
    /// Which, as `motet repo transfers` shows it
    pub id: Word,
    /// Another name, if its own is taken
    #[arg(long, value_name = "NAME")]
    pub name: Option<RepositoryName>,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `decline`.
#[derive(Debug, clap::Args)]
pub struct Decline {
    /// Which, as `motet repo transfers` shows it
    pub id: Word,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

pub(super) async fn fork(arguments: &Fork, context: &Context) -> Result<Report, Failure> {
    let it = named(&arguments.repository, &arguments.at, context)?;
    let target = arguments.target.as_ref();
    let new = NewFork {
        owner: target.and_then(|it| it.owner.as_ref()).map(ToString::to_string),
        name: target.map(|it| it.name.to_string()),
        default_branch_only: arguments.default_branch_only,
    };
    let made = it.client.fork(&it.owner, &it.name, &new).await?;
    let address = format!("{}/{}", it.origin, visible(&made.full_name));
    let text = format!("made {address} from {it}; its history is being copied");
    Ok(Report::news(result(&made)?, text))
}

pub(super) async fn sync(arguments: &Sync, context: &Context) -> Result<Report, Failure> {
    let it = named(&arguments.repository, &arguments.at, context)?;
    let branch = match &arguments.branch {
        Some(branch) => branch.to_string(),
        None => it.client.repository(&it.owner, &it.name).await?.default_branch,
    };
    let synced = it.client.sync(&it.owner, &it.name, &branch).await?;
    let (branch, at) = (visible(&synced.branch), visible(&synced.new));
    let text = match synced.commits {
        0 if synced.old.as_ref() == Some(&synced.new) => format!("{branch} is where its source is"),
        commits => format!("{branch} is at {at} now, {commits} commit(s) further"),
    };
    Ok(Report::news(result(&synced)?, text))
}

pub(super) async fn transfer(arguments: &Transfer, context: &Context) -> Result<Report, Failure> {
    let it = named(&arguments.repository, &arguments.at, context)?;
    let Some(to) = &arguments.to else {
        it.client.keep_repository(&it.owner, &it.name).await?;
        let text = format!("{it} stays where it is");
        return Ok(Report::news(json!({ "repository": it.to_string() }), text));
    };
    let new = NewTransfer { to: to.to_string(), confirm: arguments.meant.of(&it)? };
    match it.client.transfer(&it.owner, &it.name, &new).await? {
        Handed::Over(after) => {
            let now = format!("{}/{}", it.origin, visible(&after.full_name));
            Ok(Report::news(result(&after)?, format!("{it} is {now} now")))
        }
        Handed::Waiting(waiting) => {
            let text = format!("{it} waits for {to} until {}", visible(&waiting.ends_at));
            Ok(Report::news(result(&waiting)?, text))
        }
    }
}

pub(super) async fn transfers(arguments: &Transfers, context: &Context) -> Result<Report, Failure> {
    let (_, client) = context.signed_in(&context.which_origin(arguments.at.host.as_ref())?)?;
    let found = client.transfers().await?;
    let row = |it: &api::json::Transfer| {
        [&it.id, &it.repository, &it.to, &it.ends_at].map(|text| visible(text))
    };
    let rows: Vec<_> = found.items.iter().map(row).collect();
    let text = table(["ID", "REPOSITORY", "TO", "WAITS UNTIL"], &rows);
    let text = if rows.is_empty() { "nothing waits".to_owned() } else { text };
    Ok(Report::answer(result(&found)?, text))
}

pub(super) async fn accept(arguments: &Accept, context: &Context) -> Result<Report, Failure> {
    let origin = context.which_origin(arguments.at.host.as_ref())?;
    let (_, client) = context.signed_in(&origin)?;
    let taken = client.accept_transfer(&arguments.id, arguments.name.as_ref()).await?;
    let text = format!("{origin}/{} is yours", visible(&taken.full_name));
    Ok(Report::news(result(&taken)?, text))
}

pub(super) async fn decline(arguments: &Decline, context: &Context) -> Result<Report, Failure> {
    let (_, client) = context.signed_in(&context.which_origin(arguments.at.host.as_ref())?)?;
    client.decline_transfer(&arguments.id).await?;
    let id = arguments.id.to_string();
    Ok(Report::news(json!({ "id": id }), "it stays where it is"))
}
