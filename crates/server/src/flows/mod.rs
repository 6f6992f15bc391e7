//! How applications ask people for a token: the device flow (RFC 8628), the code flow (OAuth 2.1), and the documents that
//! tell about both (`spec/trust.md` 6, `spec/mcp.md` 4). What holds is in `trust`; here are its addresses and pages.
//!
//! | file           | what is there                                                    |
//! |----------------|------------------------------------------------------------------|
//! | `mod.rs`       | the routes                                                       |
//! | `device.rs`    | `/api/v1/auth/device`, `/login/device`                             |
//! | `authorize.rs` | `/login/authorize`                                                |
//! | `grants.rs`    | `/api/v1/auth/token`, `/api/v1/auth/device/token`                   |
//! | `clients.rs`   | `/api/v1/auth/clients`; metadata documents from elsewhere            |
//! | `metadata.rs`  | `/.well-known/oauth-…`                                             |
//! | `consent.rs`   | what a person chose on a page                                     |
//! | `fields.rs`    | parameters, each once                                             |
//! | `view.rs`      | what the templates show                                          |

mod authorize;
mod clients;
mod consent;
mod device;
mod fields;
mod grants;
mod metadata;
mod view;

use axum::Router;
use names::Clock;
use trust::{Actor, Allowed, Anything, Class, Refusal, Session, Trust, act};
use web::{Entry, Problem, Routes, Spec, Surface};

pub(crate) use clients::Documents;

/// Forms of a few fields.
const FORM_BYTES: u64 = 64 << 10;
/// What applications send.
const SMALL_BYTES: u64 = 32 << 10;

/// What these addresses are run from. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Flows {
    pub(crate) trust: Trust,
    pub(crate) clock: Clock,
    pub(crate) documents: Documents,
}

impl AsRef<Trust> for Flows {
    fn as_ref(&self) -> &Trust {
        &self.trust
    }
}

pub(crate) fn routes(flows: Flows) -> (Router, Vec<Entry>) {
    let trust = flows.trust.clone();
    let asks = Spec::new(Surface::Oauth).body_bytes(SMALL_BYTES).class(Class::Auth);
    let form = Spec::new(Surface::Page).body_bytes(FORM_BYTES);
    // What takes a code that a person typed.
    let typed = form.class(Class::Auth).guarded();
    // Agreeing is making a token.
    let mints = form.class(Class::Mint);
    Routes::new(flows, trust)
        .post("/api/v1/auth/device", asks, device::begin)
        .post("/api/v1/auth/device/token", asks, grants::device_token)
        .post("/api/v1/auth/token", asks, grants::token)
        .post("/api/v1/auth/clients", asks, clients::register)
        .get("/login/device", Surface::Page, device::ask)
        .post("/login/device", typed, device::show)
        .post("/login/device/approve", mints.guarded(), device::approve)
        .post("/login/device/deny", typed, device::deny)
        .get("/login/authorize", Surface::Page, authorize::show)
        .post("/login/authorize", mints, authorize::approve)
        .post("/login/authorize/deny", form, authorize::deny)
        .get("/.well-known/oauth-authorization-server", Surface::Api, metadata::server)
        .get("/.well-known/oauth-protected-resource", Surface::Api, metadata::resource)
        .get("/.well-known/oauth-protected-resource/mcp", Surface::Api, metadata::resource)
        .finish()
}

/// What lets somebody see and refuse what an application asks for.
fn decide(actor: &Actor) -> Result<Allowed<act::FlowDecide, Anything>, Problem> {
    Ok(Allowed::ask(actor, Anything)?)
}

/// The session of a browser: pages take no other credential.
fn session(actor: &Actor) -> Result<&Session, Problem> {
    actor.session().ok_or_else(|| Refusal::NotFresh.into())
}
