//! One try of one job.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use tokio::time::timeout;
use tracing::{Instrument as _, debug, error, info_span, warn};

use crate::{
    Claimed, Done, Error, Failure, Fate, Lease, Queue,
    handler::{Handler, panicked, too_slow},
};

/// Runs `handler` and ends the job: with its effects in one transaction, or with a failure. Gives the lease of a job that
/// is done and left nothing to write: many of those are ended together.
pub(super) async fn attempt(
    queue: Queue,
    handler: Handler,
    claimed: Claimed,
    longest: Duration,
) -> Option<Lease> {
    let (id, kind) = (claimed.lease.id, claimed.kind.as_str());
    let span = info_span!("job", job.id = %id, job.kind = kind, job.attempt = claimed.attempts);
    async {
        let outcome = match run(&handler, &claimed, longest).await {
            Ok(done) => end(&queue, &claimed, done).await,
            Err(failure) => Err(Ending::Failed(failure)),
        };
        match outcome {
            Ok(to_end) => {
                debug!("done");
                return to_end;
            }
            Err(Ending::Lost) => warn!("the lease was lost; nothing of this try stays"),
            Err(Ending::Failed(failure)) => note(&queue, &claimed, failure).await,
        }
        None
    }
    .instrument(span)
    .await
}

enum Ending {
    Lost,
    Failed(Failure),
}

impl From<Error> for Ending {
    fn from(error: Error) -> Self {
        match error {
            Error::LeaseLost => Self::Lost,
            other => Self::Failed(other.into()),
        }
    }
}

/// Runs the handler; a panic and too long a try are failures.
async fn run(handler: &Handler, claimed: &Claimed, longest: Duration) -> Result<Done, Failure> {
    let guarded = AssertUnwindSafe(async { handler(claimed).await }).catch_unwind();
    match timeout(longest, guarded).await {
        Err(_) => Err(too_slow(longest)),
        Ok(Err(thrown)) => Err(panicked(thrown.as_ref())),
        Ok(Ok(outcome)) => outcome,
    }
}

/// Commits the handler's effects and the end of the job, or neither. Gives the lease if there is nothing to commit.
async fn end(queue: &Queue, claimed: &Claimed, done: Done) -> Result<Option<Lease>, Ending> {
    let mut tx = match (done.tx, done.again_at) {
        (Some(tx), _) => tx,
        (None, Some(_)) => queue.db.write_shared().await.map_err(Error::from)?,
        (None, None) => return Ok(Some(claimed.lease)),
    };
    match done.again_at {
        Some(at) => queue.rearm(&mut tx, claimed, at).await?,
        None => queue.finish(&mut tx, claimed).await?,
    }
    tx.commit().await.map_err(Error::from)?;
    // Bells ring as they fall, here and no earlier.
    drop(done.bells);
    Ok(None)
}

/// Notes a failure. If the commit did happen after all, there is no row left to note it in.
async fn note(queue: &Queue, claimed: &Claimed, failure: Failure) {
    let reason = failure.text.as_str();
    match queue.fail(claimed, &failure).await {
        Ok(Fate::Again(at)) => warn!(error = reason, again_at = %at, "the job failed"),
        Ok(Fate::Dead) => error!(error = reason, "the job failed for the last time: it is dead"),
        Err(Error::LeaseLost) => warn!(error = reason, "the job failed, and its lease was lost"),
        Err(error) => {
            warn!(%error, reason, "the failure was not noted; the job comes back when its lease ends");
        }
    }
}
