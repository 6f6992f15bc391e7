//! Commit, undo, failed statements and waiting: the same on both databases.

use std::time::{Duration, Instant};

use cluster::on_both;
use db::{Bounds, Error, Fault};

use crate::house::{House, Place, append, fail};

/// One connection of each kind, and nobody waits long for it.
const NARROW: Bounds = Bounds {
    acquire: Duration::from_millis(50),
    sqlite_readers: 1,
    postgres_connections: 1,
    stuck: Duration::from_mins(1),
    group_age: Duration::from_millis(5),
};

on_both! {
    async fn what_was_committed_is_there_and_what_was_dropped_is_not(place: Place) {
        let house = House::at(place, Bounds::default()).await;
        for (step, is_kept) in [(1, true), (2, false), (3, true)] {
            let mut tx = house.db.write().await.unwrap();
            append(&mut tx, 0, step).await.unwrap();
            if is_kept {
                tx.commit().await.unwrap();
            }
        }
        assert_eq!(house.ledger().await, [(0, 1), (0, 3)]);
    }
}

on_both! {
    async fn after_a_failed_statement_nothing_is_taken_and_nothing_is_stored(place: Place) {
        let house = House::at(place, Bounds::default()).await;
        let mut tx = house.db.write().await.unwrap();
        append(&mut tx, 0, 1).await.unwrap();
        assert!(fail(&mut tx, 0, 2).await.is_taken());
        let refused = append(&mut tx, 0, 3).await.unwrap_err();
        assert!(matches!(refused, Error::Driver(Fault::Aborted)), "{refused:?}");
        let refused = tx.commit().await.unwrap_err();
        assert!(matches!(refused, Error::Driver(Fault::Aborted)), "{refused:?}");
        assert_eq!(house.ledger().await, []);
    }
}

on_both! {
    async fn a_transaction_that_reads_sees_one_state(place: Place) {
        let house = House::at(place, Bounds::default()).await;
        let mut reader = house.db.read().await.unwrap();
        let seen = crate::statements::count(&mut reader).await;
        let mut tx = house.db.write().await.unwrap();
        append(&mut tx, 0, 1).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!((seen, crate::statements::count(&mut reader).await), (0, 0));
        reader.commit().await.unwrap();
        assert_eq!(house.ledger().await.len(), 1);
    }
}

on_both! {
    async fn a_caller_who_finds_no_connection_is_told_in_time(place: Place) {
        let house = House::at(place, NARROW).await;
        let held = house.db.glance().await.unwrap();
        let asked = Instant::now();
        let refused = house.db.glance().await.unwrap_err();
        assert!(asked.elapsed() >= NARROW.acquire);
        assert!(matches!(refused, Error::Driver(Fault::NoConnection { .. })), "{refused:?}");
        assert_eq!(refused.to_string(), "no connection to the database became free within 50 ms");
        drop(held);
        house.db.probe().await.unwrap();
    }
}

on_both! {
    async fn a_task_that_asks_for_a_second_transaction_is_told_in_time(place: Place) {
        let house = House::at(place, NARROW).await;
        let mut held = house.db.write().await.unwrap();
        append(&mut held, 0, 1).await.unwrap();
        let refused = house.db.write().await.unwrap_err();
        assert!(
            matches!(refused, Error::Driver(Fault::NoTurn { .. } | Fault::NoConnection { .. })),
            "{refused:?}"
        );
        held.commit().await.unwrap();
        assert_eq!(house.ledger().await, [(0, 1)]);
    }
}

on_both! {
    async fn a_closed_database_says_so(place: Place) {
        let house = House::at(place, NARROW).await;
        house.db.close().await;
        house.db.close().await;
        for refused in [house.db.write().await, house.db.read().await, house.db.glance().await] {
            let refused = refused.unwrap_err();
            assert!(matches!(refused, Error::Driver(Fault::Closed)), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn a_task_may_open_write_and_read() {
    // That this compiles is the point: what a database does can be done in a task of its own.
    let task = tokio::spawn(async {
        let house = House::sqlite().await;
        let mut tx = house.db.write().await.unwrap();
        append(&mut tx, 0, 1).await.unwrap();
        tx.commit().await.unwrap();
        house.ledger().await
    });
    assert_eq!(task.await.unwrap(), [(0, 1)]);
}
