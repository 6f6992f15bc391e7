//! Finish, fail, dead, retry.

use std::{io, time::Duration};

use cluster::on_both;
use jobs::{Error, Failure, Fate, JobId, LEASE, State};
use names::Random;

use crate::{
    house::{House, Place, work},
    store,
};

fn failure() -> Failure {
    Failure::from(io::Error::other("no luck"))
}

on_both! {
    async fn an_end_commits_with_the_effect(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a")).await;
        let job = house.claim_one().await;
        let mut tx = house.db.write().await.unwrap();
        store::record(&mut tx, "a", job.attempts).await.unwrap();
        house.queue.finish(&mut tx, &job).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(house.effects().await, [("a".to_owned(), 1)]);
        assert!(house.queue.find(job.lease.id).await.unwrap().is_none());
    }
}

on_both! {
    async fn an_end_by_a_lost_lease_takes_the_effect_with_it(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a")).await;
        let stale = house.claim_one().await;
        house.clock.advance(LEASE);
        let holder = house.claim_one().await;
        let mut tx = house.db.write().await.unwrap();
        store::record(&mut tx, "stale", stale.attempts).await.unwrap();
        let refused = house.queue.finish(&mut tx, &stale).await;
        assert!(matches!(refused, Err(Error::LeaseLost)), "{refused:?}");
        drop(tx);
        let refused = house.queue.fail(&stale, &failure()).await;
        assert!(matches!(refused, Err(Error::LeaseLost)), "{refused:?}");
        let mut tx = house.db.write().await.unwrap();
        store::record(&mut tx, "holder", holder.attempts).await.unwrap();
        house.queue.finish(&mut tx, &holder).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(house.effects().await, [("holder".to_owned(), 2)]);
    }
}

on_both! {
    async fn a_lease_that_ended_still_counts_while_nobody_else_claimed(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a")).await;
        let job = house.claim_one().await;
        house.clock.advance(LEASE * 2);
        let mut tx = house.db.write().await.unwrap();
        house.queue.finish(&mut tx, &job).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(house.claim(10).await, []);
    }
}

on_both! {
    async fn a_failed_job_waits_longer_each_time_and_then_is_dead(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a").with_max_attempts(6)).await;
        let mut before = Duration::ZERO;
        for attempt in 1..=5 {
            let job = house.claim_one().await;
            assert_eq!(job.attempts, attempt);
            let Fate::Again(at) = house.queue.fail(&job, &failure()).await.unwrap() else {
                panic!("dead after try {attempt}");
            };
            let wait = Duration::from_millis(u64::try_from(at.0 - house.clock.now().0).unwrap());
            assert!(wait >= before, "try {attempt}: {wait:?} after {before:?}");
            before = wait;
            house.clock.advance(wait.saturating_sub(Duration::from_millis(1)));
            assert_eq!(house.claim(10).await, [], "too early after try {attempt}");
            house.clock.advance(Duration::from_millis(1));
        }
        let last = house.claim_one().await;
        assert_eq!(house.queue.fail(&last, &failure()).await.unwrap(), Fate::Dead);
        house.clock.advance(Duration::from_hours(1_000));
        assert_eq!(house.claim(10).await, []);
        let dead = house.queue.find(last.lease.id).await.unwrap().unwrap();
        assert_eq!((dead.state, dead.attempts), (State::Dead, 6));
        assert_eq!(dead.last_error.as_deref(), Some("no luck"));
    }
}

on_both! {
    async fn a_failure_may_say_how_long_it_waits_and_its_tries_count(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a").with_max_attempts(4)).await;
        let (wait, soon) = (Duration::from_secs(1), Failure::retry_in(Duration::from_secs(1), "soon"));
        for _ in 1..4 {
            let job = house.claim_one().await;
            let fate = house.queue.fail(&job, &soon).await.unwrap();
            assert_eq!(fate, Fate::Again(house.clock.now().plus(wait)));
            assert_eq!(house.claim(10).await, []);
            house.clock.advance(wait);
        }
        let last = house.claim_one().await;
        assert_eq!(house.queue.fail(&last, &soon).await.unwrap(), Fate::Dead);
    }
}

on_both! {
    async fn a_failure_that_no_try_can_mend_is_dead_at_once(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a")).await;
        let job = house.claim_one().await;
        let fate = house.queue.fail(&job, &Failure::give_up("never")).await.unwrap();
        assert_eq!(fate, Fate::Dead);
    }
}

on_both! {
    async fn a_dead_job_can_be_tried_again_or_forgotten(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a").unique("k")).await;
        let id = kill_one(&house).await;
        // The key is free while the job is dead.
        assert_eq!(house.push(work("b").unique("k")).await, 1);
        assert!(matches!(house.retry(id).await, Err(Error::KeyTaken)));
        let other = house.claim_one().await;
        assert!(matches!(house.retry(other.lease.id).await, Err(Error::NotDead)));
        assert!(matches!(house.delete(other.lease.id).await, Err(Error::NotDead)));
        let mut tx = house.db.write().await.unwrap();
        house.queue.finish(&mut tx, &other).await.unwrap();
        tx.commit().await.unwrap();

        house.retry(id).await.unwrap();
        assert_eq!(house.claim_one().await.attempts, 1);
        house.clock.advance(LEASE);
        let again = kill_one(&house).await;
        assert_eq!(again, id);
        house.delete(id).await.unwrap();
        assert!(matches!(house.delete(id).await, Err(Error::NotFound)));
        assert!(matches!(house.retry(id).await, Err(Error::NotFound)));
    }
}

/// Claims the one due job and fails it for good.
async fn kill_one(house: &House) -> JobId {
    let job = house.claim_one().await;
    house.queue.fail(&job, &Failure::give_up("never")).await.unwrap();
    job.lease.id
}

on_both! {
    async fn jobs_are_listed_in_pages_and_counted(place: Place) {
        let house = House::at(&place).await;
        for n in 0..5 {
            house.clock.advance(Duration::from_secs(1));
            house.push(work(&n.to_string())).await;
        }
        house.clock.advance(Duration::from_secs(1));
        let later = house.clock.now().plus(Duration::from_secs(1));
        house.push(work("later").at(later)).await;
        let dead = kill_one_of(&house).await;
        let counts = house.queue.counts().await.unwrap();
        assert_eq!((counts.ready, counts.due, counts.running, counts.dead), (5, 4, 0, 1));
        assert_eq!(counts.oldest_due_at, Some(crate::house::START.plus(Duration::from_secs(2))));

        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = house.queue.list(State::Ready, cursor, 2).await.unwrap();
            assert!(page.items.len() <= 2);
            seen.extend(page.items.into_iter().map(|job| job.payload));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 5);
        assert_eq!(seen[1..], [r#""4""#, r#""3""#, r#""2""#, r#""1""#], "newest first");
        let page = house.queue.list(State::Dead, None, 1).await.unwrap();
        assert_eq!((page.items[0].id, page.next), (dead, None));
        assert_eq!(house.queue.list(State::Running, None, 1).await.unwrap().items, []);
        let unknown = JobId::new(house.clock.now(), &Random::seeded(9));
        assert!(house.queue.find(unknown).await.unwrap().is_none());
    }
}

/// Claims the first due job and fails it for good.
async fn kill_one_of(house: &House) -> JobId {
    let job = house.claim(1).await.remove(0);
    house.queue.fail(&job, &Failure::give_up("never")).await.unwrap();
    job.lease.id
}
