//! What can go wrong in a working copy, in words for the person at it.

use std::{fmt, io, path::PathBuf};

use names::{CommitId, ObjectId, RepoPath, SnapshotId};

use super::{BringError, ignore::IgnoreError};
use crate::{Fault, merge::AttributesError};

/// How many paths an error names.
const MAX_NAMED: usize = 5;

/// Why something in a working copy cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum WorktreeError {
    /// No `.muse` in the directory, nor above it.
    #[error("{} is not in a working copy; `motet init` makes one, `motet clone` fetches one", .directory.display())]
    NoWorkingCopy {
        /// Where the search began.
        directory: PathBuf,
    },
    /// `.muse` is there already.
    #[error("{} is a working copy already", .directory.display())]
    Exists {
        /// The directory.
        directory: PathBuf,
    },
    /// The file system said no.
    #[error("`{path}`: {cause}")]
    Io {
        /// The file, from the root of the working copy.
        path: String,
        /// What it said.
        #[source]
        cause: io::Error,
    },
    /// A file of `.muse` that does not hold what it should.
    #[error("`{path}` is damaged: {reason}")]
    Damaged {
        /// The file, from the root of the working copy.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A record is not what its id says.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The patterns of `.museignore` cannot be used.
    #[error(transparent)]
    Ignore(#[from] IgnoreError),
    /// The commit is not in this working copy.
    #[error("commit {0} is not here; `motet fetch` may bring it")]
    MissingCommit(CommitId),
    /// The snapshot of a commit is not in this working copy.
    #[error("snapshot {0} is not here; `motet fetch` may bring it")]
    MissingSnapshot(SnapshotId),
    /// The content of a file is not in this working copy.
    #[error("the content of `{path}` ({object}) is not here; `motet fetch` may bring it")]
    MissingObject {
        /// The file.
        path: RepoPath,
        /// Its content.
        object: ObjectId,
    },
    /// What a remote promised did not come.
    #[error("what is not here could not be brought: {0}")]
    NotBrought(BringError),
    /// The files are those of the head.
    #[error("nothing has changed since the last commit")]
    NothingToCommit,
    /// Files of the user would be lost.
    #[error("{} would be overwritten; commit them, or move them away", Named(.0))]
    InTheWay(Vec<RepoPath>),
    /// No file is at, or below, a path that was named.
    #[error("no file is at `{0}`, neither here nor in the commit")]
    NothingMatched(String),
    /// The commit has no file of this path.
    #[error("commit {} has no file `{path}`", .commit.short())]
    NoFile {
        /// The path.
        path: RepoPath,
        /// The commit.
        commit: CommitId,
    },
    /// The file has no lines.
    #[error("`{0}` is no text")]
    NotText(RepoPath),
    /// No branch, tag or commit is called so.
    #[error("`{0}` is no branch, tag or commit here")]
    UnknownRevision(String),
    /// Several commits begin so.
    #[error("several commits begin with `{0}`; write more of the id")]
    AmbiguousRevision(String),
    /// A merge waits for the user.
    #[error(
        "a merge is under way; `motet merge --continue` ends it, `motet merge --abort` takes it back"
    )]
    Merging,
    /// No merge waits for the user.
    #[error("no merge is under way")]
    NotMerging,
    /// Conflicts that nobody has decided yet.
    #[error("{} still to be decided: edit what is between the markers, and move or remove what stands beside", Named(.0))]
    Unresolved(Vec<RepoPath>),
    /// The histories have no commit in common.
    #[error("the two histories have no commit in common")]
    Unrelated,
    /// The rules of `.museattributes` cannot be used.
    #[error(transparent)]
    Attributes(#[from] AttributesError),
    /// A label has a length.
    #[error("a label has 1 to {max_bytes} bytes, and no NUL")]
    Label {
        /// The most bytes.
        max_bytes: usize,
    },
    /// A file was written to while it was read.
    #[error("`{0}` changed while it was being read; try again")]
    Changing(RepoPath),
    /// Two branches cannot be a file and a directory at once.
    #[error("`{name}` cannot be made: another name is a directory of it, or it of another")]
    RefConflict {
        /// The full name of the ref.
        name: String,
    },
    /// A remote of this name is not known.
    #[error("there is no remote `{0}`; `motet remote add` makes one")]
    NoRemote(String),
    /// The Muse client writes names of remotes unquoted.
    #[error("`{0}` is no name for a remote: use 1 to 64 letters, digits, `_` and `-`")]
    RemoteName(String),
    /// The domain names a table of `.museignore`.
    #[error("`{0}` is no domain: use 1 to 64 letters, digits, `_` and `-`")]
    Domain(String),
    /// More files than a snapshot may have (`spec/wire.md` 10).
    #[error(
        "there are more than {max} files here; name in .museignore what does not belong to the history"
    )]
    TooManyFiles {
        /// The limit.
        max: usize,
    },
}

/// The first few paths, and how many more there are.
struct Named<'a>(&'a [RepoPath]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, path) in self.0.iter().take(MAX_NAMED).enumerate() {
            write!(f, "{}`{path}`", if at == 0 { "" } else { ", " })?;
        }
        match self.0.len().saturating_sub(MAX_NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl WorktreeError {
    /// Says which file an error of the file system is about.
    pub(super) fn io(path: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { path: path.to_string(), cause }
    }
}
