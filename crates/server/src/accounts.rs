//! JSON of the trust plane: registration, who am I.

use api::json;
use axum::{Router, http::StatusCode, response::IntoResponse};
use trust::{Allowed, Anything, Key, NewKey, Principal, Trust, act};
use web::{Call, Entry, Fault, Input as _, Json, Problem, Routes, Spec, Surface};

/// Bodies of registration are a few hundred bytes.
const SMALL_BODY: u64 = 16 << 10;

pub(crate) fn routes(trust: &Trust) -> (Router, Vec<Entry>) {
    let small = Spec::new(Surface::Api).body_bytes(SMALL_BODY);
    Routes::new(trust.clone(), trust.clone())
        .post("/api/v1/auth/challenge", small, challenge)
        .post("/api/v1/auth/verify", small, verify)
        .get("/api/v1/me", Surface::Api, me)
        .finish()
}

fn invalid(pointer: &str, message: &str) -> Problem {
    Problem::invalid(vec![Fault {
        pointer: pointer.to_owned(),
        code: "invalid",
        message: message.to_owned(),
    }])
}

/// Hands out what a new key has to sign.
async fn challenge(
    trust: Trust,
    _: Allowed<act::Register, Anything>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let authority = call.context.authority.clone();
    let Json(asked) = Json::<json::ChallengeRequest>::take(call).await?;
    let handle = asked
        .handle
        .parse()
        .map_err(|error: names::NameError| invalid("/handle", &error.to_string()))?;
    let made = trust.challenge(&authority, handle, &asked.public_key).await?;
    let answer = json::Challenge {
        challenge_id: made.id.to_string(),
        nonce: made.nonce.to_string(),
        message: made.message,
        expires_at: made.expires_at.to_string(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Meets a challenge.
async fn verify(
    trust: Trust,
    allowed: Allowed<act::Register, Anything>,
    Json(met): Json<json::VerifyRequest>,
) -> Result<impl IntoResponse, Problem> {
    // An id that cannot be is one that is not there: the same answer as for one that is used up.
    let id = met.challenge_id.parse().map_err(|_| Problem::from(trust::Error::ChallengeFailed))?;
    let new = NewKey { label: met.label, terms: met.tos_version };
    let made = trust.verify(allowed.actor(), id, &met.signature, new).await?;
    let answer = json::Verified { principal: principal(&made.principal), key: key(&made.key) };
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn me(
    _: Trust,
    allowed: Allowed<act::MeRead, Anything>,
    (): (),
) -> Result<Json<json::Me>, Problem> {
    let own = allowed.actor().principal().ok_or_else(Problem::not_found)?;
    Ok(Json(json::Me { principal: principal(own) }))
}

fn principal(it: &Principal) -> json::Principal {
    json::Principal {
        id: it.id.to_string(),
        handle: it.handle.to_string(),
        kind: it.kind.as_str().to_owned(),
        created_at: it.created_at.to_string(),
    }
}

fn key(it: &Key) -> json::Key {
    json::Key {
        id: it.id.to_string(),
        fingerprint: it.fingerprint.to_string(),
        label: it.label.clone(),
        created_at: it.created_at.to_string(),
        revoked_at: None,
    }
}
