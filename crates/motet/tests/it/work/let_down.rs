//! What the server stands on fails while everybody is at work (`spec/work.md` 14, PostgreSQL and disk): work goes on by
//! itself, and nothing that was acknowledged is lost.

use cluster::{Cluster, Database, Settings};
use db::Db;
use futures_util::future::join_all;
use testkit::{Request, Server};
use tokio::sync::watch;

use super::{
    bearing,
    clients::{House, Tally, endpoint},
};
use crate::{
    MOTET,
    faults::Small,
    ground::{Ground, eventually},
    kills::seeded,
    store,
};

/// What has to be acknowledged before a fault, and after it: then load flowed into it, and goes on behind it.
const FLOW: u64 = 20;

/// Of the sixteen connections of the server all but what it may keep for itself; and how many ask at once.
const CONNECTIONS: i64 = 14;
const ASKED: usize = 64;
/// How often clients have to be told that there is no room: each of them some times.
const SAID: u64 = 12;

/// Load flows: more is acknowledged.
async fn flows(tally: &Tally) {
    tally.beyond(tally.now() + FLOW).await;
}

/// Everybody works while harm is done, and what was acknowledged is there afterwards.
async fn under_load(house: &mut House, harm: impl AsyncFnOnce(&Tally)) {
    let House { shop, receiver, clients } = house;
    let tally = clients.tally.clone();
    let (stop, stopped) = watch::channel(false);
    let harmed = async {
        flows(&tally).await;
        harm(&tally).await;
        flows(&tally).await;
        stop.send(true).unwrap();
    };
    tokio::join!(clients.until(shop, &stopped), harmed);
    eprintln!("{} acknowledged, {} put off and asked again", tally.now(), tally.put_off());
    clients.end(shop, receiver).await;
    shop.server.get("/healthz").send().await.assert_status(200);
}

/// Everybody, on a PostgreSQL of their own.
async fn on_postgres(cluster: &Cluster) -> (House, Ground) {
    let ground = Ground::Postgres(cluster.database().await);
    (House::open(&ground, &seeded()).await, ground)
}

fn database(ground: &Ground) -> &Database {
    match ground {
        Ground::Postgres(database) => database,
        Ground::Sqlite => panic!("this is about PostgreSQL"),
    }
}

#[tokio::test]
async fn a_database_that_restarts_or_loses_power_loses_no_work() {
    let cluster = Cluster::start(Settings::default()).await;
    let (mut house, _ground) = on_postgres(&cluster).await;
    under_load(&mut house, async |tally| {
        for _ in 0..2 {
            cluster.restart().await;
            flows(tally).await;
            cluster.kill().await;
            cluster.start_again().await;
            flows(tally).await;
        }
    })
    .await;
}

#[tokio::test]
async fn back_ends_that_are_killed_lose_no_work() {
    let cluster = Cluster::start(Settings::default()).await;
    let (mut house, ground) = on_postgres(&cluster).await;
    under_load(&mut house, async |tally| {
        for _ in 0..8 {
            cluster.cut_connections(database(&ground)).await;
            flows(tally).await;
        }
    })
    .await;
}

/// A transaction left open over runs that have ended, which has read everything, is in nobody's way.
#[tokio::test]
async fn a_long_reader_and_a_transaction_left_open_hold_nobody_up() {
    let cluster = Cluster::start(Settings::default()).await;
    let (mut house, ground) = on_postgres(&cluster).await;
    under_load(&mut house, async |tally| {
        let db = Db::postgres(&database(&ground).url).await.unwrap();
        let mut open = db.write().await.unwrap();
        store::look_long(&mut open).await.unwrap();
        for _ in 0..5 {
            flows(tally).await;
        }
        open.commit().await.unwrap();
        db.close().await;
    })
    .await;
}

/// Every connection of the server waits for a lock, until whoever holds it lets go: more ask than there are connections.
#[tokio::test]
async fn a_pool_that_is_used_up_goes_on_when_it_is_free_again() {
    let cluster = Cluster::start(Settings::default()).await;
    let (mut house, ground) = on_postgres(&cluster).await;
    let ask = house.shop.server.get("/api/v1/runs?limit=1");
    let ask = bearing(ask, &house.shop.runner);
    under_load(&mut house, async |tally| {
        let holder = Db::postgres(&database(&ground).url).await.unwrap();
        let looker = Db::postgres(&database(&ground).url).await.unwrap();
        let mut tx = holder.write().await.unwrap();
        store::hold_runs(&mut tx).await.unwrap();
        let asked: Vec<_> = (0..ASKED).map(|_| ask.clone()).collect();
        let asking = join_all(asked.iter().map(Request::send));
        let freed = async {
            eventually("the others wait", async || {
                let mut look = looker.write().await.unwrap();
                store::waiting(&mut look).await.unwrap() >= CONNECTIONS
            })
            .await;
            tx.commit().await.unwrap();
        };
        let (told, ()) = tokio::join!(asking, freed);
        // Who found no connection in time was told so.
        assert!(told.iter().all(|it| matches!(it.status, 200 | 503)));
        flows(tally).await;
        holder.close().await;
        looker.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_full_disk_puts_work_off_and_loses_none() {
    let small = Small::mount();
    let receiver = endpoint().await;
    let server = Server::with(MOTET)
        .on(testkit::Ground::SqliteDisk)
        .data_dir(small.path().join("data"))
        .arg(format!("--webhook-allow={}", receiver.address))
        .start()
        .await;
    let mut house = House::on(server, receiver, &seeded()).await;
    let House { shop, clients, .. } = &mut house;
    let tally = clients.tally.clone();
    let (stop, stopped) = watch::channel(false);
    // Whoever asks is told, for as long as there is no room; no claim and no result is taken.
    let full = async {
        flows(&tally).await;
        let ballast = small.fill();
        tally.put_off_beyond(tally.put_off() + SAID).await;
        eventually("the server says so", async || {
            shop.server.get("/healthz").send().await.status == 503
        })
        .await;
        std::fs::remove_file(ballast).unwrap();
        flows(&tally).await;
        stop.send(true).unwrap();
    };
    tokio::join!(clients.until(shop, &stopped), full);
    let House { shop, receiver, clients } = &mut house;
    clients.end(shop, receiver).await;
    shop.server.get("/healthz").send().await.assert_status(200);
}
