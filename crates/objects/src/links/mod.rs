//! Which repository holds which object, and what waits to be held.
//!
//! A link is the permission of a repository to show an object; what has no link and is not pending becomes a tombstone.
//! Pending is what was received and verified, and is no part of a history yet: the uploader's own calls see it, for a
//! while. Repositories and principals are ids in here; the rooms above say what they are.
//!
//! Invariant: what a caller is told depends on that repository's links and on that caller's own pending objects.

mod store;

use std::{collections::HashMap, time::Duration};

use db::Tx;
use names::{ObjectId, UnixMillis};
use uuid::Uuid;

use crate::{Error, Objects};

pub(crate) use store::STATEMENTS;

/// Who uploads, and to which repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploader {
    /// The repository.
    pub repository: Uuid,
    /// The principal.
    pub principal: Uuid,
}

/// A link, as a list shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// What is linked.
    pub id: ObjectId,
    /// Its bytes.
    pub size: u64,
    /// Since when.
    pub since: UnixMillis,
    /// Whether it was taken over from another repository: then it counts for no quota.
    pub is_inherited: bool,
}

impl Objects {
    /// Which of `ids` the uploader can build on: linked to the repository or pending for the principal, and whole. With
    /// their sizes.
    pub async fn available(
        &self,
        tx: &mut Tx,
        uploader: Uploader,
        ids: &[ObjectId],
    ) -> Result<HashMap<ObjectId, u64>, Error> {
        Ok(store::available(tx, uploader, ids, self.0.clock.now()).await?)
    }

    /// Makes `ids` pending for the uploader, for as long as `keep` says; gives the number of those that were neither
    /// pending nor linked.
    pub async fn make_pending(
        &self,
        tx: &mut Tx,
        uploader: Uploader,
        ids: &[ObjectId],
        keep: Duration,
    ) -> Result<u64, Error> {
        let ends = self.0.clock.now().plus(keep);
        Ok(store::make_pending(tx, uploader, ids, ends).await?)
    }

    /// What is pending for the uploader: not linked to the repository, and not named by a push yet.
    pub async fn pending(&self, tx: &mut Tx, uploader: Uploader) -> Result<Vec<ObjectId>, Error> {
        Ok(store::pending(tx, uploader, self.0.clock.now()).await?)
    }

    /// Forgets at most `limit` pending objects whose time has come; gives how many.
    pub async fn end_pending(&self, tx: &mut Tx, limit: usize) -> Result<u64, Error> {
        Ok(store::end_pending(tx, self.0.clock.now(), limit).await?)
    }

    /// Links objects to the repository; gives those that were not linked before. They are pending no longer.
    pub async fn link(
        &self,
        tx: &mut Tx,
        repository: Uuid,
        ids: &[ObjectId],
    ) -> Result<Vec<ObjectId>, Error> {
        Ok(store::link(tx, repository, ids, self.0.clock.now()).await?)
    }

    /// Links those of `ids` to the repository that `source` links, for no quota. What is linked already stays as it is.
    pub async fn inherit(
        &self,
        tx: &mut Tx,
        repository: Uuid,
        source: Uuid,
        ids: &[ObjectId],
    ) -> Result<(), Error> {
        Ok(store::inherit(tx, repository, source, ids, self.0.clock.now()).await?)
    }

    /// Ends the links of `ids` that are older than `cutoff`; gives the ended ones.
    pub async fn unlink(
        &self,
        tx: &mut Tx,
        repository: Uuid,
        ids: &[ObjectId],
        cutoff: UnixMillis,
    ) -> Result<Vec<ObjectId>, Error> {
        Ok(store::unlink(tx, repository, ids, cutoff).await?)
    }

    /// The links of a repository in order of the ids, after `after`.
    pub async fn links(
        &self,
        tx: &mut Tx,
        repository: Uuid,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<Link>, Error> {
        Ok(store::links(tx, repository, after, limit).await?)
    }

    /// Number and bytes of everything that is linked to a repository and was not taken over from another: the truth that
    /// counters are held to.
    pub async fn count_links(&self, tx: &mut Tx, repository: Uuid) -> Result<(u64, u64), Error> {
        Ok(store::count_links(tx, repository).await?)
    }
}
