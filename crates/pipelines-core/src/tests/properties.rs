//! Random pipelines and random events: I1 to I19 after each of them, and every run ends by itself (W86).

use std::{sync::Arc, time::Duration};

use names::UnixMillis;
use proptest::{prelude::*, test_runner::Config};
use serde_json::{Value, json};

use super::{
    invariants::{ends_by_itself, judge},
    random::{Draws, pipeline, restored},
    support::{START, agent, checked, id, listing, setup},
};
use crate::{
    backoff::Draw,
    machine::{
        self, Decision, Effect, Event, Release, ReleaseReason, Reopen, RunState, Slot, States,
        Usage, What, start,
    },
    name::{Address, AgentId, Check, ClaimId},
};

const AGENTS: [&str; 3] = ["heron", "gannet", "ibis"];

/// A claim that there is, was, or never was.
fn any_claim(draws: &mut Draws<'_>, state: &RunState) -> (ClaimId, AgentId) {
    let all: Vec<_> = state.claims.iter().map(|(id, claim)| (*id, claim.agent)).collect();
    let live: Vec<_> = state.live_claims().map(|(id, claim)| (*id, claim.agent)).collect();
    let found = if draws.one_in(4) { draws.pick(&all) } else { draws.pick(&live) };
    let (claim, holder) = found.unwrap_or_else(|| (id("none"), id(AGENTS[0])));
    let agent = if draws.one_in(10) { id(AGENTS[draws.below(3)]) } else { holder };
    (claim, agent)
}

fn result(draws: &mut Draws<'_>, state: &RunState, claim: ClaimId) -> Value {
    let check = state.claims.get(&claim).and_then(|claim| claim.address.check);
    match check {
        _ if draws.one_in(8) => json!({"n": "bad"}),
        Some(Check::Review(_)) => {
            json!({"verdict": draws.pick(&["accept", "reject"]), "reasons": ["so"]})
        }
        Some(Check::Ballot(_)) => json!({"n": draws.below(3)}),
        None => listing(draws.below(6)),
    }
}

fn release(draws: &mut Draws<'_>) -> Release {
    let reasons = [
        ReleaseReason::HandedBack,
        ReleaseReason::Failed { code: None },
        ReleaseReason::Failed { code: Some("x".into()) },
        ReleaseReason::Blocked,
        ReleaseReason::Refused,
    ];
    let reason = draws.pick(&reasons).unwrap_or(ReleaseReason::HandedBack);
    Release { reason, retry_after: Duration::from_secs(5), usage: Usage::default() }
}

fn places(state: &RunState, wanted: impl Fn(&machine::Task) -> bool) -> Vec<Address> {
    let found = state.current_tasks().filter(|(_, task)| wanted(task));
    found.map(|(address, _)| address.clone()).collect()
}

/// Something that may happen, or may not.
fn event(draws: &mut Draws<'_>, state: &RunState) -> What {
    let ready = places(state, |task| task.phase == machine::TaskPhase::Ready);
    let any = places(state, |_| true);
    match draws.below(20) {
        0..=5 => {
            let place = draws.pick(&ready).or_else(|| draws.pick(&any)).unwrap();
            let agent = agent(AGENTS[draws.below(3)]);
            let claim = id(&format!("claim {}", state.spent.claims));
            What::Grant { address: place, agent, claim, has_slots: state.live_claims().count() < 3 }
        }
        6..=10 => {
            let (claim, agent) = any_claim(draws, state);
            let result = Arc::new(result(draws, state, claim));
            What::Submit { claim, agent, result, usage: Usage::default() }
        }
        11 => {
            let (claim, agent) = any_claim(draws, state);
            What::Release { claim, agent, release: release(draws) }
        }
        12 => {
            let (claim, agent) = any_claim(draws, state);
            What::Beat { claim, agent, usage: Usage::default() }
        }
        13 | 14 => {
            let waiting = places(state, |task| task.phase == machine::TaskPhase::Waiting);
            let place = draws.pick(&waiting).or_else(|| draws.pick(&any)).unwrap();
            let yes = Decision::Approve(json!({"n": 1, "ballot": 0}));
            let decision = if draws.one_in(3) { Decision::Reject("no".into()) } else { yes };
            let person = id(["one", "two", "starter"][draws.below(3)]);
            What::Decide { address: place, person, decision }
        }
        15 => rare(draws, state, &any),
        16 if !draws.one_in(4) => What::Accept,
        16 => {
            let place = draws.pick(&any).unwrap();
            let path = (!draws.one_in(3)).then_some(place.path);
            What::Refuse(vec![Reopen { step: place.step, path, note: Some("again".into()) }])
        }
        _ => {
            let due: Vec<_> = state.due.keys().cloned().collect();
            draws.pick(&due).map_or(What::Resume, What::Due)
        }
    }
}

fn rare(draws: &mut Draws<'_>, state: &RunState, any: &[Address]) -> What {
    match draws.below(12) {
        0 => What::Pause,
        1 | 2 => What::Resume,
        3 => What::Revoke(id(AGENTS[draws.below(3)])),
        4 => What::CancelTask(draws.pick(any).unwrap()),
        5 | 6 => {
            let dead = places(state, |task| task.phase == machine::TaskPhase::Dead);
            draws.pick(&dead).map_or(What::SlotFree, What::Retry)
        }
        7 | 8 => {
            let budgets =
                crate::definition::Budgets { claims: state.budgets.claims + 3, ..state.budgets };
            What::RaiseBudgets(budgets)
        }
        9 => What::DeliveryDead,
        10 if draws.one_in(4) => What::Cancel,
        _ => What::SlotFree,
    }
}

/// The time of the next event: often the same, often when something is due, sometimes in the past.
fn time(draws: &mut Draws<'_>, state: &RunState, what: &What) -> UnixMillis {
    let now = state.last_seen;
    match what {
        What::Due(due) if !draws.one_in(4) => state.due.get(due).copied().unwrap_or(now),
        _ if draws.one_in(20) => now.minus(Duration::from_hours(1)),
        _ if draws.one_in(3) => now.plus(Duration::from_millis(u64::from(draws.next() % 30_000))),
        _ => now,
    }
}

fn follow(states: &mut States, effects: &[Effect]) {
    for effect in effects {
        if let Effect::Change(entry) = effect {
            states.follow(entry).unwrap();
        }
    }
}

fn run(numbers: &[u32]) -> Result<(), TestCaseError> {
    let mut draws = Draws::of(numbers);
    let document = pipeline(&mut draws);
    let definition = checked(&document).definition;
    let slot = if draws.one_in(5) { Slot::Full } else { Slot::Free };
    let input = if draws.one_in(2) { json!({"key": "k"}) } else { json!({}) };
    let (mut state, effects) = start(setup(&definition, input), slot, START);
    let mut states = States::default();
    follow(&mut states, &effects);
    prop_assert_eq!(&states, &States::of(&state));
    // What rows keep is looked at in one of eight cases: it costs as much as all the rest.
    let is_stored = draws.one_in(8);
    while draws.left() > 8 && !state.phase.is_terminal() {
        let what = if state.tasks.is_empty() { What::SlotFree } else { event(&mut draws, &state) };
        let now = time(&mut draws, &state, &what);
        let event = Event { draw: Draw::from_number(draws.next()), what };
        // Each event comes twice: the second time it is refused, answered as before, or harmless.
        for _ in 0..2 {
            let (after, effects) = match machine::take(state.clone(), &event, now) {
                Ok(applied) => applied,
                Err(refused) => {
                    let (mut seen, _) = *refused;
                    seen.last_seen = state.last_seen;
                    prop_assert!(seen.is_same_as(&state), "{:?} of {state:#?}", event.what);
                    continue;
                }
            };
            if is_stored {
                prop_assert_eq!(
                    untouched(&state, &after),
                    Vec::<String>::new(),
                    "{:?}",
                    event.what
                );
            }
            let judged = judge(&state, &after, &effects, &mut states);
            prop_assert_eq!(judged, Ok(()), "after {:?} of {:#?}", event.what, state);
            state = after;
            if is_stored {
                prop_assert!(restored(&state).is_same_as(&state), "{state:#?}");
            }
        }
    }
    prop_assert_eq!(ends_by_itself(&state), Ok(()));
    Ok(())
}

/// Parts that an event changed without saying so.
fn untouched(before: &RunState, after: &RunState) -> Vec<String> {
    let (was, is) = (before.stored(), after.stored());
    let tasks = is.tasks.iter().filter(|task| {
        let place = (task.address.clone(), task.generation);
        let old = was.tasks.iter().find(|it| (&it.address, it.generation) == (&place.0, place.1));
        let is_same = old.is_some_and(|old| format!("{old:?}") == format!("{task:?}"));
        !is_same && !after.touched.tasks.contains(&place)
    });
    let claims = is.claims.iter().filter(|claim| {
        let old = was.claims.iter().find(|it| it.id == claim.id);
        let is_same = old.is_some_and(|old| format!("{old:?}") == format!("{claim:?}"));
        !is_same && !after.touched.claims.contains(&claim.id)
    });
    let tasks = tasks.map(|it| it.address.to_string());
    tasks.chain(claims.map(|it| it.id.to_string())).collect()
}

proptest! {
    #![proptest_config(Config { cases: 2_000, failure_persistence: None, ..Config::default() })]

    /// Property, 2,000 pipelines and event lists a run.
    #[test]
    fn every_promise_holds_after_every_event(numbers in prop::collection::vec(any::<u32>(), 60..400)) {
        run(&numbers)?;
    }
}
