//! The history of some paths: which commits changed them, and how those lead to one another.
//!
//! A commit in which they are as in one of its parents is left out, and only that parent is followed: what a merge
//! took as it was is told where it was made.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    rc::Rc,
};

use api::CommitRecord;
use names::{CommitId, RepoPath, SnapshotId, UnixMillis};

use super::{Paths, Result, WorkingCopy, WorktreeError, changes::changes};
use crate::{CommitTime, Manifest, Parents};

/// Which paths a history is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// These, whatever was there.
    Paths(Paths),
    /// This file, also under the names that it had before.
    File(RepoPath),
}

impl Subject {
    /// The paths as they are in one commit.
    fn paths(&self) -> Paths {
        match self {
            Self::Paths(paths) => paths.clone(),
            Self::File(path) => Paths::of([path.clone()]),
        }
    }
}

/// A commit that changed them.
#[derive(Debug, Clone)]
pub struct Touched {
    /// The commit.
    pub record: CommitRecord,
    /// What it was about there.
    pub paths: Paths,
    /// The nearest commits before it that changed them too.
    pub parents: Parents,
}

/// What was found out about one commit.
enum Found {
    /// It changed the paths, and these are followed.
    Touched(Box<CommitRecord>, Subject, Vec<CommitId>),
    /// It is as this one, if there is one.
    Same(Option<CommitId>),
}

struct Walk<'a> {
    copy: &'a WorkingCopy,
    /// What each commit that was reached is about; the first way to it decides.
    subjects: HashMap<CommitId, Subject>,
    waiting: BinaryHeap<(UnixMillis, Reverse<CommitId>)>,
    found: HashMap<CommitId, Found>,
    order: Vec<CommitId>,
    /// The files of snapshots that were read, those alone that are asked about.
    views: HashMap<(SnapshotId, Option<RepoPath>), Rc<Manifest>>,
}

impl WorkingCopy {
    /// The commits before `from`, itself included, that changed `subject`, from the newest to the oldest, at most
    /// `limit`.
    pub fn touched(
        &self,
        from: Option<CommitId>,
        subject: &Subject,
        limit: usize,
    ) -> Result<Vec<Touched>> {
        let mut walk = Walk {
            copy: self,
            subjects: HashMap::new(),
            waiting: BinaryHeap::new(),
            found: HashMap::new(),
            order: Vec::new(),
            views: HashMap::new(),
        };
        if let Some(id) = from {
            walk.add(id, subject.clone())?;
        }
        while walk.order.len() < limit
            && let Some((_, Reverse(id))) = walk.waiting.pop()
        {
            walk.step(id)?;
        }
        Ok(walk.end())
    }
}

impl Walk<'_> {
    fn add(&mut self, id: CommitId, subject: Subject) -> Result<()> {
        if !self.subjects.contains_key(&id) {
            let time = CommitTime::parse(&self.copy.known(&id)?.committed_at)?.unix_millis();
            self.subjects.insert(id, subject);
            self.waiting.push((time, Reverse(id)));
        }
        Ok(())
    }

    fn step(&mut self, id: CommitId) -> Result<()> {
        let Some(subject) = self.subjects.get(&id).cloned() else { return Ok(()) };
        let record = self.copy.known(&id)?;
        let here = self.view(record.snapshot_id, &subject)?;
        let mut parents = Vec::new();
        for parent in record.parents() {
            // A parent that is not here is where the history ends here.
            let Some(parent) = self.copy.commit(&parent)? else { continue };
            let before = self.before(&record, &parent, &subject, &here)?;
            if self.view(parent.snapshot_id, &before)? == here && before == subject {
                self.found.insert(id, Found::Same(Some(parent.commit_id)));
                return self.add(parent.commit_id, before);
            }
            parents.push((parent.commit_id, before));
        }
        if here.is_empty() && parents.is_empty() {
            self.found.insert(id, Found::Same(None));
            return Ok(());
        }
        let ids = parents.iter().map(|(id, _)| *id).collect();
        for (parent, before) in parents {
            self.add(parent, before)?;
        }
        self.order.push(id);
        self.found.insert(id, Found::Touched(Box::new(record), subject, ids));
        Ok(())
    }

    /// What `subject` of `child`, which is `here` there, was in `parent`: another path, if the file moved in between.
    fn before(
        &mut self,
        child: &CommitRecord,
        parent: &CommitRecord,
        subject: &Subject,
        here: &Manifest,
    ) -> Result<Subject> {
        let Subject::File(path) = subject else { return Ok(subject.clone()) };
        if here.is_empty() || !self.view(parent.snapshot_id, subject)?.is_empty() {
            return Ok(subject.clone());
        }
        let changes = changes(&self.manifest(parent)?, &self.manifest(child)?);
        let moved = changes.into_iter().find(|change| change.path == *path);
        let from = moved.and_then(|change| change.from);
        Ok(from.map_or_else(|| subject.clone(), Subject::File))
    }

    fn manifest(&self, of: &CommitRecord) -> Result<Manifest> {
        self.copy.manifest_of(Some(of.commit_id))
    }

    /// The files of a snapshot that `subject` is about.
    fn view(&mut self, snapshot: SnapshotId, subject: &Subject) -> Result<Rc<Manifest>> {
        let file = match subject {
            Subject::Paths(_) => None,
            Subject::File(path) => Some(path.clone()),
        };
        let key = (snapshot, file);
        if let Some(known) = self.views.get(&key) {
            return Ok(Rc::clone(known));
        }
        let record = self.copy.snapshot(&snapshot)?;
        let mut files = record.ok_or(WorktreeError::MissingSnapshot(snapshot))?.manifest;
        let paths = subject.paths();
        files.retain(|path, _| paths.contains(path));
        let view = Rc::new(files);
        self.views.insert(key, Rc::clone(&view));
        Ok(view)
    }

    fn end(mut self) -> Vec<Touched> {
        let order = std::mem::take(&mut self.order);
        let parents: Vec<Parents> = order.iter().map(|id| self.shown_parents(id)).collect();
        let records = order.into_iter().zip(parents).filter_map(|(id, parents)| {
            match self.found.remove(&id)? {
                Found::Touched(record, subject, _) => {
                    Some(Touched { record: *record, paths: subject.paths(), parents })
                }
                Found::Same(_) => None,
            }
        });
        records.collect()
    }

    fn shown_parents(&self, id: &CommitId) -> Parents {
        let Some(Found::Touched(_, _, parents)) = self.found.get(id) else {
            return Parents::default();
        };
        let mut seen = HashSet::new();
        let nearest = parents.iter().filter_map(|parent| self.nearest(*parent));
        let mut nearest = nearest.filter(|id| seen.insert(*id));
        Parents::new(nearest.next(), nearest.next())
    }

    /// The commit that is told where `id` is not. None if it was not come to, or nothing is there.
    fn nearest(&self, id: CommitId) -> Option<CommitId> {
        let mut at = id;
        loop {
            match self.found.get(&at)? {
                Found::Touched(..) => return Some(at),
                Found::Same(next) => at = (*next)?,
            }
        }
    }
}
