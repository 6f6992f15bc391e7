//! The tables `audit_events`, `audit_private` and `audit_heads`.

use db::{Error, Tx};
use keys::Signature;
use names::{Digest, UnixMillis};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Chain, Filter, Found, Head, Private, Row};

/// The columns of a row, for the statements below.
macro_rules! columns {
    () => {
        "e.id, e.chain, e.seq, e.time, e.request_id, e.actor_id, e.actor_kind, e.credential_id, e.credential_kind,
         e.on_behalf_of, e.action, e.resource_kind, e.resource_id, e.outcome, e.reason, e.before_digest, e.after_digest,
         e.detail, e.private_digest, e.prev_hash, e.hash"
    };
}

/// A page for people: what all three forms of it share.
macro_rules! found {
    ($by:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            ", a.handle, p.ip, p.user_agent
               FROM audit_events AS e
               LEFT JOIN audit_private AS p ON p.event_id = e.id
               LEFT JOIN principals AS a ON a.id = e.actor_id
              WHERE e.chain = $1 AND e.seq < $2 AND e.time >= $3 AND e.time < $4
                AND (e.resource_kind = $5 OR $5 = '') AND (e.resource_id = $6 OR $6 = '') ",
            $by,
            "
              ORDER BY e.seq DESC LIMIT $7"
        )
    };
}

db::statements! {
    HOLD = {
        // The transaction holds SQLite's one write lock already.
        sqlite "SELECT 1 WHERE $1 IS NOT NULL",
        postgres "
        SELECT 1::bigint
         WHERE pg_advisory_xact_lock(hashtextextended('motet-audit ' || $1::text, 0)) IS NOT NULL"
    };
    // A row that was pruned lives on in its head.
    LAST = "
        SELECT last.seq, last.hash FROM (
            SELECT * FROM (SELECT seq, hash FROM audit_events WHERE chain = $1 ORDER BY seq DESC LIMIT 1) AS e
            UNION ALL
            SELECT * FROM (SELECT seq, hash FROM audit_heads WHERE chain = $1 ORDER BY seq DESC LIMIT 1) AS h
        ) AS last ORDER BY last.seq DESC LIMIT 1";
    ADD = "
        INSERT INTO audit_events (id, chain, seq, time, request_id, actor_id, actor_kind, credential_id, credential_kind,
                                  on_behalf_of, action, resource_kind, resource_id, outcome, reason, before_digest,
                                  after_digest, detail, private_digest, prev_hash, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";
    ADD_PRIVATE = "
        INSERT INTO audit_private (event_id, salt, ip, user_agent, erase_after) VALUES ($1, $2, $3, $4, $5)";
    ADD_HEAD = "
        INSERT INTO audit_heads (chain, seq, hash, time, kid, signature) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (chain, seq) DO NOTHING";
    // From chain to chain through the index: an install has many more rows than chains.
    GROWN = "
        WITH RECURSIVE chains (chain) AS (
            SELECT * FROM (SELECT chain FROM audit_events ORDER BY chain LIMIT 1) AS first
            UNION ALL
            SELECT (SELECT e.chain FROM audit_events AS e WHERE e.chain > c.chain ORDER BY e.chain LIMIT 1)
              FROM chains AS c WHERE c.chain IS NOT NULL
        )
        SELECT c.chain FROM chains AS c
         WHERE c.chain IS NOT NULL
           AND (SELECT max(e.seq) FROM audit_events AS e WHERE e.chain = c.chain)
               > coalesce((SELECT max(h.seq) FROM audit_heads AS h WHERE h.chain = c.chain), 0)
         LIMIT $1";
    ERASE = "
        DELETE FROM audit_private WHERE event_id IN (
            SELECT event_id FROM audit_private WHERE erase_after <= $1 ORDER BY erase_after LIMIT $2)";
    // Apart, so that each is one step through the index.
    ENDS = "
        SELECT (SELECT min(e.seq) FROM audit_events AS e WHERE e.chain = $1),
               (SELECT max(e.seq) FROM audit_events AS e WHERE e.chain = $1)";
    ROWS = (concat!("SELECT ", columns!(), "
          FROM audit_events AS e WHERE e.chain = $1 AND e.seq > $2 AND e.seq <= $3 ORDER BY e.seq LIMIT $4"));
    HEADS = "
        SELECT chain, seq, hash, time, kid, signature FROM audit_heads
         WHERE chain = $1 AND seq > $2 AND seq <= $3 ORDER BY seq";
    HEAD_AFTER = "
        SELECT chain, seq, hash, time, kid, signature FROM audit_heads
         WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT 1";
    // The last head in reach whose row is old enough; if the first one is farther away, that one.
    HEAD_BEFORE = "
        SELECT h.seq FROM audit_heads AS h JOIN audit_events AS e ON e.chain = h.chain AND e.seq = h.seq
         WHERE h.chain = $1 AND h.seq >= $2 AND e.time < $4
         ORDER BY CASE WHEN h.seq <= $3 THEN 0 ELSE 1 END, CASE WHEN h.seq <= $3 THEN -h.seq ELSE h.seq END LIMIT 1";
    DELETE = "DELETE FROM audit_events WHERE chain = $1 AND seq = $2";
    DELETE_HEADS_BEFORE = "DELETE FROM audit_heads WHERE chain = $1 AND seq < $2";
    PAGE = (found!(""));
    PAGE_OF_ACTOR = (found!("AND e.actor_id = $8 AND (e.action = $9 OR $9 = '')"));
    PAGE_OF_ACTION = (found!("AND e.action = $8"));
}

/// A row as its table has it. Its texts are not believed here: they are what is compared with the hash.
#[derive(sqlx::FromRow)]
struct Stored {
    id: Uuid,
    chain: Uuid,
    seq: i64,
    time: i64,
    request_id: String,
    actor_id: Option<Uuid>,
    actor_kind: String,
    credential_id: Option<Uuid>,
    credential_kind: String,
    on_behalf_of: Option<Uuid>,
    action: String,
    resource_kind: String,
    resource_id: String,
    outcome: String,
    reason: String,
    before_digest: Option<String>,
    after_digest: Option<String>,
    detail: String,
    private_digest: String,
    prev_hash: String,
    hash: String,
}

impl From<Stored> for Row {
    fn from(it: Stored) -> Self {
        // What is no object was not written by us, and does not have the hash either.
        let unreadable = |_| Map::from_iter([("unreadable".to_owned(), Value::Null)]);
        Self {
            detail: serde_json::from_str(&it.detail).unwrap_or_else(unreadable),
            id: it.id,
            chain: it.chain,
            seq: it.seq,
            time: it.time,
            request_id: it.request_id,
            actor_id: it.actor_id,
            actor_kind: it.actor_kind,
            credential_id: it.credential_id,
            credential_kind: it.credential_kind,
            on_behalf_of: it.on_behalf_of,
            action: it.action,
            resource_kind: it.resource_kind,
            resource_id: it.resource_id,
            outcome: it.outcome,
            reason: it.reason,
            before_digest: it.before_digest,
            after_digest: it.after_digest,
            private_digest: it.private_digest,
            prev_hash: it.prev_hash,
            hash: it.hash,
        }
    }
}

#[derive(sqlx::FromRow)]
struct StoredHead {
    chain: Uuid,
    seq: i64,
    hash: String,
    time: i64,
    kid: String,
    signature: Vec<u8>,
}

impl TryFrom<StoredHead> for Head {
    type Error = Error;

    fn try_from(it: StoredHead) -> Result<Self, Error> {
        let bytes: [u8; 64] =
            it.signature.as_slice().try_into().map_err(Error::corrupt("audit_heads.signature"))?;
        let signature = Signature::from_bytes(bytes).to_string();
        let StoredHead { chain, seq, hash, time, kid, .. } = it;
        Ok(Self { chain, seq, hash, time, kid, signature })
    }
}

#[derive(sqlx::FromRow)]
struct StoredFound {
    #[sqlx(flatten)]
    row: Stored,
    handle: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
}

/// Lets nobody else append to the chain until the transaction ends.
pub(super) async fn hold(tx: &mut Tx, chain: Chain) -> Result<(), Error> {
    let _held: Option<(i64,)> = db::fetch_optional!(tx, HOLD, chain.uuid())?;
    Ok(())
}

/// Number and hash of the last row.
pub(super) async fn last(tx: &mut Tx, chain: Chain) -> Result<Option<(i64, Digest)>, Error> {
    let row: Option<(i64, String)> = db::fetch_optional!(tx, LAST, chain.uuid())?;
    row.map(|(seq, hash)| Ok((seq, hash.parse().map_err(Error::corrupt("audit_events.hash"))?)))
        .transpose()
}

pub(super) async fn add(tx: &mut Tx, row: &Row) -> Result<(), Error> {
    let detail = row.detail_text().map_err(Error::corrupt("audit_events.detail"))?;
    db::execute!(
        tx,
        ADD,
        row.id,
        row.chain,
        row.seq,
        row.time,
        &row.request_id,
        row.actor_id,
        &row.actor_kind,
        row.credential_id,
        &row.credential_kind,
        row.on_behalf_of,
        &row.action,
        &row.resource_kind,
        &row.resource_id,
        &row.outcome,
        &row.reason,
        row.before_digest.as_deref(),
        row.after_digest.as_deref(),
        &detail,
        &row.private_digest,
        &row.prev_hash,
        &row.hash,
    )
    .map(drop)
}

pub(super) async fn add_private(
    tx: &mut Tx,
    event: Uuid,
    salt: &[u8; 32],
    ip: &str,
    user_agent: &str,
    erase_after: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, ADD_PRIVATE, event, &salt[..], ip, user_agent, erase_after.0).map(drop)
}

pub(super) async fn add_head(tx: &mut Tx, it: &Head, sig: &Signature) -> Result<(), Error> {
    let sig = &sig.as_bytes()[..];
    db::execute!(tx, ADD_HEAD, it.chain, it.seq, &it.hash, it.time, &it.kid, sig).map(drop)
}

/// Chains with rows behind their last head.
pub(super) async fn grown(tx: &mut Tx, limit: u32) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, GROWN, i64::from(limit))?;
    Ok(rows.into_iter().map(|(chain,)| chain).collect())
}

pub(super) async fn erase(tx: &mut Tx, now: UnixMillis, limit: u32) -> Result<u64, Error> {
    db::execute!(tx, ERASE, now.0, i64::from(limit))
}

/// Numbers of the first and the last row.
pub(super) async fn ends(tx: &mut Tx, chain: Chain) -> Result<Option<(i64, i64)>, Error> {
    let (first, last): (Option<i64>, Option<i64>) = db::fetch_one!(tx, ENDS, chain.uuid())?;
    Ok(first.zip(last))
}

/// The rows after one up to another, in order.
pub(super) async fn rows(
    tx: &mut Tx,
    chain: Chain,
    after: i64,
    until: i64,
    limit: u32,
) -> Result<Vec<Row>, Error> {
    let rows: Vec<Stored> = db::fetch_all!(tx, ROWS, chain.uuid(), after, until, i64::from(limit))?;
    Ok(rows.into_iter().map(Row::from).collect())
}

/// The heads after one row up to another: no more than there are rows.
pub(super) async fn heads(
    tx: &mut Tx,
    chain: Chain,
    after: i64,
    until: i64,
) -> Result<Vec<Head>, Error> {
    let rows: Vec<StoredHead> = db::fetch_all!(tx, HEADS, chain.uuid(), after, until)?;
    rows.into_iter().map(Head::try_from).collect()
}

pub(super) async fn head_after(
    tx: &mut Tx,
    chain: Chain,
    after: i64,
) -> Result<Option<Head>, Error> {
    let row: Option<StoredHead> = db::fetch_optional!(tx, HEAD_AFTER, chain.uuid(), after)?;
    row.map(Head::try_from).transpose()
}

/// A page for people. By the index of the actor or of the action, where one is given.
pub(super) async fn page(
    tx: &mut Tx,
    chain: Chain,
    filter: &Filter,
    before: i64,
    limit: u16,
) -> Result<Vec<Found>, Error> {
    let (chain, limit) = (chain.uuid(), i64::from(limit));
    let since = filter.since.map_or(i64::MIN, |it| it.0);
    let until = filter.until.map_or(i64::MAX, |it| it.0);
    let kind = filter.resource_kind.as_deref().unwrap_or_default();
    let id = filter.resource_id.as_deref().unwrap_or_default();
    let action = filter.action.map_or("", |it| it.as_str());
    let rows: Vec<StoredFound> = match (filter.actor, filter.action) {
        (Some(actor), _) => db::fetch_all!(
            tx,
            PAGE_OF_ACTOR,
            chain,
            before,
            since,
            until,
            kind,
            id,
            limit,
            actor,
            action
        )?,
        (None, Some(_)) => db::fetch_all!(
            tx,
            PAGE_OF_ACTION,
            chain,
            before,
            since,
            until,
            kind,
            id,
            limit,
            action
        )?,
        (None, None) => db::fetch_all!(tx, PAGE, chain, before, since, until, kind, id, limit)?,
    };
    Ok(rows.into_iter().map(Found::from).collect())
}

impl From<StoredFound> for Found {
    fn from(StoredFound { row, handle, ip, user_agent }: StoredFound) -> Self {
        let private = ip.zip(user_agent).map(|(ip, user_agent)| Private { ip, user_agent });
        Self { row: row.into(), actor: handle, private }
    }
}

/// The signed head up to which rows older than `before` may go, beginning with the row `first` and, if there is a head
/// so near, not behind the row `upto`.
pub(super) async fn head_before(
    tx: &mut Tx,
    chain: Chain,
    (first, upto): (i64, i64),
    before: UnixMillis,
) -> Result<Option<i64>, Error> {
    let row: Option<(i64,)> =
        db::fetch_optional!(tx, HEAD_BEFORE, chain.uuid(), first, upto, before.0)?;
    Ok(row.map(|(seq,)| seq))
}

/// Removes a row: the first one of its chain, or the database refuses.
pub(super) async fn delete(tx: &mut Tx, chain: Chain, seq: i64) -> Result<(), Error> {
    db::execute!(tx, DELETE, chain.uuid(), seq).map(drop)
}

/// Removes the heads before one that stands for what was removed.
pub(super) async fn delete_heads_before(tx: &mut Tx, chain: Chain, seq: i64) -> Result<(), Error> {
    db::execute!(tx, DELETE_HEADS_BEFORE, chain.uuid(), seq).map(drop)
}
