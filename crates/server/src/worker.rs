//! Background work of this process: the dispatchers of jobs and of webhooks, from the open house to the drain.

use jobs::Limits;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{Error, House, ServeArgs};

/// What works beside the listener. It ends with its token.
#[derive(Debug)]
pub(crate) struct Worker(JoinHandle<()>);

impl Worker {
    /// Takes over what a dead process left, where that is known, and begins to work. A process of the role `web` only
    /// tells others of the work that it pushes.
    pub(crate) async fn start(
        house: &House,
        args: &ServeArgs,
        stop: &CancellationToken,
    ) -> Result<Self, Error> {
        let (queue, stop) = (house.queue().clone(), stop.clone());
        if !args.role.works() {
            return Ok(Self(tokio::spawn(async move { queue.tell_others(stop).await })));
        }
        let jobs = queue.take_over().await?;
        if jobs > 0 {
            tracing::warn!(jobs, "the last process died at work; its jobs are due again");
        }
        let limits = Limits { drain: args.drain(), ..Limits::default() };
        let mut dispatcher = house.dispatcher().with_limits(limits);
        if let Some(url) = args.database_url()? {
            dispatcher = dispatcher.listening_at(url);
        }
        let messenger = house.messenger().draining_for(args.drain());
        Ok(Self(tokio::spawn(async move {
            let work = tokio::spawn(dispatcher.run(stop.clone()));
            let messages = tokio::spawn(messenger.run(stop.clone()));
            let watched = |ended: Result<(), JoinError>| {
                if ended.is_err() || !stop.is_cancelled() {
                    tracing::error!(?ended, "background work has broken down; restart the server");
                }
            };
            tokio::join!(async { watched(work.await) }, async { watched(messages.await) });
        })))
    }

    /// Waits until running jobs have finished or were handed back; the token must have been cancelled.
    pub(crate) async fn ended(self) {
        if let Err(error) = self.0.await {
            tracing::error!(%error, "background work did not end well");
        }
    }
}
