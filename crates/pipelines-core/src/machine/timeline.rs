//! The stored states of a run, from its timeline alone (`spec/work.md` 3, I15).

use std::collections::BTreeMap;

use names::UnixMillis;

use super::{
    effect::{Change, Entry},
    state::{ClaimPhase, RunPhase, RunState, TaskPhase, TaskReason},
};
use crate::name::{Address, ClaimId};

/// Where a row of a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskRow {
    /// Where.
    pub phase: TaskPhase,
    /// Why.
    pub reason: Option<TaskReason>,
    /// A later generation took its place.
    pub superseded: bool,
}

/// The states of a run, its tasks and its claims.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct States {
    /// The number of the last entry.
    pub seq: u64,
    /// The run's.
    pub run: Option<RunPhase>,
    /// Of each generation of each address.
    pub tasks: BTreeMap<(Address, u32), TaskRow>,
    /// Of each claim, with its end.
    pub claims: BTreeMap<ClaimId, (ClaimPhase, UnixMillis)>,
}

impl States {
    /// Those that are stored.
    pub fn of(state: &RunState) -> Self {
        let rows = state.tasks.iter().flat_map(|(address, rows)| {
            rows.iter().map(|row| {
                let (phase, reason, superseded) = (row.phase, row.reason, row.superseded);
                ((address.clone(), row.generation), TaskRow { phase, reason, superseded })
            })
        });
        let claims = state.claims.iter().map(|(id, it)| (*id, (it.phase, it.ends_at)));
        let (tasks, claims) = (rows.collect(), claims.collect());
        Self { seq: state.event_seq, run: Some(state.phase), tasks, claims }
    }

    /// Takes the next entry.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), Broken> {
        let is_next = entry.seq == self.seq + 1;
        self.seq = entry.seq;
        take(self, &entry.change).filter(|()| is_next).ok_or(Broken(entry.seq))
    }
}

/// The timeline has a gap, or speaks of what was never opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {0} does not follow from those before it")]
pub struct Broken(pub u64);

/// The states that a timeline leads to.
pub fn replayed<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Result<States, Broken> {
    let mut states = States::default();
    entries.into_iter().try_for_each(|entry| states.follow(entry))?;
    Ok(states)
}

fn take(states: &mut States, change: &Change) -> Option<()> {
    match change {
        Change::Run { phase, .. } => states.run = Some(*phase),
        Change::Moved { .. }
        | Change::Budgets(_)
        | Change::Judged { .. }
        | Change::Approved { .. }
        | Change::SkillRead { .. } => {}
        Change::Inserted { address, generation } => {
            let row = TaskRow { phase: TaskPhase::Pending, reason: None, superseded: false };
            let before = states.tasks.insert((address.clone(), *generation), row);
            return before.is_none().then_some(());
        }
        Change::Task { address, generation, phase, reason } => {
            let row = states.tasks.get_mut(&(address.clone(), *generation))?;
            (row.phase, row.reason) = (*phase, *reason);
        }
        Change::Superseded { address, generation } => {
            states.tasks.get_mut(&(address.clone(), *generation))?.superseded = true;
        }
        Change::Granted { claim, ends_at, .. } => {
            let before = states.claims.insert(*claim, (ClaimPhase::Live, *ends_at));
            return before.is_none().then_some(());
        }
        Change::Slid { claim, ends_at } => states.claims.get_mut(claim)?.1 = *ends_at,
        Change::Ended { claim, phase } => states.claims.get_mut(claim)?.0 = *phase,
    }
    Some(())
}
