//! Releases as Muse clients know them (`spec/wire.md` 1.5, 4).

use std::str::FromStr;

use names::{CommitId, SnapshotId};

use super::{Fields, WireCode, WireError, fields::at_most, limits, quotable, requests::parse_all};
use crate::{Value, msgpack};

/// A version by the rules of Semantic Versioning 2.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemVer {
    /// Changes when something breaks.
    pub major: u64,
    /// Changes when something is added.
    pub minor: u64,
    /// Changes when something is put right.
    pub patch: u64,
    /// What follows the first hyphen; empty for a release proper.
    pub pre: String,
    /// What follows the plus sign.
    pub build: String,
}

/// Not a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version is MAJOR.MINOR.PATCH, with -PRE and +BUILD where wanted (semver.org)")]
pub struct NotAVersion;

impl FromStr for SemVer {
    type Err = NotAVersion;

    /// Reads a tag: a `v` may stand before the version.
    fn from_str(tag: &str) -> Result<Self, NotAVersion> {
        let text = tag.strip_prefix('v').unwrap_or(tag);
        let (text, build) = split(text, '+')?;
        let (core, pre) = split(text, '-')?;
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
        };
        let has_zero = |word: &str| {
            word.len() > 1 && word.starts_with('0') && word.bytes().all(|it| it.is_ascii_digit())
        };
        let is_pre = pre.is_empty() || pre.split('.').all(|it| is_word(it) && !has_zero(it));
        let is_build = build.is_empty() || build.split('.').all(is_word);
        let mut numbers = core.split('.').map(|number| {
            let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
            if !is_number || has_zero(number) {
                return Err(NotAVersion);
            }
            number.parse().map_err(|_| NotAVersion)
        });
        let mut next = || numbers.next().ok_or(NotAVersion)?;
        let (major, minor, patch) = (next()?, next()?, next()?);
        if !is_pre || !is_build || numbers.next().is_some() {
            return Err(NotAVersion);
        }
        Ok(Self { major, minor, patch, pre: pre.to_owned(), build: build.to_owned() })
    }
}

/// What stands before the first `mark`, and what follows it, which is something if the mark is there.
fn split(text: &str, mark: char) -> Result<(&str, &str), NotAVersion> {
    match text.split_once(mark) {
        None => Ok((text, "")),
        Some((_, "")) => Err(NotAVersion),
        Some(parts) => Ok(parts),
    }
}

impl From<SemVer> for Value {
    fn from(version: SemVer) -> Self {
        Self::map([
            ("major", Self::from(version.major)),
            ("minor", Self::from(version.minor)),
            ("patch", Self::from(version.patch)),
            ("pre", Self::from(version.pre)),
            ("build", Self::from(version.build)),
        ])
    }
}

/// For whom a release is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// For everybody.
    Stable,
    /// For those who try what comes.
    Beta,
    /// For those who help to make it.
    Alpha,
    /// Made every night.
    Nightly,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Stable, Self::Beta, Self::Alpha, Self::Nightly];

    /// The word in messages and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Beta => "beta",
            Self::Alpha => "alpha",
            Self::Nightly => "nightly",
        }
    }

    /// That of a tag: by the first word of its pre-release, else stable.
    pub fn of_tag(tag: &str) -> Self {
        let version: Option<SemVer> = tag.parse().ok();
        let pre = version.map(|it| it.pre.to_ascii_lowercase()).unwrap_or_default();
        let named = |it: &Self| *it != Self::Stable && pre.starts_with(it.as_str());
        Self::ALL.into_iter().find(named).unwrap_or(Self::Stable)
    }
}

impl FromStr for Channel {
    type Err = WireError;

    fn from_str(text: &str) -> Result<Self, WireError> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or_else(|| {
            let text = quotable(text);
            let sentence = format!("`channel` is stable, beta, alpha or nightly, not `{text}`");
            WireError::malformed(sentence)
        })
    }
}

/// A release.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// In requests the client's, which nobody keeps; in answers the server's.
    pub release_id: String,
    /// In requests the client's; in answers the repository's.
    pub repo_id: String,
    /// Its name.
    pub tag: String,
    /// What the tag says, if it is a version. Read from the tag, never from the message.
    pub semver: Option<SemVer>,
    /// For whom it is.
    pub channel: Channel,
    /// What is released.
    pub commit_id: CommitId,
    /// The commit's snapshot.
    pub snapshot_id: SnapshotId,
    /// A line about it.
    pub title: String,
    /// Notes.
    pub body: String,
    /// What went into it, as the client claims: maps, oldest first.
    pub changelog: Vec<Value>,
    /// The agent that made it, as claimed.
    pub agent_id: String,
    /// The model, as claimed.
    pub model_id: String,
    /// Whether only those who may publish see it.
    pub is_draft: bool,
    /// Kept, never checked.
    pub gpg_signature: String,
    /// When: of the client in requests, of the server in answers.
    pub created_at: String,
}

impl TryFrom<Value> for Release {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let fields = &mut Fields::of(value, "a release")?;
        let tag = fields.text("tag")?;
        at_most(tag.len(), limits::TAG_BYTES, || "bytes of `tag` in a release".to_owned())?;
        let channel = fields.text_or("channel", "", limits::FIELD_BYTES)?;
        let channel = if channel.is_empty() { Channel::of_tag(&tag) } else { channel.parse()? };
        let short = |fields: &mut Fields, key| fields.text_or(key, "", limits::FIELD_BYTES);
        let title = fields.text_or("title", "", usize::MAX)?;
        at_most(title.chars().count(), limits::TITLE_CHARS, || {
            "characters of `title` in a release".to_owned()
        })?;
        let release = Self {
            release_id: short(fields, "release_id")?,
            repo_id: short(fields, "repo_id")?,
            semver: tag.parse().ok(),
            channel,
            commit_id: fields.id("commit_id")?,
            snapshot_id: fields.id("snapshot_id")?,
            title,
            body: fields.text_or("body", "", limits::NOTES_BYTES)?,
            changelog: changelog(fields)?,
            agent_id: short(fields, "agent_id")?,
            model_id: short(fields, "model_id")?,
            is_draft: fields.bool_or("is_draft", false)?,
            gpg_signature: fields.text_or("gpg_signature", "", limits::GPG_SIGNATURE_BYTES)?,
            created_at: short(fields, "created_at")?,
            tag,
        };
        let texts = [
            &release.tag,
            &release.title,
            &release.body,
            &release.agent_id,
            &release.model_id,
            &release.gpg_signature,
        ];
        if texts.into_iter().any(|text| text.contains('\0')) {
            return Err(WireError::malformed("a text of a release holds a NUL"));
        }
        Ok(release)
    }
}

fn changelog(fields: &mut Fields) -> Result<Vec<Value>, WireError> {
    let entries = fields.list("changelog", limits::CHANGELOG)?;
    if let Some(other) = entries.iter().find(|it| !matches!(it, Value::Map(_))) {
        return Err(fields.wrong("changelog", "a list of maps", other));
    }
    let bytes: u64 = entries.iter().map(msgpack::encoded_len).sum();
    if bytes > limits::CHANGELOG_BYTES {
        let most = limits::CHANGELOG_BYTES;
        let sentence = format!("{bytes} bytes in `changelog` of a release: the limit is {most}");
        return Err(WireError::new(WireCode::TooLarge, sentence));
    }
    Ok(entries)
}

impl From<Release> for Value {
    fn from(release: Release) -> Self {
        Self::map([
            ("release_id", Self::from(release.release_id)),
            ("repo_id", release.repo_id.into()),
            ("tag", release.tag.into()),
            ("semver", release.semver.into()),
            ("channel", release.channel.as_str().into()),
            ("commit_id", release.commit_id.to_string().into()),
            ("snapshot_id", release.snapshot_id.to_string().into()),
            ("title", release.title.into()),
            ("body", release.body.into()),
            ("changelog", Self::Array(release.changelog)),
            ("agent_id", release.agent_id.into()),
            ("model_id", release.model_id.into()),
            ("is_draft", release.is_draft.into()),
            ("gpg_signature", release.gpg_signature.into()),
            ("created_at", release.created_at.into()),
        ])
    }
}

/// The answer of a POST of `releases`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseMade {
    /// The server's id.
    pub release_id: String,
}

impl TryFrom<Value> for ReleaseMade {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        Ok(Self { release_id: Fields::of(value, "the answer")?.text("release_id")? })
    }
}

impl From<ReleaseMade> for Value {
    fn from(answer: ReleaseMade) -> Self {
        Self::map([("release_id", Self::Text(answer.release_id))])
    }
}

/// The answer of a GET of `releases`.
#[derive(Debug, Clone, PartialEq)]
pub struct Releases {
    /// Newest first.
    pub releases: Vec<Release>,
}

impl TryFrom<Value> for Releases {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        let mut fields = Fields::of(value, "the answer")?;
        Ok(Self { releases: parse_all(fields.required_list("releases", usize::MAX)?)? })
    }
}

impl From<Releases> for Value {
    fn from(answer: Releases) -> Self {
        Self::map([("releases", Self::list(answer.releases))])
    }
}

/// The answer of a DELETE of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retracted {
    /// Its tag.
    pub retracted: String,
}

impl TryFrom<Value> for Retracted {
    type Error = WireError;

    fn try_from(value: Value) -> Result<Self, WireError> {
        Ok(Self { retracted: Fields::of(value, "the answer")?.text("retracted")? })
    }
}

impl From<Retracted> for Value {
    fn from(answer: Retracted) -> Self {
        Self::map([("retracted", Self::Text(answer.retracted))])
    }
}
