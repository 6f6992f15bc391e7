//! What the files of a push are, where a repository asks: no secrets, what their names say, and paths that every file
//! system keeps apart (`spec/hub.md` 1, Secret protection; `spec/wire.md` 6.1, 6.3). Looked at in quarantine, commit by
//! commit.

use std::{collections::HashSet, sync::Arc};

use futures_util::future::try_join_all;
use history::{
    clashing_paths,
    tree::{Node, NodeSource, ReadError, changes, walk},
};
use keys::MAX_TEXT_BYTES;
use names::{CommitId, NodeId, ObjectId, RepoPath};

use super::{
    commits::NewCommits,
    packs::{Packs, Reader},
};
use crate::{
    Error, Hub, Repository,
    intake::{Asks, HEAD, Heads, Leaks, News, head_of, leaks_in},
};

/// Directories as a [`Reader`] gives them, without the sizes of files.
struct Shapes<'a>(&'a Reader);

impl NodeSource for Shapes<'_> {
    type Error = Error;

    fn node(&self, id: &NodeId) -> Result<Arc<Node>, Error> {
        self.0.shape(*id)
    }
}

/// Commits of a push that are looked at one by one where findings are only told; of longer ones the newest.
const LOOKED_AT: usize = 2_000;
/// Parts of a push that are looked at at once.
const SIDE_BY_SIDE: usize = 2;

/// What has been looked at of files, by their names.
#[derive(Default)]
struct Looked {
    heads: Heads,
    leaks: Leaks,
    seen: HashSet<ObjectId>,
}

impl Hub {
    /// Refuses what a repository does not take; gives what is only told.
    pub(super) async fn inspect_packs(
        &self,
        repository: &Repository,
        packs: &Packs,
        new: &NewCommits,
    ) -> Result<Vec<String>, Error> {
        let asks = Asks::of(Some(repository), None);
        if !asks.is_anything() && !asks.looks_for_secrets() {
            return Ok(Vec::new());
        }
        let most = if asks.refuses_secrets() { usize::MAX } else { LOOKED_AT };
        let ids = new.ids();
        let ids = ids.get(ids.len().saturating_sub(most)..).unwrap_or_default();
        // The pusher waits, and so does Git: what can be looked at side by side is.
        let parts = ids.chunks(ids.len().div_ceil(SIDE_BY_SIDE).max(1));
        let parts = parts.map(|part| look_at(packs, asks, part.to_vec()));
        let (mut news, mut heads, mut leaks) = (Vec::new(), Heads::default(), Leaks::default());
        for (some, looked) in try_join_all(parts).await? {
            news.extend(some);
            heads.extend(looked.heads);
            leaks.extend(looked.leaks);
        }
        self.judge_news((asks, Some(repository)), &news, &heads, &leaks).await
    }
}

async fn look_at(
    packs: &Packs,
    asks: Asks,
    ids: Vec<CommitId>,
) -> Result<(Vec<News>, Looked), Error> {
    let read = packs.read(move |reader| {
        let (mut news, mut looked) = (Vec::with_capacity(ids.len()), Looked::default());
        for id in ids {
            news.push(news_of(reader, asks, id, &mut looked)?);
        }
        Ok((news, looked))
    });
    read.await
}

fn news_of(reader: &Reader, asks: Asks, id: CommitId, looked: &mut Looked) -> Result<News, Error> {
    let shapes = Shapes(reader);
    let (after, parent) = tree_of(reader, id)?;
    let before = parent.map(|it| tree_of(reader, it)).transpose()?.map(|(tree, _)| tree);
    let found = changes(&shapes, before, Some(after), usize::MAX).map_err(broken)?;
    let mut pairs = Vec::with_capacity(found.changes.len());
    for change in found.changes {
        let Some(file) = change.after.filter(|it| it.module().is_none()) else { continue };
        if looked.seen.insert(file.object) {
            look(reader, asks, file.object, looked)?;
        }
        pairs.push((change.path, file.object));
    }
    let mut clash = None;
    if asks.keeps_paths_apart() {
        let all: Vec<RepoPath> = walk(&shapes, after)
            .map(|it| it.map(|file| file.path).map_err(broken))
            .collect::<Result<_, _>>()?;
        let new: HashSet<&RepoPath> = pairs.iter().map(|(path, _)| path).collect();
        let groups = clashing_paths(all.iter());
        let found = groups.iter().find(|it| it.iter().any(|path| new.contains(path)));
        clash = found.and_then(|it| Some((it.first()?.clone(), it.get(1)?.clone())));
    }
    Ok(News::of(pairs, clash))
}

/// Looks into a file.
fn look(reader: &Reader, asks: Asks, id: ObjectId, looked: &mut Looked) -> Result<(), Error> {
    let is_short = asks.looks_for_secrets() && reader.size(id)? <= MAX_TEXT_BYTES;
    let most = match (is_short, asks.looks_into_files()) {
        (true, _) => MAX_TEXT_BYTES,
        (false, true) => HEAD as u64,
        (false, false) => return Ok(()),
    };
    let (bytes, _) = reader.bytes(id, most)?;
    if is_short {
        let found = leaks_in(&bytes);
        if !found.is_empty() {
            looked.leaks.insert(id, found);
        }
    }
    if asks.looks_into_files() {
        looked.heads.insert(id, head_of(&bytes));
    }
    Ok(())
}

/// The tree of a commit, and what it follows.
fn tree_of(reader: &Reader, id: CommitId) -> Result<(NodeId, Option<CommitId>), Error> {
    let found = reader.commit(id)?;
    let (commit, _) = found.ok_or_else(|| Error::Broken(format!("the commit {id} is missing")))?;
    Ok((NodeId::from_bytes(*commit.tree.as_bytes()), commit.parents.first().copied()))
}

fn broken(error: ReadError<Error>) -> Error {
    match error {
        ReadError::Source(error) => error,
        ReadError::Tree(error) => Error::Broken(error.to_string()),
    }
}
