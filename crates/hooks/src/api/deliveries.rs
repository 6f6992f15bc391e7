//! Deliveries: listed, sent once more; pings.

use api::json;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use names::{Id, UnixMillis};
use serde::Deserialize;
use trust::Allowed;
use uuid::Uuid;
use web::{Call, Input as _, Json, Problem};

use super::fault;
use crate::{
    Attempt, Delivery, DeliveryFilter, DeliveryState, EventType, Resend, Webhook,
    level::{Door, Level},
};

/// Rows of one page, unless asked and at most.
const PAGE: (u32, u32) = (30, 100);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    state: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    since: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// A filter as it was asked for, or every fault of it.
pub(crate) struct Asked {
    state: Option<DeliveryState>,
    kind: Option<String>,
    since: Option<UnixMillis>,
    until: Option<UnixMillis>,
}

impl Asked {
    fn parse(
        state: Option<&str>,
        kind: Option<&str>,
        (since, until): (Option<&str>, Option<&str>),
    ) -> Result<Self, Problem> {
        let mut faults = Vec::new();
        let mut bad = |field, message| faults.push(fault(field, "invalid", message));
        let state = state
            .map(str::parse::<DeliveryState>)
            .transpose()
            .map_err(|it| bad("state", it))
            .ok()
            .flatten();
        let kind = kind.map(str::parse::<EventType>).transpose();
        let kind = kind.map_err(|it| bad("type", it.to_string())).ok().flatten();
        let since = since
            .map(str::parse::<UnixMillis>)
            .transpose()
            .map_err(|it| bad("since", it))
            .ok()
            .flatten();
        let until = until
            .map(str::parse::<UnixMillis>)
            .transpose()
            .map_err(|it| bad("until", it))
            .ok()
            .flatten();
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        Ok(Self { state, kind: kind.map(|it| it.to_string()), since, until })
    }

    fn filter(&self) -> DeliveryFilter<'_> {
        DeliveryFilter {
            state: self.state,
            kind: self.kind.as_deref(),
            since: self.since,
            until: self.until,
            before: None,
        }
    }
}

pub(super) async fn list<R: Level>(
    door: Door,
    allowed: Allowed<R::Read, R>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let id: Id<Webhook> = call.params.parse("webhook")?;
    let query: ListQuery = call.query()?;
    let (state, kind) = (query.state.as_deref(), query.kind.as_deref());
    let asked = Asked::parse(state, kind, (query.since.as_deref(), None))?;
    let (limit, since) = (
        query.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1),
        query.since.as_deref().unwrap_or_default(),
    );
    // A cursor holds for the list that it was given out for.
    let list = format!(
        "webhooks/{id}/deliveries?state={}&type={}&since={since}",
        state.unwrap_or_default(),
        kind.unwrap_or_default()
    );
    let before = match query.cursor.as_deref() {
        None => None,
        Some(text) => Some(position(&door, &list, text).ok_or_else(bad_cursor)?),
    };
    let filter = DeliveryFilter { before, ..asked.filter() };
    let found = door.hooks.deliveries(&allowed, id, filter, Some(limit)).await?;
    let end = found.last().filter(|_| found.len() >= limit as usize);
    let next_cursor = end.map(|it| door.cursors.write(&list, it.id.uuid().as_bytes()));
    let kept: String = [("state", state), ("type", kind), ("since", query.since.as_deref())]
        .iter()
        .filter_map(|(name, value)| {
            Some(format!("&{name}={}", web::look::href::segment((*value)?)))
        })
        .collect();
    let link = next_cursor.as_ref().map(|cursor| {
        let list = format!("{}/{id}/deliveries", allowed.resource().api());
        [(header::LINK, format!("<{list}?limit={limit}{kept}&cursor={cursor}>; rel=\"next\""))]
    });
    let items = found.iter().map(shown).collect();
    Ok((link, Json(json::WebhookDeliveryPage { items, next_cursor })))
}

fn position(door: &Door, list: &str, text: &str) -> Option<Id<Delivery>> {
    let bytes = door.cursors.read(list, text)?;
    Some(Id::from_uuid(Uuid::from_slice(&bytes).ok()?))
}

fn bad_cursor() -> Problem {
    Problem::malformed("the cursor is not one that this list handed out; begin again without it")
}

pub(super) async fn show<R: Level>(
    door: Door,
    allowed: Allowed<R::Read, R>,
    call: Call,
) -> Result<Json<json::WebhookDeliveryDetail>, Problem> {
    let (id, delivery) = (call.params.parse("webhook")?, call.params.parse("delivery")?);
    <()>::take(call).await?;
    let (found, attempts) = door.hooks.delivery(&allowed, id, delivery).await?;
    let attempts = attempts.into_iter().map(shown_attempt).collect();
    Ok(Json(json::WebhookDeliveryDetail { delivery: shown(&found), attempts }))
}

pub(super) async fn resend<R: Level>(
    door: Door,
    allowed: Allowed<R::Send, R>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let (id, delivery) = (call.params.parse("webhook")?, call.params.parse("delivery")?);
    <()>::take(call).await?;
    let resent = door.hooks.resend(&allowed, id, delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(&resent))))
}

pub(super) async fn resend_all<R: Level>(
    door: Door,
    allowed: Allowed<R::Send, R>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let id: Id<Webhook> = call.params.parse("webhook")?;
    let Json(asked) = Json::<json::ResendDeliveries>::take(call).await?;
    let times = (asked.since.as_deref(), asked.until.as_deref());
    let asked = Asked::parse(asked.state.as_deref(), asked.kind.as_deref(), times)?;
    let begun = door.hooks.resend_all(&allowed, id, asked.filter()).await?;
    let at = format!("{}/{id}/resends/{}", allowed.resource().api(), begun.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, at)], Json(shown_resend(&begun))))
}

/// How far that is.
pub(super) async fn resent<R: Level>(
    door: Door,
    allowed: Allowed<R::Read, R>,
    call: Call,
) -> Result<Json<json::Resent>, Problem> {
    let (id, resend) = (call.params.parse("webhook")?, call.params.parse("resend")?);
    <()>::take(call).await?;
    Ok(Json(shown_resend(&door.hooks.resend_of(&allowed, id, resend).await?)))
}

/// 202: where it is going is at the delivery's address.
pub(super) async fn ping<R: Level>(
    door: Door,
    allowed: Allowed<R::Send, R>,
    call: Call,
) -> Result<impl IntoResponse, Problem> {
    let id: Id<Webhook> = call.params.parse("webhook")?;
    <()>::take(call).await?;
    let sent = door.hooks.ping(&allowed, id).await?;
    let at = format!("{}/{id}/deliveries/{}", allowed.resource().api(), sent.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, at)], Json(shown(&sent))))
}

fn shown(it: &Delivery) -> json::WebhookDelivery {
    json::WebhookDelivery {
        id: it.id.to_string(),
        event_id: it.event.to_string(),
        kind: it.kind.clone(),
        subject: it.subject.clone(),
        sequence: it.sequence,
        state: it.state.as_str().to_owned(),
        reason: it.reason.clone(),
        attempt_count: it.attempts,
        due_at: it.due_at.map(|at| at.to_string()),
        created_at: it.created_at.to_string(),
        finished_at: it.finished_at.map(|at| at.to_string()),
    }
}

fn shown_resend(it: &Resend) -> json::Resent {
    json::Resent {
        id: it.id.to_string(),
        state: if it.finished_at.is_some() { "done" } else { "running" }.to_owned(),
        total: it.total,
        resent: it.resent,
        created_at: it.created_at.to_string(),
        finished_at: it.finished_at.map(|at| at.to_string()),
    }
}

fn shown_attempt(it: Attempt) -> json::WebhookAttempt {
    json::WebhookAttempt {
        number: it.number,
        kind: it.kind,
        started_at: it.started_at.to_string(),
        duration_ms: it.duration_ms,
        outcome: it.outcome,
        status: it.status,
        response_type: it.response_type,
        response_body: it.response_body.map(|it| String::from_utf8_lossy(&it).into_owned()),
    }
}
