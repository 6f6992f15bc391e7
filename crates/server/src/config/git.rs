//! Settings of Git.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use egress::{Client, Listed, Origin, Policy, Public};
use hub::{Git, GitSettings};

use crate::Error;

/// Which Git is run, and what it may take in.
#[derive(Debug, Clone, clap::Args)]
pub struct GitArgs {
    /// The Git to run; the first in /usr/local/bin, /usr/bin and /bin unless given
    #[arg(long = "git", env = "MOTET_GIT", value_name = "FILE")]
    pub program: Option<PathBuf>,
    /// The largest pack that a push may send, in bytes
    #[arg(long = "git-push-bytes", env = "MOTET_GIT_PUSH_BYTES", default_value = "524288000", value_parser = clap::value_parser!(u64).range(1..=107_374_182_400))]
    pub push_bytes: u64,
    /// How long what a forced push left behind may still be fetched by its name, in seconds
    #[arg(long = "git-prune-seconds", env = "MOTET_GIT_PRUNE_SECONDS", default_value = "300", value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub prune_seconds: u64,
    /// A server that imports and mirrors reach though it is in a network of your own, or speaks in the clear; may be repeated
    #[arg(
        long = "git-remote",
        env = "MOTET_GIT_REMOTES",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub remotes: Vec<String>,
}

impl GitArgs {
    /// The way to other servers: the public internet, and those that the operator names. A machine without trusted
    /// certificates reaches nobody there, and says so.
    fn outside(&self) -> Result<Option<Client>, Error> {
        let mut listed = Listed::new();
        for text in &self.remotes {
            let origin: Origin = text.parse().map_err(|error| {
                Error::Configuration(format!(
                    "--git-remote {text}: {error}; write https://name:port"
                ))
            })?;
            listed = listed.with(origin);
        }
        let public = Policy::Public(Public::new().and_listed(listed));
        match Client::new(egress::Settings::new(public)) {
            Ok(client) => Ok(Some(client)),
            Err(error) => {
                tracing::warn!(%error, "imports and mirrors reach nobody");
                Ok(None)
            }
        }
    }

    /// Opens the directory of Git below the data directory.
    pub(crate) fn open(&self, data: &Path) -> Result<Git, Error> {
        let hook = std::env::current_exe().map_err(|error| {
            Error::Configuration(format!("this program does not know where it is: {error}"))
        })?;
        let settings = GitSettings {
            program: self.program.clone(),
            hook,
            push_bytes: self.push_bytes,
            prune_after: Duration::from_secs(self.prune_seconds),
            outside: self.outside()?,
        };
        Git::open(&data.join("git"), &settings).map_err(Error::Configuration)
    }
}
