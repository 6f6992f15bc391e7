//! What came of a simulated run.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::machine::{Change, Effect, RunPhase, RunState};

/// What became of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskOutcome {
    /// Its state.
    pub state: &'static str,
    /// Its generation.
    pub generation: u32,
    /// Failed attempts of that generation.
    pub failed_attempts: u32,
    /// The last fence.
    pub fence: u64,
}

/// What came of a run. `--expect` compares every member.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The hash of the definition.
    pub definition_sha256: String,
    /// The state of the run.
    pub state: &'static str,
    /// Its output.
    pub final_output: Value,
    /// Every address, checks left out.
    pub tasks: BTreeMap<String, TaskOutcome>,
    /// Addresses with rows that were superseded, checks left out.
    pub superseded: Vec<String>,
    /// Grants.
    pub claims: u64,
    /// Calls of subcommands.
    pub tool_calls: u64,
    /// The events that the publisher was sent, in order.
    pub deliveries: Vec<String>,
    /// Outputs that were refused and reopened.
    pub reopens: u32,
    /// Addresses of tasks that died, checks left out.
    pub dead_letters: Vec<String>,
}

impl Outcome {
    /// Reads the outcome off a run and all that was written of it.
    pub(super) fn of(state: &RunState, effects: &[Effect]) -> Self {
        let tasks = state.current_tasks().filter(|(address, _)| address.check.is_none());
        let tasks = tasks.map(|(address, task)| {
            let outcome = TaskOutcome {
                state: task.phase.as_str(),
                generation: task.generation,
                failed_attempts: task.failed,
                fence: state.fences.get(address).copied().unwrap_or_default(),
            };
            (address.to_string(), outcome)
        });
        let replaced = state.tasks.iter().filter(|(address, rows)| {
            address.check.is_none() && rows.iter().any(|row| row.superseded)
        });
        let mut superseded: Vec<_> = replaced.map(|(address, _)| address.to_string()).collect();
        superseded.sort();
        let dead = effects.iter().filter_map(|effect| match effect {
            Effect::DeadLetter { address, .. } if address.check.is_none() => {
                Some(address.to_string())
            }
            _ => None,
        });
        Self {
            definition_sha256: state.definition.sha256.to_string(),
            state: state.phase.as_str(),
            final_output: state.output.as_deref().cloned().unwrap_or_default(),
            tasks: tasks.collect(),
            superseded,
            claims: state.spent.claims,
            tool_calls: state.spent.proxy_calls,
            deliveries: deliveries(state, effects),
            reopens: state.reopens,
            dead_letters: dead.collect(),
        }
    }
}

/// The events of the run that its webhook asks for; `run.composed` is sent where a verdict is waited for, and always
/// then (`spec/work.md` 9).
fn deliveries(state: &RunState, effects: &[Effect]) -> Vec<String> {
    let Some(webhook) = &state.definition.webhook else { return Vec::new() };
    let mut has_started = false;
    let mut told = Vec::new();
    for effect in effects {
        let Effect::Change(entry) = effect else { continue };
        let Change::Run { phase, .. } = &entry.change else { continue };
        let event = match phase {
            RunPhase::Running if !std::mem::replace(&mut has_started, true) => "run.started",
            RunPhase::Composed => {
                told.push("run.composed".to_owned());
                continue;
            }
            RunPhase::Completed => "run.completed",
            RunPhase::Failed => "run.failed",
            RunPhase::Cancelled => "run.cancelled",
            RunPhase::Expired => "run.expired",
            RunPhase::Queued | RunPhase::Running | RunPhase::Held => continue,
        };
        if webhook.events.contains(event) {
            told.push(event.to_owned());
        }
    }
    told
}
