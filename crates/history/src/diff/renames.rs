//! Files that moved: gone at one path, new at another, with the same content or a similar one.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
};

use names::{ObjectId, RepoPath};

use super::pieces::{ALIKE, Pieces};
use crate::tree::{Change, FileState, Mode};

/// Files of one side that are compared with those of the other: as many as git compares (`spec/hub.md` 3).
pub const MAX_COMPARED: usize = 1_000;
/// The largest file that is compared with others.
pub const MAX_COMPARED_BYTES: u64 = 1 << 20;
/// From here on two files are one that moved.
const ALIKE_ENOUGH: u32 = ALIKE / 2;
/// From here on a file that kept its name is not looked for elsewhere.
const ALIKE_BY_NAME: u32 = ALIKE / 4 * 3;
/// How many files a new one is kept beside, until the best of all are known.
const CANDIDATES: usize = 4;

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
        /// How much of the larger one is in the other, 50 to 100.
        percent: u8,
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

    /// The path that it had before, if it had another one.
    pub const fn old_path(&self) -> Option<&RepoPath> {
        match self {
            Self::Renamed { from, .. } => Some(from),
            Self::Added { .. } | Self::Modified { .. } | Self::Deleted { .. } => None,
        }
    }

    /// What it held, and what it holds.
    pub const fn sides(&self) -> (Option<FileState>, Option<FileState>) {
        match self {
            Self::Added { after, .. } => (None, Some(*after)),
            Self::Deleted { before, .. } => (Some(*before), None),
            Self::Modified { before, after, .. } | Self::Renamed { before, after, .. } => {
                (Some(*before), Some(*after))
            }
        }
    }

    /// The letter of lists: `A` `M` `D` `R`, and `T` where a file became a link or the like.
    pub const fn status(&self) -> char {
        match self {
            Self::Modified { before, after, .. } if !before.mode.is_like(after.mode) => 'T',
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
    Moves::new(changes).decide(&HashMap::new())
}

/// Which files moved: equal ones at once, similar ones when what they are made of is known.
///
/// Looks at no more than [`MAX_COMPARED`] files on either side, of at most [`MAX_COMPARED_BYTES`]: each may be compared
/// with each.
#[derive(Debug)]
pub struct Moves {
    changes: Vec<Change>,
    /// New path to old path, and how similar the two are, of [`ALIKE`].
    origins: HashMap<RepoPath, (RepoPath, u32)>,
}

/// A side of a change that has no other side.
#[derive(Debug, Clone, Copy)]
struct Loose<'a> {
    path: &'a RepoPath,
    state: FileState,
}

impl Moves {
    /// Pairs what is equal.
    pub fn new(changes: Vec<Change>) -> Self {
        let origins = equal(&changes).into_iter().map(|(to, from)| (to, (from, ALIKE))).collect();
        Self { changes, origins }
    }

    /// The objects that [`Moves::decide`] would like to know: those that may be similar to one of the other side. None
    /// where there are too many files.
    pub fn wants(&self) -> Vec<ObjectId> {
        let (gone, new) = self.loose();
        if gone.len().max(new.len()) > MAX_COMPARED {
            return Vec::new();
        }
        let mut wanted = BTreeSet::new();
        for (side, opposite) in [(&gone, &new), (&new, &gone)] {
            let mut sizes: Vec<_> = opposite.iter().map(|it| it.state.size_bytes).collect();
            sizes.sort_unstable();
            for it in side {
                let size = it.state.size_bytes;
                let next = sizes.partition_point(|other| *other < size.div_ceil(2));
                if sizes.get(next).is_some_and(|other| *other <= size.saturating_mul(2)) {
                    wanted.insert(it.state.object);
                }
            }
        }
        wanted.into_iter().collect()
    }

    /// What is gone and what is new without a partner, as far as it may be compared.
    fn loose(&self) -> (Vec<Loose<'_>>, Vec<Loose<'_>>) {
        let taken: HashSet<&RepoPath> = self.origins.values().map(|(from, _)| from).collect();
        let fits = |state: &FileState| {
            state.mode.is_file() && (1..=MAX_COMPARED_BYTES).contains(&state.size_bytes)
        };
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        for Change { path, before, after } in &self.changes {
            match (before, after) {
                (Some(state), None) if fits(state) && !taken.contains(path) => {
                    gone.push(Loose { path, state: *state });
                }
                (None, Some(state)) if fits(state) && !self.origins.contains_key(path) => {
                    new.push(Loose { path, state: *state });
                }
                _ => {}
            }
        }
        (gone, new)
    }

    /// Pairs what is similar by `pieces`, which may know less than was wanted, and tells what happened to each file, in
    /// the order of the changes.
    pub fn decide(mut self, pieces: &HashMap<ObjectId, Pieces>) -> Vec<ChangedFile> {
        let found = if pieces.is_empty() { Vec::new() } else { self.similar(pieces) };
        self.origins.extend(found);
        let Self { changes, origins } = self;
        let moved: HashMap<&RepoPath, FileState> = {
            let from: HashSet<&RepoPath> = origins.values().map(|(from, _)| from).collect();
            let gone = changes.iter().filter(|it| from.contains(&it.path));
            gone.filter_map(|it| Some((&it.path, it.before?))).collect()
        };
        let tell = |Change { path, before, after }: &Change| match (*before, *after) {
            (Some(before), Some(after)) => {
                Some(ChangedFile::Modified { path: path.clone(), before, after })
            }
            (Some(_), None) if moved.contains_key(path) => None,
            (Some(before), None) => Some(ChangedFile::Deleted { path: path.clone(), before }),
            (None, Some(after)) => Some(match origins.get(path) {
                Some((from, alike)) => ChangedFile::Renamed {
                    from: from.clone(),
                    to: path.clone(),
                    before: moved.get(from).copied().unwrap_or(after),
                    after,
                    percent: u8::try_from(alike * 100 / ALIKE).unwrap_or(100),
                },
                None => ChangedFile::Added { path: path.clone(), after },
            }),
            (None, None) => None,
        };
        changes.iter().filter_map(tell).collect()
    }

    /// New path, old path, how similar. First files that kept a name that is there once on either side, if they are very
    /// similar; then the most similar ones.
    fn similar(&self, pieces: &HashMap<ObjectId, Pieces>) -> Vec<(RepoPath, (RepoPath, u32))> {
        let (gone, new) = self.loose();
        if gone.len().max(new.len()) > MAX_COMPARED {
            return Vec::new();
        }
        let alike = |from: &Loose<'_>, to: &Loose<'_>| {
            let (small, large) = (
                from.state.size_bytes.min(to.state.size_bytes),
                from.state.size_bytes.max(to.state.size_bytes),
            );
            if small.saturating_mul(2) < large {
                return 0;
            }
            match (pieces.get(&from.state.object), pieces.get(&to.state.object)) {
                (Some(old), Some(new)) => old.alike(new),
                _ => 0,
            }
        };
        let (mut used, mut found) = (HashSet::new(), HashMap::new());
        let (from_by_name, to_by_name) = (by_single_name(&gone), by_single_name(&new));
        for to in &new {
            let name = to.path.file_name();
            let Some(Some(from)) = from_by_name.get(name) else { continue };
            if to_by_name.get(name).is_some_and(Option::is_some) && alike(from, to) >= ALIKE_BY_NAME
            {
                used.insert(from.path);
                found.insert(to.path, (from.path, alike(from, to)));
            }
        }
        let mut candidates = Vec::new();
        for to in new.iter().filter(|it| !found.contains_key(it.path)) {
            let mut best: Vec<(u32, bool, &RepoPath, &RepoPath)> = Vec::new();
            for from in gone.iter().filter(|it| !used.contains(it.path)) {
                let alike = alike(from, to);
                if alike >= ALIKE_ENOUGH {
                    let has_same_name = from.path.file_name() == to.path.file_name();
                    best.push((alike, has_same_name, from.path, to.path));
                }
            }
            best.sort_by_key(|it| Reverse((it.0, it.1)));
            best.truncate(CANDIDATES);
            candidates.append(&mut best);
        }
        candidates.sort_by_key(|it| Reverse((it.0, it.1)));
        for (alike, _, from, to) in candidates {
            if !found.contains_key(to) && used.insert(from) {
                found.insert(to, (from, alike));
            }
        }
        found.into_iter().map(|(to, (from, alike))| (to.clone(), (from.clone(), alike))).collect()
    }
}

/// Files by their name; none for a name that is there more than once.
fn by_single_name<'a>(files: &[Loose<'a>]) -> HashMap<&'a str, Option<Loose<'a>>> {
    let mut names = HashMap::new();
    for file in files {
        let entry = names.entry(file.path.file_name());
        entry.and_modify(|it| *it = None).or_insert(Some(*file));
    }
    names
}

fn equal(changes: &[Change]) -> HashMap<RepoPath, RepoPath> {
    let mut found = HashMap::new();
    for mode in [Mode::Plain, Mode::Link, Mode::Module] {
        let like = |state: &Option<FileState>| {
            state.filter(|it| it.mode.is_like(mode)).map(|it| it.object)
        };
        let gone = changes.iter().filter(|it| it.after.is_none());
        let new = changes.iter().filter(|it| it.before.is_none());
        found.extend(moves(
            gone.filter_map(|it| Some((&it.path, like(&it.before)?))),
            new.filter_map(|it| Some((&it.path, like(&it.after)?))),
        ));
    }
    found
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
            (!text.is_empty()).then_some(FileState {
                object,
                size_bytes: text.len() as u64,
                mode: Mode::Plain,
            })
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
    /// What each file is made of, and what happened.
    fn decided(files: &[(&str, &str, &str)]) -> Vec<String> {
        let moves = Moves::new(files.iter().map(|it| change(it.0, it.1, it.2)).collect());
        let contents = files.iter().flat_map(|it| [it.1, it.2]);
        let all: HashMap<_, _> = contents
            .map(|text| (ObjectId::of(text.as_bytes()), Pieces::of(text.as_bytes())))
            .collect();
        let wanted: HashMap<_, _> =
            moves.wants().into_iter().map(|id| (id, all[&id].clone())).collect();
        let tell = |file: ChangedFile| match file {
            ChangedFile::Renamed { from, to, percent, .. } => format!("R{percent} {from} {to}"),
            other => format!("{} {}", other.status(), other.path()),
        };
        moves.decide(&wanted).into_iter().map(tell).collect()
    }

    #[test]
    fn what_is_half_the_same_moved_and_what_is_less_did_not() {
        let lines = |from: u32, to: u32| {
            (from..to).map(|it| format!("line {it:04}\n")).collect::<Vec<_>>().concat()
        };
        let whole = lines(0, 10);
        assert_eq!(decided(&[("a", &whole, ""), ("b", "", &lines(4, 14))]), ["R60 a b"]);
        assert_eq!(decided(&[("a", &whole, ""), ("b", "", &lines(5, 15))]), ["R50 a b"]);
        assert_eq!(decided(&[("a", &whole, ""), ("b", "", &lines(6, 16))]), ["D a", "A b"]);
        // Three times as long cannot be half the same.
        assert_eq!(decided(&[("a", &whole, ""), ("b", "", &lines(0, 30))]), ["D a", "A b"]);
    }

    #[test]
    fn of_several_the_most_similar_one_and_a_kept_name_first() {
        let lines = |from: u32, to: u32| {
            (from..to).map(|it| format!("line {it:04}\n")).collect::<Vec<_>>().concat()
        };
        let (old, near, nearer) = (lines(0, 20), lines(2, 22), lines(1, 21));
        let told = decided(&[("x/a", &old, ""), ("y/b", "", &near), ("y/c", "", &nearer)]);
        assert_eq!(told, ["A y/b", "R95 x/a y/c"]);
        let told = decided(&[("x/a", &old, ""), ("y/a", "", &near), ("y/c", "", &nearer)]);
        assert_eq!(told, ["R90 x/a y/a", "A y/c"]);
    }
}
