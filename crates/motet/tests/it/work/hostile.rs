//! Peers that mean harm (`spec/work.md` 14): endpoints that answer a byte a second or without end, results that are
//! nothing but brackets. Each has its stated outcome, in bounded memory.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use testkit::Person;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    spawn,
    task::AbortHandle,
    time::sleep,
};

use super::{Shop, of_steps, text};
use crate::ground::{Ground, on_both};

/// Ten mebibytes.
const LARGE: usize = 10 << 20;
/// More memory than this nobody gets out of the server.
const MOST_BYTES: u64 = 512 << 20;
/// What an endless answer may have had taken of it: a mebibyte, and what lies in buffers on the way.
const TAKEN: u64 = 16 << 20;

/// How an endpoint answers.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// A byte a second.
    Dripping,
    /// Without an end, as fast as it is taken.
    Endless,
    /// The same, and says beforehand that it is a gibibyte.
    Announced,
}

/// An endpoint that means harm. It goes when this is dropped.
struct Harmful {
    address: SocketAddr,
    /// Bytes that were taken of its answers.
    sent: Arc<AtomicU64>,
    task: AbortHandle,
}

impl Drop for Harmful {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Harmful {
    async fn open(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&sent);
        let task = spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawn(answer(stream, manner, Arc::clone(&count)));
            }
        });
        Self { address, sent, task: task.abort_handle() }
    }
}

/// Answers one request, until whoever asked has gone.
async fn answer(mut stream: TcpStream, manner: Manner, sent: Arc<AtomicU64>) {
    let mut asked = vec![0; 64 << 10];
    let Ok(1..) = stream.read(&mut asked).await else { return };
    let length = match manner {
        Manner::Announced => "content-length: 1073741824",
        Manner::Dripping | Manner::Endless => "connection: close",
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{length}\r\n\r\n\"");
    let piece = match manner {
        Manner::Dripping => vec![b'a'],
        Manner::Endless | Manner::Announced => vec![b'a'; 64 << 10],
    };
    let mut next = head.into_bytes();
    while stream.write_all(&next).await.is_ok() {
        sent.fetch_add(next.len() as u64, Ordering::Relaxed);
        if matches!(manner, Manner::Dripping) {
            // So slow is what is tried.
            sleep(Duration::from_secs(1)).await;
        }
        next.clone_from(&piece);
    }
}

/// A claim of a task whose subcommand is at this endpoint.
async fn at(ground: &Ground, endpoint: &Harmful) -> (Shop, Person, Value) {
    let allowed = format!("--webhook-allow={}", endpoint.address);
    let shop = Shop::open(ground.server().arg(allowed).start().await, "acme").await;
    for kind in ["subcommand_bearer", "webhook_signing"] {
        shop.secret(kind).await;
    }
    let heron = shop.agent(&shop.anna, "heron").await;
    let look = json!({"name": "look out", "url": format!("http://{}/look", endpoint.address),
        "summary": "Looks.", "input_schema": {"type": "object"}, "output_schema": {"type": "string"}, "timeout": "3s"});
    let steps = json!([{"id": "a", "subcommands": [look]}]);
    shop.register(&of_steps("sync", steps, json!({}))).await;
    shop.start("sync", &json!({})).await;
    let claim = shop.claim(&heron).await;
    (shop, heron, claim)
}

on_both! {
    async fn an_endpoint_that_drips_is_left_when_its_time_is_over(ground: Ground) {
        let endpoint = Harmful::open(Manner::Dripping).await;
        let (shop, heron, claim) = at(&ground, &endpoint).await;
        let told = shop.about(&heron, &claim, "tool", &json!({"name": "look out"})).await;
        told.assert_status(200);
        assert_eq!(told.json()["outcome"], "publisher_timeout");
        shop.done(&heron, &claim, &json!({"n": 1})).await;
    }
}

/// An answer that is too large is left; `least` bytes of it were read at least.
async fn is_left(ground: &Ground, manner: Manner, least: u64) {
    let endpoint = Harmful::open(manner).await;
    let (shop, heron, claim) = at(ground, &endpoint).await;
    shop.server.forget_peak();
    let told = shop.about(&heron, &claim, "tool", &json!({"name": "look out"})).await;
    told.assert_status(200);
    assert_eq!(told.json()["outcome"], "publisher_too_large");
    let taken = endpoint.sent.load(Ordering::Relaxed);
    assert!((least..TAKEN).contains(&taken), "{manner:?}: {taken} bytes were taken");
    assert!(shop.server.peak_bytes() < MOST_BYTES);
    shop.done(&heron, &claim, &json!({"n": 1})).await;
}

on_both! {
    async fn an_endpoint_without_an_end_is_left_after_a_mebibyte(ground: Ground) {
        is_left(&ground, Manner::Endless, 1 << 20).await;
    }
}

on_both! {
    async fn an_endpoint_that_announces_a_gibibyte_is_left_at_once(ground: Ground) {
        is_left(&ground, Manner::Announced, 0).await;
    }
}

on_both! {
    /// Deep, wide, and without an end: each is refused, costs bounded memory, and leaves the claim alive.
    async fn results_of_nothing_but_brackets_are_refused(ground: Ground) {
        let shop = Shop::open(ground.server().start().await, "acme").await;
        let heron = shop.agent(&shop.anna, "heron").await;
        shop.register(&of_steps("sync", json!([{"id": "a"}]), json!({}))).await;
        let run = shop.start("sync", &json!({})).await;
        let claim = shop.claim(&heron).await;
        let target = format!("/api/v1/claims/{}/result", text(&claim["claim"]));
        let half = LARGE / 2;
        let deep = "[".repeat(half) + &"]".repeat(half);
        let wide = format!("[{}[]]", "[],".repeat(LARGE / 3 - 1));
        for (result, statuses) in [(deep, [400, 422]), (wide, [413, 422]), ("[".repeat(LARGE), [400, 422])] {
            shop.server.forget_peak();
            let body = format!(r#"{{"result": {result}}}"#);
            let sent = shop.server.post(&target).header("content-type", "application/json").body(body);
            let told = sent.by(&heron).send().await;
            assert!(statuses.contains(&told.status), "{}: {}", told.status, told.text());
            let peak = shop.server.peak_bytes();
            assert!(peak < MOST_BYTES, "{peak} bytes");
        }
        shop.done(&heron, &claim, &json!({"n": 1})).await;
        assert_eq!(shop.state(&run).await, "completed");
    }
}
