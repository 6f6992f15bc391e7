//! What goes from hand to hand: the connection, who waits for it, and whom to answer after the commit.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use sqlx::Connection;

use super::{
    Answer, Ask, Caller, Part,
    alone::{Alone, Ran, TOGETHER, Texts},
    link::{Link, Mark},
};
use crate::{Fault, error::Trouble};

/// Callers that share a commit: far more than come together while one commit waits for the disk.
pub(super) const GROUP_CALLERS: usize = 512;
/// How long the first caller of a group waits at least for others that are already queued.
pub(crate) const GROUP_AGE: Duration = Duration::from_millis(5);
/// How long it waits at most, on a slow disk.
const GROUP_AGE_MAX: Duration = Duration::from_millis(50);
/// In between, it waits so many times as long as the last commit took: then the disk takes a fifth of the time at most.
const AGE_PER_COMMIT: u32 = 4;
/// Rows that one part should change at most: more hold up everybody else. Larger work is staged in chunks.
const PART_ROWS: u64 = 2_000;
/// How long one part should take at most, for the same reason.
const PART_TIME: Duration = Duration::from_millis(50);

/// The connection and what goes with it.
#[derive(Debug)]
pub(super) struct Line<C: Connection> {
    pub(super) conn: C,
    /// The connection must be replaced before it is used again.
    pub(super) is_broken: bool,
    pub(super) queue: mpsc::Receiver<Ask<C>>,
    pub(super) closing: Option<oneshot::Sender<()>>,
    /// Who comes before those in the queue.
    first: Option<Part<C>>,
    group: Group<Kept>,
    texts: Texts,
    /// How old a group may grow on a quick disk.
    least_age: Duration,
    /// How old a group may grow.
    group_age: Duration,
    /// When the part that is under way began.
    begun: Option<Instant>,
    /// The part that is under way has used the connection.
    is_touched: bool,
    /// The savepoint that stands.
    mark: Mark,
    /// Something was kept since the savepoint was set.
    is_past_mark: bool,
    /// What went wrong while the keeper did not look.
    failed: Option<sqlx::Error>,
    /// What a statement of this group met: it may have undone the whole transaction.
    trouble: Option<Trouble>,
}

/// Whom to answer after the commit, and the rows that its part changed.
#[derive(Debug)]
struct Kept {
    answer: Answer,
    rows: u64,
}

/// Why a group was not committed.
#[derive(Debug, Clone)]
pub(super) enum Failed {
    /// Nothing of it is stored.
    Undone(Arc<sqlx::Error>),
    /// Nobody knows.
    InDoubt(Arc<sqlx::Error>),
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Self::Undone(Arc::new(error))
    }
}

impl Failed {
    /// What the callers are told; `trouble` is what a statement of the group met before.
    fn fault(self, trouble: Option<Trouble>) -> Fault {
        match self {
            Self::Undone(error) => Fault::of_commit(error, trouble),
            Self::InDoubt(error) => Fault::InDoubt(error),
        }
    }
}

impl<C: Link> Line<C> {
    pub(super) fn new(conn: C, queue: mpsc::Receiver<Ask<C>>, least_age: Duration) -> Self {
        Self {
            conn,
            is_broken: false,
            queue,
            closing: None,
            first: None,
            group: Group::new(),
            texts: Texts::default(),
            least_age,
            group_age: least_age,
            begun: None,
            is_touched: false,
            mark: Mark::FIRST,
            is_past_mark: false,
            failed: None,
            trouble: None,
        }
    }

    /// Waits for somebody who wants something; nobody does once the database is closing.
    pub(super) async fn wait_for_part(&mut self) -> Option<Part<C>> {
        let mut part = self.first.take();
        while part.is_none() && self.closing.is_none() {
            let ask = self.queue.recv().await?;
            part = self.part(ask);
        }
        part
    }

    /// Lets `part` come next, before those in the queue.
    pub(super) fn put_first(&mut self, part: Part<C>) {
        self.first = Some(part);
    }

    /// Who comes next in this group, without waiting for anybody: if it wants to have the connection.
    pub(super) fn next_turn(&mut self) -> Option<Caller<C>> {
        match self.next()? {
            Part::Turn(caller) => Some(caller),
            alone @ Part::Alone(_) => {
                self.put_first(alone);
                None
            }
        }
    }

    /// Who comes next in this group: equal statements, as many as make a trip together; none, if a turn is wanted.
    pub(super) fn next_alone(&mut self) -> Vec<Alone<C>> {
        let most = if C::UNDOES_STATEMENTS { TOGETHER } else { 1 };
        let mut alone: Vec<Alone<C>> = Vec::new();
        while alone.len() < most
            && let Some(part) = self.next()
        {
            match part {
                Part::Alone(next) if alone.first().is_none_or(|first| first.is_like(&next)) => {
                    alone.push(next);
                }
                other => {
                    self.put_first(other);
                    break;
                }
            }
        }
        alone
    }

    fn next(&mut self) -> Option<Part<C>> {
        if self.first.is_some() {
            return self.first.take();
        }
        while self.closing.is_none() && !self.group.is_full(self.group_age, Instant::now()) {
            let ask = self.queue.try_recv().ok()?;
            if let Some(part) = self.part(ask) {
                return Some(part);
            }
        }
        None
    }

    /// What is wanted. One who has stopped waiting wants nothing.
    fn part(&mut self, ask: Ask<C>) -> Option<Part<C>> {
        match ask {
            Ask::Part(part) => (!part.is_left()).then_some(part),
            Ask::Close(done) => {
                self.closing = Some(done);
                None
            }
        }
    }

    /// Opens a transaction. Its first savepoint stands already.
    pub(super) async fn open(&mut self) -> Result<(), sqlx::Error> {
        (self.mark, self.is_past_mark, self.trouble) = (Mark::FIRST, false, None);
        self.conn.open().await
    }

    /// Begins the part of the next caller.
    pub(super) fn begin_part(&mut self) {
        (self.begun, self.is_touched) = (Some(Instant::now()), false);
    }

    /// The connection, for the part that is under way. Before its first statement the savepoint moves past what was
    /// kept, so that the part can be undone alone: then, and not earlier, because the two wake the connection's thread
    /// once when they are sent together.
    pub(super) fn touch(&mut self) -> &mut C {
        self.is_touched = true;
        if mem::take(&mut self.is_past_mark) {
            match self.conn.pass(self.mark) {
                Ok(()) => self.mark = self.mark.next(),
                Err(error) => self.failed = Some(error),
            }
        }
        &mut self.conn
    }

    /// Whether nobody can say any more what the transaction holds.
    pub(super) const fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Remembers why a statement failed.
    pub(super) fn note_trouble(&mut self, trouble: Option<Trouble>) {
        self.trouble = self.trouble.or(trouble);
    }

    /// Runs parts that are equal statements, and keeps them; one that fails is undone, and told at once.
    pub(super) async fn run_alone(&mut self, alone: Vec<Alone<C>>) {
        let begun = alone.into_iter().filter_map(Alone::begin);
        let (statements, answers): (Vec<_>, Vec<_>) = begun.unzip();
        let (mut left, mut answers) = (statements.as_slice(), answers.into_iter());
        while !left.is_empty() && self.failed.is_none() {
            // Few lengths, so that few texts are prepared.
            let together = left.get(..1 << left.len().ilog2()).unwrap_or(left);
            self.begin_part();
            if !C::UNDOES_STATEMENTS {
                self.touch();
            }
            let Ran { rows, failed } = self.conn.run(together, &mut self.texts).await;
            self.is_touched = true;
            let ended = rows.len() + usize::from(failed.is_some());
            for (rows, answer) in rows.into_iter().zip(answers.by_ref()) {
                self.keep(answer, rows);
            }
            if let Some(error) = failed {
                self.undo_alone(error, answers.next()).await;
            }
            left = left.get(ended..).unwrap_or_default();
        }
        // Where the transaction is no more, they are told with everybody else.
        answers.for_each(|answer| self.keep(answer, 0));
    }

    /// Undoes a statement that met `error`, and tells whoever asked for it.
    async fn undo_alone(&mut self, error: sqlx::Error, answer: Option<Answer>) {
        self.note_trouble(Trouble::of(&error));
        let undone = if C::UNDOES_STATEMENTS {
            self.conn.renew(self.mark).await
        } else {
            self.conn.undo(self.mark).await
        };
        (self.begun, self.failed) = (None, undone.err());
        if let Some(answer) = answer {
            let _told = answer.send(Err(error.into()));
        }
    }

    /// The part never began: whom it was for no longer waits.
    pub(super) fn forget_part(&mut self) {
        self.begun = None;
    }

    /// Ends the part that is under way, to be answered after the commit.
    pub(super) fn keep(&mut self, answer: Answer, rows: u64) {
        let now = Instant::now();
        let took = self.begun.take().map_or(Duration::ZERO, |begun| now - begun);
        if took > PART_TIME || rows > PART_ROWS {
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(took_ms, rows, "a write transaction held up the others");
        }
        self.is_past_mark |= self.is_touched;
        self.group.add(Kept { answer, rows }, now);
    }

    /// Undoes a part that was left without commit.
    pub(super) async fn settle(&mut self) -> Result<(), sqlx::Error> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.begun.take().is_some() && self.is_touched {
            self.conn.undo(self.mark).await?;
        }
        Ok(())
    }

    /// Makes durable what was kept.
    pub(super) async fn commit(&mut self) -> Result<(), Failed> {
        self.settle().await?;
        if self.group.answers.is_empty() {
            return Ok(self.conn.abandon().await?);
        }
        let started = Instant::now();
        match self.conn.commit().await {
            Err(error) if C::is_in_doubt(&error) => return Err(Failed::InDoubt(Arc::new(error))),
            outcome => outcome?,
        }
        self.group_age = age_after(started.elapsed(), self.least_age);
        Ok(())
    }

    /// Answers all who wait.
    pub(super) fn end_group(&mut self, outcome: &Result<(), Failed>) {
        let group = mem::replace(&mut self.group, Group::new());
        if let Err(Failed::Undone(error) | Failed::InDoubt(error)) = outcome {
            tracing::error!(%error, callers = group.answers.len(), "a shared commit failed");
            self.is_broken = true;
        }
        for Kept { answer, rows } in group.answers {
            let told = outcome.clone().map(|()| rows);
            let _told = answer.send(told.map_err(|failed| failed.fault(self.trouble).into()));
        }
    }
}

/// How old a group may grow when a commit takes `commit`.
pub(super) fn age_after(commit: Duration, least: Duration) -> Duration {
    commit.saturating_mul(AGE_PER_COMMIT).min(GROUP_AGE_MAX).max(least)
}

/// The callers of a group who wait for the commit.
#[derive(Debug)]
pub(super) struct Group<A> {
    answers: Vec<A>,
    waits_since: Option<Instant>,
}

impl<A> Group<A> {
    pub(super) const fn new() -> Self {
        Self { answers: Vec::new(), waits_since: None }
    }

    pub(super) fn add(&mut self, answer: A, now: Instant) {
        self.waits_since.get_or_insert(now);
        self.answers.push(answer);
    }

    /// Whether those who wait should not wait for yet another part.
    pub(super) fn is_full(&self, limit: Duration, now: Instant) -> bool {
        let is_old =
            |since: Instant| now.checked_duration_since(since).is_some_and(|age| age >= limit);
        self.answers.len() >= GROUP_CALLERS || self.waits_since.is_some_and(is_old)
    }
}
