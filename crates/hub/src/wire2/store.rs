//! What wire 2 asks of `refs`, `commits`, `snapshots` and the links of objects.

use std::collections::{HashMap, HashSet};

use db::{Error, Tx};
use names::{CommitId, Id, NodeId, ObjectId, SnapshotId};

use super::position::At;
use crate::{
    Repository,
    reading::{between_walk, parent_rows, row_id as id},
};

/// How the rows of commits are looked up one by one: SQLite is told the order.
macro_rules! each {
    (sqlite) => {
        "CROSS JOIN"
    };
    (postgres) => {
        "JOIN"
    };
}

/// Everything that refs lead to, as `up`.
macro_rules! reached {
    ($dialect:tt) => {
        concat!(
            "
        WITH RECURSIVE up (id) AS (
            SELECT target FROM refs WHERE repository_id = $1
            UNION
            SELECT p.id FROM up
              ",
            each!($dialect),
            " commits AS c ON c.repository_id = $1 AND c.id = up.id
              ",
            each!($dialect),
            " commits AS p ON p.repository_id = $1 AND p.id IN (c.parent1, c.parent2))"
        )
    };
}

macro_rules! shown_snapshot {
    () => {
        "
        SELECT count(*) FROM commits AS c
         WHERE c.repository_id = $1 AND c.snapshot_id = $2 AND c.id IN (SELECT id FROM up)"
    };
}

macro_rules! shown_roots {
    ($dialect:tt) => {
        concat!(
            "
        SELECT c.generation, c.id, s.root_node FROM up
          ",
            each!($dialect),
            " commits AS c ON c.repository_id = $1 AND c.id = up.id
          ",
            each!($dialect),
            " snapshots AS s ON s.repository_id = $1 AND s.id = c.snapshot_id
         WHERE c.generation < $2 OR (c.generation = $2 AND c.id < $3)
         ORDER BY c.generation DESC, c.id DESC LIMIT $4"
        )
    };
}

macro_rules! counted {
    ($dialect:tt) => {
        concat!(
            "
        SELECT count(*), count(DISTINCT c.snapshot_id)
          FROM wanted ",
            each!($dialect),
            " commits AS c ON c.repository_id = $1 AND c.id = wanted.id
         WHERE c.id NOT IN (SELECT id FROM held)"
        )
    };
}

macro_rules! next_of_line {
    ($dialect:tt) => {
        concat!(
            "
        SELECT c.generation, c.id
          FROM wanted ",
            each!($dialect),
            " commits AS c ON c.repository_id = $1 AND c.id = wanted.id
         WHERE c.id NOT IN (SELECT id FROM held) AND (c.generation > $4 OR (c.generation = $4 AND c.id > $5))
         ORDER BY c.generation, c.id LIMIT $6"
        )
    };
}

db::statements! {
    VISIBLE = {
        sqlite (concat!(reached!(sqlite), "
        SELECT id FROM up WHERE id IN (SELECT unhex(value) FROM json_each($2))")),
        postgres (concat!(reached!(postgres), "
        SELECT id FROM up WHERE id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($2::jsonb))"))
    };
    SHOWN_SNAPSHOT = {
        sqlite (concat!(reached!(sqlite), shown_snapshot!())),
        postgres (concat!(reached!(postgres), shown_snapshot!()))
    };
    SHOWN_ROOTS = {
        sqlite (concat!(reached!(sqlite), shown_roots!(sqlite))),
        postgres (concat!(reached!(postgres), shown_roots!(postgres)))
    };
    FORMER = "SELECT count(*) FROM former_heads WHERE repository_id = $1";
    LINKED = {
        sqlite "
        SELECT l.object_id FROM json_each($2) AS asked
          CROSS JOIN repository_objects AS l ON l.repository_id = $1 AND l.object_id = unhex(asked.value)",
        postgres "
        SELECT l.object_id FROM jsonb_array_elements_text($2::jsonb) AS asked
          JOIN repository_objects AS l ON l.repository_id = $1 AND l.object_id = decode(asked.value, 'hex')"
    };
    COMMON = {
        // Of those that are held, the ones that no other one leads to.
        sqlite "
        WITH RECURSIVE below (id) AS (
            SELECT p.id FROM json_each($2) AS one
              CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = unhex(one.value)
              CROSS JOIN commits AS p ON p.repository_id = $1 AND p.id IN (c.parent1, c.parent2)
            UNION
            SELECT p.id FROM below
              CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = below.id
              CROSS JOIN commits AS p ON p.repository_id = $1 AND p.id IN (c.parent1, c.parent2))
        SELECT c.id FROM json_each($2) AS one
          CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = unhex(one.value)
         WHERE c.id NOT IN (SELECT id FROM below)
         ORDER BY c.generation DESC, c.id",
        postgres "
        WITH RECURSIVE below (id) AS (
            SELECT p.id FROM jsonb_array_elements_text($2::jsonb) AS one
              JOIN commits AS c ON c.repository_id = $1 AND c.id = decode(one.value, 'hex')
              JOIN commits AS p ON p.repository_id = $1 AND p.id IN (c.parent1, c.parent2)
            UNION
            SELECT p.id FROM below
              JOIN commits AS c ON c.repository_id = $1 AND c.id = below.id
              JOIN commits AS p ON p.repository_id = $1 AND p.id IN (c.parent1, c.parent2))
        SELECT c.id FROM jsonb_array_elements_text($2::jsonb) AS one
          JOIN commits AS c ON c.repository_id = $1 AND c.id = decode(one.value, 'hex')
         WHERE c.id NOT IN (SELECT id FROM below)
         ORDER BY c.generation DESC, c.id"
    };
    COUNTED = {
        sqlite (concat!(between_walk!(sqlite), counted!(sqlite))),
        postgres (concat!(between_walk!(postgres), counted!(postgres)))
    };
    LINE = {
        sqlite (concat!(between_walk!(sqlite), next_of_line!(sqlite))),
        postgres (concat!(between_walk!(postgres), next_of_line!(postgres)))
    };
    TREES = {
        sqlite "
        SELECT c.id, s.id, s.root_node, s.files, s.created_at_text FROM json_each($2) AS asked
          CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = unhex(asked.value)
          CROSS JOIN snapshots AS s ON s.repository_id = $1 AND s.id = c.snapshot_id",
        postgres "
        SELECT c.id, s.id, s.root_node, s.files, s.created_at_text
          FROM jsonb_array_elements_text($2::jsonb) AS asked
          JOIN commits AS c ON c.repository_id = $1 AND c.id = decode(asked.value, 'hex')
          JOIN snapshots AS s ON s.repository_id = $1 AND s.id = c.snapshot_id"
    };
    SMALL_DELTAS = {
        sqlite "
        SELECT d.commit_id FROM json_each($2) AS asked
          CROSS JOIN commit_deltas AS d ON d.repository_id = $1 AND d.commit_id = unhex(asked.value)
         WHERE length(d.delta) <= $3",
        postgres "
        SELECT d.commit_id FROM jsonb_array_elements_text($2::jsonb) AS asked
          JOIN commit_deltas AS d ON d.repository_id = $1 AND d.commit_id = decode(asked.value, 'hex')
         WHERE length(d.delta) <= $3"
    };
}

/// The snapshot of a commit.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) snapshot: SnapshotId,
    pub(super) root: NodeId,
    pub(super) files: u64,
    pub(super) created_at: String,
}

/// Commit, snapshot, root, files, and when the snapshot was made.
type TreeRow = (Vec<u8>, Vec<u8>, Vec<u8>, i64, String);

fn number(count: i64) -> Result<u64, Error> {
    u64::try_from(count).map_err(Error::corrupt("a count"))
}

fn first<T: for<'a> TryFrom<&'a [u8], Error = names::BadDigest>>(
    rows: &[(Vec<u8>,)],
) -> Result<Vec<T>, Error> {
    rows.iter().map(|(bytes,)| id(bytes)).collect()
}

/// Which of `ids` a ref leads to.
pub(super) async fn visible(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
) -> Result<HashSet<CommitId>, Error> {
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, VISIBLE, repository.uuid(), db::rows(ids))?;
    Ok(first(&rows)?.into_iter().collect())
}

/// Whether a commit that a ref leads to has this snapshot.
pub(super) async fn is_shown(
    tx: &mut Tx,
    repository: Id<Repository>,
    snapshot: SnapshotId,
) -> Result<bool, Error> {
    let snapshot = &snapshot.as_bytes()[..];
    let (count,): (i64,) = db::fetch_one!(tx, SHOWN_SNAPSHOT, repository.uuid(), snapshot)?;
    Ok(count > 0)
}

/// The next trees of what refs lead to, from the newest down to below `from`.
pub(super) async fn shown_roots(
    tx: &mut Tx,
    repository: Id<Repository>,
    from: At,
    limit: i64,
) -> Result<Vec<(At, NodeId)>, Error> {
    let below = &from.id.as_bytes()[..];
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> =
        db::fetch_all!(tx, SHOWN_ROOTS, repository.uuid(), from.generation, below, limit)?;
    let believe = |(generation, commit, root): (i64, Vec<u8>, Vec<u8>)| {
        Ok((At { generation, id: id(&commit)? }, id(&root)?))
    };
    rows.into_iter().map(believe).collect()
}

/// Whether refs were moved away from something that may still be held.
pub(super) async fn has_former_heads(
    tx: &mut Tx,
    repository: Id<Repository>,
) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, FORMER, repository.uuid())?;
    Ok(count > 0)
}

/// Which of `ids` the repository links.
pub(super) async fn linked(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[ObjectId],
) -> Result<HashSet<ObjectId>, Error> {
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, LINKED, repository.uuid(), db::rows(ids))?;
    Ok(first(&rows)?.into_iter().collect())
}

/// Of `ids`, which are held, those that no other one leads to.
pub(super) async fn heads_of(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
) -> Result<Vec<CommitId>, Error> {
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, COMMON, repository.uuid(), db::rows(ids))?;
    first(&rows)
}

/// How many commits, and how many snapshots, `want` leads to and `common` does not.
pub(super) async fn counted(
    tx: &mut Tx,
    repository: Id<Repository>,
    want: &[CommitId],
    common: &[CommitId],
) -> Result<(u64, u64), Error> {
    let (want, common) = (db::rows(want), db::rows(common));
    let (commits, snapshots): (i64, i64) =
        db::fetch_one!(tx, COUNTED, repository.uuid(), want, common)?;
    Ok((number(commits)?, number(snapshots)?))
}

/// The next commits that `want` leads to and `common` does not, by generation, then by id.
pub(super) async fn line(
    tx: &mut Tx,
    repository: Id<Repository>,
    (want, common): (&[CommitId], &[CommitId]),
    after: At,
    limit: i64,
) -> Result<Vec<At>, Error> {
    let (want, common, last) = (db::rows(want), db::rows(common), &after.id.as_bytes()[..]);
    let id_of = repository.uuid();
    let rows: Vec<(i64, Vec<u8>)> =
        db::fetch_all!(tx, LINE, id_of, want, common, after.generation, last, limit)?;
    rows.into_iter().map(|(generation, bytes)| Ok(At { generation, id: id(&bytes)? })).collect()
}

/// The trees of commits.
pub(super) async fn trees(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
) -> Result<HashMap<CommitId, Tree>, Error> {
    let rows: Vec<TreeRow> = db::fetch_all!(tx, TREES, repository.uuid(), db::rows(ids))?;
    let mut trees = HashMap::with_capacity(rows.len());
    for (commit, snapshot, root, files, created_at) in rows {
        let (snapshot, root, files) = (id(&snapshot)?, id(&root)?, number(files)?);
        trees.insert(id(&commit)?, Tree { snapshot, root, files, created_at });
    }
    Ok(trees)
}

/// Which of those commits have a delta of at most `max_bytes`.
pub(super) async fn with_small_delta(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
    max_bytes: u64,
) -> Result<Vec<CommitId>, Error> {
    let max_bytes = i64::try_from(max_bytes).unwrap_or(i64::MAX);
    let rows: Vec<(Vec<u8>,)> =
        db::fetch_all!(tx, SMALL_DELTAS, repository.uuid(), db::rows(ids), max_bytes)?;
    first(&rows)
}
