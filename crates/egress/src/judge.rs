//! May an address be reached? Pure: no name, no socket, no configuration.
//!
//! The blocks stand in `registry.rs`. Addresses that carry an IPv4 address inside are seen through: a mapped one
//! is judged as what it carries, for the others (all refused in any case) the class of the inner address is the
//! better reason.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::registry::{Block, GLOBAL_UNICAST, V4, V6};

/// Why an address may not be reached: its class, never the address itself (`spec/webhooks.md` 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{why} (RFC {rfc}){}", self.form())]
pub struct Forbidden {
    /// The class of address: `loopback`, `private use`, `link-local` …
    pub why: &'static str,
    /// The RFC that sets the block aside.
    pub rfc: u16,
    /// The IPv6 form that the judged IPv4 address was wrapped in.
    pub wrapped: Option<&'static str>,
}

impl Forbidden {
    fn form(&self) -> String {
        self.wrapped.map(|form| format!(" in {form} form")).unwrap_or_default()
    }
}

/// Whether `address` is on the public internet.
pub fn judge(address: IpAddr) -> Result<(), Forbidden> {
    match address {
        IpAddr::V4(address) => judge_v4(address),
        IpAddr::V6(address) => judge_v6(address),
    }
}

fn judge_v4(address: Ipv4Addr) -> Result<(), Forbidden> {
    V4.iter().find(|block| block.holds(address)).map_or(Ok(()), |block| Err(refuse(block)))
}

fn judge_v6(address: Ipv6Addr) -> Result<(), Forbidden> {
    let inside = |form| move |found| Forbidden { wrapped: Some(form), ..found };
    if let Some(inner) = address.to_ipv4_mapped() {
        return judge_v4(inner).map_err(inside("IPv4-mapped"));
    }
    let block = V6.iter().find(|block| block.holds(address));
    match block.map_or(Ok(()), |block| Err(refuse(block))) {
        Ok(()) if GLOBAL_UNICAST.holds(address) => Ok(()),
        Ok(()) => Err(Forbidden { why: "reserved", rfc: 4291, wrapped: None }),
        Err(found) => {
            if let Some(inner) = carried(address, found.why) {
                judge_v4(inner).map_err(inside(found.why))?;
            }
            Err(found)
        }
    }
}

const fn refuse<A>(block: &Block<A>) -> Forbidden {
    Forbidden { why: block.class, rfc: block.rfc, wrapped: None }
}

/// The IPv4 address that a block of this class carries.
fn carried(address: Ipv6Addr, class: &str) -> Option<Ipv4Addr> {
    let low = || {
        let [.., a, b, c, d] = address.octets();
        Ipv4Addr::new(a, b, c, d)
    };
    match class {
        // RFC 6052 §2.2, the form of a /96; a local prefix may be shorter, and is refused like all of them.
        "IPv4-compatible" | "NAT64" | "local-use NAT64" => Some(low()),
        "6to4" => {
            let [_, _, a, b, c, d, ..] = address.octets();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        // RFC 4380 §4: the client's address with every bit turned over.
        "Teredo" => Some(Ipv4Addr::from_bits(!low().to_bits())),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
