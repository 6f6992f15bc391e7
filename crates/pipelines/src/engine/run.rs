//! A run in memory, with what its rows know and the state machine does not.

use std::{collections::BTreeMap, sync::Arc};

use names::{Digest, Handle, Id, UnixMillis};
use pipelines_core::{
    definition::{Checks, Definition, SlotOf},
    json::canonical,
    machine::{RunPhase, RunState, SlotKey, Task, TaskPhase},
    name::{Address, ClaimId, PipelineId},
};
use serde_json::Value;
use trust::Principal;
use uuid::Uuid;

use super::heads::{HeadId, Likeness, TaskId};

/// What never changes of a run, beside its input.
#[derive(Debug, Clone)]
pub(crate) struct Birth {
    /// Whose.
    pub(crate) publisher: Id<Principal>,
    /// The publisher's name.
    pub(crate) handle: Handle,
    /// Of which pipeline.
    pub(crate) pipeline: PipelineId,
    /// What whoever started it calls it.
    pub(crate) external_id: Option<String>,
    /// Who started it.
    pub(crate) started_by: Option<Id<Principal>>,
    /// The run that it repeats.
    pub(crate) replay_of: Option<Uuid>,
}

/// A run that this process works on.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) birth: Birth,
    pub(crate) state: RunState,
    /// Of the definition of its version.
    pub(crate) sha256: Digest,
    /// Grows with each write.
    pub(crate) rev: i64,
    /// Whether there is no row yet.
    pub(crate) is_new: bool,
    /// The id of each generation of an address.
    pub(crate) ids: BTreeMap<(Address, u32), TaskId>,
    /// The heads that tasks stand in.
    pub(crate) heads: BTreeMap<TaskId, (HeadId, UnixMillis)>,
    /// The token that each live claim was asked for with.
    pub(crate) tokens: BTreeMap<ClaimId, Uuid>,
}

impl Run {
    /// The definition that it follows.
    pub(crate) fn definition(&self) -> &Arc<Definition> {
        &self.state.definition
    }

    /// The id of the current generation of an address.
    pub(crate) fn task_id(&self, address: &Address) -> Option<TaskId> {
        let generation = self.state.current(address)?.generation;
        self.ids.get(&(address.clone(), generation)).copied()
    }

    /// Whether the task can be claimed: not while the run is held.
    pub(crate) fn is_claimable(&self, task: &Task) -> bool {
        task.phase == TaskPhase::Ready && !task.superseded && self.state.phase == RunPhase::Running
    }

    /// What the task has in common with those that are offered alike.
    pub(crate) fn likeness(&self, address: &Address) -> Option<Likeness> {
        let definition = self.definition();
        let step = definition.step(&address.step)?;
        let priority = step.priority.or(self.state.priority).unwrap_or(definition.priority);
        Some(Likeness {
            publisher: self.birth.publisher,
            handle: self.birth.handle.clone(),
            pipeline: self.birth.pipeline.clone(),
            fair_key: fair_key(definition, &self.birth.pipeline, &self.state.input),
            weight: definition.fairness.weight,
            priority,
            labels: step.labels.clone(),
            trust: step.trust,
        })
    }

    /// Whether it matters for a task how far its agent is trusted.
    pub(crate) fn asks_for_trust(&self, address: &Address) -> bool {
        self.definition().step(&address.step).is_some_and(|step| {
            let spares = matches!(&step.checks, Checks::Review(it) if it.exempt_trust.is_some());
            step.trust > 0 || spares
        })
    }

    /// What it weighs in the cache.
    pub(crate) fn weight(&self) -> usize {
        1 + self.ids.len() + self.state.claims.len()
    }
}

/// The pipeline, with the value at its fair key.
pub(crate) fn fair_key(definition: &Definition, pipeline: &PipelineId, input: &Value) -> String {
    let value = definition.fairness.key.as_ref().map(|key| key.find(input));
    match value {
        None => pipeline.to_string(),
        Some(value) => {
            let text = canonical(value.unwrap_or(&Value::Null));
            // A key is an entry of an index: a long value is named by its hash.
            let text =
                if text.len() > 128 { Digest::of(text.as_bytes()).to_string() } else { text };
            format!("{pipeline}:{text}")
        }
    }
}

/// Under which row of `slots` a key is counted, and how many there may be.
pub(crate) fn slot(definition: &Definition, key: &SlotKey) -> (SlotOf, Digest, u32) {
    let rule = definition.concurrency.get(key.rule);
    let pointer = rule.and_then(|rule| rule.key.as_ref()).map(|it| it.tokens().join("\0"));
    let text = serde_json::json!([pointer, key.value]).to_string();
    (key.of, Digest::of(text.as_bytes()), rule.map_or(u32::MAX, |rule| rule.max))
}
