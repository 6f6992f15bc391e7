//! From a server to a working copy.

use std::collections::{BTreeMap, HashMap, HashSet};

use api::{
    CommitRecord, SnapshotRecord,
    wire::{FetchAnswer, FetchRequest, InlineObject},
};
use history::{verify_commit, verify_object, verify_snapshot, worktree::WorkingCopy};
use names::{CommitId, ObjectId, SnapshotId};

use super::{Heads, TransferError};
use crate::{
    client::{ClientError, Wire},
    progress::Progress,
};

/// What was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fetched {
    /// How many commits.
    pub commits: usize,
    /// How many objects.
    pub objects: u64,
    /// How many bytes these objects have.
    pub object_bytes: u64,
}

/// Fetches the whole history of `heads` into `copy`, which holds none of it yet, and checks all of it. Refs are
/// not touched.
pub async fn fetch(
    copy: &WorkingCopy,
    wire: Wire<'_>,
    heads: &Heads,
    progress: &Progress,
) -> Result<Fetched, TransferError> {
    let mut want: Vec<CommitId> = heads.iter().map(|(_, commit)| commit).collect();
    want.sort_unstable();
    want.dedup();
    let mut fetched = Fetched::default();
    if want.is_empty() {
        return Ok(fetched);
    }
    let mut held = Held::default();
    match wire.fetch(FetchRequest { want: want.clone(), have: Vec::new() }).await {
        Ok(answer) => held.take(copy, answer, &mut fetched, progress).await?,
        Err(error) if is_too_large(&error) && want.len() > 1 => {
            // One branch at a time may fit where all at once do not.
            let mut have = Vec::new();
            for head in &want {
                let request = FetchRequest { want: vec![*head], have: have.clone() };
                let answer = wire.fetch(request).await?;
                held.take(copy, answer, &mut fetched, progress).await?;
                have.push(*head);
            }
        }
        Err(error) => return Err(error.into()),
    }
    held.check(&want)?;
    progress.end();
    Ok(fetched)
}

fn is_too_large(error: &ClientError) -> bool {
    error.refusal_code() == "too_large"
}

/// What has been received, checked and written.
#[derive(Default)]
struct Held {
    commits: HashMap<CommitId, (SnapshotId, Vec<CommitId>)>,
    snapshots: BTreeMap<SnapshotId, HashSet<ObjectId>>,
    objects: HashSet<ObjectId>,
}

impl Held {
    async fn take(
        &mut self,
        copy: &WorkingCopy,
        answer: FetchAnswer,
        fetched: &mut Fetched,
        progress: &Progress,
    ) -> Result<(), TransferError> {
        let FetchAnswer { commits, snapshots, objects, branch_heads: _ } = answer;
        let steps = commits.len() + snapshots.len() + objects.len();
        progress.begin("checking and writing", steps as u64);
        for object in objects {
            self.take_object(copy, &object, fetched)?;
            progress.advance(1);
            tokio::task::yield_now().await;
        }
        for snapshot in snapshots {
            self.take_snapshot(copy, &snapshot)?;
            progress.advance(1);
            tokio::task::yield_now().await;
        }
        for commit in commits {
            self.take_commit(copy, &commit, fetched)?;
            progress.advance(1);
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn take_object(
        &mut self,
        copy: &WorkingCopy,
        object: &InlineObject,
        fetched: &mut Fetched,
    ) -> Result<(), TransferError> {
        let InlineObject { object_id, content } = object;
        verify_object(*object_id, content)?;
        if self.objects.insert(*object_id) {
            copy.write_object_from(*object_id, content.as_slice())?;
            fetched.objects += 1;
            fetched.object_bytes += content.len() as u64;
        }
        Ok(())
    }

    fn take_snapshot(
        &mut self,
        copy: &WorkingCopy,
        snapshot: &SnapshotRecord,
    ) -> Result<(), TransferError> {
        verify_snapshot(snapshot)?;
        copy.write_snapshot(snapshot)?;
        let objects = snapshot.manifest.values().copied().collect();
        self.snapshots.insert(snapshot.snapshot_id, objects);
        Ok(())
    }

    fn take_commit(
        &mut self,
        copy: &WorkingCopy,
        commit: &CommitRecord,
        fetched: &mut Fetched,
    ) -> Result<(), TransferError> {
        verify_commit(commit)?;
        copy.write_commit(commit)?;
        let known = (commit.snapshot_id, commit.parents().collect());
        if self.commits.insert(commit.commit_id, known).is_none() {
            fetched.commits += 1;
        }
        Ok(())
    }

    /// Whether all that `heads` lead to is here.
    fn check(&self, heads: &[CommitId]) -> Result<(), TransferError> {
        let (mut seen, mut snapshots) = (HashSet::new(), HashSet::new());
        let mut waiting = heads.to_vec();
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                let (snapshot, parents) =
                    self.commits.get(&id).ok_or(TransferError::NoCommit(id))?;
                waiting.extend(parents);
                snapshots.insert(*snapshot);
            }
        }
        for snapshot in snapshots {
            let objects =
                self.snapshots.get(&snapshot).ok_or(TransferError::NoSnapshot(snapshot))?;
            // The empty object is everywhere (`spec/wire.md` D1).
            let lacks = |id: &&ObjectId| **id != ObjectId::EMPTY && !self.objects.contains(*id);
            if let Some(object) = objects.iter().find(lacks) {
                return Err(TransferError::NoObject { object: *object, snapshot });
            }
        }
        Ok(())
    }
}
