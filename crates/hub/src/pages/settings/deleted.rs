//! `/settings/repositories`: what was deleted and can be restored, one's own or that of an organization.

use axum::response::Response;
use names::{Handle, Id, RepositoryName};
use serde::Deserialize;
use trust::{Actor, Allowed, Anything, Membership, Role, act};
use web::{
    Call, Form, Input as _, Problem, Routes, Spec, Surface,
    look::{Crumb, Layout, When},
};

use super::{Faults, again, lead_to};
use crate::{
    Hub, Repository,
    life::{self, Deleted},
    pages::parts,
    transfers::{self, Offered},
    views::settings::{DeletedPage, DeletedRow, Field, TransferRow},
};

/// The tab that is open, and its address.
const TITLE: &str = "Repositories";
const HERE: &str = "/settings/repositories";
const RESTORE: &str = "/settings/repositories/{owner}/{name}/restore";
const PURGE: &str = "/settings/repositories/{owner}/{name}/purge";

pub(super) fn routes(routes: Routes<Hub>, form: Spec) -> Routes<Hub> {
    routes
        .get(HERE, Surface::Page, show)
        .post(RESTORE, form, restore)
        .post(PURGE, form, purge)
        .post("/settings/transfers/{id}/accept", form, take)
        .post("/settings/transfers/{id}/decline", form, decline)
}

/// Whose: one's own, unless another is named.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    owner: Option<Handle>,
}

/// What stands in the forms of one row.
#[derive(Debug, Default)]
struct Typed {
    of: String,
    name: String,
    confirm: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct As {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    confirm: String,
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::MeRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let Whose { owner } = call.query()?;
    page(&hub, allowed.actor(), layout(&call), owner, (Typed::default(), Faults::default())).await
}

fn layout(call: &Call) -> Layout {
    Layout {
        title: TITLE.to_owned(),
        crumbs: vec![Crumb::here(TITLE)],
        reader: call.context.reader(),
        request_id: call.context.request_id.clone(),
        is_noindex: true,
        ..Layout::default()
    }
}

async fn page(
    hub: &Hub,
    actor: &Actor,
    layout: Layout,
    owner: Option<Handle>,
    (typed, faults): (Typed, Faults),
) -> Result<Response, Problem> {
    let me = actor.handle().cloned().ok_or(trust::Refusal::Unauthenticated)?;
    let owner = owner.unwrap_or_else(|| me.clone());
    let mut tx = hub.db.glance().await?;
    let id = hub.trust.namespace(&mut tx, &owner).await?;
    drop(tx);
    // A namespace that nobody has is one in which nothing was deleted.
    let id = id.unwrap_or(Id::from_uuid(uuid::Uuid::nil()));
    let found = hub.deleted_repositories(actor, id).await?;
    let memberships = hub.trust.memberships(&Allowed::ask(actor, Anything)?).await?;
    let run_by_me = |it: &Membership| (it.role == Role::Owner).then(|| it.organization.to_string());
    let now = hub.clock.now();
    let row = |it: &Repository| {
        let is_typed = typed.of == it.full_name();
        let field = |name: &str, value: &str| {
            if is_typed { faults.field(name, value) } else { Field::default() }
        };
        DeletedRow {
            href: format!("{HERE}{}", parts::home_of(it)),
            id: it.id.to_string(),
            full_name: it.full_name(),
            is_private: it.is_private(),
            deleted: it.deleted_at.map(|at| When::new(at, now)),
            until: life::restorable_until(it).map(|at| When::new(at, now)),
            name: field("name", &typed.name),
            confirm: field("confirm", &typed.confirm),
        }
    };
    let mut waiting = Vec::new();
    for it in hub.transfers(actor).await? {
        let is_typed = typed.of == it.id.to_string();
        waiting.push(TransferRow {
            id: it.id.to_string(),
            full_name: it.full_name,
            is_mine: it.to == me || memberships.iter().any(|of| runs(of, &it.to)),
            to: it.to.to_string(),
            until: When::new(it.ends_at, now),
            name: if is_typed { faults.field("name", &typed.name) } else { Field::default() },
        });
    }
    let session = actor.session();
    web::page(&DeletedPage {
        layout,
        csrf: session.map(|session| hub.trust.csrf(session)).transpose()?,
        is_stale: session.is_some_and(|it| !it.is_fresh),
        owners: std::iter::once(me.to_string())
            .chain(memberships.iter().filter_map(run_by_me))
            .collect(),
        owner: owner.to_string(),
        transfers: waiting,
        repositories: last_of_each_name(found).iter().map(row).collect(),
        kept_days: life::KEPT_DAYS,
    })
}

/// Whether somebody decides for an organization.
fn runs(membership: &Membership, organization: &Handle) -> bool {
    membership.organization == *organization && membership.role >= Role::Admin
}

/// Of several that had a name, the one that was deleted last is the one that comes back.
fn last_of_each_name(mut found: Vec<Repository>) -> Vec<Repository> {
    let mut seen: Vec<RepositoryName> = Vec::new();
    found.retain(|it| {
        let is_new = !seen.contains(&it.name);
        if is_new {
            seen.push(it.name.clone());
        }
        is_new
    });
    found
}

fn back_to(owner: &Handle) -> String {
    format!("{HERE}?owner={owner}")
}

async fn restore(
    hub: Hub,
    allowed: Allowed<act::RepoRestore, Deleted>,
    call: Call,
) -> Result<Response, Problem> {
    let (layout, it) = (layout(&call), &allowed.resource().0);
    let Form(As { name }) = Form::<As>::take(call).await?;
    let wish = Some(name.trim()).filter(|it| !it.is_empty());
    let faults = match life::restore_as(&hub, &allowed, wish).await {
        Ok(restored) => return Ok(lead_to(&parts::home_of(&restored))),
        Err(problem) => Faults::of(problem, "name")?,
    };
    let typed = Typed { of: it.full_name(), name, ..Typed::default() };
    again(page(&hub, allowed.actor(), layout, Some(it.owner.clone()), (typed, faults)).await)
}

async fn purge(
    hub: Hub,
    allowed: Allowed<act::RepoPurge, Deleted>,
    call: Call,
) -> Result<Response, Problem> {
    let (layout, it) = (layout(&call), &allowed.resource().0);
    let Form(Confirm { confirm }) = Form::<Confirm>::take(call).await?;
    if let Err(problem) = life::check_confirmed(confirm.trim(), it) {
        let faults = Faults::of(problem, "confirm")?;
        let typed = Typed { of: it.full_name(), confirm, ..Typed::default() };
        let owner = Some(it.owner.clone());
        return again(page(&hub, allowed.actor(), layout, owner, (typed, faults)).await);
    }
    hub.purge_repository(&allowed).await?;
    Ok(lead_to(&back_to(&it.owner)))
}

async fn take(
    hub: Hub,
    allowed: Allowed<act::TransferDecide, Offered>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(&call);
    let Form(As { name }) = Form::<As>::take(call).await?;
    let wish = Some(name.trim()).filter(|it| !it.is_empty());
    let faults = match transfers::take_as_asked(&hub, &allowed, wish).await {
        Ok(taken) => return Ok(lead_to(&parts::home_of(&taken))),
        Err(problem) => Faults::of(problem, "name")?,
    };
    let of = allowed.resource().transfer.id.to_string();
    let typed = Typed { of, name, ..Typed::default() };
    again(page(&hub, allowed.actor(), layout, None, (typed, faults)).await)
}

async fn decline(
    hub: Hub,
    allowed: Allowed<act::TransferDecide, Offered>,
    (): (),
) -> Result<Response, Problem> {
    hub.decline(&allowed).await?;
    Ok(lead_to(HERE))
}
