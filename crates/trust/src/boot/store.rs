//! The table `install_state`.

use db::{Error, Tx};

db::statements! {
    GET = "SELECT value FROM install_state WHERE key = $1";
    SET_FIRST = "INSERT INTO install_state (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
    SET_FROM = "UPDATE install_state SET value = $2 WHERE key = $1 AND value = $3";
}

pub(crate) async fn state(tx: &mut Tx, key: &str) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = db::fetch_optional!(tx, GET, key)?;
    Ok(row.map(|(value,)| value))
}

/// Puts `value` in the place of `before`; `false` if somebody else has put something there since.
pub(crate) async fn set_state_from(
    tx: &mut Tx,
    key: &str,
    before: Option<&str>,
    value: &str,
) -> Result<bool, Error> {
    let set = match before {
        None => db::execute!(tx, SET_FIRST, key, value)?,
        Some(before) => db::execute!(tx, SET_FROM, key, value, before)?,
    };
    Ok(set == 1)
}
