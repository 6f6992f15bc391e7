//! What clients of wire 1 send (`spec/wire.md` 4).

use names::{CommitId, ObjectId};

use super::{Fields, Format, InlineObject, WireError, limits, quotable};
use crate::{CommitRecord, SnapshotRecord, Value};

/// The body of `filter-objects` and of `confirm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectIds {
    /// Which objects, in order of request; may repeat.
    pub object_ids: Vec<ObjectId>,
}

impl ObjectIds {
    /// Parses a body that may hold `max` ids: [`limits::IDS`] or [`limits::UPLOAD_IDS`].
    pub fn parse(value: Value, max: usize) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the request")?;
        Ok(Self { object_ids: fields.ids("object_ids", max)? })
    }
}

impl From<ObjectIds> for Value {
    fn from(request: ObjectIds) -> Self {
        Self::map([("object_ids", ids(&request.object_ids))])
    }
}

/// Which way presigned bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    Put,
    /// From the server; everything is answered as inline.
    Get,
}

/// The body of `presign`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presign {
    /// Which objects, in order of request; may repeat.
    pub object_ids: Vec<ObjectId>,
    /// Which way.
    pub direction: Direction,
    /// How long the addresses shall live: an hour unless asked otherwise.
    pub ttl_seconds: u32,
}

impl TryFrom<Value> for Presign {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the request")?;
        let object_ids = fields.ids("object_ids", limits::UPLOAD_IDS)?;
        let direction = match fields.text("direction")?.as_str() {
            "put" => Direction::Put,
            "get" => Direction::Get,
            other => {
                let other = quotable(other);
                let sentence = format!("`direction` is put or get, not `{other}`");
                return Err(WireError::malformed(sentence));
            }
        };
        let (least, most) = limits::PRESIGN_TTL_SECONDS.into_inner();
        let asked = fields.int_or("ttl_seconds", most.into())?;
        let ttl_seconds = u32::try_from(asked)
            .ok()
            .filter(|asked| limits::PRESIGN_TTL_SECONDS.contains(asked))
            .ok_or_else(|| {
                WireError::malformed(format!("`ttl_seconds` is {least} to {most}, not {asked}"))
            })?;
        Ok(Self { object_ids, direction, ttl_seconds })
    }
}

impl From<Presign> for Value {
    fn from(request: Presign) -> Self {
        let direction = match request.direction {
            Direction::Put => "put",
            Direction::Get => "get",
        };
        Self::map([
            ("object_ids", ids(&request.object_ids)),
            ("direction", direction.into()),
            ("ttl_seconds", i64::from(request.ttl_seconds).into()),
        ])
    }
}

/// The body of `push`.
#[derive(Debug, Clone, PartialEq)]
pub struct PushRequest {
    /// The tip first, the others in any order. May be empty here: that is refused as `empty_push`, not as
    /// malformed.
    pub commits: Vec<CommitRecord>,
    /// Snapshots of the commits, as far as the client thinks that they are new.
    pub snapshots: Vec<SnapshotRecord>,
    /// Usually empty: objects go ahead by `push/objects`.
    pub objects: Vec<InlineObject>,
    /// Where to, as the client wrote it. The server judges it: `refs/for/…` is no branch, and `bad_ref` is decided
    /// before anything else of the body.
    pub branch: String,
    /// Whether the branch may lose commits.
    pub force: bool,
}

impl TryFrom<Value> for PushRequest {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the request")?;
        let branch = fields.text("branch")?;
        let force = fields.bool_or("force", false)?;
        let mut bundle = Fields::of(fields.required("bundle")?, "`bundle`")?;
        Ok(Self {
            commits: parse_all(bundle.list("commits", limits::RECORDS)?)?,
            snapshots: parse_all(bundle.list("snapshots", limits::RECORDS)?)?,
            objects: parse_all(bundle.list("objects", limits::OBJECTS)?)?,
            branch,
            force,
        })
    }
}

impl PushRequest {
    /// The message as it is sent.
    pub fn into_value(self, format: Format) -> Value {
        let objects = self.objects.into_iter().map(|object| object.into_value(format));
        let bundle = Value::map([
            ("commits", Value::list(self.commits)),
            ("snapshots", Value::list(self.snapshots)),
            ("objects", Value::list(objects)),
        ]);
        Value::map([
            ("bundle", bundle),
            ("branch", self.branch.into()),
            ("force", self.force.into()),
        ])
    }
}

/// The body of `negotiate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiate {
    /// The commits that the client asks for.
    pub want: Vec<CommitId>,
    /// Commits that the client holds, in no order.
    pub have: Vec<CommitId>,
}

impl TryFrom<Value> for Negotiate {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let (want, have) = want_and_have(value)?;
        Ok(Self { want, have })
    }
}

impl From<Negotiate> for Value {
    fn from(request: Negotiate) -> Self {
        Self::map([("want", ids(&request.want)), ("have", ids(&request.have))])
    }
}

/// The body of `fetch`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// The commits that the client asks for, with all their ancestors.
    pub want: Vec<CommitId>,
    /// Commits that the client holds, each with all its ancestors.
    pub have: Vec<CommitId>,
}

impl TryFrom<Value> for FetchRequest {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let (want, have) = want_and_have(value)?;
        Ok(Self { want, have })
    }
}

impl From<FetchRequest> for Value {
    fn from(request: FetchRequest) -> Self {
        Self::map([("want", ids(&request.want)), ("have", ids(&request.have))])
    }
}

fn want_and_have(value: Value) -> Result<(Vec<CommitId>, Vec<CommitId>), WireError> {
    let mut fields = Fields::of(value, "the request")?;
    Ok((fields.ids("want", limits::WANTS)?, fields.ids("have", limits::IDS)?))
}

/// Ids as they travel.
pub(crate) fn ids<T: ToString>(ids: &[T]) -> Value {
    Value::list(ids.iter().map(T::to_string))
}

/// Parses every item of a list.
pub(super) fn parse_all<T: TryFrom<Value, Error = WireError>>(
    items: Vec<Value>,
) -> Result<Vec<T>, WireError> {
    items.into_iter().map(T::try_from).collect()
}
