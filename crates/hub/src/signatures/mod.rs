//! Signatures of commits: taken in by proof, shown by whose key it is now (`spec/wire.md` 7).
//!
//! A row says what is known of the signature by itself; whose key it is, and since when that is not believed, is asked
//! whenever a commit is shown. So a key that is registered or given up changes what stored commits show at once.
//!
//! | file        | what is there                                                     |
//! |-------------|-------------------------------------------------------------------|
//! | `mod.rs`    | [`Form`], [`Judged`], [`judge`]: what is shown                       |
//! | `ahead.rs`  | [`Ahead`]: verified before the transaction                          |
//! | `taking.rs` | [`Proofs`]: what a push brings is proved, or refused                 |
//!
//! Invariant: a native signature that is false under a registered key is never stored.

mod ahead;
mod taking;

use std::collections::HashMap;

use api::CommitRecord;
use db::Tx;
use keys::{BadSignature, Fingerprint, GitProof, PublicKey, Signature};
use names::{CommitId, Handle, UnixMillis};
use trust::{
    AgentLabel, Kind, Signer,
    signing_keys::{self, VerifyingKey},
};

pub(crate) use ahead::Ahead;
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
    /// One of Git's that was proved when it came: what was signed lies in a pack, and who signed is in the row.
    Proved(Fingerprint),
}

impl Form {
    /// Reads the two fields of a record. An error is a signature that says that it is native and is none.
    pub(crate) fn of(record: &CommitRecord) -> Result<Self, BadSignature> {
        if record.signature.is_empty() {
            return Ok(Self::Unsigned);
        }
        if record.commit_id.sha1().is_some() {
            // Only what reads commits of Git writes such rows, and it names no key that it has not proved.
            return Ok(record.signer_key_id.parse().map_or(Self::Unverifiable, Self::Proved));
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
            Self::Native(key, _) | Self::Proved(key) => Some(key),
            Self::Unsigned | Self::Unverifiable => None,
        }
    }
}

/// What is shown of a commit's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Good, by a key of this principal.
    Verified(Handle),
    /// Good, by this server, which made the commit for its author.
    Server,
    /// Good, but received when the key was not believed any more.
    RevokedKey(Handle),
    /// Well formed, by a key that is not registered.
    UnknownKey,
    /// Something that a server cannot verify.
    Unverifiable,
    /// None.
    Unsigned,
}

impl State {
    /// The words in answers, and whose key it is.
    pub(crate) fn told(&self) -> (&'static str, Option<String>) {
        match self {
            Self::Verified(handle) => ("verified", Some(handle.to_string())),
            Self::Server => ("verified", None),
            Self::RevokedKey(handle) => ("key revoked", Some(handle.to_string())),
            Self::UnknownKey => ("key unknown", None),
            Self::Unverifiable => ("unverifiable", None),
            Self::Unsigned => ("unsigned", None),
        }
    }
}

/// The word in answers; of what was not judged, nothing good.
pub(crate) fn word(judged: Option<&Judged>) -> &'static str {
    match judged.map(|it| &it.state) {
        Some(State::Verified(_) | State::Server) => "verified",
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
    /// Whether it names an agent that neither pushed nor signed it, and whose name the install does not expect.
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
    let owners = Owners::of(tx, &keys).await?;
    Ok(commits
        .map(|it| {
            let form = form(it);
            let owner = form.key().and_then(|key| owners.get(key));
            (it.record.commit_id, judged(it, form, owner))
        })
        .collect())
}

/// What is shown of signatures that were verified by themselves, each received at a moment, by the keys as they are
/// registered now.
pub(crate) async fn of_proved(
    tx: &mut Tx,
    proved: &[(GitProof, UnixMillis)],
) -> Result<Vec<State>, Error> {
    let key = |(proof, _): &(GitProof, UnixMillis)| match proof {
        GitProof::Good(key) => Some(key.fingerprint()),
        GitProof::Unsigned | GitProof::Unverifiable => None,
    };
    let mut keys: Vec<_> = proved.iter().filter_map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    let owners = Owners::of(tx, &keys).await?;
    let state = |(proof, received): &(GitProof, UnixMillis)| match proof {
        GitProof::Unsigned => State::Unsigned,
        GitProof::Unverifiable => State::Unverifiable,
        GitProof::Good(key) => by(owners.get(key.fingerprint()), *received),
    };
    Ok(proved.iter().map(state).collect())
}

/// What is shown of a good signature by the key of `owner`, received at a moment.
fn by(owner: Option<Owner<'_>>, received: UnixMillis) -> State {
    match owner {
        None => State::UnknownKey,
        Some(Owner::Somebody(signer)) if signer.is_believed_at(received) => {
            State::Verified(signer.handle.clone())
        }
        Some(Owner::Somebody(signer)) => State::RevokedKey(signer.handle.clone()),
        Some(Owner::Server(key)) if key.is_believed_at(received) => State::Server,
        Some(Owner::Server(_)) => State::Unverifiable,
    }
}

/// Whose a key is.
#[derive(Debug, Clone, Copy)]
enum Owner<'a> {
    /// Somebody's who registered it.
    Somebody(&'a Signer),
    /// The server's own.
    Server(&'a VerifyingKey),
}

/// Keys with whose they are; those of nobody are not among them.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    signers: HashMap<Fingerprint, Signer>,
    server: HashMap<Fingerprint, VerifyingKey>,
}

impl Owners {
    async fn of(tx: &mut Tx, keys: &[Fingerprint]) -> Result<Self, db::Error> {
        let signers = trust::signers(tx, keys).await?;
        let others: Vec<_> = keys.iter().copied().filter(|it| !signers.contains_key(it)).collect();
        Ok(Self { server: signing_keys::of_the_server(tx, &others).await?, signers })
    }

    fn get(&self, key: Fingerprint) -> Option<Owner<'_>> {
        let somebody = self.signers.get(&key).map(Owner::Somebody);
        somebody.or_else(|| self.server.get(&key).map(Owner::Server))
    }
}

impl Owner<'_> {
    fn public(&self) -> &PublicKey {
        match self {
            Self::Somebody(signer) => &signer.public,
            Self::Server(key) => &key.public,
        }
    }
}

/// What is shown of a commit.
fn judged(commit: &Commit, form: Form, owner: Option<Owner<'_>>) -> Judged {
    let (record, received) = (&commit.record, commit.received_at);
    let state = match (form, owner) {
        (Form::Unsigned, _) => State::Unsigned,
        (Form::Unverifiable, _) => State::Unverifiable,
        // What came before its key was registered was not proved when it came.
        (Form::Native(_, signature), Some(owner))
            if !owner.public().verify(&history::signing_bytes(record), &signature) =>
        {
            State::Unverifiable
        }
        (Form::Native(..) | Form::Proved(_), owner) => by(owner, received),
    };
    let is_agents_own = match (&state, owner) {
        (State::Verified(handle), Some(Owner::Somebody(signer))) => {
            handle.as_str() == record.agent_id && signer.kind == Kind::Agent
        }
        // The server names the agent that asked for it, and knew which that was.
        (State::Server, _) => true,
        _ => false,
    };
    Judged {
        is_untrusted_agent: commit.agent == Some(AgentLabel::Unknown) && !is_agents_own,
        state,
    }
}
