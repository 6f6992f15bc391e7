//! `motet repo member`, `motet repo invitations`: who has a level on a repository, and who is invited.

use api::json::{RepositoryInvitation, RepositoryMember};
use names::Handle;
use serde_json::json;

use super::{At, FullName, named};
use crate::{
    client::Word,
    commands::admin::{jobs::result, table::table},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What to do with members.
#[derive(Debug, clap::Subcommand)]
pub enum Members {
    /// Show who has a level, and who is invited
    List(List),
    /// Invite somebody; they decide within seven days
    ///
    /// Whoever has a level already is given the other one at once, and so is an agent.
    Invite(Set),
    /// Give somebody a level at once, or another one than before
    Set(Set),
    /// Take somebody's level away, or withdraw an invitation
    Remove(Remove),
}

/// What to do with invitations.
#[derive(Debug, clap::Subcommand)]
pub enum Invitations {
    /// Show what you are invited to
    List(Mine),
    /// Take the level that you are offered
    Accept(Decide),
    /// Leave it
    Decline(Decide),
}

/// What can be said with `list`.
#[derive(Debug, clap::Args)]
pub struct Mine {
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `accept` and `decline`.
#[derive(Debug, clap::Args)]
pub struct Decide {
    /// Which, as `motet repo invitations list` shows it
    pub id: Word,
    /// Where.
    #[command(flatten)]
    pub at: At,
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

/// What can be said with `invite` and `set`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo member invite songs grace write
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
            Self::Invite(_) => "repo member invite",
            Self::Set(_) => "repo member set",
            Self::Remove(_) => "repo member remove",
        }
    }
}

pub(super) async fn run(command: &Members, context: &Context) -> Result<Report, Failure> {
    match command {
        Members::List(List { repository, at }) => {
            let it = named(repository, at, context)?;
            let found = it.client.repository_members(&it.owner, &it.name).await?;
            let row = |it: &RepositoryMember| {
                [&it.handle, &it.kind, &it.level, &it.state, &it.created_at]
                    .map(|text| visible(text))
            };
            let rows: Vec<_> = found.items.iter().map(row).collect();
            let text = table(["WHO", "KIND", "LEVEL", "STATE", "SINCE"], &rows);
            let text = if rows.is_empty() { "nobody".to_owned() } else { text };
            Ok(Report::answer(result(&found)?, text))
        }
        Members::Invite(Set { repository, handle, level, at }) => {
            let it = named(repository, at, context)?;
            let asked = it.client.invite_to_repository(&it.owner, &it.name, handle, level).await?;
            let text = match &asked.ends_at {
                Some(until) => {
                    format!("{handle} is invited to {it}, and decides until {}", visible(until))
                }
                None => format!("{handle} has the level {level} on {it}"),
            };
            Ok(Report::news(result(&asked)?, text))
        }
        Members::Set(Set { repository, handle, level, at }) => {
            let it = named(repository, at, context)?;
            let set = it.client.set_collaborator(&it.owner, &it.name, handle, level).await?;
            let text = format!("{handle} has the level {level} on {it}");
            Ok(Report::news(result(&set)?, text))
        }
        Members::Remove(Remove { repository, handle, at }) => {
            let it = named(repository, at, context)?;
            it.client.take_out_of_repository(&it.owner, &it.name, handle).await?;
            let text = format!("{handle} has no level on {it} any more");
            Ok(Report::news(json!({ "repository": it.to_string(), "handle": handle }), text))
        }
    }
}

pub(super) async fn invitations(
    command: &Invitations,
    context: &Context,
) -> Result<Report, Failure> {
    let (Invitations::List(Mine { at })
    | Invitations::Accept(Decide { at, .. })
    | Invitations::Decline(Decide { at, .. })) = command;
    let (_, client) = context.signed_in(&context.which_origin(at.host.as_ref())?)?;
    match command {
        Invitations::List(_) => {
            let found = client.invitations().await?;
            let row = |it: &RepositoryInvitation| {
                [&it.id, &it.repository, &it.level, &it.invited_by, &it.ends_at]
                    .map(|text| visible(text))
            };
            let rows: Vec<_> = found.items.iter().map(row).collect();
            let text = table(["ID", "REPOSITORY", "LEVEL", "BY", "UNTIL"], &rows);
            let text = if rows.is_empty() { "nothing".to_owned() } else { text };
            Ok(Report::answer(result(&found)?, text))
        }
        Invitations::Accept(Decide { id, .. }) => {
            let taken = client.accept_invitation(id).await?;
            let (repository, level) = (visible(&taken.repository), visible(&taken.level));
            let text = format!("you have the level {level} on {repository}");
            Ok(Report::news(result(&taken)?, text))
        }
        Invitations::Decline(Decide { id, .. }) => {
            client.decline_invitation(id).await?;
            Ok(Report::news(json!({ "id": id.to_string() }), "declined".to_owned()))
        }
    }
}

impl Invitations {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List(_) => "repo invitations list",
            Self::Accept(_) => "repo invitations accept",
            Self::Decline(_) => "repo invitations decline",
        }
    }
}
