//! A key becomes a principal's: challenge and verify (`spec/trust.md` 2).
//!
//! The client proves that it holds the key by signing a message that names the install, the handle, the key and a
//! nonce. The first attempt uses the challenge up, right or wrong.

mod store;

use std::{net::IpAddr, time::Duration};

use db::Tx;
use keys::{Nonce, PublicKey, RegistrationMessage, Signature};
use names::{Handle, Id, UnixMillis};

use crate::{
    Actor, Error, Invited, Key, Kind, Principal, Registration, TERMS_VERSION, Trust,
    audit::{Chain, Entry, Noted, On, Who},
    invites::Used,
    store as rows,
};
pub(crate) use store::STATEMENTS;

/// How long a challenge can be met.
const CHALLENGE_LIFE: Duration = Duration::from_mins(5);
/// Challenges that may wait at once: bounds what strangers can fill.
const MAX_CHALLENGES: i64 = 10_000;
/// Live keys of one principal.
const MAX_KEYS: usize = 20;
/// The longest label, in characters.
const MAX_LABEL: usize = 100;

/// What a client has to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Its id.
    pub id: Id<Challenge>,
    /// 32 random bytes in base64url.
    pub nonce: Nonce,
    /// The message, ready to sign. A careful client builds its own and compares.
    pub message: String,
    /// When it ends.
    pub expires_at: UnixMillis,
}

/// A challenge as it waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) handle: Handle,
    pub(crate) public: PublicKey,
    pub(crate) message: String,
    pub(crate) label: String,
    pub(crate) expires_at: UnixMillis,
}

/// What a client says when it meets a challenge.
#[derive(Debug, Default)]
pub struct NewKey {
    /// What the key is called; the comment of its OpenSSH line if nothing is said.
    pub label: Option<String>,
    /// The version of the terms that the client showed.
    pub terms: Option<String>,
    /// The invitation, where registration needs one.
    pub invite: Option<String>,
    /// Where the request comes from: newcomers are counted by place.
    pub from: Option<IpAddr>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Whose key it is now.
    pub principal: Principal,
    /// The key.
    pub key: Key,
}

impl Trust {
    /// Hands out a challenge. The answer is the same whether or not the handle is taken.
    pub async fn challenge(
        &self,
        authority: &str,
        handle: Handle,
        public_key: &str,
    ) -> Result<Challenge, Error> {
        let (public, comment) = PublicKey::parse(public_key)?;
        let public = if self.0.settings.loopback { public } else { public.refuse_published()? };
        let now = self.0.clock.now();
        let expires_at = now.plus(CHALLENGE_LIFE);
        let nonce = Nonce::challenge(&self.0.random);
        let message = RegistrationMessage {
            authority,
            handle: &handle,
            fingerprint: public.fingerprint(),
            nonce: &nonce,
            expires_at: expires_at.seconds(),
        }
        .text();
        let id = Id::new(now, &self.0.random);
        let label = comment.unwrap_or_default().chars().take(MAX_LABEL).collect();
        let waiting = Waiting { handle, public, message: message.clone(), label, expires_at };

        let mut tx = self.0.db.write().await?;
        store::delete_ended(&mut tx, now).await?;
        if store::count(&mut tx).await? >= MAX_CHALLENGES {
            return Err(Error::ChallengesFull);
        }
        store::add(&mut tx, id, &waiting).await?;
        tx.commit().await?;
        Ok(Challenge { id, nonce, message, expires_at })
    }

    /// Meets a challenge: makes a person, or adds a key to the principal that signed this very request.
    pub async fn verify(
        &self,
        actor: &Actor,
        challenge: Id<Challenge>,
        signature: &str,
        new: NewKey,
    ) -> Result<Registered, Error> {
        let now = self.0.clock.now();
        let mut tx = self.begin(actor).await?;
        let waiting = store::take(&mut tx, challenge).await?;
        // Used up from here on, whatever comes of it.
        tx.commit().await?;
        let waiting = waiting.filter(|it| it.expires_at >= now);
        let signature: Option<Signature> = signature.parse().ok();
        let met = waiting.zip(signature).filter(|(waiting, signature)| {
            waiting.public.verify(waiting.message.as_bytes(), signature)
        });
        let Some((waiting, _)) = met else {
            let on = On::new("challenge", challenge);
            self.note_repeated(Entry::refused(Noted::ChallengeFailed, actor, on, "not_met"));
            return Err(Error::ChallengeFailed);
        };
        if new.terms.as_deref().is_some_and(|shown| shown != TERMS_VERSION) {
            return Err(Error::TermsChanged);
        }
        let label = new.label.unwrap_or(waiting.label);
        if label.chars().count() > MAX_LABEL {
            return Err(Error::LabelTooLong);
        }
        let key = Key {
            id: Id::new(now, &self.0.random),
            fingerprint: waiting.public.fingerprint(),
            public: waiting.public,
            label,
            created_at: now,
            last_used_at: None,
            revoked: None,
        };
        self.register(actor, waiting.handle, key, (new.invite.as_deref(), new.from)).await
    }

    async fn register(
        &self,
        actor: &Actor,
        handle: Handle,
        key: Key,
        (invite, from): (Option<&str>, Option<IpAddr>),
    ) -> Result<Registered, Error> {
        let mut tx = self.begin(actor).await?;
        let known = rows::principal_by_handle(&mut tx, &handle).await?;
        let is_new = known.is_none();
        let (principal, used) = match known {
            Some(known) if self.may_add_key(&mut tx, actor, &known).await? => (known, None),
            Some(known) => {
                let used = self.invited_key(&mut tx, &known, invite).await?;
                (known, Some(used))
            }
            None => {
                self.limits().newcomer(from)?;
                self.newcomer(&mut tx, handle, key.created_at, invite).await?
            }
        };
        if rows::live_keys(&mut tx, principal.id).await?.len() >= MAX_KEYS {
            return Err(Error::TooManyKeys);
        }
        if !rows::add_key(&mut tx, principal.id, &key).await? {
            return Err(Error::KeyTaken);
        }
        let accepts =
            store::accept_terms(&mut tx, principal.id, TERMS_VERSION, key.created_at).await?;
        let who = match actor.principal() {
            Some(_) => Who::from(actor),
            // A newcomer acts with the key that he brings.
            None => Who {
                credential: Some(key.id.uuid()),
                credential_kind: "key",
                ..Who::principal(principal.id, principal.kind)
            },
        };
        self.note_registered(&mut tx, who, (&principal, is_new, accepts), &key).await?;
        if let Some(used) = used {
            self.note_used(&mut tx, who, principal.id, used).await?;
        }
        tx.commit().await?;
        tracing::info!(handle = %principal.handle, key = %key.fingerprint, "key registered");
        Ok(Registered { principal, key })
    }

    /// Uses up the invitation that lets a stranger's key into an account; whatever else is brought, the handle is taken.
    async fn invited_key(
        &self,
        tx: &mut Tx,
        known: &Principal,
        invite: Option<&str>,
    ) -> Result<Used, Error> {
        let code = invite.ok_or(Error::HandleTaken)?;
        let used = self.use_invite(tx, code).await.map_err(|error| match error {
            Error::InviteFailed => Error::HandleTaken,
            other => other,
        })?;
        let fits = known.is_active && used.to == Invited::Key(known.id);
        if fits { Ok(used) } else { Err(Error::HandleTaken) }
    }

    /// Writes down who came, that they took the terms, and with which key.
    async fn note_registered(
        &self,
        tx: &mut Tx,
        who: Who,
        (principal, is_new, accepts): (&Principal, bool, bool),
        key: &Key,
    ) -> Result<(), Error> {
        // Whoever adds a key may be the owner of an agent that belongs to an organization.
        let account = match rows::actor(tx, principal.id).await?.and_then(|it| it.behind) {
            Some(behind) => self.chain_of(tx, behind.owner).await?,
            None => Chain::INSTALL,
        };
        let on = On::principal(principal.id);
        if is_new {
            let made = Entry::done(Noted::PrincipalRegistered, who, on.clone());
            self.note(tx, account, made.with("handle", principal.handle.as_str())).await?;
        }
        if accepts {
            let accepted = Entry::done(Noted::TosAccepted, who, on);
            self.note(tx, account, accepted.with("terms", TERMS_VERSION)).await?;
        }
        let added = Entry::done(Noted::KeyAdded, who, On::new("key", key.id))
            .with("principal", principal.id.to_string())
            .with("fingerprint", key.fingerprint.to_string());
        self.note(tx, account, added).await?;
        Ok(())
    }

    /// Makes a person, if the policy or an invitation lets somebody in. An invitation into an organization is one into
    /// the install as well.
    async fn newcomer(
        &self,
        tx: &mut Tx,
        handle: Handle,
        now: UnixMillis,
        invite: Option<&str>,
    ) -> Result<(Principal, Option<Used>), Error> {
        let used = match (self.0.settings.registration, invite) {
            (Registration::Open, None) => None,
            (Registration::Closed, _) => return Err(Error::RegistrationClosed),
            (Registration::Invite, None) => return Err(Error::InviteRequired),
            (Registration::Open | Registration::Invite, Some(code)) => {
                Some(self.use_invite(tx, code).await?)
            }
        };
        let id = Id::new(now, &self.0.random);
        let mut new = Principal {
            id,
            kind: Kind::Person,
            handle,
            is_active: true,
            is_install_admin: false,
            created_at: now,
        };
        if !rows::add_principal(tx, &new, None).await? {
            return Err(Error::HandleTaken);
        }
        match used.map(|it| it.to) {
            None | Some(Invited::Install) => {}
            Some(Invited::Key(_)) => return Err(Error::InviteFailed),
            Some(Invited::Office) => self.join_office(tx, &mut new).await?,
            Some(Invited::Organization(organization, role)) => {
                self.join(tx, organization, &new, role).await?;
            }
        }
        Ok((new, used))
    }
}
