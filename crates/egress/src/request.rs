//! What to ask for.

use std::{fmt, io};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::{
    error::Error,
    limits::Limits,
    origin::{Origin, Target},
    outgoing::Payload,
    redirect::MAX_REDIRECTS,
};

/// Headers that belong to the connection or are the client's own to write; a caller's are left out.
static NOT_FOR_CALLERS: [HeaderName; 11] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// One request. Nothing is looked up or judged before it is sent.
pub struct Request {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload,
    pub(crate) max_redirects: u8,
    pub(crate) limits: Option<Limits>,
}

impl Request {
    /// A request without headers and body. `url` is absolute, without a user part; its fragment is left out.
    pub fn new(method: Method, url: &str) -> Result<Self, Error> {
        if method == Method::CONNECT {
            return Err(Error::Url { why: "this client opens no tunnels" });
        }
        Ok(Self {
            method,
            target: url.parse()?,
            headers: HeaderMap::new(),
            payload: Payload::Whole(Bytes::new()),
            max_redirects: 0,
            limits: None,
        })
    }

    /// `GET url`.
    pub fn get(url: &str) -> Result<Self, Error> {
        Self::new(Method::GET, url)
    }

    /// `POST url`.
    pub fn post(url: &str) -> Result<Self, Error> {
        Self::new(Method::POST, url)
    }

    /// Sets a header. `Host` and those of the connection are the client's own and are left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if !NOT_FOR_CALLERS.contains(&name) {
            self.headers.insert(name, value);
        }
        self
    }

    /// The body, all of it.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.payload = Payload::Whole(body.into());
        self
    }

    /// A body that is read while it is sent. With a length it is announced; without one it goes in chunks.
    #[must_use]
    pub fn stream<S>(mut self, body: S, length: Option<u64>) -> Self
    where
        S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    {
        self.payload = Payload::Stream(body.boxed(), length);
        self
    }

    /// Follows up to `at_most` redirects, and never more than [`MAX_REDIRECTS`]. Without this a redirect is an
    /// answer like any other.
    ///
    /// A body goes only to the origin that was asked for, and a stream goes once: a 307 or 308 that would need
    /// more is handed back as it is.
    #[must_use]
    pub fn follow_redirects(mut self, at_most: u8) -> Self {
        self.max_redirects = at_most.min(MAX_REDIRECTS);
        self
    }

    /// Other limits than those of the client.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Where it goes.
    pub const fn origin(&self) -> &Origin {
        &self.target.origin
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.target.origin)
    }
}
