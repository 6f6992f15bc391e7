//! The table `bound_resources`.

use db::{Error, Tx};
use names::UnixMillis;
use uuid::Uuid;

db::statements! {
    BIND = "INSERT INTO bound_resources (id, source_id) VALUES ($1, $2)";
    UNBIND_FROM = "DELETE FROM bound_resources WHERE source_id = $1";
    IS_BOUND = "SELECT count(*) FROM bound_resources WHERE id = $1";
    IS_SUSPENDED = (concat!("SELECT count(*) FROM resources AS s WHERE s.id = $1 AND ", crate::suspended!()));
    NOTE_SUSPENDED = (concat!("
        UPDATE bound_resources SET suspended_at = $1
         WHERE suspended_at IS NULL AND id IN (
            SELECT s.id FROM resources AS s WHERE s.state IN ('live', 'archived') AND ", crate::suspended!(), ")"));
    NOTE_BACK = (concat!("
        UPDATE bound_resources SET suspended_at = NULL
         WHERE suspended_at IS NOT NULL AND id IN (
            SELECT s.id FROM resources AS s WHERE NOT ", crate::suspended!(), ")"));
    SUSPENDED_BEFORE = "
        SELECT b.id FROM bound_resources AS b JOIN resources AS s ON s.id = b.id
         WHERE b.suspended_at <= $1 AND s.state IN ('live', 'archived') ORDER BY b.suspended_at, b.id LIMIT $2";
}

pub(super) async fn bind(tx: &mut Tx, id: Uuid, source: Uuid) -> Result<(), Error> {
    db::execute!(tx, BIND, id, source).map(drop)
}

pub(super) async fn unbind_from(tx: &mut Tx, source: Uuid) -> Result<(), Error> {
    db::execute!(tx, UNBIND_FROM, source).map(drop)
}

pub(super) async fn is_bound(tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, IS_BOUND, id)?;
    Ok(count > 0)
}

pub(super) async fn is_suspended(tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, IS_SUSPENDED, id)?;
    Ok(count > 0)
}

pub(super) async fn note_suspended(tx: &mut Tx, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, NOTE_SUSPENDED, now.0)?;
    db::execute!(tx, NOTE_BACK).map(drop)
}

pub(super) async fn suspended_before(
    tx: &mut Tx,
    cutoff: UnixMillis,
    limit: u32,
) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, SUSPENDED_BEFORE, cutoff.0, i64::from(limit))?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
