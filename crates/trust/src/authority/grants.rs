//! What somebody was granted on what belongs to somebody else: roles in organizations and collaboration.
//!
//! The rights come with the row of the thing, in one statement: whether a thing is missing or hidden, the same
//! statements run.

use db::Error;
use uuid::Uuid;

use super::Level;

/// What a member of an organization is (`spec/trust.md` 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads and discusses.
    Viewer,
    /// Also sorts issues and decides gates.
    Reviewer,
    /// Also writes.
    Member,
    /// Also settings and people.
    Admin,
    /// Everything.
    Owner,
}

impl Role {
    /// All of them, lowest first.
    pub const ALL: [Self; 5] =
        [Self::Viewer, Self::Reviewer, Self::Member, Self::Admin, Self::Owner];

    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Reviewer => "reviewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The level on the organization's repositories, where `base` is that of its members.
    pub fn level(self, base: Level) -> Level {
        match self {
            Self::Viewer => Level::Read,
            Self::Reviewer => Level::Triage,
            Self::Member => base,
            Self::Admin => Level::Admin,
            Self::Owner => Level::Owner,
        }
    }

    /// The level on the organization itself.
    pub const fn rank(self) -> Level {
        match self {
            Self::Viewer => Level::Read,
            Self::Reviewer => Level::Triage,
            Self::Member => Level::Write,
            Self::Admin => Level::Admin,
            Self::Owner => Level::Owner,
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| {
            format!("`{text}` is no role: use viewer, reviewer, member, admin or owner")
        })
    }
}

/// The levels that were granted on a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted {
    /// To whoever asks.
    pub own: Level,
    /// To the owner of the agent that asks.
    pub behind: Level,
}

impl Granted {
    /// Nothing.
    pub const NONE: Self = Self { own: Level::None, behind: Level::None };

    /// To whoever asks alone.
    pub const fn own(level: Level) -> Self {
        Self { own: level, behind: Level::None }
    }
}

/// Whose grants a statement looks up, in the order in which they are bound: whoever asks, and the owner of the agent
/// that asks. All zeros stand for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readers {
    /// Whoever asks.
    pub own: Uuid,
    /// The owner of the agent that asks.
    pub behind: Uuid,
}

impl Readers {
    /// Nobody.
    pub const NOBODY: Self = Self { own: Uuid::nil(), behind: Uuid::nil() };
}

/// The columns of [`crate::GrantedRow`] in a statement that joins `resources AS s` and binds [`Readers`] at these places.
#[macro_export]
macro_rules! granted {
    ($own:literal, $behind:literal) => {
        concat!(
            "(SELECT m.role FROM org_members AS m WHERE m.org_id = s.owner_id AND m.principal_id = ",
            $own,
            ") AS own_role, (SELECT c.level FROM collaborators AS c WHERE c.repo_id = s.id AND c.principal_id = ",
            $own,
            ") AS own_level, (SELECT m.role FROM org_members AS m WHERE m.org_id = s.owner_id AND m.principal_id = ",
            $behind,
            ") AS behind_role, (SELECT c.level FROM collaborators AS c WHERE c.repo_id = s.id AND c.principal_id = ",
            $behind,
            ") AS behind_level, (SELECT o.base_level FROM organizations AS o WHERE o.principal_id = s.owner_id) AS base_level"
        )
    };
}

/// The same columns where nobody asks: lists, whose rows are filtered already, and background work.
#[macro_export]
macro_rules! granted_nothing {
    () => {
        "CAST(NULL AS TEXT) AS own_role, CAST(NULL AS TEXT) AS own_level, CAST(NULL AS TEXT) AS behind_role, \
         CAST(NULL AS TEXT) AS behind_level, CAST(NULL AS TEXT) AS base_level"
    };
}

/// Whether the principal at `$me` is the one at `$account`, or runs it as an admin of an organization: for lists.
#[macro_export]
macro_rules! runs {
    ($me:literal, $account:literal) => {
        concat!(
            "(",
            $account,
            " = ",
            $me,
            " OR EXISTS (SELECT 1 FROM org_members AS m WHERE m.org_id = ",
            $account,
            " AND m.principal_id = ",
            $me,
            " AND m.role IN ('admin', 'owner')))"
        )
    };
}

pub(crate) fn role(text: &str) -> Result<Role, Error> {
    text.parse().map_err(Error::corrupt("org_members.role"))
}

pub(crate) fn level(text: &str) -> Result<Level, Error> {
    text.parse().map_err(Error::corrupt("collaborators.level"))
}
