//! The table `repository_forks`, and what is copied from one repository to another.

use db::{Error, Tx};
use names::{CommitId, Id, SnapshotId, UnixMillis};
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
    REFS = "SELECT name, target FROM refs WHERE repository_id = $1 ORDER BY name";
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
    COUNT_COMMITS = "UPDATE repositories SET commit_count = commit_count + $2 WHERE id = $1";
    HAS_COMMIT = "SELECT count(*) FROM commits WHERE repository_id = $1 AND id = $2";
    PUSHED = "
        UPDATE repositories SET pushed_at = coalesce(pushed_at, $2), updated_at = $2
         WHERE id = $1 AND EXISTS (SELECT 1 FROM refs AS f WHERE f.repository_id = $1)";
    READY = "UPDATE repository_forks SET state = 'ready' WHERE repository_id = $1";
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
    let rows: Vec<(String, Vec<u8>)> = db::fetch_all!(tx, REFS, id.uuid())?;
    let believe = |(name, target): (String, Vec<u8>)| {
        let target = target.as_slice().try_into().map_err(Error::corrupt("refs.target"))?;
        Ok(Ref { name, target })
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

/// Copies commits whose parents are there, with what hangs on them, and counts them.
pub(super) async fn copy_commits(
    tx: &mut Tx,
    to: Id<Repository>,
    from: Id<Repository>,
    ids: &[CommitId],
) -> Result<(), Error> {
    let (rows, to, from) = (db::rows(ids), to.uuid(), from.uuid());
    let new = db::execute!(tx, COPY_COMMITS, &rows, to, from)?;
    db::execute!(tx, COPY_DELTAS, &rows, to, from)?;
    db::execute!(tx, COPY_REVIEWERS, &rows, to, from)?;
    let new = i64::try_from(new).unwrap_or(i64::MAX);
    db::execute!(tx, COUNT_COMMITS, to, new).map(drop)
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

/// The fork holds what its source showed.
pub(super) async fn end(tx: &mut Tx, id: Id<Repository>, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, PUSHED, id.uuid(), now.0)?;
    db::execute!(tx, READY, id.uuid()).map(drop)
}
