//! The SQL of many events at once.

use std::collections::{BTreeMap, BTreeSet};

use db::{Error, Tx};
use names::{Digest, Id, UnixMillis};
use uuid::Uuid;

use super::super::{
    Delivery,
    store::{Candidate, CandidateRow},
};
use crate::{EventRow, Webhook};

/// A subscription, with the account that it belongs to; what follows says which.
macro_rules! listener {
    () => {
        "SELECT w.id, w.account_id, w.events, w.content, w.ordering, w.confidential, w.filter, w.managed_by,
               CAST(0 AS BIGINT) AS waits
          FROM webhooks AS w WHERE w.state IN ('active', 'failing') AND "
    };
}

db::statements! {
    // Each way to hear of a publisher by itself, so that each is found by an index.
    LISTENERS = {
        sqlite concat!(listener!(), "w.level = 'installation'
        UNION ALL ", listener!(), "w.level = 'publisher' AND w.managed_by IS NULL
           AND w.account_id IN (SELECT unhex(value, '-') FROM json_each($1))
        UNION ALL ", listener!(), "w.state <> 'deleted' AND w.managed_by IN (SELECT unhex(value, '-') FROM json_each($2))"),
        postgres concat!(listener!(), "w.level = 'installation'
        UNION ALL ", listener!(), "w.level = 'publisher' AND w.managed_by IS NULL
           AND w.account_id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)
        UNION ALL ", listener!(), "w.state <> 'deleted' AND w.managed_by IN (SELECT jsonb_array_elements_text($2::jsonb)::uuid)")
    };
    // In one order, so that two who count several do not wait for each other.
    COUNT_SUBJECTS = {
        sqlite "
        INSERT INTO webhook_subjects (subject, sequence)
        SELECT value ->> 0, value ->> 1 FROM json_each($1) WHERE true
        ON CONFLICT (subject) DO UPDATE SET sequence = max(webhook_subjects.sequence, excluded.sequence)",
        postgres "
        INSERT INTO webhook_subjects (subject, sequence)
        SELECT value ->> 0, (value ->> 1)::bigint FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (subject) DO UPDATE SET sequence = greatest(webhook_subjects.sequence, excluded.sequence)"
    };
    ALL_UNDER_WAY = {
        sqlite "
        SELECT DISTINCT d.webhook_id, d.subject
          FROM json_each($1) AS w
          JOIN webhook_deliveries AS d ON d.webhook_id = unhex(w.value ->> 0, '-') AND d.subject = w.value ->> 1
         WHERE d.state IN ('pending', 'delivering') AND d.is_ordered",
        postgres "
        SELECT DISTINCT d.webhook_id, d.subject
          FROM jsonb_array_elements($1::jsonb) AS w (value)
          JOIN webhook_deliveries AS d ON d.webhook_id = (w.value ->> 0)::uuid AND d.subject = w.value ->> 1
         WHERE d.state IN ('pending', 'delivering') AND d.is_ordered"
    };
    ADD_PAYLOADS = {
        sqlite "
        INSERT INTO webhook_payloads (event_id, content, body, sha256)
        SELECT unhex(value ->> 0, '-'), value ->> 1, CAST(value ->> 2 AS BLOB), unhex(value ->> 3) FROM json_each($1)",
        postgres "
        INSERT INTO webhook_payloads (event_id, content, body, sha256)
        SELECT (value ->> 0)::uuid, value ->> 1, convert_to(value ->> 2, 'UTF8'), decode(value ->> 3, 'hex')
          FROM jsonb_array_elements($1::jsonb)"
    };
    ADD_MANY = {
        sqlite "
        INSERT INTO webhook_deliveries
            (id, webhook_id, content, is_ordered, due_at, event_id, type, subject, sequence, state, created_at, began_at)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-'), value ->> 2, value ->> 3, value ->> 4,
               unhex(value ->> 5, '-'), value ->> 6, value ->> 7, value ->> 8, 'pending', $2, $2
          FROM json_each($1)",
        postgres "
        INSERT INTO webhook_deliveries
            (id, webhook_id, content, is_ordered, due_at, event_id, type, subject, sequence, state, created_at, began_at)
        SELECT (value ->> 0)::uuid, (value ->> 1)::uuid, value ->> 2, (value ->> 3)::boolean, (value ->> 4)::bigint,
               (value ->> 5)::uuid, value ->> 6, value ->> 7, (value ->> 8)::bigint, 'pending', $2, $2
          FROM jsonb_array_elements($1::jsonb)"
    };
}

#[derive(sqlx::FromRow)]
struct ListenerRow {
    account_id: Option<Uuid>,
    #[sqlx(flatten)]
    candidate: CandidateRow,
}

/// Subscriptions that hear of what happens at these publishers, each with its publisher, and those of these managers.
pub(super) async fn listeners(
    tx: &mut Tx,
    publishers: &BTreeSet<Uuid>,
    managers: &BTreeSet<Uuid>,
) -> Result<Vec<(Option<Uuid>, Candidate)>, Error> {
    let rows: Vec<ListenerRow> =
        db::fetch_all!(tx, LISTENERS, db::rows(publishers), db::rows(managers))?;
    rows.into_iter().map(|row| Ok((row.account_id, row.candidate.try_into()?))).collect()
}

/// Says how many events these subjects have had. From here to its end the transaction is alone with them.
pub(super) async fn count_subjects(
    tx: &mut Tx,
    subjects: &BTreeMap<&str, u64>,
) -> Result<(), Error> {
    db::execute!(tx, COUNT_SUBJECTS, db::rows(subjects)).map(drop)
}

/// Of these pairs of a subscription and a subject those of which an ordered delivery has not ended.
pub(super) async fn all_under_way(
    tx: &mut Tx,
    pairs: &BTreeSet<(Uuid, &str)>,
) -> Result<BTreeSet<(Uuid, String)>, Error> {
    let rows: Vec<(Uuid, String)> = db::fetch_all!(tx, ALL_UNDER_WAY, db::rows(pairs))?;
    Ok(rows.into_iter().collect())
}

/// The bytes of an event in one form, as a row.
pub(super) type PayloadRow = (Id<EventRow>, &'static str, String, Digest);

pub(super) async fn add_payloads(tx: &mut Tx, rows: &[PayloadRow]) -> Result<(), Error> {
    db::execute!(tx, ADD_PAYLOADS, db::rows(rows)).map(drop)
}

/// A delivery of one of many events, as a row: its id, the subscription, the form, whether it is ordered, when it is due;
/// the event, its type, its subject, its number.
pub(super) type DeliveryRow<'a> = (
    Id<Delivery>,
    Id<Webhook>,
    &'static str,
    bool,
    Option<i64>,
    Id<EventRow>,
    String,
    &'a str,
    u64,
);

pub(super) async fn add_many(
    tx: &mut Tx,
    rows: &[DeliveryRow<'_>],
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, ADD_MANY, db::rows(rows), now.0).map(drop)
}
