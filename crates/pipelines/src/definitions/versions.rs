//! Versions as they are read: listed, whole, as they were sent, and against each other (`spec/work.md` 6).

use std::sync::Arc;

use names::{Digest, Handle, UnixMillis};
use pipelines_core::{definition::Definition, json::Form, name::PipelineId};
use trust::{Allowed, Publisher, act};

use super::{Key, diff, store};
use crate::{Error, Pipelines};

/// What is told of a version without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    /// 1, 2, 3 and so on.
    pub(crate) number: u32,
    /// The hash of its canonical form.
    pub(crate) sha256: Digest,
    /// What it calls the pipeline.
    pub(crate) title: Option<String>,
    /// How it was written.
    pub(crate) form: Form,
    /// Who registered it.
    pub(crate) by: Handle,
    /// When.
    pub(crate) created_at: UnixMillis,
}

/// A version with what it says.
#[derive(Debug)]
pub(crate) struct Whole {
    /// What is told of it.
    pub(crate) version: Version,
    /// Whether new runs use it.
    pub(crate) is_current: bool,
    /// What it says.
    pub(crate) definition: Arc<Definition>,
}

/// The word of a form in rows and answers.
pub(crate) const fn form_word(form: Form) -> &'static str {
    match form {
        Form::Json => "json",
        Form::Yaml => "yaml",
    }
}

/// In what two versions differ.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The places that differ.
    pub(crate) changes: Vec<diff::Change>,
    /// Whether there are more.
    pub(crate) is_truncated: bool,
    /// The places that keep a live run from moving from the one to the other.
    pub(crate) incompatible_at: Vec<String>,
}

impl Pipelines {
    /// The versions of a pipeline, the newest first, before one.
    pub(crate) async fn versions(
        &self,
        allowed: &Allowed<act::PipelineRead, Publisher>,
        pipeline: &PipelineId,
        before: Option<u32>,
        limit: u32,
    ) -> Result<Vec<Version>, Error> {
        let key = Key { publisher: allowed.resource().organization.id, pipeline };
        let mut tx = self.0.ground.db.read().await?;
        store::find(&mut tx, key).await?.ok_or(Error::NotFound)?;
        Ok(store::versions(&mut tx, key, before, limit).await?)
    }

    /// One version.
    pub(crate) async fn version(
        &self,
        allowed: &Allowed<act::PipelineRead, Publisher>,
        pipeline: &PipelineId,
        number: u32,
    ) -> Result<Whole, Error> {
        let publisher = allowed.resource().organization.id;
        let key = Key { publisher, pipeline };
        let mut tx = self.0.ground.db.read().await?;
        let of = store::find(&mut tx, key).await?.ok_or(Error::NotFound)?;
        // Whatever comes before the next one, and is not this one, is older.
        let found = store::versions(&mut tx, key, number.checked_add(1), 1).await?;
        let version = found.into_iter().find(|it| it.number == number).ok_or(Error::NotFound)?;
        let pinned = self.pinned(&mut tx, publisher, pipeline, Some(number)).await?;
        let definition = pinned.ok_or(Error::NotFound)?.definition;
        Ok(Whole { version, is_current: of.current_version == Some(number), definition })
    }

    /// One version as it was sent, byte for byte.
    pub(crate) async fn source(
        &self,
        allowed: &Allowed<act::PipelineRead, Publisher>,
        pipeline: &PipelineId,
        number: u32,
    ) -> Result<(Vec<u8>, Form), Error> {
        let key = Key { publisher: allowed.resource().organization.id, pipeline };
        let mut tx = self.0.ground.db.glance().await?;
        store::source(&mut tx, key, number).await?.ok_or(Error::NotFound)
    }

    /// In what `to` differs from `from`.
    pub(crate) async fn difference(
        &self,
        allowed: &Allowed<act::PipelineRead, Publisher>,
        pipeline: &PipelineId,
        from: u32,
        to: u32,
    ) -> Result<Difference, Error> {
        let publisher = allowed.resource().organization.id;
        let mut tx = self.0.ground.db.read().await?;
        let from = self.pinned(&mut tx, publisher, pipeline, Some(from)).await?;
        let from = from.ok_or(Error::NotFound)?.definition;
        let to = self.pinned(&mut tx, publisher, pipeline, Some(to)).await?;
        let to = to.ok_or(Error::NotFound)?.definition;
        let (changes, is_truncated) = diff::between(&from.source, &to.source);
        let incompatible_at = from.may_move_to(&to).err().unwrap_or_default();
        Ok(Difference { changes, is_truncated, incompatible_at })
    }
}
