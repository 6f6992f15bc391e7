//! Background work is done: by schedules, across kills, stops and processes (`spec/conventions.md`, Time, work and
//! failure).

use std::time::Duration;

use http::Method;
use serde_json::json;
use testkit::{Server, Story};
use tokio::{net::TcpStream, time::timeout};

use crate::{
    ground::{Ground, eventually, forsaken, jobs, on_both, order, settled},
    store,
};

const RUN: &str = "/api/v1/admin/schedules/hub.expire/run";

/// A stopped server with a repository in the making whose uploads have ended, and which is old.
async fn with_something_ended(ground: &Ground, server: &mut Server) {
    let anna = server.register("anna").await;
    forsaken(server, &anna, "gone").await;
    server.stop().await;
    let db = ground.db(server).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(store::end_uploads(&mut tx, "gone").await.unwrap(), 2);
    assert_eq!(store::age(&mut tx, "gone").await.unwrap(), 1);
    tx.commit().await.unwrap();
    db.close().await;
}

/// How many uploads to the repository are left.
async fn uploads_left(ground: &Ground, server: &Server) -> i64 {
    let db = ground.db(server).await;
    let left = store::count_uploads(&mut db.glance().await.unwrap(), "gone").await.unwrap();
    db.close().await;
    left
}

on_both! {
    async fn a_schedule_whose_time_came_while_nobody_worked_is_run_once(ground: Ground) {
        let mut server = ground.server().with_schedules().start().await;
        with_something_ended(&ground, &mut server).await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        assert_eq!(store::make_due(&mut tx, "hub.expire").await.unwrap(), 1);
        tx.commit().await.unwrap();
        db.close().await;

        server.restart().await;
        eventually("the schedule has moved on", async || {
            let schedules = server.get("/api/v1/admin/schedules").by(&server.operator());
            let found = schedules.send().await.json();
            let mut schedules = found["items"].as_array().unwrap().iter();
            let expire = schedules.find(|it| it["name"] == "hub.expire").unwrap();
            !expire["next_at"].as_str().unwrap().starts_with("1970")
        })
        .await;
        settled(&server).await;
        server.stop().await;
        assert_eq!(uploads_left(&ground, &server).await, 0);
    }
}

#[tokio::test]
async fn without_schedules_nothing_comes_by_itself() {
    let ground = Ground::Sqlite;
    let mut server = ground.server().start().await;
    with_something_ended(&ground, &mut server).await;
    let db = ground.db(&server).await;
    let mut tx = db.write().await.unwrap();
    assert_eq!(store::make_due(&mut tx, "hub.expire").await.unwrap(), 1);
    tx.commit().await.unwrap();
    db.close().await;

    server.restart().await;
    // What is asked for is done; by then the other would have been done too.
    let asked = "/api/v1/admin/schedules/hub.records/run";
    assert_eq!(order(&server, asked).await.json()["pushed"], true);
    settled(&server).await;
    assert_eq!(uploads_left(&ground, &server).await, 2);
}

on_both! {
    async fn what_has_ended_goes_and_what_is_alive_stays(ground: Ground) {
        let mut server = ground.server().start().await;
        let anna = server.register("anna").await;
        let story = Story::of_one("a song");
        server.push_story(&anna, "anna/song", &story, "main").await;
        for name in ["gone", "fresh", "young"] {
            forsaken(&server, &anna, name).await;
        }
        forsaken(&server, &anna, "song").await;
        server.stop().await;
        let db = ground.db(&server).await;
        let mut tx = db.write().await.unwrap();
        for name in ["gone", "young", "song"] {
            assert_eq!(store::end_uploads(&mut tx, name).await.unwrap(), 2, "{name}");
        }
        for name in ["gone", "fresh", "song"] {
            store::age(&mut tx, name).await.unwrap();
        }
        tx.commit().await.unwrap();

        server.restart().await;
        assert_eq!(order(&server, RUN).await.json(), json!({ "name": "hub.expire", "pushed": true }));
        settled(&server).await;
        assert_eq!(server.head(&anna, "anna/song", "main").await, Some(story.tip()));
        // The name is free again, that of one whose uploads are alive is not.
        for (name, status) in [("gone", 201), ("fresh", 409), ("young", 409)] {
            let body = json!({ "name": name });
            server.post("/api/v1/repos").by(&anna).json(&body).send().await.assert_status(status);
        }
        server.stop().await;
        let mut tx = db.read().await.unwrap();
        for (name, left) in [("gone", 0), ("fresh", 2), ("young", 0), ("song", 0)] {
            assert_eq!(store::count_uploads(&mut tx, name).await.unwrap(), left, "{name}");
        }
        assert_eq!(store::count_resources(&mut tx).await.unwrap(), 4, "no row is left of what went");
        drop(tx);
        db.close().await;
    }
}

on_both! {
    /// The job is held up in the middle of its one transaction, and the process is killed there.
    async fn a_job_whose_process_is_killed_is_done_after_the_restart(ground: Ground) {
        let mut server = ground.server().start().await;
        with_something_ended(&ground, &mut server).await;
        let db = ground.db(&server).await;
        let mut holder = db.write().await.unwrap();
        store::hold_up(&mut holder).await.unwrap();
        let holder = match &ground {
            // The trigger stays until it is dropped; the lock as long as the transaction is open.
            Ground::Sqlite => {
                holder.commit().await.unwrap();
                None
            }
            Ground::Postgres(_) => Some(holder),
        };

        server.restart().await;
        order(&server, RUN).await.assert_status(200);
        eventually("the job runs", async || jobs(&server, "running").await["items"] != json!([])).await;
        let running = jobs(&server, "running").await["items"][0].clone();
        server.kill().await;
        drop(holder);

        let mut tx = db.write().await.unwrap();
        store::let_go(&mut tx).await.unwrap();
        if matches!(ground, Ground::Postgres(_)) {
            // Others could be alive, so the lease has to end; that minute is over.
            assert_eq!(store::end_leases(&mut tx).await.unwrap(), 1);
        }
        tx.commit().await.unwrap();
        assert!(store::count_uploads(&mut db.glance().await.unwrap(), "gone").await.unwrap() > 0);
        db.close().await;

        server.restart().await;
        settled(&server).await;
        let gone = format!("/api/v1/admin/jobs/{}", running["id"].as_str().unwrap());
        server.get(&gone).by(&server.operator()).send().await.assert_status(404);
        server.stop().await;
        assert_eq!(uploads_left(&ground, &server).await, 0);
    }
}

/// Waits until nobody is let in any more.
async fn closed(server: &Server) {
    let waiting = async { while TcpStream::connect(server.address()).await.is_ok() {} };
    timeout(Duration::from_secs(10), waiting).await.unwrap();
}

#[tokio::test]
async fn a_job_under_way_is_finished_before_the_server_stops() {
    let ground = Ground::postgres().await;
    let mut server = ground.server().start().await;
    with_something_ended(&ground, &mut server).await;
    let db = ground.db(&server).await;
    let mut holder = db.write().await.unwrap();
    store::hold_up(&mut holder).await.unwrap();

    server.restart().await;
    order(&server, RUN).await.assert_status(200);
    eventually("the job runs", async || jobs(&server, "running").await["items"] != json!([])).await;
    server.terminate();
    closed(&server).await;
    drop(holder);
    server.ended_well().await;
    db.close().await;
    assert_eq!(uploads_left(&ground, &server).await, 0);
}

#[tokio::test]
async fn a_job_that_does_not_finish_in_time_is_handed_back() {
    let ground = Ground::postgres().await;
    let mut server = ground.server().arg("--drain-seconds").arg("1").start().await;
    with_something_ended(&ground, &mut server).await;
    let db = ground.db(&server).await;
    let mut holder = db.write().await.unwrap();
    store::hold_up(&mut holder).await.unwrap();

    server.restart().await;
    order(&server, RUN).await.assert_status(200);
    eventually("the job runs", async || jobs(&server, "running").await["items"] != json!([])).await;
    server.stop().await;
    drop(holder);
    let clock = names::Clock::default();
    let queue = ::jobs::Queue::new(db.clone(), clock, names::Random::default());
    let left = queue.list(::jobs::State::Ready, None, 10).await.unwrap().items;
    assert_eq!(
        left.iter().map(|it| it.attempts).collect::<Vec<_>>(),
        [0],
        "the try does not count"
    );
    db.close().await;

    server.restart().await;
    settled(&server).await;
    assert_eq!(uploads_left(&ground, &server).await, 0);
}

#[tokio::test]
async fn a_process_may_serve_and_another_work() {
    let ground = Ground::postgres().await;
    let mut web = ground.server().arg("--role").arg("web").start().await;
    with_something_ended(&ground, &mut web).await;
    web.restart().await;
    order(&web, RUN).await.assert_status(200);
    let listed = jobs(&web, "ready").await;
    let kinds: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"hub.expire"), "nobody works yet: {listed}");

    let mut worker = ground.server().arg("--role").arg("worker").start().await;
    settled(&web).await;
    assert_eq!(uploads_left(&ground, &web).await, 0);
    // It answers for its health alone.
    worker.get("/healthz").send().await.assert_status(200);
    for target in ["/", "/api/v1/repos", "/admin/jobs"] {
        worker.get(target).by(&worker.operator()).send().await.assert_status(404);
    }
    for _ in 0..3 {
        assert_eq!(order(&web, RUN).await.json()["pushed"], true);
        settled(&web).await;
    }
    worker.stop().await;
    web.stop().await;
}

#[tokio::test]
async fn on_sqlite_one_process_does_everything() {
    for role in ["web", "worker"] {
        let ended = Ground::Sqlite.server().arg("--role").arg(role).refuses().await;
        assert_eq!(ended.code, Some(2), "{}", ended.log);
        assert!(ended.log.contains("needs a PostgreSQL database"), "{}", ended.log);
    }
}

#[tokio::test]
async fn a_schedule_that_is_switched_off_stays_off_across_a_restart() {
    let mut server = Ground::Sqlite.server().start().await;
    let switch = |verb: &str| format!("/api/v1/admin/schedules/hub.expire/{verb}");
    let off = order(&server, &switch("disable")).await;
    off.assert_status(200);
    assert_eq!((&off.json()["enabled"], &off.json()["next_at"]), (&json!(false), &json!(null)));
    server.stop().await;
    server.restart().await;
    let listed = server.get("/api/v1/admin/schedules").by(&server.operator()).send().await.json();
    let mut schedules = listed["items"].as_array().unwrap().iter();
    let expire = schedules.find(|it| it["name"] == "hub.expire").unwrap();
    assert_eq!(expire["enabled"], false, "{listed}");
    let on = order(&server, &switch("enable")).await.json();
    assert!(on["enabled"] == true && on["next_at"].is_string(), "{on}");
    for verb in ["enable", "disable", "run"] {
        let unknown = format!("/api/v1/admin/schedules/no.such/{verb}");
        order(&server, &unknown).await.assert_refused(404, "not_found");
    }
    let get = server.request(Method::GET, &switch("run")).by(&server.operator()).send().await;
    get.assert_refused(405, "method_not_allowed");
}
