//! From files to a commit.

use std::{collections::BTreeMap, io::Seek as _};

use api::{CommitRecord, SnapshotRecord};
use names::{CommitId, ObjectId, RepoPath};

use super::{Head, LogEntry, Result, Scan, WorkingCopy, WorktreeError, dir::Dir, store::hash_into};
use crate::{CommitTime, Fault, Manifest, Parents, new_record, snapshot_id, verify_commit};

/// What a commit says beside the files.
#[derive(Debug, Clone)]
pub struct NewCommit {
    /// Free text without NUL.
    pub message: String,
    /// Free text, as `name <email>`.
    pub author: String,
    /// When.
    pub time: CommitTime,
    /// The parents; none for the commit of HEAD. A merge names both.
    pub parents: Option<Parents>,
    /// Free pairs.
    pub metadata: BTreeMap<String, String>,
    /// Provenance as claimed: agent, model, toolchain and hash of the prompt; empty if there is none.
    pub agent_id: String,
    /// The model behind the agent.
    pub model_id: String,
    /// The tools that the agent used.
    pub toolchain_id: String,
    /// Hash of what the agent was asked.
    pub prompt_hash: String,
    /// Commits even if no file has changed.
    pub allow_empty: bool,
}

impl NewCommit {
    /// A commit without provenance, on HEAD.
    pub fn new(message: &str, author: &str, time: CommitTime) -> Self {
        Self {
            message: message.to_owned(),
            author: author.to_owned(),
            time,
            parents: None,
            metadata: BTreeMap::new(),
            agent_id: String::new(),
            model_id: String::new(),
            toolchain_id: String::new(),
            prompt_hash: String::new(),
            allow_empty: false,
        }
    }
}

impl WorkingCopy {
    /// Commits the files as they are, and moves the branch of HEAD: [`WorkingCopy::prepare_commit`] and
    /// [`WorkingCopy::finish_commit`] in one, for commits that nobody signs.
    pub fn record_commit(&self, new: &NewCommit) -> Result<CommitRecord> {
        let record = self.prepare_commit(new)?;
        self.finish_commit(&record)?;
        Ok(record)
    }

    /// Stores all objects and the snapshot, and gives the record of the commit, not stored and not signed.
    pub fn prepare_commit(&self, new: &NewCommit) -> Result<CommitRecord> {
        let head = self.head()?;
        let parents = match new.parents {
            Some(parents) => parents,
            None => Parents::new(self.head_commit()?, None),
        };
        let before = self.manifest_of(parents.first())?;
        let manifest = match self.staged(&before)? {
            Some(staged) => staged,
            None => self.store_files(&self.scan()?)?,
        };
        if manifest == before && parents.second().is_none() && !new.allow_empty {
            return Err(WorktreeError::NothingToCommit);
        }
        crate::check_no_conflict(&manifest)?;
        let created_at = new.time.to_string();
        let snapshot = SnapshotRecord { snapshot_id: snapshot_id(&manifest), manifest, created_at };
        self.write_snapshot(&snapshot)?;
        let branch = match head {
            Head::Branch(branch) => branch.to_string(),
            Head::Detached(_) => String::new(),
        };
        let record = self.fill(new, parents, branch, &snapshot);
        verify_commit(&record)?;
        Ok(record)
    }

    fn fill(
        &self,
        new: &NewCommit,
        parents: Parents,
        branch: String,
        snapshot: &SnapshotRecord,
    ) -> CommitRecord {
        CommitRecord {
            repo_id: self.repo_id.clone(),
            branch,
            author: new.author.clone(),
            metadata: new.metadata.clone(),
            agent_id: new.agent_id.clone(),
            model_id: new.model_id.clone(),
            toolchain_id: new.toolchain_id.clone(),
            prompt_hash: new.prompt_hash.clone(),
            ..new_record(parents, snapshot.snapshot_id, &new.message, new.time.as_str())
        }
    }

    /// Stores the commit, moves HEAD or its branch to it, notes that in the logs, and forgets what was staged.
    pub fn finish_commit(&self, record: &CommitRecord) -> Result<()> {
        let time = verify_commit(record)?;
        self.write_commit(record)?;
        self.sync()?;
        let (head, old) = (self.head()?, self.head_commit()?);
        let branch = match &head {
            Head::Branch(branch) => {
                self.set_branch_head(branch, Some(record.commit_id))?;
                Some(branch)
            }
            Head::Detached(_) => {
                self.set_head(&Head::Detached(record.commit_id))?;
                None
            }
        };
        self.clear_stage()?;
        let what = format!("commit: {}", record.message.lines().next().unwrap_or_default());
        let (new, author, at) = (Some(record.commit_id), record.author.clone(), time.unix_millis());
        self.add_log(branch, &LogEntry { old, new, author, at, what })
    }

    /// The files of a commit; none for no commit.
    pub fn manifest_of(&self, commit: Option<CommitId>) -> Result<Manifest> {
        let Some(id) = commit else { return Ok(Manifest::new()) };
        let record = self.commit(&id)?.ok_or(WorktreeError::MissingCommit(id))?;
        let snapshot = self.snapshot(&record.snapshot_id)?;
        Ok(snapshot.ok_or(WorktreeError::MissingSnapshot(record.snapshot_id))?.manifest)
    }

    /// The manifest of the files as they are; nothing is stored.
    pub fn hash_files(&self, scan: &Scan) -> Result<Manifest> {
        self.each_file(scan, |_, mut file| hash_into(&mut file, |_| Ok(())).map_err(Failed::Io))
    }

    /// The manifest of the files as they are, all of them stored.
    pub fn store_files(&self, scan: &Scan) -> Result<Manifest> {
        self.each_file(scan, |path, mut file| {
            let id = hash_into(&mut file, |_| Ok(()))?;
            file.rewind()?;
            match self.write_object_from(id, file) {
                Ok(()) => Ok(id),
                Err(WorktreeError::Fault(Fault::ObjectMismatch { .. })) => {
                    Err(Failed::Other(WorktreeError::Changing(path.clone())))
                }
                Err(error) => Err(Failed::Other(error)),
            }
        })
    }

    /// Opens each file in turn. One that is gone by now is left out, as if the scan had come later.
    fn each_file(
        &self,
        scan: &Scan,
        mut take: impl FnMut(&RepoPath, std::fs::File) -> Result<ObjectId, Failed>,
    ) -> Result<Manifest> {
        let mut manifest = Manifest::new();
        let mut open: Option<(&str, Dir)> = None;
        for path in scan.files.keys() {
            let io = || WorktreeError::io(path);
            let parent = path.parent().unwrap_or_default();
            if open.as_ref().is_none_or(|(at, _)| *at != parent) {
                open =
                    self.root.descend(parent).map_err(io())?.map(|directory| (parent, directory));
            }
            let Some((_, directory)) = &open else { continue };
            let Some(file) = directory.open_file(path.file_name()).map_err(io())? else { continue };
            let object = take(path, file).map_err(|failed| match failed {
                Failed::Io(error) => io()(error),
                Failed::Other(error) => error,
            })?;
            manifest.insert(path.clone(), object);
        }
        Ok(manifest)
    }
}

/// An error that still needs its path, or one that does not.
enum Failed {
    Io(std::io::Error),
    Other(WorktreeError),
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
