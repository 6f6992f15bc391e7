//! The JSON API, told by the routes themselves: as a document for programs (OpenAPI 3.1) and as a page for people
//! (`spec/conventions.md`, Addresses; `spec/trust.md` 8.4).
//!
//! Nothing here is written twice: addresses, actions, credentials, bodies and queries are what the gate goes by and what
//! handlers read. What answers look like is not told yet.
//!
//! | file          | what is there                                              |
//! |---------------|-------------------------------------------------------------|
//! | `mod.rs`      | [`Reference`]: the door, which is told of all routes at last  |
//! | `document.rs` | the document                                                |
//! | `schema.rs`   | what a type of a request is in JSON Schema                    |
//! | `page.rs`     | `/help/api`                                                 |

mod document;
mod page;
mod schema;

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    http::header,
    response::{IntoResponse as _, Response},
};
use trust::{Allowed, Anything, Bearers, Class, Need, Plane, Trust, act};
use web::{Entry, Problem, Routes, Spec, Surface};

/// Whoever reads.
type Reader = Allowed<act::StaticRead, Anything>;

/// All that is told of the API. It is made when somebody asks first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reference(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Every route of the house, once all are mounted.
    entries: OnceLock<Vec<Entry>>,
    document: OnceLock<Vec<u8>>,
    groups: OnceLock<Vec<page::Group>>,
}

impl Reference {
    pub(crate) fn routes(self, trust: &Trust) -> (Router, Vec<Entry>) {
        // Free, as all of the help.
        let help = Spec::new(Surface::Page).class(Class::Free);
        Routes::new(self, trust.clone())
            .get("/api/v1/openapi.json", Surface::Api, show)
            .get("/help/api", help, page::show)
            .finish()
    }

    /// Says which routes there are: once, when all are mounted.
    pub(crate) fn tell(&self, entries: &[Entry]) {
        let told = entries.iter().filter(|it| is_told(it)).cloned();
        // Told once: there is one house.
        let _known = self.0.entries.set(told.collect());
    }

    fn entries(&self) -> &[Entry] {
        self.0.entries.get().map_or(&[], Vec::as_slice)
    }
}

/// What belongs to the JSON API: the Muse wire, Git and pages are described elsewhere.
const fn is_told(entry: &Entry) -> bool {
    matches!(entry.surface, Surface::Api | Surface::Oauth)
}

/// The plane of an action: the first word of its name.
fn plane(entry: &Entry) -> &'static str {
    Plane::of(entry.action).map_or("other", Plane::as_str)
}

/// What a plane is about.
const fn about(plane: Plane) -> &'static str {
    match plane {
        Plane::Hub => "Repositories and what is in them",
        Plane::Collab => "What people do together, and what happened",
        Plane::Work => "Publishers and their work",
        Plane::Build => "Builds and runners",
        Plane::Session => "Coding sessions",
        Plane::Context => "Entities and feeds",
        Plane::Trust => "Who is who, and what proves it",
        Plane::Ops => "Running the install",
    }
}

/// Who may do it, in a word or two: a level on the thing, or less.
const fn needs(entry: &Entry) -> &'static str {
    match entry.action.need() {
        Need::Anyone => "anyone",
        Need::SignedIn => "signed in",
        Need::Level(level) => level.as_str(),
        Need::InstallAdmin => "install admin",
    }
}

/// What a token has to be for: nothing where any will do, and no list where none is taken.
fn scopes(entry: &Entry) -> Option<Vec<String>> {
    let takes_tokens = match entry.bearers {
        Bearers::None | Bearers::Own | Bearers::Bootstrap => false,
        Bearers::Api
        | Bearers::Wire
        | Bearers::Git
        | Bearers::Publisher
        | Bearers::Work
        | Bearers::Every => true,
    };
    if !takes_tokens || entry.action.is_class_s() {
        return None;
    }
    let reach = if entry.action.writes() { "write" } else { "read" };
    let is_any = entry.action.is_for_every_credential();
    Some(if is_any { Vec::new() } else { vec![format!("{}:{reach}", plane(entry))] })
}

async fn show(reference: Reference, _: Reader, (): ()) -> Result<Response, Problem> {
    let document = if let Some(document) = reference.0.document.get() {
        document
    } else {
        let made = serde_json::to_vec(&document::of(reference.entries()));
        let made = made.map_err(|error| Problem::internal(&error))?;
        reference.0.document.get_or_init(|| made)
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], document.clone()).into_response())
}
