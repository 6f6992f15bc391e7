//! The one authority (`spec/trust.md` 8).
//!
//! [`decide`] is pure over rows that are already loaded. [`Allowed`] is the proof that it said yes: only this module
//! can make one, and door methods that change or reveal things demand it, so what was not authorized cannot be called.
//!
//! | file         | what is there                                                     |
//! |--------------|-------------------------------------------------------------------|
//! | `mod.rs`     | [`decide`], [`Allowed`], [`Refusal`]                                |
//! | `action.rs`  | the closed list of actions and what each needs                      |
//! | `resource.rs`| what can be acted on: [`Resource`], levels, visibility              |
//! | `grants.rs`  | roles and levels on what belongs to somebody else                   |
//! | `scope.rs`   | what a credential may be used for                                   |

mod action;
mod grants;
mod resource;
mod scope;

use std::marker::PhantomData;

pub use action::{Act, Action, Need, act};
pub use grants::{Granted, Readers, Role};
pub(crate) use grants::{level, role};
use names::BranchName;
pub use resource::{Account, Anything, Facts, Level, Namespace, Resource, Visibility};
pub(crate) use scope::live_claims;
pub use scope::{PipelineReach, Plane, Reach, Repositories, RepositoriesWord, Scope, ScopeError};

use crate::{Actor, Credential, Kind, store::ResourceState};

/// What the authority says. The reason is a stable word for logs and audit, never for the caller of a `Hide`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No, and the caller may know that the thing is there.
    Deny(&'static str),
    /// No, and the answer is that of a thing that is not there.
    Hide(&'static str),
}

/// A no, as a surface has to tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 401: somebody signed in might.
    Unauthenticated,
    /// 403: the caller may see it but not do this.
    Forbidden,
    /// 404: not there, or not for this caller.
    NotFound,
    /// The thing is archived: nobody changes it.
    Archived,
    /// 401: this is done by a signature or a fresh session, not by a token.
    BearerRefused,
    /// 403: the session is too old for this; signing in again renews it.
    NotFresh,
}

/// Proof that `resource` was loaded and that the actor may do `A` with it.
#[derive(Debug, Clone)]
pub struct Allowed<A, R> {
    actor: Actor,
    resource: R,
    /// The only branches that may be moved begin so.
    below: Option<String>,
    action: PhantomData<fn() -> A>,
}

impl<A: Act, R: Resource> Allowed<A, R> {
    /// Asks the authority.
    pub fn ask(actor: &Actor, resource: R) -> Result<Self, Refusal> {
        may_look(actor, A::ACTION)?;
        let facts = resource.facts();
        let archived = facts.state == Some(ResourceState::Archived);
        match decide(actor, A::ACTION, &facts) {
            Decision::Allow if archived && A::ACTION.writes() && !A::ACTION.changes_archived() => {
                Err(Refusal::Archived)
            }
            Decision::Allow => {
                let below = own_branches(actor, A::ACTION, &facts)
                    .filter(|_| level_of(actor, &facts) < Level::Write);
                Ok(Self { actor: actor.clone(), resource, below, action: PhantomData })
            }
            Decision::Deny(reason) | Decision::Hide(reason)
                if actor.is_anonymous() && A::ACTION.writes() =>
            {
                tracing::debug!(action = A::ACTION.name(), reason, "refused: not signed in");
                Err(Refusal::Unauthenticated)
            }
            Decision::Deny(reason) => {
                tracing::debug!(action = A::ACTION.name(), reason, "refused");
                Err(if actor.is_anonymous() {
                    Refusal::Unauthenticated
                } else {
                    Refusal::Forbidden
                })
            }
            Decision::Hide(reason) => {
                tracing::debug!(action = A::ACTION.name(), reason, "hidden");
                Err(Refusal::NotFound)
            }
        }
    }
}

impl<A, R> Allowed<A, R> {
    /// Who may.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// With what.
    pub const fn resource(&self) -> &R {
        &self.resource
    }

    /// Whether the permission holds for this branch: that of an agent may end at the branches below its own name.
    pub fn check_branch(&self, branch: &BranchName) -> Result<(), Refusal> {
        match &self.below {
            Some(below) if !branch.as_str().starts_with(below) => Err(Refusal::Forbidden),
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether the resource may be looked up at all: not for a credential that the action does not take, and an unsafe request without a credential is 401
/// whether the thing exists or not (`spec/conventions.md`, Errors).
pub fn may_look(actor: &Actor, action: Action) -> Result<(), Refusal> {
    if actor.is_anonymous() && action.writes() && action.need() != Need::Anyone {
        return Err(Refusal::Unauthenticated);
    }
    check_class(actor, action)
}

/// The decision: the credential may be used for it, the thing is visible, the level is high enough.
pub fn decide(actor: &Actor, action: Action, facts: &Facts<'_>) -> Decision {
    if !action.is_for_every_credential() && !actor.scopes().iter().all(|it| it.covers(action)) {
        return Decision::Deny("scope_too_narrow");
    }
    let needed = match action.need() {
        Need::SignedIn if actor.is_anonymous() => return Decision::Deny("not_signed_in"),
        Need::Anyone | Need::SignedIn => return Decision::Allow,
        Need::InstallAdmin if actor.is_install_admin() => return Decision::Allow,
        Need::InstallAdmin => return Decision::Hide("not_install_admin"),
        Need::Level(needed) => needed,
    };
    let level = level_of(actor, facts);
    let is_visible = match facts.state {
        Some(ResourceState::Live | ResourceState::Archived) => {
            facts.visibility == Visibility::Public || level >= Level::Read
        }
        // A thing in the making is known to the pushes of those who make it; a name in one's own space can be pushed to.
        Some(ResourceState::Nascent) => level >= Level::Write && action.makes(),
        None => level >= Level::Owner && action.makes(),
        Some(ResourceState::Suspended) => false,
        Some(ResourceState::Deleted) => level >= Level::Owner && action.concerns_deleted(),
    };
    if !is_visible {
        return Decision::Hide("not_visible");
    }
    if !actor.scopes().iter().all(|it| it.reaches(facts)) {
        return Decision::Hide("out_of_scope");
    }
    if level.max(floor(facts)) >= needed || own_branches(actor, action, facts).is_some() {
        Decision::Allow
    } else {
        Decision::Deny("level_too_low")
    }
}

/// Whether the credential is of the kind that the action takes.
fn check_class(actor: &Actor, action: Action) -> Result<(), Refusal> {
    if action.mints() && actor.session().is_some_and(|it| !it.is_fresh) {
        return Err(Refusal::NotFresh);
    }
    if !action.is_class_s() {
        return Ok(());
    }
    let (Some(principal), Some(credential)) = (actor.principal(), actor.credential()) else {
        return Ok(());
    };
    match (credential, principal.kind) {
        (Credential::Token(_), _) => Err(Refusal::BearerRefused),
        (Credential::Standing, _) | (_, Kind::Agent | Kind::Organization) => {
            Err(Refusal::Forbidden)
        }
        (Credential::Session(session), _) if !session.is_fresh => Err(Refusal::NotFresh),
        (Credential::Key(_) | Credential::Session(_), Kind::Person | Kind::Operator) => Ok(()),
    }
}

/// What everybody has.
fn floor(facts: &Facts<'_>) -> Level {
    if facts.visibility == Visibility::Public { Level::Read } else { Level::None }
}

/// How far the rights of the actor go on the thing. An agent reads wherever its owner may; what it was granted itself
/// is cut to what its owner has.
fn level_of(actor: &Actor, facts: &Facts<'_>) -> Level {
    let Some(principal) = actor.principal() else { return Level::None };
    let own = if facts.owner == Some(principal.id) { Level::Owner } else { facts.granted.own };
    match actor.behind() {
        None => own,
        Some(_) => own.max(Level::Read).min(limit_of(actor, facts)),
    }
}

/// How far the owner of an agent goes.
fn limit_of(actor: &Actor, facts: &Facts<'_>) -> Level {
    let is_owner = actor.behind().is_some_and(|behind| facts.owner == Some(behind));
    if is_owner { Level::Owner } else { facts.granted.behind.max(floor(facts)) }
}

/// The branches to which an agent without a grant may push where its owner may write: those below its own name.
fn own_branches(actor: &Actor, action: Action, facts: &Facts<'_>) -> Option<String> {
    let agent = actor.principal().filter(|it| it.kind == Kind::Agent)?;
    let may = action == Action::RefPush && limit_of(actor, facts) >= Level::Write;
    may.then(|| format!("agent/{}/", agent.handle))
}

/// The predicate for lists and searches: joins `resources AS s` and binds [`Actor::reader`] as `$1`. It is the same
/// rule as [`decide`] for reading; `lists_follow_the_decision` holds them together.
#[macro_export]
macro_rules! visible {
    () => {
        concat!("(s.state IN ('live', 'archived') AND NOT ", $crate::suspended!(), " AND (s.visibility = 'public' OR s.owner_id = $1
          OR EXISTS (SELECT 1 FROM collaborators AS c WHERE c.repo_id = s.id AND c.principal_id = $1)
          OR EXISTS (SELECT 1 FROM org_members AS m JOIN organizations AS o ON o.principal_id = m.org_id
                      WHERE m.org_id = s.owner_id AND m.principal_id = $1
                        AND (m.role <> 'member' OR o.base_level <> 'none'))))")
    };
}

/// The owner of the resource whose id is bound at this place: for statements of rooms that know of things by their ids.
#[macro_export]
macro_rules! owner_of {
    ($id:literal) => {
        concat!("(SELECT s.owner_id FROM resources AS s WHERE s.id = ", $id, ")")
    };
}

/// Whether a list would show the resource to `actor`: the predicate alone, for the test that compares.
#[cfg(test)]
pub(crate) async fn listed(tx: &mut db::Tx, actor: &Actor, id: uuid::Uuid) -> bool {
    store::listed(tx, actor, id).await
}

/// Makes somebody an install admin.
#[cfg(test)]
pub(crate) async fn make_admin(tx: &mut db::Tx, id: uuid::Uuid) {
    store::make_admin(tx, id).await;
}

#[cfg(test)]
mod store;
