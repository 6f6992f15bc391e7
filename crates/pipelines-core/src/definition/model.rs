//! What a definition holds, with every default filled in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    backoff::Backoff,
    compose::Rule,
    expression::Expression,
    json::Pointer,
    name::StepId,
    schedule::{Missed, Timetable},
    schema::Schema,
};

/// Money: millionths of a US dollar, as reported.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct MicroUsd(pub u64);

impl MicroUsd {
    /// The sum, at most what the type holds.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, at least nothing.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// What a run may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Budgets {
    /// Grants.
    pub claims: u64,
    /// Addresses, checks left out.
    pub tasks: u64,
    /// Calls of subcommands.
    pub proxy_calls: u64,
    /// Bytes of those calls, both ways.
    pub proxy_bytes: u64,
    /// Bytes of results.
    pub result_bytes: u64,
    /// Time in `running`.
    pub wall: Option<Duration>,
    /// Money, as reported.
    pub micro_usd: Option<MicroUsd>,
    /// What happens when one is spent.
    pub on_exhausted: OnExhausted,
}

/// What happens to a run that has spent a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum OnExhausted {
    /// It fails.
    #[default]
    Fail,
    /// It waits for a larger budget.
    Hold,
}

/// What `concurrency` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SlotOf {
    /// Live runs.
    Runs,
    /// Live claims.
    Claims,
}

/// What happens to a run that finds no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnFull {
    /// It waits.
    #[default]
    Queue,
    /// It is refused.
    Refuse,
    /// The oldest is cancelled.
    Replace,
}

/// How many live runs or claims may share a value of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concurrency {
    /// What is counted.
    pub of: SlotOf,
    /// The place of the value; all share one without it.
    pub key: Option<Pointer>,
    /// How many.
    pub max: u32,
    /// For runs.
    pub on_full: OnFull,
}

/// How the publisher's own work shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fairness {
    /// The place of the value that makes a fair key.
    pub key: Option<Pointer>,
    /// Its weight among the publisher's keys.
    pub weight: u32,
}

/// When runs start by themselves.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// The pattern, as written.
    pub cron: String,
    /// The zone, as written.
    pub zone: String,
    /// When it fires.
    pub timetable: Timetable,
    /// What happens with fires that nobody was there for.
    pub missed: Missed,
    /// Runs start up to so much later.
    pub jitter: Duration,
    /// The input of those runs.
    pub input: Value,
}

/// Whether the publisher is asked about an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum VerdictMode {
    /// It is not.
    #[default]
    None,
    /// The run waits for its answer.
    Wait,
}

/// Where the events of a run go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The receiver.
    pub url: String,
    /// What it is told.
    pub events: BTreeSet<String>,
    /// Whether it judges outputs.
    pub verdict: VerdictMode,
    /// How long a run waits for that.
    pub verdict_within: Duration,
    /// How often it may refuse.
    pub max_reopens: u32,
}

/// How the output is made.
#[derive(Debug)]
pub struct Output {
    /// In order.
    pub rules: Vec<Rule>,
    /// What it has to satisfy.
    pub schema: Option<Schema>,
}

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Done by agents.
    Work,
    /// Decided by persons.
    Approval(Approval),
}

/// A decision by persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval {
    /// How many have to agree.
    pub count: u32,
    /// Whoever started the run does not decide.
    pub not_starter: bool,
    /// How long it may take.
    pub expires: Duration,
    /// What happens then.
    pub on_expiry: OnExpiry,
}

/// What happens to an approval that nobody gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnExpiry {
    /// The task dies.
    #[default]
    Dead,
    /// It is skipped.
    Skip,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The run's input.
    Run,
    /// The element.
    Item,
    /// Its index.
    Index,
    /// The output of a step, gathered where it has many instances.
    Step(StepId),
}

/// One input of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The source.
    pub from: From,
    /// The place in it.
    pub pointer: Pointer,
    /// What stands there if there is nothing.
    pub default: Option<Value>,
    /// It is left out if there is nothing.
    pub is_optional: bool,
}

/// An endpoint of the publisher that an agent may use during a claim.
#[derive(Debug, Clone)]
pub struct Subcommand {
    /// Unique in the step.
    pub name: String,
    /// The endpoint.
    pub url: String,
    /// One line.
    pub summary: String,
    /// More.
    pub help: String,
    /// Of the arguments.
    pub input_schema: Option<Schema>,
    /// Of the answer.
    pub output_schema: Option<Schema>,
    /// How long a call may take.
    pub timeout: Duration,
    /// How often a task may call it.
    pub max_calls: u32,
}

/// A fan-out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawns {
    /// The list in the result.
    pub for_each: Pointer,
    /// What each element gives a task to.
    pub steps: Vec<StepId>,
    /// How an element is called.
    pub element: String,
    /// How many there may be.
    pub max_width: u32,
}

/// When a requirement holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Join {
    /// The set is closed and none is open.
    All,
    /// So many are good; `any` is 1.
    AtLeast(u32),
}

/// What happens to the others when a join holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rest {
    /// They go on.
    #[default]
    Keep,
    /// They are cancelled.
    Cancel,
}

/// Which instances a reference reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The one on the own path, whose path is so long.
    One(usize),
    /// All below the own path.
    Many,
}

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The step.
    pub step: StepId,
    /// When it holds.
    pub join: Join,
    /// What happens to the others then.
    pub rest: Rest,
    /// Which instances.
    pub reach: Reach,
}

/// What happens to a step whose requirement cannot hold any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnmet {
    /// The run fails.
    #[default]
    FailRun,
    /// The task is skipped.
    Skip,
}

/// What a dead task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDead {
    /// The run fails.
    #[default]
    FailRun,
    /// It counts as void.
    Skip,
    /// It stays open for a retry by hand.
    Hold,
}

/// The times of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Without a sign of life.
    pub ttl: Duration,
    /// In all.
    pub cap: Duration,
}

/// Who looks at a result before it counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Checks {
    /// Nobody.
    #[default]
    None,
    /// Several agents answer, and answers are compared.
    Quorum(Quorum),
    /// Others judge it.
    Review(Review),
}

/// Several answers that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// How many are asked for first.
    pub ballots: u32,
    /// How many have to be equal.
    pub agree: u32,
    /// How many may be asked for.
    pub max_ballots: u32,
    /// Where they are compared.
    pub compare: Vec<Pointer>,
    /// What happens if none wins.
    pub on_disagree: OnDisagree,
}

/// What happens to a quorum in which nobody wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDisagree {
    /// The task dies.
    #[default]
    Dead,
    /// A person picks one.
    Person,
}

/// Who reviews.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reviewer {
    /// Agents of other owners.
    #[default]
    Agent,
    /// Persons.
    Person,
}

/// A second pair of eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Review {
    /// Whose.
    pub by: Reviewer,
    /// How many.
    pub count: u32,
    /// Which part of the results, in millionths.
    pub sample_millionths: u32,
    /// From this tier on results are taken as they are.
    pub exempt_trust: Option<u8>,
}

/// One node of a definition.
#[derive(Debug)]
pub struct Step {
    /// Unique.
    pub id: StepId,
    /// Work or approval.
    pub kind: Kind,
    /// For people.
    pub title: Option<String>,
    /// What to do: the publisher's text.
    pub instructions: Arc<str>,
    /// What is told to whoever does it; left out, it is the run's input.
    pub inputs: Option<BTreeMap<String, Input>>,
    /// What the result has to satisfy.
    pub output_schema: Schema,
    /// Bytes of a result.
    pub max_result: u64,
    /// What may be called meanwhile.
    pub subcommands: Vec<Subcommand>,
    /// The fan-out behind it.
    pub spawns: Option<Spawns>,
    /// What it waits for, references of inputs and condition included.
    pub requirements: Vec<Requirement>,
    /// What happens if that cannot hold.
    pub on_unmet: OnUnmet,
    /// It is skipped if this is true.
    pub skip_if: Option<Expression>,
    /// How often it may fail.
    pub attempts: u32,
    /// How long it waits then.
    pub backoff: Backoff,
    /// The times of a claim.
    pub claim: Lease,
    /// From first ready to an end.
    pub deadline: Option<Duration>,
    /// What its death does.
    pub on_dead: OnDead,
    /// Before the run's and the definition's.
    pub priority: Option<u8>,
    /// What an agent has to offer.
    pub labels: BTreeSet<String>,
    /// The lowest tier.
    pub trust: u8,
    /// Who looks at a result.
    pub checks: Checks,
    /// Set aside at each claim.
    pub reserve: MicroUsd,
    /// Besides the pipeline's, resolved.
    pub skills: Vec<String>,
    /// The step whose fan-out makes its instances.
    pub spawner: Option<StepId>,
    /// The spawners above, the outermost first.
    pub scope: Vec<StepId>,
    /// The steps that have to be looked at again when an instance of this one ends.
    pub affects: Vec<StepId>,
}
