//! Runs in memory: those that were worked on lately, held to what their rows say.
//!
//! On SQLite this process is the only one that writes, so a run that is here is as its rows are. On PostgreSQL its row is
//! locked first, and what is here counts only if it has the revision of the row.

pub(crate) mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use db::{Dialect, Tx};
use pipelines_core::{machine::RunState, name::RunId};

use super::run::Run;
use crate::{Error, Pipelines};

/// Rows of runs that are held in memory: at about a kilobyte each, some ten megabytes.
const HELD_ROWS: usize = 20_000;

/// Runs in memory.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    held: HashMap<RunId, Run>,
    /// When each was last used, counted in uses.
    used: BTreeMap<u64, RunId>,
    places: HashMap<RunId, u64>,
    uses: u64,
    rows: usize,
}

impl Runs {
    /// A run that was loaded in this transaction.
    pub(crate) fn get(&self, id: RunId) -> Option<&Run> {
        self.held.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.held.get_mut(&id)
    }

    pub(crate) fn put(&mut self, run: Run) {
        let id = run.state.run;
        self.forget(id);
        self.rows += run.weight();
        self.held.insert(id, run);
        self.note_use(id);
    }

    /// Takes a run out, to work on it; [`Runs::put`] brings it back.
    pub(crate) fn take(&mut self, id: RunId) -> Option<Run> {
        let run = self.held.remove(&id)?;
        self.rows = self.rows.saturating_sub(run.weight());
        Some(run)
    }

    /// What is in memory of it is not believed any more.
    pub(crate) fn forget(&mut self, id: RunId) {
        drop(self.take(id));
        if let Some(place) = self.places.remove(&id) {
            self.used.remove(&place);
        }
    }

    fn note_use(&mut self, id: RunId) {
        self.uses += 1;
        if let Some(before) = self.places.insert(id, self.uses) {
            self.used.remove(&before);
        }
        self.used.insert(self.uses, id);
    }

    /// Lets go of those that were not used for longest, until what is held is within its bound.
    pub(crate) fn shrink(&mut self) {
        while self.rows > HELD_ROWS && self.held.len() > 1 {
            let Some((_, id)) = self.used.pop_first() else { return };
            self.places.remove(&id);
            drop(self.take(id));
        }
    }

    /// Makes these runs ready to be worked on in `tx`. Those that are not there are left out.
    pub(crate) async fn load(
        &mut self,
        pipelines: &Pipelines,
        tx: &mut Tx,
        ids: &BTreeSet<RunId>,
    ) -> Result<(), Error> {
        let ids: Vec<_> = ids.iter().copied().collect();
        let revisions = match tx.dialect() {
            Dialect::Sqlite => BTreeMap::new(),
            Dialect::Postgres if ids.is_empty() => BTreeMap::new(),
            Dialect::Postgres => store::lock(tx, &ids).await?,
        };
        for id in ids {
            self.hold(pipelines, tx, id, revisions.get(&id).copied()).await?;
        }
        Ok(())
    }

    /// The same for one run that another process may be at work on: then it is left alone. Says whether it is ready.
    pub(crate) async fn try_load(
        &mut self,
        pipelines: &Pipelines,
        tx: &mut Tx,
        id: RunId,
    ) -> Result<bool, Error> {
        let revision = match tx.dialect() {
            Dialect::Sqlite => None,
            Dialect::Postgres => match store::try_lock(tx, id).await? {
                None => return Ok(false),
                found => found,
            },
        };
        self.hold(pipelines, tx, id, revision).await?;
        Ok(self.held.contains_key(&id))
    }

    /// Whether there is such a run, also if another process is at work on it.
    pub(crate) async fn is_there(&self, tx: &mut Tx, id: RunId) -> Result<bool, Error> {
        Ok(self.held.contains_key(&id) || store::is_there(tx, id).await?)
    }

    async fn hold(
        &mut self,
        pipelines: &Pipelines,
        tx: &mut Tx,
        id: RunId,
        revision: Option<i64>,
    ) -> Result<(), Error> {
        let is_current = |run: &Run| tx.dialect() == Dialect::Sqlite || revision == Some(run.rev);
        if self.held.get(&id).is_some_and(is_current) {
            self.note_use(id);
            return Ok(());
        }
        self.forget(id);
        if let Some(run) = read(pipelines, tx, id).await? {
            self.put(run);
        }
        Ok(())
    }
}

/// A run, from its rows alone.
pub(crate) async fn read(
    pipelines: &Pipelines,
    tx: &mut Tx,
    id: RunId,
) -> Result<Option<Run>, Error> {
    let Some(loaded) = store::load(tx, id).await? else { return Ok(None) };
    let (birth, version) = (loaded.birth, loaded.stored.part.version());
    let pinned = pipelines.pinned(tx, birth.publisher, &birth.pipeline, Some(version)).await?;
    let pinned = pinned.ok_or_else(|| db::Error::corrupt("runs.version")("it is not there"))?;
    let state = RunState::restore(loaded.stored, &pinned.definition);
    let state = state.map_err(db::Error::corrupt("tasks.generation"))?;
    Ok(Some(Run {
        birth,
        state,
        sha256: loaded.sha256,
        rev: loaded.rev,
        is_new: false,
        ids: loaded.ids,
        heads: loaded.heads,
        tokens: loaded.tokens,
    }))
}
