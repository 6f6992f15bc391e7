//! How long a request may take, and how much may go each way.

use std::{fmt, time::Duration};

use tokio::time::{Instant, timeout_at};

use crate::{error::Error, origin::Origin};

/// Bounds of one request, redirects included. [`Limits::default`] suits a small call to an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Looking the name up.
    pub resolve: Duration,
    /// Reaching an address and agreeing on TLS, both together.
    pub connect: Duration,
    /// The longest silence between what was sent last and the beginning of the answer.
    pub first_byte: Duration,
    /// The longest silence within the answer.
    pub idle: Duration,
    /// Everything, to the last byte of the answer.
    pub total: Duration,
    /// The body of the request.
    pub request_bytes: u64,
    /// The body of the answer.
    pub response_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A resolver of the machine asks twice within this; a handshake across the world takes a second.
            resolve: Duration::from_secs(5),
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(15),
            idle: Duration::from_secs(15),
            total: Duration::from_secs(30),
            // What the server's own API takes (`spec/conventions.md`, Requests).
            request_bytes: 10 << 20,
            response_bytes: 10 << 20,
        }
    }
}

/// Where a request was when its time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking the name up.
    Resolve,
    /// Connecting, TLS included.
    Connect,
    /// Sending, and waiting for the answer to begin.
    FirstByte,
    /// Reading the answer.
    Idle,
    /// The whole of it.
    Total,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up the name",
            Self::Connect => "connecting",
            Self::FirstByte => "waiting for the answer to begin",
            Self::Idle => "waiting for more of the answer",
            Self::Total => "the whole request",
        })
    }
}

/// What was too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The body of the request.
    Request,
    /// The status line and headers of the answer.
    Head,
    /// The body of the answer.
    Response,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "the body of the request",
            Self::Head => "the head of the answer",
            Self::Response => "the body of the answer",
        })
    }
}

/// The limits of one request, and when its time is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    pub(crate) limits: Limits,
    ends_at: Instant,
}

impl Budget {
    pub(crate) fn start(limits: Limits) -> Self {
        // Further ahead than this the runtime's timer does not look.
        const FOREVER: Duration = Duration::from_hours(24 * 365);
        Self { limits, ends_at: Instant::now() + limits.total.min(FOREVER) }
    }

    /// The answer of `work`, or the stage that ran out of time: this one or all of it.
    pub(crate) async fn within<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = T>,
    ) -> Result<T, Stage> {
        let alone = Instant::now().checked_add(self.limit(stage)).unwrap_or(self.ends_at);
        let stage = if alone < self.ends_at { stage } else { Stage::Total };
        timeout_at(alone.min(self.ends_at), work).await.map_err(|_| stage)
    }

    pub(crate) fn timeout(&self, stage: Stage, origin: &Origin) -> Error {
        let limit_ms = self.limit(stage).as_millis();
        Error::Timeout { origin: origin.clone(), stage, limit_ms }
    }

    const fn limit(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Resolve => self.limits.resolve,
            Stage::Connect => self.limits.connect,
            Stage::FirstByte => self.limits.first_byte,
            Stage::Idle => self.limits.idle,
            Stage::Total => self.limits.total,
        }
    }
}
