//! What was found wrong, and how far the walks have come that look for it.
//!
//! A fault is a row from the moment that it is found until it is resolved, and stays as a record. There is one open
//! fault of a kind about a subject at a time. Rooms above report faults of their own here, so that there is one list.

mod store;

use db::Tx;
use names::{Id, ObjectId, UnixMillis};
use uuid::Uuid;

use crate::{Checked, Error, Objects};

pub(crate) use store::STATEMENTS;
pub(crate) use store::{open, open_about, resolve};

/// Faults on a page of a list.
const PAGE_ROWS: usize = 100;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// A copy's bytes do not have the hash that names them.
    Corrupt,
    /// A row names bytes that are not there.
    Missing,
    /// Bytes are there that no row names.
    Orphan,
    /// A segment has another length than its row says.
    Segment,
    /// A snapshot's tree is not whole.
    Snapshot,
    /// A ref points to no commit.
    Ref,
    /// A counter differs from what it counts.
    Quota,
}

impl FaultKind {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::Missing => "missing",
            Self::Orphan => "orphan",
            Self::Segment => "segment",
            Self::Snapshot => "snapshot",
            Self::Ref => "ref",
            Self::Quota => "quota",
        }
    }
}

impl TryFrom<&str> for FaultKind {
    type Error = String;

    fn try_from(word: &str) -> Result<Self, String> {
        let all = [
            Self::Corrupt,
            Self::Missing,
            Self::Orphan,
            Self::Segment,
            Self::Snapshot,
            Self::Ref,
            Self::Quota,
        ];
        let found = all.into_iter().find(|it| it.as_str() == word);
        found.ok_or_else(|| format!("`{word}` is no kind of fault"))
    }
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub id: Id<Self>,
    /// What is wrong.
    pub kind: FaultKind,
    /// With what, in one word: an object, a name below `objects/`, a repository.
    pub subject: String,
    /// The object, if it is about one.
    pub object: Option<ObjectId>,
    /// The repository, if it is about one.
    pub repository: Option<Uuid>,
    /// More of it, for people.
    pub detail: String,
    /// When it was found.
    pub found_at: UnixMillis,
    /// When it was over, if it is.
    pub resolved_at: Option<UnixMillis>,
    /// How it ended.
    pub how: Option<String>,
}

/// A page of faults, newest first.
#[derive(Debug, Clone)]
pub struct FaultPage {
    /// The faults.
    pub faults: Vec<Fault>,
    /// Where the list goes on.
    pub next: Option<Id<Fault>>,
}

/// A walk over what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScanKind {
    /// Everything, in order of the ids, over weeks.
    Scrub,
    /// Some of it, anywhere.
    Sample,
    /// Rows without bytes, bytes without rows.
    Orphans,
    /// Rows that do not fit together.
    Records,
}

impl ScanKind {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scrub => "scrub",
            Self::Sample => "sample",
            Self::Orphans => "orphans",
            Self::Records => "records",
        }
    }
}

impl TryFrom<&str> for ScanKind {
    type Error = String;

    fn try_from(word: &str) -> Result<Self, String> {
        let all = [Self::Scrub, Self::Sample, Self::Orphans, Self::Records];
        let found = all.into_iter().find(|it| it.as_str() == word);
        found.ok_or_else(|| format!("`{word}` is no kind of scan"))
    }
}

/// How far a walk has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// Which.
    pub id: Id<Self>,
    /// What it looks at.
    pub kind: ScanKind,
    /// Where it goes on, in the walk's own words; empty at the beginning.
    pub position: String,
    /// How many things it has looked at.
    pub checked: u64,
    /// How many bytes it has hashed.
    pub bytes: u64,
    /// How many faults it has found.
    pub faults: u64,
    /// When it began.
    pub started_at: UnixMillis,
    /// When it came to its end, if it has.
    pub ended_at: Option<UnixMillis>,
}

impl Scan {
    /// Counts what a check found.
    pub fn add(&mut self, checked: &Checked) {
        self.checked += checked.objects;
        self.bytes += checked.bytes;
        self.faults += checked.faults;
    }
}

impl Objects {
    /// A fault that is found now.
    pub(crate) fn fault(
        &self,
        kind: FaultKind,
        subject: String,
        object: Option<ObjectId>,
        repository: Option<Uuid>,
        detail: String,
    ) -> Fault {
        let now = self.0.clock.now();
        let id = Id::new(now, &self.0.random);
        let (resolved_at, how) = (None, None);
        Fault { id, kind, subject, object, repository, detail, found_at: now, resolved_at, how }
    }

    /// Writes down what a room above has found; says whether it is new.
    pub async fn add_fault(
        &self,
        tx: &mut Tx,
        kind: FaultKind,
        repository: Uuid,
        subject: &str,
        detail: String,
    ) -> Result<bool, Error> {
        let fault = self.fault(kind, subject.to_owned(), None, Some(repository), detail);
        Ok(open(tx, &fault).await?)
    }

    /// Ends every open fault of `kind` about `subject`.
    pub async fn end_fault(
        &self,
        tx: &mut Tx,
        kind: FaultKind,
        subject: &str,
        how: &str,
    ) -> Result<u64, Error> {
        Ok(resolve(tx, kind, subject, self.0.clock.now(), how).await?)
    }

    /// Faults, newest first: the open ones, or those that are over.
    pub async fn faults(&self, open: bool, before: Option<Id<Fault>>) -> Result<FaultPage, Error> {
        let mut tx = self.0.db.glance().await?;
        let mut faults = store::list(&mut tx, open, before, PAGE_ROWS + 1).await?;
        let next = (faults.len() > PAGE_ROWS).then(|| {
            faults.truncate(PAGE_ROWS);
            faults.last().map(|it| it.id)
        });
        Ok(FaultPage { faults, next: next.flatten() })
    }

    /// The newest walk of each kind.
    pub async fn scans(&self) -> Result<Vec<Scan>, Error> {
        Ok(store::newest_scans(&mut self.0.db.glance().await?).await?)
    }

    /// The walk of `kind` that is under way, begun now if there is none.
    pub async fn scan(&self, tx: &mut Tx, kind: ScanKind) -> Result<Scan, Error> {
        if let Some(scan) = store::open_scan(tx, kind).await? {
            return Ok(scan);
        }
        let now = self.0.clock.now();
        let id = Id::new(now, &self.0.random);
        let (position, ended_at) = (String::new(), None);
        let scan =
            Scan { id, kind, position, checked: 0, bytes: 0, faults: 0, started_at: now, ended_at };
        store::begin(tx, &scan).await?;
        Ok(scan)
    }

    /// Writes down how far a walk has come; it is over if `position` is nothing.
    pub async fn scanned(
        &self,
        tx: &mut Tx,
        scan: &Scan,
        position: Option<&str>,
    ) -> Result<(), Error> {
        store::advance(tx, scan, position.unwrap_or_default()).await?;
        if position.is_none() {
            store::end(tx, scan, self.0.clock.now()).await?;
        }
        Ok(())
    }
}
