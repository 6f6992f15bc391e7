//! Runs begin, at once or in the queue of their pipeline (`spec/work.md` 2, `concurrency`; 3, start).

use std::collections::{BTreeMap, BTreeSet};

use names::{Digest, Id, UnixMillis};
use pipelines_core::{
    definition::{Definition, OnFull, SlotOf},
    json::same,
    machine::{self, RunPhase, Setup, Slot, SlotKey, What, slot_keys},
    name::{PipelineId, RunId},
};
use serde_json::Value;
use trust::Principal;

use super::{
    NotDone, Said, Start,
    group::{Group, plain},
    run::{self, Birth, Run},
    store,
};
use crate::Error;

/// A run that began, or was there.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) run: RunId,
    pub(crate) state: String,
    pub(crate) version: u32,
    pub(crate) sha256: Digest,
    /// It was there before, under the same name and with the same input.
    pub(crate) was_there: bool,
}

/// Whether a run finds a slot.
enum Finds {
    Slot,
    /// None is free under this key, and so it goes.
    None(SlotKey, OnFull),
}

impl Group<'_> {
    /// Begins a run.
    pub(super) async fn start(&mut self, start: Start, at: UnixMillis) -> Result<Started, NotDone> {
        if let Some(known) = self.known(&start).await? {
            return Ok(known);
        }
        self.check_room(start.publisher).await?;
        let birth = Birth {
            publisher: start.publisher,
            handle: start.handle,
            pipeline: start.pipeline,
            external_id: start.external_id,
            started_by: start.by,
            replay_of: start.replay_of,
        };
        let slot = match self.finds(&birth, &start.definition, &start.input).await? {
            Finds::Slot => Slot::Free,
            Finds::None(_, OnFull::Queue) => Slot::Full,
            Finds::None(_, OnFull::Refuse) => return Err(NotDone::ConcurrencyFull),
            Finds::None(key, OnFull::Replace) => {
                self.replace(&birth, &start.definition, &key, at).await?;
                match self.finds(&birth, &start.definition, &start.input).await? {
                    Finds::Slot => Slot::Free,
                    Finds::None(..) => Slot::Full,
                }
            }
        };
        let id = Id::new(at, &self.pipelines.0.ground.random);
        let setup = Setup {
            run: id,
            deadline: start.deadline.unwrap_or(start.definition.deadline),
            definition: start.definition,
            version: start.pinned_version,
            input: start.input,
            starter: start.starter.map(|it| Id::from_uuid(it.uuid())),
            budgets: start.budgets,
            priority: start.priority,
            copies: start.copies,
        };
        let (state, effects) = machine::start(setup, slot, at);
        let mut run = Run {
            birth,
            state,
            sha256: start.sha256,
            rev: 1,
            is_new: true,
            ids: BTreeMap::new(),
            heads: BTreeMap::new(),
            tokens: BTreeMap::new(),
        };
        self.count_run(run.birth.publisher);
        self.absorb(&mut run, &effects, start.by, &Said::default()).await?;
        let phase = run.state.phase;
        if phase == RunPhase::Queued {
            self.queued.push(id);
        }
        if let Some(external) = run.birth.external_id.clone() {
            let place = (run.birth.publisher, run.birth.pipeline.clone(), external);
            self.externals.insert(place, id);
        }
        let (version, sha256) = (run.state.version, run.sha256);
        self.runs.put(run);
        let state = phase.as_str().to_owned();
        Ok(Started { run: id, state, version, sha256, was_there: false })
    }

    /// The run that bears the name which this one is to bear.
    async fn known(&mut self, start: &Start) -> Result<Option<Started>, NotDone> {
        let Some(external) = &start.external_id else { return Ok(None) };
        let (publisher, pipeline) = (start.publisher, &start.pipeline);
        let place = (publisher, pipeline.clone(), external.clone());
        let here = self.externals.get(&place).and_then(|id| self.runs.get(*id));
        let (known, is_same) = if let Some(run) = here {
            let (state, version) = (run.state.phase.as_str().to_owned(), run.state.version);
            let known =
                Started { run: run.state.run, state, version, sha256: run.sha256, was_there: true };
            (known, same(&run.state.input, &start.input))
        } else {
            let found = store::external(&mut self.tx, publisher, pipeline, external).await?;
            let Some(found) = found else { return Ok(None) };
            let is_same = same(&found.input, &start.input);
            let store::Known { run, version, sha256, state, .. } = found;
            (Started { run, state, version, sha256, was_there: true }, is_same)
        };
        if is_same { Ok(Some(known)) } else { Err(NotDone::ExternalIdTaken) }
    }

    async fn finds(
        &mut self,
        birth: &Birth,
        definition: &Definition,
        input: &Value,
    ) -> Result<Finds, Error> {
        for key in slot_keys(definition, input, SlotOf::Runs) {
            let (of, hash, max) = run::slot(definition, &key);
            if self.slot(birth, (of, hash)).await? >= max {
                let rule = definition.concurrency.get(key.rule);
                let on_full = rule.map_or(OnFull::Queue, |rule| rule.on_full);
                return Ok(Finds::None(key, on_full));
            }
        }
        Ok(Finds::Slot)
    }

    /// Ends the oldest run under a key.
    async fn replace(
        &mut self,
        birth: &Birth,
        definition: &Definition,
        key: &SlotKey,
        at: UnixMillis,
    ) -> Result<(), Error> {
        let wanted = run::slot(definition, key).1;
        for id in store::live(&mut self.tx, birth.publisher, &birth.pipeline).await? {
            if !self.at_hand(id).await? {
                continue;
            }
            let Some(run) = self.runs.get(id).filter(|it| !it.state.phase.is_terminal()) else {
                continue;
            };
            let keys = slot_keys(run.definition(), &run.state.input, SlotOf::Runs);
            if keys.iter().any(|it| run::slot(run.definition(), it).1 == wanted) {
                let event = plain(What::Cancel);
                let ended = self.happen(id, (&event, at), None, &Said::default()).await;
                return ended.map(drop).or_else(refused);
            }
        }
        Ok(())
    }

    /// Makes a run ready to be worked on, unless another process is at it.
    pub(super) async fn at_hand(&mut self, id: RunId) -> Result<bool, Error> {
        if self.dirty.contains_key(&id) {
            return Ok(self.runs.get(id).is_some());
        }
        self.runs.try_load(self.pipelines, &mut self.tx, id).await
    }

    /// Runs that wait for a slot get one that is free by now, the oldest first.
    pub(super) async fn serve_queues(&mut self) -> Result<(), Error> {
        while let Some((publisher, pipeline)) = self.freed.pop_first() {
            let mut waiting: BTreeSet<RunId> = self.queued.iter().copied().collect();
            waiting.extend(store::queued(&mut self.tx, publisher, &pipeline).await?);
            for id in waiting {
                self.serve(id, publisher, &pipeline).await?;
            }
        }
        Ok(())
    }

    async fn serve(
        &mut self,
        id: RunId,
        publisher: Id<Principal>,
        pipeline: &PipelineId,
    ) -> Result<(), Error> {
        if !self.at_hand(id).await? {
            return Ok(());
        }
        let found = self.runs.get(id).filter(|it| it.state.phase == RunPhase::Queued);
        let found =
            found.filter(|it| it.birth.publisher == publisher && it.birth.pipeline == *pipeline);
        let Some(run) = found else { return Ok(()) };
        let (birth, definition) = (run.birth.clone(), run.definition().clone());
        let input = run.state.input.clone();
        if let Finds::Slot = self.finds(&birth, &definition, &input).await? {
            let event = plain(What::SlotFree);
            let begun = self.happen(id, (&event, self.now), None, &Said::default()).await;
            return begun.map(drop).or_else(refused);
        }
        Ok(())
    }
}

/// What the state machine refuses harms nobody; all else ends the group.
pub(super) fn refused(not_done: NotDone) -> Result<(), Error> {
    match not_done {
        NotDone::Failed(error) => Err(*error),
        NotDone::Refused(_)
        | NotDone::NoRun
        | NotDone::ExternalIdTaken
        | NotDone::ConcurrencyFull
        | NotDone::Quota(_) => Ok(()),
    }
}
