//! The tables `ref_log` and `ref_seals`.

use db::{Error, Tx};
use history::ref_log::{Item, RefEntry, Seal};
use names::{Digest, Id, UnixMillis};

use super::{Movement, Written};
use crate::{Repository, reading::RefPlace};

macro_rules! items {
    () => {
        "SELECT e.ref, e.counter, e.old, e.new, e.prev, e.pusher_key, e.time_text, e.signature, e.forced,
               s.seq, s.entry_hash, s.prev_seal, s.evidence, s.principal, s.via, s.time_text AS seal_time, s.server_key,
               s.signature AS seal_signature
          FROM ref_seals AS s JOIN ref_log AS e ON e.entry_hash = s.entry_hash"
    };
}

db::statements! {
    LAST = "
        SELECT counter, entry_hash, new FROM ref_log WHERE repository_id = $1 AND ref = $2
         ORDER BY counter DESC LIMIT 1";
    LAST_SEAL = "
        SELECT seq, seal_hash, server_key FROM ref_seals WHERE repository_id = $1 ORDER BY seq DESC LIMIT 1";
    ADD_ENTRY = "
        INSERT INTO ref_log
            (repository_id, ref, counter, old, new, prev, pusher_key, time_text, signature, entry_hash, forced)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    ADD_SEAL = "
        INSERT INTO ref_seals
            (repository_id, seq, entry_hash, prev_seal, evidence, principal, via, time_text, server_key, signature,
             seal_hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    SET_REF = "
        INSERT INTO refs (repository_id, name, target, kind, updated_at, counter, entry_hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (repository_id, name) DO UPDATE
        SET target = excluded.target, updated_at = excluded.updated_at, counter = excluded.counter,
            entry_hash = excluded.entry_hash, object = NULL";
    REFS = "
        SELECT name, target, counter, entry_hash FROM refs
         WHERE repository_id = $1 AND name > $2 AND substr(name, 1, length($3)) = $3 ORDER BY name LIMIT $4";
    REF = "SELECT name, target, counter, entry_hash FROM refs WHERE repository_id = $1 AND name = $2";
    REMOVE_REF = "DELETE FROM refs WHERE repository_id = $1 AND name = $2";
    GONE = "
        SELECT e.ref, e.counter, e.entry_hash FROM ref_log AS e
         WHERE e.repository_id = $1 AND e.new = ''
           AND NOT EXISTS (SELECT 1 FROM ref_log AS n
                            WHERE n.repository_id = $1 AND n.ref = e.ref AND n.counter > e.counter)
         ORDER BY e.ref LIMIT $2";
    PAGE = (concat!(items!(), "
         WHERE s.repository_id = $1 AND s.seq > $2 ORDER BY s.seq LIMIT $3"));
    BEFORE = (concat!(items!(), "
         WHERE s.repository_id = $1 AND s.seq < $2 ORDER BY s.seq DESC LIMIT $3"));
}

/// The end of a ref's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) counter: u64,
    pub(crate) entry_hash: Digest,
    pub(crate) target: String,
}

/// The end of the chain of seals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LastSeal {
    pub(crate) seq: u64,
    pub(crate) seal_hash: Digest,
    pub(crate) server_key: String,
}

fn number(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(Error::corrupt("ref_log.counter"))
}

fn digest(bytes: &[u8]) -> Result<Digest, Error> {
    bytes.try_into().map_err(Error::corrupt("ref_log.entry_hash"))
}

fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The last entry of a ref, also of one that is gone.
pub(crate) async fn last(
    tx: &mut Tx,
    repository: Id<Repository>,
    name: &str,
) -> Result<Option<Last>, Error> {
    let row: Option<(i64, Vec<u8>, String)> =
        db::fetch_optional!(tx, LAST, repository.uuid(), name)?;
    let believe = |(counter, hash, target): (i64, Vec<u8>, String)| {
        Ok(Last { counter: number(counter)?, entry_hash: digest(&hash)?, target })
    };
    row.map(believe).transpose()
}

/// Refs that are gone, by name, with the ends of their chains.
pub(crate) async fn gone(
    tx: &mut Tx,
    repository: Id<Repository>,
    limit: u32,
) -> Result<Vec<(String, u64, Digest)>, Error> {
    let rows: Vec<(String, i64, Vec<u8>)> =
        db::fetch_all!(tx, GONE, repository.uuid(), i64::from(limit))?;
    let believe = |(name, counter, hash): (String, i64, Vec<u8>)| {
        Ok((name, number(counter)?, digest(&hash)?))
    };
    rows.into_iter().map(believe).collect()
}

/// The last seal of a repository.
pub(crate) async fn last_seal(
    tx: &mut Tx,
    repository: Id<Repository>,
) -> Result<Option<LastSeal>, Error> {
    let row: Option<(i64, Vec<u8>, String)> =
        db::fetch_optional!(tx, LAST_SEAL, repository.uuid())?;
    let believe = |(seq, hash, server_key): (i64, Vec<u8>, String)| {
        Ok(LastSeal { seq: number(seq)?, seal_hash: digest(&hash)?, server_key })
    };
    row.map(believe).transpose()
}

type RefRow = (String, Vec<u8>, i64, Option<Vec<u8>>);

fn place((name, target, counter, entry_hash): RefRow) -> Result<RefPlace, Error> {
    let target = target.as_slice().try_into().map_err(Error::corrupt("refs.target"))?;
    let entry_hash = entry_hash.as_deref().map(digest).transpose()?;
    Ok(RefPlace { name, target, counter: number(counter)?, entry_hash })
}

/// At most `limit` refs whose names begin with `prefix` and follow `after`, by name.
pub(super) async fn refs(
    tx: &mut Tx,
    repository: Id<Repository>,
    (prefix, after): (&str, &str),
    limit: u64,
) -> Result<Vec<RefPlace>, Error> {
    let rows: Vec<RefRow> =
        db::fetch_all!(tx, REFS, repository.uuid(), after, prefix, bound(limit))?;
    rows.into_iter().map(place).collect()
}

/// The ref of that name.
pub(super) async fn one(
    tx: &mut Tx,
    repository: Id<Repository>,
    name: &str,
) -> Result<Option<RefPlace>, Error> {
    let row: Option<RefRow> = db::fetch_optional!(tx, REF, repository.uuid(), name)?;
    row.map(place).transpose()
}

pub(super) async fn add_entry(
    tx: &mut Tx,
    repository: Id<Repository>,
    it: &RefEntry,
    signature: Option<[u8; 64]>,
    hash: Digest,
    is_forced: bool,
) -> Result<(), Error> {
    db::execute!(
        tx,
        ADD_ENTRY,
        repository.uuid(),
        &it.name,
        bound(it.counter),
        &it.old,
        &it.new,
        it.prev.map(|it| it.as_bytes().to_vec()),
        &it.pusher_key,
        &it.time,
        signature.map(Vec::from),
        &hash.as_bytes()[..],
        i64::from(is_forced),
    )
    .map(drop)
}

/// Lets a ref be where its last entry says.
pub(super) async fn set_ref(
    tx: &mut Tx,
    repository: Id<Repository>,
    to: &Movement<'_>,
    written: &Written,
    now: UnixMillis,
) -> Result<(), Error> {
    let Some(tip) = to.new else {
        return db::execute!(tx, REMOVE_REF, repository.uuid(), to.name).map(drop);
    };
    let kind = match to.name {
        name if name.starts_with("refs/heads/") => "branch",
        name if name.starts_with("refs/tags/") => "tag",
        _ => "other",
    };
    let counter = i64::try_from(written.counter).unwrap_or(i64::MAX);
    let (tip, hash) = (&tip.as_bytes()[..], &written.entry_hash.as_bytes()[..]);
    db::execute!(tx, SET_REF, repository.uuid(), to.name, tip, kind, now.0, counter, hash).map(drop)
}

pub(super) async fn add_seal(
    tx: &mut Tx,
    repository: Id<Repository>,
    it: &Seal,
    signature: [u8; 64],
    hash: Digest,
) -> Result<(), Error> {
    db::execute!(
        tx,
        ADD_SEAL,
        repository.uuid(),
        bound(it.seq),
        &it.entry_hash.as_bytes()[..],
        it.prev_seal.map(|it| it.as_bytes().to_vec()),
        it.evidence.map(|it| it.as_bytes().to_vec()),
        &it.principal,
        &it.via,
        &it.time,
        &it.server_key,
        &signature[..],
        &hash.as_bytes()[..],
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct ItemRow {
    r#ref: String,
    counter: i64,
    old: String,
    new: String,
    prev: Option<Vec<u8>>,
    pusher_key: String,
    time_text: String,
    signature: Option<Vec<u8>>,
    forced: i64,
    seq: i64,
    entry_hash: Vec<u8>,
    prev_seal: Option<Vec<u8>>,
    evidence: Option<Vec<u8>>,
    principal: String,
    via: String,
    seal_time: String,
    server_key: String,
    seal_signature: Vec<u8>,
}

/// An item of the log, and whether it left commits behind.
#[derive(Debug, Clone)]
pub(crate) struct Logged {
    pub(crate) item: Item,
    pub(crate) is_forced: bool,
}

/// At most `limit` items behind the number `after`.
pub(crate) async fn page(
    tx: &mut Tx,
    repository: Id<Repository>,
    after: u64,
    limit: u64,
) -> Result<Vec<Logged>, Error> {
    let rows: Vec<ItemRow> =
        db::fetch_all!(tx, PAGE, repository.uuid(), bound(after), bound(limit))?;
    rows.into_iter().map(|row| believe(repository, row)).collect()
}

/// At most `limit` items before the number `before`, the newest first.
pub(super) async fn before(
    tx: &mut Tx,
    repository: Id<Repository>,
    before: u64,
    limit: u64,
) -> Result<Vec<Logged>, Error> {
    let rows: Vec<ItemRow> =
        db::fetch_all!(tx, BEFORE, repository.uuid(), bound(before), bound(limit))?;
    rows.into_iter().map(|row| believe(repository, row)).collect()
}

fn believe(repository: Id<Repository>, row: ItemRow) -> Result<Logged, Error> {
    let maybe = |bytes: Option<Vec<u8>>| bytes.as_deref().map(digest).transpose();
    let signature =
        |bytes: &[u8]| <[u8; 64]>::try_from(bytes).map_err(Error::corrupt("ref_log.signature"));
    let entry = RefEntry {
        repository_id: repository.to_string(),
        name: row.r#ref,
        old: row.old,
        new: row.new,
        counter: number(row.counter)?,
        prev: maybe(row.prev)?,
        pusher_key: row.pusher_key,
        time: row.time_text,
    };
    let seal = Seal {
        repository_id: repository.to_string(),
        seq: number(row.seq)?,
        prev_seal: maybe(row.prev_seal)?,
        entry_hash: digest(&row.entry_hash)?,
        evidence: maybe(row.evidence)?,
        principal: row.principal,
        via: row.via,
        time: row.seal_time,
        server_key: row.server_key,
    };
    let item = Item {
        entry,
        signature: row.signature.as_deref().map(signature).transpose()?,
        seal,
        seal_signature: signature(&row.seal_signature)?,
    };
    Ok(Logged { item, is_forced: row.forced == 1 })
}
