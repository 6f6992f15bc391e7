//! Every interleaving of small pipelines: a breadth-first walk over all states that claims, results, expiries, releases,
//! cancellation, verdicts and late or doubled events lead to (`spec/work.md` 3, Invariants).
//!
//! Two states are one where they differ only in how long they took: times count by their order. A crash needs no event of
//! its own: whatever was not committed has not happened, and each state of the walk is one that was committed.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

use names::{Digest, UnixMillis};
use serde_json::{Value, json};

use super::{
    invariants::{ends_by_itself, judge},
    support::{START, address, agent, checked, id, listing, of_steps, setup},
};
use crate::{
    json::canonical,
    machine::{
        self, Answer, ClaimPhase, Decision, Due, Effect, Event, Release, ReleaseReason, Reopen,
        RunPhase, RunState, Slot, States, TaskPhase, Usage, What, start,
    },
    name::{Address, Check, ClaimId},
};

/// A pipeline, who works at it, and what a step answers.
struct Model {
    document: Value,
    agents: &'static [&'static str],
    answers: fn(&Address) -> Vec<Value>,
    may_release: bool,
    reopen: Option<&'static str>,
}

/// What the walk saw.
#[derive(Debug, Default)]
struct Walked {
    states: usize,
    steps: usize,
    refused: usize,
    ends: BTreeMap<&'static str, usize>,
    outputs: BTreeMap<String, String>,
}

struct Node {
    state: RunState,
    states: States,
}

/// The state, without how long it took.
fn fingerprint(state: &RunState) -> Digest {
    let mut text =
        format!("{:?} {:?} {:?} {}", state.phase, state.reason, state.held_by, state.reopens);
    // What was superseded has no part in what may happen, but for the numbers of its generations and fences.
    for (address, task) in state.current_tasks() {
        let mut row = task.clone();
        row.ready_at = None;
        row.bars.clear();
        let barred = task.bars.values().filter(|until| state.last_seen < **until).count();
        write!(text, "\n{address} {barred} {row:?}").unwrap();
    }
    write!(text, "\n{:?}", state.fences).unwrap();
    for (id, claim) in &state.claims {
        let is_current =
            state.current(&claim.address).is_some_and(|task| task.generation == claim.generation);
        if is_current && matches!(claim.phase, ClaimPhase::Live | ClaimPhase::Submitted) {
            let submissions: Vec<_> = claim.submissions.keys().collect();
            let (agent, phase, touched) = (claim.agent, claim.phase, claim.touched);
            write!(text, "\n{id} {agent} {phase:?} {touched} {} {submissions:?}", claim.rejects)
                .unwrap();
        }
    }
    let spent = (state.budgets.claims, state.spent.claims);
    if state.budgets.claims < 100 {
        write!(text, "\n{spent:?}").unwrap();
    }
    let mut due: Vec<_> = state.due.iter().filter(|(due, _)| **due != Due::RunDeadline).collect();
    due.sort_by_key(|(due, at)| (**at, (*due).clone()));
    let late: Vec<_> =
        state.live_claims().map(|(_, claim)| state.last_seen < claim.ends_at).collect();
    let order: Vec<_> = due.into_iter().map(|(due, _)| due).collect();
    write!(text, "\n{order:?} {late:?}").unwrap();
    Digest::of(text.as_bytes())
}

fn claim_id(state: &RunState, place: &Address) -> ClaimId {
    let fence = state.fences.get(place).copied().unwrap_or_default() + 1;
    id(&format!("{place} {fence}"))
}

fn submitted(claim: ClaimId, it: &machine::Claim, result: Value) -> What {
    What::Submit { claim, agent: it.agent, result: Arc::new(result), usage: Usage::default() }
}

impl Model {
    /// Everything that may happen next and is not a repetition.
    fn events(&self, state: &RunState) -> Vec<(What, UnixMillis)> {
        let now = state.last_seen;
        let mut events = Vec::new();
        for (place, task) in state.current_tasks() {
            match task.phase {
                TaskPhase::Ready => events.extend(self.agents.iter().map(|name| {
                    let (agent, claim) = (agent(name), claim_id(state, place));
                    (What::Grant { address: place.clone(), agent, claim, has_slots: true }, now)
                })),
                TaskPhase::Waiting => {
                    let decisions =
                        [Decision::Approve(json!({"ballot": 0})), Decision::Reject("no".into())];
                    events.extend(decisions.map(|decision| {
                        (
                            What::Decide { address: place.clone(), person: id("person"), decision },
                            now,
                        )
                    }));
                }
                TaskPhase::Dead => events.push((What::Retry(place.clone()), now)),
                _ => {}
            }
        }
        for (claim, it) in state.live_claims() {
            for result in (self.answers)(&it.address) {
                events.push((submitted(*claim, it, result), now));
            }
            if self.may_release {
                let reason = ReleaseReason::Failed { code: None };
                let (retry_after, usage) = (Duration::ZERO, Usage::default());
                let release = Release { reason, retry_after, usage };
                events.push((What::Release { claim: *claim, agent: it.agent, release }, now));
            }
        }
        let due = state.due.iter().filter(|(due, _)| **due != Due::RunDeadline);
        if let Some((due, at)) = due.min_by_key(|(_, at)| **at) {
            events.push((What::Due(due.clone()), now.max(*at)));
        }
        if state.phase == RunPhase::Composed {
            events.push((What::Accept, now));
            let named = self.reopen.map(|it| {
                let address = address(it);
                Reopen { step: address.step, path: Some(address.path), note: None }
            });
            events.extend(named.map(|it| (What::Refuse(vec![it]), now)));
        }
        events.push((What::Cancel, now));
        events
    }

    /// Events that come late or twice: they are refused, or answered as before, and change nothing (I3).
    fn stale(&self, state: &RunState, walked: &mut Walked) -> Result<(), String> {
        for (claim, it) in state.claims.iter().filter(|(_, it)| it.phase != ClaimPhase::Live) {
            let usage = Usage::default();
            let mut events = vec![What::Beat { claim: *claim, agent: it.agent, usage }];
            events.extend(
                (self.answers)(&it.address).into_iter().map(|it_| submitted(*claim, it, it_)),
            );
            events.push(submitted(*claim, it, json!({"late": true})));
            for what in events {
                match machine::apply(state, &Event::from(what), state.last_seen) {
                    Err(_) => walked.refused += 1,
                    Ok((after, effects)) => {
                        let is_repeated = effects.iter().all(|effect| {
                            matches!(
                                effect,
                                Effect::Answer(Answer::Verdict { is_repeated: true, .. })
                            )
                        });
                        if !is_repeated || States::of(&after) != States::of(state) {
                            return Err("I3: a claim that is over changed something".to_owned());
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn walk(&self, most: usize) -> Walked {
        let definition = checked(&self.document).definition;
        let (first, effects) = start(setup(&definition, json!({})), Slot::Free, START);
        let mut states = States::default();
        for effect in &effects {
            if let Effect::Change(entry) = effect {
                states.follow(entry).unwrap();
            }
        }
        let mut walked = Walked::default();
        let mut known = HashSet::from([fingerprint(&first)]);
        let mut open = VecDeque::from([Node { state: first, states }]);
        while let Some(node) = open.pop_front() {
            walked.states += 1;
            assert!(walked.states <= most, "more than {most} states: {walked:?}");
            self.stale(&node.state, &mut walked)
                .unwrap_or_else(|why| panic!("{why}: {:#?}", node.state));
            if node.state.phase.is_terminal() {
                ended(&node.state, &mut walked);
                continue;
            }
            if walked.states.is_multiple_of(16) {
                ends_by_itself(&node.state)
                    .unwrap_or_else(|why| panic!("{why}: {:#?}", node.state));
            }
            for (what, now) in self.events(&node.state) {
                let told = format!("{what:?}");
                let Ok((after, effects)) = machine::apply(&node.state, &Event::from(what), now)
                else {
                    walked.refused += 1;
                    continue;
                };
                walked.steps += 1;
                let mut states = node.states.clone();
                judge(&node.state, &after, &effects, &mut states)
                    .unwrap_or_else(|why| panic!("{why} after {told}: {after:#?}"));
                if known.insert(fingerprint(&after)) {
                    open.push_back(Node { state: after, states });
                }
            }
        }
        walked
    }
}

/// I13: equal results by address give equal outputs, in whatever order they came.
fn ended(state: &RunState, walked: &mut Walked) {
    *walked.ends.entry(state.phase.as_str()).or_default() += 1;
    let Some(output) = &state.output else { return };
    let results = state.current_tasks().filter(|(address, _)| address.check.is_none());
    let results: Vec<_> = results
        .map(|(address, task)| {
            format!("{address} {}", task.output.as_deref().map(canonical).unwrap_or_default())
        })
        .collect();
    let output = canonical(output);
    let before = walked.outputs.insert(results.join("\n"), output.clone());
    assert!(before.is_none_or(|before| before == output), "I13: the order of arrival shows");
}

fn told(name: &str, walked: &Walked) {
    let Walked { states, steps, refused, ends, outputs } = walked;
    println!(
        "{name}: {states} states, {steps} steps, {refused} refused, {} outputs, {ends:?}",
        outputs.len()
    );
}

fn usual(place: &Address) -> Vec<Value> {
    match (place.step.as_str(), place.check) {
        (_, Some(Check::Review(_))) => {
            vec![json!({"verdict": "accept"}), json!({"verdict": "reject", "reasons": ["no"]})]
        }
        ("a", None) => vec![listing(2)],
        _ => vec![json!({"n": 1})],
    }
}

/// Two agents, a fan-out of two, a join, two attempts, a review, cancel, expiry.
#[test]
fn a_fan_out_and_a_join_hold_their_promises_in_every_order() {
    let steps = json!([
        {"id": "a", "attempts": 1, "spawns": {"for_each": "/list", "steps": ["e"]}},
        {"id": "e", "attempts": 2, "on_dead": "skip"},
        {"id": "z", "attempts": 1, "inputs": {"all": {"from": "e", "pointer": "/n"}},
            "review": {"count": 1}},
    ]);
    let composes = json!({"composes": ["l: a.list × e.*", "z.*"]});
    let model = Model {
        document: of_steps(steps, json!({"final_output": composes})),
        agents: &["heron", "gannet"],
        answers: usual,
        may_release: false,
        reopen: None,
    };
    let walked = model.walk(200_000);
    told("fan-out, join and review", &walked);
    assert!(walked.states > 1_000, "{walked:?}");
    assert!(["completed", "failed", "cancelled"].iter().all(|end| walked.ends.contains_key(end)));
}

/// A review, two attempts, a verdict that reopens.
#[test]
fn a_review_and_a_reopening_hold_their_promises_in_every_order() {
    let steps = json!([
        {"id": "a", "attempts": 1},
        {"id": "e", "attempts": 2, "requires": ["a"], "review": {"count": 1}},
    ]);
    let webhook = json!({"url": "https://a.example/", "verdict": "wait"});
    let model = Model {
        document: of_steps(
            steps,
            json!({"webhook": webhook, "final_output": {"composes": ["e.*"]}}),
        ),
        agents: &["heron", "gannet"],
        answers: usual,
        may_release: true,
        reopen: Some("a"),
    };
    let walked = model.walk(200_000);
    told("review and reopening", &walked);
    assert!(walked.states > 1_000, "{walked:?}");
    assert!(["completed", "failed", "cancelled"].iter().all(|end| walked.ends.contains_key(end)));
}

fn ballots(place: &Address) -> Vec<Value> {
    match place.check {
        Some(Check::Ballot(_)) => vec![json!({"n": 1}), json!({"n": 2})],
        _ => vec![json!({"n": 0})],
    }
}

/// Ballots of three owners, at last a person.
#[test]
fn ballots_hold_their_promises_in_every_order() {
    let quorum = json!({"ballots": 2, "agree": 2, "on_disagree": "person"});
    let steps = json!([{"id": "a", "attempts": 1, "quorum": quorum}]);
    let model = Model {
        document: of_steps(steps, json!({})),
        agents: &["heron", "gannet", "ibis"],
        answers: ballots,
        may_release: true,
        reopen: None,
    };
    let walked = model.walk(200_000);
    told("ballots", &walked);
    assert!(walked.states > 100, "{walked:?}");
}

/// Any of two with the rest cancelled, deaths that are held, a budget of claims that holds the run.
#[test]
fn joins_that_cancel_and_deaths_that_wait_hold_their_promises_in_every_order() {
    let steps = json!([
        {"id": "a", "attempts": 1, "on_dead": "hold", "spawns": {"for_each": "/list", "steps": ["e"]}},
        {"id": "e", "attempts": 1, "on_dead": "skip"},
        {"id": "z", "attempts": 1, "on_unmet": "skip",
            "requires": [{"step": "e", "join": "any", "rest": "cancel"}]},
    ]);
    let more = json!({"budgets": {"claims": 5, "on_exhausted": "hold"},
        "concurrency": [{"of": "claims", "max": 2}, {"of": "runs", "max": 1}],
        "final_output": {"composes": ["z.*"]}});
    let model = Model {
        document: of_steps(steps, more),
        agents: &["heron", "gannet"],
        answers: usual,
        may_release: true,
        reopen: None,
    };
    let walked = model.walk(200_000);
    told("any, hold, budget", &walked);
    assert!(walked.states > 1_000, "{walked:?}");
}
