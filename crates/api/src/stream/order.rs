//! What may follow what, as far as frames show it; and what has been counted.

use names::{ObjectId, SnapshotId};

use super::{Counts, Frame, LargeObject, SnapshotPart, error::Refused};

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Place {
    /// Nothing has come yet.
    #[default]
    Start,
    /// Between two things.
    Between,
    /// In an object, of which so many bytes are still to come.
    Object { id: ObjectId, left: u64 },
    /// At a cursor in an object.
    Paused { id: ObjectId, left: u64 },
    /// In a snapshot, whose next part is this one.
    Snapshot { id: SnapshotId, base: Option<SnapshotId>, next: u32 },
    /// Nothing may follow.
    Over,
}

/// Watches over the order of the frames of one stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Order {
    place: Place,
    pub(super) counts: Counts,
}

impl Order {
    /// Of a stream that goes on behind a cursor.
    pub(super) fn resumed() -> Self {
        Self { place: Place::Between, counts: Counts::default() }
    }

    /// Whether the stream stands between two things, so that what came is closed.
    pub(super) const fn is_between(&self) -> bool {
        matches!(self.place, Place::Between | Place::Over)
    }

    /// Whether the last frame has come.
    pub(super) fn is_over(&self) -> bool {
        self.place == Place::Over
    }

    /// Takes the next frame, or says why it cannot be the next.
    pub(super) fn take(&mut self, frame: &Frame) -> Result<(), Refused> {
        self.place = match (self.place.clone(), frame) {
            (Place::Start, Frame::Begin(_)) => Place::Between,
            (Place::Start, _) => return wrong("a stream begins with what it is"),
            (Place::Over, _) => return wrong("nothing follows the end of a stream"),
            (_, Frame::Begin(_)) => return wrong("a stream begins once"),
            (_, Frame::Error(_)) => Place::Over,
            (place, Frame::Progress(_)) => place,
            (Place::Object { id, left }, frame) => self.in_object(id, left, frame)?,
            (Place::Paused { id, left }, frame) => paused(id, left, frame)?,
            (Place::Snapshot { id, base, next }, Frame::Snapshot(part)) => {
                if (part.snapshot_id, part.base, part.part) != (id, base, next) {
                    return wrong("the next part of a snapshot follows the one before it");
                }
                self.after_part(part)?
            }
            (Place::Snapshot { .. }, _) => return wrong("a snapshot lacks its last part"),
            (Place::Between, frame) => self.between(frame)?,
        };
        Ok(())
    }

    fn between(&mut self, frame: &Frame) -> Result<Place, Refused> {
        match frame {
            Frame::Object(LargeObject { id, size, offset }) => {
                return Ok(Place::Object { id: *id, left: size - offset });
            }
            Frame::Snapshot(part) if part.part == 0 => return self.after_part(part),
            Frame::Snapshot(_) => return Err(Refused::malformed("a snapshot begins with part 0")),
            Frame::Data(_) | Frame::ObjectEnd(_) => {
                return Err(Refused::malformed("bytes of an object follow its head"));
            }
            Frame::End(_) | Frame::Error(_) => return Ok(Place::Over),
            Frame::Begin(_) => return wrong("a stream begins once"),
            Frame::Commits(records) => self.counts.commits += records.len() as u64,
            Frame::Objects(objects) => self.counts.objects += objects.len() as u64,
            Frame::Cursor(_) | Frame::Log(_) | Frame::Progress(_) => {}
        }
        Ok(Place::Between)
    }

    fn in_object(&mut self, id: ObjectId, left: u64, frame: &Frame) -> Result<Place, Refused> {
        match frame {
            Frame::Data(bytes) => match left.checked_sub(bytes.len() as u64) {
                Some(left) => Ok(Place::Object { id, left }),
                None => Err(Refused::malformed("an object has more bytes than its head says")),
            },
            Frame::ObjectEnd(ended) if *ended == id && left == 0 => {
                self.counts.objects += 1;
                Ok(Place::Between)
            }
            Frame::ObjectEnd(_) => Err(Refused::malformed("an object ends before its end")),
            Frame::Cursor(_) => Ok(Place::Paused { id, left }),
            _ => Err(Refused::malformed("an object lacks its end")),
        }
    }

    fn after_part(&mut self, part: &SnapshotPart) -> Result<Place, Refused> {
        if part.last {
            self.counts.snapshots += 1;
            return Ok(Place::Between);
        }
        let next = part.part.checked_add(1).ok_or_else(|| Refused::malformed("too many parts"))?;
        Ok(Place::Snapshot { id: part.snapshot_id, base: part.base, next })
    }
}

/// Behind a cursor an object goes on where it stopped, or the stream ends and another one goes on with it.
fn paused(id: ObjectId, left: u64, frame: &Frame) -> Result<Place, Refused> {
    match frame {
        Frame::Object(next) if next.id == id && next.size - next.offset == left => {
            Ok(Place::Object { id, left })
        }
        Frame::End(end) if end.more => Ok(Place::Over),
        _ => wrong("behind a cursor an object goes on where it stopped"),
    }
}

fn wrong<T>(what: &str) -> Result<T, Refused> {
    Err(Refused::malformed(what))
}
