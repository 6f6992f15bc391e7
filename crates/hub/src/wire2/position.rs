//! Where a fetch goes on (`spec/wire.md` 9.1, e to g): a place in an order that does not change, signed and bound to all
//! that was asked. The server remembers nothing.

use api::{WireCode, wire2::Objects};
use names::{CommitId, Digest, Id, UnixMillis};
use trust::Actor;
use web::Cursors;

use crate::{Error, Repository};

/// How long a cursor leads on.
const LIFE_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// A commit's place in the order of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) generation: i64,
    pub(super) id: CommitId,
}

/// What has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// The last commit that was sent with all that it needs.
    pub(super) after: At,
    /// How many of the next commit's changes were passed, their objects sent.
    pub(super) changes: u64,
    /// How many bytes of the next change's object were sent.
    pub(super) bytes: u64,
}

impl Position {
    /// Where a fetch begins. No commit has the generation 0.
    pub(super) const START: Self = Self {
        after: At { generation: 0, id: CommitId::from_bytes([0; 32]) },
        changes: 0,
        bytes: 0,
    };
}

/// What a cursor is bound to.
#[derive(Debug, Clone)]
pub(super) struct Bound(String);

impl Bound {
    /// The request of `actor` for `want` beside `common`.
    pub(super) fn to(
        repository: Id<Repository>,
        actor: &Actor,
        (want, common): (&[CommitId], &[CommitId]),
        objects: Objects,
    ) -> Self {
        let mut asked = Vec::new();
        for (mark, ids) in [(b'w', want), (b'c', common)] {
            let mut ids = ids.to_vec();
            ids.sort_unstable();
            ids.dedup();
            asked.push(mark);
            asked.extend(ids.iter().flat_map(|id| *id.as_bytes()));
        }
        let principal = actor.principal().map_or_else(String::new, |it| it.id.to_string());
        let (asked, objects) = (Digest::of(&asked), objects.as_str());
        Self(format!("wire2.fetch:{repository}:{principal}:{objects}:{asked}"))
    }

    /// The text of a position.
    pub(super) fn write(&self, cursors: &Cursors, at: &Position, now: UnixMillis) -> String {
        let mut bytes = now.0.saturating_add(LIFE_MILLIS).to_be_bytes().to_vec();
        bytes.extend(at.after.generation.to_be_bytes());
        bytes.extend(at.after.id.as_bytes());
        bytes.extend(at.changes.to_be_bytes());
        bytes.extend(at.bytes.to_be_bytes());
        cursors.write(&self.0, &bytes)
    }

    /// The position that a text means. One that is too old, or was given to somebody else or for something else, is one
    /// that is gone.
    pub(super) fn read(
        &self,
        cursors: &Cursors,
        text: &str,
        now: UnixMillis,
    ) -> Result<Position, Error> {
        let bytes = cursors.read(&self.0, text);
        let position = bytes.as_deref().and_then(|bytes| read(bytes, now));
        position.ok_or_else(gone)
    }
}

/// The refusal of a cursor that does not lead on.
pub(super) fn gone() -> Error {
    Error::wire(WireCode::CursorGone, "the cursor does not lead on any more; negotiate again")
}

fn read(bytes: &[u8], now: UnixMillis) -> Option<Position> {
    let (ends_at, rest) = bytes.split_first_chunk::<8>()?;
    let (generation, rest) = rest.split_first_chunk::<8>()?;
    let (id, rest) = rest.split_first_chunk::<32>()?;
    let (changes, rest) = rest.split_first_chunk::<8>()?;
    let sent = <[u8; 8]>::try_from(rest).ok()?;
    let after = At { generation: i64::from_be_bytes(*generation), id: CommitId::from_bytes(*id) };
    let (changes, bytes) = (u64::from_be_bytes(*changes), u64::from_be_bytes(sent));
    (now.0 < i64::from_be_bytes(*ends_at)).then_some(Position { after, changes, bytes })
}

#[cfg(test)]
mod tests {
    use names::Secret;

    use super::*;

    fn bound(seed: u8, want: &[CommitId]) -> Bound {
        let repository = Id::from_uuid(uuid::Uuid::from_bytes([seed; 16]));
        Bound::to(repository, &Actor::anonymous(), (want, &[]), Objects::All)
    }

    #[test]
    fn a_cursor_leads_on_for_seven_days_for_the_same_question() {
        let cursors = Cursors::new(Secret::new([3; 32]));
        let (one, two) = (CommitId::of(b"one"), CommitId::of(b"two"));
        let at = Position { after: At { generation: 7, id: one }, changes: 3, bytes: 1 << 40 };
        let (now, asked) = (UnixMillis(1_795_294_380_000), bound(1, &[one, two]));
        let text = asked.write(&cursors, &at, now);
        assert!(text.len() <= 512);
        let later = |millis: i64| UnixMillis(now.0 + millis);
        assert_eq!(asked.read(&cursors, &text, later(LIFE_MILLIS - 1)).unwrap(), at);
        // The order of what is wanted says nothing.
        let again = bound(1, &[two, one, two]);
        assert_eq!(again.read(&cursors, &text, now).unwrap(), at);
        for (other, when) in
            [(&asked, later(LIFE_MILLIS)), (&bound(2, &[one, two]), now), (&bound(1, &[one]), now)]
        {
            let refused = other.read(&cursors, &text, when).unwrap_err();
            assert!(matches!(refused, Error::Wire(it) if it.code == WireCode::CursorGone));
        }
    }
}
