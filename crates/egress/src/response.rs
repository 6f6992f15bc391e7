//! The answer: status, headers, and a body that is read while it comes.

use std::{io, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream::try_unfold};
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::{
    connect::Connection,
    error::Error,
    limits::{Budget, Part, Stage},
    origin::Origin,
    outgoing::Progress,
    pool::{Key, Pool},
};

/// An answer whose head has come.
#[derive(Debug)]
#[non_exhaustive]
pub struct Response {
    /// The status, whatever it is: only a redirect that was to be followed is not handed back.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Who answered: not whom the request was for, if redirects were followed.
    pub origin: Origin,
    /// What is still to come.
    pub body: Body,
}

/// The connection that a body comes from, and where it goes when the body has ended.
pub(crate) struct Source {
    pub(crate) connection: Connection,
    pub(crate) pool: Arc<Pool<Connection>>,
    pub(crate) key: Key,
    pub(crate) progress: Arc<Progress>,
}

impl Source {
    /// Gives the connection back for the next request, if nothing of this one is still on its way.
    fn give_back(self) {
        if self.progress.is_done() && !self.connection.sender.is_closed() {
            let judged_at = self.connection.judged_at;
            self.pool.put(self.key, self.connection, judged_at, Instant::now());
        }
    }
}

/// A body that is read while it comes, within the limits of its request. Dropping it closes the connection.
pub struct Body {
    incoming: Incoming,
    source: Option<Source>,
    origin: Origin,
    budget: Budget,
    left_bytes: u64,
}

impl Body {
    pub(crate) fn new(incoming: Incoming, source: Source, budget: Budget) -> Self {
        let origin = source.key.0.clone();
        let left_bytes = budget.limits.response_bytes;
        let mut body = Self { incoming, source: Some(source), origin, budget, left_bytes };
        if body.incoming.is_end_stream() {
            body.finish();
        }
        body
    }

    /// The next bytes; nothing after the last.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = self.budget.within(Stage::Idle, self.incoming.frame()).await;
            let frame =
                frame.map_err(|stage| self.abandon(|it| it.budget.timeout(stage, &it.origin)))?;
            match frame {
                None => {
                    self.finish();
                    return Ok(None);
                }
                Some(Err(cause)) => {
                    return Err(self.abandon(|it| Error::Connection {
                        origin: it.origin.clone(),
                        cause: cause.into(),
                    }));
                }
                Some(Ok(frame)) => {
                    // Trailers are nobody's business here.
                    let Ok(bytes) = frame.into_data() else { continue };
                    let left_bytes = self.left_bytes.checked_sub(bytes.len() as u64);
                    self.left_bytes = left_bytes.ok_or_else(|| self.abandon(Self::too_large))?;
                    if self.incoming.is_end_stream() {
                        self.finish();
                    }
                    return Ok(Some(bytes));
                }
            }
        }
    }

    /// All of it. An answer that announces more than allowed is refused before it is read.
    pub async fn bytes(mut self) -> Result<Bytes, Error> {
        if self.incoming.size_hint().lower() > self.left_bytes {
            return Err(self.abandon(Self::too_large));
        }
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// The first `at_most` bytes; the rest is never read.
    pub async fn beginning(mut self, at_most: usize) -> Result<Bytes, Error> {
        let mut kept = BytesMut::new();
        while kept.len() < at_most
            && let Some(chunk) = self.chunk().await?
        {
            kept.extend_from_slice(&chunk);
        }
        kept.truncate(at_most);
        Ok(kept.freeze())
    }

    /// The chunks as a stream; it ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send {
        try_unfold(
            self,
            |mut body| async move { Ok(body.chunk().await?.map(|chunk| (chunk, body))) },
        )
    }

    fn finish(&mut self) {
        if let Some(source) = self.source.take() {
            source.give_back();
        }
    }

    /// Closes the connection: what follows an error is not read.
    fn abandon(&mut self, why: impl FnOnce(&Self) -> Error) -> Error {
        self.source = None;
        why(self)
    }

    fn too_large(&self) -> Error {
        let limit_bytes = self.budget.limits.response_bytes;
        Error::TooLarge { origin: self.origin.clone(), part: Part::Response, limit_bytes }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the body of an answer from {}", self.origin)
    }
}

/// For readers that know no errors but those of I/O.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}
