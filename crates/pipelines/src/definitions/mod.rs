//! Pipelines as publishers define them: registered, listed, set up, and read by runs (`spec/work.md` 2, 6).
//!
//! | file            | what is there                                                      |
//! |-----------------|--------------------------------------------------------------------|
//! | `mod.rs`        | [`Pinned`]: one version, parsed, as a run is held to it              |
//! | `register.rs`   | a definition is judged, and becomes a version                       |
//! | `outside.rs`    | what a definition cannot know by itself                             |
//! | `settings.rs`   | [`Pipeline`]: listed, set up, archived                              |
//! | `versions.rs`   | versions as they are read                                          |
//! | `diff.rs`       | where two definitions differ                                       |
//! | `schedules.rs`  | when current versions start runs by themselves                      |
//! | `firing.rs`     | schedules fire                                                     |
//! | `store.rs`      | the SQL                                                            |
//! | `api/`          | JSON under `/api/v1/publishers/{publisher}/pipelines`               |
//!
//! Invariants: nothing changes a version once it is there, not even this program: the database refuses it. What a
//! version means is read from its own row alone, so that it never changes either.

pub(crate) mod api;
mod diff;
pub(crate) mod firing;
mod outside;
mod register;
mod schedules;
mod settings;
pub(crate) mod store;
mod versions;

use std::sync::Arc;

use db::Tx;
use names::{Digest, Id};
use pipelines_core::{
    definition::{Definition, Outside},
    fault::Fault,
    json,
    name::PipelineId,
};
use tokio::task::spawn_blocking;
use trust::Principal;

use crate::{Error, Pipelines};
pub(crate) use diff::Change as DiffChange;
pub(crate) use register::{Registered, Sent};
pub(crate) use schedules::Scheduled;
pub(crate) use settings::{Change, Pipeline};
pub(crate) use store::{STATEMENTS, last_version};
pub(crate) use versions::{Difference, Version, Whole};

/// Bytes of definitions that a process keeps parsed, counted by their canonical text; schemas weigh some times that.
const KEPT_BYTES: u64 = 16 << 20;
/// What a definition weighs beside its text.
const KEPT_LEAST: u32 = 4 << 10;
/// The highest priority that there is.
const MAX_PRIORITY: u8 = 9;

/// Whose agents a pipeline's tasks are offered to (`spec/work.md` 5). A setting, and no part of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Audience {
    /// Those of the organization and of its members.
    #[default]
    Members,
    /// Those that the publisher has listed.
    Listed,
    /// All.
    Open,
}

impl Audience {
    const ALL: [Self; 3] = [Self::Members, Self::Listed, Self::Open];

    /// The word in rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Listed => "listed",
            Self::Open => "open",
        }
    }
}

impl std::str::FromStr for Audience {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no audience: use members, listed or open"))
    }
}

/// What a pipeline is found by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'p> {
    /// Whose.
    pub(crate) publisher: Id<Principal>,
    /// Which.
    pub(crate) pipeline: &'p PipelineId,
}

/// One version of a pipeline, as a run is held to it, and what is set beside it at this moment.
#[derive(Debug, Clone)]
pub(crate) struct Pinned {
    /// Whose.
    pub(crate) publisher: Id<Principal>,
    /// Which.
    pub(crate) pipeline: PipelineId,
    /// The version.
    pub(crate) version: u32,
    /// The hash of its canonical form.
    pub(crate) sha256: Digest,
    /// What it says.
    pub(crate) definition: Arc<Definition>,
    /// Whose agents are offered its tasks.
    pub(crate) audience: Audience,
    /// Whether runs may be started.
    pub(crate) is_paused: bool,
    /// Whether it was archived: live runs go on, and none is started.
    pub(crate) is_archived: bool,
}

/// Definitions that were parsed before, by their hash. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Parsed(moka::sync::Cache<Digest, Kept>);

/// A definition and what it weighs.
#[derive(Debug, Clone)]
struct Kept {
    definition: Arc<Definition>,
    bytes: u32,
}

impl Default for Parsed {
    fn default() -> Self {
        let weigh = |_: &Digest, kept: &Kept| kept.bytes.saturating_add(KEPT_LEAST);
        Self(moka::sync::Cache::builder().max_capacity(KEPT_BYTES).weigher(weigh).build())
    }
}

impl Parsed {
    /// The definition with that hash, if it was parsed before.
    fn get(&self, sha256: Digest) -> Option<Arc<Definition>> {
        self.0.get(&sha256).map(|it| it.definition)
    }

    /// Reads the canonical text of a row: once, however many ask for it at a time.
    async fn read(&self, sha256: Digest, text: String) -> Result<Arc<Definition>, db::Error> {
        let parsed = self.0.clone();
        let read = move || {
            parsed.try_get_with(sha256, || {
                tracing::debug!(definition = %sha256, "a definition is compiled");
                let definition = believed(&text)?;
                if definition.sha256 != sha256 {
                    return Err("it has another hash".to_owned());
                }
                let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
                Ok(Kept { definition, bytes })
            })
        };
        let kept = spawn_blocking(read).await.map_err(corrupt)?;
        Ok(kept.map_err(|why| corrupt(why.as_str()))?.definition)
    }
}

fn corrupt(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> db::Error {
    db::Error::corrupt("pipeline_versions.definition")(why)
}

/// What was judged when it was registered, and is believed since.
struct Judged;

impl Outside for Judged {
    fn endpoint(&self, _url: &str) -> Result<(), String> {
        Ok(())
    }

    fn skill(&self, reference: &str) -> Option<String> {
        Some(reference.to_owned())
    }

    fn max_priority(&self) -> u8 {
        MAX_PRIORITY
    }
}

fn believed(text: &str) -> Result<Arc<Definition>, String> {
    let source = json::reread(text).map_err(|fault| fault.to_string())?;
    let read = Definition::of(source, &Judged);
    let first = |faults: Vec<Fault>| faults.first().map(ToString::to_string).unwrap_or_default();
    read.map(|checked| checked.definition).map_err(first)
}

impl Pipelines {
    /// A version of a pipeline, parsed; the current one where none is named. Nothing where there is no such pipeline or
    /// version, or where none is current. Whether runs may be started under it is for the caller: see
    /// [`Pinned::is_paused`] and [`Pinned::is_archived`].
    pub(crate) async fn pinned(
        &self,
        tx: &mut Tx,
        publisher: Id<Principal>,
        pipeline: &PipelineId,
        version: Option<u32>,
    ) -> Result<Option<Pinned>, Error> {
        let key = Key { publisher, pipeline };
        let found = store::pin(tx, key, version).await?;
        let Some(pin) = found else { return Ok(None) };
        let definition = if let Some(definition) = self.0.parsed.get(pin.sha256) {
            definition
        } else {
            let text = store::definition(tx, key, pin.version).await?;
            self.0.parsed.read(pin.sha256, text).await?
        };
        Ok(Some(Pinned {
            publisher,
            pipeline: pipeline.clone(),
            version: pin.version,
            sha256: pin.sha256,
            definition,
            audience: pin.audience,
            is_paused: pin.is_paused,
            is_archived: pin.is_archived,
        }))
    }
}
