//! `settings/members`: who was given a level on a repository, and who is asked in.

use axum::response::Response;
use names::Handle;
use serde::Deserialize;
use trust::{Allowed, Collaborator, Level, act};
use web::{
    Call, Form, Input as _, Problem, Routes, Spec, Surface,
    look::{Layout, When},
};

use super::{Faults, Tab, address, again, frame, head, layout, lead_to};
use crate::{
    Error, Hub, Repository,
    invitations::{self, Invitation},
    views::settings::{InvitedRow, MemberRow, MembersPage},
};

const HERE: &str = "/{owner}/{name}/settings/members";
const REMOVE: &str = "/{owner}/{name}/settings/members/{handle}/remove";
/// What can be given, the least first.
const LEVELS: [Level; 4] = [Level::Read, Level::Triage, Level::Write, Level::Admin];

pub(super) fn routes(routes: Routes<Hub>, form: Spec) -> Routes<Hub> {
    routes.get(HERE, Surface::Page, show).post(HERE, form, give).post(REMOVE, form, remove)
}

/// What stands in the form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    handle: String,
    level: String,
}

async fn show(
    hub: Hub,
    allowed: Allowed<act::CollaboratorRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(&call, allowed.resource(), Tab::Members);
    let typed = Typed { handle: String::new(), level: Level::Read.as_str().to_owned() };
    page(&hub, &allowed, layout, (typed, Faults::default())).await
}

async fn page(
    hub: &Hub,
    allowed: &Allowed<act::CollaboratorRead, Repository>,
    layout: Layout,
    (typed, faults): (Typed, Faults),
) -> Result<Response, Problem> {
    let (repository, actor) = (allowed.resource(), allowed.actor());
    let now = hub.clock.now();
    let found = hub.trust.collaborators(allowed, &repository.resource).await?;
    let row = |it: &Collaborator| MemberRow {
        handle: it.handle.to_string(),
        kind: it.kind.as_str(),
        level: it.level.as_str(),
        since: When::new(it.created_at, now),
        is_me: actor.handle() == Some(&it.handle),
    };
    let waiting = |it: &Invitation| InvitedRow {
        handle: it.handle.to_string(),
        level: it.level.as_str(),
        by: it.invited_by.to_string(),
        until: When::new(it.ends_at, now),
    };
    web::page(&MembersPage {
        layout,
        head: head(actor, repository),
        frame: frame(hub, actor, repository, Tab::Members)?,
        members: found.iter().map(row).collect(),
        invited: hub.invited(allowed).await?.iter().map(waiting).collect(),
        levels: LEVELS.map(Level::as_str),
        handle: faults.field("handle", typed.handle),
        level: faults.field("level", typed.level),
    })
}

/// Asks somebody in, or gives a member another level.
async fn give(
    hub: Hub,
    allowed: Allowed<act::CollaboratorAdd, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let repository = allowed.resource();
    let layout = layout(&call, repository, Tab::Members);
    let Form(typed) = Form::<Typed>::take(call).await?;
    match give_as_typed(&hub, &allowed, &typed).await? {
        Ok(()) => Ok(lead_to(&address(repository, Tab::Members))),
        Err(faults) => {
            let may_read = Allowed::ask(allowed.actor(), repository.clone())?;
            again(page(&hub, &may_read, layout, (typed, faults)).await)
        }
    }
}

async fn give_as_typed(
    hub: &Hub,
    allowed: &Allowed<act::CollaboratorAdd, Repository>,
    typed: &Typed,
) -> Result<Result<(), Faults>, Problem> {
    let handle: Handle = match typed.handle.trim().parse() {
        Ok(handle) => handle,
        Err(error) => return Ok(Err(Faults::one("handle", format!("{error}")))),
    };
    let level: Level = match typed.level.parse() {
        Ok(level) => level,
        Err(message) => return Ok(Err(Faults::one("level", message))),
    };
    match hub.invite(allowed, &handle, level).await {
        Ok(_) => Ok(Ok(())),
        Err(Error::Trust(trust::Error::NoSuchThing)) => {
            let message =
                format!("there is nobody called {handle} who could be given a level here");
            Ok(Err(Faults::one("handle", message)))
        }
        Err(Error::Trust(error @ trust::Error::NotForAgents)) => {
            Ok(Err(Faults::one("level", error.to_string())))
        }
        Err(error) => Ok(Err(Faults::of(error.into(), "handle")?)),
    }
}

async fn remove(
    hub: Hub,
    allowed: Allowed<act::CollaboratorRemove, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    let handle = invitations::withdraw_as_asked(&hub, &allowed, call).await?;
    let repository = allowed.resource();
    // Who takes away the own level sees the page no longer.
    let still =
        Allowed::<act::CollaboratorRead, _>::ask(allowed.actor(), repository.clone()).is_ok();
    let leaves = allowed.actor().handle() == Some(&handle);
    Ok(lead_to(&if still && !leaves { address(repository, Tab::Members) } else { "/".to_owned() }))
}
