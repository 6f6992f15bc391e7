//! The one transaction of a push: what was checked becomes history (`spec/wire.md` 5.7).
//!
//! Everything in here is called with the transaction of the push and never commits it.

mod store;

use std::collections::HashMap;

use api::{CommitRecord, Value, msgpack};
use db::Tx;
use history::tree::Tree;
use names::{BranchName, CommitId, Id, ObjectId, UnixMillis};
use trust::{Actor, AgentLabel, Principal, ResourceRow, ResourceState};

use super::bundle::CheckedCommit;
use crate::{
    Error, Hub, Repository, collect,
    quotas::Change,
    reading::{self, Commit},
    ref_log::{Movement, Word},
    signatures::Proofs,
};

pub(super) use store::STATEMENTS;
pub(crate) use store::lock;
pub(crate) use store::{
    Counted, add_commits, add_nodes, count, domain_of, held_snapshots, hex, signed_commits,
};

/// A commit that the repository does not hold yet.
pub(crate) struct NewCommit<'a> {
    pub(crate) checked: &'a CheckedCommit,
    pub(crate) generation: i64,
    /// The word in its row.
    pub(crate) signature_state: &'static str,
    /// How far the agent is known that it names.
    pub(crate) agent: Option<AgentLabel>,
}

/// A snapshot that the repository does not hold yet.
pub(crate) struct NewSnapshot<'a> {
    pub(crate) record: &'a api::SnapshotRecord,
    pub(crate) tree: Tree,
}

/// What a push changes.
pub(crate) struct Push<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) actor: &'a Actor,
    pub(crate) by: Id<Principal>,
    pub(crate) now: UnixMillis,
    pub(crate) branch: &'a BranchName,
    pub(crate) tip: CommitId,
    pub(crate) commits: &'a [NewCommit<'a>],
    pub(crate) snapshots: &'a [NewSnapshot<'a>],
    /// Every object that the push's snapshots name, with its size.
    pub(crate) objects: &'a HashMap<ObjectId, u64>,
    /// How the branch moves.
    pub(crate) moved: Move,
    /// On whose word it does.
    pub(crate) word: Word<'a>,
}

/// How a push moves its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// It is there already.
    Stays,
    /// To something that leads to this commit, where it is; nothing if it is new.
    Forward(Option<CommitId>),
    /// Away from this commit, to which the new one does not lead.
    Leaves(CommitId),
}

impl Push<'_> {
    /// Whether anything is to be written.
    pub(super) fn brings_something(&self) -> bool {
        self.moved != Move::Stays || !self.commits.is_empty() || !self.snapshots.is_empty()
    }
}

/// Takes over from repeated commits what only grows: reviewers by union, test runs by maximum, a delta where there
/// is none, a good signature where there is none (`spec/wire.md` 5, Records that are known already).
pub(crate) async fn annotate(
    tx: &mut Tx,
    repository: &Repository,
    repeated: &[&CommitRecord],
    proofs: &Proofs,
) -> Result<(), Error> {
    if repeated.is_empty() {
        return Ok(());
    }
    store::add_annotations(tx, repository.id, repeated).await?;
    let proved = repeated.iter().copied().filter(|it| proofs.is_good(it.commit_id));
    let proved: HashMap<_, _> = proved.map(|it| (it.commit_id, it)).collect();
    let ids: Vec<_> = proved.keys().copied().collect();
    for stored in reading::commits(tx, repository.id, &ids).await?.into_values() {
        if let Some(signed) =
            proved.get(&stored.record.commit_id).and_then(|it| signed(&stored, it))
        {
            store::sign(tx, repository.id, &signed).await?;
        }
    }
    Ok(())
}

/// The stored commit with the signature of the received one, if it has none and everything that the signature covers
/// is equal, or empty so far.
fn signed(stored: &Commit, received: &CommitRecord) -> Option<Commit> {
    let before = &stored.record;
    let fits = |stored: &str, received: &str| stored.is_empty() || stored == received;
    let is_covered = before.signature.is_empty()
        && before.signer_key_id.is_empty()
        && before.parents().eq(received.parents())
        && fits(&before.author, &received.author)
        && fits(&before.agent_id, &received.agent_id)
        && fits(&before.model_id, &received.model_id)
        && fits(&before.toolchain_id, &received.toolchain_id)
        && fits(&before.prompt_hash, &received.prompt_hash)
        && fits(&before.branch, &received.branch)
        && (before.metadata.is_empty() || before.metadata == received.metadata);
    if !is_covered {
        return None;
    }
    let record = CommitRecord {
        author: received.author.clone(),
        agent_id: received.agent_id.clone(),
        model_id: received.model_id.clone(),
        toolchain_id: received.toolchain_id.clone(),
        prompt_hash: received.prompt_hash.clone(),
        branch: received.branch.clone(),
        metadata: received.metadata.clone(),
        signature: received.signature.clone(),
        signer_key_id: received.signer_key_id.clone(),
        ..before.clone()
    };
    let length = |it: &CommitRecord| msgpack::encoded_len(&Value::from(it.clone()));
    let grown = length(&record).saturating_sub(length(before));
    Some(Commit { wire_bytes: stored.wire_bytes + grown, record, ..stored.clone() })
}

impl Hub {
    /// Writes links, trees, snapshots, commits, the ref and the counters; refuses what is above a quota.
    pub(crate) async fn write(&self, tx: &mut Tx, push: &Push<'_>) -> Result<(), Error> {
        let repository = push.repository.id;
        add_nodes(tx, push.snapshots.iter().flat_map(|it| &it.tree.nodes)).await?;
        store::add_snapshots(tx, repository, push.snapshots).await?;
        add_commits(tx, (repository, push.by, push.now), push.commits).await?;
        let ids: Vec<_> = push.objects.keys().copied().collect();
        let linked = self.objects.link(tx, repository.uuid(), &ids).await?;
        let bytes = linked.iter().filter_map(|id| push.objects.get(id)).sum();
        self.move_branch(tx, push).await?;
        let (objects, commits) = (linked.len() as u64, push.commits.len() as u64);
        let taken = Change { objects, bytes, commits };
        let domain = push.commits.iter().find_map(|it| domain_of(&it.checked.record));
        let counted = Counted { taken, branch: Some(push.branch), domain, now: push.now };
        let held = count(tx, repository, &counted).await?;
        self.charge(tx, push.repository, held, taken).await
    }

    /// Moves the branch, with an entry in the log.
    async fn move_branch(&self, tx: &mut Tx, push: &Push<'_>) -> Result<(), Error> {
        let (repository, name) = (push.repository.id, push.branch.full());
        let (old, is_forced) = match push.moved {
            Move::Stays => return Ok(()),
            Move::Forward(old) => (old, false),
            Move::Leaves(old) => (Some(old), true),
        };
        let (new, word) = (Some(push.tip), push.word);
        let movement = Movement { name: &name, old, new, is_forced, word };
        self.move_ref(tx, (push.repository, push.actor), &movement, push.now).await?;
        if let Move::Leaves(former) = push.moved {
            collect::leave(tx, repository, former, push.now).await?;
        }
        Ok(())
    }

    /// Makes a repository that was only in the making visible to those who may see it.
    pub(crate) async fn bring_to_life(
        &self,
        tx: &mut Tx,
        repository: &Repository,
    ) -> Result<(), Error> {
        if repository.is_nascent() {
            let live = ResourceRow { state: ResourceState::Live, ..repository.resource };
            self.trust.set_resource(tx, &live).await?;
        }
        Ok(())
    }
}
