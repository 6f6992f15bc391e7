//! An import, by a job: fetched, looked at, taken.

use std::{pin::pin, sync::Arc, time::Duration};

use jobs::{Done, Failure, Job, Kind};
use names::Id;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use uuid::Uuid;

use super::{Import, State, of_repository, store};
use crate::{
    Error, GitVia, Hub,
    git::{Berth, Credentials, Landed, Progress, Remote, RemoteFault, Taker},
    repositories,
};

/// Brings the history of another server into a repository.
pub(crate) const IMPORT: Kind<Which> = Kind::new("hub.import");

/// How soon one is tried again for which there is no turn.
const AGAIN: Duration = Duration::from_secs(5);
/// How often it is told how far it is.
const TOLD: Duration = Duration::from_secs(1);
/// Waits between its tries; after the last it has failed.
const WAITS: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(2),
    Duration::from_mins(10),
];
/// What is kept of why it failed.
const ERROR_CHARS: usize = 500;

/// Which.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Which {
    repository: Uuid,
    import: Uuid,
}

impl Which {
    pub(super) fn of(it: &Import) -> Self {
        Self { repository: it.repository.uuid(), import: it.id.uuid() }
    }
}

fn berth(of: &Which) -> Berth {
    Berth { repository: Id::from_uuid(of.repository), run: of.import }
}

/// Does it; goes on where it was interrupted.
pub(crate) async fn run(hub: Hub, job: Job<Which>) -> Result<Done, Failure> {
    let Which { repository, import } = job.payload;
    let (id, berth) = (Id::from_uuid(repository), berth(&job.payload));
    let found = of_repository(&mut hub.db.glance().await?, id).await?;
    let Some(import) = found.filter(|it| it.id.uuid() == import && it.state.is_open()) else {
        hub.git.leave_incoming(berth).await?;
        return Ok(Done::default());
    };
    let Some(turn) = hub.git.reaching() else {
        return Ok(Done::default().again_at(hub.clock.now().plus(AGAIN)));
    };
    let outcome = hub.import_once(&import).await;
    drop(turn);
    match outcome {
        Ok(Some(landed)) => Ok(hub.end_import(&import, State::Done, landed).await?),
        // Nobody wants it any more.
        Ok(None) => {
            hub.git.leave_incoming(berth).await?;
            Ok(Done::default())
        }
        Err(fault) => Ok(hub.fail_import(&import, fault).await?),
    }
}

impl Hub {
    /// Nothing where somebody cancelled it.
    async fn import_once(&self, import: &Import) -> Result<Option<Landed>, RemoteFault> {
        let mut tx = self.db.read().await.map_err(Error::from)?;
        let repository = repositories::by_id(&mut tx, import.repository).await;
        let repository = repository.map_err(Error::from)?.ok_or(Error::NotFound)?;
        let actor = self.trust.standing(&mut tx, import.asked_by).await.map_err(Error::from)?;
        let sentence = "whoever asked for it acts here no more";
        let actor = actor.ok_or_else(|| RemoteFault::Refused(sentence.to_owned()))?;
        let shown = self.trust.open_remote(&mut tx, import.id.uuid()).await.map_err(Error::from)?;
        drop(tx);
        let credentials = shown.as_ref().map(Credentials::of_secret).transpose()?;
        let remote = Remote { url: import.url.clone(), credentials };
        let (progress, patterns) = (Arc::<Progress>::default(), import.patterns());
        let wanted = (&patterns, import.id.uuid());
        let fetched = {
            let mut fetch = pin!(self.fetch_remote((&repository, &remote), wanted, &progress));
            loop {
                // A fetch whose end nobody waits for is ended.
                tokio::select! {
                    fetched = &mut fetch => break fetched?,
                    () = sleep(TOLD) => {
                        if !self.tell_import(import, State::Fetching, &progress).await? {
                            return Ok(None);
                        }
                    }
                }
            }
        };
        if !self.tell_import(import, State::Writing, &progress).await? {
            return Ok(None);
        }
        let Some(fetched) = fetched else { return Ok(Some(Landed::default())) };
        let taker = Taker { actor, via: GitVia::Import, follows: None };
        self.take_remote(berth(&Which::of(import)), taker, fetched).await.map(Some)
    }

    /// Writes down how far it is; `false` where it was cancelled.
    async fn tell_import(
        &self,
        import: &Import,
        state: State,
        progress: &Progress,
    ) -> Result<bool, Error> {
        let mut tx = self.db.write().await?;
        let goes_on = store::tell(&mut tx, import.id, state, progress.reached()).await?;
        tx.commit().await?;
        Ok(goes_on)
    }

    async fn end_import(
        &self,
        import: &Import,
        state: State,
        landed: Landed,
    ) -> Result<Done, Error> {
        let mut tx = self.db.write().await?;
        let note = landed.note().map(|it| shortened(&it));
        let counts = (landed.moved, landed.left.len() as u64);
        store::end(&mut tx, import.id, (state, self.clock.now()), counts, note.as_deref()).await?;
        self.trust.forget_remote(&mut tx, import.id.uuid()).await?;
        Ok(Done::with(tx))
    }

    /// Another try, or none.
    async fn fail_import(&self, import: &Import, fault: RemoteFault) -> Result<Done, Error> {
        tracing::info!(import = %import.id, error = %fault, "an import did not come about");
        let wait = match &fault {
            RemoteFault::Denied(_) | RemoteFault::Refused(_) => None,
            RemoteFault::Failed(_) | RemoteFault::Ours(_) => WAITS.get(import.failures as usize),
        };
        let sentence = shortened(&fault.sentence());
        let Some(wait) = wait else {
            self.git.leave_incoming(berth(&Which::of(import))).await?;
            let landed = Landed { told: vec![sentence], ..Landed::default() };
            return self.end_import(import, State::Failed, landed).await;
        };
        let mut tx = self.db.write().await?;
        store::fail(&mut tx, import.id, &sentence).await?;
        Ok(Done::with(tx).again_at(self.clock.now().plus(*wait)))
    }
}

fn shortened(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).take(ERROR_CHARS).collect()
}
