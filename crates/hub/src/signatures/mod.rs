//! Signatures of commits: taken in by proof, shown by whose key it is now (`spec/wire.md` 7).
//!
//! A row says what is known of the signature by itself; whose key it is, and since when that is not believed, is asked
//! whenever a commit is shown. So a key that is registered or given up changes what stored commits show at once.
//!
//! | file        | what is there                                                     |
//! |-------------|-------------------------------------------------------------------|
//! | `mod.rs`    | [`Form`], [`Judged`], [`judge`]: what is shown                       |
//! | `taking.rs` | [`Proofs`]: what a push brings is proved, or refused                 |
//!
//! Invariant: a native signature that is false under a registered key is never stored.

mod taking;

use std::collections::HashMap;

use api::CommitRecord;
use db::Tx;
use keys::{BadSignature, Fingerprint, Signature};
use names::{CommitId, Handle, UnixMillis};
use trust::{Kind, Signer};

pub(crate) use taking::{Asked, Proofs, Required};

use crate::{Error, reading::Commit};

/// What a signature begins with that a server can verify.
const NATIVE: &str = "ed25519v1:";

/// What a record carries, before anybody asks whose key it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// Nothing.
    Unsigned,
    /// Something that a server cannot verify, such as a keyed hash.
    Unverifiable,
    /// A signature by the key of that name.
    Native(Fingerprint, Signature),
}

impl Form {
    /// Reads the two fields of a record. An error is a signature that says that it is native and is none.
    pub(crate) fn of(record: &CommitRecord) -> Result<Self, BadSignature> {
        if record.signature.is_empty() {
            return Ok(Self::Unsigned);
        }
        if !record.signature.starts_with(NATIVE) {
            return Ok(Self::Unverifiable);
        }
        let key = record.signer_key_id.parse().map_err(|_| BadSignature)?;
        Ok(Self::Native(key, Signature::from_commit_text(&record.signature)?))
    }

    /// The key, if it is native.
    fn key(self) -> Option<Fingerprint> {
        match self {
            Self::Native(key, _) => Some(key),
            Self::Unsigned | Self::Unverifiable => None,
        }
    }
}

/// What is shown of a commit's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Good, by a key of this principal.
    Verified(Handle),
    /// Good, but received when the key was not believed any more.
    RevokedKey(Handle),
    /// Well formed, by a key that is not registered.
    UnknownKey,
    /// Something that a server cannot verify.
    Unverifiable,
    /// None.
    Unsigned,
}

/// The word in answers; of what was not judged, nothing good.
pub(crate) fn word(judged: Option<&Judged>) -> &'static str {
    match judged.map(|it| &it.state) {
        Some(State::Verified(_)) => "verified",
        Some(State::RevokedKey(_)) => "revoked_key",
        Some(State::UnknownKey) => "unknown_key",
        Some(State::Unverifiable) | None => "unverifiable",
        Some(State::Unsigned) => "unsigned",
    }
}

/// What the server says of who made a commit.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    /// Its signature.
    pub(crate) state: State,
    /// Whether it names an agent that did not sign it.
    pub(crate) is_untrusted_agent: bool,
}

/// Judges commits by the keys as they are registered now.
pub(crate) async fn judge<'a>(
    tx: &mut Tx,
    commits: impl Iterator<Item = &'a Commit> + Clone + Send,
) -> Result<HashMap<CommitId, Judged>, Error> {
    let form = |it: &Commit| Form::of(&it.record).unwrap_or(Form::Unverifiable);
    let mut keys: Vec<_> = commits.clone().filter_map(|it| form(it).key()).collect();
    keys.sort_unstable();
    keys.dedup();
    let signers = trust::signers(tx, &keys).await?;
    Ok(commits
        .map(|it| {
            let form = form(it);
            let signer = form.key().and_then(|key| signers.get(&key));
            (it.record.commit_id, judged(&it.record, form, signer, it.received_at))
        })
        .collect())
}

/// What is shown of a record that was received at that moment.
fn judged(
    record: &CommitRecord,
    form: Form,
    signer: Option<&Signer>,
    received: UnixMillis,
) -> Judged {
    let state = match (form, signer) {
        (Form::Unsigned, _) => State::Unsigned,
        (Form::Unverifiable, _) => State::Unverifiable,
        (Form::Native(..), None) => State::UnknownKey,
        (Form::Native(_, signature), Some(signer)) => {
            // What came before its key was registered was not proved when it came.
            if !signer.public.verify(&history::signing_bytes(record), &signature) {
                State::Unverifiable
            } else if signer.is_believed_at(received) {
                State::Verified(signer.handle.clone())
            } else {
                State::RevokedKey(signer.handle.clone())
            }
        }
    };
    let is_agents_own = matches!(&state, State::Verified(handle) if handle.as_str() == record.agent_id)
        && signer.is_some_and(|it| it.kind == Kind::Agent);
    Judged { is_untrusted_agent: !record.agent_id.is_empty() && !is_agents_own, state }
}
