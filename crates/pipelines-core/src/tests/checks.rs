//! Static checks beyond the vectors.

use serde_json::{Value, json};

use super::support::{any_output, checked, extended, faults, of_steps};
use crate::{definition::Definition, fault::Code};

fn with(more: Value) -> Value {
    of_steps(json!([{"id": "a"}]), more)
}

/// Faults of a step with these members beside its id.
fn of_step(more: Value) -> Vec<(String, Code)> {
    let step = extended(json!({"id": "a"}), more);
    faults(&of_steps(json!([step]), json!({})))
}

fn one(place: &str, code: Code) -> Vec<(String, Code)> {
    vec![(place.to_owned(), code)]
}

#[test]
fn all_faults_are_told_at_once() {
    let found = faults(
        &json!({"motet": 2, "steps": [{"id": "Run", "colour": 1}, {"id": "run"}], "title": 5}),
    );
    let wanted = [
        ("/final_output", Code::MissingField),
        ("/id", Code::MissingField),
        ("/input_schema", Code::MissingField),
        ("/motet", Code::OutOfRange),
        ("/steps/0/id", Code::WrongType),
        ("/steps/0/instructions", Code::MissingField),
        ("/steps/1/id", Code::WrongType),
        ("/steps/1/instructions", Code::MissingField),
        ("/title", Code::WrongType),
    ];
    let wanted: Vec<_> = wanted.map(|(place, code)| (place.to_owned(), code)).into();
    assert_eq!(found, wanted);
    assert_eq!(faults(&json!([])), one("", Code::WrongType));
}

#[test]
fn members_have_their_ranges() {
    let table = [
        (json!({"deadline": "30s"}), "/deadline", Code::OutOfRange),
        (json!({"deadline": "1 d"}), "/deadline", Code::WrongType),
        (json!({"priority": 10}), "/priority", Code::OutOfRange),
        (json!({"priority": 9}), "/priority", Code::PriorityNotGranted),
        (json!({"budgets": {"tasks": 100_001}}), "/budgets/tasks", Code::OutOfRange),
        (json!({"budgets": {"claims": -1}}), "/budgets/claims", Code::OutOfRange),
        (json!({"budgets": {"on_exhausted": "wait"}}), "/budgets/on_exhausted", Code::OutOfRange),
        (
            json!({"concurrency": [{"of": "claims", "max": 1, "on_full": "queue"}]}),
            "/concurrency/0/on_full",
            Code::UnknownField,
        ),
        (json!({"concurrency": [{"of": "runs"}]}), "/concurrency/0/max", Code::MissingField),
        (json!({"search": ["key"]}), "/search/0", Code::WrongType),
        (json!({"fairness": {"weight": 0}}), "/fairness/weight", Code::OutOfRange),
        (json!({"skills": ["a@1"]}), "/skills/0", Code::SkillUnknown),
        (
            json!({"webhook": {"url": "https://a.example/", "events": ["issue.opened"]}}),
            "/webhook/events/0",
            Code::WrongType,
        ),
        (
            json!({"schedules": [{"name": "s", "cron": "@daily", "time_zone": "UTC", "input": {}}]}),
            "/schedules/0/cron",
            Code::ScheduleInvalid,
        ),
        (
            json!({"schedules": [{"name": "s", "cron": "0 0 * * *", "time_zone": "UTC", "input": {"key": 1}}]}),
            "/schedules/0/input",
            Code::ScheduleInvalid,
        ),
        (json!({"input_schema": {"type": "array"}}), "/input_schema", Code::SchemaInvalid),
        (json!({"final_output": {"composes": []}}), "/final_output/composes", Code::OutOfRange),
    ];
    for (more, place, code) in table {
        assert_eq!(faults(&with(more.clone())), one(place, code), "{more}");
    }
}

#[test]
fn members_of_a_step_have_their_ranges() {
    let table = [
        (json!({"attempts": 11}), "/steps/0/attempts", Code::OutOfRange),
        (json!({"backoff": {"factor": 0.5}}), "/steps/0/backoff/factor", Code::OutOfRange),
        (json!({"claim": {"ttl": "10s"}}), "/steps/0/claim/ttl", Code::OutOfRange),
        (json!({"labels": ["Browser"]}), "/steps/0/labels/0", Code::WrongType),
        (json!({"trust": 4}), "/steps/0/trust", Code::OutOfRange),
        (json!({"kind": "approval", "labels": []}), "/steps/0/labels", Code::UnknownField),
        (json!({"approval": {}}), "/steps/0/approval", Code::UnknownField),
        (json!({"review": {"count": 4}}), "/steps/0/review/count", Code::OutOfRange),
        (
            json!({"quorum": {"ballots": 2, "agree": 2}, "review": {}}),
            "/steps/0/quorum",
            Code::QuorumInvalid,
        ),
        (
            json!({"output_schema": {"type": "array"}}),
            "/steps/0/output_schema",
            Code::SchemaInvalid,
        ),
        (
            json!({"requires": [{"step": "a", "join": {"k": 1, "x": 1}}]}),
            "/steps/0/requires/0/join/x",
            Code::UnknownField,
        ),
        (json!({"inputs": {"x": {"from": "b"}}}), "/steps/0/inputs/x/from", Code::StepUnknown),
        (json!({"skip_if": "$index == 1"}), "/steps/0/skip_if", Code::ReferenceOutOfScope),
        (
            json!({"subcommands": [{"name": "x", "url": "https://a.example/"}]}),
            "/steps/0/subcommands/0/name",
            Code::WrongType,
        ),
        (json!({"deadline": "8d"}), "/steps/0/deadline", Code::LimitInverted),
    ];
    for (more, place, code) in table {
        let found = of_step(more.clone());
        assert!(found.contains(&(place.to_owned(), code)), "{more}: {found:?}");
    }
}

fn nested(depth: usize) -> Value {
    let mut steps = Vec::new();
    for level in 0..=depth {
        let mut step =
            json!({"id": format!("s{level}"), "instructions": "x", "output_schema": any_output()});
        if level < depth {
            step["spawns"] = json!({"for_each": "/list", "steps": [format!("s{}", level + 1)]});
        }
        steps.push(step);
    }
    of_steps(json!(steps), json!({"final_output": {"composes": ["l: flatten([s0].list)"]}}))
}

/// W21.
#[test]
fn three_fan_outs_lie_inside_each_other_and_four_do_not() {
    assert_eq!(faults(&nested(3)), []);
    assert_eq!(faults(&nested(4)), one("/steps/4", Code::FanOutTooDeep));
}

#[test]
fn a_fan_out_is_closed_to_others() {
    let steps = json!([
        {"id": "a", "spawns": {"for_each": "/list", "steps": ["b"]}},
        {"id": "b"},
        {"id": "c", "spawns": {"for_each": "/list", "steps": ["d"]}},
        {"id": "d", "requires": ["b"]},
    ]);
    let found = faults(&of_steps(steps, json!({})));
    assert_eq!(found, one("/steps/3/requires/0", Code::ReferenceOutOfScope));
}

#[test]
fn budgets_below_the_first_steps_can_never_do() {
    let steps = json!([{"id": "a"}, {"id": "b"}]);
    let found = faults(&of_steps(steps, json!({"budgets": {"claims": 1, "tasks": 1}})));
    let wanted =
        ["/budgets/claims", "/budgets/tasks"].map(|it| (it.to_owned(), Code::BudgetUnreachable));
    assert_eq!(found, wanted);
}

#[test]
fn warnings_refuse_nothing() {
    let steps = json!([{"id": "a"}, {"id": "b"}]);
    let more = json!({"final_output": {"composes": ["n: a.n", "a.*"]}});
    let warnings = checked(&of_steps(steps, more)).warnings;
    let told: Vec<_> = warnings.iter().map(|it| (it.pointer.as_str(), it.code)).collect();
    let wanted =
        [("/final_output/composes/1", Code::ComposeCollision), ("/steps/1", Code::UnusedStep)];
    assert_eq!(told, wanted);
}

/// W02: one letter makes another hash; layout and member order do not.
#[test]
fn the_hash_is_of_what_is_said_and_not_of_how() {
    let hash = |text: &str| super::support::yaml(text).sha256;
    let text = "motet: 1\nid: p\ninput_schema: {type: object}\nsteps:\n- id: a\n  instructions: x\n  \
                output_schema: {type: object}\nfinal_output: {composes: [a.*]}\n";
    let other = format!("# A comment.\n{}", text.replace("motet: 1\nid: p", "id: p\nmotet: 1"));
    assert_eq!(hash(text), hash(&other));
    assert_ne!(hash(text), hash(&text.replace("instructions: x", "instructions: y")));
}

fn moves(change: impl Fn(&mut Value)) -> Result<(), Vec<String>> {
    let base = of_steps(
        json!([{"id": "a", "claim": {"ttl": "1m"}, "deadline": "1d",
            "subcommands": [{"name": "look", "url": "https://a.example/"}]}]),
        json!({"budgets": {"claims": 5}, "webhook": {"url": "https://a.example/"}, "deadline": "2d"}),
    );
    let mut other = base.clone();
    change(&mut other);
    let [from, to] = [base, other].map(|it| checked(&it).definition);
    Definition::may_move_to(&from, &to)
}

/// Something that changes in a document.
type Changed = fn(&mut Value);

/// W28, W29: what is told to agents and how they are handled may change; what results mean may not.
#[test]
fn a_run_moves_only_between_versions_that_mean_the_same() {
    assert_eq!(moves(|_| {}), Ok(()));
    let good: [Changed; 6] = [
        |it| it["steps"][0]["instructions"] = json!("Do it well."),
        |it| it["steps"][0]["subcommands"][0]["url"] = json!("https://b.example/"),
        |it| it["steps"][0]["claim"] = json!({"ttl": "2m", "cap": "5m"}),
        |it| it["webhook"]["url"] = json!("https://b.example/"),
        |it| it["budgets"]["claims"] = json!(6),
        |it| it["deadline"] = json!("3d"),
    ];
    for change in good {
        assert_eq!(moves(change), Ok(()));
    }
    let bad: [(Changed, &str); 5] = [
        (
            |it| it["steps"][0]["output_schema"]["required"] = json!([]),
            "/steps/0/output_schema/required",
        ),
        (|it| it["budgets"]["claims"] = json!(4), "/budgets/claims"),
        (|it| it["deadline"] = json!("1d"), "/deadline"),
        (|it| it["steps"][0]["labels"] = json!(["browser"]), "/steps/0/labels"),
        (
            |it| it["steps"][0]["subcommands"][0]["max_calls"] = json!(3),
            "/steps/0/subcommands/0/max_calls",
        ),
    ];
    for (change, place) in bad {
        assert_eq!(moves(change), Err(vec![place.to_owned()]));
    }
}
