//! Frames from and to their payloads, unpacked (`spec/wire.md` 9.1, the table).

use std::io::{self, Write};

use names::{CommitId, ObjectId, RepoPath, SnapshotId};

use super::{
    Begin, Counts, End, Frame, LargeObject, Progress, SmallObject, SnapshotPart, StreamKind,
    error::Refused,
    limits::{BEGIN_IDS, COMMITS, CURSOR_BYTES, DELTA_BYTES, OBJECT_BYTES, SMALL_OBJECT_BYTES},
};
use crate::{
    CommitRecord, Limits, ProblemBody, Value, msgpack,
    wire::{Fields, limits},
};

/// What the receiver of a type must know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Type {
    Begin = 0x01,
    Commits = 0x02,
    Snapshot = 0x03,
    Objects = 0x04,
    Object = 0x05,
    Data = 0x06,
    ObjectEnd = 0x07,
    Cursor = 0x08,
    Log = 0x09,
    Progress = 0x0a,
    Error = 0x0e,
    End = 0x0f,
}

impl Type {
    pub(super) const ALL: [Self; 12] = [
        Self::Begin,
        Self::Commits,
        Self::Snapshot,
        Self::Objects,
        Self::Object,
        Self::Data,
        Self::ObjectEnd,
        Self::Cursor,
        Self::Log,
        Self::Progress,
        Self::Error,
        Self::End,
    ];

    pub(super) fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|it| *it as u8 == byte)
    }
}

/// Ids and lengths in front of each small object.
const SMALL_HEAD_BYTES: usize = 36;
/// What a problem says in a line.
const PROBLEM_TEXT_BYTES: usize = 4096;

impl Frame {
    pub(super) const fn type_of(&self) -> Type {
        match self {
            Self::Begin(_) => Type::Begin,
            Self::Commits(_) => Type::Commits,
            Self::Snapshot(_) => Type::Snapshot,
            Self::Objects(_) => Type::Objects,
            Self::Object(_) => Type::Object,
            Self::Data(_) => Type::Data,
            Self::ObjectEnd(_) => Type::ObjectEnd,
            Self::Cursor(_) => Type::Cursor,
            Self::Log(_) => Type::Log,
            Self::Progress(_) => Type::Progress,
            Self::Error(_) => Type::Error,
            Self::End(_) => Type::End,
        }
    }

    /// The payload, unpacked. Fails only where a length does not fit into 32 bits.
    pub(super) fn payload(self) -> io::Result<Vec<u8>> {
        let value = match self {
            Self::Data(bytes) => return Ok(bytes),
            Self::ObjectEnd(id) => return Ok(id.as_bytes().to_vec()),
            Self::Cursor(text) => return Ok(text.into_bytes()),
            Self::Objects(objects) => return small_objects(&objects),
            Self::Begin(begin) => begin.into(),
            Self::Commits(records) => Value::list(records.into_iter().map(with_short_delta)),
            Self::Snapshot(part) => part.into(),
            Self::Object(LargeObject { id, size, offset }) => Value::map([
                ("id", bin(id.as_bytes())),
                ("size", size.into()),
                ("offset", offset.into()),
            ]),
            Self::Log(items) => Value::Array(items),
            Self::Progress(Progress { phase, done, total }) => Value::map([
                ("phase", Value::from(phase)),
                ("done", done.into()),
                ("total", total.into()),
            ]),
            Self::Error(problem) => problem_value(*problem),
            Self::End(end) => end.into(),
        };
        let mut payload = Vec::new();
        msgpack::write_value(&mut payload, &value)?;
        Ok(payload)
    }

    /// The frame that an unpacked payload is.
    pub(super) fn of(kind: Type, payload: Vec<u8>) -> Result<Self, Refused> {
        Ok(match kind {
            Type::Data if payload.is_empty() => {
                return Err(Refused::malformed("a frame of data holds some"));
            }
            Type::Data => Self::Data(payload),
            Type::ObjectEnd => Self::ObjectEnd(
                payload
                    .as_slice()
                    .try_into()
                    .map_err(|_| Refused::malformed("an id is 32 bytes"))?,
            ),
            Type::Cursor => Self::Cursor(cursor(payload)?),
            Type::Objects => Self::Objects(read_small_objects(&payload)?),
            Type::Begin => Self::Begin(begin(value(&payload)?)?),
            Type::Commits => Self::Commits(commits(value(&payload)?)?),
            Type::Snapshot => Self::Snapshot(snapshot(value(&payload)?)?),
            Type::Object => Self::Object(large_object(value(&payload)?)?),
            Type::Log => match value(&payload)? {
                Value::Array(items) => Self::Log(items),
                _ => return Err(Refused::malformed("a log is a list")),
            },
            Type::Progress => {
                let mut fields = Fields::of(value(&payload)?, "a progress")?;
                Self::Progress(Progress {
                    phase: fields.text_or("phase", "", limits::FIELD_BYTES)?,
                    done: number(&mut fields, "done")?,
                    total: number(&mut fields, "total")?,
                })
            }
            Type::Error => Self::Error(Box::new(problem(value(&payload)?)?)),
            Type::End => Self::End(end(value(&payload)?)?),
        })
    }
}

fn bin(bytes: &[u8; 32]) -> Value {
    Value::Bytes(bytes.to_vec())
}

fn value(payload: &[u8]) -> Result<Value, Refused> {
    Ok(Value::from_msgpack_reader(payload, &Limits::of_body(payload.len() as u64))?)
}

fn number(fields: &mut Fields, key: &str) -> Result<u64, Refused> {
    let number = fields.int_or(key, 0)?;
    u64::try_from(number).map_err(|_| Refused::malformed(format!("`{key}` is not negative")))
}

fn raw<T: for<'a> TryFrom<&'a [u8]>>(key: &str, value: Option<Value>) -> Result<T, Refused> {
    match value {
        Some(Value::Bytes(bytes)) => T::try_from(&bytes).ok(),
        _ => None,
    }
    .ok_or_else(|| Refused::malformed(format!("`{key}` is an id of 32 raw bytes")))
}

fn begin(value: Value) -> Result<Begin, Refused> {
    let fields = &mut Fields::of(value, "the head of a stream")?;
    if fields.int_or("protocol", 0)? != 2 {
        return Err(Refused::malformed("this is no stream of protocol 2"));
    }
    let kind = match fields.text("kind")?.as_str() {
        "fetch" => StreamKind::Fetch,
        "objects" => StreamKind::Objects,
        "push" => StreamKind::Push,
        _ => return Err(Refused::malformed("a stream is of kind `fetch`, `objects` or `push`")),
    };
    let ids = |fields: &mut Fields, key| {
        let texts = fields.texts(key, BEGIN_IDS, limits::FIELD_BYTES)?;
        let id = |text: String| {
            let id = CommitId::from_sha256_text(&text);
            id.map_err(|_| Refused::malformed(format!("`{key}` holds ids")))
        };
        texts.into_iter().map(id).collect::<Result<Vec<_>, _>>()
    };
    let repo_id = fields.text_or("repo_id", "", limits::FIELD_BYTES)?;
    let (want, common) = (ids(fields, "want")?, ids(fields, "common")?);
    let cursor = match fields.take("cursor") {
        None => None,
        Some(Value::Text(text)) if text.len() <= CURSOR_BYTES => Some(text),
        Some(_) => return Err(Refused::malformed("a cursor is short text")),
    };
    Ok(Begin { kind, repo_id, want, common, cursor })
}

impl From<Begin> for Value {
    fn from(begin: Begin) -> Self {
        let ids = |ids: &[CommitId]| Self::list(ids.iter().map(ToString::to_string));
        Self::map([
            ("protocol", Self::from(2_i64)),
            ("kind", begin.kind.as_str().into()),
            ("repo_id", begin.repo_id.into()),
            ("want", ids(&begin.want)),
            ("common", ids(&begin.common)),
            ("cursor", begin.cursor.into()),
        ])
    }
}

fn with_short_delta(mut record: CommitRecord) -> CommitRecord {
    if record.structured_delta.as_ref().is_some_and(|it| msgpack::encoded_len(it) > DELTA_BYTES) {
        record.structured_delta = None;
    }
    record
}

fn commits(value: Value) -> Result<Vec<CommitRecord>, Refused> {
    let Value::Array(items) = value else { return Err(Refused::malformed("commits are a list")) };
    if items.len() > COMMITS {
        let what = format!("{} commits in a frame: the limit is {COMMITS}", items.len());
        return Err(Refused::TooLarge(what));
    }
    Ok(items.into_iter().map(CommitRecord::try_from).collect::<Result<_, _>>()?)
}

fn path(value: Value) -> Result<RepoPath, Refused> {
    let Value::Text(text) = value else { return Err(Refused::malformed("a path is text")) };
    text.parse()
        .map_err(|error| Refused::malformed(format!("`{}`: {error}", crate::wire::quotable(&text))))
}

fn snapshot(value: Value) -> Result<SnapshotPart, Refused> {
    let fields = &mut Fields::of(value, "a snapshot")?;
    let snapshot_id: SnapshotId = raw("snapshot_id", fields.take("snapshot_id"))?;
    let base = fields.take("base").map(|value| raw("base", Some(value))).transpose()?;
    let part = u32::try_from(fields.int_or("part", 0)?)
        .map_err(|_| Refused::malformed("`part` is a small number"))?;
    let file = |item| match item {
        Value::Array(pair) => match <[Value; 2]>::try_from(pair) {
            Ok([name, id]) => Ok((path(name)?, raw("set", Some(id))?)),
            Err(_) => Err(Refused::malformed("an item of `set` is a path and an id")),
        },
        _ => Err(Refused::malformed("an item of `set` is a path and an id")),
    };
    let set = fields.list("set", limits::FILES)?;
    let del = fields.list("del", limits::FILES)?;
    Ok(SnapshotPart {
        snapshot_id,
        base,
        part,
        last: fields.bool_or("last", true)?,
        files: number(fields, "files")?,
        created_at: fields.text_or("created_at", "", limits::FIELD_BYTES)?,
        set: set.into_iter().map(file).collect::<Result<_, _>>()?,
        del: del.into_iter().map(path).collect::<Result<_, _>>()?,
    })
}

impl From<SnapshotPart> for Value {
    fn from(part: SnapshotPart) -> Self {
        let file = |(path, id): (RepoPath, ObjectId)| {
            Self::Array(vec![Self::Text(path.into()), bin(id.as_bytes())])
        };
        Self::map([
            ("snapshot_id", bin(part.snapshot_id.as_bytes())),
            ("base", part.base.map(|id| bin(id.as_bytes())).into()),
            ("part", i64::from(part.part).into()),
            ("last", part.last.into()),
            ("files", part.files.into()),
            ("created_at", part.created_at.into()),
            ("set", Self::Array(part.set.into_iter().map(file).collect())),
            ("del", Self::list(part.del.into_iter().map(String::from))),
        ])
    }
}

fn small_objects(objects: &[SmallObject]) -> io::Result<Vec<u8>> {
    let mut payload = Vec::new();
    for object in objects {
        let length = u32::try_from(object.bytes.len()).map_err(io::Error::other)?;
        payload.write_all(object.id.as_bytes())?;
        payload.write_all(&length.to_be_bytes())?;
        payload.write_all(&object.bytes)?;
    }
    Ok(payload)
}

fn read_small_objects(mut payload: &[u8]) -> Result<Vec<SmallObject>, Refused> {
    let cut = || Refused::malformed("a frame of objects ends in the middle of one");
    let mut objects = Vec::new();
    while !payload.is_empty() {
        let (head, rest) = payload.split_at_checked(SMALL_HEAD_BYTES).ok_or_else(cut)?;
        let (id, length) = head.split_at_checked(32).ok_or_else(cut)?;
        let id = ObjectId::try_from(id).map_err(|_| cut())?;
        let length = u32::from_be_bytes(length.try_into().map_err(|_| cut())?);
        let length = usize::try_from(length).map_err(|_| cut())?;
        if length > SMALL_OBJECT_BYTES {
            let what =
                format!("a small object of {length} bytes: the limit is {SMALL_OBJECT_BYTES}");
            return Err(Refused::TooLarge(what));
        }
        let (bytes, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
        objects.push(SmallObject { id, bytes: bytes.to_vec() });
        payload = rest;
    }
    if objects.is_empty() {
        Err(Refused::malformed("a frame of objects holds some"))
    } else {
        Ok(objects)
    }
}

fn large_object(value: Value) -> Result<LargeObject, Refused> {
    let fields = &mut Fields::of(value, "an object")?;
    let id = raw("id", fields.take("id"))?;
    let (size, offset) = (number(fields, "size")?, number(fields, "offset")?);
    if size > OBJECT_BYTES {
        return Err(Refused::TooLarge(format!(
            "an object of {size} bytes: the limit is {OBJECT_BYTES}"
        )));
    }
    if offset > size {
        return Err(Refused::malformed("an object goes on behind its end"));
    }
    Ok(LargeObject { id, size, offset })
}

fn cursor(payload: Vec<u8>) -> Result<String, Refused> {
    if payload.is_empty() || payload.len() > CURSOR_BYTES {
        return Err(Refused::TooLarge(format!("a cursor has 1 to {CURSOR_BYTES} bytes")));
    }
    String::from_utf8(payload).map_err(|_| Refused::malformed("a cursor is text"))
}

fn problem(value: Value) -> Result<ProblemBody, Refused> {
    let fields = &mut Fields::of(value, "a problem")?;
    let text = |fields: &mut Fields, key| fields.text_or(key, "", PROBLEM_TEXT_BYTES);
    Ok(ProblemBody {
        type_uri: text(fields, "type")?,
        title: text(fields, "title")?,
        status: u16::try_from(fields.int_or("status", 500)?).unwrap_or(500),
        code: text(fields, "code")?,
        detail: text(fields, "detail")?,
        request_id: text(fields, "request_id")?,
        errors: Vec::new(),
        server_time: None,
        moved_to: None,
    })
}

fn problem_value(problem: ProblemBody) -> Value {
    Value::map([
        ("type", Value::from(problem.type_uri)),
        ("title", problem.title.into()),
        ("status", i64::from(problem.status).into()),
        ("code", problem.code.into()),
        ("detail", problem.detail.into()),
        ("request_id", problem.request_id.into()),
    ])
}

fn end(value: Value) -> Result<End, Refused> {
    let fields = &mut Fields::of(value, "the end of a stream")?;
    // Nothing covers the end itself, so nothing in it is taken for granted.
    let count = |fields: &mut Fields, key| match fields.required(key)? {
        Value::Int(number) => u64::try_from(number)
            .map_err(|_| Refused::malformed(format!("`{key}` is not negative"))),
        _ => Err(Refused::malformed(format!("`{key}` is a whole number"))),
    };
    let digest = match fields.take("digest") {
        Some(Value::Bytes(bytes)) => <[u8; 32]>::try_from(bytes).ok(),
        _ => None,
    };
    let Value::Bool(more) = fields.required("more")? else {
        return Err(Refused::malformed("`more` is a truth value"));
    };
    Ok(End {
        more,
        counts: Counts {
            commits: count(fields, "commits")?,
            snapshots: count(fields, "snapshots")?,
            objects: count(fields, "objects")?,
        },
        bytes: count(fields, "bytes")?,
        digest: digest.ok_or_else(|| Refused::malformed("`digest` is 32 raw bytes"))?,
    })
}

impl From<End> for Value {
    fn from(end: End) -> Self {
        Self::map([
            ("more", Self::from(end.more)),
            ("commits", end.counts.commits.into()),
            ("snapshots", end.counts.snapshots.into()),
            ("objects", end.counts.objects.into()),
            ("bytes", end.bytes.into()),
            ("digest", bin(&end.digest)),
        ])
    }
}
