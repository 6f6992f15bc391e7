//! Who acts.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use keys::{Fingerprint, Nonce, PublicKey};
use names::{Handle, Id, UnixMillis};
use uuid::Uuid;

use crate::{
    authority::{self, PipelineReach, Readers, Scope},
    idempotency::UnderWay,
    sessions::Session,
    tokens::{Token, TokenKind},
};

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
    /// When it last signed a request, to five minutes.
    pub last_used_at: Option<UnixMillis>,
    /// Since when it is worth nothing, and why.
    pub revoked: Option<(UnixMillis, RevokeReason)>,
}

/// Why a key was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeReason {
    /// Somebody else may have it.
    Compromised,
    /// It is no longer needed.
    Retired,
}

impl RevokeReason {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compromised => "compromised",
            Self::Retired => "retired",
        }
    }
}

impl std::str::FromStr for RevokeReason {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "compromised" => Ok(Self::Compromised),
            "retired" => Ok(Self::Retired),
            other => Err(format!("`{other}` is no reason: use compromised or retired")),
        }
    }
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

/// The proof that a bearer token brought.
#[derive(Debug)]
pub struct TokenUse {
    /// The row.
    pub id: Id<Token>,
    /// What it is for.
    pub kind: TokenKind,
}

/// What a request proved itself by.
#[derive(Debug)]
pub enum Credential {
    /// A signature.
    Key(Proof),
    /// A bearer token.
    Token(TokenUse),
    /// The cookie of a browser.
    Session(Session),
    /// Nothing: the server goes on with what somebody has set up.
    Standing,
}

/// What is known of an agent beside its row as a principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Whose it is.
    pub owner: Id<Principal>,
    /// What bounds its keys and its tokens.
    pub scope: Scope,
}

/// Somebody who acts, with what makes it believed.
#[derive(Debug)]
pub(crate) struct Acting {
    pub(crate) principal: Principal,
    pub(crate) behind: Option<Id<Principal>>,
    pub(crate) credential: Credential,
    /// Each takes away.
    pub(crate) scopes: Vec<Scope>,
    /// The request itself, if its client gave it a name by which it may be repeated.
    pub(crate) under_way: OnceLock<UnderWay>,
}

/// Who is behind a request, already believed. Made by [`crate::Trust::authenticate`] only.
#[derive(Debug, Clone)]
pub struct Actor(pub(crate) Option<Arc<Acting>>);

impl Actor {
    /// Nobody in particular.
    pub const fn anonymous() -> Self {
        Self(None)
    }

    /// The principal, unless anonymous.
    pub fn principal(&self) -> Option<&Principal> {
        self.0.as_deref().map(|it| &it.principal)
    }

    /// What the request proved itself by, unless anonymous.
    pub fn credential(&self) -> Option<&Credential> {
        self.0.as_deref().map(|it| &it.credential)
    }

    /// The proof of a signed request.
    pub fn proof(&self) -> Option<&Proof> {
        match self.credential()? {
            Credential::Key(proof) => Some(proof),
            Credential::Token(_) | Credential::Session(_) | Credential::Standing => None,
        }
    }

    /// The session of a browser.
    pub fn session(&self) -> Option<&Session> {
        match self.credential()? {
            Credential::Session(session) => Some(session),
            Credential::Key(_) | Credential::Token(_) | Credential::Standing => None,
        }
    }

    /// The owner of the agent that acts.
    pub fn behind(&self) -> Option<Id<Principal>> {
        self.0.as_deref()?.behind
    }

    /// What the credential is bounded by, each on its own.
    pub(crate) fn scopes(&self) -> &[Scope] {
        self.0.as_deref().map_or(&[], |it| &it.scopes)
    }

    /// Whose tasks an agent may claim with this credential; nothing for whoever is no agent.
    pub fn pipeline_reach(&self) -> PipelineReach {
        let is_agent = self.behind().is_some();
        if is_agent { PipelineReach::of(self.scopes()) } else { PipelineReach::default() }
    }

    /// How many claims may live at once that were asked for with this credential.
    pub fn live_claims(&self) -> usize {
        authority::live_claims(self.scopes())
    }

    /// Whether the credential may be used for runs of that pipeline: one that names pipelines is for those alone.
    pub fn may_run(&self, pipeline: &str) -> bool {
        self.scopes().iter().all(|scope| {
            scope.pipelines.is_empty() || scope.pipelines.iter().any(|it| it == pipeline)
        })
    }

    /// Whom a statement that looks up grants binds.
    pub fn readers(&self) -> Readers {
        let uuid = |id: Option<Id<Principal>>| id.map_or(Uuid::nil(), Id::uuid);
        Readers { own: uuid(self.principal().map(|it| it.id)), behind: uuid(self.behind()) }
    }

    /// Whom the predicate of lists binds: an agent sees what its owner sees; who is bounded to what is public sees what
    /// nobody in particular sees.
    pub fn reader(&self) -> Uuid {
        let Readers { own, behind } = self.readers();
        if self.scopes().iter().any(|it| !it.is_unbounded()) {
            return Uuid::nil();
        }
        if behind.is_nil() { own } else { behind }
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
