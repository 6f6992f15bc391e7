//! What the office sees of the object store and of quotas, under `/api/v1/admin`.

use serde::{Deserialize, Serialize};

/// `GET /api/v1/admin/storage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Objects by their state: `live`, `dead`, `missing`, `corrupt`.
    pub states: Vec<StorageGroup>,
    /// Objects by their size.
    pub sizes: Vec<StorageGroup>,
    /// Files in which small objects lie together.
    pub segments: u64,
    /// Their bytes.
    pub segment_bytes: u64,
    /// Copies in files of their own.
    pub files: u64,
    /// Their bytes.
    pub file_bytes: u64,
    /// Links from repositories to objects.
    pub links: u64,
    /// The bytes that repositories show: an object counts for each that links it.
    pub logical_bytes: u64,
    /// The bytes that the store takes.
    pub physical_bytes: u64,
    /// Bytes that would be there more than once if every repository had its own.
    pub saved_by_joining_bytes: u64,
    /// Objects that were received and that nothing links yet.
    pub pending: u64,
    /// Files that no row names and that will be removed.
    pub waste: u64,
    /// Their bytes.
    pub waste_bytes: u64,
    /// Faults that are not over.
    pub open_faults: u64,
    /// Free bytes of the file system that holds the store or its cache, if it can be asked.
    pub free_bytes: Option<u64>,
    /// The newest walk of each kind.
    pub scans: Vec<StorageScan>,
}

/// Objects that have something in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageGroup {
    /// What.
    pub name: String,
    /// How many.
    pub objects: u64,
    /// Their bytes, each object once.
    pub bytes: u64,
}

/// A walk over everything that is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageScan {
    /// `sample`, `scrub`, `orphans` or `records`.
    pub kind: String,
    /// How many things it has looked at.
    pub checked: u64,
    /// How many bytes it has hashed.
    pub bytes: u64,
    /// How many faults it has found.
    pub faults: u64,
    /// When it began.
    pub started_at: String,
    /// When it came to its end, if it has.
    pub ended_at: Option<String>,
}

/// A page of `GET /api/v1/admin/storage/faults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultPage {
    /// The faults, newest first.
    pub items: Vec<Fault>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}

/// Something that was found wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Which.
    pub id: String,
    /// What is wrong: `corrupt`, `missing`, `orphan`, `segment`, `snapshot`, `ref` or `quota`.
    pub kind: String,
    /// With what.
    pub subject: String,
    /// The object, if it is about one.
    pub object_id: Option<String>,
    /// More of it, for people.
    pub detail: String,
    /// When it was found.
    pub found_at: String,
    /// When it was over, if it is.
    pub resolved_at: Option<String>,
    /// How it ended.
    pub how: Option<String>,
}

/// The body of `POST /api/v1/admin/storage/scan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartScan {
    /// `sample`, `scrub`, `orphans`, `records` or `tidy`.
    pub kind: String,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanStarted {
    /// The kind of the job that does it.
    pub job: String,
    /// Whether it was added: none is while another waits or runs.
    pub pushed: bool,
}

/// The answer of `POST /api/v1/admin/storage/heal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Healed {
    /// How many faults are over now.
    pub healed: u64,
    /// How many are open still.
    pub open_faults: u64,
}

/// What is used of the limits of an owner or a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaUse {
    /// Bytes of the repository.
    pub bytes: Option<Used>,
    /// Objects of the repository.
    pub objects: Option<Used>,
    /// Bytes of all repositories of the owner; only for those who may know of all of them.
    pub owner_bytes: Option<Used>,
}

/// A limit, and what is used of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// What there is.
    pub used: u64,
    /// What there may be.
    pub allowed: u64,
}

/// The body of `PUT /api/v1/admin/quotas/{owner}` and `…/{owner}/{name}`: what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetQuota {
    /// Bytes.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Limit>,
    /// Objects; of a repository alone.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub objects: Option<Limit>,
}

/// A limit: a number, or `null` for what is usual at the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<u64>", into = "Option<u64>")]
pub enum Limit {
    /// What is usual.
    Usual,
    /// So many.
    Of(u64),
}

impl From<Option<u64>> for Limit {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::Usual, Self::Of)
    }
}

impl From<Limit> for Option<u64> {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Usual => None,
            Limit::Of(value) => Some(value),
        }
    }
}

/// Left out and `null` are two things.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Limit>, D::Error> {
    Limit::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_out_and_null_are_two_things() {
        for (text, wanted) in [
            ("{}", SetQuota::default()),
            (r#"{"bytes":null}"#, SetQuota { bytes: Some(Limit::Usual), objects: None }),
            (r#"{"bytes":5}"#, SetQuota { bytes: Some(Limit::Of(5)), objects: None }),
        ] {
            assert_eq!(serde_json::from_str::<SetQuota>(text).unwrap(), wanted);
            assert_eq!(serde_json::to_string(&wanted).unwrap(), text);
        }
        assert!(serde_json::from_str::<SetQuota>(r#"{"byte":5}"#).is_err());
    }
}
