//! The caps of a stream (`spec/wire.md` 9.1, 10).

/// What a stream begins with: `MOTET2` and a line end that a text mode would change.
pub const MAGIC: [u8; 8] = *b"MOTET2\r\n";
/// One payload, as it travels.
pub const PAYLOAD_BYTES: usize = 1 << 20;
/// One payload, unpacked.
pub const UNPACKED_BYTES: usize = 4 << 20;
/// What unpacking may look back on.
pub const WINDOW_BYTES: u64 = 8 << 20;
/// Commits in one frame, and in one page.
pub const COMMITS: usize = 500;
/// After so many bytes a page ends.
pub const PAGE_BYTES: u64 = 8 << 20;
/// A longer object has frames of its own.
pub const SMALL_OBJECT_BYTES: usize = 256 << 10;
/// One object.
pub const OBJECT_BYTES: u64 = 5 << 30;
/// A cursor, as text.
pub const CURSOR_BYTES: usize = 512;
/// A longer `structured_delta` is sent as null.
pub const DELTA_BYTES: u64 = 512 << 10;
/// Ids in the `want` or `common` of a stream's first frame.
pub const BEGIN_IDS: usize = 10_000;
/// What a stream may bring of a request, and what it brings if the request does not say.
pub const FETCH_BYTES: u64 = 256 << 20;
/// The least that a request may ask for.
pub const LEAST_FETCH_BYTES: u64 = 1 << 20;
