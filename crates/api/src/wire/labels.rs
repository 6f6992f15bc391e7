//! Labels of commits, which Muse clients call tags (`spec/wire.md` 1.5, 4).

use names::{CommitId, Id};

use super::{Fields, WireCode, WireError, fields::at_most, limits, quotable, requests::parse_all};
use crate::Value;

/// Free words about a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Which, for good: whoever made it chose it.
    pub tag_id: Id<Label>,
    /// In requests whatever the client has; in answers the repository's id.
    pub repo_id: String,
    /// Whose.
    pub commit_id: CommitId,
    /// The words, such as `section:verse`.
    pub tag: String,
    /// When it was made, as its maker wrote it.
    pub created_at: String,
}

impl TryFrom<Value> for Label {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "a tag")?;
        let tag_id = fields.text("tag_id")?;
        let tag_id = tag_id.parse().map_err(|_| {
            let sentence = format!("`tag_id` of a tag is a UUID, not `{}`", quotable(&tag_id));
            WireError::new(WireCode::BadId, sentence)
        })?;
        let tag = fields.text("tag")?;
        at_most(tag.len(), limits::LABEL_BYTES, || "bytes of `tag` in a tag".to_owned())?;
        if tag.is_empty() {
            return Err(WireError::malformed("`tag` of a tag is empty"));
        }
        let created_at = fields.text_or("created_at", "", limits::FIELD_BYTES)?;
        if [&tag, &created_at].iter().any(|text| text.contains('\0')) {
            return Err(WireError::malformed("a text of a tag holds a NUL"));
        }
        Ok(Self {
            tag_id,
            repo_id: fields.text_or("repo_id", "", limits::FIELD_BYTES)?,
            commit_id: fields.id("commit_id")?,
            tag,
            created_at,
        })
    }
}

impl From<Label> for Value {
    fn from(label: Label) -> Self {
        Self::map([
            ("tag_id", label.tag_id.to_string().into()),
            ("repo_id", Self::from(label.repo_id)),
            ("commit_id", label.commit_id.to_string().into()),
            ("tag", label.tag.into()),
            ("created_at", label.created_at.into()),
        ])
    }
}

/// The body of a POST of `tags`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLabels {
    /// May repeat what is known.
    pub tags: Vec<Label>,
}

impl TryFrom<Value> for NewLabels {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the request")?;
        Ok(Self { tags: parse_all(fields.required_list("tags", limits::LABELS)?)? })
    }
}

impl From<NewLabels> for Value {
    fn from(request: NewLabels) -> Self {
        Self::map([("tags", Self::list(request.tags))])
    }
}

/// The answer of a POST of `tags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelsStored {
    /// How many of them are new.
    pub stored: u64,
}

impl TryFrom<Value> for LabelsStored {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let stored = Fields::of(value, "the answer")?.int_or("stored", 0)?;
        let stored = u64::try_from(stored)
            .map_err(|_| WireError::malformed(format!("`stored` is a count, not {stored}")))?;
        Ok(Self { stored })
    }
}

impl From<LabelsStored> for Value {
    fn from(answer: LabelsStored) -> Self {
        Self::map([("stored", Self::from(answer.stored))])
    }
}

/// The answer of a GET of `tags`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelPage {
    /// In the order in which they came.
    pub tags: Vec<Label>,
    /// Where the list goes on; nothing at its end.
    pub next_cursor: Option<String>,
}

impl TryFrom<Value> for LabelPage {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the answer")?;
        let tags = parse_all(fields.required_list("tags", usize::MAX)?)?;
        let next = fields.text_or("next_cursor", "", limits::FIELD_BYTES)?;
        Ok(Self { tags, next_cursor: Some(next).filter(|it| !it.is_empty()) })
    }
}

impl From<LabelPage> for Value {
    fn from(answer: LabelPage) -> Self {
        Self::map([("tags", Self::list(answer.tags)), ("next_cursor", answer.next_cursor.into())])
    }
}
