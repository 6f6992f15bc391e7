//! `config.toml`: the user and the remotes, edited in place so that comments stay (`spec/wire.md` 2).

use std::{fmt, str::FromStr};

use names::BranchName;
use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use super::{Result, WorkingCopy, WorktreeError, files::damaged};

const FILE: &str = "config.toml";
/// The longest name of a remote or a domain.
const MAX_NAME_BYTES: usize = 64;

/// The name of a remote: 1 to 64 letters, digits, `_` and `-`, which TOML takes unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemoteName(Box<str>);

/// Whether TOML takes `name` unquoted, and a path takes it as it is.
pub fn is_plain_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.chars().all(fits)
}

impl RemoteName {
    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RemoteName {
    type Err = WorktreeError;

    fn from_str(raw: &str) -> Result<Self> {
        if is_plain_name(raw) {
            Ok(Self(raw.into()))
        } else {
            Err(WorktreeError::RemoteName(raw.to_owned()))
        }
    }
}

impl fmt::Display for RemoteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Another place with the same history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// What it is called here.
    pub name: RemoteName,
    /// Where it is.
    pub url: String,
    /// The local branch that follows this remote, if any.
    pub branch: Option<BranchName>,
}

/// Who commits, as configured; each part may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// `human` or `agent`, as the Muse client has it.
    pub kind: String,
}

impl User {
    /// The author of a commit: `name <email>`, or the part that is there.
    pub fn author(&self) -> String {
        match (self.name.as_str(), self.email.as_str()) {
            (name, "") => name.to_owned(),
            ("", email) => format!("<{email}>"),
            (name, email) => format!("{name} <{email}>"),
        }
    }
}

/// The configuration as it was read. Changes are kept by [`WorkingCopy::write_config`].
#[derive(Debug, Clone, Default)]
pub struct Config(DocumentMut);

impl Config {
    fn text(&self, table: &str, key: &str) -> Option<&str> {
        self.0.get(table)?.get(key)?.as_str()
    }

    /// Who commits.
    pub fn user(&self) -> User {
        let text = |key| self.text("user", key).unwrap_or_default().to_owned();
        User { name: text("name"), email: text("email"), kind: text("type") }
    }

    /// Sets who commits; empty parts are left as they are.
    pub fn set_user(&mut self, user: &User) {
        let parts = [("name", &user.name), ("email", &user.email), ("type", &user.kind)];
        let Some(table) = table(self.0.as_table_mut(), "user", false) else { return };
        for (key, text) in parts.into_iter().filter(|(_, text)| !text.is_empty()) {
            set(table, key, text);
        }
    }

    /// The address of the hub.
    pub fn hub_url(&self) -> Option<&str> {
        self.text("hub", "url")
    }

    /// All remotes in the order of the file. One with an unusable name or without an address is left out.
    pub fn remotes(&self) -> Vec<Remote> {
        let remotes = self.0.get("remotes").and_then(Item::as_table_like);
        let entries = remotes.into_iter().flat_map(|table| table.iter());
        entries.filter_map(|(name, item)| remote(name, item)).collect()
    }

    /// The remote called `name`.
    pub fn remote(&self, name: &RemoteName) -> Result<Remote> {
        let item = self.0.get("remotes").and_then(|remotes| remotes.get(name.as_str()));
        item.and_then(|item| remote(name.as_str(), item))
            .ok_or_else(|| WorktreeError::NoRemote(name.to_string()))
    }

    /// Adds a remote, or changes the one of this name.
    pub fn set_remote(&mut self, remote: &Remote) {
        let remotes = table(self.0.as_table_mut(), "remotes", true);
        let entry = remotes.and_then(|it| table(it, remote.name.as_str(), false));
        let Some(entry) = entry else { return };
        set(entry, "url", &remote.url);
        match &remote.branch {
            Some(branch) => set(entry, "branch", branch.as_str()),
            None => drop(entry.remove("branch")),
        }
    }

    /// Removes a remote; says whether it was there.
    pub fn remove_remote(&mut self, name: &RemoteName) -> bool {
        let remotes = self.0.get_mut("remotes").and_then(Item::as_table_like_mut);
        remotes.is_some_and(|remotes| remotes.remove(name.as_str()).is_some())
    }
}

fn remote(name: &str, item: &Item) -> Option<Remote> {
    let branch = item.get("branch").and_then(Item::as_str).and_then(|name| name.parse().ok());
    Some(Remote { name: name.parse().ok()?, url: item.get("url")?.as_str()?.to_owned(), branch })
}

/// The table called `name`, made if it is not there; `implicit` ones get no heading of their own. Something
/// else of that name is replaced: no reader could have used it. There always is one.
fn table<'a>(
    parent: &'a mut dyn TableLike,
    name: &str,
    implicit: bool,
) -> Option<&'a mut dyn TableLike> {
    let entry = parent.entry(name).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(implicit);
        Item::Table(table)
    });
    if !entry.is_table_like() {
        *entry = Item::Table(Table::new());
    }
    entry.as_table_like_mut()
}

/// Sets a text and keeps what stands around it.
fn set(table: &mut dyn TableLike, key: &str, text: &str) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) => {
            let around = old.decor().clone();
            *old = text.into();
            *old.decor_mut() = around;
        }
        None => drop(table.insert(key, value(text))),
    }
}

impl WorkingCopy {
    /// The configuration; an empty one if there is no file.
    pub fn config(&self) -> Result<Config> {
        let text = self.read_text(FILE)?.unwrap_or_default();
        text.parse()
            .map(Config)
            .map_err(|error: toml_edit::TomlError| damaged(FILE, error.message()))
    }

    /// Keeps a changed configuration.
    pub fn write_config(&self, config: &Config) -> Result<()> {
        self.write_file(FILE, config.0.to_string().as_bytes())
    }
}
