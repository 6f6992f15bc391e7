//! `/{owner}/{name}/forks`: what was made from one another, and the form with which a fork follows its source.

use axum::response::Response;
use serde::Deserialize;
use trust::{Actor, Allowed, act};
use web::{
    Call, Form, Input as _, Problem, Routes, Spec, Surface,
    look::{Layout, When},
};

use super::{
    parts,
    settings::{Faults, again, lead_to},
};
use crate::{
    Hub, Repository,
    forks::{self, Fork, Network},
    views::{
        Section,
        forks::{ForkRow, ForksPage},
    },
};

const HERE: &str = "/{owner}/{name}/forks";
const SYNC: &str = "/{owner}/{name}/sync";
/// One field.
const FORM_BYTES: u64 = 4 << 10;

pub(super) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let form = Spec::new(Surface::Page).body_bytes(FORM_BYTES);
    routes.get(HERE, Surface::Page, show).post(SYNC, form, sync)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    branch: String,
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::RepoRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let typed = Typed { branch: repository.default_branch.to_string() };
    page(&hub, &allowed, layout(&call, repository), (typed, Faults::default())).await
}

fn layout(call: &Call, repository: &Repository) -> Layout {
    parts::layout(call, repository, format!("Forks · {}", repository.full_name()))
}

async fn page(
    hub: &Hub,
    allowed: &Allowed<act::RepoRead, Repository>,
    layout: Layout,
    (typed, faults): (Typed, Faults),
) -> Result<Response, Problem> {
    let (actor, repository) = (allowed.actor(), allowed.resource());
    let Network { forks, is_truncated } = hub.network(allowed).await?;
    let now = hub.clock.now();
    let own = repository.full_name();
    let row = |it: Fork| ForkRow {
        href: format!("/{}", it.node.full_name),
        indent: it.depth.min(8),
        is_own: it.node.full_name == own,
        full_name: it.node.full_name,
        is_private: it.node.is_private,
        branch: it.node.default_branch.to_string(),
        apart: it.apart,
        pushed: it.node.pushed_at.map(|then| When::new(then, now)),
    };
    let source = hub.source_of(actor, repository).await?;
    web::page(&ForksPage {
        layout,
        head: parts::head(actor, repository, None, Section::Code),
        rows: forks.into_iter().map(row).collect(),
        is_truncated,
        csrf: csrf(hub, actor, repository)?,
        source,
        branch: faults.field("branch", typed.branch),
    })
}

/// The mark of the session, for those who may push.
fn csrf(hub: &Hub, actor: &Actor, repository: &Repository) -> Result<Option<String>, Problem> {
    let may = Allowed::<act::RefPush, _>::ask(actor, repository.clone()).is_ok();
    let session = actor.session().filter(|_| may);
    Ok(session.map(|session| hub.trust.csrf(session)).transpose()?)
}

async fn sync(
    hub: Hub,
    allowed: Allowed<act::RefPush, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository);
    let Form(typed) = Form::<Typed>::take(call).await?;
    match forks::sync_as_asked(&hub, &allowed, typed.branch.trim()).await {
        Ok(_) => Ok(lead_to(&format!("{}/forks", parts::home_of(repository)))),
        Err(problem) => {
            let faults = Faults::of(problem, "branch")?;
            let may_read = Allowed::ask(allowed.actor(), repository.clone())?;
            again(page(&hub, &may_read, layout, (typed, faults)).await)
        }
    }
}
