//! A merge in a working copy: what it makes of the files, and what waits for the user (`spec/hub.md` 10).
//!
//! `MERGE_STATE.json` is there so that the Muse client sees the merge; what it cannot hold, every side of every
//! conflict and what the merge changed, is in `.muse/motet/merge.json`.

use names::{CommitId, ObjectId, RepoPath};

use super::{Graph, Overwrite, Result, WorkingCopy, WorktreeError, merge_file::MergeState};
use crate::{
    Manifest, is_ancestor,
    merge::{
        ATTRIBUTES_FILE, Attributes, ConflictKind, Contents, TreeMerge, holds_marker, merge_trees,
    },
    merge_bases,
};

/// How deep crossed histories are followed to a common beginning; below that they began with nothing.
const MAX_CROSSINGS: usize = 16;
/// The length of a marker if nobody says another one.
pub(super) const MARKER_CHARS: usize = 7;

/// What a merge comes to, before anything is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergePlan {
    /// The other commit is in the history already.
    UpToDate,
    /// The head is in the history of the other commit, and need only follow.
    FastForward,
    /// Files that need a commit of both parents, with what the user has to decide.
    Merge {
        /// The best common ancestors.
        bases: Vec<CommitId>,
        /// The files and the conflicts.
        merged: TreeMerge,
    },
}

impl Contents for WorkingCopy {
    type Error = WorktreeError;

    fn read(&self, path: &RepoPath, object: &ObjectId) -> Result<Vec<u8>> {
        let missing = || WorktreeError::MissingObject { path: path.clone(), object: *object };
        self.object(object)?.ok_or_else(missing)
    }

    fn write(&self, bytes: &[u8]) -> Result<ObjectId> {
        self.write_object(bytes)
    }
}

impl WorkingCopy {
    /// What merging `theirs` into `ours` comes to. Contents are stored, and nothing else is changed.
    pub fn plan_merge(&self, ours: CommitId, theirs: CommitId, no_ff: bool) -> Result<MergePlan> {
        let graph = Graph::new(self);
        let parents = |id: &CommitId| graph.parents(id);
        let is_behind = |a, b| is_ancestor(a, b, parents);
        if is_behind(theirs, ours) {
            graph.check()?;
            return Ok(MergePlan::UpToDate);
        }
        if !no_ff && is_behind(ours, theirs) {
            graph.check()?;
            return Ok(MergePlan::FastForward);
        }
        let (bases, base) = self.base_of(&graph, ours, theirs, 0)?;
        graph.check()?;
        if bases.is_empty() {
            return Err(WorktreeError::Unrelated);
        }
        let [ours, theirs] = [ours, theirs].map(|id| self.manifest_of(Some(id)));
        let (ours, theirs) = (ours?, theirs?);
        let merged = merge_trees([&base, &ours, &theirs], &self.attributes(&ours)?, self)?;
        Ok(MergePlan::Merge { bases, merged })
    }

    /// The best common ancestors, and the files that they stand for: several are merged first.
    fn base_of(
        &self,
        graph: &Graph<'_>,
        ours: CommitId,
        theirs: CommitId,
        depth: usize,
    ) -> Result<(Vec<CommitId>, Manifest)> {
        let bases = merge_bases(ours, theirs, |id| graph.parents(id));
        let Some((first, others)) = bases.split_first() else {
            return Ok((bases, Manifest::new()));
        };
        let mut files = self.manifest_of(Some(*first))?;
        for other in others {
            let below = if depth < MAX_CROSSINGS {
                self.base_of(graph, *first, *other, depth + 1)?.1
            } else {
                Manifest::new()
            };
            let theirs = self.manifest_of(Some(*other))?;
            // What cannot be decided stays between markers: both sides are compared with it in the same way.
            files = merge_trees([&below, &files, &theirs], &Attributes::default(), self)?.manifest;
        }
        Ok((bases, files))
    }

    fn attributes(&self, files: &Manifest) -> Result<Attributes> {
        match files.get_key_value(ATTRIBUTES_FILE) {
            Some((path, object)) => Ok(Attributes::parse(&self.read(path, object)?)?),
            None => Ok(Attributes::default()),
        }
    }

    /// Writes the files of a merge with conflicts, and what the user has to decide.
    pub fn begin_merge(
        &self,
        [ours, theirs]: [CommitId; 2],
        other_branch: &str,
        bases: &[CommitId],
        merged: &TreeMerge,
        overwrite: Overwrite<'_>,
    ) -> Result<(MergeState, Vec<RepoPath>)> {
        let before = self.manifest_of(Some(ours))?;
        let rescued = self.replace_files(&before, &merged.manifest, overwrite)?;
        let state = MergeState {
            base: bases.first().copied(),
            ours,
            theirs,
            other_branch: other_branch.to_owned(),
            paths: merged.conflicts.iter().map(|conflict| conflict.path.clone()).collect(),
            conflicts: merged.conflicts.clone(),
            changed: Some(changed(&before, &merged.manifest)),
        };
        self.write_merge(&state)?;
        Ok((state, rescued))
    }

    /// The merge that waits for the user. One whose other side is in the history by now is over: the Muse client
    /// leaves its file behind.
    pub fn merge_state(&self) -> Result<Option<MergeState>> {
        let Some(state) = self.read_merge()? else { return Ok(None) };
        let Some(head) = self.head_commit()? else { return Ok(Some(state)) };
        let graph = Graph::new(self);
        let is_over = is_ancestor(state.theirs, head, |id| graph.parents(id));
        graph.check()?;
        Ok((!is_over).then_some(state))
    }

    /// The paths that still hold a marker, and the files beside them that are still there.
    pub fn unresolved(&self, state: &MergeState) -> Result<Vec<RepoPath>> {
        let mut left = Vec::new();
        for path in &state.paths {
            let conflict = state.conflicts.iter().find(|conflict| conflict.path == *path);
            let marker_chars = match conflict {
                Some(conflict) => conflict.marker_chars,
                None => Some(MARKER_CHARS),
            };
            if let Some(chars) = marker_chars
                && self.file_at(path)?.is_some_and(|bytes| holds_marker(&bytes, chars))
            {
                left.push(path.clone());
            }
            let beside = conflict.and_then(|conflict| match conflict.kind {
                ConflictKind::Binary | ConflictKind::AddAdd => conflict.beside.as_ref(),
                ConflictKind::Content
                | ConflictKind::ModifyDelete
                | ConflictKind::FileDirectory
                | ConflictKind::Rename => None,
            });
            if let Some(beside) = beside
                && self.file_at(beside)?.is_some()
            {
                left.push(beside.clone());
            }
        }
        Ok(left)
    }

    /// The bytes of a file of the user; none if there is no regular file.
    pub fn file_at(&self, path: &RepoPath) -> Result<Option<Vec<u8>>> {
        let open = || match self.root.descend(path.parent().unwrap_or_default()) {
            Ok(Some(directory)) => directory.open_file(path.file_name()),
            Ok(None) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(None),
            Err(error) => Err(error),
        };
        let io = || WorktreeError::io(path);
        let Some(mut file) = open().map_err(io())? else { return Ok(None) };
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).map_err(io())?;
        Ok(Some(bytes))
    }

    /// Takes a merge back: the files become those of the head again. What the user wrote since then is moved to
    /// below `.muse/motet/rescued/<place>`, and named.
    pub fn abort_merge(&self, place: &str) -> Result<Vec<RepoPath>> {
        let state = self.merge_state()?.ok_or(WorktreeError::NotMerging)?;
        let ours = self.manifest_of(Some(state.ours))?;
        let from = match &state.changed {
            Some(changed) => with(&ours, changed),
            None => self.files_of_either(&ours, &self.manifest_of(Some(state.theirs))?)?,
        };
        let rescued = self.replace_files(&from, &ours, Overwrite::Rescue(place))?;
        self.clear_merge()?;
        Ok(rescued)
    }

    /// The files that are as one of the sides has them: what a merge of which we know no more may replace.
    fn files_of_either(&self, ours: &Manifest, theirs: &Manifest) -> Result<Manifest> {
        let mut files = self.look()?.manifest();
        files.retain(|path, object| [ours.get(path), theirs.get(path)].contains(&Some(&*object)));
        Ok(files)
    }
}

/// What `after` made of `before`: none for a path that is gone.
fn changed(before: &Manifest, after: &Manifest) -> Vec<(RepoPath, Option<ObjectId>)> {
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    let new = after.iter().filter(|(path, object)| before.get(*path) != Some(object));
    let new = new.map(|(path, object)| (path.clone(), Some(*object)));
    gone.map(|path| (path.clone(), None)).chain(new).collect()
}

/// `files` with these changes.
fn with(files: &Manifest, changed: &[(RepoPath, Option<ObjectId>)]) -> Manifest {
    let mut files = files.clone();
    for (path, object) in changed {
        match object {
            Some(object) => drop(files.insert(path.clone(), *object)),
            None => drop(files.remove(path)),
        }
    }
    files
}
