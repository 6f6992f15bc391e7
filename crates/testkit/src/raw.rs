//! Bytes on a connection, for what no HTTP client would send.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{Answer, assert_secure};

/// Longer than the server drains a refused body.
const WAIT: Duration = Duration::from_secs(30);

/// A connection to the server.
#[derive(Debug)]
pub struct Connection(TcpStream);

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// Sends bytes. A server that has hung up already is fine: what it said is read by [`Connection::rest`].
    pub async fn send(&mut self, bytes: &[u8]) {
        let _hung_up = self.0.write_all(bytes).await;
    }

    /// Says that nothing follows.
    pub async fn hang_up(&mut self) {
        let _gone = self.0.shutdown().await;
    }

    /// Reads until the server has nothing more to say.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = timeout(WAIT, self.0.read_to_end(&mut bytes)).await;
        // A reset is an end as well: what came before it counts.
        let _reset = read.expect("the server answers or hangs up");
        bytes
    }

    /// Reads the next bytes, so many and no more.
    pub async fn next(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let read = timeout(WAIT, self.0.read_exact(&mut bytes)).await;
        read.expect("the server answers or hangs up").unwrap();
        bytes
    }

    /// Reads until the server has said that it waits for the body.
    pub async fn interim(&mut self) {
        const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
        let mut bytes = [0; CONTINUE.len()];
        let read = timeout(WAIT, self.0.read_exact(&mut bytes)).await;
        read.expect("the server answers or hangs up").unwrap();
        assert_eq!(bytes, CONTINUE);
    }

    /// Reads until one whole answer is there, and checks it like every other.
    pub async fn answer(&mut self) -> Answer {
        let mut bytes = Vec::new();
        loop {
            if let Some((answer, _)) = first_answer(&bytes) {
                assert_secure(&answer);
                return answer;
            }
            let mut piece = vec![0; 64 << 10];
            let read = timeout(WAIT, self.0.read(&mut piece))
                .await
                .expect("the server answers or hangs up");
            let length = read.unwrap_or(0);
            assert!(length > 0, "the server hung up after `{}`", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&piece[..length]);
        }
    }
}

/// The answers in the bytes of a connection, each checked like every other.
pub fn answers_in(bytes: &[u8]) -> Vec<Answer> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let Some((answer, after)) = first_answer(rest) {
        assert_secure(&answer);
        found.push(answer);
        rest = after;
    }
    assert!(rest.is_empty(), "this is no answer: `{}`", String::from_utf8_lossy(rest));
    found
}

/// The first answer, if it is whole, and what follows it. Interim answers are passed over.
fn first_answer(bytes: &[u8]) -> Option<(Answer, &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(&bytes[..end]).unwrap(), &bytes[end + 4..]);
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    if status < 200 {
        return first_answer(body);
    }
    let mut headers = HeaderMap::new();
    for (name, value) in lines.map(|line| line.split_once(':').unwrap()) {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value.trim()).unwrap());
    }
    let length =
        headers.get("content-length").map_or(0, |it| it.to_str().unwrap().parse().unwrap());
    let (body, rest) = body.split_at_checked(length)?;
    Some((Answer { status, headers, body: Bytes::copy_from_slice(body) }, rest))
}
