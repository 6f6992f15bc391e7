//! What can be acted on.

use names::{Handle, Id};

use super::Granted;
use crate::{
    Principal,
    store::{ResourceRow, ResourceState},
};

/// How far somebody's rights on a repository go (`spec/trust.md` 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing.
    None,
    /// Read.
    Read,
    /// Also sort issues.
    Triage,
    /// Also push.
    Write,
    /// Also settings.
    Admin,
    /// Everything.
    Owner,
}

impl Level {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::None, Self::Read, Self::Triage, Self::Write, Self::Admin, Self::Owner];
        let found = all.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no level: use read, triage, write or admin"))
    }
}

/// Who may see a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// Those with a level on it.
    Private,
    /// Everybody.
    Public,
}

impl Visibility {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// What the decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Whose it is.
    pub owner: Option<Id<Principal>>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether it is there; nothing for a name that could be taken.
    pub state: Option<ResourceState>,
    /// What whoever asks was granted on it.
    pub granted: Granted,
    /// Owner and name, for what belongs to a repository: scopes name repositories.
    pub path: Option<(&'a str, &'a str)>,
}

impl<'a> Facts<'a> {
    /// Those of a row, which is or belongs to the repository `owner/name`.
    pub const fn of(row: &ResourceRow, owner: &'a str, name: &'a str) -> Self {
        Self {
            owner: Some(row.owner),
            visibility: row.visibility,
            state: Some(row.state),
            granted: row.granted,
            path: Some((owner, name)),
        }
    }
}

/// Something that can be acted on, loaded by a route's loader.
pub trait Resource: Send + Sync + 'static {
    /// What the decision looks at.
    fn facts(&self) -> Facts<'_>;
}

/// The resource of actions that concern no thing in particular: lists (each row is filtered by itself), health,
/// registration.
#[derive(Debug, Clone, Copy)]
pub struct Anything;

impl Resource for Anything {
    fn facts(&self) -> Facts<'_> {
        Facts {
            owner: None,
            visibility: Visibility::Public,
            state: Some(ResourceState::Live),
            granted: Granted::NONE,
            path: None,
        }
    }
}

/// A principal's name space, in which repositories can be made, as whoever asks stands to it. Made by
/// [`crate::Trust::space`].
#[derive(Debug, Clone)]
pub struct Namespace {
    /// Whose; nothing if nobody has the handle.
    pub id: Option<Id<Principal>>,
    /// Its handle.
    pub handle: Handle,
    pub(crate) granted: Granted,
}

impl Resource for Namespace {
    fn facts(&self) -> Facts<'_> {
        Facts {
            owner: self.id,
            visibility: Visibility::Private,
            state: None,
            granted: self.granted,
            path: Some((self.handle.as_str(), "*")),
        }
    }
}

/// A principal or an organization as those see it who may change it: themselves, the owner of an agent, the members of
/// an organization, each as far as they go. To everybody else there is nothing here.
#[derive(Debug, Clone)]
pub struct Account {
    /// Which.
    pub principal: Principal,
    /// The owner of an agent.
    pub owner: Option<Id<Principal>>,
    pub(crate) granted: Granted,
}

impl Resource for Account {
    fn facts(&self) -> Facts<'_> {
        Facts {
            owner: None,
            visibility: Visibility::Private,
            state: Some(ResourceState::Live),
            granted: self.granted,
            path: None,
        }
    }
}
