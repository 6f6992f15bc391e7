//! This crate's own statements.

use crate::{Error, Tx};

crate::statements! {
    // A table that is always there, so that a file which is gone or damaged is noticed.
    PROBE = "SELECT count(*) FROM install_state";
}

/// Reads something.
pub(crate) async fn probe(tx: &mut Tx) -> Result<(), Error> {
    let _rows: (i64,) = crate::fetch_one!(tx, PROBE)?;
    Ok(())
}
