//! An event becomes rows, in the transaction of the change that it tells of.

use db::Tx;
use names::{Digest, Id, UnixMillis};
use serde_json::{Map, Value, json};

use super::{Delivery, store};
use crate::{Content, Error, Event, EventRow, EventType, Hooks, Ordering, Realm, Subject, Webhook};

/// A subscription that is to be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) webhook: Id<Webhook>,
    pub(crate) content: Content,
    pub(crate) ordering: Ordering,
    /// Whether an earlier delivery of the same subject has not ended.
    pub(crate) waits: bool,
}

/// A delivery as it is written.
pub(crate) struct NewDelivery {
    pub(crate) id: Id<Delivery>,
    pub(crate) target: Target,
}

/// What the deliveries of one event share.
pub(crate) struct Written<'a> {
    pub(crate) id: Id<EventRow>,
    pub(crate) kind: EventType,
    pub(crate) subject: &'a Subject,
    pub(crate) sequence: u64,
    pub(crate) now: UnixMillis,
}

/// What an event of a webhook itself is about.
pub(crate) struct OfWebhook<'a> {
    pub(crate) webhook: Id<Webhook>,
    pub(crate) realm: Realm,
    pub(crate) kind: EventType,
    pub(crate) data: Map<String, Value>,
    pub(crate) action_url: &'a str,
}

impl OfWebhook<'_> {
    fn event(self) -> Option<Event> {
        Some(Event {
            kind: self.kind,
            subject: Subject::of("webhook", self.webhook).ok()?,
            realm: self.realm,
            request_id: None,
            action_url: self.action_url.to_owned(),
            actor: None,
            on_behalf_of: None,
            repository: None,
            organization: None,
            publisher: None,
            is_confidential: false,
            branch: None,
            labels: None,
            data: self.data,
        })
    }
}

impl Hooks {
    /// Tells every subscription that asks for it, in the caller's transaction: the bytes are made here, once for each form
    /// in use, and a row for each subscription, due at once. The dispatcher is woken when the transaction has ended. Gives
    /// how many are told.
    ///
    /// Two that do something to one subject at a time go one after the other from here on: be short.
    pub async fn emit(&self, tx: &mut Tx, event: &Event) -> Result<usize, Error> {
        self.emit_to(tx, event, |_| true).await
    }

    /// An event of a webhook itself: to others than that one.
    pub(crate) async fn emit_of(&self, tx: &mut Tx, of: OfWebhook<'_>) -> Result<(), Error> {
        let own = of.webhook;
        if let Some(event) = of.event() {
            self.emit_to(tx, &event, |it| it != own).await?;
        }
        Ok(())
    }

    async fn emit_to(
        &self,
        tx: &mut Tx,
        event: &Event,
        is_wanted: impl Fn(Id<Webhook>) -> bool,
    ) -> Result<usize, Error> {
        let sequence = store::next_sequence(tx, &event.subject).await?;
        let candidates = store::candidates(tx, event.realm, &event.subject).await?;
        let traits = event.traits();
        let targets: Vec<_> = candidates
            .into_iter()
            .filter(|it| {
                is_wanted(it.target.webhook)
                    && it.events.matches(event.kind)
                    && (it.confidential || !event.is_confidential)
                    && (event.kind.is_of_webhooks() || it.filter.passes(traits))
            })
            .map(|it| it.target)
            .collect();
        self.write(tx, event, sequence, &targets).await?;
        Ok(targets.len())
    }

    /// Writes the bytes and the rows.
    async fn write(
        &self,
        tx: &mut Tx,
        event: &Event,
        sequence: u64,
        targets: &[Target],
    ) -> Result<Vec<Id<Delivery>>, Error> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let (now, random) = (self.0.clock.now(), &self.0.random);
        let id = Id::new(now, random);
        for content in [Content::Full, Content::Thin] {
            if targets.iter().any(|it| it.content == content) {
                let body = event.body(content, (id, sequence), now);
                let sha256 = Digest::of(&body);
                store::add_payload(tx, id, content, &body, &sha256).await?;
            }
        }
        let written = Written { id, kind: event.kind, subject: &event.subject, sequence, now };
        let rows: Vec<_> = targets
            .iter()
            .map(|target| NewDelivery { id: Id::new(now, random), target: *target })
            .collect();
        store::add(tx, &written, &rows).await?;
        tx.hold(self.bell());
        Ok(rows.into_iter().map(|it| it.id).collect())
    }

    /// A ping to one subscription, whatever it asks for.
    pub(crate) async fn send_ping(
        &self,
        tx: &mut Tx,
        webhook: &Webhook,
    ) -> Result<Id<Delivery>, Error> {
        let told = json!({
            "webhook": {
                "id": webhook.id,
                "events": webhook.wishes.events.words(),
                "content": webhook.wishes.content.as_str(),
            },
            "hello": "motet",
        });
        let of = OfWebhook {
            webhook: webhook.id,
            realm: webhook.realm,
            kind: EventType::PING,
            data: told.as_object().cloned().unwrap_or_default(),
            action_url: &self.0.settings.base_url,
        };
        let event = of.event().ok_or(Error::NotFound)?;
        let sequence = store::next_sequence(tx, &event.subject).await?;
        let waits = store::is_under_way(tx, webhook.id, &event.subject).await?;
        let wishes = &webhook.wishes;
        let (content, ordering) = (wishes.content, wishes.ordering);
        let target = Target { webhook: webhook.id, content, ordering, waits };
        let made = self.write(tx, &event, sequence, &[target]).await?;
        made.first().copied().ok_or(Error::NotFound)
    }
}
