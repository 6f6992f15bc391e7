//! Bodies, decoded on a blocking thread while they arrive.
//!
//! Pieces go through a short queue to a thread that reads them as one stream, so a body of 500 MiB never lies in
//! memory. The stream ends well only after the body was within its cap and had the digest that was signed: a reader
//! that reads to the end of the stream has checked both.

use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use api::{DecodeError, Limits, Value, WireCode, WireError, wire::Format};
use bytes::{Buf as _, Bytes};
use tokio::{
    sync::{Semaphore, mpsc},
    time::timeout,
};
use web::{Body, BodyFault, Call};

use super::weights::{Busy, TOGETHER, Weight};
use crate::Error;

/// Pieces that wait between the connection and the thread. A piece is what the connection reads at once, at most a
/// few hundred KiB.
const QUEUE: usize = 16;

/// A decoded body may take this much memory, whatever its length: a push that needs more is too large for wire 1.
const MAX_DECODED_BYTES: u64 = 512 << 20;

/// The body as a blocking stream.
pub(crate) struct BodyReader {
    queue: mpsc::Receiver<Result<Bytes, BodyFault>>,
    piece: Bytes,
}

impl Read for BodyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.queue.blocking_recv() {
                None => return Ok(0),
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(fault)) => return Err(io::Error::other(fault)),
            }
        }
        let length = self.piece.len().min(into.len());
        self.piece.split_to(length).copy_to_slice(into.get_mut(..length).unwrap_or_default());
        Ok(length)
    }
}

impl BodyReader {
    /// Reads what is left, so that cap and digest are checked to the end.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        match io::copy(&mut self, &mut io::sink()) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Error::wire(WireCode::Malformed, "bytes follow the end of the message")),
            Err(error) => Err(of_io(error)),
        }
    }
}

/// Bodies that are decoded at once: each holds a thread for as long as its client takes to send it.
const AT_ONCE: usize = 64;
/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(20);

static TURNS: Semaphore = Semaphore::const_new(AT_ONCE);

/// Runs `work` over the body on a blocking thread.
pub(crate) async fn read<T: Send + 'static>(
    mut body: Body,
    work: impl FnOnce(BodyReader) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let busy = || Error::wire(WireCode::Unavailable, "too many uploads at this moment; push again");
    let _turn = timeout(TURN, TURNS.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
    let (to, queue) = mpsc::channel(QUEUE);
    let worker =
        tokio::task::spawn_blocking(move || work(BodyReader { queue, piece: Bytes::new() }));
    let mut fault = None;
    while let Some(piece) = body.next().await {
        fault = piece.as_ref().err().copied();
        // The worker hangs up when it has seen enough to refuse.
        if to.send(piece).await.is_err() || fault.is_some() {
            break;
        }
    }
    drop(to);
    let outcome =
        worker.await.map_err(|error| Error::Broken(format!("a worker ended early: {error}")))?;
    match (fault, outcome) {
        // Whatever the worker found wrong, it found in bytes that nobody signed.
        (Some(fault @ BodyFault::DigestMismatch), Err(_)) => Err(Error::Body(fault)),
        (_, outcome) => outcome,
    }
}

/// How much a body may weigh whose values are counted with `weight`.
pub(super) fn limits(body_bytes: u64, weight: &Arc<Weight>) -> Limits {
    let limits = Limits::of_body(body_bytes);
    let (memory_bytes, scale) = (limits.memory_bytes.min(MAX_DECODED_BYTES), Arc::clone(weight));
    Limits { memory_bytes, scale: Some(scale), ..limits }
}

/// Decodes the body as one message.
pub(crate) async fn message(call: Call, body_bytes: u64) -> Result<Value, Error> {
    let (value, _) = weighed(call, body_bytes).await?;
    Ok(value)
}

/// Decodes the body as one message. Its weight is counted for as long as what is given beside it lives.
pub(crate) async fn weighed(call: Call, body_bytes: u64) -> Result<(Value, Arc<Weight>), Error> {
    let format = Format::of_content_type(Some(call.header("content-type")));
    let weight = Arc::new(Weight::on(&TOGETHER));
    let limits = limits(body_bytes, &weight);
    let value = read(call.body, move |mut reader| {
        let value = format.read(&mut reader, &limits).map_err(of_decoding)?;
        reader.finish()?;
        Ok(value)
    })
    .await?;
    Ok((value, weight))
}

/// A refusal, or what the body itself had to say.
pub(super) fn of_decoding(error: DecodeError) -> Error {
    WireError::try_from(error).map_or_else(of_io, Error::Wire)
}

/// What went wrong while reading: the body's own fault, carried through the decoder.
pub(crate) fn of_io(error: io::Error) -> Error {
    let inner = error.get_ref();
    let fault = inner.and_then(|inner| inner.downcast_ref::<BodyFault>()).copied();
    match fault {
        Some(fault) => Error::Body(fault),
        None if inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<Busy>) => {
            Error::wire(WireCode::Unavailable, Busy.to_string())
        }
        None => Error::Objects(objects::Error::Io(error)),
    }
}
