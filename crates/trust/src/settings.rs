//! What the plane is opened with.

use http::HeaderMap;

use crate::{AgentPrefix, Hosts, LimitSettings, identities::Elsewhere, sessions::cookie_of};

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

/// What passkeys are made for: browsers give a passkey to nobody else (WebAuthn, Relying Party).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host name.
    pub id: String,
    /// Scheme, host and port of the pages that may ask for one.
    pub origin: String,
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
    /// How long a machine waits between two questions whether somebody has let it in, in seconds.
    pub device_interval_seconds: u64,
    /// How names of agents begin that commits are expected to name: those are shown without a warning, and have no right
    /// by it.
    pub trusted_agent_prefixes: Vec<AgentPrefix>,
    /// How much anyone may ask for.
    pub limits: LimitSettings,
    /// What passkeys are made for; nothing where browsers make none, because people reach the install by a bare address.
    pub passkeys: Option<RelyingParty>,
    /// Who else may say who somebody is.
    pub elsewhere: Elsewhere,
}

/// How long a machine waits between two questions, unless the install says otherwise (RFC 8628 section 3.2).
const DEVICE_INTERVAL_SECONDS: u64 = 5;

/// How long a browser keeps the cookie, in seconds: as long as a session lives at most.
const COOKIE_SECONDS: u32 = 7 * 24 * 60 * 60;

/// How long a browser may be on its way to an account elsewhere and back, in seconds.
const WAY_COOKIE_SECONDS: u32 = 10 * 60;

impl Settings {
    /// Those of an install that people reach by `public_url`, a scheme and an authority, which it answers to alone:
    /// anybody may register, nobody else says who somebody is, and everything else is as it is shipped.
    pub fn at(public_url: &str) -> Self {
        let (scheme, authority) = public_url.split_once("://").unwrap_or(("http", public_url));
        let port = authority.rsplit_once(':').map_or("80", |(_, port)| port);
        let is_https = scheme == "https";
        Self {
            registration: Registration::Open,
            hosts: Hosts::new([authority.to_owned()]),
            loopback: false,
            is_private_line: is_https,
            public_url: public_url.to_owned(),
            cookie_name: if is_https { "__Host-motet".to_owned() } else { format!("motet-{port}") },
            device_interval_seconds: DEVICE_INTERVAL_SECONDS,
            trusted_agent_prefixes: Vec::new(),
            limits: LimitSettings::default(),
            passkeys: None,
            elsewhere: Elsewhere::default(),
        }
    }

    /// Whether the install serves one person on this machine, and answers to nothing else (`spec/trust.md` 7).
    pub const fn is_local(&self) -> bool {
        matches!(self.hosts, Hosts::Loopback { .. })
    }

    /// The line that gives a browser its cookie.
    pub fn cookie(&self, token: &str) -> String {
        format!("{}={token}; {}; Max-Age={COOKIE_SECONDS}", self.cookie_name, self.cookie_flags())
    }

    /// The line that takes the cookie back.
    pub fn no_cookie(&self) -> String {
        format!("{}=; {}; Max-Age=0", self.cookie_name, self.cookie_flags())
    }

    /// The name of the cookie that a browser carries to an account elsewhere and back.
    pub fn way_cookie_name(&self) -> String {
        format!("{}-way", self.cookie_name)
    }

    /// The line that gives a browser that cookie. It has to be sent when another site leads back, so it is Lax.
    pub fn way_cookie(&self, value: &str) -> String {
        let flags = self.cookie_flags().replace("SameSite=Strict", "SameSite=Lax");
        format!("{}={value}; {flags}; Max-Age={WAY_COOKIE_SECONDS}", self.way_cookie_name())
    }

    /// The line that takes it back.
    pub fn no_way_cookie(&self) -> String {
        let flags = self.cookie_flags().replace("SameSite=Strict", "SameSite=Lax");
        format!("{}=; {flags}; Max-Age=0", self.way_cookie_name())
    }

    /// What a browser carries on its way, if it carries anything.
    pub fn way_cookie_in<'a>(&self, headers: &'a HeaderMap) -> &'a str {
        cookie_of(headers, &self.way_cookie_name()).unwrap_or_default()
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
