//! The tables `uploads` and `repository_objects`.

use std::collections::HashMap;

use db::{Error, Tx};
use names::{Id, ObjectId, UnixMillis};
use trust::Principal;

use crate::Repository;

db::statements! {
    AVAILABLE = {
        sqlite "
        SELECT o.id, o.size
          FROM json_each($1) AS wanted
          JOIN objects AS o ON o.id = unhex(wanted.value)
         WHERE EXISTS (SELECT 1 FROM repository_objects AS l WHERE l.repository_id = $2 AND l.object_id = o.id)
            OR EXISTS (SELECT 1 FROM uploads AS u
                        WHERE u.repository_id = $2 AND u.principal_id = $3 AND u.object_id = o.id AND u.ends_at >= $4)",
        postgres "
        SELECT o.id, o.size
          FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN objects AS o ON o.id = decode(wanted.value, 'hex')
         WHERE EXISTS (SELECT 1 FROM repository_objects AS l WHERE l.repository_id = $2 AND l.object_id = o.id)
            OR EXISTS (SELECT 1 FROM uploads AS u
                        WHERE u.repository_id = $2 AND u.principal_id = $3 AND u.object_id = o.id AND u.ends_at >= $4)"
    };
    END_PENDING = "DELETE FROM uploads WHERE ends_at < $1";
    MAKE_PENDING = {
        sqlite "
        INSERT INTO uploads (repository_id, principal_id, object_id, ends_at)
        SELECT $2, $3, unhex(value), $4 FROM json_each($1) AS new
         WHERE NOT EXISTS (SELECT 1 FROM repository_objects AS l
                            WHERE l.repository_id = $2 AND l.object_id = unhex(new.value))
        ON CONFLICT (repository_id, principal_id, object_id) DO NOTHING",
        postgres "
        INSERT INTO uploads (repository_id, principal_id, object_id, ends_at)
        SELECT $2, $3, decode(value, 'hex'), $4 FROM jsonb_array_elements_text($1::jsonb) AS new
         WHERE NOT EXISTS (SELECT 1 FROM repository_objects AS l
                            WHERE l.repository_id = $2 AND l.object_id = decode(new.value, 'hex'))
        ON CONFLICT (repository_id, principal_id, object_id) DO NOTHING"
    };
}

/// Which of `ids` are linked to the repository, or pending for the caller, with their sizes.
pub(super) async fn available(
    tx: &mut Tx,
    repository: Id<Repository>,
    principal: Id<Principal>,
    ids: &[ObjectId],
    now: UnixMillis,
) -> Result<HashMap<ObjectId, u64>, Error> {
    let rows: Vec<(Vec<u8>, i64)> =
        db::fetch_all!(tx, AVAILABLE, db::rows(ids), repository.uuid(), principal.uuid(), now.0)?;
    let believe = |(id, size): (Vec<u8>, i64)| {
        let id = id.as_slice().try_into().map_err(Error::corrupt("objects.id"))?;
        Ok((id, u64::try_from(size).map_err(Error::corrupt("objects.size"))?))
    };
    rows.into_iter().map(believe).collect()
}

/// Makes `ids` pending for the caller; gives the number of those that were neither pending nor linked. Forgets on
/// the way what has ended, so that the table does not grow without pushes that would notice.
pub(super) async fn make_pending(
    tx: &mut Tx,
    repository: Id<Repository>,
    principal: Id<Principal>,
    ids: &[ObjectId],
    now: UnixMillis,
    ends: UnixMillis,
) -> Result<u64, Error> {
    db::execute!(tx, END_PENDING, now.0)?;
    db::execute!(tx, MAKE_PENDING, db::rows(ids), repository.uuid(), principal.uuid(), ends.0)
}
