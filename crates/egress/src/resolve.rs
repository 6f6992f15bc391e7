//! Names to addresses.
//!
//! The machine's own resolver is asked, not a second one in the process: it gives the operator the answer that
//! every tool on the machine gives (hosts file, name service switch, a changed `resolv.conf`) and adds nothing to
//! the tree. It blocks a thread and cannot be interrupted, so each client has a bounded number of look-ups.

use std::{
    io,
    net::{IpAddr, ToSocketAddrs as _},
    sync::Arc,
};

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

/// Threads of one client that may wait for the resolver; a name that nobody answers for holds one for some ten
/// seconds. The runtime has 512 threads for such work.
const MAX_LOOKUPS: usize = 32;

/// All addresses of a name, or why there are none.
pub type Lookup<'a> = BoxFuture<'a, io::Result<Vec<IpAddr>>>;

/// Who is asked for the addresses of a name. Whatever it says is judged afterwards.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of `name`, in the order in which they should be tried.
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a>;
}

/// The machine's own resolver.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            let permit = Arc::clone(&self.lookups).acquire_owned().await;
            let permit = permit.map_err(io::Error::other)?;
            let name = name.to_owned();
            let lookup = tokio::task::spawn_blocking(move || {
                let found = (name.as_str(), 0).to_socket_addrs();
                // Given back only when the thread is free again, also if nobody waits any more.
                drop(permit);
                found.map(|addresses| addresses.map(|it| it.ip()).collect())
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}
