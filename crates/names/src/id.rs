//! Row ids: UUID version 7, one type for each kind of thing.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Random, UnixMillis};

/// An identifier of one kind of thing: an `Id<Repository>` is never an `Id<Principal>`.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id<Kind>(Uuid, #[serde(skip)] PhantomData<fn() -> Kind>);

impl<Kind> Id<Kind> {
    /// A fresh id that sorts by `now` (RFC 9562 §5.7).
    pub fn new(now: UnixMillis, random: &Random) -> Self {
        let millis = u64::try_from(now.0).unwrap_or(0);
        Self::from_uuid(
            uuid::Builder::from_unix_timestamp_millis(millis, &random.bytes()).into_uuid(),
        )
    }

    /// A fresh id that tells nothing (RFC 9562 §5.4): for things whose address is the permission to read.
    pub fn unguessable(random: &Random) -> Self {
        Self::from_uuid(uuid::Builder::from_random_bytes(random.bytes()).into_uuid())
    }

    /// Wraps an id read from a row.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The bare value, to bind in a statement.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<Kind> Clone for Id<Kind> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Kind> Copy for Id<Kind> {}
impl<Kind> PartialEq for Id<Kind> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<Kind> Eq for Id<Kind> {}
impl<Kind> PartialOrd for Id<Kind> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<Kind> Ord for Id<Kind> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<Kind> hash::Hash for Id<Kind> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<Kind> fmt::Debug for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl<Kind> fmt::Display for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl<Kind> From<Id<Kind>> for String {
    fn from(id: Id<Kind>) -> Self {
        id.to_string()
    }
}

impl<Kind> FromStr for Id<Kind> {
    type Err = uuid::Error;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        raw.parse().map(Self::from_uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing;

    #[test]
    fn ids_sort_by_their_time() {
        let random = Random::seeded(1);
        let early = Id::<Thing>::new(UnixMillis(1_000), &random);
        let late = Id::<Thing>::new(UnixMillis(2_000), &random);
        assert!(early < late);
        assert_eq!(early.uuid().get_version_num(), 7);
        assert_eq!(Id::<Thing>::unguessable(&random).uuid().get_version_num(), 4);
    }

    #[test]
    fn serde_and_text_agree() {
        let id = Id::<Thing>::new(UnixMillis(1_000), &Random::seeded(2));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{id}\""));
        assert_eq!(id.to_string().parse::<Id<Thing>>().unwrap(), id);
    }
}
