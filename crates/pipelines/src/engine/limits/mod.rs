//! How much anyone may have of the engine: over an hour, over a day, and at once (`spec/work.md` 5; 11, Load).
//!
//! What was had is counted in rows, so that a restart forgets nothing: a period is cut into twelve pieces, each of them one
//! row, and the thirteenth takes the place of the first. What is counted is so at least what lies within the last period,
//! and nobody ever has more in one than the number says. A group reads the rows of those whom it does not know yet in one
//! statement, and adds to all that have changed in another one. On SQLite memory is as the rows are; where other
//! processes write too, it is believed for a few seconds.
//!
//! | file       | what is there                                       |
//! |------------|-----------------------------------------------------|
//! | `mod.rs`   | [`Counts`], [`Quota`]; what a group asks and adds      |
//! | `store.rs` | the SQL                                             |

pub(crate) mod store;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use db::{Dialect, Tx};
use names::{Id, UnixMillis};
use pipelines_core::{
    machine::{Change, Counter, Effect, RunPhase, TaskPhase, What},
    name::ClaimId,
};
use trust::{Limits, Principal, limits::Rate};
use uuid::Uuid;

use super::{Asking, Doer, Happening, NotDone, Told, group::Group, run::Run};
use crate::Error;

/// Pieces of a period.
const PIECES: i64 = 12;
/// Counts that are held in memory: at about half a kilobyte each, some fifteen megabytes. Beyond it all are read anew.
const HELD: usize = 30_000;
/// How long memory is believed where other processes count too.
const FRESH: Duration = Duration::from_secs(5);
/// When to come back where only an end of something helps.
const LATER: Duration = Duration::from_secs(10);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Counted {
    /// Tasks that were claimed with a credential.
    Claims,
    /// Bytes of results that were handed in with one.
    ResultBytes,
    /// Runs of a publisher that have not ended.
    OpenRuns,
    /// Its tasks that have not.
    OpenTasks,
}

impl Counted {
    /// The word in rows.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Claims => "claims",
            Self::ResultBytes => "result_bytes",
            Self::OpenRuns => "open_runs",
            Self::OpenTasks => "open_tasks",
        }
    }

    const fn rate(self) -> Rate {
        match self {
            Self::Claims => Rate::Claims,
            Self::ResultBytes => Rate::ResultBytes,
            Self::OpenRuns => Rate::OpenRuns,
            Self::OpenTasks => Rate::OpenTasks,
        }
    }

    const fn told(self) -> &'static str {
        match self {
            Self::Claims => "tasks that one token claims in an hour",
            Self::ResultBytes => "bytes of results that one token hands in within a day",
            Self::OpenRuns => "runs of the publisher that have not ended",
            Self::OpenTasks => "tasks of the publisher that have not ended",
        }
    }
}

impl std::str::FromStr for Counted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Claims, Self::ResultBytes, Self::OpenRuns, Self::OpenTasks];
        let found = all.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is not counted"))
    }
}

/// Somebody has had as much as there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{most} are the most {}; come back in {} s", .of.told(), .wait.as_secs())]
pub(crate) struct Quota {
    of: Counted,
    most: u64,
    /// When to come back; at least a second.
    pub(crate) wait: Duration,
}

/// Whose, and what of it.
pub(crate) type Holder = (Uuid, Counted);

/// What was counted for one holder, by pieces of the period.
#[derive(Debug, Clone)]
struct Tally {
    pieces: BTreeMap<i64, i64>,
    read_at: UnixMillis,
}

/// A moment, as the pieces of one period see it.
#[derive(Debug, Clone, Copy)]
struct Piece {
    length_ms: i64,
    number: i64,
}

impl Piece {
    fn at(period: Duration, now: UnixMillis) -> Self {
        let whole = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
        let length_ms = (whole / PIECES).max(0);
        let number = if length_ms == 0 { 0 } else { now.0.div_euclid(length_ms) };
        Self { length_ms, number }
    }

    /// The first piece that still counts.
    const fn first(self) -> i64 {
        if self.length_ms == 0 { 0 } else { self.number - PIECES }
    }

    /// Which of the thirteen rows it is. What is open at once lies in any of them: processes that count for one publisher
    /// seldom wait for each other.
    fn row(self, any: u8) -> i64 {
        let number = if self.length_ms == 0 { any.into() } else { self.number };
        number.rem_euclid(PIECES + 1)
    }
}

impl Tally {
    fn sum(&self, now: Piece) -> i64 {
        self.pieces.range(now.first()..).map(|(_, used)| used).sum()
    }

    /// How long until less than `most` is counted.
    fn wait(&self, most: u64, at: Piece, now: UnixMillis) -> Duration {
        if at.length_ms == 0 {
            return LATER;
        }
        let mut left = self.sum(at);
        for (number, used) in self.pieces.range(at.first()..) {
            left -= used;
            if u64::try_from(left).unwrap_or(0) < most {
                let leaves = (number + PIECES + 1).saturating_mul(at.length_ms);
                return UnixMillis(leaves).since(now).max(Duration::from_secs(1));
            }
        }
        LATER
    }
}

/// What was had, as far as this process knows it, and what a group adds.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    known: HashMap<Holder, Tally>,
    added: BTreeMap<Holder, i64>,
}

impl Counts {
    /// Makes known what these have had.
    pub(crate) async fn learn(
        &mut self,
        tx: &mut Tx,
        holders: impl IntoIterator<Item = Holder>,
        now: UnixMillis,
    ) -> Result<(), Error> {
        let is_shared = tx.dialect() == Dialect::Postgres;
        let is_fresh = |it: &Tally| !is_shared || it.read_at.plus(FRESH) > now;
        let missing: BTreeSet<_> =
            holders.into_iter().filter(|it| !self.known.get(it).is_some_and(is_fresh)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        if self.known.len() + missing.len() > HELD {
            self.known.clear();
        }
        let fresh = missing.iter().map(|it| (*it, Tally { pieces: BTreeMap::new(), read_at: now }));
        self.known.extend(fresh);
        for (holder, piece, used) in store::read(tx, &missing).await? {
            if let Some(tally) = self.known.get_mut(&holder) {
                *tally.pieces.entry(piece).or_default() += used;
            }
        }
        Ok(())
    }

    /// How much a holder, who is known, may have yet; or when there is some again.
    fn left(&self, holder: Holder, limits: &Limits, now: UnixMillis) -> Result<u64, Quota> {
        let quota = limits.quota(holder.1.rate());
        let at = Piece::at(quota.period, now);
        let known = self.known.get(&holder);
        let sum = known.map_or(0, |it| it.sum(at)) + self.added.get(&holder).unwrap_or(&0);
        let left = quota.count.saturating_sub(u64::try_from(sum).unwrap_or(0));
        if left > 0 {
            return Ok(left);
        }
        let wait = known.map_or(LATER, |it| it.wait(quota.count, at, now));
        Err(Quota { of: holder.1, most: quota.count, wait })
    }

    fn add(&mut self, holder: Holder, number: i64) {
        *self.added.entry(holder).or_default() += number;
    }

    /// Writes what was added; last of all in a transaction, as every group of a publisher comes by the same rows.
    pub(super) async fn write(
        &self,
        tx: &mut Tx,
        (limits, any): (&Limits, u8),
        now: UnixMillis,
    ) -> Result<(), Error> {
        let row = |(holder, number): (&Holder, &i64)| {
            let at = Piece::at(limits.quota(holder.1.rate()).period, now);
            (*number != 0).then(|| (holder.0, holder.1.as_str(), at.row(any), at.number, *number))
        };
        let rows: Vec<_> = self.added.iter().filter_map(row).collect();
        Ok(store::add(tx, &rows).await?)
    }

    /// It is written: what is known follows.
    pub(super) fn settled(&mut self, limits: &Limits, now: UnixMillis) {
        for (holder, number) in std::mem::take(&mut self.added) {
            let at = Piece::at(limits.quota(holder.1.rate()).period, now);
            let Some(tally) = self.known.get_mut(&holder) else { continue };
            *tally.pieces.entry(at.number).or_default() += number;
            tally.pieces.retain(|number, _| *number >= at.first());
        }
    }
}

impl Group<'_> {
    fn limits(&self) -> &Limits {
        self.pipelines.0.ground.trust.limits()
    }

    /// Refuses a publisher of whom as much is open as may be.
    pub(super) async fn check_room(&mut self, publisher: Id<Principal>) -> Result<(), NotDone> {
        for of in [Counted::OpenRuns, Counted::OpenTasks] {
            let holder = (publisher.uuid(), of);
            self.counts.learn(&mut self.tx, [holder], self.now).await?;
            self.counts.left(holder, self.limits(), self.now).map_err(NotDone::Quota)?;
        }
        Ok(())
    }

    /// How many tasks a caller may claim yet.
    pub(super) async fn claims_left(
        &mut self,
        asking: &Asking,
    ) -> Result<Result<usize, Quota>, Error> {
        let holder = (asking.credential(), Counted::Claims);
        self.counts.learn(&mut self.tx, [holder], self.now).await?;
        let left = self.counts.left(holder, self.limits(), self.now);
        Ok(left.map(|it| usize::try_from(it).unwrap_or(usize::MAX)))
    }

    /// So many tasks were claimed.
    pub(super) fn count_claims(&mut self, asking: &Asking, claims: usize) {
        let claims = i64::try_from(claims).unwrap_or(i64::MAX);
        self.counts.add((asking.credential(), Counted::Claims), claims);
    }

    /// A run is open from now on.
    pub(super) fn count_run(&mut self, publisher: Id<Principal>) {
        self.counts.add((publisher.uuid(), Counted::OpenRuns), 1);
    }

    /// A change opens something, or ends it.
    pub(super) fn count_open(&mut self, publisher: Id<Principal>, change: &Change) {
        let (of, number) = match change {
            Change::Run { phase, .. } if RunPhase::is_terminal(*phase) => (Counted::OpenRuns, -1),
            Change::Inserted { .. } => (Counted::OpenTasks, 1),
            Change::Task { phase, .. } if TaskPhase::is_terminal(*phase) => {
                (Counted::OpenTasks, -1)
            }
            _ => return,
        };
        self.counts.add((publisher.uuid(), of), number);
    }

    /// Lets something happen to a run that is at hand; refused for whoever has handed in as much as may be in a day.
    pub(super) async fn happen_within_limits(
        &mut self,
        happening: &Happening,
    ) -> Result<Told, NotDone> {
        let Happening { run, event, at, by, said } = happening;
        match &event.what {
            What::Submit { claim, .. } => {
                let is_live = |run: &Run| run.state.live_claims().any(|(id, _)| id == claim);
                let counts = self.runs.get(*run).is_some_and(is_live);
                let holder = by.credential.map(|it| (it, Counted::ResultBytes));
                // What was judged before is told again to whoever asks.
                if let Some(holder) = holder.filter(|_| counts) {
                    self.counts.learn(&mut self.tx, [holder], self.now).await?;
                    self.counts.left(holder, self.limits(), self.now).map_err(NotDone::Quota)?;
                }
                let told = self.happen(*run, (event, *at), by.id, said).await?;
                self.count_bytes(by, &told);
                Ok(told)
            }
            What::Undelivered(claim) => {
                let holder = self.holder_of(happening, *claim);
                let told = self.happen(*run, (event, *at), by.id, said).await?;
                if let Some(holder) = holder {
                    self.counts.add((holder, Counted::Claims), -1);
                }
                Ok(told)
            }
            _ => self.happen(*run, (event, *at), by.id, said).await,
        }
    }

    fn count_bytes(&mut self, by: &Doer, told: &Told) {
        let bytes = told.effects.iter().map(|effect| match effect {
            Effect::Count(Counter::ResultBytes, bytes) => *bytes,
            _ => 0,
        });
        let bytes = i64::try_from(bytes.sum::<u64>()).unwrap_or(i64::MAX);
        if let Some(credential) = by.credential.filter(|_| bytes > 0) {
            self.counts.add((credential, Counted::ResultBytes), bytes);
        }
    }

    /// What a claim was asked for with.
    fn holder_of(&self, happening: &Happening, claim: ClaimId) -> Option<Uuid> {
        let run = self.runs.get(happening.run)?;
        let agent = run.state.claims.get(&claim)?.agent.uuid();
        Some(run.tokens.get(&claim).copied().unwrap_or(agent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const PIECE: i64 = 300_000;

    fn tally(pieces: &[(i64, i64)]) -> Tally {
        Tally { pieces: pieces.iter().copied().collect(), read_at: UnixMillis(0) }
    }

    /// W69: the rule alone.
    #[test]
    fn no_hour_ever_holds_more_than_the_number() {
        let it = tally(&[(100, 400), (106, 200)]);
        // A claim at the very end of piece 100 counts until an hour later, whenever in a piece that is.
        let then = 101 * PIECE - 1;
        for (later, wanted) in
            [(0, 600), (11 * PIECE, 600), (12 * PIECE, 600), (12 * PIECE + 1, 200)]
        {
            let now = UnixMillis(then + later);
            assert_eq!(it.sum(Piece::at(HOUR, now)), wanted, "{later}");
        }
    }

    #[test]
    fn whoever_waits_as_told_finds_some() {
        let it = tally(&[(100, 400), (106, 200)]);
        let now = UnixMillis(107 * PIECE);
        let at = Piece::at(HOUR, now);
        let wait = it.wait(600, at, now);
        let then = now.plus(wait);
        assert_eq!(it.sum(Piece::at(HOUR, then)), 200);
        assert_eq!(it.sum(Piece::at(HOUR, UnixMillis(then.0 - 1))), 600);
        // Of fewer than the older piece holds, the later one is waited for.
        assert!(it.wait(100, at, now) > wait);
    }

    #[test]
    fn thirteen_rows_hold_a_period_and_its_next_piece() {
        let rows: BTreeSet<_> =
            (0..13).map(|it| Piece::at(HOUR, UnixMillis(it * PIECE)).row(7)).collect();
        assert_eq!(rows.len(), 13);
        let (first, next) = (UnixMillis(0), UnixMillis(13 * PIECE));
        assert_eq!(Piece::at(HOUR, first).row(7), Piece::at(HOUR, next).row(8));
    }

    #[test]
    fn what_is_open_at_once_has_no_time_and_lies_anywhere() {
        let at = Piece::at(Duration::ZERO, UnixMillis(1_000_000));
        assert_eq!((at.number, at.first()), (0, 0));
        assert!((0..=u8::MAX).all(|any| (0..13).contains(&at.row(any))));
        assert_eq!(tally(&[(0, 7)]).sum(at), 7);
    }
}
