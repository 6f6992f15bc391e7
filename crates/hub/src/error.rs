use api::{WireCode, WireError};
use history::graph::GraphError;
use http::StatusCode;
use web::{BodyFault, Fault, Problem};

/// How long somebody is asked to wait who came while there was too much to do.
const BUSY_SECONDS: u32 = 5;

/// Why the room cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not there, or not for this caller.
    #[error("there is nothing of that name")]
    NotFound,
    /// It took longer than a page may take, and a part of it is worth nothing.
    #[error("this takes longer than an answer may take; ask for less of it")]
    Slow,
    /// More than an answer may hold.
    #[error("{0}")]
    TooLarge(&'static str),
    /// Several commits begin so.
    #[error("several commits begin with `{0}`; give more of the id")]
    Ambiguous(String),
    /// The owner has a repository of that name.
    #[error("the name is taken")]
    NameTaken,
    /// The row is another one by now than the one that was seen.
    #[error("the repository has changed since you looked; look again, and send its new ETag")]
    Stale,
    /// The default branch must be there.
    #[error("there is no branch `{0}`; push it first")]
    NoSuchBranch(names::BranchName),
    /// A field of what was sent does not hold.
    #[error("{message}")]
    Asked {
        /// Which.
        field: &'static str,
        /// What to do about it.
        message: String,
    },
    /// Nobody may make one of their own from it.
    #[error(
        "this repository cannot be forked; whoever runs it can allow that, unless it is a fork of a private one"
    )]
    NoForks,
    /// It was made from nothing, or from what whoever asks may not read.
    #[error("this repository follows no other that you may read")]
    NoSource,
    /// What was made from something private belongs to somebody who may read that.
    #[error("what was made from a private repository belongs to somebody who may read that one")]
    ForkElsewhere,
    /// What was made from something private stays private as long as that is.
    #[error("it was made from a private repository, and stays private as long as that one is")]
    SourceIsPrivate,
    /// The owner has as many repositories as it may.
    #[error("an owner has at most {0} repositories; delete one first")]
    TooManyRepositories(u64),
    /// The authority says no by now: what was granted when the request began has been taken away.
    #[error("this is not allowed any more")]
    Refused(trust::Refusal),
    /// Another server moves this ref, and nobody here.
    #[error("{0}")]
    Mirrored(String),
    /// What stands there forbids it at this moment.
    #[error("{0}")]
    NotNow(&'static str),
    /// A refusal in the words of the wire.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The body could not be taken.
    #[error(transparent)]
    Body(#[from] BodyFault),
    /// The history is longer than what a page takes from rows, and its files are not made yet.
    #[error("the history is being indexed; look again in a moment")]
    NotIndexed,
    /// The numbering that a cursor counts in is gone.
    #[error("the history has changed since; begin again")]
    CursorGone,
    /// The graph of a history cannot answer.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The graph of a history cannot be kept.
    #[error(transparent)]
    Cache(#[from] history::graph::WriteError),
    /// Stored rows do not fit together.
    #[error("stored history does not fit together: {0}")]
    Broken(String),
    /// There is no Git on this machine that could be run.
    #[error("git is not installed here, or too old; whoever runs this server can install it")]
    GitMissing,
    /// As many run as may.
    #[error("too many fetches and pushes at this moment; try again soon")]
    GitBusy,
    /// Git, or the directory that it works in, let us down.
    #[error("git cannot be run")]
    Git(#[source] std::io::Error),
    /// The object store let us down.
    #[error(transparent)]
    Objects(#[from] objects::Error),
    /// The trust plane said no, or let us down.
    #[error(transparent)]
    Trust(#[from] trust::Error),
    /// The queue of background work said no, or let us down.
    #[error(transparent)]
    Jobs(#[from] jobs::Error),
    /// The database let us down.
    #[error("the history cannot be read or written")]
    Db(#[from] db::Error),
}

impl From<history::git::GitFault> for Error {
    fn from(fault: history::git::GitFault) -> Self {
        match fault {
            history::git::GitFault::Large(_) => Self::TooLarge(
                "an object of Git has more entries, parents or bytes than are read here",
            ),
            other => Self::Broken(other.to_string()),
        }
    }
}

impl Error {
    /// A refusal of the wire.
    pub(crate) fn wire(code: WireCode, sentence: impl Into<String>) -> Self {
        Self::Wire(WireError::new(code, sentence))
    }
}

/// The one place where this room's failures become HTTP. No wildcard arm.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::Refused(refusal) => refusal.into(),
            Error::NameTaken => Self::refuse(StatusCode::CONFLICT, "name_taken", &error),
            Error::Slow | Error::GitMissing => {
                Self::refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &error)
            }
            Error::TooLarge(_) => Self::refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &error),
            Error::Stale => {
                Self::refuse(StatusCode::PRECONDITION_FAILED, "precondition_failed", &error)
            }
            Error::NoSuchBranch(_) => Self::invalid(vec![Fault {
                pointer: "/default_branch".to_owned(),
                code: "invalid",
                message: error.to_string(),
            }]),
            Error::Asked { field, message } => Self::invalid(vec![Fault {
                pointer: format!("/{field}"),
                code: "invalid",
                message,
            }]),
            Error::NoForks => Self::refuse(StatusCode::FORBIDDEN, "forbidden", &error),
            Error::Ambiguous(_)
            | Error::ForkElsewhere
            | Error::SourceIsPrivate
            | Error::NoSource
            | Error::Mirrored(_)
            | Error::NotNow(_) => Self::refuse(StatusCode::CONFLICT, "conflict", &error),
            Error::TooManyRepositories(_) => {
                Self::refuse(StatusCode::CONFLICT, "quota_exceeded", &error)
            }
            Error::Wire(refusal) => {
                let status = StatusCode::from_u16(refusal.code.status());
                let status = status.unwrap_or(StatusCode::BAD_REQUEST);
                let problem = Self::refuse(status, refusal.code.as_str(), &refusal.sentence);
                if refusal.code == WireCode::Unavailable {
                    return problem.retry_after(BUSY_SECONDS);
                }
                problem
            }
            Error::Body(fault) => fault.into(),
            Error::GitBusy => Self::refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &error)
                .retry_after(BUSY_SECONDS),
            Error::Git(_) => Self::unavailable(&error),
            Error::NotIndexed => {
                Self::refuse(StatusCode::SERVICE_UNAVAILABLE, "unavailable", &error).retry_after(2)
            }
            Error::CursorGone => Self::refuse(StatusCode::GONE, "cursor_gone", &error),
            // A damaged file is thrown away by whoever met it, and made again.
            Error::Graph(GraphError::Damaged(_) | GraphError::Read(_)) | Error::Cache(_) => {
                Self::unavailable(&error)
            }
            Error::Graph(GraphError::Tree(_) | GraphError::TooLong) | Error::Broken(_) => {
                Self::internal(&error)
            }
            Error::Objects(inner) => of_the_store(inner),
            Error::Trust(inner) => inner.into(),
            Error::Jobs(jobs::Error::Db(inner)) | Error::Db(inner) => inner.into(),
            // What the room pushes is its own: nobody who asks for something has a part in it.
            Error::Jobs(inner) => Self::internal(&inner),
        }
    }
}

/// The failures of the store of objects.
fn of_the_store(error: objects::Error) -> Problem {
    match error {
        objects::Error::Db(inner) => inner.into(),
        objects::Error::Io(_) | objects::Error::Bucket(_) => Problem::unavailable(&error),
        objects::Error::Corrupt(_) => {
            Problem::refuse(StatusCode::INTERNAL_SERVER_ERROR, "corrupt_object", &error)
        }
        objects::Error::TooLarge { .. } | objects::Error::OutOfRange { .. } => {
            Problem::refuse(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &error)
        }
        objects::Error::Missing(_) | objects::Error::Setup(_) => Problem::internal(&error),
    }
}
