//! The table `oauth_clients`, and what flows keep in `one_time_codes` and `tokens`.

use db::{Error, Tx};
use keys::TokenText;
use names::{Id, UnixMillis};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{AUDIENCE, Agreed, Application, Line, RedirectUri};
use crate::{Key, Token, TokenKind};

macro_rules! application {
    () => {
        "id, name, redirect_uris, metadata_url"
    };
}

db::statements! {
    ADD_CODE = "
        INSERT INTO one_time_codes (id, purpose, code_hash, principal_id, key_id, payload, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (code_hash) DO NOTHING";
    DELETE_ENDED = "DELETE FROM one_time_codes WHERE expires_at < $1";
    COUNT_CODES = "SELECT count(*) FROM one_time_codes WHERE purpose = $1";
    CODE_BY_ID = {
        // The transaction holds SQLite's one write lock already.
        sqlite "SELECT id, principal_id, key_id, payload, expires_at, used_at FROM one_time_codes
                 WHERE purpose = $1 AND id = $2",
        postgres "SELECT id, principal_id, key_id, payload, expires_at, used_at FROM one_time_codes
                   WHERE purpose = $1 AND id = $2 FOR UPDATE"
    };
    CODE_BY_HASH = {
        sqlite "SELECT id, principal_id, key_id, payload, expires_at, used_at FROM one_time_codes
                 WHERE purpose = $1 AND code_hash = $2",
        postgres "SELECT id, principal_id, key_id, payload, expires_at, used_at FROM one_time_codes
                   WHERE purpose = $1 AND code_hash = $2 FOR UPDATE"
    };
    PEEK_CODE = "
        SELECT id, principal_id, key_id, payload, expires_at, used_at FROM one_time_codes
         WHERE purpose = $1 AND code_hash = $2";
    SAVE_CODE = "UPDATE one_time_codes SET payload = $2, principal_id = $3, key_id = $4 WHERE id = $1";
    USE_CODE = "UPDATE one_time_codes SET used_at = $2 WHERE id = $1";
    KEY_LIVES = "SELECT count(*) FROM keys WHERE id = $1 AND revoked_at IS NULL";
    ADD_APPLICATION = "
        INSERT INTO oauth_clients (id, name, redirect_uris, created_at) VALUES ($1, $2, $3, $4)";
    ADOPT_APPLICATION = (concat!("
        INSERT INTO oauth_clients (id, name, redirect_uris, metadata_url, created_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (metadata_url) DO UPDATE SET name = excluded.name, redirect_uris = excluded.redirect_uris
        RETURNING ", application!()));
    APPLICATION_BY_ID = (concat!("SELECT ", application!(), " FROM oauth_clients WHERE id = $1"));
    APPLICATION_BY_URL = (concat!("SELECT ", application!(), " FROM oauth_clients WHERE metadata_url = $1"));
    NOTE_APPLICATION = "UPDATE oauth_clients SET last_used_at = $2 WHERE id = $1";
    COUNT_UNUSED = "SELECT count(*) FROM oauth_clients WHERE last_used_at IS NULL";
    FORGET_UNUSED = "DELETE FROM oauth_clients WHERE last_used_at IS NULL AND created_at < $1";
    ADD_TOKEN = "
        INSERT INTO tokens (id, line_id, kind, hash, last8, principal_id, scope, label, minted_by, minted_with, source,
                            audience, client_id, created_at, expires_at, uses_left)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'oauth', $11, $12, $13, $14, $15)";
    TAKE_REFRESH = "
        UPDATE tokens SET uses_left = 0, last_used_at = $3
         WHERE hash = $1 AND client_id = $2 AND kind = 'refresh' AND uses_left = 1 AND revoked_at IS NULL
           AND expires_at > $3
        RETURNING line_id, principal_id, minted_by, minted_with, scope, label, expires_at";
    LINE_OF_REFRESH = "SELECT line_id FROM tokens WHERE hash = $1 AND kind = 'refresh' AND uses_left = 0";
    END_AGENT_TOKENS = "
        UPDATE tokens SET revoked_at = $2 WHERE line_id = $1 AND kind = 'agent' AND revoked_at IS NULL";
    END_LINE = "UPDATE tokens SET revoked_at = $2 WHERE line_id = $1 AND revoked_at IS NULL";
}

/// A code, whatever it is for, while its transaction holds it.
pub(super) struct Code<T> {
    pub(super) id: Uuid,
    pub(super) agreed: Option<Agreed>,
    pub(super) payload: T,
    pub(super) expires_at: UnixMillis,
    pub(super) is_used: bool,
}

#[derive(sqlx::FromRow)]
struct CodeRow {
    id: Uuid,
    principal_id: Option<Uuid>,
    key_id: Option<Uuid>,
    payload: String,
    expires_at: i64,
    used_at: Option<i64>,
}

impl<T: DeserializeOwned> TryFrom<CodeRow> for Code<T> {
    type Error = Error;

    fn try_from(row: CodeRow) -> Result<Self, Error> {
        let key = row.key_id.map(Id::from_uuid);
        Ok(Self {
            id: row.id,
            agreed: row.principal_id.map(|it| Agreed { person: Id::from_uuid(it), key }),
            payload: serde_json::from_str(&row.payload)
                .map_err(Error::corrupt("one_time_codes.payload"))?,
            expires_at: UnixMillis(row.expires_at),
            is_used: row.used_at.is_some(),
        })
    }
}

#[derive(sqlx::FromRow)]
struct ApplicationRow {
    id: Uuid,
    name: String,
    redirect_uris: String,
    metadata_url: Option<String>,
}

impl TryFrom<ApplicationRow> for Application {
    type Error = Error;

    fn try_from(row: ApplicationRow) -> Result<Self, Error> {
        let redirect_uris = serde_json::from_str(&row.redirect_uris);
        Ok(Self {
            id: Id::from_uuid(row.id),
            name: row.name,
            redirect_uris: redirect_uris.map_err(Error::corrupt("oauth_clients.redirect_uris"))?,
            metadata_url: row.metadata_url,
        })
    }
}

/// What a refresh token was good for.
#[derive(sqlx::FromRow)]
pub(super) struct RefreshRow {
    pub(super) line_id: Uuid,
    pub(super) principal_id: Uuid,
    pub(super) minted_by: Uuid,
    pub(super) minted_with: Option<Uuid>,
    pub(super) scope: String,
    pub(super) label: String,
    pub(super) expires_at: i64,
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::corrupt("one_time_codes.payload"))
}

/// Adds a code; `false` if there is one like it.
pub(super) async fn add_code(
    tx: &mut Tx,
    id: Uuid,
    purpose: &str,
    hash: &[u8; 32],
    agreed: Option<Agreed>,
    (payload, expires_at): (&impl Serialize, UnixMillis),
) -> Result<bool, Error> {
    let (person, key) = columns(agreed);
    let payload = json(payload)?;
    let added =
        db::execute!(tx, ADD_CODE, id, purpose, &hash[..], person, key, payload, expires_at.0)?;
    Ok(added == 1)
}

fn columns(agreed: Option<Agreed>) -> (Option<Uuid>, Option<Uuid>) {
    (agreed.map(|it| it.person.uuid()), agreed.and_then(|it| it.key).map(Id::uuid))
}

pub(super) async fn delete_ended(tx: &mut Tx, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, DELETE_ENDED, now.0).map(drop)
}

pub(super) async fn count_codes(tx: &mut Tx, purpose: &str) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_CODES, purpose)?;
    Ok(count)
}

/// The code of that row, held until the transaction ends.
pub(super) async fn code_by_id<T: DeserializeOwned>(
    tx: &mut Tx,
    purpose: &str,
    id: Uuid,
) -> Result<Option<Code<T>>, Error> {
    let row: Option<CodeRow> = db::fetch_optional!(tx, CODE_BY_ID, purpose, id)?;
    row.map(Code::try_from).transpose()
}

/// The same by what was stored of it.
pub(super) async fn code_by_hash<T: DeserializeOwned>(
    tx: &mut Tx,
    purpose: &str,
    hash: &[u8; 32],
) -> Result<Option<Code<T>>, Error> {
    let row: Option<CodeRow> = db::fetch_optional!(tx, CODE_BY_HASH, purpose, &hash[..])?;
    row.map(Code::try_from).transpose()
}

/// The same without holding it.
pub(super) async fn peek_code<T: DeserializeOwned>(
    tx: &mut Tx,
    purpose: &str,
    hash: &[u8; 32],
) -> Result<Option<Code<T>>, Error> {
    let row: Option<CodeRow> = db::fetch_optional!(tx, PEEK_CODE, purpose, &hash[..])?;
    row.map(Code::try_from).transpose()
}

/// Keeps what became of a code.
pub(super) async fn save_code<T: Serialize>(tx: &mut Tx, code: &Code<T>) -> Result<(), Error> {
    let (person, key) = columns(code.agreed);
    db::execute!(tx, SAVE_CODE, code.id, json(&code.payload)?, person, key).map(drop)
}

pub(super) async fn use_code(tx: &mut Tx, id: Uuid, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, USE_CODE, id, now.0).map(drop)
}

pub(super) async fn key_lives(tx: &mut Tx, key: Id<Key>) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, KEY_LIVES, key.uuid())?;
    Ok(count == 1)
}

fn list(addresses: &[RedirectUri]) -> Result<String, Error> {
    serde_json::to_string(addresses).map_err(Error::corrupt("oauth_clients.redirect_uris"))
}

pub(super) async fn add_application(
    tx: &mut Tx,
    new: &Application,
    now: UnixMillis,
) -> Result<(), Error> {
    let addresses = list(&new.redirect_uris)?;
    db::execute!(tx, ADD_APPLICATION, new.id.uuid(), &new.name, addresses, now.0).map(drop)
}

/// Takes over what a document says, which may be known already.
pub(super) async fn adopt_application(
    tx: &mut Tx,
    new: &Application,
    now: UnixMillis,
) -> Result<Application, Error> {
    let (id, addresses) = (new.id.uuid(), list(&new.redirect_uris)?);
    let row: ApplicationRow = db::fetch_one!(
        tx,
        ADOPT_APPLICATION,
        id,
        &new.name,
        addresses,
        new.metadata_url.as_deref(),
        now.0
    )?;
    row.try_into()
}

pub(super) async fn application_by_id(tx: &mut Tx, id: Uuid) -> Result<Option<Application>, Error> {
    let row: Option<ApplicationRow> = db::fetch_optional!(tx, APPLICATION_BY_ID, id)?;
    row.map(Application::try_from).transpose()
}

pub(super) async fn application_by_url(
    tx: &mut Tx,
    url: &str,
) -> Result<Option<Application>, Error> {
    let row: Option<ApplicationRow> = db::fetch_optional!(tx, APPLICATION_BY_URL, url)?;
    row.map(Application::try_from).transpose()
}

pub(super) async fn note_application(
    tx: &mut Tx,
    id: Uuid,
    now: UnixMillis,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, NOTE_APPLICATION, id, now.0)? == 1)
}

pub(super) async fn count_unused(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_UNUSED)?;
    Ok(count)
}

/// Forgets applications that were registered before and never used; gives how many.
pub(super) async fn forget_unused(tx: &mut Tx, before: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, FORGET_UNUSED, before.0)
}

pub(super) async fn add_token(
    tx: &mut Tx,
    id: Id<Token>,
    line: Line<'_>,
    kind: TokenKind,
    text: &TokenText,
    (now, expires_at): (UnixMillis, UnixMillis),
) -> Result<(), Error> {
    let Line { id: line, promise, agreed } = line;
    let (person, key) = columns(Some(agreed));
    let scope = serde_json::to_string(&promise.scope).map_err(Error::corrupt("tokens.scope"))?;
    let uses_left = (kind == TokenKind::Refresh).then_some(1_i64);
    db::execute!(
        tx,
        ADD_TOKEN,
        id.uuid(),
        line.uuid(),
        kind.as_str(),
        &text.hash()[..],
        text.last8(),
        promise.principal,
        scope,
        &promise.label,
        person,
        key,
        promise.application.map(|_| AUDIENCE),
        promise.application,
        now.0,
        expires_at.0,
        uses_left,
    )
    .map(drop)
}

/// Uses a refresh token up, if it still works for that application.
pub(super) async fn take_refresh(
    tx: &mut Tx,
    hash: &[u8; 32],
    application: Uuid,
    now: UnixMillis,
) -> Result<Option<RefreshRow>, Error> {
    db::fetch_optional!(tx, TAKE_REFRESH, &hash[..], application, now.0)
}

/// The line of a refresh token that was used.
pub(super) async fn line_of_used(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Uuid>, Error> {
    let row: Option<(Uuid,)> = db::fetch_optional!(tx, LINE_OF_REFRESH, &hash[..])?;
    Ok(row.map(|(line,)| line))
}

/// Ends the tokens of a line that act; what renews them stays.
pub(super) async fn end_agent_tokens(
    tx: &mut Tx,
    line: Uuid,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, END_AGENT_TOKENS, line, now.0).map(drop)
}

/// Ends a whole line; gives how many tokens ended with it.
pub(super) async fn end_line(tx: &mut Tx, line: Uuid, now: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, END_LINE, line, now.0)
}
