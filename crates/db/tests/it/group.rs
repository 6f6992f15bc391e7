//! Turns and shared commits, one situation a test: the same on both databases.
//!
//! Tests run on one thread: what was spawned has asked for its turn once the test has yielded.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use cluster::on_both;
use db::{Bounds, Db, Error, Fault, Tx};
use tokio::task::{JoinHandle, yield_now};

use crate::house::{House, Log, Place, append, fail};

db::statements! {
    // No table of ours may be like this: the violation comes out at the shared commit.
    PROMISES = "
        CREATE TABLE promises (
            id BIGINT PRIMARY KEY, other BIGINT REFERENCES promises (id) DEFERRABLE INITIALLY DEFERRED)";
    BREAK = "INSERT INTO promises (id, other) VALUES (1, 2)";
}

/// Whether `future` has to wait.
fn is_pending<F: Future>(future: &mut Pin<Box<F>>) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    matches!(future.as_mut().poll(&mut context), Poll::Pending)
}

async fn begin(db: &Db, task: i64) -> Tx {
    let mut tx = db.write_shared().await.unwrap();
    append(&mut tx, task, 0).await.unwrap();
    tx
}

/// A task that appends a line and commits, and has asked for its turn when this returns.
async fn queued(db: &Db, task: i64) -> JoinHandle<Result<(), Error>> {
    let db = db.clone();
    let handle = tokio::spawn(async move {
        let mut tx = db.write_shared().await?;
        append(&mut tx, task, 0).await?;
        tx.commit().await
    });
    yield_now().await;
    handle
}

on_both! {
    async fn the_commit_is_shared_and_nobody_is_answered_before_it(place: Place) {
        let house = House::patient(place).await;
        let first = begin(&house.db, 1).await;
        let mut second = Box::pin(begin(&house.db, 2));
        assert!(is_pending(&mut second));
        yield_now().await;
        let mut committed = Box::pin(first.commit());
        assert!(is_pending(&mut committed));
        let second = second.await;
        assert!(is_pending(&mut committed), "acknowledged before it is durable");
        assert_eq!(house.ledger().await, [], "visible before it is durable");
        second.commit().await.unwrap();
        committed.await.unwrap();
        assert_eq!(house.ledger().await, [(1, 0), (2, 0)]);
    }
}

on_both! {
    async fn turns_come_in_the_order_in_which_they_were_asked_for(place: Place) {
        let house = House::patient(place).await;
        let held = begin(&house.db, 0).await;
        let mut tasks = Vec::new();
        for task in 1..=20 {
            tasks.push(queued(&house.db, task).await);
        }
        held.commit().await.unwrap();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(house.ledger().await, (0..=20).map(|task| (task, 0)).collect::<Vec<_>>());
    }
}

on_both! {
    async fn a_caller_that_fails_in_the_middle_of_a_group_harms_no_other(place: Place) {
        let house = House::patient(place).await;
        let first = begin(&house.db, 1).await;
        let db = house.db.clone();
        let failing = tokio::spawn(async move {
            let mut tx = begin(&db, 2).await;
            fail(&mut tx, 2, 1).await
        });
        yield_now().await;
        let dropped = house.db.clone();
        let dropped = tokio::spawn(async move { drop(begin(&dropped, 3).await) });
        yield_now().await;
        let panicking = house.db.clone();
        let panicking = tokio::spawn(async move {
            let _tx = begin(&panicking, 4).await;
            panic!("on purpose");
        });
        yield_now().await;
        let last = queued(&house.db, 5).await;
        first.commit().await.unwrap();
        assert!(failing.await.unwrap().is_taken());
        dropped.await.unwrap();
        assert!(panicking.await.unwrap_err().is_panic());
        last.await.unwrap().unwrap();
        assert_eq!(house.ledger().await, [(1, 0), (5, 0)]);
    }
}

on_both! {
    async fn the_last_of_a_group_may_go_without_committing(place: Place) {
        let house = House::patient(place).await;
        let first = begin(&house.db, 1).await;
        let mut second = Box::pin(begin(&house.db, 2));
        assert!(is_pending(&mut second));
        yield_now().await;
        let mut committed = Box::pin(first.commit());
        assert!(is_pending(&mut committed));
        drop(second.await);
        committed.await.unwrap();
        assert_eq!(house.ledger().await, [(1, 0)]);
    }
}

on_both! {
    async fn who_stops_waiting_for_a_turn_or_for_the_commit_harms_no_other(place: Place) {
        let house = House::patient(place).await;
        let held = begin(&house.db, 1).await;
        let mut impatient = Box::pin(house.db.write_shared());
        assert!(is_pending(&mut impatient));
        let last = queued(&house.db, 2).await;
        drop(impatient);
        let mut committed = Box::pin(held.commit());
        assert!(is_pending(&mut committed));
        drop(committed);
        last.await.unwrap().unwrap();
        assert_eq!(house.ledger().await, [(1, 0), (2, 0)]);
    }
}

on_both! {
    async fn when_the_shared_commit_fails_all_are_told_and_the_next_group_works(place: Place) {
        let house = House::patient(place).await;
        let mut tx = house.db.write_shared().await.unwrap();
        db::execute!(&mut tx, PROMISES).unwrap();
        tx.commit().await.unwrap();
        let first = begin(&house.db, 1).await;
        let db = house.db.clone();
        let culprit = tokio::spawn(async move {
            let mut tx = begin(&db, 2).await;
            db::execute!(&mut tx, BREAK)?;
            tx.commit().await
        });
        yield_now().await;
        let last = queued(&house.db, 3).await;
        let outcomes = [first.commit().await, culprit.await.unwrap(), last.await.unwrap()];
        for outcome in outcomes {
            let refused = outcome.unwrap_err();
            assert!(matches!(refused, Error::Driver(Fault::Commit(_))), "{refused:?}");
        }
        assert_eq!(house.ledger().await, []);
        begin(&house.db, 4).await.commit().await.unwrap();
        assert_eq!(house.ledger().await, [(4, 0)]);
    }
}

on_both! {
    async fn a_caller_that_holds_its_turn_too_long_is_named_and_not_cut_off(place: Place) {
        let stuck = Duration::from_millis(10);
        let bounds = Bounds { stuck, ..Bounds::default() };
        let house = House::at(place, bounds).await;
        let (log, _listening) = Log::listen();
        let held = begin(&house.db, 1).await;
        while !log.text().contains("does not end") {
            yield_now().await;
        }
        held.commit().await.unwrap();
        assert_eq!(house.ledger().await, [(1, 0)]);
    }
}

on_both! {
    async fn closing_lets_those_finish_who_have_asked(place: Place) {
        let house = House::patient(place).await;
        let held = begin(&house.db, 1).await;
        let last = queued(&house.db, 2).await;
        let db = house.db.clone();
        let closing = tokio::spawn(async move { db.close().await });
        yield_now().await;
        held.commit().await.unwrap();
        last.await.unwrap().unwrap();
        closing.await.unwrap();
        let again = house.place.open(Bounds::default()).await.unwrap();
        assert_eq!(crate::house::ledger(&again).await, [(1, 0), (2, 0)]);
    }
}
