//! Messages about a push (`spec/wire.md` 9). What is pushed travels as a stream between them.

use names::{CommitId, ObjectId, SnapshotId};

use super::{CURSOR_BYTES, REF_BYTES, number};
use crate::{
    Value, WireCode, WireError,
    wire::{Fields, ids, limits},
};

/// Refs that one push may move.
pub const PUSH_REFS: usize = 1_000;
/// Ids in one question of a push.
pub const CHECKED_IDS: usize = 50_000;
/// The longest record of an entry.
const ENTRY_BYTES: usize = 8 << 10;

/// Where a ref stands in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefPlace {
    /// Its full name.
    pub name: String,
    /// Where it leads; nothing for one that is gone.
    pub target: Option<CommitId>,
    /// The number of its last entry; 0 for none.
    pub counter: u64,
    /// The hash of its last entry; empty for none.
    pub entry_hash: String,
}

/// Warnings of one answer, and the longest of them: a path and a sentence.
const WARNINGS: usize = 16;
const WARNING_BYTES: usize = 8192;

/// What is to become of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Its full name.
    pub name: String,
    /// Where it is; nothing if it is not there.
    pub old: Option<CommitId>,
    /// Where it goes; nothing to take it away.
    pub new: Option<CommitId>,
    /// Whether commits may be left behind.
    pub force: bool,
    /// The record of the movement, as its pusher signed it; empty for none.
    pub entry: String,
    /// The pusher's signature of the record, in the form of commits.
    pub signature: String,
}

/// Begins a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPush {
    /// All of them move, or none.
    pub updates: Vec<Update>,
}

/// A push that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushOpened {
    /// Its name.
    pub push_id: String,
    /// What the stream is sent with.
    pub token: String,
    /// Until when it may go on, in RFC 3339, if nothing more comes.
    pub expires_at: String,
}

/// Asks what of some things has still to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PushCheck {
    /// Commits.
    pub commits: Vec<CommitId>,
    /// Snapshots.
    pub snapshots: Vec<SnapshotId>,
    /// Objects.
    pub objects: Vec<ObjectId>,
}

/// What of them has still to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PushMissing {
    /// Commits.
    pub commits: Vec<CommitId>,
    /// Snapshots.
    pub snapshots: Vec<SnapshotId>,
    /// Objects.
    pub objects: Vec<ObjectId>,
}

/// How far a push has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PushState {
    /// Where its stream goes on.
    pub offset: u64,
    /// The cursor before that place; empty at the beginning.
    pub cursor: String,
    /// Commits that have come.
    pub commits: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Objects.
    pub objects: u64,
    /// The large object that has not come to its end, and how many bytes of it are kept: it may go on behind them.
    pub part: Option<(ObjectId, u64)>,
}

/// A ref that has moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// Its full name.
    pub name: String,
    /// Where it was.
    pub old: Option<CommitId>,
    /// Where it is.
    pub new: Option<CommitId>,
    /// The number of the entry in its chain.
    pub counter: u64,
    /// The hash of the entry.
    pub entry_hash: String,
    /// The number of the seal.
    pub seq: u64,
    /// The hash of the seal.
    pub seal_hash: String,
}

/// What came of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushLanded {
    /// In the order in which they were asked for.
    pub updates: Vec<Landed>,
    /// What is told of what came, where the repository asks for that.
    pub warnings: Vec<String>,
}

/// An id, or nothing from an empty text.
fn target(fields: &mut Fields, key: &str) -> Result<Option<CommitId>, WireError> {
    let text = fields.text_or(key, "", limits::FIELD_BYTES)?;
    if text.is_empty() {
        return Ok(None);
    }
    let bad =
        |_| WireError::new(WireCode::BadId, format!("`{key}` is the id of a commit, or empty"));
    CommitId::from_sha256_text(&text).map(Some).map_err(bad)
}

fn text(target: Option<CommitId>) -> Value {
    target.map(|id| id.to_string()).unwrap_or_default().into()
}

impl TryFrom<Value> for RefPlace {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "a ref")?;
        Ok(Self {
            name: fields.text_or("ref", "", REF_BYTES)?,
            target: target(fields, "target")?,
            counter: number(fields, "counter")?,
            entry_hash: fields.text_or("entry_hash", "", limits::FIELD_BYTES)?,
        })
    }
}

impl From<RefPlace> for Value {
    fn from(it: RefPlace) -> Self {
        Self::map([
            ("ref", it.name.into()),
            ("target", text(it.target)),
            ("counter", it.counter.into()),
            ("entry_hash", it.entry_hash.into()),
        ])
    }
}

impl TryFrom<Value> for Update {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "an update")?;
        Ok(Self {
            name: fields.text_or("ref", "", REF_BYTES)?,
            old: target(fields, "old")?,
            new: target(fields, "new")?,
            force: fields.bool_or("force", false)?,
            entry: fields.text_or("entry", "", ENTRY_BYTES)?,
            signature: fields.text_or("signature", "", limits::FIELD_BYTES)?,
        })
    }
}

impl From<Update> for Value {
    fn from(it: Update) -> Self {
        Self::map([
            ("ref", it.name.into()),
            ("old", text(it.old)),
            ("new", text(it.new)),
            ("force", it.force.into()),
            ("entry", it.entry.into()),
            ("signature", it.signature.into()),
        ])
    }
}

impl TryFrom<Value> for OpenPush {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the request")?;
        let updates = fields.required_list("updates", PUSH_REFS)?;
        let updates: Vec<_> =
            updates.into_iter().map(Update::try_from).collect::<Result<_, _>>()?;
        if updates.is_empty() {
            return Err(WireError::new(WireCode::EmptyPush, "a push moves at least one ref"));
        }
        Ok(Self { updates })
    }
}

impl From<OpenPush> for Value {
    fn from(message: OpenPush) -> Self {
        Self::map([("updates", Self::list(message.updates))])
    }
}

impl TryFrom<Value> for PushOpened {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the answer")?;
        Ok(Self {
            push_id: fields.text("push_id")?,
            token: fields.text("token")?,
            expires_at: fields.text_or("expires_at", "", limits::FIELD_BYTES)?,
        })
    }
}

impl From<PushOpened> for Value {
    fn from(message: PushOpened) -> Self {
        let limits = Self::map([
            ("ids", Self::from(CHECKED_IDS as u64)),
            ("commits_in_page", (crate::stream::limits::COMMITS as u64).into()),
            ("page_bytes", crate::stream::limits::PAGE_BYTES.into()),
            ("object_bytes", crate::stream::limits::OBJECT_BYTES.into()),
        ]);
        Self::map([
            ("push_id", Self::from(message.push_id)),
            ("token", message.token.into()),
            ("expires_at", message.expires_at.into()),
            ("limits", limits),
        ])
    }
}

impl TryFrom<Value> for PushCheck {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the request")?;
        let message = Self {
            commits: fields.ids_or_none("commits", CHECKED_IDS)?,
            snapshots: fields.ids_or_none("snapshots", CHECKED_IDS)?,
            objects: fields.ids_or_none("objects", CHECKED_IDS)?,
        };
        let count = message.commits.len() + message.snapshots.len() + message.objects.len();
        if count > CHECKED_IDS {
            let sentence = format!("{count} ids in one question: the limit is {CHECKED_IDS}");
            return Err(WireError::new(WireCode::TooLarge, sentence));
        }
        Ok(message)
    }
}

impl From<PushCheck> for Value {
    fn from(message: PushCheck) -> Self {
        Self::map([
            ("commits", ids(&message.commits)),
            ("snapshots", ids(&message.snapshots)),
            ("objects", ids(&message.objects)),
        ])
    }
}

impl TryFrom<Value> for PushMissing {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the answer")?;
        Ok(Self {
            commits: fields.ids_or_none("missing_commits", CHECKED_IDS)?,
            snapshots: fields.ids_or_none("missing_snapshots", CHECKED_IDS)?,
            objects: fields.ids_or_none("missing_objects", CHECKED_IDS)?,
        })
    }
}

impl From<PushMissing> for Value {
    fn from(message: PushMissing) -> Self {
        Self::map([
            ("missing_commits", ids(&message.commits)),
            ("missing_snapshots", ids(&message.snapshots)),
            ("missing_objects", ids(&message.objects)),
        ])
    }
}

impl TryFrom<Value> for PushState {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the state of a push")?;
        Ok(Self {
            offset: number(fields, "offset")?,
            cursor: fields.text_or("cursor", "", CURSOR_BYTES)?,
            commits: number(fields, "commits")?,
            snapshots: number(fields, "snapshots")?,
            objects: number(fields, "objects")?,
            part: match fields.text_or("object", "", REF_BYTES)?.as_str() {
                "" => None,
                id => {
                    let bad = |_| WireError::new(WireCode::BadId, "`object` is no id");
                    Some((
                        ObjectId::from_sha256_text(id).map_err(bad)?,
                        number(fields, "object_bytes")?,
                    ))
                }
            },
        })
    }
}

impl From<PushState> for Value {
    fn from(it: PushState) -> Self {
        let part = it.part.map(|(object, bytes)| (object.to_string(), bytes));
        let (object, bytes) = part.unwrap_or_default();
        Self::map([
            ("offset", Self::from(it.offset)),
            ("cursor", it.cursor.into()),
            ("commits", it.commits.into()),
            ("snapshots", it.snapshots.into()),
            ("objects", it.objects.into()),
            ("object", object.into()),
            ("object_bytes", bytes.into()),
        ])
    }
}

impl TryFrom<Value> for Landed {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "an update")?;
        Ok(Self {
            name: fields.text_or("ref", "", REF_BYTES)?,
            old: target(fields, "old")?,
            new: target(fields, "new")?,
            counter: number(fields, "counter")?,
            entry_hash: fields.text_or("entry_hash", "", limits::FIELD_BYTES)?,
            seq: number(fields, "seq")?,
            seal_hash: fields.text_or("seal_hash", "", limits::FIELD_BYTES)?,
        })
    }
}

impl From<Landed> for Value {
    fn from(it: Landed) -> Self {
        Self::map([
            ("ref", Self::from(it.name)),
            ("old", text(it.old)),
            ("new", text(it.new)),
            ("counter", it.counter.into()),
            ("entry_hash", it.entry_hash.into()),
            ("seq", it.seq.into()),
            ("seal_hash", it.seal_hash.into()),
        ])
    }
}

impl TryFrom<Value> for PushLanded {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the answer")?;
        let updates = fields.required_list("updates", PUSH_REFS)?;
        Ok(Self {
            updates: updates.into_iter().map(Landed::try_from).collect::<Result<_, _>>()?,
            warnings: fields.texts("warnings", WARNINGS, WARNING_BYTES)?,
        })
    }
}

impl From<PushLanded> for Value {
    fn from(message: PushLanded) -> Self {
        let warnings = message.warnings.into_iter().map(Self::from).collect();
        Self::map([("updates", Self::list(message.updates)), ("warnings", Self::Array(warnings))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_push_comes_back() {
        let (one, two) = (CommitId::of(b"one"), CommitId::of(b"two"));
        let update = Update {
            name: "refs/heads/main".into(),
            old: Some(one),
            new: None,
            force: true,
            entry: "motet-ref-v1\n".into(),
            signature: "ed25519v1:".into(),
        };
        let open = OpenPush { updates: vec![update] };
        assert_eq!(OpenPush::try_from(Value::from(open.clone())).unwrap(), open);
        let check = PushCheck {
            commits: vec![one, two],
            snapshots: vec![SnapshotId::of(b"s")],
            objects: vec![ObjectId::of(b"o")],
        };
        assert_eq!(PushCheck::try_from(Value::from(check.clone())).unwrap(), check);
        let missing =
            PushMissing { commits: vec![two], snapshots: vec![], objects: check.objects.clone() };
        assert_eq!(PushMissing::try_from(Value::from(missing.clone())).unwrap(), missing);
        let state =
            PushState { offset: 9, cursor: "c".into(), commits: 1, snapshots: 2, ..<_>::default() };
        let within = PushState { part: Some((ObjectId::EMPTY, 7)), ..state.clone() };
        for state in [state, within] {
            assert_eq!(PushState::try_from(Value::from(state.clone())).unwrap(), state);
        }
        let landed = Landed {
            name: "refs/tags/v1".into(),
            old: None,
            new: Some(two),
            counter: 1,
            entry_hash: "e".into(),
            seq: 2,
            seal_hash: "s".into(),
        };
        let landed = PushLanded { updates: vec![landed], warnings: vec!["w".into()] };
        assert_eq!(PushLanded::try_from(Value::from(landed.clone())).unwrap(), landed);
    }

    #[test]
    fn what_cannot_be_pushed_is_refused_with_its_code() {
        let code = |value: Value| OpenPush::try_from(value).unwrap_err().code;
        assert_eq!(code(Value::map([("updates", Value::Array(vec![]))])), WireCode::EmptyPush);
        let odd = Value::map([("ref", Value::from("refs/heads/main")), ("old", "x".into())]);
        assert_eq!(code(Value::map([("updates", Value::list([odd]))])), WireCode::BadId);
        let ids = Value::list(vec![CommitId::of(b"c").to_string(); CHECKED_IDS]);
        let both = Value::map([
            ("commits", ids),
            ("objects", Value::list([ObjectId::of(b"o").to_string()])),
        ]);
        assert_eq!(PushCheck::try_from(both).unwrap_err().code, WireCode::TooLarge);
    }
}
