//! The server is killed at a random moment while everybody is at it, again and again: what was acknowledged is there,
//! nothing is done twice, fences only grow (`spec/work.md` 14, kill −9 ledger).
//!
//! The rounds of a night: `MOTET_TEST_ROUNDS=1000 cargo nextest run --workspace -E 'test(work::ledger)'`.

use std::time::Duration;

use names::Random;
use testkit::scale;

use super::clients::House;
use crate::{
    ground::{Ground, jobs, on_both},
    kills::{draw, kill_within, over, seeded},
};

/// How often the server is killed, on each database.
const ROUNDS: usize = 6;
/// After so many rounds everything is worked off. A job that its process never finishes is given up after 30 tries.
const CHAPTER: usize = 25;
/// Before a kill so much has been acknowledged in its round: something to each client, and up to so much more.
const LEAST: u64 = 15;
const MORE: u64 = 25;
/// Then the server is killed within this time: in the middle of some steps.
const LONGEST_STEP: Duration = Duration::from_millis(100);

/// Kills the server once while everybody is at it. Gives how much was acknowledged meanwhile.
async fn round(house: &mut House, random: &Random) -> u64 {
    let House { shop, clients, .. } = house;
    let (tally, before) = (clients.tally.clone(), clients.tally.now());
    let kill = async {
        // The kill falls into load: something has been acknowledged, and more is on its way.
        tally.beyond(before + LEAST + draw(random, MORE)).await;
        kill_within(&shop.server, random, LONGEST_STEP).await;
    };
    tokio::join!(clients.until_gone(shop), kill);
    house.shop.server.kill().await;
    tally.now() - before
}

on_both! {
    async fn what_was_acknowledged_outlives_every_kill_and_nothing_is_done_twice(ground: Ground) {
        let random = seeded();
        let mut house = House::open(&ground, &random).await;
        let (wanted, mut counted) = (scale("ROUNDS", ROUNDS), 0);
        for number in 0..wanted {
            let since = house.clients.starter.runs.len();
            let acknowledged = round(&mut house, &random).await;
            counted += usize::from(acknowledged > 0);
            over(&ground, &house.shop.server, false).await;
            house.shop.server.restart().await;
            let House { shop, receiver, clients } = &mut house;
            clients.hold(shop, since).await;
            eprintln!("round {number}: {acknowledged} acknowledged, all there");
            if (number + 1) % CHAPTER == 0 || number + 1 == wanted {
                clients.end(shop, receiver).await;
                assert_eq!(jobs(&shop.server, "dead").await["counts"]["dead"], 0);
            }
        }
        // A round counts only if the kill fell into work that was acknowledged.
        assert_eq!(counted, wanted);
        for what in ["claims", "submits", "beats", "calls", "releases"] {
            let count: u64 = house.clients.workers.iter().filter_map(|it| it.counts.get(what)).sum();
            assert!(count > 0, "no {what} were acknowledged");
            eprintln!("{count} {what}");
        }
        assert!(!house.clients.judge.accepted.is_empty());
        house.shop.server.stop().await;
    }
}
