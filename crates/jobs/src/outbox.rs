//! What happened, on its way to become jobs.
//!
//! The room that changes something posts the fact in the same transaction and need not know who cares. The dispatcher
//! asks the consumer of that kind which jobs the fact asks for, then takes the row away and pushes them in one
//! transaction: each fact becomes its jobs exactly once, however often the consumer was asked.

use std::{collections::HashSet, panic::AssertUnwindSafe, time::Duration};

use db::Tx;
use futures_util::FutureExt as _;
use names::{Id, UnixMillis};
use serde::Serialize;
use tokio::time::{Instant, timeout};
use tracing::warn;

use crate::{
    Bell, Error, Failure, Kind, NewJob, PUSH_ROWS, Queue, backoff,
    handler::{self, Consumer, Verdict},
    job::payload_text,
};

mod store;

pub(crate) use store::STATEMENTS;

/// Facts that are handed over in one transaction.
const POST_ROWS: usize = 100;
/// How long a consumer may think about one fact, and how long one round of them may take before the dispatcher looks
/// after its leases again.
const CONSUMER_LIMIT: Duration = Duration::from_secs(10);

/// The id of a posted fact; ids sort by time.
pub type PostId = Id<Posted<()>>;

/// A fact in the hands of its consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted<P> {
    /// Which: the same however often the consumer is asked.
    pub id: PostId,
    /// What happened.
    pub payload: P,
    /// When.
    pub posted_at: UnixMillis,
}

/// One row.
#[derive(Debug)]
pub(crate) struct Post {
    pub(crate) id: PostId,
    pub(crate) kind: String,
    pub(crate) payload: String,
    pub(crate) created_at: UnixMillis,
    pub(crate) attempts: u32,
}

impl Queue {
    /// Posts a fact in the transaction that makes it true. Ring the [`Bell`] once that is committed.
    pub async fn post<P: Serialize>(
        &self,
        tx: &mut Tx,
        kind: Kind<P>,
        payload: &P,
    ) -> Result<Bell, Error> {
        let payload = payload_text(kind, payload)?;
        let now = self.clock.now();
        store::add(tx, PostId::new(now, &self.random), kind.name(), &payload, now).await?;
        Ok(self.ropes.bell(1))
    }

    /// Hands due facts of the kinds that have a consumer over to the queue; gives how many rows moved.
    pub(crate) async fn hand_over<'a>(
        &self,
        kinds: &[&str],
        consumer_of: impl Fn(&str) -> Option<&'a Consumer>,
    ) -> Result<usize, Error> {
        let mut tx = self.db.glance().await?;
        let due = store::due(&mut tx, kinds, self.clock.now(), POST_ROWS).await?;
        // Consumers read the database by themselves: no connection is held meanwhile.
        drop(tx);
        let mut ready: Vec<(PostId, Vec<NewJob>)> = Vec::new();
        let mut failed = Vec::new();
        let (mut jobs, started) = (0, Instant::now());
        for post in due {
            if started.elapsed() > CONSUMER_LIMIT {
                break;
            }
            let Some(consumer) = consumer_of(&post.kind) else { continue };
            match ask(consumer, &post).await {
                Ok(asked) => {
                    jobs += asked.len();
                    if jobs > PUSH_ROWS && !ready.is_empty() {
                        break;
                    }
                    ready.push((post.id, asked));
                }
                Err(failure) => failed.push((post, failure)),
            }
        }
        let moved = ready.len() + failed.len();
        self.become_jobs(ready).await?;
        self.put_off(failed).await?;
        Ok(moved)
    }

    /// Takes rows away and pushes their jobs, unless another process did.
    async fn become_jobs(&self, ready: Vec<(PostId, Vec<NewJob>)>) -> Result<(), Error> {
        if ready.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.write().await?;
        let taken: HashSet<_> =
            store::take(&mut tx, ready.iter().map(|(id, _)| *id)).await?.into_iter().collect();
        let jobs = ready.into_iter().filter(|(id, _)| taken.contains(id));
        let bell = self.push_all(&mut tx, jobs.flat_map(|(_, jobs)| jobs).collect()).await?;
        tx.commit().await?;
        bell.ring();
        Ok(())
    }

    /// A fact is never given up: it is tried again until its consumer is mended.
    async fn put_off(&self, failed: Vec<(Post, Failure)>) -> Result<(), Error> {
        if failed.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let rows = failed.iter().map(|(post, failure)| {
            let wait = backoff::wait(post.attempts + 1, &self.random);
            (post.id, now.plus(wait).0, failure.text.as_str())
        });
        let mut tx = self.db.write().await?;
        store::put_off(&mut tx, db::rows(rows)).await?;
        tx.commit().await?;
        for (post, failure) in failed {
            let error = failure.text;
            if failure.verdict == Verdict::GiveUp {
                tracing::error!(post.id = %post.id, post.kind, error, "a posted fact cannot be handed over");
            } else {
                warn!(post.id = %post.id, post.kind, error, "a posted fact was not handed over");
            }
        }
        Ok(())
    }
}

/// Which jobs `post` asks for.
async fn ask(consumer: &Consumer, post: &Post) -> Result<Vec<NewJob>, Failure> {
    let asked = AssertUnwindSafe(async { consumer(post).await }).catch_unwind();
    let jobs = match timeout(CONSUMER_LIMIT, asked).await {
        Err(_) => return Err(handler::too_slow(CONSUMER_LIMIT)),
        Ok(Err(thrown)) => return Err(handler::panicked(thrown.as_ref())),
        Ok(Ok(outcome)) => outcome?,
    };
    if jobs.len() > PUSH_ROWS {
        return Err(Failure::give_up(Error::TooManyJobs(jobs.len())));
    }
    Ok(jobs)
}
