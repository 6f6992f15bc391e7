//! Publishers: organizations with a publisher side, tenants of the work plane (`spec/trust.md` 1, 4, 5).
//!
//! A tenant is chosen by the credential alone. The name in an address selects among what the credential reaches and
//! grants nothing: a publisher of somebody else is not there.
//!
//! | file           | what is there                                                       |
//! |----------------|---------------------------------------------------------------------|
//! | `mod.rs`       | [`Publisher`]: found, switched on, changed                            |
//! | `bootstrap.rs` | a publisher is made whole, with a token that makes one                |
//! | `tokens.rs`    | tokens that act as the organization; its last administrator stays      |
//! | `store.rs`     | the SQL                                                             |

mod bootstrap;
mod store;
mod tokens;

use db::Tx;
use names::Handle;

use crate::{
    Account, Act, Actor, Allowed, Credential, Error, Kind, Level, Principal, Resource, TokenKind,
    Trust, act,
    audit::{Chain, Entry, Noted, On},
    authority::{Facts, Granted, Visibility},
    store as rows,
    store::ResourceState,
};
pub use bootstrap::{Bootstrap, Founded};
pub(crate) use store::STATEMENTS;
pub use tokens::{NewOrganizationToken, OrganizationTokenKind};

/// The longest display name, in characters.
const MAX_DISPLAY_NAME: usize = 100;

/// An organization with its publisher side, as whoever asks stands to it.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// The organization.
    pub organization: Principal,
    /// What it calls itself.
    pub display_name: String,
    /// Whether the side is switched on; to everybody it is not there otherwise.
    is_enabled: bool,
    granted: Granted,
}

impl Resource for Publisher {
    fn facts(&self) -> Facts<'_> {
        let is_there = self.is_enabled && self.organization.is_active;
        Facts {
            owner: None,
            visibility: Visibility::Private,
            state: Some(if is_there { ResourceState::Live } else { ResourceState::Deleted }),
            granted: self.granted,
            path: None,
        }
    }
}

impl Publisher {
    /// Whether whoever asked may see what its tokens and secrets are called.
    pub fn is_managed(&self) -> bool {
        self.granted.own >= Level::Admin
    }

    /// The publisher as whoever asks stands to its runs: a `runner` token starts and ends them, which members may.
    #[must_use]
    pub fn of_runs(mut self, actor: &Actor) -> Self {
        let is_runner = matches!(
            actor.credential(),
            Some(Credential::Token(token)) if token.kind == TokenKind::Runner
        );
        let is_own = actor.principal().is_some_and(|it| it.id == self.organization.id);
        if is_runner && is_own {
            self.granted.own = self.granted.own.max(Level::Write);
        }
        self
    }

    fn chain(&self) -> Chain {
        Chain::of(self.organization.id)
    }

    fn on(&self) -> On {
        on(&self.organization)
    }
}

fn on(organization: &Principal) -> On {
    On::new("organization", organization.id)
}

/// How far a credential that acts as an organization goes on its own publisher side.
fn level_of_token(actor: &Actor) -> Level {
    match actor.credential() {
        Some(Credential::Token(token)) => match token.kind {
            TokenKind::Admin => Level::Admin,
            // What it may besides reading is decided where runs are.
            TokenKind::Runner => Level::Read,
            TokenKind::Personal
            | TokenKind::Agent
            | TokenKind::Git
            | TokenKind::Refresh
            | TokenKind::Device => Level::None,
        },
        Some(Credential::Key(_) | Credential::Session(_) | Credential::Standing) | None => {
            Level::None
        }
    }
}

/// The publisher of that handle, as `actor` stands to it.
async fn load(tx: &mut Tx, actor: &Actor, handle: &Handle) -> Result<Option<Publisher>, Error> {
    let own = actor.principal().filter(|it| it.kind == Kind::Organization);
    let found = store::find(tx, handle, actor.readers()).await?;
    Ok(found.map(|mut publisher| {
        if own.is_some_and(|own| own.id == publisher.organization.id) {
            publisher.granted = Granted::own(level_of_token(actor));
        }
        publisher
    }))
}

impl Trust {
    /// The publisher that an address names: a handle, or nothing for the one as which the credential acts.
    pub async fn publisher(
        &self,
        actor: &Actor,
        name: Option<&Handle>,
    ) -> Result<Option<Publisher>, Error> {
        let own = actor.principal().filter(|it| it.kind == Kind::Organization);
        let Some(handle) = name.or_else(|| own.map(|it| &it.handle)) else { return Ok(None) };
        load(&mut self.0.db.glance().await?, actor, handle).await
    }

    /// A transaction in which nobody else changes the publisher; asks the authority once more, since a role may have
    /// been taken away meanwhile.
    pub async fn begin_on_publisher<A: Act>(
        &self,
        allowed: &Allowed<A, Publisher>,
    ) -> Result<Tx, Error> {
        let (actor, known) = (allowed.actor(), &allowed.resource().organization);
        let mut tx = self.begin(actor).await?;
        rows::hold_namespace(&mut tx, known.id).await?;
        let now = load(&mut tx, actor, &known.handle).await?.ok_or(Error::NoSuchThing)?;
        Allowed::<A, _>::ask(actor, now).map_err(Error::Refused)?;
        Ok(tx)
    }

    /// Switches the publisher side of an organization on. Gives whether it was off.
    pub async fn enable_publisher(
        &self,
        allowed: &Allowed<act::PublisherEnable, Account>,
    ) -> Result<bool, Error> {
        let organization = &allowed.resource().principal;
        if organization.kind != Kind::Organization {
            return Err(Error::NoSuchThing);
        }
        let mut tx = self.begin_on(allowed).await?;
        let was_off = store::enable(&mut tx, organization.id).await?;
        if was_off {
            let made = Entry::done(Noted::PublisherCreated, allowed.actor(), on(organization))
                .with("handle", organization.handle.as_str());
            self.note(&mut tx, Chain::of(organization.id), made).await?;
        }
        tx.commit().await?;
        Ok(was_off)
    }

    /// Changes what a publisher calls itself.
    pub async fn change_publisher(
        &self,
        allowed: &Allowed<act::PublisherUpdate, Publisher>,
        display_name: &str,
    ) -> Result<(), Error> {
        check_display_name(display_name)?;
        let publisher = allowed.resource();
        let mut tx = self.begin_on_publisher(allowed).await?;
        store::set_display_name(&mut tx, publisher.organization.id, display_name).await?;
        let changed = Entry::done(Noted::PublisherUpdated, allowed.actor(), publisher.on());
        let changed = changed.with("display_name", display_name);
        self.note(&mut tx, publisher.chain(), changed).await?;
        Ok(tx.commit().await?)
    }
}

fn check_display_name(name: &str) -> Result<(), Error> {
    if name.chars().count() <= MAX_DISPLAY_NAME {
        return Ok(());
    }
    let message = format!("a display name has at most {MAX_DISPLAY_NAME} characters");
    Err(Error::Invalid { pointer: "/display_name", message })
}
