//! From files to a commit.

use std::collections::{BTreeMap, HashSet};

use api::{CommitRecord, SnapshotRecord};
use names::{CommitId, UnixMillis};

use super::{Head, LogEntry, Paths, Result, WorkingCopy, WorktreeError};
use crate::{CommitTime, Manifest, Parents, new_record, snapshot_id, verify_commit};

/// Which files a commit has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CommitFiles {
    /// What the Muse client has staged, on top of the head; else all files as they are.
    #[default]
    All,
    /// These paths as they are, on top of the head.
    Paths(Paths),
    /// These, whose contents are stored.
    Manifest(Manifest),
}

/// What a commit says, and its files.
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
    /// Which files.
    pub files: CommitFiles,
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
            files: CommitFiles::All,
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
            None => self.parents_of_next(&new.files)?,
        };
        let before = self.manifest_of(parents.first())?;
        let manifest = self.files_of(new, &before, parents)?;
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

    /// The head, and the other side of a merge that the user has decided.
    fn parents_of_next(&self, files: &CommitFiles) -> Result<Parents> {
        let head = self.head_commit()?;
        let Some(state) = self.merge_state()? else { return Ok(Parents::new(head, None)) };
        if let CommitFiles::Paths(_) = files {
            return Err(WorktreeError::Merging);
        }
        let unresolved = self.unresolved(&state)?;
        if unresolved.is_empty() {
            Ok(Parents::new(head, Some(state.theirs)))
        } else {
            Err(WorktreeError::Unresolved(unresolved))
        }
    }

    fn files_of(&self, new: &NewCommit, before: &Manifest, parents: Parents) -> Result<Manifest> {
        let staged = self.staged(|| Ok(before.clone()))?;
        let paths = match (&new.files, &staged) {
            (CommitFiles::Manifest(manifest), _) => return Ok(manifest.clone()),
            (CommitFiles::All, Some(staged)) => return Ok(staged.clone()),
            (CommitFiles::All, None) => &Paths::default(),
            (CommitFiles::Paths(paths), _) => paths,
        };
        // What a parent has is stored already.
        let other = self.manifest_of(parents.second())?;
        let held: HashSet<_> = before.values().chain(other.values()).copied().collect();
        let look = self.look_and_store(Some(&held), |path| paths.contains(path))?;
        if paths.is_everything() {
            return Ok(look.manifest());
        }
        let begin = staged.as_ref().unwrap_or(before);
        let files = look.files.iter();
        if let Some(place) = paths.unmatched(&begin.keys().chain(files.map(|(path, _)| path))) {
            return Err(WorktreeError::NothingMatched(place));
        }
        let kept = begin.iter().filter(|(path, _)| !paths.contains(path));
        let kept = kept.map(|(path, object)| (path.clone(), *object));
        let taken = look.files.into_iter().filter(|(path, _)| paths.contains(path));
        Ok(kept.chain(taken).collect())
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
        let what = format!("commit: {}", record.message.lines().next().unwrap_or_default());
        self.move_head(record.commit_id, &record.author, time.unix_millis(), &what)?;
        self.clear_stage()?;
        self.clear_merge()
    }

    /// Moves HEAD, or the branch that it points to, and notes that in the logs. The files stay as they are.
    pub fn move_head(
        &self,
        commit: CommitId,
        author: &str,
        at: UnixMillis,
        what: &str,
    ) -> Result<()> {
        let (head, old) = (self.head()?, self.head_commit()?);
        let branch = match &head {
            Head::Branch(branch) => {
                self.set_branch_head(branch, Some(commit))?;
                Some(branch)
            }
            Head::Detached(_) => {
                self.set_head(&Head::Detached(commit))?;
                None
            }
        };
        let (new, author, what) = (Some(commit), author.to_owned(), what.to_owned());
        self.add_log(branch, &LogEntry { old, new, author, at, what })
    }

    /// The files of a commit; none for no commit.
    pub fn manifest_of(&self, commit: Option<CommitId>) -> Result<Manifest> {
        let Some(id) = commit else { return Ok(Manifest::new()) };
        let record = self.commit(&id)?.ok_or(WorktreeError::MissingCommit(id))?;
        let snapshot = self.snapshot(&record.snapshot_id)?;
        Ok(snapshot.ok_or(WorktreeError::MissingSnapshot(record.snapshot_id))?.manifest)
    }
}
