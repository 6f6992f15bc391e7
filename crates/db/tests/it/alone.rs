//! Transactions that are one statement, between turns and among themselves: the same on both databases.
//!
//! Tests run on one thread: what was spawned has asked once the test has yielded.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use cluster::on_both;
use db::{Bounds, Db, Error, Fault};
use tokio::task::{JoinHandle, yield_now};

use crate::house::{House, Place, append, append_alone, fail, fail_alone};

db::statements! {
    PUT = "INSERT INTO ledger (position, task, step) VALUES ($1, $2, 0)";
    TASKS = "SELECT task, step FROM ledger ORDER BY task";
    MOVE = "UPDATE ledger SET step = $2 WHERE task <= $1";
}

/// A task that appends a line alone, and has asked when this returns.
async fn queued(db: &Db, task: i64) -> JoinHandle<Result<u64, Error>> {
    let db = db.clone();
    let handle = tokio::spawn(async move { append_alone(&db, task, 0).await });
    yield_now().await;
    handle
}

on_both! {
    async fn one_statement_is_durable_when_it_is_answered_and_says_what_it_changed(place: Place) {
        let house = House::patient(place).await;
        assert_eq!(append_alone(&house.db, 1, 0).await.unwrap(), 1);
        assert_eq!(house.ledger().await, [(1, 0)]);
        house.db.close().await;
        let again = house.place.open(Bounds::default()).await.unwrap();
        assert_eq!(crate::house::ledger(&again).await, [(1, 0)]);
    }
}

on_both! {
    async fn statements_and_turns_come_in_the_order_in_which_they_were_asked_for(place: Place) {
        let house = House::patient(place).await;
        let mut held = house.db.write_shared().await.unwrap();
        append(&mut held, 0, 0).await.unwrap();
        let mut tasks = Vec::new();
        for task in 1..=20 {
            if task % 3 == 0 {
                let db = house.db.clone();
                tasks.push(tokio::spawn(async move {
                    let mut tx = db.write_shared().await?;
                    append(&mut tx, task, 0).await?;
                    tx.commit().await.map(|()| 1)
                }));
                yield_now().await;
            } else {
                tasks.push(queued(&house.db, task).await);
            }
        }
        assert!(tasks.iter().all(|task| !task.is_finished()), "answered before it is durable");
        assert_eq!(house.ledger().await, [], "visible before it is durable");
        held.commit().await.unwrap();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), 1);
        }
        assert_eq!(house.ledger().await, (0..=20).map(|task| (task, 0)).collect::<Vec<_>>());
    }
}

on_both! {
    async fn a_statement_that_fails_is_undone_alone(place: Place) {
        let house = House::patient(place).await;
        let mut held = house.db.write_shared().await.unwrap();
        append(&mut held, 1, 0).await.unwrap();
        let before = queued(&house.db, 2).await;
        let db = house.db.clone();
        let failing = tokio::spawn(async move { fail_alone(&db, 3, 0).await });
        yield_now().await;
        let after = queued(&house.db, 4).await;
        held.commit().await.unwrap();
        before.await.unwrap().unwrap();
        assert!(failing.await.unwrap().is_taken());
        after.await.unwrap().unwrap();
        assert_eq!(house.ledger().await, [(1, 0), (2, 0), (4, 0)]);
    }
}

on_both! {
    async fn a_turn_that_fails_between_statements_takes_none_of_them_with_it(place: Place) {
        let house = House::patient(place).await;
        let mut held = house.db.write_shared().await.unwrap();
        append(&mut held, 1, 0).await.unwrap();
        let before = queued(&house.db, 2).await;
        let db = house.db.clone();
        let failing = tokio::spawn(async move {
            let mut tx = db.write_shared().await.unwrap();
            append(&mut tx, 3, 0).await.unwrap();
            fail(&mut tx, 3, 1).await
        });
        yield_now().await;
        let after = queued(&house.db, 4).await;
        held.commit().await.unwrap();
        before.await.unwrap().unwrap();
        assert!(failing.await.unwrap().is_taken());
        after.await.unwrap().unwrap();
        assert_eq!(house.ledger().await, [(1, 0), (2, 0), (4, 0)]);
    }
}

on_both! {
    async fn many_failures_among_statements_and_turns_leave_what_succeeded(place: Place) {
        let house = House::patient(place).await;
        let mut held = house.db.write_shared().await.unwrap();
        append(&mut held, 0, 0).await.unwrap();
        // More than there are savepoints.
        let mut tasks = Vec::new();
        for task in 1..=60 {
            let db = house.db.clone();
            tasks.push(tokio::spawn(async move {
                match task % 4 {
                    0 => drop(fail_alone(&db, task, 0).await),
                    1 => drop(append_alone(&db, task, 0).await.unwrap()),
                    2 => drop(fail(&mut db.write_shared().await.unwrap(), task, 0).await),
                    _ => {
                        let mut tx = db.write_shared().await.unwrap();
                        append(&mut tx, task, 0).await.unwrap();
                        tx.commit().await.unwrap();
                    }
                }
            }));
            yield_now().await;
        }
        held.commit().await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        let kept = (0..=60).filter(|task| *task == 0 || task % 2 == 1).map(|task| (task, 0));
        assert_eq!(house.ledger().await, kept.collect::<Vec<_>>());
    }
}

on_both! {
    async fn equal_statements_that_wait_together_are_answered_each_for_itself(place: Place) {
        let house = House::patient(place).await;
        let mut held = house.db.write_shared().await.unwrap();
        append(&mut held, 1, 0).await.unwrap();
        let (mut puts, mut moves) = (Vec::new(), Vec::new());
        // Every seventh takes a place that is taken: none, some and several of those that are run together.
        for place in 2..=100 {
            let db = house.db.clone();
            let taken = if place % 7 == 0 { 1 } else { place };
            puts.push(tokio::spawn(async move { db::execute_alone!(&db, PUT, taken, place) }));
        }
        for task in 0..40_i64 {
            let db = house.db.clone();
            moves.push(tokio::spawn(async move { db::execute_alone!(&db, MOVE, task, task) }));
        }
        yield_now().await;
        held.commit().await.unwrap();
        for (place, put) in (2..=100).zip(puts) {
            match put.await.unwrap() {
                Ok(rows) => assert!(rows == 1 && place % 7 != 0, "{place}"),
                Err(refused) => assert!(refused.is_taken() && place % 7 == 0, "{place}: {refused:?}"),
            }
        }
        let is_put = |task: &i64| *task == 1 || task % 7 != 0;
        for (task, moved) in (0..).zip(moves) {
            let before = (1..=task).filter(is_put).count();
            assert_eq!(moved.await.unwrap().unwrap(), u64::try_from(before).unwrap(), "{task}");
        }
        let rows: Vec<(i64, i64)> = db::fetch_all!(&mut house.db.glance().await.unwrap(), TASKS).unwrap();
        let expected = (1..=100_i64).filter(is_put).map(|task| (task, if task < 40 { 39 } else { 0 }));
        assert_eq!(rows, expected.collect::<Vec<_>>());
    }
}

on_both! {
    async fn who_stops_waiting_before_the_statement_began_writes_nothing(place: Place) {
        let house = House::patient(place).await;
        let mut held = house.db.write_shared().await.unwrap();
        append(&mut held, 1, 0).await.unwrap();
        {
            let mut impatient = pin!(append_alone(&house.db, 2, 0));
            let mut context = Context::from_waker(Waker::noop());
            assert!(matches!(impatient.as_mut().poll(&mut context), Poll::Pending));
        }
        let last = queued(&house.db, 3).await;
        held.commit().await.unwrap();
        last.await.unwrap().unwrap();
        assert_eq!(house.ledger().await, [(1, 0), (3, 0)]);
    }
}

on_both! {
    async fn who_is_told_that_its_turn_did_not_come_has_written_nothing(place: Place) {
        let bounds = Bounds { acquire: Duration::from_millis(50), ..Bounds::default() };
        let house = House::at(place, bounds).await;
        let mut held = house.db.write_shared().await.unwrap();
        append(&mut held, 1, 0).await.unwrap();
        let refused = append_alone(&house.db, 2, 0).await.unwrap_err();
        assert!(matches!(refused, Error::Driver(Fault::NoTurn { .. })), "{refused:?}");
        held.commit().await.unwrap();
        append_alone(&house.db, 3, 0).await.unwrap();
        assert_eq!(house.ledger().await, [(1, 0), (3, 0)]);
    }
}

on_both! {
    async fn a_closed_database_takes_no_statement(place: Place) {
        let house = House::patient(place).await;
        house.db.close().await;
        let refused = append_alone(&house.db, 1, 0).await.unwrap_err();
        assert!(matches!(refused, Error::Driver(Fault::Closed)), "{refused:?}");
    }
}
