//! `/settings/invitations`: what one is asked into.

use axum::response::Response;
use trust::{Allowed, Anything, act};
use web::{
    Call, Input as _, Problem, Routes, Spec, Surface,
    look::{Crumb, Layout, When},
};

use super::lead_to;
use crate::{
    Hub,
    invitations::{Invitation, OPEN_DAYS},
    views::settings::{InvitationRow, InvitationsPage},
};

const TITLE: &str = "Invitations";
const HERE: &str = "/settings/invitations";

pub(super) fn routes(routes: Routes<Hub>, form: Spec) -> Routes<Hub> {
    routes
        .get(HERE, Surface::Page, show)
        .post("/settings/invitations/{id}/accept", form, accept)
        .post("/settings/invitations/{id}/decline", form, decline)
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::MeRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let (actor, now) = (allowed.actor(), hub.clock.now());
    let row = |it: &Invitation| InvitationRow {
        id: it.id.to_string(),
        full_name: it.full_name.clone(),
        level: it.level.as_str(),
        by: it.invited_by.to_string(),
        until: When::new(it.ends_at, now),
    };
    let layout = Layout {
        title: TITLE.to_owned(),
        crumbs: vec![Crumb::here(TITLE)],
        reader: call.context.reader(),
        is_noindex: true,
        ..Layout::default()
    };
    web::page(&InvitationsPage {
        layout,
        csrf: actor.session().map(|session| hub.trust.csrf(session)).transpose()?,
        invitations: hub.invitations(actor).await?.iter().map(row).collect(),
        open_days: OPEN_DAYS,
    })
}

async fn accept(
    hub: Hub,
    allowed: Allowed<act::MemberAccept, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let id = call.params.parse("id")?;
    <()>::take(call).await?;
    let taken = hub.decide_invitation(allowed.actor(), id, true).await?;
    Ok(lead_to(&format!("/{}", taken.full_name)))
}

async fn decline(
    hub: Hub,
    allowed: Allowed<act::MemberAccept, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let id = call.params.parse("id")?;
    <()>::take(call).await?;
    hub.decide_invitation(allowed.actor(), id, false).await?;
    Ok(lead_to(HERE))
}
