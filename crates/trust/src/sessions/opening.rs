//! A session is opened, by whatever proved who somebody is.

use db::Tx;
use keys::SessionClaims;
use names::{Id, Secret};
use uuid::Uuid;

use super::{AUDIENCE, Browser, LIFE, Opened, Session, store};
use crate::{
    Error, Key, Passkey, Principal, Trust,
    audit::{Chain, Entry, Noted, On, Who},
    signing_keys::Purpose,
};

/// Live sessions of one person; the oldest ends.
const MAX_SESSIONS: usize = 30;
/// The longest user agent that is kept, in characters.
const MAX_USER_AGENT: usize = 300;

/// What proved who somebody is.
#[derive(Debug, Clone)]
pub(crate) enum OpenedBy {
    /// An address that works once, which this key asked for.
    Once(Option<Id<Key>>),
    /// A passkey.
    Passkey(Id<Passkey>),
    /// An account with this provider.
    Identity(String),
    /// A program on this machine, where one person is alone.
    Local,
}

impl OpenedBy {
    /// The word in rows.
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Once(_) => "once",
            Self::Passkey(_) => "passkey",
            Self::Identity(_) => "identity",
            Self::Local => "local",
        }
    }

    const fn key(&self) -> Option<Id<Key>> {
        match self {
            Self::Once(key) => *key,
            Self::Passkey(_) | Self::Identity(_) | Self::Local => None,
        }
    }

    /// The row of the credential and what it is, for the audit.
    fn credential(&self) -> (Option<Uuid>, &'static str) {
        match self {
            Self::Once(Some(key)) => (Some(key.uuid()), "key"),
            Self::Passkey(passkey) => (Some(passkey.uuid()), "passkey"),
            Self::Once(None) | Self::Identity(_) | Self::Local => (None, "none"),
        }
    }
}

impl Trust {
    /// Opens a session in the transaction that believed `by`, and writes that down: nothing follows but the commit.
    pub(crate) async fn open_session(
        &self,
        tx: &mut Tx,
        person: &Principal,
        by: OpenedBy,
        browser: &Browser,
    ) -> Result<Opened, Error> {
        match &by {
            OpenedBy::Once(_) | OpenedBy::Passkey(_) | OpenedBy::Identity(_) => {
                self.limits().session(browser.ip)?;
            }
            // Programs of this machine, each time that they start.
            OpenedBy::Local => {}
        }
        let now = self.0.clock.now();
        let id = Id::unguessable(&self.0.random);
        let row = store::NewSession {
            id,
            principal: person.id,
            opened_with: by.as_str(),
            key: by.key(),
            now,
            idle_until: now.plus(LIFE.0),
            ends_at: now.plus(LIFE.1),
            ip: browser.ip.map(|it| it.to_canonical().to_string()).unwrap_or_default(),
            user_agent: browser.user_agent.chars().take(MAX_USER_AGENT).collect(),
        };
        store::add(tx, &row).await?;
        store::end_oldest(tx, person.id, MAX_SESSIONS, now).await?;
        let signing = self.signing_keys()?.active(tx, Purpose::Session).await?;
        let claims = SessionClaims {
            iss: self.0.settings.public_url.clone(),
            aud: AUDIENCE.to_owned(),
            sub: person.id.to_string(),
            jti: id.to_string(),
            iat: now.seconds(),
            exp: row.ends_at.seconds(),
            auth_time: now.seconds(),
        };
        let token = claims.to_token(signing.kid(), |bytes| signing.sign(bytes));
        let (credential, credential_kind) = by.credential();
        let who = Who { credential, credential_kind, ..Who::principal(person.id, person.kind) };
        let mut entry = Entry::done(Noted::SignInSuccess, who, On::new("session", id));
        entry = entry.with("with", by.as_str());
        if let OpenedBy::Identity(provider) = &by {
            entry = entry.with("provider", provider.as_str());
        }
        self.note(tx, Chain::INSTALL, entry).await?;
        tracing::info!(handle = %person.handle, with = by.as_str(), "a browser signs in");
        let session = Session { id, key_id: by.key(), auth_time: now, is_fresh: true };
        Ok(Opened { token: Secret::new(token), handle: person.handle.clone(), session })
    }
}
