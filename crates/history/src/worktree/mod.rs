//! The working copy on disk: the user's files, and `.muse` beside them (`spec/wire.md` 2).
//!
//! Works in the same directories as the Muse client, writes its forms byte for byte, and keeps what is ours
//! alone in `.muse/motet/`. Invariants: nothing below the root is opened through a symbolic link; a file of ours
//! is written whole or not at all; whatever is read back is checked again; a ref is written after all that it
//! leads to.
//!
//! | file          | what is there                                                             |
//! |---------------|---------------------------------------------------------------------------|
//! | `dir.rs`      | directories held open, and files in them, without following links           |
//! | `files.rs`    | a file of `.muse` by its path                                             |
//! | `refs.rs`     | HEAD, branches, tags, heads of remotes                                    |
//! | `log.rs`      | what HEAD and the branches were                                           |
//! | `push_note.rs` | pushes that have begun and not ended                                    |
//! | `remote_log.rs` | how far the logs of remotes were followed                               |
//! | `store.rs`    | commits, snapshots and objects                                            |
//! | `promised.rs` | what a remote promised, and who brings it                              |
//! | `unsynced.rs` | what a crash of the machine could lose                                     |
//! | `json.rs`     | the form of records                                                       |
//! | `config.rs`   | `config.toml`: the user and the remotes                                    |
//! | `ignore.rs`, `scan.rs` | which files are versioned                                |
//! | `index.rs`    | which content each file had when it was last read                          |
//! | `base.rs`     | the files that it was last compared with                                   |
//! | `look.rs`     | what the files hold now                                                   |
//! | `changes.rs`, `status.rs` | how the files stand to a commit                               |
//! | `paths.rs`    | which paths a command is about                                            |
//! | `graph.rs`, `revision.rs` | commits that lead to one another, and what the user calls them |
//! | `follow.rs`, `blame.rs` | the history of some paths, and of the lines of a file            |
//! | `label.rs`    | free text on commits                                                      |
//! | `merging.rs`, `merge_file.rs` | a merge, and what of it waits for the user                |
//! | `record.rs`   | from files to a commit                                                    |
//! | `stage.rs`    | what the Muse client has staged                                           |
//! | `checkout.rs` | from a commit to files                                                    |

mod base;
mod blame;
mod changes;
mod checkout;
mod config;
mod dir;
mod error;
mod files;
mod follow;
mod graph;
mod ignore;
mod incoming;
mod index;
mod json;
mod label;
mod log;
mod look;
mod merge_file;
mod merging;
mod paths;
mod promised;
mod push_note;
mod record;
mod refs;
mod remote_log;
mod revision;
mod scan;
mod stage;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod unsynced;

use std::{
    io,
    path::{Path, PathBuf},
};

use names::{Id, Random, UnixMillis};

pub use blame::BlamedLine;
pub use changes::{ChangeKind, PathChange, changes};
pub use checkout::Overwrite;
pub use config::{Config, Remote, RemoteName, User, is_plain_name};
pub use dir::Stamp;
pub use error::WorktreeError;
pub use follow::{Subject, Touched};
pub use graph::{Graph, Walk};
pub use ignore::{IGNORE_FILE, Ignore, IgnoreError};
pub use incoming::{IncomingObject, IncomingSnapshot, SnapshotEntries};
pub use label::Label;
pub use log::LogEntry;
pub use look::Look;
pub use merge_file::MergeState;
pub use merging::MergePlan;
pub use paths::Paths;
pub use promised::{Bring, BringError};
pub use record::{CommitFiles, NewCommit};
pub use refs::Head;
pub use scan::{MAX_FILES, Scan, SkipReason};
pub use status::{Status, Tracking};

use api::Value;
use dir::Dir;
use promised::Bringer;
use unsynced::Unsynced;

use crate::CommitTime;

/// The directory beside the user's files.
const MUSE: &str = ".muse";
/// What the Muse client 0.1.5 writes and reads.
const SCHEMA_VERSION: &str = "0.1.5";
/// The branch of a new working copy.
const FIRST_BRANCH: &str = "main";

type Result<T, E = WorktreeError> = std::result::Result<T, E>;

/// An open working copy. Not a lock: two processes may have one open, and each single file stays whole.
#[derive(Debug)]
pub struct WorkingCopy {
    path: PathBuf,
    root: Dir,
    muse: Dir,
    repo_id: String,
    domain: String,
    random: Random,
    unsynced: Unsynced,
    bringer: Bringer,
}

/// The kind of a repository's id.
enum Repository {}

impl WorkingCopy {
    /// Opens the working copy that `directory` is in: at it or above it.
    pub fn discover(directory: &Path, random: &Random) -> Result<Self> {
        let begin = directory.canonicalize().map_err(WorktreeError::io(directory.display()))?;
        for path in begin.ancestors() {
            let root = Dir::open(path).map_err(WorktreeError::io(path.display()))?;
            if root.find(MUSE).map_err(WorktreeError::io(MUSE))? == Some(dir::Found::Directory) {
                return Self::open(path.to_owned(), root, random);
            }
        }
        Err(WorktreeError::NoWorkingCopy { directory: directory.to_owned() })
    }

    /// Makes `directory` a working copy of `domain`, on the branch `main` without a commit. The directory is
    /// made if it is not there; files in it stay.
    pub fn init(directory: &Path, domain: &str, now: UnixMillis, random: &Random) -> Result<Self> {
        Self::make(directory, domain, false, now, random)
    }

    /// The same without files of the user: a place that others push to and fetch from.
    pub fn init_bare(
        directory: &Path,
        domain: &str,
        now: UnixMillis,
        random: &Random,
    ) -> Result<Self> {
        Self::make(directory, domain, true, now, random)
    }

    fn make(
        directory: &Path,
        domain: &str,
        is_bare: bool,
        now: UnixMillis,
        random: &Random,
    ) -> Result<Self> {
        if !is_plain_name(domain) {
            return Err(WorktreeError::Domain(domain.to_owned()));
        }
        std::fs::create_dir_all(directory).map_err(WorktreeError::io(directory.display()))?;
        let path = directory.canonicalize().map_err(WorktreeError::io(directory.display()))?;
        let root = Dir::open(&path).map_err(WorktreeError::io(path.display()))?;
        let muse = root.make_new_child(MUSE).map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => WorktreeError::Exists { directory: path.clone() },
            _ => WorktreeError::Io { path: MUSE.to_owned(), cause },
        })?;
        let repo_id = Id::<Repository>::unguessable(random).to_string();
        let (domain, random) = (domain.to_owned(), random.clone());
        let (unsynced, bringer) = (Unsynced::default(), Bringer::default());
        let copy = Self { path, root, muse, repo_id, domain, random, unsynced, bringer };
        for directory in ["refs/heads", "commits", "snapshots", "objects"] {
            copy.muse.make(directory).map_err(WorktreeError::io(directory))?;
        }
        copy.write_file(&format!("refs/heads/{FIRST_BRANCH}"), b"")?;
        copy.write_file("HEAD", format!("ref: refs/heads/{FIRST_BRANCH}\n").as_bytes())?;
        // Last: without it there is no working copy.
        let bare = is_bare.then(|| ("bare".to_owned(), Value::from(true)));
        let mut record = Value::map(
            [
                ("repo_id", copy.repo_id.as_str()),
                ("schema_version", SCHEMA_VERSION),
                ("created_at", CommitTime::from_millis(now).as_str()),
                ("domain", &copy.domain),
            ]
            .map(|(key, text)| (key, Value::from(text))),
        );
        if let Value::Map(entries) = &mut record {
            entries.extend(bare);
        }
        copy.write_file("repo.json", &json::pretty(&record))?;
        Ok(copy)
    }

    fn open(path: PathBuf, root: Dir, random: &Random) -> Result<Self> {
        let muse = root.child(MUSE).map_err(WorktreeError::io(MUSE))?;
        let mut copy = Self {
            path,
            root,
            muse,
            repo_id: String::new(),
            domain: String::new(),
            random: random.clone(),
            unsynced: Unsynced::default(),
            bringer: Bringer::default(),
        };
        let damaged =
            |reason: String| WorktreeError::Damaged { path: ".muse/repo.json".to_owned(), reason };
        let value =
            copy.read_json("repo.json")?.ok_or_else(|| damaged("it is not there".to_owned()))?;
        let read = || {
            let mut fields = api::wire::Fields::of(value, "a working copy")?;
            Ok((fields.text("repo_id")?, fields.text("domain")?))
        };
        (copy.repo_id, copy.domain) =
            read().map_err(|error: api::WireError| damaged(error.to_string()))?;
        Ok(copy)
    }

    /// The root of the user's files.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The id that this working copy was born with; it says nothing about the repository on a server.
    pub fn repo_id(&self) -> &str {
        &self.repo_id
    }

    /// What the files are, as `code` or `midi`.
    pub fn domain(&self) -> &str {
        &self.domain
    }
}
