//! The tables `webhooks` and `webhook_secrets`.

use db::{Error, Tx};
use keys::Sealed;
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{
    Webhook, Wishes,
    secrets::{ShownSecret, Stored},
};
use crate::{Breaker, Patterns, Realm};

macro_rules! webhook {
    () => {
        "SELECT w.id, w.level, w.repository_id, w.account_id, w.url, w.events, w.content, w.ordering, w.confidential,
               w.filter, w.max_in_flight, w.description, w.state, w.failures_in_row, w.open_until, w.probe_step,
               w.created_by, w.created_at, w.version, w.managed_by,
               (SELECT d.created_at FROM webhook_deliveries AS d WHERE d.webhook_id = w.id ORDER BY d.id DESC LIMIT 1)
                   AS last_delivery
          FROM webhooks AS w"
    };
}

/// Subscriptions of one realm: `$1` is its word, `$2` the repository, `$3` the account.
macro_rules! of_realm {
    () => {
        " WHERE w.state <> 'deleted' AND w.level = $1
            AND (w.level = 'installation' OR w.repository_id = $2 OR w.account_id = $3)"
    };
}

db::statements! {
    FIND = (concat!(webhook!(), " WHERE w.id = $1 AND w.state <> 'deleted'"));
    // Those that somebody made come first: of what is managed there may be more than fit.
    OF_REALM = (concat!(webhook!(), of_realm!(), "
         ORDER BY CASE WHEN w.managed_by IS NULL THEN 0 ELSE 1 END, w.id LIMIT 500"));
    COUNT = (concat!("SELECT count(*) FROM webhooks AS w", of_realm!(), " AND w.managed_by IS NULL"));
    MANAGED = (concat!(webhook!(), " WHERE w.managed_by = $1 AND w.state <> 'deleted'"));
    ADD = "
        INSERT INTO webhooks
            (id, level, repository_id, account_id, url, events, content, ordering, confidential, filter, max_in_flight,
             description, state, created_by, created_at, version, managed_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    SET = "
        UPDATE webhooks
           SET url = $2, events = $3, content = $4, ordering = $5, confidential = $6, filter = $7, max_in_flight = $8,
               description = $9, state = $10, failures_in_row = $11, open_until = $12, probe_step = $13, version = $14
         WHERE id = $1";
    DELETE = "
        UPDATE webhooks
           SET state = 'deleted', failures_in_row = 0, open_until = NULL, probe_step = 0, version = version + 1
         WHERE id = $1";
    DELETE_SECRETS = "DELETE FROM webhook_secrets WHERE webhook_id = $1";
    SECRETS = {
        sqlite "
        SELECT id, webhook_id, sealed_dek, sealed_value, last4, created_at, expires_at FROM webhook_secrets
         WHERE webhook_id IN (SELECT unhex(value ->> 0, '-') FROM json_each($1)) AND (expires_at IS NULL OR expires_at > $2)
         ORDER BY CASE WHEN expires_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC",
        postgres "
        SELECT id, webhook_id, sealed_dek, sealed_value, last4, created_at, expires_at FROM webhook_secrets
         WHERE webhook_id IN (SELECT (value ->> 0)::uuid FROM jsonb_array_elements($1::jsonb) AS value)
           AND (expires_at IS NULL OR expires_at > $2)
         ORDER BY CASE WHEN expires_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC"
    };
    ADD_SECRET = "
        INSERT INTO webhook_secrets (id, webhook_id, key_id, sealed_dek, sealed_value, last4, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    END_SECRET = "UPDATE webhook_secrets SET expires_at = $2 WHERE id = $1";
    REMOVE_SECRET = "DELETE FROM webhook_secrets WHERE id = $1";
    SEALED = "SELECT id, key_id, sealed_dek, sealed_value FROM webhook_secrets ORDER BY id";
    SET_SEALED = "UPDATE webhook_secrets SET key_id = $2, sealed_dek = $3, sealed_value = $4 WHERE id = $1";
}

#[derive(sqlx::FromRow)]
struct Kept {
    id: Uuid,
    level: String,
    repository_id: Option<Uuid>,
    account_id: Option<Uuid>,
    url: String,
    events: String,
    content: String,
    ordering: String,
    confidential: bool,
    filter: String,
    max_in_flight: i64,
    description: String,
    state: String,
    failures_in_row: i64,
    open_until: Option<i64>,
    probe_step: i64,
    created_by: Uuid,
    created_at: i64,
    version: i64,
    managed_by: Option<Uuid>,
    last_delivery: Option<i64>,
}

/// The realm of a row.
pub(crate) fn realm_of(
    level: &str,
    repository: Option<Uuid>,
    account: Option<Uuid>,
) -> Result<Realm, Error> {
    match (level, repository, account) {
        ("repository", Some(id), None) => Ok(Realm::Repository(id)),
        ("organization", None, Some(id)) => Ok(Realm::Organization(Id::from_uuid(id))),
        ("publisher", None, Some(id)) => Ok(Realm::Publisher(Id::from_uuid(id))),
        ("installation", None, None) => Ok(Realm::Installation),
        (other, _, _) => Err(Error::corrupt("webhooks.level")(other)),
    }
}

/// The words that a row asks for.
pub(crate) fn patterns_of(events: &str) -> Result<Patterns, Error> {
    let words: Vec<String> =
        serde_json::from_str(events).map_err(Error::corrupt("webhooks.events"))?;
    Patterns::parse(words.iter().map(String::as_str)).map_err(Error::corrupt("webhooks.events"))
}

/// The state of a row's breaker.
pub(crate) fn breaker_of(
    failures_in_row: i64,
    open_until: Option<i64>,
    probe_step: i64,
) -> Result<Breaker, Error> {
    Ok(Breaker {
        failures_in_row: failures_in_row
            .try_into()
            .map_err(Error::corrupt("webhooks.failures_in_row"))?,
        open_until: open_until.map(UnixMillis),
        probe_step: probe_step.try_into().map_err(Error::corrupt("webhooks.probe_step"))?,
    })
}

impl TryFrom<Kept> for (Webhook, Option<UnixMillis>) {
    type Error = Error;

    fn try_from(row: Kept) -> Result<Self, Error> {
        let wishes = Wishes {
            url: row.url,
            events: patterns_of(&row.events)?,
            content: row.content.parse().map_err(Error::corrupt("webhooks.content"))?,
            ordering: row.ordering.parse().map_err(Error::corrupt("webhooks.ordering"))?,
            confidential: row.confidential,
            filter: serde_json::from_str(&row.filter).map_err(Error::corrupt("webhooks.filter"))?,
            max_in_flight: row
                .max_in_flight
                .try_into()
                .map_err(Error::corrupt("webhooks.max_in_flight"))?,
            description: row.description,
        };
        let webhook = Webhook {
            id: Id::from_uuid(row.id),
            realm: realm_of(&row.level, row.repository_id, row.account_id)?,
            wishes,
            state: row.state.parse().map_err(Error::corrupt("webhooks.state"))?,
            breaker: breaker_of(row.failures_in_row, row.open_until, row.probe_step)?,
            created_by: Id::from_uuid(row.created_by),
            created_at: UnixMillis(row.created_at),
            version: row.version.try_into().map_err(Error::corrupt("webhooks.version"))?,
            managed_by: row.managed_by,
        };
        Ok((webhook, row.last_delivery.map(UnixMillis)))
    }
}

/// What a realm's subscriptions are found by: its word, the repository, the account.
pub(crate) fn columns(realm: Realm) -> (&'static str, Option<Uuid>, Option<Uuid>) {
    let (repository, account) = match realm {
        Realm::Repository(id) => (Some(id), None),
        Realm::Organization(id) | Realm::Publisher(id) => (None, Some(id.uuid())),
        Realm::Installation => (None, None),
    };
    (realm.as_str(), repository, account)
}

fn json(value: &impl serde::Serialize) -> String {
    // Lists of texts always serialize.
    serde_json::to_string(value).unwrap_or_default()
}

pub(crate) async fn find(
    tx: &mut Tx,
    id: Id<Webhook>,
) -> Result<Option<(Webhook, Option<UnixMillis>)>, Error> {
    let row: Option<Kept> = db::fetch_optional!(tx, FIND, id.uuid())?;
    row.map(TryInto::try_into).transpose()
}

/// The subscription that something manages.
pub(super) async fn managed(
    tx: &mut Tx,
    manager: Uuid,
) -> Result<Option<(Webhook, Option<UnixMillis>)>, Error> {
    let row: Option<Kept> = db::fetch_optional!(tx, MANAGED, manager)?;
    row.map(TryInto::try_into).transpose()
}

pub(super) async fn of_realm(
    tx: &mut Tx,
    realm: Realm,
) -> Result<Vec<(Webhook, Option<UnixMillis>)>, Error> {
    let (word, repository, account) = columns(realm);
    let rows: Vec<Kept> = db::fetch_all!(tx, OF_REALM, word, repository, account)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(super) async fn count(tx: &mut Tx, realm: Realm) -> Result<u32, Error> {
    let (word, repository, account) = columns(realm);
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, word, repository, account)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

pub(super) async fn add(tx: &mut Tx, it: &Webhook) -> Result<(), Error> {
    let (word, repository, account) = columns(it.realm);
    let wishes = &it.wishes;
    db::execute!(
        tx,
        ADD,
        it.id.uuid(),
        word,
        repository,
        account,
        &wishes.url,
        json(&wishes.events.words()),
        wishes.content.as_str(),
        wishes.ordering.as_str(),
        wishes.confidential,
        json(&wishes.filter),
        i64::from(wishes.max_in_flight),
        &wishes.description,
        it.state.as_str(),
        it.created_by.uuid(),
        it.created_at.0,
        i64::try_from(it.version).unwrap_or(i64::MAX),
        it.managed_by,
    )
    .map(drop)
}

/// Writes what an owner can change.
pub(super) async fn set(tx: &mut Tx, it: &Webhook) -> Result<(), Error> {
    let (wishes, breaker) = (&it.wishes, it.breaker);
    db::execute!(
        tx,
        SET,
        it.id.uuid(),
        &wishes.url,
        json(&wishes.events.words()),
        wishes.content.as_str(),
        wishes.ordering.as_str(),
        wishes.confidential,
        json(&wishes.filter),
        i64::from(wishes.max_in_flight),
        &wishes.description,
        it.state.as_str(),
        i64::from(breaker.failures_in_row),
        breaker.open_until.map(|at| at.0),
        i64::from(breaker.probe_step),
        i64::try_from(it.version).unwrap_or(i64::MAX),
    )
    .map(drop)
}

pub(super) async fn delete(tx: &mut Tx, id: Id<Webhook>) -> Result<(), Error> {
    db::execute!(tx, DELETE, id.uuid())?;
    db::execute!(tx, DELETE_SECRETS, id.uuid()).map(drop)
}

#[derive(sqlx::FromRow)]
struct SecretRow {
    id: Uuid,
    webhook_id: Uuid,
    sealed_dek: Vec<u8>,
    sealed_value: Vec<u8>,
    last4: String,
    created_at: i64,
    expires_at: Option<i64>,
}

/// The active secrets of subscriptions, the newest of each first.
pub(super) async fn secrets(
    tx: &mut Tx,
    of: &[Id<Webhook>],
    now: UnixMillis,
) -> Result<Vec<Stored>, Error> {
    let of = db::rows(of.iter().map(|id| (id,)));
    let rows: Vec<SecretRow> = db::fetch_all!(tx, SECRETS, of, now.0)?;
    let stored = rows.into_iter().map(|row| Stored {
        webhook: Id::from_uuid(row.webhook_id),
        shown: ShownSecret {
            id: Id::from_uuid(row.id),
            last4: row.last4,
            created_at: UnixMillis(row.created_at),
            expires_at: row.expires_at.map(UnixMillis),
        },
        sealed: Sealed { data_key: row.sealed_dek, value: row.sealed_value },
    });
    Ok(stored.collect())
}

pub(super) async fn add_secret(
    tx: &mut Tx,
    webhook: Id<Webhook>,
    secret: &ShownSecret,
    (key_id, sealed): (&str, &Sealed),
) -> Result<(), Error> {
    db::execute!(
        tx,
        ADD_SECRET,
        secret.id.uuid(),
        webhook.uuid(),
        key_id,
        &sealed.data_key,
        &sealed.value,
        &secret.last4,
        secret.created_at.0,
    )
    .map(drop)
}

/// Says when a secret ends, or that it does not.
pub(super) async fn end_secret(
    tx: &mut Tx,
    id: Id<ShownSecret>,
    at: Option<UnixMillis>,
) -> Result<(), Error> {
    db::execute!(tx, END_SECRET, id.uuid(), at.map(|at| at.0)).map(drop)
}

pub(super) async fn remove_secret(tx: &mut Tx, id: Id<ShownSecret>) -> Result<(), Error> {
    db::execute!(tx, REMOVE_SECRET, id.uuid()).map(drop)
}

/// All secrets, each with the install key that seals it.
pub(super) async fn sealed(tx: &mut Tx) -> Result<Vec<(Uuid, String, Sealed)>, Error> {
    let rows: Vec<(Uuid, String, Vec<u8>, Vec<u8>)> = db::fetch_all!(tx, SEALED)?;
    let typed = |(id, key_id, data_key, value)| (id, key_id, Sealed { data_key, value });
    Ok(rows.into_iter().map(typed).collect())
}

pub(super) async fn set_sealed(
    tx: &mut Tx,
    id: Uuid,
    key_id: &str,
    sealed: &Sealed,
) -> Result<(), Error> {
    db::execute!(tx, SET_SEALED, id, key_id, &sealed.data_key, &sealed.value).map(drop)
}
