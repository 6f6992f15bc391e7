//! What rows know of refs of Git beside their targets, and movements that Git has not made yet.

use std::collections::BTreeMap;

use db::{Error, Tx};
use names::{CommitId, Id, UnixMillis};
use uuid::Uuid;

use super::judging::Present;
use crate::Repository;

db::statements! {
    PRESENT = "SELECT name, target, object FROM refs WHERE repository_id = $1";
    SET_OBJECT = "UPDATE refs SET object = $3 WHERE repository_id = $1 AND name = $2";
    TAG_OBJECTS = {
        sqlite "
        SELECT r.name, r.object, r.updated_at FROM json_each($2) AS wanted
          CROSS JOIN refs AS r ON r.repository_id = $1 AND r.name = wanted.value
         WHERE r.object IS NOT NULL",
        postgres "
        SELECT r.name, r.object, r.updated_at FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN refs AS r ON r.repository_id = $1 AND r.name = wanted.value
         WHERE r.object IS NOT NULL"
    };
    BEGIN = "INSERT INTO git_moves (id, repository_id, began_at) VALUES ($1, $2, $3)";
    END = "DELETE FROM git_moves WHERE id = $1";
    UNSETTLED = "SELECT DISTINCT repository_id FROM git_moves";
    SETTLED = "DELETE FROM git_moves WHERE repository_id = $1";
}

fn id(bytes: &[u8]) -> Result<CommitId, Error> {
    bytes.try_into().map_err(Error::corrupt("refs.target"))
}

/// Every ref of a repository, by name.
pub(super) async fn present(
    tx: &mut Tx,
    repository: Id<Repository>,
) -> Result<BTreeMap<String, Present>, Error> {
    let rows: Vec<(String, Vec<u8>, Option<Vec<u8>>)> =
        db::fetch_all!(tx, PRESENT, repository.uuid())?;
    let believe = |(name, target, object): (String, Vec<u8>, Option<Vec<u8>>)| {
        let object = object.as_deref().map(id).transpose()?;
        Ok((name, Present { target: id(&target)?, object }))
    };
    rows.into_iter().map(believe).collect()
}

/// Says which tag leads to the target of a ref; nothing if it is the target itself.
pub(super) async fn set_object(
    tx: &mut Tx,
    repository: Id<Repository>,
    name: &str,
    object: Option<CommitId>,
) -> Result<(), Error> {
    let object = object.map(|it| it.as_bytes().to_vec());
    db::execute!(tx, SET_OBJECT, repository.uuid(), name, object).map(drop)
}

/// The tags that some refs name, each with the ref and with when that was put there.
pub(super) async fn tag_objects(
    tx: &mut Tx,
    repository: Id<Repository>,
    refs: &[&str],
) -> Result<Vec<(String, CommitId, UnixMillis)>, Error> {
    let rows: Vec<(String, Vec<u8>, i64)> =
        db::fetch_all!(tx, TAG_OBJECTS, repository.uuid(), db::rows(refs.iter()))?;
    let believe =
        |(name, object, at): (String, Vec<u8>, i64)| Ok((name, id(&object)?, UnixMillis(at)));
    rows.into_iter().map(believe).collect()
}

/// Writes down that refs of rows have moved, and that those of Git are about to.
pub(super) async fn begin(
    tx: &mut Tx,
    (id, repository): (Uuid, Id<Repository>),
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, BEGIN, id, repository.uuid(), now.0).map(drop)
}

/// Those of Git have followed.
pub(super) async fn end(tx: &mut Tx, id: Uuid) -> Result<(), Error> {
    db::execute!(tx, END, id).map(drop)
}

/// Repositories in which Git may be behind.
pub(super) async fn unsettled(tx: &mut Tx) -> Result<Vec<Id<Repository>>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, UNSETTLED)?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}

/// In this one it is not, any more.
pub(super) async fn settled(tx: &mut Tx, repository: Id<Repository>) -> Result<(), Error> {
    db::execute!(tx, SETTLED, repository.uuid()).map(drop)
}
