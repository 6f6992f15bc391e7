//! What collection asks of `commits`, `snapshots`, `refs` and `former_heads`.

use db::{Error, Tx};
use names::{CommitId, Id, NodeId, SnapshotId, UnixMillis};
use uuid::Uuid;

use super::{State, mark::Stored};
use crate::{Repository, git};

db::statements! {
    LEAVE = "
        INSERT INTO former_heads (repository_id, target, left_at) VALUES ($1, $2, $3)
        ON CONFLICT (repository_id, target) DO UPDATE SET left_at = excluded.left_at";
    STATE = "
        SELECT (SELECT count(*) FROM refs WHERE repository_id = $1),
               (SELECT coalesce(max(updated_at), 0) FROM refs WHERE repository_id = $1),
               (SELECT coalesce(max(position), 0) FROM commits WHERE repository_id = $1),
               (SELECT pushed_at FROM repositories WHERE id = $1)";
    HEADS = "
        SELECT target FROM refs WHERE repository_id = $1
        UNION
        SELECT target FROM former_heads WHERE repository_id = $1 AND left_at > $2";
    COMMITS_BEFORE = "
        SELECT position, id, parent1, parent2, snapshot_id, received_at FROM commits
         WHERE repository_id = $1 AND position < $2 ORDER BY position DESC LIMIT $3";
    SNAPSHOTS = "SELECT id, root_node FROM snapshots WHERE repository_id = $1";
    DROP_COMMITS = {
        sqlite "
        DELETE FROM commits WHERE repository_id = $2 AND id IN (SELECT unhex(value) FROM json_each($1))",
        postgres "
        DELETE FROM commits
         WHERE repository_id = $2 AND id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb))"
    };
    DROP_SNAPSHOTS = {
        sqlite "
        DELETE FROM snapshots
         WHERE repository_id = $2 AND id IN (SELECT unhex(value) FROM json_each($1))
           AND NOT EXISTS (SELECT 1 FROM commits AS c WHERE c.repository_id = $2 AND c.snapshot_id = snapshots.id)",
        postgres "
        DELETE FROM snapshots
         WHERE repository_id = $2 AND id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb))
           AND NOT EXISTS (SELECT 1 FROM commits AS c WHERE c.repository_id = $2 AND c.snapshot_id = snapshots.id)"
    };
    FORGET_FORMER = "DELETE FROM former_heads WHERE repository_id = $1 AND left_at <= $2";
    TO_COLLECT = "
        SELECT DISTINCT repository_id FROM former_heads
         WHERE left_at <= $1 AND repository_id > $2 ORDER BY repository_id LIMIT $3";
}

/// Remembers what a branch was moved away from.
pub(crate) async fn leave(
    tx: &mut Tx,
    repository: Id<Repository>,
    target: CommitId,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, LEAVE, repository.uuid(), &target.as_bytes()[..], now.0).map(drop)
}

pub(super) async fn state(tx: &mut Tx, repository: Id<Repository>) -> Result<State, Error> {
    let row: (i64, i64, i64, Option<i64>) = db::fetch_one!(tx, STATE, repository.uuid())?;
    let (refs, refs_moved_at, last_position, pushed_at) = row;
    Ok(State { refs, refs_moved_at, last_position, pushed_at })
}

fn commit_id(bytes: &[u8]) -> Result<CommitId, Error> {
    bytes.try_into().map_err(Error::corrupt("commits.id"))
}

fn snapshot_id(bytes: &[u8]) -> Result<SnapshotId, Error> {
    bytes.try_into().map_err(Error::corrupt("snapshots.id"))
}

/// Where refs are, and where they were after `cutoff`.
pub(super) async fn heads(
    tx: &mut Tx,
    repository: Id<Repository>,
    cutoff: UnixMillis,
) -> Result<Vec<CommitId>, Error> {
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, HEADS, repository.uuid(), cutoff.0)?;
    rows.iter().map(|(id,)| commit_id(id)).collect()
}

/// A commit as the walk wants it.
pub(super) struct Walked {
    pub(super) position: i64,
    pub(super) commit: Stored,
    pub(super) snapshot: SnapshotId,
    pub(super) received_at: UnixMillis,
}

#[derive(sqlx::FromRow)]
struct WalkedRow {
    position: i64,
    id: Vec<u8>,
    parent1: Option<Vec<u8>>,
    parent2: Option<Vec<u8>>,
    snapshot_id: Vec<u8>,
    received_at: i64,
}

impl TryFrom<WalkedRow> for Walked {
    type Error = Error;

    fn try_from(row: WalkedRow) -> Result<Self, Error> {
        let parents = [row.parent1, row.parent2].into_iter().flatten();
        let parents = parents.map(|it| commit_id(&it)).collect::<Result<_, Error>>()?;
        Ok(Self {
            position: row.position,
            commit: Stored { id: commit_id(&row.id)?, parents },
            snapshot: snapshot_id(&row.snapshot_id)?,
            received_at: UnixMillis(row.received_at),
        })
    }
}

/// The next commits of the walk, newest first.
pub(super) async fn commits_before(
    tx: &mut Tx,
    repository: Id<Repository>,
    position: i64,
    limit: usize,
) -> Result<Vec<Walked>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<WalkedRow> =
        db::fetch_all!(tx, COMMITS_BEFORE, repository.uuid(), position, limit)?;
    let found = rows.into_iter().map(Walked::try_from).collect::<Result<Vec<_>, _>>();
    let mut found: Vec<Walked> = found?;
    let each = found.iter_mut().map(|it| (it.commit.id, &mut it.commit.parents)).collect();
    git::add_more_parents(tx, repository, each).await?;
    Ok(found)
}

pub(super) async fn snapshots(
    tx: &mut Tx,
    repository: Id<Repository>,
) -> Result<Vec<(SnapshotId, NodeId)>, Error> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = db::fetch_all!(tx, SNAPSHOTS, repository.uuid())?;
    let believe = |(id, root): (Vec<u8>, Vec<u8>)| {
        let root = root.as_slice().try_into().map_err(Error::corrupt("snapshots.root_node"))?;
        Ok((snapshot_id(&id)?, root))
    };
    rows.into_iter().map(believe).collect()
}

pub(super) async fn drop_commits(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
) -> Result<u64, Error> {
    db::execute!(tx, DROP_COMMITS, db::rows(ids), repository.uuid())
}

pub(super) async fn drop_snapshots(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[SnapshotId],
) -> Result<u64, Error> {
    db::execute!(tx, DROP_SNAPSHOTS, db::rows(ids), repository.uuid())
}

pub(super) async fn forget_former(
    tx: &mut Tx,
    repository: Id<Repository>,
    cutoff: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, FORGET_FORMER, repository.uuid(), cutoff.0).map(drop)
}

pub(super) async fn to_collect(
    tx: &mut Tx,
    after: Option<Id<Repository>>,
    cutoff: UnixMillis,
    limit: usize,
) -> Result<Vec<Id<Repository>>, Error> {
    let after = after.map_or(Uuid::nil(), Id::uuid);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, TO_COLLECT, cutoff.0, after, limit)?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}
