//! What the dispatcher asks of `webhook_deliveries`, `webhook_attempts` and the breakers in `webhooks`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{
    attempt::{AttemptKind, AttemptRow},
    claims::{Claimed, Free, Lease, Passed},
};
use crate::{
    Breaker, Delivery, EventRow, Webhook,
    deliveries::DeliveryState,
    subscriptions::{
        State,
        store::{breaker_of, realm_of},
    },
};

/// Deliveries that one subscription may have on its way: [`crate::subscriptions::IN_FLIGHT`].
macro_rules! most_in_flight {
    () => {
        " LIMIT 32"
    };
}

db::statements! {
    NEXT = "
        SELECT (SELECT min(due_at) FROM webhook_deliveries WHERE state = 'pending' AND due_at IS NOT NULL),
               (SELECT min(due_at) FROM webhook_deliveries
                 WHERE state = 'pending' AND due_at IS NOT NULL AND due_at > $1),
               (SELECT min(lease_until) FROM webhook_deliveries WHERE state = 'delivering'),
               (SELECT min(open_until) FROM webhooks WHERE open_until IS NOT NULL),
               (SELECT min(open_until) FROM webhooks WHERE open_until IS NOT NULL AND open_until > $1)";
    LAPSE = "
        UPDATE webhook_deliveries SET state = 'pending', due_at = $1, lease_until = NULL
         WHERE state = 'delivering' AND lease_until <= $1";
    TAKE_OVER = "
        UPDATE webhook_deliveries SET state = 'pending', due_at = $1, lease_until = NULL WHERE state = 'delivering'";
    // From one subscription with something to do to the next, however much each has. Rows are locked so that two
    // processes do not both fill the hands of one; the lock lets events come in meanwhile.
    BUSY = {
        sqlite "
        WITH RECURSIVE busy (id) AS (
            SELECT (SELECT webhook_id FROM webhook_deliveries WHERE state = 'pending' AND due_at IS NOT NULL
                     ORDER BY webhook_id LIMIT 1)
            UNION ALL
            SELECT (SELECT d.webhook_id FROM webhook_deliveries AS d
                     WHERE d.state = 'pending' AND d.due_at IS NOT NULL AND d.webhook_id > busy.id
                     ORDER BY d.webhook_id LIMIT 1)
              FROM busy WHERE busy.id IS NOT NULL)
        SELECT w.id, w.failures_in_row, w.open_until, w.probe_step, w.max_in_flight
          FROM busy JOIN webhooks AS w ON w.id = busy.id WHERE w.state IN ('active', 'failing')",
        postgres "
        WITH RECURSIVE busy (id) AS (
            SELECT (SELECT webhook_id FROM webhook_deliveries WHERE state = 'pending' AND due_at IS NOT NULL
                     ORDER BY webhook_id LIMIT 1)
            UNION ALL
            SELECT (SELECT d.webhook_id FROM webhook_deliveries AS d
                     WHERE d.state = 'pending' AND d.due_at IS NOT NULL AND d.webhook_id > busy.id
                     ORDER BY d.webhook_id LIMIT 1)
              FROM busy WHERE busy.id IS NOT NULL)
        SELECT w.id, w.failures_in_row, w.open_until, w.probe_step, w.max_in_flight
          FROM busy JOIN webhooks AS w ON w.id = busy.id WHERE w.state IN ('active', 'failing')
           FOR NO KEY UPDATE OF w SKIP LOCKED"
    };
    IN_FLIGHT = "SELECT webhook_id, count(*) FROM webhook_deliveries WHERE state = 'delivering' GROUP BY webhook_id";
    // The first of each subscription come first, so that nobody waits behind one that has much.
    CLAIM = {
        sqlite concat!("
        UPDATE webhook_deliveries SET state = 'delivering', lease_until = $3, fence = fence + 1
         WHERE state = 'pending' AND id IN (
            SELECT id FROM (
                SELECT d.id, d.due_at, free.value ->> 1 AS hands,
                       row_number() OVER (PARTITION BY d.webhook_id ORDER BY d.due_at, d.id) AS place
                  FROM json_each($1) AS free CROSS JOIN webhook_deliveries AS d
                 WHERE d.id IN (
                    SELECT x.id FROM webhook_deliveries AS x
                     WHERE x.webhook_id = unhex(free.value ->> 0, '-') AND x.state = 'pending' AND x.due_at IS NOT NULL
                       AND x.due_at <= $2
                     ORDER BY x.due_at, x.id", most_in_flight!(), ")) AS ranked
             WHERE place <= hands ORDER BY place, due_at, id LIMIT $4)
        RETURNING id, fence"),
        postgres concat!("
        UPDATE webhook_deliveries SET state = 'delivering', lease_until = $3, fence = fence + 1
         WHERE state = 'pending' AND id IN (
            SELECT id FROM (
                SELECT d.id, d.due_at, (free.value ->> 1)::bigint AS hands,
                       row_number() OVER (PARTITION BY d.webhook_id ORDER BY d.due_at, d.id) AS place
                  FROM jsonb_array_elements($1::jsonb) AS free (value) CROSS JOIN LATERAL (
                    SELECT x.id, x.webhook_id, x.due_at FROM webhook_deliveries AS x
                     WHERE x.webhook_id = (free.value ->> 0)::uuid AND x.state = 'pending' AND x.due_at IS NOT NULL
                       AND x.due_at <= $2
                     ORDER BY x.due_at, x.id", most_in_flight!(), ") AS d) AS ranked
             WHERE place <= hands ORDER BY place, due_at, id LIMIT $4)
        RETURNING id, fence")
    };
    // The oldest that waits, due or not.
    PROBE = "
        UPDATE webhook_deliveries SET state = 'delivering', lease_until = $2, fence = fence + 1
         WHERE state = 'pending' AND id = (
            SELECT id FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'pending' AND due_at IS NOT NULL
             ORDER BY id LIMIT 1)
        RETURNING id, fence";
    LOAD = {
        sqlite "
        SELECT d.id, d.webhook_id, d.event_id, d.type, d.subject, d.sequence, d.is_ordered, d.slot, d.attempts,
               d.is_resent, d.began_at, d.fence, p.body, p.repository_id AS place, w.url, w.level, w.repository_id,
               w.account_id, w.created_by, w.managed_by
          FROM json_each($1) AS one CROSS JOIN webhook_deliveries AS d ON d.id = unhex(one.value ->> 0, '-')
          JOIN webhook_payloads AS p ON p.event_id = d.event_id AND p.content = d.content
          JOIN webhooks AS w ON w.id = d.webhook_id",
        postgres "
        SELECT d.id, d.webhook_id, d.event_id, d.type, d.subject, d.sequence, d.is_ordered, d.slot, d.attempts,
               d.is_resent, d.began_at, d.fence, p.body, p.repository_id AS place, w.url, w.level, w.repository_id,
               w.account_id, w.created_by, w.managed_by
          FROM jsonb_array_elements($1::jsonb) AS one (value)
          JOIN webhook_deliveries AS d ON d.id = (one.value ->> 0)::uuid
          JOIN webhook_payloads AS p ON p.event_id = d.event_id AND p.content = d.content
          JOIN webhooks AS w ON w.id = d.webhook_id"
    };
    // What is due and would go to a receiver that is left alone.
    DUE = "
        SELECT id, slot, attempts, began_at, subject, is_ordered, type, event_id, fence,
               (SELECT w.managed_by FROM webhooks AS w WHERE w.id = $1) AS managed_by
          FROM webhook_deliveries
         WHERE webhook_id = $1 AND state = 'pending' AND due_at IS NOT NULL AND due_at <= $2 ORDER BY due_at, id LIMIT $3";
    PASS_OVER = {
        sqlite "
        UPDATE webhook_deliveries
           SET slot = slot + 1, attempts = attempts + 1, due_at = passed.due_at, reason = 'circuit_open'
          FROM (SELECT unhex(value ->> 0, '-') AS id, value ->> 1 AS due_at FROM json_each($1)) AS passed
         WHERE webhook_deliveries.id = passed.id AND state = 'pending'",
        postgres "
        UPDATE webhook_deliveries
           SET slot = slot + 1, attempts = attempts + 1, due_at = passed.due_at, reason = 'circuit_open'
          FROM (SELECT (value ->> 0)::uuid AS id, (value ->> 1)::bigint AS due_at
                  FROM jsonb_array_elements($1::jsonb)) AS passed
         WHERE webhook_deliveries.id = passed.id AND state = 'pending'"
    };
    ADD_PASSED = {
        sqlite "
        INSERT INTO webhook_attempts (delivery_id, number, kind, started_at, duration_ms, outcome, fence)
        SELECT unhex(value ->> 0, '-'), value ->> 1, 'circuit_open', $2, 0, 'circuit_open', value ->> 2
          FROM json_each($1)",
        postgres "
        INSERT INTO webhook_attempts (delivery_id, number, kind, started_at, duration_ms, outcome, fence)
        SELECT (value ->> 0)::uuid, (value ->> 1)::bigint, 'circuit_open', $2, 0, 'circuit_open', (value ->> 2)::bigint
          FROM jsonb_array_elements($1::jsonb)"
    };
    ADD_ATTEMPT = "
        INSERT INTO webhook_attempts
            (delivery_id, number, kind, started_at, duration_ms, outcome, status, response_type, response_body, fence)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    HELD = {
        sqlite "SELECT attempts FROM webhook_deliveries WHERE id = $1 AND fence = $2 AND state = 'delivering'",
        postgres "
        SELECT attempts FROM webhook_deliveries WHERE id = $1 AND fence = $2 AND state = 'delivering' FOR UPDATE"
    };
    END = "
        UPDATE webhook_deliveries
           SET state = $2, reason = $3, attempts = $4, due_at = NULL, lease_until = NULL, finished_at = $5
         WHERE id = $1 AND state IN ('pending', 'delivering')";
    WAIT = "
        UPDATE webhook_deliveries
           SET state = 'pending', reason = $2, attempts = $3, slot = $4, due_at = $5, lease_until = NULL
         WHERE id = $1 AND state = 'delivering'";
    RELEASE = {
        sqlite "
        UPDATE webhook_deliveries SET state = 'pending', due_at = $2, lease_until = NULL
          FROM (SELECT unhex(value ->> 0, '-') AS id, value ->> 1 AS fence FROM json_each($1)) AS held
         WHERE webhook_deliveries.id = held.id AND webhook_deliveries.fence = held.fence AND state = 'delivering'",
        postgres "
        UPDATE webhook_deliveries SET state = 'pending', due_at = $2, lease_until = NULL
          FROM (SELECT (value ->> 0)::uuid AS id, (value ->> 1)::bigint AS fence
                  FROM jsonb_array_elements($1::jsonb)) AS held
         WHERE webhook_deliveries.id = held.id AND webhook_deliveries.fence = held.fence AND state = 'delivering'"
    };
    NEXT_OF_SUBJECT = "
        UPDATE webhook_deliveries SET due_at = $3
         WHERE state = 'pending' AND due_at IS NULL AND id = (
            SELECT id FROM webhook_deliveries
             WHERE webhook_id = $1 AND subject = $2 AND is_ordered AND state = 'pending' ORDER BY sequence, id LIMIT 1)";
    BREAKER = "
        SELECT state, failures_in_row, open_until, probe_step, is_draining FROM webhooks WHERE id = $1";
    BREAKER_HELD = {
        sqlite "SELECT state, failures_in_row, open_until, probe_step, is_draining FROM webhooks WHERE id = $1",
        postgres "
        SELECT state, failures_in_row, open_until, probe_step, is_draining FROM webhooks WHERE id = $1
           FOR NO KEY UPDATE"
    };
    SET_BREAKER = "
        UPDATE webhooks SET state = $2, failures_in_row = $3, open_until = $4, probe_step = $5, is_draining = $6
         WHERE id = $1";
    DRAIN = "
        UPDATE webhook_deliveries SET due_at = $2
         WHERE id IN (SELECT id FROM webhook_deliveries
                       WHERE webhook_id = $1 AND state = 'pending' AND due_at IS NOT NULL AND due_at > $2
                       ORDER BY id LIMIT $3)";
    // Outputs of runs that nobody has judged yet.
    COMPOSED = "
        SELECT id, event_id, subject FROM webhook_deliveries
         WHERE webhook_id = $1 AND type = 'run.composed' AND state = 'pending' ORDER BY id LIMIT 10000";
    DEAD_ALL = "
        UPDATE webhook_deliveries SET state = 'dead', reason = 'gone', due_at = NULL, finished_at = $2
         WHERE webhook_id = $1 AND state = 'pending'";
}

/// When there is something to do: at once, and later.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Next {
    /// The first that is due, or was.
    pub(super) due: Option<UnixMillis>,
    pub(super) due_later: Option<UnixMillis>,
    pub(super) lease: Option<UnixMillis>,
    pub(super) probe: Option<UnixMillis>,
    pub(super) probe_later: Option<UnixMillis>,
}

type NextRow = (Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<i64>);

pub(super) async fn next(tx: &mut Tx, now: UnixMillis) -> Result<Next, Error> {
    let row: NextRow = db::fetch_one!(tx, NEXT, now.0)?;
    let at = |it: Option<i64>| it.map(UnixMillis);
    Ok(Next {
        due: at(row.0),
        due_later: at(row.1),
        lease: at(row.2),
        probe: at(row.3),
        probe_later: at(row.4),
    })
}

/// Makes what a lease has ended of due again; gives how many.
pub(super) async fn lapse(tx: &mut Tx, now: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, LAPSE, now.0)
}

/// The same for everything that is on its way: for where nobody else can hold a lease.
pub(super) async fn take_over(tx: &mut Tx, now: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, TAKE_OVER, now.0)
}

/// A subscription that has something to do.
pub(super) struct Busy {
    pub(super) id: Id<Webhook>,
    pub(super) breaker: Breaker,
    pub(super) max_in_flight: u32,
}

pub(super) async fn busy(tx: &mut Tx) -> Result<Vec<Busy>, Error> {
    let rows: Vec<(Uuid, i64, Option<i64>, i64, i64)> = db::fetch_all!(tx, BUSY)?;
    let typed = |(id, failures, open_until, step, most): (Uuid, _, _, _, i64)| {
        Ok(Busy {
            id: Id::from_uuid(id),
            breaker: breaker_of(failures, open_until, step)?,
            max_in_flight: most.try_into().map_err(Error::corrupt("webhooks.max_in_flight"))?,
        })
    };
    rows.into_iter().map(typed).collect()
}

/// How many deliveries of each subscription are on their way.
pub(super) async fn in_flight(tx: &mut Tx) -> Result<Vec<(Id<Webhook>, u32)>, Error> {
    let rows: Vec<(Uuid, i64)> = db::fetch_all!(tx, IN_FLIGHT)?;
    let typed = |(id, count)| (Id::from_uuid(id), u32::try_from(count).unwrap_or(u32::MAX));
    Ok(rows.into_iter().map(typed).collect())
}

fn leases(rows: Vec<(Uuid, i64)>) -> Vec<Lease> {
    rows.into_iter().map(|(id, fence)| Lease { id: Id::from_uuid(id), fence }).collect()
}

fn pairs(leases: &[Lease]) -> String {
    db::rows(leases.iter().map(|it| (it.id, it.fence)))
}

/// Claims what is due of these subscriptions, as far as each has hands.
pub(super) async fn claim(
    tx: &mut Tx,
    of: &[Free],
    (now, until): (UnixMillis, UnixMillis),
    limit: usize,
) -> Result<Vec<Lease>, Error> {
    let of = db::rows(of.iter().map(|it| (it.webhook, it.hands)));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<(Uuid, i64)> = db::fetch_all!(tx, CLAIM, of, now.0, until.0, limit)?;
    Ok(leases(rows))
}

pub(super) async fn claim_probe(
    tx: &mut Tx,
    of: Id<Webhook>,
    until: UnixMillis,
) -> Result<Option<Lease>, Error> {
    let rows: Vec<(Uuid, i64)> = db::fetch_all!(tx, PROBE, of.uuid(), until.0)?;
    Ok(leases(rows).pop())
}

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    id: Uuid,
    webhook_id: Uuid,
    event_id: Uuid,
    r#type: String,
    subject: String,
    sequence: i64,
    is_ordered: bool,
    slot: i64,
    attempts: i64,
    is_resent: bool,
    began_at: i64,
    fence: i64,
    body: Vec<u8>,
    url: String,
    level: String,
    repository_id: Option<Uuid>,
    account_id: Option<Uuid>,
    created_by: Uuid,
    managed_by: Option<Uuid>,
    /// The repository in which it happened.
    place: Option<Uuid>,
}

impl TryFrom<ClaimedRow> for Claimed {
    type Error = Error;

    fn try_from(row: ClaimedRow) -> Result<Self, Error> {
        let number = |it: i64| u32::try_from(it).map_err(Error::corrupt("webhook_deliveries"));
        Ok(Self {
            lease: Lease { id: Id::from_uuid(row.id), fence: row.fence },
            webhook: Id::from_uuid(row.webhook_id),
            event: Id::from_uuid(row.event_id),
            kind: row.r#type,
            subject: row.subject.parse().map_err(Error::corrupt("webhook_deliveries.subject"))?,
            sequence: row.sequence,
            is_ordered: row.is_ordered,
            slot: number(row.slot)?,
            attempts: number(row.attempts)?,
            attempt: if row.is_resent { AttemptKind::Resend } else { AttemptKind::Try },
            began_at: UnixMillis(row.began_at),
            body: row.body,
            url: row.url,
            realm: realm_of(&row.level, row.repository_id, row.account_id)?,
            owner: Id::from_uuid(row.created_by),
            manager: row.managed_by,
            repository: row.place,
        })
    }
}

/// All that a try needs to know, bodies included.
pub(super) async fn load(tx: &mut Tx, claimed: &[Lease]) -> Result<Vec<Claimed>, Error> {
    let rows: Vec<ClaimedRow> = db::fetch_all!(tx, LOAD, pairs(claimed))?;
    rows.into_iter().map(Claimed::try_from).collect()
}

#[derive(sqlx::FromRow)]
struct DueRow {
    id: Uuid,
    slot: i64,
    attempts: i64,
    began_at: i64,
    subject: String,
    is_ordered: bool,
    r#type: String,
    event_id: Uuid,
    fence: i64,
    managed_by: Option<Uuid>,
}

/// What of a subscription is due, and how it would be tried next.
pub(super) async fn due(
    tx: &mut Tx,
    of: Id<Webhook>,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<Passed>, Error> {
    let rows: Vec<DueRow> = db::fetch_all!(tx, DUE, of.uuid(), now.0, i64::from(limit))?;
    let number = |it: i64| u32::try_from(it).map_err(Error::corrupt("webhook_deliveries"));
    let typed = |row: DueRow| {
        Ok(Passed {
            lease: Lease { id: Id::from_uuid(row.id), fence: row.fence },
            slot: number(row.slot)?,
            attempts: number(row.attempts)?,
            began_at: UnixMillis(row.began_at),
            subject: row.subject,
            is_ordered: row.is_ordered,
            kind: row.r#type,
            event: Id::from_uuid(row.event_id),
            manager: row.managed_by,
        })
    };
    rows.into_iter().map(typed).collect()
}

/// Moves deliveries along their schedule without a try, each to its next moment.
pub(super) async fn pass_over(tx: &mut Tx, passed: &[(&Passed, UnixMillis)]) -> Result<u64, Error> {
    let rows = db::rows(passed.iter().map(|(it, due)| (it.lease.id, due.0)));
    db::execute!(tx, PASS_OVER, rows)
}

/// Writes down that nothing was sent.
pub(super) async fn add_passed(
    tx: &mut Tx,
    passed: &[Passed],
    now: UnixMillis,
) -> Result<(), Error> {
    let rows = db::rows(passed.iter().map(|it| (it.lease.id, it.attempts + 1, it.lease.fence)));
    db::execute!(tx, ADD_PASSED, rows, now.0).map(drop)
}

pub(super) async fn add_attempt(tx: &mut Tx, lease: Lease, it: &AttemptRow) -> Result<(), Error> {
    db::execute!(
        tx,
        ADD_ATTEMPT,
        lease.id.uuid(),
        i64::from(it.number),
        it.kind.as_str(),
        it.started_at.0,
        i64::try_from(it.duration.as_millis()).unwrap_or(i64::MAX),
        it.outcome,
        it.status.map(i64::from),
        it.response_type.as_deref(),
        it.response_body.as_deref(),
        lease.fence,
    )
    .map(drop)
}

/// Whether the lease still holds; from here to the end of the transaction it does.
pub(super) async fn is_held(tx: &mut Tx, lease: Lease) -> Result<bool, Error> {
    let row: Option<(i64,)> = db::fetch_optional!(tx, HELD, lease.id.uuid(), lease.fence)?;
    Ok(row.is_some())
}

/// Ends a delivery.
pub(super) async fn end(
    tx: &mut Tx,
    id: Id<Delivery>,
    (state, reason): (DeliveryState, Option<&str>),
    attempts: u32,
    now: UnixMillis,
) -> Result<(), Error> {
    let attempts = i64::from(attempts);
    db::execute!(tx, END, id.uuid(), state.as_str(), reason, attempts, now.0).map(drop)
}

/// Has a delivery wait for its next try.
pub(super) async fn wait(
    tx: &mut Tx,
    id: Id<Delivery>,
    reason: &str,
    (attempts, slot): (u32, u32),
    due: UnixMillis,
) -> Result<(), Error> {
    let (attempts, slot) = (i64::from(attempts), i64::from(slot));
    db::execute!(tx, WAIT, id.uuid(), reason, attempts, slot, due.0).map(drop)
}

/// Hands leases back: the deliveries are due at `at`.
pub(super) async fn release(tx: &mut Tx, held: &[Lease], at: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, RELEASE, pairs(held), at.0)
}

/// Makes the next of a subject due; the one before it has ended, and the subject is held.
pub(super) async fn next_of_subject(
    tx: &mut Tx,
    webhook: Id<Webhook>,
    subject: &str,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, NEXT_OF_SUBJECT, webhook.uuid(), subject, now.0).map(drop)
}

/// How a receiver does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Health {
    pub(super) state: State,
    pub(super) breaker: Breaker,
    /// What waits is made due, and not all of it is yet.
    pub(super) is_draining: bool,
}

type HealthRow = (String, i64, Option<i64>, i64, bool);

fn health_of(row: HealthRow) -> Result<Health, Error> {
    let (state, failures, open_until, step, is_draining) = row;
    Ok(Health {
        state: state.parse().map_err(Error::corrupt("webhooks.state"))?,
        breaker: breaker_of(failures, open_until, step)?,
        is_draining,
    })
}

pub(super) async fn health(tx: &mut Tx, id: Id<Webhook>) -> Result<Health, Error> {
    health_of(db::fetch_one!(tx, BREAKER, id.uuid())?)
}

/// The same; from here to the end of the transaction nobody changes it.
pub(super) async fn health_held(tx: &mut Tx, id: Id<Webhook>) -> Result<Health, Error> {
    health_of(db::fetch_one!(tx, BREAKER_HELD, id.uuid())?)
}

pub(super) async fn set_health(tx: &mut Tx, id: Id<Webhook>, it: Health) -> Result<(), Error> {
    db::execute!(
        tx,
        SET_BREAKER,
        id.uuid(),
        it.state.as_str(),
        i64::from(it.breaker.failures_in_row),
        it.breaker.open_until.map(|at| at.0),
        i64::from(it.breaker.probe_step),
        it.is_draining,
    )
    .map(drop)
}

/// Makes the oldest that wait due; gives how many.
pub(super) async fn drain(
    tx: &mut Tx,
    id: Id<Webhook>,
    now: UnixMillis,
    limit: u32,
) -> Result<u64, Error> {
    db::execute!(tx, DRAIN, id.uuid(), now.0, i64::from(limit))
}

/// Gives up all that waits for a receiver that is gone.
pub(super) async fn give_up(tx: &mut Tx, id: Id<Webhook>, now: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, DEAD_ALL, id.uuid(), now.0)
}

/// Outputs of runs that wait for an answer: which, of which event, of which run.
pub(super) async fn composed(
    tx: &mut Tx,
    of: Id<Webhook>,
) -> Result<Vec<(Id<Delivery>, Id<EventRow>, String)>, Error> {
    let rows: Vec<(Uuid, Uuid, String)> = db::fetch_all!(tx, COMPOSED, of.uuid())?;
    let typed = |(id, event, run)| (Id::from_uuid(id), Id::from_uuid(event), run);
    Ok(rows.into_iter().map(typed).collect())
}
