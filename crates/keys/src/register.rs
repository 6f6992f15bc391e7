//! What a new key signs to show that its holder is there (`spec/trust.md` 2).

use names::Handle;

use crate::{Fingerprint, Nonce};

/// The first line, which keeps these bytes apart from `MSign`, SSH and commit signatures.
const VERSION: &str = "motet-register-v1";

/// The message of a challenge. Server and client build it from its parts; a client that signs the server's
/// text without building its own would sign whatever it is handed.
#[derive(Debug, Clone, Copy)]
pub struct RegistrationMessage<'a> {
    /// The install's authority, as in `Host`.
    pub authority: &'a str,
    /// The handle that is asked for.
    pub handle: &'a Handle,
    /// The key that is asked for.
    pub fingerprint: Fingerprint,
    /// The nonce of the challenge.
    pub nonce: &'a Nonce,
    /// When the challenge ends, in Unix seconds.
    pub expires_at: i64,
}

impl RegistrationMessage<'_> {
    /// The six lines, joined by single LF, without one at the end.
    pub fn text(&self) -> String {
        let Self { authority, handle, fingerprint, nonce, expires_at } = self;
        format!("{VERSION}\n{authority}\n{handle}\n{fingerprint}\n{nonce}\n{expires_at}")
    }
}
