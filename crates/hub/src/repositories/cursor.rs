//! Where a list of repositories goes on.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use names::{Id, UnixMillis};

use super::Repository;

/// The last row of a page. It holds nothing but what the page showed, so there is nothing in it to forge: whatever
/// it says, the list shows what its reader may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) pushed_at: UnixMillis,
    pub(crate) id: Id<Repository>,
}

impl Cursor {
    pub(crate) fn of(repository: &Repository) -> Self {
        Self { pushed_at: repository.pushed_at.unwrap_or(UnixMillis(0)), id: repository.id }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = self.pushed_at.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.uuid().as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const BAD: &str = "the cursor is not one that a list handed out";
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BAD)?;
        let (time, id) = bytes.split_at_checked(8).ok_or(BAD)?;
        let pushed_at = UnixMillis(i64::from_be_bytes(time.try_into().map_err(|_| BAD)?));
        let id = Id::from_uuid(uuid::Uuid::from_slice(id).map_err(|_| BAD)?);
        Ok(Self { pushed_at, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nonsense_does_not() {
        let id = Id::new(UnixMillis(7), &names::Random::seeded(1));
        let cursor = Cursor { pushed_at: UnixMillis(1_795_294_380_000), id };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "AAAA", "not base64!", &format!("{cursor}A")] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
