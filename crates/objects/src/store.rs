//! The tables `objects`, `segments` and `object_places`.

use std::collections::HashMap;

use db::{Error, Tx};
use names::{ObjectId, UnixMillis};
use uuid::Uuid;

use crate::Staged;

db::statements! {
    ADD_SEGMENT = "
        INSERT INTO segments (id, bytes, objects, digest, created_at) VALUES ($1, $2, $3, $4, $5)";
    ADD_OBJECTS = {
        sqlite "
        INSERT INTO objects (id, size, created_at)
        SELECT unhex(value ->> 0), value ->> 1, $2 FROM json_each($1) WHERE true
        ON CONFLICT (id) DO NOTHING",
        postgres "
        INSERT INTO objects (id, size, created_at)
        SELECT decode(value ->> 0, 'hex'), (value ->> 1)::bigint, $2 FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (id) DO NOTHING"
    };
    ADD_PLACES = {
        sqlite "
        INSERT INTO object_places (object_id, place, segment_id, position, stored)
        SELECT unhex(value ->> 0), CASE value ->> 3 WHEN 1 THEN 'segment' ELSE 'file' END,
               CASE value ->> 3 WHEN 1 THEN $2 ELSE zeroblob(16) END, value ->> 2, value ->> 1
          FROM json_each($1) WHERE true
        ON CONFLICT (object_id, place, segment_id) DO NOTHING",
        postgres "
        INSERT INTO object_places (object_id, place, segment_id, position, stored)
        SELECT decode(value ->> 0, 'hex'), CASE (value ->> 3)::int WHEN 1 THEN 'segment' ELSE 'file' END,
               CASE (value ->> 3)::int WHEN 1 THEN $2 ELSE '00000000-0000-0000-0000-000000000000'::uuid END,
               (value ->> 2)::bigint, (value ->> 1)::bigint
          FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (object_id, place, segment_id) DO NOTHING"
    };
    PLACES = {
        sqlite "
        SELECT p.object_id, p.place, p.segment_id, p.position, p.stored
          FROM json_each($1) AS wanted
          JOIN object_places AS p ON p.object_id = unhex(wanted.value)",
        postgres "
        SELECT p.object_id, p.place, p.segment_id, p.position, p.stored
          FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN object_places AS p ON p.object_id = decode(wanted.value, 'hex')"
    };
}

/// Where the bytes of an object are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The segment, or nothing for a file of its own.
    pub(crate) segment: Option<Uuid>,
    /// Offset of the first byte.
    pub(crate) position: u64,
    /// Number of bytes.
    pub size: u64,
}

/// A row as the database hands it over, before it has been believed.
#[derive(sqlx::FromRow)]
struct PlaceRow {
    object_id: Vec<u8>,
    place: String,
    segment_id: Uuid,
    position: i64,
    stored: i64,
}

impl TryFrom<PlaceRow> for (ObjectId, Place) {
    type Error = Error;

    fn try_from(row: PlaceRow) -> Result<Self, Error> {
        let id = row
            .object_id
            .as_slice()
            .try_into()
            .map_err(Error::corrupt("object_places.object_id"))?;
        let segment = match row.place.as_str() {
            "segment" => Some(row.segment_id),
            "file" => None,
            other => return Err(Error::corrupt("object_places.place")(other)),
        };
        let position = row.position.try_into().map_err(Error::corrupt("object_places.position"))?;
        let size = row.stored.try_into().map_err(Error::corrupt("object_places.stored"))?;
        Ok((id, Place { segment, position, size }))
    }
}

/// Names everything that was staged.
pub(crate) async fn register(tx: &mut Tx, staged: &Staged, now: UnixMillis) -> Result<(), Error> {
    if staged.objects.is_empty() {
        return Ok(());
    }
    let segment_id = staged.segment.as_ref().map_or(Uuid::nil(), |segment| segment.id);
    if let Some(segment) = &staged.segment {
        let in_it = staged.objects.iter().filter(|object| object.in_segment).count();
        db::execute!(
            tx,
            ADD_SEGMENT,
            segment.id,
            i64::try_from(segment.bytes).unwrap_or(i64::MAX),
            i64::try_from(in_it).unwrap_or(i64::MAX),
            &segment.digest[..],
            now.0,
        )?;
    }
    let rows = db::rows(
        staged.objects.iter().map(|it| (it.id, it.size, it.position, u8::from(it.in_segment))),
    );
    db::execute!(tx, ADD_OBJECTS, &rows, now.0)?;
    db::execute!(tx, ADD_PLACES, &rows, segment_id)?;
    Ok(())
}

/// One place for each of `ids` that is held.
pub(crate) async fn places(
    tx: &mut Tx,
    ids: &[ObjectId],
) -> Result<HashMap<ObjectId, Place>, Error> {
    let rows: Vec<PlaceRow> = db::fetch_all!(tx, PLACES, db::rows(ids))?;
    rows.into_iter().map(TryInto::try_into).collect()
}
