//! The `outbox` table.

use db::{Error, Tx};
use names::UnixMillis;
use uuid::Uuid;

use super::{Post, PostId};

db::statements! {
    ADD = "INSERT INTO outbox (id, kind, payload, created_at, due_at) VALUES ($1, $2, $3, $4, $4)";
    DUE = {
        sqlite "
        SELECT id, kind, payload, created_at, attempts FROM outbox
         WHERE due_at <= $2 AND kind IN (SELECT value FROM json_each($1)) ORDER BY due_at, id LIMIT $3",
        postgres "
        SELECT id, kind, payload, created_at, attempts FROM outbox
         WHERE due_at <= $2 AND kind IN (SELECT jsonb_array_elements_text($1::jsonb)) ORDER BY due_at, id LIMIT $3"
    };
    TAKE = {
        sqlite "
        DELETE FROM outbox WHERE id IN (SELECT unhex(value, '-') FROM json_each($1)) RETURNING id",
        // In one order, so that two processes do not wait for each other; who comes second finds nothing.
        postgres "
        DELETE FROM outbox WHERE id IN (
            SELECT id FROM outbox WHERE id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)
             ORDER BY id FOR UPDATE SKIP LOCKED)
        RETURNING id"
    };
    PUT_OFF = {
        sqlite "
        UPDATE outbox SET attempts = attempts + 1, due_at = late.due_at, last_error = late.error
          FROM (SELECT unhex(value ->> 0, '-') AS id, value ->> 1 AS due_at, value ->> 2 AS error
                  FROM json_each($1)) AS late
         WHERE outbox.id = late.id",
        postgres "
        UPDATE outbox SET attempts = attempts + 1, due_at = late.due_at, last_error = late.error
          FROM (SELECT (value ->> 0)::uuid AS id, (value ->> 1)::bigint AS due_at, value ->> 2 AS error
                  FROM jsonb_array_elements($1::jsonb)) AS late
         WHERE outbox.id = late.id"
    };
}

pub(super) async fn add(
    tx: &mut Tx,
    id: PostId,
    kind: &str,
    payload: &str,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, ADD, id.uuid(), kind, payload, now.0).map(drop)
}

/// Due facts of `kinds`, oldest first.
pub(super) async fn due(
    tx: &mut Tx,
    kinds: &[&str],
    now: UnixMillis,
    limit: usize,
) -> Result<Vec<Post>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<(Uuid, String, String, i64, i64)> =
        db::fetch_all!(tx, DUE, db::rows(kinds), now.0, limit)?;
    let believe = |(id, kind, payload, created_at, attempts): (Uuid, String, String, i64, i64)| {
        let attempts = attempts.try_into().map_err(Error::corrupt("outbox.attempts"))?;
        let (id, created_at) = (PostId::from_uuid(id), UnixMillis(created_at));
        Ok(Post { id, kind, payload, created_at, attempts })
    };
    rows.into_iter().map(believe).collect()
}

/// Takes rows away; gives those that were still there.
pub(super) async fn take(
    tx: &mut Tx,
    ids: impl Iterator<Item = PostId>,
) -> Result<Vec<PostId>, Error> {
    let taken: Vec<(Uuid,)> = db::fetch_all!(tx, TAKE, db::rows(ids))?;
    Ok(taken.into_iter().map(|(id,)| PostId::from_uuid(id)).collect())
}

/// Makes rows due later, each at its own moment: `(id, due_at, error)`.
pub(super) async fn put_off(tx: &mut Tx, rows: String) -> Result<u64, Error> {
    db::execute!(tx, PUT_OFF, rows)
}
