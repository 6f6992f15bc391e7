//! What a push writes: `tree_nodes`, `snapshots`, `commits` with what hangs on them, `refs`, links, counters.

use std::collections::HashSet;

use api::{CommitRecord, Value, msgpack, wire::limits::STRUCTURED_DELTA_BYTES};
use db::{Error, Tx};
use names::{BranchName, CommitId, Id, NodeId, SnapshotId, UnixMillis};
use trust::{AgentLabel, Principal};

use super::{NewCommit, NewSnapshot};
use crate::{Repository, quotas::Change, reading::Commit};

/// Bytes of tree nodes in one statement: bounds what is held twice, as bytes and as text.
const NODE_BYTES: usize = 4 << 20;

db::statements! {
    LOCK = {
        // The transaction holds SQLite's one write lock already.
        sqlite "SELECT 1 WHERE $1 IS NOT NULL",
        // No lock of the key: an upload that refers to the row, and holds objects for which this push waits, goes on.
        postgres "SELECT 1::bigint FROM repositories WHERE id = $1 FOR NO KEY UPDATE"
    };
    HELD_SNAPSHOTS = {
        sqlite "
        SELECT s.id FROM json_each($1) AS wanted
          CROSS JOIN snapshots AS s ON s.repository_id = $2 AND s.id = unhex(wanted.value)",
        postgres "
        SELECT s.id FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN snapshots AS s ON s.repository_id = $2 AND s.id = decode(wanted.value, 'hex')"
    };
    SIGNED = {
        sqlite "
        SELECT c.id FROM json_each($1) AS wanted
          CROSS JOIN commits AS c ON c.repository_id = $2 AND c.id = unhex(wanted.value) WHERE c.signature <> ''",
        postgres "
        SELECT c.id FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN commits AS c ON c.repository_id = $2 AND c.id = decode(wanted.value, 'hex') WHERE c.signature <> ''"
    };
    SIGN = "
        UPDATE commits
           SET author = $3, agent_id = $4, model_id = $5, toolchain_id = $6, prompt_hash = $7, branch = $8,
               metadata = $9, signature = $10, signer_key_id = $11, signature_state = 'verified', wire_bytes = $12,
               agent_label = coalesce(agent_label, CASE WHEN $4 = '' THEN NULL ELSE 'unknown' END)
         WHERE repository_id = $1 AND id = $2 AND signature = ''";
    ADD_NODES = {
        sqlite "
        INSERT INTO tree_nodes (id, entries)
        SELECT unhex(value ->> 0), unhex(value ->> 1) FROM json_each($1) WHERE true
        ON CONFLICT (id) DO NOTHING",
        postgres "
        INSERT INTO tree_nodes (id, entries)
        SELECT decode(value ->> 0, 'hex'), decode(value ->> 1, 'hex') FROM jsonb_array_elements($1::jsonb)
         ORDER BY 1
        ON CONFLICT (id) DO NOTHING"
    };
    ADD_SNAPSHOTS = {
        sqlite "
        INSERT INTO snapshots (repository_id, id, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, unhex(value ->> 0), unhex(value ->> 1), value ->> 2, value ->> 3, value ->> 4, value ->> 5
          FROM json_each($1)",
        postgres "
        INSERT INTO snapshots (repository_id, id, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, decode(value ->> 0, 'hex'), decode(value ->> 1, 'hex'), (value ->> 2)::bigint,
               (value ->> 3)::bigint, (value ->> 4)::bigint, value ->> 5
          FROM jsonb_array_elements($1::jsonb)"
    };
    ADD_COMMITS = {
        sqlite "
        INSERT INTO commits (repository_id, received_at, received_by, position, id, snapshot_id, parent1, parent2,
            generation, committed_at_text, committed_at, message, author, branch, origin_repo_id, metadata, agent_id,
            model_id, toolchain_id, prompt_hash, sem_ver_bump, breaking_changes, signature, signer_key_id,
            signature_state, test_runs, format_version, wire_bytes, agent_label)
        SELECT $2, $3, $4,
               (SELECT coalesce(max(position), 0) FROM commits WHERE repository_id = $2) + new.key + 1,
               unhex(value ->> 0), unhex(value ->> 1), unhex(value ->> 2), unhex(value ->> 3), value ->> 4,
               value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11,
               value ->> 12, value ->> 13, value ->> 14, value ->> 15, value ->> 16, value ->> 17, value ->> 18,
               value ->> 19, value ->> 20, value ->> 21, value ->> 22, value ->> 23, value ->> 24
          FROM json_each($1) AS new ORDER BY new.key",
        postgres "
        INSERT INTO commits (repository_id, received_at, received_by, position, id, snapshot_id, parent1, parent2,
            generation, committed_at_text, committed_at, message, author, branch, origin_repo_id, metadata, agent_id,
            model_id, toolchain_id, prompt_hash, sem_ver_bump, breaking_changes, signature, signer_key_id,
            signature_state, test_runs, format_version, wire_bytes, agent_label)
        SELECT $2, $3, $4,
               (SELECT coalesce(max(position), 0) FROM commits WHERE repository_id = $2) + new.key,
               decode(value ->> 0, 'hex'), decode(value ->> 1, 'hex'), decode(value ->> 2, 'hex'),
               decode(value ->> 3, 'hex'), (value ->> 4)::bigint, value ->> 5, (value ->> 6)::bigint, value ->> 7,
               value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14,
               value ->> 15, value ->> 16, value ->> 17, value ->> 18, value ->> 19, value ->> 20,
               (value ->> 21)::bigint, (value ->> 22)::bigint, (value ->> 23)::bigint, value ->> 24
          FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS new (value, key) ORDER BY new.key"
    };
    ADD_DELTAS = {
        sqlite "
        INSERT INTO commit_deltas (repository_id, commit_id, delta)
        SELECT $2, unhex(value ->> 0), unhex(value ->> 1) FROM json_each($1) WHERE true
        ON CONFLICT (repository_id, commit_id) DO NOTHING",
        postgres "
        INSERT INTO commit_deltas (repository_id, commit_id, delta)
        SELECT $2, decode(value ->> 0, 'hex'), decode(value ->> 1, 'hex') FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (repository_id, commit_id) DO NOTHING"
    };
    ADD_REVIEWERS = {
        sqlite "
        INSERT INTO commit_reviewers (repository_id, commit_id, reviewer)
        SELECT $2, unhex(value ->> 0), value ->> 1 FROM json_each($1) WHERE true
        ON CONFLICT (repository_id, commit_id, reviewer) DO NOTHING",
        postgres "
        INSERT INTO commit_reviewers (repository_id, commit_id, reviewer)
        SELECT $2, decode(value ->> 0, 'hex'), value ->> 1 FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (repository_id, commit_id, reviewer) DO NOTHING"
    };
    RAISE_TEST_RUNS = {
        sqlite "
        WITH new AS MATERIALIZED (
            SELECT $2 AS repository_id, unhex(value ->> 0) AS id, value ->> 1 AS runs FROM json_each($1))
        UPDATE commits SET test_runs = new.runs FROM new
         WHERE commits.repository_id = new.repository_id AND commits.id = new.id AND commits.test_runs < new.runs",
        postgres "
        UPDATE commits SET test_runs = new.runs
          FROM (SELECT decode(value ->> 0, 'hex') AS id, (value ->> 1)::bigint AS runs
                  FROM jsonb_array_elements($1::jsonb)) AS new
         WHERE commits.repository_id = $2 AND commits.id = new.id AND commits.test_runs < new.runs"
    };
    COUNT = "
        UPDATE repositories
           SET size_bytes = size_bytes + $2, object_count = object_count + $3, commit_count = commit_count + $4,
               pushed_at = $5, updated_at = $5,
               default_branch = CASE WHEN pushed_at IS NULL THEN $6 ELSE default_branch END,
               domain = CASE WHEN pushed_at IS NULL THEN $7 ELSE domain END
         WHERE id = $1 RETURNING object_count, size_bytes";
}

/// Lets one push at a time into a repository.
pub(crate) async fn lock(tx: &mut Tx, repository: Id<Repository>) -> Result<(), Error> {
    let _locked: Option<(i64,)> = db::fetch_optional!(tx, LOCK, repository.uuid())?;
    Ok(())
}

/// Which of `ids` the repository holds.
pub(crate) async fn held_snapshots(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[SnapshotId],
) -> Result<HashSet<SnapshotId>, Error> {
    let rows: Vec<(Vec<u8>,)> =
        db::fetch_all!(tx, HELD_SNAPSHOTS, db::rows(ids), repository.uuid())?;
    let believe =
        |(id,): (Vec<u8>,)| id.as_slice().try_into().map_err(Error::corrupt("snapshots.id"));
    rows.into_iter().map(believe).collect()
}

/// Adds the nodes of new trees; equal directories are there already, of this repository or another.
pub(crate) async fn add_nodes(
    tx: &mut Tx,
    nodes: impl Iterator<Item = &(NodeId, Vec<u8>)>,
) -> Result<(), Error> {
    for chunk in chunks(nodes) {
        db::execute!(tx, ADD_NODES, chunk)?;
    }
    Ok(())
}

/// The nodes of all trees, each once, as rows of bounded size.
fn chunks<'a>(nodes: impl Iterator<Item = &'a (NodeId, Vec<u8>)>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut nodes = nodes.filter(|(id, _)| seen.insert(*id)).peekable();
    let mut chunks = Vec::new();
    while nodes.peek().is_some() {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while let Some((id, node)) = nodes.next_if(|_| bytes < NODE_BYTES) {
            bytes += node.len();
            chunk.push((id, hex(node)));
        }
        chunks.push(db::rows(chunk));
    }
    chunks
}

pub(super) async fn add_snapshots(
    tx: &mut Tx,
    repository: Id<Repository>,
    snapshots: &[NewSnapshot<'_>],
) -> Result<(), Error> {
    if snapshots.is_empty() {
        return Ok(());
    }
    let rows = db::rows(snapshots.iter().map(|it| {
        let wire_bytes = msgpack::encoded_len(&Value::from(it.record.clone()));
        let (record, tree) = (it.record, &it.tree);
        (record.snapshot_id, tree.root, tree.files, tree.bytes, wire_bytes, &record.created_at)
    }));
    db::execute!(tx, ADD_SNAPSHOTS, rows, repository.uuid()).map(drop)
}

/// Adds commits, parents first, as received by somebody at a moment.
pub(crate) async fn add_commits(
    tx: &mut Tx,
    (repository, by, now): (Id<Repository>, Id<Principal>, UnixMillis),
    commits: &[NewCommit<'_>],
) -> Result<(), Error> {
    if commits.is_empty() {
        return Ok(());
    }
    warn_of_unknown(repository, commits);
    let rows = db::rows(commits.iter().map(row));
    db::execute!(tx, ADD_COMMITS, rows, repository.uuid(), now.0, by.uuid())?;
    let records: Vec<_> = commits.iter().map(|new| &new.checked.record).collect();
    add_deltas_and_reviewers(tx, repository, &records).await
}

/// Says that commits name agents that nobody vouches for. They are taken all the same.
fn warn_of_unknown(repository: Id<Repository>, commits: &[NewCommit<'_>]) {
    let unknown = commits.iter().filter(|it| it.agent == Some(AgentLabel::Unknown));
    if let Some(first) = unknown.clone().next() {
        let (count, record) = (unknown.count(), &first.checked.record);
        let (agent, commit) = (api::wire::quotable(&record.agent_id), record.commit_id.short());
        tracing::warn!(%repository, count, agent, commit, "commits name an agent that is not known");
    }
}

/// The columns in the order of `ADD_COMMITS`.
fn row(new: &NewCommit<'_>) -> serde_json::Value {
    let NewCommit { checked, generation, signature_state, agent } = new;
    let it = &checked.record;
    serde_json::json!([
        it.commit_id,
        it.snapshot_id,
        it.parent_commit_id,
        it.parent2_commit_id,
        generation,
        it.committed_at,
        checked.committed_at.0,
        it.message,
        it.author,
        it.branch,
        it.repo_id,
        serde_json::json!(it.metadata).to_string(),
        it.agent_id,
        it.model_id,
        it.toolchain_id,
        it.prompt_hash,
        it.sem_ver_bump,
        serde_json::json!(it.breaking_changes).to_string(),
        it.signature,
        it.signer_key_id,
        signature_state,
        it.test_runs,
        it.format_version,
        checked.wire_bytes,
        agent.map(AgentLabel::as_str),
    ])
}

async fn add_deltas_and_reviewers(
    tx: &mut Tx,
    repository: Id<Repository>,
    records: &[&CommitRecord],
) -> Result<(), Error> {
    let deltas = db::rows(records.iter().filter_map(|it| {
        let delta = it.structured_delta.as_ref()?;
        let fits = msgpack::encoded_len(delta) <= STRUCTURED_DELTA_BYTES;
        let mut bytes = Vec::new();
        // Writing into memory does not fail.
        (fits && msgpack::write_value(&mut bytes, delta).is_ok())
            .then(|| (it.commit_id, hex(&bytes)))
    }));
    if deltas != "[]" {
        db::execute!(tx, ADD_DELTAS, deltas, repository.uuid())?;
    }
    let reviewers = db::rows(
        records
            .iter()
            .flat_map(|it| it.reviewed_by.iter().map(|reviewer| (it.commit_id, reviewer))),
    );
    if reviewers != "[]" {
        db::execute!(tx, ADD_REVIEWERS, reviewers, repository.uuid())?;
    }
    Ok(())
}

/// Adds what repeated commits bring, where it is more than what is stored.
pub(super) async fn add_annotations(
    tx: &mut Tx,
    repository: Id<Repository>,
    records: &[&CommitRecord],
) -> Result<(), Error> {
    add_deltas_and_reviewers(tx, repository, records).await?;
    let runs = db::rows(
        records.iter().filter(|it| it.test_runs > 0).map(|it| (it.commit_id, it.test_runs)),
    );
    if runs != "[]" {
        db::execute!(tx, RAISE_TEST_RUNS, runs, repository.uuid())?;
    }
    Ok(())
}

/// Gives a commit that has no signature one, with the fields that it covers.
pub(super) async fn sign(
    tx: &mut Tx,
    repository: Id<Repository>,
    to: &Commit,
) -> Result<(), Error> {
    let it = &to.record;
    db::execute!(
        tx,
        SIGN,
        repository.uuid(),
        &it.commit_id.as_bytes()[..],
        &it.author,
        &it.agent_id,
        &it.model_id,
        &it.toolchain_id,
        &it.prompt_hash,
        &it.branch,
        serde_json::json!(it.metadata).to_string(),
        &it.signature,
        &it.signer_key_id,
        i64::try_from(to.wire_bytes).unwrap_or(i64::MAX),
    )
    .map(drop)
}

/// Which of `ids` the repository holds with a signature.
pub(crate) async fn signed_commits(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[CommitId],
) -> Result<HashSet<CommitId>, Error> {
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, SIGNED, db::rows(ids), repository.uuid())?;
    let believe =
        |(id,): (Vec<u8>,)| id.as_slice().try_into().map_err(Error::corrupt("commits.id"));
    rows.into_iter().map(believe).collect()
}

/// What a push changes of a repository's row.
pub(crate) struct Counted<'a> {
    pub(crate) taken: Change,
    /// The branch that is shown first if nothing was pushed before.
    pub(crate) branch: Option<&'a BranchName>,
    pub(crate) domain: Option<&'a str>,
    pub(crate) now: UnixMillis,
}

/// Moves the counters; gives the number and the bytes of the objects that the repository holds now. The first push also
/// says which branch is shown first, and which domain it is.
pub(crate) async fn count(
    tx: &mut Tx,
    repository: Id<Repository>,
    counted: &Counted<'_>,
) -> Result<(u64, u64), Error> {
    let Counted { taken, branch, domain, now } = counted;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (objects, bytes): (i64, i64) = db::fetch_one!(
        tx,
        COUNT,
        repository.uuid(),
        number(taken.bytes),
        number(taken.objects),
        number(taken.commits),
        now.0,
        branch.map_or("main", BranchName::as_str),
        domain.unwrap_or("code"),
    )?;
    let believe = |count: i64| u64::try_from(count).map_err(Error::corrupt("repositories.*_count"));
    Ok((believe(objects)?, believe(bytes)?))
}

/// The domain that a delta speaks of, where it is a name that one can have (`spec/hub.md` 1).
pub(crate) fn domain_of(record: &CommitRecord) -> Option<&str> {
    let Some(Value::Map(entries)) = &record.structured_delta else { return None };
    let (_, value) = entries.iter().find(|(key, _)| key == "domain")?;
    let Value::Text(domain) = value else { return None };
    let fits = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-');
    let is_name = domain.starts_with(|c: char| c.is_ascii_lowercase())
        && domain.len() <= 63
        && domain.chars().all(fits);
    is_name.then_some(domain)
}

/// Hexadecimal text, for bytes inside rows.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
