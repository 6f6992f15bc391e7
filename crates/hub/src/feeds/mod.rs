//! Feeds: what is new, for readers of Atom (RFC 4287; `spec/hub.md` 7, `spec/collaboration.md` 7).
//!
//! Commits of a branch, tags, releases, what happened to a repository, what somebody did: the newest 50. Each reader is
//! asked who they are as on any page: a private repository has no feed for a stranger, and a program shows a token in
//! `Authorization`.
//!
//! | file             | what is there                                            |
//! |------------------|----------------------------------------------------------|
//! | `mod.rs`         | the addresses                                             |
//! | `atom.rs`        | [`Feed`] as text, and ids that stay                         |
//! | `repository.rs`  | those of a repository                                     |
//! | `principal.rs`   | that of somebody                                          |
//! | `store.rs`       | the SQL                                                   |

mod atom;
mod principal;
mod repository;
mod store;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use web::{Routes, Surface};

use crate::{Hub, activity::Happening};
use atom::{Entry, Feed, Tagged};

pub(crate) use principal::of_principal;
pub(crate) use repository::commits_or_page;
pub(crate) use store::STATEMENTS;

/// Entries of a feed.
const ENTRIES: u32 = 50;

pub(crate) fn routes(routes: Routes<Hub>) -> Routes<Hub> {
    routes
        .get("/{owner}/{name}/activity.atom", Surface::Page, repository::activity)
        .get("/{owner}/{name}/releases.atom", Surface::Page, repository::releases)
        .get("/{owner}/{name}/tags.atom", Surface::Page, repository::tags)
}

/// The answer that a feed is.
fn answer(feed: &Feed) -> Response {
    let kind = HeaderValue::from_static("application/atom+xml; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], feed.to_string()).into_response()
}

impl Hub {
    /// What feeds of this install name their entries by.
    fn tagged(&self) -> Tagged {
        Tagged::of(&self.trust.settings().public_url.clone())
    }
}

/// What happened as entries.
fn entries(items: &[Happening], tagged: &Tagged, origin: &str) -> Vec<Entry> {
    let entry = |it: &Happening| Entry {
        id: tagged.id(it.at, &format!("activity/{}", it.id)),
        title: it.sentence(),
        at: it.at,
        href: format!("{origin}{}", it.href()),
        author: it.actor.as_ref().map_or("the server", |it| it.handle.as_str()).to_owned(),
        text: String::new(),
    };
    items.iter().filter(|it| it.is_shown()).map(entry).collect()
}
