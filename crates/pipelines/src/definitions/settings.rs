//! Pipelines as they are listed and set up (`spec/work.md` 6).

use names::{Digest, UnixMillis};
use pipelines_core::name::PipelineId;
use trust::{
    Allowed, Publisher, act,
    audit::{Chain, Entry, Noted, On},
};

use super::{Audience, Key, store};
use crate::{Error, Pipelines};

/// A pipeline, as its publisher sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// Its id.
    pub(crate) id: PipelineId,
    /// What its current version calls it; its last one where none is current.
    pub(crate) title: Option<String>,
    /// The version that new runs use.
    pub(crate) current_version: Option<u32>,
    /// The newest version.
    pub(crate) last_version: u32,
    /// The hash of the version whose title that is.
    pub(crate) sha256: Digest,
    /// Whose agents are offered its tasks.
    pub(crate) audience: Audience,
    /// Whether no runs are started.
    pub(crate) is_paused: bool,
    /// When it was first registered.
    pub(crate) created_at: UnixMillis,
    /// When something of this changed.
    pub(crate) changed_at: UnixMillis,
    /// When it was archived.
    pub(crate) archived_at: Option<UnixMillis>,
}

/// A change to a pipeline: what is not named stays.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change {
    /// The version that new runs use.
    pub(crate) current_version: Option<u32>,
    /// Whose agents are offered its tasks.
    pub(crate) audience: Option<Audience>,
    /// Whether no runs are started.
    pub(crate) is_paused: Option<bool>,
}

impl Change {
    fn on(self, before: &Pipeline) -> Pipeline {
        Pipeline {
            current_version: self.current_version.or(before.current_version),
            audience: self.audience.unwrap_or(before.audience),
            is_paused: self.is_paused.unwrap_or(before.is_paused),
            ..before.clone()
        }
    }
}

impl Pipelines {
    /// The pipelines of a publisher that are not archived, by their ids, after one.
    pub(crate) async fn list(
        &self,
        allowed: &Allowed<act::PipelineRead, Publisher>,
        after: Option<&PipelineId>,
        limit: u32,
    ) -> Result<Vec<Pipeline>, Error> {
        let publisher = allowed.resource().organization.id;
        let mut tx = self.0.ground.db.glance().await?;
        Ok(store::list(&mut tx, publisher, after, limit).await?)
    }

    /// One of them, archived or not.
    pub(crate) async fn show(
        &self,
        allowed: &Allowed<act::PipelineRead, Publisher>,
        pipeline: &PipelineId,
    ) -> Result<Pipeline, Error> {
        let publisher = allowed.resource().organization.id;
        let mut tx = self.0.ground.db.glance().await?;
        store::find(&mut tx, Key { publisher, pipeline }).await?.ok_or(Error::NotFound)
    }

    /// Changes one. Whose agents are offered its tasks is for those who run the publisher.
    pub(crate) async fn change(
        &self,
        allowed: &Allowed<act::PipelineRegister, Publisher>,
        pipeline: &PipelineId,
        change: Change,
        is_expected: impl Fn(&Pipeline) -> bool,
    ) -> Result<Pipeline, Error> {
        let (publisher, actor) = (allowed.resource(), allowed.actor());
        if change.audience.is_some() {
            let asked = Allowed::<act::PublisherUpdate, _>::ask(actor, publisher.clone());
            asked.map_err(trust::Error::Refused)?;
        }
        let key = Key { publisher: publisher.organization.id, pipeline };
        if change.current_version.is_some() {
            self.read_ahead(key, change.current_version).await?;
        }
        let mut tx = self.0.ground.trust.begin_on_publisher(allowed).await?;
        let before = store::find(&mut tx, key).await?.ok_or(Error::NotFound)?;
        if before.archived_at.is_some() {
            return Err(Error::NotFound);
        }
        if !is_expected(&before) {
            return Err(Error::Stale);
        }
        let versions = 1..=before.last_version;
        if change.current_version.is_some_and(|version| !versions.contains(&version)) {
            let message = format!("there are {} versions", before.last_version);
            return Err(Error::Invalid { pointer: "/current_version", message });
        }
        let now = self.0.ground.clock.now();
        let after = change.on(&before);
        if after == before {
            return Ok(before);
        }
        store::set(&mut tx, key, &after, now).await?;
        if after.current_version != before.current_version {
            let pinned = self.pinned(&mut tx, key.publisher, pipeline, None).await?;
            let wanted = pinned.as_ref().map_or(&[][..], |it| &it.definition.schedules);
            self.keep(&mut tx, key, wanted, now).await?;
            if let Some(pinned) = &pinned {
                self.manage(&mut tx, key, &pinned.definition).await?;
            }
        }
        let mut entry = Entry::done(Noted::PublisherUpdated, actor, on(publisher, pipeline));
        entry = match after.current_version {
            Some(version) => entry.with("current_version", version),
            None => entry,
        };
        let entry = entry.with("audience", after.audience.as_str()).with("paused", after.is_paused);
        self.0.ground.trust.note(&mut tx, Chain::of(key.publisher), entry).await?;
        let shown = store::find(&mut tx, key).await?.ok_or(Error::NotFound)?;
        tx.commit().await?;
        Ok(shown)
    }

    /// Parses a version, or the current one, before a transaction that needs it begins.
    pub(super) async fn read_ahead(&self, key: Key<'_>, version: Option<u32>) -> Result<(), Error> {
        let mut tx = self.0.ground.db.read().await?;
        self.pinned(&mut tx, key.publisher, key.pipeline, version).await.map(drop)
    }

    /// Archives a pipeline whose runs have ended: it is listed no more and starts no runs. Its versions stay, and registering brings it back.
    pub(crate) async fn archive(
        &self,
        allowed: &Allowed<act::PipelineRegister, Publisher>,
        pipeline: &PipelineId,
    ) -> Result<(), Error> {
        let publisher = allowed.resource();
        let key = Key { publisher: publisher.organization.id, pipeline };
        let mut tx = self.0.ground.trust.begin_on_publisher(allowed).await?;
        let before = store::find(&mut tx, key).await?.ok_or(Error::NotFound)?;
        if before.archived_at.is_some() {
            return Err(Error::NotFound);
        }
        if store::has_live_runs(&mut tx, key).await? {
            return Err(Error::RunsLive);
        }
        let now = self.0.ground.clock.now();
        store::archive(&mut tx, key, now).await?;
        self.keep(&mut tx, key, &[], now).await?;
        let on = on(publisher, pipeline);
        let entry = Entry::done(Noted::PublisherUpdated, allowed.actor(), on);
        let entry = entry.with("archived", true);
        self.0.ground.trust.note(&mut tx, Chain::of(key.publisher), entry).await?;
        Ok(tx.commit().await?)
    }
}

/// What the log calls a pipeline.
pub(super) fn on(publisher: &Publisher, pipeline: &PipelineId) -> On {
    On::new("pipeline", format!("{}/{pipeline}", publisher.organization.handle))
}
