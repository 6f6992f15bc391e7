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
use names::{NodeId, ObjectId, RepoPath};
use objects::Place;
use tokio::sync::mpsc;

use super::{FileBytes, Found, store};
use crate::{Error, Hub};

/// Where a history is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// In the rows of a Muse history, and the object store.
    Rows,
}

impl Source {
    /// That of repositories with this format, as their rows say it.
    pub(crate) fn of_format(format: &str) -> Result<Self, db::Error> {
        match format {
            "muse" => Ok(Self::Rows),
            other => {
                let unknown = format!("histories of the format {other:?} are not read here");
                Err(db::Error::corrupt("repositories.format")(unknown))
            }
        }
    }

    /// Directories. One that is missing is a broken tree.
    pub(crate) async fn nodes(self, tx: &mut Tx, ids: &[NodeId]) -> Result<Nodes, Error> {
        match self {
            Self::Rows => store::nodes(tx, ids).await,
        }
    }

    /// Those of the directories that are at most so many bytes long.
    pub(crate) async fn small_nodes(
        self,
        tx: &mut Tx,
        ids: &[NodeId],
        most: u32,
    ) -> Result<Nodes, Error> {
        match self {
            Self::Rows => Ok(store::small_nodes(tx, ids, most).await?),
        }
    }

    /// How many bytes directories have.
    pub(crate) async fn node_sizes(
        self,
        tx: &mut Tx,
        ids: &[NodeId],
    ) -> Result<HashMap<NodeId, usize>, Error> {
        match self {
            Self::Rows => Ok(store::node_sizes(tx, ids).await?),
        }
    }

    /// One directory.
    pub(crate) async fn node(self, tx: &mut Tx, id: NodeId) -> Result<Arc<Node>, Error> {
        let mut found = self.nodes(tx, &[id]).await?;
        found.remove(&id).ok_or_else(|| Error::Broken("a tree node is missing".to_owned()))
    }

    /// What stands at `path` below `root`, if anything does.
    pub(crate) async fn entry(
        self,
        tx: &mut Tx,
        root: NodeId,
        path: &RepoPath,
    ) -> Result<Option<Entry>, Error> {
        let mut lookup = TreeLookup::new(root, path);
        while let Some(needed) = lookup.needs() {
            lookup.give(&self.nodes(tx, &[needed]).await?);
        }
        Ok(lookup.into_entry())
    }

    /// What stands at `path` below `root`; the root directory itself for no path.
    pub(crate) async fn find(
        self,
        tx: &mut Tx,
        root: NodeId,
        path: Option<&RepoPath>,
    ) -> Result<Found, Error> {
        let Some(path) = path else { return Ok(Found::Directory(self.node(tx, root).await?)) };
        let entry = self.entry(tx, root, path).await?.ok_or(Error::NotFound)?;
        match entry.kind {
            Kind::Directory(id) => Ok(Found::Directory(self.node(tx, id).await?)),
            Kind::File(_) => Ok(Found::File(entry)),
        }
    }

    /// The bytes of a file, or their first `limit`.
    pub(super) async fn bytes(
        self,
        hub: &Hub,
        id: ObjectId,
        limit: u64,
    ) -> Result<FileBytes, Error> {
        match self {
            Self::Rows => hub.bytes(id, limit).await,
        }
    }

    /// Where files lie, asked for together; those that are not there are not among them.
    pub(super) async fn places(
        self,
        hub: &Hub,
        ids: &[ObjectId],
    ) -> Result<HashMap<ObjectId, Place>, Error> {
        match self {
            Self::Rows => Ok(hub.objects.find(&mut hub.db.glance().await?, ids).await?),
        }
    }

    /// A file at its place, whole.
    pub(super) async fn read_at(self, hub: &Hub, id: ObjectId, at: Place) -> Result<Bytes, Error> {
        match self {
            Self::Rows => Ok(Bytes::from(hub.objects.read_at(id, at).await?)),
        }
    }

    /// A file as it is sent: its beginning, by which its type is judged, and all of it.
    pub(super) async fn body(self, hub: &Hub, id: ObjectId) -> Result<(Bytes, Body), Error> {
        match self {
            Self::Rows => hub.body_of(id).await,
        }
    }

    /// Some bytes of a file as they are sent, behind its first `head`.
    pub(super) async fn part(
        self,
        hub: &Hub,
        id: ObjectId,
        (head, range): (u64, Range<u64>),
    ) -> Result<(Bytes, Body), Error> {
        match self {
            Self::Rows => hub.part_of(id, (head, range)).await,
        }
    }

    /// A file at its place, as it is read.
    pub(super) fn pieces(self, hub: &Hub, id: ObjectId, at: Place) -> mpsc::Receiver<Bytes> {
        match self {
            Self::Rows => hub.pieces(id, at),
        }
    }
}
