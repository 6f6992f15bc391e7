//! Why the room cannot do what was asked, and how that is told.

use http::StatusCode;
use pipelines_core::fault::Fault;
use web::Problem;

/// Faults of a definition that one answer tells.
const TOLD_FAULTS: usize = 1_000;

/// Why the room cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not for this caller.
    #[error("there is nothing of that name")]
    NotFound,
    /// It is another one by now than the one that was seen.
    #[error("the pipeline has changed since you looked; look again, and send its new ETag")]
    Stale,
    /// A definition, or a bundle, with all that is wrong with it.
    #[error("{} places do not hold", .0.len())]
    Faults(Vec<Fault>),
    /// A field of what was sent does not hold.
    #[error("{message}")]
    Invalid {
        /// Where.
        pointer: &'static str,
        /// What to do about it.
        message: String,
    },
    /// There are as many as there may be.
    #[error("there are {number} {of} here, which is as many as there may be")]
    TooMany {
        /// How many.
        number: u32,
        /// Of what.
        of: &'static str,
    },
    /// Runs of the pipeline are under way.
    #[error("runs of this pipeline are under way; let them end, or cancel them first")]
    RunsLive,
    /// A version of a skill with other content.
    #[error(
        "this version is there with other content; a version is never changed, so add another one"
    )]
    VersionExists,
    /// The trust plane said no, or let us down.
    #[error(transparent)]
    Trust(#[from] trust::Error),
    /// The database let us down.
    #[error("work cannot be read or written")]
    Db(#[from] db::Error),
    /// What is due could not be put down.
    #[error("what is due could not be put down")]
    Jobs(#[from] jobs::Error),
    /// Nobody could be told.
    #[error("nobody could be told")]
    Hooks(#[from] hooks::Error),
    /// Something that was begun was given up: the process is ending.
    #[error("the work was given up")]
    GivenUp,
    /// So much is asked of the engine that what can wait has to.
    #[error("more is asked at this moment than can be done; try again soon")]
    Busy,
}

/// The one place where this room's failures become HTTP. No wildcard arm.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::Stale => {
                Self::refuse(StatusCode::PRECONDITION_FAILED, "precondition_failed", &error)
            }
            Error::Faults(faults) => {
                Self::invalid(faults.into_iter().take(TOLD_FAULTS).map(told).collect())
            }
            Error::Invalid { pointer, message } => {
                let pointer = pointer.to_owned();
                Self::invalid(vec![web::Fault { pointer, code: "invalid", message }])
            }
            Error::TooMany { .. } => Self::refuse(StatusCode::CONFLICT, "quota_exceeded", &error),
            Error::RunsLive => Self::refuse(StatusCode::CONFLICT, "runs_live", &error),
            Error::VersionExists => Self::refuse(StatusCode::CONFLICT, "version_exists", &error),
            Error::Trust(error) => error.into(),
            Error::Db(error) => error.into(),
            Error::Jobs(error) => Self::internal(&error),
            Error::Hooks(error) => error.into(),
            Error::GivenUp => Self::unavailable(&error),
            Error::Busy => {
                Self::refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &error).retry_after(1)
            }
        }
    }
}

fn told(fault: Fault) -> web::Fault {
    web::Fault { pointer: fault.pointer, code: fault.code.as_str(), message: fault.message }
}
