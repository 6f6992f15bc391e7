//! What rows, and the database, say of the time.

use std::collections::BTreeMap;

use db::{Error, Tx};
use names::{Id, UnixMillis};
use pipelines_core::name::RunId;
use uuid::Uuid;

db::statements! {
    NOW = {
        sqlite "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        postgres "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
    };
    // Ids begin with the time at which they were made.
    NEWEST = "
        SELECT (SELECT id FROM runs WHERE id < $1 ORDER BY id DESC LIMIT 1),
               (SELECT id FROM tasks WHERE id < $1 ORDER BY id DESC LIMIT 1),
               (SELECT id FROM claims WHERE id < $1 ORDER BY id DESC LIMIT 1)";
    // Of all that live, by their index.
    SHORT = "SELECT run_id, ends_at FROM claims WHERE state = 'live' AND ends_at < $1";
}

/// The database's time.
pub(super) async fn now(tx: &mut Tx) -> Result<UnixMillis, Error> {
    let (now,): (i64,) = db::fetch_one!(tx, NOW)?;
    Ok(UnixMillis(now))
}

/// When the last thing was made; nothing if nothing was.
pub(super) async fn newest(tx: &mut Tx) -> Result<Option<UnixMillis>, Error> {
    let (run, task, claim): (Option<Uuid>, Option<Uuid>, Option<Uuid>) =
        db::fetch_one!(tx, NEWEST, Uuid::max())?;
    let ids = [run, task, claim].into_iter().flatten().filter(|id| id.get_version_num() == 7);
    // RFC 9562 §5.7: 48 bits of milliseconds.
    let millis = ids.filter_map(|id| i64::try_from(id.as_u128() >> 80).ok());
    Ok(millis.max().map(UnixMillis))
}

/// Runs with live claims that end before `until`, and when the first of each does.
pub(super) async fn short(
    tx: &mut Tx,
    until: UnixMillis,
) -> Result<Vec<(RunId, UnixMillis)>, Error> {
    let rows: Vec<(Uuid, i64)> = db::fetch_all!(tx, SHORT, until.0)?;
    let mut first = BTreeMap::new();
    for (run, at) in rows {
        let ends_at = first.entry(Id::from_uuid(run)).or_insert(UnixMillis(at));
        *ends_at = UnixMillis(at).min(*ends_at);
    }
    Ok(first.into_iter().collect())
}
