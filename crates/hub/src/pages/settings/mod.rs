//! `/{owner}/{name}/settings/…`, and what was deleted: forms that work without a script (`spec/hub.md` 1, 8).
//!
//! Each form goes the way of the JSON call that does the same. What does not hold is said beside its field, and what was
//! typed stays. Who signs in by a session sees the forms; a key or a token sees what is set.
//!
//! | file          | page                                                                      |
//! |---------------|---------------------------------------------------------------------------|
//! | `mod.rs`      | what they share: the frame, [`Faults`]                                      |
//! | `general.rs`  | `settings/general`: what a repository says of itself                         |
//! | `members.rs`  | `settings/members`: who was given a level, and who is asked in               |
//! | `mirrors.rs`  | `settings/mirrors`: other servers                                           |
//! | `danger.rs`   | `settings/danger`: another name, who sees it, archived, deleted              |
//! | `deleted.rs`  | `/settings/repositories`: what was deleted, and what is handed on            |
//! | `invitations.rs` | `/settings/invitations`: what one is asked into                          |
//! | `fork.rs`     | `/{owner}/{name}/fork`: one of one's own from it                             |

mod danger;
mod deleted;
mod fork;
mod general;
mod invitations;
mod members;
pub(in crate::pages) mod mirrors;

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};
use trust::{Actor, Allowed, ResourceState, act};
use web::{
    Call, Fault, Problem, Routes, Spec, Surface,
    look::{Html, Layout},
};

use super::parts;
use crate::{
    Hub, Repository,
    views::{
        Head, Section,
        settings::{Field, Frame, Tab, Tabs},
    },
};

/// Forms of a few fields.
const FORM_BYTES: u64 = 64 << 10;

pub(super) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    let form = Spec::new(Surface::Page).body_bytes(FORM_BYTES);
    let routes = routes.get("/{owner}/{name}/settings", Surface::Page, first);
    let routes = members::routes(general::routes(routes, form), form);
    let routes = mirrors::routes(routes, form);
    let routes = deleted::routes(danger::routes(routes, form), form);
    fork::routes(invitations::routes(routes, form), form)
}

/// The address that people type leads to the first of the pages.
async fn first(
    _: Hub,
    allowed: Allowed<act::RepoSettings, Repository>,
    (): (),
) -> Result<Response, Problem> {
    Ok(Redirect::temporary(&address(allowed.resource(), Tab::General)).into_response())
}

/// The address of one of the pages.
fn address(repository: &Repository, tab: Tab) -> String {
    format!("{}/settings/{}", parts::home_of(repository), tab.word())
}

impl Hub {
    /// What stands above the settings of a repository where they are open at webhooks, which another room shows.
    pub fn tabs_of_webhooks(
        &self,
        actor: &Actor,
        repository: &Repository,
    ) -> Result<Html, Problem> {
        let frame = frame(self, actor, repository, Tab::Webhooks)?;
        let tabs = Tabs { head: head(actor, repository), frame };
        Html::rendered(&tabs).map_err(|error| Problem::internal(&error))
    }
}

/// What is around the forms, and the mark that they carry.
fn frame(hub: &Hub, actor: &Actor, repository: &Repository, tab: Tab) -> Result<Frame, Problem> {
    let session = actor.session();
    let csrf = session.map(|session| hub.trust.csrf(session)).transpose()?;
    Ok(Frame {
        tab,
        href: format!("{}/settings", parts::home_of(repository)),
        csrf,
        is_archived: repository.resource.state == ResourceState::Archived,
        is_stale: session.is_some_and(|it| !it.is_fresh),
    })
}

fn layout(call: &Call, repository: &Repository, tab: Tab) -> Layout {
    let title = format!("{} · {}", tab.title(), repository.full_name());
    Layout { is_noindex: true, ..parts::layout(call, repository, title) }
}

fn head(actor: &Actor, repository: &Repository) -> Head {
    parts::head(actor, repository, None, Section::Settings)
}

/// Leads on with GET.
pub(super) fn lead_to(address: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, address.to_owned())]).into_response()
}

/// A page whose form did not hold.
pub(super) fn again(page: Result<Response, Problem>) -> Result<Response, Problem> {
    let mut page = page?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(page)
}

/// What does not hold, by the field that it is about.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(String, String)>);

impl Faults {
    /// What a refusal says of the fields of a form. One that says nothing of them is not for the form to tell; what
    /// stands in the way of `field` is.
    pub(in crate::pages) fn of(problem: Problem, field: &str) -> Result<Self, Problem> {
        let of_field =
            |it: &Fault| (it.pointer.trim_start_matches('/').to_owned(), it.message.clone());
        let told: Vec<_> = problem.faults().iter().map(of_field).collect();
        match problem.status() {
            StatusCode::UNPROCESSABLE_ENTITY if !told.is_empty() => Ok(Self(told)),
            StatusCode::CONFLICT | StatusCode::PAYLOAD_TOO_LARGE
                if problem.code() != "archived" =>
            {
                Ok(Self(vec![(field.to_owned(), problem.detail().to_owned())]))
            }
            _ => Err(problem),
        }
    }

    /// The same, where what is not there, or may not be, is a fault of `field` too: whoever typed it sees it.
    pub(in crate::pages) fn of_missing(problem: Problem, field: &str) -> Result<Self, Problem> {
        match problem.status() {
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => {
                Ok(Self::one(field, format!("there is no such {field} for you here")))
            }
            _ => Self::of(problem, field),
        }
    }

    /// One fault.
    pub(in crate::pages) fn one(field: &str, message: String) -> Self {
        Self(vec![(field.to_owned(), message)])
    }

    /// Everything that does not hold, in a line.
    fn all(self) -> String {
        self.0.into_iter().map(|(_, message)| message).collect::<Vec<_>>().join("; ")
    }

    /// The same, all about one field.
    fn renamed(self, field: &str) -> Self {
        Self(self.0.into_iter().map(|(_, message)| (field.to_owned(), message)).collect())
    }

    /// The same, where what is said of one field is said of another.
    fn moved(mut self, from: &str, to: &str) -> Self {
        for (field, _) in self.0.iter_mut().filter(|(field, _)| field == from) {
            to.clone_into(field);
        }
        self
    }

    /// A field with what stands in it, and what is wrong with that.
    pub(in crate::pages) fn field(&self, name: &str, value: impl Into<String>) -> Field {
        let fault = self.0.iter().find(|(field, _)| field == name);
        Field { value: value.into(), fault: fault.map(|(_, message)| message.clone()) }
    }
}
