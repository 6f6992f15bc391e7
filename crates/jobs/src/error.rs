//! What can go wrong at the door.

use crate::{KEY_BYTES, PAYLOAD_BYTES, PUSH_ROWS};

/// Why the queue did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] db::Error),
    /// The payload has no JSON form.
    #[error("the payload of {kind} cannot be written as JSON")]
    Payload {
        /// The kind of job.
        kind: &'static str,
        /// What the serializer said.
        source: serde_json::Error,
    },
    /// The payload is too long for a row.
    #[error(
        "the payload of {kind} has {bytes} bytes; {PAYLOAD_BYTES} are allowed: store an object and name it"
    )]
    PayloadTooLarge {
        /// The kind of job.
        kind: &'static str,
        /// How long it is.
        bytes: usize,
    },
    /// A unique key or a schedule's name is too long.
    #[error("a key or name has {0} bytes; 1 to {KEY_BYTES} are allowed")]
    BadKey(usize),
    /// More jobs in one call than a transaction may add.
    #[error("{0} jobs in one push; {PUSH_ROWS} are allowed")]
    TooManyJobs(usize),
    /// The lease ended and another claim may hold the job: drop the transaction, nothing of it may stay.
    #[error("the lease on this job is lost")]
    LeaseLost,
    /// No such job or schedule.
    #[error("there is no such job or schedule")]
    NotFound,
    /// Only a dead job can be retried or deleted.
    #[error("the job is not dead")]
    NotDead,
    /// A job with the same unique key waits or runs already.
    #[error("a job with the same unique key is waiting or running")]
    KeyTaken,
    /// Not a cron pattern that we take.
    #[error("not a cron pattern of five fields: {0}")]
    BadCron(String),
    /// Not a zone of the time zone database.
    #[error("no such time zone: {0}")]
    BadZone(String),
    /// The pattern names no moment in the next years, such as 30 February.
    #[error("this cron pattern never comes")]
    NeverComes,
}
