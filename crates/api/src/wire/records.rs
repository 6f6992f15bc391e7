//! Commit and snapshot records from and to [`Value`] (`spec/wire.md` 1.2, 1.4).

use std::collections::BTreeMap;

use names::{CommitId, ObjectId, RepoPath};

use super::{
    Fields, WireCode, WireError,
    fields::{at_most, parse_id},
    limits, quotable,
};
use crate::{CommitRecord, SnapshotRecord, Value};

/// The estimates that a client may make of a commit's weight.
const BUMPS: [&str; 4] = ["major", "minor", "patch", "none"];

impl TryFrom<Value> for CommitRecord {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "a commit")?;
        let short = |fields: &mut Fields, key| fields.text_or(key, "", limits::FIELD_BYTES);
        Ok(Self {
            commit_id: fields.id("commit_id")?,
            repo_id: short(fields, "repo_id")?,
            branch: short(fields, "branch")?,
            snapshot_id: fields.id("snapshot_id")?,
            message: message(fields)?,
            committed_at: fields.text("committed_at")?,
            parent_commit_id: fields.optional_id("parent_commit_id")?,
            parent2_commit_id: fields.optional_id("parent2_commit_id")?,
            author: short(fields, "author")?,
            metadata: metadata(fields)?,
            structured_delta: delta(fields)?,
            sem_ver_bump: bump(fields)?,
            breaking_changes: fields.texts(
                "breaking_changes",
                limits::BREAKING_CHANGES,
                limits::ADDRESS_BYTES,
            )?,
            agent_id: short(fields, "agent_id")?,
            model_id: short(fields, "model_id")?,
            toolchain_id: short(fields, "toolchain_id")?,
            prompt_hash: short(fields, "prompt_hash")?,
            signature: short(fields, "signature")?,
            signer_key_id: short(fields, "signer_key_id")?,
            format_version: fields.int_or("format_version", 1)?,
            reviewed_by: fields.texts("reviewed_by", limits::REVIEWERS, limits::FIELD_BYTES)?,
            test_runs: fields.int_or("test_runs", 0)?,
        })
    }
}

fn message(fields: &mut Fields) -> Result<String, WireError> {
    let message = fields.text("message")?;
    at_most(message.len(), limits::MESSAGE_BYTES, || "bytes of `message` in a commit".to_owned())?;
    Ok(message)
}

fn metadata(fields: &mut Fields) -> Result<BTreeMap<String, String>, WireError> {
    let pair = |(key, value): (String, Value)| {
        let Value::Text(text) = value else { return Err(fields_wrong_pair(&key, &value)) };
        at_most(key.len() + text.len(), limits::METADATA_PAIR_BYTES, || {
            format!("bytes in the pair `{}` of `metadata`", quotable(&key))
        })?;
        Ok((key, text))
    };
    fields.entries("metadata", limits::METADATA_PAIRS)?.into_iter().map(pair).collect()
}

fn fields_wrong_pair(key: &str, value: &Value) -> WireError {
    let (key, kind) = (quotable(key), value.kind());
    WireError::malformed(format!("`{key}` in `metadata` of a commit is text, not {kind}"))
}

fn delta(fields: &mut Fields) -> Result<Option<Value>, WireError> {
    match fields.take("structured_delta") {
        None => Ok(None),
        Some(map @ Value::Map(_)) => Ok(Some(map)),
        Some(other) => Err(fields.wrong("structured_delta", "a map", &other)),
    }
}

fn bump(fields: &mut Fields) -> Result<String, WireError> {
    let bump = fields.text_or("sem_ver_bump", "none", limits::FIELD_BYTES)?;
    if BUMPS.contains(&bump.as_str()) {
        return Ok(bump);
    }
    let bump = quotable(&bump);
    let sentence = format!("`sem_ver_bump` is one of major, minor, patch and none, not `{bump}`");
    Err(WireError::malformed(sentence))
}

impl From<CommitRecord> for Value {
    /// All keys in the order of the table, null for what is absent: the form in which a record is also kept.
    fn from(record: CommitRecord) -> Self {
        let parent = |id: Option<CommitId>| Self::from(id.map(|id| id.to_string()));
        let pairs = record.metadata.into_iter().map(|(key, text)| (key, Self::Text(text)));
        Self::map([
            ("commit_id", record.commit_id.to_string().into()),
            ("repo_id", record.repo_id.into()),
            ("branch", record.branch.into()),
            ("snapshot_id", record.snapshot_id.to_string().into()),
            ("message", record.message.into()),
            ("committed_at", record.committed_at.into()),
            ("parent_commit_id", parent(record.parent_commit_id)),
            ("parent2_commit_id", parent(record.parent2_commit_id)),
            ("author", record.author.into()),
            ("metadata", Self::map(pairs)),
            ("structured_delta", record.structured_delta.into()),
            ("sem_ver_bump", record.sem_ver_bump.into()),
            ("breaking_changes", Self::list(record.breaking_changes)),
            ("agent_id", record.agent_id.into()),
            ("model_id", record.model_id.into()),
            ("toolchain_id", record.toolchain_id.into()),
            ("prompt_hash", record.prompt_hash.into()),
            ("signature", record.signature.into()),
            ("signer_key_id", record.signer_key_id.into()),
            ("format_version", record.format_version.into()),
            ("reviewed_by", Self::list(record.reviewed_by)),
            ("test_runs", record.test_runs.into()),
        ])
    }
}

impl TryFrom<Value> for SnapshotRecord {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "a snapshot")?;
        let snapshot_id = fields.id("snapshot_id")?;
        let manifest = fields.required("manifest")?;
        let Value::Map(entries) = manifest else {
            return Err(fields.wrong("manifest", "a map", &manifest));
        };
        at_most(entries.len(), limits::FILES, || "files in a snapshot".to_owned())?;
        Ok(Self {
            snapshot_id,
            manifest: entries.into_iter().map(file).collect::<Result<_, _>>()?,
            created_at: fields.text_or("created_at", "", limits::FIELD_BYTES)?,
        })
    }
}

fn file((path, value): (String, Value)) -> Result<(RepoPath, ObjectId), WireError> {
    let object_id = parse_id("manifest", &value)?;
    let parsed = path.parse().map_err(|error| {
        WireError::new(WireCode::BadPath, format!("`{}`: {error}", quotable(&path)))
    })?;
    Ok((parsed, object_id))
}

impl From<SnapshotRecord> for Value {
    fn from(record: SnapshotRecord) -> Self {
        let files = record
            .manifest
            .into_iter()
            .map(|(path, id)| (String::from(path), Self::Text(id.to_string())));
        Self::map([
            ("snapshot_id", record.snapshot_id.to_string().into()),
            ("manifest", Self::map(files)),
            ("created_at", record.created_at.into()),
        ])
    }
}
