//! Settings of Git.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

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
}

impl GitArgs {
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
        };
        Git::open(&data.join("git"), &settings).map_err(Error::Configuration)
    }
}
