//! `settings/danger`: another name, who sees it, archived, deleted. What cannot be taken back easily asks for the name.

use api::json;
use axum::response::Response;
use serde::Deserialize;
use trust::{Actor, Allowed, act};
use web::{
    Call, Form, Input as _, Problem, Routes, Spec, Surface,
    look::{Layout, When},
};

use super::{Faults, Tab, address, again, frame, head, layout, lead_to};
use crate::{
    Hub, Repository, life,
    pages::parts,
    transfers::{self, Handed},
    views::settings::DangerPage,
};

const HERE: &str = "/{owner}/{name}/settings/danger";

pub(super) fn routes(routes: Routes<Hub>, form: Spec) -> Routes<Hub> {
    routes
        .get(HERE, Surface::Page, show)
        .post("/{owner}/{name}/settings/rename", form, rename)
        .post("/{owner}/{name}/settings/visibility", form, set_visibility)
        .post("/{owner}/{name}/settings/archive", form, archive)
        .post("/{owner}/{name}/settings/unarchive", form, unarchive)
        .post("/{owner}/{name}/settings/transfer", form, transfer)
        .post("/{owner}/{name}/settings/keep", form, keep)
        .post("/{owner}/{name}/settings/delete", form, delete)
}

/// What stands in the forms; each sends its own.
#[derive(Debug, Default)]
struct Typed {
    name: Option<String>,
    confirm_visibility: String,
    confirm_delete: String,
    to: String,
    confirm_transfer: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    visibility: String,
    #[serde(default)]
    confirm: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirm {
    confirm: String,
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::RepoSettings, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository, Tab::Danger);
    page(&hub, allowed.actor(), repository, layout, (Typed::default(), Faults::default())).await
}

async fn page(
    hub: &Hub,
    actor: &Actor,
    repository: &Repository,
    layout: Layout,
    (typed, faults): (Typed, Faults),
) -> Result<Response, Problem> {
    let now = hub.clock.now();
    let waiting = transfers::of_repository(&mut hub.db.glance().await?, repository.id, now).await?;
    let name = typed.name.unwrap_or_else(|| repository.name.to_string());
    web::page(&DangerPage {
        layout,
        head: head(actor, repository),
        frame: frame(hub, actor, repository, Tab::Danger)?,
        full_name: repository.full_name(),
        owns: life::owns(actor, repository),
        is_private: repository.is_private(),
        name: faults.field("name", name),
        confirm_visibility: faults.field("confirm_visibility", typed.confirm_visibility),
        confirm_delete: faults.field("confirm_delete", typed.confirm_delete),
        kept_days: life::KEPT_DAYS,
        waits_for: waiting.map(|it| (it.to.to_string(), When::new(it.ends_at, now))),
        to: faults.field("to", typed.to),
        confirm_transfer: faults.field("confirm_transfer", typed.confirm_transfer),
        waits_days: transfers::WAITS_DAYS,
    })
}

/// Shows the page once more, if what was typed is what stands in the way.
async fn not_done<A: trust::Act>(
    hub: &Hub,
    allowed: &Allowed<A, Repository>,
    layout: Layout,
    (typed, faults): (Typed, Faults),
) -> Result<Response, Problem> {
    again(page(hub, allowed.actor(), allowed.resource(), layout, (typed, faults)).await)
}

async fn rename(
    hub: Hub,
    allowed: Allowed<act::RepoUpdate, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(&call, allowed.resource(), Tab::Danger);
    let Form(Name { name }) = Form::<Name>::take(call).await?;
    let wish = name.trim().to_owned();
    let changes =
        json::RepositoryChanges { name: Some(wish), ..json::RepositoryChanges::default() };
    match life::change_as_asked(&hub, &allowed, changes).await {
        Ok(after) => Ok(lead_to(&address(&after, Tab::Danger))),
        Err(problem) => {
            let faults = Faults::of(problem, "name")?;
            let typed = Typed { name: Some(name), ..Typed::default() };
            not_done(&hub, &allowed, layout, (typed, faults)).await
        }
    }
}

async fn set_visibility(
    hub: Hub,
    allowed: Allowed<act::RepoVisibility, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository, Tab::Danger);
    let Form(Shown { visibility, confirm }) = Form::<Shown>::take(call).await?;
    let may_change = Allowed::<act::RepoUpdate, _>::ask(allowed.actor(), repository.clone())?;
    let changes = json::RepositoryChanges {
        visibility: Some(visibility),
        confirm: Some(confirm.trim().to_owned()),
        ..json::RepositoryChanges::default()
    };
    match life::change_as_asked(&hub, &may_change, changes).await {
        Ok(after) => Ok(lead_to(&address(&after, Tab::Danger))),
        Err(problem) => {
            let faults = Faults::of(problem, "confirm")?.renamed("confirm_visibility");
            let typed = Typed { confirm_visibility: confirm, ..Typed::default() };
            not_done(&hub, &allowed, layout, (typed, faults)).await
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Receiver {
    to: String,
    confirm: String,
}

async fn transfer(
    hub: Hub,
    allowed: Allowed<act::RepoTransfer, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository, Tab::Danger);
    let Form(Receiver { to, confirm }) = Form::<Receiver>::take(call).await?;
    match transfers::hand_on_as_asked(&hub, &allowed, to.trim(), confirm.trim()).await {
        Ok(Handed::Over(after)) => Ok(lead_to(&parts::home_of(&after))),
        Ok(Handed::Waiting(_)) => Ok(lead_to(&address(repository, Tab::Danger))),
        Err(problem) => {
            let faults = Faults::of(problem, "to")?.moved("confirm", "confirm_transfer");
            let typed = Typed { to, confirm_transfer: confirm, ..Typed::default() };
            not_done(&hub, &allowed, layout, (typed, faults)).await
        }
    }
}

async fn keep(
    hub: Hub,
    allowed: Allowed<act::RepoTransfer, Repository>,
    (): (),
) -> Result<Response, Problem> {
    hub.keep(&allowed).await?;
    Ok(lead_to(&address(allowed.resource(), Tab::Danger)))
}

async fn archive(
    hub: Hub,
    allowed: Allowed<act::RepoArchive, Repository>,
    (): (),
) -> Result<Response, Problem> {
    Ok(lead_to(&address(&hub.set_archived(&allowed, true).await?, Tab::Danger)))
}

async fn unarchive(
    hub: Hub,
    allowed: Allowed<act::RepoArchive, Repository>,
    (): (),
) -> Result<Response, Problem> {
    Ok(lead_to(&address(&hub.set_archived(&allowed, false).await?, Tab::Danger)))
}

async fn delete(
    hub: Hub,
    allowed: Allowed<act::RepoDelete, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository, Tab::Danger);
    let Form(Confirm { confirm }) = Form::<Confirm>::take(call).await?;
    if let Err(problem) = life::check_confirmed(confirm.trim(), repository) {
        let faults = Faults::of(problem, "confirm")?.renamed("confirm_delete");
        let typed = Typed { confirm_delete: confirm, ..Typed::default() };
        return not_done(&hub, &allowed, layout, (typed, faults)).await;
    }
    hub.delete_repository(&allowed).await?;
    Ok(lead_to(&format!("/settings/repositories?owner={}", repository.owner)))
}
