//! Drain, crash, lost leases.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cluster::on_both;
use jobs::{Dispatcher, Failure, LEASE, Limits, Queue, State};
use names::Random;
use tokio::sync::{Barrier, Notify};

use crate::{
    house::{House, Place, Shift, WORK, eventually, scribe, within, work},
    store,
};

/// Tells when it is dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

on_both! {
    async fn a_stop_waits_for_running_jobs_and_claims_no_more(place: Place) {
        let house = House::at(&place).await;
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (inside, db) = ((Arc::clone(&started), Arc::clone(&go)), house.db.clone());
        let dispatcher = Dispatcher::new(house.queue.clone()).on(WORK, move |job| {
            let ((started, go), db) = (inside.clone(), db.clone());
            async move {
                started.notify_one();
                go.notified().await;
                let mut tx = db.write().await?;
                store::record(&mut tx, &job.payload, job.attempt).await?;
                Ok(tx)
            }
        });
        let shift = Shift::start(dispatcher);
        house.push(work("before")).await;
        within(started.notified()).await;
        // Not in the middle of a round, which may still claim.
        house.idle().await;
        let stopping = tokio::spawn(shift.stop());
        tokio::task::yield_now().await;
        house.push(work("after")).await;
        go.notify_one();
        within(stopping).await.unwrap();
        assert_eq!(house.effects().await, [("before".to_owned(), 1)]);
        let left = house.queue.list(State::Ready, None, 10).await.unwrap().items;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].attempts, 0);
    }
}

on_both! {
    /// Jobs that leave nothing to write are ended by the dispatcher, a stop included.
    async fn a_stop_ends_what_is_done(place: Place) {
        let house = House::at(&place).await;
        let (started, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let inside = (Arc::clone(&started), Arc::clone(&go));
        let dispatcher = Dispatcher::new(house.queue.clone()).on(WORK, move |_| {
            let (started, go) = inside.clone();
            async move {
                started.notify_one();
                go.notified().await;
                Ok::<_, Failure>(())
            }
        });
        let shift = Shift::start(dispatcher);
        house.push(work("a")).await;
        within(started.notified()).await;
        let stopping = tokio::spawn(shift.stop());
        tokio::task::yield_now().await;
        go.notify_one();
        within(stopping).await.unwrap();
        let counts = house.queue.counts().await.unwrap();
        assert_eq!((counts.ready, counts.running, counts.dead), (0, 0, 0));
    }
}

on_both! {
    /// They go together: a commit for each would wait for the disk each time.
    async fn jobs_that_leave_nothing_to_write_are_ended_together(place: Place) {
        const JOBS: usize = 32;
        let house = House::at(&place).await;
        let (all_hands, ended) = (Arc::new(Barrier::new(JOBS)), Arc::new(AtomicUsize::new(0)));
        let inside = (Arc::clone(&all_hands), Arc::clone(&ended));
        let limits = Limits { at_once: JOBS, ..Limits::default() };
        let dispatcher = Dispatcher::new(house.queue.clone()).with_limits(limits).on(WORK, move |_| {
            let (all_hands, ended) = inside.clone();
            async move {
                all_hands.wait().await;
                ended.fetch_add(1, Ordering::SeqCst);
                Ok::<_, Failure>(())
            }
        });
        house.push_all((0..JOBS).map(|n| work(&n.to_string())).collect()).await;
        let before = house.db.transactions_begun();
        let shift = Shift::start(dispatcher);
        while ended.load(Ordering::SeqCst) < JOBS {
            tokio::task::yield_now().await;
        }
        shift.stop().await;
        let begun = house.db.transactions_begun() - before;
        assert!(begun < JOBS as u64, "{begun} transactions for {JOBS} jobs");
        let counts = house.queue.counts().await.unwrap();
        assert_eq!((counts.ready, counts.running, counts.dead), (0, 0, 0));
    }
}

on_both! {
    async fn what_does_not_finish_in_time_is_handed_back(place: Place) {
        let house = House::at(&place).await;
        let started = Arc::new(Notify::new());
        let inside = Arc::clone(&started);
        let limits = Limits { drain: Duration::from_millis(30), ..Limits::default() };
        let hang = move |_| {
            inside.notify_one();
            std::future::pending::<Result<(), Failure>>()
        };
        let dispatcher = Dispatcher::new(house.queue.clone()).with_limits(limits).on(WORK, hang);
        let shift = Shift::start(dispatcher);
        house.push(work("a")).await;
        within(started.notified()).await;
        shift.stop().await;
        let again = house.claim_one().await;
        assert_eq!((again.attempts, again.lease.fence), (1, 2));
    }
}

on_both! {
    async fn a_crash_leaves_a_job_to_the_next_process_and_one_effect(place: Place) {
        let house = House::at(&place).await;
        let written = Arc::new(Notify::new());
        let (inside, db) = (Arc::clone(&written), house.db.clone());
        let dispatcher = Dispatcher::new(house.queue.clone()).on(WORK, move |job| {
            let (written, db) = (Arc::clone(&inside), db.clone());
            async move {
                let mut tx = db.write().await?;
                store::record(&mut tx, &job.payload, job.attempt).await?;
                written.notify_one();
                std::future::pending::<()>().await;
                Ok(tx)
            }
        });
        let shift = Shift::start(dispatcher);
        house.push(work("a")).await;
        within(written.notified()).await;
        shift.kill().await;
        within(house.db.close()).await;

        let next = House::with(&place, house.clock.clone()).await;
        assert_eq!(next.effects().await, []);
        let shift = Shift::start(scribe(&next));
        // The lease of the dead process holds until it ends.
        next.push(work("b")).await;
        eventually("b is done", async || next.effects().await.len() == 1).await;
        assert_eq!(next.queue.counts().await.unwrap().running, 1);
        next.pass(LEASE);
        next.settled().await;
        shift.stop().await;
        assert_eq!(next.effects().await, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    }
}

/// On SQLite whoever starts is alone: it need not wait for leases of the dead. A job that ended its process on every
/// try is dead all the same.
#[tokio::test]
async fn a_process_that_has_the_file_takes_over_at_once() {
    let place = Place::sqlite();
    let house = House::at(&place).await;
    house.push_all(vec![work("a"), work("b").with_max_attempts(1)]).await;
    assert_eq!(house.claim(10).await.len(), 2);
    within(house.db.close()).await;

    let next = House::with(&place, house.clock.clone()).await;
    assert_eq!(next.queue.take_over().await.unwrap(), 2);
    let shift = Shift::start(scribe(&next));
    next.settled().await;
    shift.stop().await;
    assert_eq!(next.effects().await, [("a".to_owned(), 2)]);
    assert_eq!(next.queue.counts().await.unwrap().dead, 1);
}

/// On PostgreSQL others may be alive.
#[tokio::test]
async fn a_process_among_others_takes_nothing_over() {
    let place = Place::postgres().await;
    let (house, other) = (House::at(&place).await, House::at(&place).await);
    house.push(work("a")).await;
    let job = house.claim_one().await;
    assert_eq!(other.queue.take_over().await.unwrap(), 0);
    assert_eq!(other.queue.heartbeat(&[job.lease]).await.unwrap(), [job.lease]);
}

on_both! {
    async fn a_handler_whose_lease_is_lost_is_cut_off(place: Place) {
        let mut house = House::at(&place).await;
        let lease = Duration::from_millis(300);
        let random = Random::seeded(7);
        house.queue = Queue::new(house.db.clone(), house.clock.clone(), random).with_lease(lease);
        let (started, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let inside = (Arc::clone(&started), Arc::clone(&gone));
        let dispatcher = Dispatcher::new(house.queue.clone()).on(WORK, move |_| {
            let (started, gone) = inside.clone();
            async move {
                let _dropped = Dropped(gone);
                started.notify_one();
                std::future::pending::<Result<(), Failure>>().await
            }
        });
        let shift = Shift::start(dispatcher);
        house.push(work("a")).await;
        within(started.notified()).await;
        eventually("another claims it", async || {
            house.clock.advance(lease);
            !house.claim(1).await.is_empty()
        })
        .await;
        within(gone.notified()).await;
        shift.kill().await;
    }
}
