//! Who holds a key or a token, by the row of the credential.

use db::{Error, Tx};
use keys::Fingerprint;
use names::{Id, UnixMillis};

use crate::{
    Key, Token,
    store::{Who, WhoRow, behind, who},
    tokens::{TokenRow, token_columns},
};

db::statements! {
    BY_KEY = (concat!("
        SELECT k.fingerprint, ", who!(), "
          FROM keys AS k JOIN principals AS p ON p.id = k.principal_id ", behind!(), "
         WHERE k.id = $1 AND k.revoked_at IS NULL"));
    BY_TOKEN = (concat!("
        SELECT ", token_columns!(), ", ", who!(), "
          FROM tokens AS t JOIN principals AS p ON p.id = t.principal_id ", behind!(), "
         WHERE t.id = $1 AND t.kind IN ('personal', 'agent', 'git', 'admin', 'runner') AND t.revoked_at IS NULL
           AND (t.expires_at IS NULL OR t.expires_at > $2)"));
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    fingerprint: String,
    #[sqlx(flatten)]
    who: WhoRow,
}

#[derive(sqlx::FromRow)]
struct UsedRow {
    #[sqlx(flatten)]
    token: TokenRow,
    #[sqlx(flatten)]
    who: WhoRow,
}

/// The live key and whose it is.
pub(super) async fn by_key(tx: &mut Tx, id: Id<Key>) -> Result<Option<(Fingerprint, Who)>, Error> {
    let row: Option<KeyRow> = db::fetch_optional!(tx, BY_KEY, id.uuid())?;
    let believe = |row: KeyRow| {
        let fingerprint = row.fingerprint.parse().map_err(Error::corrupt("keys.fingerprint"))?;
        Ok((fingerprint, row.who.try_into()?))
    };
    row.map(believe).transpose()
}

/// The live token and as whom it acts.
pub(super) async fn by_token(
    tx: &mut Tx,
    id: Id<Token>,
    now: UnixMillis,
) -> Result<Option<(Token, Who)>, Error> {
    let row: Option<UsedRow> = db::fetch_optional!(tx, BY_TOKEN, id.uuid(), now.0)?;
    row.map(|row| Ok((row.token.try_into()?, row.who.try_into()?))).transpose()
}
