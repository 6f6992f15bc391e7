//! Accounts elsewhere that sign a browser in here: OpenID Connect and GitHub (`spec/trust.md` 6).
//!
//! A browser goes to the provider with a `state` that works once, and comes back with it, with a code and with the
//! cookie that it was given when it left. An account is known by (provider, subject) and by nothing else: a mail address
//! or a name that a provider tells is not even asked for. No method takes a provider's token.
//!
//! | file          | what is there                                                             |
//! |---------------|---------------------------------------------------------------------------|
//! | `mod.rs`      | [`Elsewhere`]: the providers; [`Identity`]; who is linked, unlinked          |
//! | `journey.rs`  | the way there and back                                                     |
//! | `provider.rs` | a provider: how it is set up, what is asked of it                            |
//! | `id_token.rs` | an ID token, believed or not                                                |
//! | `store.rs`    | the SQL                                                                    |

mod id_token;
mod journey;
mod provider;
mod store;

use std::{fmt, sync::Arc};

use egress::Client;
use names::UnixMillis;

use crate::{
    Allowed, Anything, Error, Trust, act,
    audit::{Chain, Entry, Noted, On},
    sessions, store as rows,
};
pub(crate) use journey::Waiting;
pub use journey::{Arrival, Departure, Returned};
use provider::Provider;
pub use provider::{Protocol, ProviderFault, ProviderSettings, SetupFault};
pub(crate) use store::STATEMENTS;

/// The providers that may say who somebody is; none unless they are set up. Cheap to clone.
#[derive(Clone, Default)]
pub struct Elsewhere(Option<Arc<Inner>>);

struct Inner {
    providers: Vec<Provider>,
    client: Client,
}

/// A provider, as the pages offer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The word in addresses.
    pub slug: &'static str,
    /// What people call it.
    pub name: String,
    /// Its own address, which names the accounts.
    pub issuer: String,
}

/// An account elsewhere that signs somebody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The address of the provider.
    pub provider: String,
    /// Its name for the account.
    pub subject: String,
    /// Since when.
    pub linked_at: UnixMillis,
    /// When it last signed its person in.
    pub last_used_at: Option<UnixMillis>,
}

impl Elsewhere {
    /// These providers. Nothing is asked of them yet.
    pub fn new(providers: Vec<ProviderSettings>) -> Result<Self, SetupFault> {
        if providers.is_empty() {
            return Ok(Self(None));
        }
        let client = provider::client(&providers)?;
        let providers = providers.into_iter().map(Provider::new).collect();
        Ok(Self(Some(Arc::new(Inner { providers, client }))))
    }

    /// What the pages offer.
    pub fn offers(&self) -> Vec<Offer> {
        let offer = |it: &Provider| Offer {
            slug: it.settings.slug,
            name: it.settings.name.clone(),
            issuer: it.settings.issuer.clone(),
        };
        self.0.iter().flat_map(|it| &it.providers).map(offer).collect()
    }

    /// The addresses of the providers, by which accounts are named.
    pub(crate) fn providers(&self) -> Vec<&str> {
        self.0.iter().flat_map(|it| &it.providers).map(|it| it.settings.issuer.as_str()).collect()
    }

    /// The provider that addresses call so, and the client that reaches it.
    fn find(&self, slug: &str) -> Result<(&Provider, &Client), Error> {
        let inner = self.0.as_ref().ok_or(Error::NoSuchThing)?;
        let found = inner.providers.iter().find(|it| it.settings.slug == slug);
        found.map(|it| (it, &inner.client)).ok_or(Error::NoSuchThing)
    }
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().flat_map(|it| &it.providers)).finish()
    }
}

impl Trust {
    /// The accounts elsewhere that sign one in.
    pub async fn identities(
        &self,
        allowed: &Allowed<act::IdentityRead, Anything>,
    ) -> Result<Vec<Identity>, Error> {
        let me = allowed.actor().principal().ok_or(Error::NoSuchThing)?;
        Ok(store::list(&mut self.0.db.glance().await?, me.id).await?)
    }

    /// Takes an account elsewhere the right to sign one in, and ends the sessions that such accounts opened, but for the
    /// one that asks.
    pub async fn unlink(
        &self,
        allowed: &Allowed<act::IdentityUnlink, Anything>,
        slug: &str,
    ) -> Result<(), Error> {
        let actor = allowed.actor();
        let person = actor.principal().ok_or(Error::NoSuchThing)?;
        let provider = &self.0.settings.elsewhere.find(slug)?.0.settings.issuer;
        let mut tx = self.begin(actor).await?;
        rows::hold_namespace(&mut tx, person.id).await?;
        let linked = store::list(&mut tx, person.id).await?;
        let linked = linked.into_iter().find(|it| it.provider == *provider);
        let linked = linked.ok_or(Error::NoSuchThing)?;
        self.keep_a_way_in(&mut tx, person.id).await?;
        store::remove(&mut tx, person.id, provider).await?;
        let (asks, now) = (actor.session().map(|it| it.id), self.0.clock.now());
        sessions::end_opened_with(&mut tx, person.id, "identity", asks, now).await?;
        let entry = Entry::done(Noted::IdentityUnlinked, actor, on(provider, &linked.subject));
        self.note(&mut tx, Chain::INSTALL, entry).await?;
        tx.commit().await?;
        tracing::info!(handle = %person.handle, provider, "account elsewhere unlinked");
        Ok(())
    }
}

/// An account elsewhere, as the audit names it.
fn on(provider: &str, subject: &str) -> On {
    On::new("identity", format!("{provider} {subject}"))
}
