//! Two at the same moment, brought there by locks that the test holds: processes that boot for the first time on one
//! database, a repository that is restored while it is due to be removed, pushes that fit once (`spec/trust.md` 1, 9, 13;
//! 16, points 3 and 54; `spec/hub.md` 1).
//!
//! On PostgreSQL alone: on SQLite there is one process, and one who writes.

use cluster::{Cluster, Database};
use db::{Db, Tx};
use futures_util::future::join;
use http::Method;
use serde_json::json;
use testkit::{Answer, Person, Server, Story};

use crate::{
    ground::{Ground, eventually, order, settled},
    store::{self, Stop},
};

const SONG: &str = "/api/v1/repos/anna/song";

/// A database with the schema and the stops, and the test's own way into it.
async fn with_stops() -> (Database, Db) {
    let database = Cluster::shared().await.database().await;
    let db = Db::postgres(&database.url).await.unwrap();
    let mut tx = db.write().await.unwrap();
    store::put_stops_up(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    (database, db)
}

async fn stopped(db: &Db, at: Stop) -> Tx {
    let mut tx = db.write().await.unwrap();
    store::stop(&mut tx, at).await.unwrap();
    tx
}

/// Waits until that many wait for a lock.
async fn waiting(db: &Db, count: i64) {
    eventually("all are at the lock", async || {
        store::waiting(&mut db.glance().await.unwrap()).await.unwrap() == count
    })
    .await;
}

async fn rows(server: &Server, action: &str) -> usize {
    let target = format!("/api/v1/admin/audit?limit=100&action={action}");
    let rows = server.get(&target).by(&server.operator()).send().await.json();
    rows["items"].as_array().unwrap().len()
}

/// Both see that there is no operator, and later that nobody was invited, before either of them has made one.
#[tokio::test]
async fn two_first_boots_at_the_same_moment_leave_one_operator_and_one_invitation() {
    let (database, db) = with_stops().await;
    let ground = Ground::Postgres(database);
    let boot = || {
        let setup = ground.server().arg("--registration").arg("invite");
        setup.arg("--host").arg("forge.example").start()
    };
    let principals = stopped(&db, Stop::NewPrincipals).await;
    let tokens = stopped(&db, Stop::NewTokens).await;
    let held = async {
        waiting(&db, 2).await;
        principals.commit().await.unwrap();
        waiting(&db, 2).await;
        tokens.commit().await.unwrap();
    };
    let ((one, other), ()) = join(join(boot(), boot()), held).await;

    let invites: Vec<_> = [&one, &other]
        .into_iter()
        .filter_map(|it| std::fs::read_to_string(it.data_dir().join("first-invite")).ok())
        .collect();
    assert_eq!(invites.len(), 1, "one of both has left an invitation");
    for server in [&one, &other] {
        server.get("/healthz").send().await.assert_status(200);
        // Each operator's key is the operator's.
        assert_eq!(rows(server, "invite_created").await, 1);
        assert_eq!(rows(server, "operator_repaired").await, 2);
    }
    let carol = one.stranger("carol");
    let line = carol.key().public().to_openssh();
    let mut body = carol.answer_to(&other.challenge("carol", &line).await);
    body["invite"] = json!(invites[0].trim());
    other.verify(&body).await.assert_status(201);

    // What one of them took, the other knows.
    let create = one.post("/api/v1/repos").authority("forge.example").by(&carol);
    let create = create.json(&json!({ "name": "song" }));
    create.send().await.assert_status(201);
    create.again_to(&other).send().await.assert_refused(401, "replayed");
    let listed = other.get("/api/v1/repos").by(&carol).send().await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let scope = json!({ "scope": { "planes": { "hub": "read" }, "repositories": "all" } });
    let minted = one.post("/api/v1/tokens").json(&scope).by(&carol).send().await.json();
    let bearer = format!("Bearer {}", minted["value"].as_str().unwrap());
    let by_token = async |server: &Server| {
        server.get("/api/v1/repos").header("authorization", &bearer).send().await
    };
    for server in [&one, &other] {
        by_token(server).await.assert_status(200);
    }
    let revoke = format!("/api/v1/tokens/{}", minted["token"]["id"].as_str().unwrap());
    other.request(Method::DELETE, &revoke).by(&carol).send().await.assert_status(204);
    for server in [&one, &other] {
        by_token(server).await.assert_refused(401, "unauthenticated");
    }
}

/// A server with `anna/song`, which was deleted long ago.
async fn due(database: Database, db: &Db) -> (Server, Person, Story, Ground) {
    let ground = Ground::Postgres(database);
    let server = ground.server().start().await;
    let anna = server.register("anna").await;
    let story = Story::of_one("a song");
    server.push_story(&anna, "anna/song", &story, "main").await;
    // Its own work is done: nothing else comes to the row.
    settled(&server).await;
    let delete = server.request(Method::DELETE, SONG).json(&json!({ "confirm": "anna/song" }));
    delete.by(&anna).send().await.assert_status(204);
    let mut tx = db.write().await.unwrap();
    assert_eq!(store::let_retention_pass(&mut tx, "song").await.unwrap(), 1);
    tx.commit().await.unwrap();
    (server, anna, story, ground)
}

async fn restore(server: &Server, anna: &Person) -> Answer {
    server.post(&format!("{SONG}/restore")).json(&json!({})).by(anna).send().await
}

const PURGE: &str = "/api/v1/admin/schedules/hub.purge/run";

/// The job has seen that the repository is due, and comes to its row after whoever restores it.
#[tokio::test]
async fn what_is_restored_between_the_look_of_a_purge_and_its_work_keeps_its_branches() {
    let (database, db) = with_stops().await;
    let (server, anna, story, _ground) = due(database, &db).await;
    let mut row = db.write().await.unwrap();
    store::hold_repository(&mut row, "song").await.unwrap();
    let held = async {
        waiting(&db, 1).await;
        order(&server, PURGE).await.assert_status(200);
        waiting(&db, 2).await;
        row.commit().await.unwrap();
    };
    let (restored, ()) = join(restore(&server, &anna), held).await;
    restored.assert_status(200);
    settled(&server).await;
    assert_eq!(server.head(&anna, "anna/song", "main").await, Some(story.tip()));
    assert_eq!(rows(&server, "repo_purged").await, 0);
    server.fetch(&anna, "anna/song", &[story.tip()], &[]).await;
}

/// The job has taken the branches away and is about to remove the rest: nobody is told that it is back.
#[tokio::test]
async fn what_is_being_purged_cannot_be_restored_any_more() {
    let (database, db) = with_stops().await;
    let (server, anna, _, _ground) = due(database, &db).await;
    let removals = stopped(&db, Stop::Removals).await;
    order(&server, PURGE).await.assert_status(200);
    waiting(&db, 1).await;
    restore(&server, &anna).await.assert_refused(404, "not_found");
    let purge = server.post(&format!("{SONG}/purge")).json(&json!({ "confirm": "anna/song" }));
    purge.by(&anna).send().await.assert_refused(404, "not_found");
    let listed = server.get("/api/v1/repos?deleted=1").by(&anna).send().await.json();
    assert_eq!(listed["items"], json!([]));
    removals.commit().await.unwrap();
    settled(&server).await;
    assert_eq!(rows(&server, "repo_purged").await, 1);
}

/// Both pushes have come as far as the row of the repository: whatever could be looked at before has been.
#[tokio::test]
async fn of_two_pushes_that_fit_once_one_passes() {
    let (database, db) = with_stops().await;
    let ground = Ground::Postgres(database);
    let server = ground.server().arg("--quota-repository-bytes=10000").start().await;
    let anna = server.register("anna").await;
    server.create(&anna, "song", "private").await;
    let mut pushes = Vec::new();
    for path in ["one", "two"] {
        let mut story = Story::default();
        story.commit(&[], path, &[(path, path.repeat(2_000).as_bytes())]);
        server.push_objects(&anna, "anna/song", story.inline()).await.assert_status(200);
        let push = story.push_to(path).into_value(api::wire::Format::MessagePack);
        pushes.push((path, story.tip(), server.wire(&anna, "anna/song", "push", &push)));
    }
    let mut row = db.write().await.unwrap();
    store::hold_repository(&mut row, "song").await.unwrap();
    let held = async {
        waiting(&db, 2).await;
        row.commit().await.unwrap();
    };
    let both = join(pushes[0].2.send(), pushes[1].2.send());
    let ((one, two), ()) = join(both, held).await;
    let (mut passed, mut refused) = (0, 0);
    for (answer, (branch, tip, _)) in [one, two].iter().zip(&pushes) {
        let landed = server.head(&anna, "anna/song", branch).await;
        if answer.status == 200 {
            passed += 1;
            assert_eq!(landed, Some(*tip));
        } else {
            refused += 1;
            answer.assert_refused(413, "quota_exceeded");
            assert_eq!(landed, None, "a branch that was refused is not there");
        }
    }
    assert_eq!((passed, refused), (1, 1));
    let usage = server.get(&format!("{SONG}/usage")).by(&anna).send().await.json();
    assert_eq!(usage["bytes"]["used"], 6_000);
}
