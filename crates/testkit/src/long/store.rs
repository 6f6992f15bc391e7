//! The rows of a long history.

use db::{Error, Tx};
use names::{CommitId, ObjectId};
use uuid::Uuid;

use super::Batch;

db::statements! {
    FIND = "
        SELECT r.id, f.name, f.target FROM repositories AS r
          JOIN principals AS p ON p.id = r.owner_id
          JOIN refs AS f ON f.repository_id = r.id AND f.kind = 'branch'
         WHERE p.handle || '/' || r.name = $1";
    OBJECTS = "
        SELECT o.id, o.size FROM repository_objects AS l JOIN objects AS o ON o.id = l.object_id
         WHERE l.repository_id = $1 ORDER BY o.id";
    ADD_NODES = {
        sqlite "
        INSERT INTO tree_nodes (id, entries)
        SELECT unhex(value ->> 0), unhex(value ->> 1) FROM json_each($1) WHERE true ORDER BY 1
        ON CONFLICT (id) DO NOTHING",
        postgres "
        INSERT INTO tree_nodes (id, entries)
        SELECT decode(value ->> 0, 'hex'), decode(value ->> 1, 'hex') FROM jsonb_array_elements($1::jsonb) ORDER BY 1
        ON CONFLICT (id) DO NOTHING"
    };
    ADD_SNAPSHOTS = {
        sqlite "
        INSERT INTO snapshots (repository_id, id, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, unhex(value ->> 0), unhex(value ->> 1), 1, 1, 1, '' FROM json_each($1)",
        postgres "
        INSERT INTO snapshots (repository_id, id, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, decode(value ->> 0, 'hex'), decode(value ->> 1, 'hex'), 1, 1, 1, '' FROM jsonb_array_elements($1::jsonb)"
    };
    ADD_COMMITS = {
        sqlite "
        INSERT INTO commits (repository_id, position, id, snapshot_id, parent1, parent2, generation, committed_at_text,
            committed_at, message, author, agent_id, branch, origin_repo_id, metadata, model_id, toolchain_id,
            prompt_hash, sem_ver_bump, breaking_changes, signature, signer_key_id, signature_state, format_version,
            wire_bytes, received_at, received_by)
        SELECT $2, (SELECT max(position) FROM commits WHERE repository_id = $2) + new.key + 1, unhex(value ->> 0),
               unhex(value ->> 1), unhex(value ->> 2), unhex(value ->> 3), value ->> 4, value ->> 5, value ->> 6,
               value ->> 7, value ->> 8, value ->> 9, 'main', '', '{}', '', '', '', 'none', '[]', '', '', 'unsigned', 5,
               500, first.received_at, first.received_by
          FROM json_each($1) AS new, (SELECT received_at, received_by FROM commits WHERE repository_id = $2 LIMIT 1) AS first
         ORDER BY new.key",
        postgres "
        INSERT INTO commits (repository_id, position, id, snapshot_id, parent1, parent2, generation, committed_at_text,
            committed_at, message, author, agent_id, branch, origin_repo_id, metadata, model_id, toolchain_id,
            prompt_hash, sem_ver_bump, breaking_changes, signature, signer_key_id, signature_state, format_version,
            wire_bytes, received_at, received_by)
        SELECT $2, (SELECT max(position) FROM commits WHERE repository_id = $2) + new.key, decode(value ->> 0, 'hex'),
               decode(value ->> 1, 'hex'), decode(value ->> 2, 'hex'), decode(value ->> 3, 'hex'),
               (value ->> 4)::bigint, value ->> 5, (value ->> 6)::bigint, value ->> 7, value ->> 8, value ->> 9, 'main',
               '', '{}', '', '', '', 'none', '[]', '', '', 'unsigned', 5, 500, first.received_at, first.received_by
          FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS new (value, key),
               (SELECT received_at, received_by FROM commits WHERE repository_id = $2 LIMIT 1) AS first
         ORDER BY new.key"
    };
    MOVE = "UPDATE refs SET target = $3 WHERE repository_id = $1 AND name = $2";
    COUNT = "UPDATE repositories SET commit_count = commit_count + $2 WHERE id = $1";
}

/// A repository that is made longer.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) id: Uuid,
    pub(super) branch: String,
    pub(super) tip: CommitId,
}

pub(super) async fn find(tx: &mut Tx, name: &str) -> Result<Found, Error> {
    let (id, branch, tip): (Uuid, String, Vec<u8>) = db::fetch_one!(tx, FIND, name)?;
    let tip = tip.as_slice().try_into().map_err(Error::corrupt("refs.target"))?;
    Ok(Found { id, branch, tip })
}

pub(super) async fn objects(tx: &mut Tx, of: Uuid) -> Result<Vec<(ObjectId, u64)>, Error> {
    let rows: Vec<(Vec<u8>, i64)> = db::fetch_all!(tx, OBJECTS, of)?;
    let believe = |(id, size): (Vec<u8>, i64)| {
        let id = id.as_slice().try_into().map_err(Error::corrupt("objects.id"))?;
        Ok((id, u64::try_from(size).map_err(Error::corrupt("objects.size"))?))
    };
    rows.into_iter().map(believe).collect()
}

pub(super) async fn add(tx: &mut Tx, of: &Found, batch: &Batch) -> Result<(), Error> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hex = |bytes: &[u8]| -> String {
        let digit = |it: u8| char::from(DIGITS[usize::from(it)]);
        bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    };
    for nodes in batch.nodes.chunks(5_000) {
        let rows = db::rows(nodes.iter().map(|(id, bytes)| (id, hex(bytes))));
        db::execute!(tx, ADD_NODES, rows)?;
    }
    db::execute!(tx, ADD_SNAPSHOTS, db::rows(&batch.snapshots), of.id)?;
    let commits = batch.commits.iter().map(|it| {
        let [one, other] = it.parents;
        let made = (&it.at_text, it.at.0, &it.message, &it.author, &it.agent_id);
        let (at_text, at, message, author, agent) = made;
        (it.id, it.snapshot, one, other, it.generation, at_text, at, message, author, agent)
    });
    db::execute!(tx, ADD_COMMITS, db::rows(commits), of.id).map(drop)
}

pub(super) async fn move_branch(
    tx: &mut Tx,
    of: &Found,
    tip: CommitId,
    commits: u32,
) -> Result<(), Error> {
    db::execute!(tx, MOVE, of.id, &of.branch, &tip.as_bytes()[..])?;
    db::execute!(tx, COUNT, of.id, i64::from(commits)).map(drop)
}
