//! Callers that wait until something happens to a run.
//!
//! What this process changes is heard; what another one changes is looked at now and then.

use std::time::Duration;

use db::Dialect;
use pipelines_core::name::RunId;
use tokio::{
    sync::broadcast,
    time::{Instant, timeout_at},
};

use crate::Door;

/// The longest wait, in seconds.
const MAX_WAIT: u64 = 60;
/// How late what another process did is seen.
const POLL: Duration = Duration::from_secs(5);

/// Somebody who waits.
pub(super) struct Waiting {
    run: RunId,
    changes: broadcast::Receiver<RunId>,
    until: Instant,
    dialect: Dialect,
}

impl Waiting {
    /// Listens from now on: what changes after the first look is heard.
    pub(super) fn of(door: &Door, run: RunId, seconds: u64) -> Self {
        let changes = door.pipelines.0.engine.listen();
        let until = Instant::now() + Duration::from_secs(seconds.min(MAX_WAIT));
        Self { run, changes, until, dialect: door.db().dialect() }
    }

    /// Waits until there may be something new; no if the time is over.
    pub(super) async fn goes_on(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.until {
            return false;
        }
        let look_again = match self.dialect {
            Dialect::Sqlite => self.until,
            Dialect::Postgres => self.until.min(now + POLL),
        };
        let (run, changes) = (self.run, &mut self.changes);
        let mine = async {
            // An error says that some were missed: then it is looked at too.
            while changes.recv().await.is_ok_and(|changed| changed != run) {}
        };
        // In time or not: it is looked at once more.
        let _in_time = timeout_at(look_again, mine).await;
        true
    }
}
