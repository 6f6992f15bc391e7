//! Repositories of those who have left, or take their data away.

use db::{Error, Tx};
use names::Id;
use trust::Principal;
use uuid::Uuid;

use crate::Repository;

db::statements! {
    OF_OWNER = "
        SELECT r.id FROM repositories AS r JOIN resources AS s ON s.id = r.id
         WHERE r.owner_id = $1 AND s.state = 'deleted' ORDER BY r.id LIMIT $2";
    DROP_REFS = "DELETE FROM refs WHERE repository_id = $1";
    DROP_UPLOADS = "DELETE FROM uploads WHERE repository_id = $1";
    REMOVE = "DELETE FROM repositories WHERE id = $1";
    OWNED = "
        SELECT r.id, r.name, r.description, s.visibility, s.state, r.default_branch, r.commit_count, r.size_bytes,
               r.created_at, r.domain
          FROM repositories AS r JOIN resources AS s ON s.id = r.id
         WHERE r.owner_id = $1 AND s.state <> 'nascent' ORDER BY r.name";
}

/// A repository as its owner takes it away.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Owned {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) visibility: String,
    pub(super) state: String,
    pub(super) default_branch: String,
    pub(super) commit_count: i64,
    pub(super) size_bytes: i64,
    pub(super) created_at: i64,
    pub(super) domain: String,
}

pub(super) async fn of_owner(
    tx: &mut Tx,
    owner: Id<Principal>,
    limit: u32,
) -> Result<Vec<Id<Repository>>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, OF_OWNER, owner.uuid(), i64::from(limit))?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}

/// Takes away what leads to the history.
pub(super) async fn drop_refs(tx: &mut Tx, id: Id<Repository>) -> Result<(), Error> {
    db::execute!(tx, DROP_UPLOADS, id.uuid())?;
    db::execute!(tx, DROP_REFS, id.uuid()).map(drop)
}

pub(super) async fn remove(tx: &mut Tx, id: Id<Repository>) -> Result<(), Error> {
    db::execute!(tx, REMOVE, id.uuid()).map(drop)
}

pub(super) async fn owned(tx: &mut Tx, owner: Id<Principal>) -> Result<Vec<Owned>, Error> {
    db::fetch_all!(tx, OWNED, owner.uuid())
}
