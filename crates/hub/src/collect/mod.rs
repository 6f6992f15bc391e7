//! Collection: what no branch leads to any more is let go (`spec/hub.md` 2, Collection, step 1).
//!
//! Kept are the commits that refs lead to, what refs were moved away from in the last 30 days, what came in the last
//! day, and all their ancestors; of them the snapshots, the trees and the objects. The rest goes in batches, each in a
//! transaction of its own that looks first whether the repository is still the one that was marked. What is unlinked
//! here becomes a tombstone later, unless somebody else links it (`objects::upkeep`).
//!
//! | file       | what is there                                        |
//! |------------|------------------------------------------------------|
//! | `mod.rs`   | [`Grace`], [`Collection`], the batches                 |
//! | `mark.rs`  | which commits are kept; pure                           |
//! | `api.rs`   | JSON: an owner asks for it                             |
//! | `job.rs`   | the jobs that do it                                    |
//! | `store.rs` | the SQL                                              |

mod api;
mod job;
mod mark;
mod store;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use db::Tx;
use names::{CommitId, Id, NodeId, ObjectId, SnapshotId, UnixMillis};
use objects::Link;
use serde::{Deserialize, Serialize};
use trust::audit::{Chain, Entry, Noted, On, Who};

pub(crate) use api::routes;
pub(crate) use job::{COLLECT, COLLECT_DUE, Collect, collect, collect_due};
pub(crate) use store::{STATEMENTS, leave};

use crate::{Error, Hub, Repository, forks, graph, quotas::Change, reading, repositories, wire};
use mark::Marker;

/// How long a branch's former place is kept.
pub(crate) const FORMER: Duration = Duration::from_hours(30 * 24);
/// How long is kept what came lately, whatever leads to it.
const YOUNG: Duration = Duration::from_hours(24);
/// Commits that are read at once.
const PAGE: usize = 5_000;
/// Rows that one transaction lets go: some milliseconds.
const BATCH: usize = 500;

/// How long things are kept that nothing leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grace {
    /// 30 days for former heads, a day for what came lately; bytes go 14 days later.
    Usual,
    /// None: for a secret that should never have been pushed.
    None,
}

/// What was let go, or would be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Collection {
    /// Commits that nothing led to.
    pub commits: u64,
    /// Snapshots that no kept commit names.
    pub snapshots: u64,
    /// Objects that no kept snapshot names.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether it was left before its end, because the repository changed.
    pub is_interrupted: bool,
}

/// What a repository was when it was marked. Every push changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    refs: i64,
    refs_moved_at: i64,
    last_position: i64,
    pushed_at: Option<i64>,
}

/// What is to go.
#[derive(Debug)]
struct Marked {
    state: State,
    /// Newest first, so that no commit goes before its children.
    commits: Vec<CommitId>,
    snapshots: Vec<SnapshotId>,
    kept_objects: HashSet<ObjectId>,
    cutoff: UnixMillis,
}

impl Hub {
    /// Lets go of what nothing leads to; with `dry_run` only says what would go.
    pub(crate) async fn collect(
        &self,
        id: Id<Repository>,
        grace: Grace,
        dry_run: bool,
    ) -> Result<Collection, Error> {
        // What a fork takes over lies there before anything leads to it.
        if forks::is_copying(&mut self.db.glance().await?, id).await? {
            return Ok(Collection { is_interrupted: true, ..Collection::default() });
        }
        let marked = self.mark(id, grace).await?;
        let mut done = Collection::default();
        if dry_run {
            done.commits = marked.commits.len() as u64;
            done.snapshots = marked.snapshots.len() as u64;
            self.count_loose(id, &marked, &mut done).await?;
            return Ok(done);
        }
        let is_over = match self.let_records_go(id, &marked, &mut done).await? {
            Some(state) => self.let_objects_go(id, &marked, &state, grace, &mut done).await?,
            None => false,
        };
        done.is_interrupted = !is_over;
        self.end(id, grace, &done).await?;
        Ok(done)
    }

    /// Writes down what went, and forgets former heads if all of it did.
    async fn end(&self, id: Id<Repository>, grace: Grace, done: &Collection) -> Result<(), Error> {
        let let_go = done.commits + done.snapshots + done.objects > 0;
        if done.is_interrupted && !let_go {
            return Ok(());
        }
        let mut tx = self.db.write().await?;
        if !done.is_interrupted {
            store::forget_former(&mut tx, id, self.former_cutoff(grace)).await?;
        }
        if done.commits > 0 {
            self.index_after(&mut tx, id).await?;
        }
        if let_go {
            let on = On { kind: "repository", id: id.to_string() };
            let entry = Entry::done(Noted::RepoCollected, Who::INSTALL, on)
                .with("commits", done.commits)
                .with("snapshots", done.snapshots)
                .with("objects", done.objects)
                .with("bytes", done.bytes);
            let chain = match repositories::by_id(&mut tx, id).await? {
                Some(it) => self.trust.chain_of(&mut tx, it.resource.owner).await?,
                None => Chain::INSTALL,
            };
            self.trust.note(&mut tx, chain, entry).await?;
        }
        Ok(tx.commit().await?)
    }

    fn former_cutoff(&self, grace: Grace) -> UnixMillis {
        self.cutoff(if grace == Grace::Usual { FORMER } else { Duration::ZERO })
    }

    fn cutoff(&self, age: Duration) -> UnixMillis {
        UnixMillis(
            self.clock.now().0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// Reads the whole history, in one state of it.
    async fn mark(&self, id: Id<Repository>, grace: Grace) -> Result<Marked, Error> {
        let cutoff = self.cutoff(if grace == Grace::Usual { YOUNG } else { Duration::ZERO });
        let mut tx = self.db.read().await?;
        let state = store::state(&mut tx, id).await?;
        let heads = store::heads(&mut tx, id, self.former_cutoff(grace)).await?;
        let mut marker = Marker::from(heads);
        let (mut commits, mut kept, mut before) = (Vec::new(), HashSet::new(), i64::MAX);
        loop {
            let page = store::commits_before(&mut tx, id, before, PAGE).await?;
            for it in &page {
                let is_young = grace == Grace::Usual && it.received_at > cutoff;
                if marker.keeps(&it.commit, is_young) {
                    kept.insert(it.snapshot);
                } else {
                    commits.push(it.commit.id);
                }
                before = it.position;
            }
            if page.len() < PAGE {
                break;
            }
        }
        let (mut snapshots, mut roots) = (Vec::new(), Vec::new());
        for (snapshot, root) in store::snapshots(&mut tx, id).await? {
            if kept.contains(&snapshot) { roots.push(root) } else { snapshots.push(snapshot) }
        }
        let kept_objects = reading::objects_below(&mut tx, roots).await?.into_keys().collect();
        Ok(Marked { state, commits, snapshots, kept_objects, cutoff })
    }

    /// The commits that `heads` lead to, oldest first, and their snapshots with their roots.
    pub(crate) async fn reachable(
        tx: &mut Tx,
        id: Id<Repository>,
        heads: impl IntoIterator<Item = CommitId>,
    ) -> Result<(Vec<CommitId>, HashMap<SnapshotId, NodeId>), Error> {
        let (mut marker, mut before) = (Marker::from(heads), i64::MAX);
        let (mut commits, mut named) = (Vec::new(), HashSet::new());
        loop {
            let page = store::commits_before(tx, id, before, PAGE).await?;
            for it in &page {
                if marker.keeps(&it.commit, false) {
                    commits.push(it.commit.id);
                    named.insert(it.snapshot);
                }
                before = it.position;
            }
            if page.len() < PAGE {
                break;
            }
        }
        commits.reverse();
        let snapshots = store::snapshots(tx, id).await?.into_iter();
        Ok((commits, snapshots.filter(|(id, _)| named.contains(id)).collect()))
    }

    /// Lets commits and snapshots go. Gives the state that it leaves behind, unless the repository changed meanwhile.
    async fn let_records_go(
        &self,
        id: Id<Repository>,
        marked: &Marked,
        done: &mut Collection,
    ) -> Result<Option<State>, Error> {
        let mut state = marked.state.clone();
        for batch in marked.commits.chunks(BATCH) {
            let mut tx = self.db.write().await?;
            let Some(repository) = still(&mut tx, id, &state).await? else { return Ok(None) };
            let commits = store::drop_commits(&mut tx, id, batch).await?;
            graph::renumber(&mut tx, id).await?;
            self.release(&mut tx, &repository, Change { commits, ..Change::default() }).await?;
            // The newest commits went first.
            state = store::state(&mut tx, id).await?;
            tx.commit().await?;
            done.commits += commits;
        }
        for batch in marked.snapshots.chunks(BATCH) {
            let mut tx = self.db.write().await?;
            if still(&mut tx, id, &state).await?.is_none() {
                return Ok(None);
            }
            done.snapshots += store::drop_snapshots(&mut tx, id, batch).await?;
            tx.commit().await?;
        }
        Ok(Some(state))
    }

    /// Unlinks what no kept snapshot names. Says whether it came to the end.
    async fn let_objects_go(
        &self,
        id: Id<Repository>,
        marked: &Marked,
        state: &State,
        grace: Grace,
        done: &mut Collection,
    ) -> Result<bool, Error> {
        let mut after = None;
        loop {
            let (loose, last) = self.loose(id, marked, after).await?;
            for batch in loose.chunks(BATCH) {
                let own = batch.iter().filter(|it| !it.is_inherited);
                let sizes: HashMap<_, _> = own.map(|it| (it.id, it.size)).collect();
                let ids: Vec<_> = batch.iter().map(|it| it.id).collect();
                let mut tx = self.db.write().await?;
                let Some(repository) = still(&mut tx, id, state).await? else { return Ok(false) };
                let gone = self.objects.unlink(&mut tx, id.uuid(), &ids, marked.cutoff).await?;
                // What was taken over from another repository was never counted.
                let counted: Vec<u64> =
                    gone.iter().filter_map(|id| sizes.get(id)).copied().collect();
                let bytes = counted.iter().sum();
                let change = Change { objects: counted.len() as u64, bytes, commits: 0 };
                self.release(&mut tx, &repository, change).await?;
                if grace == Grace::None {
                    // In here, and not after the commit: then nothing leads to them any more, and whoever goes on
                    // after a kill would leave their bytes to the usual grace.
                    self.objects.condemn_all(&mut tx, &gone).await?;
                }
                tx.commit().await?;
                done.objects += gone.len() as u64;
                done.bytes +=
                    batch.iter().filter(|it| gone.contains(&it.id)).map(|it| it.size).sum::<u64>();
            }
            after = last;
            if after.is_none() {
                return Ok(true);
            }
        }
    }

    /// Counts what [`Hub::let_objects_go`] would unlink.
    async fn count_loose(
        &self,
        id: Id<Repository>,
        marked: &Marked,
        done: &mut Collection,
    ) -> Result<(), Error> {
        let mut after = None;
        loop {
            let (loose, last) = self.loose(id, marked, after).await?;
            done.objects += loose.len() as u64;
            done.bytes += loose.iter().map(|it| it.size).sum::<u64>();
            after = last;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// The next links that nothing marked needs, and where the walk goes on.
    async fn loose(
        &self,
        id: Id<Repository>,
        marked: &Marked,
        after: Option<ObjectId>,
    ) -> Result<(Vec<Link>, Option<ObjectId>), Error> {
        let mut tx = self.db.glance().await?;
        let mut links = self.objects.links(&mut tx, id.uuid(), after, PAGE).await?;
        let last = if links.len() < PAGE { None } else { links.last().map(|it| it.id) };
        links.retain(|it| !marked.kept_objects.contains(&it.id) && it.since <= marked.cutoff);
        Ok((links, last))
    }

    /// Repositories that may hold something that nothing leads to, after `after`.
    pub(crate) async fn to_collect(
        &self,
        after: Option<Id<Repository>>,
        limit: usize,
    ) -> Result<Vec<Id<Repository>>, Error> {
        let cutoff = self.former_cutoff(Grace::Usual);
        Ok(store::to_collect(&mut self.db.glance().await?, after, cutoff, limit).await?)
    }
}

/// The repository, held, if it is as it was.
async fn still(
    tx: &mut Tx,
    id: Id<Repository>,
    state: &State,
) -> Result<Option<Repository>, Error> {
    wire::lock(tx, id).await?;
    if store::state(tx, id).await? == *state {
        Ok(repositories::by_id(tx, id).await?)
    } else {
        Ok(None)
    }
}
