//! The table `tokens`.

use db::{Db, Error, Tx};
use keys::TokenText;
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{Token, TokenKind, key_behind};
use crate::{
    Actor, Key, Principal,
    store::{Who, WhoRow, behind, who},
};

/// The columns of [`TokenRow`] in a statement that reads `tokens AS t`.
macro_rules! token_columns {
    () => {
        "t.id AS token_id, t.line_id, t.kind AS token_kind, t.principal_id, t.last8, t.label, t.scope AS token_scope, \
         t.audience, t.created_at AS token_created_at, t.expires_at, t.last_used_at"
    };
}
pub(crate) use token_columns;

db::statements! {
    LIVE = (concat!("
        SELECT ", token_columns!(), " FROM tokens AS t
         WHERE t.principal_id = $1 AND t.kind IN ('personal', 'agent', 'git', 'device', 'refresh') AND t.revoked_at IS NULL
           AND (t.expires_at IS NULL OR t.expires_at > $2) AND (t.uses_left IS NULL OR t.uses_left > 0)
         ORDER BY t.created_at DESC, t.id DESC"));
    BY_HASH = (concat!("
        SELECT ", token_columns!(), ", ", who!(), "
          FROM tokens AS t JOIN principals AS p ON p.id = t.principal_id ", behind!(), "
         WHERE t.hash = $1 AND t.kind IN ('personal', 'agent', 'git', 'device', 'admin', 'runner') AND t.revoked_at IS NULL
           AND (t.expires_at IS NULL OR t.expires_at > $2)"));
    BY_ID = (concat!("
        SELECT ", token_columns!(), " FROM tokens AS t WHERE t.id = $1 AND t.principal_id IS NOT NULL"));
    ENDED = "
        SELECT id, principal_id FROM tokens
         WHERE hash = $1 AND kind IN ('personal', 'agent', 'git', 'device', 'admin', 'runner') AND principal_id IS NOT NULL";
    ADD = "
        INSERT INTO tokens (id, line_id, kind, hash, last8, principal_id, publisher_id, scope, label, minted_by,
                            minted_with, source, created_at, expires_at, audience)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    // Of what an application holds, all of its line: else the rest would bring it back.
    REVOKE = "
        UPDATE tokens SET revoked_at = $2
         WHERE revoked_at IS NULL
           AND (id = $1 OR line_id IN (SELECT line_id FROM tokens WHERE id = $1 AND client_id IS NOT NULL))";
    END_BY = "UPDATE tokens SET expires_at = $2 WHERE id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    // Those that last: what Git was given for a moment leaves room for them.
    COUNT_LASTING = "
        SELECT count(*) FROM tokens
         WHERE principal_id = $1 AND kind IN ('personal', 'agent', 'git', 'device', 'refresh') AND source <> 'helper'
           AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) AND (uses_left IS NULL OR uses_left > 0)";
    COUNT_HELPERS = "
        SELECT count(*) FROM tokens
         WHERE principal_id = $1 AND source = 'helper' AND revoked_at IS NULL AND expires_at > $2";
    FORGET_HELPERS = "DELETE FROM tokens WHERE principal_id = $1 AND source = 'helper' AND expires_at < $2";
    END_HELPERS_OF_KEY = "
        UPDATE tokens SET revoked_at = $2 WHERE minted_with = $1 AND source = 'helper' AND revoked_at IS NULL";
    END_OF_KEY = "UPDATE tokens SET revoked_at = $2 WHERE minted_with = $1 AND revoked_at IS NULL";
    NOTE_USE = "UPDATE tokens SET last_used_at = $2 WHERE id = $1";
    IS_LIVE = "
        SELECT count(*) FROM tokens WHERE id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)";
}

#[derive(sqlx::FromRow)]
pub(crate) struct TokenRow {
    token_id: Uuid,
    line_id: Uuid,
    token_kind: String,
    principal_id: Uuid,
    last8: String,
    label: String,
    token_scope: String,
    audience: Option<String>,
    token_created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct UsedRow {
    #[sqlx(flatten)]
    token: TokenRow,
    #[sqlx(flatten)]
    who: WhoRow,
}

impl TryFrom<TokenRow> for Token {
    type Error = Error;

    fn try_from(row: TokenRow) -> Result<Self, Error> {
        let kind: TokenKind = row.token_kind.parse().map_err(Error::corrupt("tokens.kind"))?;
        Ok(Self {
            id: Id::from_uuid(row.token_id),
            line: Id::from_uuid(row.line_id),
            kind,
            principal: Id::from_uuid(row.principal_id),
            last8: row.last8,
            label: row.label,
            scope: serde_json::from_str(&row.token_scope)
                .map_err(Error::corrupt("tokens.scope"))?,
            audience: row.audience,
            created_at: UnixMillis(row.token_created_at),
            expires_at: row.expires_at.map(UnixMillis),
            last_used_at: row.last_used_at.map(UnixMillis),
        })
    }
}

/// What can be used, newest first.
pub(crate) async fn live(
    tx: &mut Tx,
    principal: Id<Principal>,
    now: UnixMillis,
) -> Result<Vec<Token>, Error> {
    let rows: Vec<TokenRow> = db::fetch_all!(tx, LIVE, principal.uuid(), now.0)?;
    rows.into_iter().map(Token::try_from).collect()
}

/// A token in any state, if it acts as somebody.
pub(super) async fn by_id(tx: &mut Tx, id: Id<Token>) -> Result<Option<Token>, Error> {
    let row: Option<TokenRow> = db::fetch_optional!(tx, BY_ID, id.uuid())?;
    row.map(Token::try_from).transpose()
}

/// The live token of that hash and as whom it acts.
pub(super) async fn by_hash(
    tx: &mut Tx,
    hash: &[u8; 32],
    now: UnixMillis,
) -> Result<Option<(Token, Who)>, Error> {
    let row: Option<UsedRow> = db::fetch_optional!(tx, BY_HASH, &hash[..], now.0)?;
    row.map(|row| Ok((row.token.try_into()?, row.who.try_into()?))).transpose()
}

/// The token of that hash that is known and cannot be used any more, and as whom it acted.
pub(super) async fn ended(
    tx: &mut Tx,
    hash: &[u8; 32],
) -> Result<Option<(Id<Token>, Id<Principal>)>, Error> {
    let row: Option<(Uuid, Uuid)> = db::fetch_optional!(tx, ENDED, &hash[..])?;
    Ok(row.map(|(id, principal)| (Id::from_uuid(id), Id::from_uuid(principal))))
}

pub(super) async fn add(
    tx: &mut Tx,
    token: &Token,
    text: &TokenText,
    by: &Actor,
    (publisher, source): (Option<Id<Principal>>, &'static str),
) -> Result<(), Error> {
    let scope = serde_json::to_string(&token.scope).map_err(Error::corrupt("tokens.scope"))?;
    db::execute!(
        tx,
        ADD,
        token.id.uuid(),
        token.line.uuid(),
        token.kind.as_str(),
        &text.hash()[..],
        &token.last8,
        token.principal.uuid(),
        publisher.map(Id::uuid),
        scope,
        &token.label,
        by.principal().map(|it| it.id.uuid()),
        key_behind(by).map(Id::uuid),
        source,
        token.created_at.0,
        token.expires_at.map(|it| it.0),
        token.audience.as_deref(),
    )
    .map(drop)
}

pub(crate) async fn revoke(tx: &mut Tx, id: Id<Token>, now: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, REVOKE, id.uuid(), now.0).map(drop)
}

/// Ends a token at that moment at the latest.
pub(crate) async fn end_by(tx: &mut Tx, id: Id<Token>, at: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, END_BY, id.uuid(), at.0).map(drop)
}

/// How many live tokens a principal has that count.
pub(crate) async fn count_lasting(
    tx: &mut Tx,
    principal: Id<Principal>,
    now: UnixMillis,
) -> Result<usize, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_LASTING, principal.uuid(), now.0)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// How many live tokens Git has of a principal.
pub(super) async fn count_helpers(
    tx: &mut Tx,
    principal: Id<Principal>,
    now: UnixMillis,
) -> Result<usize, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_HELPERS, principal.uuid(), now.0)?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Drops what Git was given and what had ended by then.
pub(super) async fn forget_helpers(
    tx: &mut Tx,
    principal: Id<Principal>,
    ended_before: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, FORGET_HELPERS, principal.uuid(), ended_before.0).map(drop)
}

/// Ends what Git was given on the word of a key.
pub(crate) async fn end_helpers_of_key(
    tx: &mut Tx,
    key: Id<Key>,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, END_HELPERS_OF_KEY, key.uuid(), now.0).map(drop)
}

/// Ends what was made with a key that somebody else may have.
pub(crate) async fn end_of_key(tx: &mut Tx, key: Id<Key>, now: UnixMillis) -> Result<u64, Error> {
    db::execute!(tx, END_OF_KEY, key.uuid(), now.0)
}

pub(super) async fn note_use(db: &Db, id: Id<Token>, now: UnixMillis) -> Result<(), Error> {
    db::execute_alone!(db, NOTE_USE, id.uuid(), now.0).map(drop)
}

/// Whether the token still holds, in the transaction that acts on it.
pub(crate) async fn is_live(tx: &mut Tx, id: Id<Token>, now: UnixMillis) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, IS_LIVE, id.uuid(), now.0)?;
    Ok(count == 1)
}
