//! Refusals of wire 1: each has a stable code, a status and a sentence (`spec/wire.md` 3-6).

use std::io;

use crate::DecodeError;

/// The longest error line: the Muse client prints its first 400 characters as they are.
const LINE_BYTES: usize = 400;
/// How much of a peer's own text is repeated in a sentence.
const QUOTE_BYTES: usize = 120;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $status:literal $text:literal,)*) => {
        /// Why wire 1 refuses a request, as clients match on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum WireCode { $($(#[$doc])* $variant,)* }

        impl WireCode {
            /// Every code, in the order of the statuses.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as it is sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The HTTP status that goes with it.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

codes! {
    /// The body is not a message, or not this one.
    Malformed = 400 "malformed",
    /// No credentials, or bad ones.
    Unauthenticated = 401 "unauthenticated",
    /// This server takes no bearer tokens here.
    BearerRefused = 401 "bearer_refused",
    /// The caller may see the repository, but not do this.
    Forbidden = 403 "forbidden",
    /// A credential over plain HTTP.
    HttpsRequired = 403 "https_required",
    /// The repository is archived. 403, because a Muse client takes every 409 for a diverged branch.
    Archived = 403 "archived",
    /// The caller may push, but not rewrite.
    ForceForbidden = 403 "force_forbidden",
    /// A rule of the branch forbids it.
    ProtectedRef = 403 "protected_ref",
    /// The repository does not exist and its owner does not allow a push to create one.
    RepositoryMissing = 403 "repository_missing",
    /// Not there, or not visible to this caller.
    NotFound = 404 "not_found",
    /// The branch has commits that the tip does not contain.
    NotFastForward = 409 "not_fast_forward",
    /// A parent is neither in the push nor in this repository.
    UnknownParent = 409 "unknown_parent",
    /// A signed entry that does not follow the log of its ref.
    LogConflict = 409 "log_conflict",
    /// A push of wire 2 that goes on at another byte than it stands at.
    WrongOffset = 409 "wrong_offset",
    /// The tag of a release is taken.
    ReleaseExists = 409 "release_exists",
    /// A cursor of wire 2 that leads on no more.
    CursorGone = 410 "cursor_gone",
    /// A limit is exceeded.
    TooLarge = 413 "too_large",
    /// A quota is used up.
    QuotaExceeded = 413 "quota_exceeded",
    /// A body in a format that the wire does not know.
    UnsupportedMediaType = 415 "unsupported_media_type",
    /// A text that should be an id is none.
    BadId = 422 "bad_id",
    /// A path that must not be written to a disk.
    BadPath = 422 "bad_path",
    /// A path is a directory of another one.
    PathConflict = 422 "path_conflict",
    /// Object bytes that are not bytes.
    BadContent = 422 "bad_content",
    /// A commit message with a NUL.
    BadMessage = 422 "bad_message",
    /// A commit time that would not come back byte for byte.
    BadTime = 422 "bad_time",
    /// Two equal parents, or a second one without a first.
    BadParents = 422 "bad_parents",
    /// A native signature that does not verify.
    BadSignature = 422 "bad_signature",
    /// A commit without the signature that the repository asks for.
    UnsignedCommit = 422 "unsigned_commit",
    /// An entry of the ref log that is no entry, or not its signer's.
    BadEntry = 422 "bad_entry",
    /// A ref that moves only by an entry that its pusher signed.
    UnsignedEntry = 422 "unsigned_entry",
    /// Not the name of a branch.
    BadRef = 422 "bad_ref",
    /// A branch is a directory of another one.
    RefConflict = 422 "ref_conflict",
    /// The first commit is not the one tip of the push.
    BadTip = 422 "bad_tip",
    /// A push without commits.
    EmptyPush = 422 "empty_push",
    /// Bytes that have another hash than their id.
    HashMismatch = 422 "hash_mismatch",
    /// A manifest that has another hash than its id.
    SnapshotMismatch = 422 "snapshot_mismatch",
    /// A commit that has another hash than its id.
    CommitMismatch = 422 "commit_mismatch",
    /// Objects of a snapshot that were never uploaded.
    MissingObjects = 422 "missing_objects",
    /// A commit's snapshot that is neither in the push nor held.
    MissingSnapshot = 422 "missing_snapshot",
    /// A label on a commit that is not held.
    UnknownCommit = 422 "unknown_commit",
    /// A file that the repository's content policy does not take.
    ContentPolicy = 422 "content_policy",
    /// A key or a token in a file, where the repository takes none.
    SecretFound = 422 "secret_found",
    /// Too many requests.
    RateLimited = 429 "rate_limited",
    /// Work that needs longer, or something that the answer needs is down: push again.
    Unavailable = 503 "unavailable",
}

/// A refusal: a code for programs and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {sentence}", .code.as_str())]
pub struct WireError {
    /// What programs match on.
    pub code: WireCode,
    /// What people read: one line, without the code.
    pub sentence: String,
}

impl WireError {
    /// A refusal.
    pub fn new(code: WireCode, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into() }
    }

    /// The line that a Muse client prints: `<code>: <sentence> (request <id>)`, at most 400 bytes, of which the
    /// sentence gives way.
    pub fn line(&self, request_id: &str) -> String {
        let code = self.code.as_str();
        let tail = format!(" (request {request_id})");
        let room = LINE_BYTES.saturating_sub(code.len() + 2 + tail.len());
        let sentence = quoted(&self.sentence, room);
        format!("{code}: {sentence}{tail}")
    }

    pub(super) fn malformed(sentence: impl Into<String>) -> Self {
        Self::new(WireCode::Malformed, sentence)
    }
}

impl TryFrom<DecodeError> for WireError {
    /// A body that could not be read is nobody's fault that a code could name.
    type Error = io::Error;

    fn try_from(error: DecodeError) -> Result<Self, io::Error> {
        match error {
            DecodeError::Malformed { .. } => Ok(Self::malformed(error.to_string())),
            DecodeError::TooLarge { what } => Ok(Self::new(WireCode::TooLarge, what)),
            DecodeError::Io(error) => Err(error),
        }
    }
}

/// A peer's own text, fit to stand in a sentence: short, and without characters that move a cursor or turn the
/// direction of a line.
pub fn quotable(text: &str) -> String {
    quoted(text, QUOTE_BYTES)
}

/// `text` on one line in at most `max_bytes`; a text that is cut ends in `…`.
fn quoted(text: &str, max_bytes: usize) -> String {
    let unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut line = String::new();
    for c in text.chars() {
        let before = line.len();
        if unseen(c) {
            line.extend(c.escape_unicode());
        } else {
            line.push(c);
        }
        if line.len() > max_bytes {
            line.truncate(before);
            let keep = max_bytes.saturating_sub('…'.len_utf8());
            line.truncate(line.floor_char_boundary(keep));
            line.push('…');
            break;
        }
    }
    line
}
