//! Files that moved: gone at one path, new at another, with the same content.

use std::collections::{HashMap, HashSet, VecDeque};

use names::{ObjectId, RepoPath};

use crate::tree::{Change, FileState};

/// What happened to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedFile {
    /// It is new.
    Added {
        /// Where.
        path: RepoPath,
        /// What it holds.
        after: FileState,
    },
    /// It holds something else.
    Modified {
        /// Where.
        path: RepoPath,
        /// What it held.
        before: FileState,
        /// What it holds.
        after: FileState,
    },
    /// It is gone.
    Deleted {
        /// Where it was.
        path: RepoPath,
        /// What it held.
        before: FileState,
    },
    /// It has another path.
    Renamed {
        /// Where it was.
        from: RepoPath,
        /// Where it is.
        to: RepoPath,
        /// What it held.
        before: FileState,
        /// What it holds.
        after: FileState,
    },
}

impl ChangedFile {
    /// The path to show: the new one, if there is one.
    pub const fn path(&self) -> &RepoPath {
        match self {
            Self::Added { path, .. }
            | Self::Modified { path, .. }
            | Self::Deleted { path, .. }
            | Self::Renamed { to: path, .. } => path,
        }
    }

    /// The letter of lists: `A` `M` `D` `R`.
    pub const fn status(&self) -> char {
        match self {
            Self::Added { .. } => 'A',
            Self::Modified { .. } => 'M',
            Self::Deleted { .. } => 'D',
            Self::Renamed { .. } => 'R',
        }
    }
}

/// Pairs each new file with a file of the same content that is gone, if there is one: of several, one with
/// the same name, else the first. Keeps the order of `changes`.
pub fn detect_renames(changes: Vec<Change>) -> Vec<ChangedFile> {
    let origins = origins(&changes);
    let moved: HashSet<RepoPath> = origins.values().cloned().collect();
    changes
        .into_iter()
        .filter_map(|Change { path, before, after }| match (before, after) {
            (Some(before), Some(after)) => Some(ChangedFile::Modified { path, before, after }),
            (Some(_), None) if moved.contains(&path) => None,
            (Some(before), None) => Some(ChangedFile::Deleted { path, before }),
            (None, Some(after)) => Some(match origins.get(&path) {
                // Equal content, so the state is the same on both sides.
                Some(from) => {
                    ChangedFile::Renamed { from: from.clone(), to: path, before: after, after }
                }
                None => ChangedFile::Added { path, after },
            }),
            (None, None) => None,
        })
        .collect()
}

fn origins(changes: &[Change]) -> HashMap<RepoPath, RepoPath> {
    let gone = changes.iter().filter_map(|change| match change {
        Change { path, before: Some(before), after: None } => Some((path, before.object)),
        Change { .. } => None,
    });
    let new = changes.iter().filter_map(|change| match change {
        Change { path, before: None, after: Some(after) } => Some((path, after.object)),
        Change { .. } => None,
    });
    moves(gone, new)
}

/// New path to old path, for each new file that has the content of one that is gone: of several, one with the
/// same name, else the first.
pub fn moves<'a>(
    gone: impl IntoIterator<Item = (&'a RepoPath, ObjectId)>,
    new: impl IntoIterator<Item = (&'a RepoPath, ObjectId)>,
) -> HashMap<RepoPath, RepoPath> {
    let mut left: HashMap<ObjectId, VecDeque<&RepoPath>> = HashMap::new();
    let mut by_name: HashMap<(ObjectId, &str), VecDeque<&RepoPath>> = HashMap::new();
    for (path, object) in gone {
        left.entry(object).or_default().push_back(path);
        by_name.entry((object, path.file_name())).or_default().push_back(path);
    }
    let mut origins = HashMap::new();
    let mut taken: HashSet<&RepoPath> = HashSet::new();
    let mut without = Vec::new();
    for (path, object) in new {
        let same_name = by_name.get_mut(&(object, path.file_name()));
        match same_name.and_then(VecDeque::pop_front) {
            Some(from) => {
                taken.insert(from);
                origins.insert(path.clone(), from.clone());
            }
            None => without.push((path, object)),
        }
    }
    for (path, object) in without {
        let left = left.get_mut(&object).into_iter();
        let mut free = left.flat_map(|left| std::iter::from_fn(|| left.pop_front()));
        if let Some(from) = free.find(|from| taken.insert(from)) {
            origins.insert(path.clone(), from.clone());
        }
    }
    origins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, before: &str, after: &str) -> Change {
        let state = |text: &str| {
            let object = ObjectId::of(text.as_bytes());
            (!text.is_empty()).then_some(FileState { object, size_bytes: text.len() as u64 })
        };
        Change { path: path.parse().unwrap(), before: state(before), after: state(after) }
    }

    #[test]
    fn equal_content_pairs_the_same_name_first() {
        let found = detect_renames(vec![
            change("a/one", "x", ""),
            change("a/two", "x", ""),
            change("b/other", "", "x"),
            change("b/two", "", "x"),
            change("c", "", "x"),
            change("d", "y", "x"),
            change("e", "z", ""),
        ]);
        let shown: Vec<_> = found
            .iter()
            .map(|file| match file {
                ChangedFile::Renamed { from, to, .. } => format!("R {from} {to}"),
                other => format!("{} {}", other.status(), other.path()),
            })
            .collect();
        assert_eq!(shown, ["R a/one b/other", "R a/two b/two", "A c", "M d", "D e"]);
    }
}
