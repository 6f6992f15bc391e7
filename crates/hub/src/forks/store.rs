//! The table `repository_forks`, and what is copied from one repository to another.

use std::collections::HashMap;

use db::{Error, Tx};
use names::{BranchName, CommitId, Id, SnapshotId, UnixMillis};
use uuid::Uuid;

use crate::Repository;

macro_rules! copied {
    () => {
        "c.id, c.snapshot_id, c.parent1, c.parent2, c.generation, c.committed_at_text, c.committed_at, c.message, c.author, \
         c.branch, c.origin_repo_id, c.metadata, c.agent_id, c.model_id, c.toolchain_id, c.prompt_hash, c.sem_ver_bump, \
         c.breaking_changes, c.signature, c.signer_key_id, c.signature_state, c.test_runs, c.format_version, c.wire_bytes, \
         c.received_at, c.received_by, c.agent_label"
    };
}

macro_rules! copy_commits {
    ($wanted:literal) => {
        concat!(
            "INSERT INTO commits (repository_id, position, id, snapshot_id, parent1, parent2, generation, committed_at_text,
                committed_at, message, author, branch, origin_repo_id, metadata, agent_id, model_id, toolchain_id,
                prompt_hash, sem_ver_bump, breaking_changes, signature, signer_key_id, signature_state, test_runs,
                format_version, wire_bytes, received_at, received_by, agent_label)
             SELECT $2, (SELECT coalesce(max(position), 0) FROM commits WHERE repository_id = $2)
                    + row_number() OVER (ORDER BY c.position), ",
            copied!(),
            " FROM commits AS c WHERE c.repository_id = $3 AND c.id IN (", $wanted, ")
               AND NOT EXISTS (SELECT 1 FROM commits AS own WHERE own.repository_id = $2 AND own.id = c.id)
              ORDER BY c.position"
        )
    };
}

db::statements! {
    ADD = "
        INSERT INTO repository_forks (repository_id, source_id, default_only, state, created_at)
        VALUES ($1, $2, $3, 'copying', $4)";
    TAKE_DOMAIN = "
        UPDATE repositories SET domain = (SELECT domain FROM repositories WHERE id = $2) WHERE id = $1";
    BEGUN = "
        SELECT source_id, default_only FROM repository_forks WHERE repository_id = $1 AND state = 'copying'";
    IS_COPYING = "
        SELECT count(*) FROM repository_forks AS k JOIN repositories AS r ON r.id = k.repository_id
         WHERE k.repository_id = $1 AND k.state = 'copying' AND r.deleted_at IS NULL";
    REFS = "SELECT name, target, object FROM refs WHERE repository_id = $1 ORDER BY name";
    COPY_SNAPSHOTS = {
        sqlite "
        INSERT INTO snapshots (repository_id, id, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, s.id, s.root_node, s.files, s.bytes, s.wire_bytes, s.created_at_text FROM snapshots AS s
         WHERE s.repository_id = $3 AND s.id IN (SELECT unhex(value) FROM json_each($1))
        ON CONFLICT (repository_id, id) DO NOTHING",
        postgres "
        INSERT INTO snapshots (repository_id, id, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, s.id, s.root_node, s.files, s.bytes, s.wire_bytes, s.created_at_text FROM snapshots AS s
         WHERE s.repository_id = $3
           AND s.id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb))
        ON CONFLICT (repository_id, id) DO NOTHING"
    };
    COPY_COMMITS = {
        sqlite (copy_commits!("SELECT unhex(value) FROM json_each($1)")),
        postgres (copy_commits!("SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb)"))
    };
    COPY_DELTAS = {
        sqlite "
        INSERT INTO commit_deltas (repository_id, commit_id, delta)
        SELECT $2, d.commit_id, d.delta FROM commit_deltas AS d
         WHERE d.repository_id = $3 AND d.commit_id IN (SELECT unhex(value) FROM json_each($1))
        ON CONFLICT (repository_id, commit_id) DO NOTHING",
        postgres "
        INSERT INTO commit_deltas (repository_id, commit_id, delta)
        SELECT $2, d.commit_id, d.delta FROM commit_deltas AS d
         WHERE d.repository_id = $3
           AND d.commit_id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb))
        ON CONFLICT (repository_id, commit_id) DO NOTHING"
    };
    COPY_REVIEWERS = {
        sqlite "
        INSERT INTO commit_reviewers (repository_id, commit_id, reviewer)
        SELECT $2, d.commit_id, d.reviewer FROM commit_reviewers AS d
         WHERE d.repository_id = $3 AND d.commit_id IN (SELECT unhex(value) FROM json_each($1))
        ON CONFLICT (repository_id, commit_id, reviewer) DO NOTHING",
        postgres "
        INSERT INTO commit_reviewers (repository_id, commit_id, reviewer)
        SELECT $2, d.commit_id, d.reviewer FROM commit_reviewers AS d
         WHERE d.repository_id = $3
           AND d.commit_id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb))
        ON CONFLICT (repository_id, commit_id, reviewer) DO NOTHING"
    };
    COPY_MORE_PARENTS = {
        sqlite "
        INSERT INTO commit_more_parents (repository_id, commit_id, place, parent)
        SELECT $2, m.commit_id, m.place, m.parent FROM commit_more_parents AS m
         WHERE m.repository_id = $3 AND m.commit_id IN (SELECT unhex(value) FROM json_each($1))
        ON CONFLICT (repository_id, commit_id, place) DO NOTHING",
        postgres "
        INSERT INTO commit_more_parents (repository_id, commit_id, place, parent)
        SELECT $2, m.commit_id, m.place, m.parent FROM commit_more_parents AS m
         WHERE m.repository_id = $3
           AND m.commit_id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb))
        ON CONFLICT (repository_id, commit_id, place) DO NOTHING"
    };
    COUNT_COMMITS = "UPDATE repositories SET commit_count = commit_count + $2 WHERE id = $1";
    HAS_COMMIT = "SELECT count(*) FROM commits WHERE repository_id = $1 AND id = $2";
    PUSHED = "
        UPDATE repositories SET pushed_at = coalesce(pushed_at, $2), updated_at = $2
         WHERE id = $1 AND EXISTS (SELECT 1 FROM refs AS f WHERE f.repository_id = $1)";
    PUSHED_NOW = "UPDATE repositories SET pushed_at = $2, updated_at = $2 WHERE id = $1";
    // What is hidden leads nowhere.
    FIRST = (concat!("
        WITH RECURSIVE up (id, source_id, depth) AS (
            SELECT k.repository_id, k.source_id, 0 FROM repository_forks AS k WHERE k.repository_id = $2
            UNION ALL
            SELECT r.id, k.source_id, up.depth + 1 FROM up
              JOIN repositories AS r ON r.id = up.source_id AND r.deleted_at IS NULL
              JOIN resources AS s ON s.id = r.id
              LEFT JOIN repository_forks AS k ON k.repository_id = r.id
             WHERE up.depth < 100 AND ", trust::visible!(), ")
        SELECT id FROM up ORDER BY depth DESC LIMIT 1"));
    MADE_FROM = (concat!("
        WITH RECURSIVE made (id, depth) AS (
            SELECT r.id, 0 FROM repositories AS r WHERE r.id = $2
            UNION ALL
            SELECT r.id, made.depth + 1 FROM made
              JOIN repository_forks AS k ON k.source_id = made.id
              JOIN repositories AS r ON r.id = k.repository_id AND r.deleted_at IS NULL
              JOIN resources AS s ON s.id = r.id
             WHERE made.depth < 100 AND ", trust::visible!(), ")
        SELECT r.id, s.owner_handle, r.name, s.visibility, r.default_branch, r.pushed_at, r.created_at, k.source_id,
               f.target, c.generation
          FROM made JOIN repositories AS r ON r.id = made.id JOIN resources AS s ON s.id = r.id
          LEFT JOIN repository_forks AS k ON k.repository_id = r.id
          LEFT JOIN refs AS f ON f.repository_id = r.id AND f.name = 'refs/heads/' || r.default_branch
          LEFT JOIN commits AS c ON c.repository_id = r.id AND c.id = f.target
         ORDER BY made.depth, r.created_at, r.id LIMIT $3"));
    WINDOWS = {
        sqlite "
        SELECT id, parent1, parent2, generation FROM (
            SELECT c.id, c.parent1, c.parent2, c.generation,
                   row_number() OVER (PARTITION BY c.repository_id ORDER BY c.generation DESC, c.id) AS place
              FROM json_each($1) AS wanted
              CROSS JOIN commits AS c ON c.repository_id = unhex(wanted.value ->> 0)
               AND c.generation <= wanted.value ->> 1 AND c.generation > (wanted.value ->> 1) - $2)
         WHERE place <= $2",
        postgres "
        SELECT id, parent1, parent2, generation FROM (
            SELECT c.id, c.parent1, c.parent2, c.generation,
                   row_number() OVER (PARTITION BY c.repository_id ORDER BY c.generation DESC, c.id) AS place
              FROM jsonb_array_elements($1::jsonb) AS wanted
              JOIN commits AS c ON c.repository_id = (wanted.value ->> 0)::uuid
               AND c.generation <= (wanted.value ->> 1)::bigint
               AND c.generation > (wanted.value ->> 1)::bigint - $2) AS near
         WHERE place <= $2"
    };
    READY = "UPDATE repository_forks SET state = 'ready' WHERE repository_id = $1";
}

/// Commits below a tip that are looked at to tell how far branches are apart.
const WINDOW: i64 = 500;

/// The end of a branch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tip {
    pub(crate) commit: CommitId,
    pub(crate) generation: i64,
}

/// A repository of a network.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) id: Id<Repository>,
    /// `owner/name`.
    pub(crate) full_name: String,
    pub(crate) is_private: bool,
    pub(crate) default_branch: BranchName,
    pub(crate) pushed_at: Option<UnixMillis>,
    pub(crate) created_at: UnixMillis,
    pub(crate) source: Option<Id<Repository>>,
    /// The end of the branch that is shown first.
    pub(crate) tip: Option<Tip>,
}

/// A commit, as far as walking needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) parents: [Option<CommitId>; 2],
    pub(crate) generation: i64,
}

#[derive(sqlx::FromRow)]
struct NodeRow {
    id: Uuid,
    owner_handle: String,
    name: String,
    visibility: String,
    default_branch: String,
    pushed_at: Option<i64>,
    created_at: i64,
    source_id: Option<Uuid>,
    target: Option<Vec<u8>>,
    generation: Option<i64>,
}

fn commit(bytes: &[u8]) -> Result<CommitId, Error> {
    bytes.try_into().map_err(Error::corrupt("commits.id"))
}

impl TryFrom<NodeRow> for Node {
    type Error = Error;

    fn try_from(row: NodeRow) -> Result<Self, Error> {
        let target = row.target.as_deref().map(commit).transpose()?;
        let tip = target.zip(row.generation);
        Ok(Self {
            id: Id::from_uuid(row.id),
            full_name: format!("{}/{}", row.owner_handle, row.name),
            is_private: row.visibility == "private",
            default_branch: row
                .default_branch
                .parse()
                .map_err(Error::corrupt("repositories.default_branch"))?,
            pushed_at: row.pushed_at.map(UnixMillis),
            created_at: UnixMillis(row.created_at),
            source: row.source_id.map(Id::from_uuid),
            tip: tip.map(|(commit, generation)| Tip { commit, generation }),
        })
    }
}

/// The first repository of the network of one that was made from another, as far as `reader` may see the way there.
pub(super) async fn first_of(
    tx: &mut Tx,
    reader: Uuid,
    of: Id<Repository>,
) -> Result<Option<Id<Repository>>, Error> {
    let row: Option<(Uuid,)> = db::fetch_optional!(tx, FIRST, reader, of.uuid())?;
    Ok(row.map(|(id,)| Id::from_uuid(id)))
}

/// A repository and what was made from it, as far as `reader` may see it, the nearest first.
pub(super) async fn made_from(
    tx: &mut Tx,
    reader: Uuid,
    first: Id<Repository>,
    limit: usize,
) -> Result<Vec<Node>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<NodeRow> = db::fetch_all!(tx, MADE_FROM, reader, first.uuid(), limit)?;
    rows.into_iter().map(Node::try_from).collect()
}

/// The commits below some tips, as many of each as are looked at.
pub(super) async fn windows(
    tx: &mut Tx,
    tips: &[(Id<Repository>, Tip)],
) -> Result<HashMap<CommitId, Window>, Error> {
    type Row = (Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>, i64);
    let wanted = tips.iter().map(|(id, tip)| (id.uuid().simple().to_string(), tip.generation));
    let rows: Vec<Row> = db::fetch_all!(tx, WINDOWS, db::rows(wanted), WINDOW)?;
    let believe = |(id, first, second, generation): Row| {
        let parent = |bytes: Option<Vec<u8>>| bytes.as_deref().map(commit).transpose();
        let parents = [parent(first)?, parent(second)?];
        Ok((commit(&id)?, Window { parents, generation }))
    };
    rows.into_iter().map(believe).collect()
}

/// A fork that is being filled.
#[derive(Debug)]
pub(super) struct Begun {
    /// From what; nothing if that is gone.
    pub(super) source: Option<Id<Repository>>,
    /// Whether only the default branch is taken over.
    pub(super) default_only: bool,
}

/// A ref, as it is copied.
#[derive(Debug)]
pub(super) struct Ref {
    pub(super) name: String,
    pub(super) target: CommitId,
    /// The tag of Git that leads there, where the ref names one.
    pub(super) object: Option<CommitId>,
}

impl Ref {
    /// What the ref itself names.
    pub(super) fn held(&self) -> CommitId {
        self.object.unwrap_or(self.target)
    }
}

/// Writes down where a repository comes from.
pub(super) async fn add(
    tx: &mut Tx,
    made: &Repository,
    source: &Repository,
    default_only: bool,
) -> Result<(), Error> {
    let (id, source, only) = (made.id.uuid(), source.id.uuid(), i64::from(default_only));
    db::execute!(tx, ADD, id, source, only, made.created_at.0)?;
    db::execute!(tx, TAKE_DOMAIN, id, source).map(drop)
}

pub(super) async fn begun(tx: &mut Tx, id: Id<Repository>) -> Result<Option<Begun>, Error> {
    let row: Option<(Option<Uuid>, i64)> = db::fetch_optional!(tx, BEGUN, id.uuid())?;
    Ok(row
        .map(|(source, only)| Begun { source: source.map(Id::from_uuid), default_only: only == 1 }))
}

/// Whether a repository that is there is being filled.
pub(crate) async fn is_copying(tx: &mut Tx, id: Id<Repository>) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, IS_COPYING, id.uuid())?;
    Ok(count > 0)
}

pub(super) async fn refs(tx: &mut Tx, id: Id<Repository>) -> Result<Vec<Ref>, Error> {
    let rows: Vec<(String, Vec<u8>, Option<Vec<u8>>)> = db::fetch_all!(tx, REFS, id.uuid())?;
    let believe = |(name, target, object): (String, Vec<u8>, Option<Vec<u8>>)| {
        let target = target.as_slice().try_into().map_err(Error::corrupt("refs.target"))?;
        let object = object.as_deref().map(commit).transpose()?;
        Ok(Ref { name, target, object })
    };
    rows.into_iter().map(believe).collect()
}

pub(super) async fn copy_snapshots(
    tx: &mut Tx,
    to: Id<Repository>,
    from: Id<Repository>,
    ids: &[SnapshotId],
) -> Result<(), Error> {
    db::execute!(tx, COPY_SNAPSHOTS, db::rows(ids), to.uuid(), from.uuid()).map(drop)
}

/// Copies commits whose parents are there, with what hangs on them, and counts them; gives how many were new.
pub(super) async fn copy_commits(
    tx: &mut Tx,
    to: Id<Repository>,
    from: Id<Repository>,
    ids: &[CommitId],
) -> Result<u64, Error> {
    let (rows, to, from) = (db::rows(ids), to.uuid(), from.uuid());
    let new = db::execute!(tx, COPY_COMMITS, &rows, to, from)?;
    db::execute!(tx, COPY_MORE_PARENTS, &rows, to, from)?;
    db::execute!(tx, COPY_DELTAS, &rows, to, from)?;
    db::execute!(tx, COPY_REVIEWERS, &rows, to, from)?;
    let counted = i64::try_from(new).unwrap_or(i64::MAX);
    db::execute!(tx, COUNT_COMMITS, to, counted)?;
    Ok(new)
}

/// Whether a commit was copied.
pub(super) async fn has_commit(
    tx: &mut Tx,
    repository: Id<Repository>,
    id: CommitId,
) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, HAS_COMMIT, repository.uuid(), &id.as_bytes()[..])?;
    Ok(count > 0)
}

/// Something came.
pub(super) async fn pushed(tx: &mut Tx, id: Id<Repository>, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, PUSHED_NOW, id.uuid(), now.0).map(drop)
}

/// The fork holds what its source showed.
pub(super) async fn end(tx: &mut Tx, id: Id<Repository>, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, PUSHED, id.uuid(), now.0)?;
    db::execute!(tx, READY, id.uuid()).map(drop)
}
