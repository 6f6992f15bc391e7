//! One request: signed over what is sent, sent, and its answer read within bounds.

use std::{
    error::Error as _,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use keys::{CanonicalRequest, Nonce, PrivateKey, format_content_digest, sign_request};
use names::{Clock, Digest, Random, Secret, UnixMillis};
use reqwest::{Method, Response, Url, header, redirect, retry};
use time::{
    OffsetDateTime,
    format_description::well_known::{Rfc2822, Rfc3339},
};
use tokio::time::timeout;

use super::{ClientError, Origin, Refusal};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may keep silent: above what the wire promises (`spec/wire.md` 3, Silence).
pub(super) const SILENCE: Duration = Duration::from_mins(1);
/// How long the answer to a stream may take: its last page is unpacked, hashed and synced before.
pub(super) const ANSWER: Duration = Duration::from_mins(5);
/// The slowest upload that is waited for.
const MIN_UPLOAD_BYTES_PER_SECOND: u64 = 16 * 1024;
/// The longest error that is read.
const MAX_REFUSAL_BYTES: u64 = 64 * 1024;
/// The longest answer of the JSON API that is read.
pub(super) const MAX_JSON_BYTES: u64 = 10 << 20;
/// What the client calls itself: a local server wants to know.
const CLIENT_NAME: &str = concat!("motet/", env!("CARGO_PKG_VERSION"));
/// A correction by less than this would change nothing about a refused time.
const LEAST_CORRECTION_SECONDS: u64 = 2;

/// What a client is made with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Allows plain HTTP to other machines.
    pub insecure: bool,
    /// What the server is called, where that is not the address at which it is reached: `Host`, and what is signed.
    pub authority: Option<String>,
    /// What time it is.
    pub clock: Clock,
    /// Where nonces come from.
    pub random: Random,
}

/// The session of a browser that the client plays for a moment, where there is no key yet.
pub(super) struct BrowserSession {
    /// `name=value`.
    pub(super) cookie: String,
    /// What requests that the cookie signs carry besides.
    pub(super) csrf: String,
}

/// A server, and the key that requests to it are signed with. Safe to share: calls do not wait for each other.
pub struct Client {
    http: reqwest::Client,
    origin: Origin,
    authority: String,
    key: Option<PrivateKey>,
    /// What is shown instead of a signature where there is no key.
    token: Option<Secret<String>>,
    pub(super) session: Option<BrowserSession>,
    clock: Clock,
    pub(super) random: Random,
    /// What the server's clock is ahead, as far as it has told.
    ahead_seconds: AtomicI64,
    /// Whether it has said that it speaks wire 2.
    speaks_wire_2: AtomicBool,
}

/// What a server shows of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerTime {
    /// The status of its health page.
    pub status: u16,
    /// By how many seconds it is ahead of this machine; none if it does not tell.
    pub ahead_seconds: Option<i64>,
}

/// What is sent.
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) accept: &'static str,
    /// Empty if there is no body.
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
    /// Whether errors shall come as problem documents on the wire.
    pub(super) is_wire: bool,
    pub(super) max_answer_bytes: u64,
}

/// What came back with a status of success.
pub(super) struct Answer {
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

impl Client {
    /// A client for the server at `origin`. Without a key it asks as anybody.
    pub fn new(
        origin: Origin,
        key: Option<PrivateKey>,
        options: Options,
    ) -> Result<Self, ClientError> {
        if !origin.is_https() && !origin.is_loopback() && !options.insecure {
            return Err(ClientError::Insecure { origin: origin.to_string() });
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(CLIENT_NAME)
            .redirect(redirect::Policy::none())
            // A repetition has to be signed anew, so nobody below repeats anything.
            .retry(retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT);
        if !origin.is_https() {
            // A proxy would see the address in absolute form, which is not what is signed.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| ClientError::Setup(root_cause(&error)))?;
        let Options { insecure: _, authority, clock, random } = options;
        let authority = authority.unwrap_or_else(|| origin.authority().to_owned());
        let ahead_seconds = AtomicI64::new(0);
        Ok(Self {
            http,
            origin,
            authority,
            key,
            token: None,
            session: None,
            clock,
            random,
            ahead_seconds,
            speaks_wire_2: AtomicBool::new(false),
        })
    }

    /// The same without a key, showing a token with every request.
    #[must_use]
    pub fn with_token(mut self, token: Secret<String>) -> Self {
        self.token = Some(token);
        self
    }

    /// Whether requests say who sends them.
    pub const fn has_credential(&self) -> bool {
        self.key.is_some() || self.token.is_some()
    }

    /// The server.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The key that requests are signed with.
    pub const fn key(&self) -> Option<&PrivateKey> {
        self.key.as_ref()
    }

    /// What time it is there, as far as the server has told.
    pub(crate) fn now(&self) -> UnixMillis {
        let ahead = self.ahead_seconds.load(Ordering::Relaxed);
        let now = self.clock.now();
        UnixMillis(now.0.saturating_add(ahead.saturating_mul(1000)))
    }

    /// A request whose body is sent as it is made, on the word of a token of its own.
    pub(super) fn streaming(
        &self,
        method: Method,
        target: &str,
        token: &str,
        body: reqwest::Body,
    ) -> Result<reqwest::RequestBuilder, ClientError> {
        Ok(self
            .http
            .request(method, self.url(target)?)
            .header(header::HOST, &self.authority)
            .header("x-motet-client", CLIENT_NAME)
            .header("motet-protocol", "2")
            .bearer_auth(token)
            .body(body))
    }

    /// The answer to such a request, once its body was sent.
    pub(super) async fn answered(
        &self,
        sent: impl Future<Output = reqwest::Result<Response>>,
        max_bytes: u64,
    ) -> Result<Answer, ClientError> {
        let response = self.successful(self.within(SILENCE, sent).await?).await?;
        let content_type = header_text(&response, header::CONTENT_TYPE).to_owned();
        let body = self.body(response, max_bytes).await?;
        Ok(Answer { content_type, body })
    }

    /// How long a server may take no more of a body.
    pub(super) fn too_slow(&self) -> ClientError {
        ClientError::TimedOut { origin: self.origin.to_string(), seconds: SILENCE.as_secs() }
    }

    /// Whether the server has said that it speaks wire 2.
    pub(super) fn speaks_wire_2(&self) -> bool {
        self.speaks_wire_2.load(Ordering::Relaxed)
    }

    /// Asks whether the server is there and what time it has. Not signed.
    pub async fn server_time(&self) -> Result<ServerTime, ClientError> {
        let address = self.url("/healthz")?;
        let request = self.http.get(address).header(header::HOST, &self.authority);
        let response = self.within(SILENCE, request.send()).await?;
        let now = self.clock.now().seconds();
        let date = header_text(&response, header::DATE);
        let ahead_seconds = OffsetDateTime::parse(date, &Rfc2822)
            .ok()
            .map(|date| date.unix_timestamp().saturating_sub(now));
        Ok(ServerTime { status: response.status().as_u16(), ahead_seconds })
    }

    /// Sends `call`; if the clock was the fault, corrects it by the server's and sends once more, signed anew.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, ClientError> {
        match self.send_once(call).await {
            Err(ClientError::Refused(refusal)) if self.corrects_clock(&refusal) => {
                self.send_once(call).await
            }
            sent => sent,
        }
    }

    /// Sends `call` and gives what comes back part by part: for answers that are too long to hold. The clock is corrected
    /// as for [`Client::send`].
    pub(super) async fn send_streamed<E: From<ClientError>>(
        &self,
        call: &Call,
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut response = match self.respond(call).await {
            Err(ClientError::Refused(refusal)) if self.corrects_clock(&refusal) => {
                self.respond(call).await?
            }
            responded => responded?,
        };
        while let Some(part) = self.within(SILENCE, response.chunk()).await? {
            each(&part)?;
        }
        Ok(())
    }

    /// Whether the refusal was about the clock, and the clock is another now.
    fn corrects_clock(&self, refusal: &Refusal) -> bool {
        if refusal.code != "clock_skew" || self.key.is_none() {
            return false;
        }
        let told = refusal.server_time.as_deref().unwrap_or_default();
        let Ok(server) = OffsetDateTime::parse(told, &Rfc3339) else { return false };
        let ahead = server.unix_timestamp().saturating_sub(self.clock.now().seconds());
        let before = self.ahead_seconds.swap(ahead, Ordering::Relaxed);
        ahead.abs_diff(before) >= LEAST_CORRECTION_SECONDS
    }

    async fn send_once(&self, call: &Call) -> Result<Answer, ClientError> {
        let response = self.respond(call).await?;
        let content_type = header_text(&response, header::CONTENT_TYPE).to_owned();
        let body = self.body(response, call.max_answer_bytes).await?;
        Ok(Answer { content_type, body })
    }

    /// Sends `call`; gives the answer of a status of success, whose body has not been read.
    pub(super) async fn respond(&self, call: &Call) -> Result<Response, ClientError> {
        let url = self.url(&call.target)?;
        let mut request = self
            .http
            .request(call.method.clone(), url.clone())
            .header(header::HOST, &self.authority)
            .header(header::ACCEPT, call.accept)
            .header("x-motet-client", CLIENT_NAME);
        if let Some(BrowserSession { cookie, csrf }) = &self.session {
            request = request
                .header(header::COOKIE, cookie)
                .header("x-motet-csrf", csrf)
                .header(header::ORIGIN, self.origin.to_string());
        }
        if call.is_wire {
            request = request.header("motet-protocol", "2");
        }
        let sha256 = *Digest::of(&call.body).as_bytes();
        if !call.content_type.is_empty() {
            request = request
                .header(header::CONTENT_TYPE, call.content_type)
                .header("content-digest", format_content_digest(&sha256));
        }
        if let Some(key) = &self.key {
            let authorization = self.sign(key, call, &url, &sha256);
            request = request.header(header::AUTHORIZATION, authorization);
        } else if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if !call.body.is_empty() {
            request = request.body(call.body.clone());
        }
        let upload_seconds = call.body.len() as u64 / MIN_UPLOAD_BYTES_PER_SECOND;
        let patience = SILENCE + Duration::from_secs(upload_seconds);
        let response = self.within(patience, request.send()).await?;
        if call.is_wire && response.headers().get("motet-protocol").is_some_and(|it| it == "2") {
            self.speaks_wire_2.store(true, Ordering::Relaxed);
        }
        self.successful(response).await
    }

    fn sign(&self, key: &PrivateKey, call: &Call, url: &Url, sha256: &[u8; 32]) -> String {
        // The path and query that are sent are those of the parsed address.
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let ahead = self.ahead_seconds.load(Ordering::Relaxed);
        let nonce = Nonce::generate(&self.random);
        let request = CanonicalRequest {
            method: call.method.as_str(),
            authority: &self.authority,
            target: &target,
            ts: self.clock.now().seconds().saturating_add(ahead),
            nonce: &nonce,
            content_type: call.content_type,
            body_sha256: sha256,
        };
        sign_request(key, &request).to_header()
    }

    fn url(&self, target: &str) -> Result<Url, ClientError> {
        let text = format!("{}{target}", self.origin);
        Url::parse(&text).map_err(|error| ClientError::Setup(format!("`{text}`: {error}")))
    }

    async fn within<T>(
        &self,
        patience: Duration,
        sent: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, ClientError> {
        match timeout(patience, sent).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let (origin, cause) = (self.origin.to_string(), root_cause(&error));
                Err(if error.is_body() || error.is_decode() {
                    ClientError::CutOff { origin, cause }
                } else {
                    ClientError::Unreachable { origin, cause }
                })
            }
            Err(_) => Err(ClientError::TimedOut {
                origin: self.origin.to_string(),
                seconds: patience.as_secs(),
            }),
        }
    }

    async fn successful(&self, response: Response) -> Result<Response, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let content_type = header_text(&response, header::CONTENT_TYPE).to_owned();
        if status.is_redirection() {
            let location = crate::visible::visible(header_text(&response, header::LOCATION));
            return Err(ClientError::Redirect { origin: self.origin.to_string(), location });
        }
        let retry_after_seconds = header_text(&response, header::RETRY_AFTER).parse().ok();
        // An error that cannot be read to its end is told by its status.
        let body = self.body(response, MAX_REFUSAL_BYTES).await.unwrap_or_default();
        let mut refusal = Refusal::read(status.as_u16(), &content_type, &body);
        refusal.retry_after_seconds = retry_after_seconds;
        Err(ClientError::Refused(Box::new(refusal)))
    }

    pub(super) async fn body(
        &self,
        mut response: Response,
        max_bytes: u64,
    ) -> Result<Vec<u8>, ClientError> {
        let too_long = || ClientError::TooLong { origin: self.origin.to_string(), max_bytes };
        if response.content_length().is_some_and(|length| length > max_bytes) {
            return Err(too_long());
        }
        let mut body = Vec::new();
        while let Some(part) = self.within(SILENCE, response.chunk()).await? {
            if (body.len() + part.len()) as u64 > max_bytes {
                return Err(too_long());
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }
}

pub(super) fn header_text(response: &Response, name: header::HeaderName) -> &str {
    response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The innermost reason, which is the one that a person can act on.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = None;
    while let Some(inner) = cause {
        text = Some(inner.to_string());
        cause = inner.source();
    }
    text.unwrap_or_else(|| error.to_string())
}
