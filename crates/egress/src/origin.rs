//! Scheme, host and port, and how a URL is read.
//!
//! The `url` crate brings every odd spelling into one form (`0x7f.1`, `2130706433`, `127.1`, percent-encoding,
//! IDNA), so what is judged is what is connected to. A trailing dot of a name is taken off, so that a name has one
//! spelling in the list, in TLS and in `Host`.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Position, Url};

use crate::error::Error;

/// The longest URL that is read: what servers commonly take.
const MAX_URL_BYTES: usize = 8 << 10;
/// The longest name in DNS (RFC 1035 §2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// How to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As it is written before the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Whom to ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Host {
    /// Lower-case ASCII, without a dot at the end.
    Name(Box<str>),
    /// An address that stood in the URL itself.
    Address(IpAddr),
}

/// Scheme, host and port: all of an address that is told to anybody. Reads from `https://name:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

impl Origin {
    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The port, written or implied.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The name, unless the host is an address.
    pub const fn name(&self) -> Option<&str> {
        match &self.host {
            Host::Name(name) => Some(name),
            Host::Address(_) => None,
        }
    }

    pub(crate) const fn host(&self) -> &Host {
        &self.host
    }

    /// What stands in the header `Host`: the port only if it is not the scheme's own.
    pub(crate) fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => name.to_string(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        if self.port == self.scheme.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    fn of(url: &Url) -> Result<Self, Error> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(Error::Scheme { why: "only https, or http where it is allowed" }),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Url { why: "it has a user part" });
        }
        let host = match url.host() {
            Some(url::Host::Domain(name)) => Host::Name(read_name(name)?),
            Some(url::Host::Ipv4(address)) => Host::Address(address.into()),
            Some(url::Host::Ipv6(address)) => Host::Address(address.into()),
            None => return Err(Error::Url { why: "it has no host" }),
        };
        Ok(Self { scheme, host, port: url.port().unwrap_or_else(|| scheme.default_port()) })
    }
}

fn read_name(raw: &str) -> Result<Box<str>, Error> {
    let name = raw.strip_suffix('.').unwrap_or(raw);
    if name.len() > MAX_NAME_BYTES || name.split('.').any(str::is_empty) {
        return Err(Error::Url { why: "its host is not a name" });
    }
    Ok(name.into())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

impl FromStr for Origin {
    type Err = Error;

    fn from_str(raw: &str) -> Result<Self, Error> {
        let target: Target = raw.parse()?;
        if target.path_and_query() != "/" || raw.contains('#') {
            return Err(Error::Url { why: "an origin is a scheme, a host and a port" });
        }
        Ok(target.origin)
    }
}

/// Where one request goes: an origin, and what to ask it for.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) origin: Origin,
    url: Url,
}

impl Target {
    /// What stands in the request line.
    pub(crate) fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    /// Where a `Location` of this target's answer leads.
    pub(crate) fn join(&self, location: &str) -> Result<Self, Error> {
        check_characters(location)?;
        Self::of(self.url.join(location).map_err(|_| Error::Url { why: "it cannot be read" })?)
    }

    fn of(url: Url) -> Result<Self, Error> {
        Ok(Self { origin: Origin::of(&url)?, url })
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(raw: &str) -> Result<Self, Error> {
        check_characters(raw)?;
        Self::of(Url::parse(raw).map_err(|_| Error::Url { why: "it cannot be read" })?)
    }
}

/// Refuses what readers of URLs silently drop or take for something else.
fn check_characters(raw: &str) -> Result<(), Error> {
    if raw.len() > MAX_URL_BYTES {
        return Err(Error::Url { why: "it is too long" });
    }
    if raw.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(Error::Url { why: "it has a control character, a space or a backslash" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(raw: &str) -> String {
        raw.parse::<Target>()
            .map_or_else(|error| error.code().to_owned(), |it| it.origin.to_string())
    }

    #[test]
    fn odd_spellings_become_what_is_connected_to() {
        for raw in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0x7f000001/",
            "http://017700000001/",
            "http://127.0.0.1./",
            "http://%31%32%37.0.0.1/",
            "http://１２７.0.0.1/",
        ] {
            assert_eq!(origin(raw), "http://127.0.0.1", "{raw}");
        }
        for (raw, expected) in [
            ("https://EXAMPLE.com./", "https://example.com"),
            ("https://example.com:443/x", "https://example.com"),
            ("https://example.com:8443", "https://example.com:8443"),
            ("https://bücher.example/", "https://xn--bcher-kva.example"),
            ("http://[0:0:0:0:0:ffff:7f00:1]:81/", "http://[::ffff:127.0.0.1]:81"),
        ] {
            assert_eq!(origin(raw), expected, "{raw}");
        }
    }

    #[test]
    fn refuses_what_is_no_address_of_a_server() {
        for (raw, code) in [
            ("https://name@example.com/", "url"),
            ("https://name:secret@example.com/", "url"),
            ("https://:secret@example.com/", "url"),
            ("https://exa\nmple.com/", "url"),
            (" https://example.com/", "url"),
            ("https://example.com\\@other/", "url"),
            ("https://example..com/", "url"),
            ("https://example.com../", "url"),
            ("https:///", "url"),
            ("/relative", "url"),
            ("ftp://example.com/", "scheme"),
            ("file:///etc/passwd", "scheme"),
            ("gopher://example.com/", "scheme"),
        ] {
            assert_eq!(origin(raw), code, "{raw:?}");
        }
    }

    #[test]
    fn the_request_line_keeps_the_query_and_drops_the_fragment() {
        let line = |raw: &str| raw.parse::<Target>().unwrap().path_and_query().to_owned();
        assert_eq!(line("https://example.com/a?b=c#d"), "/a?b=c");
        assert_eq!(line("https://example.com?b=#"), "/?b=");
        assert_eq!(line("https://example.com"), "/");
    }

    #[test]
    fn an_origin_has_nothing_after_the_port() {
        assert!("https://example.com:8443/".parse::<Origin>().is_ok());
        for raw in ["https://example.com/a", "https://example.com/?a", "https://example.com/#a"] {
            assert_eq!(raw.parse::<Origin>().unwrap_err().code(), "url", "{raw}");
        }
    }
}
