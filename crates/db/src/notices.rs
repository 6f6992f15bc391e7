//! What processes on one PostgreSQL tell each other. A file has one process, which tells itself in memory.

use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::{Db, Error, Pools};

/// What is notified on one channel, heard over a connection of its own.
#[derive(Debug)]
pub struct Notices(PgListener);

impl Db {
    /// Listens to `channel`; nothing on SQLite.
    pub async fn notices(&self, channel: &str) -> Result<Option<Notices>, Error> {
        let Pools::Postgres { options, .. } = &self.0.pools else { return Ok(None) };
        let own = PgPoolOptions::new().max_connections(1).acquire_timeout(self.0.bounds.acquire);
        let own = own.connect_lazy_with((**options).clone());
        let mut listener = PgListener::connect_with(&own).await?;
        listener.listen(channel).await?;
        Ok(Some(Notices(listener)))
    }
}

impl Notices {
    /// The next one. Nothing: the connection was made anew, and some may be missing.
    pub async fn next(&mut self) -> Result<Option<String>, Error> {
        let heard = self.0.try_recv().await?;
        Ok(heard.map(|heard| heard.payload().to_owned()))
    }
}
