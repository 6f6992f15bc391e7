//! Deleted, and brought back.

use api::json::Repository;
use names::{Handle, RepositoryName};
use serde_json::json;

use super::{At, FullName, Meant, named};
use crate::{
    commands::admin::{jobs::result, table::table},
    context::Context,
    failure::Failure,
    report::Report,
    visible,
};

/// What can be said with `delete`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet repo delete choir/songs --confirm choir/songs")]
pub struct Delete {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// That it is meant.
    #[command(flatten)]
    pub meant: Meant,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `deleted`.
#[derive(Debug, clap::Args)]
pub struct Deleted {
    /// Of this organization, which you own, instead of your own
    #[arg(long, value_name = "HANDLE")]
    pub org: Option<Handle>,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

/// What can be said with `restore`.
#[derive(Debug, clap::Args)]
pub struct Restore {
    /// owner/name, or only the name for one of your own
    pub repository: FullName,
    /// Another name, if its own was taken meanwhile
    #[arg(long, value_name = "NAME")]
    pub name: Option<RepositoryName>,
    /// Where.
    #[command(flatten)]
    pub at: At,
}

pub(super) async fn delete(arguments: &Delete, context: &Context) -> Result<Report, Failure> {
    let it = named(&arguments.repository, &arguments.at, context)?;
    let confirm = arguments.meant.of(&it)?;
    it.client.delete_repository(&it.owner, &it.name, &confirm).await?;
    let text = format!("{it} is deleted; within thirty days: motet repo restore {it}");
    Ok(Report::news(json!({ "repository": it.to_string() }), text))
}

pub(super) async fn deleted(arguments: &Deleted, context: &Context) -> Result<Report, Failure> {
    let (_, client) = context.signed_in(&context.which_origin(arguments.at.host.as_ref())?)?;
    let found = client.deleted_repositories(arguments.org.as_ref()).await?;
    let rows: Vec<_> = found.items.iter().map(row).collect();
    let text = table(["REPOSITORY", "SEEN", "DELETED", "KEPT UNTIL"], &rows);
    let text = if rows.is_empty() { "nothing was deleted".to_owned() } else { text };
    Ok(Report::answer(result(&found)?, text))
}

fn row(it: &Repository) -> [String; 4] {
    let time = |known: &Option<String>| known.clone().unwrap_or_default();
    let (deleted, until) = (time(&it.deleted_at), time(&it.restorable_until));
    [&it.full_name, &it.visibility, &deleted, &until].map(|text| visible(text))
}

pub(super) async fn restore(arguments: &Restore, context: &Context) -> Result<Report, Failure> {
    let it = named(&arguments.repository, &arguments.at, context)?;
    let back = it.client.restore_repository(&it.owner, &it.name, arguments.name.as_ref()).await?;
    let text = format!("{}/{} is back", it.origin, visible(&back.full_name));
    Ok(Report::news(result(&back)?, text))
}
