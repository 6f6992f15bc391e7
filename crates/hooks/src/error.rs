//! Why the room cannot do what was asked.

use crate::{AddressRefused, PatternsError};

/// Why the room cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not for this caller.
    #[error("there is nothing of that name")]
    NotFound,
    /// The row is another one by now than the one that was seen.
    #[error("the webhook has changed since you looked; look again, and send its new ETag")]
    Stale,
    /// There are as many as there may be.
    #[error("there are {0} webhooks here, which is as many as there may be; delete one first")]
    TooMany(u32),
    /// No request goes there.
    #[error("no request is sent to that address: {0}")]
    UrlRefused(String),
    /// The events are not a list of what there is.
    #[error(transparent)]
    Events(#[from] PatternsError),
    /// A field of what was sent does not hold.
    #[error("{message}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What to do about it.
        message: String,
    },
    /// Something else makes and changes it.
    #[error(
        "the webhook belongs to a version of a pipeline, and is changed by another version alone"
    )]
    Managed,
    /// Two secrets are active.
    #[error("two secrets are active already: delete one of them, or wait until the older ends")]
    TooManySecrets,
    /// Nothing would be left to sign with.
    #[error("this is the only secret, and deliveries are never unsigned: add another one first")]
    LastSecret,
    /// The delivery is on its way.
    #[error("the delivery is on its way already; look again when it has ended")]
    OnItsWay,
    /// Another claim may hold the delivery.
    #[error("the lease of a delivery was lost")]
    LeaseLost,
    /// The trust plane said no, or let us down.
    #[error(transparent)]
    Trust(#[from] trust::Error),
    /// Work could not be asked for.
    #[error("deliveries cannot be sent once more at this moment")]
    Jobs(#[from] jobs::Error),
    /// The database let us down.
    #[error("webhooks cannot be read or written")]
    Db(#[from] db::Error),
}

impl From<AddressRefused> for Error {
    fn from(refused: AddressRefused) -> Self {
        Self::UrlRefused(refused.to_string())
    }
}
