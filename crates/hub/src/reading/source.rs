//! Where directories and bytes lie: the seam below [`History`](super::History).
//!
//! Whoever has a reader asks a `History`. What has a repository and no reader, as the jobs that derive things and threads
//! that wait for one node after the other, asks its source. What takes Muse histories in, hands them out and keeps them
//! (wires, forks, collection, integrity) knows the rows themselves.

use std::{collections::HashMap, ops::Range, sync::Arc};

use axum::body::Body;
use bytes::Bytes;
use db::Tx;
use history::tree::{Entry, Kind, Node, Nodes, TreeLookup};
use names::{Id, NodeId, ObjectId, RepoPath};
use objects::Place;
use tokio::sync::mpsc;

use super::{FileBytes, Found, store};
use crate::{Error, Format, Hub, Repository, git::Packs};

/// Where directories and files of a history are kept. Refs and commits are rows of either kind.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// In the rows of a Muse history, and the object store.
    Rows,
    /// In the packs of a repository of Git.
    Git(Packs),
}

/// Where a file lies that is about to be read.
#[derive(Debug, Clone)]
pub(crate) enum At {
    /// In the object store.
    Stored(Place),
    /// In a pack, with that many bytes.
    Packed(u64),
}

impl At {
    /// How long the file is.
    pub(super) const fn size(&self) -> u64 {
        match self {
            Self::Stored(place) => place.size,
            Self::Packed(size) => *size,
        }
    }
}

/// Pieces that wait to be taken.
const QUEUE: usize = 4;
/// Up to this a file is read in one piece.
const PIECE_BYTES: u64 = 1 << 20;

impl Hub {
    /// Where a repository's directories and files are.
    pub(crate) fn source(&self, id: Id<Repository>, format: Format) -> Source {
        match format {
            Format::Muse => Source::Rows,
            Format::Git => Source::Git(self.packs(id)),
        }
    }
}

impl Source {
    /// Directories. One that is missing is a broken tree.
    pub(crate) async fn nodes(&self, tx: &mut Tx, ids: &[NodeId]) -> Result<Nodes, Error> {
        match self {
            Self::Rows => store::nodes(tx, ids).await,
            Self::Git(packs) => {
                let ids = ids.to_vec();
                let read =
                    packs.read(|it| ids.into_iter().map(|id| Ok((id, it.node(id)?))).collect());
                read.await
            }
        }
    }

    /// Directories as far as it is asked what stands in them: the sizes of files may be missing.
    pub(crate) async fn shapes(&self, tx: &mut Tx, ids: &[NodeId]) -> Result<Nodes, Error> {
        match self {
            Self::Rows => store::nodes(tx, ids).await,
            Self::Git(packs) => {
                let ids = ids.to_vec();
                let read =
                    packs.read(|it| ids.into_iter().map(|id| Ok((id, it.shape(id)?))).collect());
                read.await
            }
        }
    }

    /// Those of the directories that are at most so many bytes long.
    pub(crate) async fn small_nodes(
        &self,
        tx: &mut Tx,
        ids: &[NodeId],
        most: u32,
    ) -> Result<Nodes, Error> {
        match self {
            Self::Rows => Ok(store::small_nodes(tx, ids, most).await?),
            Self::Git(packs) => {
                let ids = ids.to_vec();
                let read = packs.read(move |it| {
                    let mut found = Nodes::new();
                    for id in ids {
                        if it.node_bytes(id)? <= u64::from(most) {
                            found.insert(id, it.shape(id)?);
                        }
                    }
                    Ok(found)
                });
                read.await
            }
        }
    }

    /// How many bytes directories have.
    pub(crate) async fn node_sizes(
        &self,
        tx: &mut Tx,
        ids: &[NodeId],
    ) -> Result<HashMap<NodeId, usize>, Error> {
        match self {
            Self::Rows => Ok(store::node_sizes(tx, ids).await?),
            Self::Git(packs) => {
                let ids = ids.to_vec();
                let size = |it: u64| usize::try_from(it).unwrap_or(usize::MAX);
                let read = packs.read(move |it| {
                    ids.into_iter().map(|id| Ok((id, size(it.node_bytes(id)?)))).collect()
                });
                read.await
            }
        }
    }

    /// One directory.
    pub(crate) async fn node(&self, tx: &mut Tx, id: NodeId) -> Result<Arc<Node>, Error> {
        let mut found = self.nodes(tx, &[id]).await?;
        found.remove(&id).ok_or_else(|| Error::Broken("a tree node is missing".to_owned()))
    }

    /// What stands at `path` below `root`, if anything does.
    pub(crate) async fn entry(
        &self,
        tx: &mut Tx,
        root: NodeId,
        path: &RepoPath,
    ) -> Result<Option<Entry>, Error> {
        let mut lookup = TreeLookup::new(root, path);
        while let Some(needed) = lookup.needs() {
            lookup.give(&self.shapes(tx, &[needed]).await?);
        }
        let Some(mut entry) = lookup.into_entry() else { return Ok(None) };
        if let (Self::Git(packs), Kind::File(object)) = (self, entry.kind) {
            entry.size = packs.read(move |it| it.size(object)).await?;
        }
        Ok(Some(entry))
    }

    /// What stands at `path` below `root`; the root directory itself for no path.
    pub(crate) async fn find(
        &self,
        tx: &mut Tx,
        root: NodeId,
        path: Option<&RepoPath>,
    ) -> Result<Found, Error> {
        let Some(path) = path else { return Ok(Found::Directory(self.node(tx, root).await?)) };
        let entry = self.entry(tx, root, path).await?.ok_or(Error::NotFound)?;
        match entry.kind {
            Kind::Directory(id) => Ok(Found::Directory(self.node(tx, id).await?)),
            Kind::File(_) | Kind::Module(_) => Ok(Found::File(entry)),
        }
    }

    /// The bytes of a file, or their first `limit`.
    pub(super) async fn bytes(
        &self,
        hub: &Hub,
        id: ObjectId,
        limit: u64,
    ) -> Result<FileBytes, Error> {
        match self {
            Self::Rows => hub.bytes(id, limit).await,
            Self::Git(packs) => {
                let read = packs.read(move |it| it.bytes(id, limit));
                read.await.map(|(bytes, size)| FileBytes { bytes, size })
            }
        }
    }

    /// Where files of those lengths lie, asked for together; those that are not there are not among them.
    pub(super) async fn places(
        &self,
        hub: &Hub,
        files: &[(ObjectId, u64)],
    ) -> Result<HashMap<ObjectId, At>, Error> {
        match self {
            Self::Rows => {
                let ids: Vec<_> = files.iter().map(|it| it.0).collect();
                let found = hub.objects.find(&mut hub.db.glance().await?, &ids).await?;
                Ok(found.into_iter().map(|(id, place)| (id, At::Stored(place))).collect())
            }
            Self::Git(_) => Ok(files.iter().map(|(id, size)| (*id, At::Packed(*size))).collect()),
        }
    }

    /// A file at its place, whole.
    pub(super) async fn read_at(&self, hub: &Hub, id: ObjectId, at: At) -> Result<Bytes, Error> {
        match at {
            At::Stored(place) => Ok(Bytes::from(hub.objects.read_at(id, place).await?)),
            At::Packed(size) => Ok(Bytes::from(self.bytes(hub, id, size).await?.bytes)),
        }
    }

    /// A file as it is sent: its beginning, by which its type is judged, and all of it.
    pub(super) async fn sent(&self, hub: &Hub, id: ObjectId) -> Result<(Bytes, Body), Error> {
        match self {
            Self::Rows => hub.sent(id).await,
            Self::Git(packs) => {
                let size = packs.read(move |it| it.size(id)).await?;
                if size <= PIECE_BYTES {
                    let bytes = Bytes::from(self.bytes(hub, id, size).await?.bytes);
                    return Ok((bytes.clone(), Body::from(bytes)));
                }
                let mut pieces = streamed(packs, id, 0..size);
                // All of it has been hashed before its first piece comes.
                let first = pieces.recv().await.ok_or(objects::Error::Corrupt(id))?;
                Ok((first.clone(), body(Some(first), pieces)))
            }
        }
    }

    /// Some bytes of a file as they are sent, behind its first `head`.
    pub(super) async fn sent_part(
        &self,
        hub: &Hub,
        id: ObjectId,
        (head, range): (u64, Range<u64>),
    ) -> Result<(Bytes, Body), Error> {
        match self {
            Self::Rows => hub.sent_part(id, (head, range)).await,
            Self::Git(packs) => {
                let head = Bytes::from(self.bytes(hub, id, head).await?.bytes);
                Ok((head, body(None, streamed(packs, id, range))))
            }
        }
    }

    /// A file at its place, as it is read.
    pub(super) fn pieces(&self, hub: &Hub, id: ObjectId, at: At) -> mpsc::Receiver<Bytes> {
        match (self, at) {
            (Self::Git(packs), at) => streamed(packs, id, 0..at.size()),
            (Self::Rows, At::Stored(place)) => hub.pieces(id, place),
            // Nothing in rows lies in a pack: whoever asks finds nothing.
            (Self::Rows, At::Packed(_)) => mpsc::channel(1).1,
        }
    }
}

/// Bytes of a file in a pack, as they are taken.
fn streamed(packs: &Packs, id: ObjectId, wanted: Range<u64>) -> mpsc::Receiver<Bytes> {
    let (to, from) = mpsc::channel(QUEUE);
    let packs = packs.clone();
    tokio::spawn(async move {
        let read = packs.send(move |it| {
            let mut at = 0;
            it.pieces(id, &mut |piece| {
                let end = at + piece.len() as u64;
                let cut = |place: u64| usize::try_from(place.clamp(at, end) - at).unwrap_or(0);
                let part = piece.get(cut(wanted.start)..cut(wanted.end)).unwrap_or_default();
                at = end;
                let is_taken =
                    part.is_empty() || to.blocking_send(Bytes::copy_from_slice(part)).is_ok();
                is_taken && at < wanted.end
            })
        });
        if let Err(error) = read.await {
            tracing::error!(object = %id, %error, "a file could not be sent to its end");
        }
    });
    from
}

/// What is sent piece by piece.
fn body(first: Option<Bytes>, pieces: mpsc::Receiver<Bytes>) -> Body {
    let rest = futures_util::stream::unfold((first, pieces), |(next, mut pieces)| async move {
        let piece = match next {
            Some(piece) => Some(piece),
            None => pieces.recv().await,
        };
        piece.map(|piece| (Ok::<_, std::io::Error>(piece), (None, pieces)))
    });
    Body::from_stream(rest)
}
