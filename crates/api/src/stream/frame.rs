//! [`Frame`]: what a stream is made of.

use names::{CommitId, ObjectId, RepoPath, SnapshotId};

use crate::{CommitRecord, ProblemBody, Value};

/// One frame, unpacked and taken apart.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// What the stream is. The first frame.
    Begin(Begin),
    /// Commits, parents before children.
    Commits(Vec<CommitRecord>),
    /// A snapshot, or a part of one.
    Snapshot(SnapshotPart),
    /// Small objects, whole.
    Objects(Vec<SmallObject>),
    /// A large object begins, or goes on.
    Object(LargeObject),
    /// Its next bytes.
    Data(Vec<u8>),
    /// Its last byte has come.
    ObjectEnd(ObjectId),
    /// Everything before this is closed, and a transfer can go on from here.
    Cursor(String),
    /// Items of a ref log.
    Log(Vec<Value>),
    /// The sender is at work.
    Progress(Progress),
    /// The sender gives up. A last frame.
    Error(Box<ProblemBody>),
    /// All has been sent. A last frame.
    End(End),
}

/// Why there is a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamKind {
    /// A history, from a server.
    Fetch,
    /// Objects that were named.
    Objects,
    /// A history, to a server.
    Push,
}

impl StreamKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Objects => "objects",
            Self::Push => "push",
        }
    }
}

/// What a stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// Why it is there.
    pub kind: StreamKind,
    /// The repository on the server.
    pub repo_id: String,
    /// The commits that are asked for.
    pub want: Vec<CommitId>,
    /// The commits that the receiver holds with all that they lead to.
    pub common: Vec<CommitId>,
    /// Where it goes on.
    pub cursor: Option<String>,
}

/// A snapshot as what differs from another one. The parts of one snapshot follow one another, and so do the paths in
/// them: whatever a part names, in `set` or in `del`, sorts behind all that the part before it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPart {
    /// Which snapshot.
    pub snapshot_id: SnapshotId,
    /// What it is to be compared with; nothing for the empty map.
    pub base: Option<SnapshotId>,
    /// Which part, from 0.
    pub part: u32,
    /// Whether it is the last one.
    pub last: bool,
    /// How many files the whole snapshot has.
    pub files: u64,
    /// Not covered by the id; kept as it came.
    pub created_at: String,
    /// Files that are new or others, by path.
    pub set: Vec<(RepoPath, ObjectId)>,
    /// Files that are gone, by path.
    pub del: Vec<RepoPath>,
}

/// An object that travels with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmallObject {
    /// Its id, which nobody has checked.
    pub id: ObjectId,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The head of an object that has frames of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LargeObject {
    /// Its id, which nobody has checked.
    pub id: ObjectId,
    /// How long it is, whole.
    pub size: u64,
    /// Where the bytes that follow begin.
    pub offset: u64,
}

/// How far a sender has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// With what.
    pub phase: String,
    /// So many are done.
    pub done: u64,
    /// Of so many; 0 if that is not known.
    pub total: u64,
}

/// What a stream brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Commits.
    pub commits: u64,
    /// Snapshots that came to their last part.
    pub snapshots: u64,
    /// Objects that came to their last byte.
    pub objects: u64,
}

/// What a stream says of itself at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Whether the last cursor leads on.
    pub more: bool,
    /// What it brought.
    pub counts: Counts,
    /// How many bytes stand before this frame.
    pub bytes: u64,
    /// SHA-256 of those bytes.
    pub digest: [u8; 32],
}
