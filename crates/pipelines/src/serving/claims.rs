//! Agents ask for work, and see what they have (`spec/work.md` 4, Ask).

use std::time::Duration;

use api::json;
use db::Dialect;
use http::StatusCode;
use names::{Id, UnixMillis};
use pipelines_core::{
    machine::ClaimPhase,
    name::{AgentId, OwnerId, RunId},
};
use serde::Deserialize;
use tokio::{
    sync::broadcast,
    time::{Instant, timeout_at},
};
use trust::{Actor, Allowed, Anything, Credential, Refusal, act};
use uuid::Uuid;
use web::{Json, Problem, Queried};

use super::{fault, places::ClaimPlace, store, tasks};
use crate::{
    Door,
    engine::{Asking, millis, runs},
};

/// The longest wait, in seconds.
const MAX_WAIT: u64 = 60;
/// The most claims in one answer.
const MAX_CLAIMS: usize = 16;
/// Labels that a call may offer, and the names that it may narrow to.
const MAX_LISTED: usize = 16;
/// How soon to ask again where nothing was found: a waiting call costs less than one a second.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How late it is seen that another process ended a claim: its holder learns it within a second.
const POLL: Duration = Duration::from_millis(900);

/// The agent that acts, and whose it is. Nobody else claims anything.
pub(super) fn agent(actor: &Actor) -> Result<(AgentId, OwnerId), Problem> {
    let owner = actor.behind().ok_or(Refusal::Forbidden)?;
    let agent = actor.principal().ok_or(Refusal::Unauthenticated)?;
    Ok((Id::from_uuid(agent.id.uuid()), Id::from_uuid(owner.uuid())))
}

pub(super) async fn next(
    door: Door,
    allowed: Allowed<act::TaskClaim, Anything>,
    Json(asked): Json<json::NextClaims>,
) -> Result<Json<json::ClaimBatch>, Problem> {
    let (agent, owner) = agent(allowed.actor())?;
    let resumes = asked.resume.unwrap_or(true);
    let (wait, mut asking) = wanted(allowed.actor(), (agent, owner), asked)?;
    let mut tx = door.db().glance().await?;
    let store::Hands { all, held, can: own } = store::hands(&mut tx, agent, asking.token).await?;
    let untouched =
        if resumes && all > 0 { store::untouched(&mut tx, agent).await? } else { Vec::new() };
    drop(tx);
    // What an agent does not say of itself it cannot offer, and what a publisher gives it cannot give itself.
    asking.labels.retain(|it| own.contains(it) && !it.starts_with('@'));
    let engine = &door.pipelines.0.engine;
    if !untouched.is_empty() {
        let most = asking.most;
        let claims = engine.look(agent, untouched).await?;
        let told = claims.into_iter().take(most).map(|it| it.told);
        let items: Vec<_> = told.map(|it| json::Claim { resumed: true, ..it }).collect();
        if !items.is_empty() {
            return Ok(Json(json::ClaimBatch { items, retry_after_ms: 0 }));
        }
    }
    let most = asking.live_claims;
    if held >= most {
        let why = format!("a token holds {most} claims at a time; hand one in or give one back");
        return Err(
            Problem::refuse(StatusCode::TOO_MANY_REQUESTS, "claims_full", &why).retry_after(1)
        );
    }
    let granted = engine.next(asking, wait).await?;
    let items: Vec<_> = granted.into_iter().map(|it| it.told).collect();
    let retry_after_ms = if items.is_empty() && wait.is_zero() { millis(ASK_AGAIN) } else { 0 };
    Ok(Json(json::ClaimBatch { items, retry_after_ms }))
}

/// What an agent asks for, or every fault of it.
fn wanted(
    actor: &Actor,
    (agent, owner): (AgentId, OwnerId),
    asked: json::NextClaims,
) -> Result<(Duration, Asking), Problem> {
    let mut faults = Vec::new();
    if asked.wait > MAX_WAIT {
        faults.push(fault("/wait", "out_of_range", format!("wait 0 to {MAX_WAIT} seconds")));
    }
    let most = asked.max.unwrap_or(1);
    if !(1..=MAX_CLAIMS).contains(&most) {
        faults.push(fault("/max", "out_of_range", format!("ask for 1 to {MAX_CLAIMS} claims")));
    }
    for (name, all) in [
        ("labels", &asked.labels),
        ("publishers", &asked.publishers),
        ("pipelines", &asked.pipelines),
    ] {
        if all.len() > MAX_LISTED {
            let why = format!("at most {MAX_LISTED} are listed");
            faults.push(fault(&format!("/{name}"), "out_of_range", why));
        }
    }
    let (mut publishers, mut pipelines) = (Vec::new(), Vec::new());
    for (at, name) in asked.publishers.iter().enumerate() {
        match name.parse() {
            Ok(name) => publishers.push(name),
            Err(_) => faults.push(fault(&format!("/publishers/{at}"), "invalid", "no handle")),
        }
    }
    for (at, name) in asked.pipelines.iter().enumerate() {
        match name.parse() {
            Ok(name) => pipelines.push(name),
            Err(_) => faults.push(fault(&format!("/pipelines/{at}"), "invalid", "no pipeline")),
        }
    }
    let run = asked.run.as_deref().map(str::parse::<Uuid>).transpose();
    let run = run.unwrap_or_else(|_| {
        faults.push(fault("/run", "invalid", "this is no run"));
        None
    });
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let token = match actor.credential() {
        Some(Credential::Token(token)) => Some(token.id.uuid()),
        Some(Credential::Key(_) | Credential::Session(_) | Credential::Standing) | None => None,
    };
    let wait = Duration::from_secs(asked.wait);
    let asking = Asking {
        agent,
        owner,
        token,
        labels: asked.labels.into_iter().collect(),
        reach: actor.pipeline_reach(),
        publishers,
        pipelines,
        run: run.map(Id::from_uuid),
        most,
        live_claims: actor.live_claims(),
        stamp: actor.stamp(),
        waits: !wait.is_zero(),
    };
    Ok((wait, asking))
}

pub(super) async fn list(
    door: Door,
    allowed: Allowed<act::ClaimList, Anything>,
    (): (),
) -> Result<Json<json::HeldClaims>, Problem> {
    let (agent, _) = agent(allowed.actor())?;
    let rows = store::held(&mut door.db().glance().await?, agent).await?;
    Ok(Json(json::HeldClaims { items: rows.into_iter().map(held).collect(), next_cursor: None }))
}

/// A claim, as its holder is told that it lives.
pub(super) fn held(row: store::HeldRow) -> json::HeldClaim {
    json::HeldClaim {
        claim: row.id.to_string(),
        task: row.task_id.to_string(),
        run: row.run_id.to_string(),
        address: row.address,
        fence: row.fence.unsigned_abs(),
        granted_at: UnixMillis(row.granted_at).to_string(),
        lease_ends_at: UnixMillis(row.ends_at).to_string(),
    }
}

/// How long to wait until something happens to the claim.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowClaim {
    #[serde(default)]
    wait: u64,
}

pub(super) async fn show(
    door: Door,
    allowed: Allowed<act::ClaimRead, ClaimPlace>,
    call: Queried<ShowClaim>,
) -> Result<Json<json::ClaimStatus>, Problem> {
    let asked = call.query()?;
    call.end().await?;
    let place = allowed.resource();
    let until = Instant::now() + Duration::from_secs(asked.wait.min(MAX_WAIT));
    // Before the first look: what changes after it is heard.
    let mut changes = door.pipelines.0.engine.listen();
    loop {
        let (phase, status) = status(&door, place).await?;
        if phase != ClaimPhase::Live || Instant::now() >= until {
            return Ok(Json(status));
        }
        changed(&door, place, &mut changes, until).await?;
    }
}

/// Waits until something has happened to a claim, or its run.
async fn changed(
    door: &Door,
    place: &ClaimPlace,
    changes: &mut broadcast::Receiver<RunId>,
    until: Instant,
) -> Result<(), Problem> {
    loop {
        let look_again = match door.db().dialect() {
            Dialect::Sqlite => until,
            Dialect::Postgres => until.min(Instant::now() + POLL),
        };
        let mine = async {
            // An error says that some were missed: then it is looked at too.
            while changes.recv().await.is_ok_and(|run| run != place.run) {}
        };
        if timeout_at(look_again, mine).await.is_ok() || Instant::now() >= until {
            return Ok(());
        }
        // Another process may have ended it.
        let mut tx = door.db().glance().await?;
        if store::claim_state(&mut tx, place.claim).await?.as_deref() != Some("live") {
            return Ok(());
        }
    }
}

/// Where a claim is, by its rows.
async fn status(
    door: &Door,
    place: &ClaimPlace,
) -> Result<(ClaimPhase, json::ClaimStatus), Problem> {
    let mut tx = door.db().read().await?;
    let run = runs::read(&door.pipelines, &mut tx, place.run).await?;
    let run = run.ok_or_else(Problem::not_found)?;
    let now = door.pipelines.0.engine.now();
    let told = run.told_of(place.claim, now).ok_or_else(Problem::not_found)?;
    let claim = run.state.claims.get(&place.claim).ok_or_else(Problem::not_found)?;
    let task = run.ids.get(&(claim.address.clone(), claim.generation));
    let (_, given) = match task {
        Some(task) => store::attempts(&mut tx, *task).await?,
        None => (Vec::new(), Vec::new()),
    };
    let own = given.iter().filter(|(claim, ..)| *claim == place.claim.uuid());
    let status = json::ClaimStatus {
        claim: place.claim.to_string(),
        state: told.phase.as_str().to_owned(),
        task_state: told.task.as_str().to_owned(),
        run_state: run.state.phase.as_str().to_owned(),
        lease_ends_at: told.ends_at.to_string(),
        remaining_ms: millis(told.remaining),
        cancel_requested: told.phase == ClaimPhase::Cancelled,
        submissions: own.map(tasks::submission).collect::<Result<_, _>>()?,
    };
    Ok((told.phase, status))
}
