//! What must not be told apart is not told apart by its time either (`spec/trust.md` 16, points 10 and 46).

use std::{path::Path, time::Instant};

use anyhow::{Context as _, ensure};
use api::json::NewRepository;
use keys::{CanonicalRequest, Nonce, PrivateKey};
use names::{Clock, Random};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    house::House,
    row::{Row, median},
};

/// Calls of each side.
const CALLS: usize = 1_000;
/// The medians of two answers that must not be told apart differ by no more than this, or by a twentieth of the larger.
const DIFFERENCE_MS: f64 = 0.2;
const DIFFERENCE_SHARE: f64 = 0.05;

/// One connection that asks one thing after the other, and how long each answer takes.
struct Line {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Line {
    async fn open(authority: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 64 << 10] })
    }

    /// Asks, and gives the time until the answer is there whole, in ms. It must have `status`.
    async fn ask(&mut self, request: &str, status: &str) -> anyhow::Result<f64> {
        let (started, mut filled) = (Instant::now(), 0);
        self.stream.write_all(request.as_bytes()).await?;
        loop {
            let free = self.buffer.get_mut(filled..).context("a longer answer than expected")?;
            let read = self.stream.read(free).await?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
            if is_whole(self.buffer.get(..filled).unwrap_or_default(), status)? {
                return Ok(started.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
}

/// Whether an answer with `status` is there to its end.
fn is_whole(bytes: &[u8], status: &str) -> anyhow::Result<bool> {
    let Some(head) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else { return Ok(false) };
    let text = std::str::from_utf8(bytes.get(..head).unwrap_or_default())?;
    let first = text.lines().next().unwrap_or_default();
    ensure!(first.contains(status), "the server answered {first} instead of {status}");
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Ok(bytes.len() >= head + 4 + length.context("an answer without Content-Length")?)
}

/// The difference of the medians of two questions that get one answer, asked in turn.
async fn difference(
    name: &'static str,
    authority: &str,
    status: &str,
    asks: [&dyn Fn() -> String; 2],
    how: &str,
) -> anyhow::Result<Row> {
    let mut line = Line::open(authority).await?;
    let (mut times, [one, other]) = ([Vec::new(), Vec::new()], asks);
    // The first few warm caches and are not counted.
    for call in 0..CALLS + CALLS / 10 {
        let both = [line.ask(&one(), status).await?, line.ask(&other(), status).await?];
        if call >= CALLS / 10 {
            for (times, time) in times.iter_mut().zip(both) {
                times.push(time);
            }
        }
    }
    let [one, other] = times.map(median);
    let limit = DIFFERENCE_MS.max(one.max(other) * DIFFERENCE_SHARE);
    let how = format!("{how}: {one:.3} ms and {other:.3} ms, medians of {CALLS} calls in turn");
    Ok(Row::at_most(name, "ms", (one - other).abs(), limit, how))
}

/// A signed GET of `target`.
fn signed_get(authority: &str, target: &str, key: &PrivateKey, signs: &PrivateKey) -> String {
    let (nonce, no_body) = (Nonce::generate(&Random::default()), names::Digest::of(b""));
    let request = CanonicalRequest {
        method: "GET",
        authority,
        target,
        ts: Clock::default().now().seconds(),
        nonce: &nonce,
        content_type: "",
        body_sha256: no_body.as_bytes(),
    };
    let named = key.public().fingerprint().to_string();
    let signed = keys::sign_request(signs, &request).to_header();
    // The key that is named need not be the one that signed.
    let signed = signed.replace(&signs.public().fingerprint().to_string(), &named);
    format!("GET {target} HTTP/1.1\r\nHost: {authority}\r\nAuthorization: {signed}\r\n\r\n")
}

/// A known key with a wrong signature, beside a key that nobody knows.
pub(crate) async fn signature(binary: &Path) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    let (known, other) =
        (PrivateKey::generate(&Random::default()), PrivateKey::generate(&Random::default()));
    house.somebody_with("ada", &known).await?;
    let authority = house.origin.authority();
    let wrong = || signed_get(authority, "/api/v1/me", &known, &other);
    let unknown = || signed_get(authority, "/api/v1/me", &other, &other);
    let how = "GET /api/v1/me with a wrong signature of a known key, and with an unknown key";
    difference("trust.timing.signature", authority, "401", [&wrong, &unknown], how).await
}

/// A private repository, beside one that is not there, to somebody who may see neither.
pub(crate) async fn hidden(binary: &Path) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    let client = house.somebody("ada").await?;
    let new = NewRepository {
        name: "veiled".into(),
        visibility: Some("private".into()),
        ..NewRepository::default()
    };
    client.create_repository(&new).await?;
    let stranger = PrivateKey::generate(&Random::default());
    house.somebody_with("eve", &stranger).await?;
    let authority = house.origin.authority();
    let hidden = || signed_get(authority, "/api/v1/repos/ada/veiled", &stranger, &stranger);
    let missing = || signed_get(authority, "/api/v1/repos/ada/absent", &stranger, &stranger);
    let how = "GET of a private repository by a stranger, and of one that is not there";
    difference("trust.timing.hidden", authority, "404", [&hidden, &missing], how).await
}
