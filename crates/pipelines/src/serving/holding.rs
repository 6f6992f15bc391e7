//! Agents keep a claim alive, hand a result in, give a task back (`spec/work.md` 4).

use std::{sync::Arc, time::Duration};

use api::json;
use pipelines_core::{
    definition::MicroUsd,
    machine::{
        Answer, ClaimPhase, Effect, Release, ReleaseReason, RunPhase, TaskPhase, Usage, Verdict,
        What,
    },
};
use trust::{Allowed, act};
use web::{Json, Posted, Problem};

use super::{invalid, places::ClaimPlace, refusals};
use crate::{
    Door,
    engine::{ClaimTold, Said, Told, millis},
};

/// What an agent may say of how far it is, in bytes.
const MAX_PROGRESS: usize = 1 << 10;
/// What it may say beside a result, and of why it gives a task back.
const MAX_NOTES: usize = 16 << 10;
/// The longest word for what failed.
const MAX_CODE: usize = 64;
/// The longest wait that a release may ask for, in seconds.
const MAX_RETRY_AFTER: u64 = 3_600;

fn usage(told: Option<json::Usage>) -> Usage {
    let told = told.unwrap_or_default();
    Usage {
        tokens_in: told.tokens_in,
        tokens_out: told.tokens_out,
        micro_usd: MicroUsd(told.micro_usd),
    }
}

fn claim_of(told: &Told) -> Result<&ClaimTold, Problem> {
    told.claim.as_ref().ok_or_else(Problem::not_found)
}

pub(super) async fn beat(
    door: Door,
    allowed: Allowed<act::TaskHeartbeat, ClaimPlace>,
    call: Posted<json::Heartbeat>,
) -> Result<Json<json::ClaimTimes>, Problem> {
    let asked = call.json().await?;
    let place = allowed.resource();
    place.check_fence(asked.fence)?;
    if asked.progress.as_ref().is_some_and(|it| it.len() > MAX_PROGRESS) {
        return Err(invalid("/progress", "progress has at most 1 KiB"));
    }
    let usage = usage(asked.usage);
    let what = What::Beat { claim: place.claim, agent: place.agent, usage };
    let said = Said { claim: Some(place.claim), ..Said::default() };
    let told = door.pipelines.0.engine.happen(place.run, what, allowed.actor(), said).await?;
    let claim = claim_of(&told)?;
    Ok(Json(json::ClaimTimes {
        lease_ends_at: claim.ends_at.to_string(),
        remaining_ms: millis(claim.remaining),
        cancel_requested: claim.phase == ClaimPhase::Cancelled,
    }))
}

pub(super) async fn submit(
    door: Door,
    allowed: Allowed<act::TaskSubmit, ClaimPlace>,
    call: Posted<json::SubmitResult>,
) -> Result<Json<json::Submitted>, Problem> {
    let asked = call.json().await?;
    let place = allowed.resource();
    place.check_fence(asked.fence)?;
    if asked.notes.as_ref().is_some_and(|it| it.len() > MAX_NOTES) {
        return Err(invalid("/notes", "notes have at most 16 KiB"));
    }
    let what = What::Submit {
        claim: place.claim,
        agent: place.agent,
        result: Arc::new(asked.result),
        usage: usage(asked.usage),
    };
    let said = Said { claim: Some(place.claim), note: asked.notes, ..Said::default() };
    let told = door.pipelines.0.engine.happen(place.run, what, allowed.actor(), said).await?;
    let found = told.effects.iter().find_map(|effect| match effect {
        Effect::Answer(Answer::Verdict { verdict, is_repeated }) => Some((verdict, *is_repeated)),
        _ => None,
    });
    let (verdict, repeated) = found.ok_or_else(Problem::not_found)?;
    let verdict = match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Checking => "checking",
        Verdict::Invalid(faults) => return Err(refusals::invalid("/result", faults)),
    };
    let claim = claim_of(&told)?;
    Ok(Json(json::Submitted {
        verdict: verdict.to_owned(),
        accepted: verdict == "accepted",
        repeated,
        task_state: claim.task.as_str().to_owned(),
        run_state: told.run.as_str().to_owned(),
        lease_ends_at: claim.ends_at.to_string(),
        remaining_ms: millis(claim.remaining),
        cancel_requested: claim.phase == ClaimPhase::Cancelled,
    }))
}

fn reason(asked: &json::ReleaseClaim) -> Result<ReleaseReason, Problem> {
    let code = asked.code.clone();
    if code.as_ref().is_some_and(|it| it.is_empty() || it.len() > MAX_CODE) {
        return Err(invalid("/code", format!("a code has 1 to {MAX_CODE} bytes")));
    }
    match asked.reason.as_deref().unwrap_or("handed_back") {
        "handed_back" => Ok(ReleaseReason::HandedBack),
        "failed" => Ok(ReleaseReason::Failed { code }),
        "blocked" => Ok(ReleaseReason::Blocked),
        "refused" => Ok(ReleaseReason::Refused),
        other => {
            let why = format!("`{other}` is none of handed_back, failed, blocked and refused");
            Err(invalid("/reason", why))
        }
    }
}

pub(super) async fn release(
    door: Door,
    allowed: Allowed<act::TaskRelease, ClaimPlace>,
    call: Posted<json::ReleaseClaim>,
) -> Result<Json<json::Released>, Problem> {
    let asked = call.json().await?;
    let place = allowed.resource();
    place.check_fence(asked.fence)?;
    let reason = reason(&asked)?;
    if asked.detail.as_ref().is_some_and(|it| it.len() > MAX_NOTES) {
        return Err(invalid("/detail", "a detail has at most 16 KiB"));
    }
    let wait = asked.retry_after_s.unwrap_or_default();
    if wait > MAX_RETRY_AFTER {
        return Err(invalid("/retry_after_s", "wait an hour at most"));
    }
    let retry_after = Duration::from_secs(wait);
    let release = Release { reason, retry_after, usage: usage(asked.usage) };
    let what = What::Release { claim: place.claim, agent: place.agent, release };
    let event = pipelines_core::machine::Event { draw: door.draw(), what };
    let said = Said { claim: Some(place.claim), note: asked.detail, ..Said::default() };
    let told = door.pipelines.0.engine.happen(place.run, event, allowed.actor(), said).await?;
    let claim = claim_of(&told)?;
    let (task, run): (TaskPhase, RunPhase) = (claim.task, told.run);
    Ok(Json(json::Released {
        state: claim.phase.as_str().to_owned(),
        task_state: task.as_str().to_owned(),
        run_state: run.as_str().to_owned(),
    }))
}
