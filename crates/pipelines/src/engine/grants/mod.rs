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

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use names::{Handle, Id};
use pipelines_core::{
    definition::SlotOf,
    machine::{Agent, Refusal, What, slot_keys},
    name::{AgentId, ClaimId, OwnerId, PipelineId, RunId, StepId},
};
use trust::Principal;

use super::{
    Asking, Granted, NotDone, Said,
    granted::granted,
    group::{Group, plain},
    heads::{Choice, Heads, Loose, Need, Ready, TaskId},
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
    needs: HashSet<Arc<Need>>,
    /// Heads of which it may not have the oldest task.
    loose: Loose,
}

/// What came of a try.
enum Tried {
    Granted(Box<Granted>),
    /// Not this task.
    NotThis,
    /// Nothing that asks the same.
    NoneAlike,
}

/// Whether a caller asks for what asks this of it, as far as memory can tell.
fn may_want(asking: &Asking, need: &Need) -> bool {
    let is_publisher = asking.publishers.is_empty() || asking.publishers.contains(&need.handle);
    let is_pipeline = asking.pipelines.is_empty() || asking.pipelines.contains(&need.pipeline);
    // Labels that a publisher gives are known by rows alone.
    let lacks = need.labels.iter().any(|it| !it.starts_with('@') && !asking.labels.contains(it));
    is_publisher
        && is_pipeline
        && !lacks
        && asking.reach.reaches(need.handle.as_str(), need.pipeline.as_str())
}

/// Whether a caller asks for anything of a publisher.
fn may_ask(asking: &Asking, handle: &Handle) -> bool {
    (asking.publishers.is_empty() || asking.publishers.contains(handle))
        && asking.reach.knows(handle.as_str())
}

/// Whether there may be something for a caller, as far as memory can tell.
pub(super) fn may_find(heads: &Heads, asking: &Asking) -> bool {
    asking.run.is_some()
        || heads.may_hold(|need| may_want(asking, need), |handle| may_ask(asking, handle))
}

impl<'a> Case<'a> {
    fn new(asking: &'a Asking, standing: Standing) -> Self {
        Self {
            asking,
            standing,
            tiers: HashMap::new(),
            tasks: HashSet::new(),
            runs: HashSet::new(),
            needs: HashSet::new(),
            loose: Loose::new(),
        }
    }

    fn labels(&self, publisher: Id<Principal>) -> BTreeSet<String> {
        let given = self.standing.bonds.get(&publisher).map(|bond| &bond.labels);
        self.asking.labels.iter().chain(given.into_iter().flatten()).cloned().collect()
    }

    fn may_have(&self, need: &Need) -> bool {
        !self.needs.contains(need)
            && may_want(self.asking, need)
            && need.labels.is_subset(&self.labels(need.publisher))
    }

    /// Whether it was offered the task already, or may not have anything of its run.
    fn is_over(&self, run: RunId, task: TaskId) -> bool {
        self.tasks.contains(&task) || self.runs.contains(&run)
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
        let mut case = Case::new(asking, standing);
        let (mut given, mut tries) = (Vec::new(), TRIES);
        while given.len() < most && tries > 0 {
            let Some(choice) = self.choose(&mut case).await? else { break };
            match self.try_grant(&mut case, &choice).await? {
                Tried::Granted(granted) => {
                    self.heads.granted(&choice, self.now);
                    *self.granted.entry(asking.credential()).or_default() += 1;
                    given.push(*granted);
                }
                Tried::NotThis => tries -= 1,
                // There are as many kinds of tasks as definitions name; each is tried once.
                Tried::NoneAlike => drop(case.needs.insert(choice.need)),
            }
        }
        Ok(given)
    }

    /// The task that comes next for a caller.
    async fn choose(&mut self, case: &mut Case<'_>) -> Result<Option<Choice>, Error> {
        if let Some(run) = case.asking.run {
            return self.choose_of(case, run).await;
        }
        let may = |need: &Need| case.may_have(need);
        self.heads.fill(&mut self.tx, may).await?;
        let mut loose = std::mem::take(&mut case.loose);
        for (id, first) in &mut loose {
            *first = self.heads.tasks(*id).find(|it| !case.is_over(it.run, it.task)).cloned();
        }
        case.loose = loose;
        let choice = self.heads.next(self.now, |need| case.may_have(need), &case.loose);
        if choice.is_some() {
            return Ok(choice);
        }
        let is_asked = |handle: &Handle| may_ask(case.asking, handle);
        if !self.heads.turn(&mut self.tx, self.now, is_asked).await? {
            return Ok(None);
        }
        self.heads.fill(&mut self.tx, |need| case.may_have(need)).await?;
        Ok(self.heads.next(self.now, |need| case.may_have(need), &case.loose))
    }

    /// The same among the tasks of one run: all of them are known from the run itself.
    async fn choose_of(&mut self, case: &Case<'_>, id: RunId) -> Result<Option<Choice>, Error> {
        if case.runs.contains(&id) {
            return Ok(None);
        }
        if !self.at_hand(id).await? {
            self.is_contended |= self.runs.is_there(&mut self.tx, id).await?;
            return Ok(None);
        }
        let Some(run) = self.runs.get(id) else { return Ok(None) };
        // Tasks of a step are alike: of each the oldest.
        let mut oldest: BTreeMap<&StepId, Ready> = BTreeMap::new();
        for (address, task) in run.state.current_tasks().filter(|(_, it)| run.is_claimable(it)) {
            let found = run.task_id(address).zip(task.ready_at);
            let Some((task, since)) = found.filter(|(task, _)| !case.is_over(id, *task)) else {
                continue;
            };
            let is_older = |it: &Ready| (since, task) < (it.since, it.task);
            if oldest.get(&address.step).is_none_or(is_older) {
                let ready = Ready { task, run: id, address: address.clone(), since };
                oldest.insert(&address.step, ready);
            }
        }
        let choice = |ready: Ready| Some(Choice::of(&run.likeness(&ready.address)?, ready));
        let choices: Vec<_> = oldest.into_values().filter_map(choice).collect();
        let choices: Vec<_> = choices.into_iter().filter(|it| case.may_have(&it.need)).collect();
        Ok(self.heads.first_of(&choices, self.now))
    }

    /// Gives the task to the caller, unless something stands against it: then it is not offered this one again.
    async fn try_grant(&mut self, case: &mut Case<'_>, choice: &Choice) -> Result<Tried, Error> {
        let Choice { head, need, ready, .. } = choice;
        case.tasks.insert(ready.task);
        case.loose.insert(*head, None);
        if !self.at_hand(ready.run).await? {
            self.is_contended = true;
            case.runs.insert(ready.run);
            return Ok(Tried::NotThis);
        }
        let is_there = self.runs.get(ready.run).is_some_and(|run| {
            run.task_id(&ready.address) == Some(ready.task) && run.heads.contains_key(&ready.task)
        });
        if !is_there {
            self.heads.remove(*head, ready.task, Some(ready.since));
            return Ok(Tried::NotThis);
        }
        if !self.is_let(case, need, ready.run).await? {
            return Ok(Tried::NoneAlike);
        }
        // Where nobody asks for a tier none is looked up.
        let asks = self.runs.get(ready.run).is_some_and(|run| run.asks_for_trust(&ready.address));
        let trust = if asks { self.tier(case, need.publisher).await? } else { 0 };
        let has_slots = self.has_slots(ready.run).await?;
        let agent = Agent {
            id: case.asking.agent,
            owner: case.asking.owner,
            labels: case.labels(need.publisher),
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
            Ok(_) => {
                let told = self.runs.get(run).and_then(|run| granted(run, claim, self.now));
                Ok(told.map_or(Tried::NotThis, |it| Tried::Granted(Box::new(it))))
            }
            Err(NotDone::Failed(error)) => Err(*error),
            Err(NotDone::Refused(why)) => Ok(self.pass_over(case, &why, choice)),
            Err(
                NotDone::NoRun
                | NotDone::ExternalIdTaken
                | NotDone::ConcurrencyFull
                | NotDone::Quota(_),
            ) => Ok(Tried::NotThis),
        }
    }

    /// What a refusal says about other tasks.
    fn pass_over(&mut self, case: &mut Case<'_>, why: &Refusal, choice: &Choice) -> Tried {
        let id = choice.ready.run;
        if let Some(run) = self.runs.get_mut(id) {
            run.tokens.retain(|claim, _| run.state.claims.contains_key(claim));
        }
        match why {
            Refusal::BudgetReserved | Refusal::SlotsFull => {
                case.runs.insert(id);
                let heads = self.runs.get(id).into_iter().flat_map(|run| run.heads.values());
                case.loose.extend(heads.map(|(head, _)| (*head, None)));
                Tried::NotThis
            }
            // All of them want that tier.
            Refusal::NotFit if choice.need.trust > 0 => Tried::NoneAlike,
            _ => Tried::NotThis,
        }
    }

    /// Whether the publisher's side lets the agent have tasks of this pipeline.
    async fn is_let(&mut self, case: &Case<'_>, need: &Need, run: RunId) -> Result<bool, Error> {
        let version = self.runs.get(run).map(|it| it.state.version);
        let audience = self.audience(need.publisher, &need.pipeline, version).await?;
        Ok(audience.is_some_and(|audience| case.standing.is_let(need.publisher, audience)))
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
