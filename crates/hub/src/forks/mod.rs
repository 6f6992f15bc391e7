//! A repository that is made from another one, with its history (`spec/hub.md` 1, Fork).
//!
//! The fork is there at once, empty; a job copies what the branches and tags of the source lead to, and nothing else:
//! rows and links, never bytes. What is copied counts for no quota. Each piece is a transaction of its own, refs come
//! last, and a job that was interrupted does the same again, so what is there already stays as it is.
//!
//! | file       | what is there                                                       |
//! |------------|---------------------------------------------------------------------|
//! | `mod.rs`   | [`Hub::fork`], where a fork came from                                 |
//! | `copy.rs`  | the job that copies the history                                       |
//! | `sync.rs`  | a fork's branch follows that of its source                            |
//! | `network.rs` | what was made from one another, and how far apart it is             |
//! | `watch.rs` | the job that ends what has been suspended for long                     |
//! | `api.rs`   | JSON under `/api/v1/repos/{owner}/{name}/forks`                        |
//! | `store.rs` | the SQL                                                              |

mod api;
mod copy;
mod network;
mod store;
mod sync;
mod watch;

use db::Tx;
use jobs::{Bell, NewJob};
use names::{Id, RepositoryName};
use serde_json::json;
use trust::{
    Actor, Allowed, Namespace, ResourceState, act,
    audit::{Entry, Noted, On},
};

pub(crate) use api::{fork_as_asked, routes, shown, sync_as_asked};
pub(crate) use copy::{COPY, run as copy};
pub(crate) use network::{Fork, Network};
pub(crate) use store::{STATEMENTS, is_copying};
pub(crate) use watch::{WATCH, run as watch};

use crate::{
    Error, Format, Hub, NewRepository, Repository,
    activity::{self, By, Note, What},
    repositories,
};
use copy::Copy;

impl Hub {
    /// Makes a repository from another one. Its history comes by a job.
    pub(crate) async fn fork(
        &self,
        allowed: &Allowed<act::RepoFork, Repository>,
        into: &Allowed<act::RepoCreate, Namespace>,
        name: RepositoryName,
        default_only: bool,
    ) -> Result<Repository, Error> {
        let actor = allowed.actor();
        self.check_copy(allowed.resource(), into.resource(), &name).await?;
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RepoFork, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let source = allowed.resource();
        // What was made from a private repository is no place to make more from.
        if !source.allows_forks() || self.trust.is_bound(&mut tx, source.id.uuid()).await? {
            return Err(Error::NoForks);
        }
        let new = NewRepository {
            name,
            visibility: source.resource.visibility,
            format: source.format,
            description: source.description.clone(),
            default_branch: source.default_branch.clone(),
        };
        let made = self.insert(&mut tx, into.resource(), new, ResourceState::Live).await?;
        store::add(&mut tx, &made, source, default_only).await?;
        if source.is_private() {
            self.trust.bind(&mut tx, made.id.uuid(), source.id.uuid()).await?;
            if self.trust.is_suspended(&mut tx, made.id.uuid()).await? {
                return Err(Error::ForkElsewhere);
            }
        }
        let created = Entry::done(Noted::RepoCreated, actor, On::new("repository", made.id))
            .with("name", made.full_name())
            .with("visibility", made.resource.visibility.as_str())
            .with("forked_from", source.full_name());
        let chain = self.trust.chain_of(&mut tx, made.resource.owner).await?;
        self.trust.note(&mut tx, chain, created).await?;
        let (by, now) = (By::of(actor), made.created_at);
        let forked = Note::repository(What::RepositoryForked, by, source.id, now, json!({}));
        activity::note(self, &mut tx, forked.with(made.id)).await?;
        let created = json!({ "forked_from": source.id.to_string() });
        let created = Note::repository(What::RepositoryCreated, by, made.id, now, created);
        activity::note(self, &mut tx, created).await?;
        let bell = self.ask_for_copy(&mut tx, made.id).await?;
        let found = repositories::by_id(&mut tx, made.id).await?.ok_or(Error::NotFound)?;
        tx.commit().await?;
        bell.ring();
        tracing::info!(fork = made.full_name(), source = source.full_name(), "repository forked");
        Ok(found)
    }

    /// Packs of Git are not shared: whoever forks one has to have room for them.
    async fn check_copy(
        &self,
        source: &Repository,
        into: &Namespace,
        name: &RepositoryName,
    ) -> Result<(), Error> {
        if source.format == Format::Muse {
            return Ok(());
        }
        self.git.check_there()?;
        let owner = into.id.ok_or(Error::NotFound)?;
        let name = format!("{}/{name}", into.handle);
        self.check_room(owner, None, name, source.size_bytes).await
    }

    /// Has the history of a fork copied, as soon as a worker comes to it.
    pub(crate) async fn ask_for_copy(
        &self,
        tx: &mut Tx,
        fork: Id<Repository>,
    ) -> Result<Bell, Error> {
        let job = NewJob::new(COPY, &Copy { fork: fork.uuid() })?;
        Ok(self.queue.push(tx, job.unique(format!("hub.fork/{fork}"))).await?)
    }

    /// What a repository was made from, as `owner/name`, if whoever asks may see that.
    pub(crate) async fn source_of(
        &self,
        actor: &Actor,
        it: &Repository,
    ) -> Result<Option<String>, Error> {
        let Some(source) = it.fork.and_then(|fork| fork.source) else { return Ok(None) };
        let mut tx = self.db.glance().await?;
        let found = repositories::by_id_for(&mut tx, source, actor.readers()).await?;
        let seen = found.and_then(|it| Allowed::<act::RepoRead, _>::ask(actor, it).ok());
        Ok(seen.map(|it| it.resource().full_name()))
    }
}
