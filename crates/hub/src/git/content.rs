//! What the files of a push are, where a repository asks: what their names say, and paths that every file system keeps
//! apart (`spec/wire.md` 6.1, 6.3). Looked at while it lies in quarantine, at the heads of branches.

use std::{collections::HashSet, sync::Arc};

use history::{
    clashing_paths,
    tree::{Node, NodeSource, ReadError, changes, walk},
};
use names::{CommitId, NodeId, RepoPath};

use super::packs::{Packs, Reader};
use crate::{
    Error, Hub,
    intake::{Asks, HEAD, Heads, News},
};

/// Directories as a [`Reader`] gives them, without the sizes of files.
struct Shapes<'a>(&'a Reader);

impl NodeSource for Shapes<'_> {
    type Error = Error;

    fn node(&self, id: &NodeId) -> Result<Arc<Node>, Error> {
        self.0.shape(*id)
    }
}

/// A branch that moves: from where, and to where.
pub(super) type Step = (Option<CommitId>, CommitId);

impl Hub {
    /// Refuses what a repository does not take; gives what is only told.
    pub(super) async fn inspect_packs(
        &self,
        asks: Asks,
        packs: &Packs,
        steps: Vec<Step>,
    ) -> Result<Vec<String>, Error> {
        if !asks.is_anything() || steps.is_empty() {
            return Ok(Vec::new());
        }
        let read = packs.read(move |reader| {
            let (mut news, mut heads) = (Vec::with_capacity(steps.len()), Heads::new());
            for step in steps {
                news.push(news_of(reader, asks, step, &mut heads)?);
            }
            Ok((news, heads))
        });
        let (news, heads) = read.await?;
        self.inspect(asks, &news, &heads).await
    }
}

fn news_of(
    reader: &Reader,
    asks: Asks,
    (from, to): Step,
    heads: &mut Heads,
) -> Result<News, Error> {
    let shapes = Shapes(reader);
    let after = tree_of(reader, to)?;
    let before = from.map(|it| tree_of(reader, it)).transpose()?;
    let found = changes(&shapes, before, Some(after), usize::MAX).map_err(broken)?;
    let mut pairs = Vec::with_capacity(found.changes.len());
    for change in found.changes {
        let Some(file) = change.after.filter(|it| it.module().is_none()) else { continue };
        if asks.looks_into_files() && !heads.contains_key(&file.object) {
            heads.insert(file.object, reader.bytes(file.object, HEAD as u64)?.0);
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

fn tree_of(reader: &Reader, id: CommitId) -> Result<NodeId, Error> {
    let found = reader.commit(id)?;
    let (commit, _) = found.ok_or_else(|| Error::Broken(format!("the commit {id} is missing")))?;
    Ok(NodeId::from_bytes(*commit.tree.as_bytes()))
}

fn broken(error: ReadError<Error>) -> Error {
    match error {
        ReadError::Source(error) => error,
        ReadError::Tree(error) => Error::Broken(error.to_string()),
    }
}
