//! A running server in a test: the real binary, a data directory of its own, people with keys, histories to push.
//!
//! One call gives a server: [`Server::start`]. Everything goes over the network, as a client would send it, and every
//! answer that a test sees was checked for the headers that all answers carry (`spec/trust.md` 10).
//!
//! | file         | what is there                                                                  |
//! |--------------|--------------------------------------------------------------------------------|
//! | `server.rs`  | [`Server`], [`Setup`]: start, stop, kill, start again                            |
//! | `ground.rs`  | [`Ground`]: what servers stand on, chosen in one place                           |
//! | `process.rs` | the process of a server, and how long we wait for it                             |
//! | `operator.rs`| the operator of a server, by the key in its data directory                       |
//! | `person.rs`  | [`Person`]: a handle and a key                                                   |
//! | `request.rs` | [`Request`]: signed like a good client's, and every part of it can be broken     |
//! | `answer.rs`  | [`Answer`]: what came back                                                       |
//! | `live.rs`    | [`Live`]: what comes back as it happens                                          |
//! | `receiver.rs`| [`Receiver`]: what a server sends by itself                                      |
//! | `canaries.rs`| [`Canaries`]: what a server gave out and must never write                        |
//! | `raw.rs`     | bytes on a connection, for what no HTTP client would send                        |
//! | `secure.rs`  | [`assert_secure`]: the headers of every answer                                   |
//! | `story.rs`   | [`Story`]: objects, snapshots and commits with right ids                         |
//! | `long/`      | histories of any length, written behind a server's back                          |
//! | `wire.rs`    | the calls of wire 1, as a Muse client makes them                                 |
//!
//! Knows nothing of the server but its command line and what goes over the network. It panics where production code
//! would return an error: in a test that is the point.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod answer;
mod canaries;
mod ground;
mod live;
pub mod long;
mod operator;
mod person;
mod process;
mod raw;
mod receiver;
mod request;
mod secure;
mod server;
mod story;
mod wire;

pub use answer::Answer;
pub use canaries::Canaries;
pub use ground::{Ground, histories, scale};
pub use live::{Happened, Live};
pub use person::Person;
pub use raw::{Connection, answers_in};
pub use receiver::{Receiver, Seen, reply};
pub use request::{Broken, Request};
pub use secure::assert_secure;
pub use server::{Ended, Server, Setup};
pub use story::{Story, manifest_id, object};
pub use wire::objects_body;
