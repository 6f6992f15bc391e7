//! What a room says about what was done.

use names::{Digest, Id};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{INSTALL, Noted, Origin, jcs};
use crate::{Actor, Credential, Kind, Principal};

/// The longest detail, in bytes of canonical JSON (`spec/trust.md` 11).
const MAX_DETAIL_BYTES: usize = 4096;

/// Which chain a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain(Uuid);

impl Chain {
    /// The chain of the install.
    pub const INSTALL: Self = Self(INSTALL);

    /// The chain of an organization.
    pub const fn of(organization: Id<Principal>) -> Self {
        Self(organization.uuid())
    }

    /// The chain for things of this principal: its own, if it is an organization.
    pub fn of_owner(owner: &Principal) -> Self {
        if owner.kind == Kind::Organization { Self::of(owner.id) } else { Self::INSTALL }
    }

    /// The chain of that id: an organization's, or all zeros.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The id in rows.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, in the transaction of the row.
    Done,
    /// The authority said no, or a credential did not hold.
    Refused,
    /// It was allowed and did not come off.
    Failed,
}

impl Outcome {
    /// The word in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Who did it, and by what he was believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// The principal.
    pub actor: Option<Uuid>,
    /// What it is: a kind of principal, `anonymous`, or `install` for what the server does by itself.
    pub kind: &'static str,
    /// The row of the key, token, passkey or session.
    pub credential: Option<Uuid>,
    /// `key`, `token`, `passkey`, `session` or `none`.
    pub credential_kind: &'static str,
    /// For whom an agent or a session acts.
    pub on_behalf_of: Option<Uuid>,
}

impl Who {
    /// Nobody is known to have done it.
    pub const ANONYMOUS: Self = Self::without_credential("anonymous");
    /// The server did it by itself.
    pub const INSTALL: Self = Self::without_credential("install");

    const fn without_credential(kind: &'static str) -> Self {
        let credential_kind = "none";
        Self { actor: None, kind, credential: None, credential_kind, on_behalf_of: None }
    }

    /// A principal, whose credential is named by the caller.
    pub const fn principal(id: Id<Principal>, kind: Kind) -> Self {
        Self { actor: Some(id.uuid()), ..Self::without_credential(kind.as_str()) }
    }
}

impl From<&Actor> for Who {
    fn from(actor: &Actor) -> Self {
        let Some(principal) = actor.principal() else { return Self::ANONYMOUS };
        let who = Self::principal(principal.id, principal.kind);
        let (id, kind) = match actor.credential() {
            None => return who,
            Some(Credential::Standing) => {
                return Self { on_behalf_of: actor.behind().map(Id::uuid), ..who };
            }
            Some(Credential::Key(proof)) => (proof.key_id.uuid(), "key"),
            Some(Credential::Token(token)) => (token.id.uuid(), "token"),
            Some(Credential::Session(session)) => (session.id.uuid(), "session"),
        };
        let on_behalf_of = actor.behind().map(Id::uuid);
        Self { credential: Some(id), credential_kind: kind, on_behalf_of, ..who }
    }
}

/// What it was done with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct On {
    /// The kind of thing, such as `repository`.
    pub kind: &'static str,
    /// Its id, as text.
    pub id: String,
}

impl On {
    /// The thing of that kind and id.
    pub fn new(kind: &'static str, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }

    /// A principal.
    pub fn principal(id: Id<Principal>) -> Self {
        Self::new("principal", id)
    }

    /// The install itself.
    pub const fn install() -> Self {
        Self { kind: "install", id: String::new() }
    }
}

/// More about it: texts, whole numbers, lists and objects of them; never a secret.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detail(Map<String, Value>);

impl Detail {
    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The text of a field.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The fields, if they fit into a row and can be hashed. Otherwise that they did not: a change is not held up
    /// because too much is said about it.
    pub(super) fn into_map(self) -> Map<String, Value> {
        let why = match jcs::object(&self.0) {
            Ok(text) if text.len() <= MAX_DETAIL_BYTES => return self.0,
            Ok(text) => format!("{} bytes are too many", text.len()),
            Err(error) => error.to_string(),
        };
        Map::from_iter([("left_out".to_owned(), Value::String(why))])
    }
}

/// What is written down of one act.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What was done.
    pub action: Noted,
    /// How it ended.
    pub outcome: Outcome,
    /// The reason of the decision, a stable word; empty where there was none.
    pub reason: &'static str,
    /// By whom.
    pub who: Who,
    /// With what.
    pub on: On,
    /// SHA-256 of the thing's canonical row before.
    pub before: Option<Digest>,
    /// The same afterwards.
    pub after: Option<Digest>,
    /// More about it.
    pub detail: Detail,
    /// Where the request came from.
    pub origin: Origin,
}

impl Entry {
    /// What was done, on the request under way.
    pub fn done(action: Noted, who: impl Into<Who>, on: On) -> Self {
        Self {
            action,
            outcome: Outcome::Done,
            reason: "",
            who: who.into(),
            on,
            before: None,
            after: None,
            detail: Detail::default(),
            origin: Origin::current(),
        }
    }

    /// What was refused, and why, on the request under way.
    pub fn refused(action: Noted, who: impl Into<Who>, on: On, reason: &'static str) -> Self {
        Self { outcome: Outcome::Refused, reason, ..Self::done(action, who, on) }
    }

    /// With one more field in its detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail = self.detail.with(name, value);
        self
    }
}
