//! How long a bucket is waited for, and how often it is asked again.

use std::time::Duration;

use egress::{Limits, Method};
use object_store::{BackoffConfig, RetryConfig};

/// What an answer may have beside the bytes of an object: a list of 1,000 keys of 1,024 bytes fits four times.
const ANSWER_BYTES: u64 = 8 << 20;

/// How long a bucket is waited for. Whatever happens, an operation that carries no object ends within `question`, and
/// one that does ends as soon as nothing has moved for `silence`, tried again while `retry_for` lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Looking the name up; and again, reaching the address and agreeing on TLS.
    pub(crate) connect: Duration,
    /// The longest time in which nothing moves.
    pub(crate) silence: Duration,
    /// The same while the store copies an object by itself.
    pub(crate) copy: Duration,
    /// One operation that carries no object, with all its retries.
    pub(crate) question: Duration,
    /// One request that carries bytes of an object to the store: 64 MiB at most.
    pub(crate) upload: Duration,
    /// One request that brings an object.
    pub(crate) download: Duration,
    /// How often a request is made again after a passing fault.
    pub(crate) retries: usize,
    /// No request is made again once this has passed since the first.
    pub(crate) retry_for: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            // Stores answer within a second; ten times that, and half as much again, is not slow but stuck.
            silence: Duration::from_secs(15),
            // A store that copies bytes one by one needs this for 5 GiB.
            copy: Duration::from_mins(2),
            // Two silences and what lies between them.
            question: Duration::from_secs(40),
            // 64 MiB over a line of 1 Mbit/s.
            upload: Duration::from_mins(10),
            // 5 GiB at 1.5 MB/s.
            download: Duration::from_hours(1),
            retries: 3,
            retry_for: Duration::from_secs(20),
        }
    }
}

impl Patience {
    /// How the library tries again.
    pub(super) fn retries(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                // A server that restarts is back within a few of these.
                max_backoff: Duration::from_secs(2),
                base: 3.0,
            },
            max_retries: self.retries,
            retry_timeout: self.retry_for,
        }
    }

    /// The bounds of one request.
    pub(super) fn limits(&self, method: &Method, is_copy: bool, request_bytes: u64) -> Limits {
        let is_get = *method == Method::GET;
        let total = if is_get {
            self.download
        } else if is_copy || *method != Method::PUT {
            self.question.max(self.copy)
        } else {
            self.upload
        };
        Limits {
            resolve: self.connect,
            connect: self.connect,
            first_byte: if is_copy { self.copy } else { self.silence },
            idle: self.silence,
            total,
            request_bytes,
            response_bytes: if is_get { u64::MAX } else { ANSWER_BYTES },
        }
    }
}
