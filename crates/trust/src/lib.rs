//! Trust: who acts, how they prove it, and what they may do.
//!
//! Owns principals, keys, challenges, nonces and the table `resources`; and the one authority that every surface
//! asks. Knows no route, no page and no room: a room hands in what it loaded as a [`Resource`], and gets back an
//! [`Allowed`] or a refusal.
//!
//! | folder          | what is there                                                                  |
//! |-----------------|--------------------------------------------------------------------------------|
//! | `lib.rs`        | the door: [`Trust`]                                                              |
//! | `principal.rs`  | [`Principal`], [`Actor`]                                                         |
//! | `authority/`    | [`Action`], [`Resource`], the decision, [`Allowed`]; the predicate for lists      |
//! | `signature/`    | a signed request becomes an [`Actor`]; nonces                                    |
//! | `registration/` | challenge and verify: a key becomes a principal's                                |
//! | `keyring/`      | the keys of an account: listed, noted when used, given up                          |
//! | `tokens/`       | bearer tokens                                                                    |
//! | `sessions/`     | sessions of browsers                                                             |
//! | `passkeys/`     | passkeys: added, removed; they sign browsers in                                  |
//! | `identities/`   | accounts elsewhere that sign browsers in                                         |
//! | `organizations/`| organizations and who is in them                                                 |
//! | `invites/`      | invitations, into the install or into an organization                             |
//! | `flows/`        | applications ask people for a token: device flow, code flow                        |
//! | `collaborators/`| levels that were given on one repository                                         |
//! | `agents/`       | programs that act for one person or organization                                 |
//! | `profile/`      | what an account says of itself                                                    |
//! | `privacy/`      | what is kept of a person: taken away, left behind                                  |
//! | `audit/`        | what was done, in chains that show when somebody changed them                     |
//! | `signing_keys/` | keys with which the install itself signs                                        |
//! | `office/`       | install admins, suspending, and the look into what is private                      |
//! | `publishers/`   | organizations as tenants of the work plane, and tokens that act as them            |
//! | `remotes/`      | what imports and mirrors show, sealed                                             |
//! | `secrets/`      | what publishers show to others, sealed                                            |
//! | `mandates/`     | what is done later on the word of a credential                                    |
//! | `local/`        | a local server and its one person                                                 |
//! | `stamps/`       | what many requests leave in a transaction that takes effect for all of them        |
//! | `idempotency/`  | requests that may be repeated: the first answer again                              |
//! | `hosts/`        | what the install is called, and what a local server answers to                    |
//! | `boot/`         | what every boot checks and repairs: install key, operator                         |
//! | `limits/`       | how much anyone may ask for: [`Limits`]; who failed too often has to wait        |
//! | `store.rs`      | the SQL of principals, keys and resources                                        |
//!
//! Invariants (`spec/trust.md` 15): one function decides; rights only shrink on the way; a failing credential never
//! becomes anonymous; a (key, nonce) of an unsafe request has at most one effect.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, RwLock},
};

use db::{Db, Tx};
use keys::{PrivateKey, PublicKey, Sealed};
use names::{Clock, Handle, Id, Random, Secret};
use uuid::Uuid;

mod agents;
pub mod audit;
pub mod authority;
mod bonds;
mod boot;
mod collaborators;
mod error;
mod flows;
mod hosts;
mod idempotency;
mod identities;
mod invites;
mod keyring;
pub mod limits;
mod local;
mod mandates;
mod office;
mod organizations;
mod passkeys;
mod principal;
mod privacy;
mod profile;
mod publishers;
mod registration;
mod remotes;
mod secrets;
mod sessions;
mod settings;
mod signature;
pub mod signing_keys;
mod stamps;
mod store;
mod tokens;

pub use agents::{
    Agent, AgentChange, AgentLabel, AgentLabels, AgentPrefix, BadAgentPrefix, NewAgent, NotALabel,
};
pub use authority::{
    Account, Act, Action, Allowed, Anything, Decision, Granted, Level, Namespace, Need,
    PipelineReach, Plane, Readers, Refusal, Resource, Role, Scope, Visibility, act,
};
pub use boot::{OperatorState, Resealed, Resealer, reseal};
pub use collaborators::Collaborator;
pub use error::Error;
pub use flows::{
    AUDIENCE, Application, COMMAND_LINE, CodeAsk, CodeRequest, Consent, DeviceAsk, DeviceAsked,
    DeviceFlow, FlowFault, Issued, NewApplication, Redemption, RedirectUri, Words,
};
pub use hosts::{BindHost, HostFault, Hosts, NotLoopback};
pub use idempotency::{FirstAnswer, IdempotencyKey, NotAKey, Repeatable};
pub use identities::{
    Arrival, Departure, Elsewhere, Identity, Offer, Protocol, ProviderFault, ProviderSettings,
    Returned, SetupFault,
};
pub use invites::{Invitation, Invited};
pub use keyring::{KeyName, Signer, signers};
pub use limits::{Class, Exceeded, LimitSetting, LimitSettings, Limits, Place, Who};
pub use local::LocalCredentials;
pub use mandates::Mandate;
pub use office::Glass;
pub use organizations::{BaseLevel, Membership};
pub use passkeys::{Assertion, NewPasskey, Passkey, PasskeyChallenge, PasskeyRequest};
pub use principal::{
    Actor, Behind, Credential, Key, Kind, Principal, Proof, RevokeReason, TokenUse,
};
pub use privacy::{EXEMPT, EXPORTED, Portion};
pub use profile::{Around, BadPicture, NewAvatar, Picture, Profile, ProfileChange};
pub use publishers::{Bootstrap, Founded, NewOrganizationToken, OrganizationTokenKind, Publisher};
pub use registration::{Challenge, NewKey, Registered};
pub use secrets::{MadeSecret, NewSecret, PublisherSecret, SecretKind};
pub use sessions::{Browser, OneTime, Opened, ReturnTo, Session, SessionRow};
pub use settings::{Registration, RelyingParty, Settings, TERMS_VERSION};
pub use signature::{Authenticated, Bearers, Signed, is_from_this_machine};
pub use stamps::Stamp;
pub use store::{GrantedRow, ResourceRow, ResourceState};
pub use tokens::{Minted, NewToken, Token, TokenFault, TokenKind};

/// Every statement of this crate, for the test that prepares them all.
pub fn statements() -> Vec<&'static db::Sql> {
    [
        store::STATEMENTS,
        audit::STATEMENTS,
        registration::STATEMENTS,
        signature::STATEMENTS,
        bonds::STATEMENTS,
        boot::STATEMENTS,
        keyring::STATEMENTS,
        tokens::STATEMENTS,
        sessions::STATEMENTS,
        passkeys::STATEMENTS,
        identities::STATEMENTS,
        organizations::STATEMENTS,
        invites::STATEMENTS,
        agents::STATEMENTS,
        collaborators::STATEMENTS,
        office::STATEMENTS,
        profile::STATEMENTS,
        privacy::STATEMENTS,
        flows::STATEMENTS,
        signing_keys::STATEMENTS,
        limits::STATEMENTS,
        local::STATEMENTS,
        mandates::STATEMENTS,
        publishers::STATEMENTS,
        secrets::STATEMENTS,
        remotes::STATEMENTS,
        idempotency::STATEMENTS,
        stamps::STATEMENTS,
    ]
    .concat()
}

/// Handles that are remembered with their principal. A handle is fixed for life and never given out again, so an
/// entry cannot go stale; what the principal may do is read afresh each time.
const REMEMBERED_HANDLES: usize = 50_000;

/// The plane's front door. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Trust(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    clock: Clock,
    random: Random,
    settings: Settings,
    nonces: signature::Nonces,
    limits: Limits,
    /// Whose private half nobody keeps: checked against when the key of a request is unknown.
    nobody: PublicKey,
    handles: RwLock<HashMap<Handle, Id<Principal>>>,
    /// Set once the install key is known to be the right one: what it seals cannot be opened before.
    signing_keys: OnceLock<signing_keys::SigningKeys>,
    csrf_key: OnceLock<sessions::CsrfKey>,
    refusals: audit::Refusals,
    /// Nobody until there is somebody to tell.
    observers: RwLock<Vec<Arc<dyn audit::Observer>>>,
}

impl AsRef<Self> for Trust {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Trust {
    /// Opens the plane: loads the nonces that are still live, so that no request of before a restart works twice.
    pub async fn open(
        db: Db,
        clock: Clock,
        random: Random,
        settings: Settings,
    ) -> Result<Self, Error> {
        let nonces = signature::Nonces::load(&mut db.glance().await?, clock.now()).await?;
        let nobody = *PrivateKey::generate(&random).public();
        let limits = Limits::new(clock.clone(), settings.limits.clone());
        limits.load(&mut db.glance().await?).await?;
        Ok(Self(Arc::new(Inner {
            db,
            clock,
            random,
            settings,
            nonces,
            limits,
            nobody,
            handles: RwLock::default(),
            signing_keys: OnceLock::new(),
            csrf_key: OnceLock::new(),
            refusals: audit::Refusals::default(),
            observers: RwLock::default(),
        })))
    }

    /// What the plane was opened with.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The keys with which the install signs. Refused before [`Trust::check_install_key`] has seen the right key.
    pub fn signing_keys(&self) -> Result<&signing_keys::SigningKeys, Error> {
        self.0.signing_keys.get().ok_or(Error::Locked)
    }

    /// Seals a secret of another room under the install key, for the place where it lies. Gives the name of the key too.
    pub fn seal(&self, place: keys::Place<'_>, value: &[u8]) -> Result<(String, Sealed), Error> {
        let sealer = self.signing_keys()?.sealer();
        Ok((sealer.key_id().to_owned(), sealer.seal(&self.0.random, place, value)))
    }

    /// Opens what was sealed for a place.
    pub fn unseal(
        &self,
        place: keys::Place<'_>,
        sealed: &Sealed,
    ) -> Result<Secret<Vec<u8>>, Error> {
        let opened = self.signing_keys()?.sealer().open(place, sealed);
        Ok(opened.map_err(db::Error::corrupt("a sealed value"))?)
    }

    /// The public halves of the keys that others have to check, active and not: of the server, of provenance, of the
    /// audit log.
    pub async fn server_keys(&self) -> Result<Vec<signing_keys::VerifyingKey>, Error> {
        use signing_keys::Purpose;
        let mut tx = self.0.db.glance().await?;
        let mut found = Vec::new();
        for purpose in [Purpose::Server, Purpose::Provenance, Purpose::Audit] {
            found.extend(signing_keys::all(&mut tx, purpose).await?);
        }
        Ok(found)
    }

    /// How much anyone may ask for.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Begins a transaction that writes on behalf of `actor`. The nonce of a signed request is written in it, so no
    /// effect outlives the proof that it happened; and if its client may repeat it, that it was made.
    pub async fn begin(&self, actor: &Actor) -> Result<Tx, Error> {
        let mut tx = self.0.db.write().await?;
        self.0.nonces.spend(&mut tx, actor, self.0.clock.now()).await?;
        self.still_holds(&mut tx, actor).await?;
        self.remember(&mut tx, actor).await?;
        Ok(tx)
    }

    /// The same for a change to an account: holds it until the transaction ends, and asks the authority once more, since
    /// a role may have been taken away meanwhile.
    pub(crate) async fn begin_on<A: Act>(
        &self,
        allowed: &Allowed<A, Account>,
    ) -> Result<Tx, Error> {
        self.begin_as::<A>(allowed.actor(), allowed.resource()).await
    }

    /// The same for what concerns an account that is known already.
    pub async fn begin_as<A: Act>(&self, actor: &Actor, known: &Account) -> Result<Tx, Error> {
        let known = &known.principal;
        let mut tx = self.begin(actor).await?;
        store::hold_namespace(&mut tx, known.id).await?;
        let now = store::space(&mut tx, &known.handle, actor.readers()).await?;
        let now = now.ok_or(Error::NoSuchThing)?.account(actor);
        Allowed::<A, _>::ask(actor, now).map_err(Error::Refused)?;
        Ok(tx)
    }

    /// Refuses what was given up since the request began: nothing of it takes effect any more.
    async fn still_holds(&self, tx: &mut Tx, actor: &Actor) -> Result<(), Error> {
        let now = self.0.clock.now();
        let holds = match actor.credential() {
            None => true,
            // The nonce of a signature is written only while its key lives.
            Some(Credential::Key(proof)) if proof.nonce.is_some() => true,
            Some(Credential::Key(proof)) => signature::key_lives(tx, proof.key_id).await?,
            Some(Credential::Token(token)) => tokens::is_live(tx, token.id, now).await?,
            Some(Credential::Session(session)) => sessions::is_live(tx, session.id, now).await?,
            Some(Credential::Standing) => match actor.principal() {
                Some(it) => store::actor(tx, it.id).await?.is_some_and(|it| it.principal.is_active),
                None => false,
            },
        };
        if holds { Ok(()) } else { Err(Error::Unauthenticated) }
    }

    /// Holds a namespace until the transaction ends: two that make something in it go one after the other, so that the
    /// second sees what the first has made.
    pub async fn hold_namespace(&self, tx: &mut Tx, id: Id<Principal>) -> Result<(), Error> {
        Ok(store::hold_namespace(tx, id).await?)
    }

    /// The principal that has `handle`, whatever its state; for addresses.
    pub async fn namespace(
        &self,
        tx: &mut Tx,
        handle: &Handle,
    ) -> Result<Option<Id<Principal>>, Error> {
        if let Some(id) = self.remembered(handle) {
            return Ok(Some(id));
        }
        let Some(principal) = store::principal_by_handle(tx, handle).await? else {
            return Ok(None);
        };
        if let Ok(mut handles) = self.0.handles.write()
            && handles.len() < REMEMBERED_HANDLES
        {
            handles.insert(handle.clone(), principal.id);
        }
        Ok(Some(principal.id))
    }

    fn remembered(&self, handle: &Handle) -> Option<Id<Principal>> {
        self.0.handles.read().ok()?.get(handle).copied()
    }

    /// The namespace of `handle`, as `actor` stands to it: what is made in it is made by its owner, or by those whom an
    /// organization lets write.
    pub async fn space(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        handle: Handle,
    ) -> Result<Namespace, Error> {
        let found = store::space(tx, &handle, actor.readers()).await?;
        let found = found.filter(|it| it.principal.is_active);
        let may_make = found.as_ref().is_some_and(store::Space::takes_new_things);
        let own = if may_make { Level::Owner } else { Level::None };
        let id = found.map(|it| it.principal.id);
        Ok(Namespace { id, handle, granted: Granted::own(own) })
    }

    /// An account as `actor` stands to it.
    pub async fn account(&self, actor: &Actor, handle: &Handle) -> Result<Option<Account>, Error> {
        let mut tx = self.0.db.glance().await?;
        let found = store::space(&mut tx, handle, actor.readers()).await?;
        Ok(found.filter(|it| it.principal.kind != Kind::Operator).map(|it| it.account(actor)))
    }

    /// The live principal that has `handle`, with its live keys: what everybody may know of it.
    pub async fn face(&self, handle: &Handle) -> Result<Option<(Principal, Vec<Key>)>, Error> {
        let mut tx = self.0.db.glance().await?;
        let Some(principal) = self.principal(&mut tx, handle).await? else { return Ok(None) };
        let keys = store::live_keys(&mut tx, principal.id).await?;
        Ok(Some((principal, keys)))
    }

    /// The live principal that has `handle`. The operator is nobody's neighbour and is left out.
    pub async fn principal(
        &self,
        tx: &mut Tx,
        handle: &Handle,
    ) -> Result<Option<Principal>, Error> {
        let found = store::principal_by_handle(tx, handle).await?;
        Ok(found.filter(|it| it.is_active && it.kind != Kind::Operator))
    }

    /// The principal of that id, in any state.
    pub async fn principal_of(
        &self,
        tx: &mut Tx,
        id: Id<Principal>,
    ) -> Result<Option<Principal>, Error> {
        Ok(store::actor(tx, id).await?.map(|it| it.principal))
    }

    /// The live keys of a principal, oldest first.
    pub async fn keys(&self, tx: &mut Tx, principal: Id<Principal>) -> Result<Vec<Key>, Error> {
        Ok(store::live_keys(tx, principal).await?)
    }

    /// Makes a thing known that can be seen or hidden, in the transaction that makes the thing itself.
    pub async fn add_resource(&self, tx: &mut Tx, row: &ResourceRow) -> Result<(), Error> {
        Ok(store::add_resource(tx, row).await?)
    }

    /// Changes who may see a thing, or whether it is there, in the transaction that changes the thing itself.
    pub async fn set_resource(&self, tx: &mut Tx, row: &ResourceRow) -> Result<(), Error> {
        Ok(store::set_resource(tx, row).await?)
    }

    /// Whether somebody may read a thing at this moment: for what is done for them later, without a request of theirs.
    pub async fn may_read(
        &self,
        tx: &mut Tx,
        somebody: Id<Principal>,
        resource: Uuid,
    ) -> Result<bool, Error> {
        Ok(store::may_read(tx, somebody, resource).await?)
    }

    /// The same, and whether somebody owns a thing that was deleted and can be restored: they are told that it was.
    pub async fn may_hear(
        &self,
        tx: &mut Tx,
        somebody: Id<Principal>,
        resource: Uuid,
    ) -> Result<bool, Error> {
        Ok(store::may_hear(tx, somebody, resource).await?)
    }

    /// Forgets things that never came to be, in the transaction that removes the things themselves; `ids` is bounded
    /// by the caller. What somebody has seen is not removed: its state becomes [`ResourceState::Deleted`].
    pub async fn remove_resources(&self, tx: &mut Tx, ids: &[Uuid]) -> Result<(), Error> {
        Ok(store::remove_resources(tx, ids).await?)
    }
}

#[cfg(test)]
mod tests;
