//! The keys of an account: listed, noted when used, given up (`spec/trust.md` 2).
//!
//! A key that was given up stays as a row, so that what it signed can be judged later and nobody registers it again.

mod signers;
mod store;

use std::time::Duration;

use db::Tx;
use keys::Fingerprint;
use names::{Id, UnixMillis};

use crate::{
    Account, Allowed, Error, Key, Kind, Principal, RevokeReason, Trust, act,
    audit::{Entry, Noted, On},
    sessions, store as rows, tokens,
};
pub use signers::{Signer, signers};
pub(crate) use store::STATEMENTS;

/// How old the note of the last use may be.
const USE_NOTED_EVERY: Duration = Duration::from_mins(5);

/// How an address names a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyName {
    /// By its row.
    Id(Id<Key>),
    /// By its fingerprint.
    Fingerprint(Fingerprint),
}

impl std::str::FromStr for KeyName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let by_id = text.parse().map(Self::Id);
        by_id.or_else(|_| text.parse().map(Self::Fingerprint).map_err(|_| Error::NoSuchThing))
    }
}

impl KeyName {
    fn names(self, key: &Key) -> bool {
        match self {
            Self::Id(id) => key.id == id,
            Self::Fingerprint(fingerprint) => key.fingerprint == fingerprint,
        }
    }
}

impl Trust {
    /// The keys of an account, oldest first, ended ones too.
    pub async fn all_keys(
        &self,
        allowed: &Allowed<act::KeyRead, Account>,
    ) -> Result<Vec<Key>, Error> {
        let mut tx = self.0.db.glance().await?;
        Ok(rows::keys(&mut tx, allowed.resource().principal.id).await?)
    }

    /// Gives a key up: from this moment nothing that it signs is believed. Sessions that were opened with it end, and what
    /// Git was given on its word; if somebody else may have it, so do all the tokens that were made with it. `since` is from when somebody else may have
    /// had it, for judging what it signed.
    ///
    /// Given up again, a retired key may be called compromised; the other way round nothing changes.
    pub async fn revoke_key(
        &self,
        allowed: &Allowed<act::KeyRevoke, Account>,
        name: KeyName,
        reason: RevokeReason,
        since: Option<UnixMillis>,
    ) -> Result<Key, Error> {
        let (now, owner) = (self.0.clock.now(), &allowed.resource().principal);
        // Held: of two that give up the last two keys at once, the second sees what the first has done.
        let mut tx = self.begin_on(allowed).await?;
        let all = rows::keys(&mut tx, owner.id).await?;
        let key = all.iter().find(|it| name.names(it)).ok_or(Error::NoSuchThing)?.clone();
        if key
            .revoked
            .is_some_and(|(_, before)| before == reason || reason == RevokeReason::Retired)
        {
            return Ok(key);
        }
        if key.revoked.is_none() && owner.kind == Kind::Person {
            self.keep_a_way_in(&mut tx, owner.id).await?;
        }
        let by = allowed.actor().principal().map(|it| it.id);
        let revoked_at = key.revoked.map_or(now, |(at, _)| at);
        store::revoke(&mut tx, key.id, revoked_at, by, reason, since.map(|it| it.min(now))).await?;
        sessions::end_of_key(&mut tx, key.id, now).await?;
        match reason {
            RevokeReason::Compromised => drop(tokens::end_of_key(&mut tx, key.id, now).await?),
            RevokeReason::Retired => tokens::end_helpers_of_key(&mut tx, key.id, now).await?,
        }
        let revoked = Entry::done(Noted::KeyRevoked, allowed.actor(), On::new("key", key.id))
            .with("principal", owner.id.to_string())
            .with("fingerprint", key.fingerprint.to_string())
            .with("reason", reason.as_str());
        let chain = self.chain_of_account(&mut tx, allowed.resource()).await?;
        self.note(&mut tx, chain, revoked).await?;
        tx.commit().await?;
        tracing::info!(handle = %owner.handle, key = %key.fingerprint, reason = reason.as_str(), "key revoked");
        Ok(Key { revoked: Some((revoked_at, reason)), ..key })
    }

    /// Refuses to take the last way in from a person. Whoever asks holds the namespace, so that of two that take the last
    /// two at once the second sees what the first has done.
    pub(crate) async fn keep_a_way_in(
        &self,
        tx: &mut Tx,
        person: Id<Principal>,
    ) -> Result<(), Error> {
        let providers = self.0.settings.elsewhere.providers();
        if rows::ways_in(tx, person, &providers).await? <= 1 {
            return Err(Error::LastKey);
        }
        Ok(())
    }

    /// Remembers that a key is used. Nothing waits for it, and nothing depends on it.
    pub(crate) fn note_key(&self, key: &Key, now: UnixMillis) {
        if key.last_used_at.is_some_and(|at| at.plus(USE_NOTED_EVERY) > now) {
            return;
        }
        let (trust, id) = (self.clone(), key.id);
        tokio::spawn(async move {
            if let Err(error) = store::note_use(&trust.0.db, id, now).await {
                tracing::warn!(%error, "the last use of a key could not be noted");
            }
        });
    }
}
