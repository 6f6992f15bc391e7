//! The texts of `keys` against the vectors of the specification, against OpenSSH, and against nonsense.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod content_digest;
mod install;
mod msign;
mod openssh;
mod private_text;
mod properties;
mod public;
mod rfc9421;
mod seal;
mod sshsig;
mod vectors;
