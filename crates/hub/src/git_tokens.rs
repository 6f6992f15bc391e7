//! What plain Git signs in with: a token for one repository, good for a quarter of an hour (`spec/hub.md` 5, Credentials).
//!
//! A name in one's own namespace gets one too: the first push makes the repository. Whoever asks has signed; who shows the token later is allowed what whoever asked may do then, and no more.

use ::api::json;
use axum::{http::StatusCode, response::Response};
use trust::{Allowed, Bearers, Resource as _, act, authority::Reach};
use web::{Fault, Json, Problem, Routes, Spec, Surface, shown_once};

use crate::{Hub, repositories::PushTarget};

/// A body of one word.
const SMALL_BODY: u64 = 1 << 10;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let signed = Spec::new(Surface::Api).body_bytes(SMALL_BODY).bearers(Bearers::None);
    routes.post("/api/v1/repos/{owner}/{name}/git-tokens", signed, mint)
}

async fn mint(
    hub: Hub,
    allowed: Allowed<act::GitTokenMint, PushTarget>,
    Json(asked): Json<json::NewGitToken>,
) -> Result<Response, Problem> {
    let reach = reach(&asked.access)?;
    let target = allowed.resource();
    if reach == Reach::Write {
        // Said now: Git would only learn that its password is wrong.
        Allowed::<act::RefPush, _>::ask(allowed.actor(), target.clone())?;
    }
    let minted = hub.trust.mint_for_git(&allowed, reach).await?;
    let handle = allowed.actor().handle().map(ToString::to_string);
    let repository = target.facts().path.map(|(owner, name)| format!("{owner}/{name}"));
    let made = json::GitToken {
        handle: handle.unwrap_or_default(),
        token: Some(minted.text.expose().clone()),
        secret_shown: false,
        repository: repository.unwrap_or_default(),
        access: asked.access,
        expires_at: minted.token.expires_at.map(|at| at.to_string()).unwrap_or_default(),
    };
    shown_once(StatusCode::CREATED, made)
}

fn reach(access: &str) -> Result<Reach, Problem> {
    match access {
        "read" => Ok(Reach::Read),
        "write" => Ok(Reach::Write),
        other => Err(Problem::invalid(vec![Fault {
            pointer: "/access".to_owned(),
            code: "invalid",
            message: format!("`{other}` is no access: use read or write"),
        }])),
    }
}
