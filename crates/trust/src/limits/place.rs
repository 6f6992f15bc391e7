//! Where a request comes from, as far as limits tell places apart: IPv4 whole, IPv6 by its /64, which is what one
//! customer has.

use std::net::{IpAddr, Ipv6Addr};

use names::Id;
use uuid::Uuid;

use crate::Principal;

/// An address, or the /64 around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// Not known: all such requests share one count.
    Unknown,
    /// An IPv4 address.
    V4(u32),
    /// The first 64 bits of an IPv6 address.
    V6(u64),
    /// The first 24 bits of an IPv4 address.
    AroundV4(u32),
    /// The first 48 bits of an IPv6 address.
    AroundV6(u64),
}

/// The first 64 bits.
const fn upper(address: Ipv6Addr) -> u64 {
    (address.to_bits() >> 64) as u64
}

impl Place {
    /// Where `address` is. An IPv4 address in IPv6 clothes is itself.
    pub fn of(address: Option<IpAddr>) -> Self {
        match address.map(|it| it.to_canonical()) {
            None => Self::Unknown,
            Some(IpAddr::V4(address)) => Self::V4(address.to_bits()),
            Some(IpAddr::V6(address)) => Self::V6(upper(address)),
        }
    }

    /// The /24 or the /48 around it.
    #[must_use]
    pub const fn around(self) -> Self {
        match self {
            Self::V4(bits) => Self::AroundV4(bits >> 8),
            Self::V6(bits) => Self::AroundV6(bits >> 16),
            wide => wide,
        }
    }

    /// The same as bytes, told apart from all others.
    pub(crate) fn to_bytes(self) -> [u8; 9] {
        let (kind, bits) = match self {
            Self::Unknown => (0, 0),
            Self::V4(bits) => (4, u64::from(bits)),
            Self::V6(bits) => (6, bits),
            Self::AroundV4(bits) => (24, u64::from(bits)),
            Self::AroundV6(bits) => (48, bits),
        };
        let mut bytes = [kind; 9];
        for (to, from) in bytes.iter_mut().skip(1).zip(bits.to_be_bytes()) {
            *to = from;
        }
        bytes
    }
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// Somebody who is signed in, wherever they are.
    Principal(Id<Principal>),
    /// Whoever shows this token, or acts so otherwise: see [`crate::Actor::credential_id`].
    Credential(Uuid),
    /// Everybody else, by where they are.
    Place(Place),
}
