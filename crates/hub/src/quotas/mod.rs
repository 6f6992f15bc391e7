//! How much an owner and a repository may hold, and how much they do (`spec/hub.md` 1).
//!
//! A repository's use stands in its own row, an owner's in `quota_usage`; both change in the transaction that changes
//! what they count, so they equal a recount. Only what grows is refused: reading and removing go on.

mod api;
mod store;

use std::fmt;

use ::api::WireCode;
use db::Tx;
use names::Id;
use trust::Principal;

pub(crate) use api::routes;
pub(crate) use store::STATEMENTS;

use crate::{Error, Hub, Repository};

/// What a body may weigh beside the bytes of its objects, before it is compared with what is left: a part of it, and
/// something for small ones. What passes here is counted exactly in the transaction of the push.
const FRAMING: (u64, u64) = (4, 64 << 10);

/// What holds where no other limit was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Bytes of all repositories of an owner.
    pub owner_bytes: u64,
    /// Bytes of the distinct objects of a repository.
    pub repository_bytes: u64,
    /// Number of those objects.
    pub repository_objects: u64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { owner_bytes: 20 << 30, repository_bytes: 10 << 30, repository_objects: 5_000_000 }
    }
}

/// What has a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limited {
    /// Bytes of all repositories of an owner.
    OwnerBytes,
    /// Bytes of a repository.
    RepositoryBytes,
    /// Objects of a repository.
    RepositoryObjects,
}

impl Limited {
    const ALL: [Self; 3] = [Self::OwnerBytes, Self::RepositoryBytes, Self::RepositoryObjects];

    /// The words in rows: whose, and what.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::OwnerBytes => ("owner", "bytes"),
            Self::RepositoryBytes => ("repository", "bytes"),
            Self::RepositoryObjects => ("repository", "objects"),
        }
    }

    const fn usual(self, quotas: &Quotas) -> u64 {
        match self {
            Self::OwnerBytes => quotas.owner_bytes,
            Self::RepositoryBytes => quotas.repository_bytes,
            Self::RepositoryObjects => quotas.repository_objects,
        }
    }
}

/// What is used of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) of: Limited,
    pub(crate) used: u64,
    pub(crate) allowed: u64,
}

/// More than is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    usage: Usage,
    repository: String,
}

impl std::error::Error for Exceeded {}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { usage: Usage { of, used, allowed }, repository } = self;
        let owner = repository.split('/').next().unwrap_or_default();
        match of {
            Limited::OwnerBytes => {
                write!(f, "the repositories of {owner} would hold {used} bytes of {allowed}")?;
            }
            Limited::RepositoryBytes => {
                write!(f, "{repository} would hold {used} bytes of {allowed}")?;
            }
            Limited::RepositoryObjects => {
                write!(f, "{repository} would hold {used} objects of {allowed}")?;
            }
        }
        write!(f, "; nothing was kept. See /api/v1/repos/{repository}/usage")
    }
}

/// How counters change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
    pub(crate) commits: u64,
}

impl Hub {
    /// Counts what a repository has taken in, in the transaction that did; refuses what is above a limit. The
    /// repository's own row has been counted up already, to `objects` and `bytes`.
    pub(crate) async fn charge(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        (objects, bytes): (u64, u64),
        taken: Change,
    ) -> Result<(), Error> {
        if taken.objects == 0 {
            return Ok(());
        }
        let owner = repository.resource.owner;
        let in_all = store::charge_owner(tx, owner, taken.bytes).await?;
        let limits = store::limits(tx, owner, repository.id).await?;
        for of in Limited::ALL {
            let used = match of {
                Limited::OwnerBytes => in_all,
                Limited::RepositoryBytes => bytes,
                Limited::RepositoryObjects => objects,
            };
            let allowed =
                limits.get(&of).copied().unwrap_or_else(|| of.usual(&self.settings.quotas));
            if used > allowed {
                let usage = Usage { of, used, allowed };
                return Err(exceeded(usage, repository.full_name()));
            }
        }
        Ok(())
    }

    /// Counts a repository for another owner, in the transaction that hands it over; refuses what is above that owner's
    /// limit.
    pub(crate) async fn move_charge(
        &self,
        tx: &mut Tx,
        before: &Repository,
        after: &Repository,
    ) -> Result<(), Error> {
        let (former, owner) = (before.resource.owner, after.resource.owner);
        let used = store::charge_owner(tx, owner, after.size_bytes).await?;
        store::release_owner(tx, former, after.size_bytes).await?;
        let limits = store::limits(tx, owner, after.id).await?;
        let of = Limited::OwnerBytes;
        let allowed = limits.get(&of).copied().unwrap_or_else(|| of.usual(&self.settings.quotas));
        if used > allowed {
            return Err(exceeded(Usage { of, used, allowed }, after.full_name()));
        }
        Ok(())
    }

    /// Counts what a repository has let go, in the transaction that did.
    pub(crate) async fn release(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        gone: Change,
    ) -> Result<(), Error> {
        store::release_owner(tx, repository.resource.owner, gone.bytes).await?;
        store::count_down(tx, repository.id, gone).await?;
        Ok(())
    }

    /// Refuses a body that could not be kept, by the length that it announces, before any of it is read.
    pub(crate) async fn check_room(
        &self,
        owner: Id<Principal>,
        repository: Option<&Repository>,
        name: String,
        announced_bytes: u64,
    ) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let usage = self.usage(&mut tx, owner, repository).await?;
        let at_least = (announced_bytes - announced_bytes / FRAMING.0).saturating_sub(FRAMING.1);
        let full = usage.into_iter().find(|it| {
            it.of != Limited::RepositoryObjects && it.used.saturating_add(at_least) > it.allowed
        });
        match full {
            None => Ok(()),
            Some(it) => {
                let used = it.used.saturating_add(at_least);
                Err(exceeded(Usage { used, ..it }, name))
            }
        }
    }

    /// What is used of each limit.
    pub(crate) async fn usage(
        &self,
        tx: &mut Tx,
        owner: Id<Principal>,
        repository: Option<&Repository>,
    ) -> Result<Vec<Usage>, Error> {
        let in_all = store::owned(tx, owner).await?;
        let id = repository.map_or(Id::from_uuid(uuid::Uuid::nil()), |it| it.id);
        let limits = store::limits(tx, owner, id).await?;
        let used = |of| match of {
            Limited::OwnerBytes => in_all,
            Limited::RepositoryBytes => repository.map_or(0, |it| it.size_bytes),
            Limited::RepositoryObjects => repository.map_or(0, |it| it.object_count),
        };
        let allowed = |of: Limited| {
            limits.get(&of).copied().unwrap_or_else(|| of.usual(&self.settings.quotas))
        };
        Ok(Limited::ALL.map(|of| Usage { of, used: used(of), allowed: allowed(of) }).to_vec())
    }
}

fn exceeded(usage: Usage, repository: String) -> Error {
    let told = Exceeded { usage, repository };
    Error::wire(WireCode::QuotaExceeded, told.to_string())
}
