//! The limits of wire 1 (`spec/wire.md` 10), as far as the messages themselves can hold them.

/// Body of `filter-objects`, `presign`, `confirm`, `push/objects` and `push`.
pub const PUSH_BODY_BYTES: u64 = 500 << 20;
/// Body of `negotiate` and `fetch`.
pub const FETCH_BODY_BYTES: u64 = 64 << 20;
/// Body of `releases` and `tags`.
pub const SMALL_BODY_BYTES: u64 = 10 << 20;
/// The longest answer of wire 1: a Muse client reads no more.
pub const ANSWER_BYTES: u64 = 64 << 20;

/// Ids in `filter-objects`, and in `have` of `negotiate` and `fetch`.
pub const IDS: usize = 1_000_000;
/// Ids in `presign` and `confirm`: each costs the server more than a look.
pub const UPLOAD_IDS: usize = 100_000;
/// Commits in `want`.
pub const WANTS: usize = 10_000;
/// Objects in one `push/objects`.
pub const OBJECTS: usize = 10_000;
/// One object inside a message; larger ones go by presigned address or wire 2.
pub const INLINE_OBJECT_BYTES: u64 = 256 << 20;
/// Commits in one push, and snapshots in one push.
pub const RECORDS: usize = 100_000;
/// Files in one snapshot.
pub const FILES: usize = 1_000_000;

/// Labels in one request.
pub const LABELS: usize = 10_000;
/// One label.
pub const LABEL_BYTES: usize = 500;
/// The tag of a release: the name of a ref.
pub const TAG_BYTES: usize = 255;
/// The title of a release.
pub const TITLE_CHARS: usize = 500;
/// The notes of a release.
pub const NOTES_BYTES: usize = 128 << 10;
/// Entries in the changelog of a release.
pub const CHANGELOG: usize = 500;
/// All of them together, in MessagePack.
pub const CHANGELOG_BYTES: u64 = 1 << 20;
/// A PGP signature with its armour, which nobody looks into.
pub const GPG_SIGNATURE_BYTES: usize = 16 << 10;
/// One object that is sent to an address of its own.
pub const PRESIGNED_OBJECT_BYTES: u64 = 5 << 30;

/// A commit's message.
pub const MESSAGE_BYTES: usize = 256 << 10;
/// Each short text of a commit: author, agent fields, prompt hash, signature and the like.
pub const FIELD_BYTES: usize = 1024;
/// Pairs in a commit's `metadata`.
pub const METADATA_PAIRS: usize = 64;
/// One pair of `metadata`, key and value together.
pub const METADATA_PAIR_BYTES: usize = 4096;
/// Addresses in `breaking_changes`.
pub const BREAKING_CHANGES: usize = 10_000;
/// One address: a path of 4,096 bytes and a symbol of the same length.
pub const ADDRESS_BYTES: usize = 8192;
/// Names in `reviewed_by`: what the union of many pushes may reach (`spec/wire.md` 5).
pub const REVIEWERS: usize = 1000;
/// A `structured_delta` in MessagePack. A longer one is dropped and noted, never refused (`spec/wire.md` 6.2), so
/// parsing lets it pass: the server measures it with [`encoded_len`](crate::msgpack::encoded_len).
pub const STRUCTURED_DELTA_BYTES: u64 = 16 << 20;

/// The shortest and longest life of a presigned address, in seconds (`spec/wire.md` 4).
pub const PRESIGN_TTL_SECONDS: std::ops::RangeInclusive<u32> = 30..=3600;
