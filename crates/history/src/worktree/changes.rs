//! What differs between two manifests, with the files that moved (`spec/hub.md` 10).

use std::collections::HashSet;

use names::{ObjectId, RepoPath};

use crate::{Manifest, diff::moves};

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It holds something else.
    Modified,
    /// It is gone.
    Deleted,
    /// It was elsewhere, with the same content.
    Renamed,
}

impl ChangeKind {
    /// The word for people and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
            Self::Renamed => "renamed",
        }
    }
}

/// A path that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// What happened.
    pub kind: ChangeKind,
    /// The path; the new one of a file that moved.
    pub path: RepoPath,
    /// Where a file that moved was.
    pub from: Option<RepoPath>,
    /// What it held.
    pub before: Option<ObjectId>,
    /// What it holds.
    pub after: Option<ObjectId>,
}

/// What became of `before`, by path. Empty files are all alike, and are never taken for one that moved.
pub fn changes(before: &Manifest, after: &Manifest) -> Vec<PathChange> {
    let origins = moves(only(before, after), only(after, before));
    let left: HashSet<&RepoPath> = origins.values().collect();
    let mut found = Vec::new();
    for (path, object) in before {
        let kind = match after.get(path) {
            Some(now) if now == object => continue,
            Some(_) => ChangeKind::Modified,
            None if left.contains(path) => continue,
            None => ChangeKind::Deleted,
        };
        let (before, after) = (Some(*object), after.get(path).copied());
        found.push(PathChange { kind, path: path.clone(), from: None, before, after });
    }
    for (path, object) in after.iter().filter(|(path, _)| !before.contains_key(*path)) {
        let from = origins.get(path).cloned();
        let kind = if from.is_some() { ChangeKind::Renamed } else { ChangeKind::Added };
        let before = from.as_ref().map(|_| *object);
        found.push(PathChange { kind, path: path.clone(), from, before, after: Some(*object) });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The files of `of` whose paths are not in `other`.
fn only<'a>(
    of: &'a Manifest,
    other: &'a Manifest,
) -> impl Iterator<Item = (&'a RepoPath, ObjectId)> {
    of.iter()
        .filter(|(path, id)| **id != ObjectId::EMPTY && !other.contains_key(*path))
        .map(|(path, id)| (path, *id))
}
