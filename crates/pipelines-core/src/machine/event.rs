//! What may happen to a run.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use names::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::effect::Due;
use crate::{
    backoff::Draw,
    definition::{Budgets, Definition, MicroUsd},
    name::{Address, AgentId, ClaimId, OwnerId, PersonId, StepId},
};

/// Something that happens, and the draw that it came with.
#[derive(Debug, Clone)]
pub struct Event {
    /// For a back-off, if the event leads to one.
    pub draw: Draw,
    /// What.
    pub what: What,
}

impl From<What> for Event {
    fn from(what: What) -> Self {
        Self { draw: Draw::MIDDLE, what }
    }
}

/// An agent that asks, as the authority sees it at this moment (I20).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Who.
    pub id: AgentId,
    /// Whose.
    pub owner: OwnerId,
    /// What it offers.
    pub labels: BTreeSet<String>,
    /// Its tier with this publisher.
    pub trust: u8,
    /// Both allow-lists and all quotas let it.
    pub is_permitted: bool,
}

/// What work has cost, as reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub tokens_in: u64,
    /// Tokens written.
    pub tokens_out: u64,
    /// Money.
    pub micro_usd: MicroUsd,
}

impl Usage {
    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            tokens_in: self.tokens_in.saturating_add(other.tokens_in),
            tokens_out: self.tokens_out.saturating_add(other.tokens_out),
            micro_usd: self.micro_usd.plus(other.micro_usd),
        }
    }
}

/// Why an agent gives a task back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseReason {
    /// It has no time: free three times a task.
    HandedBack,
    /// It could not, for a reason with a code or without.
    Failed {
        /// Two owners with one code make poison.
        code: Option<String>,
    },
    /// Something outside stands in the way.
    Blocked,
    /// It holds the instructions for unsafe.
    Refused,
}

/// A task given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Why.
    pub reason: ReleaseReason,
    /// Not before then.
    pub retry_after: Duration,
    /// What it has cost.
    pub usage: Usage,
}

/// What a person says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes, with the form.
    Approve(Value),
    /// No, with a reason.
    Reject(String),
}

/// What a refused verdict names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reopen {
    /// The step.
    pub step: StepId,
    /// The instance; all of them without it.
    pub path: Option<Vec<u32>>,
    /// What the next claim is told.
    pub note: Option<String>,
}

/// The events of the tables.
#[derive(Debug, Clone)]
pub enum What {
    /// A queued run finds its slot.
    SlotFree,
    /// Nothing more is granted.
    Pause,
    /// It goes on.
    Resume,
    /// Budgets grow.
    RaiseBudgets(Budgets),
    /// The run is ended.
    Cancel,
    /// Another version takes over.
    Move {
        /// The version.
        definition: Arc<Definition>,
        /// Its number.
        version: u32,
    },
    /// The publisher takes the output.
    Accept,
    /// The publisher does not.
    Refuse(Vec<Reopen>),
    /// The publisher cannot be asked.
    DeliveryDead,
    /// An agent gets a task.
    Grant {
        /// The task.
        address: Address,
        /// The agent.
        agent: Agent,
        /// The id of the claim.
        claim: ClaimId,
        /// Every slot that the claim needs is free.
        has_slots: bool,
    },
    /// A sign of life.
    Beat {
        /// The claim.
        claim: ClaimId,
        /// Whoever says so.
        agent: AgentId,
        /// What it has cost since.
        usage: Usage,
    },
    /// A call of a subcommand is about to leave.
    Call {
        /// The claim.
        claim: ClaimId,
        /// Whoever calls.
        agent: AgentId,
        /// The subcommand.
        name: String,
        /// What is sent.
        bytes: u64,
    },
    /// A call was answered.
    Answered {
        /// The claim.
        claim: ClaimId,
        /// What came back.
        bytes: u64,
        /// The answer was `ok`.
        is_good: bool,
    },
    /// The holder of a claim reads a file of a skill that its task names.
    ReadSkill {
        /// The claim.
        claim: ClaimId,
        /// Whoever reads.
        agent: AgentId,
        /// The skill, as the definition names it.
        skill: String,
        /// The file.
        path: String,
    },
    /// A result.
    Submit {
        /// The claim.
        claim: ClaimId,
        /// Whoever submits.
        agent: AgentId,
        /// The result.
        result: Arc<Value>,
        /// What it has cost since.
        usage: Usage,
    },
    /// A task comes back.
    Release {
        /// The claim.
        claim: ClaimId,
        /// Whoever gives it back.
        agent: AgentId,
        /// Why, and when again.
        release: Release,
    },
    /// Whoever asked for the claim had gone when it was told: the task is ready again, and nothing is spent.
    Undelivered(ClaimId),
    /// Nobody was there for a while to hear of agents: live claims last until then at least.
    Grace(UnixMillis),
    /// An agent may not act any more, or not for this publisher: its claims end.
    Revoke(AgentId),
    /// What a claim was asked for with is worth nothing any more: it ends, and nothing is spent.
    Withdraw(ClaimId),
    /// A person decides.
    Decide {
        /// The task.
        address: Address,
        /// Who.
        person: PersonId,
        /// What.
        decision: Decision,
    },
    /// A task is ended.
    CancelTask(Address),
    /// A dead task is opened again.
    Retry(Address),
    /// Something is due.
    Due(Due),
}
