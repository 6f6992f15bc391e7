//! A database, a queue, a table of effects; and waits that end.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cluster::{Cluster, Database};
use db::Db;
use jobs::{Claimed, Dispatcher, Error, JobId, Kind, Listed, NewJob, Queue, Scheduled};
use names::{Clock, Random, UnixMillis};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use crate::store;

/// What tests call their work: the payload says which.
pub(crate) const WORK: Kind<String> = Kind::new("test.work");
/// When the stopped clock stands at first: 2026-03-28T12:00:00Z, the day before summer time in Europe.
pub(crate) const START: UnixMillis = UnixMillis(1_774_699_200_000);
/// Far more than anything here takes, so that only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// How long nothing happens in a process that is idle.
const CALM: Duration = Duration::from_millis(300);
/// Processes so far.
static HOUSES: AtomicU64 = AtomicU64::new(0);

/// Where a database is. It goes when this is dropped.
pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn postgres() -> Self {
        let migrate = |url: String| async move { Db::postgres(&url).await.unwrap().close().await };
        Self::Postgres(Cluster::shared().await.copy_of("migrated", migrate).await)
    }

    pub(crate) async fn open(&self) -> Db {
        match self {
            Self::Sqlite(dir) => Db::sqlite(&dir.path().join("motet.db")).await.unwrap(),
            Self::Postgres(database) => Db::postgres(&database.url).await.unwrap(),
        }
    }

    /// Whether an idle process looks at the database now and then.
    pub(crate) fn polls(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

/// A process: its own connections, its own queue.
#[derive(Clone)]
pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) queue: Queue,
}

impl House {
    /// A process on a stopped clock.
    pub(crate) async fn at(place: &Place) -> Self {
        Self::with(place, Clock::stopped_at(START)).await
    }

    /// Another process with the clock that is given.
    pub(crate) async fn with(place: &Place, clock: Clock) -> Self {
        let db = place.open().await;
        let mut tx = db.write().await.unwrap();
        store::create(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        // Processes do not share their chance: their ids would be the same.
        let random = Random::seeded(HOUSES.fetch_add(1, Ordering::Relaxed));
        let queue = Queue::new(db.clone(), clock.clone(), random);
        Self { db, clock, queue }
    }

    /// Pushes `job`, commits and rings; gives how many rows were added.
    pub(crate) async fn push(&self, job: NewJob) -> usize {
        self.push_all(vec![job]).await
    }

    pub(crate) async fn push_all(&self, jobs: Vec<NewJob>) -> usize {
        let mut tx = self.db.write().await.unwrap();
        let bell = self.queue.push_all(&mut tx, jobs).await.unwrap();
        tx.commit().await.unwrap();
        let added = bell.added();
        bell.ring();
        added
    }

    /// Retries a dead job, commits and rings.
    pub(crate) async fn retry(&self, id: JobId) -> Result<Listed, Error> {
        let mut tx = self.db.write().await.unwrap();
        let (job, bell) = self.queue.retry(&mut tx, id).await?;
        tx.commit().await.unwrap();
        bell.ring();
        Ok(job)
    }

    /// Forgets a dead job, and commits.
    pub(crate) async fn delete(&self, id: JobId) -> Result<(), Error> {
        let mut tx = self.db.write().await.unwrap();
        self.queue.delete(&mut tx, id).await?;
        tx.commit().await.unwrap();
        Ok(())
    }

    /// Switches a schedule on or off, commits and rings.
    pub(crate) async fn switch(&self, name: &str, is_enabled: bool) -> Result<Scheduled, Error> {
        let mut tx = self.db.write().await.unwrap();
        let (schedule, bell) = self.queue.enable_schedule(&mut tx, name, is_enabled).await?;
        tx.commit().await.unwrap();
        bell.ring();
        Ok(schedule)
    }

    pub(crate) async fn claim(&self, limit: usize) -> Vec<Claimed> {
        self.queue.claim(&[WORK.name()], limit).await.unwrap()
    }

    /// Claims the one job that is due.
    pub(crate) async fn claim_one(&self) -> Claimed {
        let mut claimed = self.claim(10).await;
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        claimed.remove(0)
    }

    pub(crate) async fn effects(&self) -> Vec<(String, i64)> {
        store::read(&mut self.db.glance().await.unwrap()).await.unwrap()
    }

    /// Moves the clock and has the dispatcher look at it.
    pub(crate) fn pass(&self, time: Duration) {
        self.clock.advance(time);
        self.queue.wake();
    }

    /// Waits until nothing was begun for a while.
    pub(crate) async fn idle(&self) {
        let begun = || self.db.transactions_begun();
        eventually("it is idle", async || {
            let before = begun();
            tokio::time::sleep(CALM).await;
            before == begun()
        })
        .await;
    }

    /// Waits until no job waits or runs.
    pub(crate) async fn settled(&self) {
        eventually("the queue is empty", async || {
            let counts = self.queue.counts().await.unwrap();
            counts.ready == 0 && counts.running == 0 && counts.posted == 0
        })
        .await;
    }
}

/// A job whose payload is `what`.
pub(crate) fn work(what: &str) -> NewJob {
    NewJob::new(WORK, &what.to_owned()).unwrap()
}

/// A dispatcher at work.
pub(crate) struct Shift {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Shift {
    pub(crate) fn start(dispatcher: Dispatcher) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(dispatcher.run(stop.clone()));
        Self { stop, task }
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        within(self.task).await.unwrap();
    }

    /// Cuts it off, as the end of the process would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(within(self.task).await.unwrap_err().is_cancelled());
    }
}

/// A dispatcher that writes down each job that it does.
pub(crate) fn scribe(house: &House) -> Dispatcher {
    let db = house.db.clone();
    Dispatcher::new(house.queue.clone()).on(WORK, move |job| {
        let db = db.clone();
        async move {
            let mut tx = db.write().await?;
            store::record(&mut tx, &job.payload, job.attempt).await?;
            Ok(tx)
        }
    })
}

/// Waits for something that will come.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it comes in time")
}

/// Waits until `holds`.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(GLANCE).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "not in time: {what}");
}

/// What is logged on this thread while this lives.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn listen() -> (Self, DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false);
        let guard = tracing::subscriber::set_default(subscriber.finish());
        (log, guard)
    }

    /// How many lines contain `words`.
    pub(crate) fn count(&self, words: &str) -> usize {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
