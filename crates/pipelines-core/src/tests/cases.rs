//! Every vector of `cases.json`: W04, W15, W23, W41, W46, W71, W94.

use std::{borrow::Cow, collections::BTreeMap};

use names::{Secret, UnixMillis};
use serde_json::{Value, json};

use super::support::{Usual, faults};
use crate::{
    backoff::{Backoff, Draw},
    call::Call,
    compose::{Outputs, Rule, compose},
    definition::Definition,
    expression::{Expression, Root, Scope},
    json::{Form, Pointer, canonical},
    name::{Address, StepId},
    order::{Order, Waiting},
    schedule::Timetable,
};

fn cases() -> Value {
    serde_json::from_str(include_str!("../../../../tests/fixtures/pipelines/cases.json")).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

struct Context(Value);

impl Scope for Context {
    fn find(&self, root: &Root, pointer: &Pointer) -> Option<Cow<'_, Value>> {
        let name = match root {
            Root::Run => "$run".to_owned(),
            Root::Input => "$input".to_owned(),
            Root::Item => "$item".to_owned(),
            Root::Index => "$index".to_owned(),
            Root::Step(id) => format!("$step.{id}"),
        };
        pointer.find(self.0.get(name)?).map(Cow::Borrowed)
    }
}

/// W15.
#[test]
fn every_expression_has_its_value_and_the_others_are_refused() {
    let cases = cases();
    let context = Context(cases["expressions"]["context"].clone());
    for case in list(&cases["expressions"]["values"]) {
        let read: Expression =
            text(&case["expr"]).parse().unwrap_or_else(|why| panic!("{case}: {why}"));
        assert_eq!(read.value(&context).as_ref(), &case["value"], "{case}");
        assert_eq!(json!(read.holds(&context)), case["skips"], "{case}");
    }
    for refused in list(&cases["expressions"]["refused"]) {
        assert!(text(refused).parse::<Expression>().is_err(), "{refused}");
    }
}

struct Given(BTreeMap<Address, Value>);

impl Outputs for Given {
    fn output(&self, step: &StepId, path: &[u32]) -> Option<&Value> {
        self.0.get(&Address::of(step.clone(), path.to_vec())).filter(|it| !it.is_null())
    }

    fn all<'o>(&'o self, step: &StepId) -> Box<dyn Iterator<Item = &'o Value> + 'o> {
        let step = step.clone();
        Box::new(self.0.iter().filter(move |(it, _)| it.step == step).map(|(_, value)| value))
    }

    fn element_name(&self, _spawner: &StepId) -> &'static str {
        "item"
    }
}

/// W23.
#[test]
fn every_list_of_rules_gives_its_output() {
    let cases = cases();
    let outputs = cases["composes"]["outputs"].as_object().unwrap();
    let outputs = outputs.iter().map(|(place, value)| (place.parse().unwrap(), value.clone()));
    let outputs = Given(outputs.collect());
    for case in list(&cases["composes"]["values"]) {
        let rules: Vec<_> = list(&case["rules"]).iter().map(|it| Rule::read(it).unwrap()).collect();
        let output = compose(&rules, &outputs);
        assert_eq!(canonical(&output), canonical(&case["final_output"]), "{case}");
    }
}

/// Sets the member that `pointer` names; `-` appends.
fn set(document: &mut Value, pointer: &str, to: Value) {
    let (above, last) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(above).unwrap() {
        Value::Object(fields) => drop(fields.insert(last.to_owned(), to)),
        Value::Array(items) if last == "-" => items.push(to),
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = to,
        other => panic!("{pointer} leads into {other}"),
    }
}

/// W04.
#[test]
fn every_fault_has_its_code_and_its_place_and_there_are_no_others() {
    let cases = cases();
    let base = &cases["faults"]["base"];
    assert_eq!(faults(base), []);
    for case in list(&cases["faults"]["cases"]) {
        let mut document = base.clone();
        set(&mut document, text(&case["set"]), case["to"].clone());
        let found: Vec<_> = faults(&document)
            .into_iter()
            .map(|(pointer, code)| json!({"pointer": pointer, "code": code.as_str()}))
            .collect();
        assert_eq!(json!(found), case["errors"], "{}: {}", case["set"], case["to"]);
    }
    for case in list(&cases["faults"]["texts"]) {
        let read = Definition::read(text(&case["yaml"]).as_bytes(), Form::Yaml, &Usual);
        let found = read.unwrap_err();
        let codes: Vec<_> = found.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(codes, [text(&case["code"])], "{case}");
    }
}

/// W46.
#[test]
fn tasks_are_granted_in_their_order() {
    for case in list(&cases()["claim_order"]) {
        let mut order = Order::default();
        let weight = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
        for (publisher, it) in case["publisher_weights"].as_object().unwrap() {
            order.weigh_publisher(publisher, weight(it));
        }
        for (place, it) in case["key_weights"].as_object().unwrap() {
            let (publisher, key) = place.split_once('/').unwrap();
            order.weigh_key(publisher, key, weight(it));
        }
        let waiting = |it: &Value| Waiting {
            task: text(&it["id"]).to_owned(),
            publisher: text(&it["publisher"]).into(),
            key: text(&it["key"]).into(),
            priority: u8::try_from(it["priority"].as_u64().unwrap()).unwrap(),
            ready_at: UnixMillis(it["ready_at_ms"].as_i64().unwrap()),
        };
        let mut tasks: Vec<_> = list(&case["tasks"]).iter().map(waiting).collect();
        let mut granted = Vec::new();
        for now in list(&case["grants_at_ms"]) {
            let now = UnixMillis(now.as_i64().unwrap());
            let task = tasks.remove(order.next(&tasks, now).unwrap());
            order.grant(&task, now);
            granted.push(task.task);
        }
        assert_eq!(json!(granted), case["granted"], "{}", case["name"]);
    }
}

/// W94.
#[test]
fn schedules_fire_when_they_should() {
    let cases = cases();
    for case in list(&cases["cron"]["fires"]) {
        let table = Timetable::read(text(&case["cron"]), text(&case["time_zone"])).unwrap();
        let mut at: UnixMillis = text(&case["after"]).parse().unwrap();
        for wanted in list(&case["next"]) {
            at = table.next_after(at).unwrap();
            assert_eq!(at.to_string(), text(wanted), "{case}");
        }
    }
    for refused in list(&cases["cron"]["refused"]) {
        assert!(Timetable::read(text(refused), "UTC").is_err(), "{refused}");
    }
}

/// W71: and any line that changes makes another signature.
#[test]
fn a_call_is_signed_over_its_lines() {
    let cases = cases();
    let case = &cases["call_signature"];
    let lines: Vec<_> = text(&case["message"]).split('\n').collect();
    let pipeline = "add-data-source".parse().unwrap();
    let call = Call {
        at: UnixMillis(lines[1].parse::<i64>().unwrap() * 1_000),
        call: lines[2],
        target: lines[4],
        publisher: "tidewater",
        pipeline: &pipeline,
        version: 3,
        run: lines[6],
        task: lines[7],
        claim: lines[8],
        fence: 2,
        subcommand: lines[10],
        body: text(&case["body"]).as_bytes(),
    };
    assert_eq!(call.message(), text(&case["message"]));
    let secret = Secret::new(text(&case["secret"]).to_owned());
    let older = Secret::new(text(&case["older_secret"]).to_owned());
    assert_eq!(call.signature(&[&secret]), text(&case["one_secret"]));
    assert_eq!(call.signature(&[&secret, &older]), text(&case["two_secrets"]));
    let changed = [
        Call { fence: 3, ..call.clone() },
        Call { body: b"{}", ..call.clone() },
        Call { version: 4, ..call.clone() },
        Call { subcommand: "other", ..call.clone() },
        Call { target: "/other", ..call },
    ];
    for call in changed {
        assert_ne!(call.signature(&[&secret]), text(&case["one_secret"]));
    }
}

/// W41: without jitter.
#[test]
fn waits_grow_as_the_vectors_say() {
    for case in list(&cases()["backoff"]) {
        let millis = |name: &str| std::time::Duration::from_millis(case[name].as_u64().unwrap());
        let factor = u32::try_from(case["factor"].as_u64().unwrap()).unwrap();
        let backoff = Backoff {
            first: millis("first_ms"),
            factor_thousandths: factor * 1_000,
            max: millis("max_ms"),
            jitter_millionths: 0,
        };
        let failed = u32::try_from(case["after_failed_attempt"].as_u64().unwrap()).unwrap();
        for draw in [0, 1_000_000] {
            assert_eq!(backoff.wait(failed, Draw::from_number(draw)), millis("delay_ms"), "{case}");
        }
    }
}
