//! What comes in pages, checked before it is kept (`spec/wire.md` 9.1).
//!
//! Every object is hashed when it ends, every snapshot while base and delta are merged, every commit when it comes; and
//! none is kept before what it needs. At a cursor all that came before is on the disk, and noted. Memory is bounded by
//! one frame and [`KEPT_BYTES`].

use std::{collections::HashSet, sync::Arc};

use api::{
    CommitRecord,
    stream::{Decoder, Frame, LargeObject, SmallObject, SnapshotPart, StreamError, StreamKind},
};
use history::{
    ManifestEntry, SnapshotMerge, verify_commit,
    worktree::{IncomingObject, IncomingSnapshot, SnapshotEntries, WorktreeError},
};
use names::{ObjectId, SnapshotId};

use super::{Incoming, Note, TransferError};
use crate::client::ClientError;

/// Takes one stream.
pub(super) struct Receiver<'a, 'b> {
    incoming: &'a mut Incoming<'b>,
    note: &'a mut Note,
    decoder: Decoder,
    /// The objects that were asked for and have not come; none for a history.
    asked: Option<HashSet<ObjectId>>,
    object: Option<IncomingObject>,
    snapshot: Option<Snapshot>,
    /// The snapshot that came last: the next one is most often told by how it differs from that.
    last: Option<(SnapshotId, Arc<[ManifestEntry]>)>,
    more: bool,
}

/// What the entries of a snapshot may take in memory, to be kept for the next one; those of a larger one are read again.
const KEPT_BYTES: usize = 16 << 20;

/// A stream that is whole, and not what was asked for.
pub(super) fn malformed(what: &str) -> TransferError {
    StreamError::Malformed { offset: 0, what: what.to_owned() }.into()
}

/// A snapshot whose last part has not come.
struct Snapshot {
    merge: SnapshotMerge<SnapshotEntries>,
    out: Out,
}

/// Where the entries of a snapshot go.
struct Out {
    /// Where they are written; nowhere if the snapshot is here already.
    file: Option<IncomingSnapshot>,
    /// All of them so far; none when they are too many.
    kept: Option<Vec<ManifestEntry>>,
    bytes: usize,
}

impl Out {
    fn push(&mut self, entry: &ManifestEntry) -> Result<(), WorktreeError> {
        self.bytes += size_of::<ManifestEntry>() + entry.0.as_str().len();
        if self.bytes > KEPT_BYTES {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            kept.push(entry.clone());
        }
        self.file.as_mut().map_or(Ok(()), |file| file.push(entry))
    }
}

impl<'a, 'b> Receiver<'a, 'b> {
    pub(super) fn new(incoming: &'a mut Incoming<'b>, note: &'a mut Note) -> Self {
        let (decoder, asked) = (Decoder::default(), None);
        let (object, snapshot, last) = (None, None, None);
        Self { incoming, note, decoder, asked, object, snapshot, last, more: false }
    }

    /// Takes these objects, and nothing else.
    pub(super) fn of_objects(
        incoming: &'a mut Incoming<'b>,
        note: &'a mut Note,
        ids: &[ObjectId],
    ) -> Self {
        let asked = Some(ids.iter().copied().collect());
        Self { asked, ..Self::new(incoming, note) }
    }

    /// Takes the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        self.decoder.feed(bytes);
        while let Some(frame) = self.decoder.next_frame()? {
            self.frame(frame)?;
        }
        Ok(())
    }

    /// No more bytes come. Says whether the last cursor leads on.
    pub(super) fn finish(self) -> Result<bool, TransferError> {
        self.decoder.finish()?;
        if let Some(id) = self.asked.iter().flatten().next() {
            return Err(TransferError::Withheld(*id));
        }
        Ok(self.more)
    }

    fn frame(&mut self, frame: Frame) -> Result<(), TransferError> {
        match frame {
            Frame::Begin(begin) if begin.kind == self.kind() => Ok(()),
            Frame::Begin(_) => Err(malformed("this is a stream of another kind")),
            Frame::Objects(objects) => objects.into_iter().try_for_each(|it| self.small(&it)),
            Frame::Object(head) => self.begin_object(head),
            Frame::Data(bytes) => self.data(&bytes),
            Frame::ObjectEnd(_) => self.end_object(),
            Frame::Snapshot(_) | Frame::Commits(_) | Frame::Cursor(_) if self.asked.is_some() => {
                Err(malformed("objects alone were asked for"))
            }
            Frame::Snapshot(part) => self.part(part),
            Frame::Commits(records) => records.into_iter().try_for_each(|it| self.commit(&it)),
            Frame::Cursor(cursor) => {
                self.note.cursor = Some(cursor);
                self.object.as_ref().map_or(Ok(()), IncomingObject::sync)?;
                self.note.keep(self.incoming.copy)
            }
            Frame::Error(problem) => Err(ClientError::refused_in_stream(&problem).into()),
            Frame::End(end) => {
                self.more = end.more;
                Ok(())
            }
            Frame::Log(_) | Frame::Progress(_) => Ok(()),
        }
    }

    /// What the stream has to be.
    const fn kind(&self) -> StreamKind {
        if self.asked.is_some() { StreamKind::Objects } else { StreamKind::Fetch }
    }

    /// Refuses an object that was not asked for.
    fn expect(&mut self, id: ObjectId) -> Result<(), TransferError> {
        let is_expected = self.asked.as_mut().is_none_or(|asked| asked.remove(&id));
        if is_expected { Ok(()) } else { Err(TransferError::NotAsked(id)) }
    }

    fn small(&mut self, object: &SmallObject) -> Result<(), TransferError> {
        self.expect(object.id)?;
        self.incoming.copy.keep_object(object.id, &object.bytes)?;
        self.came(object.bytes.len());
        self.incoming.fetched.objects += 1;
        Ok(())
    }

    /// Bytes of objects that came.
    fn came(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        self.incoming.fetched.object_bytes += bytes;
        self.note.object_bytes += bytes;
        self.incoming.progress.advance(bytes);
    }

    /// An object begins, or goes on behind a cursor: in the same stream, or in the next one. One that is here came to
    /// its end before the transfer was cut, and its bytes pass by.
    fn begin_object(&mut self, head: LargeObject) -> Result<(), TransferError> {
        let goes_on = self.object.as_ref().is_some_and(|it| it.bytes() == head.offset);
        if goes_on && head.offset > 0 {
            return Ok(());
        }
        self.expect(head.id)?;
        let copy = self.incoming.copy;
        let is_here = copy.has_object(&head.id)?;
        self.object = if is_here { None } else { Some(copy.begin_object(head.id, head.offset)?) };
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        if let Some(object) = &mut self.object {
            object.write(bytes)?;
        }
        self.came(bytes.len());
        Ok(())
    }

    fn end_object(&mut self) -> Result<(), TransferError> {
        if let Some(object) = self.object.take() {
            self.incoming.copy.finish_object(object)?;
            self.incoming.fetched.objects += 1;
        }
        Ok(())
    }

    fn part(&mut self, part: SnapshotPart) -> Result<(), TransferError> {
        let copy = self.incoming.copy;
        let id = part.snapshot_id;
        let begun = self.snapshot.take();
        let mut snapshot = begun.map_or_else(|| self.begin_snapshot(id, part.base), Ok)?;
        for (_, object) in part.set.iter().filter(|_| !self.incoming.is_promised) {
            if !self.is_held(object)? {
                return Err(TransferError::NoObject { object: *object, snapshot: id });
            }
        }
        let (last, files, created_at) = (part.last, part.files, part.created_at.clone());
        let Snapshot { merge, out } = &mut snapshot;
        merge.part(part, |entry| out.push(entry))?;
        if !last {
            self.snapshot = Some(snapshot);
            return Ok(());
        }
        let Snapshot { merge, mut out } = snapshot;
        merge.finish(files, |entry| out.push(entry))?;
        if let Some(file) = out.file {
            copy.finish_snapshot(file, &created_at)?;
        }
        self.last = out.kept.map(|entries| (id, entries.into()));
        Ok(())
    }

    fn begin_snapshot(
        &self,
        id: SnapshotId,
        base: Option<SnapshotId>,
    ) -> Result<Snapshot, TransferError> {
        let copy = self.incoming.copy;
        let entries = match (base, &self.last) {
            (None, _) => SnapshotEntries::Nothing,
            (Some(base), Some((last, entries))) if base == *last => {
                SnapshotEntries::Kept(Arc::clone(entries), 0)
            }
            (Some(base), _) => {
                copy.snapshot_entries(&base)?.ok_or(TransferError::NoSnapshot(base))?
            }
        };
        let file = if copy.has_snapshot(&id)? { None } else { Some(copy.begin_snapshot(id)?) };
        let out = Out { file, kept: Some(Vec::new()), bytes: 0 };
        Ok(Snapshot { merge: SnapshotMerge::new(id, entries), out })
    }

    fn is_held(&self, object: &ObjectId) -> Result<bool, TransferError> {
        Ok(self.incoming.copy.has_object(object)?)
    }

    fn commit(&mut self, commit: &CommitRecord) -> Result<(), TransferError> {
        verify_commit(commit)?;
        let copy = self.incoming.copy;
        for parent in commit.parents() {
            if !copy.has_commit(&parent)? {
                return Err(TransferError::NoCommit(parent));
            }
        }
        if !copy.has_snapshot(&commit.snapshot_id)? {
            return Err(TransferError::NoSnapshot(commit.snapshot_id));
        }
        copy.write_commit(commit)?;
        self.incoming.fetched.commits += 1;
        Ok(())
    }
}
