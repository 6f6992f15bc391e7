//! A connection to a judged address. The only file that opens a socket.

use std::{io, sync::Arc, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep},
};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    error::Error,
    limits::{Budget, Stage},
    origin::{Origin, Scheme},
    outgoing::Outgoing,
    pin::Pinned,
    tls::server_name,
};

/// How long an address is tried alone before the next one is tried beside it (RFC 8305 §8).
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses that are tried at all: with their head starts they fit into the usual time to connect.
const MAX_TRIED: usize = 6;
/// The status line and headers of an answer.
pub(crate) const MAX_HEAD_BYTES: usize = 64 << 10;
/// Headers of an answer.
const MAX_HEADERS: usize = 128;

/// A connection to a judged address, with the task that reads and writes it; dropping it closes the socket.
pub(crate) struct Connection {
    pub(crate) sender: http1::SendRequest<Outgoing>,
    /// When the address was judged, which bounds how long the connection may be used again.
    pub(crate) judged_at: Instant,
    _task: AbortOnDropHandle<()>,
}

/// Connects to the first of the judged addresses that answers; over TLS if the scheme says so.
pub(crate) async fn open(
    pinned: &Pinned,
    origin: &Origin,
    tls: Arc<ClientConfig>,
    budget: &Budget,
) -> Result<Connection, Error> {
    let connecting = async {
        let socket = reach_one_of(pinned).await.map_err(|cause| failed(origin, cause))?;
        // Requests are small and written at once; nothing is gained by waiting for more.
        socket.set_nodelay(true).map_err(|cause| failed(origin, cause))?;
        match origin.scheme() {
            Scheme::Http => speak(socket, origin, pinned).await,
            Scheme::Https => {
                let secured = TlsConnector::from(tls).connect(server_name(origin)?, socket).await;
                speak(secured.map_err(|cause| tls_failed(origin, cause))?, origin, pinned).await
            }
        }
    };
    let connected = budget.within(Stage::Connect, connecting).await;
    connected.map_err(|stage| budget.timeout(stage, origin))?
}

/// Tries the addresses one after another, each with a head start on the next.
async fn reach_one_of(pinned: &Pinned) -> io::Result<TcpStream> {
    let mut waiting = pinned.addresses().iter().take(MAX_TRIED).peekable();
    let mut tried = FuturesUnordered::new();
    let mut failure = io::Error::other("there is no address");
    loop {
        match waiting.next() {
            Some(address) => tried.push(TcpStream::connect(*address)),
            None if tried.is_empty() => return Err(failure),
            None => {}
        }
        tokio::select! {
            biased;
            reached = tried.next() => match reached {
                Some(Ok(socket)) => return Ok(socket),
                Some(Err(error)) => failure = error,
                None => {}
            },
            () = sleep(HEAD_START), if waiting.peek().is_some() => {}
        }
    }
}

async fn speak<S>(stream: S, origin: &Origin, pinned: &Pinned) -> Result<Connection, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD_BYTES);
    builder.max_header_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
    let (sender, driver) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| broken(origin, error))?;
    let task = tokio::spawn(async move {
        // How it ended is told to whoever waits for an answer; to an idle connection it does not matter.
        let _ended = driver.await;
    });
    Ok(Connection { sender, judged_at: pinned.judged_at(), _task: AbortOnDropHandle::new(task) })
}

fn failed(origin: &Origin, cause: io::Error) -> Error {
    Error::Connection { origin: origin.clone(), cause: cause.into() }
}

fn broken(origin: &Origin, cause: hyper::Error) -> Error {
    Error::Connection { origin: origin.clone(), cause: cause.into() }
}

/// Tells a refusal by TLS from a connection that broke meanwhile.
fn tls_failed(origin: &Origin, cause: io::Error) -> Error {
    match cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => Error::Tls { origin: origin.clone(), why: error.to_string() },
        None => failed(origin, cause),
    }
}
