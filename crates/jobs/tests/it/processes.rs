//! Several processes on PostgreSQL: each has its own bell, and hears the others through the database.

use std::time::{Duration, Instant};

use names::Secret;
use tokio_util::sync::CancellationToken;

use crate::house::{House, Place, Shift, eventually, scribe, within, work};

fn url(place: &Place) -> Secret<String> {
    match place {
        Place::Postgres(database) => Secret::new(database.url.clone()),
        Place::Sqlite(_) => panic!("a file has no address"),
    }
}

#[tokio::test]
async fn a_push_of_one_process_wakes_another() {
    let place = Place::postgres().await;
    let worker = House::at(&place).await;
    let web = House::with(&place, worker.clock.clone()).await;
    let shift = Shift::start(scribe(&worker).listening_at(url(&place)));
    let stop = CancellationToken::new();
    let (queue, until) = (web.queue.clone(), stop.clone());
    let telling = tokio::spawn(async move { queue.tell_others(until).await });
    web.push(work("first")).await;
    eventually("the first is done", async || web.effects().await.len() == 1).await;
    let since = Instant::now();
    for n in 2..=6 {
        web.push(work(&n.to_string())).await;
        eventually("it is done", async || web.effects().await.len() == n).await;
    }
    // A poll comes every five seconds only.
    assert!(since.elapsed() < Duration::from_secs(4), "took {:?}", since.elapsed());
    shift.stop().await;
    stop.cancel();
    within(telling).await.unwrap();
}

#[tokio::test]
async fn what_no_notification_tells_is_found_by_the_poll() {
    let place = Place::postgres().await;
    let worker = House::at(&place).await;
    let web = House::with(&place, worker.clock.clone()).await;
    let nowhere = Secret::new("postgres://postgres@127.0.0.1:1/nothing".to_owned());
    let shift = Shift::start(scribe(&worker).listening_at(nowhere));
    for n in 1..=2 {
        web.push(work(&n.to_string())).await;
        eventually("it is done", async || web.effects().await.len() == n).await;
    }
    shift.stop().await;
}
