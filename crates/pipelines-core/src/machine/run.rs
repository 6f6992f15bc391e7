//! The table of runs (`spec/work.md` 3, Run).

use std::sync::Arc;

use super::{
    Slot,
    effect::{Budget, Change, Due, Effect, Refusal},
    event::Reopen,
    settle::PIECE,
    state::{ClaimPhase, HeldBy, RunPhase, RunReason, TaskPhase, TaskReason},
    told,
    work::Work,
};
use crate::{
    compose::compose,
    definition::{Budgets, Definition, Kind, OnExhausted, OnExpiry, SlotOf, VerdictMode},
    fault::{Code, Fault},
    json::canonical,
    name::Address,
};

/// Bytes of an output.
const MAX_OUTPUT_BYTES: usize = 10 << 20;

impl Work {
    /// – · start.
    pub(super) fn start(&mut self, slot: Slot) {
        self.set_due(Due::RunDeadline, self.now.plus(self.state.deadline));
        match slot {
            Slot::Free => self.begin(),
            Slot::Full => self.change(Change::Run { phase: RunPhase::Queued, reason: None }),
        }
    }

    fn begin(&mut self) {
        self.take_slots(SlotOf::Runs);
        self.run_on();
        let definition = Arc::clone(&self.state.definition);
        for step in definition.roots() {
            self.insert(&Address::of(step.id.clone(), Vec::new()), None);
        }
        self.settle();
    }

    /// Into `running`: from here on wall time counts.
    fn run_on(&mut self) {
        self.state.held_by = None;
        self.state.running_since = Some(self.now);
        if let Some(wall) = self.state.budgets.wall {
            let left = wall.saturating_sub(self.state.spent.wall);
            self.set_due(Due::Wall, self.now.plus(left));
        }
        self.set_run(RunPhase::Running, None);
    }

    /// Out of `running`.
    fn stand(&mut self) {
        if let Some(since) = self.state.running_since.take() {
            self.state.spent.wall += self.now.since(since);
        }
        self.drop_due(Due::Wall);
    }

    fn set_run(&mut self, phase: RunPhase, reason: Option<RunReason>) {
        let is_start = phase == RunPhase::Running && self.state.phase == RunPhase::Queued;
        self.state.phase = phase;
        self.state.reason.clone_from(&reason);
        let change = Change::Run { phase, reason };
        let kind = if is_start { Some("run.started") } else { told::word(&change) };
        self.change_told(change, kind);
    }

    pub(super) fn slot_free(&mut self) -> Result<(), Refusal> {
        if self.state.phase != RunPhase::Queued {
            return Err(Refusal::NotListed);
        }
        self.begin();
        Ok(())
    }

    pub(super) fn pause(&mut self) -> Result<(), Refusal> {
        if self.state.phase != RunPhase::Running {
            return Err(Refusal::NotListed);
        }
        self.hold(HeldBy::Pause);
        Ok(())
    }

    fn hold(&mut self, by: HeldBy) {
        self.stand();
        self.state.held_by = Some(by);
        self.set_run(RunPhase::Held, None);
    }

    pub(super) fn resume(&mut self) -> Result<(), Refusal> {
        if self.state.phase != RunPhase::Held {
            return Err(Refusal::NotListed);
        }
        self.run_on();
        Ok(())
    }

    /// Budgets only grow; a run that waited for one goes on.
    pub(super) fn raise(&mut self, wanted: &Budgets) -> Result<(), Refusal> {
        let now = self.state.budgets;
        let budgets = Budgets {
            claims: now.claims.max(wanted.claims),
            tasks: now.tasks.max(wanted.tasks),
            proxy_calls: now.proxy_calls.max(wanted.proxy_calls),
            proxy_bytes: now.proxy_bytes.max(wanted.proxy_bytes),
            result_bytes: now.result_bytes.max(wanted.result_bytes),
            wall: now.wall.and_then(|it| wanted.wall.map(|other| it.max(other))),
            micro_usd: now.micro_usd.and_then(|it| wanted.micro_usd.map(|other| it.max(other))),
            on_exhausted: now.on_exhausted,
        };
        if budgets == now {
            return Err(Refusal::NotListed);
        }
        self.state.budgets = budgets;
        self.change(Change::Budgets(budgets));
        if let (Some(since), Some(wall)) = (self.state.running_since, budgets.wall) {
            let left = wall.saturating_sub(self.state.spent.wall);
            self.set_due(Due::Wall, since.plus(left));
        } else {
            self.drop_due(Due::Wall);
        }
        let is_waiting = matches!(self.state.held_by, Some(HeldBy::Budget(_)));
        if self.state.phase == RunPhase::Held && is_waiting {
            self.run_on();
        }
        Ok(())
    }

    /// A budget is spent: the run fails, or waits.
    pub(super) fn exhaust(&mut self, budget: Budget) {
        match self.state.budgets.on_exhausted {
            OnExhausted::Fail => self.fail(RunReason::BudgetExhausted(budget)),
            OnExhausted::Hold => self.hold(HeldBy::Budget(budget)),
        }
    }

    /// Another version takes over; what was granted keeps its own (I14).
    pub(super) fn move_to(&mut self, to: &Arc<Definition>, version: u32) -> Result<(), Refusal> {
        let from = Arc::clone(&self.state.definition);
        from.may_move_to(to).map_err(Refusal::NotCompatible)?;
        let follow = |own: u64, before: u64, after: u64| if own == before { after } else { own };
        let (own, before, after) = (self.state.budgets, from.budgets, to.budgets);
        let budgets = Budgets {
            claims: follow(own.claims, before.claims, after.claims),
            tasks: follow(own.tasks, before.tasks, after.tasks),
            proxy_calls: follow(own.proxy_calls, before.proxy_calls, after.proxy_calls),
            proxy_bytes: follow(own.proxy_bytes, before.proxy_bytes, after.proxy_bytes),
            result_bytes: follow(own.result_bytes, before.result_bytes, after.result_bytes),
            wall: if own.wall == before.wall { after.wall } else { own.wall },
            micro_usd: if own.micro_usd == before.micro_usd {
                after.micro_usd
            } else {
                own.micro_usd
            },
            on_exhausted: own.on_exhausted,
        };
        self.state.definition = Arc::clone(to);
        self.state.version = version;
        self.change(Change::Moved { version });
        if budgets != own {
            self.raise(&budgets)?;
        }
        if self.state.deadline == from.deadline && to.deadline > from.deadline {
            self.state.deadline = to.deadline;
            self.set_due(Due::RunDeadline, self.state.started_at.plus(to.deadline));
        }
        let current: Vec<_> =
            self.state.current_tasks().map(|(address, _)| address.clone()).collect();
        for address in current {
            if let Some(task) = self.task_mut(&address)
                && !task.phase.is_terminal()
                && task.phase != TaskPhase::Claimed
            {
                task.version = version;
            }
        }
        Ok(())
    }

    pub(super) fn verdict_accepted(&mut self) -> Result<(), Refusal> {
        if self.state.phase != RunPhase::Composed {
            return Err(Refusal::NotListed);
        }
        self.end_run(RunPhase::Completed, None);
        Ok(())
    }

    pub(super) fn verdict_refused(&mut self, wanted: &[Reopen]) -> Result<(), Refusal> {
        if self.state.phase != RunPhase::Composed {
            return Err(Refusal::NotListed);
        }
        let named = self.named(wanted)?;
        let most = self.state.definition.webhook.as_ref().map_or(0, |it| it.max_reopens);
        if named.is_empty() || self.state.reopens >= most {
            self.fail(RunReason::Refused);
            return Ok(());
        }
        self.state.reopens += 1;
        self.state.output = None;
        self.drop_due(Due::Verdict);
        self.run_on();
        self.reopen(&named);
        Ok(())
    }

    pub(super) fn delivery_dead(&mut self) -> Result<(), Refusal> {
        if self.state.phase != RunPhase::Composed {
            return Err(Refusal::NotListed);
        }
        self.fail(RunReason::Undelivered);
        Ok(())
    }

    /// No address is open: the output is made.
    pub(super) fn complete(&mut self) {
        let definition = Arc::clone(&self.state.definition);
        let output = Arc::new(compose(&definition.output.rules, &self.state));
        let schema = definition.output.schema.as_ref();
        let mut faults = schema.map(|schema| schema.judge(&output)).unwrap_or_default();
        if canonical(&output).len() > MAX_OUTPUT_BYTES {
            faults.push(Fault::whole(Code::ComposeInvalid, "an output has at most 10 MiB"));
        }
        if !faults.is_empty() {
            self.fail(RunReason::ComposeInvalid(faults));
            return;
        }
        self.state.output = Some(Arc::clone(&output));
        self.effect(Effect::Output(output));
        let webhook = definition.webhook.as_ref();
        match webhook.filter(|it| it.verdict == VerdictMode::Wait) {
            None => self.end_run(RunPhase::Completed, None),
            Some(webhook) => {
                self.stand();
                self.state.held_by = None;
                self.set_due(Due::Verdict, self.now.plus(webhook.verdict_within));
                self.set_run(RunPhase::Composed, None);
            }
        }
    }

    /// End all: live claims and open tasks are cancelled, due rows go, slots are free (I8).
    pub(super) fn end_run(&mut self, phase: RunPhase, reason: Option<RunReason>) {
        self.pending.clear();
        self.closed.clear();
        self.state.spawning.clear();
        self.stand();
        self.set_run(phase, reason);
        let live: Vec<_> = self.state.live_claims().map(|(id, _)| *id).collect();
        for claim in live {
            self.end_claim(claim, ClaimPhase::Cancelled);
        }
        let open = self.state.current_tasks().filter(|(_, task)| !task.phase.is_terminal());
        let open: Vec<_> = open.map(|(address, _)| address.clone()).collect();
        for address in open {
            self.set_task(&address, TaskPhase::Cancelled, None);
        }
        let due: Vec<_> = self.state.due.keys().cloned().collect();
        for due in due {
            self.drop_due(due);
        }
        if !self.state.slots.is_empty() {
            self.free_slots(SlotOf::Runs);
        }
        self.pending.clear();
        self.closed.clear();
    }

    /// Something is due. A row that fires early arms itself again.
    pub(super) fn due(&mut self, due: &Due) -> Result<(), Refusal> {
        let Some(at) = self.state.due.get(due).copied() else { return Err(Refusal::NotListed) };
        let at = match due {
            Due::ClaimEnd(claim) => self.state.claims.get(claim).map_or(at, |it| it.ends_at),
            _ => at,
        };
        if self.now < at {
            self.set_due(due.clone(), at);
            return Ok(());
        }
        self.drop_due(due.clone());
        match due {
            Due::RunDeadline => self.end_run(RunPhase::Expired, None),
            Due::Wall => self.exhaust(Budget::Wall),
            Due::Verdict => self.fail(RunReason::VerdictMissing),
            Due::ClaimEnd(claim) => self.expire(*claim),
            Due::BackOff(address, _) => self.make_ready(address),
            Due::TaskDeadline(address, _) => {
                self.die(address, TaskReason::Deadline);
            }
            Due::Expires(address, _) => self.nobody_decided(address),
            Due::Spawn(address, _) => self.spawn_on(address, PIECE),
        }
        Ok(())
    }

    fn nobody_decided(&mut self, address: &Address) {
        let on_expiry = self.with_step(&address.step, |step| match step.kind {
            Kind::Approval(approval) => approval.on_expiry,
            Kind::Work => OnExpiry::Dead,
        });
        match on_expiry.filter(|_| address.check.is_none()) {
            Some(OnExpiry::Skip) => {
                self.set_task(address, TaskPhase::Skipped, Some(TaskReason::ApprovalExpired));
            }
            Some(OnExpiry::Dead) | None => self.die(address, TaskReason::ApprovalExpired),
        }
    }
}
