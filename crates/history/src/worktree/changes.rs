//! What differs between two manifests, with the files that moved (`spec/hub.md` 10).

use std::{cmp::Ordering, collections::HashSet, convert::Infallible};

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
    let before = before.iter().map(|(path, object)| (path, *object));
    let after = after.iter().map(|(path, object)| (path, *object));
    let Ok(found) = changes_between(before, after, |path| Ok::<_, Infallible>(path.clone()));
    found
}

/// The same of files that come by path, of which the former become paths only where they differ.
pub(super) fn changes_between<'a, P: AsRef<str>, E>(
    before: impl Iterator<Item = (P, ObjectId)>,
    after: impl Iterator<Item = (&'a RepoPath, ObjectId)>,
    path: impl Fn(P) -> Result<RepoPath, E>,
) -> Result<Vec<PathChange>, E> {
    let differing = differing(before, after, path)?;
    let only = |side: fn(&Differing) -> [Option<ObjectId>; 2]| {
        differing.iter().filter_map(move |it| match side(it) {
            [Some(object), None] if object != ObjectId::EMPTY => Some((&it.0, object)),
            _ => None,
        })
    };
    let origins = moves(only(|it| [it.1, it.2]), only(|it| [it.2, it.1]));
    let left: HashSet<&RepoPath> = origins.values().collect();
    let mut found = Vec::new();
    for (path, before, after) in &differing {
        let from = origins.get(path).filter(|_| before.is_none()).cloned();
        let kind = match (before, after) {
            (Some(_), Some(_)) => ChangeKind::Modified,
            (Some(_), None) if left.contains(path) => continue,
            (Some(_), None) => ChangeKind::Deleted,
            (None, _) if from.is_some() => ChangeKind::Renamed,
            (None, _) => ChangeKind::Added,
        };
        let before = if kind == ChangeKind::Renamed { *after } else { *before };
        found.push(PathChange { kind, path: path.clone(), from, before, after: *after });
    }
    Ok(found)
}

/// A path, with what it held and holds.
type Differing = (RepoPath, Option<ObjectId>, Option<ObjectId>);

/// The paths that are not the same on both sides, in their order: both are walked once, side by side.
fn differing<'a, P: AsRef<str>, E>(
    before: impl Iterator<Item = (P, ObjectId)>,
    after: impl Iterator<Item = (&'a RepoPath, ObjectId)>,
    path: impl Fn(P) -> Result<RepoPath, E>,
) -> Result<Vec<Differing>, E> {
    let (mut olds, mut news) = (before.peekable(), after.peekable());
    let mut found = Vec::new();
    loop {
        let order = match (olds.peek(), news.peek()) {
            (Some((old, _)), Some((new, _))) => old.as_ref().cmp(new.as_str()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return Ok(found),
        };
        let old = if order.is_le() { olds.next() } else { None };
        let new = if order.is_ge() { news.next() } else { None };
        match (old, new) {
            (Some((_, was)), Some((_, is))) if was == is => {}
            (was, Some((new, is))) => found.push((new.clone(), was.map(|it| it.1), Some(is))),
            (Some((old, was)), None) => found.push((path(old)?, Some(was), None)),
            (None, None) => {}
        }
    }
}
