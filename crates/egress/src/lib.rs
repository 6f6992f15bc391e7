//! The only outgoing HTTP client of the server: resolve, judge, pin.
//!
//! A room that has to ask somebody outside hands over a [`Request`]; the [`Client`] looks the name up once,
//! judges **every** address of the answer, and connects to one of the judged addresses and to nothing else. One
//! forbidden address refuses the whole name. A redirect is followed only when asked for, and each hop takes the
//! same way again.
//!
//! Two policies: [`Policy::Public`] reaches the public internet and nothing that a special-purpose registry
//! names; [`Policy::OperatorListed`] reaches exactly the origins that the configuration lists, wherever they are.
//!
//! Invariants: only `connect.rs` opens a socket, and it takes a `Pinned`, which only `pin.rs` can make after the
//! judge has spoken; nothing here reads a proxy variable; errors name the origin of an address and never its
//! path, query or user part. It knows no room, retries nothing and keeps no cookies. HTTP/1.1 only; bodies are
//! handed over as they come, never unpacked.
//!
//! | file          | what is there                                                          |
//! |---------------|------------------------------------------------------------------------|
//! | `registry.rs` | the special-purpose blocks of IPv4 and IPv6, each with its RFC           |
//! | `judge.rs`    | [`judge()`]: may an address be reached? pure                               |
//! | `origin.rs`   | [`Origin`]: scheme, host and port; how a URL is read                     |
//! | `policy.rs`   | [`Policy`], [`Public`], [`Listed`]                                       |
//! | `resolve.rs`  | [`Resolve`], [`SystemResolver`]: names to addresses, injected            |
//! | `pin.rs`      | addresses that were judged                                              |
//! | `connect.rs`  | a connection to one of them                                             |
//! | `tls.rs`      | [`Roots`]: whose certificates are believed                               |
//! | `pool.rs`     | idle connections, for a bounded time                                     |
//! | `limits.rs`   | [`Limits`], [`Stage`]: how long and how much                             |
//! | `request.rs`  | [`Request`]                                                              |
//! | `outgoing.rs` | the body of a request on its way out, counted                            |
//! | `response.rs` | [`Response`], [`Body`]                                                   |
//! | `redirect.rs` | what a redirect does to the next request                                 |
//! | `client.rs`   | [`Client`], [`Settings`]                                                 |
//! | `error.rs`    | [`Error`], [`SetupError`]                                                |

mod client;
mod connect;
mod error;
mod judge;
mod limits;
mod origin;
mod outgoing;
mod pin;
mod policy;
mod pool;
mod redirect;
mod registry;
mod request;
mod resolve;
mod response;
mod tls;

#[cfg(test)]
mod tests;

pub use client::{Client, Settings};
pub use error::{Error, SetupError};
pub use judge::{Forbidden, judge};
pub use limits::{Limits, Part, Stage};
pub use origin::{Origin, Scheme};
pub use policy::{Listed, Policy, Public};
pub use redirect::MAX_REDIRECTS;
pub use request::Request;
pub use resolve::{Lookup, Resolve, SystemResolver};
pub use response::{Body, Response};
pub use tls::Roots;

// The words of HTTP that callers need, so that no other crate names a library for them.
pub use bytes::Bytes;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
