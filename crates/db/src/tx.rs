//! A transaction on either database.

use sqlx::{Postgres, Sqlite, Transaction, pool::PoolConnection};

use crate::Error;

/// Which SQL a transaction speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// One file, one writer.
    Sqlite,
    /// A server, row locks.
    Postgres,
}

/// A pooled connection on either database, outside any transaction.
#[derive(Debug)]
pub enum Conn {
    /// See [`Dialect::Sqlite`].
    Sqlite(PoolConnection<Sqlite>),
    /// See [`Dialect::Postgres`].
    Postgres(PoolConnection<Postgres>),
}

/// A transaction on either database; dropping it undoes what it did.
#[derive(Debug)]
pub enum Tx {
    /// See [`Dialect::Sqlite`].
    Sqlite(Transaction<'static, Sqlite>),
    /// See [`Dialect::Postgres`].
    Postgres(Transaction<'static, Postgres>),
    /// A connection for one read.
    Glance(Conn),
}

impl Tx {
    pub(crate) fn glance(conn: Conn) -> Self {
        Self::Glance(conn)
    }

    /// The SQL that this transaction speaks.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) | Self::Glance(Conn::Sqlite(_)) => Dialect::Sqlite,
            Self::Postgres(_) | Self::Glance(Conn::Postgres(_)) => Dialect::Postgres,
        }
    }

    /// Makes everything since [`crate::Db::write`] permanent: on disk when this returns.
    pub async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
            Self::Glance(_) => {}
        }
        Ok(())
    }
}
