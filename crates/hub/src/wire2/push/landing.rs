//! The one transaction of a push: what came becomes history, and its refs move, all of them or none.

use std::collections::HashMap;

use api::{
    WireCode,
    wire2::{Landed, PushLanded},
};
use db::Tx;
use names::{CommitId, Id, UnixMillis};

use super::{
    asked_again,
    session::{Kind, Planned, Session, check_force},
    store::{self, Waiting},
};
use crate::{
    Error, Hub, Repository, collect,
    quotas::Change,
    reading,
    ref_log::{Movement, Word},
    repositories::PushTarget,
    signatures::{Ahead, Asked, Proofs},
    wire::{
        landing::{self, Counted, NewCommit},
        push::blocking,
        upload::{self, Upload},
    },
};

/// Commits that are taken over together.
const COMMITS: u32 = 500;
/// Objects that are linked together.
const OBJECTS: u32 = 5_000;

/// What a push has brought.
#[derive(Default)]
pub(super) struct Brought {
    taken: Change,
    domain: Option<String>,
}

impl Hub {
    /// Makes a push history. A push that is history already gives the answer that it gave.
    pub(super) async fn land_push(
        &self,
        allowed: &Upload,
        id: Id<Session>,
    ) -> Result<PushLanded, Error> {
        let PushTarget::Existing(_) = allowed.resource() else { return Err(Error::NotFound) };
        let warnings = self.inspect_push(allowed, id).await?;
        let now = self.clock.now();
        let ahead = self.verify_ahead(allowed, id).await?;
        let mut tx = self.trust.begin(allowed.actor()).await?;
        let repository = self.target(&mut tx, allowed).await?;
        landing::lock(&mut tx, repository.id).await?;
        let session = self.held_session(&mut tx, allowed, (id, &repository)).await?;
        if let Some(result) = session.result {
            return Ok(result);
        }
        // What was granted when the push began may have been taken away since.
        let still = asked_again(allowed, &repository)?;
        let at = (&still, &repository);
        let planned = self.check_updates(&mut tx, at, &session.updates, session.created_at).await?;
        let brought = self.take_over(&mut tx, at, (&session, &ahead), now).await?;
        let mut updates = Vec::with_capacity(planned.len());
        for plan in &planned {
            updates.push(self.move_planned(&mut tx, at, plan, now).await?);
        }
        self.count_in(&mut tx, &repository, (&planned, &brought), now).await?;
        if repository.is_nascent() {
            self.note_created(&mut tx, allowed.actor(), &repository).await?;
        }
        self.bring_to_life(&mut tx, &repository).await?;
        let landed = PushLanded { updates, warnings };
        store::conclude(&mut tx, session.id, &landed).await?;
        tx.commit().await?;
        self.queue.wake();
        let (refs, commits) = (landed.updates.len(), brought.taken.commits);
        tracing::info!(repository = repository.full_name(), refs, commits, "push accepted");
        Ok(landed)
    }

    /// Verifies the signatures of what came, while others may write. What the transaction finds of keys decides.
    async fn verify_ahead(&self, allowed: &Upload, id: Id<Session>) -> Result<Ahead, Error> {
        let (mut ahead, mut after) = (Ahead::default(), 0);
        loop {
            let mut tx = self.db.glance().await?;
            let (session, repository) = self.session(&mut tx, allowed, id).await?;
            if session.result.is_some() {
                return Ok(ahead);
            }
            let waiting = store::commits_after(&mut tx, session.id, after, COMMITS).await?;
            let Some(end) = waiting.last() else { return Ok(ahead) };
            after = end.position;
            let nothing = Ahead::default();
            let (waiting, proofs) = prove(&mut tx, repository.id, waiting, &nothing).await?;
            let numbered = waiting.iter().map(|it| (it.position, it.checked.record.commit_id));
            ahead.take(numbered, &proofs);
        }
    }

    /// Makes what came the repository's.
    async fn take_over(
        &self,
        tx: &mut Tx,
        (allowed, repository): (&Upload, &Repository),
        (session, ahead): (&Session, &Ahead),
        now: UnixMillis,
    ) -> Result<Brought, Error> {
        let mut brought = Brought::default();
        self.link_objects(tx, (allowed, repository), session, &mut brought).await?;
        store::land_snapshots(tx, session.id, repository.id).await?;
        let lost = store::lost(tx, session.id, repository.id).await?;
        let again = "was here when the push began and is here no more; push again";
        if let Some(id) = lost.snapshot {
            let sentence = format!("snapshot {id} {again}");
            return Err(Error::wire(WireCode::MissingSnapshot, sentence));
        }
        if let Some(id) = lost.parent {
            return Err(Error::wire(WireCode::UnknownParent, format!("commit {id} {again}")));
        }
        let by = upload::principal(allowed)?;
        let mut after = 0;
        loop {
            let waiting = store::commits_after(tx, session.id, after, COMMITS).await?;
            let Some(end) = waiting.last() else { return Ok(brought) };
            after = end.position;
            let of = (repository, by, now);
            let labels = self.trust.agent_labels(allowed.actor());
            brought.taken.commits +=
                take_commits(tx, of, (waiting, labels, ahead), &mut brought.domain).await?;
        }
    }

    async fn link_objects(
        &self,
        tx: &mut Tx,
        (allowed, repository): (&Upload, &Repository),
        session: &Session,
        brought: &mut Brought,
    ) -> Result<(), Error> {
        let uploader = upload::uploader(allowed, repository)?;
        let mut after = None;
        loop {
            let named = store::objects_after(tx, session.id, after, OBJECTS).await?;
            let Some((last, _)) = named.last() else { return Ok(()) };
            after = Some(*last);
            let sizes: HashMap<_, _> = named.iter().copied().collect();
            let ids: Vec<_> = named.iter().map(|(id, _)| *id).collect();
            let here = self.objects.available(tx, uploader, &ids).await?;
            if let Some(id) = ids.iter().find(|id| !here.contains_key(id)) {
                let sentence =
                    format!("object {id} waited too long and is here no more; push again");
                return Err(Error::wire(WireCode::MissingObjects, sentence));
            }
            let linked = self.objects.link(tx, repository.id.uuid(), &ids).await?;
            brought.taken.objects += linked.len() as u64;
            brought.taken.bytes += linked.iter().filter_map(|id| sizes.get(id)).sum::<u64>();
        }
    }

    /// Moves a ref, if that is a fast-forward or a right.
    pub(super) async fn move_planned(
        &self,
        tx: &mut Tx,
        (allowed, repository): (&Upload, &Repository),
        plan: &Planned<'_>,
        now: UnixMillis,
    ) -> Result<Landed, Error> {
        let Planned { update, kind, claim } = plan;
        if let Some(new) = update.new {
            let known = reading::known_commits(tx, repository.id, &[new]).await?;
            if !known.contains_key(&new) {
                let sentence = format!("commit {new} of {} was not sent", update.name);
                return Err(Error::wire(WireCode::UnknownCommit, sentence));
            }
        }
        let leaves = match (update.old, update.new) {
            (Some(old), Some(new)) => {
                // A tag stays where it is put.
                let is_tag = matches!(kind, Kind::Tag(_));
                let leads = reading::is_reachable(tx, repository.id, old, &[new]).await?;
                Some(old).filter(|_| is_tag || !leads)
            }
            (old, _) => old,
        };
        if let Some(old) = leaves.filter(|_| update.new.is_some()) {
            if !update.force {
                let sentence = format!(
                    "{} is at {old}, which the push does not contain; fetch and merge first",
                    update.name
                );
                return Err(Error::wire(WireCode::NotFastForward, sentence));
            }
            check_force(allowed)?;
        }
        let movement = Movement {
            name: &update.name,
            old: update.old,
            new: update.new,
            is_forced: leaves.is_some(),
            word: Word::of(claim.as_ref()),
        };
        let at = (repository, allowed.actor());
        let written = self.move_ref(tx, at, &movement, now).await?;
        if let Some(former) = leaves {
            collect::leave(tx, repository.id, former, now).await?;
            self.note_left(tx, at, kind.name().as_str(), (former, update.new)).await?;
        }
        Ok(Landed {
            name: update.name.clone(),
            old: update.old,
            new: update.new,
            counter: written.counter,
            entry_hash: written.entry_hash.to_string(),
            seq: written.seq,
            seal_hash: written.seal_hash.to_string(),
        })
    }

    /// Moves the counters; refuses what is above a quota.
    pub(super) async fn count_in(
        &self,
        tx: &mut Tx,
        repository: &Repository,
        (planned, brought): (&[Planned<'_>], &Brought),
        now: UnixMillis,
    ) -> Result<(), Error> {
        let branches = planned.iter().filter(|it| it.update.new.is_some());
        let mut branches = branches.filter_map(|it| match &it.kind {
            Kind::Branch(name) => Some(name),
            Kind::Tag(_) => None,
        });
        // The branch of that name, if several come first.
        let branch = branches.clone().find(|name| **name == repository.default_branch);
        let branch = branch.or_else(|| branches.next());
        let (taken, domain) = (brought.taken, brought.domain.as_deref());
        let counted = Counted { taken, branch, domain, now };
        let held = landing::count(tx, repository.id, &counted).await?;
        self.charge(tx, repository, held, taken).await
    }
}

/// Verifies what was not verified ahead, by the keys as they are now.
async fn prove(
    tx: &mut Tx,
    repository: Id<Repository>,
    waiting: Vec<Waiting>,
    ahead: &Ahead,
) -> Result<(Vec<Waiting>, Proofs), Error> {
    let ids: Vec<CommitId> = waiting.iter().map(|it| it.checked.record.commit_id).collect();
    // What is held with a signature keeps it.
    let signed = landing::signed_commits(tx, repository, &ids).await?;
    let asked = Asked::of(tx, waiting.iter().map(|it| &it.checked.record)).await?;
    let known: Vec<_> = waiting.iter().map(|it| ahead.key(it.position)).collect();
    blocking(move || {
        let records = waiting.iter().map(|it| &it.checked.record).zip(known);
        let new = records.filter(|(record, _)| !signed.contains(&record.commit_id));
        let proofs = Proofs::beyond(new, &asked)?;
        Ok((waiting, proofs))
    })
    .await
}

/// Takes commits over, parents first; gives how many are new.
async fn take_commits(
    tx: &mut Tx,
    (repository, by, now): (&Repository, Id<trust::Principal>, UnixMillis),
    (waiting, labels, ahead): (Vec<Waiting>, trust::AgentLabels<'_>, &Ahead),
    domain: &mut Option<String>,
) -> Result<u64, Error> {
    let ids: Vec<CommitId> = waiting.iter().map(|it| it.checked.record.commit_id).collect();
    let known = reading::known_commits(tx, repository.id, &ids).await?;
    let (waiting, proofs) = prove(tx, repository.id, waiting, ahead).await?;
    let (repeated, new): (Vec<_>, Vec<_>) =
        waiting.iter().partition(|it| known.contains_key(&it.checked.record.commit_id));
    let ids = new.iter().map(|it| it.checked.record.commit_id);
    proofs.check(tx, repository, ids, now).await?;
    let new: Vec<_> = new
        .into_iter()
        .map(|it| NewCommit {
            checked: &it.checked,
            generation: it.generation,
            signature_state: proofs.word(&it.checked.record),
            agent: labels.of(&it.checked.record.agent_id),
        })
        .collect();
    if domain.is_none() {
        let found = new.iter().find_map(|it| landing::domain_of(&it.checked.record));
        *domain = found.map(str::to_owned);
    }
    landing::add_commits(tx, (repository.id, by, now), &new).await?;
    let repeated: Vec<_> = repeated.iter().map(|it| &it.checked.record).collect();
    landing::annotate(tx, repository, &repeated, &proofs).await?;
    Ok(new.len() as u64)
}
