//! Names of this machine: `localhost`, 127.0.0.0/8, `::1`, and the latter two as IPv4-mapped IPv6. Nothing is guessed:
//! `127.1`, `2130706433` and `localhost.` lead there too when a resolver reads them, and are refused.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A host as an authority writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host<'a> {
    /// A name, or an IPv4 address that is not in its one canonical form.
    Name(&'a str),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, which stood in brackets.
    V6(Ipv6Addr),
}

impl Host<'_> {
    pub(super) fn is_loopback(self) -> bool {
        match self {
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.to_canonical().is_loopback(),
        }
    }
}

/// `host` or `host:port`. The port is the text behind the colon, which may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    pub(super) host: Host<'a>,
    pub(super) port: Option<&'a str>,
}

/// Reads a `Host` value; nothing if it is no authority.
pub(super) fn parse(text: &str) -> Option<Authority<'_>> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
        // Says no to zones too: `fe80::1%lo` names a wire of one machine.
        (Host::V6(address.parse().ok()?), port)
    } else {
        let (name, port) = match text.split_once(':') {
            None => (text, None),
            Some((name, port)) => (name, Some(port)),
        };
        if name.is_empty() || !name.bytes().all(is_of_a_name) {
            return None;
        }
        (name.parse().map_or(Host::Name(name), Host::V4), port)
    };
    let is_number = port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    is_number.then_some(Authority { host, port })
}

/// Letters of host names as they travel. Names in other scripts come as `xn--`.
const fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// A host that a local server may listen on: this machine, and no port beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindHost {
    /// `localhost`; where that leads is for the caller to look up, and all of it must be loopback.
    Localhost,
    /// An address.
    Address(IpAddr),
}

/// Not the name of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a local server listens on this machine alone: localhost, an address of 127.0.0.0/8, or ::1"
)]
pub struct NotLoopback;

impl FromStr for BindHost {
    type Err = NotLoopback;

    fn from_str(text: &str) -> Result<Self, NotLoopback> {
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Self::Localhost);
        }
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let address: IpAddr = match bare {
            Some(bare) => bare.parse::<Ipv6Addr>().map_err(|_| NotLoopback)?.into(),
            None => text.parse().map_err(|_| NotLoopback)?,
        };
        if address.to_canonical().is_loopback() {
            Ok(Self::Address(address))
        } else {
            Err(NotLoopback)
        }
    }
}

impl fmt::Display for BindHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost => f.write_str("localhost"),
            Self::Address(address) => address.fmt(f),
        }
    }
}
