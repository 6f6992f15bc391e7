//! Git: stock clients, over HTTP and SSH (`spec/hub.md` 5, docs/git.md).
//!
//! The installed Git speaks the protocol and keeps packs; everything that is decided, is decided here. Rows say where refs
//! are. Git's own refs follow them: they are locked, the rows are committed, and then they move.
//!
//! | file           | what is there                                                        |
//! |----------------|----------------------------------------------------------------------|
//! | `mod.rs`       | [`Git`]; [`Hub::git_ask`] and [`Hub::git_service`], the way in for both transports |
//! | `directory.rs` | where repositories lie, their configuration                             |
//! | `process.rs`   | how Git is run                                                          |
//! | `http.rs`      | the routes; `body.rs` what they are sent                                |
//! | `hook.rs`      | what hooks say, and are told                                            |
//! | `receive.rs`   | what a push may do, and its transaction                                 |
//! | `content.rs`   | what the files of a push are, where somebody asks                        |
//! | `judging.rs`   | refs, one by one; pure                                                  |
//! | `packs/`       | objects, read in this process                                            |
//! | `commits/`     | commits of a push become rows                                            |
//! | `edits.rs`     | files that are changed in a page; `outline.rs` their directories, `making.rs` their pack |
//! | `copying.rs`   | what refs lead to comes into another repository: forks                 |
//! | `starting.rs`  | what a new repository begins with: files, a template                     |
//! | `tags.rs`      | tags with a message, and whose key signed them                          |
//! | `chores.rs`    | what Git does for the server itself                                     |
//! | `bundles.rs`   | a whole repository for its owner                                        |
//! | `own.rs`       | the one ref that leads to what the server itself has made            |
//! | `remote/`      | what other servers have, and what is sent to them                    |
//! | `settling.rs`  | after a crash Git's refs follow the rows                                |
//! | `pruning.rs`   | what nothing leads to any more is taken out                             |
//! | `pkt.rs`       | packet lines                                                            |
//! | `store.rs`     | the SQL                                                                |
//!
//! Invariants: no process of Git sees an environment, a configuration or a hook that Motet did not write; a row of `refs`
//! and Git's ref differ only while a row of `git_moves` says so.

mod body;
mod bundles;
mod chores;
mod commits;
mod content;
mod copying;
mod directory;
mod edits;
mod hook;
mod http;
mod judging;
mod making;
mod outline;
mod own;
mod packs;
mod pkt;
mod process;
mod pruning;
mod receive;
mod remote;
mod settling;
mod starting;
mod store;
mod tags;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use names::{BranchName, Handle, Id, RepositoryName};
use tokio::{
    sync::{Notify, RwLock, Semaphore, watch},
    task::AbortHandle,
    time::sleep,
};
use trust::{Actor, Allowed, Place, Who, act, authority};
use uuid::Uuid;
use web::Problem;

use crate::{
    Error, Format, Hub, Repository,
    repositories::{self, PushTarget},
    wire::{other_format, push::blocking},
    wire2::Watch,
};
pub use bundles::Bundle;
pub(crate) use commits::{STATEMENTS as COMMIT_STATEMENTS, add_more_parents, more_parents};
pub(crate) use copying::{Come, name_tag};
pub(crate) use directory::Berth;
use directory::Directories;
use hook::Door;
pub use hook::frame;
pub(crate) use http::routes;
pub(crate) use packs::{Packs, Peeled, Stores};
use process::Program;
pub use process::{GitProcess, GitProtocol, Life, Manner, Service};
pub(crate) use pruning::{PRUNE, prune};
use receive::Push;
pub(crate) use remote::{
    Credentials, Landed, Progress, Reached, Remote, RemoteFault, RemoteUrl, Taker,
};
pub(crate) use settling::{SETTLE, settle};
pub(crate) use store::STATEMENTS;
pub(crate) use tags::Annotated;

/// How often a fetch that is under way is asked whether it may go on.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What an operator says of Git.
#[derive(Debug, Clone)]
pub struct GitSettings {
    /// The program; the first that is found unless said.
    pub program: Option<PathBuf>,
    /// What hooks run: this very program.
    pub hook: PathBuf,
    /// The largest pack that is taken.
    pub push_bytes: u64,
    /// How long what came loose may lie in a repository.
    pub prune_after: Duration,
    /// The way to other servers, where there is one.
    pub outside: Option<egress::Client>,
}

/// Repositories of Git and the program that reads and writes them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Git(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    directories: Directories,
    /// Why there is no program, if there is none.
    program: Result<Program, String>,
    stores: Stores,
    push_bytes: u64,
    prune_after: Duration,
    outside: Option<egress::Client>,
    /// Turns to speak with other servers.
    reaching: Arc<Semaphore>,
    /// Pushes share one, taking things out has it alone.
    locks: Mutex<HashMap<Uuid, Weak<RwLock<()>>>>,
}

/// Whoever asks Git for something, and on which way.
#[derive(Debug, Clone)]
pub struct GitCaller {
    /// Who.
    pub actor: Actor,
    /// Where from: what strangers run at once is counted by it.
    pub place: Place,
    /// How.
    pub via: GitVia,
}

/// The ways on which Git comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GitVia {
    /// A request with a token or a signature.
    Http,
    /// A session that a key opened.
    Ssh,
    /// The server itself, which made what comes for somebody.
    Server,
    /// The server itself, which follows another one.
    Mirror,
    /// The server itself, which was asked to fetch what another one has.
    Import,
}

/// Proof that somebody may fetch from a repository, or push to it.
#[derive(Debug)]
pub struct GitAllowed(Asked);

#[derive(Debug)]
enum Asked {
    Fetch(Box<Allowed<act::ObjectRead, Repository>>),
    Push(Box<Allowed<act::RefPush, PushTarget>>),
}

impl Git {
    /// Opens the directory. A program that was named has to be good; without one that is found, everything but Git works.
    pub fn open(dir: &Path, settings: &GitSettings) -> Result<Self, String> {
        let directories = Directories::open(dir, &settings.hook, settings.push_bytes);
        let directories = directories.map_err(|error| format!("{}: {error}", dir.display()))?;
        let program = match Program::find(settings.program.as_deref()) {
            Ok((program, version)) => {
                tracing::info!(version, "git is there");
                Ok(program)
            }
            Err(why) if settings.program.is_some() => return Err(why),
            Err(why) => {
                tracing::warn!(why, "repositories of Git are not served");
                Err(why)
            }
        };
        let GitSettings { push_bytes, prune_after, .. } = *settings;
        let (locks, stores, outside) =
            (Mutex::default(), Stores::default(), settings.outside.clone());
        let reaching = Arc::new(Semaphore::new(remote::AT_ONCE));
        let inner = Inner {
            directories,
            program,
            stores,
            push_bytes,
            prune_after,
            outside,
            reaching,
            locks,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// The largest pack that is taken.
    pub(crate) fn push_bytes(&self) -> u64 {
        self.0.push_bytes
    }

    fn program(&self) -> Result<&Program, Error> {
        self.0.program.as_ref().map_err(|_| Error::GitMissing)
    }

    /// Where a repository lies.
    pub(crate) fn directory(&self, id: Id<Repository>) -> PathBuf {
        self.0.directories.of(id)
    }

    fn lock(&self, id: Id<Repository>) -> Arc<RwLock<()>> {
        let mut locks = self.0.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get(&id.uuid()).and_then(Weak::upgrade) {
            return lock;
        }
        locks.retain(|_, it| it.strong_count() > 0);
        let lock = Arc::default();
        locks.insert(id.uuid(), Arc::downgrade(&lock));
        lock
    }

    /// Makes what is missing of a repository.
    pub(crate) async fn stand(&self, it: &Repository) -> Result<PathBuf, Error> {
        let (git, id, head) = (self.clone(), it.id, it.default_branch.clone());
        blocking(move || git.0.directories.stand(id, &head).map_err(Error::Git)).await
    }

    async fn stand_empty(&self) -> Result<PathBuf, Error> {
        let git = self.clone();
        let main: BranchName =
            "main".parse().map_err(|error| Error::Broken(format!("`main`: {error}")))?;
        blocking(move || git.0.directories.stand_empty(&main).map_err(Error::Git)).await
    }

    /// Removes a repository from the disk, whose rows are gone: a push that is under way ends for want of them.
    pub(crate) async fn remove(&self, id: Id<Repository>) -> Result<(), Error> {
        let git = self.clone();
        self.0.stores.forget(id);
        blocking(move || git.0.directories.remove(id).map_err(Error::Git)).await
    }
}

impl Hub {
    /// The objects of a repository of Git.
    pub(crate) fn packs(&self, id: Id<Repository>) -> Packs {
        self.git.0.stores.of(id, &self.git.directory(id))
    }

    /// Those below any directory.
    fn packs_at(&self, dir: &Path) -> Packs {
        self.git.0.stores.of(Id::from_uuid(Uuid::nil()), dir)
    }

    /// Looks up what an address names, and asks the authority whether it may be fetched from, or pushed to.
    pub async fn git_ask(
        &self,
        actor: &Actor,
        (owner, name): (&Handle, &RepositoryName),
        service: Service,
    ) -> Result<GitAllowed, Problem> {
        let asked = match service {
            Service::UploadPack => {
                authority::may_look(actor, authority::Action::ObjectRead)?;
                let found = self.repository_at(owner, name, actor).await?;
                Asked::Fetch(Box::new(Allowed::ask(actor, found)?))
            }
            Service::ReceivePack => {
                authority::may_look(actor, authority::Action::RefPush)?;
                let found = self.push_target_at(owner, name, actor).await?;
                Asked::Push(Box::new(Allowed::ask(actor, found)?))
            }
        };
        Ok(GitAllowed(asked))
    }

    /// Runs Git for somebody who may. `whole` says when everything that was sent has been received and is what was signed;
    /// a push is not decided on before.
    pub async fn git_service(
        &self,
        caller: GitCaller,
        allowed: GitAllowed,
        (manner, protocol): (Manner, &GitProtocol),
        whole: watch::Receiver<bool>,
    ) -> Result<GitProcess, Error> {
        let program = self.git.program()?;
        let turn = program.turn(who(&caller)).await?;
        match allowed.0 {
            Asked::Fetch(allowed) => {
                let repository = allowed.resource();
                if repository.format != Format::Git {
                    return Err(other_format(repository));
                }
                let dir = self.git.stand(repository).await?;
                let served = (Service::UploadPack, manner);
                let mut process = program.serve(&dir, served, (protocol, None), turn)?;
                let watch = Watched::by(self.clone(), Watch::of(&allowed), process.life.stop());
                process.life = process.life.beside(watch);
                Ok(process)
            }
            Asked::Push(allowed) => {
                let served = (Service::ReceivePack, manner);
                let Some(repository) = self.pushed_to(&allowed, manner).await? else {
                    let dir = self.git.stand_empty().await?;
                    return program.serve(&dir, served, (protocol, None), turn);
                };
                let dir = self.git.stand(&repository).await?;
                if manner == Manner::Advertise {
                    return program.serve(&dir, served, (protocol, None), turn);
                }
                let place = dir.clone();
                blocking(move || settling::let_go(&place).map_err(Error::Git)).await?;
                let push = Push::new(self.clone(), caller, &repository, (dir.clone(), whole));
                let door = Door::open(&self.git.0.directories.run(), push).map_err(Error::Git)?;
                let hook = Some(door.told.as_str());
                let mut process = program.serve(&dir, served, (protocol, hook), turn)?;
                process.life = process.life.beside(door);
                Ok(process)
            }
        }
    }

    /// The repository that a push goes to; made if it is not there, unless the client only looks.
    async fn pushed_to(
        &self,
        allowed: &Allowed<act::RefPush, PushTarget>,
        manner: Manner,
    ) -> Result<Option<Repository>, Error> {
        let found = match allowed.resource() {
            PushTarget::Existing(found) => (**found).clone(),
            PushTarget::Absent { .. } if manner == Manner::Advertise => return Ok(None),
            PushTarget::Absent { .. } => {
                let mut tx = self.trust.begin(allowed.actor()).await?;
                let made = self.target_of(&mut tx, allowed, Format::Git).await?;
                tx.commit().await?;
                made
            }
        };
        if found.format == Format::Git { Ok(Some(found)) } else { Err(other_format(&found)) }
    }

    /// The repository as it is for whoever pushes to it, in this transaction.
    async fn pushed_still(
        tx: &mut db::Tx,
        id: Id<Repository>,
        actor: &Actor,
    ) -> Result<Allowed<act::RefPush, Repository>, Error> {
        let found = repositories::by_id_for(tx, id, actor.readers()).await?;
        let found = found.ok_or(Error::NotFound)?;
        Allowed::ask(actor, found).map_err(Error::Refused)
    }
}

/// Looks again and again whether somebody may still read, for as long as this is held.
struct Watched(AbortHandle);

impl Watched {
    fn by(hub: Hub, mut watch: Watch, stop: Arc<Notify>) -> Self {
        let looks = async move {
            loop {
                sleep(LOOK_AGAIN).await;
                if watch.check(&hub, 0).await.is_err() {
                    stop.notify_one();
                    return;
                }
            }
        };
        Self(tokio::spawn(looks).abort_handle())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whose processes are counted together.
fn who(caller: &GitCaller) -> Who {
    match caller.actor.principal() {
        Some(principal) => Who::Principal(principal.id),
        None => Who::Place(caller.place),
    }
}
