//! Servers that say what a test tells them to, and a resolver that answers from a script.

use std::{
    collections::HashMap,
    future::pending,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as Canary},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

use crate::{Client, Limits, Listed, Lookup, Policy, Public, Resolve, Roots, Settings};

pub(super) const FORBIDDEN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(super) const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
pub(super) const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// What a server does after a request.
pub(super) enum Reply {
    /// Says this and waits for the next request.
    Say(String),
    /// Says this, then the same piece again and again, at this pace.
    Drip(String, &'static str, Duration),
    /// Says this and nothing more, with the connection open.
    Stall(String),
}

pub(super) fn ok(body: &str) -> Reply {
    Reply::Say(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

pub(super) fn redirect(status: u16, location: &str) -> Reply {
    Reply::Say(format!("HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"))
}

type Script = Arc<dyn Fn(&str) -> Reply + Send + Sync>;

/// A server that lives as long as its test.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    _task: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

impl Server {
    pub(super) async fn start(
        at: IpAddr,
        script: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::listen(TcpListener::bind((at, 0)).await.unwrap(), None, script)
    }

    pub(super) fn listen(
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        script: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (address, script) = (listener.local_addr().unwrap(), Arc::new(script) as Script);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn(accept(listener, tls, script, Arc::clone(&seen)));
        Self { address, seen, _task: AbortOnDropHandle::new(task) }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// The requests so far: heads in lower case, then the body if it had a length.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    script: Script,
    seen: Arc<Mutex<Seen>>,
) {
    let mut talks = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        seen.lock().unwrap().connections += 1;
        let (tls, script, seen) = (tls.clone(), Arc::clone(&script), Arc::clone(&seen));
        talks.spawn(async move {
            // A client that goes away ends the talk; the test looks at the client's side.
            let _ended = welcome(socket, tls, script, seen).await;
        });
    }
}

async fn welcome(
    socket: TcpStream,
    tls: Option<TlsAcceptor>,
    script: Script,
    seen: Arc<Mutex<Seen>>,
) -> io::Result<()> {
    match tls {
        None => talk(socket, script, seen).await,
        Some(tls) => talk(tls.accept(socket).await?, script, seen).await,
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    script: Script,
    seen: Arc<Mutex<Seen>>,
) -> io::Result<()> {
    loop {
        let request = read_request(&mut stream).await?;
        seen.lock().unwrap().requests.push(request.clone());
        match script(&request) {
            Reply::Say(text) => stream.write_all(text.as_bytes()).await?,
            Reply::Stall(text) => {
                stream.write_all(text.as_bytes()).await?;
                stream.flush().await?;
                pending::<()>().await;
            }
            Reply::Drip(text, piece, pace) => {
                stream.write_all(text.as_bytes()).await?;
                let mut pace = tokio::time::interval(pace);
                loop {
                    pace.tick().await;
                    stream.write_all(piece.as_bytes()).await?;
                    stream.flush().await?;
                }
            }
        }
        stream.flush().await?;
    }
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let mut text = String::from_utf8(head).unwrap().to_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |it| it.parse().unwrap())];
    stream.read_exact(&mut body).await?;
    text.push_str(&String::from_utf8(body).unwrap());
    Ok(text)
}

/// A listener on the forbidden address and a server on the public one, on one port.
pub(super) async fn canary_beside_a_server(
    script: impl Fn(&str) -> Reply + Send + Sync + 'static,
) -> (Canary, Server) {
    loop {
        let canary = Canary::bind((FORBIDDEN, 0)).unwrap();
        canary.set_nonblocking(true).unwrap();
        let port = canary.local_addr().unwrap().port();
        // Another test may have the port on that address.
        if let Ok(listener) = TcpListener::bind((PUBLIC, port)).await {
            return (canary, Server::listen(listener, None, script));
        }
    }
}

pub(super) fn canary() -> (Canary, u16) {
    let canary = Canary::bind((FORBIDDEN, 0)).unwrap();
    canary.set_nonblocking(true).unwrap();
    let port = canary.local_addr().unwrap().port();
    (canary, port)
}

#[track_caller]
pub(super) fn assert_untouched(canary: &Canary) {
    let touched = canary.accept().expect_err("somebody connected to the forbidden address");
    assert_eq!(touched.kind(), io::ErrorKind::WouldBlock);
}

/// A resolver that answers from a script: each look-up of a name gets the next answer, the last one stays.
#[derive(Default)]
pub(super) struct Names {
    answers: HashMap<String, Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Names {
    pub(super) fn with(mut self, name: &str, answers: &[&[IpAddr]]) -> Self {
        self.answers.insert(name.to_owned(), answers.iter().map(|it| it.to_vec()).collect());
        self
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        let mut asked = self.asked.lock().unwrap();
        let before = asked.iter().filter(|it| *it == name).count();
        asked.push(name.to_owned());
        let found = self.answers.get(name).map(|it| it.get(before).or(it.last()).unwrap().clone());
        Box::pin(async move { found.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// A resolver that never answers.
pub(super) struct SilentNames;

impl Resolve for SilentNames {
    fn resolve<'a>(&'a self, _: &'a str) -> Lookup<'a> {
        Box::pin(pending())
    }
}

/// The public policy of these tests: in the clear, to the ports of `servers`.
pub(super) fn public(ports: &[u16]) -> Public {
    let policy = Public::for_tests(&[PUBLIC, OTHER]).with_http();
    ports.iter().fold(policy, |policy, port| policy.with_port(*port))
}

/// Settings that need nothing of the machine.
pub(super) fn settings(policy: Policy, names: Arc<dyn Resolve>) -> Settings {
    let authority = rcgen::generate_simple_self_signed(["unrelated.example".to_owned()]).unwrap();
    let roots = Roots::Pem(authority.cert.pem().into_bytes());
    Settings::new(policy).roots(roots).resolver(names)
}

pub(super) fn client(policy: Policy, names: Names) -> Client {
    Client::new(settings(policy, Arc::new(names))).unwrap()
}

/// A client that may reach `servers` and nothing else.
pub(super) fn client_of(servers: &[&Server]) -> Client {
    let listed = servers.iter().fold(Listed::new(), |listed, server| listed.with(origin(server)));
    client(Policy::OperatorListed(listed), Names::default())
}

pub(super) fn origin(server: &Server) -> crate::Origin {
    format!("http://{}", server.address).parse().unwrap()
}

pub(super) fn url(server: &Server) -> String {
    format!("http://{}/path?query=secret", server.address)
}

/// Limits that a test need not wait for: this stage short, the others out of the way.
pub(super) fn hasty(shorten: impl FnOnce(&mut Limits)) -> Limits {
    let long = Duration::from_mins(1);
    let mut limits = Limits {
        resolve: long,
        connect: long,
        first_byte: long,
        idle: long,
        total: long,
        ..Limits::default()
    };
    shorten(&mut limits);
    limits
}
