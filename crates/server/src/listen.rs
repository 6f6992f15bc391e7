//! The address to answer on. A local server may have none but this machine's, and that is checked twice: as it is
//! written, and as it was bound (`spec/trust.md` 7, L1).

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use tokio::net::{TcpListener, lookup_host};
use trust::BindHost;

use crate::{Error, listener};

/// A host and a port, as in `127.0.0.1:7420`, `[::1]:7420` or `localhost:7420`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    host: String,
    port: u16,
}

/// What is no address to answer on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a host and a port, such as 127.0.0.1:7420")]
pub struct ListenError;

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let (host, port) = text.rsplit_once(':').ok_or(ListenError)?;
        let port = port.parse().map_err(|_| ListenError)?;
        // No host would mean every address.
        if host.is_empty() { Err(ListenError) } else { Ok(Self { host: host.to_owned(), port }) }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Listen {
    /// Begins to listen; on this machine alone, if the server is to be a local one.
    pub(crate) async fn bind(&self, is_local: bool) -> Result<TcpListener, Error> {
        let addresses = if is_local { self.loopback().await? } else { self.looked_up().await? };
        let listener = listener::bind(&addresses, self).await?;
        let bound = listener.local_addr().map_err(|source| listener::fault(self, source))?;
        if is_local && !bound.ip().to_canonical().is_loopback() {
            return Err(self.not_loopback());
        }
        Ok(listener)
    }

    /// The addresses of this machine that are meant.
    async fn loopback(&self) -> Result<Vec<SocketAddr>, Error> {
        match self.host.parse::<BindHost>() {
            Ok(BindHost::Address(address)) => Ok(vec![SocketAddr::new(address, self.port)]),
            Ok(BindHost::Localhost) => {
                let addresses = self.looked_up().await?;
                let are_here = addresses.iter().all(|it| it.ip().to_canonical().is_loopback());
                if are_here && !addresses.is_empty() {
                    Ok(addresses)
                } else {
                    Err(self.not_loopback())
                }
            }
            Err(_) => Err(self.not_loopback()),
        }
    }

    async fn looked_up(&self) -> Result<Vec<SocketAddr>, Error> {
        let bare = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(&self.host).parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let found = lookup_host((self.host.as_str(), self.port)).await;
        found.map(Iterator::collect).map_err(|source| listener::fault(self, source))
    }

    fn not_loopback(&self) -> Error {
        let sentence = trust::NotLoopback;
        Error::Configuration(format!("--local cannot listen on {self}: {sentence}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn binds(text: &str, is_local: bool) -> bool {
        text.parse::<Listen>().unwrap().bind(is_local).await.is_ok()
    }

    #[tokio::test]
    async fn a_local_server_listens_on_this_machine_alone() {
        for host in ["127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST", "[::ffff:127.0.0.1]"] {
            assert!(binds(&format!("{host}:0"), true).await, "{host}");
        }
        for host in ["0.0.0.0", "[::]", "::", "[::1]:80", "127.0.0.1:80", "127.1", "2130706433"] {
            assert!(!binds(&format!("{host}:0"), true).await, "{host}");
        }
        assert!(binds("0.0.0.0:0", false).await);
        assert!(binds("127.0.0.1:0", false).await);
    }

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for bad in ["", "127.0.0.1", ":7420", "127.0.0.1:", "127.0.0.1:70000", "localhost:x"] {
            assert_eq!(bad.parse::<Listen>(), Err(ListenError), "{bad}");
        }
        assert_eq!("[::1]:7420".parse::<Listen>().unwrap().to_string(), "[::1]:7420");
    }
}
