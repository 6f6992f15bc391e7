//! New generations (`spec/work.md` 9, `reopen`; 3, retry; 4, Replay): what is named, and all that depends on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    effect::{Credit, Refusal},
    event::Reopen,
    state::{RunState, TaskPhase},
    work::Work,
};
use crate::{definition::OnDead, name::Address};

impl Work {
    /// The addresses that a verdict names, and what the next claim is told.
    pub(super) fn named(
        &self,
        names: &[Reopen],
    ) -> Result<Vec<(Address, Option<String>)>, Refusal> {
        let mut found = Vec::new();
        for name in names {
            let prefix = name.path.clone().unwrap_or_default();
            let instances = self.state.instances(&name.step, &prefix);
            let chosen =
                instances.filter(|(it, _)| name.path.as_ref().is_none_or(|p| it.path == *p));
            let before = found.len();
            found.extend(chosen.map(|(address, _)| (address.clone(), name.note.clone())));
            if found.len() == before {
                return Err(Refusal::UnknownTask);
            }
        }
        Ok(found)
    }

    /// What is named and all that depends on it get a new generation. Attempts and deadlines of steps start anew.
    pub(super) fn reopen(&mut self, named: &[(Address, Option<String>)]) {
        for (address, _) in named {
            let generation = self.state.current(address).map_or(0, |task| task.generation);
            if let Some(claim) = self.claim_behind_result(address, generation) {
                self.credit(claim, Credit::Rejected);
            }
        }
        let start = named.iter().map(|(address, _)| address.clone());
        let reopened = dependents(&self.state, start);
        let again: Vec<_> = reopened
            .iter()
            .filter(|address| !is_below(&self.state, address, &reopened))
            .map(|address| (address.clone(), self.item_of(address)))
            .collect();
        for address in &reopened {
            let checks = self.checks_of(address).into_iter().map(|(check, _)| check.clone());
            for check in checks.collect::<Vec<_>>() {
                self.supersede(&check);
            }
            self.supersede(address);
        }
        self.closed.clear();
        for (address, item) in again {
            self.insert(&address, item);
        }
        for (address, note) in named {
            if let (Some(note), Some(task)) = (note, self.task_mut(address)) {
                task.feedback.push(note.clone());
            }
        }
    }

    fn item_of(&self, address: &Address) -> Option<Arc<Value>> {
        self.state.current(address).and_then(|task| task.item.clone())
    }

    /// The claim behind a result, that of the deciding ballot where ballots decided.
    fn claim_behind_result(
        &self,
        address: &Address,
        generation: u32,
    ) -> Option<crate::name::ClaimId> {
        self.claim_behind(address, generation).or_else(|| {
            let output = self.state.current(address)?.output.clone();
            let checks = self.checks_of(address);
            let ballot = checks.iter().find(|(_, task)| {
                task.checks == generation && task.phase == TaskPhase::Done && task.output == output
            });
            ballot.and_then(|(place, task)| self.claim_behind(place, task.generation))
        })
    }

    /// A dead task that its step holds open is opened again, with fresh attempts.
    pub(super) fn retry(&mut self, address: &Address) -> Result<(), Refusal> {
        let task = self.state.current(address).ok_or(Refusal::UnknownTask)?;
        let is_held = self.with_step(&address.step, |step| step.on_dead) == Some(OnDead::Hold);
        if task.phase != TaskPhase::Dead || !is_held || address.check.is_some() {
            return Err(Refusal::NotListed);
        }
        let item = task.item.clone();
        let checks = self.checks_of(address).into_iter().map(|(check, _)| check.clone());
        for check in checks.collect::<Vec<_>>() {
            self.supersede(&check);
        }
        self.supersede(address);
        self.insert(address, item);
        Ok(())
    }
}

/// Addresses, and all current ones that look at them, over others too.
fn dependents(state: &RunState, start: impl Iterator<Item = Address>) -> BTreeSet<Address> {
    let mut found = BTreeSet::new();
    let mut open: Vec<_> = start.collect();
    while let Some(address) = open.pop() {
        let Some(step) = state.definition.step(&address.step) else { continue };
        for waiting in step.affects.iter().filter_map(|id| state.definition.step(id)) {
            let length = waiting.scope.len().min(address.path.len());
            let prefix = address.path.get(..length).unwrap_or_default();
            let instances =
                state.instances(&waiting.id, prefix).map(|(address, _)| address.clone());
            open.extend(instances.filter(|it| !found.contains(it)));
        }
        found.insert(address);
    }
    found
}

/// Whether a spawner above the instance is reopened too: then its result makes the instance anew.
fn is_below(state: &RunState, address: &Address, reopened: &BTreeSet<Address>) -> bool {
    let Some(step) = state.definition.step(&address.step) else { return false };
    step.scope.iter().enumerate().any(|(depth, spawner)| {
        let path = address.path.get(..depth).unwrap_or_default().to_vec();
        reopened.contains(&Address::of(spawner.clone(), path))
    })
}

/// The results of a run that a replay from `from` keeps: those that do not depend on it.
pub fn kept(state: &RunState, from: &[Address]) -> BTreeMap<Address, Value> {
    let again = dependents(state, from.iter().cloned());
    let done = state.current_tasks().filter(|(address, task)| {
        address.check.is_none() && task.phase == TaskPhase::Done && !again.contains(address)
    });
    let output = |(address, task): (&Address, &super::state::Task)| {
        Some((address.clone(), task.output.as_deref()?.clone()))
    };
    done.filter_map(output).collect()
}
