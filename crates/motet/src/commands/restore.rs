//! `motet restore`: files as a commit has them.

use history::worktree::WorktreeError;
use serde_json::json;

use super::working::{overwrite, paths, rescue_place, told_rescued};
use crate::{context::Context, failure::Failure, report::Report};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet restore words.txt                a file that was removed
  motet restore words.txt --force        and one that was changed; a copy is kept
  motet restore verses --source main~3")]
pub struct Restore {
    /// Files and directories
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<String>,
    /// The commit; HEAD if left out
    #[arg(long, value_name = "REVISION", default_value = "HEAD", hide_default_value = true)]
    pub source: String,
    /// Move changes in the way to .muse/motet/rescued instead of refusing
    #[arg(long)]
    pub force: bool,
}

pub(super) fn run(arguments: &Restore, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    let paths = paths(context, &copy, &arguments.paths)?;
    let mut new = copy.manifest_of(Some(copy.resolve(&arguments.source)?))?;
    let mut head = copy.manifest_of(copy.head_commit()?)?;
    if let Some(place) = paths.unmatched(&head.keys().chain(new.keys())) {
        return Err(WorktreeError::NothingMatched(place).into());
    }
    // All else stays as it is, and is still there to tell what stands in whose way.
    let mut now = copy.look()?.manifest();
    new.retain(|path, _| paths.contains(path));
    head.retain(|path, _| paths.contains(path));
    // Known is what a commit has: a file as the head has it may go, a change of the user may not.
    now.retain(|path, object| paths.contains(path) && head.get(path) == Some(object));
    let place = rescue_place(context);
    let written: Vec<_> = new
        .iter()
        .filter(|(path, id)| now.get(*path) != Some(id))
        .map(|(path, _)| path.clone())
        .collect();
    let removed: Vec<_> = now.keys().filter(|path| !new.contains_key(*path)).cloned().collect();
    let rescued = copy.replace_files(&now, &new, overwrite(arguments.force, &place))?;
    let result = json!({
        "restored": written,
        "removed": removed,
        "rescued": rescued,
        "rescued_in": (!rescued.is_empty()).then(|| format!(".muse/motet/rescued/{place}")),
    });
    let count = super::counted((written.len() + removed.len()) as u64, "file");
    Ok(Report::news(result, format!("restored {count}{}", told_rescued(&rescued, &place))))
}
