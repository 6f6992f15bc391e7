//! Schedules fire (`spec/work.md` 2, Schedules).
//!
//! A job for each moment at which a schedule of a pipeline is due next. It starts the runs, moves `next_at` and asks for
//! the next one. A run that a fire starts bears the name of that fire: whoever fires it again, another process or the
//! same one after it was killed, finds the run that is there.

use std::{collections::BTreeMap, time::Duration};

use db::Tx;
use jobs::{Done, Failure, Kind, NewJob};
use names::{Digest, Handle, Id, UnixMillis};
use pipelines_core::{
    definition::Schedule,
    name::{PipelineId, RunId},
    schedule::Timetable,
};
use serde::{Deserialize, Serialize};
use trust::{
    Principal,
    audit::{Chain, Entry, Noted, On, Who},
};

use super::{Key, Pinned, schedules::Scheduled, store};
use crate::{
    Error, Pipelines,
    engine::{NotDone, Start},
};

/// Failed runs in a row after which a schedule rests.
const MAX_FAILURES: u32 = 5;

/// A schedule of a pipeline is due.
pub(crate) const FIRE: Kind<Fire> = Kind::new("pipelines.fire");

/// Of which pipeline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fire {
    publisher: Id<Principal>,
    pipeline: String,
}

/// What came of one schedule that was due.
struct Fired {
    before: Scheduled,
    after: Scheduled,
}

impl Fired {
    /// Whether it rests from now on, because its runs failed.
    fn gives_up(&self) -> bool {
        self.after.is_paused && !self.before.is_paused
    }
}

impl Pipelines {
    /// Asks for the moment at which the next of these schedules is due.
    pub(super) async fn arm(
        &self,
        tx: &mut Tx,
        key: Key<'_>,
        rows: &[Scheduled],
        of: &[Schedule],
    ) -> Result<(), Error> {
        let Key { publisher, pipeline } = key;
        let moments = rows.iter().filter_map(|it| due_at(key, it, of));
        let Some(at) = moments.min() else { return Ok(()) };
        let fire = Fire { publisher, pipeline: pipeline.to_string() };
        let unique = format!("pipelines.fire:{publisher}:{pipeline}:{}", at.0);
        let job = NewJob::new(FIRE, &fire)?.at(at).unique(unique);
        let bell = self.0.ground.queue.push(tx, job).await?;
        tx.hold(bell);
        Ok(())
    }

    /// Starts what is due of a pipeline.
    pub(crate) async fn fire_schedules(&self, fire: &Fire) -> Result<Done, Failure> {
        let pipeline: PipelineId = fire.pipeline.parse().map_err(Failure::give_up)?;
        let key = Key { publisher: fire.publisher, pipeline: &pipeline };
        let now = self.0.ground.clock.now();
        let mut tx = self.0.ground.db.read().await?;
        let rows = store::schedules(&mut tx, key).await?;
        let pinned = self.pinned(&mut tx, key.publisher, key.pipeline, None).await?;
        let whose = self.0.ground.trust.principal_of(&mut tx, key.publisher).await?;
        let handle = whose.filter(|it| it.is_active).map(|it| it.handle);
        let ended = store::last_states(&mut tx, key).await?;
        drop(tx);
        let (Some(pinned), Some(handle)) = (pinned, handle) else { return Ok(Done::default()) };
        let of = &pinned.definition.schedules;
        let is_due = |it: &Scheduled| due_at(key, it, of).is_some_and(|at| at <= now);
        let mut fired = Vec::new();
        for before in rows.into_iter().filter(is_due) {
            let state = ended.get(&before.name).map(String::as_str);
            fired.push(self.fire_one(&pinned, &handle, before, (state, now)).await?);
        }
        let mut tx = self.0.ground.db.write().await?;
        for Fired { before, after } in &fired {
            store::move_schedule(&mut tx, key, before, after).await?;
        }
        for it in fired.iter().filter(|it| it.gives_up()) {
            let on = On::new("pipeline", format!("{handle}/{pipeline}"));
            let entry = Entry::done(Noted::PublisherUpdated, Who::INSTALL, on);
            let entry = entry.with("schedule", it.after.name.as_str()).with("paused", true);
            let entry = entry.with("failures", it.after.failures);
            self.0.ground.trust.note(&mut tx, Chain::of(key.publisher), entry).await?;
        }
        let rows = store::schedules(&mut tx, key).await?;
        self.arm(&mut tx, key, &rows, of).await?;
        Ok(Done::with(tx))
    }

    async fn fire_one(
        &self,
        pinned: &Pinned,
        handle: &Handle,
        before: Scheduled,
        (state, now): (Option<&str>, UnixMillis),
    ) -> Result<Fired, Failure> {
        let Some(next) = before.next_at else {
            return Ok(Fired { after: before.clone(), before });
        };
        let timetable = Timetable::read(&before.cron, &before.zone).map_err(Failure::give_up)?;
        let (fires, next_at) = timetable.due(next, now, before.missed);
        let failures = match state {
            Some("failed" | "expired") => before.failures.saturating_add(1),
            Some("completed" | "cancelled") => 0,
            Some(_) | None => before.failures,
        };
        let mut after = Scheduled { next_at, failures, ..before.clone() };
        if failures >= MAX_FAILURES {
            after.is_paused = true;
        } else if !pinned.is_paused && !pinned.is_archived {
            for at in fires {
                let started = self.start_at(pinned, handle, &before.name, at).await?;
                after.last_run = started.or(after.last_run);
            }
        }
        Ok(Fired { before, after })
    }

    /// Starts the run of one fire; nothing where the pipeline lets no further one live.
    async fn start_at(
        &self,
        pinned: &Pinned,
        handle: &Handle,
        name: &str,
        at: UnixMillis,
    ) -> Result<Option<RunId>, Failure> {
        let schedules = &pinned.definition.schedules;
        let Some(schedule) = schedules.iter().find(|it| it.name == name) else { return Ok(None) };
        let start = Start {
            publisher: pinned.publisher,
            handle: handle.clone(),
            pipeline: pinned.pipeline.clone(),
            input: schedule.input.clone(),
            priority: None,
            external_id: Some(format!("schedule:{name}:{at}")),
            deadline: None,
            budgets: pinned.definition.budgets,
            by: None,
            stamp: None,
            starter: None,
            replay_of: None,
            copies: BTreeMap::new(),
            definition: pinned.definition.clone(),
            pinned_version: pinned.version,
            sha256: pinned.sha256,
        };
        match self.0.engine.start(start).await {
            Ok(started) => Ok(Some(started.run)),
            Err(NotDone::Failed(error)) => Err((*error).into()),
            Err(refused) => {
                tracing::info!(pipeline = %pinned.pipeline, schedule = name, %refused, "no run was started");
                Ok(None)
            }
        }
    }
}

/// When the next fire of a schedule is acted on: later by a part of its jitter, which is the same whoever asks.
fn due_at(key: Key<'_>, it: &Scheduled, of: &[Schedule]) -> Option<UnixMillis> {
    let next = it.next_at.filter(|_| !it.is_paused)?;
    let jitter = of.iter().find(|of| of.name == it.name).map_or(Duration::ZERO, |of| of.jitter);
    let seed = format!("{}/{}/{}/{}", key.publisher, key.pipeline, it.name, next.0);
    let draw = Digest::of(seed.as_bytes());
    let (first, _) = draw.as_bytes().split_first_chunk::<8>()?;
    let most = u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    Some(next.plus(Duration::from_millis(u64::from_be_bytes(*first) % most)))
}

#[cfg(test)]
mod tests {
    use pipelines_core::schedule::Missed;

    use super::*;

    #[test]
    fn a_fire_is_late_by_a_part_of_its_jitter_and_always_by_the_same() {
        let pipeline = "here".parse().unwrap();
        let key = Key { publisher: Id::from_uuid(uuid::Uuid::nil()), pipeline: &pipeline };
        let timetable = Timetable::read("0 5 * * *", "UTC").unwrap();
        let of = |jitter: Duration| Schedule {
            name: "daily".to_owned(),
            cron: "0 5 * * *".to_owned(),
            zone: "UTC".to_owned(),
            timetable: timetable.clone(),
            missed: Missed::Latest,
            jitter,
            input: serde_json::Value::Null,
        };
        let next = UnixMillis(1_000_000);
        let row = Scheduled::from(&of(Duration::ZERO), None, next);
        let row = Scheduled { next_at: Some(next), ..row };
        assert_eq!(due_at(key, &row, &[of(Duration::ZERO)]), Some(next));
        let minute = Duration::from_mins(1);
        let late = due_at(key, &row, &[of(minute)]).unwrap();
        assert!(late >= next && late <= next.plus(minute));
        assert_eq!(due_at(key, &row, &[of(minute)]), Some(late));
        assert_eq!(due_at(key, &Scheduled { is_paused: true, ..row }, &[of(minute)]), None);
    }
}
