//! What differs between two commits: which files, and in them which lines (`spec/hub.md` 3, `diff`).
//!
//! Which files is found by their ids, looking into nothing that is equal, and by what they hold where they may have moved.
//! Lines are compared file by file, for as many as a page shows.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};
use history::{
    diff::{
        self, ChangedFile, DiffOptions, FileDiff, MAX_COMPARED_BYTES, MAX_TEXT_BYTES, Moves, Pieces,
    },
    tree::{Change, FileState, TreeDiff, module_text},
};
use names::{CommitId, NodeId, ObjectId, RepoPath};

use super::{History, Line};
use crate::Error;

/// Files that one answer may name; with more, some are not told.
pub(crate) const MOST_FILES: usize = 100_000;
/// Bytes that are read to see which files moved.
const MOVED_BYTES: u64 = 64 << 20;
/// Files that are read at once for that.
const READ_AT_ONCE: usize = 16;
/// Changes of one commit among which one file that moved is looked for.
const MOVED_AMONG: usize = 3_000;

/// The files that differ.
#[derive(Debug, Clone, Default)]
pub(crate) struct Difference {
    /// In the order of their paths.
    pub(crate) files: Vec<ChangedFile>,
    /// Whether there are more.
    pub(crate) is_truncated: bool,
}

impl History<'_> {
    /// The files that differ between two trees, below `paths` if any are given.
    pub(crate) async fn difference(
        &self,
        before: Option<NodeId>,
        after: NodeId,
        paths: &[RepoPath],
    ) -> Result<Difference, Error> {
        let (changes, is_truncated) = self.changes(before, after, MOST_FILES).await?;
        let moves = Moves::new(changes);
        let pieces = self.pieces(moves.wants()).await?;
        let mut files = tokio::task::spawn_blocking(move || moves.decide(&pieces))
            .await
            .map_err(|error| Error::Broken(format!("a worker ended early: {error}")))?;
        if !paths.is_empty() {
            files.retain(|file| paths.iter().any(|path| is_below(file, path)));
        }
        Ok(Difference { files, is_truncated })
    }

    /// The paths that are not the same, at most `limit`, and whether there are more.
    pub(crate) async fn changes(
        &self,
        before: Option<NodeId>,
        after: NodeId,
        limit: usize,
    ) -> Result<(Vec<Change>, bool), Error> {
        let (mut diff, mut found) = (TreeDiff::new(before, Some(after), limit), Vec::new());
        loop {
            found.extend(std::iter::from_fn(|| diff.next_change()));
            if diff.is_complete() {
                return Ok((found, diff.is_truncated()));
            }
            let given = self.nodes(&diff.needs()).await?;
            diff.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
        }
    }

    /// What files are made of, as far as there is time to read them.
    async fn pieces(&self, wanted: Vec<ObjectId>) -> Result<HashMap<ObjectId, Pieces>, Error> {
        let mut read = stream::iter(wanted)
            .map(async |id| Ok::<_, Error>((id, self.bytes(id, MAX_COMPARED_BYTES).await?)))
            .buffered(READ_AT_ONCE)
            .chunks(READ_AT_ONCE);
        let (mut found, mut bytes) = (HashMap::new(), 0);
        while let Some(some) = read.next().await {
            let some = some.into_iter().collect::<Result<Vec<_>, Error>>()?;
            bytes += some.iter().map(|(_, file)| file.size).sum::<u64>();
            let cut = move || {
                let pieces =
                    |(id, file): (ObjectId, super::FileBytes)| (id, Pieces::of(&file.bytes));
                some.into_iter().map(pieces).collect::<Vec<_>>()
            };
            let cut = tokio::task::spawn_blocking(cut).await;
            found.extend(
                cut.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))?,
            );
            if bytes > MOVED_BYTES || !self.has_time() {
                break;
            }
        }
        Ok(found)
    }

    /// The lines of a changed file. A file of more than `largest` bytes is too large.
    pub(crate) async fn lines_of(
        &self,
        file: &ChangedFile,
        options: DiffOptions,
        largest: u64,
    ) -> Result<FileDiff, Error> {
        let (before, after) = file.sides();
        let largest = largest.min(MAX_TEXT_BYTES as u64);
        if [before, after].iter().flatten().any(|side| side.size_bytes > largest) {
            return Ok(FileDiff::TooLarge);
        }
        if before.map(|it| (it.object, it.module())) == after.map(|it| (it.object, it.module())) {
            return Ok(FileDiff::Same);
        }
        let (old, new) = (self.side(before, largest).await?, self.side(after, largest).await?);
        let work = move || diff::diff(&old, &new, &options);
        let joined = tokio::task::spawn_blocking(work).await;
        joined.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))
    }

    /// A side that is not there is empty.
    async fn side(&self, side: Option<FileState>, largest: u64) -> Result<Vec<u8>, Error> {
        match side {
            Some(side) => match side.module() {
                Some(commit) => Ok(module_text(&commit).into_bytes()),
                None => Ok(self.bytes(side.object, largest).await?.bytes),
            },
            None => Ok(Vec::new()),
        }
    }

    /// Where the file at `path` of `child` was in `parent`, which has none at that path: the file that is equal or most
    /// similar among those that are gone.
    pub(super) async fn moved_from(
        &self,
        parent: Line,
        child: Line,
        path: &RepoPath,
    ) -> Result<Option<RepoPath>, Error> {
        let (before, after) = (parent.id, child.id);
        let roots = self.roots(&[parent, child]).await?;
        let root = |id: CommitId| {
            roots.get(&id).copied().ok_or_else(|| Error::Broken(format!("{id} has no root")))
        };
        let (mut changes, _) = self.changes(Some(root(before)?), root(after)?, MOVED_AMONG).await?;
        changes.retain(|it| it.after.is_none() || it.path == *path);
        let moves = Moves::new(changes);
        let pieces = self.pieces(moves.wants()).await?;
        let former = moves.decide(&pieces).into_iter().find_map(|it| match it {
            ChangedFile::Renamed { from, to, .. } if to == *path => Some(from),
            _ => None,
        });
        Ok(former)
    }
}

/// Whether a file is at `path`, below it, or was.
fn is_below(file: &ChangedFile, path: &RepoPath) -> bool {
    let fits = |it: &RepoPath| {
        let rest = it.as_str().strip_prefix(path.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    fits(file.path()) || file.old_path().is_some_and(fits)
}
