//! Plays a script: grants what is ready to the agent that comes next for it, lets persons and the publisher decide, and
//! lets time pass where nobody can do anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use names::{Digest, Id, Random, UnixMillis};
use serde_json::Value;

use super::{
    Derailed, Outcome,
    script::{Act, Script, ScriptDecision, ScriptVerdict, ToolCall},
};
use crate::{
    backoff::Draw,
    definition::Definition,
    json::{canonical, same},
    machine::{
        self, Agent, Answer, ClaimPhase, Decision, Due, Effect, Event, Refusal, Release,
        ReleaseReason, Reopen, RunPhase, RunState, Setup, Slot, TaskPhase, Usage, Verdict, What,
    },
    name::{Address, AgentId, ClaimId},
};

/// When every simulated run begins.
const START: UnixMillis = UnixMillis(1_795_294_380_000);
/// More events than any script needs.
const MAX_EVENTS: usize = 1_000_000;

type Played<T> = Result<T, Derailed>;

/// A run being played.
pub(super) struct Player<'s> {
    script: &'s Script,
    state: RunState,
    effects: Vec<Effect>,
    now: UnixMillis,
    random: Random,
    events: usize,
    used: BTreeMap<String, usize>,
    decided: BTreeMap<String, usize>,
    answered: BTreeMap<String, BTreeSet<usize>>,
    verdicts: usize,
}

fn derailed<T>(address: &(impl ToString + ?Sized), why: impl Into<String>) -> Played<T> {
    Err(Derailed { address: address.to_string(), why: why.into() })
}

/// An id that is always the same for a name.
fn id<Kind>(kind: &str, name: &str) -> Id<Kind> {
    let digest = Digest::of(format!("{kind}:{name}").as_bytes());
    let bytes = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    Id::from_uuid(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

impl<'s> Player<'s> {
    pub(super) fn new(definition: &Arc<Definition>, script: &'s Script, seed: u64) -> Played<Self> {
        if let Some(fault) = definition.input_schema.judge(&script.input).first() {
            return derailed("run", format!("the input does not fit: {fault}"));
        }
        let setup = Setup {
            run: id("run", &seed.to_string()),
            definition: Arc::clone(definition),
            version: 1,
            input: script.input.clone(),
            starter: None,
            budgets: definition.budgets,
            deadline: definition.deadline,
            priority: None,
            copies: BTreeMap::new(),
        };
        let (state, effects) = machine::start(setup, Slot::Free, START);
        Ok(Self {
            script,
            state,
            effects,
            now: START,
            random: Random::seeded(seed),
            events: 0,
            used: BTreeMap::new(),
            decided: BTreeMap::new(),
            answered: BTreeMap::new(),
            verdicts: 0,
        })
    }

    pub(super) fn play(mut self) -> Played<Outcome> {
        while !self.state.phase.is_terminal() {
            if self.events > MAX_EVENTS {
                return derailed("run", "it does not end");
            }
            let has_moved = match self.state.phase {
                RunPhase::Composed => self.verdict()?,
                _ => self.decision()? || self.claim()?,
            };
            if !has_moved {
                self.pass()?;
            }
        }
        Ok(Outcome::of(&self.state, &self.effects))
    }

    fn number(&self) -> u32 {
        u32::from_le_bytes(self.random.bytes())
    }

    fn take(&mut self, what: What) -> Result<Vec<Effect>, Refusal> {
        self.events += 1;
        let event = Event { draw: Draw::from_number(self.number()), what };
        let (state, effects) = machine::apply(&self.state, &event, self.now)?;
        self.state = state;
        self.effects.extend(effects.iter().cloned());
        Ok(effects)
    }

    /// Takes an event that has to be possible.
    fn must(&mut self, address: &impl ToString, what: What) -> Played<Vec<Effect>> {
        self.take(what)
            .map_err(|why| Derailed { address: address.to_string(), why: why.to_string() })
    }

    /// Nobody can do anything: the next thing that is due happens.
    fn pass(&mut self) -> Played<()> {
        let next = self.state.due.iter().min_by_key(|(_, at)| **at);
        let Some((due, at)) = next.map(|(due, at)| (due.clone(), *at)) else {
            return derailed("run", "nothing can happen any more");
        };
        self.now = self.now.max(at);
        self.must(&"run", What::Due(due)).map(drop)
    }

    fn verdict(&mut self) -> Played<bool> {
        let Some(verdict) = self.script.verdicts.get(self.verdicts) else { return Ok(false) };
        self.verdicts += 1;
        let what = if verdict.accepted { What::Accept } else { What::Refuse(reopens(verdict)?) };
        self.must(&"run", what).map(|_| true)
    }

    /// The addresses in a state, in the order of this seed.
    fn waiting(&self, phase: TaskPhase) -> Vec<Address> {
        let found = self.state.current_tasks().filter(|(_, task)| task.phase == phase);
        let mut found: Vec<_> =
            found.map(|(address, _)| (self.number(), address.clone())).collect();
        found.sort();
        found.into_iter().map(|(_, address)| address).collect()
    }

    /// A person decides, if one is asked and the script has an answer.
    fn decision(&mut self) -> Played<bool> {
        for address in self.waiting(TaskPhase::Waiting) {
            let name = address.to_string();
            let at = self.decided.get(&name).copied().unwrap_or_default();
            let found = self.script.approvals.get(&name).and_then(|all| all.get(at));
            let Some(decision) = found else { continue };
            self.decided.insert(name, at + 1);
            self.expect_input(&address, decision.expect_input.as_ref())?;
            let what = What::Decide {
                address: address.clone(),
                person: id("person", &decision.by),
                decision: decided(decision)?,
            };
            self.must(&address, what)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn next_act(&self, address: &Address) -> Option<&'s Act> {
        let name = address.to_string();
        let at = self.used.get(&name).copied().unwrap_or_default();
        self.script.answers.get(&name)?.get(at)
    }

    fn uses(&mut self, address: &Address) {
        *self.used.entry(address.to_string()).or_default() += 1;
    }

    /// An agent claims something, if the script has an act for it.
    fn claim(&mut self) -> Played<bool> {
        for address in self.waiting(TaskPhase::Ready) {
            let Some(act) = self.next_act(&address) else { continue };
            let agent = self.agent(&address, act)?;
            let claim: ClaimId = id("claim", &self.state.spent.claims.to_string());
            let agent_id = agent.id;
            let what = What::Grant { address: address.clone(), agent, claim, has_slots: true };
            match self.take(what) {
                Ok(_) => {}
                // Another one may come first, or time has to pass.
                Err(Refusal::Barred | Refusal::BudgetReserved | Refusal::Held) => continue,
                Err(why) => return derailed(&address, why.to_string()),
            }
            if self.state.claims.contains_key(&claim) {
                self.work(&address, claim, agent_id)?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn agent(&self, address: &Address, act: &Act) -> Played<Agent> {
        let Some(found) = self.script.agents.get(&act.agent) else {
            return derailed(address, format!("there is no agent {}", act.agent));
        };
        Ok(Agent {
            id: id("principal", &act.agent),
            owner: id("principal", &found.owner),
            labels: found.labels.iter().cloned().collect(),
            trust: found.trust,
            is_permitted: true,
        })
    }

    /// Acts of one claim: rejected results, and at last one that ends it.
    fn work(&mut self, address: &Address, claim: ClaimId, agent: AgentId) -> Played<()> {
        while self.state.claims.get(&claim).is_some_and(|it| it.phase == ClaimPhase::Live) {
            let Some(act) = self.next_act(address) else {
                return derailed(address, "the script has no more acts for this claim");
            };
            let acting: AgentId = id("principal", &act.agent);
            if acting != agent {
                return derailed(address, format!("the claim is not {}'s", act.agent));
            }
            self.uses(address);
            self.expect_input(address, act.expect_input.as_ref())?;
            self.expect_feedback(address, act)?;
            for tool in &act.tools {
                self.tool(address, claim, agent, tool)?;
            }
            self.act(address, claim, agent, act)?;
        }
        Ok(())
    }

    fn act(&mut self, address: &Address, claim: ClaimId, agent: AgentId, act: &Act) -> Played<()> {
        let usage = Usage::default();
        if act.expire {
            let due = Due::ClaimEnd(claim);
            while self.state.due.contains_key(&due) && !self.state.phase.is_terminal() {
                self.pass()?;
            }
            return Ok(());
        }
        if let Some(result) = &act.submit {
            let result = Arc::new(result.clone());
            let effects = self.must(address, What::Submit { claim, agent, result, usage })?;
            let faults = effects.iter().find_map(|effect| match effect {
                Effect::Answer(Answer::Verdict { verdict: Verdict::Invalid(faults), .. }) => {
                    Some(faults)
                }
                _ => None,
            });
            return match (faults, act.expect.as_deref()) {
                (None, None) | (Some(_), Some("rejected")) => Ok(()),
                (Some(faults), None) => {
                    let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
                    derailed(address, format!("the result was rejected: {}", told.join("; ")))
                }
                (None, Some(_)) => derailed(address, "the result was to be rejected"),
                (Some(_), Some(other)) => derailed(address, format!("{other} is no expectation")),
            };
        }
        let reason = match act.release.as_deref() {
            Some("handed_back") => ReleaseReason::HandedBack,
            Some("failed") => ReleaseReason::Failed { code: act.code.clone() },
            Some("blocked") => ReleaseReason::Blocked,
            Some("refused") => ReleaseReason::Refused,
            _ => return derailed(address, "an act is a submit, a release or expire: true"),
        };
        let retry_after = Duration::from_secs(act.retry_after_s.unwrap_or_default());
        let release = Release { reason, retry_after, usage };
        self.must(address, What::Release { claim, agent, release }).map(drop)
    }

    fn tool(
        &mut self,
        address: &Address,
        claim: ClaimId,
        agent: AgentId,
        call: &ToolCall,
    ) -> Played<()> {
        let definition = Arc::clone(&self.state.definition);
        let step = definition.step(&address.step);
        let found = step.and_then(|it| it.subcommands.iter().find(|it| it.name == call.name));
        let Some(subcommand) = found else {
            return derailed(address, format!("there is no subcommand {}", call.name));
        };
        let faults = subcommand.input_schema.as_ref().map(|it| it.judge(&call.arguments));
        if let Some(fault) = faults.unwrap_or_default().first() {
            return derailed(address, format!("{}: {fault}", call.name));
        }
        let name = format!("{}/{}", address.step, call.name);
        let used = self.answered.entry(name.clone()).or_default();
        let answers = self.script.tools.get(&name).map(Vec::as_slice).unwrap_or_default();
        let answer = answers
            .iter()
            .enumerate()
            .find(|(at, it)| !used.contains(at) && same(&it.arguments, &call.arguments));
        let Some((at, answer)) = answer else {
            return derailed(address, format!("{name} has no answer to these arguments"));
        };
        used.insert(at);
        let bytes = |value: &Value| u64::try_from(canonical(value).len()).unwrap_or(u64::MAX);
        let (sent, got) = (bytes(&call.arguments), bytes(&answer.body));
        let fits =
            subcommand.output_schema.as_ref().is_none_or(|it| it.judge(&answer.body).is_empty());
        let is_good = (200..300).contains(&answer.status) && fits;
        let call_name = call.name.clone();
        self.must(address, What::Call { claim, agent, name: call_name, bytes: sent })?;
        self.must(address, What::Answered { claim, bytes: got, is_good }).map(drop)
    }

    fn expect_input(&self, address: &Address, expected: Option<&Value>) -> Played<()> {
        let told = self.state.current(address).and_then(|task| task.input.as_deref());
        match expected {
            Some(expected) if !told.is_some_and(|told| same(told, expected)) => {
                let told = told.map(canonical).unwrap_or_default();
                derailed(address, format!("the input is {told}"))
            }
            _ => Ok(()),
        }
    }

    fn expect_feedback(&self, address: &Address, act: &Act) -> Played<()> {
        let told = self.state.current(address).map(|task| &task.feedback);
        match &act.expect_feedback {
            Some(expected) if told != Some(expected) => {
                derailed(address, format!("the feedback is {told:?}"))
            }
            _ => Ok(()),
        }
    }
}

fn decided(decision: &ScriptDecision) -> Played<Decision> {
    match decision.decision.as_str() {
        "approve" => Ok(Decision::Approve(decision.output.clone())),
        "reject" => Ok(Decision::Reject(decision.comment.clone())),
        other => derailed(&decision.by, format!("{other} is no decision")),
    }
}

fn reopens(verdict: &ScriptVerdict) -> Played<Vec<Reopen>> {
    let read = |it: &super::script::ScriptReopen| {
        let address: Address =
            it.address.parse().or_else(|_| derailed(&it.address, "no address"))?;
        let path = it.address.contains('[').then_some(address.path);
        Ok(Reopen { step: address.step, path, note: it.note.clone() })
    };
    verdict.reopen.iter().map(read).collect()
}
