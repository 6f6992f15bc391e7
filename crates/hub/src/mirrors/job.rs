//! A run of a mirror, and when the next one is due.
//!
//! A run has a job with the mirror's own key, so there is one at a time. When the next is due stands in the row; a job of
//! another kind waits for that moment, and does nothing where the row says another one by then.

use std::{sync::Arc, time::Duration};

use db::Tx;
use jobs::{Done, Failure, Job, Kind, NewJob};
use names::{Id, UnixMillis};
use serde::{Deserialize, Serialize};
use trust::{
    ResourceState,
    audit::{Entry, Noted, On, Who},
};
use uuid::Uuid;

use super::{
    Direction, Mirror, State,
    breaker::{self, Next},
    store::{self, Ended},
};
use crate::{
    Error, GitVia, Hub, Repository,
    git::{Berth, Landed, Progress, RemoteFault, Taker},
    repositories,
};

/// Lets a mirror run.
pub(crate) const RUN: Kind<Run> = Kind::new("hub.mirror");
/// Lets it run when its time has come.
pub(crate) const DUE: Kind<Due> = Kind::new("hub.mirror_due");

/// How soon a run is tried again for which there is no turn.
const AGAIN: Duration = Duration::from_secs(5);
/// What is kept of why it failed.
const ERROR_CHARS: usize = 500;

/// Which.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    mirror: Uuid,
}

/// Which, and when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Due {
    mirror: Uuid,
    at: i64,
}

impl Hub {
    /// Asks for a run, in the transaction of whatever it is for.
    pub(super) async fn run_soon(
        &self,
        tx: &mut Tx,
        id: Id<Mirror>,
        at: UnixMillis,
    ) -> Result<(), Error> {
        let job = NewJob::new(RUN, &Run { mirror: id.uuid() })?;
        let job = job.unique(format!("hub.mirror/{id}")).at(at);
        let bell = self.queue.push(tx, job).await?;
        tx.hold(bell);
        Ok(())
    }

    /// Waits for the moment that the row says.
    async fn wait_for(&self, tx: &mut Tx, id: Id<Mirror>, at: UnixMillis) -> Result<(), Error> {
        let job = NewJob::new(DUE, &Due { mirror: id.uuid(), at: at.0 })?;
        let job = job.unique(format!("hub.mirror_due/{id}/{}", at.0)).at(at);
        let bell = self.queue.push(tx, job).await?;
        tx.hold(bell);
        Ok(())
    }

    /// Follows the other server, or lets it follow.
    async fn mirror_once(&self, mirror: &Mirror) -> Result<Landed, RemoteFault> {
        let mut tx = self.db.read().await.map_err(Error::from)?;
        let repository = repositories::by_id(&mut tx, mirror.repository).await;
        let repository = repository.map_err(Error::from)?.ok_or(Error::NotFound)?;
        let remote = self.remote_of(&mut tx, mirror).await?;
        let actor = self.trust.standing(&mut tx, mirror.made_by).await.map_err(Error::from)?;
        let sentence = "whoever set it up acts here no more; somebody else may change it";
        let actor = actor.ok_or_else(|| RemoteFault::Denied(sentence.to_owned()))?;
        let known = store::refs(&mut tx, mirror.id).await.map_err(Error::from)?;
        drop(tx);
        match mirror.direction {
            Direction::Pull => {
                let progress = Arc::<Progress>::default();
                let asked = (&repository, &remote);
                let berth = Berth { repository: repository.id, run: mirror.id.uuid() };
                let wanted = (&mirror.patterns, berth.run);
                let fetched = self.fetch_remote(asked, wanted, &progress).await?;
                let Some(fetched) = fetched else { return Ok(Landed::default()) };
                let follows = Some(mirror.patterns.clone());
                let taker = Taker { actor, via: GitVia::Mirror, follows };
                self.take_remote(berth, taker, fetched).await
            }
            Direction::Push => {
                self.check_still(&repository, &actor).await?;
                let sent =
                    self.send_remote((&repository, &remote), &mirror.patterns, known).await?;
                let mut tx = self.db.write().await.map_err(Error::from)?;
                store::set_refs(&mut tx, mirror.id, &sent.known).await.map_err(Error::from)?;
                tx.commit().await.map_err(Error::from)?;
                match sent.landed.note() {
                    // Refs that somebody else moved stay as they are until a person looks.
                    Some(note) => Err(RemoteFault::Failed(note)),
                    None => Ok(sent.landed),
                }
            }
        }
    }

    /// What is sent elsewhere is read by whoever set that up.
    async fn check_still(
        &self,
        repository: &Repository,
        actor: &trust::Actor,
    ) -> Result<(), RemoteFault> {
        let mut tx = self.db.glance().await.map_err(Error::from)?;
        let found = repositories::by_id_for(&mut tx, repository.id, actor.readers()).await;
        let found = found.map_err(Error::from)?.ok_or(Error::NotFound)?;
        let sentence = "whoever set it up may not do so any more; somebody else may change it";
        trust::Allowed::<trust::act::MirrorChange, _>::ask(actor, found)
            .map(drop)
            .map_err(|_| RemoteFault::Denied(sentence.to_owned()))
    }

    /// Writes down how a run ended, and when the next one is.
    async fn end_run(
        &self,
        mirror: &Mirror,
        began: UnixMillis,
        outcome: Result<Landed, RemoteFault>,
    ) -> Result<Done, Error> {
        let now = self.clock.now();
        let every = Duration::from_mins(u64::from(mirror.every_minutes));
        let pulls = mirror.direction == Direction::Pull;
        let is_denied = matches!(outcome, Err(RemoteFault::Denied(_)));
        let ended = match outcome {
            Ok(landed) => Ended {
                state: State::Active,
                failures: 0,
                next_at: pulls.then(|| now.plus(every)),
                last_success_at: Some(now),
                last_error: landed.note().map(|it| shortened(&it)),
            },
            Err(fault) => {
                let failures = mirror.failures.saturating_add(1);
                let next = if is_denied { Next::Stop } else { breaker::after(failures) };
                let (state, wait) = match next {
                    Next::Soon(wait) => (State::Active, Some(wait)),
                    Next::Pause(wait) => (State::Paused, Some(wait)),
                    Next::Stop => (State::Stopped, None),
                };
                Ended {
                    state,
                    failures,
                    next_at: wait.map(|it| now.plus(it)),
                    last_success_at: mirror.last_success_at,
                    last_error: Some(shortened(&fault.sentence())),
                }
            }
        };
        let mut tx = self.db.write().await?;
        let Some(asked) = store::end_run(&mut tx, mirror.id, began, &ended).await? else {
            return Ok(Done::default());
        };
        if let Some(at) = ended.next_at {
            self.wait_for(&mut tx, mirror.id, at).await?;
        }
        if ended.state == State::Stopped && mirror.state != State::Stopped {
            self.note_stopped(&mut tx, mirror, ended.last_error.as_deref()).await?;
        }
        let done = Done::with(tx);
        let goes_on = ended.state == State::Active && ended.failures == 0;
        // Something was to be sent meanwhile.
        Ok(if goes_on && asked != mirror.asked { done.again_at(now) } else { done })
    }

    /// Tells those who run the repository, in its log.
    async fn note_stopped(
        &self,
        tx: &mut Tx,
        mirror: &Mirror,
        why: Option<&str>,
    ) -> Result<(), Error> {
        let Some(it) = repositories::by_id(tx, mirror.repository).await? else { return Ok(()) };
        let entry = Entry::done(Noted::RepoUpdated, Who::INSTALL, On::new("repository", it.id))
            .with("mirror", "stopped")
            .with("direction", mirror.direction.as_str())
            .with("url", mirror.url.as_str())
            .with("why", why.unwrap_or_default());
        let chain = self.trust.chain_of(tx, it.resource.owner).await?;
        self.trust.note(tx, chain, entry).await?;
        Ok(())
    }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).take(ERROR_CHARS).collect()
}

/// Does it, unless the repository rests.
pub(crate) async fn run(hub: Hub, job: Job<Run>) -> Result<Done, Failure> {
    let (id, began) = (Id::from_uuid(job.payload.mirror), hub.clock.now());
    let mut tx = hub.db.glance().await?;
    let Some(mirror) = store::find(&mut tx, id).await? else { return Ok(Done::default()) };
    let repository = repositories::by_id(&mut tx, mirror.repository).await?;
    drop(tx);
    let is_live =
        |it: &Repository| it.resource.state == ResourceState::Live && it.archived_at.is_none();
    if !repository.is_some_and(|it| is_live(&it)) {
        return Ok(hub.rest(&mirror).await?);
    }
    let Some(turn) = hub.git.reaching() else {
        return Ok(Done::default().again_at(began.plus(AGAIN)));
    };
    let outcome = hub.mirror_once(&mirror).await;
    drop(turn);
    if let Err(error) = &outcome {
        tracing::info!(mirror = %id, %error, "a mirror did not come about");
    }
    Ok(hub.end_run(&mirror, began, outcome).await?)
}

impl Hub {
    /// What is archived or deleted is left alone, and looked at again when it would have been.
    async fn rest(&self, mirror: &Mirror) -> Result<Done, Error> {
        let every = Duration::from_mins(u64::from(mirror.every_minutes));
        let at = self.clock.now().plus(every);
        let mut tx = self.db.write().await?;
        store::set_next(&mut tx, mirror.id, at).await?;
        self.wait_for(&mut tx, mirror.id, at).await?;
        Ok(Done::with(tx))
    }
}

/// Asks for a run whose time has come.
pub(crate) async fn due(hub: Hub, job: Job<Due>) -> Result<Done, Failure> {
    let Due { mirror, at } = job.payload;
    let id = Id::from_uuid(mirror);
    let mut tx = hub.db.write().await?;
    let found = store::find(&mut tx, id).await?;
    if found.is_some_and(|it| it.next_at == Some(UnixMillis(at)) && it.state != State::Stopped) {
        hub.run_soon(&mut tx, id, hub.clock.now()).await?;
    }
    Ok(Done::with(tx))
}
