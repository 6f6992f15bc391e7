//! What the install keeps for good, on both databases: its keys, the secrets of publishers, and the log of what was
//! done.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod audit;
mod export;
mod house;
mod local;
mod privacy;
mod publishers;
mod signing_keys;
mod store;
mod tampering;
mod ways;
