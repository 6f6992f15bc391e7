//! Claims end when what they were asked for with is taken away: the token, the agent, its owner, its leave with a
//! publisher (`spec/work.md` 5; W50).
//!
//! Whoever takes it away leaves a job in the same transaction. The job judges by rows which claims have lost their ground,
//! and brings an event for each of them to the engine; done twice it finds nothing.
//!
//! | file       | what is there                                           |
//! |------------|---------------------------------------------------------|
//! | `mod.rs`   | [`Revoked`], [`Ears`]; what is done then                   |
//! | `store.rs` | the SQL                                                 |

pub(crate) mod store;

use std::collections::BTreeSet;

use async_trait::async_trait;
use db::Tx;
use futures_util::future::join_all;
use jobs::{Failure, Kind, NewJob, Priority, Queue};
use names::Id;
use pipelines_core::machine::What;
use serde::{Deserialize, Serialize};
use trust::{
    Key, Principal,
    audit::{Chain, Entry, Noted, Observer, Outcome},
};

use super::{NotDone, Said};
use crate::Pipelines;

/// Something was taken away from agents.
pub(crate) const REVOKED: Kind<Revoked> = Kind::new("pipelines.revoked");

/// Rounds of one job: an owner's agents hold some thousand claims at most, and a round takes hundreds.
const ROUNDS: usize = 64;

/// From whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revoked {
    /// An agent, or whoever has some.
    pub(crate) whose: Id<Principal>,
    /// The key that somebody else may have: what was asked for with it ends too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<Id<Key>>,
}

impl Revoked {
    /// What an entry of the audit log takes away, if it is anything.
    fn of(entry: &Entry) -> Option<Self> {
        if entry.outcome != Outcome::Done {
            return None;
        }
        let named = |name: &str| entry.detail.text(name)?.parse().ok();
        match entry.action {
            Noted::TokenRevoked | Noted::TokenRotated => {
                let is_agents = entry.detail.text("kind") == Some("agent");
                Some(Self { whose: named("principal").filter(|_| is_agents)?, key: None })
            }
            Noted::KeyRevoked => {
                let is_compromised = entry.detail.text("reason") == Some("compromised");
                let key = entry.on.id.parse().ok().filter(|_| is_compromised)?;
                Some(Self { whose: named("principal")?, key: Some(key) })
            }
            Noted::AgentDisabled
            | Noted::PrincipalSuspended
            | Noted::AccountDeleted
            | Noted::OrgDeleted => Some(Self { whose: entry.on.id.parse().ok()?, key: None }),
            _ => None,
        }
    }

    /// Asks for it, in the transaction that takes it away.
    pub(crate) async fn push(&self, tx: &mut Tx, queue: &Queue) -> Result<(), jobs::Error> {
        let job = NewJob::new(REVOKED, self)?.with_priority(Priority::High);
        let bell = queue.push(tx, job).await?;
        tx.hold(bell);
        Ok(())
    }
}

/// Hears of what is taken away.
#[derive(Debug)]
pub(crate) struct Ears(pub(crate) Queue);

#[async_trait]
impl Observer for Ears {
    async fn noted(&self, tx: &mut Tx, _: Chain, entry: &Entry) -> Result<(), db::Error> {
        let Some(revoked) = Revoked::of(entry) else { return Ok(()) };
        revoked.push(tx, &self.0).await.map_err(|error| match error {
            jobs::Error::Db(error) => error,
            other => db::Error::corrupt("jobs.payload")(other.to_string()),
        })
    }
}

impl Pipelines {
    /// Ends every claim that has lost its ground.
    pub(crate) async fn end_revoked(&self, revoked: &Revoked) -> Result<(), Failure> {
        for _ in 0..ROUNDS {
            let now = self.0.ground.clock.now();
            let lost = store::lost(&mut self.0.ground.db.read().await?, revoked, now).await?;
            if lost.is_empty() {
                return Ok(());
            }
            // An agent that may not act loses all that it holds in a run by one event.
            let whole = lost.iter().filter(|it| it.is_whole).map(|it| (it.run, it.agent));
            let whole: BTreeSet<_> = whole.collect();
            let whole = whole.into_iter().map(|(run, agent)| (run, What::Revoke(agent)));
            let single = lost.iter().filter(|it| !it.is_whole);
            let single = single.map(|it| (it.run, What::Withdraw(it.claim)));
            let events = whole.chain(single);
            let ended =
                events.map(|(run, what)| self.0.engine.happen(run, what, None, Said::default()));
            for outcome in join_all(ended).await {
                match outcome {
                    // What is refused has ended otherwise.
                    Ok(_) | Err(NotDone::Refused(_) | NotDone::NoRun) => {}
                    Err(other) => return Err(other.into()),
                }
            }
        }
        Err(Failure::retry("there are more claims to end"))
    }
}
