//! Objects, put into a stream: small ones together, a large one in frames of its own.

use std::collections::HashMap;

use api::stream::{Frame, LargeObject, SmallObject, limits::SMALL_OBJECT_BYTES};
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use names::ObjectId;
use objects::Place;
use tokio::sync::mpsc;

use super::sending::{Sending, Stop};
use crate::{Error, Hub};

/// Bytes of small objects in one frame, before the last one.
const FRAME_BYTES: u64 = 512 << 10;
/// Small objects in one frame.
const FRAME_OBJECTS: usize = 1_000;
/// What is read at once of an object that goes on.
const PART_BYTES: u64 = 512 << 10;

/// Small objects that wait to be sent together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    ids: Vec<ObjectId>,
    bytes: u64,
}

impl Batch {
    /// Adds one of so many bytes; says whether that is enough for a frame.
    pub(super) fn add(&mut self, id: ObjectId, size: u64) -> bool {
        self.ids.push(id);
        self.bytes += size;
        self.bytes >= FRAME_BYTES || self.ids.len() >= FRAME_OBJECTS
    }

    /// Sends all of them.
    pub(super) async fn send(&mut self, to: &mut Sending) -> Result<(), Stop> {
        let ids = std::mem::take(&mut self.ids);
        self.bytes = 0;
        if ids.is_empty() {
            return Ok(());
        }
        let hub = to.hub.clone();
        let objects = to.patiently(hub.small(&ids)).await?;
        to.put(Frame::Objects(objects)).await
    }
}

/// Whether an object goes with others.
pub(super) const fn is_small(size: u64) -> bool {
    size <= SMALL_OBJECT_BYTES as u64
}

/// The bytes of a large object from some place on.
pub(super) struct Large {
    id: ObjectId,
    place: Place,
    at: u64,
    whole: Option<mpsc::Receiver<Bytes>>,
}

impl Large {
    /// Begins at `offset`. A whole object is verified before its first byte comes; of one that goes on the bytes are
    /// sent as they are, and who puts them together hashes them.
    pub(super) fn new(hub: &Hub, id: ObjectId, place: Place, offset: u64) -> Self {
        let whole = (offset == 0).then(|| hub.pieces(id, place.clone()));
        Self { id, place, at: offset, whole }
    }

    /// What says that its bytes follow.
    pub(super) const fn head(&self) -> Frame {
        Frame::Object(LargeObject { id: self.id, size: self.place.size, offset: self.at })
    }

    /// How many bytes have been handed out, with those before.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// The next bytes; none at its end.
    pub(super) async fn next(&mut self, hub: &Hub) -> Result<Option<Bytes>, Error> {
        if self.at >= self.place.size {
            return Ok(None);
        }
        let piece = if let Some(pieces) = &mut self.whole {
            // It ends early where no copy is whole.
            pieces.recv().await.ok_or(objects::Error::Corrupt(self.id))?
        } else {
            let range = self.at..self.place.size.min(self.at + PART_BYTES);
            hub.objects.read_range(self.id, self.place.clone(), range).await?.into()
        };
        self.at += piece.len() as u64;
        Ok(Some(piece))
    }
}

impl Hub {
    /// Small objects with their bytes, each hashed when it was read.
    async fn small(&self, ids: &[ObjectId]) -> Result<Vec<SmallObject>, Error> {
        let mut tx = self.db.glance().await?;
        let places = self.objects.find(&mut tx, ids).await?;
        drop(tx);
        let read = self.objects.read_all(places).try_concat().await?;
        let mut read: HashMap<_, _> = read.into_iter().collect();
        let small = |id: &ObjectId| match read.remove(id) {
            Some(bytes) => Ok(SmallObject { id: *id, bytes }),
            None if *id == ObjectId::EMPTY => Ok(SmallObject { id: *id, bytes: Vec::new() }),
            None => Err(objects::Error::Missing(*id).into()),
        };
        ids.iter().map(small).collect()
    }
}
