//! Subcommands: an agent calls the endpoints of a publisher during a claim, always through here (`spec/work.md` 7).
//!
//! | file         | what is there                                                |
//! |--------------|--------------------------------------------------------------|
//! | `mod.rs`     | the way of a call: judged, counted, sent, written down          |
//! | `built_in.rs`| `help`, `status`, `blocked`: they stay inside                   |
//! | `request.rs` | what is sent, and what is made of the answer                    |
//! | `outcome.rs` | [`Outcome`]: what a call came to                               |
//! | `breaker.rs` | an endpoint that failed often is left alone                     |
//! | `skills.rs`  | the holder of a claim reads skills                             |
//! | `store.rs`   | the SQL                                                      |
//!
//! Invariants: nothing leaves before the call is counted and written down. A call bears the bearer of its own publisher,
//! or is not made. No endpoint is asked twice for one call.

mod breaker;
mod built_in;
mod outcome;
mod request;
pub(super) mod skills;
pub(crate) mod store;

use std::{sync::Arc, time::Duration};

use api::json;
use http::StatusCode;
use names::{Id, UnixMillis};
use pipelines_core::{
    definition::{Definition, Step, Subcommand},
    machine::{Claim, ClaimPhase, Refusal, What},
    name::{Check, ClaimId},
};
use serde_json::Value;
use tokio::task::spawn_blocking;
use trust::{Allowed, Who, act, limits::Rate};
use web::{Json, Posted, Problem};

use super::{
    fault, invalid,
    places::{ClaimPlace, TaskPlace, principal},
    refusals,
};
use crate::{
    Door, Error,
    engine::{NotDone, Said, heads::TaskId, millis, run::Run, runs},
};
pub(crate) use breaker::Breakers;
use outcome::Outcome;
use request::Sent;

/// What has to be left of a claim beyond the time that a call may take.
const MARGIN: Duration = Duration::from_secs(5);
/// The longest answer that is read.
const MAX_ANSWER: u64 = 1 << 20;

/// What a call is about.
struct Scene {
    id: ClaimId,
    run: Run,
    claim: Arc<Claim>,
    task: TaskId,
    /// Of the version that the claim was granted under.
    definition: Arc<Definition>,
    /// By the clock of the engine.
    now: UnixMillis,
}

impl Scene {
    /// The claim, if it lives.
    async fn of(door: &Door, place: &ClaimPlace) -> Result<Self, Problem> {
        let mut tx = door.db().read().await?;
        let run = runs::read(&door.pipelines, &mut tx, place.run).await?;
        let run = run.ok_or_else(Problem::not_found)?;
        let claim = run.state.claims.get(&place.claim).ok_or_else(Problem::not_found)?;
        let claim = Arc::clone(claim);
        let now = door.pipelines.0.engine.now();
        let phase = match claim.phase {
            ClaimPhase::Live if claim.ends_at <= now => ClaimPhase::Expired,
            phase => phase,
        };
        if phase != ClaimPhase::Live {
            return Err(NotDone::Refused(Refusal::ClaimLost(phase)).into());
        }
        let task = run.ids.get(&(claim.address.clone(), claim.generation)).copied();
        let task = task.ok_or_else(Problem::not_found)?;
        let (publisher, pipeline) = (run.birth.publisher, &run.birth.pipeline);
        let pinned =
            door.pipelines.pinned(&mut tx, publisher, pipeline, Some(claim.version)).await?;
        let definition = pinned.ok_or_else(Problem::not_found)?.definition;
        Ok(Self { id: place.claim, run, claim, task, definition, now })
    }

    fn step(&self) -> Option<&Step> {
        self.definition.step(&self.claim.address.step)
    }

    /// What may be called: a review has only what is built in.
    fn subcommands(&self) -> &[Subcommand] {
        let is_review = matches!(self.claim.address.check, Some(Check::Review(_)));
        self.step().filter(|_| !is_review).map_or(&[][..], |step| step.subcommands.as_slice())
    }

    /// Who wrote what is told: `publisher/pipeline@version`.
    fn origin(&self) -> String {
        format!("{}/{}@{}", self.run.birth.handle, self.run.birth.pipeline, self.claim.version)
    }

    fn untrusted(&self, value: Value) -> json::UntrustedValue {
        json::UntrustedValue { untrusted: true, origin: self.origin(), value }
    }

    fn remaining(&self) -> Duration {
        self.claim.ends_at.since(self.now)
    }

    /// An answer that changed nothing about the claim.
    fn told(&self, outcome: Outcome, value: Value) -> json::ToolAnswer {
        json::ToolAnswer {
            outcome: outcome.as_str().to_owned(),
            status: None,
            truncated: false,
            answer: self.untrusted(value),
            call: None,
            retry_after_ms: None,
            lease_ends_at: self.claim.ends_at.to_string(),
            remaining_ms: millis(self.remaining()),
            cancel_requested: false,
        }
    }
}

/// `POST /api/v1/claims/{claim}/tool`.
pub(super) async fn call(
    door: Door,
    allowed: Allowed<act::TaskTool, ClaimPlace>,
    call: Posted<json::CallTool>,
) -> Result<Json<json::ToolAnswer>, Problem> {
    let asked = call.json().await?;
    let place = allowed.resource();
    let by = principal(allowed.actor())?;
    let scene = Scene::of(&door, place).await?;
    place.check_fence(asked.fence)?;
    let arguments = asked.arguments.unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if let Some(built_in) = built_in::named(&asked.name) {
        let said = (place, allowed.actor());
        return built_in::answer(&door, &scene, built_in, &arguments, said).await.map(Json);
    }
    let found = scene.subcommands().iter().find(|it| it.name == asked.name);
    let subcommand = found.ok_or_else(|| unknown(&scene, &asked.name))?.clone();
    let (subcommand, arguments) = judged(subcommand, arguments).await?;
    check(&scene, &subcommand, &arguments)?;
    if let Some(credential) = allowed.actor().credential_id() {
        let limits = door.pipelines.0.ground.trust.limits();
        limits.take(Rate::Calls, Who::Credential(credential), 1)?;
    }
    let said = Said { claim: Some(place.claim), ..Said::default() };
    let engine = &door.pipelines.0.engine;
    let sent = match request::ready(&door, &scene, &subcommand, &arguments).await? {
        Sent::Ready(sent) => sent,
        Sent::Later(wait) => {
            let mut told = scene.told(Outcome::Unavailable, Value::Null);
            told.retry_after_ms = Some(millis(wait));
            return Ok(Json(told));
        }
    };
    let bytes = sent.body.len() as u64;
    let (name, agent) = (subcommand.name.clone(), place.agent);
    let counted = What::Call { claim: place.claim, agent, name, bytes };
    engine.happen(place.run, counted, allowed.actor(), said.clone()).await?;
    let id = sent.id;
    store::add(&door, &scene, &sent).await?;
    let answered = request::send(&door, &scene, &subcommand, &sent).await;
    let (outcome, bytes) = (answered.outcome, answered.bytes);
    let is_good = outcome == Outcome::Ok;
    let what = What::Answered { claim: place.claim, bytes, is_good };
    let told = engine.happen(place.run, what, Some(by), said).await;
    store::finish(&door, id, &answered).await?;
    let claim = told.ok().and_then(|it| it.claim);
    let mut answer = scene.told(outcome, answered.value);
    answer.call = Some(id.to_string());
    answer.status = answered.status;
    answer.truncated = answered.is_truncated;
    if let Some(claim) = claim {
        answer.lease_ends_at = claim.ends_at.to_string();
        answer.remaining_ms = millis(claim.remaining);
        answer.cancel_requested = claim.phase == ClaimPhase::Cancelled;
    }
    Ok(Json(answer))
}

/// What there is instead of a name that there is not.
fn unknown(scene: &Scene, name: &str) -> Problem {
    let own = scene.subcommands().iter().map(|it| it.name.as_str());
    let all: Vec<_> = own.chain(built_in::NAMES).collect();
    let message = format!("`{name}` is none of: {}", all.join(", "));
    let available = all
        .iter()
        .enumerate()
        .map(|(at, it)| fault(&format!("/available/{at}"), "available", (*it).to_owned()));
    let first = fault("/name", "unknown_subcommand", message.clone());
    let faults = [first].into_iter().chain(available).collect();
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    Problem::refuse(status, "unknown_subcommand", &message).with(faults)
}

/// Judges the arguments away from the runtime.
async fn judged(subcommand: Subcommand, arguments: Value) -> Result<(Subcommand, Value), Problem> {
    if !arguments.is_object() {
        return Err(invalid("/arguments", "arguments are an object"));
    }
    let judging = spawn_blocking(move || {
        let schema = subcommand.input_schema.as_ref();
        let faults = schema.map(|it| it.judge(&arguments)).unwrap_or_default();
        (subcommand, arguments, faults)
    });
    let (subcommand, arguments, faults) = judging.await.map_err(|_| Error::GivenUp)?;
    if faults.is_empty() {
        return Ok((subcommand, arguments));
    }
    Err(refusals::invalid("/arguments", &faults))
}

/// What the state machine says again when the call is counted: here in the order in which it is told.
fn check(scene: &Scene, subcommand: &Subcommand, arguments: &Value) -> Result<(), Problem> {
    let refuse = |refusal| Err(NotDone::Refused(refusal).into());
    if scene.remaining() < subcommand.timeout + MARGIN {
        return refuse(Refusal::NearExpiry);
    }
    let task = scene.run.state.current(&scene.claim.address);
    let calls = task.and_then(|it| it.calls.get(&subcommand.name)).copied().unwrap_or_default();
    if calls >= subcommand.max_calls {
        return refuse(Refusal::CallsExhausted);
    }
    let (budgets, spent) = (&scene.run.state.budgets, &scene.run.state.spent);
    if spent.proxy_calls >= budgets.proxy_calls {
        return refuse(Refusal::BudgetExhausted(pipelines_core::machine::Budget::ProxyCalls));
    }
    let bytes = request::body(arguments).len() as u64;
    if spent.proxy_bytes.saturating_add(bytes) > budgets.proxy_bytes {
        return refuse(Refusal::BudgetExhausted(pipelines_core::machine::Budget::ProxyBytes));
    }
    Ok(())
}

/// `GET /api/v1/tasks/{task}/calls`.
pub(crate) async fn list(
    door: Door,
    allowed: Allowed<act::RunRead, TaskPlace>,
    (): (),
) -> Result<Json<json::ToolCallPage>, Problem> {
    let rows = store::calls(&mut door.db().glance().await?, allowed.resource().task).await?;
    let now = door.pipelines.0.ground.clock.now();
    let items = rows.into_iter().map(|row| row.told(now)).collect();
    Ok(Json(json::ToolCallPage { items, next_cursor: None }))
}

/// The id of a call.
pub(crate) type CallId = Id<Call>;

/// A call, as rows know it.
#[derive(Debug)]
pub(crate) enum Call {}

/// Ids of calls are told to publishers as they are.
fn fresh(door: &Door) -> CallId {
    let ground = &door.pipelines.0.ground;
    Id::new(ground.clock.now(), &ground.random)
}
