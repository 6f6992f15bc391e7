//! Push: the order of processing (`spec/wire.md` 5).
//!
//! What costs time is done before the transaction: hashing, checking, building trees. The transaction looks again at
//! everything that another push could have changed, and writes.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use api::{
    CommitRecord, WireCode,
    wire::{Format, Pushed, limits},
};
use history::tree::{self, Tree};
use names::{CommitId, ObjectId, SnapshotId};
use trust::{
    Actor, AgentLabels, Allowed, act,
    audit::{Entry, Noted, On},
};
use web::{Call, Problem};

use super::{
    Answer, body,
    bundle::Bundle,
    landing::{self, Move, NewCommit, NewSnapshot},
    upload,
    weights::{TOGETHER, Weight},
};
use crate::{
    Error, Hub, Repository, reading,
    ref_log::Word,
    repositories::PushTarget,
    signatures::{Asked, Proofs},
};

/// Ids that an error sentence names; the count stands beside them.
const NAMED: usize = 5;

/// A push whose costly part is done.
struct Planted {
    bundle: Bundle,
    trees: HashMap<SnapshotId, Tree>,
    proofs: Proofs,
}

/// Takes a push in, whole or not at all.
pub(super) async fn push(
    hub: Hub,
    allowed: Allowed<act::RefPush, PushTarget>,
    call: Call,
) -> Result<Answer, Problem> {
    let format = super::accepted(&call);
    let encoding = Format::of_content_type(Some(call.header("content-type")));
    // Counted until the end: what was decoded lives as long.
    let weight = Arc::new(Weight::on(&TOGETHER));
    let limits = body::limits(limits::PUSH_BODY_BYTES, &weight);
    let store = hub.objects.clone();
    let (request, carried) =
        body::read(call.body, move |reader| upload::take_push(&store, encoding, reader, &limits))
            .await?;
    let mut bundle = blocking(move || Bundle::check(request, carried)).await?;
    allowed.check_branch(&bundle.branch)?;
    let warned = hub.inspect_bundle(&allowed, &mut bundle).await?;
    let mut landed = hub.land(&allowed, bundle).await?;
    for warning in warned {
        landed.message.push_str("; ");
        landed.message.push_str(&warning);
    }
    Ok(Answer { format, body: landed.into() })
}

/// Runs `work` where it may take long.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))?
}

impl Hub {
    async fn land(
        &self,
        allowed: &Allowed<act::RefPush, PushTarget>,
        bundle: Bundle,
    ) -> Result<Pushed, Error> {
        let Planted { mut bundle, trees, proofs } = self.plant(allowed, bundle).await?;
        let staged = self.objects.keep(std::mem::take(&mut bundle.sealed)).await?;
        let mut tx = self.trust.begin(allowed.actor()).await?;
        let repository = self.target(&mut tx, allowed).await?;
        if let PushTarget::Existing(_) = allowed.resource() {
            // What was granted when the request began may have been taken away since.
            let actor = allowed.actor();
            let still = Allowed::<act::RefPush, _>::ask(actor, repository.clone());
            still.and_then(|it| it.check_branch(&bundle.branch)).map_err(Error::Refused)?;
        }
        landing::lock(&mut tx, repository.id).await?;
        self.make_pending(&mut tx, allowed, &repository, &staged).await?;
        let sizes = self.sizes(&mut tx, allowed, Some(&repository), &bundle).await?;
        let known = reading::known_commits(&mut tx, repository.id, &named_commits(&bundle)).await?;
        let snapshots = new_snapshots(&mut tx, &repository, &bundle, trees).await?;
        let commits =
            new_commits(&bundle, &known, &proofs, self.trust.agent_labels(allowed.actor()))?;
        let new = commits.iter().map(|it| it.checked.record.commit_id);
        proofs.check(&mut tx, &repository, new, self.clock.now()).await?;
        self.check_snapshots_held(&mut tx, &repository, &bundle, &commits).await?;
        let moved = self.check_ref(&mut tx, allowed, &repository, &bundle, &known).await?;
        let push = landing::Push {
            repository: &repository,
            actor: allowed.actor(),
            by: upload::principal(allowed)?,
            now: self.clock.now(),
            branch: &bundle.branch,
            tip: bundle.tip,
            commits: &commits,
            snapshots: &snapshots,
            objects: &sizes,
            moved,
            word: Word::Request,
        };
        let repeated = bundle.commits.iter().map(|it| &it.record);
        let repeated: Vec<_> = repeated.filter(|it| known.contains_key(&it.commit_id)).collect();
        if push.brings_something() || repository.is_nascent() {
            self.write(&mut tx, &push).await?;
            landing::annotate(&mut tx, &repository, &repeated, &proofs).await?;
            self.bring_to_life(&mut tx, &repository).await?;
        } else {
            landing::annotate(&mut tx, &repository, &repeated, &proofs).await?;
        }
        let branch_heads = reading::heads(&mut tx, &repository).await?;
        self.note_push(&mut tx, allowed.actor(), &push).await?;
        tx.commit().await?;
        self.queue.wake();
        // Counted as sent, so that the same push twice gets the same answer.
        let (count, tip) = (bundle.commits.len(), bundle.tip.short());
        tracing::info!(repository = repository.full_name(), branch = %bundle.branch, tip, count, "push accepted");
        let message = format!("{count} commit(s), {} is now {tip}", bundle.branch);
        Ok(Pushed { ok: true, message, branch_heads })
    }

    /// Builds the trees of the snapshots and verifies the signatures, before the transaction: this hashes every path. The
    /// sizes that go into the trees are those of objects which this repository holds or the caller has pending; the
    /// transaction checks that again.
    async fn plant(
        &self,
        allowed: &Allowed<act::RefPush, PushTarget>,
        bundle: Bundle,
    ) -> Result<Planted, Error> {
        let mut tx = self.db.glance().await?;
        let repository = match allowed.resource() {
            PushTarget::Existing(repository) => Some(&**repository),
            PushTarget::Absent { .. } => None,
        };
        let sizes = self.sizes(&mut tx, allowed, repository, &bundle).await?;
        let signed = match repository {
            Some(it) => landing::signed_commits(&mut tx, it.id, &named_commits(&bundle)).await?,
            None => HashSet::new(),
        };
        let records = || bundle.commits.iter().map(|it| &it.record);
        let is_new = |it: &&CommitRecord| !signed.contains(&it.commit_id);
        let asked = Asked::of(&mut tx, records().filter(is_new)).await?;
        drop(tx);
        blocking(move || {
            let records = bundle.commits.iter().map(|it| &it.record);
            let proofs = Proofs::of(records.filter(|it| !signed.contains(&it.commit_id)), &asked)?;
            let size = |id: &ObjectId| sizes.get(id).copied().unwrap_or(0);
            let mut trees = HashMap::with_capacity(bundle.snapshots.len());
            for (id, snapshot) in &bundle.snapshots {
                let entries =
                    snapshot.manifest.iter().map(|(path, object)| (path, *object, size(object)));
                let tree = tree::build(entries)
                    .map_err(|error| Error::wire(WireCode::PathConflict, error.to_string()))?;
                trees.insert(*id, tree);
            }
            Ok(Planted { bundle, trees, proofs })
        })
        .await
    }

    /// The sizes of all objects of the push; 422 if one is neither held nor pending for this caller.
    async fn sizes(
        &self,
        tx: &mut db::Tx,
        allowed: &Allowed<act::RefPush, PushTarget>,
        repository: Option<&Repository>,
        bundle: &Bundle,
    ) -> Result<HashMap<ObjectId, u64>, Error> {
        let needed = bundle.objects();
        let mut sizes: HashMap<_, _> = bundle.sealed.objects().collect();
        if let Some(repository) = repository {
            let uploader = upload::uploader(allowed, repository)?;
            sizes.extend(self.objects.available(tx, uploader, &needed).await?);
        }
        let missing: Vec<_> = needed.iter().filter(|id| !sizes.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(sizes);
        }
        let named =
            missing.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let sentence = format!("{} object(s) were not uploaded, among them {named}", missing.len());
        Err(Error::wire(WireCode::MissingObjects, sentence))
    }

    /// Every snapshot of a new commit is in the push or held.
    async fn check_snapshots_held(
        &self,
        tx: &mut db::Tx,
        repository: &Repository,
        bundle: &Bundle,
        commits: &[NewCommit<'_>],
    ) -> Result<(), Error> {
        let absent = commits.iter().map(|it| it.checked.record.snapshot_id);
        let absent: Vec<_> = absent.filter(|id| !bundle.snapshots.contains_key(id)).collect();
        let held = landing::held_snapshots(tx, repository.id, &absent).await?;
        match absent.iter().find(|id| !held.contains(id)) {
            None => Ok(()),
            Some(id) => {
                let sentence =
                    format!("snapshot {id} is neither in the push nor in the repository");
                Err(Error::wire(WireCode::MissingSnapshot, sentence))
            }
        }
    }

    /// The branch may move to the tip: it fits beside the others, and the move is a fast-forward or a right.
    async fn check_ref(
        &self,
        tx: &mut db::Tx,
        allowed: &Allowed<act::RefPush, PushTarget>,
        repository: &Repository,
        bundle: &Bundle,
        known: &HashMap<CommitId, reading::Known>,
    ) -> Result<Move, Error> {
        let heads = reading::branches(tx, repository.id).await?;
        if let Some((other, _)) = heads.iter().find(|(name, _)| name.clashes_with(&bundle.branch)) {
            let sentence = format!(
                "`{}` and `{other}` cannot both be branches: one is a directory of the other",
                bundle.branch
            );
            return Err(Error::wire(WireCode::RefConflict, sentence));
        }
        let Some((_, present)) = heads.iter().find(|(name, _)| *name == bundle.branch) else {
            return Ok(Move::Forward(None));
        };
        if *present == bundle.tip {
            return Ok(Move::Stays);
        }
        if leads_to(tx, repository, bundle, known, *present).await? {
            return Ok(Move::Forward(Some(*present)));
        }
        if !bundle.force {
            let sentence = format!(
                "{} is at {present}, which the push does not contain; fetch and merge first",
                bundle.branch
            );
            return Err(Error::wire(WireCode::NotFastForward, sentence));
        }
        let repository = allowed.resource().clone();
        match Allowed::<act::RefForce, _>::ask(allowed.actor(), repository) {
            Ok(_) => Ok(Move::Leaves(*present)),
            Err(_) => Err(Error::wire(
                WireCode::ForceForbidden,
                "moving a branch back needs the right to force",
            )),
        }
    }
}

impl Hub {
    /// Writes down what is not an everyday push: the first, which makes the repository, and one that leaves commits
    /// behind.
    async fn note_push(
        &self,
        tx: &mut db::Tx,
        actor: &Actor,
        push: &landing::Push<'_>,
    ) -> Result<(), Error> {
        if push.repository.is_nascent() {
            self.note_created(tx, actor, push.repository).await?;
        }
        if let Move::Leaves(former) = push.moved {
            let at = (push.repository, actor);
            self.note_left(tx, at, push.branch.as_str(), (former, Some(push.tip))).await?;
        }
        Ok(())
    }

    /// Writes down that a ref was moved away from commits, or taken away.
    pub(crate) async fn note_left(
        &self,
        tx: &mut db::Tx,
        (repository, actor): (&Repository, &Actor),
        branch: &str,
        (from, to): (CommitId, Option<CommitId>),
    ) -> Result<(), Error> {
        let what = if to.is_some() { Noted::RefForced } else { Noted::RefDeleted };
        let entry = Entry::done(what, actor, On::new("repository", repository.id))
            .with("branch", branch)
            .with("from", from.to_string());
        let entry = match to {
            Some(to) => entry.with("to", to.to_string()),
            None => entry,
        };
        let chain = self.trust.chain_of(tx, repository.resource.owner).await?;
        self.trust.note(tx, chain, entry).await?;
        Ok(())
    }
}

/// Whether `present` is reached from the tip: first through the push, then on the stored graph.
async fn leads_to(
    tx: &mut db::Tx,
    repository: &Repository,
    bundle: &Bundle,
    known: &HashMap<CommitId, reading::Known>,
    present: CommitId,
) -> Result<bool, Error> {
    let new: HashMap<_, _> =
        bundle.commits.iter().map(|it| (it.record.commit_id, &it.record)).collect();
    let (mut seen, mut waiting, mut held) = (HashSet::new(), vec![bundle.tip], Vec::new());
    while let Some(id) = waiting.pop() {
        if id == present {
            return Ok(true);
        }
        if !seen.insert(id) {
            continue;
        }
        if known.contains_key(&id) {
            held.push(id);
        } else if let Some(record) = new.get(&id) {
            waiting.extend(record.parents());
        }
    }
    Ok(reading::is_reachable(tx, repository.id, present, &held).await?)
}

/// Every commit that the push brings or names as a parent.
fn named_commits(bundle: &Bundle) -> Vec<CommitId> {
    let named =
        bundle.commits.iter().flat_map(|it| it.record.parents().chain([it.record.commit_id]));
    named.collect::<HashSet<_>>().into_iter().collect()
}

/// The commits that the repository does not hold, parents first, with their generations.
fn new_commits<'a>(
    bundle: &'a Bundle,
    known: &HashMap<CommitId, reading::Known>,
    proofs: &Proofs,
    labels: AgentLabels<'_>,
) -> Result<Vec<NewCommit<'a>>, Error> {
    let mut generations: HashMap<CommitId, i64> =
        known.iter().map(|(id, it)| (*id, it.generation)).collect();
    let mut new = Vec::new();
    for checked in &bundle.commits {
        let record = &checked.record;
        if known.contains_key(&record.commit_id) {
            continue;
        }
        let mut generation = 1;
        for parent in record.parents() {
            let Some(of_parent) = generations.get(&parent) else {
                let sentence = format!(
                    "commit {parent} is the parent of {} and not in this repository",
                    record.commit_id
                );
                return Err(Error::wire(WireCode::UnknownParent, sentence));
            };
            generation = generation.max(of_parent + 1);
        }
        generations.insert(record.commit_id, generation);
        new.push(NewCommit {
            checked,
            generation,
            signature_state: proofs.word(record),
            agent: labels.of(&record.agent_id),
        });
    }
    Ok(new)
}

/// The snapshots that the repository does not hold, with their trees.
async fn new_snapshots<'a>(
    tx: &mut db::Tx,
    repository: &Repository,
    bundle: &'a Bundle,
    mut trees: HashMap<SnapshotId, Tree>,
) -> Result<Vec<NewSnapshot<'a>>, Error> {
    let ids: Vec<_> = bundle.snapshots.keys().copied().collect();
    let held = landing::held_snapshots(tx, repository.id, &ids).await?;
    let new = bundle.snapshots.values().filter(|it| !held.contains(&it.snapshot_id));
    Ok(new
        .filter_map(|record| Some(NewSnapshot { tree: trees.remove(&record.snapshot_id)?, record }))
        .collect())
}
