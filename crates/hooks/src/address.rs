//! Where a request may go, as far as an address says it by itself (`spec/webhooks.md` 5). Pure.
//!
//! The same rules are asked when a subscription is made or changed and at each try. What is behind a name is judged by
//! the outgoing client, which looks it up once and connects to nothing else.

use std::{collections::BTreeSet, net::IpAddr};

use egress::{Listed, Origin, Policy, Public};
use url::{Host, Url};

/// The longest address, in bytes.
const LONGEST: usize = 2_048;
/// Ports of receivers, beside those that the operator lists.
const PORTS: [u16; 2] = [443, 8_443];
/// The ends of names that never lead to a public server.
const SPECIAL: [&str; 8] =
    ["localhost", "local", "internal", "home.arpa", "onion", "alt", "invalid", "test"];

/// Why no request goes there. It tells the class of what was found, and never an address behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// Too long.
    #[error("an address has at most {LONGEST} bytes")]
    TooLong,
    /// No URL.
    #[error("the address cannot be read; it is written like https://hooks.example/motet")]
    Unreadable,
    /// Control characters, blanks or backslashes, which readers take for different things.
    #[error("the address has a control character, a blank or a backslash")]
    Characters,
    /// Not https.
    #[error("the address begins with https; http is for receivers that the operator lists")]
    Scheme,
    /// A name or a password in front of the host.
    #[error("the address has a user part")]
    UserPart,
    /// A fragment, which is never sent.
    #[error("the address has a fragment")]
    Fragment,
    /// Neither 443 nor 8443 nor listed.
    #[error("the port is 443 or 8443, unless the operator lists another")]
    Port,
    /// A name that is not a public one.
    #[error("the host is not a public name")]
    Name,
    /// This installation itself.
    #[error("the address is that of this installation")]
    Own,
    /// A literal that is set aside.
    #[error("the host is an address that is not public: {0}")]
    Special(&'static str),
}

/// A receiver that the operator lets in, wherever it is: `name:port`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receiver {
    host: String,
    port: u16,
}

impl std::str::FromStr for Receiver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no receiver: write name:port, as in hooks.lan:8080");
        let url = Url::parse(&format!("https://{text}/")).map_err(|_| bad())?;
        let (host, port) = (url.host_str(), text.rsplit_once(':'));
        let port = port.and_then(|(_, port)| port.parse().ok());
        match (host, port) {
            (Some(host), Some(port)) if url.path() == "/" && url.username().is_empty() => {
                Ok(Self { host: host.trim_end_matches('.').to_owned(), port })
            }
            _ => Err(bad()),
        }
    }
}

/// What holds for addresses on this installation.
#[derive(Debug, Clone, Default)]
pub struct AddressRules {
    own: BTreeSet<String>,
    allowed: BTreeSet<Receiver>,
}

impl AddressRules {
    /// `own` are the names of the installation, which calls not itself; `allowed` are the operator's receivers.
    pub fn new(
        own: impl IntoIterator<Item = String>,
        allowed: impl IntoIterator<Item = Receiver>,
    ) -> Self {
        let own = own.into_iter().map(|it| it.trim_end_matches('.').to_ascii_lowercase());
        Self { own: own.collect(), allowed: allowed.into_iter().collect() }
    }

    /// The address as it is sent to, if a request may go there.
    pub fn check(&self, text: &str) -> Result<Url, AddressRefused> {
        use AddressRefused as Refused;
        if text.len() > LONGEST {
            return Err(Refused::TooLong);
        }
        if text.contains(|it: char| it.is_control() || it.is_whitespace() || it == '\\') {
            return Err(Refused::Characters);
        }
        let url = Url::parse(text).map_err(|_| Refused::Unreadable)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserPart);
        }
        if url.fragment().is_some() {
            return Err(Refused::Fragment);
        }
        if self.is_listed(&url) {
            return Ok(url);
        }
        if url.scheme() != "https" {
            return Err(Refused::Scheme);
        }
        if !url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) {
            return Err(Refused::Port);
        }
        match url.host() {
            None => return Err(Refused::Unreadable),
            Some(Host::Domain(name)) => self.check_name(name)?,
            Some(Host::Ipv4(address)) => check_literal(IpAddr::V4(address))?,
            Some(Host::Ipv6(address)) => check_literal(IpAddr::V6(address))?,
        }
        Ok(url)
    }

    fn is_listed(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return false;
        };
        let host = host.trim_end_matches('.').to_owned();
        self.allowed.contains(&Receiver { host, port })
    }

    fn check_name(&self, name: &str) -> Result<(), AddressRefused> {
        let name = name.trim_end_matches('.');
        let is_below = |above: &str| {
            name.strip_suffix(above).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if self.own.iter().any(|own| is_below(own)) {
            return Err(AddressRefused::Own);
        }
        let is_special = SPECIAL.iter().any(|above| is_below(above));
        if is_special || !name.contains('.') { Err(AddressRefused::Name) } else { Ok(()) }
    }

    /// The same rules for the outgoing client.
    pub fn policy(&self) -> Policy {
        let origins = self.allowed.iter().flat_map(|Receiver { host, port }| {
            ["http", "https"].map(|scheme| format!("{scheme}://{host}:{port}"))
        });
        let listed =
            origins.filter_map(|it| it.parse::<Origin>().ok()).fold(Listed::new(), Listed::with);
        let public = Public::new().with_port(8_443).and_listed(listed);
        let public = self.own.iter().fold(public, |public, own| public.without_name(own));
        Policy::Public(public)
    }
}

fn check_literal(address: IpAddr) -> Result<(), AddressRefused> {
    egress::judge(address).map_err(|found| AddressRefused::Special(found.why))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules() -> AddressRules {
        let allowed = ["127.0.0.1:9000", "hooks.lan:8080"].map(|it| it.parse().unwrap());
        AddressRules::new(["Forge.example.com".to_owned()], allowed)
    }

    #[test]
    fn what_is_not_public_is_refused() {
        use AddressRefused as Refused;
        let rules = rules();
        for (text, expected) in [
            ("http://example.com/", Refused::Scheme),
            ("ftp://example.com/", Refused::Scheme),
            ("https://a@example.com/", Refused::UserPart),
            ("https://a:b@example.com/", Refused::UserPart),
            ("https://:b@example.com/", Refused::UserPart),
            ("https://example.com:22/", Refused::Port),
            ("https://example.com:80/", Refused::Port),
            ("https://example.com:0/", Refused::Port),
            ("https://localhost/", Refused::Name),
            ("https://localhost./", Refused::Name),
            ("https://a.localhost/", Refused::Name),
            ("https://printer.local/", Refused::Name),
            ("https://metadata.google.internal/", Refused::Name),
            ("https://intranet/", Refused::Name),
            ("https://forge.example.com/", Refused::Own),
            ("https://API.forge.example.com./x", Refused::Own),
            ("https://example.com/#x", Refused::Fragment),
            ("https://example.com/#", Refused::Fragment),
            ("https://example.com/a\tb", Refused::Characters),
            ("https://example.com/\u{0}", Refused::Characters),
            ("https://example.com\\@127.0.0.1/", Refused::Characters),
            (" https://example.com/", Refused::Characters),
            ("example.com", Refused::Unreadable),
            ("", Refused::Unreadable),
            ("https://", Refused::Unreadable),
        ] {
            assert_eq!(rules.check(text), Err(expected), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(2_029));
        assert_eq!(rules.check(&long), Err(Refused::TooLong));
    }

    #[test]
    fn special_addresses_are_refused_in_every_spelling() {
        for text in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://[::ffff:127.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[::1]/",
            "https://[::]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1]/",
            "https://[fc00::1]/",
            "https://169.254.169.254/",
            "https://10.0.0.1/",
            "https://192.168.1.1/",
            "https://0.0.0.0/",
            "https://127.0.0.1:9001/",
        ] {
            let told = rules().check(text);
            let is_refused = matches!(told, Err(AddressRefused::Special(_) | AddressRefused::Port));
            assert!(is_refused, "{text}: {told:?}");
        }
    }

    #[test]
    fn public_addresses_and_what_the_operator_lists_pass() {
        for text in [
            "https://example.com/hook?a=b",
            "https://example.com:8443/",
            "https://EXAMPLE.com./",
            "https://mylocal.example/",
            "https://8.8.8.8/",
            "https://notforge.example.com/",
            "http://127.0.0.1:9000/",
            "https://127.0.0.1:9000/x",
            "http://hooks.lan:8080/",
        ] {
            assert!(rules().check(text).is_ok(), "{text}: {:?}", rules().check(text));
        }
    }

    #[test]
    fn a_receiver_is_a_name_and_a_port() {
        for good in ["hooks.lan:8080", "127.0.0.1:1", "[::1]:8080", "hooks.lan:443"] {
            assert!(good.parse::<Receiver>().is_ok(), "{good}");
        }
        for bad in ["", "hooks.lan", ":80", "a b:80", "hooks.lan:port", "u@hooks.lan:80", "a/b:80"]
        {
            assert!(bad.parse::<Receiver>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_rules(text in ".{0,80}") {
            if let Ok(url) = rules().check(&text) {
                prop_assert!(url.username().is_empty() && url.fragment().is_none());
            }
        }

        #[test]
        fn an_address_that_the_client_forbids_never_passes(bytes: [u8; 4]) {
            let address = std::net::Ipv4Addr::from(bytes);
            let told = rules().check(&format!("https://{address}/"));
            prop_assert_eq!(told.is_ok(), egress::judge(address.into()).is_ok());
        }
    }
}
