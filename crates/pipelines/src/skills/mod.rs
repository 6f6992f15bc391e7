//! Skills: bundles of documents that a publisher gives to agents (`spec/work.md` 10).
//!
//! | file        | what is there                                        |
//! |-------------|------------------------------------------------------|
//! | `mod.rs`    | [`Skill`]: added, listed, read, taken out of use       |
//! | `bundle.rs` | [`Bundle`]: what a new one has to be; pure             |
//! | `store.rs`  | the SQL                                              |
//! | `api.rs`    | JSON under `/api/v1/publishers/{publisher}/skills`    |
//!
//! Invariant: the content of a version is never changed, so that whoever was told its hash gets those bytes.

pub(crate) mod api;
mod bundle;
pub(crate) mod store;

use ::api::json;
use names::{Digest, Handle, UnixMillis};
use pipelines_core::skill;
use tokio::task::spawn_blocking;
use trust::{
    Allowed, Publisher, act,
    audit::{Chain, Entry, Noted, On},
};

pub(crate) use bundle::Bundle;
pub(crate) use store::STATEMENTS;

use crate::{Error, Pipelines};

/// Versions of skills of one publisher: at most 4 GiB.
const MAX_SKILLS: u32 = 1_000;

/// A version of a skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skill {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// The newest version of a name has the highest.
    pub(crate) ordinal: u32,
    /// The hash of the bundle.
    pub(crate) sha256: Digest,
    /// What it is for.
    pub(crate) description: String,
    /// Whether other publishers may name it.
    pub(crate) is_public: bool,
    /// When it was added.
    pub(crate) created_at: UnixMillis,
    /// Since when no new definition may name it.
    pub(crate) deprecated_at: Option<UnixMillis>,
}

impl Skill {
    /// What a reference to it stands for.
    pub(crate) fn reference(&self, publisher: &Handle) -> String {
        skill::resolved(publisher.as_str(), &self.name, &self.version, self.sha256)
    }
}

/// A file of a skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// Where it lies in the bundle.
    pub(crate) path: String,
    /// Its bytes.
    pub(crate) size: u64,
    /// The hash of its bytes.
    pub(crate) sha256: Digest,
}

impl Pipelines {
    /// Adds a version; gives whether it was not there before. The same content again changes only who may name it.
    pub(crate) async fn add_skill(
        &self,
        allowed: &Allowed<act::SkillWrite, Publisher>,
        new: json::NewSkill,
    ) -> Result<(Skill, bool), Error> {
        let read = spawn_blocking(move || Bundle::read(new)).await;
        let bundle = read.map_err(|_| Error::GivenUp)?.map_err(Error::Faults)?;
        let (publisher, actor) = (allowed.resource(), allowed.actor());
        let (id, now) = (publisher.organization.id, self.0.ground.clock.now());
        let mut tx = self.0.ground.trust.begin_on_publisher(allowed).await?;
        let (name, version) = (bundle.name.as_str(), bundle.version.as_str());
        let before = store::find(&mut tx, id, name, version).await?;
        if let Some(before) = &before {
            if before.sha256 != bundle.sha256 {
                return Err(Error::VersionExists);
            }
            if before.is_public == bundle.is_public {
                return Ok((before.clone(), false));
            }
            store::set_public(&mut tx, id, (name, version), bundle.is_public).await?;
        } else {
            if store::count(&mut tx, id).await? >= MAX_SKILLS {
                return Err(Error::TooMany { number: MAX_SKILLS, of: "versions of skills" });
            }
            let by = actor.principal().ok_or(Error::NotFound)?.id;
            store::add(&mut tx, id, &bundle, (by, now)).await?;
        }
        let entry = Entry::done(Noted::PublisherUpdated, actor, on(publisher, name, version));
        let entry =
            entry.with("sha256", bundle.sha256.to_string()).with("public", bundle.is_public);
        let shown = store::find(&mut tx, id, name, version).await?.ok_or(Error::NotFound)?;
        self.0.ground.trust.note(&mut tx, Chain::of(id), entry).await?;
        tx.commit().await?;
        Ok((shown, before.is_none()))
    }

    /// The skills of a publisher: by name, the newest version of each first.
    pub(crate) async fn skills(
        &self,
        allowed: &Allowed<act::SkillRead, Publisher>,
        after: Option<(&str, u32)>,
        limit: u32,
    ) -> Result<Vec<Skill>, Error> {
        let mut tx = self.0.ground.db.glance().await?;
        Ok(store::list(&mut tx, allowed.resource().organization.id, after, limit).await?)
    }

    /// One version, and what is in it.
    pub(crate) async fn skill(
        &self,
        allowed: &Allowed<act::SkillRead, Publisher>,
        name: &str,
        version: &str,
    ) -> Result<(Skill, Vec<File>), Error> {
        let id = allowed.resource().organization.id;
        let mut tx = self.0.ground.db.read().await?;
        let found = store::find(&mut tx, id, name, version).await?.ok_or(Error::NotFound)?;
        let files = store::files(&mut tx, id, (name, version)).await?;
        Ok((found, files))
    }

    /// The bytes of one of its files.
    pub(crate) async fn skill_file(
        &self,
        allowed: &Allowed<act::SkillRead, Publisher>,
        (name, version): (&str, &str),
        path: &str,
    ) -> Result<Vec<u8>, Error> {
        let id = allowed.resource().organization.id;
        let mut tx = self.0.ground.db.glance().await?;
        store::content(&mut tx, id, (name, version), path).await?.ok_or(Error::NotFound)
    }

    /// One version as the definition of a task names it, which was judged when that was registered; and what is in it.
    pub(crate) async fn named_skill(
        &self,
        publisher: &Handle,
        (name, version): (&str, &str),
    ) -> Result<(Skill, Vec<File>), Error> {
        let mut tx = self.0.ground.db.read().await?;
        let id = store::published(&mut tx, publisher, (name, version)).await?;
        let id = id.ok_or(Error::NotFound)?;
        let found = store::find(&mut tx, id, name, version).await?.ok_or(Error::NotFound)?;
        let files = store::files(&mut tx, id, (name, version)).await?;
        Ok((found, files))
    }

    /// The bytes of one of its files.
    pub(crate) async fn named_skill_file(
        &self,
        publisher: &Handle,
        (name, version): (&str, &str),
        path: &str,
    ) -> Result<Vec<u8>, Error> {
        let mut tx = self.0.ground.db.read().await?;
        let id = store::published(&mut tx, publisher, (name, version)).await?;
        let id = id.ok_or(Error::NotFound)?;
        store::content(&mut tx, id, (name, version), path).await?.ok_or(Error::NotFound)
    }

    /// Takes a version out of use: no new definition may name it, and those that do keep it.
    pub(crate) async fn deprecate_skill(
        &self,
        allowed: &Allowed<act::SkillWrite, Publisher>,
        (name, version): (&str, &str),
    ) -> Result<(), Error> {
        let (publisher, now) = (allowed.resource(), self.0.ground.clock.now());
        let id = publisher.organization.id;
        let mut tx = self.0.ground.trust.begin_on_publisher(allowed).await?;
        let found = store::find(&mut tx, id, name, version).await?.ok_or(Error::NotFound)?;
        if found.deprecated_at.is_some() {
            return Ok(());
        }
        store::deprecate(&mut tx, id, (name, version), now).await?;
        let on = on(publisher, name, version);
        let entry = Entry::done(Noted::PublisherUpdated, allowed.actor(), on);
        let entry = entry.with("deprecated", true);
        self.0.ground.trust.note(&mut tx, Chain::of(id), entry).await?;
        Ok(tx.commit().await?)
    }
}

/// What the log calls it.
fn on(publisher: &Publisher, name: &str, version: &str) -> On {
    On::new("skill", format!("{}/{name}@{version}", publisher.organization.handle))
}
