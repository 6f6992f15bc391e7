//! Many objects read at once: those that lie near each other in a segment come in one piece, so that going through a whole
//! upload asks the store little more than once a segment.
//!
//! Each object is hashed as everywhere. One whose bytes are wrong is read by itself, and so from another copy.

use std::io;

use futures_util::{Stream, StreamExt as _, stream};
use names::ObjectId;

use crate::{Error, Objects, Place, address::Address, blocking};

/// The longest piece of more than one object, in bytes.
const PIECE_BYTES: u64 = 1 << 20;
/// How many bytes may lie between two objects of a piece: to read them costs less than to ask once more.
const GAP_BYTES: u64 = 8 << 10;
/// Pieces that are read at the same time.
const READS: usize = 4;

/// Objects, and where they lie.
type Copies = Vec<(ObjectId, Place)>;
/// Objects with their bytes.
type Read = Vec<(ObjectId, Vec<u8>)>;

/// Objects that are read in one piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece(Copies);

impl Piece {
    /// Puts together what is read together. What lies in segments comes first.
    pub fn of(places: impl IntoIterator<Item = (ObjectId, Place)>) -> Vec<Self> {
        let mut places: Copies = places.into_iter().collect();
        places.sort_unstable_by_key(|(id, it)| (!it.in_segment, it.copy, it.position, *id));
        let mut pieces: Vec<Self> = Vec::new();
        for (id, place) in places {
            match pieces.last_mut() {
                Some(piece) if piece.has_room_for(&place) => piece.0.push((id, place)),
                Some(_) | None => pieces.push(Self(vec![(id, place)])),
            }
        }
        pieces
    }

    /// Where it begins in what it lies in, and where it ends.
    fn span(&self) -> (u64, u64) {
        let first = self.0.first().map_or(0, |(_, it)| it.position);
        (first, self.0.last().map_or(first, |(_, it)| it.position + it.size))
    }

    fn has_room_for(&self, next: &Place) -> bool {
        let ((start, end), segment) = (self.span(), self.0.first().map(|(_, it)| it.copy));
        next.in_segment
            && segment == Some(next.copy)
            && next.position >= end
            && next.position - end <= GAP_BYTES
            && next.position + next.size - start <= PIECE_BYTES
    }
}

impl Objects {
    /// The bytes of many objects, a piece at a time, hashed before they are handed out; in no particular order.
    pub fn read_all(
        &self,
        places: impl IntoIterator<Item = (ObjectId, Place)>,
    ) -> impl Stream<Item = Result<Vec<(ObjectId, Vec<u8>)>, Error>> + Send + Unpin {
        let pieces = stream::iter(Piece::of(places));
        Box::pin(pieces.map(|piece| self.read_piece(piece)).buffered(READS))
    }

    /// The bytes of the objects of a piece, hashed before they are handed out.
    pub async fn read_piece(&self, piece: Piece) -> Result<Vec<(ObjectId, Vec<u8>)>, Error> {
        let (start, end) = piece.span();
        let mut copies = piece.0;
        let (mut read, mut alone) = (Read::new(), Copies::new());
        match copies.as_slice() {
            [] | [_] => alone.append(&mut copies),
            [(id, place), ..] => {
                let address = Address::of(*id, place);
                match self.0.depot.span(address, start..end).await {
                    Ok(bytes) => {
                        let parted = blocking(move || Ok(part(&bytes, start, copies)));
                        (read, alone) = parted.await?;
                    }
                    Err(error) if is_wanting(&error) => alone.append(&mut copies),
                    Err(error) => return Err(error),
                }
            }
        }
        for (id, place) in alone {
            read.push((id, self.read_at(id, place).await?));
        }
        Ok(read)
    }
}

/// The objects in bytes that begin at `start`: those that have their hash, and those that have not.
fn part(bytes: &[u8], start: u64, copies: Copies) -> (Read, Copies) {
    let (mut right, mut wrong) = (Vec::with_capacity(copies.len()), Vec::new());
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    for (id, place) in copies {
        let from = place.position - start;
        match bytes.get(index(from)..index(from + place.size)) {
            Some(own) if ObjectId::of(own) == id => right.push((id, own.to_vec())),
            Some(_) | None => wrong.push((id, place)),
        }
    }
    (right, wrong)
}

/// Whether the copy is not there, or shorter than it should be.
fn is_wanting(error: &Error) -> bool {
    let kinds = [io::ErrorKind::NotFound, io::ErrorKind::UnexpectedEof];
    matches!(error, Error::Io(error) if kinds.contains(&error.kind()))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn place(copy: u128, in_segment: bool, position: u64, size: u64) -> Place {
        Place { copy: Uuid::from_u128(copy), in_segment, position, size }
    }

    #[test]
    fn neighbours_in_a_segment_are_read_together_up_to_a_bound() {
        let near = [place(1, true, 10, 5), place(1, true, 60, 5), place(1, true, 65, 40)];
        let far = place(1, true, 105 + GAP_BYTES + 1, 5);
        let elsewhere = [place(2, true, 110, 5), place(3, false, 0, 5), place(3, false, 0, 5)];
        let all: Vec<_> = near.iter().chain([&far]).chain(&elsewhere).cloned().collect();
        let id = |at: usize| ObjectId::of(&[u8::try_from(at).unwrap()]);
        let all = all.into_iter().enumerate().rev().map(|(at, it)| (id(at), it));
        let pieces = Piece::of(all);
        let sizes: Vec<_> = pieces.iter().map(|it| it.0.len()).collect();
        assert_eq!(sizes, [3, 1, 1, 1, 1]);
        assert_eq!(pieces[0].span(), (10, 105));
        assert!(!pieces[4].0[0].1.in_segment, "files come last");

        let long = (0..40).map(|at| place(1, true, at * (64 << 10), 64 << 10));
        let long = long.map(|it| (ObjectId::of(&it.position.to_be_bytes()), it));
        let sizes: Vec<_> = Piece::of(long).iter().map(|it| it.0.len()).collect();
        assert_eq!(sizes, [16, 16, 8]);
    }
}
