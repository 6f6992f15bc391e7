//! Sessions of browsers (`spec/trust.md` 6).
//!
//! A session begins with an address that works once, which a signed request asked for, and is a row: it is looked at on
//! each request, so that ending it ends it everywhere. What the browser holds is a token that names the row.
//!
//! | file        | what is there                                                              |
//! |-------------|----------------------------------------------------------------------------|
//! | `mod.rs`    | [`Session`], the door's methods                                              |
//! | `cookie.rs` | the cookie becomes an actor; the mark that forms carry                        |
//! | `opening.rs`| a session is opened, by whatever proved who somebody is                       |
//! | `return_to.rs` | [`ReturnTo`]: where a sign-in leads                                        |
//! | `store.rs`  | the SQL of sessions and of the codes that open them                           |

mod cookie;
mod opening;
mod return_to;
mod store;

use std::{net::IpAddr, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::PublicKey;
use names::{Digest, Handle, Id, Secret, UnixMillis};

use crate::{
    Allowed, Anything, Error, Kind, Principal, Trust, act,
    audit::{Chain, Entry, Noted, On, Who},
    signing_keys::{Purpose, VerifyingKey},
};
pub(crate) use cookie::{CsrfKey, cookie_of};
pub(crate) use opening::OpenedBy;
pub use return_to::ReturnTo;
pub(crate) use store::{
    STATEMENTS, delete_ended_codes, end_of_key, end_one, end_opened_with, is_live,
};

/// How long an address that signs in works.
const CODE_LIFE: Duration = Duration::from_mins(1);
/// How long a session lives unused, and at most.
const LIFE: (Duration, Duration) = (Duration::from_hours(12), Duration::from_hours(7 * 24));
/// How long a sign-in counts as fresh.
const FRESH: Duration = Duration::from_mins(10);
/// For what the token of a session is good.
const AUDIENCE: &str = "motet-web";

/// The session of a browser, already believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The row.
    pub id: Id<Session>,
    /// The key whose signature opened it.
    pub key_id: Option<Id<crate::Key>>,
    /// When its person last proved who they are.
    pub auth_time: UnixMillis,
    /// Whether that was within the last ten minutes.
    pub is_fresh: bool,
}

/// A session, as its person sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Which.
    pub id: Id<Session>,
    /// Since when.
    pub created_at: UnixMillis,
    /// When it was last used, to five minutes.
    pub last_seen_at: UnixMillis,
    /// When it ends at the latest.
    pub ends_at: UnixMillis,
    /// Where it was opened from.
    pub ip: String,
    /// What opened it, in its own words.
    pub user_agent: String,
}

/// An address that signs a browser in, once.
pub struct OneTime {
    /// The last part of the address.
    pub code: Secret<String>,
    /// When it stops working.
    pub expires_at: UnixMillis,
}

/// What is kept of the browser that opens a session.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    /// Where it is.
    pub ip: Option<IpAddr>,
    /// What it calls itself.
    pub user_agent: String,
}

/// A session that was just opened.
pub struct Opened {
    /// What the browser keeps.
    pub token: Secret<String>,
    /// Whose it is.
    pub handle: Handle,
    /// The session itself.
    pub session: Session,
}

impl Trust {
    /// Makes an address that signs a browser in as whoever asks: a person, by a signature.
    pub async fn web_login(
        &self,
        allowed: &Allowed<act::SessionOpen, Anything>,
    ) -> Result<OneTime, Error> {
        let actor = allowed.actor();
        let person = actor.principal().filter(|it| it.kind == Kind::Person);
        let (Some(person), Some(proof)) = (person, actor.proof()) else {
            return Err(Error::NoSuchThing);
        };
        let now = self.0.clock.now();
        let code = URL_SAFE_NO_PAD.encode(self.0.random.bytes::<32>());
        let expires_at = now.plus(CODE_LIFE);
        let row = store::NewCode {
            id: Id::new(now, &self.0.random),
            hash: hash_of(&code),
            principal: person.id,
            key: proof.key_id,
            expires_at,
        };
        let mut tx = self.begin(actor).await?;
        delete_ended_codes(&mut tx, now).await?;
        store::add_code(&mut tx, &row).await?;
        let issued = Entry::done(Noted::WebLoginIssued, actor, On::new("code", row.id));
        self.note(&mut tx, Chain::INSTALL, issued).await?;
        tx.commit().await?;
        tracing::info!(handle = %person.handle, "an address that signs in was handed out");
        Ok(OneTime { code: Secret::new(code), expires_at })
    }

    /// Whom the address would sign in. Looking does not use it up: what shows previews of links looks at them.
    pub async fn peek_login(&self, code: &str) -> Result<Handle, Error> {
        let mut tx = self.0.db.glance().await?;
        let found = store::peek_code(&mut tx, &hash_of(code), self.0.clock.now()).await?;
        found.ok_or(Error::LoginEnded)
    }

    /// Uses the address up and opens a session.
    pub async fn start_session(&self, code: &str, browser: &Browser) -> Result<Opened, Error> {
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        let opened_by = store::take_code(&mut tx, &hash_of(code), now).await?;
        let Some((principal, key)) = opened_by else {
            let on = On::new("code", "");
            let refused = Entry::refused(Noted::SignInFailed, Who::ANONYMOUS, on, "address_ended");
            self.note_repeated(refused);
            return Err(Error::LoginEnded);
        };
        let who = crate::store::actor(&mut tx, principal).await?;
        let who = who.filter(|it| it.principal.is_active).ok_or(Error::LoginEnded)?;
        let opened = self.open_session(&mut tx, &who.principal, OpenedBy::Once(key), browser);
        let opened = opened.await?;
        tx.commit().await?;
        Ok(opened)
    }

    /// One's own live sessions, newest first.
    pub async fn sessions(
        &self,
        allowed: &Allowed<act::SessionRead, Anything>,
    ) -> Result<Vec<SessionRow>, Error> {
        let me = allowed.actor().principal().ok_or(Error::NoSuchThing)?;
        let now = self.0.clock.now();
        Ok(store::live(&mut self.0.db.glance().await?, me.id, now).await?)
    }

    /// Ends one of one's own sessions, or all of them.
    pub async fn end_sessions(
        &self,
        allowed: &Allowed<act::SessionRevoke, Anything>,
        which: Option<Id<Session>>,
    ) -> Result<(), Error> {
        let me = allowed.actor().principal().ok_or(Error::NoSuchThing)?;
        let now = self.0.clock.now();
        let mut tx = self.begin(allowed.actor()).await?;
        let ended = store::end(&mut tx, me.id, which, now).await?;
        if which.is_some() && ended == 0 {
            return Err(Error::NoSuchThing);
        }
        let on = On::new("session", which.map_or_else(|| "all".to_owned(), |it| it.to_string()));
        let revoked = Entry::done(Noted::SessionRevoked, allowed.actor(), on);
        self.note(&mut tx, Chain::INSTALL, revoked.with("count", ended)).await?;
        tx.commit().await?;
        tracing::info!(handle = %me.handle, sessions = ended, "sessions ended");
        Ok(())
    }

    /// The public half of the key that is said to have signed a session.
    async fn session_key(&self, kid: &str) -> Result<Option<PublicKey>, Error> {
        let mut tx = self.0.db.glance().await?;
        let found = self.signing_keys()?.find(&mut tx, kid).await?;
        let now = self.0.clock.now();
        // What a key signed before another took its place lives as long as any session.
        let is_good = |it: &VerifyingKey| {
            it.purpose == Purpose::Session && it.retired_at.is_none_or(|at| at.plus(LIFE.1) > now)
        };
        Ok(found.filter(is_good).map(|it| it.public))
    }
}

/// What is stored of a code.
fn hash_of(code: &str) -> [u8; 32] {
    *Digest::of(code.as_bytes()).as_bytes()
}

/// Whose it is and how it stands, for the cookie.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) principal: Principal,
    pub(crate) session: Session,
    pub(crate) last_seen_at: UnixMillis,
    pub(crate) ends_at: UnixMillis,
}
