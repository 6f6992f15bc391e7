//! Group commit: many callers, one durable commit.
//!
//! A durable commit waits for the disk, and SQLite has one writer: one commit per caller would let the disk decide how
//! many callers a second there can be. So callers share commits: on SQLite whoever writes, on PostgreSQL who asks for
//! it ([`crate::Db::write_shared`]). One connection goes from caller to caller, in the order in which they asked, inside
//! one transaction:
//!
//! ```text
//!         a caller asks        its part ends, another waits        nobody waits, or the group is full
//!  idle ───────────────▶ open ───────────────────────────▶ part ──────────────────────────────────▶ COMMIT ─▶ idle
//! ```
//!
//! | step              | what the database is told                | what it is for                                 |
//! |-------------------|------------------------------------------|------------------------------------------------|
//! | open              | `BEGIN IMMEDIATE`, `SAVEPOINT part_0`    | take SQLite's one write lock now, not half-way   |
//! | a part was kept   | `SAVEPOINT part_1`, …                    | with the next part's first statement, if there is one |
//! | a part was undone | `ROLLBACK TO part_1`                     | the savepoint stands where the next part begins   |
//! | end               | `COMMIT`                                 | then every kept caller is answered                |
//!
//! One task, the keeper, opens the transaction and lends the connection to the first caller. A caller who calls
//! [`Turn::commit`] *keeps* its part and hands the connection to the next in the queue itself. The keeper gets it back
//! when nobody waits, when the group is full, or when a [`Turn`] was dropped without commit: an error, a panic and a
//! cancelled request look the same here. It *undoes* that part, lends to the next caller, and commits at the end. What
//! the keeper does is never cancelled, and what a caller does on the way never waits, so a caller that stops waiting
//! inside `commit` gives up its answer and nothing else. A part in which a statement failed or was cut off is never kept
//! ([`crate::Tx`] sees to it).
//!
//! The savepoint is moved without waiting for the answer: the connection does what it is sent in order, and a round
//! trip costs as much as a small part. Should the move fail, no savepoint has the next name, so the next
//! `ROLLBACK TO` fails too and cannot reach a part of somebody else.
//!
//! If one of these statements fails, nobody can say what the transaction still holds: all kept callers get the error,
//! and the connection is replaced. SQLite undoes a whole transaction by itself when the disk is full; the savepoint is
//! gone then, and the next of the statements above notices. On PostgreSQL the connection may end at any moment; when it
//! ends while a commit is under way, the kept callers are told that nobody knows ([`Fault::InDoubt`]).
//!
//! A transaction that is one statement ([`crate::execute_alone!`]) needs no turn: the keeper runs it itself, between two
//! turns, so the connection goes through no other hands. On SQLite it needs no savepoint either, because a statement
//! that fails undoes itself.
//!
//! Foreign keys must not be deferred (a test reads the migrations): they would fail at the shared commit.
//!
//! | file       | what is there                                                            |
//! |------------|--------------------------------------------------------------------------|
//! | `group.rs` | [`Writer`], which asks for a turn; [`Turn`], the part of one caller; the keeper |
//! | `alone.rs` | [`Alone`]: a part that is one statement                                     |
//! | `line.rs`  | [`Line`]: what goes from hand to hand, and who is next                       |
//! | `link.rs`  | [`Link`]: what the group asks of its connection, in the words of each database |

use std::{pin::pin, sync::Arc, time::Duration};

use sqlx::{ConnectOptions as _, Connection};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, mpsc, oneshot},
    time::timeout,
};

use crate::{Bounds, Error, Fault, error::Trouble};

mod alone;
mod line;
mod link;

use alone::Alone;
pub(crate) use line::GROUP_AGE;
use line::Line;
#[doc(hidden)]
pub use link::StatementOf;
pub(crate) use link::Link;

/// Callers that may wait for their turn; more wait for a place in the queue, under the same time limit.
const QUEUE: usize = 1_024;

/// Whom to lend the connection to.
type Caller<C> = oneshot::Sender<Result<Turn<C>, Error>>;
/// Whom to tell that its part is durable, and how many rows it changed.
type Answer = oneshot::Sender<Result<u64, Error>>;
/// The line in somebody's hand.
type Lent<C> = OwnedMutexGuard<Line<C>>;
/// What a connection is opened with.
type OptionsOf<C> = <C as Connection>::Options;

/// The way to the connection that callers share.
#[derive(Debug)]
pub(crate) struct Writer<C: Connection> {
    asks: mpsc::Sender<Ask<C>>,
    acquire: Duration,
}

#[derive(Debug)]
enum Ask<C: Connection> {
    Part(Part<C>),
    Close(oneshot::Sender<()>),
}

/// What somebody wants of the connection.
#[derive(Debug)]
enum Part<C: Connection> {
    /// To have it for a while.
    Turn(Caller<C>),
    /// One statement.
    Alone(Alone<C>),
}

impl<C: Connection> Part<C> {
    /// Whether whoever asked has stopped waiting.
    fn is_left(&self) -> bool {
        match self {
            Self::Turn(caller) => caller.is_closed(),
            Self::Alone(alone) => alone.is_left(),
        }
    }

    /// Tells whoever asked that it cannot be.
    fn refuse(self, error: Error) {
        match self {
            Self::Turn(caller) => drop(caller.send(Err(error))),
            Self::Alone(alone) => drop(alone.answer.send(Err(error))),
        }
    }
}

/// The shared connection, lent for one part. Dropping it undoes the part.
#[derive(Debug)]
pub(crate) struct Turn<C: Connection> {
    line: Lent<C>,
    rows: u64,
}

impl<C: Link> Writer<C> {
    /// Starts the keeper of `conn`, which was opened with `options`.
    pub(crate) fn start(conn: C, options: OptionsOf<C>, bounds: Bounds) -> Self {
        let (asks, queue) = mpsc::channel(QUEUE);
        let line = Arc::new(Mutex::new(Line::new(conn, queue, bounds.group_age)));
        let (acquire, stuck) = (bounds.acquire, bounds.stuck);
        tokio::spawn(Keeper { line, options, acquire, stuck }.run());
        Self { asks, acquire }
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) -> Result<Turn<C>, Error> {
        let asked = async {
            let (ask, granted) = oneshot::channel();
            self.asks.send(Ask::Part(Part::Turn(ask))).await.map_err(|_| Fault::Closed)?;
            granted.await.map_err(|_| Fault::Closed)?
        };
        let refused = |_| Error::from(Fault::NoTurn { waited: self.acquire });
        timeout(self.acquire, asked).await.map_err(refused)?
    }

    /// Runs one statement as a transaction of its own; gives the rows that it changed.
    pub(crate) async fn alone(&self, statement: StatementOf<C>) -> Result<u64, Error> {
        let (alone, durable, pledge) = Alone::new(statement);
        let mut durable = pin!(durable);
        let in_time = timeout(self.acquire, async {
            self.asks.send(Ask::Part(Part::Alone(alone))).await.map_err(|_| Fault::Closed)?;
            (&mut durable).await.map_err(|_| Fault::Closed)?
        });
        match in_time.await {
            Ok(outcome) => outcome,
            // Nobody has begun with it, and now nobody will.
            Err(_) if pledge.withdraw() => Err(Fault::NoTurn { waited: self.acquire }.into()),
            Err(_) => durable.await.map_err(|_| Fault::Closed)?,
        }
    }

    /// Lets everybody finish who has asked by now, and closes the connection.
    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.asks.send(Ask::Close(done)).await.is_ok() {
            // An error means that another call has closed it.
            let _closed = closed.await;
        }
    }
}

impl<C: Link> Turn<C> {
    pub(crate) fn connection_mut(&mut self) -> &mut C {
        self.line.touch()
    }

    pub(crate) fn note_changed(&mut self, rows: u64) {
        self.rows = self.rows.saturating_add(rows);
    }

    /// Remembers why a statement of the part failed.
    pub(crate) fn note_failed(&mut self, error: &sqlx::Error) {
        self.line.note_trouble(Trouble::of(error));
    }

    /// Ends the part, hands the connection on, and waits until the part is durable.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        let (answer, durable) = oneshot::channel();
        let Self { mut line, rows } = self;
        line.keep(answer, rows);
        // If nobody is next, whoever waits for the connection gets it: the keeper.
        drop(lend_to_next(line));
        durable.await.map_err(|_| Fault::Closed)?.map(drop)
    }
}

/// Hands the connection to whoever is next in this group; gives it back if nobody is, or nobody who wants to have it.
fn lend_to_next<C: Link>(mut line: Lent<C>) -> Option<Lent<C>> {
    while !line.has_failed()
        && let Some(caller) = line.next_turn()
    {
        line.begin_part();
        line = lend(line, caller)?;
    }
    Some(line)
}

/// Hands the connection to `caller`; gives it back if the caller no longer waits.
fn lend<C: Link>(line: Lent<C>, caller: Caller<C>) -> Option<Lent<C>> {
    let Err(Ok(Turn { mut line, .. })) = caller.send(Ok(Turn { line, rows: 0 })) else {
        return None;
    };
    line.forget_part();
    Some(line)
}

/// Opens and ends transactions.
#[derive(Debug)]
struct Keeper<C: Connection> {
    line: Arc<Mutex<Line<C>>>,
    options: OptionsOf<C>,
    /// How long a new connection may take.
    acquire: Duration,
    stuck: Duration,
}

impl<C: Link> Keeper<C> {
    async fn run(self) {
        let mut line = Arc::clone(&self.line).lock_owned().await;
        while let Some(part) = line.wait_for_part().await {
            line = self.group(line, part).await;
        }
        line.queue.close();
        let done = line.closing.take();
        drop(line);
        if let Some(line) = Arc::into_inner(self.line)
            && let Err(error) = line.into_inner().conn.close().await
        {
            tracing::warn!(%error, "the database did not close well");
        }
        if let Some(done) = done {
            let _told = done.send(());
        }
    }

    /// One transaction, from the caller who opens it to the last answer.
    async fn group(&self, mut line: Lent<C>, first: Part<C>) -> Lent<C> {
        if let Err(error) = self.open(&mut line).await {
            line.is_broken = true;
            first.refuse(error.into());
            return line;
        }
        line.put_first(first);
        let (mut line, outcome) = loop {
            match lend_to_next(line) {
                None => line = self.back().await,
                Some(mut lent) => match lent.next_alone() {
                    Some(alone) => {
                        lent.run_alone(alone).await;
                        line = lent;
                    }
                    None => {
                        let outcome = lent.commit().await;
                        break (lent, outcome);
                    }
                },
            }
            if let Err(error) = line.settle().await {
                break (line, Err(error.into()));
            }
        };
        line.end_group(&outcome);
        line
    }

    /// Begins a transaction, on a new connection if the last one failed.
    async fn open(&self, line: &mut Line<C>) -> Result<(), sqlx::Error> {
        if !line.is_broken {
            let opened = line.open().await;
            if opened.is_ok() || !C::MAY_GO_AWAY {
                return opened;
            }
        }
        let connect = timeout(self.acquire, self.options.connect());
        line.conn = connect.await.map_err(|_| sqlx::Error::PoolTimedOut)??;
        line.is_broken = false;
        line.open().await
    }

    /// Waits until the connection comes back.
    async fn back(&self) -> Lent<C> {
        let mut line = pin!(Arc::clone(&self.line).lock_owned());
        if let Ok(line) = timeout(self.stuck, &mut line).await {
            return line;
        }
        tracing::warn!("a write transaction does not end and holds up the others");
        line.await
    }
}

#[cfg(test)]
mod tests;
