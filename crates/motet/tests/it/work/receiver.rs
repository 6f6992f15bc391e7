//! An endpoint of a publisher that writes down what it received, and answers as it is told to.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpListener, spawn, task::AbortHandle};

/// A request that came.
pub(super) struct Seen {
    pub(super) path: String,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }
}

/// An endpoint. It goes when this is dropped.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: AbortHandle,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Receiver {
    /// Answers each request with a status and JSON.
    pub(super) async fn open(
        answer: impl Fn(&Seen) -> (u16, Value) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        let task = spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                    async move {
                        let (head, body) = request.into_parts();
                        // A caller that was killed may have sent half of it.
                        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
                        let (path, headers) = (head.uri.path().to_owned(), head.headers);
                        let seen = Seen { path, headers, body: body.unwrap_or_default() };
                        let (status, body) = answer(&seen);
                        log.lock().unwrap().push(seen);
                        let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
                        *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                        Ok::<_, Infallible>(answer)
                    }
                });
                spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, seen, task: task.abort_handle() }
    }

    /// A header of each request to a path.
    pub(super) fn told(&self, path: &str, header: &str) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let to_it = seen.iter().filter(|it| it.path == path);
        to_it.map(|it| it.header(header).to_owned()).collect()
    }
}
