//! A stream on its way out.
//!
//! It is written by a task of its own, a few pieces ahead of the client, so that a slow client costs its pieces and
//! nothing else. There is no silence: work that takes long is told (`spec/wire.md` 9.1, PROGRESS).

use std::{io, pin::pin, time::Duration};

use api::{
    WireCode,
    stream::{Begin, Counts, Frame, MEDIA_TYPE, Progress, StreamError, Writer},
};
use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc},
    task::JoinHandle,
    time::{Instant, timeout},
};
use web::{Context, Problem};

use super::watch::{PIECE_BYTES, Watch};
use crate::{Error, Hub};

/// Pieces that wait between the task and a slow client.
const QUEUE: usize = 4;
/// How long a client hears nothing: half of what the protocol allows.
const PATIENCE: Duration = Duration::from_secs(5);
/// Streams at once. Each holds a page at most, and takes turns at the disk.
const AT_ONCE: usize = 64;
/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(20);

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Why a stream is not written on.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nobody reads it any more.
    Gone,
    /// It cannot be written.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<objects::Error> for Stop {
    fn from(error: objects::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<StreamError> for Stop {
    fn from(error: StreamError) -> Self {
        Self::Failed(match error {
            StreamError::TooLarge { what, .. } => Error::wire(WireCode::TooLarge, what),
            StreamError::Cut { .. } | StreamError::Malformed { .. } | StreamError::Digest => {
                Error::Broken(error.to_string())
            }
        })
    }
}

/// What writes a stream.
pub(super) trait Work: Send + 'static {
    /// Writes it, all but its end. Says whether its last cursor leads on.
    fn write(self, to: &mut Sending) -> impl Future<Output = Result<bool, Stop>> + Send;
}

/// A stream that is being written.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) hub: Hub,
    writer: Writer,
    to: mpsc::Sender<Bytes>,
    sent_at: Instant,
    watch: Watch,
}

impl Sending {
    /// Begins a stream, and answers with it.
    pub(super) async fn answer(
        hub: Hub,
        (context, watch): (Context, Watch),
        begin: Begin,
        work: impl Work,
    ) -> Result<Response, Error> {
        let (from, _) = Self::begin(hub, (context, watch), begin, work).await?;
        let pieces = futures_util::stream::unfold(from, async |mut from| {
            let piece = from.recv().await?;
            Some((Ok::<_, io::Error>(piece), from))
        });
        let kind = HeaderValue::from_static(MEDIA_TYPE);
        let keep = HeaderValue::from_static("no-store");
        let head = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)];
        Ok((head, Body::from_stream(pieces)).into_response())
    }

    /// Begins a stream. Gives its pieces as they are written, and in the end what it brought; nothing if it ended early.
    pub(super) async fn begin(
        hub: Hub,
        (context, watch): (Context, Watch),
        begin: Begin,
        work: impl Work,
    ) -> Result<(mpsc::Receiver<Bytes>, JoinHandle<Option<Counts>>), Error> {
        let busy = || Error::wire(WireCode::Unavailable, "too many transfers at this moment");
        let turn = timeout(TURN, TURNS.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
        let writer = Writer::begin(begin).map_err(|error| Error::Broken(error.to_string()))?;
        let (to, from) = mpsc::channel(QUEUE);
        let sending = Self { hub, writer, to, sent_at: Instant::now(), watch };
        Ok((from, tokio::spawn(sending.run(context, work, turn))))
    }

    async fn run(
        mut self,
        context: Context,
        work: impl Work,
        _turn: SemaphorePermit<'static>,
    ) -> Option<Counts> {
        let written = match work.write(&mut self).await {
            Ok(more) => self.writer.end(more).map_err(Stop::from),
            Err(stop) => Err(stop),
        };
        let counts = written.is_ok().then(|| self.writer.counts());
        if let Err(Stop::Failed(error)) = written {
            tracing::warn!(%error, request_id = context.request_id, "a stream ends early");
            let problem = Problem::from(error).document_body(&context);
            // What stands half-written before it makes no difference to who reads an error.
            if self.writer.write(Frame::Error(Box::new(problem))).is_err() {
                return None;
            }
        }
        // Whoever is gone misses nothing more.
        self.flush().await.unwrap_or_default();
        counts
    }

    /// How many bytes were written.
    pub(super) const fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    /// Writes a frame.
    pub(super) async fn put(&mut self, frame: Frame) -> Result<(), Stop> {
        self.writer.write(frame)?;
        if self.writer.waiting() < PIECE_BYTES {
            return Ok(());
        }
        self.watch.check(&self.hub, self.writer.bytes()).await?;
        self.flush().await
    }

    /// Sends what was written.
    pub(super) async fn flush(&mut self) -> Result<(), Stop> {
        let piece = Bytes::from(self.writer.take_written());
        if !piece.is_empty() {
            self.to.send(piece).await.map_err(|_| Stop::Gone)?;
        }
        self.sent_at = Instant::now();
        Ok(())
    }

    /// Waits for `work`, and says so to the client where that takes long.
    pub(super) async fn patiently<T, E: Into<Stop>>(
        &mut self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Stop> {
        let mut work = pin!(work);
        loop {
            let left = PATIENCE.saturating_sub(self.sent_at.elapsed());
            if let Ok(done) = timeout(left, &mut work).await {
                return done.map_err(Into::into);
            }
            let (done, total) = (self.writer.bytes(), 0);
            let progress = Progress { phase: "reading".to_owned(), done, total };
            self.writer.write(Frame::Progress(progress))?;
            self.flush().await?;
        }
    }
}
