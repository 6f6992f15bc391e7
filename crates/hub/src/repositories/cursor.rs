//! Where a list of repositories goes on.

use names::{Id, UnixMillis};

use super::Repository;

/// The last row of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) pushed_at: UnixMillis,
    pub(crate) id: Id<Repository>,
}

impl Cursor {
    pub(crate) fn of(repository: &Repository) -> Self {
        Self { pushed_at: repository.pushed_at.unwrap_or(UnixMillis(0)), id: repository.id }
    }

    /// As bytes, to be signed.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        [&self.pushed_at.0.to_be_bytes()[..], self.id.uuid().as_bytes()].concat()
    }

    /// From bytes whose signature held.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (time, id) = bytes.split_at_checked(8)?;
        let pushed_at = UnixMillis(i64::from_be_bytes(time.try_into().ok()?));
        Some(Self { pushed_at, id: Id::from_uuid(uuid::Uuid::from_slice(id).ok()?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_whole() {
        let id = Id::new(UnixMillis(7), &names::Random::seeded(1));
        let cursor = Cursor { pushed_at: UnixMillis(1_795_294_380_000), id };
        assert_eq!(Cursor::from_bytes(&cursor.to_bytes()), Some(cursor));
        assert_eq!(Cursor::from_bytes(b"short"), None);
    }
}
