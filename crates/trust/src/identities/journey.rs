//! The way to an account elsewhere and back.
//!
//! What the browser carries is one secret, in a cookie. From it come the PKCE verifier and the nonce, so that the row of
//! its `state` holds neither and a `state` alone leads nowhere.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use names::{Digest, Handle, Id, Secret};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{
    on,
    provider::{Met, Provider, Unknown, Way},
    store,
};
use crate::{
    Allowed, Anything, Browser, Error, Kind, Opened, Principal, ReturnTo, TERMS_VERSION, Trust,
    act,
    audit::{Chain, Entry, Noted, On, Who},
    sessions::{self, OpenedBy},
    store as rows,
};

/// How long somebody may be on the way.
const WAY_LIFE: Duration = Duration::from_mins(10);
/// How many may be on the way at once: bounds what strangers can fill.
const MAX_WAITING: i64 = 10_000;
/// What is derived from the secret of a browser.
const PKCE: &[u8] = b"motet-way-pkce-v1";
const NONCE: &[u8] = b"motet-way-nonce-v1";

/// A browser that is sent to a provider.
pub struct Departure {
    /// Where it goes.
    pub address: String,
    /// What it is called there.
    pub name: String,
    /// What it carries.
    pub cookie: Secret<String>,
}

/// What a browser brings back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Returned<'a> {
    /// The `state` that it was sent with.
    pub state: &'a str,
    /// The code of the provider.
    pub code: &'a str,
    /// Whether the provider says that it came to nothing.
    pub has_failed: bool,
    /// Who the provider says that it is (RFC 9207).
    pub issuer: Option<&'a str>,
    /// What it carries since it left.
    pub cookie: &'a str,
}

/// What came of it.
pub enum Arrival {
    /// The account signs somebody in.
    SignedIn(Opened, ReturnTo),
    /// The account signs whoever asked for it in from now on.
    Linked,
    /// The account is nobody's yet, and newcomers may come so: a handle is wanted. The browser carries this on.
    Newcomer(Secret<String>),
}

/// Whoever is on the way, as the row has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
pub(crate) enum Waiting {
    /// A browser that went to a provider.
    Gone {
        provider: String,
        /// SHA-256 of what it carries, in base64url.
        browser: String,
        return_to: String,
        /// The session that asked, when an account is to be linked.
        session: Option<Uuid>,
    },
    /// Somebody new, who has still to choose a handle.
    Newcomer { provider: String, subject: String, return_to: String },
}

/// A way that was begun here by this browser.
struct Begun {
    return_to: ReturnTo,
    /// Who links an account, in which session.
    links: Option<(Id<Principal>, Id<crate::Session>)>,
}

impl Trust {
    /// Sends a browser to a provider, to sign in.
    pub async fn leave_to_sign_in(
        &self,
        _: &Allowed<act::SessionStart, Anything>,
        slug: &str,
        return_to: &ReturnTo,
    ) -> Result<Departure, Error> {
        self.go_elsewhere(slug, return_to, None).await
    }

    /// Sends a browser to a provider, to link an account with whoever is signed in.
    pub async fn leave_to_link(
        &self,
        allowed: &Allowed<act::IdentityLink, Anything>,
        slug: &str,
    ) -> Result<Departure, Error> {
        let actor = allowed.actor();
        let person = actor.principal().filter(|it| it.kind == Kind::Person);
        let person = person.ok_or(Error::NoSuchThing)?.id;
        let session = actor.session().ok_or(Error::NeedsBrowser)?.id;
        self.go_elsewhere(slug, &ReturnTo::default(), Some((person, session))).await
    }

    async fn go_elsewhere(
        &self,
        slug: &str,
        return_to: &ReturnTo,
        links: Option<(Id<Principal>, Id<crate::Session>)>,
    ) -> Result<Departure, Error> {
        let (provider, client) = self.0.settings.elsewhere.find(slug)?;
        let now = self.0.clock.now();
        let cookie = URL_SAFE_NO_PAD.encode(self.0.random.bytes::<32>());
        let state = URL_SAFE_NO_PAD.encode(self.0.random.bytes::<32>());
        let way = Way {
            redirect_uri: &self.redirect_uri(provider),
            state: &state,
            nonce: &derived(NONCE, &cookie),
            challenge: &sha256_text(derived(PKCE, &cookie).as_bytes()),
        };
        let address = provider.address(client, now, &way).await.map_err(Error::ElsewhereDown)?;
        let waiting = Waiting::Gone {
            provider: provider.settings.issuer.clone(),
            browser: sha256_text(cookie.as_bytes()),
            return_to: return_to.as_str().to_owned(),
            session: links.map(|(_, session)| session.uuid()),
        };
        self.wait(&state, links.map(|(person, _)| person), &waiting).await?;
        let name = provider.settings.name.clone();
        Ok(Departure { address, name, cookie: Secret::new(cookie) })
    }

    /// Remembers who is on the way.
    async fn wait(
        &self,
        code: &str,
        person: Option<Id<Principal>>,
        waiting: &Waiting,
    ) -> Result<(), Error> {
        let now = self.0.clock.now();
        let (id, expires_at) = (Id::new(now, &self.0.random), now.plus(WAY_LIFE));
        let mut tx = self.0.db.write().await?;
        sessions::delete_ended_codes(&mut tx, now).await?;
        if store::count_waiting(&mut tx).await? >= MAX_WAITING {
            return Err(Error::ChallengesFull);
        }
        store::add_waiting(&mut tx, id, &hash_of(code), person, waiting, expires_at).await?;
        Ok(tx.commit().await?)
    }

    /// Takes a browser back. Its `state` is used up, whatever comes of it.
    pub async fn come_back(
        &self,
        slug: &str,
        returned: &Returned<'_>,
        browser: &Browser,
    ) -> Result<Arrival, Error> {
        let (provider, client) = self.0.settings.elsewhere.find(slug)?;
        let issuer = &provider.settings.issuer;
        let begun = self.begun(issuer, returned).await?;
        let Some(begun) = begun else { return Err(self.refuse_way(issuer, "state")) };
        if returned.has_failed || returned.code.is_empty() {
            return Err(self.refuse_way(issuer, "provider_refused"));
        }
        if returned.issuer.is_some_and(|it| it != issuer) {
            return Err(self.refuse_way(issuer, "issuer"));
        }
        let met = Met {
            redirect_uri: &self.redirect_uri(provider),
            code: returned.code,
            verifier: &derived(PKCE, returned.cookie),
            nonce: &derived(NONCE, returned.cookie),
        };
        let subject = match provider.who(client, self.0.clock.now(), &met).await {
            Ok(subject) => subject,
            Err(Unknown::Refused(why)) => return Err(self.refuse_way(issuer, why)),
            Err(Unknown::Down(fault)) => return Err(Error::ElsewhereDown(fault)),
        };
        match begun.links {
            Some((person, session)) => self.link(issuer, &subject, person, session).await,
            None => self.arrive(provider, &subject, begun.return_to, browser).await,
        }
    }

    /// The way that this browser began with this `state`; nothing if there is none, or no more.
    async fn begun(&self, issuer: &str, returned: &Returned<'_>) -> Result<Option<Begun>, Error> {
        let mut tx = self.0.db.write().await?;
        let now = self.0.clock.now();
        let taken = store::take_waiting(&mut tx, &hash_of(returned.state), now).await?;
        tx.commit().await?;
        let Some((person, Waiting::Gone { provider, browser, return_to, session })) = taken else {
            return Ok(None);
        };
        let carried = Secret::new(sha256_text(returned.cookie.as_bytes()));
        if provider != issuer || !carried.matches(browser.as_bytes()) {
            return Ok(None);
        }
        let links = person.zip(session.map(Id::from_uuid));
        Ok(Some(Begun { return_to: ReturnTo::new(&return_to), links }))
    }

    /// Signs somebody in whose account is known, or asks somebody new for a handle.
    async fn arrive(
        &self,
        provider: &Provider,
        subject: &str,
        return_to: ReturnTo,
        browser: &Browser,
    ) -> Result<Arrival, Error> {
        let issuer = &provider.settings.issuer;
        let mut tx = self.0.db.write().await?;
        let Some(person) = store::find(&mut tx, issuer, subject).await? else {
            drop(tx);
            if !provider.settings.signup {
                self.refuse_way(issuer, "not_linked");
                return Err(Error::NotLinked);
            }
            let cookie = URL_SAFE_NO_PAD.encode(self.0.random.bytes::<32>());
            let (provider, subject) = (issuer.clone(), subject.to_owned());
            let return_to = return_to.as_str().to_owned();
            self.wait(&cookie, None, &Waiting::Newcomer { provider, subject, return_to }).await?;
            return Ok(Arrival::Newcomer(Secret::new(cookie)));
        };
        if !person.is_active {
            return Err(self.refuse_way(issuer, "not_active"));
        }
        store::note_use(&mut tx, issuer, subject, self.0.clock.now()).await?;
        let by = OpenedBy::Identity(issuer.clone());
        let opened = self.open_session(&mut tx, &person, by, browser).await?;
        tx.commit().await?;
        Ok(Arrival::SignedIn(opened, return_to))
    }

    /// Links the account with whoever asked for it, if the session in which that was asked still lives.
    async fn link(
        &self,
        issuer: &str,
        subject: &str,
        person: Id<Principal>,
        session: Id<crate::Session>,
    ) -> Result<Arrival, Error> {
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        rows::hold_namespace(&mut tx, person).await?;
        if !sessions::is_live(&mut tx, session, now).await? {
            return Err(self.refuse_way(issuer, "session_ended"));
        }
        let has_one = store::list(&mut tx, person).await?.iter().any(|it| it.provider == issuer);
        if has_one || !store::add(&mut tx, (issuer, subject), person, now).await? {
            self.refuse_way(issuer, "identity_taken");
            return Err(Error::IdentityTaken);
        }
        let who = Who::principal(person, Kind::Person);
        let credential = Some(session.uuid());
        let who = Who { credential, credential_kind: "session", ..who };
        let entry = Entry::done(Noted::IdentityLinked, who, on(issuer, subject));
        self.note(&mut tx, Chain::INSTALL, entry).await?;
        tx.commit().await?;
        tracing::info!(%person, provider = issuer, "account elsewhere linked");
        Ok(Arrival::Linked)
    }

    /// Whether somebody new with this cookie is still to choose a handle.
    pub async fn is_newcomer(&self, slug: &str, cookie: &str) -> Result<(), Error> {
        let issuer = &self.0.settings.elsewhere.find(slug)?.0.settings.issuer;
        let mut tx = self.0.db.glance().await?;
        match store::peek_waiting(&mut tx, &hash_of(cookie), self.0.clock.now()).await? {
            Some(Waiting::Newcomer { provider, .. }) if provider == *issuer => Ok(()),
            Some(_) | None => Err(Error::ElsewhereFailed),
        }
    }

    /// Makes a person of somebody new, with the handle that he chose. A handle that is taken uses nothing up.
    pub async fn settle(
        &self,
        slug: &str,
        cookie: &str,
        handle: Handle,
        browser: &Browser,
    ) -> Result<(Opened, ReturnTo), Error> {
        let issuer = &self.0.settings.elsewhere.find(slug)?.0.settings.issuer;
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        let taken = store::take_waiting(&mut tx, &hash_of(cookie), now).await?;
        let Some((_, Waiting::Newcomer { provider, subject, return_to })) = taken else {
            return Err(self.refuse_way(issuer, "newcomer"));
        };
        if provider != *issuer {
            return Err(self.refuse_way(issuer, "newcomer"));
        }
        self.limits().newcomer(browser.ip)?;
        let person = Principal {
            id: Id::new(now, &self.0.random),
            kind: Kind::Person,
            handle,
            is_active: true,
            is_install_admin: false,
            created_at: now,
        };
        if !rows::add_principal(&mut tx, &person, Some(TERMS_VERSION)).await? {
            return Err(Error::HandleTaken);
        }
        if !store::add(&mut tx, (issuer, &subject), person.id, now).await? {
            return Err(Error::IdentityTaken);
        }
        let itself = Who::principal(person.id, person.kind);
        let made = Entry::done(Noted::PrincipalRegistered, itself, On::principal(person.id));
        let made = made.with("handle", person.handle.as_str()).with("terms", TERMS_VERSION);
        self.note(&mut tx, Chain::INSTALL, made).await?;
        let linked = Entry::done(Noted::IdentityLinked, itself, on(issuer, &subject));
        self.note(&mut tx, Chain::INSTALL, linked).await?;
        let by = OpenedBy::Identity(issuer.clone());
        let opened = self.open_session(&mut tx, &person, by, browser).await?;
        tx.commit().await?;
        Ok((opened, ReturnTo::new(&return_to)))
    }

    fn redirect_uri(&self, provider: &Provider) -> String {
        format!("{}/login/with/{}/back", self.0.settings.public_url, provider.settings.slug)
    }

    /// Writes down that a way came to nothing, and why; the browser is told one answer.
    fn refuse_way(&self, issuer: &str, why: &'static str) -> Error {
        let on = On::new("provider", issuer);
        let entry = Entry::refused(Noted::SignInOauthFailed, Who::ANONYMOUS, on, why);
        self.note_repeated(entry);
        Error::ElsewhereFailed
    }
}

/// What comes of the secret that a browser carries; 43 characters, as a verifier has at least (RFC 7636 §4.1).
fn derived(purpose: &[u8], cookie: &str) -> String {
    sha256_text(&[purpose, cookie.as_bytes()].concat())
}

fn sha256_text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes))
}

/// What is stored of a code.
fn hash_of(code: &str) -> [u8; 32] {
    *Digest::of(code.as_bytes()).as_bytes()
}
