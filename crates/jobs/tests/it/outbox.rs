//! Facts become jobs once.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use cluster::on_both;
use jobs::{Dispatcher, Failure, Kind, NewJob, Posted};

use crate::{
    house::{House, Log, Place, Shift, WORK, eventually, scribe, work},
    store,
};

const PUSHED: Kind<String> = Kind::new("test.pushed");

async fn post(house: &House, what: &str) {
    let mut tx = house.db.write().await.unwrap();
    store::record(&mut tx, &format!("{what} changed"), 0).await.unwrap();
    let bell = house.queue.post(&mut tx, PUSHED, &what.to_owned()).await.unwrap();
    tx.commit().await.unwrap();
    bell.ring();
}

/// Two jobs for each fact.
async fn two(fact: Posted<String>) -> Result<Vec<NewJob>, Failure> {
    let both = [1, 2].map(|n| NewJob::new(WORK, &format!("{} {n}", fact.payload)));
    Ok(both.into_iter().collect::<Result<_, _>>()?)
}

on_both! {
    async fn a_fact_stands_and_falls_with_the_change(place: Place) {
        let house = House::at(&place).await;
        let mut tx = house.db.write().await.unwrap();
        store::record(&mut tx, "never", 0).await.unwrap();
        let bell = house.queue.post(&mut tx, PUSHED, &"never".to_owned()).await.unwrap();
        drop(tx);
        bell.ring();
        assert_eq!(house.queue.counts().await.unwrap().posted, 0);
        assert_eq!(house.effects().await, []);
        post(&house, "a").await;
        assert_eq!(house.queue.counts().await.unwrap().posted, 1);
        assert_eq!(house.effects().await, [("a changed".to_owned(), 0)]);
    }
}

on_both! {
    async fn each_fact_becomes_its_jobs_once_however_many_dispatchers(place: Place) {
        let house = House::at(&place).await;
        for n in 0..150 {
            post(&house, &n.to_string()).await;
        }
        let dispatchers = (0..3).map(|_| scribe(&house).consume(PUSHED, two));
        let shifts: Vec<_> = dispatchers.map(Shift::start).collect();
        house.settled().await;
        for shift in shifts {
            shift.stop().await;
        }
        let mut done = house.effects().await;
        done.retain(|(_, attempt)| *attempt > 0);
        assert_eq!(done.len(), 300);
        assert_eq!(done.iter().map(|(what, _)| what).collect::<HashSet<_>>().len(), 300);
    }
}

on_both! {
    async fn a_fact_that_cannot_be_handed_over_holds_up_no_other(place: Place) {
        let house = House::at(&place).await;
        let is_mended = Arc::new(AtomicBool::new(false));
        let inside = Arc::clone(&is_mended);
        let consumer = move |fact: Posted<String>| {
            let is_mended = inside.load(Ordering::SeqCst);
            async move {
                if !is_mended && fact.payload == "bad" {
                    return Err(Failure::retry("not now"));
                }
                assert!(is_mended || fact.payload != "worse", "not at all");
                two(fact).await
            }
        };
        let shift = Shift::start(scribe(&house).consume(PUSHED, consumer));
        for what in ["bad", "worse", "good"] {
            post(&house, what).await;
        }
        let done = async || house.effects().await.iter().filter(|(_, n)| *n > 0).count();
        eventually("the good one is done", async || done().await == 2).await;
        assert_eq!(house.queue.counts().await.unwrap().posted, 2);
        is_mended.store(true, Ordering::SeqCst);
        house.pass(Duration::from_mins(1));
        house.settled().await;
        shift.stop().await;
        assert_eq!(done().await, 6);
    }
}

on_both! {
    async fn a_fact_that_nobody_consumes_stays_and_is_told_of_once(place: Place) {
        let (log, _guard) = Log::listen();
        let house = House::at(&place).await;
        let shift = Shift::start(scribe(&house));
        post(&house, "a").await;
        eventually("it is told", async || log.count("test.pushed") == 1).await;
        house.push(work("b")).await;
        eventually("b is done", async || house.effects().await.len() == 2).await;
        shift.stop().await;
        assert_eq!(log.count("test.pushed"), 1);
        let counts = house.queue.counts().await.unwrap();
        assert_eq!(counts.posted, 1);
        // A process that knows the kind takes it up.
        let dispatcher = Dispatcher::new(house.queue.clone()).consume(PUSHED, two);
        let shift = Shift::start(dispatcher);
        eventually("it was taken", async || house.queue.counts().await.unwrap().ready == 2).await;
        shift.stop().await;
    }
}
