//! A server on either database, and that database, for tests that change something behind the server's back.

use std::time::Duration;

use cluster::{Cluster, Database};
use db::Db;
use serde_json::Value;
use testkit::{Answer, Person, Server, Setup};
use tokio::time::{sleep, timeout};

use crate::MOTET;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// Far more than anything here takes, so that only a fault reaches it.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// Where rows are.
pub(crate) enum Ground {
    Sqlite,
    Postgres(Database),
}

impl Ground {
    pub(crate) async fn postgres() -> Self {
        Self::Postgres(Cluster::shared().await.database().await)
    }

    /// A server on it, to be started.
    pub(crate) fn server(&self) -> Setup {
        match self {
            Self::Sqlite => Server::with(MOTET).on(testkit::Ground::SqliteDisk),
            Self::Postgres(database) => Server::with(MOTET)
                .on(testkit::Ground::SqliteDisk)
                .env("MOTET_DATABASE_URL", &database.url)
                .env("MOTET_INSTALL_KEY", KEY),
        }
    }

    /// The database of a server. On SQLite the server should be stopped, or only be read beside.
    pub(crate) async fn db(&self, server: &Server) -> Db {
        match self {
            Self::Sqlite => Db::sqlite(&server.data_dir().join("motet.db")).await.unwrap(),
            Self::Postgres(database) => Db::postgres(&database.url).await.unwrap(),
        }
    }
}

/// Runs a test on both databases.
macro_rules! on_both {
    ($(#[$doc:meta])* async fn $name:ident($ground:ident: Ground) $body:block) => {
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn run($ground: Ground) $body

            #[tokio::test]
            async fn sqlite() {
                run(Ground::Sqlite).await;
            }

            #[tokio::test]
            async fn postgres() {
                run(Ground::postgres().await).await;
            }
        }
    };
}

pub(crate) use on_both;

/// Waits until `holds`.
pub(crate) async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            sleep(GLANCE).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "not in time: {what}");
}

/// The list of jobs in `state`, as the operator sees it.
pub(crate) async fn jobs(server: &Server, state: &str) -> Value {
    let target = format!("/api/v1/admin/jobs?state={state}");
    let answer = server.get(&target).by(&server.operator()).send().await;
    answer.assert_status(200);
    answer.json()
}

/// An order of the operator's.
pub(crate) async fn order(server: &Server, target: &str) -> Answer {
    server.post(target).by(&server.operator()).send().await
}

/// Waits until no job waits or runs.
pub(crate) async fn settled(server: &Server) {
    eventually("the queue is empty", async || {
        let counts = &jobs(server, "ready").await["counts"];
        ["ready", "running", "posted"].iter().all(|state| counts[*state] == 0)
    })
    .await;
}

/// Somebody with a repository in the making, to which something was uploaded a day ago.
pub(crate) async fn forsaken(server: &Server, anna: &Person, name: &str) {
    let repository = anna.repository(name);
    let uploads = vec![testkit::object(b"never asked for"), testkit::object(name.as_bytes())];
    server.push_objects(anna, &repository, uploads).await.assert_status(200);
}
