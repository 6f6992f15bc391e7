//! Pages of whoever is signed in: signing in and out, keys, passkeys, linked logins, tokens, sessions
//! (`spec/trust.md` 6).
//!
//! | file          | what is there                                             |
//! |---------------|-----------------------------------------------------------|
//! | `mod.rs`      | the routes, the frame that they share                       |
//! | `sign_in.rs`  | the address that signs in, once; signing out                |
//! | `elsewhere.rs`| the way to an account elsewhere and back                     |
//! | `ways.rs`     | `/settings/passkeys`, `/settings/logins`                    |
//! | `organizations.rs` | `/settings/organizations`                              |
//! | `settings.rs` | `/settings/keys`, `/settings/tokens`, `/settings/sessions`  |
//! | `view.rs`     | what the templates show                                   |

mod elsewhere;
mod organizations;
mod settings;
mod sign_in;
mod view;
mod ways;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use names::Clock;
use trust::{Account, Actor, Trust};
use web::{
    Call, Entry, Load, Params, Problem, Routes, Spec, Surface,
    look::{Crumb, Layout},
};

/// Forms of a few fields.
const FORM_BYTES: u64 = 64 << 10;

/// What these pages are run from. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) trust: Trust,
    pub(crate) clock: Clock,
}

/// The account of whoever is signed in.
impl Load<Desk> for Account {
    async fn load(desk: &Desk, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        <Self as Load<Trust>>::load(&desk.trust, params, actor).await
    }
}

pub(crate) fn routes(desk: Desk) -> (Router, Vec<Entry>) {
    let trust = desk.trust.clone();
    let form = Spec::new(Surface::Page).body_bytes(FORM_BYTES);
    let routes = Routes::new(desk, trust);
    let routes = elsewhere::routes(sign_in::routes(routes, form), form);
    let routes = organizations::routes(settings::routes(routes, form), form);
    ways::routes(routes, form).finish()
}

/// The mark for the forms of this page; nothing for whoever has no session, who sees no forms.
fn mark(desk: &Desk, actor: &Actor) -> Result<Option<String>, Problem> {
    Ok(actor.session().map(|session| desk.trust.csrf(session)).transpose()?)
}

/// The frame of a page for one person alone.
pub(crate) fn layout(title: &str, call: &Call) -> Layout {
    Layout {
        title: title.to_owned(),
        crumbs: vec![Crumb::here(title)],
        reader: call.context.reader(),
        request_id: call.context.request_id.clone(),
        is_noindex: true,
        ..Layout::default()
    }
}

/// Leads on with GET, whatever the method was.
fn lead_to(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path.to_owned())]).into_response()
}

/// Keeps an answer out of every store, and its address out of what the next page is told.
pub(crate) fn keep_secret(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("referrer-policy"),
        HeaderValue::from_static("no-referrer"),
    );
    answer
}
