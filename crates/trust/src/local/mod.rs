//! A local server and its one person (`spec/trust.md` 7).
//!
//! Every request still needs a credential; the mode only makes one easy to get, for whoever may open a connection from
//! this machine. That, and that nobody passed the request on, is for the caller to see to.
//!
//! | file       | what is there                                                             |
//! |------------|---------------------------------------------------------------------------|
//! | `mod.rs`   | the person is made at boot; credentials are given out                       |
//! | `store.rs` | the SQL                                                                   |

mod store;

use names::{Handle, Id};

use crate::{
    Actor, Browser, Error, Kind, Minted, Opened, Principal, Scope, TERMS_VERSION, TokenKind, Trust,
    audit::{Chain, Entry, Noted, On, Who},
    sessions::OpenedBy,
    store as rows,
    tokens::{self, Issue, Source},
};
pub(crate) use store::STATEMENTS;

/// What a program on this machine is given.
pub struct LocalCredentials {
    /// A session of the one person.
    pub session: Opened,
    /// What requests that the session's cookie signs carry.
    pub csrf: String,
    /// A token for what the program does as a device.
    pub device: Minted,
}

impl Trust {
    /// Makes the one person of a local server if there is nobody yet. Gives whether it did.
    pub async fn ensure_local_person(&self, handle: &Handle) -> Result<bool, Error> {
        let mut tx = self.0.db.write().await?;
        if !store::people(&mut tx).await?.is_empty() {
            return Ok(false);
        }
        let now = self.0.clock.now();
        let person = Principal {
            id: Id::new(now, &self.0.random),
            kind: Kind::Person,
            handle: handle.clone(),
            is_active: true,
            is_install_admin: false,
            created_at: now,
        };
        if !rows::add_principal(&mut tx, &person, Some(TERMS_VERSION)).await? {
            return Err(Error::HandleTaken);
        }
        let on = On::principal(person.id);
        let made = Entry::done(Noted::PrincipalRegistered, Who::INSTALL, on)
            .with("handle", handle.as_str())
            .with("terms", TERMS_VERSION);
        self.note(&mut tx, Chain::INSTALL, made).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Gives a program on this machine a session and a token of the one person. What a program of the same name was
    /// given before ends.
    pub async fn local_init(
        &self,
        client: &str,
        browser: &Browser,
    ) -> Result<LocalCredentials, Error> {
        let mut tx = self.0.db.write().await?;
        let mut people = store::people(&mut tx).await?;
        // Of several nobody can say who it is: then it is as on every other server.
        let (person, others) = (people.pop().ok_or(Error::NobodyHere)?, people);
        if !others.is_empty() {
            return Err(Error::NoSuchThing);
        }
        if !person.is_active {
            return Err(Error::NobodyHere);
        }
        rows::hold_namespace(&mut tx, person.id).await?;
        let now = self.0.clock.now();
        let replaced = store::end_devices(&mut tx, person.id, client, now).await?;
        self.check_room(&mut tx, person.id).await?;
        let new = Issue {
            kind: TokenKind::Device,
            principal: person.id,
            publisher: None,
            label: client.to_owned(),
            // What a device may is in its kind.
            scope: Scope::default(),
            expires_at: Some(now.plus(tokens::LIFE.0)),
            line: None,
            source: Source::Api,
        };
        let device = self.issue(&mut tx, new, &Actor::anonymous()).await?;
        let session = self.open_session(&mut tx, &person, OpenedBy::Local, browser).await?;
        let csrf = self.csrf(&session.session)?;
        let who = Who {
            credential: Some(session.session.id.uuid()),
            credential_kind: "session",
            ..Who::principal(person.id, person.kind)
        };
        let on = On::new("token", device.token.id);
        let given = Entry::done(Noted::LocalInit, who, on)
            .with("client", client)
            .with("replaced", i64::try_from(replaced).unwrap_or(i64::MAX));
        self.note(&mut tx, Chain::INSTALL, given).await?;
        tx.commit().await?;
        tracing::info!(handle = %person.handle, client, "a program on this machine was let in");
        Ok(LocalCredentials { session, csrf, device })
    }
}
