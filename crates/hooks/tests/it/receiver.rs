//! A receiver on loopback that answers as it is told and remembers what it was sent.

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::house::eventually;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// The subject and which of its events it is.
    pub(crate) fn place(&self) -> String {
        let body = self.json();
        format!("{} {}", body["subject"].as_str().unwrap(), body["sequence"])
    }

    /// How many of the signatures in each header hold for this secret, as a receiver finds out.
    pub(crate) fn signatures_of(&self, secret: &str) -> (usize, usize) {
        let (id, at) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let mac = |key: &[u8], parts: &[&[u8]]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            for part in parts {
                mac.update(part);
            }
            mac
        };
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let first = mac(&key, &[id.as_bytes(), b".", at.as_bytes(), b".", &self.body]);
        let of_first = self.header("webhook-signature").split(' ').filter(|it| {
            let it = STANDARD.decode(it.strip_prefix("v1,").unwrap()).unwrap();
            first.clone().verify_slice(&it).is_ok()
        });
        let second = mac(secret.as_bytes(), &[at.as_bytes(), b".", &self.body]);
        let second = second.finalize().into_bytes().iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        let parts: Vec<_> = self.header("x-motet-signature").split(',').collect();
        assert_eq!(parts[0], format!("t={at}"));
        let of_second = parts.iter().filter(|it| **it == format!("v1={second}"));
        (of_first.count(), of_second.count())
    }

    pub(crate) fn signatures(&self) -> (usize, usize) {
        let first = self.header("webhook-signature").split(' ').count();
        (first, self.header("x-motet-signature").matches(",v1=").count())
    }
}

/// How it answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Status(u16),
    /// With further lines of the head.
    Head(u16, &'static str),
    /// With so many bytes of body.
    Large(u16, usize),
    /// A byte, and then one each second.
    Dripping,
    /// Not at all.
    Never,
}

type Script = Box<dyn Fn(&Seen, usize) -> Reply + Send + Sync>;

/// One that runs until it is dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// Answers by a script, which is told how many requests that were no pings came before.
    pub(crate) async fn start(
        script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, script) =
            (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<Script>::new(Box::new(script)));
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&script)));
            }
        });
        Self { address, seen, task }
    }

    /// Says yes to everything.
    pub(crate) async fn kind() -> Self {
        Self::start(|_, _| Reply::Status(204)).await
    }

    /// Says yes to pings, and these to the rest, the last of them for ever.
    pub(crate) async fn answering(statuses: &'static [u16]) -> Self {
        Self::start(|seen, before| {
            let status = statuses.get(before).or(statuses.last()).copied().unwrap_or(204);
            Reply::Status(if seen.kind() == "ping" { 204 } else { status })
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn listed(&self) -> String {
        self.address.to_string()
    }

    /// What came, but pings.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|it| it.kind() != "ping").cloned().collect()
    }

    pub(crate) fn pings(&self) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|it| it.kind() == "ping").cloned().collect()
    }

    /// Waits until so many came, but pings.
    pub(crate) async fn saw(&self, count: usize) -> Vec<Seen> {
        eventually("requests have come", async || self.seen().len() >= count).await;
        self.seen()
    }

    /// Waits until so many pings came.
    pub(crate) async fn pinged(&self, count: usize) {
        eventually("pings have come", async || self.pings().len() >= count).await;
    }
}

async fn serve(stream: TcpStream, seen: Arc<Mutex<Vec<Seen>>>, script: Arc<Script>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let before = {
            let mut seen = seen.lock().unwrap();
            let before = seen.iter().filter(|it| it.kind() != "ping").count();
            seen.push(request.clone());
            before
        };
        let is_open = answer(&mut stream, script(&request, before)).await;
        if !is_open {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.ok()? == 0 {
        return None;
    }
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { line: line.trim_end().to_owned(), headers, body })
}

/// Whether the connection goes on.
async fn answer(stream: &mut BufReader<TcpStream>, reply: Reply) -> bool {
    let head = match &reply {
        Reply::Status(204) => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        Reply::Status(status) => format!("HTTP/1.1 {status} Told\r\ncontent-length: 0\r\n\r\n"),
        Reply::Head(status, lines) => {
            format!("HTTP/1.1 {status} Told\r\n{lines}content-length: 0\r\n\r\n")
        }
        Reply::Large(status, bytes) => format!(
            "HTTP/1.1 {status} Told\r\ncontent-type: text/plain\r\ncontent-length: {bytes}\r\n\r\n"
        ),
        Reply::Dripping => "HTTP/1.1 200 Told\r\ncontent-length: 1000\r\n\r\n".to_owned(),
        Reply::Never => String::new(),
    };
    if stream.write_all(head.as_bytes()).await.is_err() {
        return false;
    }
    match reply {
        Reply::Status(_) | Reply::Head(..) => true,
        Reply::Large(_, bytes) => stream.write_all(&vec![b'x'; bytes]).await.is_ok(),
        Reply::Dripping => {
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            false
        }
        // Until the other side goes.
        Reply::Never => {
            let mut byte = [0];
            stream.read(&mut byte).await.is_ok_and(|count| count > 0)
        }
    }
}
