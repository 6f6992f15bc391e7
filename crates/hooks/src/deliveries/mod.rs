//! Deliveries: one event on its way to one subscription (`spec/webhooks.md` 4).
//!
//! | file       | what is there                                                              |
//! |------------|----------------------------------------------------------------------------|
//! | `mod.rs`   | [`Delivery`], [`Attempt`]; listed, sent once more, pings                      |
//! | `emit.rs`  | the door for rooms: an event becomes rows, in the transaction of the change  |
//! | `many/`    | the same for many events at once                                             |
//! | `forget.rs`| what ended long ago goes                                                    |
//! | `resends/` | [`Resend`]: what a filter names is sent once more, by a job                    |
//! | `store.rs` | the SQL                                                                     |
//!
//! Invariants: the rows of an event commit with the change that it tells of, or not at all. The bytes are made once. Of
//! the ordered deliveries of one subscription and one subject at most one is due or on its way; those behind it have no
//! `due_at` until it has ended.

pub(crate) mod emit;
mod forget;
mod many;
mod resends;
pub(crate) mod store;

use names::{Id, UnixMillis};
use trust::Allowed;

use crate::{Error, EventRow, Hooked, Hooks, Webhook};
pub use emit::Heard;
pub use many::{Counted, Listeners};
pub use resends::Resend;

/// Every statement of these tables.
pub(crate) fn statements() -> Vec<&'static db::Sql> {
    [store::STATEMENTS, many::store::STATEMENTS, resends::store::STATEMENTS].concat()
}

/// Rows of one page, unless asked and at most.
const PAGE: (u32, u32) = (30, 100);

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits: for its time, or for an earlier one of the same subject.
    Pending,
    /// A request is under way.
    Delivering,
    /// The receiver said yes.
    Delivered,
    /// It was given up.
    Dead,
    /// It was called off.
    Cancelled,
}

impl DeliveryState {
    pub(crate) const ALL: [Self; 5] =
        [Self::Pending, Self::Delivering, Self::Delivered, Self::Dead, Self::Cancelled];

    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivering => "delivering",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it has ended.
    pub const fn has_ended(self) -> bool {
        match self {
            Self::Pending | Self::Delivering => false,
            Self::Delivered | Self::Dead | Self::Cancelled => true,
        }
    }
}

impl std::str::FromStr for DeliveryState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.as_str() == text);
        found.ok_or_else(|| {
            format!("`{text}` is no state: use pending, delivering, delivered, dead or cancelled")
        })
    }
}

/// One event on its way to one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which: `webhook-id` of each try.
    pub id: Id<Delivery>,
    /// To whom.
    pub webhook: Id<Webhook>,
    /// Of which event.
    pub event: Id<EventRow>,
    /// The event's type. One that this version does not know was written by a newer one.
    pub kind: String,
    /// What the event is about.
    pub subject: String,
    /// Which event of its subject it is.
    pub sequence: u64,
    /// Where it stands.
    pub state: DeliveryState,
    /// Why it ended, or why it failed last.
    pub reason: Option<String>,
    /// How many attempts are written down.
    pub attempts: u32,
    /// When it is tried next; nothing while an earlier one of its subject is on its way.
    pub due_at: Option<UnixMillis>,
    /// When the event happened.
    pub created_at: UnixMillis,
    /// When it ended.
    pub finished_at: Option<UnixMillis>,
}

/// One attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which, from 1.
    pub number: u32,
    /// `try`, `probe`, `resend` or `circuit_open`.
    pub kind: String,
    /// When it began.
    pub started_at: UnixMillis,
    /// How long it took.
    pub duration_ms: u64,
    /// What it came to.
    pub outcome: String,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// The media type of the answer.
    pub response_type: Option<String>,
    /// The first 4 KiB of it.
    pub response_body: Option<Vec<u8>>,
}

/// Which deliveries are listed.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryFilter<'a> {
    /// Those that stand so.
    pub state: Option<DeliveryState>,
    /// Those of events of this type.
    pub kind: Option<&'a str>,
    /// Those of events that did not happen before.
    pub since: Option<UnixMillis>,
    /// Those of events that happened before.
    pub until: Option<UnixMillis>,
    /// Those older than this one: the last row of the page before.
    pub before: Option<Id<Delivery>>,
}

impl Hooks {
    /// Deliveries of a subscription, the newest first.
    pub async fn deliveries<R: Hooked>(
        &self,
        allowed: &Allowed<R::Read, R>,
        webhook: Id<Webhook>,
        filter: DeliveryFilter<'_>,
        limit: Option<u32>,
    ) -> Result<Vec<Delivery>, Error> {
        let limit = limit.unwrap_or(PAGE.0).clamp(1, PAGE.1);
        let mut tx = self.0.db.read().await?;
        self.found(&mut tx, allowed.resource().realm(), webhook).await?;
        Ok(store::list(&mut tx, webhook, filter, limit).await?)
    }

    /// One of them, with its attempts.
    pub async fn delivery<R: Hooked>(
        &self,
        allowed: &Allowed<R::Read, R>,
        webhook: Id<Webhook>,
        id: Id<Delivery>,
    ) -> Result<(Delivery, Vec<Attempt>), Error> {
        let mut tx = self.0.db.read().await?;
        self.found(&mut tx, allowed.resource().realm(), webhook).await?;
        let found = store::find(&mut tx, webhook, id).await?.ok_or(Error::NotFound)?;
        let attempts = store::attempts(&mut tx, id).await?;
        Ok((found, attempts))
    }

    /// Sends one that has ended once more: the same id and body, the schedule from its beginning.
    pub async fn resend<R: Hooked>(
        &self,
        allowed: &Allowed<R::Send, R>,
        webhook: Id<Webhook>,
        id: Id<Delivery>,
    ) -> Result<Delivery, Error> {
        let mut tx = self.begin(allowed).await?;
        self.found(&mut tx, allowed.resource().realm(), webhook).await?;
        let found = store::find(&mut tx, webhook, id).await?.ok_or(Error::NotFound)?;
        if !found.state.has_ended() {
            return Err(Error::OnItsWay);
        }
        if store::resend(&mut tx, webhook, &[id], self.0.clock.now()).await? == 0 {
            return Err(Error::OnItsWay);
        }
        let found = store::find(&mut tx, webhook, id).await?.ok_or(Error::NotFound)?;
        tx.hold(self.bell());
        tx.commit().await?;
        Ok(found)
    }

    /// Sends a ping the way of every event.
    pub async fn ping<R: Hooked>(
        &self,
        allowed: &Allowed<R::Send, R>,
        webhook: Id<Webhook>,
    ) -> Result<Delivery, Error> {
        let mut tx = self.begin(allowed).await?;
        let found = self.found(&mut tx, allowed.resource().realm(), webhook).await?;
        let id = self.send_ping(&mut tx, &found).await?;
        let sent = store::find(&mut tx, webhook, id).await?.ok_or(Error::NotFound)?;
        tx.commit().await?;
        Ok(sent)
    }
}
