//! What a call of a subcommand came to (`spec/work.md` 7). Pure.

use http::StatusCode;

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer that fits.
    Ok,
    /// The endpoint found fault with the arguments.
    Publisher4xx,
    /// The endpoint found fault with itself.
    Publisher5xx,
    /// It said yes, and not in JSON, or not in what fits.
    BadAnswer,
    /// It sent the call elsewhere.
    Redirect,
    /// More than is read.
    TooLarge,
    /// Later than is waited for.
    Timeout,
    /// No connection, or one that broke.
    Unreachable,
    /// No request goes there now.
    AddressRefused,
    /// It failed so often that it is left alone; nothing was sent.
    Unavailable,
    /// The process ended between sending and writing down.
    Unknown,
}

impl Outcome {
    const ALL: [Self; 11] = [
        Self::Ok,
        Self::Publisher4xx,
        Self::Publisher5xx,
        Self::BadAnswer,
        Self::Redirect,
        Self::TooLarge,
        Self::Timeout,
        Self::Unreachable,
        Self::AddressRefused,
        Self::Unavailable,
        Self::Unknown,
    ];

    /// The word in rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Publisher4xx => "publisher_4xx",
            Self::Publisher5xx => "publisher_5xx",
            Self::BadAnswer => "publisher_bad_answer",
            Self::Redirect => "publisher_redirect",
            Self::TooLarge => "publisher_too_large",
            Self::Timeout => "publisher_timeout",
            Self::Unreachable => "publisher_unreachable",
            Self::AddressRefused => "address_refused",
            Self::Unavailable => "publisher_unavailable",
            Self::Unknown => "unknown",
        }
    }

    /// What a status says before the answer was read. A yes is judged by what it holds.
    pub(crate) fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            200..=299 => Self::Ok,
            300..=399 => Self::Redirect,
            400..=499 => Self::Publisher4xx,
            // What is no status of HTTP is nobody's wish.
            _ => Self::Publisher5xx,
        }
    }

    /// What an error of the outgoing client says.
    pub(crate) const fn of_error(error: &egress::Error) -> Self {
        match error {
            egress::Error::Timeout { .. } => Self::Timeout,
            egress::Error::TooLarge { .. } => Self::TooLarge,
            _ if error.is_refusal() => Self::AddressRefused,
            _ => Self::Unreachable,
        }
    }

    /// Whether the endpoint let the call down. That it refuses arguments is an answer.
    pub(crate) const fn is_fault(self) -> bool {
        match self {
            Self::Ok | Self::Publisher4xx | Self::Unavailable | Self::Unknown => false,
            Self::Publisher5xx
            | Self::BadAnswer
            | Self::Redirect
            | Self::TooLarge
            | Self::Timeout
            | Self::Unreachable
            | Self::AddressRefused => true,
        }
    }
}

impl std::str::FromStr for Outcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no outcome of a call"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_a_word_of_its_own() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.as_str().parse(), Ok(outcome));
        }
    }

    #[test]
    fn statuses_are_told_apart() {
        for (status, outcome) in [
            (200, Outcome::Ok),
            (204, Outcome::Ok),
            (302, Outcome::Redirect),
            (404, Outcome::Publisher4xx),
            (503, Outcome::Publisher5xx),
            (999, Outcome::Publisher5xx),
        ] {
            assert_eq!(Outcome::of(StatusCode::from_u16(status).unwrap()), outcome, "{status}");
        }
    }
}
