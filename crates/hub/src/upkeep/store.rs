//! The tables of the room, for what comes again and again.

use db::{Error, Tx};
use names::{Id, NodeId, UnixMillis};
use uuid::Uuid;

use crate::Repository;

db::statements! {
    REPOSITORIES_AFTER = "SELECT id FROM repositories WHERE id > $1 ORDER BY id LIMIT $2";
    ROOTS = "SELECT DISTINCT root_node FROM snapshots WHERE repository_id = $1";
    COUNTERS = "SELECT object_count, size_bytes, commit_count FROM repositories WHERE id = $1";
    COUNT_COMMITS = "SELECT count(*) FROM commits WHERE repository_id = $1";
    SET_COUNTERS = "
        UPDATE repositories SET object_count = $2, size_bytes = $3, commit_count = $4 WHERE id = $1";
    RECOUNT_OWNERS = "
        UPDATE quota_usage
           SET value = (SELECT CAST(coalesce(sum(r.size_bytes), 0) AS bigint) FROM repositories AS r
                         WHERE r.owner_id = quota_usage.scope_id)
         WHERE scope = 'owner' AND kind = 'bytes'
           AND value <> (SELECT CAST(coalesce(sum(r.size_bytes), 0) AS bigint) FROM repositories AS r
                          WHERE r.owner_id = quota_usage.scope_id)";
    FORSAKEN = "
        SELECT r.id FROM repositories AS r JOIN resources AS s ON s.id = r.id
         WHERE s.state = 'nascent' AND r.created_at < $1
           AND NOT EXISTS (SELECT 1 FROM uploads AS u WHERE u.repository_id = r.id AND u.ends_at >= $2)
           AND NOT EXISTS (SELECT 1 FROM upload_addresses AS a WHERE a.repository_id = r.id AND a.ends_at >= $2)
           AND NOT EXISTS (SELECT 1 FROM push_sessions AS p WHERE p.repository_id = r.id AND p.ends_at >= $2)
         ORDER BY r.id LIMIT $3";
    // Locked before they are looked at again: an upload or a push under way has a lock on its repository, and is left
    // alone; one that comes later waits, and finds the name free.
    LOCK = {
        // The transaction holds SQLite's one write lock already.
        sqlite "SELECT id FROM repositories WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        postgres "
        SELECT id FROM repositories WHERE id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)
         ORDER BY id FOR UPDATE SKIP LOCKED"
    };
    REMOVE = {
        sqlite "
        DELETE FROM repositories
         WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))
           AND EXISTS (SELECT 1 FROM resources AS s WHERE s.id = repositories.id AND s.state = 'nascent')
           AND NOT EXISTS (SELECT 1 FROM uploads AS u WHERE u.repository_id = repositories.id)
        RETURNING id",
        postgres "
        DELETE FROM repositories
         WHERE id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)
           AND EXISTS (SELECT 1 FROM resources AS s WHERE s.id = repositories.id AND s.state = 'nascent')
           AND NOT EXISTS (SELECT 1 FROM uploads AS u WHERE u.repository_id = repositories.id)
        RETURNING id"
    };
}

/// The next repositories, deleted or not.
pub(super) async fn after(
    tx: &mut Tx,
    after: Option<Id<Repository>>,
    limit: usize,
) -> Result<Vec<Id<Repository>>, Error> {
    let after = after.map_or(Uuid::nil(), Id::uuid);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, REPOSITORIES_AFTER, after, limit)?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}

/// The root directories of all snapshots.
pub(super) async fn roots(tx: &mut Tx, id: Id<Repository>) -> Result<Vec<NodeId>, Error> {
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, ROOTS, id.uuid())?;
    let believe = |(root,): &(Vec<u8>,)| {
        root.as_slice().try_into().map_err(Error::corrupt("snapshots.root_node"))
    };
    rows.iter().map(believe).collect()
}

/// Number of objects, bytes and commits.
type Counters = (i64, i64, i64);

/// What is written down and what there is, if that is not the same.
async fn compared(
    tx: &mut Tx,
    id: Id<Repository>,
    objects: u64,
    bytes: u64,
) -> Result<Option<(Counters, Counters)>, Error> {
    let stored: Option<Counters> = db::fetch_optional!(tx, COUNTERS, id.uuid())?;
    let (commits,): (i64,) = db::fetch_one!(tx, COUNT_COMMITS, id.uuid())?;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let counted = (number(objects), number(bytes), commits);
    Ok(stored.filter(|stored| *stored != counted).map(|stored| (stored, counted)))
}

/// Whether a counter is wrong.
pub(super) async fn differs(
    tx: &mut Tx,
    id: Id<Repository>,
    objects: u64,
    bytes: u64,
) -> Result<bool, Error> {
    Ok(compared(tx, id, objects, bytes).await?.is_some())
}

/// Puts counters right; gives what was wrong with them, in words.
pub(super) async fn recount(
    tx: &mut Tx,
    id: Id<Repository>,
    objects: u64,
    bytes: u64,
) -> Result<Option<String>, Error> {
    let Some((stored, counted)) = compared(tx, id, objects, bytes).await? else { return Ok(None) };
    db::execute!(tx, SET_COUNTERS, id.uuid(), counted.0, counted.1, counted.2)?;
    let (objects, bytes, commits) = stored;
    Ok(Some(format!("{objects} objects, {bytes} bytes and {commits} commits were written down")))
}

/// Puts right what owners hold; gives for how many it was wrong.
pub(super) async fn recount_owners(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, RECOUNT_OWNERS)
}

/// Repositories in the making that are older than `before` and have no upload that is alive at `now`.
pub(super) async fn forsaken(
    tx: &mut Tx,
    before: UnixMillis,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, FORSAKEN, before.0, now.0, i64::from(limit))?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Removes those of `ids` that are in the making still and have no upload left; gives them.
pub(super) async fn remove_forsaken(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let locked: Vec<(Uuid,)> = db::fetch_all!(tx, LOCK, db::rows(ids))?;
    let removed: Vec<(Uuid,)> =
        db::fetch_all!(tx, REMOVE, db::rows(locked.into_iter().map(|(id,)| id)))?;
    Ok(removed.into_iter().map(|(id,)| id).collect())
}
