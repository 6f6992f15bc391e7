//! What is known of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use names::{Digest, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    effect::{Budget, Due, SlotKey, Verdict},
    event::Usage,
};
use crate::{
    definition::{Budgets, Definition, MicroUsd},
    fault::Fault,
    name::{Address, AgentId, ClaimId, OwnerId, Path, PersonId, RunId, StepId},
};

/// The states of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunPhase {
    /// It waits for a slot.
    Queued,
    /// Tasks are granted.
    Running,
    /// Nothing is granted; live claims may finish.
    Held,
    /// The output is made and the publisher is asked.
    Composed,
    /// The end that was wanted.
    Completed,
    /// Another end; the reason says which.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// Its deadline passed.
    Expired,
}

impl RunPhase {
    /// Whether nothing can happen any more (I6).
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Expired)
    }

    /// The word of rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Held => "held",
            Self::Composed => "composed",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// Why a run failed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RunReason {
    /// The output breaks its schema, or is too large.
    ComposeInvalid(Vec<Fault>),
    /// A task died whose death ends the run.
    TaskDead(Address),
    /// A requirement cannot hold any more.
    JoinUnmeetable(Address),
    /// A budget is spent.
    BudgetExhausted(Budget),
    /// The publisher refused the output.
    Refused,
    /// The publisher did not answer in time.
    VerdictMissing,
    /// The publisher could not be asked.
    Undelivered,
}

impl RunReason {
    /// The stable word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ComposeInvalid(_) => "compose_invalid",
            Self::TaskDead(_) => "task_dead",
            Self::JoinUnmeetable(_) => "join_unmeetable",
            Self::BudgetExhausted(_) => "budget_exhausted",
            Self::Refused => "refused",
            Self::VerdictMissing => "verdict_missing",
            Self::Undelivered => "undelivered",
        }
    }
}

/// The states of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskPhase {
    /// It waits for others.
    Pending,
    /// It waits after a failed attempt.
    Delayed,
    /// It can be claimed.
    Ready,
    /// An agent has it.
    Claimed,
    /// Its result is being looked at.
    Checking,
    /// Persons are asked.
    Waiting,
    /// It has a result.
    Done,
    /// It was left out.
    Skipped,
    /// It failed for good.
    Dead,
    /// Somebody ended it.
    Cancelled,
}

impl TaskPhase {
    /// Whether the row never changes any more (I6).
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Done | Self::Skipped | Self::Dead | Self::Cancelled)
    }

    /// The word of rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delayed => "delayed",
            Self::Ready => "ready",
            Self::Claimed => "claimed",
            Self::Checking => "checking",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What made a task dead at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Poison {
    /// Two owners found something in the way.
    Blocked,
    /// Two owners held it for unsafe.
    Refused,
    /// Two owners failed with one code.
    Failed,
    /// Three claims in a row passed without a sign of life.
    Silent,
}

/// Why a task is where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaskReason {
    /// All attempts are spent.
    AttemptsExhausted,
    /// Attempts would be left, and would not help.
    Poison(Poison),
    /// Its deadline passed.
    Deadline,
    /// The ballots agree on nothing.
    NoAgreement,
    /// A check died, and the rest cannot decide.
    CheckFailed,
    /// A person said no.
    RejectedByPerson,
    /// Nobody decided in time.
    ApprovalExpired,
    /// Its condition was true.
    SkipIf,
    /// What it requires cannot hold.
    Unmeetable,
    /// A replay brought its result along.
    Copied,
}

impl TaskReason {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::Poison(Poison::Blocked) => "poison:blocked",
            Self::Poison(Poison::Refused) => "poison:refused",
            Self::Poison(Poison::Failed) => "poison:failed",
            Self::Poison(Poison::Silent) => "poison:silent",
            Self::Deadline => "deadline",
            Self::NoAgreement => "no_agreement",
            Self::CheckFailed => "check_failed",
            Self::RejectedByPerson => "rejected_by_person",
            Self::ApprovalExpired => "approval_expired",
            Self::SkipIf => "skip_if",
            Self::Unmeetable => "unmeetable",
            Self::Copied => "copied",
        }
    }
}

/// The states of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimPhase {
    /// The agent has the task.
    Live,
    /// A result of it was valid.
    Submitted,
    /// The agent gave it back.
    Released,
    /// Its end passed.
    Expired,
    /// Its tenth result was invalid.
    Exhausted,
    /// Task, run, agent or token ended.
    Cancelled,
}

impl ClaimPhase {
    /// The word of rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Submitted => "submitted",
            Self::Released => "released",
            Self::Expired => "expired",
            Self::Exhausted => "exhausted",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What failed before, by whom: two different owners make poison.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Strike {
    pub(super) kind: Poison,
    pub(super) code: Option<String>,
    pub(super) owner: OwnerId,
}

/// A result that is being looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// The claim that it came with.
    pub claim: ClaimId,
    /// The result.
    pub result: Arc<Value>,
}

/// One generation of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// How often the address had been opened, this time included.
    pub generation: u32,
    /// A later generation took its place.
    pub superseded: bool,
    /// The version that it was inserted or last granted under.
    pub version: u32,
    /// Where it is.
    pub phase: TaskPhase,
    /// Why.
    pub reason: Option<TaskReason>,
    /// The element that it was spawned for.
    pub item: Option<Arc<Value>>,
    /// What it was told, from when it got ready on.
    pub input: Option<Arc<Value>>,
    /// The accepted result.
    pub output: Option<Arc<Value>>,
    /// The result that is being looked at.
    pub candidate: Option<Candidate>,
    /// Failed attempts.
    pub failed: u32,
    /// Free hand-backs.
    pub hand_backs: u32,
    /// What the next claim is told of the last.
    pub feedback: Vec<String>,
    /// Since when it is ready.
    pub ready_at: Option<UnixMillis>,
    /// The live claim.
    pub claim: Option<ClaimId>,
    /// Calls of each subcommand.
    pub calls: BTreeMap<String, u32>,
    /// Agents that are not offered it, and until when.
    pub bars: BTreeMap<AgentId, UnixMillis>,
    /// Persons who agreed.
    pub approved_by: BTreeSet<PersonId>,
    /// The generation of the checked task, for a check.
    pub checks: u32,
    /// Checks inserted for this generation.
    pub(super) inserted: u32,
    /// The first check of the candidate.
    pub(super) round: u32,
    /// Owners whose results were candidates of this generation.
    pub(super) workers: BTreeSet<OwnerId>,
    /// Owners who reviewed a candidate of this generation.
    pub(super) reviewers: BTreeSet<OwnerId>,
    pub(super) strikes: Vec<Strike>,
    /// Claims in a row that passed without a sign of life.
    pub(super) silent: u32,
}

impl Task {
    pub(super) fn new(generation: u32, version: u32, item: Option<Arc<Value>>) -> Self {
        Self {
            generation,
            superseded: false,
            version,
            phase: TaskPhase::Pending,
            reason: None,
            item,
            input: None,
            output: None,
            candidate: None,
            failed: 0,
            hand_backs: 0,
            feedback: Vec::new(),
            ready_at: None,
            claim: None,
            calls: BTreeMap::new(),
            bars: BTreeMap::new(),
            approved_by: BTreeSet::new(),
            checks: 0,
            inserted: 0,
            round: 0,
            workers: BTreeSet::new(),
            reviewers: BTreeSet::new(),
            strikes: Vec::new(),
            silent: 0,
        }
    }
}

/// A lease of one task by one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The task.
    pub address: Address,
    /// Its generation.
    pub generation: u32,
    /// Who has it.
    pub agent: AgentId,
    /// Whose agent that is.
    pub owner: OwnerId,
    /// The agent's tier when it was granted.
    pub trust: u8,
    /// Grows with each claim of the address.
    pub fence: u64,
    /// The version that it was granted under.
    pub version: u32,
    /// Where it is.
    pub phase: ClaimPhase,
    /// When it began.
    pub granted_at: UnixMillis,
    /// Its sliding end.
    pub ends_at: UnixMillis,
    /// Its hard end.
    pub cap_at: UnixMillis,
    /// How far a beat moves the end.
    pub ttl: Duration,
    /// There was a beat, a call or a result.
    pub touched: bool,
    /// Invalid results.
    pub rejects: u32,
    /// The verdict of each result, by its hash.
    pub submissions: BTreeMap<Digest, Verdict>,
    /// Money that is set aside for it.
    pub reserve: MicroUsd,
}

/// Why a run is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HeldBy {
    /// Somebody said so.
    Pause,
    /// A budget is spent.
    Budget(Budget),
}

/// What a run has spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Spent {
    /// Grants.
    pub claims: u64,
    /// Addresses, checks left out.
    pub tasks: u64,
    /// Calls.
    pub proxy_calls: u64,
    /// Their bytes.
    pub proxy_bytes: u64,
    /// Bytes of results.
    pub result_bytes: u64,
    /// Time in `running`, up to the last change.
    pub wall: Duration,
    /// As reported.
    pub usage: Usage,
    /// Set aside for live claims.
    pub reserved: MicroUsd,
}

/// How many instances of a step below a path are open, and how many are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Tally {
    pub(super) open: u32,
    pub(super) good: u32,
}

/// What a run begins with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its id.
    pub run: RunId,
    /// The pinned version.
    pub definition: Arc<Definition>,
    /// Its number.
    pub version: u32,
    /// The input, which fits its schema.
    pub input: Value,
    /// The person who started it, if one did.
    pub starter: Option<PersonId>,
    /// Narrower than the definition's, or those.
    pub budgets: Budgets,
    /// Shorter than the definition's, or that.
    pub deadline: Duration,
    /// Before the definition's.
    pub priority: Option<u8>,
    /// Results that a replay brings along.
    pub copies: BTreeMap<Address, Value>,
}

/// A run.
#[derive(Debug, Clone)]
pub struct RunState {
    /// Its id.
    pub run: RunId,
    /// The pinned version.
    pub definition: Arc<Definition>,
    /// Its number.
    pub version: u32,
    /// Where it is.
    pub phase: RunPhase,
    /// Why it failed.
    pub reason: Option<RunReason>,
    /// Why it is held.
    pub held_by: Option<HeldBy>,
    /// The input.
    pub input: Arc<Value>,
    /// The person who started it.
    pub starter: Option<PersonId>,
    /// Before the definition's.
    pub priority: Option<u8>,
    /// The latest time that any event came with (I19).
    pub last_seen: UnixMillis,
    /// When it was started.
    pub started_at: UnixMillis,
    /// How long it may take.
    pub deadline: Duration,
    /// Since when it is running.
    pub running_since: Option<UnixMillis>,
    /// What it may spend.
    pub budgets: Budgets,
    /// What it has spent.
    pub spent: Spent,
    /// Generations of each address, the first one first.
    pub tasks: BTreeMap<Address, Vec<Arc<Task>>>,
    /// Claims, live and ended.
    pub claims: BTreeMap<ClaimId, Arc<Claim>>,
    /// The last fence of each address.
    pub fences: BTreeMap<Address, u64>,
    /// What happens by itself, and when.
    pub due: BTreeMap<Due, UnixMillis>,
    /// Slots that the run holds, by key.
    pub slots: BTreeMap<SlotKey, u32>,
    /// Outputs that were refused and reopened.
    pub reopens: u32,
    /// The composed output.
    pub output: Option<Arc<Value>>,
    /// The number of the last entry of the timeline.
    pub event_seq: u64,
    /// How many of them were events of webhooks.
    pub told: u64,
    /// Results that a replay brought along.
    pub(super) copies: BTreeMap<Address, Arc<Value>>,
    pub(super) tallies: BTreeMap<(StepId, Path), Tally>,
    /// Fan-outs that go on, with the index of the next child.
    pub(super) spawning: BTreeMap<Address, u32>,
    /// Addresses that are open, checks left out.
    pub(super) open: u64,
    /// What the last event changed.
    pub touched: Touched,
}

/// The parts of a run that an event changed: those have to be stored again.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    /// Generations of addresses.
    pub tasks: BTreeSet<(Address, u32)>,
    /// Claims.
    pub claims: BTreeSet<ClaimId>,
}

impl RunState {
    pub(super) fn new(setup: Setup, now: UnixMillis) -> Self {
        let copies = setup.copies.into_iter().map(|(address, it)| (address, Arc::new(it)));
        Self {
            run: setup.run,
            definition: setup.definition,
            version: setup.version,
            phase: RunPhase::Queued,
            reason: None,
            held_by: None,
            input: Arc::new(setup.input),
            starter: setup.starter,
            priority: setup.priority,
            last_seen: now,
            started_at: now,
            deadline: setup.deadline,
            running_since: None,
            budgets: setup.budgets,
            spent: Spent::default(),
            tasks: BTreeMap::new(),
            claims: BTreeMap::new(),
            fences: BTreeMap::new(),
            due: BTreeMap::new(),
            slots: BTreeMap::new(),
            reopens: 0,
            output: None,
            event_seq: 0,
            told: 0,
            copies: copies.collect(),
            tallies: BTreeMap::new(),
            spawning: BTreeMap::new(),
            open: 0,
            touched: Touched::default(),
        }
    }

    /// The generation of an address that is not superseded.
    pub fn current(&self, address: &Address) -> Option<&Task> {
        self.tasks.get(address)?.last().filter(|task| !task.superseded).map(AsRef::as_ref)
    }

    /// Every current task.
    pub fn current_tasks(&self) -> impl Iterator<Item = (&Address, &Task)> {
        self.tasks.keys().filter_map(|address| Some((address, self.current(address)?)))
    }

    /// The current instances of a step whose path begins with `prefix`, by index.
    pub fn instances<'s>(
        &'s self,
        step: &StepId,
        prefix: &'s [u32],
    ) -> impl Iterator<Item = (&'s Address, &'s Task)> + 's {
        let start = Address::of(step.clone(), prefix.to_vec());
        let step = step.clone();
        self.tasks
            .range(start..)
            .map(|(address, _)| address)
            .take_while(move |address| address.step == step && address.path.starts_with(prefix))
            .filter(|address| address.check.is_none())
            .filter_map(|address| Some((address, self.current(address)?)))
    }

    /// The accepted output of an instance.
    pub fn output_of(&self, step: &StepId, path: &[u32]) -> Option<&Value> {
        let task = self.current(&Address::of(step.clone(), path.to_vec()))?;
        task.output.as_deref().filter(|_| task.phase == TaskPhase::Done)
    }

    /// Time in `running`, up to `now`: it stands still while the run is held.
    pub fn wall_at(&self, now: UnixMillis) -> Duration {
        let running = self.running_since.map(|since| now.since(since));
        self.spent.wall + running.unwrap_or_default()
    }

    /// The live claims.
    pub fn live_claims(&self) -> impl Iterator<Item = (&ClaimId, &Claim)> {
        let claims = self.claims.iter().map(|(id, claim)| (id, claim.as_ref()));
        claims.filter(|(_, claim)| claim.phase == ClaimPhase::Live)
    }
}
