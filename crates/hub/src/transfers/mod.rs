//! A repository is handed on (`spec/hub.md` 1, Rename, transfer): at once to where its owner may make repositories, to
//! anybody else when they take it.
//!
//! What waits is a row and nothing else: until it is taken, nothing of the repository changes. Taking it is one
//! transaction: owner, name, quota, the former address, both audit chains.
//!
//! | file       | what is there                                                        |
//! |------------|----------------------------------------------------------------------|
//! | `mod.rs`   | the door's methods, [`Transfer`], [`Offered`], the end of what waits    |
//! | `api.rs`   | JSON                                                                   |
//! | `store.rs` | the SQL                                                                |

mod api;
mod store;

use std::time::Duration;

use db::Tx;
use jobs::{Done, Failure, Job, Kind as JobKind, NewJob};
use names::{Handle, Id, RepositoryName, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::json;
use trust::{
    Account, Actor, Allowed, Kind, Principal, Resource, ResourceRow, ResourceState, act,
    audit::{Entry, Noted, On},
    authority::Facts,
};
use uuid::Uuid;
use web::{Load, Params, Problem};

pub(crate) use api::{hand_on_as_asked, routes, take_as_asked};
pub(crate) use store::{STATEMENTS, forget, of_repository};

use crate::{
    Error, Hub, Repository,
    activity::{By, What},
    life, repositories, wire,
};

/// How long what is handed on can be taken, in days.
pub(crate) const WAITS_DAYS: u16 = 7;
const WAITS: Duration = Duration::from_hours(WAITS_DAYS as u64 * 24);

/// Forgets what nobody took.
pub(crate) const LAPSE: JobKind<Lapse> = JobKind::new("hub.transfer_lapse");

/// Which transfer has ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Lapse {
    transfer: Uuid,
}

/// A repository that waits for somebody to take it.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) id: Id<Transfer>,
    pub(crate) repository: Id<Repository>,
    /// As it is called now.
    pub(crate) full_name: String,
    pub(crate) to: Handle,
    pub(crate) created_at: UnixMillis,
    pub(crate) ends_at: UnixMillis,
}

/// What has become of a repository that was handed on.
#[derive(Debug)]
pub(crate) enum Handed {
    /// It has its new owner.
    Over(Box<Repository>),
    /// It waits.
    Waiting(Transfer),
}

/// A transfer as those see it who may take it: the account it is for, and those who run that. To everybody else there
/// is nothing here.
#[derive(Debug, Clone)]
pub(crate) struct Offered {
    pub(crate) transfer: Transfer,
    account: Account,
}

impl Resource for Offered {
    fn facts(&self) -> Facts<'_> {
        self.account.facts()
    }
}

impl Load<Hub> for Offered {
    async fn load(hub: &Hub, params: &Params, actor: &Actor) -> Result<Self, Problem> {
        let id: Id<Transfer> = params.parse("id")?;
        let now = hub.clock.now();
        let found = store::find(&mut hub.db.glance().await?, id, now).await?;
        let transfer = found.ok_or_else(Problem::not_found)?;
        let account = hub.trust.account(actor, &transfer.to).await?;
        let account = account.ok_or_else(Problem::not_found)?;
        Ok(Self { transfer, account })
    }
}

fn asked(field: &'static str, message: impl Into<String>) -> Error {
    Error::Asked { field, message: message.into() }
}

impl Hub {
    /// Hands a repository on: at once, if whoever asks may make repositories there, else when it is taken. Of two that
    /// wait the second stays.
    pub(crate) async fn hand_on(
        &self,
        allowed: &Allowed<act::RepoTransfer, Repository>,
        to: &Handle,
    ) -> Result<Handed, Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RepoTransfer, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let it = allowed.resource();
        let owns = |who: &Principal| matches!(who.kind, Kind::Person | Kind::Organization);
        let found = self.trust.principal(&mut tx, to).await?.filter(owns);
        let receiver = found
            .ok_or_else(|| asked("to", format!("there is nobody called {to} who owns things")))?;
        if receiver.id == it.resource.owner {
            return Err(asked("to", format!("it is in the hands of {to} already")));
        }
        let space = self.trust.space(&mut tx, actor, to.clone()).await?;
        if Allowed::<act::RepoCreate, _>::ask(actor, space).is_ok() {
            let after = self.hand_over(&mut tx, actor, it, &receiver, None).await?;
            tx.commit().await?;
            return Ok(Handed::Over(Box::new(after)));
        }
        let by = actor.principal().ok_or(Error::NotFound)?.id;
        let transfer = Transfer {
            id: Id::new(now, &self.random),
            repository: it.id,
            full_name: it.full_name(),
            to: to.clone(),
            created_at: now,
            ends_at: now.plus(WAITS),
        };
        store::set(&mut tx, &transfer, receiver.id, by).await?;
        let lapse = NewJob::new(LAPSE, &Lapse { transfer: transfer.id.uuid() })?;
        let bell = self.queue.push(&mut tx, lapse.at(transfer.ends_at)).await?;
        self.note_transfer(&mut tx, actor, it, format!("asked of {to}")).await?;
        tx.commit().await?;
        bell.ring();
        Ok(Handed::Waiting(transfer))
    }

    /// Takes back that a repository is handed on; where nothing waits, nothing happens.
    pub(crate) async fn keep(
        &self,
        allowed: &Allowed<act::RepoTransfer, Repository>,
    ) -> Result<(), Error> {
        let actor = allowed.actor();
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RepoTransfer, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let it = allowed.resource();
        if forget(&mut tx, it.id).await? {
            self.note_transfer(&mut tx, actor, it, "withdrawn".to_owned()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Takes what is handed on, under `name` if its own is not free.
    pub(crate) async fn take(
        &self,
        allowed: &Allowed<act::TransferDecide, Offered>,
        name: Option<RepositoryName>,
    ) -> Result<Repository, Error> {
        let actor = allowed.actor();
        let (mut tx, it) = self.decide(allowed).await?;
        let receiver = allowed.resource().account.principal.clone();
        let after = self.hand_over(&mut tx, actor, &it, &receiver, name).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Leaves it where it is.
    pub(crate) async fn decline(
        &self,
        allowed: &Allowed<act::TransferDecide, Offered>,
    ) -> Result<(), Error> {
        let (mut tx, it) = self.decide(allowed).await?;
        forget(&mut tx, it.id).await?;
        self.note_transfer(&mut tx, allowed.actor(), &it, "declined".to_owned()).await?;
        Ok(tx.commit().await?)
    }

    /// The transaction of a decision, in which what waits still waits and whoever decides still may.
    async fn decide(
        &self,
        allowed: &Allowed<act::TransferDecide, Offered>,
    ) -> Result<(Tx, Repository), Error> {
        let Offered { transfer, account } = allowed.resource();
        let mut tx = self.trust.begin_as::<act::TransferDecide>(allowed.actor(), account).await?;
        wire::lock(&mut tx, transfer.repository).await?;
        let still = store::find(&mut tx, transfer.id, self.clock.now()).await?;
        still.ok_or(Error::NotFound)?;
        let it = repositories::by_id(&mut tx, transfer.repository).await?;
        let is_there = |it: &Repository| {
            matches!(it.resource.state, ResourceState::Live | ResourceState::Archived)
        };
        Ok((tx, it.filter(is_there).ok_or(Error::NotFound)?))
    }

    /// Gives a repository its new owner.
    async fn hand_over(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        before: &Repository,
        receiver: &Principal,
        name: Option<RepositoryName>,
    ) -> Result<Repository, Error> {
        let (former, now) = (before.resource.owner, self.clock.now());
        let name = name.unwrap_or_else(|| before.name.clone());
        self.trust.hold_namespace(tx, receiver.id).await?;
        if repositories::find(tx, receiver.id, &name, trust::Readers::NOBODY).await?.is_some() {
            return Err(Error::NameTaken);
        }
        self.check_count(tx, receiver.id).await?;
        let after = Repository {
            owner: receiver.handle.clone(),
            name,
            resource: ResourceRow { owner: receiver.id, ..before.resource },
            updated_at: now,
            ..before.clone()
        };
        self.move_charge(tx, before, &after).await?;
        repositories::forget_alias(tx, receiver.id, &after.name).await?;
        life::add_alias(tx, before, now).await?;
        store::set_owner(tx, &after).await?;
        self.trust.set_resource(tx, &after.resource).await?;
        // An owner needs no level.
        self.trust.forget_collaborator(tx, after.id.uuid(), receiver.id).await?;
        if self.trust.is_suspended(tx, after.id.uuid()).await? {
            return Err(Error::ForkElsewhere);
        }
        forget(tx, after.id).await?;
        let entry = || {
            Entry::done(Noted::RepoTransferred, actor, On::new("repository", after.id))
                .with("from", before.full_name())
                .with("to", after.full_name())
        };
        let (left, reached) =
            (self.trust.chain_of(tx, former).await?, self.trust.chain_of(tx, receiver.id).await?);
        if left != reached {
            self.trust.note(tx, left, entry()).await?;
        }
        self.trust.note(tx, reached, entry()).await?;
        let owners = json!({ "from": before.owner.as_str(), "to": after.owner.as_str() });
        let data = json!({ "changes": { "owner": owners } });
        let by = (By::of(actor), after.id);
        self.tell(tx, What::RepositoryTransferred, by, now, data).await?;
        tracing::info!(from = before.full_name(), to = after.full_name(), "repository transferred");
        Ok(after)
    }

    /// Writes down what becomes of a transfer, where the repository is.
    async fn note_transfer(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        it: &Repository,
        what: String,
    ) -> Result<(), Error> {
        let on = On::new("repository", it.id);
        let entry = Entry::done(Noted::RepoUpdated, actor, on).with("transfer", what.as_str());
        let chain = self.trust.chain_of(tx, it.resource.owner).await?;
        self.trust.note(tx, chain, entry).await?;
        let (by, now) = ((By::of(actor), it.id), self.clock.now());
        self.tell(tx, What::TransferChanged, by, now, json!({ "transfer": what })).await
    }

    /// What waits for whoever asks, and what they have asked others to take.
    pub(crate) async fn transfers(&self, actor: &Actor) -> Result<Vec<Transfer>, Error> {
        let Some(me) = actor.principal() else { return Ok(Vec::new()) };
        let mut tx = self.db.glance().await?;
        Ok(store::of_principal(&mut tx, me.id, self.clock.now()).await?)
    }
}

/// Forgets what nobody took. Nothing else depends on it: what has ended is not found any more.
pub(crate) async fn lapse(hub: Hub, job: Job<Lapse>) -> Result<Done, Failure> {
    let mut tx = hub.db.write().await?;
    store::lapse(&mut tx, Id::from_uuid(job.payload.transfer), hub.clock.now()).await?;
    tx.commit().await?;
    Ok(Done::default())
}
