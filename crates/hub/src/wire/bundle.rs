//! What a push brings, checked by itself: everything that can be said without the database (`spec/wire.md` 5.2-5.5).

use std::collections::{BTreeMap, HashMap, HashSet};

use api::{CommitRecord, SnapshotRecord, Value, WireCode, msgpack, wire::PushRequest};
use history::{Fault, Parents};
use names::{BranchName, CommitId, ObjectId, SnapshotId, UnixMillis};
use objects::Sealed;

use super::upload::Carried;
use crate::{
    Error,
    intake::{Heads, Leaks},
};

/// A commit whose id was recomputed from the received bytes.
#[derive(Debug)]
pub(crate) struct CheckedCommit {
    pub(crate) record: CommitRecord,
    pub(crate) committed_at: UnixMillis,
    /// Its size in an answer of wire 1.
    pub(crate) wire_bytes: u64,
}

impl CheckedCommit {
    /// Computes the id again, and looks at the texts.
    pub(crate) fn check(record: CommitRecord) -> Result<Self, Error> {
        check_texts(&record)?;
        let time = history::verify_commit(&record).map_err(|fault| refusal(&fault))?;
        let wire_bytes = msgpack::encoded_len(&Value::from(record.clone()));
        Ok(Self { record, committed_at: time.unix_millis(), wire_bytes })
    }
}

/// A push that is sound in itself.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) branch: BranchName,
    pub(super) force: bool,
    pub(super) tip: CommitId,
    /// Parents before children, each once.
    pub(super) commits: Vec<CheckedCommit>,
    pub(super) snapshots: HashMap<SnapshotId, SnapshotRecord>,
    /// Objects that came inside the bundle.
    pub(super) sealed: Sealed,
    /// Their first bytes.
    pub(super) heads: Heads,
    /// What was left in them.
    pub(super) leaks: Leaks,
}

impl Bundle {
    /// Checks a request whose objects came beside it. Hashes: for a blocking thread.
    pub(super) fn check(request: PushRequest, carried: Carried) -> Result<Self, Error> {
        let PushRequest { commits, snapshots, objects: _, branch, force } = request;
        let branch = branch.parse().map_err(|error: names::BranchError| {
            Error::wire(WireCode::BadRef, error.to_string())
        })?;
        let Carried { sealed, heads, leaks, wrong } = carried;
        wrong.map_or(Ok(()), Err)?;
        let tip = tip_of(&commits)?;
        let mut by_id = HashMap::with_capacity(snapshots.len());
        for snapshot in snapshots {
            history::verify_snapshot(&snapshot).map_err(|fault| refusal(&fault))?;
            by_id.entry(snapshot.snapshot_id).or_insert(snapshot);
        }
        let commits = check_commits(commits)?;
        Ok(Self { branch, force, tip, commits, snapshots: by_id, sealed, heads, leaks })
    }

    /// Every object that a snapshot of the push names.
    pub(super) fn objects(&self) -> Vec<ObjectId> {
        let mut seen = HashSet::new();
        let named = self.snapshots.values().flat_map(|snapshot| snapshot.manifest.values());
        named.copied().filter(|id| *id != ObjectId::EMPTY && seen.insert(*id)).collect()
    }
}

/// The first commit is the tip, and nobody's parent in the push.
fn tip_of(commits: &[CommitRecord]) -> Result<CommitId, Error> {
    let Some(first) = commits.first() else {
        return Err(Error::wire(WireCode::EmptyPush, "a push brings at least one commit"));
    };
    let parents: HashSet<_> = commits.iter().flat_map(CommitRecord::parents).collect();
    let mut childless =
        commits.iter().filter(|it| !parents.contains(&it.commit_id)).map(|it| it.commit_id);
    if childless.any(|id| id != first.commit_id) || parents.contains(&first.commit_id) {
        let sentence =
            "the first commit must be the one that no other commit of the push has as its parent";
        return Err(Error::wire(WireCode::BadTip, sentence));
    }
    Ok(first.commit_id)
}

fn check_commits(commits: Vec<CommitRecord>) -> Result<Vec<CheckedCommit>, Error> {
    let mut checked = HashMap::with_capacity(commits.len());
    for record in commits {
        let commit = CheckedCommit::check(record)?;
        checked.entry(commit.record.commit_id).or_insert(commit);
    }
    let graph: BTreeMap<_, _> =
        checked.iter().map(|(id, it)| (*id, Parents::from(&it.record))).collect();
    let order = history::topological_order(&graph).map_err(|fault| refusal(&fault))?;
    Ok(order.iter().filter_map(|id| checked.remove(id)).collect())
}

/// A NUL ends a text in one database and is refused by the other, so no text of a record holds one. (The message has
/// a code of its own, because there a NUL would let two records share an id.)
fn check_texts(record: &CommitRecord) -> Result<(), Error> {
    let single = [
        &record.repo_id,
        &record.branch,
        &record.author,
        &record.agent_id,
        &record.model_id,
        &record.toolchain_id,
        &record.prompt_hash,
        &record.sem_ver_bump,
        &record.signature,
        &record.signer_key_id,
    ];
    let lists = record.breaking_changes.iter().chain(&record.reviewed_by);
    let pairs = record.metadata.iter().flat_map(|(key, value)| [key, value]);
    if single.into_iter().chain(lists).chain(pairs).any(|text| text.contains('\0')) {
        let sentence = format!("a text of commit {} holds a NUL", record.commit_id);
        return Err(Error::wire(WireCode::Malformed, sentence));
    }
    Ok(())
}

/// A fault of the object model, in the words of the wire.
pub(crate) fn refusal(fault: &Fault) -> Error {
    let code = match fault {
        Fault::Message { .. } => WireCode::BadMessage,
        Fault::Time { .. } => WireCode::BadTime,
        Fault::Parents { .. } | Fault::Cycle { .. } => WireCode::BadParents,
        Fault::CommitMismatch { .. } => WireCode::CommitMismatch,
        Fault::SnapshotMismatch { .. } => WireCode::SnapshotMismatch,
        Fault::ObjectMismatch { .. } => WireCode::HashMismatch,
        Fault::PathConflict { .. } => WireCode::PathConflict,
    };
    Error::wire(code, fault.to_string())
}
