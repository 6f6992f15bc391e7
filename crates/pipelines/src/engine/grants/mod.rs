//! Tasks are given to agents (`spec/work.md` 4, Order; 5; I20).
//!
//! What can be said in memory is said there: labels, allow-lists, what was asked for, who comes next. Whoever may get
//! something is then judged by rows, in the transaction of the grant: that agent, owner and token may act, which
//! publishers let the agent, how many claims it holds. At last the state machine judges the grant itself.
//!
//! | file       | what is there                                              |
//! |------------|------------------------------------------------------------|
//! | `mod.rs`   | [`Standing`]; who gets what                                |
//! | `tier.rs`  | trust tiers                                                |
//! | `store.rs` | the SQL                                                    |

pub(crate) mod store;
mod tier;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use names::Id;
use pipelines_core::{
    definition::SlotOf,
    machine::{Agent, Refusal, What, slot_keys},
    name::{AgentId, ClaimId, OwnerId, PipelineId, RunId},
    order::Waiting,
};
use trust::Principal;

use super::{
    Asking, Granted, NotDone, Said,
    granted::granted,
    group::{Group, plain},
    heads::{Head, HeadId, Likeness, Ready, TaskId},
    run,
};
use crate::{Error, definitions::Audience};
pub(crate) use store::STATEMENTS;

/// Tasks that are tried for one caller in one group before it goes on waiting: each may cost a look at rows.
const TRIES: usize = 64;
/// The tier of an agent that a publisher vouches for.
pub(crate) const VOUCHED: u8 = 3;

/// How a publisher stands to an agent, where it has said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BondState {
    /// On its list.
    Listed,
    /// On its list, and trusted.
    Vouched,
    /// Never.
    Barred,
}

impl BondState {
    /// The word of rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Vouched => "vouched",
            Self::Barred => "barred",
        }
    }
}

impl std::str::FromStr for BondState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::Listed, Self::Vouched, Self::Barred];
        let found = found.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is none of listed, vouched and barred"))
    }
}

/// What a publisher has said of an agent.
#[derive(Debug, Clone)]
pub(crate) struct Bond {
    pub(crate) state: BondState,
    /// Labels that the publisher gave it.
    pub(crate) labels: BTreeSet<String>,
}

/// How an agent stands, by rows.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    /// Its owner, and the organizations that its owner belongs to.
    pub(crate) homes: BTreeSet<Id<Principal>>,
    /// What publishers have said of it.
    pub(crate) bonds: BTreeMap<Id<Principal>, Bond>,
    /// Claims that it holds by the same credential.
    pub(crate) live_claims: usize,
}

impl Standing {
    fn bond(&self, publisher: Id<Principal>) -> Option<BondState> {
        self.bonds.get(&publisher).map(|bond| bond.state)
    }

    /// Whether the publisher's side lets it.
    fn is_let(&self, publisher: Id<Principal>, audience: Audience) -> bool {
        match (self.bond(publisher), audience) {
            (Some(BondState::Barred), _) => false,
            (_, Audience::Members) => self.homes.contains(&publisher),
            (bond, Audience::Listed) => bond.is_some(),
            (_, Audience::Open) => true,
        }
    }
}

/// What is known of a caller in this group.
struct Case<'a> {
    asking: &'a Asking,
    standing: Standing,
    tiers: HashMap<Id<Principal>, u8>,
    /// What it will not get in this group.
    tasks: HashSet<TaskId>,
    runs: HashSet<RunId>,
    heads: HashSet<HeadId>,
}

/// Whether a caller asks for what stands in a head, as far as memory can tell.
pub(super) fn may_want(asking: &Asking, like: &Likeness) -> bool {
    let is_publisher = asking.publishers.is_empty() || asking.publishers.contains(&like.handle);
    let is_pipeline = asking.pipelines.is_empty() || asking.pipelines.contains(&like.pipeline);
    // Labels that a publisher gives are known by rows alone.
    let lacks = like.labels.iter().any(|it| !it.starts_with('@') && !asking.labels.contains(it));
    is_publisher
        && is_pipeline
        && !lacks
        && asking.reach.reaches(like.handle.as_str(), like.pipeline.as_str())
}

impl Case<'_> {
    fn labels(&self, publisher: Id<Principal>) -> BTreeSet<String> {
        let given = self.standing.bonds.get(&publisher).map(|bond| &bond.labels);
        self.asking.labels.iter().chain(given.into_iter().flatten()).cloned().collect()
    }

    fn may_have(&self, id: HeadId, like: &Likeness) -> bool {
        !self.heads.contains(&id)
            && may_want(self.asking, like)
            && like.labels.is_subset(&self.labels(like.publisher))
    }

    /// The oldest task of a head that it may still get.
    fn first<'h>(&self, head: &'h Head) -> Option<&'h Ready> {
        let is_asked = |it: &&Ready| self.asking.run.is_none_or(|run| it.run == run);
        let is_open = |it: &&Ready| !self.tasks.contains(&it.task) && !self.runs.contains(&it.run);
        head.tasks().filter(is_asked).find(is_open)
    }
}

impl Group<'_> {
    /// Gives a caller what it may have now, as much as it asks for, and no more than `left`.
    pub(super) async fn give(
        &mut self,
        asking: &Asking,
        left: usize,
    ) -> Result<Vec<Granted>, Error> {
        let who = (asking.agent, asking.owner);
        let trust = &self.pipelines.0.ground.trust;
        let standing = store::standing(&mut self.tx, trust, who, (asking.token, self.now)).await?;
        let Some(standing) = standing else { return Ok(Vec::new()) };
        let granted = self.granted.get(&asking.credential()).copied().unwrap_or(0);
        let live = standing.live_claims + granted;
        let most = asking.most.min(left).min(asking.live_claims.saturating_sub(live));
        let (tasks, runs, heads) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut case = Case { asking, standing, tiers: HashMap::new(), tasks, runs, heads };
        let mut given = Vec::new();
        for _ in 0..TRIES {
            if given.len() >= most {
                break;
            }
            let Some((head, waiting)) = self.choose(&mut case).await? else { break };
            if let Some(granted) = self.try_grant(&mut case, head, &waiting).await? {
                self.order.grant(&waiting, self.now);
                *self.granted.entry(asking.credential()).or_default() += 1;
                given.push(granted);
            }
        }
        Ok(given)
    }

    /// The task that comes next for a caller.
    async fn choose(
        &mut self,
        case: &mut Case<'_>,
    ) -> Result<Option<(HeadId, Waiting<TaskId>)>, Error> {
        let dry: Vec<_> = self
            .heads
            .iter()
            .filter(|(id, head)| head.is_dry() && case.may_have(*id, &head.like))
            .map(|(id, _)| id)
            .collect();
        for head in dry {
            let rows = super::store::window(&mut self.tx, head).await?;
            self.heads.refill(head, rows);
        }
        let (mut ids, mut waiting) = (Vec::new(), Vec::new());
        for (id, head) in self.heads.iter() {
            if !case.may_have(id, &head.like) {
                continue;
            }
            let Some(first) = case.first(head) else { continue };
            ids.push(id);
            waiting.push(Waiting {
                task: first.task,
                publisher: head.publisher.clone(),
                key: head.key.clone(),
                priority: head.like.priority,
                ready_at: first.since,
            });
        }
        let Some(at) = self.order.next(&waiting, self.now) else { return Ok(None) };
        Ok(ids.get(at).copied().zip((at < waiting.len()).then(|| waiting.swap_remove(at))))
    }

    /// Gives the task to the caller, unless something stands against it: then it is not offered this one again.
    async fn try_grant(
        &mut self,
        case: &mut Case<'_>,
        head: HeadId,
        waiting: &Waiting<TaskId>,
    ) -> Result<Option<Granted>, Error> {
        let found = self.heads.get(head).and_then(|it| {
            let ready = it.tasks().find(|ready| ready.task == waiting.task)?;
            Some((it.like.clone(), ready.clone()))
        });
        let Some((like, ready)) = found else { return Ok(None) };
        case.tasks.insert(ready.task);
        if !self.at_hand(ready.run).await? {
            return Ok(None);
        }
        let is_there = self.runs.get(ready.run).is_some_and(|run| {
            run.task_id(&ready.address) == Some(ready.task) && run.heads.contains_key(&ready.task)
        });
        if !is_there {
            self.heads.remove(head, ready.task, Some(ready.since));
            return Ok(None);
        }
        if !self.is_let(case, &like, ready.run).await? {
            case.heads.insert(head);
            return Ok(None);
        }
        // Where nobody asks for a tier none is looked up.
        let asks = self.runs.get(ready.run).is_some_and(|run| run.asks_for_trust(&ready.address));
        let trust = if asks { self.tier(case, like.publisher).await? } else { 0 };
        let has_slots = self.has_slots(ready.run).await?;
        let agent = Agent {
            id: case.asking.agent,
            owner: case.asking.owner,
            labels: case.labels(like.publisher),
            trust,
            is_permitted: true,
        };
        let claim: ClaimId = Id::new(self.now, &self.pipelines.0.ground.random);
        let (address, run) = (ready.address.clone(), ready.run);
        let event = plain(What::Grant { address, agent, claim, has_slots });
        if let (Some(token), Some(run)) = (case.asking.token, self.runs.get_mut(run)) {
            run.tokens.insert(claim, token);
        }
        let by = Some(Id::from_uuid(case.asking.agent.uuid()));
        match self.happen(run, (&event, self.now), by, &Said::default()).await {
            Ok(_) => Ok(self.runs.get(run).and_then(|run| granted(run, claim, self.now))),
            Err(NotDone::Failed(error)) => Err(*error),
            Err(NotDone::Refused(why)) => {
                self.pass_over(case, &why, (head, &like, &ready));
                Ok(None)
            }
            Err(
                NotDone::NoRun
                | NotDone::ExternalIdTaken
                | NotDone::ConcurrencyFull
                | NotDone::Quota(_),
            ) => Ok(None),
        }
    }

    /// What a refusal says about other tasks.
    fn pass_over(
        &mut self,
        case: &mut Case<'_>,
        why: &Refusal,
        (head, like, ready): (HeadId, &Likeness, &Ready),
    ) {
        if let Some(run) = self.runs.get_mut(ready.run) {
            run.tokens.retain(|claim, _| run.state.claims.contains_key(claim));
        }
        match why {
            Refusal::BudgetReserved | Refusal::SlotsFull => {
                case.runs.insert(ready.run);
            }
            // The whole head wants that tier.
            Refusal::NotFit if like.trust > 0 => {
                case.heads.insert(head);
            }
            _ => {}
        }
    }

    /// Whether the publisher's side lets the agent have tasks of this pipeline.
    async fn is_let(
        &mut self,
        case: &Case<'_>,
        like: &Likeness,
        run: RunId,
    ) -> Result<bool, Error> {
        let version = self.runs.get(run).map(|it| it.state.version);
        let audience = self.audience(like.publisher, &like.pipeline, version).await?;
        Ok(audience.is_some_and(|audience| case.standing.is_let(like.publisher, audience)))
    }

    async fn audience(
        &mut self,
        publisher: Id<Principal>,
        pipeline: &PipelineId,
        version: Option<u32>,
    ) -> Result<Option<Audience>, Error> {
        let place = (publisher, pipeline.clone());
        if let Some(known) = self.audiences.get(&place) {
            return Ok(Some(*known));
        }
        let pinned = self.pipelines.pinned(&mut self.tx, publisher, pipeline, version).await?;
        let audience = pinned.map(|it| it.audience);
        self.audiences.extend(audience.map(|it| (place, it)));
        Ok(audience)
    }

    async fn tier(&mut self, case: &mut Case<'_>, publisher: Id<Principal>) -> Result<u8, Error> {
        if case.standing.bond(publisher) == Some(BondState::Vouched) {
            return Ok(VOUCHED);
        }
        if let Some(known) = case.tiers.get(&publisher) {
            return Ok(*known);
        }
        let who = (case.asking.agent, case.asking.owner);
        let tier = tier::tier(&store::ledger(&mut self.tx, who, publisher).await?);
        case.tiers.insert(publisher, tier);
        Ok(tier)
    }

    /// Whether every slot is free that one more claim of a run needs.
    async fn has_slots(&mut self, run: RunId) -> Result<bool, Error> {
        let Some(run) = self.runs.get(run) else { return Ok(false) };
        let keys = slot_keys(run.definition(), &run.state.input, SlotOf::Claims);
        let keys: Vec<_> = keys.iter().map(|key| run::slot(run.definition(), key)).collect();
        let birth = run.birth.clone();
        for (of, key, max) in keys {
            if self.slot(&birth, (of, key)).await? >= max {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The tier of an agent with a publisher that has not vouched for it.
pub(crate) async fn earned(
    tx: &mut db::Tx,
    who: (AgentId, OwnerId),
    publisher: Id<Principal>,
) -> Result<u8, Error> {
    Ok(tier::tier(&store::ledger(tx, who, publisher).await?))
}
