//! What deliveries of a subscription are signed with (`spec/webhooks.md` 3, Rotation).
//!
//! The newest has no end; the one before it signs beside it until its own. A value lies sealed under the install key, for
//! its row alone.

use std::{collections::HashMap, time::Duration};

use super::{Hooked, ShownWebhook, Webhook, store};
use crate::{Error, Hooks, SigningSecret};
use db::Tx;
use keys::{Place, Sealed};
use names::{Id, UnixMillis};
use trust::{
    Allowed, Resealer,
    audit::{Entry, Noted, On},
};

/// How long the old secret signs beside the new one unless asked; and the longest.
const OVERLAP: (Duration, Duration) = (Duration::from_hours(24), Duration::from_hours(7 * 24));
/// Active secrets of one subscription.
const MOST: usize = 2;
/// The column under which a value is sealed.
const COLUMN: &str = "sealed_value";

/// A secret, as those see it who manage it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSecret {
    /// The row.
    pub id: Id<ShownSecret>,
    /// Its last four characters.
    pub last4: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends, if another one took its place.
    pub expires_at: Option<UnixMillis>,
}

/// A secret as it lies in its row.
pub(crate) struct Stored {
    pub(crate) webhook: Id<Webhook>,
    pub(crate) shown: ShownSecret,
    pub(crate) sealed: Sealed,
}

fn place(row: &str) -> Place<'_> {
    Place { table: "webhook_secrets", column: COLUMN, row }
}

/// The active secrets of subscriptions, the newest of each first.
pub(crate) async fn shown(
    tx: &mut Tx,
    of: &[Id<Webhook>],
    now: UnixMillis,
) -> Result<HashMap<Id<Webhook>, Vec<ShownSecret>>, db::Error> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for stored in store::secrets(tx, of, now).await? {
        found.entry(stored.webhook).or_default().push(stored.shown);
    }
    Ok(found)
}

/// Seals what this room has sealed under another install key, in the caller's transaction; gives how many values that
/// were.
pub async fn reseal(tx: &mut Tx, between: &Resealer<'_>) -> Result<u64, trust::Error> {
    let found = store::sealed(tx).await?;
    let count = found.len() as u64;
    for (id, key_id, sealed) in found {
        let row = id.to_string();
        let sealed = between
            .reseal(&key_id, place(&row), &sealed)
            .map_err(db::Error::corrupt("webhook_secrets.sealed_value"))?;
        store::set_sealed(tx, id, between.key_id(), &sealed).await?;
    }
    Ok(count)
}

impl Hooks {
    /// Adds a secret; the one before it signs beside it for a while. Of the two answers this one shows it.
    pub async fn add_secret<R: Hooked>(
        &self,
        allowed: &Allowed<R::Write, R>,
        id: Id<Webhook>,
        overlap: Option<Duration>,
        brought: Option<SigningSecret>,
    ) -> Result<(ShownWebhook, SigningSecret), Error> {
        let overlap = overlap.unwrap_or(OVERLAP.0);
        if overlap > OVERLAP.1 {
            let message = "at most 604800 seconds, which are seven days".to_owned();
            return Err(Error::Invalid { field: "overlap_seconds", message });
        }
        let realm = allowed.resource().realm();
        let mut tx = self.begin(allowed).await?;
        let webhook = self.found(&mut tx, realm, id).await?.own()?;
        let now = self.0.clock.now();
        let active = store::secrets(&mut tx, &[id], now).await?;
        if active.len() >= MOST {
            return Err(Error::TooManySecrets);
        }
        if let Some(old) = active.first() {
            store::end_secret(&mut tx, old.shown.id, Some(now.plus(overlap))).await?;
        }
        let secret = brought.unwrap_or_else(|| SigningSecret::generate(&self.0.random));
        let made = self.add_sealed(&mut tx, id, &secret).await?;
        let entry = Entry::done(Noted::WebhookUpdated, allowed.actor(), On::new("webhook", id))
            .with("host", webhook.host())
            .with("secret_added", made.id.to_string());
        self.note(&mut tx, allowed, entry).await?;
        let shown = self.shown(&mut tx, realm, id).await?;
        tx.commit().await?;
        Ok((shown, secret))
    }

    /// Ends a secret at once. The one that is left has no end.
    pub async fn remove_secret<R: Hooked>(
        &self,
        allowed: &Allowed<R::Write, R>,
        id: Id<Webhook>,
        secret: Id<ShownSecret>,
    ) -> Result<(), Error> {
        let mut tx = self.begin(allowed).await?;
        let webhook = self.found(&mut tx, allowed.resource().realm(), id).await?.own()?;
        let active = store::secrets(&mut tx, &[id], self.0.clock.now()).await?;
        let (ends, stay): (Vec<_>, Vec<_>) = active.iter().partition(|it| it.shown.id == secret);
        if ends.is_empty() {
            return Err(Error::NotFound);
        }
        let Some(left) = stay.first() else { return Err(Error::LastSecret) };
        store::remove_secret(&mut tx, secret).await?;
        store::end_secret(&mut tx, left.shown.id, None).await?;
        let entry = Entry::done(Noted::WebhookUpdated, allowed.actor(), On::new("webhook", id))
            .with("host", webhook.host())
            .with("secret_removed", secret.to_string());
        self.note(&mut tx, allowed, entry).await?;
        Ok(tx.commit().await?)
    }

    /// What a delivery is signed with now, the newest first. None where there is no active one: then nothing is sent.
    pub(crate) async fn signing_secrets(
        &self,
        tx: &mut Tx,
        id: Id<Webhook>,
    ) -> Result<Vec<SigningSecret>, Error> {
        let active = store::secrets(tx, &[id], self.0.clock.now()).await?;
        active.iter().map(|it| self.unsealed(it)).collect()
    }

    fn unsealed(&self, stored: &Stored) -> Result<SigningSecret, Error> {
        let corrupt = "webhook_secrets.sealed_value";
        let opened = self.0.trust.unseal(place(&stored.shown.id.to_string()), &stored.sealed)?;
        let text = std::str::from_utf8(opened.expose()).map_err(db::Error::corrupt(corrupt))?;
        let secret = SigningSecret::parse(text.to_owned());
        Ok(secret.map_err(db::Error::corrupt(corrupt))?)
    }

    pub(super) async fn add_sealed(
        &self,
        tx: &mut Tx,
        webhook: Id<Webhook>,
        secret: &SigningSecret,
    ) -> Result<ShownSecret, Error> {
        let now = self.0.clock.now();
        let shown = ShownSecret {
            id: Id::new(now, &self.0.random),
            last4: secret.last4(),
            created_at: now,
            expires_at: None,
        };
        let row = shown.id.to_string();
        let (key_id, sealed) = self.0.trust.seal(place(&row), secret.expose().as_bytes())?;
        store::add_secret(tx, webhook, &shown, (&key_id, &sealed)).await?;
        Ok(shown)
    }
}
