//! `motet status`: how the files stand to the last commit.

use std::fmt::{self, Write as _};

use history::worktree::{ChangeKind, Head, PathChange, Status as Standing};
use serde_json::{Value, json};

use super::working::paths;
use crate::{
    context::Context,
    failure::Failure,
    report::{BAD, GOOD, ODD, Report},
    visible,
};

/// How many left-out files are named.
const MAX_NAMED: usize = 5;

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet status
  motet status src --json")]
pub struct Status {
    /// Only these files and directories
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
}

pub(super) fn run(arguments: &Status, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    let paths = paths(context, &copy, &arguments.paths)?;
    let mut standing = copy.status()?;
    standing.changes.retain(|change| paths.contains(&change.path));
    let unresolved = match &standing.merge {
        Some(merge) => copy.unresolved(merge)?,
        None => Vec::new(),
    };
    let mut text = String::new();
    // Writing into a text does not fail.
    put(&mut text, &standing, &unresolved).unwrap_or_default();
    Ok(Report::answer(result(&standing, &unresolved), text))
}

/// A change for programs.
fn change_value(change: &PathChange) -> Value {
    json!({ "status": change.kind.word(), "path": change.path, "from": change.from })
}

fn result(standing: &Standing, unresolved: &[names::RepoPath]) -> Value {
    let (branch, detached) = match &standing.head {
        Head::Branch(branch) => (Some(branch), false),
        Head::Detached(_) => (None, true),
    };
    let tracking = standing.tracking.iter().map(|tracking| {
        json!({
            "remote": tracking.remote.as_str(),
            "branch": tracking.branch,
            "ahead": tracking.ahead,
            "behind": tracking.behind,
        })
    });
    let merge = standing.merge.as_ref().map(|merge| {
        json!({
            "theirs": merge.theirs,
            "other_branch": visible(&merge.other_branch),
            "conflict_paths": merge.paths,
            "unresolved": unresolved,
        })
    });
    let skipped = standing.skipped.iter().map(|(path, reason)| {
        json!({ "path": visible(&path.to_string_lossy()), "reason": reason.to_string() })
    });
    json!({
        "branch": branch,
        "detached": detached,
        "commit": standing.commit,
        "clean": standing.changes.is_empty(),
        "changes": standing.changes.iter().map(change_value).collect::<Vec<_>>(),
        "clashes": standing.clashes,
        "skipped": skipped.collect::<Vec<_>>(),
        "staged": standing.is_staged,
        "merge": merge,
        "tracking": tracking.collect::<Vec<_>>(),
    })
}

fn put(out: &mut String, standing: &Standing, unresolved: &[names::RepoPath]) -> fmt::Result {
    match (&standing.head, standing.commit) {
        (Head::Branch(branch), Some(commit)) => writeln!(out, "on {branch} at {}", commit.short())?,
        (Head::Branch(branch), None) => writeln!(out, "on {branch}, without a commit yet")?,
        (Head::Detached(commit), _) => writeln!(out, "on no branch, at {}", commit.short())?,
    }
    for tracking in &standing.tracking {
        let place = format!("{}/{}", tracking.remote, tracking.branch);
        match (tracking.ahead, tracking.behind) {
            (0, 0) => writeln!(out, "up to date with {place}")?,
            (ahead, behind) => writeln!(out, "{ahead} ahead of {place}, {behind} behind")?,
        }
    }
    if let Some(merge) = &standing.merge {
        let other = visible(&merge.other_branch);
        writeln!(out, "{ODD}merging{ODD:#} {other} ({})", merge.theirs.short())?;
        for path in unresolved {
            writeln!(out, "  {BAD}undecided{BAD:#} {}", visible(path.as_str()))?;
        }
        writeln!(out, "  motet merge --continue ends it, motet merge --abort takes it back")?;
    }
    if standing.is_staged {
        writeln!(out, "{ODD}staged{ODD:#}: the next commit takes what the Muse client has staged")?;
    }
    for change in &standing.changes {
        let style = match change.kind {
            ChangeKind::Added | ChangeKind::Renamed => GOOD,
            ChangeKind::Modified => ODD,
            ChangeKind::Deleted => BAD,
        };
        let from = change.from.as_ref().map(|from| format!("{} -> ", visible(from.as_str())));
        let (word, path) = (change.kind.word(), visible(change.path.as_str()));
        writeln!(out, "  {style}{word:<8}{style:#} {}{path}", from.unwrap_or_default())?;
    }
    for group in &standing.clashes {
        let names: Vec<_> = group.iter().map(|path| visible(path.as_str())).collect();
        writeln!(out, "  {ODD}clash{ODD:#}    {}: one file on some systems", names.join(", "))?;
    }
    for (path, reason) in standing.skipped.iter().take(MAX_NAMED) {
        writeln!(out, "  left out {}: {reason}", visible(&path.to_string_lossy()))?;
    }
    if standing.skipped.len() > MAX_NAMED {
        writeln!(out, "  left out {} more", standing.skipped.len() - MAX_NAMED)?;
    }
    if standing.changes.is_empty() {
        writeln!(out, "nothing has changed")?;
    }
    Ok(())
}
