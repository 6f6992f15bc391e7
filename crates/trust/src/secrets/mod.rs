//! Secrets that a publisher shows to others, or signs with (`spec/trust.md` 5, Outgoing secrets, Sealing).
//!
//! They lie sealed, no read gives one back, and nobody's is used for anybody else: where there is no active one, there
//! is none.
//!
//! | file       | what is there                                                              |
//! |------------|----------------------------------------------------------------------------|
//! | `mod.rs`   | [`PublisherSecret`]: made, rotated, ended; the doors for those who send        |
//! | `value.rs` | [`SecretKind`]: how a secret of a kind looks                                  |
//! | `store.rs` | the SQL                                                                    |

pub(crate) mod store;
mod value;

use std::time::Duration;

use db::Tx;
use keys::{Place, Sealed};
use names::{Id, Secret, UnixMillis};

use crate::{
    Allowed, Error, Principal, Publisher, Trust, act,
    audit::{Chain, Entry, Noted, On},
};
pub(crate) use store::STATEMENTS;
pub use value::SecretKind;

/// How long the old secret is good beside the new one unless asked; and the longest that one may wait or overlap.
const OVERLAP: (Duration, Duration) = (Duration::from_hours(24), Duration::from_hours(7 * 24));
/// The column under which a value is sealed.
const COLUMN: &str = "sealed_value";
/// Characters by which a secret is told apart.
const LAST: usize = 4;

/// A secret, as those see it who manage it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherSecret {
    /// The row.
    pub id: Id<PublisherSecret>,
    /// What it is for.
    pub kind: SecretKind,
    /// Its last four characters.
    pub last4: String,
    /// When it is first used.
    pub activate_at: UnixMillis,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends, if it was rotated.
    pub expires_at: Option<UnixMillis>,
}

/// A secret that was just made: the only moment at which it can be read.
pub struct MadeSecret {
    /// The whole, if Motet made it. Whoever brought one knows it.
    pub value: Option<Secret<String>>,
    /// The row.
    pub secret: PublisherSecret,
}

/// What a secret is to be.
#[derive(Clone, Default)]
pub struct NewSecret {
    /// The whole, if it is brought along.
    pub value: Option<Secret<String>>,
    /// How long it waits until it is used.
    pub activate_in: Duration,
    /// How long the old one is good after that; a day if nothing is said.
    pub overlap: Option<Duration>,
}

/// A secret as it lies in its row.
struct Stored {
    secret: PublisherSecret,
    sealed: Sealed,
}

impl Trust {
    /// The live secrets of a publisher, newest first: all that can be read of them.
    pub async fn publisher_secrets(
        &self,
        allowed: &Allowed<act::PublisherRead, Publisher>,
    ) -> Result<Vec<PublisherSecret>, Error> {
        let (mut tx, now) = (self.0.db.glance().await?, self.0.clock.now());
        let found = store::live(&mut tx, allowed.resource().organization.id, now).await?;
        Ok(found.into_iter().map(|it| it.secret).collect())
    }

    /// Makes the first secret of a kind.
    pub async fn create_secret(
        &self,
        allowed: &Allowed<act::SecretRotate, Publisher>,
        kind: SecretKind,
        new: NewSecret,
    ) -> Result<MadeSecret, Error> {
        let (publisher, actor) = (allowed.resource(), allowed.actor());
        let mut tx = self.begin_on_publisher(allowed).await?;
        let id = publisher.organization.id;
        if !of_kind(&mut tx, id, kind, self.0.clock.now()).await?.is_empty() {
            return Err(Error::SecretExists);
        }
        let activate_at = self.activation(&new)?;
        let made = self.make_secret(&mut tx, id, kind, new.value, activate_at).await?;
        let entry = noted(Noted::SecretCreated, actor, &made.secret);
        self.note(&mut tx, Chain::of(id), entry).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Puts another secret in the place of the present one, which stays good for a while. At most two live: what was
    /// before the present one ends at once.
    pub async fn rotate_secret(
        &self,
        allowed: &Allowed<act::SecretRotate, Publisher>,
        kind: SecretKind,
        new: NewSecret,
    ) -> Result<MadeSecret, Error> {
        let overlap = new.overlap.unwrap_or(OVERLAP.0);
        if overlap > OVERLAP.1 {
            return Err(too_long("/overlap_seconds"));
        }
        let (publisher, actor) = (allowed.resource(), allowed.actor());
        let mut tx = self.begin_on_publisher(allowed).await?;
        let (id, now) = (publisher.organization.id, self.0.clock.now());
        let live = of_kind(&mut tx, id, kind, now).await?;
        let (old, older) = live.split_first().ok_or(Error::NoSuchThing)?;
        for it in older {
            store::revoke(&mut tx, it.secret.id, now).await?;
        }
        let activate_at = self.activation(&new)?;
        store::end_by(&mut tx, old.secret.id, activate_at.plus(overlap)).await?;
        let made = self.make_secret(&mut tx, id, kind, new.value, activate_at).await?;
        let entry = noted(Noted::SecretRotated, actor, &made.secret);
        let entry = entry.with("instead_of", old.secret.id.to_string());
        self.note(&mut tx, Chain::of(id), entry).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Ends a secret of that kind, at once and everywhere.
    pub async fn revoke_secret(
        &self,
        allowed: &Allowed<act::SecretRevoke, Publisher>,
        kind: SecretKind,
        id: Id<PublisherSecret>,
    ) -> Result<(), Error> {
        let (publisher, now) = (allowed.resource(), self.0.clock.now());
        let mut tx = self.begin_on_publisher(allowed).await?;
        let live = of_kind(&mut tx, publisher.organization.id, kind, now).await?;
        let found = live.iter().find(|it| it.secret.id == id).ok_or(Error::NoSuchThing)?;
        store::revoke(&mut tx, id, now).await?;
        let entry = noted(Noted::SecretRevoked, allowed.actor(), &found.secret);
        self.note(&mut tx, Chain::of(publisher.organization.id), entry).await?;
        Ok(tx.commit().await?)
    }

    /// The one bearer that calls of this publisher carry now. There is none but its own: without an active one the call
    /// waits.
    pub async fn active_bearer(
        &self,
        tx: &mut Tx,
        publisher: Id<Principal>,
    ) -> Result<Secret<String>, Error> {
        let active = self.active(tx, publisher, SecretKind::SubcommandBearer).await?;
        // The newest of those whose time has come: an old one is presented until then.
        active.into_iter().next().ok_or(Error::NoActiveSecret)
    }

    /// What deliveries of this publisher are signed with now, the newest first: each gives one signature.
    pub async fn active_signing_secrets(
        &self,
        tx: &mut Tx,
        publisher: Id<Principal>,
    ) -> Result<Vec<Secret<String>>, Error> {
        let active = self.active(tx, publisher, SecretKind::WebhookSigning).await?;
        if active.is_empty() { Err(Error::NoActiveSecret) } else { Ok(active) }
    }

    async fn active(
        &self,
        tx: &mut Tx,
        publisher: Id<Principal>,
        kind: SecretKind,
    ) -> Result<Vec<Secret<String>>, Error> {
        let now = self.0.clock.now();
        let live = of_kind(tx, publisher, kind, now).await?;
        let active = live.iter().filter(|it| it.secret.activate_at <= now);
        active.map(|it| self.opened(it)).collect()
    }

    /// Makes a row, in the transaction of whatever it is made for.
    pub(crate) async fn make_secret(
        &self,
        tx: &mut Tx,
        publisher: Id<Principal>,
        kind: SecretKind,
        brought: Option<Secret<String>>,
        activate_at: UnixMillis,
    ) -> Result<MadeSecret, Error> {
        let now = self.0.clock.now();
        let (value, is_ours) = match brought {
            Some(value) => {
                let fault = |message| Error::Invalid { pointer: "/value", message };
                kind.check(value.expose()).map_err(|sentence| fault(sentence.to_owned()))?;
                (value, false)
            }
            None => (kind.generate(&self.0.random), true),
        };
        let text = value.expose();
        let secret = PublisherSecret {
            id: Id::new(now, &self.0.random),
            kind,
            last4: text.get(text.len().saturating_sub(LAST)..).unwrap_or_default().to_owned(),
            activate_at,
            created_at: now,
            expires_at: None,
        };
        let (seals, row) = (self.signing_keys()?.sealer(), secret.id.to_string());
        let sealed = seals.seal(&self.0.random, place(&row), text.as_bytes());
        store::add(tx, publisher, &secret, (seals.key_id(), &sealed)).await?;
        Ok(MadeSecret { value: is_ours.then_some(value), secret })
    }

    fn opened(&self, stored: &Stored) -> Result<Secret<String>, Error> {
        let row = stored.secret.id.to_string();
        let opened = self.signing_keys()?.sealer().open(place(&row), &stored.sealed);
        let corrupt = db::Error::corrupt("secrets.sealed_value");
        let opened = opened.map_err(corrupt)?;
        let text = std::str::from_utf8(opened.expose());
        let text = text.map_err(db::Error::corrupt("secrets.sealed_value"))?;
        Ok(Secret::new(text.to_owned()))
    }

    fn activation(&self, new: &NewSecret) -> Result<UnixMillis, Error> {
        if new.activate_in > OVERLAP.1 {
            return Err(too_long("/activate_in_seconds"));
        }
        Ok(self.0.clock.now().plus(new.activate_in))
    }
}

async fn of_kind(
    tx: &mut Tx,
    publisher: Id<Principal>,
    kind: SecretKind,
    now: UnixMillis,
) -> Result<Vec<Stored>, Error> {
    let mut live = store::live(tx, publisher, now).await?;
    live.retain(|it| it.secret.kind == kind);
    Ok(live)
}

/// Where a value lies: it opens nowhere else.
pub(crate) const fn place(row: &str) -> Place<'_> {
    Place { table: "secrets", column: COLUMN, row }
}

fn too_long(pointer: &'static str) -> Error {
    Error::Invalid { pointer, message: "at most 604800 seconds, which are seven days".to_owned() }
}

fn noted(action: Noted, actor: &crate::Actor, secret: &PublisherSecret) -> Entry {
    Entry::done(action, actor, On::new("secret", secret.id)).with("kind", secret.kind.as_str())
}
