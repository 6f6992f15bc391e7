//! What comes of an event: effects to be written in one transaction, or a refusal.

use std::sync::Arc;

use names::{Digest, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::{ClaimPhase, RunPhase, RunReason, TaskPhase, TaskReason};
use crate::{
    definition::{Budgets, SlotOf},
    fault::Fault,
    name::{Address, AgentId, ClaimId, OwnerId},
};

/// A budget of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Budget {
    /// Grants.
    Claims,
    /// Calls.
    ProxyCalls,
    /// Bytes of calls.
    ProxyBytes,
    /// Bytes of results.
    ResultBytes,
    /// Time in `running`.
    Wall,
    /// Money.
    MicroUsd,
}

impl Budget {
    /// The word of definitions and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claims => "claims",
            Self::ProxyCalls => "proxy_calls",
            Self::ProxyBytes => "proxy_bytes",
            Self::ResultBytes => "result_bytes",
            Self::Wall => "wall",
            Self::MicroUsd => "micro_usd",
        }
    }
}

/// What is counted against a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Grants.
    Claims,
    /// Addresses.
    Tasks,
    /// Calls.
    ProxyCalls,
    /// Bytes of calls.
    ProxyBytes,
    /// Bytes of results.
    ResultBytes,
    /// Money, as reported.
    MicroUsd,
}

/// Something that happens by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Due {
    /// The run's deadline.
    RunDeadline,
    /// The end of the time in `running`.
    Wall,
    /// The end of the wait for a verdict.
    Verdict,
    /// The end of a claim.
    ClaimEnd(ClaimId),
    /// The end of a back-off.
    BackOff(Address, u32),
    /// A step's deadline.
    TaskDeadline(Address, u32),
    /// The end of the wait for persons.
    Expires(Address, u32),
    /// The next children of a fan-out.
    Spawn(Address, u32),
}

/// What a slot is counted under: the rule and the value of its key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SlotKey {
    /// What is counted.
    pub of: SlotOf,
    /// The rule's position in the definition.
    pub rule: usize,
    /// The canonical text of the value; `None` where all share one.
    pub value: Option<String>,
}

/// What a change of state was. Each is one entry of the timeline, and one row that is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// The run goes on or ends.
    Run {
        /// Where.
        phase: RunPhase,
        /// Why.
        reason: Option<RunReason>,
    },
    /// Another version took over: for the run, and for its tasks that have neither ended nor been granted.
    Moved {
        /// Its number.
        version: u32,
    },
    /// Budgets grew.
    Budgets(Budgets),
    /// An address is opened.
    Inserted {
        /// Which.
        address: Address,
        /// How often now.
        generation: u32,
    },
    /// A task goes on or ends.
    Task {
        /// Which.
        address: Address,
        /// Its generation.
        generation: u32,
        /// Where.
        phase: TaskPhase,
        /// Why.
        reason: Option<TaskReason>,
    },
    /// A later generation takes the place of this one.
    Superseded {
        /// Which.
        address: Address,
        /// Its generation.
        generation: u32,
    },
    /// A claim begins.
    Granted {
        /// Its id.
        claim: ClaimId,
        /// Of what.
        address: Address,
        /// Its generation.
        generation: u32,
        /// By whom.
        agent: AgentId,
        /// Whose agent that is.
        owner: OwnerId,
        /// Larger than all before.
        fence: u64,
        /// Its end.
        ends_at: UnixMillis,
        /// Its hard end.
        cap_at: UnixMillis,
    },
    /// The end of a claim slides.
    Slid {
        /// Which.
        claim: ClaimId,
        /// Its end.
        ends_at: UnixMillis,
    },
    /// A claim ends.
    Ended {
        /// Which.
        claim: ClaimId,
        /// How.
        phase: ClaimPhase,
    },
    /// A result was judged.
    Judged {
        /// The claim.
        claim: ClaimId,
        /// Of the result's canonical form.
        sha256: Digest,
        /// Whether it fits.
        is_valid: bool,
    },
    /// A file of a skill was read.
    SkillRead {
        /// By the holder of this claim.
        claim: ClaimId,
        /// Of which skill.
        skill: String,
        /// Which.
        path: String,
    },
    /// A person agreed, and more are needed.
    Approved {
        /// To what.
        address: Address,
        /// Its generation.
        generation: u32,
    },
}

/// An entry of the timeline: numbered without gaps (I15).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// From 1 on.
    pub seq: u64,
    /// When.
    pub at: UnixMillis,
    /// What.
    pub change: Change,
    /// The event of webhooks that it is, if it is one.
    pub told: Option<Told>,
}

/// An event of webhooks (`spec/webhooks.md` 2, the rows of Work).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Told {
    /// Its type.
    pub kind: &'static str,
    /// Which of the run's it is: from 1 on and without gaps, asked for or not.
    pub number: u64,
}

/// What is written down about an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credit {
    /// Its result counts.
    Accepted,
    /// Its result was rejected, lost, or refused.
    Rejected,
    /// It let a claim pass.
    Expired,
}

/// The verdict of a result, kept under its hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It counts.
    Accepted,
    /// It is being looked at.
    Checking,
    /// It does not fit.
    Invalid(Arc<[Fault]>),
}

/// What the caller is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The verdict of a result, perhaps once more.
    Verdict {
        /// Which.
        verdict: Verdict,
        /// It was given before.
        is_repeated: bool,
    },
    /// The claim lives.
    Lives {
        /// Until then.
        ends_at: UnixMillis,
    },
}

/// What has to be written, or told. The rows themselves are read off the new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A row changes; so says the timeline, and from it webhooks and live streams.
    Change(Entry),
    /// The input of a task is stored.
    Input {
        /// Which.
        address: Address,
        /// Its generation.
        generation: u32,
        /// What it is told.
        input: Arc<Value>,
    },
    /// A result is stored, once for each generation (I4).
    Result {
        /// Of what.
        address: Address,
        /// Its generation.
        generation: u32,
        /// The claim that it came with; nothing for a person's or a copy.
        claim: Option<ClaimId>,
        /// The result.
        output: Arc<Value>,
    },
    /// A budget is spent.
    Count(Counter, u64),
    /// A slot is taken.
    TakeSlot(SlotKey),
    /// A slot is free again.
    FreeSlot(SlotKey),
    /// A due row.
    Due(Due, UnixMillis),
    /// The due row for that moment goes.
    Undue(Due, UnixMillis),
    /// The output of the run.
    Output(Arc<Value>),
    /// A task died.
    DeadLetter {
        /// Which.
        address: Address,
        /// Its generation.
        generation: u32,
        /// Why.
        reason: TaskReason,
    },
    /// A line of an agent's ledger.
    Credit {
        /// The claim that it is about: it counts once.
        claim: ClaimId,
        /// Who.
        agent: AgentId,
        /// What.
        credit: Credit,
    },
    /// What the caller is told.
    Answer(Answer),
}

/// Why an event has no effect. Only the audit hears of it (I3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The run is over.
    #[error("the run has ended")]
    RunEnded,
    /// No table lists the event for this state.
    #[error("this cannot happen now")]
    NotListed,
    /// There is no such task.
    #[error("there is no such task")]
    UnknownTask,
    /// There is no such claim, or it is another's: one answer.
    #[error("there is no such claim")]
    UnknownClaim,
    /// The claim has ended, or its time has.
    #[error("the claim is lost: it is {}", .0.as_str())]
    ClaimLost(ClaimPhase),
    /// The task cannot be claimed.
    #[error("the task cannot be claimed")]
    NotReady,
    /// The run is held.
    #[error("the run is held")]
    Held,
    /// An allow-list or a quota is in the way.
    #[error("the agent may not have it")]
    NotPermitted,
    /// It does not offer all labels, or its tier is too low.
    #[error("the agent is not fit for it")]
    NotFit,
    /// It gave the task back a moment ago.
    #[error("the agent is not offered it for a while")]
    Barred,
    /// Its owner has a part in this already (I17).
    #[error("an agent of another owner is wanted")]
    SameOwner,
    /// Too many claims are live.
    #[error("no slot is free")]
    SlotsFull,
    /// Money is set aside for claims that live.
    #[error("the rest of the money is set aside for claims that live")]
    BudgetReserved,
    /// A budget is spent.
    #[error("a budget is spent")]
    BudgetExhausted(Budget),
    /// The subcommand was called as often as a task may.
    #[error("it was called as often as a task may")]
    CallsExhausted,
    /// The step has no such subcommand.
    #[error("the step has no such subcommand")]
    UnknownSubcommand,
    /// The claim would end before the call.
    #[error("the claim ends too soon")]
    NearExpiry,
    /// The result has too many bytes.
    #[error("the result is too large")]
    TooLarge,
    /// Whoever started the run does not decide.
    #[error("whoever started the run does not decide")]
    Starter,
    /// The person has decided already, or the decision is made.
    #[error("this was decided already")]
    Decided,
    /// The form does not fit.
    #[error("the form does not fit")]
    Invalid(Vec<Fault>),
    /// The two versions differ too much.
    #[error("the versions differ in what a move does not permit")]
    NotCompatible(Vec<String>),
}
