//! What is done to a run by the forms of its page: each is the JSON call of the same name.

use api::json;
use axum::response::Response;
use serde::Deserialize;
use trust::{Act, Actor, Allowed, act};
use web::{Call, Context, Form, Input as _, Json, Problem};

use super::{is_told, lead_to, run};
use crate::{
    Door,
    serving::{again, places::RunPlace, runs},
};

/// A form with a reason, or with nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    #[serde(default)]
    reason: String,
}

/// Who asks, and of what.
struct Asker {
    actor: Actor,
    place: RunPlace,
    context: Context,
}

impl Asker {
    fn of<A: Act>(allowed: &Allowed<A, RunPlace>, call: &Call) -> Self {
        let (actor, place) = (allowed.actor().clone(), allowed.resource().clone());
        Self { actor, place, context: call.context.clone() }
    }

    /// Leads to the run after what was done to it, or shows it with what stood in the way.
    async fn told<T>(self, door: &Door, done: Result<T, Problem>) -> Result<Response, Problem> {
        match done {
            Ok(_) => Ok(lead_to(&format!("/runs/{}", self.place.run))),
            Err(problem) if is_told(&problem) => {
                run::again(door, (&self.actor, &self.place), &self.context, &problem).await
            }
            Err(problem) => Err(problem),
        }
    }
}

pub(super) async fn cancel(
    door: Door,
    allowed: Allowed<act::RunCancel, RunPlace>,
    call: Call,
) -> Result<Response, Problem> {
    let sender = Asker::of(&allowed, &call);
    let Form(why) = Form::<Why>::take(call).await?;
    let asked = Json(json::Reason { reason: Some(why.reason) });
    let done = runs::cancel(door.clone(), allowed, asked).await;
    sender.told(&door, done).await
}

pub(super) async fn pause(
    door: Door,
    allowed: Allowed<act::RunCancel, RunPlace>,
    call: Call,
) -> Result<Response, Problem> {
    let sender = Asker::of(&allowed, &call);
    let Form(_) = Form::<Why>::take(call).await?;
    let done = runs::pause(door.clone(), allowed, Json(json::Reason::default())).await;
    sender.told(&door, done).await
}

pub(super) async fn resume(
    door: Door,
    allowed: Allowed<act::RunCancel, RunPlace>,
    call: Call,
) -> Result<Response, Problem> {
    let sender = Asker::of(&allowed, &call);
    let Form(_) = Form::<Why>::take(call).await?;
    let done = runs::resume(door.clone(), allowed, Json(json::Reason::default())).await;
    sender.told(&door, done).await
}

/// The version that a run moves to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct To {
    version: u32,
}

pub(super) async fn move_to(
    door: Door,
    allowed: Allowed<act::RunChange, RunPlace>,
    call: Call,
) -> Result<Response, Problem> {
    let sender = Asker::of(&allowed, &call);
    let Form(to) = Form::<To>::take(call).await?;
    let asked = json::MoveRun { to_version: to.version, reason: None };
    let done = again::moved(&door, &allowed, asked).await;
    sender.told(&door, done).await
}

/// Which budget is raised to what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raise {
    budget: String,
    to: u64,
}

pub(super) async fn raise(
    door: Door,
    allowed: Allowed<act::RunChange, RunPlace>,
    call: Call,
) -> Result<Response, Problem> {
    let sender = Asker::of(&allowed, &call);
    let Form(Raise { budget, to }) = Form::<Raise>::take(call).await?;
    let none = json::RunBudgets::default();
    let asked = match budget.as_str() {
        "claims" => json::RunBudgets { claims: Some(to), ..none },
        "tasks" => json::RunBudgets { tasks: Some(to), ..none },
        "proxy_calls" => json::RunBudgets { proxy_calls: Some(to), ..none },
        "proxy_bytes" => json::RunBudgets { proxy_bytes: Some(to), ..none },
        "result_bytes" => json::RunBudgets { result_bytes: Some(to), ..none },
        "wall_ms" => json::RunBudgets { wall_ms: Some(to), ..none },
        "micro_usd" => json::RunBudgets { micro_usd: Some(to), ..none },
        other => return Err(Problem::malformed(&format!("there is no budget `{other}`"))),
    };
    let done = runs::raised(&door, &allowed, asked).await;
    sender.told(&door, done).await
}

/// What is done again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Again {
    /// Addresses, with blanks between.
    #[serde(default)]
    from: String,
    /// Another input, as JSON.
    #[serde(default)]
    input: String,
    #[serde(default)]
    version: String,
}

impl Again {
    fn asked(self) -> Result<json::ReplayRun, Problem> {
        let input = match self.input.trim() {
            "" => None,
            text => Some(serde_json::from_str(text).map_err(|error| Problem::malformed(&error))?),
        };
        let version = match self.version.trim() {
            "" => None,
            text => Some(text.parse().map_err(|_| Problem::malformed("a version is a number"))?),
        };
        let from = self.from.split_whitespace().map(str::to_owned).collect();
        Ok(json::ReplayRun { from, input, keep: None, version })
    }
}

/// Leads to the run that does it again.
pub(super) async fn replay(
    door: Door,
    allowed: Allowed<act::RunCancel, RunPlace>,
    call: Call,
) -> Result<Response, Problem> {
    let sender = Asker::of(&allowed, &call);
    let Form(typed) = Form::<Again>::take(call).await?;
    let replayed = async { again::replayed(&door, &allowed, typed.asked()?).await };
    match replayed.await {
        Ok(begun) => Ok(lead_to(&format!("/runs/{}", begun.run))),
        Err(problem) => sender.told(&door, Err::<(), _>(problem)).await,
    }
}
