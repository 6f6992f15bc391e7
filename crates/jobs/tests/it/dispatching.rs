//! Handlers: effects, panics, strangers, bounds, bells.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use cluster::on_both;
use jobs::{Dispatcher, Done, Failure, Kind, Limits, Listed, NewJob, Queue, State, Timetable};
use names::{Clock, Random};
use tokio::sync::{Barrier, Notify};

use crate::{
    house::{House, Log, Place, START, Shift, WORK, eventually, scribe, within, work},
    store,
};

const STRANGE: Kind<String> = Kind::new("test.strange");

/// The one job that is there, once it has failed `attempts` times.
async fn failed(house: &House, state: State, attempts: u32) -> Listed {
    let first = async || house.queue.list(state, None, 1).await.unwrap().items.pop();
    eventually("the job has failed", async || {
        first().await.is_some_and(|job| job.attempts == attempts && job.last_error.is_some())
    })
    .await;
    first().await.unwrap()
}

on_both! {
    async fn what_a_handler_writes_commits_with_the_end(place: Place) {
        let house = House::at(&place).await;
        house.push_all((0..40).map(|n| work(&n.to_string())).collect()).await;
        let shift = Shift::start(scribe(&house));
        house.settled().await;
        shift.stop().await;
        let effects = house.effects().await;
        assert_eq!(effects.len(), 40);
        assert!(effects.iter().all(|(_, attempt)| *attempt == 1));
    }
}

on_both! {
    async fn a_kind_that_nobody_knows_stays_and_is_told_of_once(place: Place) {
        let (log, _guard) = Log::listen();
        let house = House::at(&place).await;
        let shift = Shift::start(scribe(&house));
        for n in 0..3 {
            house.push(NewJob::new(STRANGE, &"x".to_owned()).unwrap()).await;
            house.push(work(&n.to_string())).await;
            eventually("the known one is done", async || house.effects().await.len() == n + 1).await;
            eventually("it is told", async || log.count("nobody here knows") == 1).await;
        }
        shift.stop().await;
        assert_eq!(log.count("nobody here knows"), 1);
        let strange = house.queue.list(State::Ready, None, 10).await.unwrap().items;
        assert_eq!(strange.len(), 3);
        assert!(strange.iter().all(|job| job.attempts == 0));
    }
}

on_both! {
    async fn a_panic_is_a_failure(place: Place) {
        let house = House::at(&place).await;
        let inner = house.db.clone();
        let dispatcher = Dispatcher::new(house.queue.clone()).on(WORK, move |job| {
            let db = inner.clone();
            async move {
                assert!(job.attempt > 1, "cannot go on");
                let mut tx = db.write().await?;
                store::record(&mut tx, &job.payload, job.attempt).await?;
                Ok(tx)
            }
        });
        let shift = Shift::start(dispatcher);
        house.push(work("a")).await;
        let listed = failed(&house, State::Ready, 1).await;
        assert_eq!(listed.last_error.as_deref(), Some("panicked: cannot go on"));
        house.pass(Duration::from_hours(1));
        house.settled().await;
        shift.stop().await;
        assert_eq!(house.effects().await, [("a".to_owned(), 2)]);
    }
}

on_both! {
    async fn a_payload_that_does_not_parse_is_dead_at_once(place: Place) {
        let house = House::at(&place).await;
        let shift = Shift::start(scribe(&house));
        let number = Kind::<u64>::new(WORK.name());
        house.push(NewJob::new(number, &7).unwrap()).await;
        let dead = failed(&house, State::Dead, 1).await;
        assert!(dead.last_error.unwrap().starts_with("the payload does not parse"));
        shift.stop().await;
    }
}

on_both! {
    async fn a_try_that_takes_too_long_is_a_failure(place: Place) {
        let house = House::at(&place).await;
        let limits = Limits { longest: Duration::from_millis(30), ..Limits::default() };
        let dispatcher = Dispatcher::new(house.queue.clone())
            .with_limits(limits)
            .on(WORK, |_| std::future::pending::<Result<(), Failure>>());
        let shift = Shift::start(dispatcher);
        house.push(work("a")).await;
        let listed = failed(&house, State::Ready, 1).await;
        assert_eq!(listed.last_error.as_deref(), Some("took longer than 30ms"));
        shift.stop().await;
    }
}

on_both! {
    async fn no_more_run_at_once_than_there_are_hands(place: Place) {
        let house = House::at(&place).await;
        let limits = Limits { at_once: 3, ..Limits::default() };
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (all_hands, seen) = (Arc::new(Barrier::new(3)), Arc::clone(&most));
        let dispatcher = Dispatcher::new(house.queue.clone()).with_limits(limits).on(
            WORK,
            move |_| {
                let (running, most) = (Arc::clone(&running), Arc::clone(&most));
                let all_hands = Arc::clone(&all_hands);
                async move {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    // Three are here before any goes on, so three do run at once.
                    all_hands.wait().await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                }
            },
        );
        house.push_all((0..12).map(|n| work(&n.to_string())).collect()).await;
        let shift = Shift::start(dispatcher);
        house.settled().await;
        shift.stop().await;
        assert_eq!(seen.load(Ordering::SeqCst), 3);
    }
}

on_both! {
    async fn a_job_can_ask_to_come_back(place: Place) {
        let house = House::at(&place).await;
        let (db, later) = (house.db.clone(), START.plus(Duration::from_mins(5)));
        let dispatcher = Dispatcher::new(house.queue.clone()).on(WORK, move |job| {
            let db = db.clone();
            async move {
                let mut tx = db.write().await?;
                store::record(&mut tx, &job.run_at.0.to_string(), job.attempt).await?;
                let done = Done::with(tx);
                Ok(if job.run_at < later { done.again_at(later) } else { done })
            }
        });
        let shift = Shift::start(dispatcher);
        house.push(work("a").unique("k")).await;
        eventually("it came once", async || house.effects().await.len() == 1).await;
        house.pass(Duration::from_mins(5));
        house.settled().await;
        shift.stop().await;
        assert_eq!(house.effects().await, [(START.0.to_string(), 1), (later.0.to_string(), 1)]);
    }
}

on_both! {
    async fn work_that_a_handler_pushes_is_done_too(place: Place) {
        let house = House::at(&place).await;
        let inner = house.clone();
        let dispatcher = scribe(&house).on(STRANGE, move |job| {
            let house = inner.clone();
            async move {
                let mut tx = house.db.write().await?;
                let bell = house.queue.push(&mut tx, NewJob::new(WORK, &job.payload)?).await?;
                Ok(Done::with(tx).ringing(bell))
            }
        });
        let shift = Shift::start(dispatcher);
        house.push(NewJob::new(STRANGE, &"follows".to_owned()).unwrap()).await;
        eventually("it is done", async || house.effects().await.len() == 1).await;
        house.settled().await;
        shift.stop().await;
    }
}

on_both! {
    async fn an_idle_dispatcher_begins_no_transaction_and_a_bell_wakes_it(place: Place) {
        let house = House::at(&place).await;
        let shift = Shift::start(scribe(&house));
        // Idle is not empty: something is due some day.
        house.push(work("tomorrow").at(START.plus(Duration::from_hours(24)))).await;
        let timetable = Timetable::parse("0 0 1 1 *", "UTC").unwrap();
        let mut tx = house.db.write().await.unwrap();
        let new_year = String::from("new year");
        let bell = house.queue.schedule(&mut tx, "y", &timetable, WORK, &new_year).await.unwrap();
        tx.commit().await.unwrap();
        bell.ring();
        house.idle().await;
        let before = house.db.transactions_begun();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let begun = house.db.transactions_begun() - before;
        // On PostgreSQL one poll may fall into the time: when is something due, and is it strange.
        assert!(begun <= if place.polls() { 2 } else { 0 }, "{begun} transactions while idle");

        let rung = Instant::now();
        house.push(work("now")).await;
        eventually("it is done", async || house.effects().await.len() == 1).await;
        assert!(rung.elapsed() < Duration::from_secs(2), "woken after {:?}", rung.elapsed());
        shift.stop().await;
    }
}

/// A caller that is cut off inside its commit drops its bell before the commit has happened.
#[tokio::test]
async fn a_bell_that_rings_before_the_commit_is_heard_all_the_same() {
    let place = Place::sqlite();
    let house = House::at(&place).await;
    let shift = Shift::start(scribe(&house));
    house.idle().await;
    let mut tx = house.db.write().await.unwrap();
    house.queue.push(&mut tx, work("a")).await.unwrap().ring();
    // Time for the dispatcher to hear it and to queue up behind this transaction.
    tokio::time::sleep(Duration::from_millis(50)).await;
    tx.commit().await.unwrap();
    eventually("it is done", async || house.effects().await.len() == 1).await;
    shift.stop().await;
}

on_both! {
    async fn a_job_of_the_future_runs_when_its_time_comes(place: Place) {
        let house = House::with(&place, Clock::default()).await;
        let shift = Shift::start(scribe(&house));
        let due = house.clock.now().plus(Duration::from_millis(300));
        house.push(work("a").at(due)).await;
        eventually("it is done", async || house.effects().await.len() == 1).await;
        assert!(house.clock.now() >= due);
        shift.stop().await;
    }
}

on_both! {
    async fn a_job_that_runs_for_many_leases_keeps_them(place: Place) {
        let lease = Duration::from_millis(400);
        let mut house = House::with(&place, Clock::default()).await;
        let seeded = Random::seeded(7);
        house.queue = Queue::new(house.db.clone(), house.clock.clone(), seeded).with_lease(lease);
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, outside) = ((Arc::clone(&started), Arc::clone(&go)), house.db.clone());
        let dispatcher = Dispatcher::new(house.queue.clone()).on(WORK, move |job| {
            let ((started, go), db) = (inside.clone(), outside.clone());
            async move {
                started.notify_one();
                go.notified().await;
                let mut tx = db.write().await?;
                store::record(&mut tx, &job.payload, job.attempt).await?;
                Ok(tx)
            }
        });
        let shift = Shift::start(dispatcher);
        house.push(work("a")).await;
        within(started.notified()).await;
        let since = Instant::now();
        while since.elapsed() < lease * 4 {
            assert_eq!(house.claim(1).await, []);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        go.notify_one();
        house.settled().await;
        shift.stop().await;
        assert_eq!(house.effects().await, [("a".to_owned(), 1)]);
    }
}
