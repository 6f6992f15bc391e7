//! What a directory holds.

use std::cmp::Ordering;

use names::{NodeId, ObjectId};

/// What stands behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A file, by its content.
    File(ObjectId),
    /// A directory, by its node.
    Directory(NodeId),
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// One segment of a path.
    pub name: Box<str>,
    /// What it is.
    pub kind: Kind,
    /// Bytes of the file, or of all files below the directory.
    pub size: u64,
    /// 1 for a file, else the number of files below, at any depth.
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
