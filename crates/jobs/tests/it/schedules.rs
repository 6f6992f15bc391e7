//! Cron, missed runs, changes of the clock.

use std::time::Duration;

use cluster::on_both;
use jobs::{Dispatcher, Error, Scheduled, State, Timetable};

use crate::{
    house::{House, Log, Place, Shift, WORK, eventually, scribe},
    store,
};

const DAY: Duration = Duration::from_hours(24);
/// Nightly, at a time that summer time skips and winter time repeats.
const NIGHTLY: &str = "30 2 * * *";

async fn declare(house: &House, name: &str, cron: &str) {
    let timetable = Timetable::parse(cron, "Europe/Berlin").unwrap();
    let mut tx = house.db.write().await.unwrap();
    let payload = name.to_owned();
    let bell = house.queue.schedule(&mut tx, name, &timetable, WORK, &payload).await.unwrap();
    tx.commit().await.unwrap();
    bell.ring();
}

async fn only(house: &House) -> Scheduled {
    let page = house.queue.schedules(None, 10).await.unwrap();
    assert_eq!((page.items.len(), &page.next), (1, &None));
    page.items.into_iter().next().unwrap()
}

/// Writes down when each job was planned.
fn planner(house: &House) -> Dispatcher {
    let db = house.db.clone();
    Dispatcher::new(house.queue.clone()).on(WORK, move |job| {
        let db = db.clone();
        async move {
            let mut tx = db.write().await?;
            store::record(&mut tx, &job.run_at.to_string(), job.attempt).await?;
            Ok(tx)
        }
    })
}

on_both! {
    async fn a_schedule_fires_at_the_hour_of_its_zone_through_a_change(place: Place) {
        let house = House::at(&place).await;
        let shift = Shift::start(planner(&house));
        declare(&house, "nightly", NIGHTLY).await;
        // The gap of 29 March swallows half past two: it comes at three, summer time.
        let nights = ["2026-03-29T01:00:00.000Z", "2026-03-30T00:30:00.000Z", "2026-03-31T00:30:00.000Z"];
        for (n, night) in nights.iter().enumerate() {
            assert_eq!(only(&house).await.next_at.to_string(), *night);
            let wait = only(&house).await.next_at.0 - house.clock.now().0;
            house.clock.advance(Duration::from_millis(u64::try_from(wait - 1).unwrap()));
            assert_eq!(house.effects().await.len(), n);
            house.pass(Duration::from_millis(1));
            eventually("it has run", async || house.effects().await.len() == n + 1).await;
        }
        shift.stop().await;
        assert_eq!(house.effects().await, nights.map(|night| (night.to_owned(), 1)));
    }
}

on_both! {
    async fn many_missed_runs_are_one(place: Place) {
        let house = House::at(&place).await;
        declare(&house, "nightly", NIGHTLY).await;
        house.clock.advance(DAY * 10);
        let shift = Shift::start(planner(&house));
        eventually("it has run", async || house.effects().await.len() == 1).await;
        house.settled().await;
        shift.stop().await;
        assert_eq!(house.effects().await, [("2026-03-29T01:00:00.000Z".to_owned(), 1)]);
        assert_eq!(only(&house).await.next_at.to_string(), "2026-04-08T00:30:00.000Z");
    }
}

on_both! {
    async fn a_run_that_still_waits_is_not_doubled(place: Place) {
        let house = House::at(&place).await;
        declare(&house, "nightly", NIGHTLY).await;
        // Fires, but knows no work.
        let shift = Shift::start(Dispatcher::new(house.queue.clone()));
        for _ in 0..3 {
            house.pass(DAY);
            let now = house.clock.now();
            eventually("it has fired", async || only(&house).await.next_at > now).await;
        }
        shift.stop().await;
        let waiting = house.queue.list(State::Ready, None, 10).await.unwrap().items;
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].unique_key.as_deref(), Some("schedule/nightly"));
    }
}

on_both! {
    async fn several_dispatchers_fire_once(place: Place) {
        let house = House::at(&place).await;
        for n in 0..20 {
            declare(&house, &format!("nightly {n:02}"), NIGHTLY).await;
        }
        house.clock.advance(DAY);
        let shifts: Vec<_> = (0..3).map(|_| Shift::start(scribe(&house))).collect();
        eventually("all have run", async || house.effects().await.len() >= 20).await;
        house.settled().await;
        for shift in shifts {
            shift.stop().await;
        }
        let done: Vec<_> = house.effects().await.into_iter().map(|(what, _)| what).collect();
        assert_eq!(done, (0..20).map(|n| format!("nightly {n:02}")).collect::<Vec<_>>());
    }
}

on_both! {
    async fn a_schedule_declared_again_keeps_its_time_and_its_switch(place: Place) {
        let house = House::at(&place).await;
        declare(&house, "s", NIGHTLY).await;
        let first = only(&house).await;
        house.clock.advance(DAY * 3);
        declare(&house, "s", NIGHTLY).await;
        assert_eq!(only(&house).await, first, "a missed run is not forgotten by a boot");
        declare(&house, "s", "0 4 * * *").await;
        assert!(only(&house).await.next_at > house.clock.now());
        house.switch("s", false).await.unwrap();
        declare(&house, "s", "0 4 * * *").await;
        assert!(!only(&house).await.is_enabled);
        house.clock.advance(DAY * 3);
        house.switch("s", true).await.unwrap();
        assert!(only(&house).await.next_at > house.clock.now(), "nothing is made up for");
        let mut tx = house.db.write().await.unwrap();
        assert!(house.queue.unschedule(&mut tx, "s").await.unwrap());
        assert!(!house.queue.unschedule(&mut tx, "s").await.unwrap());
        tx.commit().await.unwrap();
        let unknown = house.switch("s", true).await;
        assert!(matches!(unknown, Err(Error::NotFound)), "{unknown:?}");
    }
}

on_both! {
    async fn a_schedule_that_is_off_does_not_fire(place: Place) {
        let house = House::at(&place).await;
        declare(&house, "off", NIGHTLY).await;
        declare(&house, "on", NIGHTLY).await;
        house.switch("off", false).await.unwrap();
        house.clock.advance(DAY);
        let shift = Shift::start(scribe(&house));
        eventually("the other has run", async || house.effects().await.len() == 1).await;
        shift.stop().await;
        assert_eq!(house.effects().await, [("on".to_owned(), 1)]);
    }
}

on_both! {
    async fn a_schedule_can_be_run_by_hand_and_two_of_its_runs_never_stand_beside_each_other(place: Place) {
        let house = House::at(&place).await;
        declare(&house, "s", NIGHTLY).await;
        let next_at = house.switch("s", false).await.unwrap().next_at;
        for added in [1, 0] {
            let mut tx = house.db.write().await.unwrap();
            let bell = house.queue.run_schedule(&mut tx, "s").await.unwrap();
            tx.commit().await.unwrap();
            assert_eq!(bell.added(), added);
        }
        let shift = Shift::start(scribe(&house));
        eventually("it has run", async || house.effects().await.len() == 1).await;
        shift.stop().await;
        assert_eq!(only(&house).await.next_at, next_at, "the time of its own stays");
        let mut tx = house.db.write().await.unwrap();
        let unknown = house.queue.run_schedule(&mut tx, "t").await;
        assert!(matches!(unknown, Err(Error::NotFound)), "{unknown:?}");
    }
}

on_both! {
    async fn a_broken_schedule_is_switched_off_and_told_of(place: Place) {
        let (log, _guard) = Log::listen();
        let house = House::at(&place).await;
        declare(&house, "s", NIGHTLY).await;
        let mut tx = house.db.write().await.unwrap();
        store::break_schedule(&mut tx, "s").await.unwrap();
        tx.commit().await.unwrap();
        house.clock.advance(DAY);
        let shift = Shift::start(scribe(&house));
        eventually("it is off", async || !only(&house).await.is_enabled).await;
        shift.stop().await;
        assert_eq!(log.count("a schedule is broken"), 1);
        let refused = house.switch("s", true).await;
        assert!(matches!(refused, Err(Error::BadCron(_))), "{refused:?}");
        assert_eq!(house.effects().await, []);
    }
}

on_both! {
    async fn schedules_are_listed_in_pages(place: Place) {
        let house = House::at(&place).await;
        for name in ["c", "a", "b"] {
            declare(&house, name, NIGHTLY).await;
        }
        let names = |page: &[Scheduled]| page.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        let first = house.queue.schedules(None, 2).await.unwrap();
        assert_eq!((names(&first.items), first.next.as_deref()), (vec!["a".into(), "b".into()], Some("b")));
        let rest = house.queue.schedules(Some("b"), 2).await.unwrap();
        assert_eq!((names(&rest.items), rest.next), (vec!["c".into()], None));
        let mut tx = house.db.write().await.unwrap();
        let timetable = Timetable::parse(NIGHTLY, "UTC").unwrap();
        let (long, payload) = ("n".repeat(jobs::KEY_BYTES), String::new());
        let refused = house.queue.schedule(&mut tx, &long, &timetable, WORK, &payload).await;
        assert!(matches!(refused, Err(Error::BadKey(_))), "{refused:?}");
    }
}
