//! Deliveries that a filter names are sent once more: a job, whose progress can be looked at (`spec/webhooks.md` 4).
//!
//! It goes from the oldest to the newest in transactions of a few hundred, and remembers how far it has come: a process
//! that dies loses nothing of it, and nothing is sent twice because of that.

pub(super) mod store;

use jobs::{Dispatcher, Done, Failure, Job, Kind, NewJob};
use names::{Id, UnixMillis};
use serde::{Deserialize, Serialize};
use trust::Allowed;

use super::{Delivery, DeliveryFilter, DeliveryState, store as deliveries};
use crate::{Error, Hooked, Hooks, Webhook};

/// Deliveries that are sent once more with one transaction.
const BATCH: u32 = 200;
/// Deliveries that are sent once more with one call.
const MOST: u32 = 10_000;

/// Sends what a filter names once more.
const RESEND: Kind<Id<Resend>> = Kind::new("hooks.resend");

/// How far it is with what a filter names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resend {
    /// Which.
    pub id: Id<Resend>,
    /// Of which subscription.
    pub webhook: Id<Webhook>,
    /// Deliveries that the filter named at first.
    pub total: u32,
    /// How many of them are on their way by now.
    pub resent: u32,
    /// When it was asked for.
    pub created_at: UnixMillis,
    /// When the last was sent on its way.
    pub finished_at: Option<UnixMillis>,
}

/// A filter as a row keeps it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) state: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) since: Option<i64>,
    pub(super) until: Option<i64>,
}

impl Kept {
    fn of(filter: &DeliveryFilter<'_>) -> Self {
        Self {
            state: filter.state.map(|it| it.as_str().to_owned()),
            kind: filter.kind.map(str::to_owned),
            since: filter.since.map(|at| at.0),
            until: filter.until.map(|at| at.0),
        }
    }

    fn filter(&self) -> Result<DeliveryFilter<'_>, db::Error> {
        let state = self.state.as_deref().map(str::parse::<DeliveryState>).transpose();
        Ok(DeliveryFilter {
            state: state.map_err(db::Error::corrupt("webhook_resends.filter"))?,
            kind: self.kind.as_deref(),
            since: self.since.map(UnixMillis),
            until: self.until.map(UnixMillis),
            before: None,
        })
    }
}

/// A row, with what the next step needs.
pub(super) struct UnderWay {
    pub(super) resend: Resend,
    pub(super) filter: Kept,
    /// The last delivery that was looked at.
    pub(super) reached: Option<Id<Delivery>>,
}

impl Hooks {
    /// Asks that those that have ended and that a filter names be sent once more, the oldest first; 10,000 at most.
    pub async fn resend_all<R: Hooked>(
        &self,
        allowed: &Allowed<R::Send, R>,
        webhook: Id<Webhook>,
        filter: DeliveryFilter<'_>,
    ) -> Result<Resend, Error> {
        let mut tx = self.begin(allowed).await?;
        self.found(&mut tx, allowed.resource().realm(), webhook).await?;
        let now = self.0.clock.now();
        let total = store::count(&mut tx, webhook, filter, MOST).await?;
        let id = Id::new(now, &self.0.random);
        let asked = Resend { id, webhook, total, resent: 0, created_at: now, finished_at: None };
        store::add(&mut tx, &asked, &Kept::of(&filter)).await?;
        let bell = self.0.queue.push(&mut tx, NewJob::new(RESEND, &id)?).await?;
        tx.commit().await?;
        bell.ring();
        Ok(asked)
    }

    /// How far that is.
    pub async fn resend_of<R: Hooked>(
        &self,
        allowed: &Allowed<R::Read, R>,
        webhook: Id<Webhook>,
        id: Id<Resend>,
    ) -> Result<Resend, Error> {
        let mut tx = self.0.db.read().await?;
        self.found(&mut tx, allowed.resource().realm(), webhook).await?;
        let found = store::find(&mut tx, id).await?.map(|it| it.resend);
        found.filter(|it| it.webhook == webhook).ok_or(Error::NotFound)
    }

    /// Brings the room's handler to the dispatcher of this process.
    pub fn work(&self, dispatcher: Dispatcher) -> Dispatcher {
        let hooks = self.clone();
        dispatcher.on(RESEND, move |job: Job<Id<Resend>>| {
            let hooks = hooks.clone();
            async move {
                hooks.go_on(job.payload).await.map_err(Failure::retry)?;
                Ok(Done::default())
            }
        })
    }

    /// Sends what is left of it on its way.
    async fn go_on(&self, id: Id<Resend>) -> Result<(), Error> {
        loop {
            let mut tx = self.0.db.write().await?;
            // What was asked for of a subscription that is gone is gone with it.
            let Some(it) = store::find(&mut tx, id).await? else { return Ok(()) };
            let UnderWay { resend, filter, reached } = it;
            if resend.finished_at.is_some() {
                return Ok(());
            }
            let (now, left) = (self.0.clock.now(), MOST.saturating_sub(resend.resent).min(BATCH));
            // What ends after it was asked for was not asked for.
            let filter = filter.filter()?;
            let asked = UnixMillis(resend.created_at.0 + 1);
            let until = Some(filter.until.map_or(asked, |it| it.min(asked)));
            let filter = DeliveryFilter { until, ..filter };
            let batch = deliveries::ended(&mut tx, resend.webhook, filter, (reached, left)).await?;
            let sent = match batch.as_slice() {
                [] => 0,
                some => deliveries::resend(&mut tx, resend.webhook, some, now).await?,
            };
            let is_over = batch.len() < left as usize || resend.resent + sent >= MOST;
            let reached = batch.last().copied().or(reached);
            let finished = is_over.then_some(now);
            store::set(&mut tx, id, (resend.resent + sent, reached), finished).await?;
            tx.hold(self.bell());
            tx.commit().await?;
            if is_over {
                tracing::info!(webhook.id = %resend.webhook, deliveries = resend.resent + sent, "sent once more");
                return Ok(());
            }
        }
    }
}
