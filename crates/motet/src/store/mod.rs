//! What the command line remembers: which key signs at which host (`spec/trust.md` 12, Client store).
//!
//! One file, one table per host, and beside it the key that `motet keygen` makes. The directory is the user's
//! alone, the file too; it is replaced as a whole; a symbolic link in the place of either is refused. It is read
//! when it is needed. An account is found by scheme, host and port together, so that a key is never offered to
//! another host. Private keys stay in files of their own and are only named here.
//!
//! | file       | what is there                                     |
//! |------------|---------------------------------------------------|
//! | `files.rs` | the directory and the files, opened with care       |
//! | `keys.rs`  | private key files                                 |

mod files;
mod keys;
#[cfg(test)]
mod tests;

use std::{io, path::PathBuf};

use ::keys::PrivateKeyError;
use etcetera::BaseStrategy as _;
use names::{Handle, Random};
use toml_edit::{DocumentMut, Item, Table, value};

use crate::client::Origin;
use files::Directory;

pub use keys::{create_key, load_key};

/// The directory below the user's configuration.
const DIRECTORY: &str = "motet";
/// The file with the accounts.
const FILE: &str = "hosts.toml";
/// The key that is used unless another is named.
const KEY_FILE: &str = "id_ed25519";
/// The longest file of accounts that is read.
const MAX_BYTES: u64 = 1 << 20;
/// What a new file begins with.
const HEADING: &str = "# Written by motet: which key signs at which host.\n\n";

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Why the store, or a key file, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No home directory.
    #[error("there is no directory for the configuration: {0}")]
    NoHome(String),
    /// The file system said no.
    #[error("{}: {cause}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        cause: io::Error,
    },
    /// A link where the real thing must be.
    #[error("{} is a symbolic link, which is not followed here", .path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Others can read it.
    #[error("{} can be used by others (mode {mode:03o})", .path.display())]
    Open {
        /// The file or directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file of accounts is not what it should be.
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no key file.
    #[error("there is no key at {}", .path.display())]
    NoKey {
        /// Where it should be.
        path: PathBuf,
    },
    /// A key would be overwritten.
    #[error("{} exists already and is not overwritten", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a key that can be used.
    #[error("{}: {cause}", .path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: PrivateKeyError,
    },
}

/// Who one is at a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The handle.
    pub handle: Handle,
    /// The file of the private key.
    pub key_file: PathBuf,
}

/// The store. Nothing is read or made before it is asked for.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
    random: Random,
}

impl Store {
    /// The store in `directory`, else in the user's configuration.
    pub fn new(directory: Option<PathBuf>, random: &Random) -> Result<Self> {
        let path = match directory {
            Some(path) => path,
            None => etcetera::choose_base_strategy()
                .map_err(|error| StoreError::NoHome(error.to_string()))?
                .config_dir()
                .join(DIRECTORY),
        };
        Ok(Self { path, random: random.clone() })
    }

    /// The directory.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// The key that is used unless another is named.
    pub fn default_key_file(&self) -> PathBuf {
        self.path.join(KEY_FILE)
    }

    /// Makes sure that the directory is there and the user's alone.
    pub fn prepare(&self) -> Result<()> {
        Directory::make(&self.path).map(drop)
    }

    /// Who one is at `origin`.
    pub fn account(&self, origin: &Origin) -> Result<Option<Account>> {
        let found = self.accounts()?.into_iter().find(|(known, _)| known == origin);
        Ok(found.map(|(_, account)| account))
    }

    /// All accounts in the order of the file.
    pub fn accounts(&self) -> Result<Vec<(Origin, Account)>> {
        let document = self.read()?;
        let hosts = document.get("hosts").and_then(Item::as_table_like);
        hosts
            .into_iter()
            .flat_map(|hosts| hosts.iter())
            .map(|(host, item)| {
                let text = |key: &str| {
                    item.get(key)
                        .and_then(Item::as_str)
                        .ok_or_else(|| self.damaged(format!("the host `{host}` needs `{key}`")))
                };
                let origin = host.parse().map_err(|error| self.damaged(format!("{error}")))?;
                let handle = text("handle")?
                    .parse()
                    .map_err(|error| self.damaged(format!("the handle at `{host}`: {error}")))?;
                Ok((origin, Account { handle, key_file: self.path.join(text("key")?) }))
            })
            .collect()
    }

    /// Remembers who one is at `origin`.
    pub fn set_account(&self, origin: &Origin, account: &Account) -> Result<()> {
        let mut document = self.read()?;
        let is_new = document.is_empty();
        let hosts = document.entry("hosts").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        let hosts =
            hosts.as_table_like_mut().ok_or_else(|| self.damaged("`hosts` is no table".into()))?;
        // A key inside the directory moves with it.
        let key_file = account.key_file.strip_prefix(&self.path).unwrap_or(&account.key_file);
        // Changed in place, so that comments stay.
        let host = origin.to_string();
        let entry = hosts.entry(&host).or_insert_with(|| Item::Table(Table::new()));
        let entry = entry
            .as_table_like_mut()
            .ok_or_else(|| self.damaged(format!("the host `{host}` is no table")))?;
        entry.insert("handle", value(account.handle.as_str()));
        entry.insert("key", value(key_file.to_string_lossy().as_ref()));
        let text = document.to_string();
        let text = if is_new { format!("{HEADING}{text}") } else { text };
        Directory::make(&self.path)?.replace(FILE, text.as_bytes(), &self.random)
    }

    fn read(&self) -> Result<DocumentMut> {
        let text = match Directory::open(&self.path)? {
            Some(directory) => directory.read_text(FILE, MAX_BYTES)?,
            None => None,
        };
        text.unwrap_or_default()
            .parse()
            .map_err(|error: toml_edit::TomlError| self.damaged(error.message().to_owned()))
    }

    fn damaged(&self, reason: String) -> StoreError {
        StoreError::Damaged { path: self.path.join(FILE), reason }
    }
}
