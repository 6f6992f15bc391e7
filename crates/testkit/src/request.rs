//! A request like a good client's, and every part of it can be broken.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use api::{Value, wire::Format};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Frame, client::conn::http1};
use hyper_util::rt::TokioIo;
use keys::{CanonicalRequest, Nonce, format_content_digest, sign_request};
use names::{Clock, ObjectId, Random};
use tokio::{net::TcpStream, sync::oneshot, time::timeout};

use crate::{Answer, Canaries, Live, Person, Server, assert_secure, secure::assert_routed};

/// Longer than any answer of the server takes.
const WAIT: Duration = Duration::from_mins(1);

/// The connection broke before the answer was whole: the server is gone.
#[derive(Debug)]
pub struct Broken;

/// What a request carries.
#[derive(Debug, Clone)]
enum Body {
    Nothing,
    Whole(Bytes),
    /// Sent piece by piece, without announcing how much there is.
    Pieces(Vec<Bytes>),
}

/// What is said about the body's digest.
#[derive(Debug, Clone)]
enum Digest {
    OfBody,
    Of([u8; 32]),
    Absent,
}

/// A request that has not been sent yet. Sent twice, it is the same request twice.
#[derive(Debug, Clone)]
pub struct Request {
    address: SocketAddr,
    method: Method,
    target: String,
    authority: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
    signer: Option<Person>,
    ts: i64,
    nonce: String,
    digest: Digest,
    canaries: Canaries,
}

impl Request {
    pub(crate) fn new(server: &Server, method: Method, target: &str, random: &Random) -> Self {
        let address = server.address();
        Self {
            address,
            method,
            target: target.to_owned(),
            authority: address.to_string(),
            headers: Vec::new(),
            body: Body::Nothing,
            signer: None,
            ts: Clock::default().now().seconds(),
            nonce: Nonce::generate(random).to_string(),
            digest: Digest::OfBody,
            canaries: server.canaries().clone(),
        }
    }

    /// The same request, sent to a server that was started again.
    #[must_use]
    pub fn again_to(mut self, server: &Server) -> Self {
        self.address = server.address();
        self
    }

    /// Signs the request with this person's key.
    #[must_use]
    pub fn by(mut self, signer: &Person) -> Self {
        self.signer = Some(signer.clone());
        self
    }

    /// Signs the request if there is somebody to sign it.
    #[must_use]
    pub fn by_some(mut self, signer: Option<&Person>) -> Self {
        self.signer = signer.cloned();
        self
    }

    /// Says nothing about who sends it.
    #[must_use]
    pub fn unsigned(mut self) -> Self {
        self.signer = None;
        self
    }

    /// Adds a header line, beside others of the same name.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.parse().unwrap(), value.parse().unwrap()));
        self
    }

    /// A body with its length announced.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Bytes>) -> Self {
        self.body = Body::Whole(bytes.into());
        self
    }

    /// A body that comes in pieces, its length unknown.
    #[must_use]
    pub fn pieces(mut self, pieces: Vec<Bytes>) -> Self {
        self.body = Body::Pieces(pieces);
        self
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// A body of the wire in MessagePack, and the wish for such an answer.
    #[must_use]
    pub fn msgpack(self, body: &Value) -> Self {
        let mut bytes = Vec::new();
        Format::MessagePack.write(&mut bytes, body).unwrap();
        self.msgpack_bytes(bytes)
    }

    /// Bytes that are said to be MessagePack, and the wish for such an answer.
    #[must_use]
    pub fn msgpack_bytes(self, bytes: impl Into<Bytes>) -> Self {
        let kind = Format::MessagePack.content_type();
        self.header("content-type", kind).header("accept", kind).body(bytes)
    }

    /// Signed at another moment, in Unix seconds.
    #[must_use]
    pub fn at(mut self, ts: i64) -> Self {
        self.ts = ts;
        self
    }

    /// When the request is signed, in Unix seconds.
    pub fn ts(&self) -> i64 {
        self.ts
    }

    /// Signed with a nonce of the test's choice.
    #[must_use]
    pub fn nonce(mut self, nonce: &str) -> Self {
        nonce.clone_into(&mut self.nonce);
        self
    }

    /// Signed and announced with another digest than the body's.
    #[must_use]
    pub fn digest(mut self, sha256: [u8; 32]) -> Self {
        self.digest = Digest::Of(sha256);
        self
    }

    /// Without `Content-Digest`; the signature covers the body all the same.
    #[must_use]
    pub fn without_digest(mut self) -> Self {
        self.digest = Digest::Absent;
        self
    }

    /// Sent with, and signed for, another authority.
    #[must_use]
    pub fn authority(mut self, authority: &str) -> Self {
        authority.clone_into(&mut self.authority);
        self
    }

    /// The `Authorization` value with which `person` would send this request.
    pub fn credentials(&self, person: &Person) -> String {
        let content_type = self.headers.iter().find(|(name, _)| name == "content-type");
        let credentials = sign_request(
            person.key(),
            &CanonicalRequest {
                method: self.method.as_str(),
                authority: &self.authority,
                target: &self.target,
                ts: self.ts,
                nonce: &self.nonce.parse().unwrap(),
                content_type: content_type.map_or("", |(_, value)| value.to_str().unwrap()),
                body_sha256: &self.announced(),
            },
        );
        credentials.to_header()
    }

    /// The lines of the head that prove who sends this request, for whoever writes it to a connection of its own.
    pub fn proofs(&self, person: &Person) -> [(&'static str, String); 2] {
        let digest = format_content_digest(&self.announced());
        [("authorization", self.credentials(person)), ("content-digest", digest)]
    }

    /// The digest that is signed, and said unless it is left out.
    fn announced(&self) -> [u8; 32] {
        match (&self.digest, &self.body) {
            (Digest::Of(sha256), _) => *sha256,
            (_, Body::Nothing) => *ObjectId::EMPTY.as_bytes(),
            (_, Body::Whole(bytes)) => *ObjectId::of(bytes).as_bytes(),
            (_, Body::Pieces(pieces)) => *ObjectId::of(&pieces.concat()).as_bytes(),
        }
    }

    /// Sends the request and waits for the whole answer.
    pub async fn send(&self) -> Answer {
        match self.try_send().await {
            Ok(answer) => answer,
            Err(Broken) => panic!("the server hung up on {} {}", self.method, self.target),
        }
    }

    /// Sends the request to a server that may go away meanwhile.
    pub async fn try_send(&self) -> Result<Answer, Broken> {
        let Ok(outcome) = timeout(WAIT, self.exchange()).await else {
            panic!("no answer to {} {} within {WAIT:?}", self.method, self.target);
        };
        outcome
    }

    /// Sends the request and gives the answer as it comes: server-sent events.
    pub async fn follow(&self) -> Live {
        let opening = async {
            let stream = TcpStream::connect(self.address).await.unwrap();
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            let connection = tokio::spawn(connection);
            let response = sender.send_request(self.to_http()).await.unwrap();
            let (head, body) = response.into_parts();
            let (status, headers) = (head.status.as_u16(), head.headers);
            let answer = Answer { status, headers, body: Bytes::new() };
            assert_secure(&answer);
            Live::new(answer, body, connection.abort_handle())
        };
        timeout(WAIT, opening).await.unwrap()
    }

    /// Sends the head and half of the body, waits for `meanwhile`, and sends the rest.
    pub async fn send_held(&self, meanwhile: impl AsyncFnOnce()) -> Answer {
        let bytes = match &self.body {
            Body::Nothing => Bytes::new(),
            Body::Whole(bytes) => bytes.clone(),
            Body::Pieces(pieces) => pieces.concat().into(),
        };
        let (first, second) = (bytes.slice(..bytes.len() / 2), bytes.slice(bytes.len() / 2..));
        let (started, has_started) = oneshot::channel();
        let (go, gone) = oneshot::channel::<()>();
        let rest = stream::once(async move {
            // Asked for once the first half is on its way.
            let _told = started.send(());
            let _gone = gone.await;
            Ok(Frame::data(second))
        });
        let pieces = stream::iter([Ok(Frame::data(first))]).chain(rest);
        let body = BodyExt::boxed(StreamBody::new(pieces));
        let sending = self.exchange_as(self.to_http().map(|_| body));
        let holding = async {
            has_started.await.unwrap();
            meanwhile().await;
            let _told = go.send(());
        };
        let (answer, ()) = timeout(WAIT, async { tokio::join!(sending, holding) }).await.unwrap();
        answer.unwrap_or_else(|Broken| panic!("the server hung up on {}", self.target))
    }

    async fn exchange(&self) -> Result<Answer, Broken> {
        self.exchange_as(self.to_http()).await
    }

    /// The one place that every answer passes.
    async fn exchange_as(
        &self,
        request: http::Request<BoxBody<Bytes, Infallible>>,
    ) -> Result<Answer, Broken> {
        let stream = TcpStream::connect(self.address).await.map_err(|_| Broken)?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|_| Broken)?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|_| Broken)?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
        connection.abort();
        let answer = Answer { status: head.status.as_u16(), headers: head.headers, body };
        assert_secure(&answer);
        assert_routed(&answer);
        self.canaries.heed(&answer);
        Ok(answer)
    }

    fn to_http(&self) -> http::Request<BoxBody<Bytes, Infallible>> {
        let mut request = http::Request::builder()
            .method(&self.method)
            .uri(&self.target)
            .header("host", &self.authority);
        if !self.headers.iter().any(|(name, _)| name == "user-agent") {
            request = request.header("user-agent", "motet-testkit");
        }
        if let Some(signer) = &self.signer {
            request = request.header("authorization", self.credentials(signer));
            let has_body = !matches!(self.body, Body::Nothing);
            if has_body && !matches!(self.digest, Digest::Absent) {
                request =
                    request.header("content-digest", format_content_digest(&self.announced()));
            }
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let body = match &self.body {
            Body::Nothing => Full::default().boxed(),
            Body::Whole(bytes) => Full::new(bytes.clone()).boxed(),
            Body::Pieces(pieces) => {
                let frames = pieces.clone().into_iter().map(|piece| Ok(Frame::data(piece)));
                BodyExt::boxed(StreamBody::new(stream::iter(frames)))
            }
        };
        request.body(body).unwrap()
    }
}
