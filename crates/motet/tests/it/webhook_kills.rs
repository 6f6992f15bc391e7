//! The real program is killed or stopped while it sends: nothing is lost, and what is sent again bears the same id
//! (`spec/webhooks.md` 7; 8, points 26, 27 and 29).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::json;
use testkit::{Person, Receiver, Seen, Server, reply};
use tokio::{sync::Semaphore, time::sleep};

use crate::{
    ground::{Ground, eventually, on_both},
    organizations::post,
    store,
    webhooks::ends,
};

const HOOKS: &str = "/api/v1/repos/anna/song/webhooks";

/// A receiver that says yes to as many as it is told to, and keeps the others waiting.
struct Slow {
    receiver: Receiver,
    answers: Arc<Semaphore>,
}

impl Slow {
    async fn start() -> Self {
        let answers = Arc::new(Semaphore::new(0));
        let gate = Arc::clone(&answers);
        let receiver = Receiver::open(move |_| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                reply(204, "")
            }
        });
        Self { receiver: receiver.await, answers }
    }

    fn says_yes(&self, times: usize) {
        self.answers.add_permits(times);
    }

    async fn was_asked(&self, times: usize) -> Vec<String> {
        let seen = self.receiver.saw(times).await;
        seen.iter().map(|it| it.header("webhook-id").to_owned()).collect()
    }
}

/// Somebody with a webhook whose first ping has arrived, and one more on its way; gives its address.
async fn sending(ground: &Ground, receiver: &Slow) -> (Server, Person, String) {
    let server = ground
        .server()
        .arg(receiver.receiver.allowed())
        .arg("--drain-seconds=1")
        .log("info,hooks=debug")
        .start()
        .await;
    let anna = server.register("anna").await;
    post(&server, "/api/v1/repos", &anna, json!({ "name": "song" })).await.assert_status(201);
    let new = json!({ "url": receiver.receiver.url("/hook"), "events": ["*"] });
    let made = post(&server, HOOKS, &anna, new).await;
    let hook = format!("{HOOKS}/{}", made.json()["webhook"]["id"].as_str().unwrap());
    receiver.says_yes(1);
    ends(&server, &anna, &hook, "delivered").await;
    post(&server, &format!("{hook}/ping"), &anna, json!({})).await.assert_status(202);
    receiver.was_asked(2).await;
    (server, anna, hook)
}

on_both! {
    async fn killed_between_the_answer_and_its_record_it_sends_once_more_with_the_same_id(ground: Ground) {
        let receiver = Slow::start().await;
        let (mut server, anna, hook) = sending(&ground, &receiver).await;
        // Nothing can be written down while this is held.
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        store::hold_deliveries(&mut tx).await.unwrap();
        let tries = || server.log().matches(r#""tried""#).count();
        let before = tries();
        receiver.says_yes(1);
        eventually("the answer has come", async || tries() > before).await;
        server.kill().await;
        // A lease of the dead process would end by itself.
        store::end_sending(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
        receiver.says_yes(1);
        server.restart().await;
        let ids = receiver.was_asked(3).await;
        assert_eq!(ids[1], ids[2]);
        assert_ne!(ids[0], ids[1]);
        let told = ends(&server, &anna, &hook, "delivered").await;
        assert_eq!(told["delivery"]["id"], ids[1]);
        assert_eq!(told["attempts"].as_array().unwrap().len(), 1);
    }
}

on_both! {
    async fn a_stop_hands_back_what_it_was_sending_and_loses_nothing(ground: Ground) {
        let receiver = Slow::start().await;
        let (mut server, anna, hook) = sending(&ground, &receiver).await;
        server.terminate();
        server.ended_well().await;
        // Sooner than any lease ends by itself.
        server.restart().await;
        let ids = receiver.was_asked(3).await;
        assert_eq!(ids[1], ids[2]);
        receiver.says_yes(2);
        let told = ends(&server, &anna, &hook, "delivered").await;
        assert_eq!(told["delivery"]["id"], ids[1]);
    }
}

/// Rounds of a kill, unless the command line asks for more: `rounds=1000`.
fn rounds() -> u32 {
    let asked = std::env::args().find_map(|it| it.strip_prefix("rounds=")?.parse().ok());
    asked.unwrap_or(6)
}

on_both! {
    /// Killed at any moment after what was acknowledged: all of it arrives.
    async fn whatever_was_acknowledged_arrives_however_often_it_is_killed(ground: Ground) {
        let receiver = Slow::start().await;
        let (mut server, anna, hook) = sending(&ground, &receiver).await;
        receiver.says_yes(1_000_000);
        let random = names::Random::default();
        let mut acknowledged = BTreeSet::new();
        for _ in 0..rounds() {
            // A call that the kill comes into may have come to be or not: nobody was told.
            let calls = async {
                let mut told = Vec::new();
                for _ in 0..40 {
                    let ping = server.post(&format!("{hook}/ping")).json(&json!({})).by(&anna);
                    let Ok(answer) = ping.try_send().await else { break };
                    answer.assert_status(202);
                    told.push(answer.json()["id"].as_str().unwrap().to_owned());
                }
                told
            };
            let moment = u64::from(u16::from_le_bytes(random.bytes())) * 5;
            let kill = async {
                sleep(Duration::from_micros(moment)).await;
                server.kill_now();
            };
            let (told, ()) = tokio::join!(calls, kill);
            acknowledged.extend(told);
            server.kill().await;
            let db = ground.db(&server).await;
            let mut tx = db.write().await.unwrap();
            store::end_sending(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
            db.close().await;
            server.restart().await;
        }
        assert!(!acknowledged.is_empty());
        let ids = |seen: &[Seen]| -> BTreeSet<String> {
            seen.iter().map(|it| it.header("webhook-id").to_owned()).collect()
        };
        receiver.receiver.has(|seen| ids(seen).is_superset(&acknowledged)).await;
    }
}
