//! `motet checkout`: the files of another commit.

use history::worktree::{Head, LogEntry, RemoteName, WorkingCopy, WorktreeError};
use names::{BranchName, CommitId};
use serde_json::json;

use super::{
    branch::{exists, start},
    working::{follow, head_name, overwrite, rescue_place, told_rescued},
};
use crate::{
    context::{Context, ORIGIN},
    failure::{Exit, Failure},
    report::Report,
};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet checkout draft
  motet checkout -b draft main~2
  motet checkout v1.0               on no branch")]
pub struct Checkout {
    /// A branch, a tag, a commit; with -b the branch to make
    #[arg(value_name = "REVISION")]
    pub target: String,
    /// Where the new branch begins; HEAD if left out
    #[arg(value_name = "START", requires = "make")]
    pub start: Option<String>,
    /// Make the branch first
    #[arg(short = 'b', id = "make")]
    pub make: bool,
    /// Move changes in the way to .muse/motet/rescued instead of refusing
    #[arg(long)]
    pub force: bool,
}

/// Where a checkout goes.
struct Target {
    head: Head,
    commit: Option<CommitId>,
    /// A branch that has to be made first, and the remote that it follows.
    made: Option<(BranchName, Option<RemoteName>)>,
}

pub(super) fn run(arguments: &Checkout, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    if copy.merge_state()?.is_some() {
        return Err(WorktreeError::Merging.into());
    }
    let target = target(&copy, arguments)?;
    let (from_head, old) = (copy.head()?, copy.head_commit()?);
    let place = rescue_place(context);
    let (before, after) = (copy.manifest_of(old)?, copy.manifest_of(target.commit)?);
    let rescued = copy.replace_files(&before, &after, overwrite(arguments.force, &place))?;
    if let Some((branch, remote)) = &target.made {
        if let Some(commit) = target.commit {
            copy.set_branch_head(branch, Some(commit))?;
        }
        if let Some(name) = remote {
            follow(&copy, name, branch)?;
        }
    }
    copy.set_head(&target.head)?;
    let what = format!("checkout: {} to {}", head_name(&from_head), head_name(&target.head));
    let author = copy.config()?.user().author();
    let (new, at) = (target.commit, context.clock.now());
    copy.add_log(None, &LogEntry { old, new, author, at, what })?;
    let branch = match &target.head {
        Head::Branch(branch) => Some(branch),
        Head::Detached(_) => None,
    };
    let result = json!({
        "branch": branch,
        "commit": target.commit,
        "made": target.made.is_some(),
        "rescued": rescued,
        "rescued_in": (!rescued.is_empty()).then(|| format!(".muse/motet/rescued/{place}")),
    });
    let on = match &target.head {
        Head::Branch(branch) => format!("on {branch}"),
        Head::Detached(commit) => format!("on no branch, at {}", commit.short()),
    };
    Ok(Report::news(result, on + &told_rescued(&rescued, &place)))
}

fn target(copy: &WorkingCopy, arguments: &Checkout) -> Result<Target, Failure> {
    let text = &arguments.target;
    let branch = text.parse::<BranchName>();
    if arguments.make {
        let branch = branch.map_err(|error| Failure::usage("bad_branch", error))?;
        if exists(copy, &branch)? {
            let message = format!("the branch `{branch}` is there");
            return Err(Failure::new(Exit::Decide, "branch_exists", message)
                .hint(format!("motet checkout {branch} goes to it")));
        }
        let commit = match (&arguments.start, copy.head_commit()?) {
            // Before the first commit a branch is only a name.
            (None, None) => None,
            (start_text, _) => Some(start(copy, start_text.as_deref())?),
        };
        let head = Head::Branch(branch.clone());
        return Ok(Target { head, commit, made: Some((branch, None)) });
    }
    if let Ok(branch) = branch {
        if exists(copy, &branch)? {
            let commit = copy.branch_head(&branch)?;
            return Ok(Target { head: Head::Branch(branch), commit, made: None });
        }
        let origin: RemoteName = ORIGIN.parse()?;
        if let Some(commit) = copy.remote_head(&origin, &branch)? {
            let head = Head::Branch(branch.clone());
            return Ok(Target { head, commit: Some(commit), made: Some((branch, Some(origin))) });
        }
    }
    let commit = copy.resolve(text)?;
    Ok(Target { head: Head::Detached(commit), commit: Some(commit), made: None })
}
