//! The body of a request on its way out: counted, and seen to move.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http_body::{Body, Frame, SizeHint};

/// What a caller gives as a body.
pub(crate) enum Payload {
    /// All of it; can be sent again after a redirect.
    Whole(Bytes),
    /// As it comes; can be sent once.
    Stream(BoxStream<'static, io::Result<Bytes>>, Option<u64>),
}

impl Payload {
    /// The number of bytes, if it is known ahead.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes.len() as u64),
            Self::Stream(_, length) => *length,
        }
    }
}

/// Why a body stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the body is larger than allowed")]
    TooLarge,
    #[error("{0}")]
    Failed(io::Error),
}

/// How far a body has come; the waiting side and the sending side share it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    frames: AtomicU64,
    is_done: AtomicBool,
}

impl Progress {
    pub(crate) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Relaxed)
    }
}

/// A body being sent.
pub(crate) struct Outgoing {
    payload: Payload,
    /// What was announced and has not gone out yet. Nobody asks for the end of a body whose length is known.
    announced_bytes: Option<u64>,
    left_bytes: u64,
    progress: Arc<Progress>,
}

impl Outgoing {
    pub(crate) fn new(payload: Payload, limit_bytes: u64) -> Self {
        let progress = Progress::default();
        let announced_bytes = payload.length();
        progress.is_done.store(announced_bytes == Some(0), Ordering::Relaxed);
        Self { payload, announced_bytes, left_bytes: limit_bytes, progress: Arc::new(progress) }
    }

    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match &mut self.payload {
            Payload::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Payload::Whole(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Payload::Stream(stream, _) => stream.as_mut().poll_next(cx),
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let next = match self.next(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(next) => next,
        };
        self.progress.frames.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(match next {
            None => {
                self.progress.is_done.store(true, Ordering::Relaxed);
                None
            }
            Some(Err(error)) => Some(Err(Fault::Failed(error))),
            Some(Ok(bytes)) => match self.left_bytes.checked_sub(bytes.len() as u64) {
                None => Some(Err(Fault::TooLarge)),
                Some(left_bytes) => {
                    self.left_bytes = left_bytes;
                    if let Some(announced_bytes) = &mut self.announced_bytes {
                        *announced_bytes = announced_bytes.saturating_sub(bytes.len() as u64);
                        if *announced_bytes == 0 {
                            self.progress.is_done.store(true, Ordering::Relaxed);
                        }
                    }
                    Some(Ok(Frame::data(bytes)))
                }
            },
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.payload, Payload::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        self.payload.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
