//! Pictures as they are drawn, with their tables: kept as snapshots, to be looked at when they change.

use askama::Template;
use pipelines_core::{
    definition::{Definition, Outside},
    json::Form,
};
use serde_json::json;

use super::{
    pictures::{
        bars::Entry,
        gantt::{Gantt, gantt},
        heat::{Count, Heat, Ways, heat},
    },
    steps::{Steps, before, by_step, steps},
};

#[derive(Template)]
#[template(path = "_graph.html")]
struct GraphPart {
    steps: Steps,
}

#[derive(Template)]
#[template(path = "_gantt.html")]
struct GanttPart {
    gantt: Gantt,
    here: &'static str,
}

#[derive(Template)]
#[template(path = "_heat.html")]
struct HeatPart {
    heat: Heat,
}

struct Anything;

impl Outside for Anything {
    fn endpoint(&self, _url: &str) -> Result<(), String> {
        Ok(())
    }

    fn skill(&self, reference: &str) -> Option<String> {
        Some(reference.to_owned())
    }

    fn max_priority(&self) -> u8 {
        9
    }
}

fn definition() -> std::sync::Arc<Definition> {
    let schema = json!({"type": "object", "properties": {"list": {"type": "array", "items": {"type": "object"}}}, "required": ["list"]});
    let step = |id: &str| json!({"id": id, "instructions": "Count.", "output_schema": schema});
    let mut steps = ["look", "count", "sum", "agree"].map(step);
    steps[0]["spawns"] = json!({"for_each": "/list", "steps": ["count"]});
    steps[1]["on_dead"] = json!("skip");
    steps[2]["requires"] = json!([{"step": "count", "join": {"k": 2}}]);
    steps[2]["title"] = json!("All <boats>");
    steps[3]["kind"] = json!("approval");
    steps[3]["requires"] = json!(["sum"]);
    let text = json!({
        "motet": 1, "id": "boats", "input_schema": {"type": "object"}, "steps": steps,
        "final_output": {"composes": ["look.*"]},
    });
    let read = Definition::read(text.to_string().as_bytes(), Form::Json, &Anything);
    read.unwrap_or_else(|faults| panic!("{faults:?}")).definition
}

#[test]
fn steps_are_drawn_with_their_counts() {
    let count = |step: &str, state: &str, count| (step.to_owned(), state.to_owned(), count);
    let counts = by_step(vec![
        count("look", "done", 1),
        count("count", "done", 2),
        count("count", "dead", 1),
        count("sum", "claimed", 1),
    ]);
    let steps = steps(&definition(), &counts, |step| format!("?step={step}#tasks"));
    insta::assert_snapshot!(GraphPart { steps }.render().unwrap());
}

#[test]
fn tasks_are_drawn_in_time() {
    let mut entries = Vec::new();
    let mut work = |address: &str, ready: i64, from: i64, to: i64, state: &str| {
        let data = json!({"address": address, "generation": 1});
        let claim = Some(format!("claim of {address}"));
        let outcome = if state == "done" { "claim.submitted" } else { "claim.expired" };
        for (at, kind, claim) in [
            (ready, "task.ready".to_owned(), None),
            (from, "claim.granted".to_owned(), claim.clone()),
            (to, outcome.to_owned(), claim),
            (to, format!("task.{state}"), None),
        ] {
            entries.push(Entry { at, kind, claim, data: data.clone() });
        }
    };
    work("look", 0, 5_000, 65_000, "done");
    work("count[0]", 65_000, 70_000, 90_000, "done");
    work("count[1]", 65_000, 75_000, 125_000, "dead");
    // An hour in which nobody works.
    work("sum", 125_000, 3_725_000, 3_785_000, "done");
    let definition = definition();
    let gantt = gantt(&entries, &before(&definition), (0, 3_785_000)).unwrap();
    insta::assert_snapshot!(GanttPart { gantt, here: "/runs/one" }.render().unwrap());
}

#[test]
fn a_fan_out_is_drawn_by_element() {
    struct Here;

    impl Ways for Here {
        fn range(&self, from: u64, to: u64) -> String {
            format!("?from={from}&to={to}")
        }

        fn one(&self, element: u64) -> String {
            format!("one/tasks/count%5B{element}%5D")
        }
    }

    let states = ["done", "dead", "claimed", "waiting", "skipped", "pending", "done"];
    let cell = |(cell, state): (u64, &str)| Count { cell, state: state.to_owned(), number: 1 };
    let counts: Vec<_> = (0..).zip(states).map(cell).collect();
    let heat = heat(&counts, (7, 1), &Here).unwrap();
    insta::assert_snapshot!(HeatPart { heat }.render().unwrap());
}
