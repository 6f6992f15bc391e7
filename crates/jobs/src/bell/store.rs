//! Notifications of PostgreSQL.

use db::{Error, Tx};

/// Where dispatchers listen; [`NOTIFY`] names it too.
pub(super) const CHANNEL: &str = "motet_jobs";

db::statements! {
    NOTIFY = {
        // A file tells nobody.
        sqlite "SELECT 1 WHERE $1 IS NULL",
        postgres "SELECT pg_notify('motet_jobs', $1)"
    };
}

pub(super) async fn notify(tx: &mut Tx, from: &str) -> Result<(), Error> {
    db::execute!(tx, NOTIFY, from).map(drop)
}
