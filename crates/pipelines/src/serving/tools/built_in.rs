//! `help`, `status`, `blocked`: they stay inside, and cost no budget.

use std::time::Duration;

use api::json;
use pipelines_core::machine::{Event, Release, ReleaseReason, Usage, What};
use serde_json::{Value, json};
use trust::Actor;
use web::Problem;

use super::{Outcome, Scene, store, unknown};
use crate::{
    Door,
    engine::{Said, granted, millis, source, whole_schema},
    serving::{invalid, places::ClaimPlace},
};

/// What every task has.
pub(super) const NAMES: [&str; 3] = ["help", "status", "blocked"];
/// What may be said of what stands in the way, in bytes.
const MAX_DETAIL: usize = 16 << 10;

/// A built-in name.
pub(super) enum BuiltIn {
    /// What there is.
    Help,
    /// More about one of it.
    HelpOn(String),
    /// Where the claim is.
    Status,
    /// Gives the task back: something outside stands in the way.
    Blocked,
}

/// The built-in one of that name.
pub(super) fn named(name: &str) -> Option<BuiltIn> {
    if let Some(("help", on)) = name.split_once(' ') {
        return Some(BuiltIn::HelpOn(on.trim().to_owned()));
    }
    match name {
        "help" => Some(BuiltIn::Help),
        "status" => Some(BuiltIn::Status),
        "blocked" => Some(BuiltIn::Blocked),
        _ => None,
    }
}

pub(super) async fn answer(
    door: &Door,
    scene: &Scene,
    built_in: BuiltIn,
    arguments: &Value,
    (place, by): (&ClaimPlace, &Actor),
) -> Result<json::ToolAnswer, Problem> {
    match built_in {
        BuiltIn::Help => Ok(scene.told(Outcome::Ok, help(scene))),
        BuiltIn::HelpOn(name) => {
            let told = help_on(scene, &name).ok_or_else(|| unknown(scene, &name))?;
            Ok(scene.told(Outcome::Ok, told))
        }
        BuiltIn::Status => {
            let rows = store::calls(&mut door.db().glance().await?, scene.task).await?;
            let now = door.pipelines.0.ground.clock.now();
            let calls: Vec<_> = rows.into_iter().map(|row| row.told(now)).collect();
            Ok(scene.told(Outcome::Ok, status(scene, place, &calls)))
        }
        BuiltIn::Blocked => {
            let detail = arguments.get("detail").and_then(Value::as_str).map(str::to_owned);
            if detail.as_ref().is_none_or(|it| it.is_empty() || it.len() > MAX_DETAIL) {
                return Err(invalid(
                    "/arguments/detail",
                    "say what stands in the way, in at most 16 KiB",
                ));
            }
            let release = Release {
                reason: ReleaseReason::Blocked,
                retry_after: Duration::ZERO,
                usage: Usage::default(),
            };
            let what = What::Release { claim: place.claim, agent: place.agent, release };
            let event = Event { draw: door.draw(), what };
            let said = Said { claim: Some(place.claim), note: detail, ..Said::default() };
            let told = door.pipelines.0.engine.happen(place.run, event, by, said).await?;
            let claim = told.claim.ok_or_else(Problem::not_found)?;
            let value = json!({"state": claim.phase.as_str(), "task_state": claim.task.as_str()});
            Ok(scene.told(Outcome::Ok, value))
        }
    }
}

fn help(scene: &Scene) -> Value {
    let own = scene.subcommands().iter().map(|it| json!({"name": it.name, "summary": it.summary}));
    let built_in = [
        ("help", "names what there is; `help NAME` tells more of one"),
        ("status", "tells how much time and budget is left, and the last calls"),
        ("blocked", "gives the task back, because something outside stands in the way"),
    ];
    let built_in = built_in.map(|(name, summary)| json!({"name": name, "summary": summary}));
    json!({"subcommands": own.chain(built_in).collect::<Vec<_>>()})
}

fn help_on(scene: &Scene, name: &str) -> Option<Value> {
    let it = scene.subcommands().iter().find(|it| it.name == name)?;
    let step = scene.step()?;
    let written = source(&scene.definition, step, "subcommands")?.as_array()?;
    let written = written.iter().find(|it| it.get("name").and_then(Value::as_str) == Some(name))?;
    let schema = |member: &str| whole_schema(&scene.definition, written.get(member));
    Some(json!({
        "name": it.name, "summary": it.summary, "help": it.help, "max_calls": it.max_calls,
        "timeout_ms": millis(it.timeout), "input_schema": schema("input_schema"),
        "output_schema": schema("output_schema"),
    }))
}

fn status(scene: &Scene, place: &ClaimPlace, calls: &[json::ToolCall]) -> Value {
    let told = granted(&scene.run, place.claim, scene.now).map(|it| it.told);
    let budget_left = told.as_ref().map(|it| it.budget_left);
    json!({
        "claim": place.claim.to_string(), "fence": scene.claim.fence,
        "attempt": told.as_ref().map(|it| it.attempt), "lease_ends_at": scene.claim.ends_at.to_string(),
        "cap_at": scene.claim.cap_at.to_string(), "remaining_ms": millis(scene.remaining()),
        "budget_left": budget_left, "calls": calls,
    })
}
