//! The small messages of wire 2 (`spec/wire.md` 9): what is asked, and what is answered without a stream.
//!
//! They travel as wire 1's do, in MessagePack or JSON by the headers, and keys that nobody knows are ignored.

mod log;
mod push;

use names::{CommitId, ObjectId};

pub use log::{KEYS, KeysWanted, KnownKey, KnownKeys, LOG_ITEMS, LogHead, LogItem, LogPage};
pub use push::{
    CHECKED_IDS, Landed, OpenPush, PUSH_REFS, PushCheck, PushLanded, PushMissing, PushOpened,
    PushState, RefPlace, Update,
};

use crate::{
    Value, WireCode, WireError,
    stream::limits::CURSOR_BYTES,
    wire::{Fields, ids, limits},
};

/// Commits in `have` of a negotiation.
pub const HAVES: usize = 1_024;
/// Commits in `common` of a fetch: what negotiations have found.
pub const COMMONS: usize = 10_000;
/// Objects that may be asked for at once.
pub const OBJECT_IDS: usize = 10_000;
/// Paths in a page of a snapshot.
pub const PATHS: usize = 10_000;
/// The longest body of a request that is no stream.
pub const BODY_BYTES: u64 = limits::SMALL_BODY_BYTES;
/// The longest name of a ref.
const REF_BYTES: usize = 300;

/// What a history is asked for by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wanted {
    /// A commit.
    Commit(CommitId),
    /// Whatever a ref leads to: its full name.
    Ref(String),
}

/// Asks how far a client's history is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiate {
    /// What is wanted.
    pub want: Vec<Wanted>,
    /// What the client holds, with all that it leads to.
    pub have: Vec<CommitId>,
}

/// What a fetch would bring, as far as it can be said beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plan {
    /// Commits.
    pub commits: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Objects.
    pub objects: u64,
    /// Bytes of those objects.
    pub bytes: u64,
}

/// The answer to [`Negotiate`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// What is held here too, without what it leads to.
    pub common: Vec<CommitId>,
    /// Whether to fetch now; else more is to be offered above what is common.
    pub ready: bool,
    /// What a fetch would bring.
    pub plan: Plan,
}

/// Which objects a fetch brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Objects {
    /// Those of every snapshot.
    #[default]
    All,
    /// Those of the wanted commits alone.
    Tips,
    /// None.
    None,
}

impl Objects {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Tips => "tips",
            Self::None => "none",
        }
    }
}

/// Asks for a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// What is wanted.
    pub want: Vec<Wanted>,
    /// What the client holds, with all that it leads to.
    pub common: Vec<CommitId>,
    /// Which objects come along.
    pub objects: Objects,
    /// Where it goes on.
    pub cursor: Option<String>,
    /// After so many bytes the answer ends.
    pub max_bytes: Option<u64>,
}

/// Asks for objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectsRequest {
    /// Which.
    pub ids: Vec<ObjectId>,
}

fn wanted(fields: &mut Fields) -> Result<Vec<Wanted>, WireError> {
    let texts = fields.texts("want", limits::WANTS, REF_BYTES)?;
    let wanted = |text: String| match CommitId::from_sha256_text(&text) {
        Ok(id) => Ok(Wanted::Commit(id)),
        Err(_) if text.starts_with("refs/") => Ok(Wanted::Ref(text)),
        Err(_) => {
            let sentence = "in `want`: an id of 64 lower-case hexadecimal characters, or the full name of a ref";
            Err(WireError::new(WireCode::BadId, sentence))
        }
    };
    let wanted = texts.into_iter().map(wanted).collect::<Result<Vec<_>, _>>()?;
    if wanted.is_empty() {
        return Err(WireError::new(WireCode::Malformed, "the request needs `want`"));
    }
    Ok(wanted)
}

fn wants(want: Vec<Wanted>) -> Value {
    Value::list(want.into_iter().map(|it| match it {
        Wanted::Commit(id) => id.to_string(),
        Wanted::Ref(name) => name,
    }))
}

impl TryFrom<Value> for Negotiate {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the request")?;
        Ok(Self { want: wanted(fields)?, have: fields.ids_or_none("have", HAVES)? })
    }
}

impl From<Negotiate> for Value {
    fn from(message: Negotiate) -> Self {
        Self::map([("want", wants(message.want)), ("have", ids(&message.have))])
    }
}

fn number(fields: &mut Fields, key: &str) -> Result<u64, WireError> {
    u64::try_from(fields.int_or(key, 0)?)
        .map_err(|_| WireError::new(WireCode::Malformed, format!("`{key}` is not negative")))
}

impl TryFrom<Value> for Negotiated {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the answer")?;
        let plan = fields.required("plan")?;
        let plan = &mut Fields::of(plan, "a plan")?;
        Ok(Self {
            common: fields.ids("common", HAVES)?,
            ready: fields.bool_or("ready", false)?,
            plan: Plan {
                commits: number(plan, "commits")?,
                snapshots: number(plan, "snapshots")?,
                objects: number(plan, "objects")?,
                bytes: number(plan, "bytes")?,
            },
        })
    }
}

impl From<Negotiated> for Value {
    fn from(message: Negotiated) -> Self {
        let Plan { commits, snapshots, objects, bytes } = message.plan;
        let plan = [
            ("commits", commits),
            ("snapshots", snapshots),
            ("objects", objects),
            ("bytes", bytes),
        ];
        Self::map([
            ("common", ids(&message.common)),
            ("ready", message.ready.into()),
            ("plan", Self::map(plan.map(|(key, count)| (key, Self::from(count))))),
        ])
    }
}

impl TryFrom<Value> for Fetch {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "the request")?;
        let objects = match fields.text_or("objects", "all", limits::FIELD_BYTES)?.as_str() {
            "all" => Objects::All,
            "tips" => Objects::Tips,
            "none" => Objects::None,
            _ => {
                let sentence = "`objects` is `all`, `tips` or `none`";
                return Err(WireError::new(WireCode::Malformed, sentence));
            }
        };
        let cursor = fields.text_or("cursor", "", CURSOR_BYTES)?;
        let max_bytes = match number(fields, "max_bytes")? {
            0 => None,
            bytes => Some(bytes),
        };
        Ok(Self {
            want: wanted(fields)?,
            common: fields.ids_or_none("common", COMMONS)?,
            objects,
            cursor: (!cursor.is_empty()).then_some(cursor),
            max_bytes,
        })
    }
}

impl From<Fetch> for Value {
    fn from(message: Fetch) -> Self {
        Self::map([
            ("want", wants(message.want)),
            ("common", ids(&message.common)),
            ("objects", message.objects.as_str().into()),
            ("cursor", message.cursor.into()),
            ("max_bytes", message.max_bytes.into()),
        ])
    }
}

impl TryFrom<Value> for ObjectsRequest {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        Ok(Self { ids: Fields::of(value, "the request")?.ids("ids", OBJECT_IDS)? })
    }
}

impl From<ObjectsRequest> for Value {
    fn from(message: ObjectsRequest) -> Self {
        Self::map([("ids", ids(&message.ids))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Value)]) -> Value {
        Value::map(entries.iter().cloned())
    }

    #[test]
    fn what_is_asked_comes_back() {
        let (one, two) = (CommitId::of(b"one"), CommitId::of(b"two"));
        let want = vec![Wanted::Commit(one), Wanted::Ref("refs/heads/main".into())];
        let ask = Negotiate { want: want.clone(), have: vec![two] };
        assert_eq!(Negotiate::try_from(Value::from(ask.clone())).unwrap(), ask);
        let plan = Plan { commits: 1, snapshots: 2, objects: 3, bytes: 4 };
        let told = Negotiated { common: vec![two], ready: true, plan };
        assert_eq!(Negotiated::try_from(Value::from(told.clone())).unwrap(), told);
        for (objects, cursor, max_bytes) in [
            (Objects::All, None, None),
            (Objects::Tips, Some("on".to_owned()), Some(1 << 20)),
            (Objects::None, None, Some(7)),
        ] {
            let fetch = Fetch { want: want.clone(), common: vec![two], objects, cursor, max_bytes };
            assert_eq!(Fetch::try_from(Value::from(fetch.clone())).unwrap(), fetch);
        }
        let ids = ObjectsRequest { ids: vec![ObjectId::of(b"x")] };
        assert_eq!(ObjectsRequest::try_from(Value::from(ids.clone())).unwrap(), ids);
    }

    #[test]
    fn what_cannot_be_asked_is_refused_with_its_code() {
        let id = CommitId::of(b"one").to_string();
        let want = |text: &str| ("want", Value::list([text]));
        for (request, code) in [
            (map(&[]), WireCode::Malformed),
            (map(&[want("main")]), WireCode::BadId),
            (map(&[want(&id), ("objects", "some".into())]), WireCode::Malformed),
            (map(&[want(&id), ("common", Value::list(["x"]))]), WireCode::BadId),
            (map(&[want(&id), ("max_bytes", Value::from(-1_i64))]), WireCode::Malformed),
            (map(&[want(&id), ("cursor", "c".repeat(513).into())]), WireCode::TooLarge),
        ] {
            assert_eq!(Fetch::try_from(request).unwrap_err().code, code);
        }
    }
}
