//! Commits of a push become rows (`spec/hub.md` 5): whatever lists, searches and compares histories reads rows, and only
//! directories and files come out of packs.
//!
//! A row holds what a commit says, as text, and up to two parents; further ones stand in `commit_more_parents`. Its snapshot is
//! its tree: one name, and no directory of it is in rows.
//!
//! Everything here runs in the transaction of the push and never commits it. What a push brings is first counted by names
//! alone, and then read and written some commits at a time, so that an import of any length takes bounded memory.
//!
//! | file       | what is there            |
//! |------------|--------------------------|
//! | `mod.rs`   | [`NewCommits`], the walk    |
//! | `store.rs` | the SQL                  |

mod store;
#[cfg(test)]
pub(super) mod tests;

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    num::NonZero,
    sync::Arc,
};

use api::CommitRecord;
use db::Tx;
use history::{
    git::{GitCommit, Signature},
    tree::Node,
};
use keys::{GitProof, GitSigned};
use names::{CommitId, Id, SnapshotId, UnixMillis};
use trust::Principal;

use super::Packs;
use crate::{
    Error, Repository, reading,
    signatures::Proofs,
    wire::{
        bundle::CheckedCommit,
        landing::{NewCommit, add_commits, add_nodes, held_snapshots},
    },
};

pub(crate) use store::{STATEMENTS, add_more_parents, more_parents};

/// Commits that one push may bring: an import of the longest histories there are.
const MOST_COMMITS: usize = 2_000_000;
/// Names that are asked for together.
const ASKED_AT_ONCE: usize = 1_000;
/// Commits that are read and written together, and their bytes.
const WRITTEN_AT_ONCE: usize = 500;
const WRITTEN_BYTES: usize = 4 << 20;

/// What a signature of Git begins with in a row.
const SIGNED: &str = "-----BEGIN ";
/// Threads that verify signatures of one push.
const VERIFIERS: NonZero<usize> = NonZero::<usize>::MIN.saturating_add(1);
/// The longest signature that is kept; a longer one is none that anybody verifies.
const SIGNATURE_BYTES: usize = 16 << 10;

/// A commit of a push, read.
#[derive(Debug, Clone)]
pub(crate) struct ParsedCommit {
    /// Its name.
    pub(crate) id: CommitId,
    /// What it says.
    pub(crate) commit: GitCommit,
    /// What its signature is worth by itself.
    pub(crate) proof: GitProof,
}

/// The commits that a push brings, by name, parents before children.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewCommits {
    order: Vec<CommitId>,
    /// The first of them, if they have been read already.
    read: Arc<[ParsedCommit]>,
}

impl NewCommits {
    /// Their names.
    pub(crate) fn ids(&self) -> &[CommitId] {
        &self.order
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Reads the first of them and verifies what is signed, so that nobody waits for it while they are written.
    pub(crate) async fn read(mut self, packs: &Packs) -> Result<Self, Error> {
        self.read = parsed(packs, &self.order).await?.into();
        Ok(self)
    }

    /// Those that no row has come to hold meanwhile.
    pub(crate) async fn still_new(
        &self,
        tx: &mut Tx,
        repository: Id<Repository>,
    ) -> Result<Self, Error> {
        let mut order = Vec::with_capacity(self.order.len());
        for some in self.order.chunks(ASKED_AT_ONCE) {
            let held = reading::known_commits(tx, repository, some).await?;
            order.extend(some.iter().filter(|id| !held.contains_key(*id)));
        }
        let is_same = order.len() == self.order.len();
        let read = if is_same { Arc::clone(&self.read) } else { Arc::default() };
        Ok(Self { order, read })
    }
}

/// A commit that has been met and not written yet.
struct Met {
    parents: Vec<CommitId>,
    /// Parents that have to be written before.
    waits_for: usize,
}

/// The commits that `tips` lead to and no row holds. Every other commit on the way must be in `packs`.
pub(crate) async fn new_commits(
    tx: &mut Tx,
    repository: Id<Repository>,
    packs: &Packs,
    tips: &[CommitId],
) -> Result<NewCommits, Error> {
    let mut met: HashMap<CommitId, Met> = HashMap::new();
    let mut seen: HashSet<CommitId> = tips.iter().copied().collect();
    let mut waiting: Vec<CommitId> = seen.iter().copied().collect();
    let (mut judged, mut ahead) = (HashSet::new(), 1);
    while !waiting.is_empty() {
        let asked = waiting.split_off(waiting.len().saturating_sub(ASKED_AT_ONCE));
        let read = read_ahead(packs, asked, ahead).await?;
        // The database is asked about many at once, for the price of some that were there.
        ahead = (ahead * 2).min(ASKED_AT_ONCE);
        let ids: Vec<_> = read.iter().map(|(id, _)| *id).collect();
        let held = reading::known_commits(tx, repository, &ids).await?;
        judged.extend(ids);
        for (id, parents) in read.into_iter().filter(|(id, _)| !held.contains_key(id)) {
            let parents =
                parents.ok_or_else(|| Error::Broken(format!("the commit {id} is missing")))?;
            let further = parents.iter().filter(|it| !judged.contains(*it) && seen.insert(**it));
            waiting.extend(further);
            met.insert(id, Met { parents, waits_for: 0 });
        }
        if met.len() > MOST_COMMITS {
            return Err(Error::TooLarge("a push of so many commits is not taken; push some first"));
        }
    }
    Ok(NewCommits { order: parents_first(met), read: Arc::default() })
}

/// A commit and its parents, if it is in the packs.
type Found = (CommitId, Option<Vec<CommitId>>);

/// Reads who leads to whom: of `asked`, and of what they lead to, the nearest first, until there are `most`.
async fn read_ahead(packs: &Packs, asked: Vec<CommitId>, most: usize) -> Result<Vec<Found>, Error> {
    let read = packs.read(move |reader| {
        let (most, mut found) = (most.max(asked.len()), Vec::new());
        let mut seen: HashSet<_> = asked.iter().copied().collect();
        let mut waiting = VecDeque::from(asked);
        while found.len() < most
            && let Some(id) = waiting.pop_front()
        {
            let parents = reader.commit(id)?.map(|(commit, _)| commit.parents);
            let further = parents.iter().flatten().filter(|it| seen.insert(**it));
            waiting.extend(further);
            found.push((id, parents));
        }
        Ok(found)
    });
    read.await
}

/// The names in an order in which each stands behind its parents. There are no loops: a name is a hash of its parents' names.
fn parents_first(mut met: HashMap<CommitId, Met>) -> Vec<CommitId> {
    let mut children: HashMap<CommitId, Vec<CommitId>> = HashMap::new();
    let names: HashSet<CommitId> = met.keys().copied().collect();
    for (id, it) in &mut met {
        let new: Vec<_> = it.parents.iter().filter(|parent| names.contains(*parent)).collect();
        it.waits_for = new.len();
        for parent in new {
            children.entry(*parent).or_default().push(*id);
        }
    }
    let mut ready: Vec<_> =
        met.iter().filter(|(_, it)| it.waits_for == 0).map(|it| *it.0).collect();
    // The same push is written in the same order, whatever a map makes of it.
    ready.sort_unstable_by(|a, b| b.cmp(a));
    let mut order = Vec::with_capacity(met.len());
    while let Some(id) = ready.pop() {
        order.push(id);
        let mut freed = children.remove(&id).unwrap_or_default();
        freed.retain(|child| {
            let Some(it) = met.get_mut(child) else { return false };
            it.waits_for = it.waits_for.saturating_sub(1);
            it.waits_for == 0
        });
        freed.sort_unstable_by(|a, b| b.cmp(a));
        ready.extend(freed);
    }
    order
}

/// Writes the rows of new commits, as received by somebody at a moment. Of each piece the signatures are verified before it is
/// written, and what the repository asks of them is looked at.
pub(crate) async fn take_in(
    tx: &mut Tx,
    (into, by, now): (&Repository, Id<Principal>, UnixMillis),
    packs: &Packs,
    new: &NewCommits,
) -> Result<(), Error> {
    let repository = into.id;
    let mut generations = HashMap::with_capacity(new.order.len());
    let empty = (Node::default().id(), Node::default().encode());
    add_nodes(tx, std::iter::once(&empty)).await?;
    let mut rest = new.order.as_slice();
    let mut read = Some(Arc::clone(&new.read)).filter(|it| !it.is_empty());
    while !rest.is_empty() {
        let piece = match read.take() {
            Some(piece) => piece,
            None => parsed(packs, rest).await?.into(),
        };
        rest = rest.get(piece.len()..).unwrap_or_default();
        let proofs = Proofs::of_git(tx, piece.iter().map(|it| (it.id, it.proof))).await?;
        proofs.check(tx, into, piece.iter().map(|it| it.id), now).await?;
        add_snapshots(tx, repository, &piece).await?;
        add_rows(tx, (repository, by, now), (&piece, &proofs), &mut generations).await?;
    }
    Ok(())
}

/// Reads as many commits as are written together, at least one.
async fn parsed(packs: &Packs, from: &[CommitId]) -> Result<Vec<ParsedCommit>, Error> {
    let ids: Vec<_> = from.iter().copied().take(WRITTEN_AT_ONCE).collect();
    let read = packs.read(move |reader| {
        let (mut found, mut bytes) = (Vec::with_capacity(ids.len()), 0);
        for id in ids {
            let read = reader.commit(id)?;
            let (commit, raw) =
                read.ok_or_else(|| Error::Broken(format!("the commit {id} is missing")))?;
            bytes += raw.len();
            if bytes > WRITTEN_BYTES && !found.is_empty() {
                break;
            }
            let payload = commit.signature.as_ref().map(|it| it.payload(&raw));
            found.push((id, commit, payload.unwrap_or_default()));
        }
        Ok(proved(found))
    });
    read.await
}

/// Verifies what is signed, all together.
fn proved(found: Vec<(CommitId, GitCommit, Vec<u8>)>) -> Vec<ParsedCommit> {
    let signed: Vec<_> = found
        .iter()
        .map(|(_, commit, payload)| GitSigned {
            payload,
            signature: commit.signature.as_ref().map_or(&[], |it| it.armoured.as_slice()),
        })
        .collect();
    let proofs = GitProof::of_all(&signed, VERIFIERS);
    let found = found.into_iter().zip(proofs);
    found.map(|((id, commit, _), proof)| ParsedCommit { id, commit, proof }).collect()
}

/// The trees of commits, each once, as snapshots.
async fn add_snapshots(
    tx: &mut Tx,
    repository: Id<Repository>,
    commits: &[ParsedCommit],
) -> Result<(), Error> {
    let mut trees: Vec<_> =
        commits.iter().map(|it| SnapshotId::from_bytes(*it.commit.tree.as_bytes())).collect();
    trees.sort_unstable();
    trees.dedup();
    let held = held_snapshots(tx, repository, &trees).await?;
    trees.retain(|it| !held.contains(it));
    Ok(store::add_snapshots(tx, repository, &trees, Node::default().id()).await?)
}

async fn add_rows(
    tx: &mut Tx,
    (repository, by, now): (Id<Repository>, Id<Principal>, UnixMillis),
    (commits, proofs): (&[ParsedCommit], &Proofs),
    generations: &mut HashMap<CommitId, i64>,
) -> Result<(), Error> {
    let parents = commits.iter().flat_map(|it| &it.commit.parents);
    let unknown: Vec<_> = parents.filter(|it| !generations.contains_key(it)).copied().collect();
    let known = reading::known_commits(tx, repository, &unknown).await?;
    generations.extend(known.into_iter().map(|(id, it)| (id, it.generation)));
    let mut checked = Vec::with_capacity(commits.len());
    for it in commits {
        let mut highest = 0;
        for parent in &it.commit.parents {
            let of = generations.get(parent).copied();
            // One of this very piece is in front of its children.
            let of = of.ok_or_else(|| Error::Broken(format!("the commit {parent} is missing")))?;
            highest = highest.max(of);
        }
        generations.insert(it.id, highest + 1);
        let record = record(it);
        let committed_at = it.commit.committer.at();
        checked.push((CheckedCommit { record, committed_at, wire_bytes: 0 }, highest + 1));
    }
    let rows: Vec<_> = checked
        .iter()
        .map(|(checked, generation)| NewCommit {
            checked,
            generation: *generation,
            signature_state: proofs.word(&checked.record),
            agent: None,
        })
        .collect();
    add_commits(tx, (repository, by, now), &rows).await?;
    let more = commits.iter().flat_map(|it| {
        let further = it.commit.parents.iter().enumerate().skip(2);
        further.map(|(place, parent)| (it.id, place, *parent))
    });
    let more: Vec<_> = more.collect();
    Ok(store::put_more_parents(tx, repository, &more).await?)
}

/// What a row says of a commit. Where somebody else recorded it than made it, or at another time, that is told beside it.
fn record(it: &ParsedCommit) -> CommitRecord {
    let GitCommit { tree, parents, author, committer, message, signature } = &it.commit;
    let mut metadata = BTreeMap::new();
    if committer.who != author.who {
        metadata.insert("committer".to_owned(), committer.who.clone());
    }
    if committer.time != author.time {
        metadata.insert("authored_at".to_owned(), author.time.to_string());
    }
    CommitRecord {
        commit_id: it.id,
        repo_id: String::new(),
        branch: String::new(),
        snapshot_id: SnapshotId::from_bytes(*tree.as_bytes()),
        message: message.clone(),
        committed_at: committer.time.to_string(),
        parent_commit_id: parents.first().copied(),
        parent2_commit_id: parents.get(1).copied(),
        author: author.who.clone(),
        metadata,
        structured_delta: None,
        sem_ver_bump: "none".to_owned(),
        breaking_changes: Vec::new(),
        agent_id: String::new(),
        model_id: String::new(),
        toolchain_id: String::new(),
        prompt_hash: String::new(),
        signature: signature.as_ref().map(kept).unwrap_or_default(),
        signer_key_id: match it.proof {
            GitProof::Good(key) => key.fingerprint().to_string(),
            GitProof::Unsigned | GitProof::Unverifiable => String::new(),
        },
        format_version: 0,
        reviewed_by: Vec::new(),
        test_runs: 0,
    }
}

/// A signature as a row holds it: its text, or the beginning of one that nobody could verify.
fn kept(signature: &Signature) -> String {
    let text = String::from_utf8_lossy(&signature.armoured).replace('\0', "\u{fffd}");
    let mut text = if text.starts_with(SIGNED) { text } else { format!("{SIGNED}?\n{text}") };
    text.truncate(text.floor_char_boundary(SIGNATURE_BYTES));
    text
}
