//! The closed list of actions (`spec/trust.md` 8.3), as far as surfaces exist for them.

use super::Level;

/// What an action needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Anyone,
    /// Any principal.
    SignedIn,
    /// A level on the thing.
    Level(Level),
    /// The office of the install: the operator, or a person who was made install admin. Hidden from everybody else.
    InstallAdmin,
}

/// An action as a type, so that the proof for one is no proof for another.
pub trait Act: Send + Sync + 'static {
    /// Which.
    const ACTION: Action;
}

macro_rules! actions {
    ($( $(#[$doc:meta])* $name:ident, $word:literal, $writes:literal, $need:expr; )+) => {
        /// Everything that can be asked for. Matched without a wildcard.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action { $( $(#[$doc])* $name, )+ }

        impl Action {
            /// All of them, for tests that go through the table.
            pub const ALL: &'static [Self] = &[$( Self::$name ),+];

            /// `plane.noun.verb`.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$name => $word, )+ }
            }

            /// Whether it changes something.
            pub const fn writes(self) -> bool {
                match self { $( Self::$name => $writes, )+ }
            }

            /// What it needs.
            pub const fn need(self) -> Need {
                match self { $( Self::$name => $need, )+ }
            }
        }

        /// The actions as types.
        pub mod act {
            $( $(#[$doc])* #[derive(Debug, Clone, Copy)] pub struct $name;
            impl super::Act for $name {
                const ACTION: super::Action = super::Action::$name;
            } )+
        }
    };
}

actions! {
    /// See that the server is well.
    HealthRead, "ops.health.read", false, Need::Anyone;
    /// Fetch styles and pictures of the pages.
    StaticRead, "ops.static.read", false, Need::Anyone;
    /// Register a key: it proves itself.
    Register, "trust.key.register", true, Need::Anyone;
    /// See who one is.
    MeRead, "trust.me.read", false, Need::SignedIn;
    /// See the public face and the live public keys of a principal.
    PrincipalRead, "trust.principal.read", false, Need::Anyone;
    /// List repositories; each is filtered by its own visibility.
    RepoList, "hub.repo.list", false, Need::Anyone;
    /// See a repository and its pages.
    RepoRead, "hub.repo.read", false, Need::Level(Level::Read);
    /// See refs.
    RefRead, "hub.ref.read", false, Need::Level(Level::Read);
    /// Fetch commits, snapshots and the bytes of objects.
    ObjectRead, "hub.object.read", false, Need::Level(Level::Read);
    /// Make a repository in a namespace.
    RepoCreate, "hub.repo.create", true, Need::Level(Level::Owner);
    /// Upload objects and move a branch forward; makes the repository on the first push.
    RefPush, "hub.ref.push", true, Need::Level(Level::Write);
    /// Move a branch to where it does not lead.
    RefForce, "hub.ref.force", true, Need::Level(Level::Admin);
    /// Let go of what no branch leads to.
    RepoCollect, "hub.repo.collect", true, Need::Level(Level::Owner);
    /// See how the install is set up and what its stores hold.
    InstallRead, "ops.install.read", false, Need::InstallAdmin;
    /// See background work: jobs and schedules.
    JobRead, "ops.job.read", false, Need::InstallAdmin;
    /// Retry and forget jobs; switch and run schedules.
    JobWrite, "ops.job.write", true, Need::InstallAdmin;
    /// See who uses how much.
    UsageRead, "ops.usage.read", false, Need::InstallAdmin;
    /// Say how much anyone may use.
    QuotaWrite, "ops.quota.write", true, Need::InstallAdmin;
}

impl Action {
    /// Whether the action may bring its thing into being.
    pub const fn makes(self) -> bool {
        matches!(self, Self::RepoCreate | Self::RefPush)
    }
}
