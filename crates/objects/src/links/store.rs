//! The tables `repository_objects` and `uploads`.

use std::collections::HashMap;

use db::{Error, Tx};
use names::{ObjectId, UnixMillis};
use uuid::Uuid;

use super::{Link, Uploader};
use crate::store::{count, number, object_id};

db::statements! {
    AVAILABLE = {
        sqlite "
        SELECT o.id, o.size
          FROM json_each($1) AS wanted
          JOIN objects AS o ON o.id = unhex(wanted.value)
         WHERE o.state NOT IN ('missing', 'corrupt')
           AND (EXISTS (SELECT 1 FROM repository_objects AS l WHERE l.repository_id = $2 AND l.object_id = o.id)
            OR EXISTS (SELECT 1 FROM uploads AS u
                        WHERE u.repository_id = $2 AND u.principal_id = $3 AND u.object_id = o.id AND u.ends_at >= $4))",
        postgres "
        SELECT o.id, o.size
          FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN objects AS o ON o.id = decode(wanted.value, 'hex')
         WHERE o.state NOT IN ('missing', 'corrupt')
           AND (EXISTS (SELECT 1 FROM repository_objects AS l WHERE l.repository_id = $2 AND l.object_id = o.id)
            OR EXISTS (SELECT 1 FROM uploads AS u
                        WHERE u.repository_id = $2 AND u.principal_id = $3 AND u.object_id = o.id AND u.ends_at >= $4))"
    };
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
         ORDER BY value
        ON CONFLICT (repository_id, principal_id, object_id) DO NOTHING"
    };
    PENDING = "
        SELECT object_id FROM uploads WHERE repository_id = $1 AND principal_id = $2 AND ends_at >= $3";
    END_PENDING = "
        DELETE FROM uploads WHERE (repository_id, principal_id, object_id) IN
            (SELECT repository_id, principal_id, object_id FROM uploads WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)";
    LINK = {
        sqlite "
        INSERT INTO repository_objects (repository_id, object_id, first_at)
        SELECT $2, unhex(value), $3 FROM json_each($1) WHERE true
        ON CONFLICT (repository_id, object_id) DO NOTHING
        RETURNING object_id",
        postgres "
        INSERT INTO repository_objects (repository_id, object_id, first_at)
        SELECT $2, decode(value, 'hex'), $3 FROM jsonb_array_elements_text($1::jsonb)
        ON CONFLICT (repository_id, object_id) DO NOTHING
        RETURNING object_id"
    };
    INHERIT = {
        sqlite "
        INSERT INTO repository_objects (repository_id, object_id, first_at, inherited)
        SELECT $2, l.object_id, $4, 1 FROM json_each($1) AS wanted
          CROSS JOIN repository_objects AS l ON l.repository_id = $3 AND l.object_id = unhex(wanted.value)
         WHERE true
        ON CONFLICT (repository_id, object_id) DO NOTHING",
        postgres "
        INSERT INTO repository_objects (repository_id, object_id, first_at, inherited)
        SELECT $2, l.object_id, $4, 1 FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN repository_objects AS l ON l.repository_id = $3 AND l.object_id = decode(wanted.value, 'hex')
         ORDER BY l.object_id
        ON CONFLICT (repository_id, object_id) DO NOTHING"
    };
    PENDING_NO_LONGER = {
        sqlite "
        DELETE FROM uploads
         WHERE repository_id = $2 AND object_id IN (SELECT unhex(value) FROM json_each($1))",
        postgres "
        DELETE FROM uploads
         WHERE repository_id = $2
           AND object_id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb))"
    };
    UNLINK = {
        sqlite "
        DELETE FROM repository_objects
         WHERE repository_id = $2 AND first_at <= $3
           AND object_id IN (SELECT unhex(value) FROM json_each($1))
        RETURNING object_id",
        postgres "
        DELETE FROM repository_objects
         WHERE repository_id = $2 AND first_at <= $3
           AND object_id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb))
        RETURNING object_id"
    };
    LINKS = "
        SELECT l.object_id, o.size, l.first_at, l.inherited
          FROM repository_objects AS l JOIN objects AS o ON o.id = l.object_id
         WHERE l.repository_id = $1 AND l.object_id > $2 ORDER BY l.object_id LIMIT $3";
    COUNT_LINKS = "
        SELECT count(*), CAST(coalesce(sum(o.size), 0) AS bigint)
          FROM repository_objects AS l JOIN objects AS o ON o.id = l.object_id
         WHERE l.repository_id = $1 AND l.inherited = 0";
}

pub(super) async fn available(
    tx: &mut Tx,
    uploader: Uploader,
    ids: &[ObjectId],
    now: UnixMillis,
) -> Result<HashMap<ObjectId, u64>, Error> {
    let Uploader { repository, principal } = uploader;
    let rows: Vec<(Vec<u8>, i64)> =
        db::fetch_all!(tx, AVAILABLE, db::rows(ids), repository, principal, now.0)?;
    rows.into_iter().map(|(id, size)| Ok((object_id(&id)?, count(size)?))).collect()
}

pub(super) async fn make_pending(
    tx: &mut Tx,
    uploader: Uploader,
    ids: &[ObjectId],
    ends: UnixMillis,
) -> Result<u64, Error> {
    let Uploader { repository, principal } = uploader;
    db::execute!(tx, MAKE_PENDING, db::rows(ids), repository, principal, ends.0)
}

pub(super) async fn pending(
    tx: &mut Tx,
    uploader: Uploader,
    now: UnixMillis,
) -> Result<Vec<ObjectId>, Error> {
    let Uploader { repository, principal } = uploader;
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, PENDING, repository, principal, now.0)?;
    rows.iter().map(|(id,)| object_id(id)).collect()
}

pub(super) async fn end_pending(tx: &mut Tx, now: UnixMillis, limit: usize) -> Result<u64, Error> {
    db::execute!(tx, END_PENDING, now.0, number(limit))
}

pub(super) async fn link(
    tx: &mut Tx,
    repository: Uuid,
    ids: &[ObjectId],
    now: UnixMillis,
) -> Result<Vec<ObjectId>, Error> {
    let rows = db::rows(ids);
    let linked: Vec<(Vec<u8>,)> = db::fetch_all!(tx, LINK, &rows, repository, now.0)?;
    db::execute!(tx, PENDING_NO_LONGER, &rows, repository)?;
    linked.iter().map(|(id,)| object_id(id)).collect()
}

pub(super) async fn inherit(
    tx: &mut Tx,
    repository: Uuid,
    source: Uuid,
    ids: &[ObjectId],
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, INHERIT, db::rows(ids), repository, source, now.0).map(drop)
}

pub(super) async fn unlink(
    tx: &mut Tx,
    repository: Uuid,
    ids: &[ObjectId],
    cutoff: UnixMillis,
) -> Result<Vec<ObjectId>, Error> {
    let ended: Vec<(Vec<u8>,)> = db::fetch_all!(tx, UNLINK, db::rows(ids), repository, cutoff.0)?;
    ended.iter().map(|(id,)| object_id(id)).collect()
}

pub(super) async fn links(
    tx: &mut Tx,
    repository: Uuid,
    after: Option<ObjectId>,
    limit: usize,
) -> Result<Vec<Link>, Error> {
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let rows: Vec<(Vec<u8>, i64, i64, i64)> =
        db::fetch_all!(tx, LINKS, repository, after, number(limit))?;
    let believe = |(id, size, since, inherited): (Vec<u8>, i64, i64, i64)| {
        let (id, size, is_inherited) = (object_id(&id)?, count(size)?, inherited == 1);
        Ok(Link { id, size, since: UnixMillis(since), is_inherited })
    };
    rows.into_iter().map(believe).collect()
}

pub(super) async fn count_links(tx: &mut Tx, repository: Uuid) -> Result<(u64, u64), Error> {
    let (objects, bytes): (i64, i64) = db::fetch_one!(tx, COUNT_LINKS, repository)?;
    Ok((count(objects)?, count(bytes)?))
}
