//! A fork's branch follows that of its source, where that is a fast-forward (`spec/hub.md` 1, Fork).
//!
//! What is missing is copied as a fork is: rows and links, never bytes, in pieces that may be repeated. The branch moves
//! last, in a transaction of its own.

use std::collections::HashSet;

use api::WireCode;
use names::{BranchName, CommitId, ObjectId, SnapshotId};
use trust::{Actor, Allowed, act};

use super::{copy::BATCH, store};
use crate::{
    Error, Format, Hub, Repository,
    intake::{Asks, Heads, Leaks},
    reading::{self, Commit},
    ref_log::{Movement, Word},
    repositories,
    signatures::{Asked, Proofs, Required},
    wire::{self, push::blocking},
};

/// Commits that follow in one go: more of them are pushed.
const COMMITS: usize = 50_000;

/// Where a branch went.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    pub(crate) old: Option<CommitId>,
    pub(crate) new: CommitId,
    pub(crate) commits: u64,
}

/// What the fork lacks.
struct Missing {
    old: Option<CommitId>,
    tip: CommitId,
    /// The oldest first.
    commits: Vec<CommitId>,
    snapshots: HashSet<SnapshotId>,
}

impl Hub {
    /// Lets a branch of a fork follow that of its source.
    pub(crate) async fn follow_source(
        &self,
        allowed: &Allowed<act::RefPush, Repository>,
        branch: &BranchName,
    ) -> Result<Followed, Error> {
        let (actor, fork) = (allowed.actor(), allowed.resource());
        allowed.check_branch(branch).map_err(Error::Refused)?;
        let source = self.source_for(actor, fork).await?;
        // What became private after it was forked is not shown to everybody by following it.
        if source.is_private() && !fork.is_private() {
            let message = format!("{} is private by now, and this is not", source.full_name());
            return Err(Error::Asked { field: "branch", message });
        }
        let missing = self.missing_of(fork, &source, branch).await?;
        if missing.old == Some(missing.tip) {
            let (old, new) = (missing.old, missing.tip);
            return Ok(Followed { old, new, commits: 0 });
        }
        let come = match fork.format {
            Format::Muse => None,
            Format::Git => {
                let have: Vec<_> = missing.old.into_iter().collect();
                Some(self.copy_between((&source, fork), (missing.tip, &have)).await?)
            }
        };
        let commits = self.copy_missing(actor, (fork, &source), &missing).await?;
        let mut tx = self.trust.begin(actor).await?;
        let still: Allowed<act::RefPush, _> = self.again(&mut tx, actor, fork.id).await?;
        still.check_branch(branch).map_err(Error::Refused)?;
        let fork = still.resource();
        let heads = reading::branches(&mut tx, fork.id).await?;
        let present = heads.iter().find(|(name, _)| name == branch).map(|(_, id)| *id);
        if present != missing.old {
            return Err(apart(branch));
        }
        if let Some((other, _)) = heads.iter().find(|(name, _)| name.clashes_with(branch)) {
            let sentence = format!(
                "`{branch}` and `{other}` cannot both be branches: one is a directory of the other"
            );
            return Err(Error::wire(WireCode::RefConflict, sentence));
        }
        let held = reading::known_commits(&mut tx, fork.id, &[missing.tip]).await?;
        if !held.contains_key(&missing.tip) {
            return Err(Error::wire(WireCode::UnknownCommit, "the source has changed; try again"));
        }
        let (name, now) = (branch.full(), self.clock.now());
        let (old, new, word) = (missing.old, Some(missing.tip), Word::Server);
        let movement = Movement { name: &name, old, new, is_forced: false, word };
        self.move_ref(&mut tx, (fork, actor), &movement, now).await?;
        if let Some(come) = &come {
            self.count_come(&mut tx, fork, come).await?;
        }
        store::pushed(&mut tx, fork.id, now).await?;
        tx.commit().await?;
        drop(come);
        self.queue.wake();
        tracing::info!(fork = fork.full_name(), %branch, commits, "a fork follows its source");
        Ok(Followed { old, new: missing.tip, commits })
    }

    /// What a fork was made from, if whoever asks may read that.
    async fn source_for(&self, actor: &Actor, fork: &Repository) -> Result<Repository, Error> {
        let from = fork.fork.filter(|it| !it.is_copying).and_then(|it| it.source);
        let mut tx = self.db.glance().await?;
        let found = match from {
            Some(source) => repositories::by_id_for(&mut tx, source, actor.readers()).await?,
            None => None,
        };
        let seen = found.and_then(|it| Allowed::<act::ObjectRead, _>::ask(actor, it).ok());
        Ok(seen.ok_or(Error::NoSource)?.resource().clone())
    }

    /// Reads what the source's branch leads to and the fork's does not.
    async fn missing_of(
        &self,
        fork: &Repository,
        source: &Repository,
        branch: &BranchName,
    ) -> Result<Missing, Error> {
        let mut tx = self.db.read().await?;
        let at = |heads: &[(BranchName, CommitId)]| {
            heads.iter().find(|(name, _)| name == branch).map(|(_, id)| *id)
        };
        let old = at(&reading::branches(&mut tx, fork.id).await?);
        let Some(tip) = at(&reading::branches(&mut tx, source.id).await?) else {
            let message = format!("{} has no branch `{branch}`", source.full_name());
            return Err(Error::Asked { field: "branch", message });
        };
        if let Some(old) = old {
            let known = reading::known_commits(&mut tx, source.id, &[old]).await?;
            let leads = known.contains_key(&old)
                && reading::is_reachable(&mut tx, source.id, old, &[tip]).await?;
            if !leads {
                return Err(apart(branch));
            }
        }
        let have: Vec<_> = old.into_iter().collect();
        let mut commits = reading::between(&mut tx, source.id, &[tip], &have).await?;
        if commits.len() > COMMITS {
            let sentence =
                format!("{} commits would follow, and {COMMITS} may; push them", commits.len());
            return Err(Error::wire(WireCode::TooLarge, sentence));
        }
        commits.reverse();
        let mut snapshots = HashSet::new();
        for batch in commits.chunks(BATCH) {
            let records = reading::commits(&mut tx, source.id, batch).await?;
            snapshots.extend(records.values().map(|it| it.record.snapshot_id));
        }
        Ok(Missing { old, tip, commits, snapshots })
    }

    /// Copies what the fork lacks, in pieces; gives how many commits are new to it.
    async fn copy_missing(
        &self,
        actor: &Actor,
        (fork, source): (&Repository, &Repository),
        missing: &Missing,
    ) -> Result<u64, Error> {
        let mut objects = Vec::new();
        // Of Git they lie in packs, and were looked at where those came.
        if fork.format == Format::Muse {
            let mut tx = self.db.read().await?;
            let found = reading::snapshots(&mut tx, source.id, &missing.snapshots).await?;
            let roots = found.values().map(|it| it.root);
            objects = reading::objects_below(&mut tx, roots).await?.into_keys().collect();
            drop(tx);
            objects.sort_unstable();
            self.inspect_missing((fork, source), missing, &objects).await?;
        }
        for batch in objects.chunks(BATCH) {
            let mut tx = self.db.write().await?;
            let _still: Allowed<act::RefPush, _> = self.again(&mut tx, actor, fork.id).await?;
            self.objects.inherit(&mut tx, fork.id.uuid(), source.id.uuid(), batch).await?;
            tx.commit().await?;
        }
        let snapshots: Vec<_> = missing.snapshots.iter().copied().collect();
        for batch in snapshots.chunks(BATCH) {
            let mut tx = self.db.write().await?;
            wire::lock(&mut tx, fork.id).await?;
            store::copy_snapshots(&mut tx, fork.id, source.id, batch).await?;
            tx.commit().await?;
        }
        let mut commits = 0;
        for batch in missing.commits.chunks(BATCH) {
            let mut tx = self.db.write().await?;
            let still: Allowed<act::RefPush, _> = self.again(&mut tx, actor, fork.id).await?;
            self.check_signed(&mut tx, still.resource(), source, batch).await?;
            commits += store::copy_commits(&mut tx, fork.id, source.id, batch).await?;
            tx.commit().await?;
        }
        Ok(commits)
    }

    /// Refuses files that the fork does not take, before any of it is the fork's. What is only told nobody would read here.
    async fn inspect_missing(
        &self,
        (fork, source): (&Repository, &Repository),
        missing: &Missing,
        objects: &[ObjectId],
    ) -> Result<(), Error> {
        let asks = Asks::of(Some(fork), None);
        let mut leaks = Leaks::new();
        if asks.refuses_secrets() {
            let new = self.new_to(fork.id, objects).await?;
            leaks = self.leaks((asks, Some(fork)), leaks, &new).await?;
        }
        if !asks.is_anything() && leaks.is_empty() {
            return Ok(());
        }
        for batch in missing.commits.chunks(BATCH) {
            self.inspect_batch((fork, source), (asks, &leaks), batch).await?;
        }
        Ok(())
    }

    async fn inspect_batch(
        &self,
        (fork, source): (&Repository, &Repository),
        (asks, leaks): (Asks, &Leaks),
        batch: &[CommitId],
    ) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let records = reading::commits(&mut tx, source.id, batch).await?;
        let parents: Vec<_> =
            records.values().filter_map(|it| it.record.parent_commit_id).collect();
        let before = reading::commits(&mut tx, source.id, &parents).await?;
        let all = records.values().chain(before.values()).map(|it| it.record.snapshot_id);
        let roots = reading::snapshots(&mut tx, source.id, &all.collect()).await?;
        drop(tx);
        let root = |commit: &Commit| roots.get(&commit.record.snapshot_id).map(|it| it.root);
        let pairs = records.values().filter_map(|it| {
            let before = it.record.parent_commit_id.and_then(|id| before.get(&id));
            Some((before.and_then(root), root(it)?))
        });
        let news = self.news_of_trees(asks, &pairs.collect::<Vec<_>>()).await?;
        self.judge_news((asks, Some(fork)), &news, &Heads::new(), leaks).await.map(drop)
    }

    /// What comes from the source is asked for what anything is that comes from elsewhere.
    async fn check_signed(
        &self,
        tx: &mut db::Tx,
        fork: &Repository,
        source: &Repository,
        batch: &[CommitId],
    ) -> Result<(), Error> {
        if fork.require_signed_commits == Required::Off {
            return Ok(());
        }
        let held = reading::known_commits(tx, fork.id, batch).await?;
        let new: Vec<_> = batch.iter().copied().filter(|id| !held.contains_key(id)).collect();
        let stored = reading::commits(tx, source.id, &new).await?;
        let asked = Asked::of(tx, stored.values().map(|it| &it.record)).await?;
        let prove = move || Proofs::of(stored.values().map(|it| &it.record), &asked);
        let proofs = blocking(prove).await?;
        proofs.check(tx, fork, new.iter().copied(), self.clock.now()).await
    }
}

fn apart(branch: &BranchName) -> Error {
    let sentence = format!(
        "{branch} has commits that its source does not have; merge them in a clone, and push"
    );
    Error::wire(WireCode::NotFastForward, sentence)
}
