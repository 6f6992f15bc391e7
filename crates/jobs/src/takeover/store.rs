//! The `jobs` table, for a process that starts.

use db::{Error, Tx};

db::statements! {
    FREE_ALL = "UPDATE jobs SET state = 'ready', lease_ends = NULL WHERE state = 'running'";
}

/// Ends every lease.
pub(super) async fn free_all(tx: &mut Tx) -> Result<u64, Error> {
    db::execute!(tx, FREE_ALL)
}
