//! What is due is claimed in batches; what would go to a receiver that is left alone is passed over.

use std::collections::HashMap;

use db::Tx;
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{
    attempt::AttemptKind,
    record::{Ended, ending},
    store::{self, Busy},
};
use crate::{
    Delivery, Error, EventRow, Hooks, Lets, Realm, Subject, Webhook, deliveries::DeliveryState,
};

/// Deliveries of one subscription that are passed over with one claim.
const PASSED: u32 = 500;

/// A claim on a delivery: whoever has the row's fence can end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) id: Id<Delivery>,
    pub(super) fence: i64,
}

/// How many hands a subscription has free.
pub(super) struct Free {
    pub(super) webhook: Id<Webhook>,
    pub(super) hands: u32,
}

/// A delivery in the hands of this process.
#[derive(Debug, Clone)]
pub(super) struct Claimed {
    pub(super) lease: Lease,
    pub(super) webhook: Id<Webhook>,
    pub(super) event: Id<EventRow>,
    pub(super) kind: String,
    pub(super) subject: Subject,
    pub(super) sequence: i64,
    pub(super) is_ordered: bool,
    /// Tries of this run of the schedule.
    pub(super) slot: u32,
    /// Rows of attempts.
    pub(super) attempts: u32,
    pub(super) attempt: AttemptKind,
    pub(super) began_at: UnixMillis,
    pub(super) body: Vec<u8>,
    pub(super) url: String,
    pub(super) realm: Realm,
    /// Whoever made the subscription.
    pub(super) owner: Id<trust::Principal>,
    /// What manages it, if anything does.
    pub(super) manager: Option<Uuid>,
    /// The repository in which it happened, if it happened in one.
    pub(super) repository: Option<Uuid>,
}

/// A delivery that is due and is not sent, since its receiver is left alone.
#[derive(Debug, Clone)]
pub(super) struct Passed {
    pub(super) lease: Lease,
    pub(super) slot: u32,
    pub(super) attempts: u32,
    pub(super) began_at: UnixMillis,
    pub(super) subject: String,
    pub(super) is_ordered: bool,
    pub(super) kind: String,
    pub(super) event: Id<EventRow>,
    /// What manages the subscription, if anything does.
    pub(super) manager: Option<Uuid>,
}

/// What a round has done.
pub(super) struct Round {
    pub(super) claimed: Vec<Claimed>,
    /// Rows that were moved without being claimed: there may be more.
    pub(super) moved: u64,
}

impl Hooks {
    /// Claims what is due for up to `hands` tries, in one transaction.
    pub(super) async fn claim(&self, now: UnixMillis, hands: usize) -> Result<Round, Error> {
        let until = now.plus(self.0.settings.lease());
        let mut tx = self.0.db.write().await?;
        let mut moved = store::lapse(&mut tx, now).await?;
        let busy = store::busy(&mut tx).await?;
        let in_flight: HashMap<_, _> = store::in_flight(&mut tx).await?.into_iter().collect();
        let flying = |it: &Busy| in_flight.get(&it.id).copied().unwrap_or_default();
        let (mut free, mut probes, mut closed) = (Vec::new(), Vec::new(), Vec::new());
        for it in &busy {
            match it.breaker.lets(now) {
                Lets::All => {
                    let hands = it.max_in_flight.saturating_sub(flying(it));
                    free.push(Free { webhook: it.id, hands });
                }
                Lets::Probe if flying(it) == 0 && probes.len() < hands => probes.push(it.id),
                Lets::Probe | Lets::Nothing => closed.push(it.id),
            }
        }
        let mut tried = Vec::new();
        for webhook in probes {
            tried.extend(store::claim_probe(&mut tx, webhook, until).await?);
            closed.push(webhook);
        }
        let asking = tried.len();
        let left = hands.saturating_sub(asking);
        tried.extend(store::claim(&mut tx, &free, (now, until), left).await?);
        for webhook in closed {
            moved += self.pass_over(&mut tx, webhook, now).await?;
        }
        let mut claimed = store::load(&mut tx, &tried).await?;
        let is_probe = |it: &Claimed| tried.iter().take(asking).any(|lease| *lease == it.lease);
        for it in &mut claimed {
            if is_probe(it) {
                it.attempt = AttemptKind::Probe;
            }
        }
        tx.commit().await?;
        Ok(Round { claimed, moved })
    }

    /// Moves what is due of a subscription along its schedule, as if it had been tried. Gives how many that were.
    async fn pass_over(
        &self,
        tx: &mut Tx,
        webhook: Id<Webhook>,
        now: UnixMillis,
    ) -> Result<u64, Error> {
        let due = store::due(tx, webhook, now, PASSED).await?;
        if due.is_empty() {
            return Ok(0);
        }
        store::add_passed(tx, &due, now).await?;
        let schedule = &self.0.settings.schedule;
        let next =
            |it: &Passed| schedule.next(it.slot + 1, (it.began_at, now), None, &self.0.random);
        let (mut later, mut over) = (Vec::new(), Vec::new());
        for it in &due {
            match next(it) {
                Some(at) => later.push((it, at)),
                None => over.push(it),
            }
        }
        store::pass_over(tx, &later).await?;
        for it in over {
            let ended = Ended {
                id: it.lease.id,
                webhook,
                event: it.event,
                kind: &it.kind,
                subject: &it.subject,
                is_ordered: it.is_ordered,
                attempts: it.attempts + 1,
                manager: it.manager,
            };
            ending(self, tx, &ended, (DeliveryState::Dead, Some("circuit_open")), now).await?;
        }
        Ok(due.len() as u64)
    }
}
