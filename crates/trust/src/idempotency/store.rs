//! The table `idempotent_requests`.

use db::{Error, Tx};
use names::{Id, UnixMillis};

use super::{FirstAnswer, Known, Repeatable, UnderWay};
use crate::Principal;

db::statements! {
    FIND = "
        SELECT request_hash, status, headers, body FROM idempotent_requests
         WHERE principal_id = $1 AND route = $2 AND key = $3 AND created_at > $4";
    // A row whose day is over is another request's now.
    REMEMBER = "
        INSERT INTO idempotent_requests (principal_id, route, key, request_hash, taken_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (principal_id, route, key) DO UPDATE
           SET request_hash = excluded.request_hash, taken_by = excluded.taken_by, created_at = excluded.created_at,
               status = NULL, headers = '', body = NULL
         WHERE idempotent_requests.taken_by = excluded.taken_by OR idempotent_requests.created_at <= $7";
    COUNT = "
        SELECT count(*) FROM (SELECT 1 FROM idempotent_requests WHERE principal_id = $1 LIMIT $2) AS few";
    KEEP = "
        UPDATE idempotent_requests SET status = $5, headers = $6, body = $7
         WHERE principal_id = $1 AND route = $2 AND key = $3 AND taken_by = $4";
    FORGET = "
        DELETE FROM idempotent_requests WHERE (principal_id, route, key) IN (
            SELECT principal_id, route, key FROM idempotent_requests WHERE created_at <= $1
             ORDER BY created_at LIMIT $2)";
}

#[derive(sqlx::FromRow)]
struct Row {
    request_hash: Vec<u8>,
    status: Option<i64>,
    headers: String,
    body: Option<Vec<u8>>,
}

impl TryFrom<Row> for Known {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let column = "idempotent_requests.request_hash";
        let asked = row.request_hash.as_slice().try_into().map_err(Error::corrupt(column))?;
        let Some(status) = row.status else { return Ok(Self { asked, answer: None }) };
        let status = u16::try_from(status).map_err(Error::corrupt("idempotent_requests.status"))?;
        let headers = serde_json::from_str(&row.headers)
            .map_err(Error::corrupt("idempotent_requests.headers"))?;
        let body = row.body.unwrap_or_default();
        Ok(Self { asked, answer: Some(FirstAnswer { status, headers, body }) })
    }
}

/// What is known of a request that was made after `then`.
pub(super) async fn find(
    tx: &mut Tx,
    principal: Id<Principal>,
    named: &Repeatable,
    then: UnixMillis,
) -> Result<Option<Known>, Error> {
    let (route, key) = (&named.route, &named.key.0);
    let row: Option<Row> = db::fetch_optional!(tx, FIND, principal.uuid(), route, key, then.0)?;
    row.map(Known::try_from).transpose()
}

/// Takes the name for the request; `false` if another one has it since `then`.
pub(super) async fn remember(
    tx: &mut Tx,
    it: &UnderWay,
    now: UnixMillis,
    then: UnixMillis,
) -> Result<bool, Error> {
    let UnderWay { principal, named, request } = it;
    let asked = &named.asked.as_bytes()[..];
    let (principal, route, key) = (principal.uuid(), &named.route, &named.key.0);
    Ok(db::execute!(tx, REMEMBER, principal, route, key, asked, *request, now.0, then.0)? == 1)
}

/// How many requests of the principal are remembered, up to `limit`.
pub(super) async fn count(tx: &mut Tx, principal: Id<Principal>, limit: i64) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, principal.uuid(), limit)?;
    Ok(count)
}

/// Keeps the answer.
pub(super) async fn keep(tx: &mut Tx, it: &UnderWay, answer: &FirstAnswer) -> Result<(), Error> {
    let headers = serde_json::to_string(&answer.headers)
        .map_err(Error::corrupt("idempotent_requests.headers"))?;
    let (principal, route, key) = (it.principal.uuid(), &it.named.route, &it.named.key.0);
    let (status, body) = (i64::from(answer.status), &answer.body[..]);
    db::execute!(tx, KEEP, principal, route, key, it.request, status, headers, body).map(drop)
}

/// Forgets what is as old as `then`; at most `limit`.
pub(super) async fn forget(tx: &mut Tx, then: UnixMillis, limit: u32) -> Result<u64, Error> {
    db::execute!(tx, FORGET, then.0, i64::from(limit))
}
