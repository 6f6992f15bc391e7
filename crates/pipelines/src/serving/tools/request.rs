//! What is sent to an endpoint, and what is made of its answer.

use std::time::Duration;

use egress::{HeaderName, HeaderValue, Limits, Request, Response, header};
use names::{Secret, UnixMillis};
use pipelines_core::{call::Call, definition::Subcommand};
use serde_json::Value;
use tokio::task::spawn_blocking;
use url::Url;
use web::Problem;

use super::{CallId, MAX_ANSWER, Outcome, Scene, fresh};
use crate::{Door, engine::millis};

/// What is told of an answer that is no yes.
const TOLD_BYTES: usize = 64 << 10;
/// Who asks.
static USER_AGENT: HeaderValue = HeaderValue::from_static("Motet-Call/1");

/// A call that can be made.
pub(super) struct Ready {
    pub(super) id: CallId,
    pub(super) subcommand: String,
    pub(super) body: Vec<u8>,
    pub(super) at: UnixMillis,
    /// Nothing where no request may go now.
    url: Option<Url>,
    bearer: Secret<String>,
    secrets: Vec<Secret<String>>,
}

/// Whether a call can be made.
pub(super) enum Sent {
    /// Now.
    Ready(Box<Ready>),
    /// After that time: the endpoint has failed too often.
    Later(Duration),
}

/// What came back.
pub(super) struct Answered {
    pub(super) outcome: Outcome,
    pub(super) status: Option<u16>,
    pub(super) is_truncated: bool,
    /// The answer, as the agent is told of it.
    pub(super) value: Value,
    /// Bytes that were read.
    pub(super) bytes: u64,
    pub(super) ended_at: UnixMillis,
}

/// The bytes of arguments.
pub(super) fn body(arguments: &Value) -> Vec<u8> {
    // A value that was read is written again.
    serde_json::to_vec(arguments).unwrap_or_default()
}

/// Where an endpoint is, for its breaker.
fn origin(subcommand: &Subcommand) -> String {
    Url::parse(&subcommand.url).map(|it| it.origin().ascii_serialization()).unwrap_or_default()
}

/// Takes what a call bears: the active secrets of the publisher of the run, and no others.
pub(super) async fn ready(
    door: &Door,
    scene: &Scene,
    subcommand: &Subcommand,
    arguments: &Value,
) -> Result<Sent, Problem> {
    let ground = &door.pipelines.0.ground;
    let publisher = scene.run.birth.publisher;
    let mut tx = ground.db.read().await?;
    let bearer = ground.trust.active_bearer(&mut tx, publisher).await?;
    let secrets = ground.trust.active_signing_secrets(&mut tx, publisher).await?;
    drop(tx);
    let (place, now) = (origin(subcommand), ground.clock.now());
    if let Some(wait) = door.pipelines.0.breakers.closed_for(publisher, &place, now) {
        return Ok(Sent::Later(wait));
    }
    Ok(Sent::Ready(Box::new(Ready {
        id: fresh(door),
        subcommand: subcommand.name.clone(),
        body: body(arguments),
        at: now,
        url: ground.hooks.addresses().check(&subcommand.url).ok(),
        bearer,
        secrets,
    })))
}

/// Makes the call.
pub(super) async fn send(
    door: &Door,
    scene: &Scene,
    subcommand: &Subcommand,
    ready: &Ready,
) -> Answered {
    let left = scene.run.state.budgets.proxy_bytes;
    let left = left.saturating_sub(scene.run.state.spent.proxy_bytes + ready.body.len() as u64);
    let limits = Limits {
        resolve: subcommand.timeout,
        connect: subcommand.timeout,
        first_byte: subcommand.timeout,
        idle: subcommand.timeout,
        total: subcommand.timeout,
        response_bytes: MAX_ANSWER.min(left),
        ..Limits::default()
    };
    let ground = &door.pipelines.0.ground;
    let asked = match (&ready.url, ground.hooks.client()) {
        (None, _) => Err(Outcome::AddressRefused),
        // Nobody's certificate is believed: nothing can be reached.
        (_, None) => Err(Outcome::Unreachable),
        (Some(url), Some(client)) => match request(scene, ready, url) {
            Ok(request) => {
                let answer = client.send(request.limits(limits)).await;
                answer.map_err(|error| Outcome::of_error(&error))
            }
            Err(error) => Err(Outcome::of_error(&error)),
        },
    };
    let mut answered = match asked {
        Ok(response) => read(subcommand, response).await,
        Err(outcome) => failed(outcome, None),
    };
    answered.ended_at = ground.clock.now();
    let is_fault = answered.outcome.is_fault();
    let publisher = scene.run.birth.publisher;
    let place = origin(subcommand);
    door.pipelines.0.breakers.note(publisher, &place, is_fault, answered.ended_at);
    answered
}

fn failed(outcome: Outcome, status: Option<u16>) -> Answered {
    let ended_at = UnixMillis(0);
    Answered { outcome, status, is_truncated: false, value: Value::Null, bytes: 0, ended_at }
}

fn request(scene: &Scene, ready: &Ready, url: &Url) -> Result<Request, egress::Error> {
    let (birth, claim) = (&scene.run.birth, &scene.claim);
    let target = url
        .query()
        .map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let (call, run) = (ready.id.to_string(), scene.run.state.run.to_string());
    let (task, id) = (scene.task.to_string(), scene.id.to_string());
    let signed = Call {
        at: ready.at,
        call: &call,
        target: &target,
        publisher: birth.handle.as_str(),
        pipeline: &birth.pipeline,
        version: claim.version,
        run: &run,
        task: &task,
        claim: &id,
        fence: claim.fence,
        subcommand: &ready.subcommand,
        body: &ready.body,
    };
    let secrets: Vec<_> = ready.secrets.iter().collect();
    let signature = signed.signature(&secrets);
    let told = [
        ("x-motet-publisher", birth.handle.to_string()),
        ("x-motet-pipeline", birth.pipeline.to_string()),
        ("x-motet-version", claim.version.to_string()),
        ("x-motet-run", run.clone()),
        ("x-motet-task", task.clone()),
        ("x-motet-subcommand", ready.subcommand.clone()),
        ("x-motet-claim", id.clone()),
        ("x-motet-fence", claim.fence.to_string()),
        ("x-motet-call", call.clone()),
        ("x-motet-remaining-ms", millis(scene.remaining()).to_string()),
        ("x-motet-call-signature", signature),
    ];
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", ready.bearer.expose()))
        .map_err(|_| egress::Error::Url { why: "the bearer cannot be written into a header" })?;
    bearer.set_sensitive(true);
    let request = Request::post(url.as_str())?
        .header(header::AUTHORIZATION, bearer)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(header::ACCEPT, HeaderValue::from_static("application/json"))
        .header(header::USER_AGENT, USER_AGENT.clone())
        .body(ready.body.clone());
    Ok(told.into_iter().fold(request, |request, (name, value)| {
        // Names and numbers fit into a header.
        match HeaderValue::try_from(value) {
            Ok(value) => request.header(HeaderName::from_static(name), value),
            Err(_) => request,
        }
    }))
}

/// Reads an answer as far as it is told.
async fn read(subcommand: &Subcommand, response: Response) -> Answered {
    let (outcome, status) = (Outcome::of(response.status), Some(response.status.as_u16()));
    match outcome {
        Outcome::Ok => match response.body.bytes().await {
            Ok(bytes) => good(subcommand, bytes.to_vec(), status).await,
            Err(error) => failed(Outcome::of_error(&error), status),
        },
        Outcome::Publisher4xx | Outcome::Publisher5xx => {
            // One byte more than is told shows that there is more.
            let Ok(bytes) = response.body.beginning(TOLD_BYTES + 1).await else {
                return failed(outcome, status);
            };
            let told = bytes.get(..TOLD_BYTES.min(bytes.len())).unwrap_or_default();
            let text = || Value::String(String::from_utf8_lossy(told).into_owned());
            let value = serde_json::from_slice(told).unwrap_or_else(|_| text());
            let is_truncated = bytes.len() > TOLD_BYTES;
            Answered { value, is_truncated, bytes: bytes.len() as u64, ..failed(outcome, status) }
        }
        other => failed(other, status),
    }
}

/// A yes: it counts if it is JSON and fits.
async fn good(subcommand: &Subcommand, bytes: Vec<u8>, status: Option<u16>) -> Answered {
    let count = bytes.len() as u64;
    let schema = subcommand.output_schema.clone();
    let judged = spawn_blocking(move || {
        let value: Value = serde_json::from_slice(&bytes).ok()?;
        let fits = schema.as_ref().is_none_or(|it| it.judge(&value).is_empty());
        fits.then_some(value)
    });
    match judged.await.ok().flatten() {
        Some(value) => Answered { value, bytes: count, ..failed(Outcome::Ok, status) },
        None => Answered { bytes: count, ..failed(Outcome::BadAnswer, status) },
    }
}
