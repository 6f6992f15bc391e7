//! What a process that died was doing, when it is known that it died.
//!
//! On PostgreSQL only the end of a lease tells that, because other processes may be alive. On SQLite one process at a
//! time has the data directory, so whoever starts finds leases of the dead alone, and need not wait for their end.

use crate::{Error, Queue};

mod store;

pub(crate) use store::STATEMENTS;

impl Queue {
    /// Makes what a dead process was doing due again; gives how many jobs that were. Their tries count, so that a job
    /// that kills its process cannot do it for ever. Does nothing on PostgreSQL.
    ///
    /// Only for who holds the data directory, before anybody works.
    pub async fn take_over(&self) -> Result<u64, Error> {
        let mut tx = self.db.write().await?;
        let freed = match tx.dialect() {
            db::Dialect::Postgres => return Ok(0),
            db::Dialect::Sqlite => store::free_all(&mut tx).await?,
        };
        tx.commit().await?;
        Ok(freed)
    }
}
