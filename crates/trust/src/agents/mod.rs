//! Agents: programs that act for one person or organization (`spec/trust.md` 1).
//!
//! What an agent may do is bounded by its scope and by what its owner may at that moment; model and capabilities are
//! shown and grant nothing.

mod labels;
mod standing;
mod store;

use names::{Handle, Id, UnixMillis};

use crate::{
    Account, Actor, Allowed, Error, Kind, Principal, TERMS_VERSION, Trust, act,
    audit::{Chain, Entry, Noted, On},
    authority::Scope,
    profile::{self, ProfileChange},
    store as rows,
};
pub use labels::{AgentLabel, AgentLabels, AgentPrefix, BadAgentPrefix, NotALabel};
pub(crate) use store::STATEMENTS;

/// Live agents of one owner.
const MAX_AGENTS: usize = 50;
/// The longest name of a model, in characters.
const MAX_MODEL: usize = 100;
/// Capabilities that an agent may name.
const MAX_CAPABILITIES: usize = 32;
/// The longest name of a capability, in bytes.
const MAX_CAPABILITY: usize = 64;

/// An agent, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Which, for good.
    pub id: Id<Principal>,
    /// Its name for life.
    pub handle: Handle,
    /// What it runs on, in its owner's words.
    pub model: String,
    /// What it says that it can do.
    pub capabilities: Vec<String>,
    /// What bounds it.
    pub scope: Scope,
    /// When it was made.
    pub created_at: UnixMillis,
    /// Since when it is stopped.
    pub disabled_at: Option<UnixMillis>,
}

/// What an agent is to be.
#[derive(Debug, Clone)]
pub struct NewAgent {
    /// The handle to take.
    pub handle: Handle,
    /// What it runs on.
    pub model: String,
    /// What it says that it can do.
    pub capabilities: Vec<String>,
    /// What bounds it; reading what is public if nothing is said.
    pub scope: Option<Scope>,
}

/// What is to be other of an agent; what is nothing stays.
#[derive(Debug, Clone, Default)]
pub struct AgentChange {
    /// What it runs on.
    pub model: Option<String>,
    /// What it says that it can do.
    pub capabilities: Option<Vec<String>>,
    /// What bounds it.
    pub scope: Option<Scope>,
    /// What it says of itself.
    pub profile: ProfileChange,
}

impl Trust {
    /// Makes an agent of the account: of oneself, or of an organization that one runs.
    pub async fn create_agent(
        &self,
        allowed: &Allowed<act::AgentCreate, Account>,
        new: NewAgent,
    ) -> Result<Agent, Error> {
        let owner = &allowed.resource().principal;
        let scope = new.scope.unwrap_or_else(Scope::public_reading);
        check(&new.model, &new.capabilities, &scope)?;
        let by = allowed.actor().principal().ok_or(Error::NoSuchThing)?;
        let now = self.0.clock.now();
        let principal = Principal {
            id: Id::new(now, &self.0.random),
            kind: Kind::Agent,
            handle: new.handle,
            is_active: true,
            is_install_admin: false,
            created_at: now,
        };
        let agent = Agent {
            id: principal.id,
            handle: principal.handle.clone(),
            model: new.model,
            capabilities: new.capabilities,
            scope,
            created_at: now,
            disabled_at: None,
        };
        let mut tx = self.begin_on(allowed).await?;
        let live = store::of_owner(&mut tx, owner.id).await?;
        if live.iter().filter(|it| it.disabled_at.is_none()).count() >= MAX_AGENTS {
            return Err(Error::TooManyAgents);
        }
        if !rows::add_principal(&mut tx, &principal, Some(TERMS_VERSION)).await? {
            return Err(Error::HandleTaken);
        }
        store::add(&mut tx, &agent, owner.id, by.id).await?;
        let on = || On::principal(agent.id);
        let created = Entry::done(Noted::AgentCreated, allowed.actor(), on())
            .with("handle", agent.handle.as_str())
            .with("owner", owner.id.to_string());
        let accepted = Entry::done(Noted::TosAccepted, allowed.actor(), on());
        let chain = Chain::of_owner(owner);
        self.note(&mut tx, chain, created).await?;
        self.note(&mut tx, chain, accepted.with("terms", TERMS_VERSION)).await?;
        tx.commit().await?;
        tracing::info!(agent = %agent.handle, owner = %owner.handle, "agent created");
        Ok(agent)
    }

    /// The agents of an account, by their handles, stopped ones too.
    pub async fn agents(
        &self,
        allowed: &Allowed<act::AgentRead, Account>,
    ) -> Result<Vec<Agent>, Error> {
        let owner = allowed.resource().principal.id;
        Ok(store::of_owner(&mut self.0.db.glance().await?, owner).await?)
    }

    /// Says anew what an agent may do, and what is shown of it. What is nothing stays.
    pub async fn update_agent(
        &self,
        allowed: &Allowed<act::AgentUpdate, Account>,
        change: AgentChange,
    ) -> Result<(), Error> {
        let (agent, mut tx) = (&allowed.resource().principal, self.begin_on(allowed).await?);
        let before = store::find(&mut tx, agent.id).await?.ok_or(Error::NoSuchThing)?;
        let after = Agent {
            model: change.model.unwrap_or_else(|| before.model.clone()),
            capabilities: change.capabilities.unwrap_or_else(|| before.capabilities.clone()),
            scope: change.scope.unwrap_or_else(|| before.scope.clone()),
            ..before.clone()
        };
        check(&after.model, &after.capabilities, &after.scope)?;
        store::set(&mut tx, &after).await?;
        profile::change(&mut tx, allowed, change.profile, self.0.clock.now()).await?;
        let mut entry = Entry::done(Noted::AgentUpdated, allowed.actor(), On::principal(agent.id));
        if after.scope != before.scope {
            let scope = serde_json::to_value(&after.scope);
            entry = entry.with("scope", scope.map_err(db::Error::corrupt("agents.scope"))?);
        }
        if after.model != before.model {
            entry = entry.with("model", after.model.as_str());
        }
        let chain = self.chain_of_account(&mut tx, allowed.resource()).await?;
        self.note(&mut tx, chain, entry).await?;
        Ok(tx.commit().await?)
    }

    /// Stops an agent: its keys and tokens are worth nothing from this moment.
    pub async fn disable_agent(
        &self,
        allowed: &Allowed<act::AgentDisable, Account>,
    ) -> Result<(), Error> {
        let agent = &allowed.resource().principal;
        let mut tx = self.begin_on(allowed).await?;
        if !store::disable(&mut tx, agent.id, self.0.clock.now()).await? {
            return Err(Error::NoSuchThing);
        }
        let disabled = Entry::done(Noted::AgentDisabled, allowed.actor(), On::principal(agent.id));
        let chain = self.chain_of_account(&mut tx, allowed.resource()).await?;
        self.note(&mut tx, chain, disabled).await?;
        tx.commit().await?;
        tracing::info!(agent = %agent.handle, "agent disabled");
        Ok(())
    }

    /// Whether `actor` may give the principal another key: itself, or the owner of an agent.
    pub(crate) async fn may_add_key(
        &self,
        tx: &mut db::Tx,
        actor: &Actor,
        known: &Principal,
    ) -> Result<bool, Error> {
        if actor.proof().is_none() && !actor.session().is_some_and(|it| it.is_fresh) {
            return Ok(false);
        }
        let Some(me) = actor.principal() else { return Ok(false) };
        if me.id == known.id {
            return Ok(true);
        }
        let space = rows::space(tx, &known.handle, actor.readers()).await?;
        Ok(known.kind == Kind::Agent && space.is_some_and(|it| it.is_run_by(me)))
    }
}

/// Refuses what could not be shown or kept.
fn check(model: &str, capabilities: &[String], scope: &Scope) -> Result<(), Error> {
    scope.check().map_err(crate::tokens::TokenFault::from)?;
    if model.chars().count() > MAX_MODEL {
        let message = format!("the model has at most {MAX_MODEL} characters");
        return Err(Error::Invalid { pointer: "/model", message });
    }
    if capabilities.len() > MAX_CAPABILITIES || !capabilities.iter().all(|it| is_capability(it)) {
        let message = format!(
            "there are at most {MAX_CAPABILITIES} capabilities, each a word of small letters, digits, `_`, `.`, `:`, `-`"
        );
        return Err(Error::Invalid { pointer: "/capabilities", message });
    }
    Ok(())
}

fn is_capability(text: &str) -> bool {
    let is_inner = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || b"_.:-".contains(&it);
    text.len() <= MAX_CAPABILITY
        && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && text.bytes().all(is_inner)
}
