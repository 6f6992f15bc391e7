//! Why a request did not get its answer, in sentences for an operator, each with a stable code.
//!
//! An error names the origin of an address and nothing else of it: a path, a query or a user part may be the
//! credential itself, as in the incoming webhooks of chat services.

use std::io;

use crate::{
    judge::Forbidden,
    limits::{Part, Stage},
    origin::Origin,
};

/// Why a request did not get its answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not an address that this client would go to.
    #[error("the address cannot be used: {why}")]
    Url {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A scheme that is not allowed here.
    #[error("the scheme of the address is not allowed: {why}")]
    Scheme {
        /// Which rule it breaks.
        why: &'static str,
    },
    /// A port that is not allowed here.
    #[error("{origin}: the port is not one of those allowed")]
    Port {
        /// Where the request was going.
        origin: Origin,
    },
    /// The policy lists its origins, and this is none of them.
    #[error("{origin}: the configuration does not list this origin")]
    NotListed {
        /// Where the request was going.
        origin: Origin,
    },
    /// A name that never belongs to the public internet.
    #[error("{origin}: the name is not a public one")]
    ForbiddenName {
        /// Where the request was going.
        origin: Origin,
    },
    /// One of the addresses behind the name is not on the public internet; no byte was sent.
    #[error("{origin}: the name leads to an address that may not be reached: {found}")]
    ForbiddenAddress {
        /// Where the request was going.
        origin: Origin,
        /// The class of the address.
        found: Forbidden,
    },
    /// The name has no address.
    #[error("{origin}: the name cannot be resolved: {cause}")]
    Unresolvable {
        /// Where the request was going.
        origin: Origin,
        /// What the resolver said.
        #[source]
        cause: io::Error,
    },
    /// No connection, or it broke, or what came was not HTTP.
    #[error("{origin}: the connection failed: {cause}")]
    Connection {
        /// Where the request was going.
        origin: Origin,
        /// What happened to it.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The other side did not prove who it is, or does not speak TLS as we do.
    #[error("{origin}: TLS failed: {why}")]
    Tls {
        /// Where the request was going.
        origin: Origin,
        /// What TLS says.
        why: String,
    },
    /// A stage took too long.
    #[error("{origin}: {stage} took longer than {limit_ms} ms")]
    Timeout {
        /// Where the request was going.
        origin: Origin,
        /// The stage.
        stage: Stage,
        /// Its limit.
        limit_ms: u128,
    },
    /// More bytes than allowed, in either direction.
    #[error("{origin}: {part} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// Where the request was going.
        origin: Origin,
        /// What is too large.
        part: Part,
        /// Its limit.
        limit_bytes: u64,
    },
    /// One redirect more than was asked for.
    #[error("{origin}: redirected more than {limit} times")]
    TooManyRedirects {
        /// Who redirected last.
        origin: Origin,
        /// How many were allowed.
        limit: u8,
    },
    /// The stream that the caller gave as a body failed.
    #[error("{origin}: the body of the request could not be read: {why}")]
    RequestBody {
        /// Where the request was going.
        origin: Origin,
        /// What the stream said.
        why: String,
    },
}

impl Error {
    /// A stable word for rows, metrics and answers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "url",
            Self::Scheme { .. } => "scheme",
            Self::Port { .. } => "port",
            Self::NotListed { .. } => "not_listed",
            Self::ForbiddenName { .. } => "forbidden_name",
            Self::ForbiddenAddress { .. } => "forbidden_address",
            Self::Unresolvable { .. } => "unresolvable",
            Self::Connection { .. } => "connection",
            Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyRedirects { .. } => "too_many_redirects",
            Self::RequestBody { .. } => "request_body",
        }
    }

    /// Whether the address was refused before a byte went out: asking again changes nothing unless the address,
    /// the name's answer or the configuration does.
    pub const fn is_refusal(&self) -> bool {
        match self {
            Self::Url { .. }
            | Self::Scheme { .. }
            | Self::Port { .. }
            | Self::NotListed { .. }
            | Self::ForbiddenName { .. }
            | Self::ForbiddenAddress { .. } => true,
            Self::Unresolvable { .. }
            | Self::Connection { .. }
            | Self::Tls { .. }
            | Self::Timeout { .. }
            | Self::TooLarge { .. }
            | Self::TooManyRedirects { .. }
            | Self::RequestBody { .. } => false,
        }
    }
}

/// Why a client cannot be made from its settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A certificate in the configuration cannot be read.
    #[error("the certificates given for {whom} cannot be used: {why}")]
    Certificates {
        /// The listed origin, or the trusted roots.
        whom: String,
        /// What is wrong with them.
        why: String,
    },
    /// Nobody would be believed.
    #[error(
        "this machine has no trusted certificates: install the package `ca-certificates`, or name a file of them"
    )]
    NoRoots,
    /// The TLS library refuses its settings.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}
