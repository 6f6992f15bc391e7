//! Settings of connections (`spec/trust.md` 9, slow clients; 10, `Strict-Transport-Security`).

use std::time::Duration;

use web::headers::Hsts;

use crate::connections::Rules;

/// How many connections there may be, and how long they are waited for.
#[derive(Debug, Clone, clap::Args)]
pub struct ConnectionArgs {
    /// How many connections there may be at once
    #[arg(long = "connections", env = "MOTET_CONNECTIONS", default_value = "16384", value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "NUMBER")]
    pub at_once: u32,
    /// How many of them may come from one address, or from one /64 of IPv6; trusted proxies may have all of them
    #[arg(long = "connections-per-address", env = "MOTET_CONNECTIONS_PER_ADDRESS", default_value = "1024", value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "NUMBER")]
    pub per_address: u32,
    /// How long a client may take for the head of a request, in seconds
    #[arg(long, env = "MOTET_HEAD_SECONDS", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=300))]
    pub head_seconds: u64,
    /// How long a client may read nothing of its answer, in seconds; then the connection is cut
    #[arg(long, env = "MOTET_STALL_SECONDS", default_value = "60", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub stall_seconds: u64,
    /// How long a connection may be idle between two requests, in seconds
    #[arg(long, env = "MOTET_IDLE_SECONDS", default_value = "75", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub idle_seconds: u64,
    /// What browsers are told to remember when people come by https: preload (this host and all below it, and it may
    /// be put on the lists that browsers are shipped with), host (this host alone) or off
    #[arg(long, env = "MOTET_HSTS", default_value = "preload", value_name = "WHAT")]
    pub hsts: Hsts,
}

impl ConnectionArgs {
    /// What a listener is held to.
    pub(crate) const fn rules(&self) -> Rules {
        Rules {
            at_once: self.at_once as usize,
            per_address: self.per_address,
            head: Duration::from_secs(self.head_seconds),
            stall: Duration::from_secs(self.stall_seconds),
            idle: Duration::from_secs(self.idle_seconds),
        }
    }
}
