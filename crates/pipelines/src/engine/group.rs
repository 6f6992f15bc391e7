//! One group: what came together, in one transaction.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use db::Tx;
use jobs::{Bell, NewJob, PUSH_ROWS};
use names::{Digest, Id, UnixMillis};
use pipelines_core::{
    definition::SlotOf,
    machine::{self, ClaimPhase, Event, Refusal, What},
    name::{ClaimId, PipelineId, RunId},
};
use serde_json::Value;
use trust::Principal;
use uuid::Uuid;

use super::{
    Actor, ClaimTold, NotDone, Said, Told,
    heads::Heads,
    limits::Counts,
    run::{Birth, Run},
    runs::Runs,
    store::{self, Written},
    told::News,
    written::Dirty,
};
use crate::{Error, Pipelines, definitions::Audience};

/// A row of `slots`.
pub(super) type SlotPlace = (Id<Principal>, PipelineId, &'static str, Digest);

/// How many live under a key, by now.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotUse {
    pub(super) used: u32,
    pub(super) has_changed: bool,
}

/// A group under way.
pub(super) struct Group<'k> {
    pub(super) pipelines: &'k Pipelines,
    pub(super) tx: Tx,
    pub(super) now: UnixMillis,
    pub(super) runs: &'k mut Runs,
    pub(super) heads: &'k mut Heads,
    pub(super) counts: &'k mut Counts,
    pub(super) rows: Written,
    pub(super) dirty: BTreeMap<RunId, Dirty>,
    pub(super) slots: HashMap<SlotPlace, SlotUse>,
    /// Pipelines of which a run gave up its slot.
    pub(super) freed: BTreeSet<(Id<Principal>, PipelineId)>,
    /// Runs that this group put into the queue of their pipeline.
    pub(super) queued: Vec<RunId>,
    /// Runs that this group began, by the names that their starters gave them.
    pub(super) externals: HashMap<(Id<Principal>, PipelineId, String), RunId>,
    /// Due rows by their keys: they come, or go.
    pub(super) due: BTreeMap<String, Option<NewJob>>,
    pub(super) credits: BTreeMap<ClaimId, Value>,
    /// What others may be told of.
    pub(super) news: Vec<News>,
    /// Claims that this group granted, by what they were asked for with.
    pub(super) granted: HashMap<Uuid, usize>,
    /// Whose agents are let, by pipeline.
    pub(super) audiences: HashMap<(Id<Principal>, PipelineId), Audience>,
    /// Something can be claimed that could not before.
    pub(super) has_news: bool,
    /// Something could not be granted because another process was at work on its run.
    pub(super) is_contended: bool,
}

impl<'k> Group<'k> {
    pub(super) fn new(
        pipelines: &'k Pipelines,
        tx: Tx,
        (runs, heads): (&'k mut Runs, &'k mut Heads),
        counts: &'k mut Counts,
    ) -> Self {
        Self {
            pipelines,
            tx,
            now: pipelines.0.engine.now(),
            runs,
            heads,
            counts,
            rows: Written::default(),
            dirty: BTreeMap::new(),
            slots: HashMap::new(),
            freed: BTreeSet::new(),
            queued: Vec::new(),
            externals: HashMap::new(),
            due: BTreeMap::new(),
            credits: BTreeMap::new(),
            news: Vec::new(),
            granted: HashMap::new(),
            audiences: HashMap::new(),
            has_news: false,
            is_contended: false,
        }
    }

    /// Applies an event to a run that is at hand.
    pub(super) async fn happen(
        &mut self,
        id: RunId,
        (event, at): (&Event, UnixMillis),
        by: Actor,
        said: &Said,
    ) -> Result<Told, NotDone> {
        let run = self.runs.take(id).ok_or(NotDone::NoRun)?;
        if said.composition.is_some_and(|it| it != run.state.reopens) {
            self.runs.put(run);
            return Err(NotDone::Refused(Refusal::NotListed));
        }
        let before = run.state.version;
        let (mut run, outcome) = run.happen(event, at);
        let outcome = match outcome {
            Ok(effects) => {
                if run.state.version != before {
                    run.sha256 = run.state.definition.sha256;
                }
                let absorbed = self.absorb(&mut run, &effects, by, said).await;
                absorbed.map(|()| told(&run, effects, said.claim, at)).map_err(NotDone::from)
            }
            Err(refusal) => Err(NotDone::Refused(of_claim(&run, refusal, said.claim))),
        };
        self.runs.put(run);
        outcome
    }

    /// How many live under a key.
    pub(super) async fn slot(
        &mut self,
        birth: &Birth,
        (of, key): (SlotOf, Digest),
    ) -> Result<u32, Error> {
        let place = (birth.publisher, birth.pipeline.clone(), store::counts(of), key);
        if let Some(known) = self.slots.get(&place) {
            return Ok(known.used);
        }
        let used = store::used(&mut self.tx, birth.publisher, &birth.pipeline, (of, key)).await?;
        self.slots.insert(place, SlotUse { used, has_changed: false });
        Ok(used)
    }

    /// Takes a slot, or frees it.
    pub(super) async fn count_slot(
        &mut self,
        birth: &Birth,
        (of, key, _): (SlotOf, Digest, u32),
        is_taken: bool,
    ) -> Result<(), Error> {
        let used = self.slot(birth, (of, key)).await?;
        let used = if is_taken { used + 1 } else { used.saturating_sub(1) };
        let place = (birth.publisher, birth.pipeline.clone(), store::counts(of), key);
        self.slots.insert(place, SlotUse { used, has_changed: true });
        if !is_taken && of == SlotOf::Runs {
            self.freed.insert((birth.publisher, birth.pipeline.clone()));
        }
        Ok(())
    }

    /// Writes everything and makes it last. A group that changed nothing writes nothing.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        let changed: Vec<_> = self.dirty.keys().copied().collect();
        self.gather();
        store::write(&mut self.tx, &self.rows).await?;
        self.tell().await?;
        let bells = push(self.pipelines, &mut self.tx, self.due).await?;
        let limits = self.pipelines.0.ground.trust.limits();
        let [any] = self.pipelines.0.ground.random.bytes();
        self.counts.write(&mut self.tx, (limits, any), self.now).await?;
        self.tx.commit().await?;
        self.counts.settled(limits, self.now);
        drop(bells);
        for run in changed {
            // Nobody has to listen.
            let _heard = self.pipelines.0.engine.changes.send(run);
        }
        Ok(())
    }
}

/// To whoever holds a claim the end of a run is the end of the claim.
fn of_claim(run: &Run, refusal: Refusal, claim: Option<ClaimId>) -> Refusal {
    match (refusal, claim.and_then(|id| run.state.claims.get(&id))) {
        (Refusal::RunEnded, Some(claim)) => Refusal::ClaimLost(claim.phase),
        (refusal, _) => refusal,
    }
}

/// Adds due rows, and takes others away.
async fn push(
    pipelines: &Pipelines,
    tx: &mut Tx,
    due: BTreeMap<String, Option<NewJob>>,
) -> Result<Vec<Bell>, Error> {
    let queue = &pipelines.0.ground.queue;
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for (key, job) in due {
        match job {
            Some(job) => new.push(job),
            None => old.push(key),
        }
    }
    queue.withdraw(tx, &old).await?;
    let mut bells = Vec::new();
    while !new.is_empty() {
        let rest = new.split_off(new.len().min(PUSH_ROWS));
        bells.push(queue.push_all(tx, new).await?);
        new = rest;
    }
    Ok(bells)
}

impl Run {
    /// The run after an event, and what came of it.
    fn happen(
        self,
        event: &Event,
        at: UnixMillis,
    ) -> (Self, Result<Vec<machine::Effect>, Refusal>) {
        match machine::take(self.state, event, at) {
            Ok((state, effects)) => (Self { state, ..self }, Ok(effects)),
            Err(refused) => {
                let (state, refusal) = *refused;
                (Self { state, ..self }, Err(refusal))
            }
        }
    }

    /// Where a claim is.
    pub(crate) fn told_of(&self, id: ClaimId, now: UnixMillis) -> Option<ClaimTold> {
        let claim = self.state.claims.get(&id)?;
        let rows = self.state.tasks.get(&claim.address)?;
        let task = rows.iter().rfind(|it| it.generation == claim.generation)?;
        let remaining = match claim.phase {
            ClaimPhase::Live => claim.ends_at.since(now),
            _ => Duration::ZERO,
        };
        Some(ClaimTold { phase: claim.phase, ends_at: claim.ends_at, task: task.phase, remaining })
    }
}

fn told(run: &Run, effects: Vec<machine::Effect>, claim: Option<ClaimId>, now: UnixMillis) -> Told {
    let claim = claim.and_then(|id| run.told_of(id, now));
    Told { effects, run: run.state.phase, claim }
}

/// An event without a draw.
pub(super) fn plain(what: What) -> Event {
    what.into()
}
