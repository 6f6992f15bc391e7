//! The table `webhook_resends`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{Kept, Resend, UnderWay};
use crate::{Delivery, Webhook, deliveries::DeliveryFilter, deliveries::store::bounds};

db::statements! {
    COUNT = "
        SELECT count(*) FROM (
            SELECT id FROM webhook_deliveries
             WHERE webhook_id = $1 AND ($2 = '' OR state = $2) AND ($3 = '' OR type = $3) AND created_at >= $4
               AND created_at < $5 AND state IN ('delivered', 'dead', 'cancelled') LIMIT $6) AS ended";
    ADD = "
        INSERT INTO webhook_resends (id, webhook_id, filter, total, created_at) VALUES ($1, $2, $3, $4, $5)";
    FIND = "
        SELECT id, webhook_id, filter, total, resent, reached, created_at, finished_at FROM webhook_resends
         WHERE id = $1";
    SET = "UPDATE webhook_resends SET resent = $2, reached = $3, finished_at = $4 WHERE id = $1";
    FORGET = "DELETE FROM webhook_resends WHERE finished_at IS NOT NULL AND finished_at <= $1";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    webhook_id: Uuid,
    filter: String,
    total: i64,
    resent: i64,
    reached: Option<Uuid>,
    created_at: i64,
    finished_at: Option<i64>,
}

impl TryFrom<Row> for UnderWay {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let filter =
            serde_json::from_str(&row.filter).map_err(Error::corrupt("webhook_resends.filter"))?;
        let resend = Resend {
            id: Id::from_uuid(row.id),
            webhook: Id::from_uuid(row.webhook_id),
            total: row.total.try_into().map_err(Error::corrupt("webhook_resends.total"))?,
            resent: row.resent.try_into().map_err(Error::corrupt("webhook_resends.resent"))?,
            created_at: UnixMillis(row.created_at),
            finished_at: row.finished_at.map(UnixMillis),
        };
        Ok(Self { resend, filter, reached: row.reached.map(Id::from_uuid) })
    }
}

/// How many have ended that a filter names, up to `most`.
pub(super) async fn count(
    tx: &mut Tx,
    webhook: Id<Webhook>,
    filter: DeliveryFilter<'_>,
    most: u32,
) -> Result<u32, Error> {
    let (state, kind, since, until) = bounds(filter);
    let most = i64::from(most);
    let (count,): (i64,) =
        db::fetch_one!(tx, COUNT, webhook.uuid(), state, kind, since, until, most)?;
    u32::try_from(count).map_err(Error::corrupt("count(*)"))
}

pub(super) async fn add(tx: &mut Tx, it: &Resend, filter: &Kept) -> Result<(), Error> {
    // Texts and numbers always serialize.
    let filter = serde_json::to_string(filter).unwrap_or_default();
    let (webhook, total) = (it.webhook.uuid(), i64::from(it.total));
    db::execute!(tx, ADD, it.id.uuid(), webhook, filter, total, it.created_at.0).map(drop)
}

pub(super) async fn find(tx: &mut Tx, id: Id<Resend>) -> Result<Option<UnderWay>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, FIND, id.uuid())?;
    row.map(UnderWay::try_from).transpose()
}

/// Says how far it is.
pub(super) async fn set(
    tx: &mut Tx,
    id: Id<Resend>,
    (resent, reached): (u32, Option<Id<Delivery>>),
    finished: Option<UnixMillis>,
) -> Result<(), Error> {
    let (reached, finished) = (reached.map(Id::uuid), finished.map(|at| at.0));
    db::execute!(tx, SET, id.uuid(), i64::from(resent), reached, finished).map(drop)
}

/// Takes away those that were over before a moment.
pub(in crate::deliveries) async fn forget(tx: &mut Tx, before: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, FORGET, before.0)
}
