//! Free ports.

use std::net::TcpListener;

/// Ports to choose from: below those that the kernel gives to outgoing connections, so that a restarted server finds
/// its port free, and apart from those of the crate `cluster`.
const FIRST_PORT: u16 = 12_000;
const PORTS: u16 = 8_000;
/// How far apart two processes begin to look: more than one server needs.
const STRIDE: u32 = 4;

/// `N` ports on which nothing listens. Processes begin to look at different ones.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    let start = std::process::id().wrapping_mul(STRIDE);
    let candidates = (0..PORTS).map(|step| {
        let offset = start.wrapping_add(u32::from(step)) % u32::from(PORTS);
        FIRST_PORT + u16::try_from(offset).unwrap_or(0)
    });
    // Held until all are found, so that none is found twice.
    let held = candidates.filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    let held: Vec<_> = held.take(N).collect();
    let ports = held.iter().filter_map(|it| Some(it.local_addr().ok()?.port()));
    let ports: Vec<_> = ports.collect();
    ports.try_into().expect("some ports are free")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice() {
        let ports = free::<4>();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 4);
    }
}
