//! The tables `quota_limits` and `quota_usage`, and the counters in `repositories`.

use std::collections::HashMap;

use db::{Error, Tx};
use names::Id;
use trust::Principal;

use super::{Change, Limited};
use crate::Repository;

db::statements! {
    CHARGE_OWNER = "
        INSERT INTO quota_usage (scope, scope_id, kind, value) VALUES ('owner', $1, 'bytes', $2)
        ON CONFLICT (scope, scope_id, kind) DO UPDATE SET value = quota_usage.value + excluded.value
        RETURNING value";
    RELEASE_OWNER = "
        UPDATE quota_usage SET value = CASE WHEN value > $2 THEN value - $2 ELSE 0 END
         WHERE scope = 'owner' AND scope_id = $1 AND kind = 'bytes'";
    OWNED = "SELECT value FROM quota_usage WHERE scope = 'owner' AND scope_id = $1 AND kind = 'bytes'";
    LIMITS = "
        SELECT scope, kind, value FROM quota_limits
         WHERE (scope = 'owner' AND scope_id = $1) OR (scope = 'repository' AND scope_id = $2)";
    COUNT_DOWN = "
        UPDATE repositories
           SET object_count = CASE WHEN object_count > $2 THEN object_count - $2 ELSE 0 END,
               size_bytes = CASE WHEN size_bytes > $3 THEN size_bytes - $3 ELSE 0 END,
               commit_count = CASE WHEN commit_count > $4 THEN commit_count - $4 ELSE 0 END
         WHERE id = $1";
    SET_LIMIT = "
        INSERT INTO quota_limits (scope, scope_id, kind, value) VALUES ($1, $2, $3, $4)
        ON CONFLICT (scope, scope_id, kind) DO UPDATE SET value = excluded.value";
    END_LIMIT = "DELETE FROM quota_limits WHERE scope = $1 AND scope_id = $2 AND kind = $3";
}

fn count(value: i64) -> Result<u64, Error> {
    u64::try_from(value).map_err(Error::corrupt("quota_usage.value"))
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Adds to what an owner holds; gives what that is now.
pub(super) async fn charge_owner(
    tx: &mut Tx,
    owner: Id<Principal>,
    bytes: u64,
) -> Result<u64, Error> {
    let (value,): (i64,) = db::fetch_one!(tx, CHARGE_OWNER, owner.uuid(), number(bytes))?;
    count(value)
}

pub(super) async fn release_owner(
    tx: &mut Tx,
    owner: Id<Principal>,
    bytes: u64,
) -> Result<(), Error> {
    db::execute!(tx, RELEASE_OWNER, owner.uuid(), number(bytes)).map(drop)
}

pub(crate) async fn owned(tx: &mut Tx, owner: Id<Principal>) -> Result<u64, Error> {
    let row: Option<(i64,)> = db::fetch_optional!(tx, OWNED, owner.uuid())?;
    row.map_or(Ok(0), |(value,)| count(value))
}

/// The limits that were set for an owner and a repository.
pub(super) async fn limits(
    tx: &mut Tx,
    owner: Id<Principal>,
    repository: Id<Repository>,
) -> Result<HashMap<Limited, u64>, Error> {
    let rows: Vec<(String, String, i64)> =
        db::fetch_all!(tx, LIMITS, owner.uuid(), repository.uuid())?;
    let mut limits = HashMap::new();
    for (scope, kind, value) in rows {
        let is_it = |it: &Limited| it.words() == (scope.as_str(), kind.as_str());
        if let Some(of) = Limited::ALL.into_iter().find(is_it) {
            limits.insert(of, count(value)?);
        }
    }
    Ok(limits)
}

pub(super) async fn count_down(
    tx: &mut Tx,
    repository: Id<Repository>,
    gone: Change,
) -> Result<(), Error> {
    let Change { objects, bytes, commits } = gone;
    let id = repository.uuid();
    db::execute!(tx, COUNT_DOWN, id, number(objects), number(bytes), number(commits)).map(drop)
}

/// Sets a limit, or takes it back to the usual one.
pub(super) async fn set_limit(
    tx: &mut Tx,
    of: Limited,
    id: uuid::Uuid,
    value: Option<u64>,
) -> Result<(), Error> {
    let (scope, kind) = of.words();
    let done = if let Some(value) = value {
        db::execute!(tx, SET_LIMIT, scope, id, kind, number(value))
    } else {
        db::execute!(tx, END_LIMIT, scope, id, kind)
    };
    done.map(drop)
}
