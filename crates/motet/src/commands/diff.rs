//! `motet diff`: what differs between the files, or between two commits.

use history::worktree::changes;
use serde_json::json;

use super::{
    patch::{Newer, Shown, patch},
    working::paths,
};
use crate::{context::Context, failure::Failure, report::Report};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet diff                        your files against the last commit
  motet diff main draft --stat      two branches
  motet diff v1.0 -- verses/        your files against a tag")]
pub struct Diff {
    /// The older side; the last commit if left out
    #[arg(value_name = "REVISION")]
    pub from: Option<String>,
    /// The newer side; your files if left out
    #[arg(value_name = "REVISION")]
    pub to: Option<String>,
    /// Only these files and directories
    #[arg(value_name = "PATH", last = true)]
    pub paths: Vec<String>,
    /// How much is shown
    #[command(flatten)]
    pub shown: Shown,
}

pub(super) fn run(arguments: &Diff, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    let paths = paths(context, &copy, &arguments.paths)?;
    let from = match &arguments.from {
        Some(text) => Some(copy.resolve(text)?),
        None => copy.head_commit()?,
    };
    let before = copy.manifest_of(from)?;
    let (after, newer) = match &arguments.to {
        Some(text) => (copy.manifest_of(Some(copy.resolve(text)?))?, Newer::Stored),
        None => (copy.look()?.manifest(), Newer::Files),
    };
    let mut found = changes(&before, &after);
    found.retain(|change| {
        paths.contains(&change.path)
            || change.from.as_ref().is_some_and(|path| paths.contains(path))
    });
    let told = patch(&copy, &found, newer, arguments.shown)?;
    let result = json!({ "files": told.files });
    Ok(Report { is_long: true, ..Report::answer(result, told.text) })
}
