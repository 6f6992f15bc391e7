//! What stands before a cursor: checked, and kept with the offset behind it in one transaction.

use std::collections::{HashMap, HashSet};

use api::{WireCode, wire2::PushState};
use db::Tx;
use history::tree::Tree;
use names::{CommitId, ObjectId, SnapshotId};

use super::{
    LIFE,
    session::Session,
    store,
    stream::{Page, wrong_offset},
    tree::Manifests,
};
use crate::{
    Error, Hub, Repository, reading,
    signatures::{Asked, Proofs},
    wire::{bundle::CheckedCommit, landing, upload},
};

/// Commits of one push (`spec/wire.md` 10).
const COMMITS: u64 = 5_000_000;

/// A snapshot that has the id that it should have.
pub(super) struct Built {
    pub(super) id: SnapshotId,
    /// What it was told by.
    pub(super) base: Option<SnapshotId>,
    /// Its numbers, and those of its directories that are new.
    pub(super) tree: Tree,
    pub(super) wire_bytes: u64,
    pub(super) created_at: String,
    /// What it names beside what its base names, with the sizes.
    pub(super) named: Vec<(ObjectId, u64)>,
}

impl Hub {
    /// Keeps a page. Hashes and waits for the disk: for a thread that may.
    pub(super) async fn keep_page(
        &self,
        session: &Session,
        page: Page,
        came: u64,
        manifests: &mut Manifests,
    ) -> Result<PushState, Error> {
        let Page { sealed, snapshots, commits, cursor, offset } = page;
        let fresh: HashMap<_, _> = sealed.objects().collect();
        let mut tx = self.db.glance().await?;
        let (allowed, repository) = self.still_pushes(&mut tx, session).await?;
        let ids: Vec<_> = snapshots.iter().map(|it| it.id).collect();
        let mut held = landing::held_snapshots(&mut tx, repository.id, &ids).await?;
        held.extend(store::roots(&mut tx, session.id, &ids).await?.into_keys());
        drop(tx);
        let uploader = upload::uploader(&allowed, &repository)?;
        let mut built = Vec::new();
        for delta in snapshots {
            if held.insert(delta.id) {
                let at = (session, &repository, uploader);
                built.push(self.build(at, &fresh, delta, manifests).await?);
            }
        }
        let commits = self.checked(commits).await?;
        // Looked at before anything has its name, and once more where nobody else can change it.
        let mut tx = self.db.glance().await?;
        place(&mut tx, (session, &repository), &commits, &held).await?;
        drop(tx);

        // What was sent is on the disk, and has its name, before a row says so.
        let staged = self.objects.keep(sealed).await?;
        let now = self.clock.now();
        let mut tx = self.db.write().await?;
        let (allowed, repository) = self.still_pushes(&mut tx, session).await?;
        let placed = place(&mut tx, (session, &repository), &commits, &held).await?;
        let before = &session.state;
        let state = PushState {
            offset,
            cursor,
            commits: before.commits + placed.len() as u64,
            snapshots: before.snapshots + built.len() as u64,
            objects: before.objects + came,
            part: None,
        };
        if state.commits > COMMITS {
            let sentence = format!("more than {COMMITS} commits in one push");
            return Err(Error::wire(WireCode::TooLarge, sentence));
        }
        let ends = now.plus(LIFE);
        if !store::advance(&mut tx, session.id, before.offset, &state, ends).await? {
            return Err(wrong_offset(session));
        }
        self.make_pending(&mut tx, &allowed, &repository, &staged).await?;
        landing::add_nodes(&mut tx, built.iter().flat_map(|it| &it.tree.nodes)).await?;
        store::add_snapshots(&mut tx, session.id, &built).await?;
        store::add_commits(&mut tx, session.id, before.commits, &placed).await?;
        tx.commit().await?;
        Ok(state)
    }

    /// Each id computed again, each signature of a registered key verified.
    async fn checked(&self, records: Vec<api::CommitRecord>) -> Result<Vec<CheckedCommit>, Error> {
        let mut seen = HashSet::new();
        let checked = records.into_iter().map(CheckedCommit::check);
        let mut checked = checked.collect::<Result<Vec<_>, _>>()?;
        checked.retain(|it| seen.insert(it.record.commit_id));
        let mut tx = self.db.glance().await?;
        let asked = Asked::of(&mut tx, checked.iter().map(|it| &it.record)).await?;
        drop(tx);
        Proofs::of(checked.iter().map(|it| &it.record), &asked)?;
        Ok(checked)
    }
}

/// The commits of a page that did not come before, with their generations. Each has its parents and its snapshot before
/// it: in the page, in the push or in the repository.
async fn place<'a>(
    tx: &mut Tx,
    (session, repository): (&Session, &Repository),
    commits: &'a [CheckedCommit],
    held: &HashSet<SnapshotId>,
) -> Result<Vec<(&'a CheckedCommit, i64)>, Error> {
    let records = || commits.iter().map(|it| &it.record);
    let named = records().flat_map(|it| it.parents().chain([it.commit_id]));
    let named: Vec<CommitId> = named.collect::<HashSet<_>>().into_iter().collect();
    let come = store::generations(tx, session.id, &named).await?;
    let known = reading::known_commits(tx, repository.id, &named).await?;
    let mut generations: HashMap<_, _> =
        known.into_iter().map(|(id, it)| (id, it.generation)).collect();
    generations.extend(&come);

    let others = records().map(|it| it.snapshot_id).filter(|id| !held.contains(id));
    let others: Vec<_> = others.collect::<HashSet<_>>().into_iter().collect();
    let mut there = landing::held_snapshots(tx, repository.id, &others).await?;
    there.extend(store::roots(tx, session.id, &others).await?.into_keys());
    if let Some(id) = others.iter().find(|id| !there.contains(id)) {
        let sentence = format!("snapshot {id} is neither in the push nor in the repository");
        return Err(Error::wire(WireCode::MissingSnapshot, sentence));
    }

    let mut placed = Vec::new();
    for commit in commits {
        let record = &commit.record;
        let mut generation = 1;
        for parent in record.parents() {
            let of_parent = generations.get(&parent).ok_or_else(|| {
                let sentence = format!(
                    "commit {parent} is the parent of {} and not in this repository",
                    record.commit_id
                );
                Error::wire(WireCode::UnknownParent, sentence)
            })?;
            generation = generation.max(of_parent + 1);
        }
        generations.insert(record.commit_id, generation);
        if !come.contains_key(&record.commit_id) {
            placed.push((commit, generation));
        }
    }
    Ok(placed)
}
