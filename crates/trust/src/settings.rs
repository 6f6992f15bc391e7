//! What the plane is opened with.

use std::collections::BTreeSet;

use crate::LimitSettings;

/// The version of the terms that registering a key accepts.
pub const TERMS_VERSION: &str = "2026-11";

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Anybody.
    Open,
    /// Holders of an invitation.
    Invite,
    /// Nobody.
    Closed,
}

impl std::str::FromStr for Registration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "open" => Ok(Self::Open),
            "invite" => Ok(Self::Invite),
            "closed" => Ok(Self::Closed),
            other => {
                Err(format!("`{other}` is not a registration policy: use open, invite or closed"))
            }
        }
    }
}

/// The authorities (`host` or `host:port`) under which the install is reached, in lower case.
#[derive(Debug, Clone, Default)]
pub struct Hosts(BTreeSet<String>);

impl Hosts {
    /// The given authorities.
    pub fn new(authorities: impl IntoIterator<Item = String>) -> Self {
        Self(authorities.into_iter().map(|it| it.to_ascii_lowercase()).collect())
    }

    /// Whether `authority`, as sent in `Host`, is one of them.
    pub fn contain(&self, authority: &str) -> bool {
        self.0.contains(&authority.to_ascii_lowercase())
    }
}

/// Settings of the plane.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who may register.
    pub registration: Registration,
    /// What the install is called.
    pub hosts: Hosts,
    /// Whether only this machine can reach the install: published test keys work nowhere else.
    pub loopback: bool,
    /// Whether people reach the install over https, or not at all from elsewhere: tokens travel over nothing else.
    pub is_private_line: bool,
    /// The scheme and authority that people reach the install by, without a closing slash: who makes sessions, and where
    /// addresses that sign in lead.
    pub public_url: String,
    /// What the cookie of browsers is called: `__Host-motet` on https, else `motet-` and the port.
    pub cookie_name: String,
    /// How much anyone may ask for.
    pub limits: LimitSettings,
}

/// How long a browser keeps the cookie, in seconds: as long as a session lives at most.
const COOKIE_SECONDS: u32 = 7 * 24 * 60 * 60;

impl Settings {
    /// The line that gives a browser its cookie.
    pub fn cookie(&self, token: &str) -> String {
        format!("{}={token}; {}; Max-Age={COOKIE_SECONDS}", self.cookie_name, self.cookie_flags())
    }

    /// The line that takes the cookie back.
    pub fn no_cookie(&self) -> String {
        format!("{}=; {}; Max-Age=0", self.cookie_name, self.cookie_flags())
    }

    /// `http` or `https`: the scheme of the addresses that clients sign.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.public_url.starts_with("https://") { "https" } else { "http" }
    }

    fn cookie_flags(&self) -> &'static str {
        if self.scheme() == "https" {
            "Path=/; HttpOnly; SameSite=Strict; Secure"
        } else {
            "Path=/; HttpOnly; SameSite=Strict"
        }
    }
}
