//! The tables `webhook_subjects`, `webhook_payloads`, `webhook_deliveries` and `webhook_attempts`, as far as the
//! dispatcher is not concerned.

use db::{Error, Tx};
use names::{Digest, Id, UnixMillis};
use trust::Principal;
use uuid::Uuid;

use super::{
    Attempt, Delivery, DeliveryFilter, DeliveryState,
    emit::{NewDelivery, Target, Written},
};
use crate::{
    Content, EventRow, Filter, Ordering, Patterns, Realm, Subject, Webhook,
    subscriptions::store::patterns_of,
};

macro_rules! delivery {
    () => {
        "SELECT id, webhook_id, event_id, type, subject, sequence, state, reason, attempts, due_at, created_at,
               finished_at FROM webhook_deliveries"
    };
}

/// Whether an ordered delivery of the subject `$subject` to the subscription `w` has not ended.
macro_rules! under_way {
    ($webhook:literal, $subject:literal) => {
        concat!(
            "CAST(CASE WHEN EXISTS (SELECT 1 FROM webhook_deliveries AS d WHERE d.webhook_id = ",
            $webhook,
            " AND d.subject = ",
            $subject,
            " AND d.state IN ('pending', 'delivering') AND d.is_ordered) THEN 1 ELSE 0 END AS BIGINT)"
        )
    };
}

/// Subscriptions that hear of what happens in a realm: its own, those of the organization that owns it, those of the
/// install. `$repository`, `$organization` and `$publisher` say which.
macro_rules! hearing {
    ($repository:literal, $organization:literal, $publisher:literal) => {
        concat!(
            " WHERE w.state IN ('active', 'failing')
           AND (w.level = 'installation'
             OR (w.level = 'repository' AND w.repository_id = ",
            $repository,
            ")
             OR (w.level = 'publisher' AND w.account_id = ",
            $publisher,
            ")
             OR (w.level = 'organization' AND w.account_id = ",
            $organization,
            ")
             OR (w.level = 'organization' AND w.account_id = ",
            trust::owner_of!($repository),
            "))"
        )
    };
}

/// Rows of a filter: `$2` state, `$3` type, `$4` since, `$5` until; empty texts for all.
macro_rules! filtered {
    () => {
        " WHERE webhook_id = $1 AND ($2 = '' OR state = $2) AND ($3 = '' OR type = $3) AND created_at >= $4
            AND created_at < $5"
    };
}

db::statements! {
    // Counted for all, and whether anybody hears of it at all: what nobody asked for costs this one statement.
    NEXT_SEQUENCE = (concat!("
        INSERT INTO webhook_subjects (subject, sequence) VALUES ($1, 1)
        ON CONFLICT (subject) DO UPDATE SET sequence = webhook_subjects.sequence + 1
        RETURNING sequence,
                  CAST(CASE WHEN EXISTS (SELECT 1 FROM webhooks AS w", hearing!("$2", "$3", "$4"), ") THEN 1 ELSE 0 END AS BIGINT)"));
    CANDIDATES = (concat!("
        SELECT w.id, w.events, w.content, w.ordering, w.confidential, w.filter, w.managed_by, ",
               under_way!("w.id", "$4"), " AS waits
          FROM webhooks AS w", hearing!("$1", "$2", "$3"), "
         ORDER BY w.id"));
    UNDER_WAY = (concat!("SELECT ", under_way!("$1", "$2")));
    ADD_PAYLOAD = "
        INSERT INTO webhook_payloads (event_id, content, body, sha256, repository_id) VALUES ($1, $2, $3, $4, $5)";
    ADD = {
        sqlite "
        INSERT INTO webhook_deliveries
            (id, webhook_id, content, is_ordered, due_at, event_id, type, subject, sequence, state, created_at, began_at)
        SELECT unhex(value ->> 0, '-'), unhex(value ->> 1, '-'), value ->> 2, value ->> 3, value ->> 4, $2, $3, $4, $5,
               'pending', $6, $6
          FROM json_each($1)",
        postgres "
        INSERT INTO webhook_deliveries
            (id, webhook_id, content, is_ordered, due_at, event_id, type, subject, sequence, state, created_at, began_at)
        SELECT (value ->> 0)::uuid, (value ->> 1)::uuid, value ->> 2, (value ->> 3)::boolean, (value ->> 4)::bigint, $2,
               $3, $4, $5, 'pending', $6, $6
          FROM jsonb_array_elements($1::jsonb)"
    };
    FIND = (concat!(delivery!(), " WHERE webhook_id = $1 AND id = $2"));
    LIST = (concat!(delivery!(), filtered!(), " AND id < $6 ORDER BY id DESC LIMIT $7"));
    ENDED = (concat!("SELECT id FROM webhook_deliveries", filtered!(), "
           AND state IN ('delivered', 'dead', 'cancelled') AND id > $6 ORDER BY id LIMIT $7"));
    ATTEMPTS = "
        SELECT number, kind, started_at, duration_ms, outcome, status, response_type, response_body
          FROM webhook_attempts WHERE delivery_id = $1 ORDER BY number LIMIT 1000";
    RESEND = {
        sqlite "
        UPDATE webhook_deliveries
           SET state = 'pending', reason = NULL, slot = 0, is_resent = TRUE, began_at = $3, finished_at = NULL,
               due_at = CASE WHEN is_ordered THEN NULL ELSE $3 END
         WHERE id IN (SELECT unhex(value ->> 0, '-') FROM json_each($2)) AND webhook_id = $1
           AND state IN ('delivered', 'dead', 'cancelled')
        RETURNING subject",
        postgres "
        UPDATE webhook_deliveries
           SET state = 'pending', reason = NULL, slot = 0, is_resent = TRUE, began_at = $3, finished_at = NULL,
               due_at = CASE WHEN is_ordered THEN NULL ELSE $3::bigint END
         WHERE id IN (SELECT (value ->> 0)::uuid FROM jsonb_array_elements($2::jsonb) AS value) AND webhook_id = $1
           AND state IN ('delivered', 'dead', 'cancelled')
        RETURNING subject"
    };
    // In one order, so that two who lock several do not wait for each other.
    HOLD = {
        sqlite "
        SELECT sequence FROM webhook_subjects WHERE subject IN (SELECT value FROM json_each($1)) ORDER BY subject",
        postgres "
        SELECT sequence FROM webhook_subjects WHERE subject IN (SELECT jsonb_array_elements_text($1::jsonb))
         ORDER BY subject FOR UPDATE"
    };
    // The first of each subject becomes due, where none is due or on its way.
    HEADS = {
        sqlite "
        UPDATE webhook_deliveries SET due_at = $3
         WHERE state = 'pending' AND due_at IS NULL AND id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (PARTITION BY subject ORDER BY
                           CASE WHEN state = 'delivering' OR due_at IS NOT NULL THEN 0 ELSE 1 END, sequence, id) AS place
                  FROM webhook_deliveries
                 WHERE webhook_id = $1 AND is_ordered AND state IN ('pending', 'delivering')
                   AND subject IN (SELECT value FROM json_each($2))) AS ranked
             WHERE place = 1)",
        postgres "
        UPDATE webhook_deliveries SET due_at = $3
         WHERE state = 'pending' AND due_at IS NULL AND id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (PARTITION BY subject ORDER BY
                           CASE WHEN state = 'delivering' OR due_at IS NOT NULL THEN 0 ELSE 1 END, sequence, id) AS place
                  FROM webhook_deliveries
                 WHERE webhook_id = $1 AND is_ordered AND state IN ('pending', 'delivering')
                   AND subject IN (SELECT jsonb_array_elements_text($2::jsonb))) AS ranked
             WHERE place = 1)"
    };
    FORGET = "
        DELETE FROM webhook_deliveries
         WHERE id IN (SELECT id FROM webhook_deliveries
                       WHERE finished_at IS NOT NULL AND finished_at <= $1 AND (state = 'delivered' OR finished_at <= $2)
                       ORDER BY finished_at LIMIT $3)
        RETURNING event_id, content";
    FORGET_PAYLOADS = {
        sqlite "
        DELETE FROM webhook_payloads
         WHERE (event_id, content) IN (SELECT unhex(value ->> 0, '-'), value ->> 1 FROM json_each($1))
           AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS d
                            WHERE d.event_id = webhook_payloads.event_id AND d.content = webhook_payloads.content)",
        postgres "
        DELETE FROM webhook_payloads
         WHERE (event_id, content) IN (
                SELECT (value ->> 0)::uuid, value ->> 1 FROM jsonb_array_elements($1::jsonb) AS value)
           AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS d
                            WHERE d.event_id = webhook_payloads.event_id AND d.content = webhook_payloads.content)"
    };
    FORGET_WEBHOOKS = "
        DELETE FROM webhooks
         WHERE id IN (SELECT w.id FROM webhooks AS w
                       WHERE w.state = 'deleted'
                         AND NOT EXISTS (SELECT 1 FROM webhook_deliveries AS d WHERE d.webhook_id = w.id) LIMIT $1)";
    RELEASE_UNSIGNED = "
        UPDATE webhook_deliveries SET due_at = $2
         WHERE state = 'pending' AND due_at > $2 AND reason = 'no_active_secret'
           AND webhook_id IN (SELECT id FROM webhooks WHERE account_id = $1 AND managed_by IS NOT NULL)";
    CANCEL_ALL = "
        UPDATE webhook_deliveries SET state = 'cancelled', reason = 'webhook_deleted', due_at = NULL, finished_at = $2
         WHERE webhook_id = $1 AND state = 'pending'";
}

/// By which columns those are found who hear of a realm: repository, organization, publisher.
fn heard_in(realm: Realm) -> (Option<Uuid>, Option<Uuid>, Option<Uuid>) {
    match realm {
        Realm::Repository(id) => (Some(id), None, None),
        Realm::Organization(id) => (None, Some(id.uuid()), None),
        Realm::Publisher(id) => (None, None, Some(id.uuid())),
        Realm::Installation => (None, None, None),
    }
}

/// Counts an event of a subject; gives its number, and whether anybody hears of what happens there. From here to its end
/// the transaction is alone with the subject.
pub(crate) async fn next_sequence(
    tx: &mut Tx,
    realm: Realm,
    subject: &Subject,
) -> Result<(u64, bool), Error> {
    let (repository, organization, publisher) = heard_in(realm);
    let (sequence, listens): (i64, i64) =
        db::fetch_one!(tx, NEXT_SEQUENCE, subject.as_str(), repository, organization, publisher)?;
    let sequence = sequence.try_into().map_err(Error::corrupt("webhook_subjects.sequence"))?;
    Ok((sequence, listens == 1))
}

/// A subscription that may be told.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) target: Target,
    pub(crate) events: Patterns,
    pub(crate) confidential: bool,
    pub(crate) filter: Filter,
    /// What manages it, if anything does.
    pub(crate) manager: Option<Uuid>,
}

/// A subscription that may be told, as its row has it.
#[derive(sqlx::FromRow)]
pub(super) struct CandidateRow {
    id: Uuid,
    events: String,
    content: String,
    ordering: String,
    confidential: bool,
    filter: String,
    managed_by: Option<Uuid>,
    waits: i64,
}

impl TryFrom<CandidateRow> for Candidate {
    type Error = Error;

    fn try_from(row: CandidateRow) -> Result<Self, Error> {
        let ordering = row.ordering.parse().map_err(Error::corrupt("webhooks.ordering"))?;
        let target = Target {
            webhook: Id::from_uuid(row.id),
            content: row.content.parse().map_err(Error::corrupt("webhooks.content"))?,
            ordering,
            waits: row.waits == 1,
        };
        Ok(Self {
            target,
            events: patterns_of(&row.events)?,
            confidential: row.confidential,
            filter: serde_json::from_str(&row.filter).map_err(Error::corrupt("webhooks.filter"))?,
            manager: row.managed_by,
        })
    }
}

/// Subscriptions that hear of what happens in a realm, see `hearing!`. Bounded by how many each may have.
pub(crate) async fn candidates(
    tx: &mut Tx,
    realm: Realm,
    subject: &Subject,
) -> Result<Vec<Candidate>, Error> {
    let (repository, organization, publisher) = heard_in(realm);
    let rows: Vec<CandidateRow> =
        db::fetch_all!(tx, CANDIDATES, repository, organization, publisher, subject.as_str())?;
    rows.into_iter().map(Candidate::try_from).collect()
}

/// Makes what waits for a secret of a publisher due.
pub(crate) async fn release_unsigned(
    tx: &mut Tx,
    publisher: Id<Principal>,
    now: UnixMillis,
) -> Result<u64, Error> {
    db::execute!(tx, RELEASE_UNSIGNED, publisher.uuid(), now.0)
}

/// Whether an ordered delivery of the subject has not ended.
pub(crate) async fn is_under_way(
    tx: &mut Tx,
    webhook: Id<Webhook>,
    subject: &Subject,
) -> Result<bool, Error> {
    let (waits,): (i64,) = db::fetch_one!(tx, UNDER_WAY, webhook.uuid(), subject.as_str())?;
    Ok(waits == 1)
}

pub(crate) async fn add_payload(
    tx: &mut Tx,
    (event, content): (Id<EventRow>, Content),
    repository: Option<Uuid>,
    body: &[u8],
    sha256: &Digest,
) -> Result<(), Error> {
    let digest = sha256.as_bytes().as_slice();
    db::execute!(tx, ADD_PAYLOAD, event.uuid(), content.as_str(), body, digest, repository)
        .map(drop)
}

/// Adds the deliveries of one event: due at once, but for those that wait behind another.
pub(crate) async fn add(
    tx: &mut Tx,
    written: &Written<'_>,
    deliveries: &[NewDelivery],
) -> Result<(), Error> {
    let rows = db::rows(deliveries.iter().map(|NewDelivery { id, target }| {
        let is_ordered = target.ordering == Ordering::Subject;
        let due_at = (!is_ordered || !target.waits).then_some(written.now.0);
        (*id, target.webhook, target.content.as_str(), is_ordered, due_at)
    }));
    db::execute!(
        tx,
        ADD,
        rows,
        written.id.uuid(),
        written.kind.to_string(),
        written.subject.as_str(),
        i64::try_from(written.sequence).unwrap_or(i64::MAX),
        written.now.0,
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    webhook_id: Uuid,
    event_id: Uuid,
    r#type: String,
    subject: String,
    sequence: i64,
    state: String,
    reason: Option<String>,
    attempts: i64,
    due_at: Option<i64>,
    created_at: i64,
    finished_at: Option<i64>,
}

impl TryFrom<Row> for Delivery {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let state: DeliveryState =
            row.state.parse().map_err(Error::corrupt("webhook_deliveries.state"))?;
        Ok(Self {
            id: Id::from_uuid(row.id),
            webhook: Id::from_uuid(row.webhook_id),
            event: Id::from_uuid(row.event_id),
            kind: row.r#type,
            subject: row.subject,
            sequence: row
                .sequence
                .try_into()
                .map_err(Error::corrupt("webhook_deliveries.sequence"))?,
            state,
            reason: row.reason,
            attempts: row
                .attempts
                .try_into()
                .map_err(Error::corrupt("webhook_deliveries.attempts"))?,
            due_at: row.due_at.filter(|_| state == DeliveryState::Pending).map(UnixMillis),
            created_at: UnixMillis(row.created_at),
            finished_at: row.finished_at.map(UnixMillis),
        })
    }
}

pub(super) async fn find(
    tx: &mut Tx,
    webhook: Id<Webhook>,
    id: Id<Delivery>,
) -> Result<Option<Delivery>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, FIND, webhook.uuid(), id.uuid())?;
    row.map(Delivery::try_from).transpose()
}

pub(super) fn bounds(filter: DeliveryFilter<'_>) -> (&'static str, &str, i64, i64) {
    let state = filter.state.map_or("", DeliveryState::as_str);
    let since = filter.since.map_or(0, |at| at.0);
    let until = filter.until.map_or(i64::MAX, |at| at.0);
    (state, filter.kind.unwrap_or_default(), since, until)
}

pub(super) async fn list(
    tx: &mut Tx,
    webhook: Id<Webhook>,
    filter: DeliveryFilter<'_>,
    limit: u32,
) -> Result<Vec<Delivery>, Error> {
    let (state, kind, since, until) = bounds(filter);
    let before = filter.before.map_or(Uuid::max(), Id::uuid);
    let limit = i64::from(limit);
    let rows: Vec<Row> =
        db::fetch_all!(tx, LIST, webhook.uuid(), state, kind, since, until, before, limit)?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// Those that have ended, the oldest first, behind one of them.
pub(super) async fn ended(
    tx: &mut Tx,
    webhook: Id<Webhook>,
    filter: DeliveryFilter<'_>,
    (after, limit): (Option<Id<Delivery>>, u32),
) -> Result<Vec<Id<Delivery>>, Error> {
    let (state, kind, since, until) = bounds(filter);
    let (after, limit) = (after.map_or(Uuid::nil(), Id::uuid), i64::from(limit));
    let rows: Vec<(Uuid,)> =
        db::fetch_all!(tx, ENDED, webhook.uuid(), state, kind, since, until, after, limit)?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}

#[derive(sqlx::FromRow)]
struct AttemptRow {
    number: i64,
    kind: String,
    started_at: i64,
    duration_ms: i64,
    outcome: String,
    status: Option<i64>,
    response_type: Option<String>,
    response_body: Option<Vec<u8>>,
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = Error;

    fn try_from(row: AttemptRow) -> Result<Self, Error> {
        let status = row.status.map(u16::try_from).transpose();
        Ok(Self {
            number: row.number.try_into().map_err(Error::corrupt("webhook_attempts.number"))?,
            kind: row.kind,
            started_at: UnixMillis(row.started_at),
            duration_ms: row
                .duration_ms
                .try_into()
                .map_err(Error::corrupt("webhook_attempts.duration_ms"))?,
            outcome: row.outcome,
            status: status.map_err(Error::corrupt("webhook_attempts.status"))?,
            response_type: row.response_type,
            response_body: row.response_body,
        })
    }
}

pub(super) async fn attempts(tx: &mut Tx, of: Id<Delivery>) -> Result<Vec<Attempt>, Error> {
    let rows: Vec<AttemptRow> = db::fetch_all!(tx, ATTEMPTS, of.uuid())?;
    rows.into_iter().map(Attempt::try_from).collect()
}

/// Starts the schedule of ended deliveries anew; gives how many were ended.
pub(super) async fn resend(
    tx: &mut Tx,
    webhook: Id<Webhook>,
    ids: &[Id<Delivery>],
    now: UnixMillis,
) -> Result<u32, Error> {
    let ids = db::rows(ids.iter().map(|id| (id,)));
    let subjects: Vec<(String,)> = db::fetch_all!(tx, RESEND, webhook.uuid(), ids, now.0)?;
    let count = u32::try_from(subjects.len()).unwrap_or(u32::MAX);
    let subjects = db::rows(subjects.iter().map(|(subject,)| subject));
    let _held: Vec<(i64,)> = db::fetch_all!(tx, HOLD, &subjects)?;
    db::execute!(tx, HEADS, webhook.uuid(), &subjects, now.0)?;
    Ok(count)
}

/// Holds a subject until the transaction ends: nobody adds an event of it meanwhile.
pub(crate) async fn hold(tx: &mut Tx, subject: &str) -> Result<(), Error> {
    let _held: Vec<(i64,)> = db::fetch_all!(tx, HOLD, db::rows([subject]))?;
    Ok(())
}

/// Calls off what waits; gives how many that were.
pub(crate) async fn cancel_all(
    tx: &mut Tx,
    webhook: Id<Webhook>,
    now: UnixMillis,
) -> Result<u64, Error> {
    db::execute!(tx, CANCEL_ALL, webhook.uuid(), now.0)
}

/// Takes away at most `limit` that were delivered before one moment, or ended otherwise before another, and bytes that
/// nothing is sent of any more; gives how many deliveries went.
pub(super) async fn forget(
    tx: &mut Tx,
    (made, unmade): (UnixMillis, UnixMillis),
    limit: u32,
) -> Result<u64, Error> {
    let gone: Vec<(Uuid, String)> = db::fetch_all!(tx, FORGET, made.0, unmade.0, i64::from(limit))?;
    db::execute!(tx, FORGET_PAYLOADS, db::rows(&gone))?;
    Ok(gone.len() as u64)
}

/// Takes away deleted subscriptions without deliveries.
pub(super) async fn forget_webhooks(tx: &mut Tx, limit: u32) -> Result<u64, Error> {
    db::execute!(tx, FORGET_WEBHOOKS, i64::from(limit))
}
