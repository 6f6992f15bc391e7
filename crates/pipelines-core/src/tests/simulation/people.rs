//! Agents that vanish, lie, repeat and come late; persons who decide; publishers that judge; runners who interfere.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    super::support::{agent, id, listing},
    chance::Chance,
    world::{Message, World},
};
use crate::{
    definition::{Budgets, MicroUsd},
    machine::{
        Agent, Claim, Decision, Release, ReleaseReason, Reopen, RunPhase, TaskPhase, Usage, What,
    },
    name::{Address, Check, ClaimId},
};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// An agent, and what it is let and given to.
pub(super) struct Worker {
    agent: Agent,
    /// The publishers on its list.
    allowed: BTreeSet<usize>,
    /// It does what an agent should.
    is_honest: bool,
}

impl Worker {
    /// Agents of different owners, tiers and labels. The first ones are good, so that work is done at all.
    pub(super) fn some(chance: &Chance) -> Vec<Self> {
        let names = ["heron", "gannet", "ibis", "avocet", "plover"];
        let worker = |(number, name): (usize, &str)| {
            let is_honest = number < 2;
            let mut agent = agent(name);
            if !is_honest {
                agent.trust = u8::try_from(chance.below(4)).unwrap();
                if chance.one_in(3) {
                    agent.labels.clear();
                }
                if chance.one_in(3) {
                    agent.owner = id("owner of ibis");
                }
            }
            let both = [0, 1].into_iter();
            let allowed = both.filter(|_| is_honest || !chance.one_in(3)).collect();
            Self { agent, allowed, is_honest }
        };
        names.into_iter().enumerate().map(worker).collect()
    }
}

fn nothing() -> Usage {
    Usage::default()
}

impl World {
    /// An agent asks: what it was given and never touched, or something new.
    pub(super) fn asked(&mut self, worker: usize) {
        if self.is_over() {
            return;
        }
        let Worker { agent, allowed, .. } = &self.workers[worker];
        let (agent, allowed) = (agent.clone(), allowed.clone());
        let lost = self.server.untouched(agent.id);
        if let Some((run, claim)) = lost.first().copied().filter(|_| self.chance.one_in(2)) {
            self.counts.add("told again");
            self.send(Message::Told { agent: worker, run, claim }, Duration::ZERO);
        } else if let Some((run, claim)) = self.server.grant(&agent, &allowed, self.now) {
            if self.chance.one_in(20) {
                self.counts.add("gone when it was told");
                self.post(Message::Event { run, what: What::Undelivered(claim) }, Duration::ZERO);
            } else {
                self.send(Message::Told { agent: worker, run, claim }, Duration::ZERO);
            }
        }
        let after = 5 * SECOND + self.chance.within(MINUTE);
        self.post(Message::Ask(worker), after);
    }

    /// An agent was told of a claim, perhaps long ago or for the second time.
    pub(super) fn told(&mut self, worker: usize, run: usize, claim: ClaimId) {
        let Some(held) = self.server.runs[run].state.claims.get(&claim).cloned() else { return };
        let is_honest = self.workers[worker].is_honest && !self.chance.one_in(6);
        match if is_honest { 9 } else { self.chance.below(10) } {
            0 => self.counts.add("vanished"),
            1 => {
                self.counts.add("handed back");
                self.give_back((run, claim), &held, ReleaseReason::HandedBack);
            }
            2 | 3 => {
                self.counts.add("gave up");
                let reasons = [
                    ReleaseReason::Failed { code: None },
                    ReleaseReason::Failed { code: Some("captcha".into()) },
                    ReleaseReason::Blocked,
                    ReleaseReason::Refused,
                ];
                let reason = self.chance.pick(&reasons).unwrap();
                self.give_back((run, claim), &held, reason);
            }
            4 | 5 => self.lie((run, claim), &held),
            6 => {
                self.counts.add("came late");
                let late = held.ttl + self.chance.within(3 * MINUTE);
                let result = self.result(&held.address);
                self.submit((run, claim), &held, result, late);
            }
            7 => self.steal(worker, run),
            _ => self.work((run, claim), &held),
        }
    }

    fn give_back(&mut self, (run, claim): (usize, ClaimId), held: &Claim, reason: ReleaseReason) {
        let retry_after = self.chance.within(MINUTE);
        let release = Release { reason, retry_after, usage: nothing() };
        let what = What::Release { claim, agent: held.agent, release };
        let after = self.chance.within(held.ttl);
        self.send(Message::Event { run, what }, after);
    }

    fn submit(
        &mut self,
        (run, claim): (usize, ClaimId),
        held: &Claim,
        result: Value,
        after: Duration,
    ) {
        let usage = Usage { micro_usd: MicroUsd(self.chance.below(3) as u64), ..nothing() };
        let what = What::Submit { claim, agent: held.agent, result: Arc::new(result), usage };
        self.send(Message::Event { run, what }, after);
    }

    fn result(&self, address: &Address) -> Value {
        match address.check {
            Some(Check::Review(_)) => {
                json!({"verdict": self.chance.pick(&["accept", "accept", "reject"]), "reasons": ["so"]})
            }
            Some(Check::Ballot(_)) => json!({"n": self.chance.below(2)}),
            None => listing(self.chance.below(4)),
        }
    }

    /// Results that do not fit, perhaps more than a claim bears, and perhaps one that does.
    fn lie(&mut self, place: (usize, ClaimId), held: &Claim) {
        self.counts.add("lied");
        let mut after = Duration::ZERO;
        for number in 0..=self.chance.below(12) {
            let lies =
                [json!({"n": format!("{number}")}), json!({"list": number}), listing(9), json!(7)];
            let lie = self.chance.pick(&lies).unwrap();
            after += self.chance.within(4 * SECOND);
            self.submit(place, held, lie, after);
        }
        if self.chance.one_in(2) {
            let result = self.result(&held.address);
            self.submit(place, held, result, after + SECOND);
        }
    }

    /// Speaks of a claim that is another's.
    fn steal(&mut self, worker: usize, run: usize) {
        let agent = self.workers[worker].agent.id;
        let claims = self.server.runs[run].state.live_claims();
        let others: Vec<_> =
            claims.filter(|(_, it)| it.agent != agent).map(|(id, _)| *id).collect();
        let Some(claim) = self.chance.pick(&others) else { return };
        self.counts.add("took another's claim");
        let result = Arc::new(listing(1));
        let release =
            Release { reason: ReleaseReason::Blocked, retry_after: SECOND, usage: nothing() };
        for what in [
            What::Beat { claim, agent, usage: nothing() },
            What::Submit { claim, agent, result, usage: nothing() },
            What::Release { claim, agent, release },
        ] {
            self.send(Message::Event { run, what }, Duration::ZERO);
        }
    }

    /// Beats, calls, a result; then perhaps the same again, and another.
    fn work(&mut self, place: (usize, ClaimId), held: &Claim) {
        let (run, claim) = place;
        let mut after = Duration::ZERO;
        for _ in 0..self.chance.below(4) {
            after += self.chance.within(held.ttl);
            let what = match self.chance.below(3) {
                0 => {
                    let bytes = self.chance.below(120) as u64;
                    What::Call { claim, agent: held.agent, name: "look".into(), bytes }
                }
                _ => What::Beat { claim, agent: held.agent, usage: nothing() },
            };
            self.send(Message::Event { run, what }, after);
        }
        let result = self.result(&held.address);
        after += self.chance.within(20 * SECOND);
        self.submit(place, held, result.clone(), after);
        if self.chance.one_in(3) {
            self.counts.add("repeated");
            self.submit(place, held, result, after + MINUTE);
        }
        if self.chance.one_in(6) {
            let other = self.result(&held.address);
            self.submit(place, held, other, after + MINUTE);
        }
    }

    /// A person decides, or does not.
    pub(super) fn persons(&mut self, run: usize, address: &Address) {
        if self.chance.one_in(4) {
            return;
        }
        let yes = Decision::Approve(json!({"n": 1, "ballot": self.chance.below(3)}));
        let decision = if self.chance.one_in(4) { Decision::Reject("no".into()) } else { yes };
        let person = id(["one", "two", "starter"][self.chance.below(3)]);
        let what = What::Decide { address: address.clone(), person, decision };
        self.send(Message::Event { run, what }, Duration::ZERO);
    }

    /// A publisher judges an output, once, twice or never.
    pub(super) fn composed(&mut self, run: usize) {
        let refuse = self.refusal(run);
        let verdicts = match self.chance.below(9) {
            0 => vec![],
            1 => vec![What::DeliveryDead],
            2..=4 => {
                self.counts.add("verdict refused");
                vec![refuse]
            }
            5 => {
                self.counts.add("verdict doubled");
                vec![What::Accept, refuse]
            }
            _ => vec![What::Accept],
        };
        for what in verdicts {
            let after = self.chance.within(MINUTE);
            self.send(Message::Event { run, what }, after);
        }
    }

    fn refusal(&self, run: usize) -> What {
        let state = &self.server.runs[run].state;
        let places: Vec<_> = state.current_tasks().map(|(address, _)| address.clone()).collect();
        let mut named = Vec::new();
        for _ in 0..self.chance.below(3) {
            let Some(place) = self.chance.pick(&places) else { continue };
            let path = self.chance.one_in(2).then_some(place.path);
            named.push(Reopen { step: place.step, path, note: Some("again".into()) });
        }
        What::Refuse(named)
    }

    /// Whoever runs a pipeline interferes with a run.
    pub(super) fn runner(&mut self, run: usize) {
        let state = &self.server.runs[run].state;
        let in_phase = |phase| {
            let found = state.current_tasks().filter(|(_, task)| task.phase == phase);
            found.map(|(address, _)| address.clone()).collect::<Vec<_>>()
        };
        let (dead, ready) = (in_phase(TaskPhase::Dead), in_phase(TaskPhase::Ready));
        let budgets = Budgets { claims: state.budgets.claims + 3, ..state.budgets };
        let is_held = state.phase == RunPhase::Held;
        let second = Arc::clone(&self.server.pipelines[self.server.runs[run].pipeline].second);
        let what = match self.chance.below(9) {
            0 => What::Pause,
            1 => What::RaiseBudgets(budgets),
            2 => What::Cancel,
            3 | 4 => {
                self.counts.add("moved");
                What::Move { definition: second, version: 2 }
            }
            5 => match self.chance.pick(&ready) {
                Some(address) => What::CancelTask(address),
                None => What::Resume,
            },
            6 => return self.revoke(),
            _ if is_held => What::Resume,
            _ => match self.chance.pick(&dead) {
                Some(address) => What::Retry(address),
                None => What::Resume,
            },
        };
        self.post(Message::Event { run, what: What::Resume }, 5 * MINUTE);
        self.send(Message::Event { run, what }, Duration::ZERO);
    }

    /// An agent loses its leave, everywhere.
    fn revoke(&mut self) {
        let worker = 2 + self.chance.below(self.workers.len() - 2);
        self.counts.add("revoked");
        self.workers[worker].agent.is_permitted = false;
        let agent = self.workers[worker].agent.id;
        for run in 0..self.server.runs.len() {
            self.post(Message::Event { run, what: What::Revoke(agent) }, Duration::ZERO);
        }
    }
}
