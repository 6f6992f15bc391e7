//! The table `install_state`.

use db::{Error, Tx};

db::statements! {
    GET = "SELECT value FROM install_state WHERE key = $1";
    SET = "
        INSERT INTO install_state (key, value) VALUES ($1, $2)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value";
}

pub(crate) async fn state(tx: &mut Tx, key: &str) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = db::fetch_optional!(tx, GET, key)?;
    Ok(row.map(|(value,)| value))
}

pub(crate) async fn set_state(tx: &mut Tx, key: &str, value: &str) -> Result<(), Error> {
    db::execute!(tx, SET, key, value).map(drop)
}
