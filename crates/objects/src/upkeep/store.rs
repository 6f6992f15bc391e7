//! Walks over objects, places and segments; tombstones; waste.

use std::collections::{BTreeMap, HashMap, HashSet};

use db::{Error, Tx};
use names::{ObjectId, UnixMillis};
use uuid::Uuid;

use super::stat::{Group, Sums};
use crate::{
    Place, Staged,
    address::Address,
    store::{PlaceRow, count, number, object_id, register},
};

/// What an entry of a segment takes beside its bytes: its head and its line in the index.
const ENTRY_BYTES: i64 = 86;

/// Nothing links the object `o` and nobody has it pending.
macro_rules! is_loose {
    ($object:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM repository_objects AS l WHERE l.object_id = ",
            $object,
            ") AND NOT EXISTS (SELECT 1 FROM uploads AS u WHERE u.object_id = ",
            $object,
            ")"
        )
    };
}
/// The rows of `$1`, an array of ids.
macro_rules! given_ids {
    (sqlite) => {
        "(SELECT unhex(value) FROM json_each($1))"
    };
    (postgres) => {
        "(SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb))"
    };
}

db::statements! {
    NEXT_IDS = "SELECT id FROM objects WHERE id > $1 ORDER BY id LIMIT $2";
    COPIES_BETWEEN = "
        SELECT object_id, place, segment_id, position, stored FROM object_places
         WHERE object_id >= $1 AND object_id <= $2 AND state = 'good' ORDER BY object_id";
    COUNT = "SELECT count(*) FROM objects";
    REWRITE = {
        sqlite "UPDATE segments SET rewrite = 1 WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        postgres "
        UPDATE segments SET rewrite = 1 WHERE id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)"
    };
    EXISTS = "SELECT count(*) FROM objects WHERE id = $1";
    DROP_BAD = "
        DELETE FROM object_places WHERE object_id = $1 AND state = 'bad'
        RETURNING object_id, place, segment_id, position, stored";
    MAKE_WHOLE = "
        UPDATE objects SET state = 'live', dead_at = NULL
         WHERE id = $1 AND state IN ('corrupt', 'missing')
           AND EXISTS (SELECT 1 FROM object_places AS p WHERE p.object_id = $1 AND p.state = 'good')";
    WITH_SEVERAL = "
        SELECT object_id FROM object_places WHERE object_id > $1 AND state = 'good'
         GROUP BY object_id HAVING count(*) > 1 ORDER BY object_id LIMIT $2";
    DROP_OTHERS = "
        DELETE FROM object_places
         WHERE object_id = $1 AND NOT (place = $2 AND segment_id = $3) AND state = 'good'
           AND EXISTS (SELECT 1 FROM object_places AS k
                        WHERE k.object_id = $1 AND k.place = $2 AND k.segment_id = $3 AND k.state = 'good')
        RETURNING object_id, place, segment_id, position, stored";
    SPARSE_SEGMENTS = "
        SELECT s.id, s.rewrite FROM segments AS s
          LEFT JOIN object_places AS p ON p.segment_id = s.id AND p.place = 'segment'
         GROUP BY s.id, s.bytes, s.rewrite
        HAVING s.rewrite = 1 OR (coalesce(sum(p.stored), 0) + $2 * count(p.object_id)) * 2 < s.bytes
         ORDER BY s.id LIMIT $1";
    LIVING_IN = "
        SELECT object_id, place, segment_id, position, stored FROM object_places
         WHERE segment_id = $1 AND place = 'segment' AND state = 'good' ORDER BY position";
    LEAVE_OLD = {
        sqlite "
        DELETE FROM object_places WHERE segment_id = $2 AND place = 'segment'
           AND object_id IN (SELECT unhex(value) FROM json_each($1))
        RETURNING object_id",
        postgres "
        DELETE FROM object_places WHERE segment_id = $2 AND place = 'segment'
           AND object_id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($1::jsonb))
        RETURNING object_id"
    };
    DROP_BAD_IN_SEGMENT = "
        DELETE FROM object_places WHERE segment_id = $1 AND place = 'segment' AND state = 'bad'
           AND EXISTS (SELECT 1 FROM object_places AS k
                        WHERE k.object_id = object_places.object_id AND k.state = 'good')";
    DROP_EMPTY_SEGMENT = "
        DELETE FROM segments WHERE id = $1
           AND NOT EXISTS (SELECT 1 FROM object_places AS p WHERE p.segment_id = $1 AND p.place = 'segment')
        RETURNING bytes";
    WINDOW = (concat!("
        SELECT o.id, CAST(CASE WHEN o.state <> 'dead' AND o.created_at < $3 AND ", is_loose!("o.id"), "
                         THEN 1 ELSE 0 END AS bigint)
          FROM (SELECT id, state, created_at FROM objects WHERE id > $1 ORDER BY id LIMIT $2) AS o ORDER BY o.id"));
    ENTOMB = {
        sqlite (concat!("
        UPDATE objects SET state = 'dead', dead_at = $2
         WHERE id IN ", given_ids!(sqlite), " AND (state <> 'dead' OR dead_at > $2) AND ", is_loose!("objects.id"))),
        postgres (concat!("
        UPDATE objects SET state = 'dead', dead_at = $2
         WHERE id IN ", given_ids!(postgres), " AND (state <> 'dead' OR dead_at > $2) AND ", is_loose!("objects.id")))
    };
    // Whoever holds one is receiving it again. To wait for them could be to wait for each other: they need the
    // repository next, and whoever condemns has it.
    LOCK_IDLE = {
        sqlite (concat!("SELECT id FROM objects WHERE id IN ", given_ids!(sqlite))),
        postgres (concat!("
        SELECT id FROM objects WHERE id IN ", given_ids!(postgres), " FOR NO KEY UPDATE SKIP LOCKED"))
    };
    DEAD = "
        SELECT id FROM objects WHERE state = 'dead' AND dead_at > $1 AND dead_at <= $2 ORDER BY dead_at, id LIMIT $3";
    // Whoever wants to link one of them now waits, or is not there any more to be waited for.
    LOCK_DEAD = {
        sqlite (concat!("
        SELECT id FROM objects WHERE id IN ", given_ids!(sqlite), " AND state = 'dead' AND dead_at > $2 AND dead_at <= $3")),
        postgres (concat!("
        SELECT id FROM objects WHERE id IN ", given_ids!(postgres), " AND state = 'dead' AND dead_at > $2 AND dead_at <= $3
           FOR UPDATE SKIP LOCKED"))
    };
    REVIVE = {
        sqlite (concat!("
        UPDATE objects SET state = 'live', dead_at = NULL
         WHERE id IN ", given_ids!(sqlite), " AND NOT (", is_loose!("objects.id"), ")")),
        postgres (concat!("
        UPDATE objects SET state = 'live', dead_at = NULL
         WHERE id IN ", given_ids!(postgres), " AND NOT (", is_loose!("objects.id"), ")"))
    };
    DROP_PLACES = {
        sqlite (concat!("
        DELETE FROM object_places WHERE object_id IN ", given_ids!(sqlite), "
           AND EXISTS (SELECT 1 FROM objects AS o WHERE o.id = object_places.object_id AND o.state = 'dead')
        RETURNING object_id, place, segment_id, position, stored")),
        postgres (concat!("
        DELETE FROM object_places WHERE object_id IN ", given_ids!(postgres), "
           AND EXISTS (SELECT 1 FROM objects AS o WHERE o.id = object_places.object_id AND o.state = 'dead')
        RETURNING object_id, place, segment_id, position, stored"))
    };
    DROP_DEAD = {
        sqlite (concat!("
        DELETE FROM objects WHERE id IN ", given_ids!(sqlite), " AND state = 'dead'")),
        postgres (concat!("
        DELETE FROM objects WHERE id IN ", given_ids!(postgres), " AND state = 'dead'"))
    };
    ADD_WASTE = {
        sqlite "
        INSERT INTO object_waste (name, bytes, fate, due_at)
        SELECT value ->> 0, value ->> 1, $2, $3 FROM json_each($1) WHERE true
        ON CONFLICT (name) DO NOTHING",
        postgres "
        INSERT INTO object_waste (name, bytes, fate, due_at)
        SELECT value ->> 0, (value ->> 1)::bigint, $2, $3 FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (name) DO NOTHING"
    };
    DUE_WASTE = "
        SELECT name, bytes, fate FROM object_waste WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
    NEXT_WASTE = "SELECT min(due_at) FROM object_waste";
    WASTE_AMONG = {
        sqlite "SELECT name FROM object_waste WHERE name IN (SELECT value FROM json_each($1))",
        postgres "
        SELECT name FROM object_waste WHERE name IN (SELECT value FROM jsonb_array_elements_text($1::jsonb))"
    };
    DROP_WASTE = {
        sqlite "DELETE FROM object_waste WHERE name IN (SELECT value FROM json_each($1))",
        postgres "
        DELETE FROM object_waste WHERE name IN (SELECT value FROM jsonb_array_elements_text($1::jsonb))"
    };
    FILES_BETWEEN = "
        SELECT object_id, place, segment_id, position, stored FROM object_places
         WHERE place = 'file' AND state = 'good' AND object_id >= $1 AND object_id <= $2";
    ALL_SEGMENTS = "SELECT id, bytes FROM segments";
    BY_STATE = "
        SELECT state, count(*), CAST(coalesce(sum(size), 0) AS bigint) FROM objects GROUP BY state ORDER BY state";
    BY_SIZE = "
        SELECT CASE WHEN size <= 4096 THEN 'up to 4 KiB' WHEN size <= 65536 THEN 'up to 64 KiB'
                    WHEN size <= 1048576 THEN 'up to 1 MiB' WHEN size <= 67108864 THEN 'up to 64 MiB'
                    ELSE 'above 64 MiB' END AS class,
               count(*), CAST(coalesce(sum(size), 0) AS bigint)
          FROM objects GROUP BY 1 ORDER BY min(size)";
    SUMS = "
        SELECT (SELECT count(*) FROM segments),
               (SELECT CAST(coalesce(sum(bytes), 0) AS bigint) FROM segments),
               (SELECT count(*) FROM object_places WHERE place = 'file'),
               (SELECT CAST(coalesce(sum(stored), 0) AS bigint) FROM object_places WHERE place = 'file'),
               (SELECT count(*) FROM repository_objects),
               (SELECT CAST(coalesce(sum(o.size), 0) AS bigint)
                  FROM repository_objects AS l JOIN objects AS o ON o.id = l.object_id),
               (SELECT count(*) FROM uploads),
               (SELECT count(*) FROM object_waste),
               (SELECT CAST(coalesce(sum(bytes), 0) AS bigint) FROM object_waste),
               (SELECT count(*) FROM integrity_faults WHERE resolved_at IS NULL)";
}

fn after(id: Option<&ObjectId>) -> &[u8] {
    id.map_or(&[][..], |id| id.as_bytes())
}

type Copies = Vec<(ObjectId, Vec<Place>)>;

/// The next `limit` objects after `from`, each with its good copies.
pub(super) async fn copies_after(
    tx: &mut Tx,
    from: Option<ObjectId>,
    limit: usize,
) -> Result<Copies, Error> {
    let next: Vec<(Vec<u8>,)> = db::fetch_all!(tx, NEXT_IDS, after(from.as_ref()), number(limit))?;
    let next = ids(&next)?;
    let (Some(first), Some(last)) = (next.first(), next.last()) else { return Ok(Vec::new()) };
    let (first, last) = (&first.as_bytes()[..], &last.as_bytes()[..]);
    let rows: Vec<PlaceRow> = db::fetch_all!(tx, COPIES_BETWEEN, first, last)?;
    let mut found: HashMap<ObjectId, Vec<Place>> = HashMap::new();
    for (id, place) in copies(rows)? {
        found.entry(id).or_default().push(place);
    }
    Ok(next.into_iter().map(|id| (id, found.remove(&id).unwrap_or_default())).collect())
}

pub(super) async fn count_objects(tx: &mut Tx) -> Result<u64, Error> {
    let (objects,): (i64,) = db::fetch_one!(tx, COUNT)?;
    count(objects)
}

/// Has segments rewritten, however much of them is alive.
pub(super) async fn rewrite(tx: &mut Tx, segments: &HashSet<Uuid>) -> Result<(), Error> {
    db::execute!(tx, REWRITE, db::rows(segments)).map(drop)
}

pub(super) async fn exists(tx: &mut Tx, id: ObjectId) -> Result<bool, Error> {
    let (found,): (i64,) = db::fetch_one!(tx, EXISTS, &id.as_bytes()[..])?;
    Ok(found == 1)
}

/// Copies, believed.
fn copies(rows: Vec<PlaceRow>) -> Result<Vec<(ObjectId, Place)>, Error> {
    rows.into_iter().map(TryInto::try_into).collect()
}

/// Gives up the copies that were marked.
pub(super) async fn drop_bad(tx: &mut Tx, id: ObjectId) -> Result<Vec<(ObjectId, Place)>, Error> {
    copies(db::fetch_all!(tx, DROP_BAD, &id.as_bytes()[..])?)
}

pub(super) async fn make_whole(tx: &mut Tx, id: ObjectId) -> Result<(), Error> {
    db::execute!(tx, MAKE_WHOLE, &id.as_bytes()[..]).map(drop)
}

pub(super) async fn with_several(
    tx: &mut Tx,
    from: Option<ObjectId>,
    limit: usize,
) -> Result<Vec<ObjectId>, Error> {
    let rows: Vec<(Vec<u8>,)> =
        db::fetch_all!(tx, WITH_SEVERAL, after(from.as_ref()), number(limit))?;
    ids(&rows)
}

pub(super) async fn drop_others(
    tx: &mut Tx,
    id: ObjectId,
    stays: &Place,
) -> Result<Vec<(ObjectId, Place)>, Error> {
    copies(db::fetch_all!(tx, DROP_OTHERS, &id.as_bytes()[..], stays.kind(), stays.copy)?)
}

/// Segments that are to be rewritten, and whether that has to be soon.
pub(super) async fn sparse_segments(tx: &mut Tx, limit: usize) -> Result<Vec<(Uuid, bool)>, Error> {
    let rows: Vec<(Uuid, i64)> = db::fetch_all!(tx, SPARSE_SEGMENTS, number(limit), ENTRY_BYTES)?;
    Ok(rows.into_iter().map(|(id, rewrite)| (id, rewrite == 1)).collect())
}

pub(super) async fn living_in(tx: &mut Tx, segment: Uuid) -> Result<Vec<(ObjectId, Place)>, Error> {
    copies(db::fetch_all!(tx, LIVING_IN, segment)?)
}

/// Puts what was staged in the place of what lies in the segment `old`. What has left it meanwhile stays away.
pub(super) async fn move_places(
    tx: &mut Tx,
    old: Uuid,
    staged: &Staged,
    now: UnixMillis,
) -> Result<(), Error> {
    let moved = db::rows(staged.objects().map(|(id, _)| id));
    let left: Vec<(Vec<u8>,)> = db::fetch_all!(tx, LEAVE_OLD, moved, old)?;
    let left: HashSet<_> = ids(&left)?.into_iter().collect();
    db::execute!(tx, DROP_BAD_IN_SEGMENT, old)?;
    let mut staged = staged.clone();
    staged.objects.retain(|object| left.contains(&object.id));
    if left.is_empty() {
        return Ok(());
    }
    register(tx, &staged, now, false).await
}

/// Removes the row of a segment in which nothing lies; gives its length if it was there.
pub(super) async fn drop_empty_segment(tx: &mut Tx, id: Uuid) -> Result<Option<u64>, Error> {
    let row: Option<(i64,)> = db::fetch_optional!(tx, DROP_EMPTY_SEGMENT, id)?;
    row.map(|(bytes,)| count(bytes)).transpose()
}

/// The next objects, and whether each is older than `cutoff` and linked by nothing.
pub(super) async fn window(
    tx: &mut Tx,
    from: Option<ObjectId>,
    limit: usize,
    cutoff: UnixMillis,
) -> Result<Vec<(ObjectId, bool)>, Error> {
    let rows: Vec<(Vec<u8>, i64)> =
        db::fetch_all!(tx, WINDOW, after(from.as_ref()), number(limit), cutoff.0)?;
    rows.iter().map(|(id, is_loose)| Ok((object_id(id)?, *is_loose == 1))).collect()
}

pub(super) async fn entomb(
    tx: &mut Tx,
    ids: &[ObjectId],
    dead_at: UnixMillis,
) -> Result<u64, Error> {
    db::execute!(tx, ENTOMB, db::rows(ids), dead_at.0)
}

/// Those of `given` that nobody is changing, locked.
pub(super) async fn lock_idle(tx: &mut Tx, given: &[ObjectId]) -> Result<Vec<ObjectId>, Error> {
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, LOCK_IDLE, db::rows(given))?;
    ids(&rows)
}

/// Tombstones by their age: made after the one time, and not after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub(super) after: UnixMillis,
    pub(super) until: UnixMillis,
}

pub(super) async fn dead(tx: &mut Tx, made: Made, limit: usize) -> Result<Vec<ObjectId>, Error> {
    let rows: Vec<(Vec<u8>,)> =
        db::fetch_all!(tx, DEAD, made.after.0, made.until.0, number(limit))?;
    ids(&rows)
}

pub(super) async fn lock_dead(
    tx: &mut Tx,
    given: &[ObjectId],
    made: Made,
) -> Result<Vec<ObjectId>, Error> {
    let rows: Vec<(Vec<u8>,)> =
        db::fetch_all!(tx, LOCK_DEAD, db::rows(given), made.after.0, made.until.0)?;
    ids(&rows)
}

pub(super) async fn revive(tx: &mut Tx, ids: &[ObjectId]) -> Result<(), Error> {
    db::execute!(tx, REVIVE, db::rows(ids)).map(drop)
}

/// Gives up every copy of tombstones.
pub(super) async fn drop_places(
    tx: &mut Tx,
    ids: &[ObjectId],
) -> Result<Vec<(ObjectId, Place)>, Error> {
    copies(db::fetch_all!(tx, DROP_PLACES, db::rows(ids))?)
}

pub(super) async fn drop_dead(tx: &mut Tx, ids: &[ObjectId]) -> Result<u64, Error> {
    db::execute!(tx, DROP_DEAD, db::rows(ids))
}

/// Something to be removed or moved.
#[derive(Debug, sqlx::FromRow)]
struct WasteRow {
    name: String,
    bytes: i64,
    fate: String,
}

/// The same, believed.
#[derive(Debug)]
pub(super) struct Waste {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) fate: String,
}

pub(super) async fn add_waste(
    tx: &mut Tx,
    what: &[(Address, u64)],
    fate: &str,
    due: UnixMillis,
) -> Result<(), Error> {
    let rows = db::rows(what.iter().map(|(address, bytes)| (address.to_string(), bytes)));
    db::execute!(tx, ADD_WASTE, rows, fate, due.0).map(drop)
}

pub(super) async fn due_waste(
    tx: &mut Tx,
    now: UnixMillis,
    limit: usize,
) -> Result<Vec<Waste>, Error> {
    let rows: Vec<WasteRow> = db::fetch_all!(tx, DUE_WASTE, now.0, number(limit))?;
    let believe =
        |row: WasteRow| Ok(Waste { name: row.name, bytes: count(row.bytes)?, fate: row.fate });
    rows.into_iter().map(believe).collect()
}

pub(super) async fn next_waste(tx: &mut Tx) -> Result<Option<UnixMillis>, Error> {
    let (due,): (Option<i64>,) = db::fetch_one!(tx, NEXT_WASTE)?;
    Ok(due.map(UnixMillis))
}

pub(super) async fn waste_among(tx: &mut Tx, names: &[&str]) -> Result<HashSet<String>, Error> {
    let rows: Vec<(String,)> = db::fetch_all!(tx, WASTE_AMONG, db::rows(names))?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

pub(super) async fn drop_waste(tx: &mut Tx, names: &[&str]) -> Result<(), Error> {
    db::execute!(tx, DROP_WASTE, db::rows(names)).map(drop)
}

/// The files of their own of the objects from `from` to `until`, both included; to the ends where there is none.
pub(super) async fn files_between(
    tx: &mut Tx,
    from: Option<ObjectId>,
    until: Option<ObjectId>,
) -> Result<Vec<(ObjectId, Place)>, Error> {
    let until = until.map_or_else(|| vec![0xff; 33], |id| id.as_bytes().to_vec());
    copies(db::fetch_all!(tx, FILES_BETWEEN, after(from.as_ref()), until)?)
}

pub(super) async fn all_segments(tx: &mut Tx) -> Result<BTreeMap<Uuid, u64>, Error> {
    let rows: Vec<(Uuid, i64)> = db::fetch_all!(tx, ALL_SEGMENTS)?;
    rows.into_iter().map(|(id, bytes)| Ok((id, count(bytes)?))).collect()
}

pub(super) async fn by_state(tx: &mut Tx) -> Result<Vec<Group>, Error> {
    groups(db::fetch_all!(tx, BY_STATE)?)
}

pub(super) async fn by_size(tx: &mut Tx) -> Result<Vec<Group>, Error> {
    groups(db::fetch_all!(tx, BY_SIZE)?)
}

fn groups(rows: Vec<(String, i64, i64)>) -> Result<Vec<Group>, Error> {
    let believe = |(name, objects, bytes): (String, i64, i64)| {
        Ok(Group { name, objects: count(objects)?, bytes: count(bytes)? })
    };
    rows.into_iter().map(believe).collect()
}

type SumsRow = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

pub(super) async fn sums(tx: &mut Tx) -> Result<Sums, Error> {
    let row: SumsRow = db::fetch_one!(tx, SUMS)?;
    Ok(Sums {
        segments: count(row.0)?,
        segment_bytes: count(row.1)?,
        files: count(row.2)?,
        file_bytes: count(row.3)?,
        links: count(row.4)?,
        linked_bytes: count(row.5)?,
        pending: count(row.6)?,
        waste: count(row.7)?,
        waste_bytes: count(row.8)?,
        open_faults: count(row.9)?,
    })
}

fn ids(rows: &[(Vec<u8>,)]) -> Result<Vec<ObjectId>, Error> {
    rows.iter().map(|(id,)| object_id(id)).collect()
}
