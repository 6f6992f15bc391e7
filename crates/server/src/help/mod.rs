//! `/help/…`: what every page has in common, told in one place (`spec/hub.md` 8; `spec/collaboration.md` 10).
//!
//! | file            | page                                                            |
//! |-----------------|-----------------------------------------------------------------|
//! | `mod.rs`        | the routes; `/help/errors`, the table of refusals                 |
//! | `keys.rs`       | `/help/keys`                                                    |
//! | `appearance.rs` | `/help/appearance`: light, dark, or as the system has it           |
//! | `ssh.rs`        | `/help/ssh`: Git over SSH, and the key of this server               |
//! | `components.rs` | `/help/components`: the parts of pages in all their states         |

mod appearance;
mod components;
mod keys;
mod ssh;

use crate::ssh::Face;
use askama::Template;
use axum::{Router, response::Response};
use trust::{Allowed, Anything, Class, Trust, act};
use web::{
    Call, Entry, Problem, Routes, Spec, Surface,
    look::{Crumb, Layout},
};

/// The door of these pages: what the form in them needs.
#[derive(Debug, Clone)]
pub(crate) struct Help {
    pub(crate) trust: Trust,
    /// Whether cookies are sent over https alone.
    pub(crate) is_https: bool,
    /// Where Git is answered over SSH, if it is.
    pub(crate) ssh: Option<Face>,
}

/// Whoever reads.
type Reader = Allowed<act::StaticRead, Anything>;

pub(crate) fn routes(help: Help) -> (Router, Vec<Entry>) {
    let trust = help.trust.clone();
    // Free, as the legal pages are: whoever is kept out by a limit can still read why.
    let spec = Spec::new(Surface::Page).class(Class::Free);
    let form = Spec::new(Surface::Page).body_bytes(1 << 10);
    Routes::new(help, trust)
        .get("/help/keys", spec, keys::show)
        .get("/help/errors", spec, errors)
        .get("/help/ssh", spec, ssh::show)
        .get("/help/components", spec, components::show)
        .get("/help/appearance", spec, appearance::show)
        .post("/help/appearance", form, appearance::choose)
        .finish()
}

pub(crate) fn layout(title: &str, call: &Call) -> Layout {
    Layout {
        title: title.to_owned(),
        crumbs: vec![Crumb::here(title)],
        reader: call.context.reader(),
        ..Layout::default()
    }
}

/// `/help/errors`.
#[derive(Debug, Template)]
#[template(path = "help_errors.html")]
struct ErrorsPage {
    layout: Layout,
    /// The words and what they mean, by the word.
    codes: Vec<(&'static str, &'static str)>,
}

async fn errors(_: Help, _: Reader, call: Call) -> Result<Response, Problem> {
    let mut codes = web::codes().to_vec();
    codes.sort_unstable();
    web::page(&ErrorsPage { layout: layout("Error codes", &call), codes })
}
