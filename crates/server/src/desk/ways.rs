//! `/settings/passkeys` and `/settings/logins`: ways in beside keys.

use axum::response::Response;
use names::Id;
use trust::{Allowed, Anything, Identity, Kind, Offer, Passkey, act};
use web::{
    Call, Input as _, Problem, Routes, Spec, Surface,
    look::{When, assets, visible},
};

use super::{
    Desk, layout, lead_to, mark,
    view::{LoginRow, LoginsPage, PasskeyRow, PasskeysPage},
};

pub(super) fn routes(routes: Routes<Desk>, form: Spec) -> Routes<Desk> {
    routes
        .get("/settings/passkeys", Surface::Page, passkeys)
        .post("/settings/passkeys/{id}/remove", form, remove)
        .get("/settings/logins", Surface::Page, logins)
        .post("/settings/logins/{provider}/unlink", form, unlink)
}

async fn passkeys(
    desk: Desk,
    allowed: Allowed<act::PasskeyRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    people_only(allowed.actor())?;
    let (now, csrf) = (desk.clock.now(), mark(&desk, allowed.actor())?);
    let found = desk.trust.passkeys(&allowed).await?;
    let row = |it: &Passkey| PasskeyRow {
        id: it.id.to_string(),
        label: visible::html(&it.label),
        algorithm: it.algorithm,
        created: When::new(it.created_at, now),
        used: it.last_used_at.map(|at| When::new(at, now)),
    };
    web::page(&PasskeysPage {
        layout: layout("Passkeys", &call),
        csrf,
        passkeys_at: desk.trust.settings().passkeys.as_ref().map(|it| it.origin.clone()),
        script: assets::passkeys_href(),
        passkeys: found.iter().map(row).collect(),
    })
}

fn people_only(actor: &trust::Actor) -> Result<(), Problem> {
    let is_person = actor.principal().is_some_and(|it| it.kind == Kind::Person);
    is_person.then_some(()).ok_or_else(Problem::not_found)
}

async fn remove(
    desk: Desk,
    allowed: Allowed<act::PasskeyRemove, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let id: Id<Passkey> = call.params.parse("id")?;
    <()>::take(call).await?;
    desk.trust.remove_passkey(&allowed, id).await?;
    Ok(lead_to("/settings/passkeys"))
}

/// The providers that are set up, and those that somebody linked an account with while they were.
async fn logins(
    desk: Desk,
    allowed: Allowed<act::IdentityRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    people_only(allowed.actor())?;
    let (now, csrf) = (desk.clock.now(), mark(&desk, allowed.actor())?);
    let offers = desk.trust.settings().elsewhere.offers();
    let found = desk.trust.identities(&allowed).await?;
    let linked = |it: &Identity| {
        let used = it.last_used_at.map(|at| When::new(at, now));
        (visible::html(&it.subject), When::new(it.linked_at, now), used)
    };
    let offered = |offer: &Offer| LoginRow {
        slug: Some(offer.slug),
        name: offer.name.clone(),
        issuer: offer.issuer.clone(),
        linked: found.iter().find(|it| it.provider == offer.issuer).map(linked),
    };
    let is_gone = |it: &&Identity| !offers.iter().any(|offer| offer.issuer == it.provider);
    let gone = |it: &Identity| LoginRow {
        slug: None,
        name: it.provider.clone(),
        issuer: it.provider.clone(),
        linked: Some(linked(it)),
    };
    let logins = offers.iter().map(offered).chain(found.iter().filter(is_gone).map(gone)).collect();
    web::page(&LoginsPage { layout: layout("Linked logins", &call), csrf, logins })
}

async fn unlink(
    desk: Desk,
    allowed: Allowed<act::IdentityUnlink, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let provider = call.params.text("provider").to_owned();
    <()>::take(call).await?;
    desk.trust.unlink(&allowed, &provider).await?;
    Ok(lead_to("/settings/logins"))
}
