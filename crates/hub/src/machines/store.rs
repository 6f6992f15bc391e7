//! Repositories that anybody finds.

use db::{Error, Tx};
use uuid::Uuid;

macro_rules! found {
    () => {
        concat!(
            "repositories AS r JOIN resources AS s ON s.id = r.id WHERE ",
            trust::visible!(),
            " AND s.visibility = 'public' AND r.indexed = 1 AND r.pushed_at IS NOT NULL"
        )
    };
}

db::statements! {
    COUNT = (concat!("SELECT count(*) FROM ", found!()));
    PAGE = (concat!("
        SELECT s.owner_handle, r.name, r.pushed_at FROM ", found!(), " ORDER BY r.id LIMIT $2 OFFSET $3"));
}

/// How many there are.
pub(super) async fn count(tx: &mut Tx) -> Result<u64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, Uuid::nil())?;
    Ok(count.unsigned_abs())
}

/// Some of them in the order in which they were made: owner, name, when something was last pushed.
pub(super) async fn page(
    tx: &mut Tx,
    limit: u32,
    skip: u64,
) -> Result<Vec<(String, String, i64)>, Error> {
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    db::fetch_all!(tx, PAGE, Uuid::nil(), i64::from(limit), skip)
}
