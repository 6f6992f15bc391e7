//! The key that signs sessions changes every ninety days, or when somebody asks for it (`spec/trust.md` 6, Life); the
//! server's own when somebody asks.

use std::time::Duration;

use db::Tx;
use names::UnixMillis;

use super::{Purpose, Status, VerifyingKey, store};
use crate::{
    Allowed, Anything, Error, Trust, act,
    audit::{Chain, Entry, Noted, On, Who},
};

/// How long a key signs sessions.
const SIGNS: Duration = Duration::from_hours(90 * 24);
/// How long what it signed is good after that: as long as any session.
const VERIFIES: Duration = Duration::from_hours(7 * 24);

/// A key that took the place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The key that signs from now on.
    pub key: VerifyingKey,
    /// Until when what the one before has signed is good; nothing if that is for good.
    pub old_until: Option<UnixMillis>,
}

impl Trust {
    /// Lets another key sign sessions from now on; the present one verifies for seven days more.
    pub async fn rotate_session_key(
        &self,
        allowed: &Allowed<act::ConfigWrite, Anything>,
    ) -> Result<Rotated, Error> {
        let mut tx = self.begin(allowed.actor()).await?;
        let who = Who::from(allowed.actor());
        let rotated = self.rotate_key(&mut tx, Purpose::Session, who).await?;
        tx.commit().await?;
        Ok(rotated)
    }

    /// Lets another key sign the commits that the server makes and seal the logs of refs. What the present one has signed
    /// is good as before; in each log the change is an entry of its own (`spec/wire.md` 8).
    pub async fn rotate_server_key(
        &self,
        allowed: &Allowed<act::ConfigWrite, Anything>,
    ) -> Result<Rotated, Error> {
        let mut tx = self.begin(allowed.actor()).await?;
        // One that never signed is made and replaced, so that the answer is what was asked for.
        self.signing_keys()?.active(&mut tx, Purpose::Server).await?;
        let who = Who::from(allowed.actor());
        let rotated = self.rotate_key(&mut tx, Purpose::Server, who).await?;
        tx.commit().await?;
        Ok(rotated)
    }

    /// Does what the time has come for: a key that has signed sessions for ninety days is replaced, and one that does
    /// not even verify any more is of the past.
    pub async fn rotate_due_session_key(&self) -> Result<Option<Rotated>, Error> {
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        store::retire(&mut tx, Purpose::Session, now.minus(VERIFIES)).await?;
        let keys = store::list(&mut tx, Purpose::Session).await?;
        let is_due =
            |it: &VerifyingKey| it.status == Status::Active && it.created_at.plus(SIGNS) <= now;
        let rotated = if keys.iter().any(is_due) {
            Some(self.rotate_key(&mut tx, Purpose::Session, Who::INSTALL).await?)
        } else {
            None
        };
        tx.commit().await?;
        Ok(rotated)
    }

    async fn rotate_key(&self, tx: &mut Tx, purpose: Purpose, who: Who) -> Result<Rotated, Error> {
        let key = self.signing_keys()?.rotate(tx, purpose).await?.public().clone();
        let changed = Entry::done(Noted::SigningKeyRotated, who, On::new("signing_key", &key.kid));
        let changed = changed.with("purpose", key.purpose.as_str());
        self.note(tx, Chain::INSTALL, changed).await?;
        tracing::info!(kid = key.kid, purpose = purpose.as_str(), "another key signs");
        let old_until = match purpose {
            Purpose::Session => Some(self.0.clock.now().plus(VERIFIES)),
            Purpose::Audit | Purpose::Provenance | Purpose::Server => None,
        };
        Ok(Rotated { key, old_until })
    }
}
