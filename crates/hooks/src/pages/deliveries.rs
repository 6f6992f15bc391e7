//! One delivery with its attempts; a ping; what is sent once more, one or many.

use axum::response::Response;
use names::{Id, UnixMillis};
use serde::Deserialize;
use trust::Allowed;
use web::{
    Call, Form, Input as _, Problem,
    look::{When, visible},
};

use super::{
    frame, layout, lead_to,
    view::{AttemptRow, DeliveryPage, ResendPage, delivery_state},
};
use crate::{
    Attempt, Delivery, DeliveryFilter, DeliveryState, Resend, Webhook,
    level::{Door, Paged},
};

pub(super) async fn show<R: Paged>(
    door: Door,
    allowed: Allowed<R::Read, R>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout("Delivery", &call);
    let id = call.params.parse::<Id<Webhook>>("webhook")?;
    let delivery = call.params.parse("delivery")?;
    <()>::take(call).await?;
    let (it, attempts) = door.hooks.delivery(&allowed, id, delivery).await?;
    let now = door.hooks.0.clock.now();
    let (layout, frame) = frame(&door, allowed.actor(), allowed.resource(), layout).await?;
    let webhook = format!("{}/{id}", frame.href);
    web::page(&DeliveryPage {
        layout,
        here: format!("{webhook}/deliveries/{}", it.id),
        webhook,
        id: it.id.to_string(),
        event: it.event.to_string(),
        kind: it.kind.clone(),
        subject: visible::html(&it.subject),
        sequence: it.sequence,
        state: delivery_state(it.state),
        reason: it.reason.clone(),
        has_ended: it.state.has_ended(),
        happened: When::new(it.created_at, now),
        due: it.due_at.map(|at| When::new(at, now)),
        ended: it.finished_at.map(|at| When::new(at, now)),
        attempts: attempts.iter().map(|it| attempt_row(it, now)).collect(),
        frame,
    })
}

fn attempt_row(it: &Attempt, now: UnixMillis) -> AttemptRow {
    let body = it.response_body.as_ref().map(|it| String::from_utf8_lossy(it).into_owned());
    AttemptRow {
        number: it.number,
        kind: it.kind.clone(),
        began: When::new(it.started_at, now),
        took_ms: it.duration_ms,
        outcome: it.outcome.clone(),
        status: it.status,
        media: it.response_type.as_deref().map(visible::html),
        body: body.filter(|it| !it.is_empty()).map(|it| visible::html(&it)),
    }
}

fn address<R: Paged>(of: &R, webhook: Id<Webhook>, delivery: Id<Delivery>) -> String {
    format!("{}/{webhook}/deliveries/{delivery}", of.page())
}

pub(super) async fn ping<R: Paged>(
    door: Door,
    allowed: Allowed<R::Send, R>,
    call: Call,
) -> Result<Response, Problem> {
    let id = call.params.parse("webhook")?;
    <()>::take(call).await?;
    let sent = door.hooks.ping(&allowed, id).await?;
    Ok(lead_to(&address(allowed.resource(), id, sent.id)))
}

pub(super) async fn resend<R: Paged>(
    door: Door,
    allowed: Allowed<R::Send, R>,
    call: Call,
) -> Result<Response, Problem> {
    let (id, delivery) = (call.params.parse("webhook")?, call.params.parse("delivery")?);
    <()>::take(call).await?;
    let sent = door.hooks.resend(&allowed, id, delivery).await?;
    Ok(lead_to(&address(allowed.resource(), id, sent.id)))
}

/// Which are sent once more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    state: String,
}

pub(super) async fn resend_all<R: Paged>(
    door: Door,
    allowed: Allowed<R::Send, R>,
    call: Call,
) -> Result<Response, Problem> {
    let id = call.params.parse::<Id<Webhook>>("webhook")?;
    let Form(asked) = Form::<Asked>::take(call).await?;
    let state: DeliveryState =
        asked.state.parse().map_err(|error: String| Problem::malformed(&error))?;
    let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
    let begun = door.hooks.resend_all(&allowed, id, filter).await?;
    Ok(lead_to(&format!("{}/{id}/resends/{}", allowed.resource().page(), begun.id)))
}

/// How far that is.
pub(super) async fn resent<R: Paged>(
    door: Door,
    allowed: Allowed<R::Read, R>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout("Sent once more", &call);
    let id = call.params.parse::<Id<Webhook>>("webhook")?;
    let resend: Id<Resend> = call.params.parse("resend")?;
    <()>::take(call).await?;
    let it = door.hooks.resend_of(&allowed, id, resend).await?;
    let now = door.hooks.0.clock.now();
    let (layout, frame) = frame(&door, allowed.actor(), allowed.resource(), layout).await?;
    let webhook = format!("{}/{id}", frame.href);
    web::page(&ResendPage {
        layout,
        here: format!("{webhook}/resends/{resend}"),
        webhook,
        total: it.total,
        resent: it.resent,
        asked: When::new(it.created_at, now),
        ended: it.finished_at.map(|at| When::new(at, now)),
        frame,
    })
}
