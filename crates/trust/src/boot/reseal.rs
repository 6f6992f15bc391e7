//! What is sealed goes under another install key (`spec/trust.md` 5, Sealing). No server runs meanwhile.

use db::{Db, Tx};
use keys::{CannotOpen, InstallKey, Place, Sealed, Sealer};
use names::{Clock, Random};

use super::{SAMPLE, hex, set_state_from, state};
use crate::{
    Error,
    audit::{self, Chain, Entry, Noted, On, Who},
    remotes, secrets, signing_keys,
};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resealed {
    /// So many values lie under the new key now.
    Done(u64),
    /// They did before.
    Already,
    /// The data was made with neither key.
    WrongKey,
}

/// Opens everything with `old` and seals it with `new`, in one transaction: after a crash the data is under one of the
/// two keys, whole. `others` does it for what other rooms have sealed, and gives how many values that were.
pub async fn reseal(
    db: &Db,
    (clock, random): (&Clock, &Random),
    (old, new): (&InstallKey, &InstallKey),
    others: impl AsyncFnOnce(&mut Tx, &Resealer<'_>) -> Result<u64, Error>,
) -> Result<Resealed, Error> {
    let mut tx = db.write().await?;
    // Nothing was ever sealed here.
    let Some(stored) = state(&mut tx, SAMPLE).await? else { return Ok(Resealed::WrongKey) };
    let sample: names::Digest =
        stored.parse().map_err(db::Error::corrupt("install_state.value"))?;
    if new.check_sample(sample.as_bytes()) {
        return Ok(Resealed::Already);
    }
    if !old.check_sample(sample.as_bytes()) {
        return Ok(Resealed::WrongKey);
    }
    let between = Resealer { old: Sealer::new(old), new: Sealer::new(new), random };
    let own = between.keys(&mut tx).await?
        + between.secrets(&mut tx).await?
        + between.remotes(&mut tx).await?;
    let count = own + others(&mut tx, &between).await?;
    // A server that was started meanwhile has taken the old key: it would not open what it finds.
    if !set_state_from(&mut tx, SAMPLE, Some(&stored), &hex(&new.sample())).await? {
        return Ok(Resealed::WrongKey);
    }
    let changed = Entry::done(Noted::InstallKeyChanged, Who::INSTALL, On::install());
    let changed = changed
        .with("from", between.old.key_id())
        .with("to", between.new.key_id())
        .with("values", count);
    audit::note(&mut tx, clock, random, Chain::INSTALL, changed).await?;
    tx.commit().await?;
    tracing::info!(values = count, "what is sealed lies under another install key now");
    Ok(Resealed::Done(count))
}

/// From one key to another.
pub struct Resealer<'a> {
    old: Sealer,
    new: Sealer,
    random: &'a Random,
}

impl std::fmt::Debug for Resealer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "from {} to {}", self.old.key_id(), self.new.key_id())
    }
}

impl Resealer<'_> {
    /// The name of the key from now on.
    pub fn key_id(&self) -> &str {
        self.new.key_id()
    }

    /// The install's own keys: a handful.
    async fn keys(&self, tx: &mut Tx) -> Result<u64, Error> {
        let found = signing_keys::store::sealed(tx).await?;
        let count = found.len() as u64;
        for (kid, key_id, sealed) in found {
            let sealed = Sealed::from_bytes(&sealed)
                .and_then(|it| self.reseal(&key_id, signing_keys::place(&kid), &it))
                .map_err(db::Error::corrupt("signing_keys.sealed_private"))?;
            let sealed = sealed.to_bytes();
            signing_keys::store::reseal(tx, &kid, self.new.key_id(), &sealed).await?;
        }
        Ok(count)
    }

    /// The secrets of publishers: a few for each.
    async fn secrets(&self, tx: &mut Tx) -> Result<u64, Error> {
        let found = secrets::store::sealed(tx).await?;
        let count = found.len() as u64;
        for (id, key_id, sealed) in found {
            let sealed = self
                .reseal(&key_id, secrets::place(&id.to_string()), &sealed)
                .map_err(db::Error::corrupt("secrets.sealed_value"))?;
            secrets::store::reseal(tx, id, self.new.key_id(), &sealed).await?;
        }
        Ok(count)
    }

    /// What imports and mirrors show to other servers: one for each at most.
    async fn remotes(&self, tx: &mut Tx) -> Result<u64, Error> {
        let found = remotes::store::sealed(tx).await?;
        let count = found.len() as u64;
        for (id, key_id, sealed) in found {
            let sealed = self
                .reseal(&key_id, remotes::place(&id.to_string()), &sealed)
                .map_err(db::Error::corrupt("remote_credentials.sealed_value"))?;
            remotes::store::reseal(tx, id, self.new.key_id(), &sealed).await?;
        }
        Ok(count)
    }

    /// The same value under the new key; `key_id` names the one that it lies under.
    pub fn reseal(
        &self,
        key_id: &str,
        place: Place<'_>,
        sealed: &Sealed,
    ) -> Result<Sealed, CannotOpen> {
        if key_id != self.old.key_id() {
            return Err(CannotOpen);
        }
        let opened = self.old.open(place, sealed)?;
        Ok(self.new.seal(self.random, place, opened.expose()))
    }
}
