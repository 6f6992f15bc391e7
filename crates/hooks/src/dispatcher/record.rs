//! What came of a try is written down: one row of an attempt, the new state and the breaker, in one transaction.
//!
//! Rows are locked in one order: the delivery, the subscription, the subject.

use std::time::Duration;

use db::Tx;
use names::{Id, UnixMillis};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    attempt::{Answer, AttemptKind, AttemptRow, Tried},
    claims::Claimed,
    store::{self, Health},
};
use crate::{
    Breaker, Composed, Delivery, Error, EventRow, EventType, Failure, Hooks, LIFETIME, Outcome,
    State, Subject, Verdict, Webhook,
    deliveries::{DeliveryState, emit::OfWebhook, store as deliveries},
    subscriptions::store as subscriptions,
};

/// How long until it is looked whether there is a secret to sign with.
const UNSIGNED_WAIT: Duration = Duration::from_mins(1);
/// Deliveries that are made due with one transaction when a receiver answers again.
const DRAINED: u32 = 2_000;

/// A delivery that ends.
pub(super) struct Ended<'a> {
    pub(super) id: Id<Delivery>,
    pub(super) webhook: Id<Webhook>,
    pub(super) event: Id<EventRow>,
    pub(super) kind: &'a str,
    pub(super) subject: &'a str,
    pub(super) is_ordered: bool,
    pub(super) attempts: u32,
    /// What manages the subscription, if anything does.
    pub(super) manager: Option<Uuid>,
}

impl<'a> Ended<'a> {
    fn of(claimed: &'a Claimed, attempts: u32) -> Self {
        Self {
            id: claimed.lease.id,
            webhook: claimed.webhook,
            event: claimed.event,
            kind: &claimed.kind,
            subject: claimed.subject.as_str(),
            is_ordered: claimed.is_ordered,
            attempts,
            manager: claimed.manager,
        }
    }
}

/// Ends a delivery, and lets the next of its subject go. A death is told to others.
pub(super) async fn ending(
    hooks: &Hooks,
    tx: &mut Tx,
    it: &Ended<'_>,
    (state, reason): (DeliveryState, Option<&str>),
    now: UnixMillis,
) -> Result<(), Error> {
    store::end(tx, it.id, (state, reason), it.attempts, now).await?;
    if it.is_ordered {
        deliveries::hold(tx, it.subject).await?;
        store::next_of_subject(tx, it.webhook, it.subject, now).await?;
    }
    if state == DeliveryState::Dead {
        tracing::warn!(
            webhook.id = %it.webhook,
            delivery.id = %it.id,
            reason,
            "a delivery was given up"
        );
        hooks.tell_of_death(tx, it, reason).await?;
    }
    if let Some(manager) = it.manager
        && state != DeliveryState::Delivered
        && is_composed(it.kind)
    {
        let reason = reason.unwrap_or_else(|| state.as_str());
        hooks.no_verdict(tx, (manager, it.id, it.event), it.subject, reason).await?;
    }
    Ok(())
}

fn is_composed(kind: &str) -> bool {
    kind.parse() == Ok(EventType::RUN_COMPOSED)
}

impl Hooks {
    /// Writes down what came of a try. Refused, with everything that it would have changed, if the lease was lost.
    pub(super) async fn record(&self, claimed: &Claimed, tried: Tried) -> Result<(), Error> {
        let now = self.0.clock.now();
        let mut tx = self.0.db.write().await?;
        if !store::is_held(&mut tx, claimed.lease).await? {
            return Err(Error::LeaseLost);
        }
        match tried {
            Tried::NotPermitted => {
                let ended = Ended::of(claimed, claimed.attempts);
                let end = (DeliveryState::Cancelled, Some("not_permitted"));
                ending(self, &mut tx, &ended, end, now).await?;
            }
            Tried::Unsigned => {
                let stays = (claimed.attempts, claimed.slot);
                // One may have come since it was looked for.
                let is_signed = !self.secrets_for(&mut tx, claimed).await?.is_empty();
                let due = if is_signed { now } else { now.plus(UNSIGNED_WAIT) };
                store::wait(&mut tx, claimed.lease.id, "no_active_secret", stays, due).await?;
            }
            Tried::Asked(answer) => self.record_answer(&mut tx, claimed, answer, now).await?,
        }
        Ok(tx.commit().await?)
    }

    async fn record_answer(
        &self,
        tx: &mut Tx,
        claimed: &Claimed,
        answer: Answer,
        now: UnixMillis,
    ) -> Result<(), Error> {
        let answer = self.judged(tx, claimed, answer).await?;
        let number = claimed.attempts + 1;
        let row = AttemptRow {
            number,
            kind: claimed.attempt,
            started_at: answer.started_at,
            duration: answer.duration,
            outcome: answer.outcome.as_str(),
            status: answer.status,
            response_type: answer.response_type,
            response_body: answer.response_body,
        };
        store::add_attempt(tx, claimed.lease, &row).await?;
        let ended = Ended::of(claimed, number);
        match answer.outcome {
            Outcome::Delivered => {
                self.receiver_answers(tx, claimed.webhook, now).await?;
                ending(self, tx, &ended, (DeliveryState::Delivered, None), now).await
            }
            Outcome::Gone => {
                self.receiver_is_gone(tx, claimed, now).await?;
                ending(self, tx, &ended, (DeliveryState::Dead, Some("gone")), now).await?;
                // The next of the subject was let go.
                store::give_up(tx, claimed.webhook, now).await?;
                Ok(())
            }
            Outcome::Failed(failure) => {
                let is_probe = claimed.attempt == AttemptKind::Probe;
                let health = self.receiver_failed(tx, claimed.webhook, is_probe, now).await?;
                let next = self.after(claimed, health.breaker, answer.retry_after, now);
                match (health.state, next) {
                    (State::Deleted, _) => {
                        let end = (DeliveryState::Cancelled, Some("webhook_deleted"));
                        ending(self, tx, &ended, end, now).await
                    }
                    (State::Gone, _) => {
                        ending(self, tx, &ended, (DeliveryState::Dead, Some("gone")), now).await
                    }
                    (_, Some((slot, due))) => {
                        let (id, reason) = (claimed.lease.id, failure.as_str());
                        Ok(store::wait(tx, id, reason, (number, slot), due).await?)
                    }
                    (_, None) => {
                        let end = (DeliveryState::Dead, Some(failure.as_str()));
                        ending(self, tx, &ended, end, now).await
                    }
                }
            }
        }
    }

    /// A yes of whoever manages the pipeline to the output of a run is the verdict, and one that says nothing is none.
    async fn judged(
        &self,
        tx: &mut Tx,
        claimed: &Claimed,
        answer: Answer,
    ) -> Result<Answer, Error> {
        let (Some(manager), Some(verdicts)) = (claimed.manager, self.0.verdicts.get()) else {
            return Ok(answer);
        };
        if answer.outcome != Outcome::Delivered || !is_composed(&claimed.kind) {
            return Ok(answer);
        }
        let (run, event, delivery) = (&claimed.subject, claimed.event, claimed.lease.id);
        let composed = Composed { manager, run, event, delivery };
        let (status, body) = (answer.status, answer.response_body.as_deref().unwrap_or_default());
        match verdicts.answered(tx, composed, status.unwrap_or_default(), body).await? {
            Verdict::Taken => Ok(answer),
            Verdict::Unreadable => {
                let outcome = Outcome::Failed(Failure::VerdictUnreadable);
                Ok(Answer { outcome, ..answer })
            }
        }
    }

    /// Tells the room of runs that nobody judged the output of one.
    async fn no_verdict(
        &self,
        tx: &mut Tx,
        (manager, delivery, event): (Uuid, Id<Delivery>, Id<EventRow>),
        run: &str,
        reason: &str,
    ) -> Result<(), Error> {
        let Some(verdicts) = self.0.verdicts.get() else { return Ok(()) };
        let corrupt = db::Error::corrupt("webhook_deliveries.subject");
        let run: Subject = run.parse().map_err(corrupt)?;
        let composed = Composed { manager, run: &run, event, delivery };
        Ok(verdicts.died(tx, composed, reason).await?)
    }

    /// How many tries count after one that failed, and when the next is due; nothing after the last. A probe does not
    /// count: what it was made with goes out with the next one again.
    fn after(
        &self,
        claimed: &Claimed,
        breaker: Breaker,
        asked: Option<Duration>,
        now: UnixMillis,
    ) -> Option<(u32, UnixMillis)> {
        if claimed.attempt == AttemptKind::Probe {
            let is_over = now > claimed.began_at.plus(LIFETIME);
            return (!is_over).then_some((claimed.slot, breaker.open_until.unwrap_or(now)));
        }
        let (slot, times) = (claimed.slot + 1, (claimed.began_at, now));
        let due = self.0.settings.schedule.next(slot, times, asked, &self.0.random)?;
        Some((slot, due))
    }

    /// A success closes the breaker, and what waits becomes due at once, the oldest first.
    async fn receiver_answers(
        &self,
        tx: &mut Tx,
        webhook: Id<Webhook>,
        now: UnixMillis,
    ) -> Result<(), Error> {
        let is_well = |it: &Health| it.breaker == Breaker::default() && !it.is_draining;
        if is_well(&store::health(tx, webhook).await?) {
            return Ok(());
        }
        let health = store::health_held(tx, webhook).await?;
        if !health.state.is_on() {
            return Ok(());
        }
        let was_open = health.breaker.is_open();
        let is_draining = (was_open || health.is_draining)
            && store::drain(tx, webhook, now, DRAINED).await? == u64::from(DRAINED);
        let after = Health { state: State::Active, breaker: Breaker::default(), is_draining };
        store::set_health(tx, webhook, after).await?;
        if was_open {
            tracing::info!(webhook.id = %webhook, "a receiver answers again");
            self.tell_of(tx, webhook, EventType::ENDPOINT_RECOVERED).await?;
        }
        Ok(())
    }

    /// A failure counts; five in a row open the breaker. Gives how the receiver does now.
    async fn receiver_failed(
        &self,
        tx: &mut Tx,
        webhook: Id<Webhook>,
        is_probe: bool,
        now: UnixMillis,
    ) -> Result<Health, Error> {
        let before = store::health_held(tx, webhook).await?;
        if !before.state.is_on() {
            return Ok(before);
        }
        let breaker = before.breaker.after_failure(now, is_probe);
        let state = if breaker.is_open() { State::Failing } else { before.state };
        let is_draining = before.is_draining && !breaker.is_open();
        let after = Health { state, breaker, is_draining };
        store::set_health(tx, webhook, after).await?;
        if breaker.is_open() && !before.breaker.is_open() {
            tracing::warn!(webhook.id = %webhook, "a receiver fails: only probes go to it");
            self.tell_of(tx, webhook, EventType::ENDPOINT_FAILING).await?;
        }
        Ok(after)
    }

    /// A receiver that wants nothing more gets nothing more, until its owner says otherwise.
    async fn receiver_is_gone(
        &self,
        tx: &mut Tx,
        claimed: &Claimed,
        now: UnixMillis,
    ) -> Result<(), Error> {
        let webhook = claimed.webhook;
        let before = store::health_held(tx, webhook).await?;
        if matches!(before.state, State::Deleted | State::Gone) {
            return Ok(());
        }
        let after = Health { state: State::Gone, breaker: Breaker::default(), is_draining: false };
        store::set_health(tx, webhook, after).await?;
        if let Some(manager) = claimed.manager {
            for (delivery, event, run) in store::composed(tx, webhook).await? {
                self.no_verdict(tx, (manager, delivery, event), &run, "gone").await?;
            }
        }
        let dead = store::give_up(tx, webhook, now).await?;
        tracing::warn!(webhook.id = %webhook, deliveries.dead = dead, "a receiver is gone for good");
        self.tell_of(tx, webhook, EventType::ENDPOINT_GONE).await
    }

    /// Tells others how a receiver does.
    async fn tell_of(&self, tx: &mut Tx, id: Id<Webhook>, kind: EventType) -> Result<(), Error> {
        self.tell_others(tx, id, kind, Map::new()).await
    }

    /// Tells others that a delivery died; not of what told of webhooks itself.
    async fn tell_of_death(
        &self,
        tx: &mut Tx,
        it: &Ended<'_>,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        let is_of_webhooks = it.kind.parse::<EventType>().is_ok_and(EventType::is_of_webhooks);
        if is_of_webhooks {
            return Ok(());
        }
        let delivery = json!({
            "id": it.id, "event": it.event, "type": it.kind, "attempts": it.attempts, "reason": reason,
        });
        let told = Map::from_iter([("delivery".to_owned(), delivery)]);
        self.tell_others(tx, it.webhook, EventType::DELIVERY_DEAD, told).await
    }

    async fn tell_others(
        &self,
        tx: &mut Tx,
        id: Id<Webhook>,
        kind: EventType,
        mut data: Map<String, Value>,
    ) -> Result<(), Error> {
        let Some((webhook, _)) = subscriptions::find(tx, id).await? else { return Ok(()) };
        data.insert("webhook".to_owned(), json!({"id": id, "host": webhook.host()}));
        let action_url = &self.0.settings.base_url;
        let realm = webhook.realm;
        self.emit_of(tx, OfWebhook { webhook: id, realm, kind, data, action_url }).await
    }
}
