//! Histories with right ids, made as a Muse client makes them.

use std::collections::BTreeMap;

use api::{
    CommitRecord, SnapshotRecord,
    wire::{InlineObject, PushRequest},
};
use history::{CommitTime, Manifest, Parents, new_record, signing_bytes, snapshot_id};
use names::{CommitId, ObjectId, SnapshotId, UnixMillis};

use crate::Person;

/// When a story begins: 2026-11-21T12:00:00Z.
const BEGINNING: i64 = 1_795_262_400_000;
const MILLIS_PER_COMMIT: i64 = 60_000;

/// Commits with their snapshots and objects, in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub struct Story {
    /// Parents before children.
    pub commits: Vec<CommitRecord>,
    /// Each once.
    pub snapshots: BTreeMap<SnapshotId, SnapshotRecord>,
    /// Each once, the empty one too if a file is empty.
    pub objects: BTreeMap<ObjectId, Vec<u8>>,
}

/// Bytes as they travel.
pub fn object(content: &[u8]) -> InlineObject {
    InlineObject { object_id: ObjectId::of(content), content: content.to_vec() }
}

/// The id of a manifest that no library of ours would make, such as one with a forbidden path.
pub fn manifest_id(entries: &[(&str, ObjectId)]) -> SnapshotId {
    let mut sorted = entries.to_vec();
    sorted.sort_by_key(|(path, _)| path.as_bytes());
    let parts: Vec<_> = sorted.iter().map(|(path, id)| format!("{path}\0{id}")).collect();
    SnapshotId::of(parts.join("\0").as_bytes())
}

impl Story {
    /// A story with one commit, of one file.
    pub fn of_one(message: &str) -> Self {
        let mut story = Self::default();
        story.commit(&[], message, &[("README.md", message.as_bytes())]);
        story
    }

    /// Adds a commit with these parents and files; gives its id.
    pub fn commit(
        &mut self,
        parents: &[CommitId],
        message: &str,
        files: &[(&str, &[u8])],
    ) -> CommitId {
        let manifest =
            files.iter().map(|(path, bytes)| (path.parse().unwrap(), self.keep(bytes))).collect();
        let snapshot = self.snapshot(manifest);
        let moment =
            UnixMillis(BEGINNING + MILLIS_PER_COMMIT * i64::try_from(self.commits.len()).unwrap());
        let time = CommitTime::from_millis(moment).to_string();
        self.commit_of(parents, snapshot, message, &time)
    }

    /// Adds a commit whose parts are all given; gives its id.
    pub fn commit_of(
        &mut self,
        parents: &[CommitId],
        snapshot_id: SnapshotId,
        message: &str,
        committed_at: &str,
    ) -> CommitId {
        let both = Parents::new(parents.first().copied(), parents.get(1).copied());
        let record = new_record(both, snapshot_id, message, committed_at);
        let id = record.commit_id;
        let author = "Anna <anna@example.test>".to_owned();
        self.commits.push(CommitRecord { branch: "main".to_owned(), author, ..record });
        id
    }

    /// Adds a snapshot; gives its id.
    pub fn snapshot(&mut self, manifest: Manifest) -> SnapshotId {
        let id = snapshot_id(&manifest);
        let created_at = "2026-11-21T12:00:00+00:00".to_owned();
        self.snapshots.insert(id, SnapshotRecord { snapshot_id: id, manifest, created_at });
        id
    }

    /// Adds an object; gives its id.
    pub fn keep(&mut self, bytes: &[u8]) -> ObjectId {
        let id = ObjectId::of(bytes);
        self.objects.insert(id, bytes.to_vec());
        id
    }

    /// The newest commit.
    pub fn tip(&self) -> CommitId {
        self.commits.last().unwrap().commit_id
    }

    /// The record of the newest commit, to be changed.
    pub fn last(&mut self) -> &mut CommitRecord {
        self.commits.last_mut().unwrap()
    }

    /// Signs the newest commit as it is (`spec/wire.md` 7).
    pub fn sign(&mut self, by: &Person) {
        let record = self.last();
        record.signer_key_id = by.key().fingerprint().to_string();
        record.signature = by.key().sign(&signing_bytes(record)).to_commit_text();
    }

    /// All objects as they travel.
    pub fn inline(&self) -> Vec<InlineObject> {
        self.objects.values().map(|bytes| object(bytes)).collect()
    }

    /// A push of everything but the objects: the newest commit is the tip.
    pub fn push_to(&self, branch: &str) -> PushRequest {
        self.push_since(0, branch)
    }

    /// A push of the commits from number `first` on, counted from zero, with their snapshots.
    pub fn push_since(&self, first: usize, branch: &str) -> PushRequest {
        let mut commits = self.commits[first..].to_vec();
        commits.reverse();
        let used = |id: &SnapshotId| commits.iter().any(|commit| commit.snapshot_id == *id);
        let snapshots =
            self.snapshots.values().filter(|it| used(&it.snapshot_id)).cloned().collect();
        PushRequest {
            commits,
            snapshots,
            objects: Vec::new(),
            branch: branch.to_owned(),
            force: false,
        }
    }
}
