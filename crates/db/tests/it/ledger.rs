//! Many tasks write at once, fail and give up at random points; what was acknowledged is there afterwards, what failed
//! is not, and every part saw exactly what was kept before it.

use std::{
    collections::BTreeSet,
    fs,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

use db::{Bounds, Db, Error, Fault};
use proptest::{collection::vec, prelude::*, test_runner::Config};
use tokio::task::JoinSet;

use crate::house::{House, Place, append, append_alone, fail, fail_alone, ledger};

/// What a task does in one transaction.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Commit,
    Leave,
    Fail,
    FailAndCommit,
    /// Gives up after being polled so often, wherever that is.
    Cancel {
        polls: u8,
    },
    /// A transaction that is one statement.
    Alone,
    FailAlone,
    CancelAlone {
        polls: u8,
    },
}

/// What a task knows of a line that it wrote.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Acknowledged,
    Failed,
    /// It stopped waiting for the answer.
    Unknown,
}

fn deeds() -> impl Strategy<Value = Vec<Vec<Deed>>> {
    let deed = prop_oneof![
        4 => Just(Deed::Commit),
        1 => Just(Deed::Leave),
        1 => Just(Deed::Fail),
        1 => Just(Deed::FailAndCommit),
        3 => (1..12_u8).prop_map(|polls| Deed::Cancel { polls }),
        4 => Just(Deed::Alone),
        1 => Just(Deed::FailAlone),
        2 => (1..6_u8).prop_map(|polls| Deed::CancelAlone { polls }),
    ];
    vec(vec(deed, 1..12), 1..12)
}

/// Polls `future` so often and drops it if it has not ended by then.
async fn within_polls<F: Future>(polls: u8, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

async fn write(db: &Db, task: i64, step: i64, is_committing: &AtomicBool) -> Result<(), Error> {
    let mut tx = db.write_shared().await?;
    append(&mut tx, task, step).await?;
    is_committing.store(true, Ordering::Relaxed);
    tx.commit().await
}

async fn act(db: &Db, deed: Deed, task: i64, step: i64) -> Fate {
    let is_committing = AtomicBool::new(false);
    match deed {
        Deed::Commit => {
            write(db, task, step, &is_committing).await.unwrap();
            Fate::Acknowledged
        }
        Deed::Cancel { polls } => {
            match within_polls(polls, write(db, task, step, &is_committing)).await {
                Some(outcome) => {
                    outcome.unwrap();
                    Fate::Acknowledged
                }
                None if is_committing.into_inner() => Fate::Unknown,
                None => Fate::Failed,
            }
        }
        Deed::Alone => {
            assert_eq!(append_alone(db, task, step).await.unwrap(), 1);
            Fate::Acknowledged
        }
        Deed::FailAlone => {
            assert!(fail_alone(db, task, step).await.is_taken());
            Fate::Failed
        }
        Deed::CancelAlone { polls } => {
            match within_polls(polls, append_alone(db, task, step)).await {
                Some(outcome) => {
                    assert_eq!(outcome.unwrap(), 1);
                    Fate::Acknowledged
                }
                None => Fate::Unknown,
            }
        }
        Deed::Leave | Deed::Fail | Deed::FailAndCommit => {
            let mut tx = db.write_shared().await.unwrap();
            append(&mut tx, task, step).await.unwrap();
            if !matches!(deed, Deed::Leave) {
                assert!(fail(&mut tx, task, step).await.is_taken());
            }
            if matches!(deed, Deed::FailAndCommit) {
                let refused = tx.commit().await.unwrap_err();
                assert!(matches!(refused, Error::Driver(Fault::Aborted)), "{refused:?}");
            }
            Fate::Failed
        }
    }
}

/// Runs every task, and holds what they know against what is in the file: as a crash would leave it, and after closing.
async fn hold(place: Place, deeds: Vec<Vec<Deed>>) {
    let house = House::patient(place).await;
    let mut tasks = JoinSet::new();
    for (task, deeds) in (0..).zip(deeds) {
        let db = house.db.clone();
        tasks.spawn(async move {
            let mut fates = Vec::new();
            for (step, deed) in (0..).zip(deeds) {
                fates.push(((task, step), act(&db, deed, task, step).await));
            }
            fates
        });
    }
    let fates: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    if let Place::Sqlite(dir) = &house.place {
        let crashed = tempfile::tempdir().unwrap();
        for file in ["motet.db", "motet.db-wal"] {
            fs::copy(dir.path().join(file), crashed.path().join(file)).unwrap();
        }
        check(&fates, &Place::Sqlite(crashed)).await;
    }
    house.db.close().await;
    check(&fates, &house.place).await;
}

async fn check(fates: &[((i64, i64), Fate)], place: &Place) {
    let db = place.open(Bounds::default()).await.unwrap();
    let lines = ledger(&db).await;
    let stored: BTreeSet<_> = lines.iter().copied().collect();
    assert_eq!(stored.len(), lines.len(), "a line is there twice");
    for (line, fate) in fates {
        match fate {
            Fate::Acknowledged => assert!(stored.contains(line), "{line:?} was acknowledged"),
            Fate::Failed => assert!(!stored.contains(line), "{line:?} failed"),
            Fate::Unknown => {}
        }
    }
    for task in fates.iter().map(|((task, _), _)| *task).collect::<BTreeSet<_>>() {
        let steps: Vec<_> = lines.iter().filter(|line| line.0 == task).map(|line| line.1).collect();
        assert!(steps.is_sorted(), "task {task} asked for one turn after another: {steps:?}");
    }
    db.close().await;
}

fn on_threads(threads: usize, test: impl Future<Output = ()>) {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.worker_threads(threads).enable_all().build().unwrap().block_on(test);
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    #[test]
    fn on_one_thread_what_was_acknowledged_is_there_and_what_failed_is_not(deeds in deeds()) {
        on_threads(1, hold(Place::sqlite(), deeds));
    }

    #[test]
    fn on_many_threads_what_was_acknowledged_is_there_and_what_failed_is_not(deeds in deeds()) {
        on_threads(4, hold(Place::sqlite(), deeds));
    }
}

proptest! {
    // Each makes a database of its own.
    #![proptest_config(Config { cases: 4, failure_persistence: None, ..Config::default() })]

    #[test]
    fn on_postgres_what_was_acknowledged_is_there_and_what_failed_is_not(deeds in deeds()) {
        on_threads(4, async { hold(Place::postgres().await, deeds).await });
    }
}

async fn abort_anywhere(place: Place) {
    let house = Arc::new(House::patient(place).await);
    for round in 0..200 {
        let db = house.db.clone();
        let task = tokio::spawn(async move {
            let mut tx = db.write_shared().await?;
            append(&mut tx, -1, round).await?;
            std::future::pending::<Result<(), Error>>().await
        });
        if round % 2 == 0 {
            tokio::task::yield_now().await;
        }
        task.abort();
        let mut tx = house.db.write_shared().await.unwrap();
        append(&mut tx, 0, round).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(house.ledger().await, (0..200).map(|round| (0, round)).collect::<Vec<_>>());
}

#[test]
fn on_sqlite_a_task_that_is_aborted_anywhere_leaves_nothing_behind() {
    on_threads(4, abort_anywhere(Place::sqlite()));
}

#[test]
fn on_postgres_a_task_that_is_aborted_anywhere_leaves_nothing_behind() {
    on_threads(4, async { abort_anywhere(Place::postgres().await).await });
}
