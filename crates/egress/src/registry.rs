//! The special-purpose blocks of IPv4 and IPv6, each with its RFC.
//!
//! From the registries "IANA IPv4 Special-Purpose Address Registry" and "IANA IPv6 Special-Purpose Address
//! Registry" (RFC 6890, RFC 8190), and the multicast and deprecated blocks that stand beside them. Blocks that the
//! registries call globally reachable (anycast relays, AS112) are here too: nobody serves web pages there.
//!
//! A block comes before the wider one that holds it, so that the first match gives the closest reason.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A range of addresses that is not the public internet.
#[derive(Debug)]
pub(crate) struct Block<A> {
    pub(crate) first: A,
    pub(crate) prefix_bits: u32,
    /// The class of address, told to whoever is refused.
    pub(crate) class: &'static str,
    pub(crate) rfc: u16,
}

impl Block<Ipv4Addr> {
    pub(crate) const fn holds(&self, address: Ipv4Addr) -> bool {
        (self.first.to_bits() ^ address.to_bits()).leading_zeros() >= self.prefix_bits
    }
}

impl Block<Ipv6Addr> {
    pub(crate) const fn holds(&self, address: Ipv6Addr) -> bool {
        (self.first.to_bits() ^ address.to_bits()).leading_zeros() >= self.prefix_bits
    }
}

const fn v4(first: [u8; 4], prefix_bits: u32, class: &'static str, rfc: u16) -> Block<Ipv4Addr> {
    let [a, b, c, d] = first;
    Block { first: Ipv4Addr::new(a, b, c, d), prefix_bits, class, rfc }
}

/// From the first four of the eight groups; `last` is the eighth, the others are zero.
const fn v6(
    first: [u16; 4],
    last: u16,
    prefix_bits: u32,
    class: &'static str,
    rfc: u16,
) -> Block<Ipv6Addr> {
    let [a, b, c, d] = first;
    Block { first: Ipv6Addr::new(a, b, c, d, 0, 0, 0, last), prefix_bits, class, rfc }
}

/// IPv4.
pub(crate) const V4: &[Block<Ipv4Addr>] = &[
    v4([0, 0, 0, 0], 32, "unspecified", 1122),
    v4([0, 0, 0, 0], 8, "this network", 791),
    v4([10, 0, 0, 0], 8, "private use", 1918),
    v4([100, 64, 0, 0], 10, "shared carrier space", 6598),
    v4([127, 0, 0, 0], 8, "loopback", 1122),
    v4([169, 254, 0, 0], 16, "link-local", 3927),
    v4([172, 16, 0, 0], 12, "private use", 1918),
    v4([192, 0, 0, 0], 29, "IPv4 service continuity", 7335),
    v4([192, 0, 0, 8], 32, "IPv4 dummy address", 7600),
    v4([192, 0, 0, 9], 32, "port control anycast", 7723),
    v4([192, 0, 0, 10], 32, "TURN anycast", 8155),
    v4([192, 0, 0, 170], 31, "NAT64 discovery", 7050),
    v4([192, 0, 0, 0], 24, "IETF protocol assignments", 6890),
    v4([192, 0, 2, 0], 24, "documentation", 5737),
    v4([192, 31, 196, 0], 24, "AS112", 7535),
    v4([192, 52, 193, 0], 24, "multicast tunnelling", 7450),
    v4([192, 88, 99, 2], 32, "6a44 relay anycast", 6751),
    v4([192, 88, 99, 0], 24, "6to4 relay anycast", 7526),
    v4([192, 168, 0, 0], 16, "private use", 1918),
    v4([192, 175, 48, 0], 24, "AS112", 7534),
    v4([198, 18, 0, 0], 15, "benchmarking", 2544),
    v4([198, 51, 100, 0], 24, "documentation", 5737),
    v4([203, 0, 113, 0], 24, "documentation", 5737),
    v4([224, 0, 0, 0], 4, "multicast", 5771),
    v4([255, 255, 255, 255], 32, "limited broadcast", 919),
    v4([240, 0, 0, 0], 4, "reserved", 1112),
];

/// IPv6, but for the IPv4-mapped block `::ffff:0:0/96` (RFC 4291): it is judged as the IPv4 address inside,
/// because that is where a socket would connect to.
pub(crate) const V6: &[Block<Ipv6Addr>] = &[
    v6([0, 0, 0, 0], 0, 128, "unspecified", 4291),
    v6([0, 0, 0, 0], 1, 128, "loopback", 4291),
    v6([0, 0, 0, 0], 0, 96, "IPv4-compatible", 4291),
    v6([0x64, 0xff9b, 0, 0], 0, 96, "NAT64", 6052),
    v6([0x64, 0xff9b, 1, 0], 0, 48, "local-use NAT64", 8215),
    v6([0x100, 0, 0, 0], 0, 64, "discard-only", 6666),
    v6([0x100, 0, 0, 1], 0, 64, "dummy prefix", 9780),
    v6([0x2001, 0, 0, 0], 0, 32, "Teredo", 4380),
    v6([0x2001, 1, 0, 0], 1, 128, "port control anycast", 7723),
    v6([0x2001, 1, 0, 0], 2, 128, "TURN anycast", 8155),
    v6([0x2001, 1, 0, 0], 3, 128, "service registration anycast", 9665),
    v6([0x2001, 2, 0, 0], 0, 48, "benchmarking", 5180),
    v6([0x2001, 3, 0, 0], 0, 32, "multicast tunnelling", 7450),
    v6([0x2001, 4, 0x112, 0], 0, 48, "AS112", 7535),
    v6([0x2001, 0x10, 0, 0], 0, 28, "ORCHID", 4843),
    v6([0x2001, 0x20, 0, 0], 0, 28, "ORCHIDv2", 7343),
    v6([0x2001, 0x30, 0, 0], 0, 28, "drone identification", 9374),
    v6([0x2001, 0, 0, 0], 0, 23, "IETF protocol assignments", 2928),
    v6([0x2001, 0xdb8, 0, 0], 0, 32, "documentation", 3849),
    v6([0x2002, 0, 0, 0], 0, 16, "6to4", 3056),
    v6([0x2620, 0x4f, 0x8000, 0], 0, 48, "AS112", 7534),
    v6([0x3fff, 0, 0, 0], 0, 20, "documentation", 9637),
    v6([0x5f00, 0, 0, 0], 0, 16, "segment routing", 9602),
    v6([0xfc00, 0, 0, 0], 0, 7, "unique-local", 4193),
    v6([0xfe80, 0, 0, 0], 0, 10, "link-local", 4291),
    v6([0xfec0, 0, 0, 0], 0, 10, "site-local", 3879),
    v6([0xff00, 0, 0, 0], 0, 8, "multicast", 4291),
];

/// What is handed out as global unicast: `2000::/3`. All the rest of IPv6 is reserved.
pub(crate) const GLOBAL_UNICAST: Block<Ipv6Addr> =
    v6([0x2000, 0, 0, 0], 0, 3, "global unicast", 4291);
