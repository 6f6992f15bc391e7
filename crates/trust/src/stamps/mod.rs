//! What requests leave in a transaction that others begin: where many take effect together, their nonces and the names by
//! which they may be repeated are written together, and one that may not does not hold up the rest (decision 0005).
//!
//! | file       | what is there                                  |
//! |------------|------------------------------------------------|
//! | `mod.rs`   | [`Stamp`]; the doors of [`Trust`]                |
//! | `store.rs` | the SQL                                        |
//!
//! Invariant: what [`Trust::stamp_all`] does not refuse stands in the transaction when it returns.

mod store;

use std::collections::{BTreeMap, BTreeSet};

use db::Tx;
use names::{Id, UnixMillis};
use uuid::Uuid;

use crate::{
    Actor, Credential, Error, Key, Trust,
    idempotency::{self, UnderWay},
};
pub(crate) use store::STATEMENTS;

/// The nonce of a signed request.
#[derive(Debug, Clone)]
struct Spent {
    key: Id<Key>,
    nonce: Box<str>,
    request: Uuid,
    ends: UnixMillis,
}

/// What a request leaves in the transaction of its effect.
#[derive(Debug, Clone)]
pub struct Stamp {
    nonce: Option<Spent>,
    named: Option<UnderWay>,
}

impl Stamp {
    /// Whether its client may repeat the request. Its name may stand in rows only if the request takes effect.
    pub const fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// The same without the name.
    #[must_use]
    pub fn unnamed(&self) -> Option<Self> {
        self.nonce.clone().map(|nonce| Self { nonce: Some(nonce), named: None })
    }
}

impl Actor {
    /// What the request leaves in the transaction of its effect; nothing for most that show a token.
    pub fn stamp(&self) -> Option<Stamp> {
        let nonce = self.proof().and_then(|proof| {
            Some(Spent {
                key: proof.key_id,
                nonce: proof.nonce.as_ref()?.as_str().into(),
                request: proof.request,
                ends: proof.nonce_ends,
            })
        });
        let named = idempotency::under_way(self).cloned();
        (nonce.is_some() || named.is_some()).then_some(Stamp { nonce, named })
    }

    /// What requests that prove themselves alike have in common: the token, or else whoever acts.
    pub fn credential_id(&self) -> Option<Uuid> {
        match self.credential()? {
            Credential::Token(token) => Some(token.id.uuid()),
            Credential::Key(_) | Credential::Session(_) | Credential::Standing => {
                self.principal().map(|it| it.id.uuid())
            }
        }
    }
}

impl Trust {
    /// Writes what these requests leave, in one statement for all nonces and one for all names. Gives those that may take
    /// no effect, by their places: replays, keys that were given up, names that another request has.
    pub async fn stamp_all(
        &self,
        tx: &mut Tx,
        stamps: &[&Stamp],
    ) -> Result<BTreeMap<usize, Error>, Error> {
        let mut refused = self.spend_all(tx, stamps).await?;
        let named = stamps.iter().enumerate().filter(|(at, _)| !refused.contains_key(at));
        let named: Vec<_> =
            named.filter_map(|(at, it)| it.named.as_ref().map(|it| (at, it))).collect();
        refused.extend(self.name_all(tx, &named).await?);
        Ok(refused)
    }

    /// Takes the names back of requests that took no effect: they may be made anew under them.
    pub async fn unname_all(&self, tx: &mut Tx, stamps: &[Stamp]) -> Result<(), Error> {
        let named: Vec<_> = stamps.iter().filter_map(|it| it.named.as_ref()).collect();
        if named.is_empty() {
            return Ok(());
        }
        Ok(store::unname(tx, &named).await?)
    }

    async fn spend_all(
        &self,
        tx: &mut Tx,
        stamps: &[&Stamp],
    ) -> Result<BTreeMap<usize, Error>, Error> {
        let now = self.0.clock.now();
        // Whoever waited for long is past the time in which the signature would be believed once more.
        let live = |it: &&Spent| it.ends >= now;
        let all = stamps.iter().enumerate();
        let all: Vec<_> =
            all.filter_map(|(at, it)| it.nonce.as_ref().filter(live).map(|it| (at, it))).collect();
        if all.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.0.nonces.sweep(tx, now).await?;
        let mut first = BTreeMap::new();
        for (_, it) in &all {
            first.entry((it.key, &*it.nonce)).or_insert(*it);
        }
        let taken = store::spend(tx, first.values().copied()).await?;
        let left: Vec<_> = all.into_iter().filter(|(_, it)| !taken.contains(&it.request)).collect();
        if left.is_empty() {
            return Ok(BTreeMap::new());
        }
        let keys: BTreeSet<_> = left.iter().map(|(_, it)| it.key).collect();
        let keys = store::live_keys(tx, &keys).await?;
        let why = |it: &Spent| {
            let lives = keys.contains(&it.key.uuid());
            if lives { Error::Replayed } else { Error::Unauthenticated }
        };
        Ok(left.into_iter().map(|(at, it)| (at, why(it))).collect())
    }

    async fn name_all(
        &self,
        tx: &mut Tx,
        named: &[(usize, &UnderWay)],
    ) -> Result<BTreeMap<usize, Error>, Error> {
        if named.is_empty() {
            return Ok(BTreeMap::new());
        }
        let full = store::full(tx, named.iter().map(|(_, it)| it.principal)).await?;
        let mut first = BTreeMap::new();
        for (_, it) in named.iter().filter(|(_, it)| !full.contains(&it.principal.uuid())) {
            first.entry(it.place()).or_insert(*it);
        }
        let (now, then) = (self.0.clock.now(), self.oldest_repeatable());
        let taken = store::name(tx, first.values().copied(), now, then).await?;
        let why = |it: &UnderWay| {
            let is_full = full.contains(&it.principal.uuid());
            if is_full { Error::TooManyRemembered } else { Error::AnswerNotKept }
        };
        let left = named.iter().filter(|(_, it)| !taken.contains(&it.request));
        Ok(left.map(|(at, it)| (*at, why(it))).collect())
    }
}
