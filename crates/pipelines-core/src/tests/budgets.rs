//! Budgets, slots, calls, moves, replays.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::support::{Bench, address, agent, checked, id, listing, of_steps, setup, who};
use crate::{
    definition::{Budgets, MicroUsd},
    machine::{self, Budget, Effect, Refusal, Slot, Usage, What},
};

fn two_steps(more: Value) -> Bench {
    Bench::new(&of_steps(json!([{"id": "a"}, {"id": "b"}, {"id": "c"}]), more))
}

/// W54.
#[test]
fn so_many_grants_are_given_and_no_more() {
    for (on_exhausted, run) in [("fail", "failed"), ("hold", "held")] {
        let mut bench = two_steps(json!({"budgets": {"claims": 3, "on_exhausted": on_exhausted}}));
        bench.done("a", "heron", json!({"n": 1}));
        let claim = bench.grant("b", "heron");
        bench.take(What::Revoke(who("heron")));
        assert_eq!(bench.state.claims[&claim].fence, 1);
        bench.grant("b", "heron");
        bench.try_grant("c", &agent("gannet")).unwrap();
        assert_eq!((bench.run().0, bench.state.spent.claims), (run, 3));
        if run == "held" {
            let more = Budgets { claims: 4, ..bench.state.budgets };
            bench.take(What::RaiseBudgets(more));
            bench.grant("c", "gannet");
            assert_eq!(bench.run().0, "running");
        }
    }
}

/// W56.
#[test]
fn money_that_is_set_aside_is_not_spent_twice() {
    let step = |id: &str| json!({"id": id, "reserve_micro_usd": 10});
    let document =
        of_steps(json!([step("a"), step("b"), step("c")]), json!({"budgets": {"micro_usd": 25}}));
    let mut bench = Bench::new(&document);
    let claim = bench.grant("a", "one");
    bench.grant("b", "two");
    assert_eq!(bench.try_grant("c", &agent("three")), Err(Refusal::BudgetReserved));
    let usage = Usage { micro_usd: MicroUsd(30), ..Usage::default() };
    bench.take(What::Beat { claim, agent: who("one"), usage });
    assert_eq!(bench.state.spent.usage.micro_usd, MicroUsd(30), "the overshoot is shown");
    bench.try_grant("c", &agent("three")).unwrap();
    assert_eq!(bench.run(), ("failed", Some("budget_exhausted")));
}

/// W57.
#[test]
fn only_time_in_running_counts() {
    let minute = Duration::from_mins(1);
    let mut bench = two_steps(json!({"budgets": {"wall": "10m"}}));
    bench.pass(6 * minute);
    bench.take(What::Pause);
    bench.pass(60 * minute);
    assert_eq!(bench.state.wall_at(bench.now), 6 * minute);
    bench.take(What::Resume);
    bench.pass(Duration::from_millis(239_999));
    assert_eq!(bench.run().0, "running");
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.run(), ("failed", Some("budget_exhausted")));
}

/// W58.
#[test]
fn a_result_that_is_too_large_is_not_stored() {
    let mut bench = two_steps(json!({"budgets": {"result_bytes": 20}}));
    let claim = bench.grant("a", "heron");
    let large = json!({"n": 1, "list": [{"k": 1}, {"k": 2}]});
    let refused = bench.try_submit(claim, "heron", large);
    assert_eq!(refused, Err(Refusal::BudgetExhausted(Budget::ResultBytes)));
    bench.submit(claim, "heron", json!({"n": 1}));
    let mut bench = Bench::new(&of_steps(json!([{"id": "a", "max_result": 10}]), json!({})));
    let claim = bench.grant("a", "heron");
    assert_eq!(bench.try_submit(claim, "heron", listing(1)), Err(Refusal::TooLarge));
}

/// W48: a claim is counted while it lives, and its slot is free after it.
#[test]
fn slots_are_held_by_what_lives() {
    let rules = json!([{"of": "runs", "max": 1}, {"of": "claims", "key": "/key", "max": 2}]);
    let mut bench = two_steps(json!({"concurrency": rules}));
    let claims = |bench: &Bench| {
        let of = |slot: &&machine::SlotKey| slot.of == crate::definition::SlotOf::Claims;
        bench.state.slots.keys().find(of).map_or(0, |key| bench.state.slots[key])
    };
    bench.done("a", "heron", json!({"n": 1}));
    assert_eq!(claims(&bench), 0);
    bench.grant("b", "heron");
    let what = What::Grant {
        address: address("c"),
        agent: agent("gannet"),
        claim: id("x"),
        has_slots: false,
    };
    assert_eq!(bench.try_take(what), Err(Refusal::SlotsFull));
    assert_eq!(claims(&bench), 1);
    bench.take(What::Cancel);
    assert!(bench.state.slots.is_empty());
    let taken = bench.effects.iter().filter(|it| matches!(it, Effect::TakeSlot(_))).count();
    let freed = bench.effects.iter().filter(|it| matches!(it, Effect::FreeSlot(_))).count();
    assert_eq!((taken, freed), (3, 3));
}

fn with_calls(more: Value) -> Bench {
    let look =
        json!({"name": "look", "url": "https://a.example/", "max_calls": 2, "timeout": "10s"});
    Bench::new(&of_steps(json!([{"id": "a", "subcommands": [look]}]), more))
}

/// W55, W77.
#[test]
fn calls_are_counted_before_they_leave() {
    let call = |claim, bytes| What::Call { claim, agent: who("heron"), name: "look".into(), bytes };
    let mut bench = with_calls(json!({}));
    let claim = bench.grant("a", "heron");
    bench.take(call(claim, 100));
    bench.take(What::Answered { claim, bytes: 50, is_good: false });
    assert_eq!((bench.state.spent.proxy_calls, bench.state.spent.proxy_bytes), (1, 150));
    bench.now = bench.now.plus(Duration::from_secs(600 - 14));
    assert_eq!(bench.try_take(call(claim, 1)), Err(Refusal::NearExpiry));
    bench.take(What::Answered { claim, bytes: 0, is_good: true });
    bench.take(call(claim, 1));
    assert_eq!(bench.try_take(call(claim, 1)), Err(Refusal::CallsExhausted));
    let unknown = What::Call { claim, agent: who("heron"), name: "see".into(), bytes: 1 };
    assert_eq!(bench.try_take(unknown), Err(Refusal::UnknownSubcommand));
    for (budget, why) in [("proxy_calls", Budget::ProxyCalls), ("proxy_bytes", Budget::ProxyBytes)]
    {
        let mut bench = with_calls(json!({"budgets": {budget: 1}}));
        let claim = bench.grant("a", "heron");
        bench.take(call(claim, 1));
        assert_eq!(bench.try_take(call(claim, 1)), Err(Refusal::BudgetExhausted(why)));
        // An answer cannot pass a budget either.
        bench.take(What::Answered { claim, bytes: 1 << 40, is_good: false });
        assert!(bench.state.spent.proxy_bytes <= bench.state.budgets.proxy_bytes);
    }
}

/// W28 (I14).
#[test]
fn a_move_leaves_what_was_granted_alone() {
    let document = |text: &str, claims: u64| {
        let steps = json!([{"id": "a", "instructions": text}, {"id": "b"}]);
        of_steps(steps, json!({"budgets": {"claims": claims}, "deadline": format!("{claims}d")}))
    };
    let mut bench = Bench::new(&document("Do it.", 5));
    let claim = bench.grant("a", "heron");
    let to = checked(&document("Do it well.", 9)).definition;
    bench.take(What::Move { definition: Arc::clone(&to), version: 2 });
    assert_eq!((bench.state.version, bench.state.claims[&claim].version), (2, 1));
    assert_eq!([bench.task("a").version, bench.task("b").version], [1, 2]);
    assert_eq!(bench.state.budgets.claims, 9);
    bench.submit(claim, "heron", json!({"n": 1}));
    let second = bench.grant("b", "heron");
    assert_eq!(bench.state.claims[&second].version, 2);
    let back = checked(&document("Do it.", 5)).definition;
    let refused = bench.try_take(What::Move { definition: back, version: 1 });
    assert!(matches!(refused, Err(Refusal::NotCompatible(_))), "{refused:?}");
}

/// W51.
#[test]
fn a_replay_keeps_what_does_not_depend_on_what_is_done_again() {
    let steps = json!([
        {"id": "a", "spawns": {"for_each": "/list", "steps": ["e"]}},
        {"id": "e"},
        {"id": "z", "inputs": {"all": {"from": "e", "pointer": "/n"}}},
    ]);
    let document =
        of_steps(steps, json!({"final_output": {"composes": ["l: a.list × e.*", "z.*"]}}));
    let mut bench = Bench::new(&document);
    bench.done("a", "heron", listing(2));
    bench.done("e[0]", "heron", json!({"n": 5}));
    bench.done("e[1]", "heron", json!({"n": 6}));
    bench.done("z", "heron", json!({"n": 1}));
    let copies = machine::kept(&bench.state, &[address("e[1]")]);
    let names: Vec<_> = copies.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["a", "e[0]"]);
    let definition = checked(&document).definition;
    let again = machine::Setup { copies, ..setup(&definition, json!({})) };
    let mut replay = Bench::with(again, Slot::Free);
    assert_eq!(
        [replay.phase("a"), replay.phase("e[0]"), replay.phase("e[1]")],
        ["done", "done", "ready"]
    );
    replay.done("e[1]", "heron", json!({"n": 6}));
    replay.done("z", "heron", json!({"n": 1}));
    assert_eq!((replay.state.spent.claims, replay.run().0), (2, "completed"));
    assert_eq!(replay.state.output, bench.state.output);
    assert_eq!(machine::kept(&bench.state, &[address("a")]), BTreeMap::new());
}
