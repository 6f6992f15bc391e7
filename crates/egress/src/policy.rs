//! Which origins and addresses a client may reach.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{
    error::{Error, SetupError},
    judge::{Forbidden, judge},
    origin::{Origin, Scheme},
};

/// The last labels of names that never lead to a public server: RFC 6761, RFC 6762, RFC 8375, and `internal`, which
/// ICANN set aside for private use in 2024.
const SPECIAL_NAMES: &[&str] =
    &["localhost", "local", "internal", "home.arpa", "onion", "alt", "invalid", "test"];

/// Where a client may go.
#[derive(Debug, Clone)]
pub enum Policy {
    /// The public internet, each address judged.
    Public(Public),
    /// The origins of the configuration and no other; they may be private.
    OperatorListed(Listed),
}

/// How a request may reach an origin. A connection for one reach is never used for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// Every address is judged.
    Judged,
    /// The operator vouches for it.
    Listed,
}

impl Policy {
    /// Whether a request may go to `origin`, and how. `came_from` is how the hop before was reached, if this is a
    /// redirect: a stranger cannot send us on to an origin that only the operator's word opens.
    pub(crate) fn admit(&self, origin: &Origin, came_from: Option<Reach>) -> Result<Reach, Error> {
        let (listed, public) = match self {
            Self::Public(public) => (&public.listed, Some(public)),
            Self::OperatorListed(listed) => (listed, None),
        };
        if came_from != Some(Reach::Judged) && listed.origins.contains_key(origin) {
            return Ok(Reach::Listed);
        }
        let Some(public) = public else {
            return Err(Error::NotListed { origin: origin.clone() });
        };
        public.admit(origin).map(|()| Reach::Judged)
    }

    /// Whether an address behind an origin of this reach may be connected to.
    pub(crate) fn judge(&self, reach: Reach, address: IpAddr) -> Result<(), Forbidden> {
        match (self, reach) {
            (_, Reach::Listed) => Ok(()),
            #[cfg(test)]
            (Self::Public(public), Reach::Judged) if public.let_through.contains(&address) => {
                Ok(())
            }
            (_, Reach::Judged) => judge(address),
        }
    }

    /// Whether anything is asked over TLS that the common roots have to vouch for.
    pub(crate) fn needs_roots(&self) -> bool {
        let alone = |(origin, own): (&Origin, &Option<RootCertStore>)| {
            origin.scheme() == Scheme::Https && own.is_none()
        };
        match self {
            Self::Public(_) => true,
            Self::OperatorListed(listed) => listed.origins.iter().any(alone),
        }
    }

    /// The listed origins that bring their own authority.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = (&Origin, &RootCertStore)> {
        let (Self::Public(Public { listed, .. }) | Self::OperatorListed(listed)) = self;
        listed.origins.iter().filter_map(|(origin, own)| Some((origin, own.as_ref()?)))
    }
}

/// The public internet: https to ports 80 and 443, unless widened.
#[derive(Debug, Clone)]
pub struct Public {
    may_use_http: bool,
    ports: BTreeSet<u16>,
    denied_names: BTreeSet<Box<str>>,
    listed: Listed,
    #[cfg(test)]
    let_through: Vec<IpAddr>,
}

impl Default for Public {
    fn default() -> Self {
        Self {
            may_use_http: false,
            ports: BTreeSet::from([80, 443]),
            denied_names: BTreeSet::new(),
            listed: Listed::default(),
            #[cfg(test)]
            let_through: Vec::new(),
        }
    }
}

impl Public {
    /// https to ports 80 and 443.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets requests go out in the clear as well.
    #[must_use]
    pub const fn with_http(mut self) -> Self {
        self.may_use_http = true;
        self
    }

    /// Opens one more port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.ports.insert(port);
        self
    }

    /// Refuses a name and all below it: this installation's own, for one.
    #[must_use]
    pub fn without_name(mut self, name: &str) -> Self {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        self.denied_names.insert(name.into());
        self
    }

    /// Opens the origins that the operator vouches for, as [`Policy::OperatorListed`] would: their scheme, port and
    /// addresses are not judged. A redirect from anywhere else does not get there.
    #[must_use]
    pub fn and_listed(mut self, listed: Listed) -> Self {
        self.listed = listed;
        self
    }

    /// Lets single special addresses pass as if they were public. Not in any build but that of this crate's tests.
    #[cfg(test)]
    pub(crate) fn for_tests(let_through: &[IpAddr]) -> Self {
        Self { let_through: let_through.to_vec(), ..Self::default() }
    }

    fn admit(&self, origin: &Origin) -> Result<(), Error> {
        if origin.scheme() == Scheme::Http && !self.may_use_http {
            return Err(Error::Scheme { why: "only https is allowed here" });
        }
        if !self.ports.contains(&origin.port()) {
            return Err(Error::Port { origin: origin.clone() });
        }
        let Some(name) = origin.name() else { return Ok(()) };
        let is_below = |above: &str| {
            name.strip_suffix(above).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let is_special = SPECIAL_NAMES.iter().any(|above| is_below(above));
        if is_special || !name.contains('.') || self.denied_names.iter().any(|it| is_below(it)) {
            return Err(Error::ForbiddenName { origin: origin.clone() });
        }
        Ok(())
    }
}

/// Exact origins that the configuration names: an object store, a Kubernetes API, a receiver in a test.
#[derive(Debug, Clone, Default)]
pub struct Listed {
    origins: BTreeMap<Origin, Option<RootCertStore>>,
}

impl Listed {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more, believed by the common roots.
    #[must_use]
    pub fn with(mut self, origin: Origin) -> Self {
        self.origins.insert(origin, None);
        self
    }

    /// One more, whose certificate must come from an authority in `pem` and from no other.
    pub fn with_authority(mut self, origin: Origin, pem: &[u8]) -> Result<Self, SetupError> {
        let roots = read_roots(&origin.to_string(), pem)?;
        self.origins.insert(origin, Some(roots));
        Ok(self)
    }
}

/// The certificates of a PEM text; at least one.
pub(crate) fn read_roots(whom: &str, pem: &[u8]) -> Result<RootCertStore, SetupError> {
    let bad = |why: String| SetupError::Certificates { whom: whom.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(bad("there is no certificate in PEM form".to_owned()));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(policy: &Policy, raw: &str, came_from: Option<Reach>) -> String {
        match policy.admit(&raw.parse().unwrap(), came_from) {
            Ok(reach) => format!("{reach:?}"),
            Err(error) => error.code().to_owned(),
        }
    }

    #[test]
    fn the_public_policy_judges_scheme_port_and_name() {
        let policy =
            Policy::Public(Public::new().with_port(8443).without_name("Forge.Example.com"));
        for (raw, expected) in [
            ("https://example.com", "Judged"),
            ("https://example.com:80", "Judged"),
            ("https://example.com:8443", "Judged"),
            ("https://example.com:22", "port"),
            ("https://example.com:0", "port"),
            ("http://example.com", "scheme"),
            ("https://intranet", "forbidden_name"),
            ("https://localhost", "forbidden_name"),
            ("https://localhost.", "forbidden_name"),
            ("https://a.localhost", "forbidden_name"),
            ("https://printer.local", "forbidden_name"),
            ("https://metadata.google.internal", "forbidden_name"),
            ("https://mylocal.example", "Judged"),
            ("https://forge.example.com", "forbidden_name"),
            ("https://api.forge.example.com.", "forbidden_name"),
            ("https://notforge.example.com", "Judged"),
        ] {
            assert_eq!(outcome(&policy, raw, None), expected, "{raw}");
        }
        let wide = Policy::Public(Public::new().with_http());
        assert_eq!(outcome(&wide, "http://example.com", None), "Judged");
    }

    #[test]
    fn a_list_is_exact() {
        let policy =
            Policy::OperatorListed(Listed::new().with("http://s3.lan:9000".parse().unwrap()));
        for (raw, expected) in [
            ("http://s3.lan:9000", "Listed"),
            ("http://s3.lan.:9000", "Listed"),
            ("https://s3.lan:9000", "not_listed"),
            ("http://s3.lan:9001", "not_listed"),
            ("http://a.s3.lan:9000", "not_listed"),
            ("https://example.com", "not_listed"),
        ] {
            assert_eq!(outcome(&policy, raw, None), expected, "{raw}");
        }
    }

    #[test]
    fn a_stranger_cannot_redirect_to_a_listed_origin() {
        let listed = Listed::new().with("http://receiver.lan".parse().unwrap());
        let policy = Policy::Public(Public::new().and_listed(listed));
        assert_eq!(outcome(&policy, "http://receiver.lan", None), "Listed");
        assert_eq!(outcome(&policy, "http://receiver.lan", Some(Reach::Listed)), "Listed");
        assert_eq!(outcome(&policy, "http://receiver.lan", Some(Reach::Judged)), "scheme");
    }

    #[test]
    fn an_authority_that_cannot_be_read_is_a_setup_error() {
        let origin: Origin = "https://s3.lan".parse().unwrap();
        assert!(Listed::new().with_authority(origin, b"nothing").is_err());
    }
}
