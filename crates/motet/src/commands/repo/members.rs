//! `motet repo member`: who was given a level on a repository.

use names::Handle;
use serde_json::json;

use super::{At, FullName, named};
use crate::{
    commands::admin::{jobs::result, table::table},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What to do with members.
#[derive(Debug, clap::Subcommand)]
pub enum Members {
    /// Show who was given a level
    List(List),
    /// Give somebody a level, or another one than before
    Set(Set),
    /// Take somebody's level away
    Remove(Remove),
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
pub struct List {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo member set songs grace write")]
pub struct Set {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// Who
    pub handle: Handle,
    /// read, triage, write or admin
    #[arg(value_parser = ["read", "triage", "write", "admin"])]
    pub level: String,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `remove`.
#[derive(Debug, clap::Args)]
pub struct Remove {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// Who
    pub handle: Handle,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

impl Members {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "repo member list",
            Self::Set(_) => "repo member set",
            Self::Remove(_) => "repo member remove",
        }
    }
}

pub(super) async fn run(command: &Members, context: &Context) -> Result<Report, Failure> {
    match command {
        Members::List(List { repository, at }) => {
            let it = named(repository, at, context)?;
            let found = it.client.collaborators(&it.owner, &it.name).await?;
            let row = |it: &api::json::Collaborator| {
                [&it.handle, &it.kind, &it.level, &it.created_at].map(|text| visible(text))
            };
            let rows: Vec<_> = found.items.iter().map(row).collect();
            let text = table(["WHO", "KIND", "LEVEL", "SINCE"], &rows);
            let text = if rows.is_empty() { "nobody".to_owned() } else { text };
            Ok(Report::answer(result(&found)?, text))
        }
        Members::Set(Set { repository, handle, level, at }) => {
            let it = named(repository, at, context)?;
            let set = it.client.set_collaborator(&it.owner, &it.name, handle, level).await?;
            let text = format!("{handle} has the level {level} on {it}");
            Ok(Report::news(result(&set)?, text))
        }
        Members::Remove(Remove { repository, handle, at }) => {
            let it = named(repository, at, context)?;
            it.client.remove_collaborator(&it.owner, &it.name, handle).await?;
            let text = format!("{handle} has no level on {it} any more");
            Ok(Report::news(json!({ "repository": it.to_string(), "handle": handle }), text))
        }
    }
}
