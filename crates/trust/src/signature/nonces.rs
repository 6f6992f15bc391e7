//! Nonces: a signed request that changes something works once.
//!
//! Memory decides at once. The row is written by [`Nonces::spend`] in the first transaction of the request, so a
//! committed effect never outlives its nonce; rows that are still live are loaded at boot. Where several processes
//! share a database, the row's key decides between them.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use db::Tx;
use keys::Nonce;
use names::{Id, UnixMillis};

use super::store;
use crate::{Actor, Error, Key};

/// Live nonces of one key: 30 s at 600 requests a second.
const MAX_A_KEY: usize = 20_000;
/// Live nonces of a process: bounds the memory at about 32 MiB.
const MAX_LIVE: usize = 262_144;
/// Rows that ended are deleted at most this often, by a request that writes anyway.
const SWEEP_EVERY_MS: i64 = 60_000;

type Used = (Id<Key>, Box<str>);

#[derive(Debug, Default)]
struct Live {
    used: HashSet<Used>,
    by_end: BTreeSet<(UnixMillis, Id<Key>, Box<str>)>,
    by_key: HashMap<Id<Key>, usize>,
}

/// The nonces that cannot be used again.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    live: Mutex<Live>,
    swept_at: AtomicI64,
}

impl Nonces {
    /// Loads what an earlier process accepted and committed.
    pub(crate) async fn load(tx: &mut Tx, now: UnixMillis) -> Result<Self, Error> {
        let nonces = Self::default();
        for (key, nonce, ends) in store::live_nonces(tx, now).await? {
            nonces.locked().insert(key, nonce, ends);
        }
        Ok(nonces)
    }

    /// Takes a nonce, once.
    pub(crate) fn accept(
        &self,
        key: Id<Key>,
        nonce: &Nonce,
        ends: UnixMillis,
        now: UnixMillis,
    ) -> Result<(), Error> {
        let mut live = self.locked();
        live.forget_ended(now);
        if live.used.contains(&(key, nonce.as_str().into())) {
            return Err(Error::Replayed);
        }
        if live.by_key.get(&key).is_some_and(|count| *count >= MAX_A_KEY) {
            return Err(Error::TooManyNonces);
        }
        if live.used.len() >= MAX_LIVE {
            return Err(Error::NonceStoreFull);
        }
        live.insert(key, nonce.as_str().into(), ends);
        Ok(())
    }

    /// Writes the actor's nonce into `tx`, unless an earlier transaction of the same request did.
    pub(crate) async fn spend(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        now: UnixMillis,
    ) -> Result<(), Error> {
        let Some(proof) = actor.proof() else { return Ok(()) };
        let Some(nonce) = &proof.nonce else { return Ok(()) };
        self.sweep(tx, now).await?;
        if store::spend(tx, proof.key_id, nonce.as_str(), proof.request, proof.nonce_ends).await? {
            proof.mark_spent();
            Ok(())
        } else if store::key_lives(tx, proof.key_id).await? {
            Err(Error::Replayed)
        } else {
            // Given up since the request began: nothing of it takes effect any more.
            Err(Error::Unauthenticated)
        }
    }

    /// Forgets rows that ended, if that was not done for a while.
    pub(crate) async fn sweep(&self, tx: &mut Tx, now: UnixMillis) -> Result<(), Error> {
        if now.0 - self.swept_at.load(Ordering::Relaxed) >= SWEEP_EVERY_MS {
            store::delete_ended(tx, now).await?;
            self.swept_at.store(now.0, Ordering::Relaxed);
        }
        Ok(())
    }

    /// A panic while the lock was held cannot leave the set half-changed in a way that forgets a nonce.
    fn locked(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn insert(&mut self, key: Id<Key>, nonce: Box<str>, ends: UnixMillis) {
        self.by_end.insert((ends, key, nonce.clone()));
        self.used.insert((key, nonce));
        *self.by_key.entry(key).or_default() += 1;
    }

    fn forget_ended(&mut self, now: UnixMillis) {
        while self.by_end.first().is_some_and(|(ends, ..)| *ends < now) {
            let Some((_, key, nonce)) = self.by_end.pop_first() else { return };
            self.used.remove(&(key, nonce));
            if let Some(count) = self.by_key.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    self.by_key.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use names::Random;

    use super::*;

    #[test]
    fn a_nonce_works_once_and_is_forgotten_after_its_end() {
        let (nonces, random) = (Nonces::default(), Random::seeded(1));
        let (key, other) = (Id::new(UnixMillis(0), &random), Id::new(UnixMillis(0), &random));
        let nonce = Nonce::generate(&random);
        let (now, ends) = (UnixMillis(1_000), UnixMillis(32_000));
        nonces.accept(key, &nonce, ends, now).unwrap();
        assert!(matches!(nonces.accept(key, &nonce, ends, ends), Err(Error::Replayed)));
        nonces.accept(other, &nonce, ends, now).unwrap();
        nonces.accept(key, &nonce, UnixMillis(70_000), UnixMillis(32_001)).unwrap();
        assert_eq!(nonces.locked().used.len(), 1);
        assert_eq!(nonces.locked().by_key.len(), 1);
    }

    #[test]
    fn one_key_cannot_fill_the_store() {
        let (nonces, random) = (Nonces::default(), Random::seeded(1));
        let (key, other) = (Id::new(UnixMillis(0), &random), Id::new(UnixMillis(0), &random));
        let accept =
            |key| nonces.accept(key, &Nonce::generate(&random), UnixMillis(9), UnixMillis(1));
        for _ in 0..MAX_A_KEY {
            accept(key).unwrap();
        }
        assert!(matches!(accept(key), Err(Error::TooManyNonces)));
        accept(other).unwrap();
    }
}
