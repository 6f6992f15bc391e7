//! Publishers among `organizations`, and their rows of `tokens`.

use db::{Error, Tx};
use keys::TokenText;
use names::{Handle, Id, UnixMillis};
use uuid::Uuid;

use super::Publisher;
use crate::{
    Level, Principal, Token,
    authority::{self, Granted, Readers, Role},
    store::PrincipalRow,
    tokens::{TokenRow, token_columns},
};

/// Which rows of `tokens AS t` make a publisher at the moment `$1`.
macro_rules! is_live_bootstrap {
    () => {
        "t.kind = 'bootstrap' AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $1) \
         AND (t.uses_left IS NULL OR t.uses_left > 0)"
    };
}

db::statements! {
    FIND = "
        SELECT p.id, p.kind, p.handle, p.status, p.install_admin, p.created_at, p.display_name, o.publisher_enabled,
               (SELECT m.role FROM org_members AS m WHERE m.org_id = p.id AND m.principal_id = $2) AS own_role,
               (SELECT m.role FROM org_members AS m WHERE m.org_id = p.id AND m.principal_id = $3) AS behind_role
          FROM principals AS p JOIN organizations AS o ON o.principal_id = p.id WHERE p.handle = $1";
    ENABLE = "UPDATE organizations SET publisher_enabled = 1 WHERE principal_id = $1 AND publisher_enabled = 0";
    SET_DISPLAY_NAME = "UPDATE principals SET display_name = $2 WHERE id = $1";
    LIVE = (concat!("
        SELECT ", token_columns!(), " FROM tokens AS t
         WHERE t.publisher_id = $1 AND t.kind IN ('admin', 'runner') AND t.revoked_at IS NULL
           AND (t.expires_at IS NULL OR t.expires_at > $2)
         ORDER BY CASE WHEN t.expires_at IS NULL THEN 0 ELSE 1 END, t.created_at DESC, t.id DESC"));
    // One that was rotated ends by itself, and is nobody who stays.
    COUNT_LASTING = "
        SELECT count(*) FROM tokens
         WHERE publisher_id = $1 AND kind = 'admin' AND revoked_at IS NULL AND expires_at IS NULL AND id <> $2";
    HAS_BOOTSTRAP = (concat!("SELECT count(*) FROM tokens AS t WHERE ", is_live_bootstrap!()));
    IS_BOOTSTRAP = (concat!("
        SELECT count(*) FROM tokens AS t WHERE t.hash = $2 AND ", is_live_bootstrap!()));
    USE_BOOTSTRAP = (concat!("
        UPDATE tokens AS t SET uses_left = t.uses_left - 1, last_used_at = $1
         WHERE t.hash = $2 AND ", is_live_bootstrap!(), " RETURNING id"));
    ADD_BOOTSTRAP = "
        INSERT INTO tokens (id, line_id, kind, hash, last8, minted_by, source, created_at, expires_at, uses_left)
        VALUES ($1, $1, 'bootstrap', $2, $3, $4, 'api', $5, $6, 1)";
    END_CONFIGURED = "
        UPDATE tokens SET revoked_at = $2
         WHERE kind = 'bootstrap' AND source = 'config' AND revoked_at IS NULL AND hash <> $1";
    // A file may say again what it said before.
    ADOPT = "
        INSERT INTO tokens (id, line_id, kind, hash, last8, source, created_at)
        VALUES ($1, $1, 'bootstrap', $2, $3, 'config', $4)
        ON CONFLICT (hash) DO UPDATE SET revoked_at = NULL WHERE tokens.source = 'config'";
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    principal: PrincipalRow,
    display_name: String,
    publisher_enabled: i64,
    own_role: Option<String>,
    behind_role: Option<String>,
}

impl TryFrom<Row> for Publisher {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let rank = |text: Option<String>| {
            let role = text.as_deref().map(authority::role).transpose()?;
            Ok::<_, Error>(role.map_or(Level::None, Role::rank))
        };
        Ok(Self {
            organization: row.principal.try_into()?,
            display_name: row.display_name,
            is_enabled: row.publisher_enabled == 1,
            granted: Granted { own: rank(row.own_role)?, behind: rank(row.behind_role)? },
        })
    }
}

/// The organization that has `handle`, as `readers` stand to it.
pub(super) async fn find(
    tx: &mut Tx,
    handle: &Handle,
    Readers { own, behind }: Readers,
) -> Result<Option<Publisher>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, FIND, handle.as_str(), own, behind)?;
    row.map(Publisher::try_from).transpose()
}

/// Switches the publisher side on; `false` if it was on.
pub(super) async fn enable(tx: &mut Tx, id: Id<Principal>) -> Result<bool, Error> {
    Ok(db::execute!(tx, ENABLE, id.uuid())? == 1)
}

pub(super) async fn set_display_name(
    tx: &mut Tx,
    id: Id<Principal>,
    name: &str,
) -> Result<(), Error> {
    db::execute!(tx, SET_DISPLAY_NAME, id.uuid(), name).map(drop)
}

/// The tokens that act as the organization, newest first; those that were rotated come last.
pub(super) async fn live(
    tx: &mut Tx,
    publisher: Id<Principal>,
    now: UnixMillis,
) -> Result<Vec<Token>, Error> {
    let rows: Vec<TokenRow> = db::fetch_all!(tx, LIVE, publisher.uuid(), now.0)?;
    rows.into_iter().map(Token::try_from).collect()
}

/// How many `admin` tokens have no end, without one.
pub(super) async fn count_lasting_admin_tokens_but(
    tx: &mut Tx,
    publisher: Id<Principal>,
    but: Option<Id<Token>>,
) -> Result<i64, Error> {
    let but = but.map_or(Uuid::nil(), Id::uuid);
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_LASTING, publisher.uuid(), but)?;
    Ok(count)
}

/// Whether anybody could make a publisher now.
pub(super) async fn has_bootstrap(tx: &mut Tx, now: UnixMillis) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, HAS_BOOTSTRAP, now.0)?;
    Ok(count > 0)
}

/// Whether this token could.
pub(super) async fn is_bootstrap(
    tx: &mut Tx,
    token: &TokenText,
    now: UnixMillis,
) -> Result<bool, Error> {
    let hash = token.hash();
    let (count,): (i64,) = db::fetch_one!(tx, IS_BOOTSTRAP, now.0, &hash[..])?;
    Ok(count == 1)
}

/// Uses the token once; nothing if it is not live.
pub(super) async fn use_bootstrap(
    tx: &mut Tx,
    token: &TokenText,
    now: UnixMillis,
) -> Result<Option<Id<Token>>, Error> {
    let hash = token.hash();
    let row: Option<(Uuid,)> = db::fetch_optional!(tx, USE_BOOTSTRAP, now.0, &hash[..])?;
    Ok(row.map(|(id,)| Id::from_uuid(id)))
}

pub(super) async fn add_bootstrap(
    tx: &mut Tx,
    (id, token): (Id<Token>, &TokenText),
    by: Option<Id<Principal>>,
    now: UnixMillis,
    expires_at: UnixMillis,
) -> Result<(), Error> {
    let (hash, by) = (token.hash(), by.map(Id::uuid));
    db::execute!(tx, ADD_BOOTSTRAP, id.uuid(), &hash[..], token.last8(), by, now.0, expires_at.0)
        .map(drop)
}

/// Ends what the file said before.
pub(super) async fn end_configured(
    tx: &mut Tx,
    but: Option<&TokenText>,
    now: UnixMillis,
) -> Result<(), Error> {
    let hash = but.map_or([0; 32], TokenText::hash);
    db::execute!(tx, END_CONFIGURED, &hash[..], now.0).map(drop)
}

/// Takes over what the file says.
pub(super) async fn adopt(
    tx: &mut Tx,
    id: Id<Token>,
    token: &TokenText,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, ADOPT, id.uuid(), &token.hash()[..], token.last8(), now.0).map(drop)
}
