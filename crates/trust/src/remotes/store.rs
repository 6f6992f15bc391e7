//! The table `remote_credentials`.

use db::{Error, Tx};
use keys::Sealed;
use uuid::Uuid;

db::statements! {
    SET = "
        INSERT INTO remote_credentials (id, repository_id, key_id, sealed_dek, sealed_value)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (id) DO UPDATE
        SET key_id = excluded.key_id, sealed_dek = excluded.sealed_dek, sealed_value = excluded.sealed_value";
    FIND = "SELECT sealed_dek, sealed_value FROM remote_credentials WHERE id = $1";
    REMOVE = "DELETE FROM remote_credentials WHERE id = $1";
    SEALED = "SELECT id, key_id, sealed_dek, sealed_value FROM remote_credentials ORDER BY id";
    RESEAL = "UPDATE remote_credentials SET key_id = $2, sealed_dek = $3, sealed_value = $4 WHERE id = $1";
}

pub(super) async fn set(
    tx: &mut Tx,
    (id, repository): (Uuid, Uuid),
    (key_id, sealed): (&str, &Sealed),
) -> Result<(), Error> {
    db::execute!(tx, SET, id, repository, key_id, &sealed.data_key, &sealed.value).map(drop)
}

pub(super) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Sealed>, Error> {
    let row: Option<(Vec<u8>, Vec<u8>)> = db::fetch_optional!(tx, FIND, id)?;
    Ok(row.map(|(data_key, value)| Sealed { data_key, value }))
}

pub(super) async fn remove(tx: &mut Tx, id: Uuid) -> Result<(), Error> {
    db::execute!(tx, REMOVE, id).map(drop)
}

/// All of them, each with the install key that seals it.
pub(crate) async fn sealed(tx: &mut Tx) -> Result<Vec<(Uuid, String, Sealed)>, Error> {
    let rows: Vec<(Uuid, String, Vec<u8>, Vec<u8>)> = db::fetch_all!(tx, SEALED)?;
    let typed = |(id, key_id, data_key, value)| (id, key_id, Sealed { data_key, value });
    Ok(rows.into_iter().map(typed).collect())
}

/// Puts a sealed value in the place of another.
pub(crate) async fn reseal(
    tx: &mut Tx,
    id: Uuid,
    key_id: &str,
    sealed: &Sealed,
) -> Result<(), Error> {
    db::execute!(tx, RESEAL, id, key_id, &sealed.data_key, &sealed.value).map(drop)
}
