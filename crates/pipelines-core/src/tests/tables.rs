//! Rows of the tables of runs, tasks and claims (`spec/work.md` 3), one act each.

use std::time::Duration;

use serde_json::json;

use super::support::{Bench, address, agent, extended, id, of_steps, setup, who};
use crate::{
    definition::{Budgets, MicroUsd},
    machine::{
        Answer, ClaimPhase, Decision, Due, Effect, Poison, Refusal, ReleaseReason, Slot,
        TaskReason, Usage, Verdict, What,
    },
};

const MINUTE: Duration = Duration::from_mins(1);

fn one_step(more: serde_json::Value) -> Bench {
    let step = extended(json!({"id": "a", "backoff": {"first": "30s", "jitter": 0}}), more);
    Bench::new(&of_steps(json!([step]), json!({})))
}

fn verdict(effects: &[Effect]) -> Option<(Verdict, bool)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Answer(Answer::Verdict { verdict, is_repeated }) => {
            Some((verdict.clone(), *is_repeated))
        }
        _ => None,
    })
}

#[test]
fn a_run_ends_with_its_last_task() {
    let mut bench = one_step(json!({}));
    assert_eq!((bench.run().0, bench.phase("a")), ("running", "ready"));
    bench.done("a", "heron", json!({"n": 1, "list": [{"k": 1}]}));
    assert_eq!((bench.run().0, bench.phase("a")), ("completed", "done"));
    assert_eq!(bench.state.output.as_deref(), Some(&json!({"all": [{"k": 1}]})));
    assert!(bench.state.due.is_empty() && bench.state.slots.is_empty());
    assert_eq!(bench.try_take(What::Cancel), Err(Refusal::RunEnded));
}

/// W35: at its end a claim is lost, whichever row came first; a millisecond before it is not.
#[test]
fn a_result_counts_a_millisecond_before_the_end_and_not_at_it() {
    for (after, is_good) in [(599_999, true), (600_000, false), (600_001, false)] {
        for due_first in [false, true] {
            let mut bench = one_step(json!({}));
            let claim = bench.grant("a", "heron");
            bench.now = bench.now.plus(Duration::from_millis(after));
            let due = What::Due(Due::ClaimEnd(claim));
            if due_first {
                // Too early, it arms itself again and ends nothing.
                bench.take(due.clone());
                assert_eq!(bench.phase("a"), if is_good { "claimed" } else { "delayed" });
            }
            let submitted = bench.try_submit(claim, "heron", json!({"n": 1}));
            assert_eq!(submitted.is_ok(), is_good, "{after}, {due_first}");
            if !is_good {
                assert_eq!(submitted, Err(Refusal::ClaimLost(ClaimPhase::Expired)));
            }
            if !due_first {
                assert_eq!(bench.try_take(due).is_ok(), !is_good);
            }
            let (run, phase) = if is_good { ("completed", "done") } else { ("running", "delayed") };
            assert_eq!((bench.run().0, bench.phase("a")), (run, phase));
        }
    }
}

/// W35, wherever beats have moved the end to: a result counts before it, and at it the claim is over.
#[test]
fn wherever_the_end_has_slid_it_is_the_end() {
    for beats in 0..4_u64 {
        for (early, is_good) in [(1, true), (0, false)] {
            let mut bench = one_step(json!({}));
            let claim = bench.grant("a", "heron");
            for _ in 0..beats {
                bench.now = bench.now.plus(9 * MINUTE);
                bench.take(What::Beat { claim, agent: who("heron"), usage: Usage::default() });
            }
            let end = bench.state.claims[&claim].ends_at;
            bench.now = end.minus(Duration::from_millis(early));
            let submitted = bench.try_submit(claim, "heron", json!({"n": 1}));
            assert_eq!(submitted.is_ok(), is_good, "{beats} beats, {early} ms early");
        }
    }
}

/// W34.
#[test]
fn beats_slide_the_end_and_never_past_the_cap() {
    let mut bench = one_step(json!({}));
    let claim = bench.grant("a", "heron");
    let start = bench.now;
    let beat = || What::Beat { claim, agent: who("heron"), usage: Usage::default() };
    for minutes in [9, 18, 27] {
        bench.now = start.plus(minutes * MINUTE);
        bench.take(beat());
        let end = start.plus((minutes + 10).min(30) * MINUTE);
        assert_eq!(bench.state.claims[&claim].ends_at, end);
    }
    // The due row was not rewritten; it arms itself again.
    bench.pass(Duration::ZERO);
    assert_eq!(bench.phase("a"), "claimed");
    bench.pass(3 * MINUTE);
    assert_eq!((bench.phase("a"), bench.task("a").failed), ("delayed", 1));
    assert_eq!(bench.try_take(beat()), Err(Refusal::ClaimLost(ClaimPhase::Expired)));
}

/// W36, W37.
#[test]
fn the_same_result_gets_the_same_verdict_and_another_is_too_late() {
    let mut bench = one_step(json!({}));
    let claim = bench.grant("a", "heron");
    bench.submit(claim, "heron", json!({"n": 1, "list": []}));
    let before = bench.state.event_seq;
    let again = bench.submit(claim, "heron", json!({"list": [], "n": 1.0}));
    assert_eq!((verdict(&again), again.len()), (Some((Verdict::Accepted, true)), 1));
    let other = bench.try_submit(claim, "heron", json!({"n": 2}));
    assert_eq!(other, Err(Refusal::ClaimLost(ClaimPhase::Submitted)));
    assert_eq!(bench.state.event_seq, before);
}

/// W38.
#[test]
fn the_tenth_invalid_result_ends_a_claim() {
    let mut bench = one_step(json!({}));
    let claim = bench.grant("a", "heron");
    for n in 0..10 {
        assert_eq!(bench.phase("a"), "claimed", "{n}");
        let told = bench.submit(claim, "heron", json!({"n": format!("{n}"), "list": 1}));
        let Some((Verdict::Invalid(faults), false)) = verdict(&told) else { panic!("{told:?}") };
        assert_eq!(faults.len(), 2);
    }
    assert_eq!((bench.phase("a"), bench.task("a").failed), ("delayed", 1));
    assert_eq!(bench.state.claims[&claim].phase, ClaimPhase::Exhausted);
    // The same invalid result again is told again and does not count.
    let again = bench.submit(claim, "heron", json!({"n": "3", "list": 1}));
    assert!(matches!(verdict(&again), Some((Verdict::Invalid(_), true))));
}

/// W39.
#[test]
fn an_older_fence_changes_nothing() {
    let mut bench = one_step(json!({}));
    let first = bench.grant("a", "heron");
    bench.pass(11 * MINUTE);
    let second = bench.grant("a", "gannet");
    assert_eq!([first, second].map(|it| bench.state.claims[&it].fence), [1, 2]);
    let late = bench.try_submit(first, "heron", json!({"n": 1}));
    assert_eq!(late, Err(Refusal::ClaimLost(ClaimPhase::Expired)));
    assert_eq!(bench.try_submit(second, "heron", json!({"n": 1})), Err(Refusal::UnknownClaim));
    bench.submit(second, "gannet", json!({"n": 1}));
    assert_eq!(bench.run().0, "completed");
}

/// W40.
#[test]
fn three_hand_backs_are_free_and_bar_the_agent() {
    let mut bench = one_step(json!({}));
    for name in ["one", "two", "three"] {
        let claim = bench.grant("a", name);
        bench.release(claim, name, ReleaseReason::HandedBack).unwrap();
        assert_eq!((bench.phase("a"), bench.task("a").failed), ("ready", 0));
        assert_eq!(bench.try_grant("a", &agent(name)), Err(Refusal::Barred));
    }
    let claim = bench.grant("a", "four");
    bench.release(claim, "four", ReleaseReason::HandedBack).unwrap();
    assert_eq!((bench.phase("a"), bench.task("a").failed), ("delayed", 1));
    bench.pass(15 * MINUTE);
    bench.grant("a", "one");
}

/// W41, W42.
#[test]
fn a_failed_task_waits_and_dies_after_its_last_attempt() {
    let mut bench = one_step(json!({}));
    for (name, wait) in [("one", 30), ("two", 60)] {
        let claim = bench.grant("a", name);
        bench.release(claim, name, ReleaseReason::Failed { code: None }).unwrap();
        bench.pass(Duration::from_millis(wait * 1_000 - 1));
        assert_eq!(bench.phase("a"), "delayed");
        assert_eq!(bench.try_grant("a", &agent("next")), Err(Refusal::NotReady));
        bench.pass(Duration::from_millis(1));
        assert_eq!(bench.phase("a"), "ready");
    }
    let claim = bench.grant("a", "three");
    bench.release(claim, "three", ReleaseReason::Failed { code: None }).unwrap();
    assert_eq!(bench.run(), ("failed", Some("task_dead")));
    let reason = bench.state.tasks[&address("a")][0].reason;
    assert_eq!(reason, Some(TaskReason::AttemptsExhausted));
}

/// W43, W44.
#[test]
fn two_owners_or_three_silences_are_poison() {
    let mut bench = one_step(json!({"attempts": 10}));
    for name in ["heron", "heron"] {
        let claim = bench.grant("a", name);
        bench.release(claim, name, ReleaseReason::Blocked).unwrap();
        bench.pass(5 * MINUTE);
    }
    assert_eq!(bench.phase("a"), "ready", "one owner is not enough");
    let claim = bench.grant("a", "gannet");
    bench.release(claim, "gannet", ReleaseReason::Refused).unwrap();
    bench.pass(5 * MINUTE);
    let claim = bench.grant("a", "gannet");
    bench.release(claim, "gannet", ReleaseReason::Blocked).unwrap();
    let reason = bench.state.tasks[&address("a")][0].reason;
    assert_eq!(reason, Some(TaskReason::Poison(Poison::Blocked)));

    let mut bench = one_step(json!({"attempts": 10}));
    for name in ["one", "two", "three"] {
        bench.grant("a", name);
        bench.pass(20 * MINUTE);
    }
    let reason = bench.state.tasks[&address("a")][0].reason;
    assert_eq!(reason, Some(TaskReason::Poison(Poison::Silent)));
}

#[test]
fn one_code_from_two_owners_is_poison_and_no_code_is_none() {
    for (code, phase) in [(Some("captcha".to_owned()), "dead"), (None, "delayed")] {
        let mut bench = one_step(json!({"attempts": 10, "on_dead": "hold"}));
        for name in ["one", "two"] {
            let claim = bench.grant("a", name);
            let reason = ReleaseReason::Failed { code: code.clone() };
            bench.release(claim, name, reason).unwrap();
            if name == "one" {
                bench.pass(MINUTE);
            }
        }
        assert_eq!(bench.phase("a"), phase);
    }
}

/// W45.
#[test]
fn a_held_death_waits_for_a_retry() {
    let mut bench = one_step(json!({"attempts": 1, "on_dead": "hold"}));
    let claim = bench.grant("a", "heron");
    bench.release(claim, "heron", ReleaseReason::Failed { code: None }).unwrap();
    assert_eq!((bench.run().0, bench.phase("a")), ("running", "dead"));
    bench.take(What::Retry(address("a")));
    assert_eq!(
        (bench.phase("a"), bench.task("a").generation, bench.task("a").failed),
        ("ready", 2, 0)
    );
    assert_eq!(bench.try_take(What::Retry(address("a"))), Err(Refusal::NotListed));
    bench.done("a", "gannet", json!({"n": 1}));
    assert_eq!((bench.run().0, bench.state.fences[&address("a")]), ("completed", 2));

    let mut bench = one_step(json!({"attempts": 1, "on_dead": "hold"}));
    let claim = bench.grant("a", "heron");
    bench.release(claim, "heron", ReleaseReason::Failed { code: None }).unwrap();
    bench.pass(Duration::from_hours(8 * 24));
    assert_eq!(bench.run().0, "expired");
}

/// W49.
#[test]
fn cancelling_ends_all() {
    let mut bench = one_step(json!({}));
    let claim = bench.grant("a", "heron");
    bench.take(What::Cancel);
    assert_eq!((bench.run().0, bench.phase("a")), ("cancelled", "cancelled"));
    assert_eq!(bench.state.claims[&claim].phase, ClaimPhase::Cancelled);
    let late = bench.try_submit(claim, "heron", json!({"n": 1}));
    assert_eq!(late, Err(Refusal::ClaimLost(ClaimPhase::Cancelled)));
}

#[test]
fn a_queued_run_begins_with_its_slot() {
    let document = of_steps(
        json!([{"id": "a"}]),
        json!({"concurrency": [{"of": "runs", "key": "/key", "max": 1}]}),
    );
    let definition = super::support::checked(&document).definition;
    let mut bench = Bench::with(setup(&definition, json!({"key": "k"})), Slot::Full);
    assert_eq!((bench.run().0, bench.phase("a"), bench.state.slots.len()), ("queued", "-", 0));
    assert_eq!(bench.try_grant("a", &agent("heron")), Err(Refusal::NotListed));
    bench.take(What::SlotFree);
    assert_eq!((bench.run().0, bench.phase("a"), bench.state.slots.len()), ("running", "ready", 1));
    assert_eq!(bench.try_take(What::SlotFree), Err(Refusal::NotListed));
    bench.done("a", "heron", json!({"n": 1}));
    assert!(bench.state.slots.is_empty());
}

#[test]
fn a_paused_run_grants_nothing_and_lets_claims_finish() {
    let mut bench = one_step(json!({}));
    bench.take(What::Pause);
    assert_eq!(bench.try_grant("a", &agent("heron")), Err(Refusal::Held));
    bench.take(What::Resume);
    let claim = bench.grant("a", "heron");
    bench.take(What::Pause);
    bench.submit(claim, "heron", json!({"n": 1}));
    assert_eq!(bench.run().0, "completed");
}

#[test]
fn an_agent_has_to_fit_and_to_be_let() {
    let mut bench = one_step(json!({"labels": ["browser"], "trust": 2}));
    let good = agent("heron");
    let table = [
        (super::support::agent_with(&good, |it| it.labels.clear()), Refusal::NotFit),
        (super::support::agent_with(&good, |it| it.trust = 1), Refusal::NotFit),
        (super::support::agent_with(&good, |it| it.is_permitted = false), Refusal::NotPermitted),
    ];
    for (agent, why) in table {
        assert_eq!(bench.try_grant("a", &agent), Err(why));
    }
    bench.try_grant("a", &good).unwrap();
    assert_eq!(bench.try_grant("a", &agent("gannet")), Err(Refusal::NotReady));
}

/// W50.
#[test]
fn a_revoked_agent_loses_its_claims_and_spends_nothing() {
    let mut bench = one_step(json!({}));
    let claim = bench.grant("a", "heron");
    bench.take(What::Revoke(who("heron")));
    assert_eq!((bench.phase("a"), bench.task("a").failed), ("ready", 0));
    assert_eq!(bench.state.claims[&claim].phase, ClaimPhase::Cancelled);
    assert_eq!(bench.try_take(What::Revoke(who("heron"))), Err(Refusal::UnknownClaim));
}

/// W50.
#[test]
fn a_claim_whose_credential_is_gone_ends_alone() {
    let mut bench = Bench::new(&of_steps(json!([{"id": "a"}, {"id": "b"}]), json!({})));
    let (lost, kept) = (bench.grant("a", "heron"), bench.grant("b", "heron"));
    bench.take(What::Withdraw(lost));
    assert_eq!((bench.phase("a"), bench.task("a").failed), ("ready", 0));
    assert_eq!(bench.state.claims[&lost].phase, ClaimPhase::Cancelled);
    assert_eq!(bench.state.claims[&kept].phase, ClaimPhase::Live);
    let again = bench.try_take(What::Withdraw(lost));
    assert_eq!(again, Err(Refusal::ClaimLost(ClaimPhase::Cancelled)));
    bench.grant("a", "gannet");
}

#[test]
fn a_deadline_ends_a_task_and_its_claim() {
    let mut bench = one_step(json!({"deadline": "1h", "on_dead": "skip"}));
    bench.now = bench.now.plus(59 * MINUTE);
    bench.grant("a", "heron");
    bench.pass(MINUTE);
    assert_eq!((bench.run().0, bench.phase("a")), ("completed", "dead"));
    assert_eq!(bench.task("a").reason, Some(TaskReason::Deadline));
}

fn approval(more: serde_json::Value) -> Bench {
    let mut step = json!({"id": "a", "kind": "approval"});
    step["approval"] = more;
    Bench::new(&of_steps(json!([step]), json!({})))
}

/// W68.
#[test]
fn persons_decide_once_each_and_not_for_themselves() {
    let mut bench = approval(json!({"count": 2, "expires": "1d"}));
    assert_eq!(bench.phase("a"), "waiting");
    let decide =
        |name: &str, decision| What::Decide { address: address("a"), person: id(name), decision };
    let yes = || Decision::Approve(json!({"n": 1}));
    assert_eq!(bench.try_take(decide("starter", yes())), Err(Refusal::Starter));
    let bad = bench.try_take(decide("one", Decision::Approve(json!({}))));
    assert!(matches!(bad, Err(Refusal::Invalid(_))), "{bad:?}");
    bench.take(decide("one", yes()));
    assert_eq!(bench.try_take(decide("one", yes())), Err(Refusal::Decided));
    assert_eq!(bench.try_grant("a", &agent("heron")), Err(Refusal::NotReady));
    bench.take(decide("two", yes()));
    assert_eq!(bench.run().0, "completed");

    let mut bench = approval(json!({}));
    bench.take(decide("one", Decision::Reject("no".into())));
    assert_eq!(bench.run(), ("failed", Some("task_dead")));
}

#[test]
fn an_approval_that_nobody_gives_expires() {
    for (on_expiry, run, task) in [("skip", "completed", "skipped"), ("dead", "failed", "dead")] {
        let mut bench = approval(json!({"expires": "1d", "on_expiry": on_expiry}));
        bench.pass(Duration::from_hours(24));
        assert_eq!((bench.run().0, bench.phase("a")), (run, task));
    }
}

/// W25.
#[test]
fn an_output_that_breaks_its_schema_fails_the_run() {
    let more = json!({"final_output": {"composes": ["a.*"],
        "schema": {"properties": {"n": {"maximum": 1}}}}});
    let mut bench = Bench::new(&of_steps(json!([{"id": "a"}]), more));
    bench.done("a", "heron", json!({"n": 2}));
    assert_eq!(bench.run(), ("failed", Some("compose_invalid")));
    assert_eq!(bench.state.output, None);
}

fn judged(more: serde_json::Value) -> Bench {
    let webhook = extended(
        json!({"url": "https://a.example/", "verdict": "wait", "verdict_within": "1h"}),
        more,
    );
    let mut bench = Bench::new(&of_steps(json!([{"id": "a"}]), json!({"webhook": webhook})));
    bench.done("a", "heron", json!({"n": 1}));
    assert_eq!(bench.run().0, "composed");
    bench
}

/// W88.
#[test]
fn an_output_waits_for_its_verdict() {
    let mut bench = judged(json!({}));
    bench.take(What::Accept);
    assert_eq!(bench.run().0, "completed");
    let mut bench = judged(json!({}));
    bench.pass(60 * MINUTE);
    assert_eq!(bench.run(), ("failed", Some("verdict_missing")));
    assert!(bench.state.output.is_some(), "it stays readable");
    let mut bench = judged(json!({}));
    bench.take(What::DeliveryDead);
    assert_eq!(bench.run(), ("failed", Some("undelivered")));
    let mut bench = judged(json!({}));
    bench.take(What::Refuse(Vec::new()));
    assert_eq!(bench.run(), ("failed", Some("refused")));
}

/// Time in a run never goes back (I19).
#[test]
fn a_clock_that_goes_back_moves_nothing() {
    let mut bench = one_step(json!({}));
    let claim = bench.grant("a", "heron");
    bench.now = bench.now.minus(Duration::from_hours(1));
    bench.take(What::Beat { claim, agent: who("heron"), usage: Usage::default() });
    assert_eq!(bench.state.last_seen, super::support::START);
    assert_eq!(bench.state.claims[&claim].ends_at, super::support::START.plus(10 * MINUTE));
}

#[test]
fn a_grace_moves_ends_that_come_sooner_and_no_others() {
    let mut bench = one_step(json!({}));
    let claim = bench.grant("a", "heron");
    let until = |minutes: u32| What::Grace(super::support::START.plus(minutes * MINUTE));
    assert_eq!(bench.try_take(until(10)), Err(Refusal::NotListed));
    bench.now = bench.now.plus(100 * MINUTE);
    bench.take(until(101));
    let ends = |bench: &Bench| {
        let claim = &bench.state.claims[&claim];
        (claim.ends_at, claim.cap_at)
    };
    let moved = super::support::START.plus(101 * MINUTE);
    assert_eq!(ends(&bench), (moved, moved));
    bench.submit(claim, "heron", json!({"n": 1}));
    assert_eq!(bench.phase("a"), "done");
    assert_eq!(bench.try_take(until(200)), Err(Refusal::RunEnded));
}

#[test]
fn what_is_raised_only_grows() {
    let mut bench = one_step(json!({}));
    let less = Budgets { claims: 1, ..bench.state.budgets };
    assert_eq!(bench.try_take(What::RaiseBudgets(less)), Err(Refusal::NotListed));
    let more = Budgets { claims: 20_000, micro_usd: Some(MicroUsd(5)), ..bench.state.budgets };
    bench.take(What::RaiseBudgets(more));
    assert_eq!((bench.state.budgets.claims, bench.state.budgets.micro_usd), (20_000, None));
}

/// `spec/webhooks.md` 2, the rows of Work: what others are told of, numbered without gaps.
#[test]
fn what_happens_to_a_run_is_told_in_events_that_are_numbered_without_gaps() {
    let steps = json!([
        {"id": "a", "backoff": {"first": "30s", "jitter": 0}},
        {"id": "ask", "kind": "approval", "requires": ["a"], "approval": {"expires": "1h", "on_expiry": "skip"}},
    ]);
    let mut bench = Bench::new(&of_steps(steps, json!({})));
    let claim = bench.grant("a", "heron");
    bench.take(What::Beat { claim, agent: who("heron"), usage: Usage::default() });
    bench.release(claim, "heron", ReleaseReason::Failed { code: None }).unwrap();
    bench.pass(MINUTE);
    bench.take(What::Pause);
    bench.take(What::Resume);
    bench.done("a", "gannet", json!({"n": 1, "list": []}));
    bench.pass(60 * MINUTE);
    let entries = bench.effects.iter().filter_map(|effect| match effect {
        Effect::Change(entry) => entry.told,
        _ => None,
    });
    let (kinds, numbers): (Vec<_>, Vec<_>) = entries.map(|it| (it.kind, it.number)).unzip();
    assert_eq!(
        kinds,
        [
            "run.started",
            "task.ready",
            "task.claimed",
            "task.released",
            "task.failed",
            "task.ready",
            "task.claimed",
            "task.completed",
            "approval.requested",
            "approval.resolved",
            "run.completed",
        ]
    );
    assert_eq!(numbers, (1..).take(kinds.len()).collect::<Vec<_>>());
    assert_eq!(bench.state.told, 11);
}
