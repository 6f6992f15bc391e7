//! Publishers: made, switched on, changed; the tokens that act as them and the secrets that they show
//! (`spec/trust.md` 5).

use std::time::Duration;

use api::json;
use axum::{
    http::{Method, StatusCode},
    response::{IntoResponse, Response},
};
use names::{Id, Secret};
use trust::{
    Account, Allowed, Anything, Bearers, Class, MadeSecret, NewOrganizationToken, NewSecret,
    OrganizationTokenKind, Publisher, PublisherSecret, SecretKind, Token, Trust, act,
};
use web::{Call, Input as _, Json, Posted, Problem, Routes, Spec, Surface, shown_once};

use super::{field, tokens, with_params};

pub(super) fn routes(routes: Routes<Trust>, small: Spec) -> Routes<Trust> {
    let first = small.bearers(Bearers::Bootstrap).class(Class::Bootstrap).guarded();
    let read = Spec::new(Surface::Api).bearers(Bearers::Publisher);
    let small_one = small.bearers(Bearers::Publisher);
    let (patch, delete) = (Method::PATCH, Method::DELETE);
    routes
        .post("/api/v1/publishers", first, found)
        .post("/api/v1/orgs/{handle}/publisher", small, enable)
        .on(Method::GET, "/api/v1/publishers/{publisher}", read, show)
        .on(patch, "/api/v1/publishers/{publisher}", small_one, change)
        .post("/api/v1/publishers/{publisher}/tokens/{kind}", small_one, mint)
        .post("/api/v1/publishers/{publisher}/tokens/{kind}/rotate", small_one, rotate)
        .on(delete.clone(), "/api/v1/publishers/{publisher}/tokens/{kind}/{id}", small_one, revoke)
        .post("/api/v1/publishers/{publisher}/secrets/{kind}", small_one, make_secret)
        .post("/api/v1/publishers/{publisher}/secrets/{kind}/rotate", small_one, rotate_secret)
        .on(delete, "/api/v1/publishers/{publisher}/secrets/{kind}/{id}", small_one, revoke_secret)
        .post("/api/v1/admin/bootstrap-token", small, bootstrap)
}

/// Hands out a token that makes a publisher.
async fn bootstrap(
    trust: Trust,
    allowed: Allowed<act::BootstrapCreate, Anything>,
    (): (),
) -> Result<Response, Problem> {
    let made = trust.mint_bootstrap(&allowed).await?;
    let (value, expires_at) = (Some(made.text.expose().clone()), made.expires_at.to_string());
    created(json::BootstrapToken { value, secret_shown: false, expires_at })
}

/// Makes a publisher whole.
async fn found(
    trust: Trust,
    allowed: Allowed<act::PublisherCreate, Anything>,
    call: Posted<json::NewPublisher>,
) -> Result<Response, Problem> {
    let line = Secret::new(call.header("authorization").to_owned());
    trust.check_bootstrap(line.expose()).await?;
    let asked = call.json().await?;
    let handle = field("/handle", &asked.handle)?;
    let name = asked.display_name.as_deref();
    let made = trust.found_publisher(&allowed, line.expose(), handle, name).await?;
    let tokens = vec![tokens::json_of(&made.admin.token)];
    let secrets = [&made.webhook_signing, &made.subcommand_bearer];
    let secrets = secrets.map(|it| json_of_secret(&it.secret)).to_vec();
    created(json::FoundedPublisher {
        publisher: json_of(&made.publisher, Some((tokens, secrets))),
        admin_token: tokens::json_of_minted(&made.admin),
        webhook_signing: json_of_made(&made.webhook_signing),
        subcommand_bearer: json_of_made(&made.subcommand_bearer),
    })
}

async fn enable(
    trust: Trust,
    allowed: Allowed<act::PublisherEnable, Account>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    let was_off = trust.enable_publisher(&allowed).await?;
    let handle = &allowed.resource().principal.handle;
    let publisher = trust.publisher(allowed.actor(), Some(handle)).await?;
    let publisher = publisher.ok_or_else(Problem::not_found)?;
    let status = if was_off { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(json_of(&publisher, None))))
}

async fn show(
    trust: Trust,
    allowed: Allowed<act::PublisherRead, Publisher>,
    (): (),
) -> Result<Json<json::Publisher>, Problem> {
    let publisher = allowed.resource();
    if !publisher.is_managed() {
        return Ok(Json(json_of(publisher, None)));
    }
    let tokens = trust.publisher_tokens(&allowed).await?;
    let secrets = trust.publisher_secrets(&allowed).await?;
    let tokens = tokens.iter().map(tokens::json_of).collect();
    let secrets = secrets.iter().map(json_of_secret).collect();
    Ok(Json(json_of(publisher, Some((tokens, secrets)))))
}

async fn change(
    trust: Trust,
    allowed: Allowed<act::PublisherUpdate, Publisher>,
    Json(asked): Json<json::ChangePublisher>,
) -> Result<impl IntoResponse, Problem> {
    trust.change_publisher(&allowed, &asked.display_name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn mint(
    trust: Trust,
    allowed: Allowed<act::PublisherTokenMint, Publisher>,
    call: Posted<json::NewPublisherToken>,
) -> Result<Response, Problem> {
    let kind: OrganizationTokenKind = call.params.parse("kind")?;
    let json::NewPublisherToken { label, pipelines } = call.json().await?;
    let new = NewOrganizationToken { kind, label, pipelines };
    let minted = trust.mint_for_publisher(&allowed, new).await?;
    created(tokens::json_of_minted(&minted))
}

async fn rotate(
    trust: Trust,
    allowed: Allowed<act::PublisherTokenRotate, Publisher>,
    call: Posted<json::RotatePublisherToken>,
) -> Result<Response, Problem> {
    let kind: OrganizationTokenKind = call.params.parse("kind")?;
    let asked = call.json().await?;
    // An id that cannot be is one that is not there.
    let id = asked.token_id.map(|it| it.parse::<Id<Token>>().map_err(|_| Problem::not_found()));
    let overlap = asked.overlap_seconds.map(Duration::from_secs);
    let minted = trust.rotate_for_publisher(&allowed, kind, id.transpose()?, overlap).await?;
    created(tokens::json_of_minted(&minted))
}

async fn revoke(
    trust: Trust,
    allowed: Allowed<act::PublisherTokenRevoke, Publisher>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let (kind, id) = (call.params.parse("kind")?, call.params.parse("id")?);
    <()>::take(call).await?;
    trust.revoke_for_publisher(&allowed, kind, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn make_secret(
    trust: Trust,
    allowed: Allowed<act::SecretRotate, Publisher>,
    call: Posted<json::NewPublisherSecret>,
) -> Result<Response, Problem> {
    let (kind, new) = asked_secret(call).await?;
    created(json_of_made(&trust.create_secret(&allowed, kind, new).await?))
}

async fn rotate_secret(
    trust: Trust,
    allowed: Allowed<act::SecretRotate, Publisher>,
    call: Posted<json::NewPublisherSecret>,
) -> Result<Response, Problem> {
    let (kind, new) = asked_secret(call).await?;
    created(json_of_made(&trust.rotate_secret(&allowed, kind, new).await?))
}

async fn revoke_secret(
    trust: Trust,
    allowed: Allowed<act::SecretRevoke, Publisher>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let (kind, id) = (call.params.parse("kind")?, call.params.parse("id")?);
    <()>::take(call).await?;
    trust.revoke_secret(&allowed, kind, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of which kind a secret is to be, and what it is to be.
async fn asked_secret(
    call: Posted<json::NewPublisherSecret>,
) -> Result<(SecretKind, NewSecret), Problem> {
    let (params, asked) = with_params(call).await?;
    let new = NewSecret {
        value: asked.value.map(Secret::new),
        activate_in: Duration::from_secs(asked.activate_in_seconds.unwrap_or_default()),
        overlap: asked.overlap_seconds.map(Duration::from_secs),
    };
    Ok((params.parse("kind")?, new))
}

/// The one answer that shows it.
fn created(body: impl json::ShownOnce) -> Result<Response, Problem> {
    shown_once(StatusCode::CREATED, body)
}

type Managed = (Vec<json::Token>, Vec<json::PublisherSecret>);

fn json_of(it: &Publisher, managed: Option<Managed>) -> json::Publisher {
    let (tokens, secrets) = managed.unzip();
    json::Publisher {
        id: it.organization.id.to_string(),
        handle: it.organization.handle.to_string(),
        display_name: it.display_name.clone(),
        created_at: it.organization.created_at.to_string(),
        tokens,
        secrets,
    }
}

fn json_of_secret(it: &PublisherSecret) -> json::PublisherSecret {
    json::PublisherSecret {
        id: it.id.to_string(),
        kind: it.kind.as_str().to_owned(),
        last4: it.last4.clone(),
        activate_at: it.activate_at.to_string(),
        created_at: it.created_at.to_string(),
        expires_at: it.expires_at.map(|at| at.to_string()),
    }
}

fn json_of_made(it: &MadeSecret) -> json::MadeSecret {
    let value = it.value.as_ref().map(|it| it.expose().clone());
    json::MadeSecret { value, secret_shown: false, secret: json_of_secret(&it.secret) }
}
