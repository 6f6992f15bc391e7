//! The body of `push/objects`, made piece by piece (`spec/wire.md` 4).

use api::msgpack::{write_bytes, write_map_header, write_text};
use bytes::Bytes;
use names::ObjectId;

/// The most objects in one request.
pub const MAX_BATCH_OBJECTS: usize = 400;
/// The most bytes in one request, unless one object alone is longer.
pub const MAX_BATCH_BYTES: usize = 8 << 20;
/// The header of a list whose length is not known yet: four bytes of length follow.
const ARRAY_32: u8 = 0xdd;
/// What an object takes beside its bytes: two keys, the id, headers.
const OVERHEAD_BYTES: usize = 100;

/// Objects on their way, already in the form in which they are sent.
#[derive(Debug)]
pub struct ObjectBatch {
    body: Vec<u8>,
    /// Where the length of the list stands.
    count_at: usize,
    count: u32,
}

impl Default for ObjectBatch {
    fn default() -> Self {
        let mut body = Vec::new();
        // Writing into memory does not fail, here and below.
        write_map_header(&mut body, 1).unwrap_or_default();
        write_text(&mut body, "objects").unwrap_or_default();
        body.push(ARRAY_32);
        let count_at = body.len();
        body.extend_from_slice(&[0; 4]);
        Self { body, count_at, count: 0 }
    }
}

impl ObjectBatch {
    /// Whether an object of `size_bytes` still fits. Into an empty batch anything does.
    pub fn fits(&self, size_bytes: usize) -> bool {
        self.count == 0
            || (self.len() < MAX_BATCH_OBJECTS
                && self.body.len() + size_bytes + OVERHEAD_BYTES <= MAX_BATCH_BYTES)
    }

    /// Adds an object.
    pub fn push(&mut self, id: &ObjectId, content: &[u8]) {
        let body = &mut self.body;
        write_map_header(body, 2).unwrap_or_default();
        write_text(body, "object_id").unwrap_or_default();
        write_text(body, &id.to_string()).unwrap_or_default();
        write_text(body, "content").unwrap_or_default();
        write_bytes(body, content).unwrap_or_default();
        self.count += 1;
    }

    /// How many objects it holds.
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The finished body.
    pub(super) fn into_body(mut self) -> Bytes {
        let end = self.count_at + 4;
        if let Some(slot) = self.body.get_mut(self.count_at..end) {
            slot.copy_from_slice(&self.count.to_be_bytes());
        }
        Bytes::from(self.body)
    }
}

#[cfg(test)]
mod tests {
    use api::{Limits, Value, wire::InlineObject};

    use super::*;

    #[test]
    fn the_body_is_what_the_wire_reads() {
        let mut batch = ObjectBatch::default();
        for content in [b"one".as_slice(), b"", &vec![7; 70_000]] {
            batch.push(&ObjectId::of(content), content);
        }
        assert_eq!(batch.len(), 3);
        let body = batch.into_body();
        let value = Value::from_msgpack_reader(&body[..], &Limits::of_body(1 << 20)).unwrap();
        let mut fields = api::wire::Fields::of(value, "the request").unwrap();
        let objects = fields.list("objects", 10).unwrap();
        let sizes: Vec<_> = objects
            .into_iter()
            .map(|object| InlineObject::try_from(object).unwrap())
            .map(|object| (ObjectId::of(&object.content) == object.object_id, object.content.len()))
            .collect();
        assert_eq!(sizes, [(true, 3), (true, 0), (true, 70_000)]);
    }

    #[test]
    fn a_batch_is_bounded_but_takes_one_object_of_any_length() {
        let mut batch = ObjectBatch::default();
        assert!(batch.fits(MAX_BATCH_BYTES * 2));
        for _ in 0..MAX_BATCH_OBJECTS {
            assert!(batch.fits(1));
            batch.push(&ObjectId::of(b"x"), b"x");
        }
        assert!(!batch.fits(1));
        let mut batch = ObjectBatch::default();
        batch.push(&ObjectId::of(b"x"), b"x");
        assert!(batch.fits(MAX_BATCH_BYTES / 2) && !batch.fits(MAX_BATCH_BYTES));
    }
}
