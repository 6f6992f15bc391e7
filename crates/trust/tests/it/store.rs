//! What somebody does who reaches the database itself.

use db::{Error, Tx};
use uuid::Uuid;

db::statements! {
    SWAP_SEALED = "
        UPDATE signing_keys
           SET sealed_private = (SELECT o.sealed_private FROM signing_keys AS o WHERE o.kid = $2)
         WHERE kid = $1";
    COPY_SECRET = "
        UPDATE secrets
           SET sealed_dek = (SELECT o.sealed_dek FROM secrets AS o WHERE o.id = $2),
               sealed_value = (SELECT o.sealed_value FROM secrets AS o WHERE o.id = $2)
         WHERE id = $1";
    LET_UPDATE = {
        sqlite "DROP TRIGGER audit_events_stay",
        postgres "DROP TRIGGER audit_events_stay ON audit_events"
    };
    LET_DELETE = {
        sqlite "DROP TRIGGER audit_events_prefix",
        postgres "DROP TRIGGER audit_events_prefix ON audit_events"
    };
    EDIT = "UPDATE audit_events SET reason = 'because' WHERE seq = $1";
    EDIT_DETAIL = "UPDATE audit_events SET detail = $2 WHERE seq = $1";
    REHASH = "UPDATE audit_events SET hash = $2 WHERE seq = $1";
    RENUMBER = "UPDATE audit_events SET seq = $2 WHERE seq = $1";
    DELETE_ROW = "DELETE FROM audit_events WHERE seq = $1";
    CUT = "DELETE FROM audit_events WHERE seq > $1";
    PRUNE = "DELETE FROM audit_events WHERE seq = (SELECT min(e.seq) FROM audit_events AS e)";
    DELETE_HEADS = "DELETE FROM audit_heads";
    EDIT_HEAD = "UPDATE audit_heads SET time = time + 1";
    ERASE_PRIVATE = "DELETE FROM audit_private";
    COUNT_PRIVATE = "SELECT count(*) FROM audit_private WHERE event_id IS NOT NULL";
    // Both databases can say which columns refer to principals; SQLite says it in a table that can be read like others.
    NAMES_PRINCIPALS = "
        SELECT DISTINCT m.name FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f
         WHERE m.type = 'table' AND f.\"table\" IN ('principals', 'organizations') ORDER BY m.name";
    SEQS = "SELECT seq FROM audit_events WHERE chain = $1 ORDER BY seq";
}

/// Puts the sealed half of one key into the row of another.
pub(crate) async fn swap_sealed(tx: &mut Tx, into: &str, from: &str) -> Result<(), Error> {
    db::execute!(tx, SWAP_SEALED, into, from).map(drop)
}

/// Puts the sealed secret of one row into another.
pub(crate) async fn copy_secret(tx: &mut Tx, into: Uuid, from: Uuid) -> Result<u64, Error> {
    db::execute!(tx, COPY_SECRET, into, from)
}

/// Takes the guards of the table away.
pub(crate) async fn let_anything(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, LET_UPDATE)?;
    db::execute!(tx, LET_DELETE).map(drop)
}

pub(crate) async fn edit(tx: &mut Tx, seq: i64) -> Result<(), Error> {
    db::execute!(tx, EDIT, seq).map(drop)
}

pub(crate) async fn edit_detail(tx: &mut Tx, seq: i64, detail: &str) -> Result<(), Error> {
    db::execute!(tx, EDIT_DETAIL, seq, detail).map(drop)
}

pub(crate) async fn rehash(tx: &mut Tx, seq: i64, hash: &str) -> Result<(), Error> {
    db::execute!(tx, REHASH, seq, hash).map(drop)
}

/// Exchanges the numbers of two rows.
pub(crate) async fn swap(tx: &mut Tx, one: i64, other: i64) -> Result<(), Error> {
    for (from, to) in [(one, 1_000_000), (other, one), (1_000_000, other)] {
        db::execute!(tx, RENUMBER, from, to)?;
    }
    Ok(())
}

pub(crate) async fn delete(tx: &mut Tx, seq: i64) -> Result<(), Error> {
    db::execute!(tx, DELETE_ROW, seq).map(drop)
}

pub(crate) async fn cut(tx: &mut Tx, after: i64) -> Result<(), Error> {
    db::execute!(tx, CUT, after).map(drop)
}

/// Removes the first row.
pub(crate) async fn prune(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, PRUNE).map(drop)
}

pub(crate) async fn delete_heads(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, DELETE_HEADS).map(drop)
}

pub(crate) async fn edit_head(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, EDIT_HEAD).map(drop)
}

pub(crate) async fn erase_private(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, ERASE_PRIVATE).map(drop)
}

pub(crate) async fn count_private(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_PRIVATE)?;
    Ok(count)
}

pub(crate) async fn seqs(tx: &mut Tx, chain: Uuid) -> Result<Vec<i64>, Error> {
    let rows: Vec<(i64,)> = db::fetch_all!(tx, SEQS, chain)?;
    Ok(rows.into_iter().map(|(seq,)| seq).collect())
}

/// The tables that have a column with a principal.
pub(crate) async fn tables_that_name_principals(tx: &mut Tx) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = db::fetch_all!(tx, NAMES_PRINCIPALS)?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}
