//! Passkeys: added, listed, removed, and a browser that signs in with one (`spec/trust.md` 6).

use api::json;
use axum::{
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use names::Id;
use trust::{Allowed, Anything, Assertion, Browser, NewPasskey, Passkey, ReturnTo, Trust, act};
use web::{Call, Input as _, Json, Posted, Problem, Routes, Spec, form};

use super::invalid;

/// What an authenticator says of a new passkey, in base64url: most need a kilobyte.
const ATTESTATION_BODY: u64 = 32 << 10;

pub(super) fn routes(routes: Routes<Trust>, tiny: Spec) -> Routes<Trust> {
    let attested = tiny.body_bytes(ATTESTATION_BODY).guarded();
    routes
        .get("/api/v1/auth/passkeys", tiny, list)
        .post("/api/v1/auth/passkeys/challenge", tiny, ask)
        .post("/api/v1/auth/passkeys", attested, add)
        .on(Method::DELETE, "/api/v1/auth/passkeys/{id}", tiny, remove)
        .post("/api/v1/auth/passkeys/sign-in/challenge", tiny, ask_for_sign_in)
        .post("/api/v1/auth/passkeys/sign-in", tiny.guarded(), sign_in)
}

async fn list(
    trust: Trust,
    allowed: Allowed<act::PasskeyRead, Anything>,
    (): (),
) -> Result<Json<json::PasskeyPage>, Problem> {
    let items = trust.passkeys(&allowed).await?.iter().map(json_of).collect();
    Ok(Json(json::PasskeyPage { items, next_cursor: None }))
}

/// What the browser needs to make one.
async fn ask(
    trust: Trust,
    allowed: Allowed<act::PasskeyAdd, Anything>,
    (): (),
) -> Result<Response, Problem> {
    let wish = trust.ask_for_passkey(&allowed).await?;
    let body = json::PasskeyRequest {
        challenge: wish.challenge.challenge,
        rp_id: wish.challenge.party.id,
        expires_at: wish.challenge.expires_at.to_string(),
        user_id: URL_SAFE_NO_PAD.encode(wish.person.id.uuid().as_bytes()),
        user_name: wish.person.handle.to_string(),
        algorithms: wish.algorithms.to_vec(),
        exclude: wish.known.iter().map(|it| URL_SAFE_NO_PAD.encode(it)).collect(),
    };
    Ok(unkept(StatusCode::CREATED, body))
}

/// Takes the one that the browser has made.
async fn add(
    trust: Trust,
    allowed: Allowed<act::PasskeyAdd, Anything>,
    Json(made): Json<json::NewPasskey>,
) -> Result<Response, Problem> {
    let new = NewPasskey {
        label: made.label,
        client_data: bytes("/client_data", &made.client_data)?,
        attestation: bytes("/attestation", &made.attestation)?,
    };
    let added = trust.add_passkey(&allowed, new).await?;
    Ok((StatusCode::CREATED, Json(json_of(&added))).into_response())
}

async fn remove(
    trust: Trust,
    allowed: Allowed<act::PasskeyRemove, Anything>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let id: Id<Passkey> = call.params.parse("id")?;
    <()>::take(call).await?;
    trust.remove_passkey(&allowed, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a browser has to meet to sign in; it does not say who it is.
async fn ask_for_sign_in(
    trust: Trust,
    _: Allowed<act::SessionStart, Anything>,
    (): (),
) -> Result<Response, Problem> {
    let challenge = trust.ask_for_sign_in().await?;
    let body = json::PasskeyChallenge {
        challenge: challenge.challenge,
        rp_id: challenge.party.id,
        expires_at: challenge.expires_at.to_string(),
    };
    Ok(unkept(StatusCode::CREATED, body))
}

/// Signs a browser in; only a page of ours may ask for it.
async fn sign_in(
    trust: Trust,
    allowed: Allowed<act::SessionStart, Anything>,
    call: Posted<json::PasskeyAssertion>,
) -> Result<Response, Problem> {
    if !form::is_own_page(&call.headers, &call.context.base_url) {
        return Err(form::cross_site());
    }
    let user_agent = call.header("user-agent").to_owned();
    let browser = Browser { ip: call.context.client, user_agent };
    let met = call.json().await?;
    let assertion = Assertion {
        credential_id: bytes("/credential_id", &met.credential_id)?,
        client_data: bytes("/client_data", &met.client_data)?,
        authenticator_data: bytes("/authenticator_data", &met.authenticator_data)?,
        signature: bytes("/signature", &met.signature)?,
        user_handle: bytes("/user_handle", &met.user_handle)?,
    };
    let before = allowed.actor().session();
    let opened = trust.sign_in_by_passkey(&assertion, &browser, before).await?;
    let location = ReturnTo::new(&met.return_to).as_str().to_owned();
    let body = json::SignedIn { handle: opened.handle.to_string(), location };
    let mut answer = unkept(StatusCode::OK, body);
    let cookie = HeaderValue::from_str(&trust.settings().cookie(opened.token.expose()));
    let cookie = cookie.map_err(|error| Problem::internal(&error))?;
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(answer)
}

/// An answer for one browser, which nothing on the way keeps.
fn unkept(status: StatusCode, body: impl serde::Serialize) -> Response {
    let mut answer = (status, Json(body)).into_response();
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn bytes(pointer: &str, text: &str) -> Result<Vec<u8>, Problem> {
    let decoded = URL_SAFE_NO_PAD.decode(text);
    decoded.map_err(|_| invalid(pointer, "bytes are base64url without padding"))
}

fn json_of(it: &Passkey) -> json::Passkey {
    json::Passkey {
        id: it.id.to_string(),
        label: it.label.clone(),
        algorithm: it.algorithm.to_owned(),
        created_at: it.created_at.to_string(),
        last_used_at: it.last_used_at.map(|at| at.to_string()),
    }
}
