//! Definitions and acts, and what comes of them, over HTTP (`spec/work.md` 17, W16, W18, W19, W20, W21, W25, W40, W58).

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use testkit::Person;

use super::{Shop, bearing, of_steps, text};
use crate::ground::{Ground, on_both};

/// What an agent does with each task, by its address; nothing means that it hands in `{"n": 1}`.
enum Act {
    Hands(Value),
    Fails,
}

/// A run, and what has to come of it.
struct Case {
    what: &'static str,
    steps: Value,
    more: Value,
    acts: Vec<(&'static str, Act)>,
    state: &'static str,
    output: Option<Value>,
    /// The states of some tasks at the end.
    tasks: Vec<(&'static str, &'static str)>,
}

/// Elements of a list, numbered.
fn elements(many: u32) -> Value {
    (0..many).map(|at| json!({ "at": at })).collect()
}

/// A step that spawns `c` for each element of its list.
fn spawner(steps: &Value) -> Value {
    json!({"id": "a", "spawns": {"for_each": "/list", "steps": steps, "as": "one"}})
}

fn list(many: u32) -> Act {
    Act::Hands(json!({"n": 0, "list": elements(many)}))
}

fn number(n: u32) -> Act {
    Act::Hands(json!({ "n": n }))
}

/// W16: fan-outs of none and of one.
fn narrow(many: u32) -> Case {
    let steps = json!([spawner(&json!(["c"])), {"id": "c"},
        {"id": "z", "requires": ["c"], "inputs": {"all": {"from": "c", "pointer": "/n", "default": []}}}]);
    let output = if many == 0 { json!([]) } else { json!([{"at": 0, "n": 1}]) };
    Case {
        what: "a fan-out of none, or one",
        steps,
        more: json!({"final_output": {"composes": ["all: a.list x c.*", "z: z.n"]}}),
        acts: vec![("a", list(many)), ("z", number(9))],
        state: "completed",
        output: Some(json!({"all": output, "z": 9})),
        tasks: vec![("z", "done")],
    }
}

/// W18: the third of five is enough, and what is left is cancelled.
fn three_of_five() -> Case {
    let join = json!({"step": "c", "join": {"k": 3}, "rest": "cancel"});
    Case {
        what: "three of five",
        steps: json!([spawner(&json!(["c"])), {"id": "c", "on_dead": "skip", "attempts": 1}, {"id": "z", "requires": [join]}]),
        more: json!({"final_output": {"composes": ["z: z.n"]}}),
        acts: vec![
            ("a", list(5)),
            ("c[0]", Act::Fails),
            ("c[1]", number(1)),
            ("c[2]", number(2)),
            ("c[3]", number(3)),
            ("z", number(9)),
        ],
        state: "completed",
        output: Some(json!({"z": 9})),
        tasks: vec![("z", "done")],
    }
}

/// W18: with three dead it cannot be met any more, and `on_unmet` says what follows.
fn unmet(on_unmet: &'static str) -> Case {
    let join = json!({"step": "c", "join": {"k": 3}});
    let is_skipped = on_unmet == "skip";
    Case {
        what: "three of five are dead",
        steps: json!([spawner(&json!(["c"])), {"id": "c", "on_dead": "skip", "attempts": 1},
            {"id": "z", "requires": [join], "on_unmet": on_unmet}]),
        more: json!({"final_output": {"composes": ["n: a.n", "z: z.n"]}}),
        acts: vec![
            ("a", list(5)),
            ("c[0]", Act::Fails),
            ("c[1]", Act::Fails),
            ("c[2]", Act::Fails),
        ],
        state: if is_skipped { "completed" } else { "failed" },
        output: is_skipped.then(|| json!({"n": 0})),
        tasks: if is_skipped {
            vec![("z", "skipped"), ("c[4]", "done")]
        } else {
            vec![("c[2]", "dead")]
        },
    }
}

/// W19: elements keep their own outputs when one before them is dead.
fn one_is_dead() -> Case {
    Case {
        what: "child 1 of 4 is dead",
        steps: json!([spawner(&json!(["c"])), {"id": "c", "on_dead": "skip", "attempts": 1},
            {"id": "z", "inputs": {"all": {"from": "c", "pointer": "/n", "default": []}}}]),
        more: json!({"final_output": {"composes": ["all: a.list x c.*", "flat: flatten([c].list)"]}}),
        acts: vec![
            ("a", list(4)),
            ("c[0]", Act::Hands(json!({"n": 10, "list": [{"of": 0}]}))),
            ("c[1]", Act::Fails),
            ("c[2]", Act::Hands(json!({"n": 12, "list": []}))),
            ("c[3]", Act::Hands(json!({"n": 13, "list": [{"of": 3}]}))),
        ],
        state: "completed",
        output: Some(json!({
            "all": [
                {"at": 0, "n": 10, "list": [{"of": 0}]}, {"at": 1}, {"at": 2, "n": 12, "list": []},
                {"at": 3, "n": 13, "list": [{"of": 3}]},
            ],
            "flat": [{"of": 0}, {"of": 3}],
        })),
        tasks: vec![("c[1]", "dead"), ("z", "done")],
    }
}

/// W25: an output that does not fit ends the run.
fn does_not_fit() -> Case {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "maximum": 5}}});
    Case {
        what: "the output does not fit",
        steps: json!([{"id": "a"}]),
        more: json!({"final_output": {"composes": ["n: a.n"], "schema": schema}}),
        acts: vec![("a", number(6))],
        state: "failed",
        output: None,
        tasks: vec![("a", "done")],
    }
}

fn cases() -> Vec<Case> {
    vec![
        narrow(0),
        narrow(1),
        three_of_five(),
        unmet("skip"),
        unmet("fail_run"),
        one_is_dead(),
        does_not_fit(),
    ]
}

/// Plays a run to its end: gives its id, and what each task was told.
async fn play(shop: &Shop, agent: &Person, case: &Case) -> (String, BTreeMap<String, Value>) {
    shop.register(&of_steps("table", case.steps.clone(), case.more.clone())).await;
    let run = shop.start("table", &json!({})).await;
    let mut told = BTreeMap::new();
    while let Some(claim) = shop.next(agent).await {
        let address = text(&claim["address"]);
        let act = case.acts.iter().find(|(at, _)| *at == address).map(|(_, act)| act);
        match act {
            Some(Act::Fails) => {
                let body = json!({"reason": "failed"});
                shop.release(agent, &claim, &body).await.assert_status(200);
            }
            Some(Act::Hands(result)) => drop(shop.done(agent, &claim, result).await),
            None => drop(shop.done(agent, &claim, &json!({"n": 1})).await),
        }
        told.insert(address, claim["input"]["value"].clone());
    }
    (run, told)
}

on_both! {
    /// W16, W18, W19, W25.
    async fn definitions_and_acts_come_to_what_is_expected(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        for case in cases() {
            let (run, told) = play(&shop, &heron, &case).await;
            let seen = shop.get(&format!("/runs/{run}")).await;
            assert_eq!(seen["state"], case.state, "{}: {seen}", case.what);
            let output = shop.run(Method::GET, &format!("/runs/{run}/output"), &Value::Null).await;
            match &case.output {
                Some(wanted) => assert_eq!(&output.json(), wanted, "{}", case.what),
                None => output.assert_refused(404, "not_found"),
            }
            let tasks: BTreeMap<_, _> = shop.tasks(&run).await.into_iter().collect();
            for (address, state) in &case.tasks {
                assert_eq!(tasks[*address], *state, "{}: {address} of {tasks:?}", case.what);
            }
            if case.what == "three of five" {
                let ended = |wanted: &str| {
                    let of_c = tasks.iter().filter(|(address, _)| address.starts_with('c'));
                    of_c.filter(|(_, state)| *state == wanted).count()
                };
                assert_eq!((ended("done"), ended("dead") + ended("cancelled")), (3, 2), "{tasks:?}");
            }
            if case.what.starts_with("child 1") {
                assert_eq!(told["z"], json!({"all": [10, null, 12, 13]}));
            }
            if case.what.starts_with("the output") {
                assert_eq!(seen["reason"], "compose_invalid");
                assert_eq!(seen["error"]["errors"][0]["pointer"], "/n");
            }
        }
    }
}

on_both! {
    /// W16: nobody gets what waits for a hundred before the hundredth is closed.
    async fn a_dependent_waits_for_the_hundredth(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let steps = json!([spawner(&json!(["c"])), {"id": "c"}, {"id": "z", "requires": ["c"]}]);
        shop.register(&of_steps("table", steps, json!({"final_output": {"composes": ["z: z.n"]}}))).await;
        let run = shop.start("table", &json!({})).await;
        let claim = shop.claim(&heron).await;
        shop.done(&heron, &claim, &json!({"n": 0, "list": elements(100)})).await;
        let mut closed = 0;
        while closed < 100 {
            let claims = shop.next_with(&heron, &json!({"max": 4, "resume": false})).await;
            assert!(!claims.is_empty());
            for claim in claims {
                assert_ne!(claim["address"], "z", "after {closed}");
                shop.done(&heron, &claim, &json!({"n": 1})).await;
                closed += 1;
            }
        }
        assert_eq!(shop.claim(&heron).await["address"], "z");
        assert_eq!(shop.state(&run).await, "running");
    }
}

on_both! {
    /// W20, W21: a chain goes on where its own element is done; gathers nest by index; a fourth floor is too deep.
    async fn fan_outs_in_fan_outs_see_their_own(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        let floor = |id: &str, next: &str, name: &str| {
            json!({"id": id, "spawns": {"for_each": "/list", "steps": [next], "as": name}})
        };
        let gather = json!({"all": {"from": "d", "pointer": "/n"}});
        let three = json!([floor("a", "b", "x"), floor("b", "c", "y"), floor("c", "d", "w"), {"id": "d"}, {"id": "z", "inputs": gather}]);
        shop.register(&of_steps("deep", three, json!({"final_output": {"composes": ["z: z.n"]}}))).await;
        let four = json!([floor("a", "b", "x"), floor("b", "c", "y"), floor("c", "d", "w"), floor("d", "e", "v"), {"id": "e"}]);
        let asked = shop.server.post("/api/v1/publishers/acme/pipelines").json(&of_steps("deeper", four, json!({})));
        let refused = bearing(asked, &shop.admin).send().await;
        refused.assert_refused(422, "invalid");
        assert!(refused.text().contains("fan_out_too_deep"), "{}", refused.text());
        shop.start("deep", &json!({})).await;
        let mut last = Value::Null;
        while let Some(claim) = shop.next(&heron).await {
            // One of two, two of one: places differ on each floor.
            let address = text(&claim["address"]);
            let (many, n) = match address.as_str() {
                "a" | "b[1]" => (2, 0),
                "d[1.0.0]" => (0, 100),
                "d[1.1.0]" => (0, 110),
                "d[0.0.0]" => (0, 1),
                _ => (1, 0),
            };
            if address == "z" {
                last = claim["input"]["value"].clone();
            }
            shop.done(&heron, &claim, &json!({"n": n, "list": elements(many)})).await;
        }
        assert_eq!(last, json!({"all": [[[1]], [[100], [110]]]}));

        // Each element has its chain: `e` of an element follows `d` of it, whatever the others do.
        let chain = json!([{"id": "a", "spawns": {"for_each": "/list", "steps": ["d", "e"], "as": "x"}}, {"id": "d"},
            {"id": "e", "inputs": {"own": {"from": "d", "pointer": "/n"}}}]);
        shop.register(&of_steps("chain", chain, json!({"final_output": {"composes": ["n: a.n"]}}))).await;
        shop.start("chain", &json!({})).await;
        let claim = shop.claim(&heron).await;
        shop.done(&heron, &claim, &json!({"n": 0, "list": elements(2)})).await;
        let both = [shop.claim(&heron).await, shop.claim(&heron).await];
        let second = both.iter().find(|it| it["address"] == "d[1]").unwrap();
        shop.done(&heron, second, &json!({"n": 7})).await;
        let next = shop.claim(&heron).await;
        assert_eq!((&next["address"], &next["input"]["value"]["own"]), (&json!("e[1]"), &json!(7)));
    }
}

on_both! {
    /// W40: the fourth hand-back of a task spends an attempt.
    async fn three_hand_backs_are_free(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        shop.register(&of_steps("table", json!([{"id": "a", "attempts": 1}]), json!({}))).await;
        let run = shop.start("table", &json!({})).await;
        for number in 0..4 {
            let agent = shop.agent(&shop.anna, &format!("bird{number}")).await;
            let claim = shop.claim(&agent).await;
            assert_eq!(claim["attempt"], 1);
            let told = shop.release(&agent, &claim, &json!({"reason": "handed_back"})).await.json();
            assert_eq!(told["task_state"], if number < 3 { "ready" } else { "dead" }, "{number}");
            assert!(shop.next(&agent).await.is_none());
        }
        assert_eq!(shop.state(&run).await, "failed");
    }
}

on_both! {
    /// W58: of a result that is too large nothing is kept.
    async fn a_result_that_is_too_large_is_not_kept(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("table", json!([{"id": "a", "max_result": 100}]), json!({}))).await;
        let run = shop.start("table", &json!({})).await;
        let claim = shop.claim(&heron).await;
        let large = shop.submit(&heron, &claim, &json!({"n": 1, "list": elements(50)})).await;
        large.assert_refused(413, "too_large");
        let attempts = shop.get(&format!("/tasks/{}/attempts", text(&claim["task"]))).await;
        assert_eq!(attempts["items"][0]["submissions"], json!([]));
        assert_eq!(shop.get(&format!("/runs/{run}")).await["spent"]["result_bytes"], 0);
        shop.done(&heron, &claim, &json!({"n": 1})).await;
    }
}
