//! One event being taken. Every change of state goes through the few methods of this file, so that each has its entry in
//! the timeline, its due rows and its slots.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use names::UnixMillis;
use serde_json::Value;

use super::{
    effect::{Change, Counter, Credit, Due, Effect, Entry, Refusal, SlotKey, Told},
    event::{Usage, What},
    state::{
        Claim, ClaimPhase, RunPhase, RunReason, RunState, Strike, Task, TaskPhase, TaskReason,
        Touched,
    },
    told,
};
use crate::{
    backoff::Draw,
    definition::{Concurrency, Definition, OnDead, SlotOf, Step},
    json::canonical,
    name::{Address, ClaimId, StepId},
};

/// How a task counts for those that wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Not yet, or not any more.
    Open,
    /// It has a result.
    Good,
    /// It ended without one, and its step said that this is well.
    Void,
}

/// How a task in this phase counts.
pub(super) fn class_of(phase: TaskPhase, on_dead: Option<OnDead>) -> Class {
    match phase {
        TaskPhase::Done => Class::Good,
        TaskPhase::Skipped | TaskPhase::Cancelled => Class::Void,
        TaskPhase::Dead if on_dead == Some(OnDead::Skip) => Class::Void,
        _ => Class::Open,
    }
}

/// A failed attempt.
pub(super) struct Failure {
    pub(super) strike: Option<Strike>,
    pub(super) retry_after: Duration,
}

/// The slots that a run with this input is counted under, and its claims.
pub fn slot_keys(definition: &Definition, input: &Value, of: SlotOf) -> Vec<SlotKey> {
    let rules = definition.concurrency.iter().enumerate().filter(|(_, rule)| rule.of == of);
    let key = |(at, rule): (usize, &Concurrency)| {
        let value = rule.key.as_ref();
        let value = value.map(|key| canonical(key.find(input).unwrap_or(&Value::Null)));
        SlotKey { of, rule: at, value }
    };
    rules.map(key).collect()
}

/// One event being taken.
pub(super) struct Work {
    pub(super) state: RunState,
    pub(super) now: UnixMillis,
    effects: Vec<Effect>,
    draw: Draw,
    /// Tasks to look at.
    pub(super) pending: VecDeque<Address>,
    /// Tasks that ended.
    pub(super) closed: VecDeque<Address>,
}

impl Work {
    pub(super) fn new(mut state: RunState, now: UnixMillis, draw: Draw) -> Self {
        let now = now.max(state.last_seen);
        state.last_seen = now;
        state.touched = Touched::default();
        let (effects, pending, closed) = (Vec::new(), VecDeque::new(), VecDeque::new());
        Self { state, now, effects, draw, pending, closed }
    }

    /// Takes the event; after it come the core's own.
    pub(super) fn take(&mut self, what: &What) -> Result<(), Refusal> {
        // A stored verdict is told again whatever has become of the run.
        if let What::Submit { claim, agent, result, usage } = what {
            self.submit(*claim, *agent, result, *usage)?;
            self.settle();
            return Ok(());
        }
        if self.state.phase.is_terminal() {
            return Err(Refusal::RunEnded);
        }
        match what {
            What::SlotFree => self.slot_free(),
            What::Pause => self.pause(),
            What::Resume => self.resume(),
            What::RaiseBudgets(budgets) => self.raise(budgets),
            What::Cancel => {
                self.end_run(RunPhase::Cancelled, None);
                Ok(())
            }
            What::Move { definition, version } => self.move_to(definition, *version),
            What::Accept => self.verdict_accepted(),
            What::Refuse(names) => self.verdict_refused(names),
            What::DeliveryDead => self.delivery_dead(),
            What::Grant { address, agent, claim, has_slots } => {
                self.grant(address, agent, *claim, *has_slots)
            }
            What::Beat { claim, agent, usage } => self.beat(*claim, *agent, *usage),
            What::Call { claim, agent, name, bytes } => self.call(*claim, *agent, name, *bytes),
            What::Answered { claim, bytes, is_good } => self.answered(*claim, *bytes, *is_good),
            What::ReadSkill { claim, agent, skill, path } => {
                self.read_skill(*claim, *agent, skill, path)
            }
            What::Submit { .. } => Ok(()),
            What::Release { claim, agent, release } => self.release(*claim, *agent, release),
            What::Undelivered(claim) => self.undelivered(*claim),
            What::Grace(until) => self.grace(*until),
            What::Revoke(agent) => self.revoke(*agent),
            What::Withdraw(claim) => self.withdraw(*claim),
            What::Decide { address, person, decision } => self.decide(address, *person, decision),
            What::CancelTask(address) => self.cancel_task(address),
            What::Retry(address) => self.retry(address),
            What::Due(due) => self.due(due),
        }?;
        self.settle();
        Ok(())
    }

    /// The new state, and what has to be written.
    pub(super) fn finish(self) -> (RunState, Vec<Effect>) {
        (self.state, self.effects)
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn change(&mut self, change: Change) {
        let kind = told::word(&change);
        self.change_told(change, kind);
    }

    /// The same for what others may be told of under another name, or not at all.
    pub(super) fn change_told(&mut self, change: Change, kind: Option<&'static str>) {
        self.state.event_seq += 1;
        self.state.told += u64::from(kind.is_some());
        let number = self.state.told;
        let told = kind.map(|kind| Told { kind, number });
        let entry = Entry { seq: self.state.event_seq, at: self.now, change, told };
        self.effects.push(Effect::Change(entry));
    }

    /// Looks at a step, if there is one.
    pub(super) fn with_step<T>(&self, id: &StepId, look: impl FnOnce(&Step) -> T) -> Option<T> {
        self.state.definition.step(id).map(look)
    }

    /// The current generation, to change it.
    pub(super) fn task_mut(&mut self, address: &Address) -> Option<&mut Task> {
        let last = self.state.tasks.get_mut(address)?.last_mut()?;
        if last.superseded {
            return None;
        }
        self.state.touched.tasks.insert((address.clone(), last.generation));
        Some(Arc::make_mut(last))
    }

    pub(super) fn claim_mut(&mut self, claim: ClaimId) -> Option<&mut Claim> {
        let found = self.state.claims.get_mut(&claim)?;
        self.state.touched.claims.insert(claim);
        Some(Arc::make_mut(found))
    }

    pub(super) fn set_due(&mut self, due: Due, at: UnixMillis) {
        self.touch(&due);
        let before = self.state.due.insert(due.clone(), at);
        if let Some(before) = before.filter(|before| *before != at) {
            self.effect(Effect::Undue(due.clone(), before));
        }
        self.effect(Effect::Due(due, at));
    }

    pub(super) fn drop_due(&mut self, due: Due) {
        if let Some(at) = self.state.due.remove(&due) {
            self.touch(&due);
            self.effect(Effect::Undue(due, at));
        }
    }

    /// What a due row is about is stored with it.
    fn touch(&mut self, due: &Due) {
        match due {
            Due::RunDeadline | Due::Wall | Due::Verdict => {}
            Due::ClaimEnd(claim) => drop(self.state.touched.claims.insert(*claim)),
            Due::BackOff(address, generation)
            | Due::TaskDeadline(address, generation)
            | Due::Expires(address, generation)
            | Due::Spawn(address, generation) => {
                self.state.touched.tasks.insert((address.clone(), *generation));
            }
        }
    }

    pub(super) fn count(&mut self, counter: Counter, by: u64) {
        if by == 0 {
            return;
        }
        let spent = &mut self.state.spent;
        let place = match counter {
            Counter::Claims => &mut spent.claims,
            Counter::Tasks => &mut spent.tasks,
            Counter::ProxyCalls => &mut spent.proxy_calls,
            Counter::ProxyBytes => &mut spent.proxy_bytes,
            Counter::ResultBytes => &mut spent.result_bytes,
            Counter::MicroUsd => &mut spent.usage.micro_usd.0,
        };
        *place = place.saturating_add(by);
        self.effect(Effect::Count(counter, by));
    }

    pub(super) fn report(&mut self, usage: Usage) {
        let money = usage.micro_usd.0;
        let tokens = Usage { micro_usd: crate::definition::MicroUsd(0), ..usage };
        self.state.spent.usage = self.state.spent.usage.plus(tokens);
        self.count(Counter::MicroUsd, money);
    }

    /// The slots that a run or a claim of this run is counted under.
    fn slot_keys(&self, of: SlotOf) -> Vec<SlotKey> {
        slot_keys(&self.state.definition, &self.state.input, of)
    }

    pub(super) fn take_slots(&mut self, of: SlotOf) {
        for key in self.slot_keys(of) {
            *self.state.slots.entry(key.clone()).or_default() += 1;
            self.effect(Effect::TakeSlot(key));
        }
    }

    pub(super) fn free_slots(&mut self, of: SlotOf) {
        for key in self.slot_keys(of) {
            let Some(held) = self.state.slots.get_mut(&key) else { continue };
            *held = held.saturating_sub(1);
            if *held == 0 {
                self.state.slots.remove(&key);
            }
            self.effect(Effect::FreeSlot(key));
        }
    }

    /// Opens an address: a row with the next generation.
    pub(super) fn insert(&mut self, address: &Address, item: Option<Arc<Value>>) {
        let generations = self.state.tasks.entry(address.clone()).or_default();
        let generation = u32::try_from(generations.len()).unwrap_or(u32::MAX).saturating_add(1);
        generations.push(Arc::new(Task::new(generation, self.state.version, item)));
        self.state.touched.tasks.insert((address.clone(), generation));
        self.change(Change::Inserted { address: address.clone(), generation });
        if address.check.is_none() {
            self.tally(address, None, Some(Class::Open));
            if generation == 1 {
                self.count(Counter::Tasks, 1);
            }
            self.pending.push_back(address.clone());
        }
    }

    /// Moves a task on. What ends is closed: its due rows go, and those that wait for it are looked at.
    pub(super) fn set_task(
        &mut self,
        address: &Address,
        phase: TaskPhase,
        reason: Option<TaskReason>,
    ) {
        let before = self.class(address);
        let Some(task) = self.task_mut(address) else { return };
        let was_waiting = task.phase == TaskPhase::Waiting;
        task.phase = phase;
        task.reason = reason;
        let generation = task.generation;
        let change = Change::Task { address: address.clone(), generation, phase, reason };
        let kind = if was_waiting { told::resolved(phase) } else { told::word(&change) };
        self.change_told(change, kind);
        let back_off = Due::BackOff(address.clone(), generation);
        if phase != TaskPhase::Delayed {
            self.drop_due(back_off);
        }
        if phase.is_terminal() {
            self.drop_due(Due::TaskDeadline(address.clone(), generation));
            self.drop_due(Due::Expires(address.clone(), generation));
        }
        let after = self.class(address);
        if address.check.is_none() && before != after {
            self.tally(address, before, after);
            self.closed.push_back(address.clone());
        }
    }

    /// Marks the current row as replaced, ending it if it is open.
    pub(super) fn supersede(&mut self, address: &Address) {
        self.end_claim_of(address, ClaimPhase::Cancelled);
        if self.state.current(address).is_some_and(|task| !task.phase.is_terminal()) {
            self.set_task(address, TaskPhase::Cancelled, None);
        }
        let before = self.class(address);
        let Some(task) = self.task_mut(address) else { return };
        task.superseded = true;
        let generation = task.generation;
        if self.state.spawning.remove(address).is_some() {
            self.drop_due(Due::Spawn(address.clone(), generation));
        }
        if address.check.is_none() {
            self.tally(address, before, None);
        }
        self.change(Change::Superseded { address: address.clone(), generation });
    }

    /// How the current row of an address counts.
    pub(super) fn class(&self, address: &Address) -> Option<Class> {
        let task = self.state.current(address)?;
        let on_dead = self.with_step(&address.step, |step| step.on_dead);
        Some(class_of(task.phase, on_dead))
    }

    /// Keeps the counts by which joins are judged.
    fn tally(&mut self, address: &Address, before: Option<Class>, after: Option<Class>) {
        let is = |class: Option<Class>, wanted| u32::from(class == Some(wanted));
        let open = (is(after, Class::Open), is(before, Class::Open));
        let good = (is(after, Class::Good), is(before, Class::Good));
        for length in 0..=address.path.len() {
            let prefix = address.path.get(..length).unwrap_or_default().to_vec();
            let tally = self.state.tallies.entry((address.step.clone(), prefix)).or_default();
            tally.open = (tally.open + open.0).saturating_sub(open.1);
            tally.good = (tally.good + good.0).saturating_sub(good.1);
        }
        let (added, taken) = (u64::from(open.0), u64::from(open.1));
        self.state.open = (self.state.open + added).saturating_sub(taken);
    }

    /// Ends a live claim; the task is the caller's business.
    pub(super) fn end_claim(&mut self, id: ClaimId, phase: ClaimPhase) {
        let Some(claim) = self.claim_mut(id).filter(|it| it.phase == ClaimPhase::Live) else {
            return;
        };
        claim.phase = phase;
        let (address, reserve) = (claim.address.clone(), claim.reserve);
        self.state.spent.reserved = self.state.spent.reserved.minus(reserve);
        if let Some(task) = self.task_mut(&address) {
            task.claim = None;
        }
        self.change(Change::Ended { claim: id, phase });
        self.drop_due(Due::ClaimEnd(id));
        self.free_slots(SlotOf::Claims);
    }

    /// Ends the live claim of a task, if it has one.
    pub(super) fn end_claim_of(&mut self, address: &Address, phase: ClaimPhase) {
        if let Some(claim) = self.state.current(address).and_then(|task| task.claim) {
            self.end_claim(claim, phase);
        }
    }

    pub(super) fn credit(&mut self, claim: ClaimId, credit: Credit) {
        if let Some(agent) = self.state.claims.get(&claim).map(|it| it.agent) {
            self.effect(Effect::Credit { claim, agent, credit });
        }
    }

    /// An attempt is spent: the task waits, or is dead.
    pub(super) fn fail_attempt(&mut self, address: &Address, failure: Failure) {
        let Some((attempts, backoff)) =
            self.with_step(&address.step, |step| (step.attempts, step.backoff))
        else {
            return;
        };
        let Some(task) = self.task_mut(address) else { return };
        task.failed += 1;
        let (failed, generation) = (task.failed, task.generation);
        let poison = failure.strike.and_then(|strike| {
            let is_same = |it: &Strike| {
                it.kind == strike.kind && it.code == strike.code && it.owner != strike.owner
            };
            let found = task.strikes.iter().any(is_same).then_some(strike.kind);
            task.strikes.push(strike);
            found
        });
        let silent = (task.silent >= 3).then_some(super::state::Poison::Silent);
        if let Some(poison) = poison.or(silent) {
            self.die(address, TaskReason::Poison(poison));
        } else if failed >= attempts {
            self.die(address, TaskReason::AttemptsExhausted);
        } else {
            self.set_task(address, TaskPhase::Delayed, None);
            let wait = backoff.wait(failed, self.draw).max(failure.retry_after);
            self.set_due(Due::BackOff(address.clone(), generation), self.now.plus(wait));
        }
    }

    /// A task is dead; its step says what that does.
    pub(super) fn die(&mut self, address: &Address, reason: TaskReason) {
        let Some(generation) = self.state.current(address).map(|task| task.generation) else {
            return;
        };
        self.end_claim_of(address, ClaimPhase::Cancelled);
        self.end_checks(address);
        self.set_task(address, TaskPhase::Dead, Some(reason));
        self.effect(Effect::DeadLetter { address: address.clone(), generation, reason });
        if address.check.is_some() {
            self.judge_checks(&address.checked());
        } else if self.with_step(&address.step, |step| step.on_dead) == Some(OnDead::FailRun) {
            self.fail(RunReason::TaskDead(address.clone()));
        }
    }

    /// The run fails, unless it has ended already.
    pub(super) fn fail(&mut self, reason: RunReason) {
        if !self.state.phase.is_terminal() {
            self.end_run(RunPhase::Failed, Some(reason));
        }
    }
}
