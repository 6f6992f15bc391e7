//! Settings of SSH (`spec/hub.md` 5, SSH).

use crate::Listen;

/// Where Git is answered over SSH.
#[derive(Debug, Clone, clap::Args)]
pub struct SshArgs {
    /// The address on which Git is answered over SSH, such as 0.0.0.0:7422; nowhere unless given
    #[arg(long = "ssh-listen", env = "MOTET_SSH_LISTEN", value_name = "ADDRESS")]
    pub ssh_listen: Option<Listen>,
    /// The port under which people reach it, if it is another than the one that is listened on
    #[arg(long = "ssh-public-port", env = "MOTET_SSH_PUBLIC_PORT", value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub ssh_public_port: Option<u16>,
}
