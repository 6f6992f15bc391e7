//! Registration: a definition is judged, and becomes a version (`spec/work.md` 2, Versions).

use std::sync::Arc;

use axum::body::Bytes;
use db::Tx;
use names::Digest;
use pipelines_core::{
    definition::{Checked, Definition},
    fault::Fault,
    json::{self, Form},
    name::PipelineId,
};
use tokio::task::spawn_blocking;
use trust::{
    Actor, Allowed, Publisher, act,
    audit::{Chain, Entry, Noted},
};

use super::{Key, Pipeline, settings, store};
use crate::{Error, Pipelines};

/// Pipelines of one publisher, archived ones too.
const MAX_PIPELINES: u32 = 1_000;
/// Versions of one pipeline.
const MAX_VERSIONS: u32 = 10_000;

/// A definition as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// The bytes, which are given back as they are.
    pub(crate) text: Bytes,
    /// How they are written.
    pub(crate) form: Form,
    /// Whether everything is judged and nothing written.
    pub(crate) is_dry_run: bool,
    /// Whether a new version becomes the current one.
    pub(crate) activates: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Registered {
    /// The pipeline.
    pub(crate) id: PipelineId,
    /// The version that the definition is, or would be.
    pub(crate) version: u32,
    /// The version that new runs use after this.
    pub(crate) current_version: Option<u32>,
    /// Whether there was no such version before.
    pub(crate) is_new: bool,
    /// The definition.
    pub(crate) definition: Arc<Definition>,
    /// What refuses nothing and is worth a look.
    pub(crate) warnings: Vec<Fault>,
}

/// What registering would do, with the rows as they are.
struct Plan {
    before: Option<Pipeline>,
    version: u32,
    is_new: bool,
    current_version: Option<u32>,
}

impl Plan {
    async fn make(
        tx: &mut Tx,
        key: Key<'_>,
        sha256: Digest,
        activates: bool,
    ) -> Result<Self, Error> {
        let before = store::find(tx, key).await?;
        let current = before.as_ref().and_then(|it| it.current_version);
        if let Some(version) = store::version_with(tx, key, sha256).await? {
            return Ok(Self { before, version, is_new: false, current_version: current });
        }
        let last = before.as_ref().map_or(0, |it| it.last_version);
        if last >= MAX_VERSIONS {
            return Err(Error::TooMany { number: MAX_VERSIONS, of: "versions" });
        }
        if before.is_none() && store::count(tx, key.publisher).await? >= MAX_PIPELINES {
            return Err(Error::TooMany { number: MAX_PIPELINES, of: "pipelines" });
        }
        let current_version = if activates { Some(last + 1) } else { current };
        Ok(Self { before, version: last + 1, is_new: true, current_version })
    }

    /// Whether a pipeline that was archived is there again.
    fn revives(&self) -> bool {
        self.before.as_ref().is_some_and(|it| it.archived_at.is_some())
    }
}

impl Pipelines {
    /// Judges a definition and makes it a version of its pipeline. One that is there already stays the version that it
    /// is. `is_expected` looks at the pipeline as it stands before.
    pub(crate) async fn register(
        &self,
        allowed: &Allowed<act::PipelineRegister, Publisher>,
        sent: Sent,
        is_expected: impl Fn(Option<&Pipeline>) -> bool,
    ) -> Result<Registered, Error> {
        let publisher = allowed.resource();
        let Checked { definition, warnings } = self.judged(publisher, &sent).await?;
        let id = definition.id.clone();
        let key = Key { publisher: publisher.organization.id, pipeline: &id };
        let mut tx = if sent.is_dry_run {
            self.0.ground.db.read().await?
        } else {
            self.0.ground.trust.begin_on_publisher(allowed).await?
        };
        let plan = Plan::make(&mut tx, key, definition.sha256, sent.activates).await?;
        if !is_expected(plan.before.as_ref()) {
            return Err(Error::Stale);
        }
        let (version, is_new) = (plan.version, plan.is_new);
        let current_version = plan.current_version;
        if !sent.is_dry_run && (is_new || plan.revives()) {
            self.write(&mut tx, key, plan, (&sent, &definition), allowed.actor()).await?;
            let on = settings::on(publisher, &id);
            let entry = Entry::done(Noted::PipelineRegistered, allowed.actor(), on)
                .with("version", version)
                .with("sha256", definition.sha256.to_string())
                .with("is_current", current_version == Some(version));
            self.0.ground.trust.note(&mut tx, Chain::of(key.publisher), entry).await?;
            self.manage(&mut tx, key, &definition).await?;
            if is_new {
                let what = (&*definition, version);
                self.tell_version(&mut tx, publisher, what, allowed.actor()).await?;
            }
        }
        if !sent.is_dry_run {
            tx.commit().await?;
        }
        Ok(Registered { id, version, current_version, is_new, definition, warnings })
    }

    /// Reads a definition and judges it with all that is known outside of it.
    async fn judged(&self, publisher: &Publisher, sent: &Sent) -> Result<Checked, Error> {
        let (text, form) = (sent.text.clone(), sent.form);
        let read = spawn_blocking(move || json::read(&text, form)).await;
        let source = read.map_err(|_| Error::GivenUp)?.map_err(|it| Error::Faults(vec![it]))?;
        let known = self.known(publisher, &source).await?;
        let judged = spawn_blocking(move || Definition::of(source, &known)).await;
        judged.map_err(|_| Error::GivenUp)?.map_err(Error::Faults)
    }

    async fn write(
        &self,
        tx: &mut Tx,
        key: Key<'_>,
        plan: Plan,
        (sent, definition): (&Sent, &Definition),
        actor: &Actor,
    ) -> Result<(), Error> {
        let now = self.0.ground.clock.now();
        let by = actor.principal().ok_or(Error::NotFound)?.id;
        let numbers = (plan.current_version, plan.version);
        match &plan.before {
            None => store::add(tx, key, numbers, now).await?,
            Some(before) => {
                let last = before.last_version.max(plan.version);
                store::advance(tx, key, (plan.current_version, last), now).await?;
            }
        }
        if plan.is_new {
            let new = store::NewVersion {
                version: plan.version,
                sha256: definition.sha256,
                title: definition.title.as_deref(),
                source: &sent.text,
                form: sent.form,
                definition: &json::canonical(&definition.source),
                by,
            };
            store::add_version(tx, key, new, now).await?;
        }
        if plan.current_version == Some(plan.version) {
            return self.keep(tx, key, &definition.schedules, now).await;
        }
        if plan.revives() {
            let Key { publisher, pipeline } = key;
            let pinned = self.pinned(tx, publisher, pipeline, None).await?;
            let wanted = pinned.as_ref().map_or(&[][..], |it| &it.definition.schedules);
            return self.keep(tx, key, wanted, now).await;
        }
        Ok(())
    }
}
