//! Where a list of repositories goes on.

use names::Id;

use super::{Repository, Sort};

/// The last row of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Where it stands in the order: the time of its last push, or its stars.
    pub(crate) rank: i64,
    pub(crate) id: Id<Repository>,
}

impl Cursor {
    pub(crate) fn of(repository: &Repository, sort: Sort) -> Self {
        let rank = match sort {
            Sort::Pushed => repository.pushed_at.map_or(0, |at| at.0),
            Sort::Stars => i64::try_from(repository.stars).unwrap_or(i64::MAX),
        };
        Self { rank, id: repository.id }
    }

    /// As bytes, to be signed.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [&self.rank.to_be_bytes()[..], self.id.uuid().as_bytes()].concat()
    }

    /// From bytes whose signature held.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (time, id) = bytes.split_at_checked(8)?;
        let rank = i64::from_be_bytes(time.try_into().ok()?);
        Some(Self { rank, id: Id::from_uuid(uuid::Uuid::from_slice(id).ok()?) })
    }
}

#[cfg(test)]
mod tests {
    use names::UnixMillis;

    use super::*;

    #[test]
    fn a_cursor_comes_back_whole() {
        let id = Id::new(UnixMillis(7), &names::Random::seeded(1));
        let cursor = Cursor { rank: 1_795_294_380_000, id };
        assert_eq!(Cursor::from_bytes(&cursor.to_bytes()), Some(cursor));
        assert_eq!(Cursor::from_bytes(b"short"), None);
    }
}
