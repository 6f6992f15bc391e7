//! `/pipelines/{publisher}/-/settings`: tokens, secrets, agents, and where the rest is.
//!
//! A token or a secret is shown in the answer to the form that made it, and never again.

use api::json;
use askama::Template;
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};
use names::{Handle, UnixMillis};
use serde::Deserialize;
use trust::{
    Allowed, NewOrganizationToken, NewSecret, OrganizationTokenKind, Publisher, PublisherSecret,
    SecretKind, Token, act,
};
use web::{
    Call, Context, Form, Input as _, Problem,
    look::{Crumb, Html, Layout, When, visible},
};

use super::{Tabs, crumbs, is_told, layout, lead_to, no_agents, now, refused, sentences};
use crate::{
    Door,
    serving::{bonds, store as rows},
};

/// Agents of a page.
const AGENTS: i64 = 200;

/// A token, as far as it can be told.
#[derive(Debug)]
struct TokenRow {
    id: String,
    kind: &'static str,
    label: Html,
    last8: String,
    pipelines: String,
    made: When,
    used: Option<When>,
    ends: Option<When>,
}

/// A secret, as far as it can be told.
#[derive(Debug)]
struct SecretRow {
    id: String,
    last4: String,
    made: When,
    active: When,
    ends: Option<When>,
}

/// The secrets of a kind.
#[derive(Debug)]
struct Secrets {
    kind: &'static str,
    title: &'static str,
    rows: Vec<SecretRow>,
}

/// An agent of which the publisher has said something.
#[derive(Debug)]
struct AgentRow {
    handle: String,
    state: String,
    labels: String,
}

/// What was made a moment ago.
#[derive(Debug)]
struct Made {
    what: &'static str,
    value: String,
}

/// `/pipelines/{publisher}/-/settings`.
#[derive(Debug, Template)]
#[template(path = "work_settings.html")]
struct SettingsPage {
    layout: Layout,
    tabs: Tabs,
    handle: String,
    here: String,
    notices: Vec<Html>,
    made: Option<Made>,
    /// Whether whoever looks runs the publisher.
    is_managed: bool,
    tokens: Vec<TokenRow>,
    secrets: Vec<Secrets>,
    agents: Vec<AgentRow>,
    csrf: Option<String>,
}

type MayRead = Allowed<act::PublisherRead, Publisher>;

/// What is said besides.
#[derive(Default)]
struct Said {
    notices: Vec<Html>,
    made: Option<Made>,
}

pub(super) async fn show(door: Door, allowed: MayRead, call: Call) -> Result<Response, Problem> {
    page(&door, &allowed, &call.context, Said::default()).await
}

fn token_row(it: &Token, now: UnixMillis) -> TokenRow {
    TokenRow {
        id: it.id.to_string(),
        kind: it.kind.as_str(),
        label: visible::html(&it.label),
        last8: it.last8.clone(),
        pipelines: it.scope.pipelines.join(", "),
        made: When::new(it.created_at, now),
        used: it.last_used_at.map(|at| When::new(at, now)),
        ends: it.expires_at.map(|at| When::new(at, now)),
    }
}

fn secret_row(it: &PublisherSecret, now: UnixMillis) -> SecretRow {
    SecretRow {
        id: it.id.to_string(),
        last4: it.last4.clone(),
        made: When::new(it.created_at, now),
        active: When::new(it.activate_at, now),
        ends: it.expires_at.map(|at| When::new(at, now)),
    }
}

async fn page(
    door: &Door,
    allowed: &MayRead,
    context: &Context,
    said: Said,
) -> Result<Response, Problem> {
    no_agents(allowed.actor())?;
    let (publisher, now) = (allowed.resource(), now(door));
    let tabs = Tabs::of(door, publisher, "settings").await?;
    let trust = &door.pipelines.0.ground.trust;
    let is_managed = publisher.is_managed();
    let (tokens, secrets) = if is_managed {
        (trust.publisher_tokens(allowed).await?, trust.publisher_secrets(allowed).await?)
    } else {
        (Vec::new(), Vec::new())
    };
    let mut tx = door.db().glance().await?;
    let agents = rows::bound(&mut tx, publisher.organization.id, "", AGENTS).await?;
    drop(tx);
    let agent = |(handle, state, labels): (String, String, String)| AgentRow {
        handle,
        state,
        labels: serde_json::from_str::<Vec<String>>(&labels).unwrap_or_default().join(" "),
    };
    let kinds = [
        (SecretKind::WebhookSigning, "Signing of webhooks and calls"),
        (SecretKind::SubcommandBearer, "Bearer of calls"),
    ];
    let of_kind = |(kind, title): (SecretKind, &'static str)| Secrets {
        kind: kind.as_str(),
        title,
        rows: secrets.iter().filter(|it| it.kind == kind).map(|it| secret_row(it, now)).collect(),
    };
    let handle = publisher.organization.handle.to_string();
    let mut way = crumbs(&handle);
    way.push(Crumb::here("Settings"));
    web::page(&SettingsPage {
        layout: layout(format!("Settings of pipelines · {handle}"), way, context),
        tabs,
        here: format!("/pipelines/{handle}/-/settings"),
        notices: said.notices,
        made: said.made,
        is_managed,
        tokens: tokens.iter().map(|it| token_row(it, now)).collect(),
        secrets: kinds.map(of_kind).into(),
        agents: agents.into_iter().map(agent).collect(),
        csrf: context.reader().csrf.filter(|_| is_managed),
        handle,
    })
}

/// Shows the page after something was made or done, or with what stood in the way.
async fn told<A: trust::Act>(
    door: &Door,
    allowed: &Allowed<A, Publisher>,
    context: &Context,
    done: Result<Option<Made>, Problem>,
) -> Result<Response, Problem> {
    let publisher = allowed.resource();
    let here = format!("/pipelines/{}/-/settings", publisher.organization.handle);
    let may_read = || Allowed::ask(allowed.actor(), publisher.clone());
    match done {
        Ok(None) => Ok(lead_to(&here)),
        Ok(made) => {
            let said = Said { made, ..Said::default() };
            page(door, &may_read()?, context, said).await.map(keep_secret)
        }
        Err(problem) if is_told(&problem) => {
            let said = Said { notices: sentences(&problem), ..Said::default() };
            refused(page(door, &may_read()?, context, said).await, problem.status())
        }
        Err(problem) => Err(problem),
    }
}

/// Keeps a page with a secret out of every store, and its address out of what the next page is told.
fn keep_secret(mut page: Response) -> Response {
    let headers = page.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("referrer-policy"),
        HeaderValue::from_static("no-referrer"),
    );
    page
}

/// How a publisher is to stand to an agent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bond {
    agent: String,
    state: String,
    #[serde(default)]
    labels: String,
}

pub(super) async fn bind(
    door: Door,
    allowed: Allowed<act::AgentBind, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let context = call.context.clone();
    let Form(asked) = Form::<Bond>::take(call).await?;
    let bound = async {
        let name: Handle = asked.agent.trim().parse().map_err(|it| Problem::malformed(&it))?;
        if asked.state == "none" {
            bonds::unbind(&door, &allowed, &name).await?;
        } else {
            let labels = asked.labels.split_whitespace().map(str::to_owned).collect();
            let asked = json::SetPublisherAgent { state: asked.state, labels };
            bonds::bind(&door, &allowed, &name, asked).await?;
        }
        Ok(None)
    };
    told(&door, &allowed, &context, bound.await).await
}

/// A token that is to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    #[serde(default)]
    label: String,
    #[serde(default)]
    pipelines: String,
}

pub(super) async fn mint(
    door: Door,
    allowed: Allowed<act::PublisherTokenMint, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let context = call.context.clone();
    let kind: OrganizationTokenKind = call.params.parse("kind")?;
    let Form(NewToken { label, pipelines }) = Form::<NewToken>::take(call).await?;
    let pipelines = pipelines.split_whitespace().map(str::to_owned).collect();
    let new = NewOrganizationToken { kind, label, pipelines };
    let made = door.pipelines.0.ground.trust.mint_for_publisher(&allowed, new).await;
    let value = |it: trust::Minted| Made { what: "the new token", value: it.text.expose().clone() };
    told(&door, &allowed, &context, made.map(value).map(Some).map_err(Problem::from)).await
}

/// Which one, where there may be several.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    id: String,
}

pub(super) async fn rotate_token(
    door: Door,
    allowed: Allowed<act::PublisherTokenRotate, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let context = call.context.clone();
    let kind: OrganizationTokenKind = call.params.parse("kind")?;
    let Form(which) = Form::<Which>::take(call).await?;
    let id = which.id.parse().map_err(|_| Problem::not_found())?;
    let trust = &door.pipelines.0.ground.trust;
    let made = trust.rotate_for_publisher(&allowed, kind, Some(id), None).await;
    let value = |it: trust::Minted| Made { what: "the new token", value: it.text.expose().clone() };
    told(&door, &allowed, &context, made.map(value).map(Some).map_err(Problem::from)).await
}

pub(super) async fn revoke_token(
    door: Door,
    allowed: Allowed<act::PublisherTokenRevoke, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let context = call.context.clone();
    let kind: OrganizationTokenKind = call.params.parse("kind")?;
    let Form(which) = Form::<Which>::take(call).await?;
    let id = which.id.parse().map_err(|_| Problem::not_found())?;
    let done = door.pipelines.0.ground.trust.revoke_for_publisher(&allowed, kind, id).await;
    told(&door, &allowed, &context, done.map(|()| None).map_err(Problem::from)).await
}

/// A form with nothing in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Makes the first secret of a kind, or puts another one in the place of the present one.
pub(super) async fn make_secret(
    door: Door,
    allowed: Allowed<act::SecretRotate, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let context = call.context.clone();
    let kind: SecretKind = call.params.parse("kind")?;
    let Form(Nothing {}) = Form::<Nothing>::take(call).await?;
    let trust = &door.pipelines.0.ground.trust;
    let may_read: MayRead = Allowed::ask(allowed.actor(), allowed.resource().clone())?;
    let live = trust.publisher_secrets(&may_read).await?;
    let made = if live.iter().any(|it| it.kind == kind) {
        trust.rotate_secret(&allowed, kind, NewSecret::default()).await
    } else {
        trust.create_secret(&allowed, kind, NewSecret::default()).await
    };
    let value = |it: trust::MadeSecret| {
        it.value.map(|value| Made { what: "the new secret", value: value.expose().clone() })
    };
    told(&door, &allowed, &context, made.map(value).map_err(Problem::from)).await
}

pub(super) async fn revoke_secret(
    door: Door,
    allowed: Allowed<act::SecretRevoke, Publisher>,
    call: Call,
) -> Result<Response, Problem> {
    let context = call.context.clone();
    let kind: SecretKind = call.params.parse("kind")?;
    let Form(which) = Form::<Which>::take(call).await?;
    let id = which.id.parse().map_err(|_| Problem::not_found())?;
    let done = door.pipelines.0.ground.trust.revoke_secret(&allowed, kind, id).await;
    told(&door, &allowed, &context, done.map(|()| None).map_err(Problem::from)).await
}
