//! Other servers: what they have is fetched, and what is here is sent to them (`spec/hub.md` 5, Mirrors, Import).
//!
//! The installed Git does both, as a child that speaks with nobody but this process: it is given an address on the loopback
//! and a word, and every request that it makes there is made anew by `egress`, which judges where it goes. The child knows
//! neither the other server nor what is shown there ([`line`], docs/decisions/0018).
//!
//! | file         | what is there                                                         |
//! |--------------|-----------------------------------------------------------------------|
//! | `mod.rs`     | [`Remote`], [`RemoteFault`]: who is asked, and why it did not come about  |
//! | `line.rs`    | the address that the child is given                                     |
//! | `asking.rs`  | which refs there are, and everything that they lead to                  |
//! | `taking.rs`  | what was fetched is judged as a push is, and taken                      |
//! | `sending.rs` | refs of here, sent there                                               |
//! | `progress.rs`| how far a fetch is                                                     |

mod asking;
mod line;
mod progress;
mod sending;
mod taking;

use std::{fmt, str::FromStr};

use names::Secret;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;

pub(crate) use progress::{Progress, Reached};
pub(crate) use taking::{Landed, Taker};

use super::Git;
use crate::Error;

/// The longest address that is kept.
const URL_BYTES: usize = 2_000;
/// The longest name and the longest password that are shown to another server.
const SHOWN_BYTES: (usize, usize) = (255, 4_096);
/// Other servers that are spoken with at once: each takes a hand of the dispatcher, which has sixteen.
pub(super) const AT_ONCE: usize = 4;

/// The address of a repository on another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteUrl(String);

impl RemoteUrl {
    /// As it was given, without a slash at its end.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RemoteUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim().trim_end_matches('/');
        if text.len() > URL_BYTES {
            return Err(format!("an address has at most {URL_BYTES} bytes"));
        }
        if !text.bytes().all(|it| it.is_ascii_graphic()) || text.contains(['?', '#', '\\', '"']) {
            return Err(
                "write the address as https://server/owner/name, without a query".to_owned()
            );
        }
        // Scheme, host and user part are read by whoever goes there.
        match egress::Request::get(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What is shown to another server.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// Both, if they can be shown.
    pub(crate) fn parse(username: &str, password: &str) -> Result<Self, String> {
        let is_line = |it: &str| !it.chars().any(char::is_control);
        if !is_line(username) || username.contains(':') || username.len() > SHOWN_BYTES.0 {
            return Err("a user name is one line of at most 255 bytes, without a colon".to_owned());
        }
        if password.is_empty() || !is_line(password) || password.len() > SHOWN_BYTES.1 {
            return Err("a password or token is one line of 1 to 4096 bytes".to_owned());
        }
        let username = if username.is_empty() { "git" } else { username };
        Ok(Self { username: username.to_owned(), password: password.to_owned() })
    }

    /// As it lies sealed.
    pub(crate) fn to_secret(&self) -> Result<Secret<String>, Error> {
        let text = serde_json::to_string(self);
        text.map(Secret::new).map_err(|error| Error::Broken(error.to_string()))
    }

    /// Read again.
    pub(crate) fn of_secret(text: &Secret<String>) -> Result<Self, Error> {
        // The parser would quote what it cannot read.
        serde_json::from_str(text.expose())
            .map_err(|_| Error::Broken("a sealed credential cannot be read".to_owned()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// A repository on another server, and what is shown there.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    pub(crate) url: RemoteUrl,
    pub(crate) credentials: Option<Credentials>,
}

/// Why another server was not reached, or what it has was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteFault {
    /// It does not let us in: that stays so until something else is shown to it.
    #[error("{0}")]
    Denied(String),
    /// It may not be reached from here, or what it has is not taken here.
    #[error("{0}")]
    Refused(String),
    /// It may be another way the next time.
    #[error("{0}")]
    Failed(String),
    /// Something broke on our side.
    #[error(transparent)]
    Ours(#[from] Error),
}

impl RemoteFault {
    /// What a person is told.
    pub(crate) fn sentence(self) -> String {
        match self {
            Self::Denied(words) | Self::Refused(words) | Self::Failed(words) => words,
            Self::Ours(error) => super::receive::sentence(error),
        }
    }
}

impl From<egress::Error> for RemoteFault {
    fn from(error: egress::Error) -> Self {
        if error.is_refusal() {
            Self::Refused(error.to_string())
        } else {
            Self::Failed(error.to_string())
        }
    }
}

impl Git {
    /// A turn to speak with another server, if one is free.
    pub(crate) fn reaching(&self) -> Option<OwnedSemaphorePermit> {
        std::sync::Arc::clone(&self.0.reaching).try_acquire_owned().ok()
    }

    /// Whether an address could be gone to at this moment: what may never be is told at once.
    pub(crate) async fn check_remote(&self, url: &RemoteUrl) -> Result<(), String> {
        match self.outside().map_err(RemoteFault::sentence)?.check(url.as_str()).await {
            Err(error) if error.is_refusal() => Err(error.to_string()),
            Err(_) | Ok(()) => Ok(()),
        }
    }

    fn outside(&self) -> Result<&egress::Client, RemoteFault> {
        let sentence = "this server reaches no others: whoever runs it can see why in its log";
        self.0.outside.as_ref().ok_or_else(|| RemoteFault::Refused(sentence.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_of_the_web_and_shows_no_secret() {
        for good in ["https://a.example/ada/songs", " https://a.example/songs.git/ "] {
            let url: RemoteUrl = good.parse().unwrap();
            assert_eq!(url.as_str(), good.trim().trim_end_matches('/'));
        }
        let long = format!("https://a.example/{}", "a".repeat(URL_BYTES));
        for bad in [
            "",
            "ssh://a.example/songs",
            "git@a.example:songs",
            "file:///srv/songs",
            "ext::sh -c id",
            "https://ada:secret@a.example/songs",
            "https://a.example/songs?token=secret",
            "https://a.example/a b",
            "-uhttps://a.example",
            &long,
        ] {
            assert!(bad.parse::<RemoteUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_is_kept_whole_and_never_printed() {
        let shown = Credentials::parse("ada", "s3cret").unwrap();
        let again = Credentials::of_secret(&shown.to_secret().unwrap()).unwrap();
        assert_eq!((again.username.as_str(), again.password.as_str()), ("ada", "s3cret"));
        assert_eq!(format!("{shown:?}"), "Credentials");
        assert_eq!(Credentials::parse("", "x").unwrap().username, "git");
        for (user, password) in [("a:b", "x"), ("a", ""), ("a", "x\r\nHost: b"), ("a\n", "x")] {
            assert!(Credentials::parse(user, password).is_err(), "{user:?} {password:?}");
        }
        let broken = Credentials::of_secret(&Secret::new("s3cret".to_owned())).unwrap_err();
        assert!(!broken.to_string().contains("s3cret"));
    }
}
