//! What servers of wire 1 answer (`spec/wire.md` 4): written by the server, parsed by our own client.

use names::{CommitId, ObjectId};

use super::{
    Fields, Format, InlineObject, WireError,
    requests::{ids, parse_all},
};
use crate::{CommitRecord, SnapshotRecord, Value};

/// No answer has a limit of its own: what a client reads is bounded by the body.
const ANY: usize = usize::MAX;

/// The answer of `refs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refs {
    /// The repository's id.
    pub repo_id: String,
    /// Always written: a Muse client takes an absent one for `midi`.
    pub domain: String,
    /// The branch that a clone checks out.
    pub default_branch: String,
    /// The default branch first, then by name; only branches with a commit.
    pub branch_heads: Vec<(String, CommitId)>,
}

impl TryFrom<Value> for Refs {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the answer")?;
        Ok(Self {
            repo_id: fields.text("repo_id")?,
            domain: fields.text("domain")?,
            default_branch: fields.text("default_branch")?,
            branch_heads: fields.heads("branch_heads")?,
        })
    }
}

impl From<Refs> for Value {
    fn from(answer: Refs) -> Self {
        Self::map([
            ("repo_id", answer.repo_id.into()),
            ("domain", answer.domain.into()),
            ("default_branch", answer.default_branch.into()),
            ("branch_heads", heads(answer.branch_heads)),
        ])
    }
}

/// The answer of `filter-objects`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// What the repository does not hold, each once, in order of request.
    pub missing: Vec<ObjectId>,
}

impl TryFrom<Value> for Missing {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        Ok(Self { missing: Fields::of(value, "the answer")?.ids("missing", ANY)? })
    }
}

impl From<Missing> for Value {
    fn from(answer: Missing) -> Self {
        Self::map([("missing", ids(&answer.missing))])
    }
}

/// The answer of `presign`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presigned {
    /// Where each object goes.
    pub presigned: Vec<(ObjectId, String)>,
    /// Objects that go into `push/objects`.
    pub inline: Vec<ObjectId>,
}

impl TryFrom<Value> for Presigned {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the answer")?;
        let mut presigned = Vec::new();
        for (id, address) in fields.entries("presigned", ANY)? {
            let Value::Text(address) = address else {
                return Err(fields.wrong("presigned", "a map to text", &address));
            };
            presigned.push((super::fields::parse_id("presigned", &id.into())?, address));
        }
        Ok(Self { presigned, inline: fields.ids("inline", ANY)? })
    }
}

impl From<Presigned> for Value {
    fn from(answer: Presigned) -> Self {
        let addresses =
            answer.presigned.into_iter().map(|(id, address)| (id.to_string(), address.into()));
        Self::map([("presigned", Self::map(addresses)), ("inline", ids(&answer.inline))])
    }
}

/// The answer of `confirm`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Confirmed {
    /// Here and hashed.
    pub confirmed: Vec<ObjectId>,
    /// Here, not hashed yet: ask again.
    pub pending: Vec<ObjectId>,
    /// Never arrived.
    pub missing: Vec<ObjectId>,
    /// Arrived as other bytes.
    pub mismatched: Vec<ObjectId>,
}

impl TryFrom<Value> for Confirmed {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the answer")?;
        Ok(Self {
            confirmed: fields.ids("confirmed", ANY)?,
            pending: fields.ids("pending", ANY)?,
            missing: fields.ids("missing", ANY)?,
            mismatched: fields.ids("mismatched", ANY)?,
        })
    }
}

impl From<Confirmed> for Value {
    fn from(answer: Confirmed) -> Self {
        Self::map([
            ("confirmed", ids(&answer.confirmed)),
            ("pending", ids(&answer.pending)),
            ("missing", ids(&answer.missing)),
            ("mismatched", ids(&answer.mismatched)),
        ])
    }
}

/// The answer of `push/objects`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Objects that are new.
    pub stored: u64,
    /// Objects that were there already.
    pub skipped: u64,
}

impl TryFrom<Value> for Stored {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the answer")?;
        let mut count = |key| {
            let count = fields.int_or(key, 0)?;
            u64::try_from(count)
                .map_err(|_| WireError::malformed(format!("`{key}` is a count, not {count}")))
        };
        Ok(Self { stored: count("stored")?, skipped: count("skipped")? })
    }
}

impl From<Stored> for Value {
    fn from(answer: Stored) -> Self {
        Self::map([("stored", answer.stored.into()), ("skipped", Self::from(answer.skipped))])
    }
}

/// The answer of `push`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Never false: refusals use the status.
    pub ok: bool,
    /// What happened, for people.
    pub message: String,
    /// All branches afterwards, ordered as in [`Refs`].
    pub branch_heads: Vec<(String, CommitId)>,
}

impl TryFrom<Value> for Pushed {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the answer")?;
        Ok(Self {
            ok: fields.bool_or("ok", false)?,
            message: fields.text_or("message", "", ANY)?,
            branch_heads: fields.heads("branch_heads")?,
        })
    }
}

impl From<Pushed> for Value {
    fn from(answer: Pushed) -> Self {
        Self::map([
            ("ok", answer.ok.into()),
            ("message", answer.message.into()),
            ("branch_heads", heads(answer.branch_heads)),
        ])
    }
}

/// The answer of `negotiate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// The ids of `have` that the repository holds, in order.
    pub ack: Vec<CommitId>,
    /// The best of them to fetch from.
    pub common_base: Option<CommitId>,
    /// Whether the client may stop offering.
    pub ready: bool,
}

impl TryFrom<Value> for Negotiated {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the answer")?;
        Ok(Self {
            ack: fields.ids("ack", ANY)?,
            common_base: fields.optional_id("common_base")?,
            ready: fields.bool_or("ready", false)?,
        })
    }
}

impl From<Negotiated> for Value {
    fn from(answer: Negotiated) -> Self {
        Self::map([
            ("ack", ids(&answer.ack)),
            ("common_base", answer.common_base.map(|id| id.to_string()).into()),
            ("ready", answer.ready.into()),
        ])
    }
}

/// The answer of `fetch`.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchAnswer {
    /// What was asked for and is not held, tips first.
    pub commits: Vec<CommitRecord>,
    /// The snapshots of these commits.
    pub snapshots: Vec<SnapshotRecord>,
    /// The objects of these snapshots, as far as the client has not got them.
    pub objects: Vec<InlineObject>,
    /// All branches, ordered as in [`Refs`].
    pub branch_heads: Vec<(String, CommitId)>,
}

impl TryFrom<Value> for FetchAnswer {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the answer")?;
        Ok(Self {
            commits: parse_all(fields.list("commits", ANY)?)?,
            snapshots: parse_all(fields.list("snapshots", ANY)?)?,
            objects: parse_all(fields.list("objects", ANY)?)?,
            branch_heads: fields.heads("branch_heads")?,
        })
    }
}

impl FetchAnswer {
    /// The message as it is sent.
    pub fn into_value(self, format: Format) -> Value {
        let objects = self.objects.into_iter().map(|object| object.into_value(format));
        Value::map([
            ("commits", Value::list(self.commits)),
            ("snapshots", Value::list(self.snapshots)),
            ("objects", Value::list(objects)),
            ("branch_heads", heads(self.branch_heads)),
        ])
    }
}

fn heads(heads: Vec<(String, CommitId)>) -> Value {
    Value::map(heads.into_iter().map(|(name, id)| (name, Value::Text(id.to_string()))))
}
