//! Subscriptions and their secrets.

use std::time::Duration;

use api::json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use trust::Allowed;
use web::{Call, Fault, Input as _, Json, Problem, shown_once};

use super::fault;
use crate::{
    Content, Filter, Ordering, Patterns, ShownWebhook, SigningSecret, WebhookChange, Wishes,
    level::{Door, Level},
    subscriptions::secrets::ShownSecret,
};

pub(super) async fn list<R: Level>(
    door: Door,
    allowed: Allowed<R::Read, R>,
    (): (),
) -> Result<Json<json::WebhookPage>, Problem> {
    let found = door.hooks.list(&allowed).await?;
    let items = found.iter().map(shown).collect();
    Ok(Json(json::WebhookPage { items, next_cursor: None }))
}

pub(super) async fn create<R: Level>(
    door: Door,
    allowed: Allowed<R::Write, R>,
    Json(asked): Json<json::WebhookChanges>,
) -> Result<Response, Problem> {
    let (change, brought) = parse(asked)?;
    if change.active.is_some() {
        let message = "a new webhook is on; switch it off afterwards";
        return Err(Problem::invalid(vec![fault("active", "invalid", message)]));
    }
    let (url, events) = (change.url.clone(), change.events.clone());
    let missing = |field| fault(field, "invalid", format!("a webhook needs `{field}`"));
    let (Some(url), Some(events)) = (url, events) else {
        let lacking = [("url", change.url.is_none()), ("events", change.events.is_none())];
        let faults = lacking.iter().filter(|(_, it)| *it).map(|(field, _)| missing(*field));
        return Err(Problem::invalid(faults.collect()));
    };
    let wishes = change.on(Wishes::new(url, events));
    let made = door.hooks.create(&allowed, wishes, brought).await?;
    let location = format!("{}/{}", allowed.resource().api(), made.shown.webhook.id);
    let mut answer = shown_once(StatusCode::CREATED, with_secret(&made.shown, &made.secret))?;
    if let Ok(location) = location.try_into() {
        answer.headers_mut().insert(http::header::LOCATION, location);
    }
    Ok(answer)
}

pub(super) async fn show<R: Level>(
    door: Door,
    allowed: Allowed<R::Read, R>,
    call: Call,
) -> Result<Json<json::Webhook>, Problem> {
    let id = call.params.parse("webhook")?;
    <()>::take(call).await?;
    Ok(Json(shown(&door.hooks.show(&allowed, id).await?)))
}

pub(super) async fn change<R: Level>(
    door: Door,
    allowed: Allowed<R::Write, R>,
    call: Call,
) -> Result<Json<json::Webhook>, Problem> {
    let id = call.params.parse("webhook")?;
    let expected = call.header("if-match").to_owned();
    let Json(asked) = Json::<json::WebhookChanges>::take(call).await?;
    let (change, brought) = parse(asked)?;
    if brought.is_some() {
        let message = "another secret is added under …/secrets";
        return Err(Problem::invalid(vec![fault("secret", "invalid", message)]));
    }
    let is_expected = |it: &ShownWebhook| {
        let bytes = serde_json::to_vec(&shown(it)).unwrap_or_default();
        expected.is_empty() || web::is_tag_of(&expected, &bytes)
    };
    Ok(Json(shown(&door.hooks.change(&allowed, id, change, is_expected).await?)))
}

pub(super) async fn delete<R: Level>(
    door: Door,
    allowed: Allowed<R::Write, R>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let id = call.params.parse("webhook")?;
    <()>::take(call).await?;
    door.hooks.delete(&allowed, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn add_secret<R: Level>(
    door: Door,
    allowed: Allowed<R::Write, R>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let id = call.params.parse("webhook")?;
    let Json(asked) = Json::<json::NewWebhookSecret>::take(call).await?;
    let overlap = asked.overlap_seconds.map(Duration::from_secs);
    let brought = secret(asked.secret).map_err(|it| Problem::invalid(vec![it]))?;
    let (made, secret) = door.hooks.add_secret(&allowed, id, overlap, brought).await?;
    shown_once(StatusCode::CREATED, with_secret(&made, &secret))
}

pub(super) async fn remove_secret<R: Level>(
    door: Door,
    allowed: Allowed<R::Write, R>,
    call: Call,
) -> Result<StatusCode, Problem> {
    let (id, secret) = (call.params.parse("webhook")?, call.params.parse("secret")?);
    <()>::take(call).await?;
    door.hooks.remove_secret(&allowed, id, secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn secret(text: Option<String>) -> Result<Option<SigningSecret>, Fault> {
    let read = text.map(SigningSecret::parse).transpose();
    read.map_err(|error| fault("secret", "invalid", error.to_string()))
}

/// What was asked for, or every fault of it.
pub(crate) fn parse(
    asked: json::WebhookChanges,
) -> Result<(WebhookChange, Option<SigningSecret>), Problem> {
    let mut faults = Vec::new();
    let brought = secret(asked.secret).map_err(|it| faults.push(it)).ok().flatten();
    let events = asked.events.map(|words| Patterns::parse(words.iter().map(String::as_str)));
    let events = events
        .transpose()
        .map_err(|error| faults.push(fault("events", "invalid", error.to_string())))
        .ok()
        .flatten();
    let content: Option<Content> = read("content", asked.content.as_deref(), &mut faults);
    let ordering: Option<Ordering> = read("ordering", asked.ordering.as_deref(), &mut faults);
    let filter = asked.filter.map(|it| Filter {
        branches: it.branches,
        labels: it.labels,
        actors: it.actors,
    });
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let change = WebhookChange {
        url: asked.url,
        events,
        content,
        ordering,
        confidential: asked.confidential,
        filter,
        max_in_flight: asked.max_in_flight,
        description: asked.description,
        active: asked.active,
    };
    Ok((change, brought))
}

/// A word of a few, if it is named.
fn read<T: std::str::FromStr<Err = &'static str>>(
    field: &str,
    text: Option<&str>,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let read = text.map(str::parse).transpose();
    read.map_err(|message| faults.push(fault(field, "invalid", message))).ok().flatten()
}

fn with_secret(it: &ShownWebhook, secret: &SigningSecret) -> json::MadeWebhook {
    json::MadeWebhook {
        webhook: shown(it),
        secret: Some(secret.expose().to_owned()),
        secret_shown: false,
    }
}

fn shown(it: &ShownWebhook) -> json::Webhook {
    let (webhook, wishes) = (&it.webhook, &it.webhook.wishes);
    let filter = (!wishes.filter.is_empty()).then(|| json::WebhookFilter {
        branches: wishes.filter.branches.clone(),
        labels: wishes.filter.labels.clone(),
        actors: wishes.filter.actors.clone(),
    });
    json::Webhook {
        id: webhook.id.to_string(),
        url: wishes.url.clone(),
        events: wishes.events.words(),
        content: wishes.content.as_str().to_owned(),
        ordering: wishes.ordering.as_str().to_owned(),
        confidential: wishes.confidential,
        filter,
        max_in_flight: wishes.max_in_flight,
        description: wishes.description.clone(),
        active: webhook.state.is_on(),
        state: webhook.state.as_str().to_owned(),
        secrets: it.secrets.iter().map(shown_secret).collect(),
        created_by: webhook.created_by.to_string(),
        created_at: webhook.created_at.to_string(),
        last_delivery: it.last_delivery.map(|at| at.to_string()),
        managed_by: webhook.managed_by.map(|it| it.to_string()),
    }
}

fn shown_secret(it: &ShownSecret) -> json::WebhookSecret {
    json::WebhookSecret {
        id: it.id.to_string(),
        last4: it.last4.clone(),
        created_at: it.created_at.to_string(),
        expires_at: it.expires_at.map(|at| at.to_string()),
    }
}
