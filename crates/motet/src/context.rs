//! What every command is handed: where it works, what it may ask, and how it shows that it is at work.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use history::worktree::{Config, Remote, RemoteName, WorkingCopy, WorktreeError};
use keys::PrivateKey;
use names::{Clock, Random};

use crate::{
    client::{Client, Options, Origin, RepositoryAddress},
    failure::{Exit, Failure},
    progress::Progress,
    store::{Account, Credential, Store, load_key},
    transfer::Promise,
};

/// The remote that is meant when none is named.
pub(crate) const ORIGIN: &str = "origin";

/// The surroundings of one command.
#[derive(Debug)]
pub struct Context {
    /// Where the command works.
    pub directory: PathBuf,
    /// The accounts.
    pub store: Store,
    /// Whether plain HTTP may leave this machine.
    pub insecure: bool,
    /// How far the command has come.
    pub progress: Progress,
    /// What time it is.
    pub clock: Clock,
    /// Chance.
    pub random: Random,
}

impl Context {
    /// A path as the user wrote it: below the directory of `-C`.
    pub fn at(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// A client that signs with `key`, or asks as anybody.
    pub fn client(&self, origin: &Origin, key: Option<PrivateKey>) -> Result<Client, Failure> {
        self.client_called(origin, key, None)
    }

    /// The same for a server that is called otherwise than the address at which it is reached.
    pub fn client_called(
        &self,
        origin: &Origin,
        key: Option<PrivateKey>,
        authority: Option<String>,
    ) -> Result<Client, Failure> {
        let (insecure, clock, random) = (self.insecure, self.clock.clone(), self.random.clone());
        let options = Options { insecure, authority, clock, random };
        Ok(Client::new(origin.clone(), key, options)?)
    }

    /// A client that signs as the account at `origin`, if there is one.
    pub fn client_of_account(&self, origin: &Origin) -> Result<Client, Failure> {
        match self.store.account(origin)? {
            None => self.client(origin, None),
            Some(account) => self.client_as(origin, &account),
        }
    }

    /// The account at `origin` and a client that signs as it.
    pub fn signed_in(&self, origin: &Origin) -> Result<(Account, Client), Failure> {
        let account = self.store.account(origin)?.ok_or_else(|| not_signed_in(origin))?;
        let client = self.client_as(origin, &account)?;
        Ok((account, client))
    }

    fn client_as(&self, origin: &Origin, account: &Account) -> Result<Client, Failure> {
        match &account.credential {
            Credential::Key(file) => self.client(origin, Some(load_key(file)?)),
            Credential::Token(file) => {
                Ok(self.client(origin, None)?.with_token(self.store.load_token(file)?))
            }
        }
    }

    /// The working copy that the directory is in. What a remote promised is brought from there when it is needed.
    pub fn working_copy(&self) -> Result<WorkingCopy, Failure> {
        self.with_promise(WorkingCopy::discover(&self.directory, &self.random)?)
    }

    /// The same as it is, for those who ask what is here: nothing is brought.
    pub fn working_copy_as_it_is(&self) -> Result<WorkingCopy, Failure> {
        Ok(WorkingCopy::discover(&self.directory, &self.random)?)
    }

    fn with_promise(&self, copy: WorkingCopy) -> Result<WorkingCopy, Failure> {
        let Some(name) = copy.promised_by()? else { return Ok(copy) };
        // A remote that is gone, or whose address is none, keeps no promise: what is needed is missing then.
        let Ok(Ok(address)) = copy.config()?.remote(&name).map(|remote| remote.url.parse()) else {
            return Ok(copy);
        };
        let context = Self {
            directory: self.directory.clone(),
            store: self.store.clone(),
            insecure: self.insecure,
            progress: Progress::silent(),
            clock: self.clock.clone(),
            random: self.random.clone(),
        };
        Ok(copy.with_bringer(Arc::new(Promise { context, address })))
    }

    /// The working copy that the directory is in; none if it is in none.
    pub fn find_working_copy(&self) -> Result<Option<WorkingCopy>, Failure> {
        match WorkingCopy::discover(&self.directory, &self.random) {
            Ok(copy) => self.with_promise(copy).map(Some),
            Err(WorktreeError::NoWorkingCopy { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Which server is meant: the one that is named, else the one that the working copy here came from, else the
    /// only one with an account.
    pub fn which_origin(&self, named: Option<&Origin>) -> Result<Origin, Failure> {
        if let Some(origin) = named {
            return Ok(origin.clone());
        }
        if let Some(copy) = self.find_working_copy()?
            && let Some(address) = origin_address(&copy.config()?)
        {
            return Ok(address.origin);
        }
        let mut accounts: BTreeMap<_, _> = self.store.accounts()?.into_iter().collect();
        match (accounts.pop_first(), accounts.is_empty()) {
            (Some((origin, _)), true) => Ok(origin),
            (None, _) => Err(Failure::new(
                Exit::NotAllowed,
                "not_signed_in",
                "you are registered nowhere yet",
            )
            .hint("motet register <address> <handle>")),
            (Some((first, _)), false) => {
                let others = accounts.into_keys().map(|origin| format!(", {origin}"));
                let known: String = std::iter::once(first.to_string()).chain(others).collect();
                Err(Failure::usage("which_host", "you are registered at several servers")
                    .hint(format!("name one of {known}")))
            }
        }
    }
}

/// The address of the remote `origin`, if it is one that this program can use.
pub(crate) fn origin_address(config: &Config) -> Option<RepositoryAddress> {
    let name: RemoteName = ORIGIN.parse().ok()?;
    let remote: Remote = config.remote(&name).ok()?;
    remote.url.parse().ok()
}

/// The failure of whoever has no key for `origin`.
pub(crate) fn not_signed_in(origin: &Origin) -> Failure {
    Failure::new(Exit::NotAllowed, "not_signed_in", format!("you are not registered at {origin}"))
        .hint(format!("motet register {origin} <handle>"))
}
