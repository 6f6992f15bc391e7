//! Everything at once, and kills among it: what was acknowledged is there, and the store is sound (`spec/hub.md` 13, H32).
//!
//! Four clients push to repositories of their own and to branches of one that they share, force branches back and have
//! repositories collected, while the operator has the store walked over and tidied. The rounds of a night:
//! `cargo test -p motet --test it -- kills::ledger rounds=500`.

use std::time::Duration;

use names::Random;
use serde_json::{Value, json};
use testkit::{Broken, Person, Server};

use super::{draw, kill_within, line::Line, over, seeded};
use crate::ground::{Ground, eventually, jobs, on_both};

/// How often the server is killed, on each database.
const ROUNDS: usize = 15;
/// After so many rounds everything is done and looked through. A job that its process never finishes is given up after 30
/// tries, so no job may meet more kills than that.
const CHAPTER: usize = 25;
/// The server is killed within this time of the round's first push: some pushes of each client.
const LONGEST_ROUND: Duration = Duration::from_millis(400);
/// What the operator asks for.
const SCANS: [&str; 5] = ["tidy", "scrub", "orphans", "records", "sample"];
/// Only has to be there; it is due in ten minutes.
const LATER: &str = "objects.clear";

/// The rounds that the command line asks for.
fn rounds() -> usize {
    let asked = std::env::args().find_map(|it| it.strip_prefix("rounds=")?.parse().ok());
    asked.unwrap_or(ROUNDS)
}

/// Somebody who pushes here and there.
struct Client {
    lines: [Line; 2],
    random: Random,
}

impl Client {
    async fn work(&mut self, server: &Server) {
        let ended: Result<(), Broken> = async {
            loop {
                let at = usize::try_from(draw(&self.random, 2)).unwrap();
                self.lines[at].step(server, &self.random).await?;
            }
        }
        .await;
        assert!(ended.is_err());
    }
}

/// Asks for one walk after the other until the server is gone.
async fn operate(server: &Server, random: &Random) {
    let operator = server.operator();
    loop {
        let kind = SCANS[usize::try_from(draw(random, SCANS.len() as u64)).unwrap()];
        let asked = server.post("/api/v1/admin/storage/scan").by(&operator);
        match asked.json(&json!({ "kind": kind })).try_send().await {
            Ok(answer) => answer.assert_status(202),
            Err(Broken) => return,
        }
    }
}

/// Four people, each with a repository and a branch of anna's, and each with a chance of their own.
async fn gather(server: &Server, random: &Random) -> Vec<Client> {
    let anna = server.register("anna").await;
    server.create(&anna, "shared", "private").await;
    let mut clients = Vec::new();
    for name in ["anna", "boris", "clara", "dmitri"] {
        let person: Person =
            if name == "anna" { anna.clone() } else { server.register(name).await };
        let own = person.repository("song");
        server.create(&person, "song", "private").await;
        let lines = [
            Line::begin(server, &person, &own, "main", random).await,
            Line::begin(server, &anna, "anna/shared", name, random).await,
        ];
        let random = Random::seeded(u64::from_be_bytes(random.bytes()));
        clients.push(Client { lines, random });
    }
    clients
}

/// Kills the server once while everybody is at it, and starts it again.
async fn round(server: &mut Server, clients: &mut [Client], random: &Random) {
    let [a, b, c, d] = clients else { panic!("four clients") };
    tokio::join!(
        a.work(server),
        b.work(server),
        c.work(server),
        d.work(server),
        operate(server, random),
        kill_within(server, random, LONGEST_ROUND)
    );
    server.kill().await;
}

/// Has the store walked over in one way, to the end of the walk.
async fn scan(server: &Server, kind: &str) {
    let asked = server.post("/api/v1/admin/storage/scan").by(&server.operator());
    asked.json(&json!({ "kind": kind })).send().await.assert_status(202);
    idle(server).await;
}

/// Waits until nothing is to be done but what is due later.
async fn idle(server: &Server) {
    eventually("everything is done", async || {
        let (ready, running) = (jobs(server, "ready").await, jobs(server, "running").await);
        let mut waiting = ready["items"].as_array().unwrap().iter();
        waiting.all(|it| it["kind"] == LATER) && running["items"] == json!([])
    })
    .await;
}

/// No walk finds, or ever found, a fault; nobody gave up; nothing lies around.
async fn is_sound(server: &Server) {
    idle(server).await;
    for kind in SCANS {
        scan(server, kind).await;
    }
    let operator = server.operator();
    for state in ["open", "resolved"] {
        let target = format!("/api/v1/admin/storage/faults?state={state}");
        let faults = server.get(&target).by(&operator).send().await.json();
        assert_eq!(faults["items"], json!([]));
    }
    let storage = server.get("/api/v1/admin/storage").by(&operator).send().await.json();
    assert_eq!(storage["open_faults"], 0);
    let no_fault = |it: &Value| it["faults"] == 0;
    assert!(storage["scans"].as_array().unwrap().iter().all(no_fault), "{storage}");
    assert_eq!(jobs(server, "dead").await["counts"]["dead"], 0);
    let left = std::fs::read_dir(server.data_dir().join("objects/tmp")).unwrap().count();
    assert_eq!(left, 0, "files in tmp");
    let log = server.log();
    let mut errors = log.lines().filter(|line| line.contains(r#""level":"ERROR""#));
    assert_eq!(errors.next(), None);
}

on_both! {
    async fn what_was_acknowledged_outlives_every_kill_and_the_store_is_sound(ground: Ground) {
        let random = seeded();
        let mut server = ground.server().start().await;
        let mut clients = gather(&server, &random).await;
        let rounds = rounds();
        for number in 0..rounds {
            round(&mut server, &mut clients, &random).await;
            over(&ground, &server, false).await;
            server.restart().await;
            for line in clients.iter_mut().flat_map(|it| &mut it.lines) {
                line.holds(&server).await;
            }
            if (number + 1) % CHAPTER == 0 || number + 1 == rounds {
                server.stop().await;
                over(&ground, &server, true).await;
                server.restart().await;
                is_sound(&server).await;
                eprintln!("after {} rounds everything is sound", number + 1);
            }
        }
        for line in clients.iter_mut().flat_map(|it| &mut it.lines) {
            line.holds(&server).await;
        }
        server.stop().await;
    }
}
