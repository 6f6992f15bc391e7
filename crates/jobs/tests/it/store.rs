//! The table of effects: what handlers did, each line with the try that did it.

use db::{Error, Tx};

db::statements! {
    CREATE = "CREATE TABLE IF NOT EXISTS effects (what TEXT NOT NULL, attempt BIGINT NOT NULL)";
    RECORD = "INSERT INTO effects (what, attempt) VALUES ($1, $2)";
    READ = "SELECT what, attempt FROM effects ORDER BY what, attempt";
    BREAK_SCHEDULE = "UPDATE schedules SET cron = 'whenever' WHERE name = $1";
    CLEAR = "DELETE FROM jobs";
}

pub(crate) async fn create(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, CREATE).map(drop)
}

pub(crate) async fn record(tx: &mut Tx, what: &str, attempt: u32) -> Result<(), Error> {
    db::execute!(tx, RECORD, what, i64::from(attempt)).map(drop)
}

pub(crate) async fn read(tx: &mut Tx) -> Result<Vec<(String, i64)>, Error> {
    db::fetch_all!(tx, READ)
}

pub(crate) async fn break_schedule(tx: &mut Tx, name: &str) -> Result<(), Error> {
    db::execute!(tx, BREAK_SCHEDULE, name).map(drop)
}

pub(crate) async fn clear(tx: &mut Tx) -> Result<(), Error> {
    db::execute!(tx, CLEAR).map(drop)
}
