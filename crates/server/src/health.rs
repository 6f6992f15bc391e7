//! Is the server well, and what it counts.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

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

/// Where health is told. Answered whatever host is named, but for a local server's.
pub(crate) const PATHS: [&str; 4] = ["/healthz", "/health", "/readyz", "/livez"];

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
    let listener: TcpListener = listener::bind(&[address], &address).await?;
    // Reads that were begun only to count: left out of what is told, so that an idle server shows that it is idle.
    let own_reads = Arc::new(AtomicU64::new(0));
    let answer = move || async move {
        let kind = [("content-type", "text/plain; version=0.0.4")];
        (kind, counters(&house, &own_reads).await)
    };
    let served = axum::serve(listener, Router::new().route("/metrics", get(answer)));
    let task = tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "the counters are not served any more");
        }
    });
    Ok(Metrics(task.abort_handle()))
}

/// Every counter, a line each.
async fn counters(house: &House, own_reads: &AtomicU64) -> String {
    own_reads.fetch_add(1, Ordering::Relaxed);
    let jobs = timeout(PROBE_TIME, house.queue().counts()).await;
    let begun = house.db().transactions_begun();
    let transactions = begun.saturating_sub(own_reads.load(Ordering::Relaxed));
    let mut lines = metric("motet_db_transactions_total", "counter", transactions);
    match jobs {
        Ok(Ok(jobs)) => {
            for (name, number) in [
                ("motet_jobs_ready", jobs.ready),
                ("motet_jobs_due", jobs.due),
                ("motet_jobs_running", jobs.running),
                ("motet_jobs_dead", jobs.dead),
                ("motet_jobs_posted", jobs.posted),
            ] {
                lines += &metric(name, "gauge", number);
            }
        }
        // Their absence tells the same to whoever watches.
        Ok(Err(error)) => tracing::warn!(%error, "jobs were not counted"),
        Err(_) => tracing::warn!("jobs were not counted in time"),
    }
    lines
}

fn metric(name: &str, kind: &str, value: u64) -> String {
    format!("# TYPE {name} {kind}\n{name} {value}\n")
}
