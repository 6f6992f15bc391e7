//! An event becomes rows, in the transaction of the change that it tells of.

use db::Tx;
use names::{Digest, Id, UnixMillis};
use serde_json::{Map, Value, json};

use super::{
    Delivery,
    store::{self, Candidate},
};
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
        let subject = Subject::of("webhook", self.webhook).ok()?;
        let event = Event::new(self.kind, subject, self.realm, self.action_url);
        Some(Event { data: self.data, ..event })
    }
}

/// That somebody asks for an event which was counted: what there is to say is shaped for them, and for nobody else.
#[derive(Debug)]
pub struct Heard {
    sequence: u64,
    candidates: Vec<Candidate>,
}

/// Whether a subscription is told of an event. A managed one hears of what its own manager makes, and of nothing else.
pub(super) fn hears(it: &Candidate, event: &Event) -> bool {
    it.events.matches(event.kind)
        && (it.manager.is_none() || it.manager == event.manager)
        && (it.confidential || !event.is_confidential)
        && (event.kind.is_of_webhooks() || it.filter.passes(event.traits()))
}

impl Hooks {
    /// Counts something that happens, and says whether anybody asks for it: nothing if not. One statement where nobody
    /// listens at all. Who is told decides [`Hooks::tell`].
    ///
    /// Two that do something to one subject at a time go one after the other from here on: be short.
    pub async fn heard(
        &self,
        tx: &mut Tx,
        kind: EventType,
        realm: Realm,
        subject: &Subject,
    ) -> Result<Option<Heard>, Error> {
        let (sequence, has_listeners) = store::next_sequence(tx, realm, subject).await?;
        if !has_listeners {
            return Ok(None);
        }
        let mut candidates = store::candidates(tx, realm, subject).await?;
        candidates.retain(|it| it.events.matches(kind));
        Ok((!candidates.is_empty()).then_some(Heard { sequence, candidates }))
    }

    /// Tells those who ask for it, in the caller's transaction: the bytes are made here, once for each form in use, and a
    /// row for each subscription, due at once. The dispatcher is woken when the transaction has ended. Gives how many are
    /// told.
    pub async fn tell(&self, tx: &mut Tx, heard: Heard, event: &Event) -> Result<usize, Error> {
        self.tell_some(tx, heard, event, |_| true).await
    }

    /// [`Hooks::heard`] and [`Hooks::tell`], for what is shaped already. Gives how many are told.
    pub async fn emit(&self, tx: &mut Tx, event: &Event) -> Result<usize, Error> {
        match self.heard(tx, event.kind, event.realm, &event.subject).await? {
            Some(heard) => self.tell(tx, heard, event).await,
            None => Ok(0),
        }
    }

    /// An event of a webhook itself: to others than that one.
    pub(crate) async fn emit_of(&self, tx: &mut Tx, of: OfWebhook<'_>) -> Result<(), Error> {
        let own = of.webhook;
        let Some(event) = of.event() else { return Ok(()) };
        let heard = self.heard(tx, event.kind, event.realm, &event.subject).await?;
        if let Some(heard) = heard {
            self.tell_some(tx, heard, &event, |it| it != own).await?;
        }
        Ok(())
    }

    async fn tell_some(
        &self,
        tx: &mut Tx,
        heard: Heard,
        event: &Event,
        is_wanted: impl Fn(Id<Webhook>) -> bool,
    ) -> Result<usize, Error> {
        let Heard { sequence, candidates } = heard;
        let targets: Vec<_> = candidates
            .into_iter()
            .filter(|it| is_wanted(it.target.webhook) && hears(it, event))
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
        let id = event.id.unwrap_or_else(|| Id::new(now, random));
        for content in [Content::Full, Content::Thin] {
            if targets.iter().any(|it| it.content == content) {
                let body = event.body(content, (id, sequence), now);
                let sha256 = Digest::of(&body);
                let repository = event.realm.repository();
                store::add_payload(tx, (id, content), repository, &body, &sha256).await?;
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
        let (sequence, _) = store::next_sequence(tx, webhook.realm, &event.subject).await?;
        let waits = store::is_under_way(tx, webhook.id, &event.subject).await?;
        let wishes = &webhook.wishes;
        let (content, ordering) = (wishes.content, wishes.ordering);
        let target = Target { webhook: webhook.id, content, ordering, waits };
        let made = self.write(tx, &event, sequence, &[target]).await?;
        made.first().copied().ok_or(Error::NotFound)
    }
}
