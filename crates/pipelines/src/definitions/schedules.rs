//! Schedules of current versions (`spec/work.md` 2, Schedules).
//!
//! A row for each, kept with the version that is current: what is paused, what was started last and what failed stays
//! with the name over versions.

use db::Tx;
use names::{Id, UnixMillis};
use pipelines_core::{
    definition::Schedule,
    name::{PipelineId, kinds::Run},
    schedule::{Missed, Timetable},
};
use trust::{
    Allowed, Publisher, act,
    audit::{Chain, Entry, Noted},
};

use super::{Key, settings, store};
use crate::{Error, Pipelines};

/// Fires that are told ahead.
const TOLD_FIRES: usize = 5;

/// A schedule as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scheduled {
    /// Its name.
    pub(crate) name: String,
    /// The five fields.
    pub(crate) cron: String,
    /// Whose clock they follow.
    pub(crate) zone: String,
    /// What happens with fires that nobody was there for.
    pub(crate) missed: Missed,
    /// When it fires next.
    pub(crate) next_at: Option<UnixMillis>,
    /// The run that it started last.
    pub(crate) last_run: Option<Id<Run>>,
    /// How many of its runs failed in a row.
    pub(crate) failures: u32,
    /// Whether it rests.
    pub(crate) is_paused: bool,
}

/// The word of it in rows and answers.
pub(crate) const fn missed_word(missed: Missed) -> &'static str {
    match missed {
        Missed::Skip => "skip",
        Missed::Latest => "latest",
        Missed::All => "all",
    }
}

impl Scheduled {
    /// The row of what a version says, which goes on from the one of that name before.
    pub(super) fn from(wanted: &Schedule, before: Option<&Self>, now: UnixMillis) -> Self {
        let same = before.filter(|it| it.cron == wanted.cron && it.zone == wanted.zone);
        Self {
            name: wanted.name.clone(),
            cron: wanted.cron.clone(),
            zone: wanted.zone.clone(),
            missed: wanted.missed,
            next_at: same.map_or_else(|| wanted.timetable.next_after(now), |it| it.next_at),
            last_run: before.and_then(|it| it.last_run),
            failures: before.map_or(0, |it| it.failures),
            is_paused: before.is_some_and(|it| it.is_paused),
        }
    }

    /// The next fires, from the one in the row on.
    pub(crate) fn fires(&self) -> Vec<UnixMillis> {
        let Ok(timetable) = Timetable::read(&self.cron, &self.zone) else { return Vec::new() };
        let first = self.next_at.filter(|_| !self.is_paused);
        std::iter::successors(first, |at| timetable.next_after(*at)).take(TOLD_FIRES).collect()
    }
}

impl Pipelines {
    /// Makes the rows of a pipeline those of `wanted`, and asks for the moment at which the first is due.
    pub(super) async fn keep(
        &self,
        tx: &mut Tx,
        key: Key<'_>,
        wanted: &[Schedule],
        now: UnixMillis,
    ) -> Result<(), Error> {
        let before = store::schedules(tx, key).await?;
        if before.is_empty() && wanted.is_empty() {
            return Ok(());
        }
        let of = |name: &str| before.iter().find(|it| it.name == name);
        let rows: Vec<_> = wanted.iter().map(|it| Scheduled::from(it, of(&it.name), now)).collect();
        store::remove_schedules(tx, key).await?;
        store::add_schedules(tx, key, &rows).await?;
        self.arm(tx, key, &rows, wanted).await
    }

    /// The schedules of a pipeline's current version, by name.
    pub(crate) async fn schedules(
        &self,
        allowed: &Allowed<act::PipelineRead, Publisher>,
        pipeline: &PipelineId,
    ) -> Result<Vec<Scheduled>, Error> {
        let key = Key { publisher: allowed.resource().organization.id, pipeline };
        let mut tx = self.0.ground.db.read().await?;
        store::find(&mut tx, key).await?.ok_or(Error::NotFound)?;
        Ok(store::schedules(&mut tx, key).await?)
    }

    /// Lets one rest, or go on from now: what it missed meanwhile was not wanted.
    pub(crate) async fn pause_schedule(
        &self,
        allowed: &Allowed<act::PipelineRegister, Publisher>,
        pipeline: &PipelineId,
        name: &str,
        is_paused: bool,
    ) -> Result<Scheduled, Error> {
        let publisher = allowed.resource();
        let key = Key { publisher: publisher.organization.id, pipeline };
        self.read_ahead(key, None).await?;
        let mut tx = self.0.ground.trust.begin_on_publisher(allowed).await?;
        let found = store::schedules(&mut tx, key).await?;
        let before = found.into_iter().find(|it| it.name == name).ok_or(Error::NotFound)?;
        if before.is_paused == is_paused {
            return Ok(before);
        }
        let mut after = Scheduled { is_paused, ..before };
        if !is_paused {
            let now = self.0.ground.clock.now();
            let timetable = Timetable::read(&after.cron, &after.zone);
            let timetable = timetable.map_err(db::Error::corrupt("pipeline_schedules.cron"))?;
            after.next_at = timetable.next_after(now);
            after.failures = 0;
        }
        store::set_schedule(&mut tx, key, &after).await?;
        let pinned = self.pinned(&mut tx, key.publisher, pipeline, None).await?;
        let of = pinned.as_ref().map_or(&[][..], |it| &it.definition.schedules);
        self.arm(&mut tx, key, std::slice::from_ref(&after), of).await?;
        let on = settings::on(publisher, pipeline);
        let entry = Entry::done(Noted::PublisherUpdated, allowed.actor(), on);
        let entry = entry.with("schedule", name).with("paused", is_paused);
        self.0.ground.trust.note(&mut tx, Chain::of(key.publisher), entry).await?;
        tx.commit().await?;
        Ok(after)
    }
}
