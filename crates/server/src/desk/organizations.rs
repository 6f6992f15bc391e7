//! `/settings/organizations`: those that one is in, and of each who else is.

use axum::response::Response;
use names::Handle;
use serde::Deserialize;
use trust::{Account, Allowed, Anything, Kind, Membership, Role, act};
use web::{
    Call, Form, Input as _, Problem, Routes, Spec, Surface,
    look::{Layout, When, visible},
};

use super::{
    Desk, keep_secret, layout, lead_to, mark,
    view::{MemberRow, OrganizationPage, OrganizationRow, OrganizationsPage},
};

/// The tab that is open.
const TITLE: &str = "Organizations";
const HERE: &str = "/settings/organizations";
const ONE: &str = "/settings/organizations/{handle}";
/// Members on a page.
const PAGE: u16 = 100;

/// Where a page of members begins. Who is in an organization is no secret to those who may see the page.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    after: Option<Handle>,
}

pub(super) fn routes(routes: Routes<Desk>, form: Spec) -> Routes<Desk> {
    routes
        .get(HERE, Surface::Page, list)
        .post(HERE, form, create)
        .post("/settings/invitations", form, accept)
        .get(ONE, Surface::Page, show)
        .post("/settings/organizations/{handle}/invitations", form, invite)
        .post("/settings/organizations/{handle}/leave", form, leave)
        .post("/settings/organizations/{handle}/publisher", form, enable)
        .post("/settings/organizations/{handle}/members/{member}", form, change)
        .post("/settings/organizations/{handle}/members/{member}/remove", form, remove)
}

async fn list(
    desk: Desk,
    allowed: Allowed<act::MeRead, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let csrf = mark(&desk, allowed.actor())?;
    let now = desk.clock.now();
    let found = desk.trust.memberships(&allowed).await?;
    let row = |it: &Membership| OrganizationRow {
        handle: it.organization.to_string(),
        role: it.role.as_str(),
        since: When::new(it.created_at, now),
    };
    let organizations = found.iter().map(row).collect();
    web::page(&OrganizationsPage { layout: layout(TITLE, &call), csrf, organizations })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    handle: String,
    #[serde(default)]
    display_name: String,
}

async fn create(
    desk: Desk,
    allowed: Allowed<act::OrgCreate, Anything>,
    Form(new): Form<New>,
) -> Result<Response, Problem> {
    let handle: Handle = new.handle.parse().map_err(|error| Problem::malformed(&error))?;
    let made = desk.trust.create_organization(&allowed, handle, &new.display_name).await?;
    Ok(lead_to(&format!("{HERE}/{}", made.handle)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: String,
}

async fn accept(
    desk: Desk,
    allowed: Allowed<act::MemberAccept, Anything>,
    Form(asked): Form<Code>,
) -> Result<Response, Problem> {
    let joined = desk.trust.accept_invite(&allowed, &asked.code).await?;
    Ok(lead_to(&format!("{HERE}/{}", joined.organization)))
}

async fn show(
    desk: Desk,
    allowed: Allowed<act::MemberRead, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let from: From = call.query()?;
    page(&desk, &allowed, layout(TITLE, &call), (from.after, None)).await
}

async fn page(
    desk: &Desk,
    allowed: &Allowed<act::MemberRead, Account>,
    layout: Layout,
    (after, code): (Option<Handle>, Option<String>),
) -> Result<Response, Problem> {
    let (organization, actor) = (allowed.resource(), allowed.actor());
    if organization.principal.kind != Kind::Organization {
        return Err(Problem::not_found());
    }
    let csrf = mark(desk, actor)?;
    let now = desk.clock.now();
    let mut found = desk.trust.members(allowed, after.as_ref(), PAGE + 1).await?;
    let has_more = found.len() > usize::from(PAGE);
    found.truncate(PAGE.into());
    // The page offers what the authority would allow, and no more.
    let runs = Allowed::<act::MemberChange, _>::ask(actor, organization.clone()).is_ok();
    let invites = Allowed::<act::MemberInvite, _>::ask(actor, organization.clone()).is_ok();
    let owns = Allowed::<act::OrgDelete, _>::ask(actor, organization.clone()).is_ok();
    let me = actor.handle();
    let row = |it: &Membership| MemberRow {
        handle: it.member.to_string(),
        kind: it.kind.as_str(),
        role: it.role.as_str(),
        since: When::new(it.created_at, now),
        is_me: me == Some(&it.member),
        roles: offered(it.kind, owns),
    };
    let handle = organization.principal.handle.to_string();
    let profile = desk.trust.profile(organization.principal.id).await?;
    let publisher = desk.trust.publisher(actor, Some(&organization.principal.handle)).await?;
    let is_publisher =
        publisher.is_some_and(|it| Allowed::<act::PublisherRead, _>::ask(actor, it).is_ok());
    // Whether the session is fresh enough is told to those who try.
    let may_enable = owns && !is_publisher;
    web::page(&OrganizationPage {
        layout,
        is_publisher,
        may_enable,
        name: visible::html(&profile.display_name),
        csrf,
        runs,
        roles: offered(Kind::Person, owns),
        invites,
        code,
        members: found.iter().map(row).collect(),
        next: found.last().filter(|_| has_more).map(|it| it.member.to_string()),
        handle,
    })
}

/// The roles that somebody may be given here.
fn offered(kind: Kind, by_owner: bool) -> Vec<&'static str> {
    let may = |role: &Role| match kind {
        Kind::Agent => *role < Role::Admin,
        _ => by_owner || *role != Role::Owner,
    };
    Role::ALL.into_iter().filter(may).map(Role::as_str).collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    role: String,
}

impl Asked {
    fn role(&self) -> Result<Role, Problem> {
        self.role.parse().map_err(|error: String| Problem::malformed(&error))
    }
}

/// Makes an invitation and shows its code: in this answer and in no other.
async fn invite(
    desk: Desk,
    allowed: Allowed<act::MemberInvite, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let layout = layout(TITLE, &call);
    let Form(asked) = Form::<Asked>::take(call).await?;
    let made = desk.trust.invite_member(&allowed, asked.role()?).await?;
    let may_read = Allowed::ask(allowed.actor(), allowed.resource().clone())?;
    page(&desk, &may_read, layout, (None, Some(made.text.expose().clone()))).await.map(keep_secret)
}

async fn leave(
    desk: Desk,
    allowed: Allowed<act::MemberLeave, Account>,
    (): (),
) -> Result<Response, Problem> {
    desk.trust.leave(&allowed).await?;
    Ok(lead_to(HERE))
}

/// Switches the publisher side on, and leads to where its pipelines are.
async fn enable(
    desk: Desk,
    allowed: Allowed<act::PublisherEnable, Account>,
    (): (),
) -> Result<Response, Problem> {
    desk.trust.enable_publisher(&allowed).await?;
    Ok(lead_to(&format!("/pipelines/{}", allowed.resource().principal.handle)))
}

async fn change(
    desk: Desk,
    allowed: Allowed<act::MemberChange, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let member: Handle = call.params.parse("member")?;
    let Form(asked) = Form::<Asked>::take(call).await?;
    desk.trust.change_member(&allowed, &member, asked.role()?).await?;
    Ok(lead_to(&back(&allowed)))
}

async fn remove(
    desk: Desk,
    allowed: Allowed<act::MemberRemove, Account>,
    call: Call,
) -> Result<Response, Problem> {
    let member: Handle = call.params.parse("member")?;
    <()>::take(call).await?;
    desk.trust.remove_member(&allowed, &member).await?;
    Ok(lead_to(&back(&allowed)))
}

fn back<A: trust::Act>(allowed: &Allowed<A, Account>) -> String {
    format!("{HERE}/{}", allowed.resource().principal.handle)
}
