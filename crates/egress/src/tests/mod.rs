//! The client against real sockets on loopback.
//!
//! `127.0.0.2` and `127.0.0.3` play the public internet: the policy of these tests lets them through, which only
//! this crate's own tests can ask for. `127.0.0.1` is what must never be reached.

mod harness;
mod judging;
mod limits;
mod pooling;
mod proxies;
mod redirects;
mod tls;
mod wire;
