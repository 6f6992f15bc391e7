//! What happens by itself: a job for each due row of a run, which comes back to the engine when its time has come.
//!
//! The key of a job names the run, what is due, and when: a row that moves is another row. One whose moment has passed by,
//! because a claim was kept alive, is refused or arms itself again, as the state machine says.

use std::time::Duration;

use jobs::{Kind, NewJob, Priority};
use names::{Digest, UnixMillis};
use pipelines_core::{
    machine::{Due, Effect, Event, What},
    name::RunId,
};
use serde::{Deserialize, Serialize};

use crate::Error;

/// A due row of a run.
pub(crate) const DUE: Kind<DueRow> = Kind::new("pipelines.due");

/// What is due, of which run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DueRow {
    /// The run.
    pub(crate) run: RunId,
    /// What.
    pub(crate) due: Due,
}

impl DueRow {
    /// The key of its job.
    pub(super) fn key(&self, at: UnixMillis) -> String {
        let what = serde_json::to_vec(&self.due).unwrap_or_default();
        format!("work:{}:{}:{}", self.run, Digest::of(&what), at.0)
    }

    /// Its job: somebody may wait for what it sets free.
    pub(super) fn job(&self, at: UnixMillis) -> Result<NewJob, Error> {
        let job = NewJob::new(DUE, self)?;
        Ok(job.at(at).with_priority(Priority::High).unique(self.key(at)))
    }

    /// How long it is until its moment, if that has not come: then its job stays, as none of the same key can be added
    /// while it runs.
    pub(crate) fn left(
        &self,
        effects: &[Effect],
        run_at: UnixMillis,
        now: UnixMillis,
    ) -> Option<Duration> {
        let is_it = |it: &Effect| matches!(it, Effect::Due(due, at) if *due == self.due && *at == run_at && *at > now);
        effects.iter().any(is_it).then(|| run_at.since(now))
    }

    /// What happens to the run.
    pub(crate) fn event(&self, draw: u32) -> Event {
        let draw = pipelines_core::backoff::Draw::from_number(draw);
        Event { draw, what: What::Due(self.due.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use names::Id;

    use super::*;

    #[test]
    fn what_comes_early_stays_and_what_moved_is_another_row() {
        let row = DueRow { run: Id::from_uuid(uuid::Uuid::nil()), due: Due::RunDeadline };
        let effect = |at| [Effect::Due(Due::RunDeadline, UnixMillis(at))];
        let left = |at, run_at, now| row.left(&effect(at), UnixMillis(run_at), UnixMillis(now));
        assert_eq!(left(100, 100, 40), Some(Duration::from_millis(60)));
        assert_eq!(left(170, 100, 40), None);
        assert_eq!(left(100, 100, 100), None);
        assert_eq!(row.left(&[], UnixMillis(100), UnixMillis(40)), None);
    }
}
