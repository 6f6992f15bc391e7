//! The listener, from when it is bound, and what people are told of it.

use keys::{Fingerprint, PrivateKey, PublicKey};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Gatehouse, run};
use crate::{Error, House, ServeArgs, boot::Ground, config::Settings, listener};

/// What people are told of SSH here.
#[derive(Debug, Clone)]
pub(crate) struct Face {
    /// What the server is called, without a port.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Its key, by which clients know it again.
    pub(crate) key: PublicKey,
}

impl Face {
    /// The name of the server's key, as clients show it.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.key.fingerprint()
    }

    /// What addresses of repositories begin with.
    pub(crate) fn address(&self) -> String {
        format!("ssh://{}:{}", self.host, self.port)
    }

    /// The line of a file of known hosts.
    pub(crate) fn known_host(&self) -> String {
        // A port of its own stands beside the name in brackets (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let name = match self.port {
            22 => bare.to_owned(),
            port => format!("[{bare}]:{port}"),
        };
        format!("{name} {}", self.key.to_openssh())
    }
}

/// The listener of SSH, from when it is bound.
pub(crate) struct Gate {
    listener: TcpListener,
    pub(crate) face: Face,
    key: PrivateKey,
}

impl Gate {
    /// Begins to listen, if that is wanted.
    pub(crate) async fn open(
        args: &ServeArgs,
        settings: &Settings,
        ground: &Ground,
    ) -> Result<Option<Self>, Error> {
        let (Some(listen), Some(key)) = (&args.ssh.ssh_listen, &ground.keys.ssh) else {
            return Ok(None);
        };
        if !settings.role.serves() {
            return Ok(None);
        }
        let listener = listen.bind(args.local).await?;
        let bound = listener.local_addr().map_err(|source| listener::fault(listen, source))?;
        let port = args.ssh.ssh_public_port.unwrap_or(bound.port());
        let face = Face { host: settings.host().to_owned(), port, key: *key.public() };
        tracing::info!(address = %bound, fingerprint = %face.fingerprint(), "git is answered over SSH");
        Ok(Some(Self { listener, face, key: key.clone() }))
    }

    /// Serves until the server stops.
    pub(crate) fn serve(
        self,
        house: &House,
        args: &ServeArgs,
        settings: &Settings,
        stop: &CancellationToken,
    ) -> JoinHandle<()> {
        let rules = (args.connections.rules(), settings.trusted_proxies.as_slice());
        let gatehouse = Gatehouse::new(house.rooms_of_git(), (self.face, &self.key), rules);
        tokio::spawn(run(self.listener, gatehouse, args.drain(), stop.clone()))
    }
}

#[cfg(test)]
mod tests {
    use names::Random;

    use super::*;

    #[test]
    fn a_server_is_known_by_its_name_and_its_port() {
        let key = *PrivateKey::generate(&Random::seeded(64)).public();
        let face = |host: &str, port| Face { host: host.to_owned(), port, key };
        let line = key.to_openssh();
        for (host, port, known, address) in [
            ("forge.example", 22, "forge.example", "ssh://forge.example:22"),
            ("forge.example", 7422, "[forge.example]:7422", "ssh://forge.example:7422"),
            ("[::1]", 7422, "[::1]:7422", "ssh://[::1]:7422"),
        ] {
            let face = face(host, port);
            assert_eq!(face.known_host(), format!("{known} {line}"));
            assert_eq!(face.address(), address);
        }
    }
}
