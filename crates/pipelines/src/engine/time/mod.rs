//! The time by which claims live (`spec/work.md` 4, Time).
//!
//! It goes on evenly, so that a jump of the machine's clock ends no claim and no back-off; it begins with the machine's
//! clock or, where there may be other processes, with the database's, and never before what was stored.

mod store;

use std::time::Duration;

use db::{Db, Dialect, Tx};
use futures_util::{StreamExt as _, stream};
use names::{Clock, Steady, UnixMillis};
use pipelines_core::machine::What;

use super::{NotDone, Said, group::plain};
use crate::{Error, Pipelines};
pub(super) use store::STATEMENTS;

/// What live claims get at least after a time in which nobody was there.
const GRACE: Duration = Duration::from_mins(1);
/// How late claims end while somebody is there, at most: if one is overdue by more, nobody was.
const LATE: Duration = Duration::from_secs(2);
/// Runs that are told of the grace at once.
const AT_ONCE: usize = 256;
/// How old what is known of the database's clock may be.
const SYNCED_FOR: Duration = Duration::from_mins(1);

/// The time from which this process goes on.
pub(crate) async fn begin(db: &Db, clock: &Clock) -> Result<Steady, Error> {
    let now = match db.dialect() {
        Dialect::Sqlite => clock.now(),
        Dialect::Postgres => store::now(&mut db.glance().await?).await?,
    };
    let newest = store::newest(&mut db.glance().await?).await?;
    Ok(clock.steady(newest.map_or(now, |newest| now.max(newest))))
}

/// The database's time, where there may be other processes and what is known of it is old.
pub(super) async fn synced(
    tx: &mut Tx,
    clock: &Clock,
    age: Duration,
) -> Result<Option<Steady>, Error> {
    if tx.dialect() == Dialect::Sqlite || age < SYNCED_FOR {
        return Ok(None);
    }
    Ok(Some(clock.steady(store::now(tx).await?)))
}

impl Pipelines {
    /// Gives live claims a minute if nobody was there for a while: their holders could not be heard. On SQLite nobody was
    /// while this process was not; elsewhere a claim tells that should have ended.
    pub(crate) async fn give_grace(&self) -> Result<(), Error> {
        let (db, engine) = (&self.0.ground.db, &self.0.engine);
        let now = engine.now();
        let until = now.plus(GRACE);
        let short = store::short(&mut db.glance().await?, until).await?;
        let is_late = |(_, ends_at): &(_, UnixMillis)| ends_at.plus(LATE) < now;
        if db.dialect() == Dialect::Postgres && !short.iter().any(is_late) {
            return Ok(());
        }
        let give = async |(run, _)| {
            engine.happen(run, plain(What::Grace(until)), None, Said::default()).await
        };
        let mut given = stream::iter(short).map(give).buffer_unordered(AT_ONCE);
        while let Some(outcome) = given.next().await {
            if let Err(NotDone::Failed(error)) = outcome {
                return Err(*error);
            }
        }
        Ok(())
    }
}
