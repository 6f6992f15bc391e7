//! Bodies: capped before they are read, hashed while they are read, drained when they are refused.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use names::Hasher;
use tokio::time::{Instant, timeout};
use trust::limits::Meter;

use crate::Problem;

/// How long a body may be silent between two pieces.
const SILENCE: Duration = Duration::from_secs(30);
/// Whoever was waited for as long as that has to have sent this much a second (`spec/trust.md` 9, slow clients).
const PATIENCE: Duration = Duration::from_secs(30);
const LEAST_BYTES_A_SECOND: u64 = 1 << 10;
/// What is read and dropped of a refused request's body, so that a client which writes everything before it reads
/// gets to see the answer (`spec/wire.md` 3).
const DRAIN_BYTES: u64 = 32 << 20;
/// How long that may take.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Why a body could not be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// More bytes than the route takes.
    #[error("the body has more than the {0} bytes that are taken here")]
    TooLarge(u64),
    /// Not the bytes that were signed.
    #[error("the body does not have the digest that was signed")]
    DigestMismatch,
    /// The client stopped in the middle.
    #[error("the body ended early")]
    Cut,
    /// Nothing came for a while.
    #[error("nothing of the body came for 30 seconds")]
    Silent,
    /// It trickles.
    #[error("the body came more slowly than 1 KiB a second")]
    Slow,
}

impl From<BodyFault> for Problem {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge(_) => {
                Self::refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &fault)
            }
            BodyFault::DigestMismatch => trust::Error::DigestMismatch.into(),
            BodyFault::Cut => Self::malformed(&fault),
            BodyFault::Silent | BodyFault::Slow => {
                Self::refuse(StatusCode::REQUEST_TIMEOUT, "malformed", &fault)
            }
        }
    }
}

/// Where a body that nobody read to its end is left, to be drained.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rest(Arc<Mutex<Option<Unread>>>);

/// What is left of a body, and what is known of it so far.
#[derive(Debug)]
struct Unread {
    inner: axum::body::Body,
    expected: Option<[u8; 32]>,
    hasher: Hasher,
}

/// A request's body. It ends well only if it was within its cap and had the digest that was signed.
#[derive(Debug)]
pub struct Body {
    inner: Option<axum::body::Body>,
    cap: u64,
    taken: u64,
    /// How long the client was waited for.
    waited: Duration,
    expected: Option<[u8; 32]>,
    hasher: Hasher,
    rest: Rest,
    /// Whom the bytes are charged to as they come.
    meter: Option<Meter>,
}

impl Body {
    pub(crate) fn new(inner: axum::body::Body, cap: u64) -> Self {
        let (hasher, rest) = (Hasher::default(), Rest::default());
        let (inner, waited) = (Some(inner), Duration::ZERO);
        Self { inner, cap, taken: 0, waited, expected: None, hasher, rest, meter: None }
    }

    pub(crate) fn rest(&self) -> Rest {
        self.rest.clone()
    }

    /// The bytes must hash to `digest`.
    pub(crate) fn expect_digest(&mut self, digest: Option<[u8; 32]>) {
        self.expected = digest;
    }

    /// Charges every byte that comes from now on.
    pub fn charge(&mut self, meter: Option<Meter>) {
        self.meter = meter;
    }

    /// The next piece, or nothing once the whole body was taken and has its digest.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyFault>> {
        let inner = self.inner.as_mut()?;
        let asked = Instant::now();
        let frame = timeout(SILENCE, inner.frame()).await;
        self.waited += asked.elapsed();
        let frame = match frame {
            Err(_) => return Some(Err(self.fail(BodyFault::Silent))),
            Ok(Some(Err(_))) => return Some(Err(self.fail(BodyFault::Cut))),
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => {
                self.inner = None;
                let digest = std::mem::take(&mut self.hasher).finish();
                let holds = self.expected.take().is_none_or(|expected| expected == digest);
                return if holds { None } else { Some(Err(BodyFault::DigestMismatch)) };
            }
        };
        let piece = frame.into_data().unwrap_or_default();
        self.taken += piece.len() as u64;
        if let Some(meter) = &self.meter {
            meter.add(piece.len() as u64);
        }
        if is_slow(self.taken, self.waited) {
            return Some(Err(self.fail(BodyFault::Slow)));
        }
        if self.taken > self.cap {
            // What goes over the cap is not hashed, so there is nothing to compare at the end.
            self.expected = None;
            return Some(Err(BodyFault::TooLarge(self.cap)));
        }
        if self.expected.is_some() {
            self.hasher.update(&piece);
        }
        Some(Ok(piece))
    }

    /// The whole body.
    pub async fn bytes(mut self) -> Result<Bytes, BodyFault> {
        let mut whole = BytesMut::new();
        let mut only = None;
        while let Some(piece) = self.next().await {
            let piece = piece?;
            match only.take() {
                None if whole.is_empty() => only = Some(piece),
                None => whole.extend_from_slice(&piece),
                Some(first) => {
                    whole.extend_from_slice(&first);
                    whole.extend_from_slice(&piece);
                }
            }
        }
        Ok(only.unwrap_or_else(|| whole.freeze()))
    }

    /// A connection that failed has nothing left to drain.
    fn fail(&mut self, fault: BodyFault) -> BodyFault {
        self.inner = None;
        fault
    }
}

/// Whether so many bytes are too few for a client that was waited for so long. What the server itself takes to work on
/// what came is not counted.
fn is_slow(bytes: u64, waited: Duration) -> bool {
    waited >= PATIENCE && bytes < waited.as_secs().saturating_mul(LEAST_BYTES_A_SECOND)
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            let (expected, hasher) = (self.expected.take(), std::mem::take(&mut self.hasher));
            *self.rest.slot() = Some(Unread { inner, expected, hasher });
        }
    }
}

impl Rest {
    fn slot(&self) -> MutexGuard<'_, Option<Unread>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads and drops what is left of a refused request. Tells when the body was not the one that was signed: then
    /// whatever else was wrong with it was not said by the signer. Too much or too slow: the connection is closed, and
    /// the client sees that instead.
    pub(crate) async fn drain(&self) -> Result<(), BodyFault> {
        let Some(Unread { mut inner, expected, mut hasher }) = self.slot().take() else {
            return Ok(());
        };
        let mut left = DRAIN_BYTES;
        let to_the_end = async {
            while let Some(frame) = inner.frame().await {
                let Some(piece) = frame.ok()?.into_data().ok() else { continue };
                left = left.checked_sub(piece.len() as u64)?;
                hasher.update(&piece);
            }
            Some(hasher.finish())
        };
        match (timeout(DRAIN_TIME, to_the_end).await, expected) {
            (Ok(Some(digest)), Some(expected)) if digest != expected => {
                Err(BodyFault::DigestMismatch)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_trickles_is_given_up_after_half_a_minute() {
        for (bytes, seconds, is_given_up) in [
            (0, 29, false),
            (29, 29, false),
            (30, 30, true),
            (30 << 10, 30, false),
            ((30 << 10) - 1, 30, true),
            // A large push over a slow line goes on for as long as it goes on.
            (500 << 20, 6 * 3_600, false),
            (20 << 20, 6 * 3_600, true),
        ] {
            let waited = Duration::from_secs(seconds);
            assert_eq!(is_slow(bytes, waited), is_given_up, "{bytes} bytes in {seconds} s");
        }
    }
}
