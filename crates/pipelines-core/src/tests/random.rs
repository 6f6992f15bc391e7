//! Random pipelines, as a list of numbers decides, and a state as rows keep it.

use serde_json::{Value, json};

use super::support::any_output;
use crate::machine::RunState;

/// Numbers that a case draws from.
pub(super) struct Draws<'d> {
    numbers: std::slice::Iter<'d, u32>,
}

impl<'d> Draws<'d> {
    pub(super) fn of(numbers: &'d [u32]) -> Self {
        Self { numbers: numbers.iter() }
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn next(&mut self) -> u32 {
        self.numbers.next().copied().unwrap_or_default()
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.next() as usize % limit.max(1)
    }

    pub(super) fn one_in(&mut self, many: u32) -> bool {
        self.next().is_multiple_of(many)
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        let at = self.below(from.len());
        from.get(at).cloned()
    }
}

/// A step that may be anything that steps can be.
fn step(draws: &mut Draws<'_>, id: &str, scope: &[String]) -> Value {
    let mut step = json!({"id": id, "instructions": "Do it.", "output_schema": any_output(),
        "attempts": 1 + draws.below(3),
        "on_dead": draws.pick(&["fail_run", "skip", "hold"]),
        "backoff": {"first": "10s", "max": "1m"},
        "claim": {"ttl": "1m", "cap": "3m"}});
    match draws.below(6) {
        0 => {
            step["review"] =
                json!({"count": 1 + draws.below(2), "by": draws.pick(&["agent", "person"])});
        }
        1 => {
            step["quorum"] = json!({"ballots": 2, "agree": 2, "max_ballots": 3, "compare": ["/n"],
            "on_disagree": draws.pick(&["dead", "person"])});
        }
        2 => step["deadline"] = json!("10m"),
        3 => step["skip_if"] = json!(draws.pick(&["true", "$run/key == \"k\"", "size($run) == 9"])),
        _ => {}
    }
    let mut requires = Vec::new();
    for other in scope {
        if draws.one_in(2) {
            requires.push(json!({"step": other}));
        }
    }
    step["requires"] = json!(requires);
    wanted(draws, &mut step);
    step
}

/// What a step asks of its agents, offers to them and sets aside for them.
fn wanted(draws: &mut Draws<'_>, step: &mut Value) {
    if draws.one_in(4) {
        step["labels"] = json!(["browser"]);
    }
    if draws.one_in(5) {
        step["trust"] = json!(draws.below(3));
    }
    if draws.one_in(3) {
        step["subcommands"] = json!([{"name": "look", "url": "https://a.example/", "summary": "Looks.",
            "max_calls": 1 + draws.below(3), "timeout": "10s"}]);
    }
    if draws.one_in(4) {
        step["reserve_micro_usd"] = json!(5);
    }
}

/// A pipeline of two to six steps, some of them in a fan-out.
pub(super) fn pipeline(draws: &mut Draws<'_>) -> Value {
    let mut steps = Vec::new();
    let mut roots: Vec<String> = Vec::new();
    for number in 0..=draws.below(3) {
        let name = format!("s{number}");
        let mut root = step(draws, &name, &roots);
        if draws.one_in(2) {
            let child = format!("c{number}");
            root["spawns"] = json!({"for_each": "/list", "steps": [child], "max_width": 4});
            steps.push(step(draws, &child, &roots));
            let mut behind = step(draws, &format!("j{number}"), &[]);
            let join = draws.pick(&[json!("all"), json!("any"), json!({"k": 2})]);
            behind["requires"] = json!([{"step": child, "join": join,
                "rest": draws.pick(&["keep", "cancel"])}]);
            behind["on_unmet"] = json!(draws.pick(&["fail_run", "skip"]));
            steps.push(behind);
        }
        steps.push(root);
        roots.push(name);
    }
    if draws.one_in(3) {
        steps.push(json!({"id": "person", "kind": "approval", "instructions": "Look.",
            "approval": {"count": 1 + draws.below(2), "expires": "5m",
                "on_expiry": draws.pick(&["dead", "skip"])},
            "requires": [roots.last()], "output_schema": any_output()}));
    }
    let mut budget = json!({"claims": 8 + draws.below(40), "tasks": 8 + draws.below(10),
        "proxy_calls": 4, "proxy_bytes": 300, "on_exhausted": draws.pick(&["fail", "hold"])});
    if draws.one_in(3) {
        budget["micro_usd"] = json!(12 + draws.below(60));
    }
    let mut document = json!({"motet": 1, "id": "random", "steps": steps, "budgets": budget,
        "deadline": "1h", "concurrency": [{"of": "claims", "max": 3},
            {"of": "runs", "max": 1, "on_full": draws.pick(&["queue", "refuse", "replace"])}],
        "input_schema": {"type": "object", "properties": {"key": {"type": "string"}}},
        "final_output": {"composes": ["all: flatten([s0].list)", "s0.*"]}});
    if draws.one_in(2) {
        document["webhook"] = json!({"url": "https://a.example/", "verdict": "wait", "max_reopens": 2,
            "verdict_within": "10m"});
    }
    document
}

/// What rows keep of a state, read again.
pub(super) fn restored(state: &RunState) -> RunState {
    fn again<T: serde::Serialize + serde::de::DeserializeOwned>(part: &T) -> T {
        serde_json::from_str(&serde_json::to_string(part).unwrap()).unwrap()
    }
    let mut stored = state.stored();
    stored.part = again(&stored.part);
    for task in &mut stored.tasks {
        task.part = again(&task.part);
    }
    for claim in &mut stored.claims {
        claim.part = again(&claim.part);
        claim.submissions = again(&claim.submissions);
    }
    // Rows come in any order.
    stored.tasks.reverse();
    RunState::restore(stored, &state.definition).unwrap()
}
