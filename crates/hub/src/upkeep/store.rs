//! The tables `uploads` and `repositories`, for what has ended.

use db::{Error, Tx};
use names::UnixMillis;
use uuid::Uuid;

db::statements! {
    END_UPLOADS = "
        DELETE FROM uploads
         WHERE (repository_id, principal_id, object_id) IN (
            SELECT repository_id, principal_id, object_id FROM uploads WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)";
    FORSAKEN = "
        SELECT r.id FROM repositories AS r JOIN resources AS s ON s.id = r.id
         WHERE s.state = 'nascent' AND r.created_at < $1
           AND NOT EXISTS (SELECT 1 FROM uploads AS u WHERE u.repository_id = r.id AND u.ends_at >= $2)
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

/// Forgets up to `limit` uploads that ended before `now`, oldest first; gives how many.
pub(super) async fn end_uploads(tx: &mut Tx, now: UnixMillis, limit: u32) -> Result<u64, Error> {
    db::execute!(tx, END_UPLOADS, now.0, i64::from(limit))
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
