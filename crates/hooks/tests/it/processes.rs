//! Crashes, stops, several processes.

use std::{collections::HashSet, time::Duration};

use cluster::on_both;
use hooks::DeliveryState;

use crate::{
    house::{House, Place, Shift, eventually},
    receiver::{Receiver, Reply, Seen},
};

/// How long nothing happens in a process that is idle.
const CALM: Duration = Duration::from_millis(300);

on_both! {
    async fn what_was_committed_before_a_crash_is_sent_after_it(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        house.happens("issue.opened", 1).await;
        // The process that wrote it has never sent anything.
        let next = house.neighbour(&place, &[&receiver], |settings| settings).await;
        let shift = Shift::start(&next);
        next.becomes(id, DeliveryState::Delivered).await;
        assert_eq!(receiver.seen().len(), 1);
        shift.stop().await;
    }
}

on_both! {
    async fn what_was_being_sent_at_a_crash_is_sent_once_more_with_its_id(place: Place) {
        let receiver = Receiver::start(|seen, before| {
            if seen.kind() == "ping" || before > 0 { Reply::Status(204) } else { Reply::Never }
        })
        .await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        let shift = Shift::start(&house);
        house.happens("issue.opened", 1).await;
        receiver.saw(1).await;
        shift.kill().await;
        let next = house.neighbour(&place, &[&receiver], |settings| settings).await;
        let shift = Shift::start(&next);
        // Where others may be at work, the lease has to end first.
        next.pass(Duration::from_secs(61));
        next.becomes(id, DeliveryState::Delivered).await;
        let seen = receiver.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].header("webhook-id"), seen[1].header("webhook-id"));
        assert_eq!(seen[0].body, seen[1].body);
        shift.stop().await;
    }
}

on_both! {
    async fn a_stop_hands_leases_back(place: Place) {
        let receiver = Receiver::start(|seen, before| {
            if seen.kind() == "ping" || before > 0 { Reply::Status(204) } else { Reply::Never }
        })
        .await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        let shift = Shift::hasty(&house);
        house.happens("issue.opened", 1).await;
        receiver.saw(1).await;
        shift.stop().await;
        assert_eq!(house.states(id).await, ["pending"]);
        let shift = Shift::start(&house);
        house.becomes(id, DeliveryState::Delivered).await;
        assert_eq!(receiver.seen().len(), 2);
        shift.stop().await;
    }
}

on_both! {
    async fn an_idle_process_leaves_the_database_alone(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let shift = Shift::start(&house);
        house.hook(&receiver.url(), "issue.*").await;
        receiver.pinged(1).await;
        // Until what is under way is written down.
        eventually("it is idle", async || {
            let before = house.db.transactions_begun();
            tokio::time::sleep(CALM).await;
            house.db.transactions_begun() - before <= u64::from(place.polls())
        })
        .await;
        house.happens("issue.opened", 1).await;
        receiver.saw(1).await;
        shift.stop().await;
    }
}

on_both! {
    async fn what_ended_long_ago_goes_with_its_bytes(place: Place) {
        let receiver = Receiver::kind().await;
        let house = House::at(&place, &[&receiver]).await;
        let id = house.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
        let gone = house.hook(&receiver.url(), "push").await.shown.webhook.id;
        let shift = Shift::start(&house);
        house.happens("issue.opened", 1).await;
        house.becomes(id, DeliveryState::Delivered).await;
        eventually("the pings have ended", async || receiver.pings().len() == 2).await;
        shift.stop().await;
        house.hooks.delete(&house.allowed().await, gone).await.unwrap();
        assert_eq!(house.hooks.forget().await.unwrap(), 0);
        house.clock.advance(Duration::from_hours(30 * 24));
        house.happens("issue.closed", 1).await;
        assert_eq!(house.hooks.forget().await.unwrap(), 3);
        assert_eq!(house.states(id).await, ["pending"]);
        assert_eq!(house.hooks.forget().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn two_processes_send_each_delivery_once() {
    let place = Place::postgres().await;
    let receiver = Receiver::kind().await;
    let first = House::at(&place, &[&receiver]).await;
    let second = first.neighbour(&place, &[&receiver], |settings| settings).await;
    let id = first.hook(&receiver.url(), "issue.*").await.shown.webhook.id;
    let shifts = [Shift::start(&first), Shift::start(&second)];
    for round in 0..10 {
        for issue in 0..8 {
            let house = if (round + issue) % 2 == 0 { &first } else { &second };
            house.happens("issue.edited", issue).await;
        }
    }
    first.becomes(id, DeliveryState::Delivered).await;
    let seen = receiver.saw(80).await;
    let ids: HashSet<_> = seen.iter().map(|it| it.header("webhook-id").to_owned()).collect();
    assert_eq!((seen.len(), ids.len()), (80, 80));
    for issue in 0..8 {
        let places: Vec<_> = seen
            .iter()
            .map(Seen::place)
            .filter(|it| it.starts_with(&format!("issue:{issue} ")))
            .collect();
        let expected: Vec<_> = (1..=10).map(|n| format!("issue:{issue} {n}")).collect();
        assert_eq!(places, expected);
    }
    for shift in shifts {
        shift.stop().await;
    }
}
