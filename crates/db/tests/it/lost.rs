//! Shared commits on a PostgreSQL that goes away: everybody is answered, nothing that was acknowledged is lost, and work
//! goes on without a restart of this process.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cluster::{Cluster, Settings};
use db::{Bounds, Db, Error, Fault, Tx};
use tokio::{
    task::{JoinSet, yield_now},
    time::{sleep, timeout},
};

use crate::house::{House, Place, append};

db::statements! {
    OWN_PROCESS = { sqlite "SELECT 0", postgres "SELECT pg_backend_pid()::bigint" };
    // Waits until it has ended.
    END_PROCESS = { sqlite "SELECT $1", postgres "SELECT pg_terminate_backend($1::int, 10000)::int::bigint" };
    // Any statement that takes a while.
    SLEEP = { sqlite "SELECT 0", postgres "SELECT 0::bigint FROM pg_sleep(0.2)" };
    SLEEP_AND_FAIL = { sqlite "SELECT 0", postgres "SELECT 1::bigint / (count(*) - 1) FROM pg_sleep(0.2)" };
    HOLD = "UPDATE ledger SET step = 7 WHERE position = 1";
}

/// Writers under load.
const WRITERS: i64 = 16;
/// Lines that each of them writes after the server came back.
const AFTERWARDS: usize = 20;
/// How long a writer rests after it was refused.
const REST: Duration = Duration::from_millis(5);
/// Far longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(40);

async fn process(tx: &mut Tx) -> i64 {
    let (process,): (i64,) = db::fetch_one!(tx, OWN_PROCESS).unwrap();
    process
}

async fn end_process(db: &Db, process: i64) {
    let (is_ended,): (i64,) =
        db::fetch_one!(&mut db.glance().await.unwrap(), END_PROCESS, process).unwrap();
    assert_eq!(is_ended, 1);
}

async fn write(db: &Db, task: i64, step: i64) -> Result<(), Error> {
    let mut tx = db.write_shared().await?;
    append(&mut tx, task, step).await?;
    tx.commit().await
}

#[tokio::test]
async fn a_connection_that_was_lost_while_nobody_used_it_is_replaced() {
    let house = House::patient(Place::postgres().await).await;
    let mut tx = house.db.write_shared().await.unwrap();
    let lost = process(&mut tx).await;
    tx.commit().await.unwrap();
    end_process(&house.db, lost).await;
    write(&house.db, 1, 0).await.unwrap();
    let mut tx = house.db.write_shared().await.unwrap();
    assert_ne!(process(&mut tx).await, lost);
    tx.commit().await.unwrap();
    assert_eq!(house.ledger().await, [(1, 0)]);
}

#[tokio::test]
async fn a_connection_that_is_lost_in_a_group_takes_the_group_with_it_and_nothing_else() {
    let house = House::patient(Place::postgres().await).await;
    let mut first = house.db.write_shared().await.unwrap();
    append(&mut first, 1, 0).await.unwrap();
    let lost = process(&mut first).await;
    let db = house.db.clone();
    let second = tokio::spawn(async move {
        let mut tx = db.write_shared().await?;
        end_process(&db, lost).await;
        append(&mut tx, 2, 0).await?;
        tx.commit().await
    });
    yield_now().await;
    let db = house.db.clone();
    let third = tokio::spawn(async move { write(&db, 3, 0).await });
    yield_now().await;
    let refused = first.commit().await.unwrap_err();
    assert!(refused.is_outage(), "{refused:?}");
    let refused = second.await.unwrap().unwrap_err();
    assert!(refused.is_outage(), "{refused:?}");
    third.await.unwrap().unwrap();
    assert_eq!(house.ledger().await, [(3, 0)]);
}

#[tokio::test]
async fn a_statement_that_was_cut_off_harms_no_other() {
    let house = House::patient(Place::postgres().await).await;
    for (step, sql) in [&SLEEP, &SLEEP_AND_FAIL].into_iter().enumerate() {
        let step = i64::try_from(step).unwrap();
        let mut first = house.db.write_shared().await.unwrap();
        append(&mut first, 1, step).await.unwrap();
        let db = house.db.clone();
        let cut_off = tokio::spawn(async move {
            let mut tx = db.write_shared().await.unwrap();
            append(&mut tx, 2, step).await.unwrap();
            let slow = async { db::fetch_one!(&mut tx, *sql) as Result<(i64,), Error> };
            assert!(timeout(REST, slow).await.is_err());
            // It does not know how far it came.
            tx.commit().await
        });
        yield_now().await;
        let db = house.db.clone();
        let last = tokio::spawn(async move { write(&db, 3, step).await });
        yield_now().await;
        first.commit().await.unwrap();
        let refused = cut_off.await.unwrap().unwrap_err();
        assert!(matches!(refused, Error::Driver(Fault::Aborted)), "{refused:?}");
        last.await.unwrap().unwrap();
    }
    assert_eq!(house.ledger().await, [(1, 0), (3, 0), (1, 1), (3, 1)]);
}

#[tokio::test]
async fn a_part_that_waits_for_a_row_of_somebody_else_is_refused_alone() {
    let house = House::patient(Place::postgres().await).await;
    write(&house.db, 1, 0).await.unwrap();
    let mut holder = house.db.write().await.unwrap();
    db::execute!(&mut holder, HOLD).unwrap();
    let mut first = house.db.write_shared().await.unwrap();
    append(&mut first, 2, 0).await.unwrap();
    let db = house.db.clone();
    let waiting = tokio::spawn(async move {
        let mut tx = db.write_shared().await?;
        db::execute!(&mut tx, HOLD)?;
        tx.commit().await
    });
    yield_now().await;
    first.commit().await.unwrap();
    let refused = waiting.await.unwrap().unwrap_err();
    assert!(refused.is_outage(), "{refused:?}");
    holder.commit().await.unwrap();
    assert_eq!(house.ledger().await, [(1, 7), (2, 0)]);
}

/// What the writers know.
#[derive(Default)]
struct Known {
    acknowledged: Vec<(i64, i64)>,
    refused: Vec<(i64, i64)>,
    in_doubt: usize,
}

/// Writes line after line, until some were acknowledged after the server came back.
async fn keep_writing(db: Db, task: i64, is_back: Arc<AtomicBool>) -> Known {
    let (mut known, mut afterwards) = (Known::default(), 0);
    for step in 0.. {
        let was_back = is_back.load(Ordering::Acquire);
        match timeout(PATIENCE, write(&db, task, step)).await.expect("everybody is answered") {
            Ok(()) => {
                known.acknowledged.push((task, step));
                afterwards += usize::from(was_back);
            }
            Err(Error::Driver(Fault::InDoubt(_))) => known.in_doubt += 1,
            Err(error) => {
                assert!(error.is_outage(), "{error:?}");
                known.refused.push((task, step));
                sleep(REST).await;
            }
        }
        if afterwards == AFTERWARDS {
            break;
        }
    }
    known
}

/// Has writers write while `strike` does something to the server, and holds what they know against what is there.
async fn under_load(place: Place, strike: impl AsyncFnOnce(&Db)) {
    let house = House::at(place, Bounds::default()).await;
    let (mut writers, is_back) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for task in 0..WRITERS {
        writers.spawn(keep_writing(house.db.clone(), task, Arc::clone(&is_back)));
    }
    while house.ledger().await.len() < 100 {
        yield_now().await;
    }
    strike(&house.db).await;
    is_back.store(true, Ordering::Release);
    let known = writers.join_all().await;
    let lines = house.ledger().await;
    let stored: BTreeSet<_> = lines.iter().copied().collect();
    assert_eq!(stored.len(), lines.len(), "a line is there twice");
    let (mut in_doubt, mut acknowledged) = (0, 0);
    for known in &known {
        in_doubt += known.in_doubt;
        acknowledged += known.acknowledged.len();
        let lost: Vec<_> = known.acknowledged.iter().filter(|it| !stored.contains(it)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let kept: Vec<_> = known.refused.iter().filter(|it| stored.contains(it)).collect();
        assert!(kept.is_empty(), "refused and stored: {kept:?}");
    }
    assert!((acknowledged..=acknowledged + in_doubt).contains(&stored.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_restarted_under_load() {
    let cluster = Cluster::start(Settings::default()).await;
    let place = Place::Postgres(cluster.database().await);
    under_load(place, async |_| cluster.restart().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_dies_under_load() {
    let cluster = Cluster::start(Settings::default()).await;
    let place = Place::Postgres(cluster.database().await);
    under_load(place, async |_| {
        cluster.kill().await;
        cluster.start_again().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shared_connection_is_ended_again_and_again_under_load() {
    under_load(Place::postgres().await, async |db| {
        for _ in 0..10 {
            let Ok(mut tx) = db.write_shared().await else { continue };
            let process = process(&mut tx).await;
            drop(tx);
            end_process(db, process).await;
        }
    })
    .await;
}
