//! The tables `objects`, `segments` and `object_places`: what is put, where it is, what of it is wrong.

use std::collections::HashMap;

use db::{Dialect, Error, Tx};
use names::{ObjectId, UnixMillis};
use uuid::Uuid;

use crate::{FaultKind, Staged};

db::statements! {
    ADD_SEGMENT = "
        INSERT INTO segments (id, bytes, objects, digest, created_at) VALUES ($1, $2, $3, $4, $5)";
    // Bytes that came again make an object whole or wanted again.
    ADD_OBJECTS = {
        sqlite "
        INSERT INTO objects (id, size, created_at)
        SELECT unhex(value ->> 0), value ->> 1, $2 FROM json_each($1) WHERE true
        ON CONFLICT (id) DO UPDATE SET state = 'live', dead_at = NULL WHERE objects.state <> 'live'",
        postgres "
        INSERT INTO objects (id, size, created_at)
        SELECT decode(value ->> 0, 'hex'), (value ->> 1)::bigint, $2 FROM jsonb_array_elements($1::jsonb)
         ORDER BY 1
        ON CONFLICT (id) DO UPDATE SET state = 'live', dead_at = NULL WHERE objects.state <> 'live'"
    };
    ADD_PLACES = {
        sqlite "
        INSERT INTO object_places (object_id, place, segment_id, position, stored)
        SELECT unhex(value ->> 0), CASE value ->> 3 WHEN 1 THEN 'segment' ELSE 'file' END,
               unhex(value ->> 4), value ->> 2, value ->> 1
          FROM json_each($1) WHERE true",
        postgres "
        INSERT INTO object_places (object_id, place, segment_id, position, stored)
        SELECT decode(value ->> 0, 'hex'), CASE (value ->> 3)::int WHEN 1 THEN 'segment' ELSE 'file' END,
               (value ->> 4)::uuid, (value ->> 2)::bigint, (value ->> 1)::bigint
          FROM jsonb_array_elements($1::jsonb)"
    };
    PLACES = {
        sqlite "
        SELECT p.object_id, p.place, p.segment_id, p.position, p.stored
          FROM json_each($1) AS wanted
          JOIN object_places AS p ON p.object_id = unhex(wanted.value) AND p.state = 'good'",
        postgres "
        SELECT p.object_id, p.place, p.segment_id, p.position, p.stored
          FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN object_places AS p ON p.object_id = decode(wanted.value, 'hex') AND p.state = 'good'"
    };
    COPIES = "
        SELECT object_id, place, segment_id, position, stored
          FROM object_places WHERE object_id = $1 AND state = 'good'";
    MARK_BAD = "
        UPDATE object_places SET state = 'bad'
         WHERE object_id = $1 AND place = $2 AND segment_id = $3 AND state = 'good'";
    // An object without a good copy says why; whoever holds it is told that it is missing and sends it again.
    SETTLE_STATE = "
        UPDATE objects SET state = $2
         WHERE id = $1 AND state IN ('live', 'corrupt', 'missing')
           AND NOT EXISTS (SELECT 1 FROM object_places AS p WHERE p.object_id = objects.id AND p.state = 'good')";
}

/// Where the bytes of one copy of an object are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The segment, or which copy of a file of its own.
    pub(crate) copy: Uuid,
    pub(crate) in_segment: bool,
    /// Offset of the first byte.
    pub(crate) position: u64,
    /// Number of bytes.
    pub size: u64,
}

impl Place {
    /// The word in rows.
    pub(crate) const fn kind(&self) -> &'static str {
        if self.in_segment { "segment" } else { "file" }
    }
}

/// A row as the database hands it over, before it has been believed.
#[derive(sqlx::FromRow)]
pub(crate) struct PlaceRow {
    object_id: Vec<u8>,
    place: String,
    segment_id: Uuid,
    position: i64,
    stored: i64,
}

impl TryFrom<PlaceRow> for (ObjectId, Place) {
    type Error = Error;

    fn try_from(row: PlaceRow) -> Result<Self, Error> {
        let id = object_id(&row.object_id)?;
        let in_segment = match row.place.as_str() {
            "segment" => true,
            "file" => false,
            other => return Err(Error::corrupt("object_places.place")(other)),
        };
        let position = row.position.try_into().map_err(Error::corrupt("object_places.position"))?;
        let size = row.stored.try_into().map_err(Error::corrupt("object_places.stored"))?;
        Ok((id, Place { copy: row.segment_id, in_segment, position, size }))
    }
}

/// The id in a row.
pub(crate) fn object_id(bytes: &[u8]) -> Result<ObjectId, Error> {
    bytes.try_into().map_err(Error::corrupt("object_id"))
}

/// A number in a row that is never negative.
pub(crate) fn count(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(Error::corrupt("a count of the object store"))
}

/// A number as a row wants it.
pub(crate) fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// A UUID inside a JSON row, in the words of the database.
pub(crate) fn uuid_text(tx: &Tx, id: Uuid) -> String {
    match tx.dialect() {
        Dialect::Sqlite => id.simple().to_string(),
        Dialect::Postgres => id.to_string(),
    }
}

/// Names everything that was staged. `revives` says whether the bytes came from outside: then they make an object live.
pub(crate) async fn register(
    tx: &mut Tx,
    staged: &Staged,
    now: UnixMillis,
    revives: bool,
) -> Result<(), Error> {
    if staged.objects.is_empty() {
        return Ok(());
    }
    if let Some(segment) = &staged.segment {
        let in_it = staged.objects.iter().filter(|object| object.in_segment).count();
        let (bytes, digest) = (number(segment.bytes), &segment.digest[..]);
        db::execute!(tx, ADD_SEGMENT, segment.id, bytes, number(in_it), digest, now.0)?;
    }
    let mut copies = HashMap::new();
    for object in &staged.objects {
        copies.entry(object.copy).or_insert_with(|| uuid_text(tx, object.copy));
    }
    let rows =
        db::rows(staged.objects.iter().map(|it| {
            (it.id, it.size, it.position, u8::from(it.in_segment), copies.get(&it.copy))
        }));
    if revives {
        db::execute!(tx, ADD_OBJECTS, &rows, now.0)?;
    }
    db::execute!(tx, ADD_PLACES, &rows)?;
    Ok(())
}

/// One good place for each of `ids` that has any.
pub(crate) async fn places(
    tx: &mut Tx,
    ids: &[ObjectId],
) -> Result<HashMap<ObjectId, Place>, Error> {
    let rows: Vec<PlaceRow> = db::fetch_all!(tx, PLACES, db::rows(ids))?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Every good place of one object.
pub(crate) async fn copies(tx: &mut Tx, id: ObjectId) -> Result<Vec<Place>, Error> {
    let rows: Vec<PlaceRow> = db::fetch_all!(tx, COPIES, &id.as_bytes()[..])?;
    rows.into_iter().map(|row| <(ObjectId, Place)>::try_from(row).map(|(_, place)| place)).collect()
}

/// Marks a copy that is not to be read again; says whether it was there and good.
pub(crate) async fn mark_bad(tx: &mut Tx, id: ObjectId, place: &Place) -> Result<bool, Error> {
    let marked = db::execute!(tx, MARK_BAD, &id.as_bytes()[..], place.kind(), place.copy)?;
    Ok(marked == 1)
}

/// Says what is wrong with an object that has no good copy left.
pub(crate) async fn settle_state(tx: &mut Tx, id: ObjectId, why: FaultKind) -> Result<(), Error> {
    let state = if why == FaultKind::Missing { "missing" } else { "corrupt" };
    db::execute!(tx, SETTLE_STATE, &id.as_bytes()[..], state).map(drop)
}
