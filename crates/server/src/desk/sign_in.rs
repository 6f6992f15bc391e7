//! The address that signs a browser in, once; and signing out.

use api::json;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use trust::{Allowed, Anything, Browser, Class, ReturnTo, act};
use web::{Call, Input as _, Json, Problem, Routes, Spec, Surface, form, look::assets};

use super::{
    Desk, keep_secret, layout, lead_to, mark,
    view::{LoginPage, OncePage},
};

pub(super) fn routes(routes: Routes<Desk>, form: Spec) -> Routes<Desk> {
    let api = Spec::new(Surface::Api).body_bytes(1 << 10).class(Class::Auth);
    let once = form.class(Class::Auth).guarded();
    routes
        .post("/api/v1/auth/web-login", api, web_login)
        .get("/login", Surface::Page, login)
        .get("/login/once/{code}", Surface::Page, show)
        .post("/login/once/{code}", once, follow)
        .post("/logout", form, logout)
}

/// Hands out an address that signs a browser in.
async fn web_login(
    desk: Desk,
    allowed: Allowed<act::SessionOpen, Anything>,
    (): (),
) -> Result<Response, Problem> {
    let made = desk.trust.web_login(&allowed).await?;
    let base = &desk.trust.settings().public_url;
    let body = json::WebLogin {
        url: format!("{base}/login/once/{}", made.code.expose()),
        expires_at: made.expires_at.to_string(),
    };
    Ok(keep_secret((StatusCode::CREATED, Json(body)).into_response()))
}

#[derive(Debug, Deserialize)]
struct Wish {
    #[serde(default)]
    return_to: String,
}

/// How one signs in.
async fn login(
    desk: Desk,
    allowed: Allowed<act::SessionStart, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let wish: Wish = call.query()?;
    let settings = desk.trust.settings();
    web::page(&LoginPage {
        layout: layout("Sign in", &call),
        origin: call.context.base_url.clone(),
        csrf: mark(&desk, allowed.actor())?,
        return_to: ReturnTo::new(&wish.return_to).as_str().to_owned(),
        passkeys_at: settings.passkeys.as_ref().map(|it| it.origin.clone()),
        script: assets::passkeys_href(),
        offers: settings.elsewhere.offers(),
    })
}

/// Shows whom the address would sign in, and uses nothing up: what shows previews of links looks at it too.
async fn show(
    desk: Desk,
    _: Allowed<act::SessionStart, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    let handle = desk.trust.peek_login(call.params.text("code")).await?.to_string();
    web::page(&OncePage { layout: layout("Sign in", &call), handle }).map(keep_secret)
}

/// Uses the address up.
async fn follow(
    desk: Desk,
    _: Allowed<act::SessionStart, Anything>,
    call: Call,
) -> Result<Response, Problem> {
    if !form::is_own_page(&call.headers, &call.context.base_url) {
        return Err(form::cross_site());
    }
    let code = call.params.text("code").to_owned();
    let (ip, user_agent) = (call.context.client, call.header("user-agent").to_owned());
    <()>::take(call).await?;
    let opened = desk.trust.start_session(&code, &Browser { ip, user_agent }).await?;
    let cookie = desk.trust.settings().cookie(opened.token.expose());
    let mut answer = keep_secret(lead_to("/"));
    let cookie = HeaderValue::from_str(&cookie).map_err(|error| Problem::internal(&error))?;
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(answer)
}

/// Ends the session of this browser.
async fn logout(
    desk: Desk,
    allowed: Allowed<act::SessionRevoke, Anything>,
    (): (),
) -> Result<Response, Problem> {
    let session = allowed.actor().session().ok_or_else(Problem::not_found)?.id;
    desk.trust.end_sessions(&allowed, Some(session)).await?;
    let mut answer = keep_secret(lead_to("/"));
    let cookie = HeaderValue::from_str(&desk.trust.settings().no_cookie());
    let cookie = cookie.map_err(|error| Problem::internal(&error))?;
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(answer)
}
