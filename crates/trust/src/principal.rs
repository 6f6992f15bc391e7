//! Who acts.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use keys::{Fingerprint, Nonce, PublicKey};
use names::{Handle, Id, UnixMillis};
use uuid::Uuid;

/// What a principal is (`spec/trust.md` 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A human.
    Person,
    /// A program with one owner.
    Agent,
    /// A group.
    Organization,
    /// The install itself.
    Operator,
}

impl Kind {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Agent => "agent",
            Self::Organization => "organization",
            Self::Operator => "operator",
        }
    }
}

/// Whoever acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Which, for good.
    pub id: Id<Principal>,
    /// What it is.
    pub kind: Kind,
    /// Its name for life.
    pub handle: Handle,
    /// Neither suspended nor deleted.
    pub is_active: bool,
    /// A person who helps to run the install.
    pub is_install_admin: bool,
    /// When it registered.
    pub created_at: UnixMillis,
}

/// A registered public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The row.
    pub id: Id<Key>,
    /// Its name, as `ssh-keygen -l` prints it.
    pub fingerprint: Fingerprint,
    /// The key itself.
    pub public: PublicKey,
    /// What its owner calls it.
    pub label: String,
    /// When it was registered.
    pub created_at: UnixMillis,
}

/// The proof that a signed request brought: which key, and which nonce it has used up.
#[derive(Debug)]
pub struct Proof {
    /// The key's row.
    pub key_id: Id<Key>,
    /// The key's name.
    pub fingerprint: Fingerprint,
    /// The nonce; nothing on methods that change nothing.
    pub(crate) nonce: Option<Nonce>,
    /// Until when the nonce must be remembered.
    pub(crate) nonce_ends: UnixMillis,
    /// This request among all: its later transactions are not taken for replays of its first.
    pub(crate) request: Uuid,
    /// Whether the nonce is in a transaction already.
    pub(crate) spent: AtomicBool,
}

impl Proof {
    pub(crate) fn mark_spent(&self) {
        self.spent.store(true, Ordering::Relaxed);
    }
}

/// Who is behind a request, already believed. Made by [`crate::Trust::authenticate`] only.
#[derive(Debug, Clone)]
pub struct Actor(pub(crate) Option<Arc<(Principal, Proof)>>);

impl Actor {
    /// Nobody in particular.
    pub const fn anonymous() -> Self {
        Self(None)
    }

    /// The principal, unless anonymous.
    pub fn principal(&self) -> Option<&Principal> {
        self.0.as_deref().map(|(principal, _)| principal)
    }

    /// The proof, unless anonymous.
    pub fn proof(&self) -> Option<&Proof> {
        self.0.as_deref().map(|(_, proof)| proof)
    }

    /// Whether nobody is signed in.
    pub fn is_anonymous(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the office of the install is theirs: the operator, or a person who was made install admin.
    pub fn is_install_admin(&self) -> bool {
        self.principal().is_some_and(|it| match it.kind {
            Kind::Operator => true,
            Kind::Person => it.is_install_admin,
            Kind::Agent | Kind::Organization => false,
        })
    }

    /// The handle, for logs.
    pub fn handle(&self) -> Option<&Handle> {
        self.principal().map(|it| &it.handle)
    }
}
