//! Where a server is, and where a repository is on it.

use std::{fmt, str::FromStr};

use names::{Handle, NameError, RepositoryName};
use url::{Host, Url};

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL at all.
    #[error("`{0}` is not an address; write it like https://forge.example/owner/name")]
    Form(String),
    /// Another scheme than the two that are spoken.
    #[error(
        "`{0}` is not reached by http or https; write it like https://forge.example/owner/name"
    )]
    Scheme(String),
    /// A user, a password, a query or a fragment.
    #[error(
        "an address holds neither a user nor a password, a query or a fragment: your key says who you are"
    )]
    Extra,
    /// A server was asked for, and the address names more.
    #[error("`{0}` names more than a server; write it like https://forge.example")]
    NotAServer(String),
    /// A repository was asked for, and the address names something else.
    #[error("`{0}` does not name a repository; write it like https://forge.example/owner/name")]
    NotARepository(String),
    /// The owner or the name cannot be one.
    #[error("`{name}` cannot be part of an address: {cause}")]
    Name {
        /// What was written.
        name: String,
        /// Why it cannot be.
        cause: NameError,
    },
}

/// A server: scheme, host and port, and nothing else.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    is_https: bool,
    is_loopback: bool,
    /// `host`, or `host:port` for a port that is not the scheme's own; lower case.
    authority: String,
}

impl Origin {
    /// What `Host` says, and what requests are signed for.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether the connection is encrypted.
    pub const fn is_https(&self) -> bool {
        self.is_https
    }

    /// Whether this machine is meant: `localhost`, `127.0.0.0/8` or `::1`.
    pub const fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    fn of(url: &Url, raw: &str) -> Result<Self, AddressError> {
        let is_https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(AddressError::Scheme(raw.to_owned())),
        };
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return Err(AddressError::Extra);
        }
        let host = url.host().ok_or_else(|| AddressError::Form(raw.to_owned()))?;
        let is_loopback = match &host {
            Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        Ok(Self { is_https, is_loopback, authority })
    }
}

/// A text without a scheme means https.
fn parse_url(raw: &str) -> Result<Url, AddressError> {
    let raw = raw.trim();
    let form = || AddressError::Form(raw.to_owned());
    if raw.is_empty() || raw.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(form());
    }
    let text = if raw.contains("://") { raw.to_owned() } else { format!("https://{raw}") };
    Url::parse(&text).map_err(|_| form())
}

impl FromStr for Origin {
    type Err = AddressError;

    fn from_str(raw: &str) -> Result<Self, AddressError> {
        let url = parse_url(raw)?;
        let origin = Self::of(&url, raw)?;
        if url.path() == "/" { Ok(origin) } else { Err(AddressError::NotAServer(raw.to_owned())) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A repository on a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryAddress {
    /// The server.
    pub origin: Origin,
    /// Whose it is.
    pub owner: Handle,
    /// What it is called.
    pub name: RepositoryName,
}

impl RepositoryAddress {
    /// The path on the server, with its slash.
    pub fn path(&self) -> String {
        format!("/{}/{}", self.owner, self.name)
    }
}

impl FromStr for RepositoryAddress {
    type Err = AddressError;

    fn from_str(raw: &str) -> Result<Self, AddressError> {
        let url = parse_url(raw)?;
        let origin = Origin::of(&url, raw)?;
        let path = url.path().strip_prefix('/').unwrap_or_default();
        let path = path.strip_suffix('/').unwrap_or(path);
        let (owner, name) =
            path.split_once('/').ok_or_else(|| AddressError::NotARepository(raw.to_owned()))?;
        if name.contains('/') {
            return Err(AddressError::NotARepository(raw.to_owned()));
        }
        let bad = |name: &str, cause| AddressError::Name { name: name.to_owned(), cause };
        Ok(Self {
            origin,
            owner: owner.parse().map_err(|cause| bad(owner, cause))?,
            name: name.parse().map_err(|cause| bad(name, cause))?,
        })
    }
}

impl fmt::Display for RepositoryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_written_form() {
        for (raw, written) in [
            ("http://127.0.0.1:4000/ada/songs", "http://127.0.0.1:4000/ada/songs"),
            ("forge.example/ada/songs", "https://forge.example/ada/songs"),
            ("forge.example:8443/ada/songs/", "https://forge.example:8443/ada/songs"),
            ("HTTPS://Forge.Example:443/Ada/Songs", "https://forge.example/ada/songs"),
            ("http://[::1]:4000/ada/songs", "http://[::1]:4000/ada/songs"),
            ("http://localhost:80/ada/songs", "http://localhost/ada/songs"),
        ] {
            let address: RepositoryAddress = raw.parse().unwrap();
            assert_eq!(address.to_string(), written, "{raw}");
            assert_eq!(written.parse::<RepositoryAddress>().unwrap(), address);
        }
    }

    #[test]
    fn what_is_no_repository_is_refused_with_the_reason() {
        for (raw, reason) in [
            ("", "is not an address"),
            ("https://forge.example", "does not name a repository"),
            ("https://forge.example/ada", "does not name a repository"),
            ("https://forge.example/ada/songs/tree", "does not name a repository"),
            ("ssh://forge.example/ada/songs", "is not reached by http or https"),
            ("https://ada@forge.example/ada/songs", "neither a user"),
            ("https://forge.example/ada/songs?x=1", "neither a user"),
            ("https://forge.example/ada/songs.git", "cannot end in `.git`"),
            ("https://forge.example/login/songs", "is reserved"),
            ("https://forge.example/%2e%2e/songs", "does not name a repository"),
            ("a b/ada/songs", "is not an address"),
        ] {
            let error = raw.parse::<RepositoryAddress>().unwrap_err().to_string();
            assert!(error.contains(reason), "{raw}: {error}");
        }
    }

    #[test]
    fn a_server_is_named_without_a_path() {
        for (raw, written, is_loopback) in [
            ("forge.example", "https://forge.example", false),
            ("http://localhost:4000/", "http://localhost:4000", true),
            ("http://127.8.9.10", "http://127.8.9.10", true),
            ("http://[::1]:80", "http://[::1]", true),
            ("http://127.0.0.1.example", "http://127.0.0.1.example", false),
        ] {
            let origin: Origin = raw.parse().unwrap();
            assert_eq!((origin.to_string().as_str(), origin.is_loopback()), (written, is_loopback));
        }
        assert!(matches!("http://h/a/b".parse::<Origin>(), Err(AddressError::NotAServer(_))));
    }
}
