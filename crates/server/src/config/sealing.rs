//! Settings of a change of install key.

use std::path::PathBuf;

use super::{SecretText, ServeArgs, secret_text, secret_variable};
use crate::Error;

/// What is sealed, under which key, and under which from now on.
#[derive(Debug, Clone, clap::Args)]
pub struct SealArgs {
    /// A file with the install key under which the data is sealed now
    #[arg(long, value_name = "FILE")]
    pub old_key_file: PathBuf,
    /// Where everything is kept; no server may use it meanwhile
    #[arg(long, env = "MOTET_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// A file with the install key from now on, made when missing; `install.key` in the data directory unless given
    #[arg(long, env = "MOTET_INSTALL_KEY_FILE")]
    pub install_key_file: Option<PathBuf>,
    /// A file with the address of the PostgreSQL database, if the data is in one
    #[arg(long, env = "MOTET_DATABASE_URL_FILE")]
    pub database_url_file: Option<PathBuf>,
}

impl SealArgs {
    /// The new key from the environment, if it is there.
    pub(crate) fn install_key_text() -> Option<SecretText> {
        ServeArgs::install_key_text()
    }

    /// Where the PostgreSQL database is; nothing for SQLite.
    pub(crate) fn database_url(&self) -> Result<Option<SecretText>, Error> {
        if let Some(url) = secret_variable("MOTET_DATABASE_URL") {
            return Ok(Some(url));
        }
        self.database_url_file.as_deref().map(secret_text).transpose()
    }
}
