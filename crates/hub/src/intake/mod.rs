//! What a repository takes in, beside what is sound: files that are what their names say, paths that every file system
//! keeps apart (`spec/wire.md` 6.1, 6.3), no keys and tokens (`spec/hub.md` 1).
//!
//! | file         | what is there                                                  |
//! |--------------|----------------------------------------------------------------|
//! | `mod.rs`     | the settings                                                     |
//! | `inspect.rs` | what comes is looked at, on every way in                         |
//! | `policy.rs`  | what a file has to be by its name; pure                          |
//! | `leaks.rs`   | keys and tokens in it are found, told or refused                 |
//! | `passes.rs`  | what somebody let pass                                           |
//! | `api.rs`     | JSON under `/api/v1/repos/{owner}/{name}/secret-passes`          |
//! | `store.rs`   | the SQL                                                          |

mod api;
mod inspect;
mod leaks;
mod passes;
mod policy;
mod store;

pub(crate) use api::routes;
pub(crate) use inspect::{Asks, Heads, News, head_of};
pub(crate) use leaks::{FindingId, Leaks, leaks_in};
pub(crate) use passes::Pass;
pub(crate) use policy::HEAD;
pub(crate) use store::STATEMENTS;

/// Whether files have to be what their names say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentPolicy {
    /// Nobody looks.
    Off,
    /// What is not so is told.
    Warn,
    /// What is not so is refused.
    Enforce,
}

impl ContentPolicy {
    /// What holds in a domain where nobody said anything: in music, a file that is none plays nowhere.
    pub(crate) fn usual(domain: &str) -> Self {
        if domain == "midi" { Self::Enforce } else { Self::Off }
    }

    /// The word in rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

impl std::str::FromStr for ContentPolicy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Off, Self::Warn, Self::Enforce];
        let found = all.into_iter().find(|it| it.as_str() == text);
        found.ok_or("content_policy is `off`, `warn` or `enforce`")
    }
}

/// Whether paths may be there that some file systems take for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClashingPaths {
    /// They may, with a warning.
    Allow,
    /// They may not.
    Refuse,
}

impl ClashingPaths {
    /// The word in rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Refuse => "refuse",
        }
    }
}

impl std::str::FromStr for ClashingPaths {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [Self::Allow, Self::Refuse].into_iter().find(|it| it.as_str() == text);
        found.ok_or("clashing_paths is `allow` or `refuse`")
    }
}

/// What becomes of keys and tokens that were left in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretProtection {
    /// Nobody looks.
    Off,
    /// They are told.
    Warn,
    /// They are refused.
    Refuse,
}

impl SecretProtection {
    /// The word in rows and answers.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}

impl std::str::FromStr for SecretProtection {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Off, Self::Warn, Self::Refuse];
        let found = all.into_iter().find(|it| it.as_str() == text);
        found.ok_or("secret_protection is `off`, `warn` or `refuse`")
    }
}
