//! What went wrong between us and the bucket, in sentences that say what to do next.
//!
//! The store's words are never repeated but for its error code, and never the address that was asked: an answer may
//! quote what was signed.

use std::{error::Error, io};

use egress::StatusCode;
use object_store::client::{HttpError, HttpErrorKind};

/// Why a bucket did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// Nobody answers there.
    #[error(
        "the bucket cannot be reached ({why}): see whether the store runs and the endpoint is right"
    )]
    Unreachable {
        /// What the outgoing client says; it names the origin and nothing else.
        why: String,
    },
    /// Somebody answers, and not in time.
    #[error("the bucket is too slow ({why}): see how the store and the line to it are doing")]
    Slow {
        /// What took too long, and how long it may.
        why: String,
    },
    /// The store cannot answer now, and said so as often as it was asked.
    #[error("the store cannot serve the bucket now ({told}): see its own log, and try again later")]
    Busy {
        /// Status and code of the answer.
        told: String,
    },
    /// The key id, the secret, or what they are good for.
    #[error(
        "the store refuses our key ({told}): see that key id and secret are right and may read, write, list and \
         delete in this bucket"
    )]
    Refused {
        /// Status and code of the answer.
        told: String,
    },
    /// The signature was made at another time than the store's.
    #[error("the store's clock and ours differ too much: set this machine's clock, or the store's")]
    Clock,
    /// There is no such bucket.
    #[error("the store has no bucket of that name: make it, or correct the name in the settings")]
    NoBucket,
    /// It is kept elsewhere.
    #[error(
        "the bucket is in another region ({told}): correct region and endpoint in the settings"
    )]
    OtherRegion {
        /// Status and code of the answer.
        told: String,
    },
    /// There is no such key.
    #[error("the bucket has no {key}")]
    Missing {
        /// Which.
        key: String,
    },
    /// The store took it and has it not.
    #[error(
        "the bucket took {key} and does not have it: see whether anything else clears this bucket"
    )]
    Lost {
        /// Which.
        key: String,
    },
    /// The key is taken by something else.
    #[error(
        "the bucket has {there} bytes under {key}, and not {bytes}: see whether anything else writes there"
    )]
    OtherSize {
        /// Which.
        key: String,
        /// Its bytes in the bucket.
        there: u64,
        /// Its bytes here.
        bytes: u64,
    },
    /// What arrived, or was about to go, does not have its hash.
    #[error("the bytes for {key} changed on their way to the bucket; nothing was kept")]
    Damaged {
        /// Which.
        key: String,
    },
    /// The text cannot be a key.
    #[error("{key:?} cannot be a key in a bucket")]
    Key {
        /// Which.
        key: String,
    },
    /// The file on this machine.
    #[error("a file for the bucket cannot be read")]
    File(#[from] io::Error),
    /// An answer that only a bug, here or there, explains.
    #[error("the store answered {told}, which nothing here provides for: is it S3-compatible?")]
    Unexpected {
        /// Status and code of the answer.
        told: String,
    },
    /// An answer that cannot be understood.
    #[error("the store's answer cannot be used ({why}): is it S3-compatible?")]
    Unreadable {
        /// What is wrong with it.
        why: &'static str,
    },
}

impl BucketError {
    /// A stable word for rows, metrics and answers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Slow { .. } => "slow",
            Self::Busy { .. } => "busy",
            Self::Refused { .. } => "refused",
            Self::Clock => "clock",
            Self::NoBucket => "no_bucket",
            Self::OtherRegion { .. } => "other_region",
            Self::Missing { .. } => "missing",
            Self::Lost { .. } => "lost",
            Self::OtherSize { .. } => "other_size",
            Self::Damaged { .. } => "damaged",
            Self::Key { .. } => "key",
            Self::File(_) => "file",
            Self::Unexpected { .. } => "unexpected",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// Whether it may go away by itself, so that asking again later makes sense.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Slow { .. } | Self::Busy { .. })
    }
}

/// How one request failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The store answered, and not with success.
    #[error("the store answered {status} {code}")]
    Answer { status: StatusCode, code: String },
    /// It did not.
    #[error(transparent)]
    Way(#[from] egress::Error),
}

impl Failure {
    /// As the library wants it. Everything that is asked of a bucket may be asked twice, so whatever may pass is tried
    /// again, also where the library could not know.
    pub(super) fn for_library(self) -> HttpError {
        let kind = if self.may_pass() { HttpErrorKind::Request } else { HttpErrorKind::Unknown };
        HttpError::new(kind, self)
    }

    fn may_pass(&self) -> bool {
        match self {
            Self::Answer { status, code } => is_busy(*status, code),
            Self::Way(error) => matches!(
                error,
                egress::Error::Unresolvable { .. }
                    | egress::Error::Connection { .. }
                    | egress::Error::Timeout { .. }
            ),
        }
    }

    fn told(&self, key: &str) -> BucketError {
        match self {
            Self::Answer { status, code } => answered(*status, code, key),
            Self::Way(error @ egress::Error::Timeout { .. }) => {
                BucketError::Slow { why: error.to_string() }
            }
            Self::Way(error) => BucketError::Unreachable { why: error.to_string() },
        }
    }
}

/// Whether the store asks for patience, or two requests were in each other's way.
fn is_busy(status: StatusCode, code: &str) -> bool {
    let is_unable = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
    is_unable
        || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
        || ["RequestTimeout", "OperationAborted", "ConditionalRequestConflict"].contains(&code)
}

fn answered(status: StatusCode, code: &str, key: &str) -> BucketError {
    let told = || format!("{} {code}", status.as_u16()).trim_end().to_owned();
    match code {
        "NoSuchBucket" => return BucketError::NoBucket,
        "RequestTimeTooSkewed" | "RequestExpired" => return BucketError::Clock,
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "IllegalLocationConstraintException" => {
            return BucketError::OtherRegion { told: told() };
        }
        "BadDigest"
        | "InvalidDigest"
        | "XAmzContentSHA256Mismatch"
        | "XAmzContentChecksumMismatch" => {
            return BucketError::Damaged { key: key.to_owned() };
        }
        _ => {}
    }
    match status {
        StatusCode::NOT_FOUND => BucketError::Missing { key: key.to_owned() },
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => BucketError::Refused { told: told() },
        _ if status.is_redirection() => BucketError::OtherRegion { told: told() },
        _ if is_busy(status, code) => BucketError::Busy { told: told() },
        _ => BucketError::Unexpected { told: told() },
    }
}

/// What an error of the library means, for `key`.
pub(super) fn explain(error: &object_store::Error, key: &str) -> BucketError {
    if let Some(failure) = find(error) {
        return failure.told(key);
    }
    // Only ever about our own requests and the form of the answer; kept out of errors all the same.
    tracing::debug!(%error, "an answer of the object store could not be read");
    BucketError::Unreadable { why: "it has another form" }
}

/// Whether a put was refused because the key is there already.
pub(super) fn is_there_already(error: &object_store::Error) -> bool {
    let refused = StatusCode::PRECONDITION_FAILED;
    matches!(find(error), Some(Failure::Answer { status, .. }) if *status == refused)
}

fn find(error: &object_store::Error) -> Option<&Failure> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(it) = cause {
        if let Some(failure) = it.downcast_ref() {
            return Some(failure);
        }
        cause = it.source();
    }
    None
}

/// The error code in the body of an answer; empty if there is none that looks like one.
pub(super) fn code_of(body: &[u8]) -> String {
    /// The longest that is documented has 50.
    const MAX_CODE_BYTES: usize = 80;
    let text = String::from_utf8_lossy(body);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    let code = code.map_or("", |(code, _)| code.trim());
    let is_code = code.len() <= MAX_CODE_BYTES && code.chars().all(|c| c.is_ascii_alphanumeric());
    if is_code { code.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_what_an_operator_can_act_on() {
        for (status, code, expected) in [
            (403, "SignatureDoesNotMatch", "refused"),
            (403, "InvalidAccessKeyId", "refused"),
            (403, "AccessDenied", "refused"),
            (403, "RequestTimeTooSkewed", "clock"),
            (401, "", "refused"),
            (404, "NoSuchKey", "missing"),
            (404, "NoSuchBucket", "no_bucket"),
            (404, "", "missing"),
            (301, "PermanentRedirect", "other_region"),
            (307, "TemporaryRedirect", "other_region"),
            (400, "AuthorizationHeaderMalformed", "other_region"),
            (400, "BadDigest", "damaged"),
            (400, "XAmzContentSHA256Mismatch", "damaged"),
            (400, "InvalidRequest", "unexpected"),
            (416, "InvalidRange", "unexpected"),
            (409, "OperationAborted", "busy"),
            (429, "", "busy"),
            (500, "InternalError", "busy"),
            (503, "SlowDown", "busy"),
            (501, "NotImplemented", "unexpected"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(answered(status, code, "a").code(), expected, "{status} {code}");
        }
    }

    #[test]
    fn of_an_answer_only_a_code_is_repeated() {
        let answer = |code: &str| format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        assert_eq!(code_of(answer("NoSuchKey").as_bytes()), "NoSuchKey");
        assert_eq!(code_of(answer("AWS4-HMAC-SHA256 Credential=x").as_bytes()), "");
        assert_eq!(code_of(answer(&"x".repeat(81)).as_bytes()), "");
        assert_eq!(code_of(b"<html>\xff"), "");
    }
}
