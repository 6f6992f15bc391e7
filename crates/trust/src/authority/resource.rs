//! What can be acted on.

use names::Id;

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
pub struct Facts {
    /// Whose it is.
    pub owner: Option<Id<Principal>>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether it is there; nothing for a name that could be taken.
    pub state: Option<ResourceState>,
}

impl From<&ResourceRow> for Facts {
    fn from(row: &ResourceRow) -> Self {
        Self { owner: Some(row.owner), visibility: row.visibility, state: Some(row.state) }
    }
}

/// Something that can be acted on, loaded by a route's loader.
pub trait Resource: Send + Sync + 'static {
    /// What the decision looks at.
    fn facts(&self) -> Facts;
}

/// The resource of actions that concern no thing in particular: lists (each row is filtered by itself), health,
/// registration.
#[derive(Debug, Clone, Copy)]
pub struct Anything;

impl Resource for Anything {
    fn facts(&self) -> Facts {
        Facts { owner: None, visibility: Visibility::Public, state: Some(ResourceState::Live) }
    }
}

/// A principal's name space, in which repositories can be made. `None`: nobody has that handle.
#[derive(Debug, Clone, Copy)]
pub struct Namespace(pub Option<Id<Principal>>);

impl Resource for Namespace {
    fn facts(&self) -> Facts {
        Facts { owner: self.0, visibility: Visibility::Private, state: None }
    }
}
