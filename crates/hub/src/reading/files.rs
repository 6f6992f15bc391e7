//! What stands at a path; the bytes of a file.

use std::sync::Arc;

use db::Tx;
use history::tree::{Entry, Node};
use names::{CommitId, NodeId, ObjectId};

use super::{Commit, commits, snapshots};
use crate::{Error, Hub, Repository};

/// What stands at a path.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// A directory, the root among them.
    Directory(Arc<Node>),
    /// A file.
    File(Entry),
}

/// The bytes of a file, as far as they were wanted.
#[derive(Debug, Clone)]
pub(crate) struct FileBytes {
    pub(crate) bytes: Vec<u8>,
    pub(crate) size: u64,
}

/// One commit with its reviewers; it must be held.
pub(crate) async fn commit(
    tx: &mut Tx,
    repository: &Repository,
    id: CommitId,
) -> Result<Commit, Error> {
    commits(tx, repository.id, &[id]).await?.remove(&id).ok_or(Error::NotFound)
}

/// The root directory of a commit.
pub(crate) async fn root_of(
    tx: &mut Tx,
    repository: &Repository,
    commit: &Commit,
) -> Result<NodeId, Error> {
    let id = commit.record.snapshot_id;
    let found = snapshots(tx, repository.id, &[id].into()).await?;
    let snapshot =
        found.get(&id).ok_or_else(|| Error::Broken(format!("snapshot {id} is missing")))?;
    Ok(snapshot.root)
}

impl Hub {
    /// The bytes of a file of this repository, or their first `limit` where it is longer. The whole object is hashed
    /// either way. A bucket may take its time, so nobody should hold a connection to the database meanwhile.
    pub(super) async fn bytes(&self, id: ObjectId, limit: u64) -> Result<FileBytes, Error> {
        if id == ObjectId::EMPTY {
            return Ok(FileBytes { bytes: Vec::new(), size: 0 });
        }
        let place = self.objects.place(id).await?;
        let size = place.size;
        if size <= limit {
            let bytes = self.objects.read_at(id, place).await?;
            return Ok(FileBytes { bytes, size });
        }
        let (to, from) = std::sync::mpsc::channel();
        let mut sent = 0;
        let each = move |piece: Vec<u8>| {
            sent += piece.len() as u64;
            to.send(piece).is_ok() && sent < limit
        };
        self.objects.stream(id, place, each).await?;
        let mut bytes: Vec<u8> = from.into_iter().flatten().collect();
        bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(FileBytes { bytes, size })
    }
}
