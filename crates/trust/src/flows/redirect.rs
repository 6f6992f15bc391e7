//! Where the code flow may lead: an https address, or this machine.

use std::{fmt, str::FromStr};

use http::Uri;
use serde::{Deserialize, Serialize};

use super::FlowFault;

/// The longest address, in bytes.
const MAX_BYTES: usize = 2048;
/// What this machine is called in addresses.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "[::1]", "localhost"];

/// A redirect address: `https`, or `http` to this machine. Without fragment and user part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

impl RedirectUri {
    /// The whole.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme and host, and the port if one is said: whom a person is asked to trust.
    pub fn site(&self) -> String {
        let rest = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0.get(rest..).and_then(|it| it.find(['/', '?'])).map(|at| rest + at);
        self.0.get(..end.unwrap_or(self.0.len())).unwrap_or_default().to_owned()
    }

    /// Whether it is where `registered` leads: the same text, but for the port of this machine, which an application
    /// takes as it comes (RFC 8252 section 7.3).
    pub fn is_as(&self, registered: &Self) -> bool {
        self.0 == registered.0
            || self.without_port().is_some_and(|it| registered.without_port() == Some(it))
    }

    /// An address of this machine without its port; nothing for all others.
    fn without_port(&self) -> Option<(String, String)> {
        let uri: Uri = self.0.parse().ok()?;
        let host = uri.host()?;
        if uri.scheme_str() != Some("http") {
            return None;
        }
        let rest = uri.path_and_query().map_or("/", |it| it.as_str());
        Some((host.to_owned(), rest.to_owned()))
    }
}

impl FromStr for RedirectUri {
    type Err = FlowFault;

    fn from_str(text: &str) -> Result<Self, FlowFault> {
        let refuse = || {
            FlowFault::RedirectUri(
                "a redirect address is https, or http to 127.0.0.1, [::1] or localhost, without fragment and user part"
                    .to_owned(),
            )
        };
        let is_plain = text.len() <= MAX_BYTES
            && text.bytes().all(|it| it.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&it));
        let uri: Uri = text.parse().map_err(|_| refuse())?;
        let (Some(scheme), Some(host), Some(authority)) =
            (uri.scheme_str(), uri.host(), uri.authority())
        else {
            return Err(refuse());
        };
        let is_reached = match scheme {
            "https" => !host.is_empty(),
            "http" => LOOPBACK.contains(&host),
            _ => false,
        };
        if !is_plain || !is_reached || authority.as_str().contains('@') {
            return Err(refuse());
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for RedirectUri {
    type Error = FlowFault;

    fn try_from(text: String) -> Result<Self, FlowFault> {
        text.parse()
    }
}

impl From<RedirectUri> for String {
    fn from(address: RedirectUri) -> Self {
        address.0
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> RedirectUri {
        text.parse().unwrap()
    }

    #[test]
    fn only_https_and_this_machine_are_led_to() {
        for text in [
            "https://app.example/back?x=1",
            "https://app.example:8443/",
            "http://127.0.0.1:4711/back",
            "http://[::1]/back",
            "http://localhost:1/",
        ] {
            assert_eq!(address(text).as_str(), text);
        }
        for text in [
            "http://app.example/back",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
            "https://app.example/back#x",
            "https://me@app.example/",
            "http://me@127.0.0.1/",
            "app://back",
            "javascript:alert(1)",
            "data:text/html,x",
            "/back",
            "//app.example/",
            "https:app.example",
            "https://app.example/\"x",
            "https://app.example/ x",
            "",
        ] {
            assert!(text.parse::<RedirectUri>().is_err(), "{text}");
        }
        assert!(format!("https://a.example/{}", "x".repeat(2048)).parse::<RedirectUri>().is_err());
    }

    #[test]
    fn an_address_is_exact_but_for_the_port_of_this_machine() {
        let https = address("https://app.example/back");
        assert!(https.is_as(&https));
        for other in [
            "https://app.example/back/",
            "https://app.example/back?x",
            "https://app.example:8443/back",
            "https://App.example/back",
        ] {
            assert!(!address(other).is_as(&https), "{other}");
        }
        let here = address("http://127.0.0.1/back");
        assert!(address("http://127.0.0.1:4711/back").is_as(&here));
        for other in
            ["http://localhost:4711/back", "http://127.0.0.1:4711/other", "https://127.0.0.1/back"]
        {
            assert!(!address(other).is_as(&here), "{other}");
        }
    }

    #[test]
    fn a_person_is_shown_the_site() {
        assert_eq!(address("https://app.example:8443/a/b?c").site(), "https://app.example:8443");
        assert_eq!(address("http://127.0.0.1:4711?x").site(), "http://127.0.0.1:4711");
        assert_eq!(address("https://app.example").site(), "https://app.example");
    }
}
