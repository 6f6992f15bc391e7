//! Webhooks: how soon an event is tried (`spec/webhooks.md` 8, Speed).

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use axum::{Router, body::Bytes, extract::State, http::StatusCode, routing::post};
use http::Method;
use names::{Clock, UnixMillis};
use serde_json::{Value, json};
use testkit::{Person, Server};
use tokio::{
    net::TcpListener,
    time::{Instant, interval, sleep, timeout},
};

use crate::row::Row;

/// Events that count, and how many come in a second.
const EVENTS: usize = 1_000;
const A_SECOND: u32 = 50;
/// Who makes them.
const PEOPLE: usize = 20;
/// How long the receiver takes to say yes.
const THINKS: Duration = Duration::from_millis(5);
/// What all but one in twenty may take, in milliseconds.
const P95: f64 = 250.0;
/// How long the last may take.
const PATIENCE: Duration = Duration::from_mins(1);
const SONG: &str = "/api/v1/repos/anna/song";

/// How long each event took from its moment to the receiver, in milliseconds.
#[derive(Debug, Clone, Default)]
struct Heard {
    clock: Clock,
    waits: Arc<Mutex<Vec<f64>>>,
}

impl Heard {
    fn waits(&self) -> Vec<f64> {
        self.waits.lock().map(|it| it.clone()).unwrap_or_default()
    }
}

async fn hears(State(heard): State<Heard>, body: Bytes) -> StatusCode {
    let now = heard.clock.now();
    let told: Option<Value> = serde_json::from_slice(&body).ok();
    let happened = told.as_ref().and_then(|it| it.get("timestamp")?.as_str()?.parse().ok());
    let is_counted = told.and_then(|it| Some(it.get("type")? == "repository.starred"));
    if let (Some(at), Some(true)) = (happened, is_counted) {
        let at: UnixMillis = at;
        if let Ok(mut waits) = heard.waits.lock() {
            waits.push(now.since(at).as_secs_f64() * 1000.0);
        }
    }
    sleep(THINKS).await;
    StatusCode::NO_CONTENT
}

async fn asks(
    server: &Server,
    (method, target): (Method, &str),
    by: &Person,
    body: Value,
) -> anyhow::Result<()> {
    let answer = server.request(method, target).json(&body).by(by).send().await;
    ensure!(answer.status < 300, "{target} answered {}: {}", answer.status, answer.text());
    Ok(())
}

/// From the moment of an event to its first try, at fifty a second, on SQLite.
pub(crate) async fn first_attempt(binary: &Path) -> anyhow::Result<Row> {
    let heard = Heard::default();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let receiver = Router::new().route("/hook", post(hears)).with_state(heard.clone());
    let receiver = tokio::spawn(async move { axum::serve(listener, receiver).await });
    let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
    let server = Server::with(&binary.display().to_string())
        .on(testkit::Ground::SqliteDisk)
        .data_dir(dir.path().join("data"))
        .arg(format!("--webhook-allow={address}"))
        .start()
        .await;
    let anna = server.register("anna").await;
    let new = json!({ "name": "song", "visibility": "public" });
    asks(&server, (Method::POST, "/api/v1/repos"), &anna, new).await?;
    let hook = json!({ "url": format!("http://{address}/hook"), "events": ["*"] });
    asks(&server, (Method::POST, &format!("{SONG}/webhooks")), &anna, hook).await?;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(server.register(&format!("person{number}")).await);
    }
    let mut tick = interval(Duration::from_secs(1) / A_SECOND);
    let (star, began) = (format!("{SONG}/star"), Instant::now());
    for (number, person) in people.iter().cycle().take(EVENTS).enumerate() {
        tick.tick().await;
        if number >= PEOPLE {
            asks(&server, (Method::DELETE, &star), person, json!({})).await?;
        }
        asks(&server, (Method::PUT, &star), person, json!({})).await?;
    }
    let took = began.elapsed();
    let all = async {
        while heard.waits().len() < EVENTS {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, all).await.context("not every event arrived")?;
    receiver.abort();
    let mut waits = heard.waits();
    waits.sort_by(f64::total_cmp);
    let at = |part: usize| waits.get(waits.len() * part / 100).copied().context("no times");
    let (p50, p95, p99) = (at(50)?, at(95)?, at(99)?);
    let how = format!(
        "p95 of {EVENTS} events in {:.0} s (p50 {p50:.0}, p99 {p99:.0}), one subscription, a receiver that takes 5 ms",
        took.as_secs_f64(),
    );
    Ok(Row::at_most("hooks.first_attempt", "ms", p95, P95, how))
}
