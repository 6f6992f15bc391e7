//! What the user has to decide.

use names::{ObjectId, RepoPath};

/// Why a path could not be merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConflictKind {
    /// Both sides changed the same lines; both stand between markers.
    Content,
    /// Both sides changed a file that is no text; theirs stands beside.
    Binary,
    /// Both sides made a file of this path: between markers, or beside if it is no text.
    AddAdd,
    /// One side changed or moved what the other removed; the changed file stays.
    ModifyDelete,
    /// A file of one side is a directory of the other; the file has another name.
    FileDirectory,
    /// The sides moved a file to two places; it is at both.
    Rename,
}

impl ConflictKind {
    const ALL: [Self; 6] = [
        Self::Content,
        Self::Binary,
        Self::AddAdd,
        Self::ModifyDelete,
        Self::FileDirectory,
        Self::Rename,
    ];

    /// The word for files and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Binary => "binary",
            Self::AddAdd => "add_add",
            Self::ModifyDelete => "modify_delete",
            Self::FileDirectory => "file_directory",
            Self::Rename => "rename",
        }
    }

    /// Reads the word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A file of one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileAt {
    /// Where that side has it.
    pub path: RepoPath,
    /// What it holds.
    pub object: ObjectId,
}

/// A path that could not be merged, with all that it could have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where the result is.
    pub path: RepoPath,
    /// Why.
    pub kind: ConflictKind,
    /// What both sides began with.
    pub base: Option<FileAt>,
    /// Our side.
    pub ours: Option<FileAt>,
    /// Their side.
    pub theirs: Option<FileAt>,
    /// Where their side stands, if it is not at `path`.
    pub beside: Option<RepoPath>,
    /// The length of the markers, if there are any.
    pub marker_chars: Option<usize>,
}
