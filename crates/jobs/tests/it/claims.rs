//! Who gets which job, and for how long.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use cluster::on_both;
use jobs::{LEASE, NewJob, Priority, State};
use sqlx::{AssertSqlSafe, ConnectOptions as _, sqlite::SqliteConnectOptions};
use tokio::task::JoinSet;

use crate::house::{House, Place, START, WORK, within, work};

on_both! {
    async fn every_statement_is_understood(place: Place) {
        place.open().await.prepare_all(&jobs::statements()).await.unwrap();
    }
}

on_both! {
    async fn a_claimed_job_is_nobody_elses_until_its_lease_ends(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a")).await;
        let first = house.claim_one().await;
        assert_eq!((first.attempts, first.lease.fence), (1, 1));
        house.clock.advance(LEASE.saturating_sub(Duration::from_millis(1)));
        assert_eq!(house.claim(10).await, []);
        house.clock.advance(Duration::from_millis(1));
        let second = house.claim_one().await;
        assert_eq!(second.lease.id, first.lease.id);
        assert_eq!((second.attempts, second.lease.fence), (2, 2));
    }
}

on_both! {
    async fn a_heartbeat_keeps_a_job_and_tells_which_are_lost(place: Place) {
        let house = House::at(&place).await;
        house.push_all(vec![work("a"), work("b")]).await;
        let [kept, lost]: [_; 2] = house.claim(10).await.try_into().unwrap();
        house.clock.advance(LEASE / 2);
        assert_eq!(house.queue.heartbeat(&[kept.lease]).await.unwrap(), [kept.lease]);
        house.clock.advance(LEASE / 2);
        assert_eq!(house.claim_one().await.lease.id, lost.lease.id);
        let held = house.queue.heartbeat(&[kept.lease, lost.lease]).await.unwrap();
        assert_eq!(held, [kept.lease]);
    }
}

on_both! {
    async fn sixteen_claimers_get_each_job_once(place: Place) {
        let house = House::at(&place).await;
        let jobs: Vec<_> = (0..2_000).map(|n| work(&n.to_string())).collect();
        assert_eq!(house.push_all(jobs).await, 2_000);
        let mut claimers = JoinSet::new();
        for _ in 0..16 {
            let house = house.clone();
            claimers.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claimed = house.claim(20).await;
                    // Others hold locks for a moment: nothing to claim is not the end yet.
                    if claimed.is_empty() && house.queue.counts().await.unwrap().ready == 0 {
                        return mine;
                    }
                    mine.extend(claimed.into_iter().map(|job| job.payload));
                }
            });
        }
        let all: Vec<_> = within(claimers.join_all()).await.into_iter().flatten().collect();
        assert_eq!(all.len(), 2_000);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 2_000);
        assert_eq!(house.queue.counts().await.unwrap().running, 2_000);
    }
}

on_both! {
    async fn priorities_go_first_and_then_age(place: Place) {
        let house = House::at(&place).await;
        let at = |job: NewJob, minutes| job.at(START.plus(Duration::from_mins(minutes)));
        let (low, high) = (Priority::Low, Priority::High);
        house.push(at(work("low, oldest").with_priority(low), 0)).await;
        house.push(at(work("normal, young"), 3)).await;
        house.push(at(work("normal, old"), 2)).await;
        house.push(at(work("high, youngest").with_priority(high), 4)).await;
        house.push(at(work("high, not yet").with_priority(high), 10)).await;
        house.clock.advance(Duration::from_mins(5));
        let first: Vec<_> = house.claim(3).await.into_iter().map(|job| job.payload).collect();
        assert_eq!(first, [r#""high, youngest""#, r#""normal, old""#, r#""normal, young""#]);
        assert_eq!(house.claim_one().await.payload, r#""low, oldest""#);
    }
}

on_both! {
    async fn one_job_with_a_key_waits_or_runs(place: Place) {
        let house = House::at(&place).await;
        let twice = vec![work("a").unique("k"), work("b").unique("k"), work("c").unique("other")];
        assert_eq!(house.push_all(twice).await, 2);
        let claimed = house.claim(10).await;
        assert_eq!(house.push(work("while it runs").unique("k")).await, 0);
        let mut tx = house.db.write().await.unwrap();
        for job in &claimed {
            house.queue.finish(&mut tx, job).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert_eq!(house.push(work("after it").unique("k")).await, 1);
    }
}

on_both! {
    async fn what_was_handed_back_is_due_at_once_and_the_try_does_not_count(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a")).await;
        let first = house.claim_one().await;
        house.queue.release(&[first.lease]).await.unwrap();
        let second = house.claim_one().await;
        assert_eq!((second.attempts, second.lease.fence), (1, 2));
        // The old lease cannot take it away.
        house.queue.release(&[first.lease]).await.unwrap();
        assert_eq!(house.claim(10).await, []);
    }
}

on_both! {
    /// A job that takes its process with it must not do so for ever.
    async fn a_job_whose_last_lease_ends_is_dead(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a").with_max_attempts(2)).await;
        for _ in 0..2 {
            house.claim_one().await;
            house.clock.advance(LEASE);
        }
        assert_eq!(house.claim(10).await, []);
        let dead = house.queue.list(State::Dead, None, 10).await.unwrap().items;
        assert_eq!(dead[0].attempts, 2);
        assert_eq!(dead[0].last_error.as_deref(), Some("the last lease ended before the job did"));
    }
}

on_both! {
    async fn only_kinds_that_were_asked_for_are_claimed(place: Place) {
        let house = House::at(&place).await;
        house.push(work("a")).await;
        assert_eq!(house.queue.claim(&["test.other"], 10).await.unwrap(), []);
        assert_eq!(house.queue.claim(&[], 10).await.unwrap(), []);
        assert_eq!(house.queue.claim(&["test.other", WORK.name()], 10).await.unwrap().len(), 1);
    }
}

on_both! {
    async fn a_push_that_is_rolled_back_never_was(place: Place) {
        let house = House::at(&place).await;
        let mut tx = house.db.write().await.unwrap();
        let bell = house.queue.push(&mut tx, work("a")).await.unwrap();
        drop(tx);
        bell.ring();
        assert_eq!(house.claim(10).await, []);
    }
}

on_both! {
    async fn pushes_that_are_too_large_are_refused(place: Place) {
        let house = House::at(&place).await;
        let mut tx = house.db.write().await.unwrap();
        let many = (0..=jobs::PUSH_ROWS).map(|_| work("a")).collect();
        assert!(matches!(house.queue.push_all(&mut tx, many).await, Err(jobs::Error::TooManyJobs(_))));
        for key in ["", &"k".repeat(jobs::KEY_BYTES + 1)] {
            let refused = house.queue.push(&mut tx, work("a").unique(key)).await;
            assert!(matches!(refused, Err(jobs::Error::BadKey(_))), "{refused:?}");
        }
        let long = NewJob::new(WORK, &"x".repeat(jobs::PAYLOAD_BYTES));
        assert!(matches!(long, Err(jobs::Error::PayloadTooLarge { .. })));
        assert_eq!(house.queue.push_all(&mut tx, vec![]).await.unwrap().added(), 0);
        let unreadable = jobs::Kind::<HashMap<(u8, u8), u8>>::new("test.unreadable");
        let refused = NewJob::new(unreadable, &HashMap::from([((1, 2), 3)]));
        assert!(matches!(refused, Err(jobs::Error::Payload { .. })));
    }
}

/// A claim from a long queue must not sort the queue.
#[tokio::test]
async fn a_claim_reads_its_index_in_order() {
    let place = Place::sqlite();
    let claim = jobs::statements().into_iter().find(|sql| sql.name.ends_with("::CLAIM")).unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", claim.sqlite));
    place.open().await.close().await;
    let Place::Sqlite(dir) = &place else { unreachable!() };
    let file = SqliteConnectOptions::new().filename(dir.path().join("motet.db"));
    let mut conn = file.connect().await.unwrap();
    let plan: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(explain).fetch_all(&mut conn).await.unwrap();
    let plan: Vec<_> = plan.into_iter().map(|(.., step)| step).collect();
    assert!(plan.iter().any(|step| step.contains("USING INDEX jobs_due (priority=?")), "{plan:?}");
    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:?}");
}
