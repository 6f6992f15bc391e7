//! Every block by its edges, and the forms that hide an IPv4 address.

use proptest::prelude::*;

use super::*;

/// First, last, whether the address just before and the one just after are public; `-` where there is none.
const EDGES: &[(&str, &str, &str, &str, &str)] = &[
    ("0.0.0.0", "0.255.255.255", "-", "public", "this network"),
    ("10.0.0.0", "10.255.255.255", "public", "public", "private use"),
    ("100.64.0.0", "100.127.255.255", "public", "public", "shared carrier space"),
    ("127.0.0.0", "127.255.255.255", "public", "public", "loopback"),
    ("169.254.0.0", "169.254.255.255", "public", "public", "link-local"),
    ("172.16.0.0", "172.31.255.255", "public", "public", "private use"),
    ("192.0.0.0", "192.0.0.7", "public", "special", "IPv4 service continuity"),
    ("192.0.0.8", "192.0.0.8", "special", "special", "IPv4 dummy address"),
    ("192.0.0.9", "192.0.0.9", "special", "special", "port control anycast"),
    ("192.0.0.10", "192.0.0.10", "special", "special", "TURN anycast"),
    ("192.0.0.11", "192.0.0.255", "special", "public", "IETF protocol assignments"),
    ("192.0.0.170", "192.0.0.171", "special", "special", "NAT64 discovery"),
    ("192.0.2.0", "192.0.2.255", "public", "public", "documentation"),
    ("192.31.196.0", "192.31.196.255", "public", "public", "AS112"),
    ("192.52.193.0", "192.52.193.255", "public", "public", "multicast tunnelling"),
    ("192.88.99.0", "192.88.99.255", "public", "public", "6to4 relay anycast"),
    ("192.88.99.2", "192.88.99.2", "special", "special", "6a44 relay anycast"),
    ("192.168.0.0", "192.168.255.255", "public", "public", "private use"),
    ("192.175.48.0", "192.175.48.255", "public", "public", "AS112"),
    ("198.18.0.0", "198.19.255.255", "public", "public", "benchmarking"),
    ("198.51.100.0", "198.51.100.255", "public", "public", "documentation"),
    ("203.0.113.0", "203.0.113.255", "public", "public", "documentation"),
    ("224.0.0.0", "239.255.255.255", "public", "special", "multicast"),
    ("240.0.0.0", "255.255.255.254", "special", "special", "reserved"),
    ("255.255.255.255", "255.255.255.255", "special", "-", "limited broadcast"),
    ("::", "::", "-", "special", "unspecified"),
    ("::1", "::1", "special", "special", "loopback"),
    ("::2", "::ffff:ffff", "special", "special", "IPv4-compatible"),
    ("64:ff9b::", "64:ff9b::ffff:ffff", "special", "special", "NAT64"),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "special", "special", "local-use NAT64"),
    ("100::", "100::ffff:ffff:ffff:ffff", "special", "special", "discard-only"),
    ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", "special", "special", "dummy prefix"),
    ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "public", "special", "Teredo"),
    ("2001:1::1", "2001:1::1", "special", "special", "port control anycast"),
    ("2001:1::2", "2001:1::2", "special", "special", "TURN anycast"),
    ("2001:1::3", "2001:1::3", "special", "special", "service registration anycast"),
    ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "special", "special", "benchmarking"),
    (
        "2001:3::",
        "2001:3:ffff:ffff:ffff:ffff:ffff:ffff",
        "special",
        "special",
        "multicast tunnelling",
    ),
    ("2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", "special", "special", "AS112"),
    ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", "special", "special", "ORCHID"),
    ("2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", "special", "special", "ORCHIDv2"),
    (
        "2001:30::",
        "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff",
        "special",
        "special",
        "drone identification",
    ),
    (
        "2001:40::",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "special",
        "public",
        "IETF protocol assignments",
    ),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "public", "public", "documentation"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "public", "public", "6to4"),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "public", "public", "AS112"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "public", "public", "documentation"),
    ("4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "public", "special", "reserved"),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "special", "special", "segment routing"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "special", "special", "unique-local"),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "special", "special", "link-local"),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "special", "special", "site-local"),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "special", "-", "multicast"),
];

fn address(raw: &str) -> IpAddr {
    raw.parse().unwrap()
}

fn moved(from: IpAddr, by: i8) -> IpAddr {
    let step = i128::from(by);
    match from {
        IpAddr::V4(it) => Ipv4Addr::from_bits(it.to_bits().wrapping_add_signed(by.into())).into(),
        IpAddr::V6(it) => Ipv6Addr::from_bits(it.to_bits().wrapping_add_signed(step)).into(),
    }
}

/// The class, whether it is the address's own or that of what it carries.
fn classes(found: Forbidden) -> [Option<&'static str>; 2] {
    [Some(found.why), found.wrapped]
}

#[test]
fn each_block_is_refused_from_edge_to_edge_and_not_beyond() {
    for (first, last, before, after, class) in EDGES {
        for edge in [first, last] {
            let found = judge(address(edge)).expect_err(edge);
            let first_of_many = *edge == "0.0.0.0" && found.why == "unspecified";
            assert!(first_of_many || classes(found).contains(&Some(*class)), "{edge}: {found}");
        }
        for (outside, expected) in
            [(moved(address(first), -1), before), (moved(address(last), 1), after)]
        {
            if *expected != "-" {
                assert_eq!(judge(outside).is_ok(), *expected == "public", "{outside} by {first}");
            }
        }
    }
}

#[test]
fn every_block_of_the_table_is_among_the_edges() {
    let classes = V4.iter().map(|it| it.class).chain(V6.iter().map(|it| it.class));
    for class in classes {
        assert!(EDGES.iter().any(|(.., edge)| *edge == class) || class == "unspecified", "{class}");
    }
}

#[test]
fn every_block_begins_where_its_prefix_says() {
    for block in V4 {
        let host_bits = u32::MAX.checked_shr(block.prefix_bits).unwrap_or(0);
        assert_eq!(block.first.to_bits() & host_bits, 0, "{block:?}");
    }
    for block in V6 {
        let host_bits = u128::MAX.checked_shr(block.prefix_bits).unwrap_or(0);
        assert_eq!(block.first.to_bits() & host_bits, 0, "{block:?}");
    }
}

#[test]
fn wrapped_addresses_are_seen_through() {
    for (raw, sentence) in [
        ("::ffff:127.0.0.1", "loopback (RFC 1122) in IPv4-mapped form"),
        ("::127.0.0.1", "loopback (RFC 1122) in IPv4-compatible form"),
        ("64:ff9b::7f00:1", "loopback (RFC 1122) in NAT64 form"),
        ("64:ff9b:1::a9fe:a9fe", "link-local (RFC 3927) in local-use NAT64 form"),
        ("2002:a00:1::1", "private use (RFC 1918) in 6to4 form"),
        ("2001:0:808:808::f5ff:fffe", "private use (RFC 1918) in Teredo form"),
        ("64:ff9b::808:808", "NAT64 (RFC 6052)"),
        ("::ffff:0:127.0.0.1", "reserved (RFC 4291)"),
    ] {
        assert_eq!(judge(address(raw)).unwrap_err().to_string(), sentence, "{raw}");
    }
    assert_eq!(judge(address("::ffff:8.8.8.8")), Ok(()));
}

#[test]
fn the_public_internet_is_let_through() {
    for raw in ["1.1.1.1", "8.8.8.8", "223.255.255.255", "2606:4700::1111", "2a00:1450::1"] {
        assert_eq!(judge(address(raw)), Ok(()), "{raw}");
    }
}

proptest! {
    #[test]
    fn a_mapped_address_is_judged_as_the_one_inside(bits: u32) {
        let inner = Ipv4Addr::from_bits(bits);
        let mapped = judge(inner.to_ipv6_mapped().into()).map_err(|it| (it.why, it.rfc));
        prop_assert_eq!(mapped, judge(inner.into()).map_err(|it| (it.why, it.rfc)));
    }

    #[test]
    fn nothing_outside_global_unicast_is_public_but_mapped_addresses(bits: u128) {
        let address = Ipv6Addr::from_bits(bits);
        if address.to_ipv4_mapped().is_none() && judge(address.into()).is_ok() {
            prop_assert_eq!(address.segments()[0] & 0xe000, 0x2000);
        }
    }

    #[test]
    fn a_translated_private_address_is_refused_in_every_form(low in 0u32..0x0100_0000) {
        let inner = 0x0a00_0000 | low;
        for high in [0x0064_ff9b_u128 << 96, 0x0064_ff9b_0001_u128 << 80, 0] {
            prop_assert!(judge(Ipv6Addr::from_bits(high | u128::from(inner)).into()).is_err());
        }
        prop_assert!(judge(Ipv6Addr::from_bits(0x2002 << 112 | u128::from(inner) << 80).into()).is_err());
        prop_assert!(judge(Ipv6Addr::from_bits(0x2001_u128 << 112 | u128::from(!inner)).into()).is_err());
    }
}
