//! `motet branch`: lists, makes and removes branches.

use history::{
    is_ancestor,
    worktree::{Graph, Head, WorkingCopy},
};
use names::{BranchName, CommitId};
use serde_json::json;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    report::{GOOD, Report},
};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet branch
  motet branch draft main~2
  motet branch -d draft")]
pub struct Branch {
    /// The branch to make; the branches are listed if left out
    pub name: Option<BranchName>,
    /// Where it begins; HEAD if left out
    #[arg(value_name = "REVISION", conflicts_with = "delete")]
    pub start: Option<String>,
    /// Remove the branch instead
    #[arg(short, long, requires = "name")]
    pub delete: bool,
    /// Remove it though its commits are in no other branch; move it though it is there
    #[arg(long, requires = "name")]
    pub force: bool,
}

pub(super) fn run(arguments: &Branch, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    match &arguments.name {
        None => list(&copy),
        Some(name) if arguments.delete => delete(&copy, name, arguments.force),
        Some(name) => make(&copy, name, arguments),
    }
}

fn list(copy: &WorkingCopy) -> Result<Report, Failure> {
    let head = copy.head()?;
    let (mut text, mut values) = (String::new(), Vec::new());
    if let Head::Detached(commit) = &head {
        text.extend([format!("{GOOD}* on no branch, at {}{GOOD:#}\n", commit.short())]);
    }
    for (name, commit) in copy.branches()? {
        let is_current = head == Head::Branch(name.clone());
        let at = commit.map_or_else(|| "no commit yet".to_owned(), |id| id.short());
        text.extend([if is_current {
            format!("{GOOD}* {name}{GOOD:#} {at}\n")
        } else {
            format!("  {name} {at}\n")
        }]);
        values.push(json!({ "name": name, "commit": commit, "current": is_current }));
    }
    Ok(Report::answer(json!({ "branches": values }), text))
}

/// Whether there is a branch of this name, with or without a commit.
pub(super) fn exists(copy: &WorkingCopy, name: &BranchName) -> Result<bool, Failure> {
    Ok(copy.branches()?.iter().any(|(known, _)| known == name))
}

fn make(copy: &WorkingCopy, name: &BranchName, arguments: &Branch) -> Result<Report, Failure> {
    let is_current = copy.head()? == Head::Branch(name.clone());
    if exists(copy, name)? && (!arguments.force || is_current) {
        let failure =
            Failure::new(Exit::Decide, "branch_exists", format!("the branch `{name}` is there"));
        return Err(failure.hint(if is_current {
            "you are on it: check out another one first"
        } else {
            "name another one, or move it with --force"
        }));
    }
    let commit = start(copy, arguments.start.as_deref())?;
    copy.set_branch_head(name, Some(commit))?;
    let result = json!({ "name": name, "commit": commit });
    Ok(Report::news(result, format!("made {name} at {}", commit.short())))
}

/// The commit where a branch begins.
pub(super) fn start(copy: &WorkingCopy, text: Option<&str>) -> Result<CommitId, Failure> {
    match text {
        Some(text) => Ok(copy.resolve(text)?),
        None => copy.head_commit()?.ok_or_else(no_commit),
    }
}

/// The failure of whoever has no commit yet.
pub(super) fn no_commit() -> Failure {
    Failure::new(Exit::NotFound, "no_commit", "there is no commit yet")
        .hint("motet commit -m <text> makes the first one")
}

fn delete(copy: &WorkingCopy, name: &BranchName, force: bool) -> Result<Report, Failure> {
    if copy.head()? == Head::Branch(name.clone()) {
        let failure =
            Failure::new(Exit::Decide, "current_branch", format!("you are on the branch `{name}`"));
        return Err(failure.hint("check out another one first"));
    }
    if !exists(copy, name)? {
        let message = format!("there is no branch `{name}`");
        return Err(
            Failure::new(Exit::NotFound, "no_branch", message).hint("motet branch lists them")
        );
    }
    let commit = copy.branch_head(name)?;
    if !force
        && let Some(commit) = commit
        && !is_in_another(copy, name, commit)?
    {
        let message = format!("`{name}` has commits that are in no other branch");
        return Err(Failure::new(Exit::Decide, "not_merged", message)
            .hint("merge it first, or lose them with --force"));
    }
    copy.delete_branch(name)?;
    let was = commit.map(|id| format!(", which was at {}", id.short())).unwrap_or_default();
    let result = json!({ "name": name, "deleted": true, "commit": commit });
    Ok(Report::news(result, format!("removed {name}{was}")))
}

fn is_in_another(copy: &WorkingCopy, name: &BranchName, commit: CommitId) -> Result<bool, Failure> {
    let graph = Graph::new(copy);
    let others = copy.branches()?;
    let others = others.iter().filter(|(other, _)| other != name).filter_map(|(_, id)| *id);
    let found = others
        .chain(copy.head_commit()?)
        .any(|other| is_ancestor(commit, other, |id| graph.parents(id)));
    graph.check()?;
    Ok(found)
}
