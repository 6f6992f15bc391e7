//! Passkeys: added in a browser, listed, removed; they sign a browser in and nothing else (`spec/trust.md` 6).
//!
//! A challenge is a row that the first answer to it uses up, right or wrong. A passkey names its person itself, so
//! nobody says who he is before he has proved it. What an answer must hold stands in `ceremony.rs`.
//!
//! | file          | what is there                                                           |
//! |---------------|-------------------------------------------------------------------------|
//! | `mod.rs`      | [`Passkey`], the door's methods                                           |
//! | `ceremony.rs` | what a browser and an authenticator say, read and checked                  |
//! | `cose.rs`     | the public key of a passkey                                              |
//! | `store.rs`    | the SQL                                                                 |

mod ceremony;
mod cose;
mod store;

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use names::{Digest, Id, UnixMillis};

use crate::{
    Allowed, Anything, Browser, Error, Kind, Opened, Principal, RelyingParty, Session, Trust, act,
    audit::{Chain, Entry, Noted, On, Who},
    sessions::{self, OpenedBy},
    store as rows,
};
use ceremony::{AuthenticatorData, CHALLENGE_BYTES, Ceremony, Unfit};
pub(crate) use store::STATEMENTS;

/// How long a challenge can be met.
const CHALLENGE_LIFE: Duration = Duration::from_mins(5);
/// Challenges that may wait at once: bounds what strangers can fill.
const MAX_CHALLENGES: i64 = 10_000;
/// Passkeys of one person.
const MAX_PASSKEYS: usize = 10;
/// The longest label, in characters.
const MAX_LABEL: usize = 100;

/// A passkey, as its person sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// The row.
    pub id: Id<Passkey>,
    /// What its person calls it.
    pub label: String,
    /// `ES256` or `EdDSA`.
    pub algorithm: &'static str,
    /// Since when.
    pub created_at: UnixMillis,
    /// When it last signed somebody in.
    pub last_used_at: Option<UnixMillis>,
}

/// What a browser has to meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyChallenge {
    /// 32 random bytes in base64url.
    pub challenge: String,
    /// For whom: the host name.
    pub party: RelyingParty,
    /// When it ends.
    pub expires_at: UnixMillis,
}

/// What a browser needs to make a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRequest {
    /// What it has to meet.
    pub challenge: PasskeyChallenge,
    /// Whose it will be.
    pub person: Principal,
    /// The kinds of key that are taken, the best first (IANA, COSE Algorithms).
    pub algorithms: [i64; 2],
    /// The passkeys that there are already, by the names that authenticators gave them.
    pub known: Vec<Vec<u8>>,
}

/// What a browser answers when it has made one.
#[derive(Debug, Clone, Default)]
pub struct NewPasskey {
    /// What to call it.
    pub label: String,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `attestationObject`.
    pub attestation: Vec<u8>,
}

/// What a browser answers to sign in.
#[derive(Debug, Clone, Default)]
pub struct Assertion {
    /// Which passkey, by the name that its authenticator gave it.
    pub credential_id: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `authenticatorData`.
    pub authenticator_data: Vec<u8>,
    /// The signature over both.
    pub signature: Vec<u8>,
    /// `userHandle`: the person, as the authenticator was told.
    pub user_handle: Vec<u8>,
}

/// A passkey that signs, and whose it is.
#[derive(Debug)]
pub(crate) struct Known {
    id: Id<Passkey>,
    person: Principal,
    public_key: Vec<u8>,
    sign_count: u32,
}

impl Trust {
    /// One's own passkeys, oldest first.
    pub async fn passkeys(
        &self,
        allowed: &Allowed<act::PasskeyRead, Anything>,
    ) -> Result<Vec<Passkey>, Error> {
        let me = allowed.actor().principal().ok_or(Error::NoSuchThing)?;
        Ok(store::list(&mut self.0.db.glance().await?, me.id).await?)
    }

    /// Begins to add a passkey.
    pub async fn ask_for_passkey(
        &self,
        allowed: &Allowed<act::PasskeyAdd, Anything>,
    ) -> Result<PasskeyRequest, Error> {
        let person = person_in_browser(allowed)?;
        let challenge = self.new_challenge(Some(person)).await?;
        let known = store::names(&mut self.0.db.glance().await?, person.id).await?;
        let algorithms = cose::Algorithm::ALL.map(cose::Algorithm::number);
        Ok(PasskeyRequest { challenge, person: person.clone(), algorithms, known })
    }

    /// Adds the passkey that the browser has made.
    pub async fn add_passkey(
        &self,
        allowed: &Allowed<act::PasskeyAdd, Anything>,
        new: NewPasskey,
    ) -> Result<Passkey, Error> {
        let person = person_in_browser(allowed)?;
        if new.label.chars().count() > MAX_LABEL {
            return Err(Error::LabelTooLong);
        }
        let party = self.relying_party()?;
        let met = ceremony::challenge_of(&new.client_data, Ceremony::Create, party);
        let waiting = self.take_challenge(met.as_deref()).await?;
        if waiting != Some(person.id) {
            return Err(Error::PasskeyFailed);
        }
        let made = ceremony::created(&new.attestation, party).map_err(|unfit| match unfit {
            Unfit::Unreadable => Error::PasskeyFailed,
            Unfit::Key => Error::Invalid {
                pointer: "/attestation",
                message: "a passkey signs with EdDSA or ES256; use another authenticator"
                    .to_owned(),
            },
        })?;
        let now = self.0.clock.now();
        let passkey = Passkey {
            id: Id::new(now, &self.0.random),
            label: new.label,
            algorithm: algorithm_name(made.algorithm),
            created_at: now,
            last_used_at: None,
        };
        let mut tx = self.begin(allowed.actor()).await?;
        rows::hold_namespace(&mut tx, person.id).await?;
        if store::list(&mut tx, person.id).await?.len() >= MAX_PASSKEYS {
            return Err(Error::TooManyPasskeys);
        }
        if !store::add(&mut tx, person.id, &passkey, &made).await? {
            return Err(Error::PasskeyTaken);
        }
        let entry = Entry::done(Noted::PasskeyAdded, allowed.actor(), on(passkey.id));
        let entry = entry.with("algorithm", passkey.algorithm);
        self.note(&mut tx, Chain::INSTALL, entry).await?;
        tx.commit().await?;
        tracing::info!(handle = %person.handle, "passkey added");
        Ok(passkey)
    }

    /// Removes a passkey. Which sessions it opened is not known, so all that passkeys opened end, but for the one that
    /// asks.
    pub async fn remove_passkey(
        &self,
        allowed: &Allowed<act::PasskeyRemove, Anything>,
        id: Id<Passkey>,
    ) -> Result<(), Error> {
        let actor = allowed.actor();
        let person = actor.principal().ok_or(Error::NoSuchThing)?;
        let mut tx = self.begin(actor).await?;
        rows::hold_namespace(&mut tx, person.id).await?;
        if !store::list(&mut tx, person.id).await?.iter().any(|it| it.id == id) {
            return Err(Error::NoSuchThing);
        }
        self.keep_a_way_in(&mut tx, person.id).await?;
        store::remove(&mut tx, person.id, id).await?;
        let (asks, now) = (actor.session().map(|it| it.id), self.0.clock.now());
        sessions::end_opened_with(&mut tx, person.id, "passkey", asks, now).await?;
        let entry = Entry::done(Noted::PasskeyRemoved, actor, on(id));
        self.note(&mut tx, Chain::INSTALL, entry).await?;
        tx.commit().await?;
        tracing::info!(handle = %person.handle, "passkey removed");
        Ok(())
    }

    /// Begins a sign-in: anybody may.
    pub async fn ask_for_sign_in(&self) -> Result<PasskeyChallenge, Error> {
        self.new_challenge(None).await
    }

    /// Signs a browser in by a passkey. A session that the browser had of the same person ends: this is its next.
    pub async fn sign_in_by_passkey(
        &self,
        assertion: &Assertion,
        browser: &Browser,
        before: Option<&Session>,
    ) -> Result<Opened, Error> {
        let party = self.relying_party()?;
        let met = ceremony::challenge_of(&assertion.client_data, Ceremony::Get, party);
        let (waits, asked_by) = self.take_any_challenge(met.as_deref()).await?;
        if !waits || asked_by.is_some() {
            return Err(self.refuse_passkey(None, "challenge"));
        }
        let mut tx = self.0.db.write().await?;
        let found = store::find(&mut tx, &assertion.credential_id).await?;
        let known = found.ok_or_else(|| self.refuse_passkey(None, "unknown"))?;
        let said = AuthenticatorData::parse(&assertion.authenticator_data, party);
        let Some(said) = said else {
            return Err(self.refuse_passkey(Some(&known), "not_verified"));
        };
        let is_his = assertion.user_handle == known.person.id.uuid().as_bytes();
        let (data, client) = (&assertion.authenticator_data, &assertion.client_data);
        let signature = &assertion.signature;
        if !is_his || !ceremony::is_signed(&known.public_key, data, client, signature) {
            return Err(self.refuse_passkey(Some(&known), "signature"));
        }
        if !known.person.is_active {
            return Err(self.refuse_passkey(Some(&known), "not_active"));
        }
        let now = self.0.clock.now();
        let goes_on = ceremony::goes_on(known.sign_count, said.sign_count);
        // Of two sign-ins at once with one count, the second finds the row changed.
        if !goes_on || !store::note_use(&mut tx, &known, said.sign_count, now).await? {
            return Err(self.refuse_passkey(Some(&known), "counter_went_back"));
        }
        if let Some(before) = before {
            sessions::end_one(&mut tx, known.person.id, before.id, now).await?;
        }
        let by = OpenedBy::Passkey(known.id);
        let opened = self.open_session(&mut tx, &known.person, by, browser).await?;
        tx.commit().await?;
        Ok(opened)
    }

    fn relying_party(&self) -> Result<&RelyingParty, Error> {
        self.0.settings.passkeys.as_ref().ok_or(Error::NoPasskeys)
    }

    async fn new_challenge(&self, person: Option<&Principal>) -> Result<PasskeyChallenge, Error> {
        let party = self.relying_party()?.clone();
        let now = self.0.clock.now();
        let challenge = URL_SAFE_NO_PAD.encode(self.0.random.bytes::<CHALLENGE_BYTES>());
        let expires_at = now.plus(CHALLENGE_LIFE);
        let id = Id::new(now, &self.0.random);
        let mut tx = self.0.db.write().await?;
        sessions::delete_ended_codes(&mut tx, now).await?;
        if store::count_challenges(&mut tx).await? >= MAX_CHALLENGES {
            return Err(Error::ChallengesFull);
        }
        let person = person.map(|it| it.id);
        store::add_challenge(&mut tx, id, &hash_of(&challenge), person, expires_at).await?;
        tx.commit().await?;
        Ok(PasskeyChallenge { challenge, party, expires_at })
    }

    /// Uses a challenge up, whatever comes of it: whether it waited, and for whom it was.
    async fn take_any_challenge(
        &self,
        challenge: Option<&str>,
    ) -> Result<(bool, Option<Id<Principal>>), Error> {
        let Some(challenge) = challenge else { return Ok((false, None)) };
        let mut tx = self.0.db.write().await?;
        let taken = store::take_challenge(&mut tx, &hash_of(challenge)).await?;
        tx.commit().await?;
        let taken = taken.filter(|(_, expires_at)| *expires_at >= self.0.clock.now());
        Ok((taken.is_some(), taken.and_then(|(person, _)| person)))
    }

    async fn take_challenge(
        &self,
        challenge: Option<&str>,
    ) -> Result<Option<Id<Principal>>, Error> {
        self.take_any_challenge(challenge).await.map(|(_, person)| person)
    }

    /// Writes down that a passkey was refused, and why; whoever asks is told one answer.
    fn refuse_passkey(&self, known: Option<&Known>, why: &'static str) -> Error {
        let (who, on) = match known {
            None => (Who::ANONYMOUS, On::new("passkey", "")),
            Some(known) => {
                let who = Who::principal(known.person.id, known.person.kind);
                let credential = Some(known.id.uuid());
                (Who { credential, credential_kind: "passkey", ..who }, on(known.id))
            }
        };
        let entry = Entry::refused(Noted::SignInFailed, who, on, why);
        self.note_repeated(entry.with("with", "passkey"));
        Error::PasskeyFailed
    }
}

/// A person who asks in a browser: nothing else has passkeys, and nothing else can make one.
fn person_in_browser(allowed: &Allowed<act::PasskeyAdd, Anything>) -> Result<&Principal, Error> {
    let person = allowed.actor().principal().filter(|it| it.kind == Kind::Person);
    let person = person.ok_or(Error::NoSuchThing)?;
    allowed.actor().session().map(|_| person).ok_or(Error::NeedsBrowser)
}

fn on(id: Id<Passkey>) -> On {
    On::new("passkey", id)
}

const fn algorithm_name(algorithm: cose::Algorithm) -> &'static str {
    match algorithm {
        cose::Algorithm::Es256 => "ES256",
        cose::Algorithm::EdDsa => "EdDSA",
    }
}

/// What is stored of a challenge.
fn hash_of(challenge: &str) -> [u8; 32] {
    *Digest::of(challenge.as_bytes()).as_bytes()
}
