//! The ref log: no ref moves without an entry in its chain and a seal in the repository's (`spec/wire.md` 8).
//!
//! | file       | what is there                                                              |
//! |------------|----------------------------------------------------------------------------|
//! | `mod.rs`   | [`Movement`]; [`Hub::move_ref`], the one place where a ref moves              |
//! | `claim.rs` | [`Claim`]: an entry that its pusher signed, checked                          |
//! | `api.rs`   | the log as wire 2 hands it out                                              |
//! | `shown.rs` | the log as people read it; `list.rs` is its JSON                             |
//! | `refs.rs`  | refs in JSON                                                                |
//! | `store.rs` | the SQL                                                                     |
//!
//! Invariants: counters of a ref and numbers of seals have no gap; a ref's counter and hash are those of its last entry;
//! entry, seal and ref change in one transaction.

mod api;
mod claim;
mod list;
mod refs;
mod shown;
mod store;

use ::api::WireCode;
use db::Tx;
use history::ref_log::{RefEntry, SERVER_KEY, Seal};
use names::{BranchName, CommitId, Digest, Handle, Id, UnixMillis};
use trust::{
    Actor, Credential,
    signing_keys::{Purpose, SigningKey},
};

pub(crate) use api::{head_of, routes};
pub(crate) use claim::Claim;
pub(crate) use shown::{Moved, Signed};
use store::LastSeal;
use store::Logged;
pub(crate) use store::{STATEMENTS, gone};

use crate::{Error, Format, GitVia, Hub, Repository, activity::By};

/// How a movement came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// By a request that a key signed.
    Signature,
    /// By a bearer token.
    Token,
    /// By a session over SSH.
    Ssh,
    /// By the server itself: in a page, by a merge.
    Server,
}

impl Via {
    /// The word in seals.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Signature => "msign",
            Self::Token => "token",
            Self::Ssh => "ssh",
            Self::Server => "server",
        }
    }
}

/// A ref that goes from one commit to another.
#[derive(Debug)]
pub(crate) struct Movement<'a> {
    /// The full name.
    pub(crate) name: &'a str,
    /// Where it is; nothing for a new one.
    pub(crate) old: Option<CommitId>,
    /// Where it goes; nothing to take it away.
    pub(crate) new: Option<CommitId>,
    /// Whether it leaves commits behind.
    pub(crate) is_forced: bool,
    /// On whose word.
    pub(crate) word: Word<'a>,
}

/// On whose word a ref moves.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Word<'a> {
    /// That of a request alone: the server writes the entry, and nobody signs it.
    Request,
    /// The same of a push of Git, which came on this way.
    Git(GitVia),
    /// That of an entry which its pusher signed.
    Pusher(&'a Claim),
    /// The server's own, which signs the entry: it made what the ref moves to, or copied it.
    Server,
}

impl<'a> Word<'a> {
    /// That of an entry, if there is one.
    pub(crate) const fn of(claim: Option<&'a Claim>) -> Self {
        match claim {
            Some(claim) => Self::Pusher(claim),
            None => Self::Request,
        }
    }
}

impl Word<'_> {
    /// Whether nobody signs the entry.
    const fn is_unsigned(self) -> bool {
        matches!(self, Self::Request | Self::Git(GitVia::Http | GitVia::Ssh))
    }

    /// Whether the server does.
    const fn is_servers(self) -> bool {
        matches!(self, Self::Server | Self::Git(GitVia::Server | GitVia::Mirror | GitVia::Import))
    }
}

/// What was written of a movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) counter: u64,
    pub(crate) entry_hash: Digest,
    pub(crate) seq: u64,
    pub(crate) seal_hash: Digest,
}

/// Who moves a ref, as entry and seal name them.
struct Mover<'a> {
    via: Via,
    /// The name of the key that signs the entry, or the request; empty for none.
    key: String,
    handle: &'a str,
}

impl<'a> Mover<'a> {
    /// Whoever is behind a request.
    fn of(actor: &'a Actor) -> Self {
        let (via, key) = match actor.credential() {
            Some(Credential::Key(proof)) => (Via::Signature, proof.fingerprint.to_string()),
            Some(Credential::Token(_)) => (Via::Token, String::new()),
            Some(Credential::Session(_) | Credential::Standing) | None => {
                (Via::Server, String::new())
            }
        };
        Self { via, key, handle: actor.handle().map(Handle::as_str).unwrap_or_default() }
    }
}

/// What a seal says beside its place.
struct Sealing<'a> {
    entry_hash: Digest,
    principal: &'a str,
    via: &'a str,
    key: &'a SigningKey,
}

async fn put_seal(
    tx: &mut Tx,
    repository: Id<Repository>,
    last: Option<&LastSeal>,
    made: &Sealing<'_>,
    now: UnixMillis,
) -> Result<LastSeal, Error> {
    let seal = Seal {
        repository_id: repository.to_string(),
        seq: last.map_or(0, |it| it.seq) + 1,
        prev_seal: last.map(|it| it.seal_hash),
        entry_hash: made.entry_hash,
        evidence: None,
        principal: made.principal.to_owned(),
        via: made.via.to_owned(),
        time: now.to_string(),
        server_key: made.key.kid().to_owned(),
    };
    let signature = *made.key.sign(&seal.bytes()).as_bytes();
    let seal_hash = seal.hash(&signature);
    store::add_seal(tx, repository, &seal, signature, seal_hash).await?;
    Ok(LastSeal { seq: seal.seq, seal_hash, server_key: seal.server_key })
}

/// The entry that a movement has now, if the server writes it.
async fn next_entry(
    tx: &mut Tx,
    (repository, mover): (Id<Repository>, &Mover<'_>),
    movement: &Movement<'_>,
    now: UnixMillis,
) -> Result<RefEntry, Error> {
    let before = store::last(tx, repository, movement.name).await?;
    Ok(RefEntry {
        repository_id: repository.to_string(),
        name: movement.name.to_owned(),
        old: movement.old.map(|it| it.to_string()).unwrap_or_default(),
        new: movement.new.map(|it| it.to_string()).unwrap_or_default(),
        counter: before.as_ref().map_or(0, |it| it.counter) + 1,
        prev: before.as_ref().map(|it| it.entry_hash),
        pusher_key: mover.key.clone(),
        time: now.to_string(),
    })
}

/// Refuses a movement as it would be refused if it came now: for want of a signature, or because it is signed for another
/// place of the log.
pub(crate) async fn check_movement(
    tx: &mut Tx,
    (repository, actor): (&Repository, &Actor),
    movement: &Movement<'_>,
    now: UnixMillis,
) -> Result<(), Error> {
    match movement.word {
        word if repository.require_signed_refs && word.is_unsigned() => Err(unsigned(repository)),
        Word::Request | Word::Git(_) | Word::Server => Ok(()),
        Word::Pusher(claim) => {
            let next = next_entry(tx, (repository.id, &Mover::of(actor)), movement, now).await?;
            claim.check_place(&next)
        }
    }
}

fn unsigned(repository: &Repository) -> Error {
    let sentence =
        format!("refs of {} move by signed entries alone; use: motet push", repository.full_name());
    Error::wire(WireCode::UnsignedEntry, sentence)
}

/// Refuses what Git could not follow to.
fn check_for_git(name: &str) -> Result<(), Error> {
    let short = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/"));
    let parsed = short.unwrap_or(name).parse::<BranchName>();
    if parsed.is_ok_and(|it| it.is_ref_of_git()) {
        return Ok(());
    }
    let sentence =
        format!("{name} is no ref of Git: no segment of one begins with a dot or ends in `.lock`");
    Err(Error::wire(WireCode::BadRef, sentence))
}

impl Hub {
    /// Moves a ref: its entry, its seal, and itself. The repository is locked, and `old` was read in this transaction.
    pub(crate) async fn move_ref(
        &self,
        tx: &mut Tx,
        (repository, actor): (&Repository, &Actor),
        movement: &Movement<'_>,
        now: UnixMillis,
    ) -> Result<Written, Error> {
        if repository.require_signed_refs && movement.word.is_unsigned() {
            return Err(unsigned(repository));
        }
        let is_git = repository.format == Format::Git;
        let of_git = is_git && !matches!(movement.word, Word::Git(_));
        if is_git {
            let moved = (movement.name, movement.word);
            self.mirrors_hear(tx, repository.id, moved, now).await?;
        }
        if let Some(new) = movement.new.filter(|_| of_git) {
            check_for_git(movement.name)?;
            self.check_in_packs(repository, new).await?;
        }
        let written = self.append(tx, (repository.id, Mover::of(actor)), movement, now).await?;
        store::set_ref(tx, repository.id, movement, &written, now).await?;
        let is_shown_first = movement.name == repository.default_branch.full();
        if is_shown_first || movement.old.is_none() || movement.new.is_none() {
            let bell = self.ask_for_index(tx, repository.id).await?;
            tx.hold(bell);
        }
        if of_git {
            self.git_follows(tx, repository.id, now).await?;
        }
        self.note_movement(tx, (repository, By::of(actor)), movement, now).await?;
        Ok(written)
    }

    /// The same where the server itself moves a ref, in the name of the owner: a fork that is filled.
    pub(crate) async fn place_ref(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        movement: &Movement<'_>,
        now: UnixMillis,
    ) -> Result<(), Error> {
        let mover =
            Mover { via: Via::Server, key: String::new(), handle: repository.owner.as_str() };
        let written = self.append(tx, (repository.id, mover), movement, now).await?;
        store::set_ref(tx, repository.id, movement, &written, now).await?;
        let bell = self.ask_for_index(tx, repository.id).await?;
        tx.hold(bell);
        match movement.new {
            Some(new) => self.note_placed(tx, repository, (movement.name, new), now).await,
            None => Ok(()),
        }
    }

    /// Writes entry and seal of a movement.
    async fn append(
        &self,
        tx: &mut Tx,
        (repository, mut mover): (Id<Repository>, Mover<'_>),
        movement: &Movement<'_>,
        now: UnixMillis,
    ) -> Result<Written, Error> {
        let key = self.trust.signing_keys()?.active(tx, Purpose::Server).await?;
        if matches!(movement.word, Word::Git(GitVia::Ssh)) {
            mover.via = Via::Ssh;
        }
        if movement.word.is_servers() {
            (mover.via, mover.key) = (Via::Server, key.kid().to_owned());
        }
        let written_by_us = next_entry(tx, (repository, &mover), movement, now).await?;
        let (entry, signature) = match movement.word {
            Word::Request | Word::Git(GitVia::Http | GitVia::Ssh) => (written_by_us, None),
            Word::Server | Word::Git(GitVia::Server | GitVia::Mirror | GitVia::Import) => {
                let signature = *key.sign(&written_by_us.bytes()).as_bytes();
                (written_by_us, Some(signature))
            }
            Word::Pusher(claim) => {
                claim.check_place(&written_by_us)?;
                (claim.entry.clone(), Some(*claim.signature.as_bytes()))
            }
        };
        let entry_hash = entry.hash(signature.as_ref());
        store::add_entry(tx, repository, &entry, signature, entry_hash, movement.is_forced).await?;
        let (principal, via) = (mover.handle, mover.via.as_str());
        let made = Sealing { entry_hash, principal, via, key: &key };
        let (seq, seal_hash) = self.seal(tx, repository, &made, now).await?;
        self.index_after(tx, repository).await?;
        Ok(Written { counter: entry.counter, entry_hash, seq, seal_hash })
    }

    /// Seals an entry behind the last seal. Where the instance has another key by now than sealed last, that is an entry
    /// of its own before, sealed with the key that was.
    async fn seal(
        &self,
        tx: &mut Tx,
        repository: Id<Repository>,
        made: &Sealing<'_>,
        now: UnixMillis,
    ) -> Result<(u64, Digest), Error> {
        let (keys, key) = (self.trust.signing_keys()?, made.key);
        let mut last = store::last_seal(tx, repository).await?;
        if let Some(was) = last.take_if(|it| it.server_key != key.kid()) {
            let former = keys.by_name(tx, &was.server_key).await?;
            let former = former.ok_or_else(|| {
                Error::Broken(format!("the key {} that sealed last is gone", was.server_key))
            })?;
            last = Some(self.change_key(tx, repository, was, (&former, key), now).await?);
        }
        let sealed = put_seal(tx, repository, last.as_ref(), made, now).await?;
        Ok((sealed.seq, sealed.seal_hash))
    }

    /// Writes the entry that another key of the instance seals from now on.
    async fn change_key(
        &self,
        tx: &mut Tx,
        repository: Id<Repository>,
        last: LastSeal,
        (former, key): (&SigningKey, &SigningKey),
        now: UnixMillis,
    ) -> Result<LastSeal, Error> {
        let before = store::last(tx, repository, SERVER_KEY).await?;
        let entry = RefEntry {
            repository_id: repository.to_string(),
            name: SERVER_KEY.to_owned(),
            old: before.as_ref().map(|it| it.target.clone()).unwrap_or_default(),
            new: key.kid().to_owned(),
            counter: before.as_ref().map_or(0, |it| it.counter) + 1,
            prev: before.map(|it| it.entry_hash),
            pusher_key: String::new(),
            time: now.to_string(),
        };
        let entry_hash = entry.hash(None);
        store::add_entry(tx, repository, &entry, None, entry_hash, false).await?;
        let made = Sealing { entry_hash, principal: "", via: Via::Server.as_str(), key: former };
        let sealed = put_seal(tx, repository, Some(&last), &made, now).await?;
        Ok(LastSeal { server_key: key.kid().to_owned(), ..sealed })
    }
}
