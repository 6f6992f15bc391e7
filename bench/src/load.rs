//! Many connections that ask the same thing, as fast as they are answered.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// Asks `GET path` over `connections` for `time`; gives answers a second. Every answer must be a success.
pub(crate) async fn get(
    authority: &str,
    path: &str,
    connections: usize,
    time: Duration,
) -> anyhow::Result<f64> {
    get_with(authority, path, |_| String::new(), connections, time).await
}

/// The same with further header lines, each ended by CRLF, that each connection is given by its number.
pub(crate) async fn get_with(
    authority: &str,
    path: &str,
    lines: impl Fn(usize) -> String,
    connections: usize,
    time: Duration,
) -> anyhow::Result<f64> {
    let (started, mut asking) = (Instant::now(), JoinSet::new());
    for number in 0..connections {
        let lines = lines(number);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nAccept: application/json\r\n{lines}\r\n"
        );
        let authority = authority.to_owned();
        asking.spawn(async move { ask(&authority, &request, started, time).await });
    }
    let mut answers = 0;
    while let Some(done) = asking.join_next().await {
        answers += done??;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of answers are far below 2^52")]
    let rate = answers as f64 / started.elapsed().as_secs_f64();
    Ok(rate)
}

async fn ask(
    authority: &str,
    request: &str,
    started: Instant,
    time: Duration,
) -> anyhow::Result<u64> {
    let mut stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let (mut buffer, mut filled, mut answers) = (vec![0; 16 << 10], 0, 0);
    while started.elapsed() < time {
        stream.write_all(request.as_bytes()).await?;
        let length = loop {
            let free = buffer.get_mut(filled..).context("the answer is larger than the buffer")?;
            let read = stream.read(free).await?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
            if let Some(length) = whole(buffer.get(..filled).unwrap_or_default())? {
                break length;
            }
        };
        buffer.copy_within(length..filled, 0);
        filled -= length;
        answers += 1;
    }
    Ok(answers)
}

/// A connection that is kept, for one request after the other.
pub(crate) struct Line {
    authority: String,
    stream: TcpStream,
}

impl Line {
    pub(crate) async fn open(authority: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        Ok(Self { authority: authority.to_owned(), stream })
    }

    /// Sends JSON with further header lines, each ended by CRLF; gives the JSON of an answer that is a success.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        lines: &str,
        body: &str,
    ) -> anyhow::Result<serde_json::Value> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/json\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{lines}\r\n{body}",
            self.authority,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        let (mut read, mut piece) = (Vec::new(), [0; 16 << 10]);
        loop {
            let length = self.stream.read(&mut piece).await?;
            ensure!(length > 0, "the server closed the connection");
            read.extend_from_slice(piece.get(..length).unwrap_or_default());
            if whole(&read)? == Some(read.len()) {
                break;
            }
        }
        let (at, head) = (read.windows(4).position(|it| it == b"\r\n\r\n"), 4);
        let body = read.get(at.context("an answer has a head")? + head..).unwrap_or_default();
        Ok(serde_json::from_slice(body)?)
    }
}

/// The length of the answer, once it is there whole.
fn whole(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(head) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(bytes.get(..head).unwrap_or_default())?;
    ensure!(
        text.starts_with("HTTP/1.1 20"),
        "the server answered {}: {}",
        text.lines().next().unwrap_or_default(),
        String::from_utf8_lossy(bytes.get(head..).unwrap_or_default())
    );
    let field = |wanted: &str| {
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.next().map(|(_, value)| value.trim())
    };
    let (begin, body) = (head + 4, bytes.get(head + 4..).unwrap_or_default());
    let length = match (field("content-length"), field("transfer-encoding")) {
        (Some(length), _) => Some(length.parse()?),
        (None, Some("chunked")) => chunked(body)?,
        (None, _) => anyhow::bail!("an answer that does not tell where it ends"),
    };
    Ok(length.map(|length| begin + length).filter(|end| bytes.len() >= *end))
}

/// The length of a body in chunks, without trailers, once it is there whole.
fn chunked(body: &[u8]) -> anyhow::Result<Option<usize>> {
    let mut at = 0;
    loop {
        let rest = body.get(at..).unwrap_or_default();
        let Some(line) = rest.windows(2).position(|it| it == b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(rest.get(..line).unwrap_or_default())?;
        let size = usize::from_str_radix(size, 16)?;
        at += line + 2 + size + 2;
        if size == 0 {
            return Ok(Some(at));
        }
    }
}
