//! The table `secret_passes`.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use trust::Principal;

use super::{FindingId, Pass};
use crate::Repository;

db::statements! {
    PASSED = {
        sqlite "
        SELECT fingerprint FROM secret_passes
         WHERE repository_id = $1 AND fingerprint IN (SELECT unhex(value) FROM json_each($2))",
        postgres "
        SELECT fingerprint FROM secret_passes
         WHERE repository_id = $1
           AND fingerprint IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($2::jsonb))"
    };
    COUNT = "SELECT count(*) FROM secret_passes WHERE repository_id = $1";
    ADD = "
        INSERT INTO secret_passes (repository_id, fingerprint, principal_id, reason, created_at)
        VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (repository_id, fingerprint) DO UPDATE
        SET principal_id = excluded.principal_id, reason = excluded.reason, created_at = excluded.created_at";
    REMOVE = "DELETE FROM secret_passes WHERE repository_id = $1 AND fingerprint = $2";
    LIST = "
        SELECT s.fingerprint, p.handle, s.reason, s.created_at
          FROM secret_passes AS s JOIN principals AS p ON p.id = s.principal_id
         WHERE s.repository_id = $1 ORDER BY s.created_at DESC, s.fingerprint LIMIT 1000";
}

fn finding(bytes: &[u8]) -> Result<FindingId, Error> {
    let bytes = bytes.try_into().map_err(Error::corrupt("secret_passes.fingerprint"))?;
    Ok(FindingId(bytes))
}

/// Those of `ids` that somebody let pass.
pub(super) async fn passed(
    tx: &mut Tx,
    repository: Id<Repository>,
    ids: &[FindingId],
) -> Result<Vec<FindingId>, Error> {
    let ids = db::rows(ids.iter().map(ToString::to_string));
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, PASSED, repository.uuid(), ids)?;
    rows.iter().map(|(bytes,)| finding(bytes)).collect()
}

/// How many findings may pass.
pub(super) async fn count(tx: &mut Tx, repository: Id<Repository>) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, repository.uuid())?;
    Ok(count)
}

/// Lets a finding pass. Of two words the second stays.
pub(super) async fn add(
    tx: &mut Tx,
    repository: Id<Repository>,
    it: &Pass,
    by: Id<Principal>,
) -> Result<(), Error> {
    let (fingerprint, reason) = (it.finding.0.to_vec(), it.reason.as_str());
    let at = it.created_at.0;
    db::execute!(tx, ADD, repository.uuid(), fingerprint, by.uuid(), reason, at).map(drop)
}

/// Lets a finding pass no more; `false` if it does not.
pub(super) async fn remove(
    tx: &mut Tx,
    repository: Id<Repository>,
    id: FindingId,
) -> Result<bool, Error> {
    Ok(db::execute!(tx, REMOVE, repository.uuid(), id.0.to_vec())? == 1)
}

/// What may pass, the last first.
pub(super) async fn list(tx: &mut Tx, repository: Id<Repository>) -> Result<Vec<Pass>, Error> {
    let rows: Vec<(Vec<u8>, String, String, i64)> = db::fetch_all!(tx, LIST, repository.uuid())?;
    let typed = |(bytes, handle, reason, at): (Vec<u8>, String, String, i64)| {
        let by = handle.parse().map_err(Error::corrupt("principals.handle"))?;
        Ok(Pass { finding: finding(&bytes)?, by, reason, created_at: UnixMillis(at) })
    };
    rows.into_iter().map(typed).collect()
}
