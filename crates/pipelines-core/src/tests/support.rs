//! Definitions and events in few words.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

use names::{Id, UnixMillis};
use serde_json::{Value, json};

use crate::{
    definition::{Checked, Definition, Outside},
    fault::{Code, Fault},
    json::Form,
    machine::{
        self, Agent, Effect, Event, Refusal, Release, ReleaseReason, RunState, Setup, Slot, Usage,
        What,
    },
    name::{Address, AgentId, ClaimId},
};

/// When tests begin.
pub(super) const START: UnixMillis = UnixMillis(1_795_294_380_000);

/// An installation that judges addresses as the server does, knows no skills and grants priorities up to 5.
pub(super) struct Usual;

impl Outside for Usual {
    fn endpoint(&self, url: &str) -> Result<(), String> {
        let url = url::Url::parse(url).map_err(|error| error.to_string())?;
        if url.scheme() != "https" {
            return Err("only https".into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it has a user part".into());
        }
        let judge = |address: IpAddr| egress::judge(address).map_err(|why| why.to_string());
        match url.host() {
            Some(url::Host::Ipv4(address)) => judge(address.into()),
            Some(url::Host::Ipv6(address)) => judge(address.into()),
            Some(url::Host::Domain(name)) if name.contains('.') => Ok(()),
            _ => Err("no public name".into()),
        }
    }

    fn skill(&self, _reference: &str) -> Option<String> {
        None
    }

    fn max_priority(&self) -> u8 {
        5
    }
}

/// The faults of a document: pointers and codes.
pub(super) fn faults(document: &Value) -> Vec<(String, Code)> {
    let told = |faults: Vec<Fault>| faults.into_iter().map(|it| (it.pointer, it.code)).collect();
    Definition::of(document.clone(), &Usual).map_or_else(told, |_| Vec::new())
}

/// A document that has to be sound.
pub(super) fn checked(document: &Value) -> Checked {
    Definition::of(document.clone(), &Usual).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// A YAML text that has to be sound.
pub(super) fn yaml(text: &str) -> Arc<Definition> {
    let read = Definition::read(text.as_bytes(), Form::Yaml, &Usual);
    read.unwrap_or_else(|faults| panic!("{faults:#?}")).definition
}

/// An output schema: an object with a list of objects, a number and a text, none of them required but `n`.
pub(super) fn any_output() -> Value {
    json!({"type": "object", "required": ["n"], "properties": {
        "n": {"type": "integer"},
        "list": {"type": "array", "items": {"type": "object", "properties": {"k": {"type": "integer"}}}},
    }})
}

/// An object with the members of another.
pub(super) fn extended(mut base: Value, more: Value) -> Value {
    if let (Some(fields), Value::Object(more)) = (base.as_object_mut(), more) {
        fields.extend(more);
    }
    base
}

/// A definition of these steps, each of which gets instructions and [`any_output`].
pub(super) fn of_steps(steps: Value, more: Value) -> Value {
    let Value::Array(mut steps) = steps else { panic!("a list is wanted") };
    for step in &mut steps {
        let fields = step.as_object_mut().unwrap();
        fields.entry("instructions").or_insert_with(|| "Do it.".into());
        fields.entry("output_schema").or_insert_with(any_output);
    }
    let document = json!({"motet": 1, "id": "p", "steps": steps,
        "input_schema": {"type": "object", "properties": {"key": {"type": "string"}}},
        "final_output": {"composes": ["all: flatten([a].list)"]}});
    extended(document, more)
}

/// An id that is always the same for a name.
pub(super) fn id<Kind>(name: &str) -> Id<Kind> {
    let digest = names::Digest::of(name.as_bytes());
    let bytes = digest.as_bytes().first_chunk().copied().unwrap();
    Id::from_uuid(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// An agent with an owner of its own, who offers everything.
pub(super) fn agent(name: &str) -> Agent {
    Agent {
        id: id(name),
        owner: id(&format!("owner of {name}")),
        labels: BTreeSet::from(["browser".to_owned()]),
        trust: 3,
        is_permitted: true,
    }
}

pub(super) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// What a run of a definition begins with.
pub(super) fn setup(definition: &Arc<Definition>, input: Value) -> Setup {
    Setup {
        run: id("run"),
        definition: Arc::clone(definition),
        version: 1,
        input,
        starter: Some(id("starter")),
        budgets: definition.budgets,
        deadline: definition.deadline,
        priority: None,
        copies: std::collections::BTreeMap::new(),
    }
}

/// A run in the hands of a test.
pub(super) struct Bench {
    pub(super) state: RunState,
    pub(super) effects: Vec<Effect>,
    pub(super) now: UnixMillis,
}

impl Bench {
    pub(super) fn new(document: &Value) -> Self {
        Self::of(&checked(document).definition)
    }

    pub(super) fn of(definition: &Arc<Definition>) -> Self {
        Self::with(setup(definition, json!({})), Slot::Free)
    }

    pub(super) fn with(setup: Setup, slot: Slot) -> Self {
        let (state, effects) = machine::start(setup, slot, START);
        Self { state, effects, now: START }
    }

    pub(super) fn try_take(&mut self, what: What) -> Result<Vec<Effect>, Refusal> {
        let before = format!("{:?}", self.state);
        match machine::apply(&self.state, &Event::from(what), self.now) {
            Ok((state, effects)) => {
                self.state = state;
                self.effects.extend(effects.iter().cloned());
                Ok(effects)
            }
            Err(why) => {
                assert_eq!(before, format!("{:?}", self.state), "a refusal changes nothing");
                Err(why)
            }
        }
    }

    pub(super) fn take(&mut self, what: What) -> Vec<Effect> {
        self.try_take(what).unwrap_or_else(|why| panic!("{why}"))
    }

    pub(super) fn try_grant(&mut self, place: &str, who: &Agent) -> Result<ClaimId, Refusal> {
        let place = address(place);
        let fence = self.state.fences.get(&place).copied().unwrap_or_default() + 1;
        let claim = id(&format!("{place} {fence}"));
        let what = What::Grant { address: place, agent: who.clone(), claim, has_slots: true };
        self.try_take(what).map(|_| claim)
    }

    pub(super) fn grant(&mut self, place: &str, who: &str) -> ClaimId {
        self.try_grant(place, &agent(who)).unwrap_or_else(|why| panic!("{place}: {why}"))
    }

    pub(super) fn try_submit(
        &mut self,
        claim: ClaimId,
        who: &str,
        result: Value,
    ) -> Result<Vec<Effect>, Refusal> {
        let result = Arc::new(result);
        self.try_take(What::Submit { claim, agent: id(who), result, usage: Usage::default() })
    }

    pub(super) fn submit(&mut self, claim: ClaimId, who: &str, result: Value) -> Vec<Effect> {
        self.try_submit(claim, who, result).unwrap_or_else(|why| panic!("{why}"))
    }

    /// A claim and its result.
    pub(super) fn done(&mut self, place: &str, who: &str, result: Value) {
        let claim = self.grant(place, who);
        self.submit(claim, who, result);
    }

    pub(super) fn release(
        &mut self,
        claim: ClaimId,
        who: &str,
        reason: ReleaseReason,
    ) -> Result<Vec<Effect>, Refusal> {
        let release = Release { reason, retry_after: Duration::ZERO, usage: Usage::default() };
        self.try_take(What::Release {
            claim,
            agent: id::<crate::name::kinds::Principal>(who),
            release,
        })
    }

    /// Lets time pass, and what is due meanwhile happen, in order.
    pub(super) fn pass(&mut self, by: Duration) {
        let until = self.now.plus(by);
        while let Some((due, at)) = self.next_due().filter(|(_, at)| *at <= until) {
            self.now = self.now.max(at);
            self.take(What::Due(due));
        }
        self.now = until;
    }

    fn next_due(&self) -> Option<(machine::Due, UnixMillis)> {
        let next = self.state.due.iter().min_by_key(|(_, at)| **at);
        next.map(|(due, at)| (due.clone(), *at))
    }

    /// The state of an address, as a word.
    pub(super) fn phase(&self, place: &str) -> &'static str {
        self.state.current(&address(place)).map_or("-", |task| task.phase.as_str())
    }

    pub(super) fn task(&self, place: &str) -> &machine::Task {
        self.state.current(&address(place)).unwrap()
    }

    pub(super) fn run(&self) -> (&'static str, Option<&'static str>) {
        (self.state.phase.as_str(), self.state.reason.as_ref().map(machine::RunReason::as_str))
    }
}

/// A result with a number and a list of so many elements.
pub(super) fn listing(width: usize) -> Value {
    let list: Vec<_> = (0..width).map(|k| json!({"k": k})).collect();
    json!({"n": 0, "list": list})
}

/// The id of an agent.
pub(super) fn who(name: &str) -> AgentId {
    id(name)
}

/// An agent that differs in something.
pub(super) fn agent_with(agent: &Agent, change: impl Fn(&mut Agent)) -> Agent {
    let mut other = agent.clone();
    change(&mut other);
    other
}
