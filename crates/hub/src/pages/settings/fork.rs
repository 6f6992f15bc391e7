//! `/{owner}/{name}/fork`: a repository of one's own, made from this one.

use api::json;
use axum::response::Response;
use serde::Deserialize;
use trust::{Actor, Allowed, Anything, Membership, Role, act};
use web::{Call, Form, Input as _, Problem, Routes, Spec, Surface, look::Layout};

use super::{Faults, again, lead_to};
use crate::{
    Hub, Repository, forks,
    pages::parts,
    views::{Section, settings::ForkPage},
};

const HERE: &str = "/{owner}/{name}/fork";

pub(super) fn routes(routes: Routes<Hub>, form: Spec) -> Routes<Hub> {
    routes.get(HERE, Surface::Page, show).post(HERE, form, make)
}

/// What stands in the form.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    owner: String,
    name: String,
    /// A box that is not ticked is not sent.
    default_branch_only: Option<String>,
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::RepoRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let (actor, repository) = (allowed.actor(), allowed.resource());
    let owner = actor.handle().map(ToString::to_string).unwrap_or_default();
    let typed = Typed { owner, name: repository.name.to_string(), ..Typed::default() };
    page(&hub, actor, repository, layout(&call, repository), (typed, Faults::default())).await
}

fn layout(call: &Call, repository: &Repository) -> Layout {
    let title = format!("Fork {}", repository.full_name());
    Layout { is_noindex: true, ..parts::layout(call, repository, title) }
}

async fn page(
    hub: &Hub,
    actor: &Actor,
    repository: &Repository,
    layout: Layout,
    (typed, faults): (Typed, Faults),
) -> Result<Response, Problem> {
    let makes = |it: &Membership| (it.role >= Role::Member).then(|| it.organization.to_string());
    let mut owners: Vec<String> = actor.handle().map(ToString::to_string).into_iter().collect();
    if actor.session().is_some() {
        let memberships = hub.trust.memberships(&Allowed::ask(actor, Anything)?).await?;
        owners.extend(memberships.iter().filter_map(makes));
    }
    let is_bound = hub.trust.is_bound(&mut hub.db.glance().await?, repository.id.uuid()).await?;
    web::page(&ForkPage {
        layout,
        head: parts::head(actor, repository, None, Section::Code),
        csrf: actor.session().map(|session| hub.trust.csrf(session)).transpose()?,
        allows_forks: repository.allows_forks() && !is_bound,
        is_private: repository.is_private(),
        owners,
        owner: faults.field("owner", typed.owner),
        name: faults.field("name", typed.name),
        default_branch_only: typed.default_branch_only.is_some(),
        default_branch: repository.default_branch.to_string(),
    })
}

async fn make(
    hub: Hub,
    allowed: Allowed<act::RepoFork, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository);
    let Form(typed) = Form::<Typed>::take(call).await?;
    let asked = json::NewFork {
        owner: Some(typed.owner.clone()),
        name: Some(typed.name.trim().to_owned()),
        default_branch_only: typed.default_branch_only.is_some(),
    };
    match forks::fork_as_asked(&hub, &allowed, asked).await {
        Ok(made) => Ok(lead_to(&parts::home_of(&made))),
        Err(problem) => {
            let field = if problem.code() == "name_taken" { "name" } else { "owner" };
            let faults = Faults::of(problem, field)?;
            again(page(&hub, allowed.actor(), repository, layout, (typed, faults)).await)
        }
    }
}
