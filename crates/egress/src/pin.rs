//! Addresses that were judged.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::time::Instant;

use crate::{
    error::Error,
    limits::{Budget, Stage},
    origin::{Host, Origin},
    policy::{Policy, Reach},
    resolve::Resolve,
};

/// More addresses than this behind one name are nobody's honest answer.
const MAX_ADDRESSES: usize = 64;

/// Where a connection may go: every address behind an origin, after each was judged. There is no other way to get
/// one, and nothing else can be connected to.
#[derive(Debug)]
pub(crate) struct Pinned {
    addresses: Vec<SocketAddr>,
    judged_at: Instant,
}

impl Pinned {
    /// Looks the origin's name up, once, and judges all that comes back.
    pub(crate) async fn find(
        policy: &Policy,
        resolver: &dyn Resolve,
        origin: &Origin,
        reach: Reach,
        budget: &Budget,
    ) -> Result<Self, Error> {
        let judged_at = Instant::now();
        let mut addresses = Vec::new();
        for address in look_up(resolver, origin, budget).await? {
            // What is judged is what the socket gets: `::ffff:a.b.c.d` is a.b.c.d to it.
            let address = address.to_canonical();
            policy
                .judge(reach, address)
                .map_err(|found| Error::ForbiddenAddress { origin: origin.clone(), found })?;
            let address = SocketAddr::new(address, origin.port());
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        Ok(Self { addresses, judged_at })
    }

    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) const fn judged_at(&self) -> Instant {
        self.judged_at
    }
}

async fn look_up(
    resolver: &dyn Resolve,
    origin: &Origin,
    budget: &Budget,
) -> Result<Vec<IpAddr>, Error> {
    let name = match origin.host() {
        Host::Name(name) => name,
        Host::Address(address) => return Ok(vec![*address]),
    };
    let failed = |cause| Error::Unresolvable { origin: origin.clone(), cause };
    let lookup = budget.within(Stage::Resolve, resolver.resolve(name)).await;
    let found = lookup.map_err(|stage| budget.timeout(stage, origin))?.map_err(failed)?;
    match found.len() {
        0 => Err(failed(io::Error::other("it has no address"))),
        1..=MAX_ADDRESSES => Ok(found),
        _ => Err(failed(io::Error::other(format!("it has more than {MAX_ADDRESSES} addresses")))),
    }
}
