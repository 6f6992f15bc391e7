//! The way to an account elsewhere and back, as a browser goes it (`spec/trust.md` 6).
//!
//! A page of ours leads on to the provider and from the provider into the house: a form may lead nowhere but here
//! (`form-action 'self'`), and the cookie of a session is sent only where a page of ours leads.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use names::Handle;
use serde::Deserialize;
use trust::{
    Allowed, Anything, Arrival, Browser, Class, Departure, Error, ReturnTo, Returned,
    TERMS_VERSION, act,
};
use web::{Call, Form, Input as _, Problem, Routes, Spec, Surface, form, look::Layout};

use super::{
    Desk, keep_secret, layout,
    view::{HandlePage, OnwardPage},
};

pub(super) fn routes(routes: Routes<Desk>, form: Spec) -> Routes<Desk> {
    let auth = form.class(Class::Auth);
    let page = Spec::new(Surface::Page).class(Class::Auth);
    routes
        .post("/login/with/{provider}", auth, leave)
        .get("/login/with/{provider}/back", page.guarded(), come_back)
        .get("/login/with/{provider}/handle", page, ask_for_handle)
        .post("/login/with/{provider}/handle", auth.guarded(), settle)
        .post("/settings/logins/{provider}/link", form, link)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    #[serde(default)]
    return_to: String,
}

/// Sends a browser to a provider, to sign in.
async fn leave(
    desk: Desk,
    allowed: Allowed<act::SessionStart, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    if !form::is_own_page(&call.headers, &call.context.base_url) {
        return Err(form::cross_site());
    }
    let (slug, frame) = (call.params.text("provider").to_owned(), layout("Sign in", &call));
    let Form(wish) = Form::<Wish>::take(call).await?;
    let return_to = ReturnTo::new(&wish.return_to);
    let departure = desk.trust.leave_to_sign_in(&allowed, &slug, &return_to).await?;
    lead_away(&desk, frame, departure)
}

/// Sends a browser to a provider, to link an account.
async fn link(
    desk: Desk,
    allowed: Allowed<act::IdentityLink, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let (slug, frame) = (call.params.text("provider").to_owned(), layout("Link an account", &call));
    <()>::take(call).await?;
    let departure = desk.trust.leave_to_link(&allowed, &slug).await?;
    lead_away(&desk, frame, departure)
}

fn lead_away(desk: &Desk, layout: Layout, to: Departure) -> Result<Response, Problem> {
    let page = OnwardPage {
        layout,
        lead: format!("Your browser goes on to {}.", to.name),
        link: format!("Go on to {}", to.name),
        href: to.address,
    };
    let mut answer = onward(&page)?;
    set_cookie(&mut answer, &desk.trust.settings().way_cookie(to.cookie.expose()))?;
    Ok(answer)
}

/// A page that leads on by itself, and by a link where a browser does not.
fn onward(page: &OnwardPage) -> Result<Response, Problem> {
    let mut answer = keep_secret(web::page(page)?);
    let line = HeaderValue::try_from(format!("0; url={}", page.href));
    let line = line.map_err(|error| Problem::internal(&error))?;
    answer.headers_mut().insert(HeaderName::from_static("refresh"), line);
    Ok(answer)
}

fn set_cookie(answer: &mut Response, line: &str) -> Result<(), Problem> {
    let line = HeaderValue::from_str(line).map_err(|error| Problem::internal(&error))?;
    answer.headers_mut().append(header::SET_COOKIE, line);
    Ok(())
}

/// What a provider adds to the address that it leads back to. What else it adds is its own business.
#[derive(Debug, Deserialize)]
struct Query {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    error: Option<String>,
    iss: Option<String>,
}

/// Takes a browser back.
async fn come_back(
    desk: Desk,
    _: Allowed<act::SessionStart, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let query: Query = call.query()?;
    let settings = desk.trust.settings();
    let slug = call.params.text("provider");
    let returned = Returned {
        state: &query.state,
        code: &query.code,
        has_failed: query.error.is_some(),
        issuer: query.iss.as_deref(),
        cookie: settings.way_cookie_in(&call.headers),
    };
    let arrival = desk.trust.come_back(slug, &returned, &browser_of(&call)).await?;
    match arrival {
        Arrival::SignedIn(opened, return_to) => {
            lead_in(&desk, layout("Signed in", &call), &opened, &return_to)
        }
        Arrival::Linked => {
            let mut answer = onward(&OnwardPage {
                layout: layout("Linked", &call),
                lead: "The account is linked.".to_owned(),
                link: "Go on to the settings".to_owned(),
                href: "/settings/logins".to_owned(),
            })?;
            set_cookie(&mut answer, &settings.no_way_cookie())?;
            Ok(answer)
        }
        Arrival::Newcomer(cookie) => {
            let place = format!("/login/with/{slug}/handle");
            let answer = (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response();
            let mut answer = keep_secret(answer);
            set_cookie(&mut answer, &settings.way_cookie(cookie.expose()))?;
            Ok(answer)
        }
    }
}

fn browser_of(call: &Call) -> Browser {
    Browser { ip: call.context.client, user_agent: call.header("user-agent").to_owned() }
}

/// Leads a browser that is signed in to where it wanted to go.
fn lead_in(
    desk: &Desk,
    layout: Layout,
    opened: &trust::Opened,
    return_to: &ReturnTo,
) -> Result<Response, Problem> {
    let mut answer = onward(&OnwardPage {
        layout,
        lead: format!("This browser is signed in as {}.", opened.handle),
        link: "Go on".to_owned(),
        href: return_to.as_str().to_owned(),
    })?;
    let settings = desk.trust.settings();
    set_cookie(&mut answer, &settings.no_way_cookie())?;
    set_cookie(&mut answer, &settings.cookie(opened.token.expose()))?;
    Ok(answer)
}

/// Asks somebody new for a handle.
async fn ask_for_handle(
    desk: Desk,
    _: Allowed<act::SessionStart, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let cookie = desk.trust.settings().way_cookie_in(&call.headers);
    desk.trust.is_newcomer(call.params.text("provider"), cookie).await?;
    handle_page(layout("Choose a handle", &call), String::new(), None)
}

fn handle_page(layout: Layout, handle: String, fault: Option<String>) -> Result<Response, Problem> {
    web::page(&HandlePage { layout, terms: TERMS_VERSION, handle, fault }).map(keep_secret)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    handle: String,
}

/// Makes a person of somebody new. A handle that cannot be had is asked for again.
async fn settle(
    desk: Desk,
    _: Allowed<act::SessionStart, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    if !form::is_own_page(&call.headers, &call.context.base_url) {
        return Err(form::cross_site());
    }
    let (asks, leads_in) = (layout("Choose a handle", &call), layout("Signed in", &call));
    let (slug, browser) = (call.params.text("provider").to_owned(), browser_of(&call));
    let cookie = desk.trust.settings().way_cookie_in(&call.headers).to_owned();
    let Form(chosen) = Form::<Chosen>::take(call).await?;
    let settled = match chosen.handle.parse::<Handle>() {
        Ok(handle) => desk.trust.settle(&slug, &cookie, handle, &browser).await.map_err(Ok),
        Err(error) => Err(Err(error.to_string())),
    };
    let fault = match settled {
        Ok((opened, return_to)) => return lead_in(&desk, leads_in, &opened, &return_to),
        Err(Ok(Error::HandleTaken)) => "this handle is taken; choose another one".to_owned(),
        Err(Ok(error)) => return Err(error.into()),
        Err(Err(fault)) => fault,
    };
    let mut answer = handle_page(asks, chosen.handle, Some(fault))?;
    *answer.status_mut() = StatusCode::CONFLICT;
    Ok(answer)
}
