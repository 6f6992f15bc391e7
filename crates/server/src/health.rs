//! Is the server well, and what it counts.

use std::net::SocketAddr;

use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
use db::Db;
use objects::Objects;
use serde::Serialize;
use tokio::{net::TcpListener, task::AbortHandle, time::timeout};
use trust::{Allowed, Anything, Trust, act};
use web::{Entry, Json, Problem, Routes, Surface};

use crate::{Error, House, listener};

/// How long a store may take to answer before it counts as gone.
const PROBE_TIME: std::time::Duration = std::time::Duration::from_secs(5);

/// What is probed.
#[derive(Debug, Clone)]
struct Stores {
    db: Db,
    objects: Objects,
}

/// Each part, `ok` or what is wrong with it in a word.
#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
    database: &'static str,
    objects: &'static str,
}

pub(crate) fn routes(trust: &Trust, db: Db, objects: Objects) -> (Router, Vec<Entry>) {
    Routes::new(Stores { db, objects }, trust.clone())
        .get("/healthz", Surface::Plain, health)
        .get("/health", Surface::Plain, health)
        .get("/readyz", Surface::Plain, health)
        .get("/livez", Surface::Plain, alive)
        .finish()
}

/// Asks both stores. A server that cannot reach one answers 503, and says which.
async fn health(
    stores: Stores,
    _: Allowed<act::HealthRead, Anything>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    let database = async { stores.db.probe().await.map_err(|error| error.to_string()) };
    let bytes = async { stores.objects.probe().await.map_err(|error| error.to_string()) };
    let (database, objects) =
        tokio::join!(timeout(PROBE_TIME, database), timeout(PROBE_TIME, bytes));
    let word = |store: &str, outcome: Result<Result<(), String>, _>| match outcome {
        Ok(Ok(())) => "ok",
        Ok(Err(error)) => {
            tracing::error!(store, error, "a store does not answer");
            "failed"
        }
        Err(_) => {
            tracing::error!(store, "a store does not answer in time");
            "timeout"
        }
    };
    let (database, objects) = (word("database", database), word("objects", objects));
    let is_well = database == "ok" && objects == "ok";
    let (status, code) =
        if is_well { ("ok", StatusCode::OK) } else { ("failed", StatusCode::SERVICE_UNAVAILABLE) };
    Ok((code, [("cache-control", "no-store")], Json(Health { status, database, objects })))
}

/// The process runs and answers; nothing else is asked.
async fn alive(
    _: Stores,
    _: Allowed<act::HealthRead, Anything>,
    (): (),
) -> Result<impl IntoResponse, Problem> {
    Ok(([("cache-control", "no-store")], "ok\n"))
}

/// The listener of the counters; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Metrics(AbortHandle);

impl Drop for Metrics {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves counters in the text format of Prometheus, on a listener of their own.
pub(crate) async fn serve_metrics(address: SocketAddr, house: House) -> Result<Metrics, Error> {
    let listener: TcpListener = listener::bind(address).await?;
    let counters = move || async move {
        let transactions = house.db().transactions_begun();
        let kind = [("content-type", "text/plain; version=0.0.4")];
        (
            kind,
            format!(
                "# TYPE motet_db_transactions_total counter\nmotet_db_transactions_total {transactions}\n"
            ),
        )
    };
    let served = axum::serve(listener, Router::new().route("/metrics", get(counters)));
    let task = tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "the counters are not served any more");
        }
    });
    Ok(Metrics(task.abort_handle()))
}
