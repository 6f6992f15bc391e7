//! What the install is called: which `Host` a request may name, and which host a local server may listen on
//! (`spec/trust.md` 7, L1 and L2).
//!
//! Pure: no name is looked up here. Every entry point asks [`Hosts::judge`], whatever the method and the path.
//!
//! | file          | what is there                                      |
//! |---------------|----------------------------------------------------|
//! | `mod.rs`      | [`Hosts`]: the names of an install, and the verdict   |
//! | `loopback.rs` | the names of this machine, as they may be written     |
//! | `tests.rs`    | the table of the specification, row by row            |

mod loopback;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use loopback::{Authority, parse};
pub use loopback::{BindHost, NotLoopback};

/// The authorities (`host` or `host:port`) under which the install is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// These and no others, in lower case.
    Named(BTreeSet<String>),
    /// This machine, however it is written, at the port of the listener: local mode.
    Loopback {
        /// The port of the listener.
        port: u16,
        /// The port that stands for itself when none is written: that of the scheme.
        default_port: u16,
    },
}

/// Why a request's `Host` is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostFault {
    /// 400: missing, doubled, or no authority at all.
    #[error("a request names one host, as `Host: name` or `Host: name:port`")]
    Unreadable,
    /// 421: the name of another install.
    #[error("this install does not answer to that host name; use its own address")]
    Misdirected,
    /// 403: a local server answers to the names of this machine alone.
    #[error(
        "a local server answers to localhost, 127.0.0.1 and [::1] at its own port, and to nothing else"
    )]
    Forbidden,
}

impl Default for Hosts {
    fn default() -> Self {
        Self::Named(BTreeSet::new())
    }
}

impl Hosts {
    /// The given authorities.
    pub fn new(authorities: impl IntoIterator<Item = String>) -> Self {
        Self::Named(authorities.into_iter().map(|it| it.to_ascii_lowercase()).collect())
    }

    /// Whether `authority`, as sent in `Host`, is one of them.
    pub fn contain(&self, authority: &str) -> bool {
        self.check(authority).is_ok()
    }

    /// Judges the `Host` lines of a request, and the authority of its target where it has one. Gives the authority.
    pub fn judge<'a>(
        &self,
        lines: impl IntoIterator<Item = &'a [u8]>,
        target: Option<&'a str>,
    ) -> Result<&'a str, HostFault> {
        let mut lines = lines.into_iter();
        let (first, second) = (lines.next(), lines.next());
        let host = match (first, second) {
            (Some(line), None) => std::str::from_utf8(line).map_err(|_| HostFault::Unreadable)?,
            (None, _) | (Some(_), Some(_)) => return Err(HostFault::Unreadable),
        };
        if target.is_some_and(|target| !target.eq_ignore_ascii_case(host)) {
            return Err(HostFault::Unreadable);
        }
        self.check(host)?;
        Ok(host)
    }

    fn check(&self, host: &str) -> Result<(), HostFault> {
        let authority = parse(host).ok_or(HostFault::Unreadable)?;
        match self {
            Self::Named(names) if names.contains(&host.to_ascii_lowercase()) => Ok(()),
            Self::Named(_) => Err(HostFault::Misdirected),
            Self::Loopback { port, default_port } if is_here(authority, *port, *default_port) => {
                Ok(())
            }
            Self::Loopback { .. } => Err(HostFault::Forbidden),
        }
    }
}

fn is_here(Authority { host, port }: Authority<'_>, own: u16, default: u16) -> bool {
    let is_own_port = match port {
        None => own == default,
        // `080` and the empty port say the same as another text: one thing has one name here.
        Some(text) => text == own.to_string(),
    };
    is_own_port && host.is_loopback()
}
