//! Notifications of PostgreSQL.

use db::{Error, Tx};

/// Where engines listen; [`NOTIFY`] names it too.
pub(super) const CHANNEL: &str = "motet_work";

db::statements! {
    NOTIFY = {
        // A file tells nobody.
        sqlite "SELECT 1 WHERE $1 IS NULL",
        postgres "SELECT pg_notify('motet_work', $1)"
    };
}

pub(super) async fn notify(tx: &mut Tx, text: &str) -> Result<(), Error> {
    db::execute!(tx, NOTIFY, text).map(drop)
}
