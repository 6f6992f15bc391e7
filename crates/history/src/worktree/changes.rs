//! What differs between two manifests, with the files that moved (`spec/hub.md` 10).

use std::{cmp::Ordering, collections::HashSet};

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
    let differing = differing(before, after);
    let only = |side: fn(&Differing<'_>) -> [Option<ObjectId>; 2]| {
        differing.iter().filter_map(move |it| match side(it) {
            [Some(object), None] if object != ObjectId::EMPTY => Some((it.0, object)),
            _ => None,
        })
    };
    let origins = moves(only(|it| [it.1, it.2]), only(|it| [it.2, it.1]));
    let left: HashSet<&RepoPath> = origins.values().collect();
    let mut found = Vec::new();
    for (path, before, after) in &differing {
        let from = origins.get(*path).filter(|_| before.is_none()).cloned();
        let kind = match (before, after) {
            (Some(_), Some(_)) => ChangeKind::Modified,
            (Some(_), None) if left.contains(path) => continue,
            (Some(_), None) => ChangeKind::Deleted,
            (None, _) if from.is_some() => ChangeKind::Renamed,
            (None, _) => ChangeKind::Added,
        };
        let before = if kind == ChangeKind::Renamed { *after } else { *before };
        found.push(PathChange { kind, path: (*path).clone(), from, before, after: *after });
    }
    found
}

/// A path, with what it held and holds.
type Differing<'a> = (&'a RepoPath, Option<ObjectId>, Option<ObjectId>);

/// The paths that are not the same on both sides, in their order: both are walked once, side by side.
fn differing<'a>(before: &'a Manifest, after: &'a Manifest) -> Vec<Differing<'a>> {
    let (mut olds, mut news) = (before.iter().peekable(), after.iter().peekable());
    let mut found = Vec::new();
    loop {
        let order = match (olds.peek(), news.peek()) {
            (Some((old, _)), Some((new, _))) => old.cmp(new),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return found,
        };
        let old = if order.is_le() { olds.next() } else { None };
        let new = if order.is_ge() { news.next() } else { None };
        let (was, is) = (old.map(|it| *it.1), new.map(|it| *it.1));
        if was != is
            && let Some((path, _)) = old.or(new)
        {
            found.push((path, was, is));
        }
    }
}
