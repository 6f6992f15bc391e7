//! The audit log: what was done, by whom, and that nobody has changed the record since (`spec/trust.md` 11).
//!
//! Rows are only added, each in the transaction of the change that it tells of. There is one chain for the install and
//! one for each organization; in a chain every row holds the hash of the one before it, and now and then the last hash is
//! signed, so that a tail that was cut off is missed. IP addresses and user agents lie apart, can be erased, and leave
//! the chain whole. Knows no route and no room: rooms bring an [`Entry`].
//!
//! | file         | what is there                                                                      |
//! |--------------|------------------------------------------------------------------------------------|
//! | `mod.rs`     | [`note`]; the doors of [`Trust`]                                                      |
//! | `entry.rs`   | [`Entry`]: what a room says; [`Chain`], [`Outcome`], [`Who`], [`On`]                   |
//! | `noted.rs`   | [`Noted`]: the closed list of actions                                                |
//! | `origin.rs`  | [`Origin`]: the request under way                                                     |
//! | `row.rs`     | [`Row`]: what is hashed, and how                                                      |
//! | `jcs.rs`     | canonical JSON (RFC 8785)                                                             |
//! | `head.rs`    | [`Head`]: the signed end of a chain                                                    |
//! | `refusals.rs`| refused attempts: a bounded queue, written in batches                                   |
//! | `verify.rs`  | [`Verifier`]: whether a chain is whole                                                 |
//! | `lines.rs`   | the export as JSON lines, and their check without a server                              |
//! | `walk.rs`    | a chain from the tables, a page at a time                                               |
//! | `prune.rs`   | rows of the beginning go, up to a signed head                                        |
//! | `search.rs`  | a page of rows for people                                                              |
//! | `observer.rs`| [`Observer`]: who hears of what is written down                                        |
//! | `store.rs`   | the SQL                                                                               |
//!
//! Invariants: sequence numbers have no gap; two that append to one chain go one after the other, and neither fails
//! because of the other; what is in a row is never a secret.

mod entry;
mod head;
mod jcs;
mod lines;
mod noted;
mod observer;
mod origin;
mod prune;
mod refusals;
mod row;
mod search;
mod store;
mod verify;
mod walk;

use std::time::Duration;

use db::{Error, Tx};
use names::{Clock, Digest, Id, Random};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{Account, Principal, Trust, signing_keys::Purpose, store as rows};

pub use entry::{Chain, Detail, Entry, On, Outcome, Who};
pub use head::{HEAD_EVERY_ROWS, Head};
pub use lines::{Exported, Line, LineVerifier, MAX_LINE_BYTES};
pub use noted::Noted;
pub use observer::Observer;
pub use origin::Origin;
pub use prune::Pruned;
pub(crate) use refusals::Refusals;
pub use refusals::{MAX_WAITING, Waiting};
pub use row::Row;
pub use search::{Filter, Found, Private};
pub(crate) use store::STATEMENTS;
pub use verify::{Ends, Verdict, Verifier, Why};
pub use walk::Walk;

/// How long IP address and user agent are kept.
pub const PRIVATE_KEPT: Duration = Duration::from_hours(365 * 24);
/// Private rows that one transaction erases: some milliseconds.
const ERASED_AT_ONCE: u32 = 2_000;
/// The longest text of a field, in bytes; what is longer is cut. Honest ones are far below.
const MAX_FIELD_BYTES: usize = 512;

/// Where a row went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Its number in the chain.
    pub seq: i64,
    /// Its hash.
    pub hash: Digest,
}

/// Appends one row to `chain`, in the caller's transaction.
///
/// On PostgreSQL the chain is held until the transaction ends, so this comes last in it: whoever waits for the chain
/// holds nothing that the one before needs. A transaction that writes to two chains writes to the install's first.
pub async fn note(
    tx: &mut Tx,
    clock: &Clock,
    random: &Random,
    chain: Chain,
    entry: Entry,
) -> Result<Written, Error> {
    store::hold(tx, chain).await?;
    let last = store::last(tx, chain).await?;
    let (seq, prev_hash) = last.map_or((1, Digest::from_bytes([0; 32])), |it| (it.0 + 1, it.1));
    let (now, salt) = (clock.now(), random.bytes::<32>());
    let Entry { action, outcome, reason, who, on, before, after, detail, origin } = entry;
    let ip = origin.ip.map(|ip| ip.to_string()).unwrap_or_default();
    let user_agent = cut(origin.user_agent);
    let mut row = Row {
        id: Id::<Row>::new(now, random).uuid(),
        chain: chain.uuid(),
        seq,
        time: now.0,
        request_id: cut(origin.request_id),
        actor_id: who.actor,
        actor_kind: who.kind.to_owned(),
        credential_id: who.credential,
        credential_kind: who.credential_kind.to_owned(),
        on_behalf_of: who.on_behalf_of,
        action: action.as_str().to_owned(),
        resource_kind: on.kind.to_owned(),
        resource_id: cut(on.id),
        outcome: outcome.as_str().to_owned(),
        reason: reason.to_owned(),
        before_digest: before.map(|it| it.to_string()),
        after_digest: after.map(|it| it.to_string()),
        detail: detail.into_map(),
        private_digest: row::private_digest(&salt, &ip, &user_agent).to_string(),
        prev_hash: prev_hash.to_string(),
        hash: String::new(),
    };
    let hash = row.computed_hash().map_err(Error::corrupt("audit_events.detail"))?;
    row.hash = hash.to_string();
    store::add(tx, &row).await?;
    if !ip.is_empty() || !user_agent.is_empty() {
        let erase_after = now.plus(PRIVATE_KEPT);
        store::add_private(tx, row.id, &salt, &ip, &user_agent, erase_after).await?;
    }
    Ok(Written { seq, hash })
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_FIELD_BYTES {
        text.truncate(text.floor_char_boundary(MAX_FIELD_BYTES));
    }
    // PostgreSQL stores no NUL in a text.
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

impl Trust {
    /// [`note`], with this plane's clock and chance; signs the chain's head when enough rows have come. Observers hear
    /// of it first, as the chain is what a transaction takes last.
    pub async fn note(&self, tx: &mut Tx, chain: Chain, entry: Entry) -> Result<Written, Error> {
        for observer in self.observers() {
            observer.noted(tx, chain, &entry).await?;
        }
        let written = note(tx, &self.0.clock, &self.0.random, chain, entry).await?;
        // Before the install key was checked nothing can be signed; the next head covers the row too.
        if written.seq % HEAD_EVERY_ROWS == 0
            && let Some(keys) = self.0.signing_keys.get()
        {
            let key = keys.active(tx, Purpose::Audit).await?;
            head::sign(tx, &key, chain, written, self.0.clock.now()).await?;
        }
        Ok(written)
    }

    /// Where it is written down what is done with things of `owner`: in an organization's own chain, or in the
    /// install's.
    pub async fn chain_of(&self, tx: &mut Tx, owner: Id<Principal>) -> Result<Chain, Error> {
        let owner = rows::actor(tx, owner).await?;
        Ok(owner.map_or(Chain::INSTALL, |it| Chain::of_owner(&it.principal)))
    }

    /// The same for what is done to an account: an agent's is that of its owner.
    pub(crate) async fn chain_of_account(
        &self,
        tx: &mut Tx,
        account: &Account,
    ) -> Result<Chain, Error> {
        match account.owner {
            Some(owner) => self.chain_of(tx, owner).await,
            None => Ok(Chain::of_owner(&account.principal)),
        }
    }

    /// Signs the head of a chain if rows came since the last one. Gives the last row's number.
    pub async fn sign_head(&self, tx: &mut Tx, chain: Chain) -> Result<Option<i64>, crate::Error> {
        let keys = self.signing_keys()?;
        store::hold(tx, chain).await?;
        let Some((seq, hash)) = store::last(tx, chain).await? else { return Ok(None) };
        let key = keys.active(tx, Purpose::Audit).await?;
        head::sign(tx, &key, chain, Written { seq, hash }, self.0.clock.now()).await?;
        Ok(Some(seq))
    }

    /// Signs the heads of all chains that have grown, each in a transaction of its own. Gives how many there were, at
    /// most `limit`.
    pub async fn sign_heads(&self, limit: u32) -> Result<usize, crate::Error> {
        let grown = store::grown(&mut self.0.db.glance().await?, limit).await?;
        for chain in &grown {
            let mut tx = self.0.db.write().await?;
            self.sign_head(&mut tx, Chain::from_uuid(*chain)).await?;
            tx.commit().await?;
        }
        Ok(grown.len())
    }

    /// Erases IP addresses and user agents whose time is over; gives how many, and whether there may be more.
    pub async fn erase_private(&self) -> Result<(u64, bool), Error> {
        let mut tx = self.0.db.write().await?;
        let erased = store::erase(&mut tx, self.0.clock.now(), ERASED_AT_ONCE).await?;
        tx.commit().await?;
        Ok((erased, erased >= u64::from(ERASED_AT_ONCE)))
    }

    /// A page of a chain, newest first.
    pub async fn audit(
        &self,
        tx: &mut Tx,
        chain: Chain,
        filter: &Filter,
        before: Option<i64>,
        limit: u16,
    ) -> Result<Vec<Found>, Error> {
        search::page(tx, chain, filter, before, limit).await
    }

    /// Walks through a chain and says whether it is whole.
    pub async fn verify_audit(&self, chain: Chain) -> Result<Verdict, Error> {
        let mut walk = Walk::begin(self.0.db.clone(), chain, self.0.clock.now(), None).await?;
        let mut verifier = Verifier::new(chain);
        while let Some(lines) = walk.next().await? {
            for line in lines {
                if let Err(verdict) = verifier.take(line) {
                    return Ok(verdict);
                }
            }
        }
        Ok(verifier.finish(Ends::Running { now: self.0.clock.now() }))
    }

    /// Begins an export: it is noted, the head is signed over that, and the walk ends there. The caller commits before
    /// it walks.
    pub async fn export_audit(
        &self,
        mut tx: Tx,
        chain: Chain,
        who: Who,
    ) -> Result<Walk, crate::Error> {
        let on = On { kind: "audit", id: chain.uuid().to_string() };
        self.note(&mut tx, chain, Entry::done(Noted::AuditExported, who, on)).await?;
        let until = self.sign_head(&mut tx, chain).await?;
        tx.commit().await?;
        Ok(Walk::begin(self.0.db.clone(), chain, self.0.clock.now(), until).await?)
    }

    /// Takes a refused attempt, to be written soon. Never waits: when too many wait already, it is counted instead.
    pub fn note_refused(&self, chain: Chain, entry: Entry) {
        self.0.refusals.add(Waiting { chain, entry });
    }

    /// Takes a refused attempt that may come again and again: of the same one, by the same credential or from the same
    /// address, one row a minute is written, with how many there were.
    pub fn note_repeated(&self, entry: Entry) {
        self.0.refusals.add_repeated(entry, self.0.clock.now());
    }

    /// Writes refused attempts until `stop`, and then what is left.
    pub async fn write_refusals(&self, stop: impl Future<Output = ()> + Send) {
        refusals::run(self, stop).await;
    }

    /// Writes all refused attempts that wait. What cannot be written stays.
    pub async fn flush_refusals(&self) -> Result<(), Error> {
        refusals::flush(self).await
    }
}

/// SHA-256 over parts that follow each other.
fn sha256(parts: &[&[u8]]) -> Digest {
    let hash = parts.iter().fold(Sha256::new(), Sha256::chain_update);
    Digest::from_bytes(hash.finalize().into())
}

/// The chain of the install.
const INSTALL: Uuid = Uuid::nil();
