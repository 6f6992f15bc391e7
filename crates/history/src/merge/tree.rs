//! Three manifests into one.

use std::collections::{BTreeMap, HashMap, HashSet};

use names::{ObjectId, RepoPath};

use super::{Attributes, Conflict, ConflictKind, Favor, FileAt, MergedText, Strategy, merge_texts};
use crate::{Manifest, diff::moves};

/// Where the contents of files are.
pub trait Contents {
    /// Why a content cannot be had or kept.
    type Error;

    /// The bytes of an object; `path` is for sentences.
    fn read(&self, path: &RepoPath, object: &ObjectId) -> Result<Vec<u8>, Self::Error>;

    /// Keeps an object.
    fn write(&self, bytes: &[u8]) -> Result<ObjectId, Self::Error>;
}

/// The outcome of a merge of three manifests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TreeMerge {
    /// The files, those with markers too.
    pub manifest: Manifest,
    /// What the user has to decide, by path.
    pub conflicts: Vec<Conflict>,
}

/// Merges what `ours` and `theirs` made of `base`. Files that moved without change are followed.
pub fn merge_trees<C: Contents>(
    [base, ours, theirs]: [&Manifest; 3],
    attributes: &Attributes,
    contents: &C,
) -> Result<TreeMerge, C::Error> {
    let (sides, files, conflicts) = ([ours, theirs], BTreeMap::new(), Vec::new());
    let mut merge = Merge { sides, attributes, contents, files, conflicts };
    for item in items(base, ours, theirs) {
        merge.settle(&item)?;
    }
    merge.part_files_from_directories();
    merge.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
    let manifest = merge.files.into_iter().map(|(path, file)| (path, file.object)).collect();
    Ok(TreeMerge { manifest, conflicts: merge.conflicts })
}

/// One file with its three states, wherever each side has it.
#[derive(Default)]
struct Item {
    base: Option<FileAt>,
    ours: Option<FileAt>,
    theirs: Option<FileAt>,
}

/// What one side did to the paths of the base.
struct Moved<'a> {
    side: &'a Manifest,
    /// Old path to new path.
    to: HashMap<RepoPath, RepoPath>,
    targets: HashSet<RepoPath>,
}

impl<'a> Moved<'a> {
    fn new<'b>(base: &'b Manifest, side: &'a Manifest) -> Self
    where
        'a: 'b,
    {
        // Empty files are all alike, so they say nothing about where one went.
        let only = |of: &'b Manifest, not_in: &'b Manifest| {
            of.iter()
                .filter(|(path, id)| **id != ObjectId::EMPTY && !not_in.contains_key(*path))
                .map(|(path, id)| (path, *id))
        };
        let from = moves(only(base, side), only(side, base));
        let to = from.iter().map(|(new, old)| (old.clone(), new.clone())).collect();
        Self { side, to, targets: from.into_keys().collect() }
    }

    /// Where this side has the file that the base has at `path`.
    fn of_base(&self, path: &RepoPath) -> Option<FileAt> {
        self.at(path).or_else(|| self.at(self.to.get(path)?))
    }

    fn at(&self, path: &RepoPath) -> Option<FileAt> {
        self.side.get(path).map(|object| FileAt { path: path.clone(), object: *object })
    }

    /// The file at `path` if it is new here, and no other file that moved.
    fn new_at(&self, base: &Manifest, path: &RepoPath) -> Option<FileAt> {
        self.at(path).filter(|_| !base.contains_key(path) && !self.targets.contains(path))
    }
}

fn items(base: &Manifest, ours: &Manifest, theirs: &Manifest) -> Vec<Item> {
    let (our_moves, their_moves) = (Moved::new(base, ours), Moved::new(base, theirs));
    let mut items: Vec<_> = base
        .iter()
        .map(|(path, object)| Item {
            base: Some(FileAt { path: path.clone(), object: *object }),
            ours: our_moves.of_base(path),
            theirs: their_moves.of_base(path),
        })
        .collect();
    let new = |path: &RepoPath| Item {
        base: None,
        ours: our_moves.new_at(base, path),
        theirs: their_moves.new_at(base, path),
    };
    items.extend(ours.keys().map(new).filter(|item| item.ours.is_some()));
    items
        .extend(theirs.keys().map(new).filter(|item| item.theirs.is_some() && item.ours.is_none()));
    items
}

/// A file of the result.
struct Placed {
    object: ObjectId,
    is_ours: bool,
}

/// What becomes of the content of a file.
struct Content {
    /// None for a file that goes.
    object: Option<ObjectId>,
    conflict: Option<(ConflictKind, Option<usize>)>,
    /// Whether their side has to stand beside.
    is_beside: bool,
}

impl Content {
    const fn settled(object: Option<ObjectId>) -> Self {
        Self { object, conflict: None, is_beside: false }
    }

    const fn torn(object: ObjectId, kind: ConflictKind, marker_chars: Option<usize>) -> Self {
        Self { object: Some(object), conflict: Some((kind, marker_chars)), is_beside: false }
    }
}

struct Merge<'a, C> {
    sides: [&'a Manifest; 2],
    attributes: &'a Attributes,
    contents: &'a C,
    files: BTreeMap<RepoPath, Placed>,
    conflicts: Vec<Conflict>,
}

impl<C: Contents> Merge<'_, C> {
    fn settle(&mut self, item: &Item) -> Result<(), C::Error> {
        let Some((path, second_path)) = target(item) else { return Ok(()) };
        let Content { object, conflict, is_beside } = self.content(&path, item)?;
        let Some(object) = object else { return Ok(()) };
        let is_ours = item.ours.as_ref().is_some_and(|file| file.path == path);
        let mut beside = None;
        if let Some(theirs) = item.theirs.as_ref().filter(|_| is_beside) {
            beside = Some(self.put_beside(&path, theirs.object));
        }
        if let Some(second) = second_path {
            self.put(second.clone(), object, false);
            beside = Some(second);
            let conflict = (ConflictKind::Rename, None);
            self.note(path.clone(), conflict, item, beside);
        } else if let Some(conflict) = conflict {
            self.note(path.clone(), conflict, item, beside);
        }
        self.put(path, object, is_ours);
        Ok(())
    }

    fn note(
        &mut self,
        path: RepoPath,
        (kind, marker_chars): (ConflictKind, Option<usize>),
        item: &Item,
        beside: Option<RepoPath>,
    ) {
        let (base, ours, theirs) = (item.base.clone(), item.ours.clone(), item.theirs.clone());
        self.conflicts.push(Conflict { path, kind, base, ours, theirs, beside, marker_chars });
    }

    fn content(&self, path: &RepoPath, item: &Item) -> Result<Content, C::Error> {
        let object = |file: &Option<FileAt>| file.as_ref().map(|file| file.object);
        let (base, ours, theirs) = (object(&item.base), object(&item.ours), object(&item.theirs));
        let has_moved = |file: &Option<FileAt>| {
            let before = item.base.as_ref().map(|base| &base.path);
            file.as_ref().zip(before).is_some_and(|(file, before)| file.path != *before)
        };
        if ours == theirs {
            return Ok(Content::settled(ours));
        }
        // A file that one side moved and the other removed is torn, though its content is the same.
        let is_settled = |same: &Option<FileAt>, other: Option<ObjectId>| {
            object(same) == base && (other.is_some() || !has_moved(same))
        };
        if is_settled(&item.ours, theirs) {
            return Ok(Content::settled(theirs));
        }
        if is_settled(&item.theirs, ours) {
            return Ok(Content::settled(ours));
        }
        let strategy = self.attributes.strategy(path);
        match strategy {
            Strategy::Ours => return Ok(Content::settled(ours)),
            Strategy::Theirs => return Ok(Content::settled(theirs)),
            Strategy::Base => return Ok(Content::settled(base)),
            Strategy::Auto | Strategy::Union | Strategy::Manual => {}
        }
        match (ours, theirs) {
            (Some(ours), Some(theirs)) => self.both(path, base, ours, theirs, strategy),
            (Some(kept), None) | (None, Some(kept)) => {
                Ok(Content::torn(kept, ConflictKind::ModifyDelete, None))
            }
            (None, None) => Ok(Content::settled(None)),
        }
    }

    /// Both sides have the file, each with another content.
    fn both(
        &self,
        path: &RepoPath,
        base: Option<ObjectId>,
        ours: ObjectId,
        theirs: ObjectId,
        strategy: Strategy,
    ) -> Result<Content, C::Error> {
        // Compared with nothing, everything is a conflict.
        let common = match base.filter(|_| strategy != Strategy::Manual) {
            Some(base) => self.contents.read(path, &base)?,
            None => Vec::new(),
        };
        let favor = if strategy == Strategy::Union { Favor::Union } else { Favor::Neither };
        let sides = (self.contents.read(path, &ours)?, self.contents.read(path, &theirs)?);
        match merge_texts(&common, &sides.0, &sides.1, favor) {
            MergedText::Clean(bytes) => Ok(Content::settled(Some(self.contents.write(&bytes)?))),
            MergedText::Conflicts { bytes, count: _, marker_chars } => {
                let kind =
                    if base.is_some() { ConflictKind::Content } else { ConflictKind::AddAdd };
                Ok(Content::torn(self.contents.write(&bytes)?, kind, Some(marker_chars)))
            }
            MergedText::Binary => {
                let kind = if base.is_some() { ConflictKind::Binary } else { ConflictKind::AddAdd };
                Ok(Content { is_beside: true, ..Content::torn(ours, kind, None) })
            }
        }
    }

    /// Puts a file where it belongs. If another one is there, the one of ours keeps the name.
    fn put(&mut self, path: RepoPath, object: ObjectId, is_ours: bool) {
        let Some(there) = self.files.get(&path) else {
            self.files.insert(path, Placed { object, is_ours });
            return;
        };
        if there.object == object {
            return;
        }
        let (kept, other) =
            if is_ours && !there.is_ours { (object, there.object) } else { (there.object, object) };
        let is_ours = is_ours || there.is_ours;
        let beside = self.put_beside(&path, other);
        let at = |object| Some(FileAt { path: path.clone(), object });
        let item = Item { base: None, ours: at(kept), theirs: at(other) };
        self.note(path.clone(), (ConflictKind::AddAdd, None), &item, Some(beside));
        self.files.insert(path, Placed { object: kept, is_ours });
    }

    fn put_beside(&mut self, path: &RepoPath, object: ObjectId) -> RepoPath {
        let id: String = object.to_string().chars().take(8).collect();
        let beside = self.free_name(path, &format!(".theirs-{id}"));
        self.files.insert(beside.clone(), Placed { object, is_ours: false });
        beside
    }

    /// A path that no side has: `path` with `suffix`, or the like.
    fn free_name(&self, path: &RepoPath, suffix: &str) -> RepoPath {
        // A path at the limit of its length has no room for a suffix, but its directory has some for a short name.
        let stems = [path.as_str(), path.parent().unwrap_or_default(), ""];
        let name = |stem: &str, again: &str| -> Option<RepoPath> {
            format!("{stem}{suffix}{again}").trim_start_matches('/').parse().ok()
        };
        let stem = stems.into_iter().find(|stem| name(stem, "-000000").is_some());
        let is_free = |name: &RepoPath| {
            !self.sides.iter().any(|side| side.contains_key(name)) && !self.files.contains_key(name)
        };
        let again = (1..).map(|number: u32| format!("-{number}"));
        let mut names = std::iter::once(String::new()).chain(again);
        // The names never end, and the files do.
        names
            .find_map(|again| name(stem.unwrap_or_default(), &again).filter(is_free))
            .unwrap_or_else(|| path.clone())
    }

    /// Gives another name to each file whose path is a directory of another file.
    fn part_files_from_directories(&mut self) {
        let mut blocked = Vec::new();
        for path in self.files.keys() {
            let text = path.as_str();
            let above = text.match_indices('/').filter_map(|(at, _)| text.get(..at));
            blocked.extend(
                above.filter_map(|above| {
                    self.files.get_key_value(above).map(|(file, _)| file.clone())
                }),
            );
        }
        blocked.sort_unstable();
        blocked.dedup();
        for path in blocked {
            let Some(file) = self.files.remove(&path) else { continue };
            let side = if file.is_ours { "~ours" } else { "~theirs" };
            let name = self.free_name(&path, side);
            let moved = Some(FileAt { path: path.clone(), object: file.object });
            let known = self.conflicts.iter_mut().find(|conflict| conflict.path == path);
            if let Some(conflict) = known {
                conflict.path = name.clone();
            } else {
                let (ours, theirs) = if file.is_ours { (moved, None) } else { (None, moved) };
                let item = Item { base: None, ours, theirs };
                self.note(name.clone(), (ConflictKind::FileDirectory, None), &item, None);
            }
            self.files.insert(name, file);
        }
    }
}

/// Where the result goes, and the second place if the sides moved it to two; none if it is nowhere any more.
fn target(item: &Item) -> Option<(RepoPath, Option<RepoPath>)> {
    let path = |file: &Option<FileAt>| file.as_ref().map(|file| file.path.clone());
    match (path(&item.ours), path(&item.theirs), path(&item.base)) {
        (Some(ours), Some(theirs), _) if ours == theirs => Some((ours, None)),
        (Some(ours), Some(theirs), Some(base)) if ours == base => Some((theirs, None)),
        (Some(ours), Some(theirs), Some(base)) if theirs == base => Some((ours, None)),
        (Some(ours), Some(theirs), _) => Some((ours, Some(theirs))),
        (Some(path), None, _) | (None, Some(path), _) => Some((path, None)),
        (None, None, _) => None,
    }
}
