//! What a directory holds.

use std::cmp::Ordering;

use names::{CommitId, NodeId, ObjectId};

/// What stands behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file, by its content.
    File(ObjectId),
    /// A directory, by its node.
    Directory(NodeId),
    /// A submodule of Git: a commit of another repository. Nothing of it is here.
    Module(CommitId),
}

/// What a file is to whoever writes it down. A Muse history knows plain files alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// A file.
    #[default]
    Plain,
    /// A file that may be run.
    Executable,
    /// A symbolic link; its content is where it leads.
    Link,
    /// A submodule; its content is the line by which its commit is told.
    Module,
}

impl Mode {
    /// As Git writes it.
    pub const fn octal(self) -> &'static str {
        match self {
            Self::Plain => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Module => "160000",
        }
    }

    /// Whether it is a file, be it run or not.
    pub const fn is_file(self) -> bool {
        matches!(self, Self::Plain | Self::Executable)
    }

    /// Whether what is in one may have become what is in the other: both are files, or both links, or both submodules.
    pub const fn is_like(self, other: Self) -> bool {
        match self {
            Self::Plain | Self::Executable => other.is_file(),
            Self::Link => matches!(other, Self::Link),
            Self::Module => matches!(other, Self::Module),
        }
    }
}

/// The line that stands for a submodule where files are compared, as `git diff` writes it.
pub fn module_text(commit: &CommitId) -> String {
    format!("Subproject commit {commit}\n")
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// One segment of a path.
    pub name: Box<str>,
    /// What it is.
    pub kind: Kind,
    /// What a file is to whoever writes it down; plain for a directory.
    pub mode: Mode,
    /// Bytes of the file, or of all files below the directory. Git does not know the latter: 0 there.
    pub size: u64,
    /// 1 for a file, else the number of files below, at any depth; 0 where that is not known.
    pub files: u32,
}

impl Entry {
    /// Whether it is a directory.
    pub const fn is_directory(&self) -> bool {
        matches!(self.kind, Kind::Directory(_))
    }

    pub(super) fn order(&self, other: &Self) -> Ordering {
        order((&self.name, self.is_directory()), (&other.name, other.is_directory()))
    }
}

/// A directory sorts as if its name ended in `/`: then a walk gives paths in the order of their bytes.
pub(super) fn order(
    (a, a_is_directory): (&str, bool),
    (b, b_is_directory): (&str, bool),
) -> Ordering {
    let slash = |is_directory: bool| is_directory.then_some(b'/');
    a.bytes().chain(slash(a_is_directory)).cmp(b.bytes().chain(slash(b_is_directory)))
}

/// The entries of one directory, sorted; no name is there twice, not even as file and directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    pub(super) entries: Vec<Entry>,
}

impl Node {
    /// A directory of these entries, in any order; nothing if a name is there twice.
    pub fn of(mut entries: Vec<Entry>) -> Option<Self> {
        if !entries.is_sorted_by(|a, b| a.order(b).is_lt()) {
            entries.sort_by(Entry::order);
        }
        if !entries.is_sorted_by(|a, b| a.order(b).is_lt()) {
            return None;
        }
        let node = Self { entries };
        node.repeats_a_name().is_none().then_some(node)
    }

    /// The entries, in the order of a walk: `a-b`, `a.txt`, `a/`, `a0`.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry called `name`, be it a file or a directory.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.find_as(name, false).or_else(|| self.find_as(name, true))
    }

    pub(super) fn find_as(&self, name: &str, is_directory: bool) -> Option<&Entry> {
        let wanted = (name, is_directory);
        let at = self
            .entries
            .binary_search_by(|entry| order((&entry.name, entry.is_directory()), wanted))
            .ok()?;
        self.entries.get(at)
    }

    /// Bytes of all files below.
    pub fn size(&self) -> u64 {
        self.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.size))
    }

    /// Number of files below, at any depth.
    pub fn files(&self) -> u32 {
        self.entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.files))
    }
}
