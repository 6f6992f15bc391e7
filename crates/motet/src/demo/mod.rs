//! A history to look at: the same on every machine, id by id.
//!
//! What happens is told in `script.txt`: who changes which file, on which branch, in which order. Authors, times and
//! bytes are fixed, so the ids are too; a test holds them.
//!
//! | file         | what is there                                        |
//! |--------------|------------------------------------------------------|
//! | `script.txt` | the history                                          |
//! | `script.rs`  | the script, read                                     |
//! | `replay.rs`  | the script, played on trees in memory                |
//! | `picture.rs` | a small PNG                                          |

mod picture;
mod replay;
mod script;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::Path};

use history::{
    Parents,
    worktree::{User, WorkingCopy, WorktreeError},
};
use names::{BranchName, CommitId, Random, UnixMillis};

use crate::record::{Words, record};
use replay::{Replay, Tree};

/// What happens.
const SCRIPT: &str = include_str!("script.txt");
/// The branch that is checked out at the end.
const MAIN: &str = "main";
/// When the working copy was made, in Unix milliseconds: before the first commit.
const MADE_AT: UnixMillis = UnixMillis(1_768_000_000_000);

/// Why the demo could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The script is wrong, which a test would have shown.
    #[error("line {line} of the demo's script: {reason}")]
    Script {
        /// Counted from one.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// The working copy.
    #[error(transparent)]
    Worktree(#[from] WorktreeError),
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demo {
    /// How many commits.
    pub commits: usize,
    /// Where the branches are.
    pub heads: BTreeMap<BranchName, CommitId>,
}

/// Makes `directory` a working copy with the history, the files of `main` checked out.
pub fn generate(directory: &Path, random: &Random) -> Result<Demo, DemoError> {
    let steps = script::parse(SCRIPT)?;
    let copy = WorkingCopy::init(directory, "code", MADE_AT, random)?;
    let mut config = copy.config()?;
    let (name, email, kind) = ("Demo", "demo@example.org", "human");
    config.set_user(&User { name: name.into(), email: email.into(), kind: kind.into() });
    copy.write_config(&config)?;

    let (mut replay, mut heads) = (Replay::default(), BTreeMap::<BranchName, CommitId>::new());
    let commits = steps.len();
    for (at, step) in steps.iter().enumerate() {
        let first = heads.get(&step.branch).copied().or_else(|| main(&heads));
        let second = step.merged.as_ref().and_then(|branch| heads.get(branch)).copied();
        let tree = replay.play(step)?;
        let manifest = store(&copy, tree)?;
        let time = step.author.time_of(at);
        let words = Words { message: &step.message, author: step.author.name(), time: &time };
        let commit = record(&copy, &step.branch, Parents::new(first, second), manifest, &words)?;
        heads.insert(step.branch.clone(), commit);
    }
    if let Some(commit) = main(&heads) {
        copy.checkout(None, commit, &copy.head()?)?;
    }
    Ok(Demo { commits, heads })
}

/// Where `main` is.
fn main(heads: &BTreeMap<BranchName, CommitId>) -> Option<CommitId> {
    heads.iter().find(|(name, _)| name.as_str() == MAIN).map(|(_, commit)| *commit)
}

fn store(copy: &WorkingCopy, tree: &Tree) -> Result<history::Manifest, WorktreeError> {
    tree.iter().map(|(path, bytes)| Ok((path.clone(), copy.write_object(bytes)?))).collect()
}
