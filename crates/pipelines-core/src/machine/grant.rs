//! A claim begins (`spec/work.md` 3, ready · grant): every condition at this moment, then fence + 1.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    effect::{Budget, Change, Counter, Due, Refusal},
    event::Agent,
    state::{Claim, ClaimPhase, RunPhase, Task, TaskPhase},
    work::Work,
};
use crate::{
    definition::{SlotOf, Step},
    name::{Address, Check, ClaimId},
};

impl Work {
    /// An agent gets a task. A grant that a budget refuses is no refusal: it ends or holds the run.
    pub(super) fn grant(
        &mut self,
        address: &Address,
        agent: &Agent,
        id: ClaimId,
        has_slots: bool,
    ) -> Result<(), Refusal> {
        match self.state.phase {
            RunPhase::Running => {}
            RunPhase::Held => return Err(Refusal::Held),
            _ => return Err(Refusal::NotListed),
        }
        let definition = Arc::clone(&self.state.definition);
        let step = definition.step(&address.step).ok_or(Refusal::UnknownTask)?;
        let task = self.state.current(address).ok_or(Refusal::UnknownTask)?;
        if task.phase != TaskPhase::Ready || self.state.claims.contains_key(&id) {
            return Err(Refusal::NotReady);
        }
        self.may_have(step, address, task, agent)?;
        let needs_slot = definition.concurrency.iter().any(|rule| rule.of == SlotOf::Claims);
        if needs_slot && !has_slots {
            return Err(Refusal::SlotsFull);
        }
        if let Some(budget) = self.spent_budget(step)? {
            self.exhaust(budget);
            return Ok(());
        }
        self.granted(step, address, agent, id);
        Ok(())
    }

    /// Labels, tier, bars, owners (I17, I20).
    fn may_have(
        &self,
        step: &Step,
        address: &Address,
        task: &Task,
        agent: &Agent,
    ) -> Result<(), Refusal> {
        if !agent.is_permitted {
            return Err(Refusal::NotPermitted);
        }
        if !step.labels.is_subset(&agent.labels) || agent.trust < step.trust {
            return Err(Refusal::NotFit);
        }
        if task.bars.get(&agent.id).is_some_and(|until| self.now < *until) {
            return Err(Refusal::Barred);
        }
        let checked = self.state.current(&address.checked());
        let has_part = match address.check {
            None => task.reviewers.contains(&agent.owner),
            Some(Check::Review(_)) => {
                checked.is_some_and(|task| task.workers.contains(&agent.owner))
                    || self.has_other_check(address, task, agent)
            }
            Some(Check::Ballot(_)) => self.has_other_check(address, task, agent),
        };
        if has_part { Err(Refusal::SameOwner) } else { Ok(()) }
    }

    /// Whether the owner has another check of the same round.
    fn has_other_check(&self, address: &Address, task: &Task, agent: &Agent) -> bool {
        let round = self.state.current(&address.checked()).map_or(0, |checked| checked.round);
        self.checks_of(&address.checked()).into_iter().any(|(other, theirs)| {
            let Some(Check::Ballot(number) | Check::Review(number)) = other.check else {
                return false;
            };
            let is_same_round = theirs.checks == task.checks && number >= round;
            let has_owner = self.state.claims.values().any(|claim| {
                let is_kept = matches!(claim.phase, ClaimPhase::Live | ClaimPhase::Submitted);
                claim.address == *other
                    && claim.generation == theirs.generation
                    && claim.owner == agent.owner
                    && is_kept
            });
            other != address && is_same_round && has_owner
        })
    }

    /// The budget that the grant would pass, if there is one (I9).
    fn spent_budget(&self, step: &Step) -> Result<Option<Budget>, Refusal> {
        let (budgets, spent) = (&self.state.budgets, &self.state.spent);
        if spent.claims >= budgets.claims {
            return Ok(Some(Budget::Claims));
        }
        let Some(most) = budgets.micro_usd else { return Ok(None) };
        let alone = spent.usage.micro_usd.plus(step.reserve);
        if alone > most {
            return Ok(Some(Budget::MicroUsd));
        }
        // What is set aside for others may come back.
        if alone.plus(spent.reserved) > most { Err(Refusal::BudgetReserved) } else { Ok(None) }
    }

    fn granted(&mut self, step: &Step, address: &Address, agent: &Agent, id: ClaimId) {
        let fence = self.state.fences.get(address).copied().unwrap_or_default() + 1;
        let cap_at = self.now.plus(step.claim.cap);
        let ends_at = self.now.plus(step.claim.ttl).min(cap_at);
        let (version, granted_at) = (self.state.version, self.now);
        let Some(task) = self.task_mut(address) else { return };
        task.claim = Some(id);
        task.version = version;
        let generation = task.generation;
        let claim = Claim {
            address: address.clone(),
            generation,
            agent: agent.id,
            owner: agent.owner,
            trust: agent.trust,
            fence,
            version,
            phase: ClaimPhase::Live,
            granted_at,
            ends_at,
            cap_at,
            ttl: step.claim.ttl,
            touched: false,
            rejects: 0,
            submissions: BTreeMap::new(),
            reserve: step.reserve,
        };
        self.state.fences.insert(address.clone(), fence);
        self.state.claims.insert(id, Arc::new(claim));
        self.state.touched.claims.insert(id);
        self.state.spent.reserved = self.state.spent.reserved.plus(step.reserve);
        self.count(Counter::Claims, 1);
        self.take_slots(SlotOf::Claims);
        self.set_task(address, TaskPhase::Claimed, None);
        let (agent, owner) = (agent.id, agent.owner);
        let address = address.clone();
        self.change(Change::Granted {
            claim: id,
            address,
            generation,
            agent,
            owner,
            fence,
            ends_at,
            cap_at,
        });
        self.set_due(Due::ClaimEnd(id), ends_at);
    }
}
