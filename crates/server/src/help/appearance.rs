//! `/help/appearance`: light, dark, or as the system has it. A cookie keeps it, so it holds with and without an account.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use web::{
    Call, Form, Input as _, Problem, form,
    look::{Layout, Theme},
};

use super::{Help, Reader, layout};

/// `/help/appearance`.
#[derive(Debug, Template)]
#[template(path = "help_appearance.html")]
struct AppearancePage {
    layout: Layout,
    /// The mark of the session, if there is one.
    csrf: Option<String>,
    /// Each theme: its word, what it is called, whether it is chosen.
    themes: Vec<(&'static str, &'static str, bool)>,
}

const fn name(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "As the system has it",
        Theme::Light => "Light",
        Theme::Dark => "Dark",
    }
}

pub(super) async fn show(help: Help, allowed: Reader, call: Call) -> Result<Response, Problem> {
    let chosen = call.context.theme;
    let session = allowed.actor().session();
    web::page(&AppearancePage {
        layout: layout("Appearance", &call),
        csrf: session.map(|session| help.trust.csrf(session)).transpose()?,
        themes: Theme::ALL.map(|it| (it.word(), name(it), it == chosen)).to_vec(),
    })
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    theme: String,
}

pub(super) async fn choose(help: Help, _: Reader, call: Call) -> Result<Response, Problem> {
    if !form::is_own_page(&call.headers, &call.context.base_url) {
        return Err(form::cross_site());
    }
    let Form(wish) = Form::<Wish>::take(call).await?;
    let theme: Theme =
        wish.theme.parse().map_err(|()| Problem::malformed("there is no theme of that name"))?;
    let lead = [(header::LOCATION, HeaderValue::from_static("/help/appearance"))];
    let mut answer = (StatusCode::SEE_OTHER, lead).into_response();
    if let Ok(line) = HeaderValue::try_from(theme.cookie(help.is_https)) {
        answer.headers_mut().append(header::SET_COOKIE, line);
    }
    Ok(answer)
}
