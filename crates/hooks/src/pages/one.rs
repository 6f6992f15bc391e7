//! One webhook: changed, switched off and on, deleted; its secrets and its deliveries.

use std::time::Duration;

use axum::response::Response;
use names::{Id, UnixMillis};
use serde::Deserialize;
use trust::Allowed;
use web::{
    Call, Form, Input as _, Problem,
    look::{Layout, When, href, visible},
};

use super::{
    Faults, again,
    fields::Typed,
    frame, keep_secret, layout, lead_to,
    view::{DeliveryRow, OnePage, SecretRow, delivery_state, state_of},
};
use crate::{
    Delivery, DeliveryFilter, DeliveryState, EventType, Webhook,
    api::webhooks::parse,
    level::{Door, Paged},
    subscriptions::secrets::ShownSecret,
};

/// What the page is called.
const TITLE: &str = "Webhook";
/// Deliveries on a page.
const PAGE: u32 = 30;

/// Which deliveries are shown. What is nothing of the list of states and types shows all.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default, rename = "type")]
    kind: String,
    before: Option<Id<Delivery>>,
}

impl Asked {
    fn filter(&self) -> DeliveryFilter<'_> {
        let kind = self.kind.parse::<EventType>().ok().map(|_| self.kind.as_str());
        let state = self.state.parse::<DeliveryState>().ok();
        DeliveryFilter { state, kind, before: self.before, ..DeliveryFilter::default() }
    }
}

/// What is said besides.
#[derive(Default)]
struct Said {
    typed: Option<Typed>,
    faults: Faults,
    secret: Option<String>,
}

pub(super) async fn show<R: Paged>(
    door: Door,
    allowed: Allowed<R::Read, R>,
    call: Call,
) -> Result<Response, Problem> {
    let id = call.params.parse("webhook")?;
    let asked: Asked = call.query()?;
    page(&door, &allowed, id, layout(TITLE, &call), (&asked, Said::default())).await
}

async fn page<R: Paged>(
    door: &Door,
    allowed: &Allowed<R::Read, R>,
    id: Id<Webhook>,
    layout: Layout,
    (asked, said): (&Asked, Said),
) -> Result<Response, Problem> {
    let shown = door.hooks.show(allowed, id).await?;
    let mut found = door.hooks.deliveries(allowed, id, asked.filter(), Some(PAGE + 1)).await?;
    let has_more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let (now, it) = (door.hooks.0.clock.now(), &shown.webhook);
    let (layout, frame) = frame(door, allowed.actor(), allowed.resource(), layout).await?;
    let here = format!("{}/{id}", frame.href);
    let oldest = found.last().filter(|_| has_more);
    let next = oldest.map(|last| {
        let (state, kind) = (href::segment(&asked.state), href::segment(&asked.kind));
        format!("{here}?state={state}&type={kind}&before={}", last.id)
    });
    let typed = said.typed.unwrap_or_else(|| Typed::of(it));
    web::page(&OnePage {
        layout,
        url: visible::html(&it.wishes.url),
        host: visible::name(&it.host()),
        state: state_of(it.state),
        is_managed: it.managed_by.is_some(),
        fields: typed.shown(&said.faults),
        fault: said.faults.told("webhook"),
        secret_fault: said.faults.told("secret"),
        secret: said.secret,
        secrets: shown.secrets.iter().map(|it| secret_row(it, now)).collect(),
        deliveries: found.iter().map(|it| delivery_row(it, &here, now)).collect(),
        states: DeliveryState::ALL.map(DeliveryState::as_str),
        state_asked: asked.filter().state.map_or("", DeliveryState::as_str),
        kind_asked: visible::value(&asked.kind),
        next,
        here,
        frame,
    })
}

fn secret_row(it: &ShownSecret, now: UnixMillis) -> SecretRow {
    SecretRow {
        id: it.id.to_string(),
        last4: it.last4.clone(),
        made: When::new(it.created_at, now),
        ends: it.expires_at.map(|at| When::new(at, now)),
    }
}

fn delivery_row(it: &Delivery, here: &str, now: UnixMillis) -> DeliveryRow {
    DeliveryRow {
        href: format!("{here}/deliveries/{}", it.id),
        kind: it.kind.clone(),
        subject: visible::html(&it.subject),
        state: delivery_state(it.state),
        reason: it.reason.clone(),
        attempts: it.attempts,
        happened: When::new(it.created_at, now),
    }
}

pub(super) async fn change<R: Paged>(
    door: Door,
    allowed: Allowed<R::Write, R>,
    call: Call,
) -> Result<Response, Problem> {
    let (id, layout) = (call.params.parse::<Id<Webhook>>("webhook")?, layout(TITLE, &call));
    let Form(typed) = Form::<Typed>::take(call).await?;
    let changed = async {
        let (change, _) = parse(typed.clone().asked(false))?;
        Ok::<_, Problem>(door.hooks.change(&allowed, id, change, |_| true).await?)
    };
    match changed.await {
        Ok(_) => Ok(lead_to(&format!("{}/{id}", allowed.resource().page()))),
        Err(problem) => {
            let faults = Faults::of(problem, "webhook")?;
            let said = Said { typed: Some(typed), faults, ..Said::default() };
            let may_read = Allowed::ask(allowed.actor(), allowed.resource().clone())?;
            again(page(&door, &may_read, id, layout, (&Asked::default(), said)).await)
        }
    }
}

pub(super) async fn delete<R: Paged>(
    door: Door,
    allowed: Allowed<R::Write, R>,
    call: Call,
) -> Result<Response, Problem> {
    let id = call.params.parse("webhook")?;
    <()>::take(call).await?;
    door.hooks.delete(&allowed, id).await?;
    Ok(lead_to(&allowed.resource().page()))
}

/// How long the older secret signs beside the new one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Overlap {
    hours: u64,
}

pub(super) async fn add_secret<R: Paged>(
    door: Door,
    allowed: Allowed<R::Write, R>,
    call: Call,
) -> Result<Response, Problem> {
    let (id, layout) = (call.params.parse::<Id<Webhook>>("webhook")?, layout(TITLE, &call));
    let Form(Overlap { hours }) = Form::<Overlap>::take(call).await?;
    let overlap = Duration::from_secs(hours.saturating_mul(3_600));
    let made = door.hooks.add_secret(&allowed, id, Some(overlap), None).await;
    let may_read = Allowed::ask(allowed.actor(), allowed.resource().clone())?;
    match made {
        Ok((_, secret)) => {
            let secret = Some(secret.expose().to_owned());
            let said = Said { secret, ..Said::default() };
            let shown = page(&door, &may_read, id, layout, (&Asked::default(), said)).await;
            shown.map(keep_secret)
        }
        Err(error) => {
            let faults = Faults::of(error.into(), "secret")?.renamed("overlap_seconds", "secret");
            let said = Said { faults, ..Said::default() };
            again(page(&door, &may_read, id, layout, (&Asked::default(), said)).await)
        }
    }
}

pub(super) async fn remove_secret<R: Paged>(
    door: Door,
    allowed: Allowed<R::Write, R>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(TITLE, &call);
    let id = call.params.parse::<Id<Webhook>>("webhook")?;
    let secret = call.params.parse("secret")?;
    <()>::take(call).await?;
    match door.hooks.remove_secret(&allowed, id, secret).await {
        Ok(()) => Ok(lead_to(&format!("{}/{id}", allowed.resource().page()))),
        Err(error) => {
            let said = Said { faults: Faults::of(error.into(), "secret")?, ..Said::default() };
            let may_read = Allowed::ask(allowed.actor(), allowed.resource().clone())?;
            again(page(&door, &may_read, id, layout, (&Asked::default(), said)).await)
        }
    }
}
