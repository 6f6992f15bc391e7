//! What a try came to, and the words for it in rows and answers (`spec/webhooks.md` 4).

use egress::{Error, Stage, StatusCode};

/// Why a try failed. Each is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// 3xx: redirects are never followed.
    Redirect,
    /// Any other status but 2xx and 410.
    HttpStatus,
    /// The name has no address.
    Dns,
    /// The address is not one that may be reached; no byte was sent.
    AddressRefused,
    /// No connection in time.
    ConnectTimeout,
    /// The other side did not prove who it is.
    Tls,
    /// The connection failed or broke, or what came was not HTTP.
    Reset,
    /// No answer in time.
    Timeout,
    /// A yes to the output of a run that is no verdict.
    VerdictUnreadable,
}

impl Failure {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redirect => "redirect",
            Self::HttpStatus => "http_status",
            Self::Dns => "dns",
            Self::AddressRefused => "address_refused",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::VerdictUnreadable => "verdict_unreadable",
        }
    }

    /// What an error of the outgoing client means.
    pub const fn of(error: &Error) -> Self {
        match error {
            Error::Unresolvable { .. } | Error::Timeout { stage: Stage::Resolve, .. } => Self::Dns,
            Error::Timeout { stage: Stage::Connect, .. } => Self::ConnectTimeout,
            Error::Timeout { .. } => Self::Timeout,
            Error::Tls { .. } => Self::Tls,
            error if error.is_refusal() => Self::AddressRefused,
            _ => Self::Reset,
        }
    }
}

/// What a try came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx.
    Delivered,
    /// 410: the receiver wants nothing more.
    Gone,
    /// Anything else.
    Failed(Failure),
}

impl Outcome {
    /// What a status means.
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            200..=299 => Self::Delivered,
            410 => Self::Gone,
            300..=399 => Self::Failed(Failure::Redirect),
            _ => Self::Failed(Failure::HttpStatus),
        }
    }

    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Gone => "gone",
            Self::Failed(failure) => failure.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_means_one_thing() {
        for (status, word) in [
            (200, "delivered"),
            (204, "delivered"),
            (299, "delivered"),
            (301, "redirect"),
            (302, "redirect"),
            (304, "redirect"),
            (400, "http_status"),
            (404, "http_status"),
            (410, "gone"),
            (429, "http_status"),
            (500, "http_status"),
            (503, "http_status"),
        ] {
            assert_eq!(Outcome::of(StatusCode::from_u16(status).unwrap()).as_str(), word);
        }
    }

    #[test]
    fn an_error_of_the_client_means_one_thing() {
        let origin: egress::Origin = "https://hooks.example".parse().unwrap();
        let late = |stage| Error::Timeout { origin: origin.clone(), stage, limit_ms: 1 };
        for (error, word) in [
            (late(Stage::Resolve), "dns"),
            (late(Stage::Connect), "connect_timeout"),
            (late(Stage::FirstByte), "timeout"),
            (late(Stage::Total), "timeout"),
            (Error::Port { origin: origin.clone() }, "address_refused"),
            (Error::Tls { origin: origin.clone(), why: String::new() }, "tls"),
            (Error::Connection { origin: origin.clone(), cause: "broken pipe".into() }, "reset"),
        ] {
            assert_eq!(Failure::of(&error).as_str(), word, "{error}");
        }
    }
}
