//! A local server gives programs on this machine its one person's credentials (`spec/trust.md` 7, L6 and L7).
//!
//! Whoever may open a connection from this machine is believed to be that person; the answer proves that it comes from
//! the server whose data directory the program can read, so that a stranger on the port gains nothing.

use api::json;
use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use keys::{LocalProof, PrivateKey};
use trust::{Allowed, Anything, Browser, Class, Trust, act, is_from_this_machine};
use web::{Entry, Json, Posted, Problem, Routes, Spec, Surface, client_name};

/// A nonce and nothing else.
const TINY_BODY: u64 = 1 << 10;

/// What the credentials are given out with.
#[derive(Clone)]
struct Local {
    trust: Trust,
    operator: PrivateKey,
}

pub(crate) fn routes(trust: &Trust, operator: PrivateKey) -> (Router, Vec<Entry>) {
    let tiny = Spec::new(Surface::Api).body_bytes(TINY_BODY).class(Class::Auth);
    Routes::new(Local { trust: trust.clone(), operator }, trust.clone())
        .post("/api/v1/local-init", tiny, init)
        .finish()
}

async fn init(
    local: Local,
    _: Allowed<act::LocalInit, Anything>,
    call: Posted<json::LocalInit>,
) -> Result<Response, Problem> {
    if !local.trust.settings().is_local() {
        return Err(Problem::not_found());
    }
    if !is_from_this_machine(call.context.peer, &call.headers) {
        return Err(refuse("only programs on this machine may ask, and not through a proxy"));
    }
    let Some(client) = client_name(&call.headers).map(str::to_owned) else {
        return Err(refuse(
            "say which program asks: X-Motet-Client, with at most 64 letters, digits and . _ / -",
        ));
    };
    let browser =
        Browser { ip: call.context.client, user_agent: call.header("user-agent").to_owned() };
    let asked = call.json().await?;
    let proof = LocalProof::new(&asked.client_nonce).map_err(|error| Problem::malformed(&error))?;
    let made = local.trust.local_init(&client, &browser).await?;
    let body = json::LocalCredentials {
        handle: made.session.handle.to_string(),
        device_token: made.device.text.expose().clone(),
        expires_at: made.device.token.expires_at.map(|at| at.to_string()).unwrap_or_default(),
        csrf: made.csrf,
        proof: local.operator.sign(proof.text().as_bytes()).to_string(),
    };
    let cookie = local.trust.settings().cookie(made.session.token.expose());
    let cookie = HeaderValue::from_str(&cookie).map_err(|error| Problem::internal(&error))?;
    let mut answer = (StatusCode::OK, Json(body)).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(header::SET_COOKIE, cookie);
    Ok(answer)
}

fn refuse(why: &str) -> Problem {
    Problem::refuse(StatusCode::FORBIDDEN, "forbidden", why)
}
