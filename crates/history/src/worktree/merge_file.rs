//! The two files that say that a merge waits for the user.

use api::{Value, WireError, wire::Fields};
use names::{CommitId, ObjectId, RepoPath};

use super::{MAX_FILES, Result, WorkingCopy, files::damaged, json};
use crate::merge::{Conflict, ConflictKind, FileAt};

/// More than the longest path and the longest name of a branch.
const MAX_TEXT_BYTES: usize = 4096;
/// The Muse client's.
const STATE: &str = "MERGE_STATE.json";
/// Ours.
const DETAILS: &str = "motet/merge.json";

/// A merge that waits for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeState {
    /// A best common ancestor.
    pub base: Option<CommitId>,
    /// The head when it began.
    pub ours: CommitId,
    /// What is merged.
    pub theirs: CommitId,
    /// What the user called it.
    pub other_branch: String,
    /// The paths to decide.
    pub paths: Vec<RepoPath>,
    /// The same with every side. Empty for a merge of the Muse client.
    pub conflicts: Vec<Conflict>,
    /// What the merge made of our files; unknown for a merge of the Muse client.
    pub changed: Option<Vec<(RepoPath, Option<ObjectId>)>>,
}

impl WorkingCopy {
    pub(super) fn write_merge(&self, state: &MergeState) -> Result<()> {
        let id = |id: CommitId| Value::from(id.to_string());
        let conflicts = state.conflicts.iter().map(conflict_value).collect();
        let changed =
            state.changed.iter().flatten().map(|(path, object)| {
                (path.to_string(), Value::from(object.map(|id| id.to_string())))
            });
        let details = Value::map([
            ("version", Value::from(1i64)),
            ("ours_commit", id(state.ours)),
            ("theirs_commit", id(state.theirs)),
            ("conflicts", Value::Array(conflicts)),
            ("changed", Value::map(changed)),
        ]);
        // First, because the other one says that there is a merge.
        self.write_file(DETAILS, &json::pretty(&details))?;
        let paths = state.paths.iter().map(ToString::to_string).map(Value::from).collect();
        let plain = Value::map([
            ("base_commit", Value::from(state.base.map(|id| id.to_string()))),
            ("ours_commit", id(state.ours)),
            ("theirs_commit", id(state.theirs)),
            ("conflict_paths", Value::Array(paths)),
            ("other_branch", Value::from(state.other_branch.as_str())),
        ]);
        self.write_file(STATE, &json::pretty(&plain))
    }

    pub(super) fn read_merge(&self) -> Result<Option<MergeState>> {
        let Some(value) = self.read_json(STATE)? else { return Ok(None) };
        let mut state = read_state(value).map_err(|error| damaged(STATE, error.to_string()))?;
        if let Some(value) = self.read_json(DETAILS)? {
            let details =
                read_details(value).map_err(|error| damaged(DETAILS, error.to_string()))?;
            // Details of another merge say nothing about this one.
            if (details.ours, details.theirs) == (state.ours, state.theirs) {
                (state.conflicts, state.changed) = (details.conflicts, Some(details.changed));
            }
        }
        Ok(Some(state))
    }

    /// Forgets the merge.
    pub(super) fn clear_merge(&self) -> Result<()> {
        self.remove_file(STATE)?;
        self.remove_file(DETAILS)
    }
}

fn side_value(side: Option<&FileAt>) -> Value {
    Value::from(side.map(|file| {
        let object = file.object.to_string();
        Value::map(
            [("path", file.path.as_str()), ("object_id", &object)]
                .map(|(key, text)| (key, Value::from(text))),
        )
    }))
}

fn conflict_value(conflict: &Conflict) -> Value {
    let chars = conflict.marker_chars.map(|chars| Value::from(chars as u64));
    Value::map([
        ("path", Value::from(conflict.path.as_str())),
        ("kind", Value::from(conflict.kind.word())),
        ("base", side_value(conflict.base.as_ref())),
        ("ours", side_value(conflict.ours.as_ref())),
        ("theirs", side_value(conflict.theirs.as_ref())),
        ("beside", Value::from(conflict.beside.as_ref().map(RepoPath::as_str))),
        ("marker_chars", Value::from(chars)),
    ])
}

/// Why a file cannot be read; `WireError` where it is about the form of a field.
type Read<T> = std::result::Result<T, Unreadable>;

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Form(#[from] WireError),
    #[error("`{0}` is no path of a repository")]
    Path(String),
    #[error("`{0}` is no kind of conflict")]
    Kind(String),
}

fn read_path(text: String) -> Read<RepoPath> {
    text.parse().map_err(|_| Unreadable::Path(text))
}

fn read_state(value: Value) -> Read<MergeState> {
    let mut fields = Fields::of(value, "a merge")?;
    let paths = fields.texts("conflict_paths", MAX_FILES, MAX_TEXT_BYTES)?;
    Ok(MergeState {
        base: fields.optional_id("base_commit")?,
        ours: fields.id("ours_commit")?,
        theirs: fields.id("theirs_commit")?,
        other_branch: fields.text_or("other_branch", "", MAX_TEXT_BYTES)?,
        paths: paths.into_iter().map(read_path).collect::<Read<_>>()?,
        conflicts: Vec::new(),
        changed: None,
    })
}

struct Details {
    ours: CommitId,
    theirs: CommitId,
    conflicts: Vec<Conflict>,
    changed: Vec<(RepoPath, Option<ObjectId>)>,
}

fn read_details(value: Value) -> Read<Details> {
    let mut fields = Fields::of(value, "a merge")?;
    let conflicts = fields.required_list("conflicts", MAX_FILES)?;
    let changed = fields.entries("changed", MAX_FILES)?;
    let read_changed = |(path, object): (String, Value)| -> Read<_> {
        let mut one = Fields::of(Value::map([("object", object)]), "a change")?;
        Ok((read_path(path)?, one.optional_id("object")?))
    };
    Ok(Details {
        ours: fields.id("ours_commit")?,
        theirs: fields.id("theirs_commit")?,
        conflicts: conflicts.into_iter().map(read_conflict).collect::<Read<_>>()?,
        changed: changed.into_iter().map(read_changed).collect::<Read<_>>()?,
    })
}

fn read_conflict(value: Value) -> Read<Conflict> {
    let mut fields = Fields::of(value, "a conflict")?;
    let kind = fields.text("kind")?;
    let mut side = |key: &str| -> Read<Option<FileAt>> {
        match fields.take(key) {
            None | Some(Value::Nil) => Ok(None),
            Some(value) => {
                let mut fields = Fields::of(value, "a side")?;
                let path = read_path(fields.text("path")?)?;
                Ok(Some(FileAt { path, object: fields.id("object_id")? }))
            }
        }
    };
    let (base, ours, theirs) = (side("base")?, side("ours")?, side("theirs")?);
    let beside = match fields.take("beside") {
        Some(Value::Text(text)) => Some(read_path(text)?),
        Some(_) | None => None,
    };
    let marker_chars = fields.int_or("marker_chars", 0)?;
    Ok(Conflict {
        path: read_path(fields.text("path")?)?,
        kind: ConflictKind::of_word(&kind).ok_or(Unreadable::Kind(kind))?,
        base,
        ours,
        theirs,
        beside,
        marker_chars: usize::try_from(marker_chars).ok().filter(|chars| *chars > 0),
    })
}
