//! Subscriptions that something else makes and changes: the webhook of a version of a pipeline (`spec/webhooks.md` 1).
//!
//! They stand in the publisher's list, and their deliveries are looked at and sent again as all others. They have no
//! secrets of their own: deliveries are signed with those of the publisher. They do not count among the twenty.

use db::Tx;
use names::Id;
use trust::Principal;
use uuid::Uuid;

use super::{State, Webhook, Wishes, store};
use crate::{Breaker, Error, Hooks, Patterns, Realm, SigningSecret};

/// What a managed subscription is to be.
#[derive(Debug, Clone)]
pub struct Managed {
    /// Whose it is, and with whose secrets its deliveries are signed.
    pub publisher: Id<Principal>,
    /// What manages it: of each there is one at most.
    pub manager: Uuid,
    /// Where deliveries go.
    pub url: String,
    /// What is sent.
    pub events: Patterns,
    /// Who asked for it: what is sent is what they may read.
    pub created_by: Id<Principal>,
}

impl Hooks {
    /// Makes the subscription of a manager, or makes of it what is wished for now, in the caller's transaction. A new one
    /// is sent a ping. Whether a request may go there is asked before the transaction, by [`Hooks::judge`].
    pub async fn manage(&self, tx: &mut Tx, it: &Managed) -> Result<Id<Webhook>, Error> {
        self.0.settings.addresses.check(&it.url)?;
        let realm = Realm::Publisher(it.publisher);
        if let Some((found, _)) = store::managed(tx, it.manager).await? {
            if found.realm != realm {
                return Err(Error::NotFound);
            }
            let (url, events) = (it.url.clone(), it.events.clone());
            let wishes = Wishes { url, events, ..found.wishes.clone() };
            let (state, breaker) = (State::Active, Breaker::default());
            let version = found.version + 1;
            let after = Webhook { wishes, state, breaker, version, ..found };
            store::set(tx, &after).await?;
            tx.hold(self.bell());
            return Ok(after.id);
        }
        let now = self.0.clock.now();
        let webhook = Webhook {
            id: Id::new(now, &self.0.random),
            realm,
            wishes: Wishes::new(it.url.as_str(), it.events.clone()),
            state: State::Active,
            breaker: Breaker::default(),
            created_by: it.created_by,
            created_at: now,
            version: 1,
            managed_by: Some(it.manager),
        };
        store::add(tx, &webhook).await?;
        self.send_ping(tx, &webhook).await?;
        Ok(webhook.id)
    }

    /// Takes the subscription of a manager away, in the caller's transaction: what waits is cancelled. Gives whether there
    /// was one.
    pub async fn unmanage(&self, tx: &mut Tx, manager: Uuid) -> Result<bool, Error> {
        let Some((webhook, _)) = store::managed(tx, manager).await? else { return Ok(false) };
        store::delete(tx, webhook.id).await?;
        crate::deliveries::store::cancel_all(tx, webhook.id, self.0.clock.now()).await?;
        Ok(true)
    }

    /// A publisher has a new secret to sign with: what waited for one is due, once the caller's transaction has ended.
    pub async fn signed_anew(
        &self,
        tx: &mut Tx,
        publisher: Id<Principal>,
    ) -> Result<(), db::Error> {
        let now = self.0.clock.now();
        if crate::deliveries::store::release_unsigned(tx, publisher, now).await? > 0 {
            tx.hold(self.bell());
        }
        Ok(())
    }

    /// What deliveries of a publisher's managed subscriptions are signed with now, the newest first.
    pub(crate) async fn secrets_of_publisher(
        &self,
        tx: &mut Tx,
        publisher: Id<Principal>,
    ) -> Result<Vec<SigningSecret>, Error> {
        let active = match self.0.trust.active_signing_secrets(tx, publisher).await {
            Err(trust::Error::NoActiveSecret) => return Ok(Vec::new()),
            active => active?,
        };
        let read = |it: names::Secret<String>| SigningSecret::parse(it.expose().clone());
        let secrets: Result<Vec<_>, _> = active.into_iter().map(read).collect();
        Ok(secrets.map_err(db::Error::corrupt("publisher_secrets.sealed_value"))?)
    }
}
