//! A run in parts, as rows keep it, and back.
//!
//! One part for the run, one for each generation of an address, one for each claim: an event writes the parts that it
//! touched ([`super::Touched`]) and leaves the others alone. What is large and changes once at most (inputs, results) lies
//! beside the parts. The definition is not among them: it has rows of its own. Counts by which joins are judged, and the
//! last fence of each address, follow from the parts and are taken anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use names::{Digest, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    effect::{Due, SlotKey, Verdict},
    state::{
        Candidate, Claim, ClaimPhase, HeldBy, RunPhase, RunReason, RunState, Spent, Strike, Task,
        TaskPhase, TaskReason, Touched,
    },
    work::{Class, class_of},
};
use crate::{
    definition::{Budgets, Definition, MicroUsd},
    fault::Fault,
    name::{Address, AgentId, ClaimId, OwnerId, PersonId, RunId},
};

/// The parts do not make a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("generations of a task are missing")]
pub struct NotARun;

/// A run in parts.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// Its id.
    pub run: RunId,
    /// What changes.
    pub part: RunPart,
    /// Its input.
    pub input: Arc<Value>,
    /// Results that a replay brought along.
    pub copies: BTreeMap<Address, Arc<Value>>,
    /// The composed output.
    pub output: Option<Arc<Value>>,
    /// Generations of addresses, in any order.
    pub tasks: Vec<StoredTask>,
    /// Claims, in any order.
    pub claims: Vec<StoredClaim>,
}

/// What changes of a run, but for its output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunPart {
    version: u32,
    phase: RunPhase,
    reason: Option<RunReason>,
    held_by: Option<HeldBy>,
    starter: Option<PersonId>,
    priority: Option<u8>,
    last_seen: i64,
    started_at: i64,
    deadline: Duration,
    running_since: Option<i64>,
    budgets: Budgets,
    spent: Spent,
    due: Vec<(Due, i64)>,
    slots: Vec<(SlotKey, u32)>,
    reopens: u32,
    event_seq: u64,
    #[serde(default)]
    told: u64,
}

impl RunPart {
    /// The version that the run follows: its definition is needed to restore it.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Why the run ended so, with what can be pointed at.
    pub const fn reason(&self) -> Option<&RunReason> {
        self.reason.as_ref()
    }

    /// Why it is held.
    pub const fn held_by(&self) -> Option<HeldBy> {
        self.held_by
    }

    /// What it may spend.
    pub const fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    /// What it has spent of that; the time in `running` is [`Self::wall_at`].
    pub const fn spent(&self) -> &Spent {
        &self.spent
    }

    /// Outputs that were refused and reopened.
    pub const fn reopens(&self) -> u32 {
        self.reopens
    }

    /// The time in `running` until `now`.
    pub fn wall_at(&self, now: UnixMillis) -> Duration {
        let since = self.running_since.map_or(Duration::ZERO, |at| now.since(UnixMillis(at)));
        self.spent.wall.saturating_add(since)
    }
}

/// One generation of an address.
#[derive(Debug, Clone)]
pub struct StoredTask {
    /// The address.
    pub address: Address,
    /// Its generation.
    pub generation: u32,
    /// What changes.
    pub part: TaskPart,
    /// The element that it was spawned for.
    pub item: Option<Arc<Value>>,
    /// What it was told.
    pub input: Option<Arc<Value>>,
    /// The accepted result.
    pub output: Option<Arc<Value>>,
    /// The result that is being looked at.
    pub candidate: Option<Arc<Value>>,
}

/// What changes of a task, but for values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskPart {
    superseded: bool,
    version: u32,
    phase: TaskPhase,
    reason: Option<TaskReason>,
    candidate_of: Option<ClaimId>,
    failed: u32,
    hand_backs: u32,
    feedback: Vec<String>,
    ready_at: Option<i64>,
    claim: Option<ClaimId>,
    calls: BTreeMap<String, u32>,
    bars: Vec<(AgentId, i64)>,
    approved_by: BTreeSet<PersonId>,
    checks: u32,
    inserted: u32,
    round: u32,
    workers: BTreeSet<OwnerId>,
    reviewers: BTreeSet<OwnerId>,
    strikes: Vec<Strike>,
    silent: u32,
    back_off: Option<i64>,
    deadline: Option<i64>,
    expires: Option<i64>,
    /// The index of the next child, while the fan-out goes on, and when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spawning: Option<(u32, i64)>,
}

impl TaskPart {
    /// Failed attempts.
    pub const fn failed(&self) -> u32 {
        self.failed
    }

    /// What the next claim is told of the last.
    pub fn feedback(&self) -> &[String] {
        &self.feedback
    }
}

/// A claim.
#[derive(Debug, Clone)]
pub struct StoredClaim {
    /// Its id.
    pub id: ClaimId,
    /// What changes.
    pub part: ClaimPart,
    /// The verdict of each result.
    pub submissions: Vec<(Digest, StoredVerdict)>,
}

/// What changes of a claim, but for its submissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimPart {
    address: Address,
    generation: u32,
    agent: AgentId,
    owner: OwnerId,
    trust: u8,
    fence: u64,
    version: u32,
    phase: ClaimPhase,
    granted_at: i64,
    ends_at: i64,
    cap_at: i64,
    ttl: Duration,
    touched: bool,
    rejects: u32,
    reserve: MicroUsd,
    due: Option<i64>,
}

/// The verdict of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredVerdict {
    /// It counts.
    Accepted,
    /// It is, or was, being looked at.
    Checking,
    /// It does not fit.
    Invalid(Vec<Fault>),
}

impl From<&Verdict> for StoredVerdict {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Accepted => Self::Accepted,
            Verdict::Checking => Self::Checking,
            Verdict::Invalid(faults) => Self::Invalid(faults.to_vec()),
        }
    }
}

impl From<StoredVerdict> for Verdict {
    fn from(verdict: StoredVerdict) -> Self {
        match verdict {
            StoredVerdict::Accepted => Self::Accepted,
            StoredVerdict::Checking => Self::Checking,
            StoredVerdict::Invalid(faults) => Self::Invalid(faults.into()),
        }
    }
}

fn millis(at: Option<UnixMillis>) -> Option<i64> {
    at.map(|at| at.0)
}

impl RunState {
    /// What changes of the run itself.
    pub fn part(&self) -> RunPart {
        let is_own = |due: &Due| matches!(due, Due::RunDeadline | Due::Wall | Due::Verdict);
        let due = self.due.iter().filter(|(due, _)| is_own(due));
        RunPart {
            version: self.version,
            phase: self.phase,
            reason: self.reason.clone(),
            held_by: self.held_by,
            starter: self.starter,
            priority: self.priority,
            last_seen: self.last_seen.0,
            started_at: self.started_at.0,
            deadline: self.deadline,
            running_since: millis(self.running_since),
            budgets: self.budgets,
            spent: self.spent,
            due: due.map(|(due, at)| (due.clone(), at.0)).collect(),
            slots: self.slots.iter().map(|(key, held)| (key.clone(), *held)).collect(),
            reopens: self.reopens,
            event_seq: self.event_seq,
            told: self.told,
        }
    }

    /// A generation of an address, as it is stored.
    pub fn stored_task(&self, address: &Address, generation: u32) -> Option<StoredTask> {
        let all = self.tasks.get(address)?;
        let task = all.iter().rfind(|task| task.generation == generation)?;
        let due = |due: Due| millis(self.due.get(&due).copied());
        let spawns = due(Due::Spawn(address.clone(), generation));
        let part = TaskPart {
            superseded: task.superseded,
            version: task.version,
            phase: task.phase,
            reason: task.reason,
            candidate_of: task.candidate.as_ref().map(|it| it.claim),
            failed: task.failed,
            hand_backs: task.hand_backs,
            feedback: task.feedback.clone(),
            ready_at: millis(task.ready_at),
            claim: task.claim,
            calls: task.calls.clone(),
            bars: task.bars.iter().map(|(agent, until)| (*agent, until.0)).collect(),
            approved_by: task.approved_by.clone(),
            checks: task.checks,
            inserted: task.inserted,
            round: task.round,
            workers: task.workers.clone(),
            reviewers: task.reviewers.clone(),
            strikes: task.strikes.clone(),
            silent: task.silent,
            back_off: due(Due::BackOff(address.clone(), generation)),
            deadline: due(Due::TaskDeadline(address.clone(), generation)),
            expires: due(Due::Expires(address.clone(), generation)),
            spawning: self.spawning.get(address).copied().filter(|_| !task.superseded).zip(spawns),
        };
        Some(StoredTask {
            address: address.clone(),
            generation,
            part,
            item: task.item.clone(),
            input: task.input.clone(),
            output: task.output.clone(),
            candidate: task.candidate.as_ref().map(|it| Arc::clone(&it.result)),
        })
    }

    /// A claim, as it is stored.
    pub fn stored_claim(&self, id: ClaimId) -> Option<StoredClaim> {
        let claim = self.claims.get(&id)?;
        let part = ClaimPart {
            address: claim.address.clone(),
            generation: claim.generation,
            agent: claim.agent,
            owner: claim.owner,
            trust: claim.trust,
            fence: claim.fence,
            version: claim.version,
            phase: claim.phase,
            granted_at: claim.granted_at.0,
            ends_at: claim.ends_at.0,
            cap_at: claim.cap_at.0,
            ttl: claim.ttl,
            touched: claim.touched,
            rejects: claim.rejects,
            reserve: claim.reserve,
            due: millis(self.due.get(&Due::ClaimEnd(id)).copied()),
        };
        let submissions = claim.submissions.iter().map(|(sha256, it)| (*sha256, it.into()));
        Some(StoredClaim { id, part, submissions: submissions.collect() })
    }

    /// The whole run in parts.
    pub fn stored(&self) -> StoredRun {
        let rows = self.tasks.iter().flat_map(|(address, rows)| {
            rows.iter().filter_map(|row| self.stored_task(address, row.generation))
        });
        StoredRun {
            run: self.run,
            part: self.part(),
            input: Arc::clone(&self.input),
            copies: self.copies.clone(),
            output: self.output.clone(),
            tasks: rows.collect(),
            claims: self.claims.keys().filter_map(|id| self.stored_claim(*id)).collect(),
        }
    }

    /// Results that a replay brought along: stored once, when the run begins.
    pub const fn copies(&self) -> &BTreeMap<Address, Arc<Value>> {
        &self.copies
    }

    /// The run that the parts make, with the definition of its version.
    pub fn restore(stored: StoredRun, definition: &Arc<Definition>) -> Result<Self, NotARun> {
        let StoredRun { run, part, input, copies, output, tasks, claims } = stored;
        let due = part.due.into_iter().map(|(due, at)| (due, UnixMillis(at)));
        let mut state = Self {
            run,
            definition: Arc::clone(definition),
            version: part.version,
            phase: part.phase,
            reason: part.reason,
            held_by: part.held_by,
            input,
            starter: part.starter,
            priority: part.priority,
            last_seen: UnixMillis(part.last_seen),
            started_at: UnixMillis(part.started_at),
            deadline: part.deadline,
            running_since: part.running_since.map(UnixMillis),
            budgets: part.budgets,
            spent: part.spent,
            tasks: BTreeMap::new(),
            claims: BTreeMap::new(),
            fences: BTreeMap::new(),
            due: due.collect(),
            slots: part.slots.into_iter().collect(),
            reopens: part.reopens,
            output,
            event_seq: part.event_seq,
            told: part.told,
            copies,
            tallies: BTreeMap::new(),
            spawning: BTreeMap::new(),
            open: 0,
            touched: Touched::default(),
        };
        for task in tasks {
            state.restore_task(task);
        }
        for claim in claims {
            state.restore_claim(claim);
        }
        for rows in state.tasks.values_mut() {
            rows.sort_by_key(|row| row.generation);
            let is_whole = (1..).zip(rows.iter()).all(|(number, row)| row.generation == number);
            if !is_whole {
                return Err(NotARun);
            }
        }
        state.count_anew();
        Ok(state)
    }

    fn restore_task(&mut self, stored: StoredTask) {
        let StoredTask { address, generation, part, item, input, output, candidate } = stored;
        let due = [
            (Due::BackOff(address.clone(), generation), part.back_off),
            (Due::TaskDeadline(address.clone(), generation), part.deadline),
            (Due::Expires(address.clone(), generation), part.expires),
            (Due::Spawn(address.clone(), generation), part.spawning.map(|(_, at)| at)),
        ];
        self.spawning.extend(part.spawning.map(|(next, _)| (address.clone(), next)));
        let due = due.into_iter().filter_map(|(due, at)| Some((due, UnixMillis(at?))));
        self.due.extend(due);
        let candidate = part.candidate_of.zip(candidate);
        let bars = part.bars.into_iter().map(|(agent, until)| (agent, UnixMillis(until)));
        let task = Task {
            generation,
            superseded: part.superseded,
            version: part.version,
            phase: part.phase,
            reason: part.reason,
            item,
            input,
            output,
            candidate: candidate.map(|(claim, result)| Candidate { claim, result }),
            failed: part.failed,
            hand_backs: part.hand_backs,
            feedback: part.feedback,
            ready_at: part.ready_at.map(UnixMillis),
            claim: part.claim,
            calls: part.calls,
            bars: bars.collect(),
            approved_by: part.approved_by,
            checks: part.checks,
            inserted: part.inserted,
            round: part.round,
            workers: part.workers,
            reviewers: part.reviewers,
            strikes: part.strikes,
            silent: part.silent,
        };
        self.tasks.entry(address).or_default().push(Arc::new(task));
    }

    fn restore_claim(&mut self, stored: StoredClaim) {
        let StoredClaim { id, part, submissions } = stored;
        let fence = self.fences.entry(part.address.clone()).or_default();
        *fence = part.fence.max(*fence);
        if let Some(at) = part.due {
            self.due.insert(Due::ClaimEnd(id), UnixMillis(at));
        }
        let submissions = submissions.into_iter().map(|(sha256, it)| (sha256, it.into()));
        let claim = Claim {
            address: part.address,
            generation: part.generation,
            agent: part.agent,
            owner: part.owner,
            trust: part.trust,
            fence: part.fence,
            version: part.version,
            phase: part.phase,
            granted_at: UnixMillis(part.granted_at),
            ends_at: UnixMillis(part.ends_at),
            cap_at: UnixMillis(part.cap_at),
            ttl: part.ttl,
            touched: part.touched,
            rejects: part.rejects,
            submissions: submissions.collect(),
            reserve: part.reserve,
        };
        self.claims.insert(id, Arc::new(claim));
    }

    /// Counts what is open and what is good.
    fn count_anew(&mut self) {
        let mut tallies = BTreeMap::<_, super::state::Tally>::new();
        let mut open = 0;
        for (address, task) in self.current_tasks().filter(|(it, _)| it.check.is_none()) {
            let step = self.definition.step(&address.step);
            let class = class_of(task.phase, step.map(|step| step.on_dead));
            let (is_open, is_good) =
                (u32::from(class == Class::Open), u32::from(class == Class::Good));
            open += u64::from(is_open);
            for length in 0..=address.path.len() {
                let prefix = address.path.get(..length).unwrap_or_default().to_vec();
                let tally = tallies.entry((address.step.clone(), prefix)).or_default();
                tally.open += is_open;
                tally.good += is_good;
            }
        }
        (self.tallies, self.open) = (tallies, open);
    }
}

#[cfg(test)]
impl RunState {
    /// Whether two runs are in one state: a tally of nothing is no tally.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let tallies = |state: &Self| {
            let counted = state.tallies.iter().filter(|(_, it)| it.open + it.good > 0);
            counted.map(|(place, it)| (place.clone(), *it)).collect::<Vec<_>>()
        };
        let rest = |state: &Self| {
            let state =
                Self { tallies: BTreeMap::new(), touched: Touched::default(), ..state.clone() };
            format!("{state:?}")
        };
        tallies(self) == tallies(other) && rest(self) == rest(other)
    }
}
