//! The real program is killed or stopped while it sends: nothing is lost, and what is sent again bears the same id
//! (`spec/webhooks.md` 7; 8, points 26, 27 and 29).

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::json;
use testkit::{Person, Server};
use tokio::{
    net::TcpListener,
    spawn,
    sync::{Mutex, Semaphore},
    task::AbortHandle,
};

use crate::{
    ground::{Ground, eventually, on_both},
    organizations::post,
    store,
    webhooks::ends,
};

const HOOKS: &str = "/api/v1/repos/anna/song/webhooks";

/// A receiver that says yes to as many as it is told to, and keeps the others waiting.
struct Slow {
    address: SocketAddr,
    ids: Arc<Mutex<Vec<String>>>,
    answers: Arc<Semaphore>,
    task: AbortHandle,
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Slow {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ids = Arc::<Mutex<Vec<String>>>::default();
        let answers = Arc::new(Semaphore::new(0));
        let (log, gate) = (Arc::clone(&ids), Arc::clone(&answers));
        let task = spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, gate) = (Arc::clone(&log), Arc::clone(&gate));
                let answer = service_fn(move |request: Request<Incoming>| {
                    let (log, gate) = (Arc::clone(&log), Arc::clone(&gate));
                    async move {
                        let (head, body) = request.into_parts();
                        body.collect().await.unwrap();
                        let id = head.headers["webhook-id"].to_str().unwrap().to_owned();
                        log.lock().await.push(id);
                        gate.acquire().await.unwrap().forget();
                        let mut answer = Response::new(Empty::<Bytes>::new());
                        *answer.status_mut() = StatusCode::NO_CONTENT;
                        Ok::<_, Infallible>(answer)
                    }
                });
                spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { address, ids, answers, task: task.abort_handle() }
    }

    fn says_yes(&self, times: usize) {
        self.answers.add_permits(times);
    }

    async fn was_asked(&self, times: usize) -> Vec<String> {
        eventually("it was asked", async || self.ids.lock().await.len() >= times).await;
        self.ids.lock().await.clone()
    }
}

/// Somebody with a webhook whose first ping has arrived, and one more on its way; gives its address.
async fn sending(ground: &Ground, receiver: &Slow) -> (Server, Person, String) {
    let server = ground
        .server()
        .arg(format!("--webhook-allow={}", receiver.address))
        .arg("--drain-seconds=1")
        .log("info,hooks=debug")
        .start()
        .await;
    let anna = server.register("anna").await;
    post(&server, "/api/v1/repos", &anna, json!({ "name": "song" })).await.assert_status(201);
    let new = json!({ "url": format!("http://{}/hook", receiver.address), "events": ["*"] });
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
