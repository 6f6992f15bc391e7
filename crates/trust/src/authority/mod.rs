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

mod action;
mod resource;

use std::marker::PhantomData;

pub use action::{Act, Action, Need, act};
pub use resource::{Anything, Facts, Level, Namespace, Resource, Visibility};

use crate::{Actor, store::ResourceState};

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
}

/// Proof that `resource` was loaded and that the actor may do `A` with it.
#[derive(Debug, Clone)]
pub struct Allowed<A, R> {
    actor: Actor,
    resource: R,
    action: PhantomData<fn() -> A>,
}

impl<A: Act, R: Resource> Allowed<A, R> {
    /// Asks the authority.
    pub fn ask(actor: &Actor, resource: R) -> Result<Self, Refusal> {
        let archived = resource.facts().state == Some(ResourceState::Archived);
        match decide(actor, A::ACTION, &resource.facts()) {
            Decision::Allow if archived && A::ACTION.writes() => Err(Refusal::Archived),
            Decision::Allow => Ok(Self { actor: actor.clone(), resource, action: PhantomData }),
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
}

/// Whether an anonymous caller may even have the resource looked up: an unsafe request without a credential is 401
/// whether the thing exists or not (`spec/conventions.md`, Errors).
pub fn may_look(actor: &Actor, action: Action) -> Result<(), Refusal> {
    if actor.is_anonymous() && action.writes() && action.need() != Need::Anyone {
        return Err(Refusal::Unauthenticated);
    }
    Ok(())
}

/// The decision: visible first, then high enough.
pub fn decide(actor: &Actor, action: Action, facts: &Facts) -> Decision {
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
        // A thing in the making is known to its maker's pushes alone; a name in one's own space can be pushed to.
        Some(ResourceState::Nascent) | None => level >= Level::Owner && action.makes(),
        Some(ResourceState::Deleted) => false,
    };
    if !is_visible {
        return Decision::Hide("not_visible");
    }
    if level.max(floor(facts)) < needed { Decision::Deny("level_too_low") } else { Decision::Allow }
}

/// What everybody has.
fn floor(facts: &Facts) -> Level {
    if facts.visibility == Visibility::Public { Level::Read } else { Level::None }
}

/// The actor's own level on the thing.
fn level_of(actor: &Actor, facts: &Facts) -> Level {
    match actor.principal() {
        Some(principal) if facts.owner == Some(principal.id) => Level::Owner,
        Some(_) | None => Level::None,
    }
}

/// The predicate for lists and searches: joins `resources AS s` and binds the reader's principal id as `$1` (all
/// zeros for nobody). It is the same rule as [`decide`] for reading; `lists_follow_the_decision` holds them together.
#[macro_export]
macro_rules! visible {
    () => {
        "(s.state IN ('live', 'archived') AND (s.visibility = 'public' OR s.owner_id = $1))"
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
