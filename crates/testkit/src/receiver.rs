//! A receiver on loopback, for what a server sends by itself: webhooks and calls of subcommands.
//!
//! It keeps what came, and verifies as a receiver would: with the published rules and the receiver's own secret.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, spawn, sync::watch, task::AbortHandle, time::timeout};

/// Far more than anything takes that comes at all.
const WAIT: Duration = Duration::from_secs(40);

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// How many came before it.
    pub number: usize,
    /// The path, with the query.
    pub target: String,
    /// The head.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Seen {
    /// A header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |it| it.to_str().unwrap())
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// How many signatures of `webhook-signature` hold for a secret, as the published sample finds out; and of the other
    /// header.
    pub fn verified(&self, secret: &str) -> (usize, usize) {
        let (id, at) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signed = [format!("{id}.{at}.").as_bytes(), &self.body].concat();
        let holds = |it: &&str| {
            let sent = STANDARD.decode(it.strip_prefix("v1,").unwrap()).unwrap();
            hmac::verify(&key, &signed, &sent).is_ok()
        };
        let first = self.header("webhook-signature").split(' ').filter(holds).count();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, &[format!("{at}.").as_bytes(), &self.body].concat());
        let hex: Vec<_> = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let tag = format!("v1={}", hex.concat());
        let second = self.header("x-motet-signature").split(',');
        (first, second.filter(|it| *it == tag).count())
    }
}

/// A receiver. It goes when this is dropped.
#[derive(Debug)]
pub struct Receiver {
    /// Where it is.
    pub address: SocketAddr,
    seen: watch::Sender<Vec<Seen>>,
    task: AbortHandle,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer with a status and a body.
pub fn reply(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

impl Receiver {
    /// One that answers as it is told: to each request by itself, once that was written down.
    pub async fn open<Fut>(answer: impl Fn(Seen) -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = watch::Sender::new(Vec::new());
        let (log, answer) = (seen.clone(), Arc::new(answer));
        let task = spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (log.clone(), Arc::clone(&answer));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (log, answer) = (log.clone(), Arc::clone(&answer));
                    async move {
                        let came = write_down(&log, request).await;
                        Ok::<_, Infallible>(answer(came).await)
                    }
                });
                spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, seen, task: task.abort_handle() }
    }

    /// One that answers with these statuses, the last one for ever.
    pub async fn answering(statuses: &'static [u16]) -> Self {
        Self::open(move |came| async move {
            let status = statuses.get(came.number).or(statuses.last()).unwrap();
            reply(*status, Bytes::new())
        })
        .await
    }

    /// The address of a path of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The argument by which a server lets requests go to it.
    pub fn allowed(&self) -> String {
        format!("--webhook-allow={}", self.address)
    }

    /// What came.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    /// What came, once there are so many.
    pub async fn saw(&self, count: usize) -> Vec<Seen> {
        self.has(move |seen| seen.len() >= count).await
    }

    /// What came, once it is so.
    pub async fn has(&self, is_so: impl FnMut(&Vec<Seen>) -> bool) -> Vec<Seen> {
        let mut seen = self.seen.subscribe();
        let Ok(found) = timeout(WAIT, seen.wait_for(is_so)).await else {
            panic!("this is all that came: {:#?}", self.seen());
        };
        found.unwrap().clone()
    }
}

async fn write_down(log: &watch::Sender<Vec<Seen>>, request: Request<Incoming>) -> Seen {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let target = head.uri.path_and_query().unwrap().to_string();
    let mut came = Seen { number: 0, target, headers: head.headers, body };
    log.send_modify(|seen| {
        came.number = seen.len();
        seen.push(came.clone());
    });
    came
}
