//! The tables `request_nonces` and `idempotent_requests`, many rows at a time.

use std::collections::BTreeSet;

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::Spent;
use crate::{
    Key, Principal,
    idempotency::{MAX_REMEMBERED, UnderWay},
};

db::statements! {
    // In order of what is taken, so that two groups never wait for each other in a ring.
    SPEND = {
        sqlite "
        INSERT INTO request_nonces (key_id, nonce, taken_by, expires_at)
        SELECT k.id, s.value ->> 1, unhex(s.value ->> 2, '-'), s.value ->> 3
          FROM json_each($1) AS s JOIN keys AS k ON k.id = unhex(s.value ->> 0, '-')
         WHERE k.revoked_at IS NULL
        ON CONFLICT (key_id, nonce) DO UPDATE SET taken_by = excluded.taken_by
         WHERE request_nonces.taken_by = excluded.taken_by
        RETURNING taken_by",
        postgres "
        INSERT INTO request_nonces (key_id, nonce, taken_by, expires_at)
        SELECT k.id, s.value ->> 1, (s.value ->> 2)::uuid, (s.value ->> 3)::bigint
          FROM jsonb_array_elements($1::jsonb) AS s (value) JOIN keys AS k ON k.id = (s.value ->> 0)::uuid
         WHERE k.revoked_at IS NULL ORDER BY 1, 2
        ON CONFLICT (key_id, nonce) DO UPDATE SET taken_by = excluded.taken_by
         WHERE request_nonces.taken_by = excluded.taken_by
        RETURNING taken_by"
    };
    LIVE_KEYS = {
        sqlite "SELECT id FROM keys WHERE revoked_at IS NULL AND id IN (SELECT unhex(value, '-') FROM json_each($1))",
        postgres "
        SELECT id FROM keys
         WHERE revoked_at IS NULL AND id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)"
    };
    // Who has as many as may be.
    FULL = {
        sqlite "
        SELECT p.id FROM principals AS p
         WHERE p.id IN (SELECT unhex(value, '-') FROM json_each($1))
           AND (SELECT count(*) FROM (SELECT 1 FROM idempotent_requests AS i WHERE i.principal_id = p.id LIMIT $2) AS few) >= $2",
        postgres "
        SELECT p.id FROM principals AS p
         WHERE p.id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)
           AND (SELECT count(*) FROM (SELECT 1 FROM idempotent_requests AS i WHERE i.principal_id = p.id LIMIT $2) AS few) >= $2"
    };
    // A row whose day is over is another request's now.
    NAME = {
        sqlite "
        INSERT INTO idempotent_requests (principal_id, route, key, request_hash, taken_by, created_at)
        SELECT unhex(value ->> 0, '-'), value ->> 1, value ->> 2, unhex(value ->> 3), unhex(value ->> 4, '-'),
               CAST($2 AS BIGINT)
          FROM json_each($1) WHERE true
        ON CONFLICT (principal_id, route, key) DO UPDATE
           SET request_hash = excluded.request_hash, taken_by = excluded.taken_by, created_at = excluded.created_at,
               status = NULL, headers = '', body = NULL
         WHERE idempotent_requests.taken_by = excluded.taken_by OR idempotent_requests.created_at <= $3
        RETURNING taken_by",
        postgres "
        INSERT INTO idempotent_requests (principal_id, route, key, request_hash, taken_by, created_at)
        SELECT (value ->> 0)::uuid, value ->> 1, value ->> 2, decode(value ->> 3, 'hex'), (value ->> 4)::uuid,
               CAST($2 AS BIGINT)
          FROM jsonb_array_elements($1::jsonb) ORDER BY 1, 2, 3
        ON CONFLICT (principal_id, route, key) DO UPDATE
           SET request_hash = excluded.request_hash, taken_by = excluded.taken_by, created_at = excluded.created_at,
               status = NULL, headers = '', body = NULL
         WHERE idempotent_requests.taken_by = excluded.taken_by OR idempotent_requests.created_at <= $3
        RETURNING taken_by"
    };
    UNNAME = {
        sqlite "
        DELETE FROM idempotent_requests
         WHERE (principal_id, route, key) IN (
               SELECT unhex(value ->> 0, '-'), value ->> 1, value ->> 2 FROM json_each($1))
           AND taken_by IN (SELECT unhex(value ->> 4, '-') FROM json_each($1))",
        postgres "
        DELETE FROM idempotent_requests
         WHERE (principal_id, route, key) IN (
               SELECT (value ->> 0)::uuid, value ->> 1, value ->> 2 FROM jsonb_array_elements($1::jsonb))
           AND taken_by IN (SELECT (value ->> 4)::uuid FROM jsonb_array_elements($1::jsonb))"
    };
}

type Ids = Vec<(Uuid,)>;

fn set(rows: Ids) -> BTreeSet<Uuid> {
    rows.into_iter().map(|(id,)| id).collect()
}

/// Writes nonces; gives the requests that have theirs now.
pub(super) async fn spend<'s>(
    tx: &mut Tx,
    nonces: impl Iterator<Item = &'s Spent>,
) -> Result<BTreeSet<Uuid>, Error> {
    let rows = nonces.map(|it| (it.key, &*it.nonce, it.request, it.ends.0));
    let taken: Ids = db::fetch_all!(tx, SPEND, db::rows(rows))?;
    Ok(set(taken))
}

/// Those of these keys that have not been given up.
pub(super) async fn live_keys(
    tx: &mut Tx,
    keys: &BTreeSet<Id<Key>>,
) -> Result<BTreeSet<Uuid>, Error> {
    let found: Ids = db::fetch_all!(tx, LIVE_KEYS, db::rows(keys))?;
    Ok(set(found))
}

/// Those of whom as many requests are remembered as may be.
pub(super) async fn full(
    tx: &mut Tx,
    principals: impl Iterator<Item = Id<Principal>>,
) -> Result<BTreeSet<Uuid>, Error> {
    let principals: BTreeSet<_> = principals.collect();
    let found: Ids = db::fetch_all!(tx, FULL, db::rows(&principals), MAX_REMEMBERED)?;
    Ok(set(found))
}

fn row(it: &UnderWay) -> (Id<Principal>, &str, &str, String, Uuid) {
    let (route, key) = (it.named.route.as_str(), it.named.key.as_str());
    (it.principal, route, key, it.named.asked.to_string(), it.request)
}

/// Takes names for requests; gives those that have theirs now.
pub(super) async fn name<'s>(
    tx: &mut Tx,
    named: impl Iterator<Item = &'s UnderWay>,
    now: UnixMillis,
    then: UnixMillis,
) -> Result<BTreeSet<Uuid>, Error> {
    let taken: Ids = db::fetch_all!(tx, NAME, db::rows(named.map(row)), now.0, then.0)?;
    Ok(set(taken))
}

/// Takes the names of these requests back.
pub(super) async fn unname(tx: &mut Tx, named: &[&UnderWay]) -> Result<(), Error> {
    db::execute!(tx, UNNAME, db::rows(named.iter().map(|it| row(it)))).map(drop)
}
