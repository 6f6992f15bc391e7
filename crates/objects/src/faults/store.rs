//! The tables `integrity_faults` and `integrity_scans`.

use db::{Error, Tx};
use names::{Id, ObjectId, UnixMillis};
use uuid::Uuid;

use super::{Fault, FaultKind, Scan, ScanKind};
use crate::store::{count, number, object_id};

macro_rules! fault_columns {
    () => {
        "id, kind, subject, object_id, repository_id, detail, found_at, resolved_at, how"
    };
}
macro_rules! scan_columns {
    () => {
        "id, kind, position, checked, bytes, faults, started_at, ended_at"
    };
}

db::statements! {
    OPEN = "
        INSERT INTO integrity_faults (id, kind, subject, object_id, repository_id, detail, found_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO NOTHING";
    RESOLVE = "
        UPDATE integrity_faults SET resolved_at = $3, how = $4
         WHERE kind = $1 AND subject = $2 AND resolved_at IS NULL";
    LIST_OPEN = (concat!("
        SELECT ", fault_columns!(), " FROM integrity_faults
         WHERE resolved_at IS NULL AND id < $1 ORDER BY id DESC LIMIT $2"));
    LIST_OVER = (concat!("
        SELECT ", fault_columns!(), " FROM integrity_faults
         WHERE resolved_at IS NOT NULL AND id < $1 ORDER BY id DESC LIMIT $2"));
    OPEN_ABOUT_OBJECTS = (concat!("
        SELECT ", fault_columns!(), " FROM integrity_faults
         WHERE resolved_at IS NULL AND object_id IS NOT NULL AND id > $1 ORDER BY id LIMIT $2"));
    OPEN_SCAN = (concat!("
        SELECT ", scan_columns!(), " FROM integrity_scans WHERE kind = $1 AND ended_at IS NULL"));
    NEWEST_SCANS = (concat!("
        SELECT ", scan_columns!(), " FROM integrity_scans AS s
         WHERE NOT EXISTS (SELECT 1 FROM integrity_scans AS t WHERE t.kind = s.kind AND t.id > s.id) ORDER BY kind"));
    BEGIN = "
        INSERT INTO integrity_scans (id, kind, position, started_at) VALUES ($1, $2, $3, $4)";
    ADVANCE = "
        UPDATE integrity_scans SET position = $2, checked = $3, bytes = $4, faults = $5 WHERE id = $1";
    END = "UPDATE integrity_scans SET ended_at = $2 WHERE id = $1";
    // Of each kind the last one is kept.
    FORGET_ENDED = "DELETE FROM integrity_scans WHERE kind = $2 AND ended_at IS NOT NULL AND id <> $1";
}

#[derive(sqlx::FromRow)]
struct FaultRow {
    id: Uuid,
    kind: String,
    subject: String,
    object_id: Option<Vec<u8>>,
    repository_id: Option<Uuid>,
    detail: String,
    found_at: i64,
    resolved_at: Option<i64>,
    how: Option<String>,
}

impl TryFrom<FaultRow> for Fault {
    type Error = Error;

    fn try_from(row: FaultRow) -> Result<Self, Error> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            kind: row.kind.as_str().try_into().map_err(Error::corrupt("integrity_faults.kind"))?,
            subject: row.subject,
            object: row.object_id.as_deref().map(object_id).transpose()?,
            repository: row.repository_id,
            detail: row.detail,
            found_at: UnixMillis(row.found_at),
            resolved_at: row.resolved_at.map(UnixMillis),
            how: row.how,
        })
    }
}

#[derive(sqlx::FromRow)]
struct ScanRow {
    id: Uuid,
    kind: String,
    position: String,
    checked: i64,
    bytes: i64,
    faults: i64,
    started_at: i64,
    ended_at: Option<i64>,
}

impl TryFrom<ScanRow> for Scan {
    type Error = Error;

    fn try_from(row: ScanRow) -> Result<Self, Error> {
        Ok(Self {
            id: Id::from_uuid(row.id),
            kind: row.kind.as_str().try_into().map_err(Error::corrupt("integrity_scans.kind"))?,
            position: row.position,
            checked: count(row.checked)?,
            bytes: count(row.bytes)?,
            faults: count(row.faults)?,
            started_at: UnixMillis(row.started_at),
            ended_at: row.ended_at.map(UnixMillis),
        })
    }
}

/// Writes a fault down; says whether there was none like it.
pub(crate) async fn open(tx: &mut Tx, fault: &Fault) -> Result<bool, Error> {
    let object = fault.object.as_ref().map(|id: &ObjectId| id.as_bytes().to_vec());
    let added = db::execute!(
        tx,
        OPEN,
        fault.id.uuid(),
        fault.kind.as_str(),
        &fault.subject,
        object,
        fault.repository,
        &fault.detail,
        fault.found_at.0,
    )?;
    Ok(added == 1)
}

pub(crate) async fn resolve(
    tx: &mut Tx,
    kind: FaultKind,
    subject: &str,
    now: UnixMillis,
    how: &str,
) -> Result<u64, Error> {
    db::execute!(tx, RESOLVE, kind.as_str(), subject, now.0, how)
}

pub(super) async fn list(
    tx: &mut Tx,
    open: bool,
    before: Option<Id<Fault>>,
    limit: usize,
) -> Result<Vec<Fault>, Error> {
    let before = before.map_or(Uuid::max(), Id::uuid);
    let rows: Vec<FaultRow> = if open {
        db::fetch_all!(tx, LIST_OPEN, before, number(limit))?
    } else {
        db::fetch_all!(tx, LIST_OVER, before, number(limit))?
    };
    rows.into_iter().map(Fault::try_from).collect()
}

/// Open faults about objects, oldest first, after `after`.
pub(crate) async fn open_about(
    tx: &mut Tx,
    after: Option<Id<Fault>>,
    limit: usize,
) -> Result<Vec<Fault>, Error> {
    let after = after.map_or(Uuid::nil(), Id::uuid);
    let rows: Vec<FaultRow> = db::fetch_all!(tx, OPEN_ABOUT_OBJECTS, after, number(limit))?;
    rows.into_iter().map(Fault::try_from).collect()
}

pub(super) async fn open_scan(tx: &mut Tx, kind: ScanKind) -> Result<Option<Scan>, Error> {
    let row: Option<ScanRow> = db::fetch_optional!(tx, OPEN_SCAN, kind.as_str())?;
    row.map(Scan::try_from).transpose()
}

pub(super) async fn newest_scans(tx: &mut Tx) -> Result<Vec<Scan>, Error> {
    let rows: Vec<ScanRow> = db::fetch_all!(tx, NEWEST_SCANS)?;
    rows.into_iter().map(Scan::try_from).collect()
}

pub(super) async fn begin(tx: &mut Tx, scan: &Scan) -> Result<(), Error> {
    let (kind, started) = (scan.kind.as_str(), scan.started_at.0);
    db::execute!(tx, BEGIN, scan.id.uuid(), kind, &scan.position, started).map(drop)
}

pub(super) async fn advance(tx: &mut Tx, scan: &Scan, position: &str) -> Result<(), Error> {
    let (checked, bytes, faults) = (number(scan.checked), number(scan.bytes), number(scan.faults));
    db::execute!(tx, ADVANCE, scan.id.uuid(), position, checked, bytes, faults).map(drop)
}

pub(super) async fn end(tx: &mut Tx, scan: &Scan, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, END, scan.id.uuid(), now.0)?;
    db::execute!(tx, FORGET_ENDED, scan.id.uuid(), scan.kind.as_str()).map(drop)
}
