//! Proxies that are believed when they say for whom they ask. Nobody is, unless configured (`spec/conventions.md`,
//! Requests).

use std::{net::IpAddr, str::FromStr};

use axum::http::HeaderMap;

/// Hops that are looked at: each is believed only because the one behind it is ours, and nobody has more in a row.
const MAX_HOPS: usize = 16;

/// A network, such as `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// What is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network: write an address, or one with its prefix as in 10.0.0.0/8")]
pub struct NetworkError(String);

const fn bits(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => ((address.to_bits() as u128) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    }
}

impl Network {
    /// Whether `address` is in it.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        let ((own, own_width), (other, width)) = (bits(self.address), bits(address.to_canonical()));
        let differing = own ^ other;
        own_width == width && differing.checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.to_owned());
        let (address, prefix) = match text.trim().split_once('/') {
            None => (text.trim(), None),
            Some((address, prefix)) => (address, Some(prefix)),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let (_, width) = bits(address);
        let prefix = prefix.map_or(Ok(width), |it| it.parse().map_err(|_| wrong()))?;
        if prefix > width { Err(wrong()) } else { Ok(Self { address, prefix }) }
    }
}

/// For whom the peer asks: itself, or whoever the chain of our own proxies names, from the nearest on. The first that
/// is not ours decides; what stands before it in the header anybody may have written.
pub(crate) fn client(
    proxies: &[Network],
    peer: Option<IpAddr>,
    headers: &HeaderMap,
) -> Option<IpAddr> {
    let is_ours = |address: IpAddr| proxies.iter().any(|it| it.contains(address));
    let mut client = peer?;
    if !is_ours(client) {
        return Some(client);
    }
    let lines: Vec<_> =
        headers.get_all("x-forwarded-for").iter().filter_map(|it| it.to_str().ok()).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(',')).take(MAX_HOPS);
    for hop in hops {
        let Some(address) = address_of(hop) else { break };
        client = address;
        if !is_ours(client) {
            break;
        }
    }
    Some(client)
}

/// The lines that say what the install was called: `Host`, or `X-Forwarded-Host` if one of our own proxies wrote it. Two
/// of them, or two names in one, are for the caller to refuse.
pub(crate) fn host_lines<'a>(
    proxies: &[Network],
    peer: Option<IpAddr>,
    headers: &'a HeaderMap,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let is_ours = peer.is_some_and(|peer| proxies.iter().any(|it| it.contains(peer)));
    let forwarded = "x-forwarded-host";
    let name = if is_ours && headers.contains_key(forwarded) { forwarded } else { "host" };
    headers.get_all(name).iter().map(axum::http::HeaderValue::as_bytes)
}

/// An address, with or without a port.
fn address_of(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| hop.parse().ok().map(|it: std::net::SocketAddr| it.ip()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked_for(proxies: &[&str], peer: &str, lines: &[&str]) -> String {
        let proxies: Vec<Network> = proxies.iter().map(|it| it.parse().unwrap()).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_str(line).unwrap());
        }
        client(&proxies, Some(peer.parse().unwrap()), &headers).unwrap().to_string()
    }

    #[test]
    fn the_first_hop_that_is_not_ours_decides() {
        let ours = ["10.0.0.0/8", "127.0.0.1", "fd00::/8"];
        for (proxies, peer, lines, client) in [
            // Nobody is believed unless configured.
            (&[][..], "127.0.0.1", &["198.51.100.1"][..], "127.0.0.1"),
            (&ours, "203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            (&ours, "127.0.0.1", &[], "127.0.0.1"),
            (&ours, "127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            (&ours, "::ffff:127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            // What a client wrote itself stands further left.
            (&ours, "127.0.0.1", &["192.0.2.66, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),
            (&ours, "127.0.0.1", &["192.0.2.66", "198.51.100.1", "10.1.2.3"], "198.51.100.1"),
            (&ours, "fd00::1", &["[2001:db8::1]:443"], "2001:db8::1"),
            (&ours, "127.0.0.1", &["198.51.100.1:8080"], "198.51.100.1"),
            (&ours, "127.0.0.1", &["192.0.2.66, unknown"], "127.0.0.1"),
            (&ours, "127.0.0.1", &["10.1.1.1, 10.1.1.2"], "10.1.1.1"),
        ] {
            assert_eq!(asked_for(proxies, peer, lines), client, "{peer} {lines:?}");
        }
    }

    #[test]
    fn the_name_comes_from_our_own_proxies_or_from_the_request() {
        let ours: [Network; 1] = ["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        headers.append("host", HeaderValue::from_static("inner"));
        let said = |peer: Option<&str>, headers: &HeaderMap| {
            let lines = host_lines(&ours, peer.map(|it| it.parse().unwrap()), headers);
            lines.map(|it| String::from_utf8_lossy(it).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(said(Some("10.0.0.1"), &headers), ["inner"]);
        headers.append("x-forwarded-host", HeaderValue::from_static("forge.example"));
        assert_eq!(said(Some("10.0.0.1"), &headers), ["forge.example"]);
        assert_eq!(said(Some("203.0.113.9"), &headers), ["inner"]);
        assert_eq!(said(None, &headers), ["inner"]);
        headers.append("x-forwarded-host", HeaderValue::from_static("evil.example"));
        assert_eq!(said(Some("10.0.0.1"), &headers).len(), 2);
    }

    #[test]
    fn a_network_is_an_address_and_a_prefix() {
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "proxy"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("203.0.113.9".parse().unwrap()));
        assert!(!all.contains("2001:db8::1".parse().unwrap()));
    }
}
