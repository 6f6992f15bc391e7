//! Connections: accepted, bounded, drained.

use std::{
    convert::Infallible,
    fmt::Display,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use names::{Clock, Id, Random};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{Signal, SignalKind, signal},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use web::headers::{Line, secure_lines};

use crate::{
    Error, Network,
    bare_answers::Connection,
    connections::{Patient, Rooms, Rules, UnderWay},
};

/// The largest head of a request.
const HEAD_BYTES: usize = 32 << 10;
/// Headers of one request.
const MAX_HEADERS: usize = 100;
/// A pause after the system refused a connection, such as for want of file descriptors: trying again at once would
/// only burn time.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) fn fault(address: &impl Display, source: io::Error) -> Error {
    Error::Listen { address: address.to_string(), source }
}

/// Listens on the first of `addresses` that can be had. `named` is what the settings call them.
pub(crate) async fn bind(
    addresses: &[SocketAddr],
    named: &impl Display,
) -> Result<TcpListener, Error> {
    TcpListener::bind(addresses).await.map_err(|source| fault(named, source))
}

/// Hears the signals that end a server, from the moment it is made.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen for Ctrl-C and SIGTERM.
    pub(crate) fn listen() -> Result<Self, Error> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Error::Configuration(format!("signals cannot be heard: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Returns when one came.
    async fn stop(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What is served.
pub(crate) struct Street {
    pub(crate) router: Router,
    pub(crate) line: Line,
    pub(crate) rules: Rules,
    pub(crate) proxies: Vec<Network>,
}

/// The other end of a connection, put into each of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Serves until told to stop, passes that on by `stop`, and lets requests under way finish for at most `drain`.
pub(crate) async fn run(
    listener: TcpListener,
    street: Street,
    mut signals: Signals,
    drain: Duration,
    stop: &CancellationToken,
) {
    let headers: Arc<str> = secure_lines(street.line).into();
    let graceful = GracefulShutdown::new();
    let rooms = Rooms::new(&street.rules, &street.proxies);
    loop {
        let accepted = tokio::select! {
            () = signals.stop() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok((stream, peer)) => (stream, Peer(peer.ip())),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        // Full: the connection is closed at once instead of waiting unseen.
        let Some(seat) = rooms.seat(peer.0) else { continue };
        let served = connection((stream, peer), &street, Arc::clone(&headers), &graceful);
        tokio::spawn(async move {
            served.await;
            drop(seat);
        });
    }
    stop.cancel();
    drop(listener);
    tracing::info!("the server is stopping");
    if timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way and have been cut off");
    }
}

fn connection(
    (stream, peer): (TcpStream, Peer),
    street: &Street,
    headers: Arc<str>,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + use<> {
    // Answers are small and complete: waiting to fill a packet only delays them.
    let _delayed_is_only_slower = stream.set_nodelay(true);
    let request_id = Id::<TcpStream>::new(Clock::default().now(), &Random::default()).uuid();
    let under_way = UnderWay::default();
    let stream = Patient::new(stream, &street.rules, under_way.clone());
    let (stream, served) = Connection::new(stream, headers, request_id);
    let router = street.router.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        served.store(true, Ordering::Release);
        let answering = under_way.begin();
        request.extensions_mut().insert(peer);
        let answer = router.clone().oneshot(request);
        async move { Ok::<_, Infallible>(answer.await?.map(|body| answering.until_the_end_of(body))) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // Runs from the end of the last answer on, and holds what the pause and the head take together. The head by
        // itself is looked at by `Patient`.
        .header_read_timeout(street.rules.idle + street.rules.head)
        .max_headers(MAX_HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(connection);
    async move {
        if let Err(error) = watched.await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
