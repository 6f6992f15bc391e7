//! Fan-out, joins, gathers, ballots, reviews, reopening.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Bench, address, agent, extended, id, listing, of_steps};
use crate::machine::{
    Answer, ClaimPhase, Decision, Due, Effect, Refusal, ReleaseReason, Reopen, RunState,
    TaskReason, Verdict, What,
};

/// A fan-out of `a` over `e`, and `z` behind it.
fn fan_out(each: Value, behind: Value, more: Value) -> Bench {
    let each_step = extended(json!({"id": "e", "backoff": {"jitter": 0}}), each);
    let last = extended(json!({"id": "z", "requires": ["e"]}), behind);
    let spawns = json!({"for_each": "/list", "steps": ["e"], "max_width": 150});
    let steps = json!([{"id": "a", "spawns": spawns}, each_step, last]);
    Bench::new(&of_steps(steps, more))
}

/// W16.
#[test]
fn all_waits_for_the_last_child_and_an_empty_list_for_none() {
    for width in [0, 1, 100] {
        let mut bench = fan_out(json!({}), json!({}), json!({}));
        assert_eq!(bench.phase("z"), "pending");
        bench.done("a", "heron", listing(width));
        for index in 0..width {
            assert_eq!(bench.phase("z"), "pending", "{index} of {width}");
            bench.done(&format!("e[{index}]"), "heron", json!({"n": index}));
        }
        assert_eq!(bench.phase("z"), "ready");
    }
}

/// A fan-out that is wider than one event makes.
fn wide(each: Value, behind: Value, budgets: &Value) -> Bench {
    let each_step = extended(json!({"id": "e", "backoff": {"jitter": 0}}), each);
    let last = extended(json!({"id": "z", "requires": ["e"]}), behind);
    let spawns = json!({"for_each": "/list", "steps": ["e"], "max_width": 2_000});
    let other =
        json!({"id": "b", "spawns": {"for_each": "/list", "steps": ["f"], "max_width": 2_000}});
    let steps = json!([{"id": "a", "spawns": spawns}, each_step, last, other, {"id": "f"}]);
    Bench::new(&of_steps(steps, json!({"budgets": budgets})))
}

const MILLI: Duration = Duration::from_millis(1);

/// W26: the set is closed when its last child is there, and not when all that are there have ended.
#[test]
fn a_wide_fan_out_goes_on_piece_by_piece() {
    let mut bench = wide(json!({"skip_if": "true"}), json!({}), &json!({"tasks": 1_300}));
    bench.done("a", "heron", listing(1_200));
    let claim = bench.grant("b", "heron");
    for (there, next, too_many) in [("e[499]", "e[500]", 98), ("e[999]", "e[1000]", 99)] {
        assert_eq!([bench.phase(there), bench.phase(next)], ["skipped", "-"]);
        assert_eq!(bench.phase("z"), "pending");
        // What is still to come counts against the budget, and is stored.
        let told = bench.submit(claim, "heron", listing(too_many));
        let is_invalid = |it: &Effect| {
            let Effect::Answer(Answer::Verdict { verdict, .. }) = it else { return false };
            matches!(verdict, Verdict::Invalid(_))
        };
        assert!(told.iter().any(is_invalid));
        let definition = bench.state.definition.clone();
        let restored = RunState::restore(bench.state.stored(), &definition).unwrap();
        assert!(restored.is_same_as(&bench.state));
        bench.pass(MILLI);
    }
    assert_eq!(bench.phase("e[1199]"), "skipped");
    assert_eq!(bench.phase("z"), "ready");
    assert!(!bench.state.due.keys().any(|due| matches!(due, Due::Spawn(..))));
    assert_eq!(bench.state.spent.tasks, 1_200 + 3);
}

/// W17, W26: what is not there yet when the rest is cancelled is cancelled too.
#[test]
fn the_rest_of_a_wide_fan_out_is_cancelled_with_it() {
    let requires = json!([{"step": "e", "join": "any", "rest": "cancel"}]);
    let mut bench = wide(json!({}), json!({"requires": requires}), &json!({}));
    bench.done("a", "heron", listing(700));
    bench.done("e[3]", "heron", json!({"n": 1}));
    assert_eq!(["e[4]", "e[500]", "e[699]"].map(|it| bench.phase(it)), ["cancelled"; 3]);
    assert_eq!(bench.phase("z"), "ready");
    assert!(!bench.state.due.keys().any(|due| matches!(due, Due::Spawn(..))));
    bench.take(What::Cancel);
    assert!(bench.state.due.is_empty());
}

/// W22.
#[test]
fn a_list_that_is_too_long_leaves_the_claim_alive() {
    let mut bench = fan_out(json!({}), json!({}), json!({}));
    let claim = bench.grant("a", "heron");
    let told = bench.submit(claim, "heron", listing(151));
    let invalid = told.iter().any(|effect| match effect {
        Effect::Answer(Answer::Verdict { verdict: Verdict::Invalid(faults), .. }) => {
            faults[0].code.as_str() == "fan_out_too_wide" && faults[0].pointer == "/list"
        }
        _ => false,
    });
    assert!(invalid, "{told:?}");
    bench.submit(claim, "heron", listing(2));
    assert_eq!(bench.phase("e[1]"), "ready");
}

/// W17.
#[test]
fn any_holds_at_the_first_and_cancels_the_others() {
    let requires = json!([{"step": "e", "join": "any", "rest": "cancel"}]);
    let mut bench = fan_out(json!({}), json!({"requires": requires}), json!({}));
    bench.done("a", "heron", listing(3));
    let other = bench.grant("e[0]", "gannet");
    bench.done("e[1]", "heron", json!({"n": 1}));
    assert_eq!(bench.phase("z"), "ready");
    assert_eq!([bench.phase("e[0]"), bench.phase("e[2]")], ["cancelled", "cancelled"]);
    let late = bench.try_submit(other, "gannet", json!({"n": 1}));
    assert_eq!(late, Err(Refusal::ClaimLost(ClaimPhase::Cancelled)));
    bench.done("z", "heron", json!({"n": 1}));
    assert_eq!(bench.run().0, "completed");
}

fn kill(bench: &mut Bench, place: &str) {
    let claim = bench.grant(place, "heron");
    bench.release(claim, "heron", ReleaseReason::Failed { code: None }).unwrap();
}

/// W18.
#[test]
fn three_of_five_hold_at_the_third_and_cannot_after_three_deaths() {
    let behind =
        |on_unmet| json!({"requires": [{"step": "e", "join": {"k": 3}}], "on_unmet": on_unmet});
    let each = json!({"attempts": 1, "on_dead": "skip"});
    let mut bench = fan_out(each.clone(), behind("fail_run"), json!({}));
    bench.done("a", "heron", listing(5));
    for index in 0..3 {
        assert_eq!(bench.phase("z"), "pending");
        bench.done(&format!("e[{index}]"), "heron", json!({"n": index}));
    }
    assert_eq!(bench.phase("z"), "ready");
    for (on_unmet, run, task) in
        [("fail_run", "failed", "cancelled"), ("skip", "running", "skipped")]
    {
        let mut bench = fan_out(each.clone(), behind(on_unmet), json!({}));
        bench.done("a", "heron", listing(5));
        for index in 0..3 {
            kill(&mut bench, &format!("e[{index}]"));
        }
        assert_eq!((bench.run().0, bench.phase("z")), (run, task));
    }
}

/// W19.
#[test]
fn nothing_shifts_where_a_child_is_dead() {
    let each = json!({"attempts": 1, "on_dead": "skip"});
    let behind = json!({"inputs": {"numbers": {"from": "e", "pointer": "/n"}}});
    let more = json!({"final_output": {"composes": ["l: a.list × e.*"]}});
    let mut bench = fan_out(each, behind, more);
    bench.done("a", "heron", listing(4));
    kill(&mut bench, "e[1]");
    for index in [3, 2, 0] {
        bench.done(&format!("e[{index}]"), "heron", json!({"n": 10 + index}));
    }
    let input = bench.task("z").input.clone().unwrap();
    assert_eq!(*input, json!({"numbers": [10, null, 12, 13]}));
    bench.done("z", "heron", json!({"n": 0}));
    let wanted = json!({"l": [{"k": 0, "n": 10}, {"k": 1}, {"k": 2, "n": 12}, {"k": 3, "n": 13}]});
    assert_eq!(bench.state.output.as_deref(), Some(&wanted));
}

/// W20.
#[test]
fn a_chain_in_a_fan_out_goes_on_by_itself() {
    let steps = json!([
        {"id": "a", "spawns": {"for_each": "/list", "steps": ["t", "g"], "as": "el"}},
        {"id": "t"},
        {"id": "g", "inputs": {"n": {"from": "t", "pointer": "/n"}, "at": {"from": "index"}}},
    ]);
    let mut bench = Bench::new(&of_steps(steps, json!({})));
    bench.done("a", "heron", listing(3));
    // Nothing was said of inputs: the run's, and the element under its name.
    assert_eq!(bench.task("t[2]").input.as_deref(), Some(&json!({"input": {}, "el": {"k": 2}})));
    bench.done("t[2]", "heron", json!({"n": 7}));
    assert_eq!(
        [bench.phase("g[2]"), bench.phase("g[0]"), bench.phase("t[0]")],
        ["ready", "pending", "ready"]
    );
    assert_eq!(bench.task("g[2]").input.as_deref(), Some(&json!({"n": 7, "at": 2})));
}

/// W21.
#[test]
fn a_gather_over_two_fan_outs_is_a_list_of_lists() {
    let steps = json!([
        {"id": "a", "spawns": {"for_each": "/list", "steps": ["b"]}},
        {"id": "b", "spawns": {"for_each": "/list", "steps": ["c"]}},
        {"id": "c"},
        {"id": "z", "inputs": {"all": {"from": "c", "pointer": "/n"}}},
    ]);
    let mut bench = Bench::new(&of_steps(steps, json!({})));
    bench.done("a", "heron", listing(2));
    bench.done("b[1]", "heron", listing(2));
    bench.done("c[1.1]", "heron", json!({"n": 11}));
    bench.done("b[0]", "heron", listing(0));
    assert_eq!(bench.phase("z"), "pending");
    bench.done("c[1.0]", "heron", json!({"n": 10}));
    assert_eq!(bench.task("z").input.as_deref(), Some(&json!({"all": [[], [10, 11]]})));
}

#[test]
fn a_skipped_spawner_closes_its_set() {
    let steps = json!([
        {"id": "a", "skip_if": "true", "spawns": {"for_each": "/list", "steps": ["e"]}},
        {"id": "e"},
        {"id": "z", "requires": ["e"]},
    ]);
    let mut bench = Bench::new(&of_steps(steps, json!({})));
    assert_eq!([bench.phase("a"), bench.phase("z")], ["skipped", "ready"]);
    bench.done("z", "heron", json!({"n": 0}));
    assert_eq!(bench.run().0, "completed");
}

fn quorum(more: Value) -> Bench {
    let quorum =
        extended(json!({"ballots": 2, "agree": 2, "max_ballots": 3, "compare": ["/n"]}), more);
    Bench::new(&of_steps(json!([{"id": "a", "quorum": quorum}]), json!({})))
}

/// W65, W66.
#[test]
fn ballots_of_different_owners_elect_their_lowest() {
    let mut bench = quorum(json!({}));
    assert_eq!([bench.phase("a"), bench.phase("a/ballot.1")], ["checking", "ready"]);
    bench.done("a/ballot.1", "one", json!({"n": 4, "list": [{"k": 1}]}));
    assert_eq!(bench.try_grant("a/ballot.0", &agent("one")), Err(Refusal::SameOwner));
    bench.done("a/ballot.0", "two", json!({"n": 3}));
    assert_eq!(bench.phase("a/ballot.2"), "ready", "a third is asked for");
    bench.done("a/ballot.2", "three", json!({"n": 4}));
    assert_eq!(bench.run().0, "completed");
    assert_eq!(bench.state.output.as_deref(), Some(&json!({"all": [{"k": 1}]})));
}

#[test]
fn three_different_ballots_agree_on_nothing() {
    let mut bench = quorum(json!({}));
    for (ballot, name) in ["one", "two", "three"].into_iter().enumerate() {
        bench.done(&format!("a/ballot.{ballot}"), name, json!({"n": ballot}));
    }
    assert_eq!(bench.state.tasks[&address("a")][0].reason, Some(TaskReason::NoAgreement));
    assert_eq!(bench.run(), ("failed", Some("task_dead")));
}

#[test]
fn a_person_picks_where_ballots_disagree() {
    for (decision, run) in [
        (Decision::Approve(json!({"ballot": 1})), "completed"),
        (Decision::Reject("neither".into()), "failed"),
    ] {
        let mut bench = quorum(json!({"on_disagree": "person", "max_ballots": 2}));
        bench.done("a/ballot.0", "one", json!({"n": 0}));
        bench.done("a/ballot.1", "two", json!({"n": 1, "list": [{"k": 9}]}));
        let pick = address("a/review.0");
        assert_eq!(bench.phase("a/review.0"), "waiting");
        let wrong = What::Decide {
            address: pick.clone(),
            person: id("p"),
            decision: Decision::Approve(json!({"ballot": 7})),
        };
        assert!(matches!(bench.try_take(wrong), Err(Refusal::Invalid(_))));
        bench.take(What::Decide { address: pick, person: id("p"), decision });
        assert_eq!(bench.run().0, run);
        if run == "completed" {
            assert_eq!(bench.state.output.as_deref(), Some(&json!({"all": [{"k": 9}]})));
        }
    }
}

fn reviewed(more: Value) -> Bench {
    let review = extended(json!({"count": 2}), more);
    let step = json!({"id": "a", "review": review, "attempts": 2, "backoff": {"jitter": 0}});
    Bench::new(&of_steps(json!([step]), json!({})))
}

/// W67.
#[test]
fn a_rejected_result_comes_back_with_its_reasons() {
    let mut bench = reviewed(json!({}));
    bench.done("a", "one", json!({"n": 1}));
    assert_eq!([bench.phase("a"), bench.phase("a/review.1")], ["checking", "ready"]);
    assert_eq!(bench.try_grant("a/review.0", &agent("one")), Err(Refusal::SameOwner));
    let shown = bench.task("a/review.0").input.clone().unwrap();
    assert_eq!(*shown, json!({"input": {"input": {}}, "result": {"n": 1}}));
    bench.done("a/review.0", "two", json!({"verdict": "accept", "reasons": []}));
    assert_eq!(bench.try_grant("a/review.1", &agent("two")), Err(Refusal::SameOwner));
    bench.done("a/review.1", "three", json!({"verdict": "reject", "reasons": ["too short"]}));
    let task = bench.task("a");
    assert_eq!((task.phase.as_str(), task.failed), ("delayed", 1));
    assert_eq!(task.feedback, ["too short"]);
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.try_grant("a", &agent("three")), Err(Refusal::SameOwner));
    bench.done("a", "one", json!({"n": 2}));
    for (review, name) in [("a/review.2", "two"), ("a/review.3", "three")] {
        bench.done(review, name, json!({"verdict": "accept"}));
    }
    assert_eq!(bench.run().0, "completed");
}

#[test]
fn the_last_reject_is_a_death() {
    let mut bench = reviewed(json!({"count": 1}));
    for review in ["a/review.0", "a/review.1"] {
        bench.done("a", "one", json!({"n": 1}));
        bench.done(review, "two", json!({"verdict": "reject", "reasons": ["no"]}));
        if bench.run().0 == "running" {
            bench.pass(Duration::from_secs(30));
        }
    }
    assert_eq!(bench.run(), ("failed", Some("task_dead")));
}

#[test]
fn a_review_that_dies_decides_nothing() {
    let mut bench = reviewed(json!({"count": 1}));
    bench.done("a", "one", json!({"n": 1}));
    for _ in 0..2 {
        let claim = bench.grant("a/review.0", "two");
        bench.release(claim, "two", ReleaseReason::Failed { code: None }).unwrap();
        if bench.run().0 == "running" {
            bench.pass(Duration::from_mins(1));
        }
    }
    assert_eq!(bench.state.tasks[&address("a")][0].reason, Some(TaskReason::CheckFailed));
}

#[test]
fn persons_review_too_and_some_agents_need_no_review() {
    let mut bench = reviewed(json!({"by": "person", "count": 1}));
    bench.done("a", "one", json!({"n": 1}));
    let place = address("a/review.0");
    bench.take(What::Decide {
        address: place,
        person: id("p"),
        decision: Decision::Reject("no".into()),
    });
    assert_eq!(
        (bench.phase("a"), bench.task("a").feedback.clone()),
        ("delayed", vec!["no".to_owned()])
    );
    let mut bench = reviewed(json!({"exempt_trust": 3}));
    bench.done("a", "one", json!({"n": 1}));
    assert_eq!(bench.run().0, "completed");
    let mut bench = reviewed(json!({"sample": 0}));
    bench.done("a", "one", json!({"n": 1}));
    assert_eq!(bench.run().0, "completed");
}

fn verdict_run() -> Bench {
    let webhook = json!({"url": "https://a.example/", "verdict": "wait", "max_reopens": 1});
    let more =
        json!({"webhook": webhook, "final_output": {"composes": ["l: a.list × e.*", "z.*"]}});
    let behind = json!({"inputs": {"numbers": {"from": "e", "pointer": "/n"}}});
    let mut bench = fan_out(json!({}), behind, more);
    bench.done("a", "heron", listing(2));
    bench.done("e[0]", "heron", json!({"n": 0}));
    bench.done("e[1]", "heron", json!({"n": 1}));
    bench.done("z", "heron", json!({"n": 9}));
    assert_eq!(bench.run().0, "composed");
    bench
}

fn reopen(step: &str, path: Option<Vec<u32>>) -> What {
    What::Refuse(vec![Reopen { step: step.parse().unwrap(), path, note: Some("again".into()) }])
}

/// W87.
#[test]
fn a_refused_output_reopens_what_is_named_and_what_depends_on_it() {
    let mut bench = verdict_run();
    bench.take(reopen("e", Some(vec![1])));
    assert_eq!(bench.run().0, "running");
    let generations: Vec<_> = ["a", "e[0]", "e[1]", "z"].map(|it| bench.task(it).generation).into();
    assert_eq!(generations, [1, 1, 2, 2]);
    assert_eq!([bench.phase("e[1]"), bench.phase("z")], ["ready", "pending"]);
    assert_eq!(bench.task("e[1]").feedback, ["again"]);
    bench.done("e[1]", "gannet", json!({"n": 5}));
    assert_eq!(bench.task("z").input.as_deref(), Some(&json!({"numbers": [0, 5]})));
    bench.done("z", "heron", json!({"n": 9}));
    bench.take(reopen("z", None));
    assert_eq!(bench.run(), ("failed", Some("refused")), "one reopening is allowed");
}

#[test]
fn a_reopened_spawner_makes_its_children_anew() {
    let mut bench = verdict_run();
    bench.take(reopen("a", None));
    assert_eq!([bench.phase("e[0]"), bench.phase("e[1]"), bench.phase("z")], ["-", "-", "pending"]);
    bench.done("a", "heron", listing(1));
    assert_eq!(
        (bench.phase("e[0]"), bench.task("e[0]").generation, bench.phase("e[1]")),
        ("ready", 2, "-")
    );
    bench.done("e[0]", "heron", json!({"n": 3}));
    bench.done("z", "heron", json!({"n": 9}));
    bench.take(What::Accept);
    let wanted = json!({"l": [{"k": 0, "n": 3}], "n": 9});
    assert_eq!(bench.state.output.as_deref(), Some(&wanted));
}

#[test]
fn a_verdict_that_names_what_is_not_there_changes_nothing() {
    let mut bench = verdict_run();
    assert_eq!(bench.try_take(reopen("e", Some(vec![7]))), Err(Refusal::UnknownTask));
    assert_eq!(bench.try_take(reopen("y", None)), Err(Refusal::UnknownTask));
}
