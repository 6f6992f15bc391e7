//! All webhooks of a thing, and a new one.

use axum::response::Response;
use names::UnixMillis;
use trust::Allowed;
use web::{
    Call, Form, Input as _, Problem,
    look::{Layout, When, visible},
};

use super::{
    Faults, again,
    fields::Typed,
    frame, keep_secret, layout,
    view::{HookRow, ListPage, state_of},
};
use crate::{
    ShownWebhook, Wishes,
    api::webhooks::parse,
    level::{Door, Paged},
};

/// What the page is called.
const TITLE: &str = "Webhooks";

pub(super) async fn show<R: Paged>(
    door: Door,
    allowed: Allowed<R::Read, R>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(TITLE, &call);
    page(&door, &allowed, layout, (&Typed::empty(), &Faults::default()), None).await
}

async fn page<R: Paged>(
    door: &Door,
    allowed: &Allowed<R::Read, R>,
    layout: Layout,
    (typed, faults): (&Typed, &Faults),
    secret: Option<String>,
) -> Result<Response, Problem> {
    let (of, actor) = (allowed.resource(), allowed.actor());
    let found = door.hooks.list(allowed).await?;
    let now = door.hooks.0.clock.now();
    let (layout, frame) = frame(door, actor, of, layout).await?;
    web::page(&ListPage {
        layout,
        rows: found.iter().map(|it| row(it, &frame.href, now)).collect(),
        fields: typed.shown(faults),
        secret,
        most: of.realm().most(),
        frame,
    })
}

fn row(it: &ShownWebhook, href: &str, now: UnixMillis) -> HookRow {
    HookRow {
        href: format!("{href}/{}", it.webhook.id),
        url: visible::html(&it.webhook.wishes.url),
        description: visible::html(&it.webhook.wishes.description),
        events: it.webhook.wishes.events.words().join(" "),
        state: state_of(it.webhook.state),
        last: it.last_delivery.map(|at| When::new(at, now)),
        is_managed: it.webhook.managed_by.is_some(),
    }
}

pub(super) async fn create<R: Paged>(
    door: Door,
    allowed: Allowed<R::Write, R>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(TITLE, &call);
    let Form(typed) = Form::<Typed>::take(call).await?;
    let may_read = Allowed::ask(allowed.actor(), allowed.resource().clone())?;
    match made(&door, &allowed, typed.clone()).await {
        Ok(secret) => {
            let said = (&Typed::empty(), &Faults::default());
            page(&door, &may_read, layout, said, Some(secret)).await.map(keep_secret)
        }
        Err(problem) => {
            let faults = Faults::of(problem, "url")?;
            again(page(&door, &may_read, layout, (&typed, &faults), None).await)
        }
    }
}

/// Makes it; gives its secret.
async fn made<R: Paged>(
    door: &Door,
    allowed: &Allowed<R::Write, R>,
    typed: Typed,
) -> Result<String, Problem> {
    let (change, _) = parse(typed.asked(true))?;
    let (url, events) = (change.url.clone(), change.events.clone());
    let (Some(url), Some(events)) = (url, events) else { return Err(Problem::not_found()) };
    let wishes = change.on(Wishes::new(url, events));
    let made = door.hooks.create(allowed, wishes, None).await?;
    Ok(made.secret.expose().to_owned())
}
