//! Many dead letters are replayed: a job, some runs at a time.
//!
//! What is dead in a live run that waits for a word is opened again in place; of a run that has ended another one is begun,
//! once for all its letters, with the results that do not depend on them. What came of each is written with the end of the
//! job's turn, and the job is due again until none is left.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use jobs::{Done, Failure, Kind};
use names::Id;
use pipelines_core::{
    machine::{What, kept},
    name::RunId,
};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use trust::Principal;

use super::{
    LetterId, ReplayId,
    store::{self, Waiting},
};
use crate::{
    Pipelines,
    engine::{NotDone, Said, Start, run::Run, runs},
};

/// Runs whose letters are replayed in one turn: together they fill a part of a group of the engine.
const RUNS: i64 = 64;
/// Replays that are told of and not heard yet; who misses some looks again.
const CHANGES: usize = 64;

/// Dead letters wait for their replay.
pub(crate) const REPLAY: Kind<Asked> = Kind::new("pipelines.replay");

/// Which replay, and who asked for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(super) replay: ReplayId,
    pub(super) by: Option<Id<Principal>>,
    /// A person does not decide about what it started itself.
    pub(super) is_person: bool,
}

/// Tells of replays that went on, to callers that wait.
#[derive(Debug, Clone)]
pub(crate) struct Changes(broadcast::Sender<ReplayId>);

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::channel(CHANGES).0)
    }
}

impl Changes {
    pub(super) fn listen(&self) -> broadcast::Receiver<ReplayId> {
        self.0.subscribe()
    }
}

/// Tells of a replay when it is dropped: with the transaction that holds it.
#[derive(Debug)]
struct Told(Changes, ReplayId);

impl Drop for Told {
    fn drop(&mut self) {
        // Nobody may be waiting.
        let _heard = self.0.0.send(self.1);
    }
}

/// What came of a letter: the run in which it is tried again, or why it is not.
type Outcome = (LetterId, Result<RunId, &'static str>);

impl Pipelines {
    /// Takes care of the letters of some runs.
    pub(crate) async fn replay_letters(&self, asked: &Asked) -> Result<Done, Failure> {
        let ground = &self.0.ground;
        let waiting = store::waiting(&mut ground.db.glance().await?, asked.replay, RUNS).await?;
        let mut by_run: BTreeMap<RunId, Vec<Waiting>> = BTreeMap::new();
        for letter in waiting {
            by_run.entry(letter.run).or_default().push(letter);
        }
        let is_last = by_run.len() < usize::try_from(RUNS).unwrap_or_default();
        let of_run = by_run.into_iter().map(|(run, letters)| self.replay_run(asked, run, letters));
        let outcomes = try_join_all(of_run).await?.concat();
        let now = ground.clock.now();
        let mut tx = ground.db.write().await?;
        store::mark(&mut tx, asked.replay, &outcomes, now).await?;
        tx.hold(Told(self.0.replays.clone(), asked.replay));
        let done = Done::with(tx);
        Ok(if is_last { done } else { done.again_at(now) })
    }

    async fn replay_run(
        &self,
        asked: &Asked,
        id: RunId,
        letters: Vec<Waiting>,
    ) -> Result<Vec<Outcome>, Failure> {
        let mut tx = self.0.ground.db.read().await?;
        let run = runs::read(self, &mut tx, id).await?;
        drop(tx);
        let Some(run) = run else { return Ok(of_all(&letters, Err("not_found"))) };
        if run.state.phase.is_terminal() {
            let begun = self.begin_again(asked, &run, &letters).await?;
            return Ok(of_all(&letters, begun));
        }
        let mut outcomes = Vec::with_capacity(letters.len());
        for letter in letters {
            outcomes.push((letter.id, self.open_again(asked, &run, &letter).await?));
        }
        Ok(outcomes)
    }

    /// Opens a dead task of a live run again. One that was opened again before, by this replay or a person, is well.
    async fn open_again(
        &self,
        asked: &Asked,
        run: &Run,
        letter: &Waiting,
    ) -> Result<Result<RunId, &'static str>, Failure> {
        let current = run.state.current(&letter.address).map(|task| task.generation);
        if current.is_some_and(|current| current > letter.generation) {
            return Ok(Ok(letter.run));
        }
        let what = What::Retry(letter.address.checked());
        let told = self.0.engine.happen(letter.run, what, asked.by, Said::default()).await;
        told.map(|_| Ok(letter.run)).or_else(refused)
    }

    /// Begins a run in which the letters of one that has ended are tried again.
    async fn begin_again(
        &self,
        asked: &Asked,
        run: &Run,
        letters: &[Waiting],
    ) -> Result<Result<RunId, &'static str>, Failure> {
        let (birth, version) = (run.birth.clone(), run.state.version);
        let mut tx = self.0.ground.db.read().await?;
        let pinned = self.pinned(&mut tx, birth.publisher, &birth.pipeline, Some(version)).await?;
        drop(tx);
        let Some(pinned) = pinned.filter(|it| !it.is_archived) else { return Ok(Err("not_found")) };
        if pinned.is_paused {
            return Ok(Err("pipeline_paused"));
        }
        let from: Vec<_> = letters.iter().map(|letter| letter.address.checked()).collect();
        let start = Start {
            publisher: birth.publisher,
            handle: birth.handle,
            pipeline: birth.pipeline,
            input: run.state.input.as_ref().clone(),
            priority: run.state.priority,
            external_id: Some(format!("dead-letters:{}:{}", asked.replay, run.state.run)),
            deadline: None,
            budgets: pinned.definition.budgets,
            by: asked.by,
            stamp: None,
            starter: asked.by.filter(|_| asked.is_person),
            replay_of: Some(run.state.run.uuid()),
            copies: kept(&run.state, &from),
            definition: pinned.definition.clone(),
            pinned_version: version,
            sha256: pinned.sha256,
        };
        let begun = self.0.engine.start(start).await;
        begun.map(|begun| Ok(begun.run)).or_else(refused)
    }
}

fn of_all(letters: &[Waiting], outcome: Result<RunId, &'static str>) -> Vec<Outcome> {
    letters.iter().map(|letter| (letter.id, outcome)).collect()
}

/// Why a letter is not tried again; what may be otherwise in a moment ends the turn.
fn refused(not_done: NotDone) -> Result<Result<RunId, &'static str>, Failure> {
    match not_done {
        NotDone::Failed(error) => Err((*error).into()),
        NotDone::NoRun => Ok(Err("not_found")),
        NotDone::ExternalIdTaken => Ok(Err("external_id_taken")),
        NotDone::ConcurrencyFull => Ok(Err("concurrency_full")),
        NotDone::Quota(_) => Ok(Err("quota")),
        NotDone::Refused(_) => Ok(Err("task_closed")),
    }
}
