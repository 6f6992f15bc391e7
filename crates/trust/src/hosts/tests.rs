//! The table of `spec/trust.md` 7, row by row, and what holds for every text.

use proptest::prelude::*;

use super::*;

const P: u16 = 7420;

fn said(host: &str, port: u16) -> u16 {
    let hosts = Hosts::Loopback { port, default_port: 80 };
    status(hosts.judge([host.as_bytes()], None))
}

fn status(judged: Result<&str, HostFault>) -> u16 {
    match judged {
        Ok(_) => 200,
        Err(HostFault::Unreadable) => 400,
        Err(HostFault::Forbidden) => 403,
        Err(HostFault::Misdirected) => 421,
    }
}

fn binds(host: &str) -> bool {
    host.parse::<BindHost>().is_ok()
}

#[test]
fn names_of_this_machine_pass_with_the_port() {
    for host in ["127.0.0.1", "127.0.0.2", "127.255.255.254", "localhost", "LOCALHOST"] {
        assert!(binds(host), "{host}");
        assert_eq!(said(&format!("{host}:{P}"), P), 200, "{host}");
        // Without a port only where it is the scheme's own.
        assert_eq!((said(host, P), said(host, 80)), (403, 200), "{host}");
        for port in ["", "0", "07420", "7421", "74200", "742"] {
            assert_eq!(said(&format!("{host}:{port}"), P), 403, "{host}:{port}");
        }
    }
}

#[test]
fn ipv6_passes_in_brackets() {
    for host in ["::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::FFFF:127.8.0.1"]
    {
        let bracketed = format!("[{host}]");
        assert!(binds(host) && binds(&bracketed), "{host}");
        assert_eq!(said(&format!("{bracketed}:{P}"), P), 200, "{host}");
        assert_eq!((said(&bracketed, P), said(&bracketed, 80)), (403, 200), "{host}");
        for bare in [host.to_owned(), format!("{host}:{P}")] {
            assert_eq!(said(&bare, P), 400, "{bare}");
        }
    }
}

#[test]
fn a_bind_host_carries_no_port() {
    for host in ["[::1]:80", "127.0.0.1:80", "localhost:80"] {
        assert!(!binds(host), "{host}");
        assert_eq!((said(host, 80), said(host, P)), (200, 403), "{host}");
    }
}

#[test]
fn other_machines_are_forbidden() {
    for host in ["10.0.0.1", "192.168.1.5", "0.0.0.0", "128.0.0.1", "126.255.255.255"] {
        assert!(!binds(host), "{host}");
        assert_eq!(said(&format!("{host}:{P}"), P), 403, "{host}");
    }
    for host in ["::ffff:10.0.0.1", "::", "::2", "fe80::1", "::127.0.0.1"] {
        assert!(!binds(host), "{host}");
        assert_eq!(said(&format!("[{host}]:{P}"), P), 403, "{host}");
        assert_eq!(said(host, P), 400, "{host}");
    }
}

#[test]
fn what_only_a_resolver_takes_for_this_machine_is_forbidden() {
    for host in [
        "localhost.",
        "127.0.0.1.",
        "x.localhost",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
    ] {
        assert!(!binds(host), "{host}");
        assert_eq!(said(&format!("{host}:{P}"), P), 403, "{host}");
        assert_eq!(said(host, 80), 403, "{host}");
    }
    for host in ["localhost:", "localhost:0", "localhost:07420"] {
        assert!(!binds(host), "{host}");
        assert_eq!(said(host, P), 403, "{host}");
    }
}

#[test]
fn what_is_no_authority_is_unreadable() {
    for host in [
        "user@localhost",
        "[::1%lo]",
        "[::1",
        "[127.0.0.1]",
        "[]",
        "[::1]x",
        "*",
        "local host",
        " localhost",
        "localhost,evil",
        "localhost/",
        "localhost?",
        "localhost#",
        "localhost\\",
        "loc%61lhost",
        "lócalhost",
        ":7420",
        "",
        "localhost:x",
        "localhost:+7420",
        "localhost:7420:7420",
    ] {
        assert!(!binds(host), "{host}");
        assert_eq!(said(host, P), 400, "{host}");
        if !host.is_empty() && !host.contains(':') {
            assert_eq!(said(&format!("{host}:{P}"), P), 400, "{host}");
        }
    }
}

#[test]
fn a_request_has_one_host() {
    let hosts = Hosts::Loopback { port: P, default_port: 80 };
    let one = b"localhost:7420".as_slice();
    assert_eq!(status(hosts.judge([], None)), 400);
    assert_eq!(status(hosts.judge([one, one], None)), 400);
    assert_eq!(status(hosts.judge([b"\xff".as_slice()], None)), 400);
    assert_eq!(status(hosts.judge([one], Some("LOCALHOST:7420"))), 200);
    assert_eq!(status(hosts.judge([one], Some("127.0.0.1:7420"))), 400);
}

#[test]
fn elsewhere_an_install_answers_to_its_names() {
    let hosts = Hosts::new(["Forge.Example".to_owned(), "alias.example:8443".to_owned()]);
    for (host, expected) in [
        ("forge.example", 200),
        ("FORGE.example", 200),
        ("alias.example:8443", 200),
        ("alias.example", 421),
        ("forge.example:443", 421),
        ("localhost", 421),
        ("", 400),
        ("forge.example/", 400),
        ("user@forge.example", 400),
    ] {
        assert_eq!(status(hosts.judge([host.as_bytes()], None)), expected, "{host}");
    }
    assert!(hosts.contain("forge.example") && !hosts.contain(""));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_what_passes_is_loopback(text in "\\PC*", port in 1_u16..) {
        if said(&text, port) == 200 {
            let host = text.strip_suffix(&format!(":{port}")).unwrap_or(&text);
            prop_assert!(binds(host), "{text}");
        }
    }

    #[test]
    fn every_ipv4_address_passes_exactly_if_it_is_loopback(bits: u32, port in 1_u16..) {
        let address = std::net::Ipv4Addr::from_bits(bits);
        let mapped = format!("[{}]:{port}", address.to_ipv6_mapped());
        let expected = if address.is_loopback() { 200 } else { 403 };
        prop_assert_eq!(said(&format!("{address}:{port}"), port), expected);
        prop_assert_eq!(said(&mapped, port), expected);
        prop_assert_eq!(binds(&address.to_string()), address.is_loopback());
    }

    #[test]
    fn what_binds_passes_with_its_port(host in "[a-zA-Z0-9:.\\[\\]%-]{1,20}", port in 1_u16..) {
        if let Ok(bind) = host.parse::<BindHost>() {
            let text = bind.to_string();
            let text = if text.contains(':') { format!("[{text}]") } else { text };
            prop_assert_eq!(said(&format!("{text}:{port}"), port), 200);
        }
    }
}
