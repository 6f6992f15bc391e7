//! What follows by itself (`spec/work.md` 3, "core" events): tasks are evaluated, joins hold or cannot, what ends closes
//! what waits for it, and at last the output is composed. Queues instead of recursion: a fan-out may be wide.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    effect::{Due, Effect},
    state::{ClaimPhase, RunPhase, RunReason, TaskPhase, TaskReason},
    work::{Class, Work},
};
use crate::{
    definition::{Checks, Definition, Join, Kind, OnUnmet, Reach, Requirement, Rest, Step},
    name::{Address, ClaimId, StepId},
};

/// Children that one event inserts (`spec/work.md` 2, Fan-out).
pub(super) const PIECE: usize = 500;
/// When the next ones follow.
const SOON: Duration = Duration::from_millis(1);

/// How a requirement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Holds,
    Open,
    Unmeetable,
}

impl Work {
    /// Takes core events until there are none.
    pub(super) fn settle(&mut self) {
        while !self.state.phase.is_terminal() {
            if let Some(address) = self.pending.pop_front() {
                self.evaluate(&address);
            } else if let Some(address) = self.closed.pop_front() {
                self.closed(&address);
            } else {
                break;
            }
        }
        let may_end = matches!(self.state.phase, RunPhase::Running | RunPhase::Held);
        if may_end && self.state.open == 0 && self.state.spawning.is_empty() {
            self.complete();
        }
    }

    /// Close: those that wait for an instance, or for the set that it opens, are looked at.
    fn closed(&mut self, address: &Address) {
        let definition = Arc::clone(&self.state.definition);
        let Some(step) = definition.step(&address.step) else { return };
        let waiting: Vec<_> = step
            .affects
            .iter()
            .filter_map(|id| definition.step(id))
            .flat_map(|waiting| {
                // Those below the instance, or the one above it.
                let length = waiting.scope.len().min(address.path.len());
                let prefix = address.path.get(..length).unwrap_or_default();
                let found = self.state.instances(&waiting.id, prefix);
                let pending = found.filter(|(_, task)| task.phase == TaskPhase::Pending);
                pending.map(|(address, _)| address.clone()).collect::<Vec<_>>()
            })
            .collect();
        self.pending.extend(waiting);
    }

    /// Evaluates a pending task.
    fn evaluate(&mut self, address: &Address) {
        let is_pending =
            self.state.current(address).is_some_and(|task| task.phase == TaskPhase::Pending);
        let definition = Arc::clone(&self.state.definition);
        let Some(step) = definition.step(&address.step).filter(|_| is_pending) else { return };
        let mut is_open = false;
        for requirement in &step.requirements {
            match self.standing(&definition, step, address, requirement) {
                Standing::Holds if requirement.rest == Rest::Cancel => {
                    self.cancel_rest(address, requirement);
                }
                Standing::Holds => {}
                Standing::Open => is_open = true,
                Standing::Unmeetable => {
                    match step.on_unmet {
                        OnUnmet::FailRun => self.fail(RunReason::JoinUnmeetable(address.clone())),
                        OnUnmet::Skip => {
                            let reason = Some(TaskReason::Unmeetable);
                            self.set_task(address, TaskPhase::Skipped, reason);
                        }
                    }
                    return;
                }
            }
        }
        if !is_open {
            self.met(step, address);
        }
    }

    fn standing(
        &self,
        definition: &Definition,
        step: &Step,
        address: &Address,
        requirement: &Requirement,
    ) -> Standing {
        let prefix = match requirement.reach {
            Reach::Many => address.path.clone(),
            Reach::One(length) => {
                let path = address.path.get(..length).unwrap_or_default().to_vec();
                return match self.class(&Address::of(requirement.step.clone(), path)) {
                    Some(Class::Good | Class::Void) => Standing::Holds,
                    Some(Class::Open) | None => Standing::Open,
                };
            }
        };
        let tally = |id| self.state.tallies.get(&(id, prefix.clone())).copied().unwrap_or_default();
        let reached = tally(requirement.step.clone());
        let spawners = definition.step(&requirement.step).map(|it| it.scope.as_slice());
        let mut between = spawners.unwrap_or_default().iter().skip(step.scope.len());
        let is_closed = between.all(|spawner| {
            tally(spawner.clone()).open == 0
                && self.spawning(std::slice::from_ref(spawner), &prefix).next().is_none()
        });
        match requirement.join {
            Join::All if is_closed && reached.open == 0 => Standing::Holds,
            Join::AtLeast(many) if reached.good >= many => Standing::Holds,
            Join::AtLeast(many) if is_closed && reached.good + reached.open < many => {
                Standing::Unmeetable
            }
            Join::All | Join::AtLeast(_) => Standing::Open,
        }
    }

    /// `rest: cancel`: what is left when the join holds is cancelled.
    fn cancel_rest(&mut self, address: &Address, requirement: &Requirement) {
        // What is not there yet is made at once, so that it can be cancelled with the others.
        let scope = self.with_step(&requirement.step, |step| step.scope.clone());
        let scope = scope.unwrap_or_default();
        let goes_on: Vec<_> = self.spawning(&scope, &address.path).cloned().collect();
        for spawner in goes_on {
            let generation = self.state.current(&spawner).map_or(0, |task| task.generation);
            self.spawn_on(&spawner, usize::MAX);
            self.drop_due(Due::Spawn(spawner, generation));
        }
        let left: Vec<_> = self
            .state
            .instances(&requirement.step, &address.path)
            .filter(|(_, task)| !task.phase.is_terminal())
            .map(|(address, _)| address.clone())
            .collect();
        for address in left {
            self.cancel_open(&address);
        }
    }

    /// Ends an open task with its claim and its checks.
    pub(super) fn cancel_open(&mut self, address: &Address) {
        self.end_claim_of(address, ClaimPhase::Cancelled);
        self.end_checks(address);
        self.set_task(address, TaskPhase::Cancelled, None);
    }

    /// All that a task requires holds.
    fn met(&mut self, step: &Step, address: &Address) {
        let Some(task) = self.state.current(address) else { return };
        let (generation, item) = (task.generation, task.item.clone());
        let input = Arc::new(self.state.resolved(step, address, item.as_deref()));
        let scope = self.state.scope(step, address, &input, item.as_deref());
        if step.skip_if.as_ref().is_some_and(|condition| condition.holds(&scope)) {
            self.set_task(address, TaskPhase::Skipped, Some(TaskReason::SkipIf));
            return;
        }
        if let Some(task) = self.task_mut(address) {
            task.input = Some(Arc::clone(&input));
        }
        let stored = Arc::clone(&input);
        self.effect(Effect::Input { address: address.clone(), generation, input: stored });
        if generation == 1
            && let Some(output) = self.state.copies.get(address).cloned()
        {
            self.accept(address, &output, None, Some(TaskReason::Copied));
            return;
        }
        if let Some(deadline) = step.deadline {
            let due = Due::TaskDeadline(address.clone(), generation);
            self.set_due(due, self.now.plus(deadline));
        }
        match (step.kind, &step.checks) {
            (Kind::Approval(approval), _) => {
                self.set_task(address, TaskPhase::Waiting, None);
                let due = Due::Expires(address.clone(), generation);
                self.set_due(due, self.now.plus(approval.expires));
            }
            (Kind::Work, Checks::Quorum(quorum)) => {
                self.set_task(address, TaskPhase::Checking, None);
                for _ in 0..quorum.ballots {
                    self.insert_ballot(address, &input);
                }
            }
            (Kind::Work, Checks::None | Checks::Review(_)) => self.make_ready(address),
        }
    }

    /// A task can be claimed.
    pub(super) fn make_ready(&mut self, address: &Address) {
        let now = self.now;
        if let Some(task) = self.task_mut(address) {
            task.ready_at = Some(now);
        }
        self.set_task(address, TaskPhase::Ready, None);
    }

    /// A result counts: stored once, children spawned, those that wait looked at (I4).
    pub(super) fn accept(
        &mut self,
        address: &Address,
        output: &Arc<Value>,
        claim: Option<ClaimId>,
        reason: Option<TaskReason>,
    ) {
        let Some(task) = self.task_mut(address) else { return };
        task.output = Some(Arc::clone(output));
        task.candidate = None;
        let generation = task.generation;
        let stored = Arc::clone(output);
        self.effect(Effect::Result { address: address.clone(), generation, claim, output: stored });
        if address.check.is_none() {
            self.spawn(address, output);
        }
        self.set_task(address, TaskPhase::Done, reason);
    }

    /// Fan-out: element i gives each template one task with index i. A wide one goes on by itself, piece by piece, so
    /// that no transaction holds up others for all of it.
    fn spawn(&mut self, address: &Address, output: &Value) {
        self.spawn_from(address, output, 0, PIECE);
    }

    /// The next children of a fan-out that goes on.
    pub(super) fn spawn_on(&mut self, address: &Address, most: usize) {
        let Some(next) = self.state.spawning.remove(address) else { return };
        let output = self.state.current(address).and_then(|task| task.output.clone());
        if let Some(output) = output {
            self.spawn_from(address, &output, next, most);
        }
        if !self.state.spawning.contains_key(address) {
            // The set is closed by now: those that wait for all of it are looked at.
            self.closed.push_back(address.clone());
        }
    }

    fn spawn_from(&mut self, address: &Address, output: &Value, from: u32, most: usize) {
        let definition = Arc::clone(&self.state.definition);
        let spawns = definition.step(&address.step).and_then(|step| step.spawns.as_ref());
        let Some(spawns) = spawns else { return };
        let list = spawns.for_each.find(output).and_then(Value::as_array);
        let all = (0..).zip(list.into_iter().flatten());
        let mut rest = all.skip_while(|(index, _)| *index < from);
        let elements = (most / spawns.steps.len().max(1)).max(1);
        for (index, element) in rest.by_ref().take(elements) {
            let element = Arc::new(element.clone());
            for template in &spawns.steps {
                let mut path = address.path.clone();
                path.push(index);
                self.insert(&Address::of(template.clone(), path), Some(Arc::clone(&element)));
            }
        }
        let generation = self.state.current(address).map(|task| task.generation);
        if let Some(((next, _), generation)) = rest.next().zip(generation) {
            self.state.spawning.insert(address.clone(), next);
            // Later than now, so that it is another row than the one that is at work.
            let at = self.now.plus(SOON);
            self.set_due(Due::Spawn(address.clone(), generation), at);
        }
    }

    /// Fan-outs that go on below a path and make instances of a step, or what those are made below of.
    fn spawning<'s>(
        &'s self,
        spawners: &'s [StepId],
        path: &'s [u32],
    ) -> impl Iterator<Item = &'s Address> {
        let goes_on = self.state.spawning.keys();
        goes_on.filter(move |it| spawners.contains(&it.step) && it.path.starts_with(path))
    }

    /// Children that fan-outs which go on have still to make.
    pub(super) fn unspawned(&self) -> u64 {
        let left = |(address, next): (&Address, &u32)| {
            let spawns = self.state.definition.step(&address.step)?.spawns.as_ref()?;
            let output = self.state.current(address)?.output.as_deref()?;
            let width = spawns.for_each.find(output)?.as_array()?.len();
            let left = width.saturating_sub(usize::try_from(*next).ok()?);
            u64::try_from(left.saturating_mul(spawns.steps.len())).ok()
        };
        self.state.spawning.iter().filter_map(left).sum()
    }
}
