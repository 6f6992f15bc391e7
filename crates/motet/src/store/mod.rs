//! What the command line remembers: which key signs, or which token is shown, at which host (`spec/trust.md` 12, Client store).
//!
//! One file, one table per host, and beside it the key that `motet keygen` makes. The directory is the user's
//! alone, the file too; it is replaced as a whole; a symbolic link in the place of either is refused. It is read
//! when it is needed. An account is found by scheme, host and port together, so that a key is never offered to
//! another host. Private keys and tokens stay in files of their own and are only named
//! here.
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
use names::{Handle, Random, Secret};
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
/// What the files of tokens begin with.
const TOKEN_FILE: &str = "token-";
/// The longest token that is read, in bytes.
const MAX_TOKEN_BYTES: u64 = 1024;

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
    /// What proves it.
    pub credential: Credential,
}

/// What proves who one is at a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// The file of a private key.
    Key(PathBuf),
    /// The file of a token, by its name in the directory.
    Token(String),
}

impl Account {
    /// The file of the private key, if it is a key that proves it.
    pub const fn key_file(&self) -> Option<&PathBuf> {
        match &self.credential {
            Credential::Key(file) => Some(file),
            Credential::Token(_) => None,
        }
    }
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
                let token = item.get("token").and_then(Item::as_str);
                let credential = match token {
                    Some(file) => Credential::Token(file.to_owned()),
                    None => Credential::Key(self.path.join(text("key")?)),
                };
                Ok((origin, Account { handle, credential }))
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
        // Changed in place, so that comments stay.
        let host = origin.to_string();
        let entry = hosts.entry(&host).or_insert_with(|| Item::Table(Table::new()));
        let entry = entry
            .as_table_like_mut()
            .ok_or_else(|| self.damaged(format!("the host `{host}` is no table")))?;
        entry.insert("handle", value(account.handle.as_str()));
        match &account.credential {
            Credential::Key(file) => {
                // A key inside the directory moves with it.
                let file = file.strip_prefix(&self.path).unwrap_or(file);
                entry.insert("key", value(file.to_string_lossy().as_ref()));
                entry.remove("token");
            }
            Credential::Token(file) => {
                entry.insert("token", value(file));
                entry.remove("key");
            }
        }
        let text = document.to_string();
        let text = if is_new { format!("{HEADING}{text}") } else { text };
        Directory::make(&self.path)?.replace(FILE, text.as_bytes(), &self.random)
    }

    /// Keeps the token for `origin`, instead of an earlier one; gives the name of its file.
    pub fn keep_token(&self, origin: &Origin, token: &Secret<String>) -> Result<String> {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let host: String = origin.to_string().chars().map(plain).collect();
        let file = format!("{TOKEN_FILE}{host}");
        let directory = Directory::make(&self.path)?;
        directory.replace(&file, token.expose().as_bytes(), &self.random)?;
        Ok(file)
    }

    /// Reads a token that was kept.
    pub fn load_token(&self, file: &str) -> Result<Secret<String>> {
        let path = self.path.join(file);
        // A name of a file in the directory, and nothing that leads out of it.
        if !file.starts_with(TOKEN_FILE) || file.contains('/') {
            return Err(self.damaged(format!("`{file}` is no file of a token")));
        }
        let text = match Directory::open(&self.path)? {
            Some(directory) => directory.read_text(file, MAX_TOKEN_BYTES)?,
            None => None,
        };
        let text = text.map(Secret::new).ok_or(StoreError::NoKey { path })?;
        Ok(Secret::new(text.expose().trim().to_owned()))
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
