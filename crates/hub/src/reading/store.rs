//! What readers ask of `refs`, `commits`, `snapshots` and `tree_nodes`.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use api::{CommitRecord, Limits, Value};
use db::{Error, Tx};
use history::tree::{Node, Nodes};
use names::{BranchName, CommitId, Id, NodeId, SnapshotId, UnixMillis};

use super::{Commit, Known, Line, RefPlace, Snapshot};
use crate::{Repository, git};

macro_rules! commit_columns {
    () => {
        "c.id, c.snapshot_id, c.parent1, c.parent2, c.committed_at_text, c.committed_at, c.message, \
         c.author, c.branch, c.origin_repo_id, c.metadata, c.agent_id, c.model_id, c.toolchain_id, c.prompt_hash, \
         c.sem_ver_bump, c.breaking_changes, c.signature, c.signer_key_id, c.received_at, c.test_runs, \
         c.format_version, c.wire_bytes, c.generation, c.agent_label"
    };
}

/// The rows of the parents of the commits in `$c`, as `p`: the two that stand there, and those beyond them. SQLite is told the
/// order (`CROSS JOIN`), here and wherever commits are looked up one by one: else it may walk all of a repository for each.
macro_rules! parent_rows {
    (sqlite $c:literal) => {
        concat!(
            "CROSS JOIN commits AS p ON p.repository_id = $1 AND p.id IN (
                SELECT ",
            $c,
            ".parent1 UNION ALL SELECT ",
            $c,
            ".parent2
                UNION ALL SELECT m.parent FROM commit_more_parents AS m
                           WHERE m.repository_id = $1 AND m.commit_id = ",
            $c,
            ".id)"
        )
    };
    (postgres $c:literal) => {
        concat!(
            "CROSS JOIN LATERAL (
                SELECT ",
            $c,
            ".parent1 AS id UNION ALL SELECT ",
            $c,
            ".parent2
                UNION ALL SELECT m.parent FROM commit_more_parents AS m
                           WHERE m.repository_id = $1 AND m.commit_id = ",
            $c,
            ".id) AS q
              JOIN commits AS p ON p.repository_id = $1 AND p.id = q.id"
        )
    };
}

/// What `$2` leads to and `$3` does not, as `wanted` without `held`.
macro_rules! between_walk {
    (sqlite) => {
        concat!("
        WITH RECURSIVE held (id) AS (
            SELECT unhex(value) FROM json_each($3)
            UNION
            SELECT p.id FROM held
              CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = held.id
              ", parent_rows!(sqlite "c"), "),
        wanted (id) AS (
            SELECT unhex(value) FROM json_each($2)
            UNION
            SELECT p.id FROM wanted
              CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = wanted.id
              ", parent_rows!(sqlite "c"), "
             WHERE p.id NOT IN (SELECT id FROM held))")
    };
    (postgres) => {
        concat!("
        WITH RECURSIVE held (id) AS (
            SELECT decode(value, 'hex') FROM jsonb_array_elements_text($3::jsonb)
            UNION
            SELECT p.id FROM held
              JOIN commits AS c ON c.repository_id = $1 AND c.id = held.id
              ", parent_rows!(postgres "c"), "),
        wanted (id) AS (
            SELECT decode(value, 'hex') FROM jsonb_array_elements_text($2::jsonb)
            UNION
            SELECT p.id FROM wanted
              JOIN commits AS c ON c.repository_id = $1 AND c.id = wanted.id
              ", parent_rows!(postgres "c"), "
             WHERE p.id NOT IN (SELECT id FROM held))")
    };
}

pub(crate) use {between_walk, parent_rows};

db::statements! {
    BRANCHES = "SELECT name, target FROM refs WHERE repository_id = $1 AND kind = 'branch' ORDER BY name";
    REFS = "SELECT name, target, counter, entry_hash FROM refs WHERE repository_id = $1 ORDER BY name";
    NAMED = {
        sqlite "
        SELECT r.name, r.target FROM json_each($2) AS wanted
          CROSS JOIN refs AS r ON r.repository_id = $1 AND r.name = wanted.value",
        postgres "
        SELECT r.name, r.target FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN refs AS r ON r.repository_id = $1 AND r.name = wanted.value"
    };
    TARGET = "SELECT target FROM refs WHERE repository_id = $1 AND name = $2";
    ID_RANGE = "SELECT id FROM commits WHERE repository_id = $1 AND id BETWEEN $2 AND $3 ORDER BY id LIMIT $4";
    // Materialized: else SQLite merges the three in the order of ids, and walks every commit of the repository for it.
    CHILDREN = "
        WITH found AS MATERIALIZED (
            SELECT id FROM commits WHERE repository_id = $1 AND parent1 = $2
            UNION ALL SELECT id FROM commits WHERE repository_id = $1 AND parent2 = $2
            UNION ALL SELECT commit_id FROM commit_more_parents WHERE repository_id = $1 AND parent = $2
        )
        SELECT DISTINCT id FROM found ORDER BY id LIMIT 100";
    LINES = {
        sqlite (concat!("
        WITH RECURSIVE up (id, parent1, parent2, snapshot_id, generation, committed_at) AS (
            SELECT c.id, c.parent1, c.parent2, c.snapshot_id, c.generation, c.committed_at
              FROM json_each($2) AS wanted
              CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = unhex(wanted.value)
            UNION
            SELECT p.id, p.parent1, p.parent2, p.snapshot_id, p.generation, p.committed_at FROM up
              ", parent_rows!(sqlite "up"), ")
        SELECT id, parent1, parent2, snapshot_id, generation, committed_at FROM up LIMIT $3")),
        postgres (concat!("
        WITH RECURSIVE up (id, parent1, parent2, snapshot_id, generation, committed_at) AS (
            SELECT c.id, c.parent1, c.parent2, c.snapshot_id, c.generation, c.committed_at
              FROM jsonb_array_elements_text($2::jsonb) AS wanted
              JOIN commits AS c ON c.repository_id = $1 AND c.id = decode(wanted.value, 'hex')
            UNION
            SELECT p.id, p.parent1, p.parent2, p.snapshot_id, p.generation, p.committed_at FROM up
              ", parent_rows!(postgres "up"), ")
        SELECT id, parent1, parent2, snapshot_id, generation, committed_at FROM up LIMIT $3"))
    };
    KNOWN = {
        sqlite "
        SELECT c.id, c.generation FROM json_each($2) AS wanted
          CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = unhex(wanted.value)",
        postgres "
        SELECT c.id, c.generation FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN commits AS c ON c.repository_id = $1 AND c.id = decode(wanted.value, 'hex')"
    };
    REACHABLE = {
        sqlite (concat!("
        WITH RECURSIVE up (id) AS (
            SELECT unhex(value) FROM json_each($2)
            UNION
            SELECT p.id FROM up
              CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = up.id
              ", parent_rows!(sqlite "c"), "
             WHERE p.generation >= (SELECT generation FROM commits WHERE repository_id = $1 AND id = $3))
        SELECT count(*) FROM up WHERE id = $3")),
        postgres (concat!("
        WITH RECURSIVE up (id) AS (
            SELECT decode(value, 'hex') FROM jsonb_array_elements_text($2::jsonb)
            UNION
            SELECT p.id FROM up
              JOIN commits AS c ON c.repository_id = $1 AND c.id = up.id
              ", parent_rows!(postgres "c"), "
             WHERE p.generation >= (SELECT generation FROM commits WHERE repository_id = $1 AND id = $3))
        SELECT count(*) FROM up WHERE id = $3"))
    };
    HIDDEN = {
        sqlite (concat!("
        WITH RECURSIVE up (id) AS (
            SELECT target FROM refs WHERE repository_id = $1
            UNION
            SELECT p.id FROM up
              CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = up.id
              ", parent_rows!(sqlite "c"), ")
        SELECT count(*) FROM json_each($2) AS wanted WHERE unhex(wanted.value) NOT IN (SELECT id FROM up)")),
        postgres (concat!("
        WITH RECURSIVE up (id) AS (
            SELECT target FROM refs WHERE repository_id = $1
            UNION
            SELECT p.id FROM up
              JOIN commits AS c ON c.repository_id = $1 AND c.id = up.id
              ", parent_rows!(postgres "c"), ")
        SELECT count(*) FROM jsonb_array_elements_text($2::jsonb) AS wanted
         WHERE decode(wanted.value, 'hex') NOT IN (SELECT id FROM up)"))
    };
    BETWEEN = {
        sqlite (concat!(between_walk!(sqlite), "
        SELECT c.id FROM wanted CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = wanted.id
         WHERE c.id NOT IN (SELECT id FROM held)
         ORDER BY c.generation DESC, c.id")),
        postgres (concat!(between_walk!(postgres), "
        SELECT c.id FROM wanted JOIN commits AS c ON c.repository_id = $1 AND c.id = wanted.id
         WHERE c.id NOT IN (SELECT id FROM held)
         ORDER BY c.generation DESC, c.id"))
    };
    COMMITS = {
        sqlite (concat!("
        SELECT ", commit_columns!(), " FROM json_each($2) AS wanted
          CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = unhex(wanted.value)")),
        postgres (concat!("
        SELECT ", commit_columns!(), " FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN commits AS c ON c.repository_id = $1 AND c.id = decode(wanted.value, 'hex')"))
    };
    REVIEWERS = {
        sqlite "
        SELECT r.commit_id, r.reviewer FROM json_each($2) AS wanted
          CROSS JOIN commit_reviewers AS r ON r.repository_id = $1 AND r.commit_id = unhex(wanted.value)
         ORDER BY r.reviewer",
        postgres "
        SELECT r.commit_id, r.reviewer FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN commit_reviewers AS r ON r.repository_id = $1 AND r.commit_id = decode(wanted.value, 'hex')
         ORDER BY r.reviewer"
    };
    DELTAS = {
        sqlite "
        SELECT d.commit_id, d.delta FROM json_each($2) AS wanted
          CROSS JOIN commit_deltas AS d ON d.repository_id = $1 AND d.commit_id = unhex(wanted.value)",
        postgres "
        SELECT d.commit_id, d.delta FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN commit_deltas AS d ON d.repository_id = $1 AND d.commit_id = decode(wanted.value, 'hex')"
    };
    SNAPSHOTS = {
        sqlite "
        SELECT s.id, s.root_node, s.wire_bytes, s.created_at_text FROM json_each($2) AS wanted
          CROSS JOIN snapshots AS s ON s.repository_id = $1 AND s.id = unhex(wanted.value)",
        postgres "
        SELECT s.id, s.root_node, s.wire_bytes, s.created_at_text
          FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN snapshots AS s ON s.repository_id = $1 AND s.id = decode(wanted.value, 'hex')"
    };
    NODES = {
        sqlite "
        SELECT n.id, n.entries FROM json_each($1) AS wanted CROSS JOIN tree_nodes AS n ON n.id = unhex(wanted.value)",
        postgres "
        SELECT n.id, n.entries FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN tree_nodes AS n ON n.id = decode(wanted.value, 'hex')"
    };
    SMALL_NODES = {
        sqlite "
        SELECT n.id, n.entries FROM json_each($1) AS wanted CROSS JOIN tree_nodes AS n ON n.id = unhex(wanted.value)
         WHERE length(n.entries) <= $2",
        postgres "
        SELECT n.id, n.entries FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN tree_nodes AS n ON n.id = decode(wanted.value, 'hex')
         WHERE length(n.entries) <= $2"
    };
    NODE_SIZES = {
        sqlite "
        SELECT n.id, length(n.entries) FROM json_each($1) AS wanted CROSS JOIN tree_nodes AS n ON n.id = unhex(wanted.value)",
        postgres "
        SELECT n.id, length(n.entries)::bigint FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN tree_nodes AS n ON n.id = decode(wanted.value, 'hex')"
    };
}

/// An id out of a row.
pub(crate) fn id<T: for<'a> TryFrom<&'a [u8], Error = names::BadDigest>>(
    bytes: &[u8],
) -> Result<T, Error> {
    bytes.try_into().map_err(Error::corrupt("an id column"))
}

/// The branches, by name.
pub(crate) async fn branches(
    tx: &mut Tx,
    repository: Id<Repository>,
) -> Result<Vec<(BranchName, CommitId)>, Error> {
    let rows: Vec<(String, Vec<u8>)> = db::fetch_all!(tx, BRANCHES, repository.uuid())?;
    let believe = |(name, target): (String, Vec<u8>)| {
        let name = name.strip_prefix("refs/heads/").unwrap_or(&name);
        Ok((name.parse().map_err(Error::corrupt("refs.name"))?, id(&target)?))
    };
    rows.into_iter().map(believe).collect()
}

/// Every ref with its place in the log, by name.
pub(crate) async fn refs(tx: &mut Tx, repository: Id<Repository>) -> Result<Vec<RefPlace>, Error> {
    type Row = (String, Vec<u8>, i64, Option<Vec<u8>>);
    let rows: Vec<Row> = db::fetch_all!(tx, REFS, repository.uuid())?;
    let believe = |(name, target, counter, entry_hash): Row| {
        let counter = u64::try_from(counter).map_err(Error::corrupt("refs.counter"))?;
        let entry_hash = entry_hash.as_deref().map(id).transpose()?;
        Ok(RefPlace { name, target: id(&target)?, counter, entry_hash })
    };
    rows.into_iter().map(believe).collect()
}

/// The targets of those refs that are there, by full name.
pub(super) async fn named(
    tx: &mut Tx,
    repository: Id<Repository>,
    names: &[String],
) -> Result<HashMap<String, CommitId>, Error> {
    let rows: Vec<(String, Vec<u8>)> =
        db::fetch_all!(tx, NAMED, repository.uuid(), db::rows(names))?;
    rows.into_iter().map(|(name, target)| Ok((name, id(&target)?))).collect()
}

/// Where the ref of that full name leads, if it is there.
pub(crate) async fn target(
    tx: &mut Tx,
    repository: Id<Repository>,
    name: &str,
) -> Result<Option<CommitId>, Error> {
    let row: Option<(Vec<u8>,)> = db::fetch_optional!(tx, TARGET, repository.uuid(), name)?;
    row.map(|(target,)| id(&target)).transpose()
}

/// Up to `limit` commits whose ids lie between two, both included.
pub(super) async fn id_range(
    tx: &mut Tx,
    repository: Id<Repository>,
    first: CommitId,
    last: CommitId,
    limit: u16,
) -> Result<Vec<CommitId>, Error> {
    let (first, last) = (&first.as_bytes()[..], &last.as_bytes()[..]);
    let rows: Vec<(Vec<u8>,)> =
        db::fetch_all!(tx, ID_RANGE, repository.uuid(), first, last, i64::from(limit))?;
    rows.iter().map(|(bytes,)| id(bytes)).collect()
}

/// The commits that name `parent` as theirs, up to a hundred.
pub(super) async fn children(
    tx: &mut Tx,
    repository: Id<Repository>,
    parent: CommitId,
) -> Result<Vec<CommitId>, Error> {
    let parent = &parent.as_bytes()[..];
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, CHILDREN, repository.uuid(), parent)?;
    rows.iter().map(|(bytes,)| id(bytes)).collect()
}

/// Where `from` stand and those before them, the nearest `limit`.
pub(super) async fn lines(
    tx: &mut Tx,
    repository: Id<Repository>,
    from: &[CommitId],
    limit: u32,
) -> Result<Vec<Line>, Error> {
    type Row = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>, Vec<u8>, i64, i64);
    let rows: Vec<Row> =
        db::fetch_all!(tx, LINES, repository.uuid(), db::rows(from), i64::from(limit))?;
    let believe = |(commit, parent1, parent2, snapshot, generation, committed_at): Row| {
        let parents = [parent1, parent2].into_iter().flatten().map(|it| id(&it));
        Ok(Line {
            id: id(&commit)?,
            parents: parents.collect::<Result<_, Error>>()?,
            snapshot: Some(id(&snapshot)?),
            generation,
            committed_at,
        })
    };
    let mut found: Vec<Line> = rows.into_iter().map(believe).collect::<Result<_, Error>>()?;
    let each = found.iter_mut().map(|it| (it.id, &mut it.parents)).collect();
    git::add_more_parents(tx, repository, each).await?;
    Ok(found)
}

/// Which of `ids` the repository holds, with their generations.
pub(crate) async fn known_commits(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
) -> Result<HashMap<CommitId, Known>, Error> {
    let rows: Vec<(Vec<u8>, i64)> = db::fetch_all!(tx, KNOWN, repository.uuid(), db::rows(ids))?;
    rows.into_iter().map(|(bytes, generation)| Ok((id(&bytes)?, Known { generation }))).collect()
}

/// Whether `target` is one of `from` or an ancestor of one. `from` are held.
pub(crate) async fn is_reachable(
    tx: &mut Tx,
    repository: Id<Repository>,
    target: CommitId,
    from: &[CommitId],
) -> Result<bool, Error> {
    let target = &target.as_bytes()[..];
    let (count,): (i64,) =
        db::fetch_one!(tx, REACHABLE, repository.uuid(), db::rows(from), target)?;
    Ok(count > 0)
}

/// Whether every one of `ids` is reached from a ref.
pub(crate) async fn all_visible(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
) -> Result<bool, Error> {
    let (hidden,): (i64,) = db::fetch_one!(tx, HIDDEN, repository.uuid(), db::rows(ids))?;
    Ok(hidden == 0)
}

/// What `want` leads to and `have` does not, tips first.
pub(crate) async fn between(
    tx: &mut Tx,
    repository: Id<Repository>,
    want: &[CommitId],
    have: &[CommitId],
) -> Result<Vec<CommitId>, Error> {
    let (want, have) = (db::rows(want), db::rows(have));
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, BETWEEN, repository.uuid(), want, have)?;
    rows.iter().map(|(bytes,)| id(bytes)).collect()
}

/// A row of `commits`, before it has been believed.
#[derive(sqlx::FromRow)]
struct CommitRow {
    id: Vec<u8>,
    snapshot_id: Vec<u8>,
    parent1: Option<Vec<u8>>,
    parent2: Option<Vec<u8>>,
    committed_at_text: String,
    committed_at: i64,
    message: String,
    author: String,
    branch: String,
    origin_repo_id: String,
    metadata: String,
    agent_id: String,
    model_id: String,
    toolchain_id: String,
    prompt_hash: String,
    sem_ver_bump: String,
    breaking_changes: String,
    signature: String,
    signer_key_id: String,
    received_at: i64,
    test_runs: i64,
    format_version: i64,
    wire_bytes: i64,
    generation: i64,
    agent_label: Option<String>,
}

impl TryFrom<CommitRow> for Commit {
    type Error = Error;

    fn try_from(row: CommitRow) -> Result<Self, Error> {
        let parent = |bytes: Option<Vec<u8>>| bytes.as_deref().map(id).transpose();
        let metadata: BTreeMap<String, String> =
            serde_json::from_str(&row.metadata).map_err(Error::corrupt("commits.metadata"))?;
        let breaking = serde_json::from_str(&row.breaking_changes);
        let label = row.agent_label.as_deref().map(str::parse);
        let record = CommitRecord {
            commit_id: id(&row.id)?,
            repo_id: row.origin_repo_id,
            branch: row.branch,
            snapshot_id: id(&row.snapshot_id)?,
            message: row.message,
            committed_at: row.committed_at_text,
            parent_commit_id: parent(row.parent1)?,
            parent2_commit_id: parent(row.parent2)?,
            author: row.author,
            metadata,
            structured_delta: None,
            sem_ver_bump: row.sem_ver_bump,
            breaking_changes: breaking.map_err(Error::corrupt("commits.breaking_changes"))?,
            agent_id: row.agent_id,
            model_id: row.model_id,
            toolchain_id: row.toolchain_id,
            prompt_hash: row.prompt_hash,
            signature: row.signature,
            signer_key_id: row.signer_key_id,
            format_version: row.format_version,
            reviewed_by: Vec::new(),
            test_runs: row.test_runs,
        };
        Ok(Self {
            record,
            more_parents: Vec::new(),
            committed_at: UnixMillis(row.committed_at),
            generation: row.generation,
            received_at: UnixMillis(row.received_at),
            wire_bytes: u64::try_from(row.wire_bytes)
                .map_err(Error::corrupt("commits.wire_bytes"))?,
            agent: label.transpose().map_err(Error::corrupt("commits.agent_label"))?,
        })
    }
}

/// The commits of those ids that the repository holds, with reviewers and without deltas.
pub(crate) async fn commits(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
) -> Result<HashMap<CommitId, Commit>, Error> {
    let wanted = db::rows(ids);
    let rows: Vec<CommitRow> = db::fetch_all!(tx, COMMITS, repository.uuid(), &wanted)?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let commit = Commit::try_from(row)?;
        found.insert(commit.record.commit_id, commit);
    }
    let rows: Vec<(Vec<u8>, String)> = db::fetch_all!(tx, REVIEWERS, repository.uuid(), &wanted)?;
    for (commit, reviewer) in rows {
        if let Some(commit) = found.get_mut(&id(&commit)?) {
            commit.record.reviewed_by.push(reviewer);
        }
    }
    let merges = found.values().map(|it| &it.record).filter(|it| it.parent2_commit_id.is_some());
    let merges: Vec<_> = merges.map(|it| it.commit_id).collect();
    for (commit, parents) in git::more_parents(tx, repository, &merges).await? {
        if let Some(commit) = found.get_mut(&commit) {
            commit.more_parents = parents;
        }
    }
    Ok(found)
}

/// The stored deltas of those commits.
pub(crate) async fn deltas(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
) -> Result<HashMap<CommitId, Value>, Error> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> =
        db::fetch_all!(tx, DELTAS, repository.uuid(), db::rows(ids))?;
    let believe = |(commit, delta): (Vec<u8>, Vec<u8>)| {
        let limits = Limits::of_body(delta.len() as u64);
        let delta = Value::from_msgpack_reader(delta.as_slice(), &limits);
        Ok((id(&commit)?, delta.map_err(Error::corrupt("commit_deltas.delta"))?))
    };
    rows.into_iter().map(believe).collect()
}

/// The root directory of a snapshot. Of Git a snapshot is its tree, and the node in its row stands for none.
pub(crate) fn root_of(snapshot: &SnapshotId, row: NodeId) -> NodeId {
    if snapshot.sha1().is_some() { NodeId::from_bytes(*snapshot.as_bytes()) } else { row }
}

/// The snapshots of those ids that the repository holds.
pub(crate) async fn snapshots(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &HashSet<SnapshotId>,
) -> Result<HashMap<SnapshotId, Snapshot>, Error> {
    let rows: Vec<(Vec<u8>, Vec<u8>, i64, String)> =
        db::fetch_all!(tx, SNAPSHOTS, repository.uuid(), db::rows(ids))?;
    let number = |it: i64| u64::try_from(it).map_err(Error::corrupt("snapshots.wire_bytes"));
    let believe = |(snapshot, root, wire_bytes, created_at): (Vec<u8>, Vec<u8>, i64, String)| {
        let (snapshot, wire_bytes) = (id(&snapshot)?, number(wire_bytes)?);
        let root = root_of(&snapshot, id(&root)?);
        Ok((snapshot, Snapshot { root, wire_bytes, created_at }))
    };
    rows.into_iter().map(believe).collect()
}

/// The nodes of those ids. One that is missing is a broken tree: the caller's machine asks again and gets the error.
pub(crate) async fn nodes(tx: &mut Tx, ids: &[NodeId]) -> Result<Nodes, crate::Error> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = db::fetch_all!(tx, NODES, db::rows(ids))?;
    if rows.len() < ids.len() {
        return Err(crate::Error::Broken("a tree node is missing".to_owned()));
    }
    Ok(believe_nodes(rows)?)
}

/// Those of the nodes that are at most so many bytes long.
pub(super) async fn small_nodes(tx: &mut Tx, ids: &[NodeId], most: u32) -> Result<Nodes, Error> {
    believe_nodes(db::fetch_all!(tx, SMALL_NODES, db::rows(ids), i64::from(most))?)
}

fn believe_nodes(rows: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Nodes, Error> {
    let believe = |(node, entries): (Vec<u8>, Vec<u8>)| {
        let decoded = Node::decode(&entries).map_err(Error::corrupt("tree_nodes.entries"))?;
        Ok((id(&node)?, Arc::new(decoded)))
    };
    rows.into_iter().map(believe).collect()
}

/// How many bytes nodes have.
pub(super) async fn node_sizes(
    tx: &mut Tx,
    ids: &[NodeId],
) -> Result<HashMap<NodeId, usize>, Error> {
    let rows: Vec<(Vec<u8>, i64)> = db::fetch_all!(tx, NODE_SIZES, db::rows(ids))?;
    let size = |it: i64| usize::try_from(it).map_err(Error::corrupt("a length"));
    rows.into_iter().map(|(node, bytes)| Ok((id(&node)?, size(bytes)?))).collect()
}
