//! What can be claimed, by rows: heads that are filled, and the oldest tasks of each.

use std::collections::{BTreeSet, HashMap};

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{Found, HeadId, Likeness, Ready};

db::statements! {
    // Some steps of the index for each head, however many tasks stand in it: one leads to the next head, one to its oldest
    // task, one says whether there is another.
    FILLED = {
        sqlite "
        WITH RECURSIVE filled (id, number) AS (
            SELECT (SELECT head_id FROM tasks WHERE head_id > $1 AND head_id <= $2 ORDER BY head_id LIMIT 1), 1
            UNION ALL
            SELECT (SELECT t.head_id FROM tasks AS t WHERE t.head_id > filled.id AND t.head_id <= $2
                     ORDER BY t.head_id LIMIT 1), filled.number + 1
              FROM filled WHERE filled.id IS NOT NULL AND filled.number < $3)
        SELECT h.id AS head_id, h.publisher_id, p.handle, h.pipeline_id, h.fair_key, h.weight, h.priority, h.labels, h.trust,
               t.id, t.run_id, t.address, t.ready_at,
               (SELECT count(*) FROM (SELECT 1 FROM tasks AS o WHERE o.head_id = h.id LIMIT 2)) AS holds
          FROM filled JOIN work_heads AS h ON h.id = filled.id JOIN principals AS p ON p.id = h.publisher_id
          JOIN tasks AS t ON t.id = (SELECT o.id FROM tasks AS o WHERE o.head_id = filled.id ORDER BY o.ready_at, o.id LIMIT 1)
         ORDER BY h.id",
        postgres "
        WITH RECURSIVE filled (id, number) AS (
            SELECT (SELECT head_id FROM tasks WHERE head_id > $1 AND head_id <= $2 ORDER BY head_id LIMIT 1), 1::bigint
            UNION ALL
            SELECT (SELECT t.head_id FROM tasks AS t WHERE t.head_id > filled.id AND t.head_id <= $2
                     ORDER BY t.head_id LIMIT 1), filled.number + 1
              FROM filled WHERE filled.id IS NOT NULL AND filled.number < $3)
        SELECT h.id AS head_id, h.publisher_id, p.handle, h.pipeline_id, h.fair_key, h.weight, h.priority, h.labels, h.trust,
               t.id, t.run_id, t.address, t.ready_at,
               (SELECT count(*) FROM (SELECT 1 FROM tasks AS o WHERE o.head_id = h.id LIMIT 2) AS two) AS holds
          FROM filled JOIN work_heads AS h ON h.id = filled.id JOIN principals AS p ON p.id = h.publisher_id
          CROSS JOIN LATERAL (SELECT o.id, o.run_id, o.address, o.ready_at FROM tasks AS o
                               WHERE o.head_id = filled.id ORDER BY o.ready_at, o.id LIMIT 1) AS t
         ORDER BY h.id"
    };
    THESE = {
        sqlite "
        SELECT h.id AS head_id, h.publisher_id, p.handle, h.pipeline_id, h.fair_key, h.weight, h.priority, h.labels, h.trust,
               t.id, t.run_id, t.address, t.ready_at,
               (SELECT count(*) FROM (SELECT 1 FROM tasks AS o WHERE o.head_id = h.id LIMIT 2)) AS holds
          FROM json_each($1) AS f JOIN work_heads AS h ON h.id = unhex(f.value, '-')
          JOIN principals AS p ON p.id = h.publisher_id
          JOIN tasks AS t ON t.id = (SELECT o.id FROM tasks AS o WHERE o.head_id = h.id ORDER BY o.ready_at, o.id LIMIT 1)",
        postgres "
        SELECT h.id AS head_id, h.publisher_id, p.handle, h.pipeline_id, h.fair_key, h.weight, h.priority, h.labels, h.trust,
               t.id, t.run_id, t.address, t.ready_at,
               (SELECT count(*) FROM (SELECT 1 FROM tasks AS o WHERE o.head_id = h.id LIMIT 2) AS two) AS holds
          FROM jsonb_array_elements_text($1::jsonb) AS f (id) JOIN work_heads AS h ON h.id = f.id::uuid
          JOIN principals AS p ON p.id = h.publisher_id
          CROSS JOIN LATERAL (SELECT o.id, o.run_id, o.address, o.ready_at FROM tasks AS o
                               WHERE o.head_id = h.id ORDER BY o.ready_at, o.id LIMIT 1) AS t"
    };
    WINDOWS_OF = {
        sqlite "
        SELECT t.head_id, t.id, t.run_id, t.address, t.ready_at
          FROM json_each($1) AS h CROSS JOIN tasks AS t
         WHERE t.id IN (SELECT o.id FROM tasks AS o WHERE o.head_id = unhex(h.value, '-') ORDER BY o.ready_at, o.id LIMIT $2)
         ORDER BY t.head_id, t.ready_at, t.id",
        postgres "
        SELECT t.head_id, t.id, t.run_id, t.address, t.ready_at
          FROM jsonb_array_elements_text($1::jsonb) AS h (id)
          CROSS JOIN LATERAL (SELECT o.head_id, o.id, o.run_id, o.address, o.ready_at FROM tasks AS o
                               WHERE o.head_id = h.id::uuid ORDER BY o.ready_at, o.id LIMIT $2) AS t
         ORDER BY t.head_id, t.ready_at, t.id"
    };
}

#[derive(sqlx::FromRow)]
struct FilledRow {
    head_id: Uuid,
    publisher_id: Uuid,
    handle: String,
    pipeline_id: String,
    fair_key: String,
    weight: i64,
    priority: i64,
    labels: String,
    trust: i64,
    id: Uuid,
    run_id: Uuid,
    address: String,
    ready_at: i64,
    holds: i64,
}

/// Heads that tasks stand in, in order of their ids, from behind one to another, with the oldest task of each.
pub(super) async fn filled(
    tx: &mut Tx,
    (after, to): (HeadId, HeadId),
    most: usize,
) -> Result<Vec<Found>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows: Vec<FilledRow> = db::fetch_all!(tx, FILLED, after.uuid(), to.uuid(), most)?;
    rows.into_iter().map(FilledRow::read).collect()
}

/// These heads, as far as tasks stand in them, with the oldest task of each.
pub(super) async fn of_these(tx: &mut Tx, heads: &BTreeSet<HeadId>) -> Result<Vec<Found>, Error> {
    let rows: Vec<FilledRow> = db::fetch_all!(tx, THESE, db::rows(heads))?;
    rows.into_iter().map(FilledRow::read).collect()
}

impl FilledRow {
    fn read(self) -> Result<Found, Error> {
        let like = Likeness {
            publisher: Id::from_uuid(self.publisher_id),
            handle: self.handle.parse().map_err(Error::corrupt("principals.handle"))?,
            pipeline: self.pipeline_id.parse().map_err(Error::corrupt("work_heads.pipeline_id"))?,
            fair_key: self.fair_key,
            weight: self.weight.try_into().map_err(Error::corrupt("work_heads.weight"))?,
            priority: self.priority.try_into().map_err(Error::corrupt("work_heads.priority"))?,
            labels: serde_json::from_str(&self.labels)
                .map_err(Error::corrupt("work_heads.labels"))?,
            trust: self.trust.try_into().map_err(Error::corrupt("work_heads.trust"))?,
        };
        let first = ready((self.id, self.run_id, self.address, self.ready_at))?;
        Ok(Found { id: Id::from_uuid(self.head_id), like, first, has_more: self.holds > 1 })
    }
}

/// The oldest tasks of each of these heads.
pub(super) async fn windows(
    tx: &mut Tx,
    heads: &[HeadId],
    most: usize,
) -> Result<HashMap<HeadId, Vec<Ready>>, Error> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows: Vec<(Uuid, Uuid, Uuid, String, i64)> =
        db::fetch_all!(tx, WINDOWS_OF, db::rows(heads), most)?;
    let mut windows: HashMap<HeadId, Vec<Ready>> = HashMap::new();
    for (head, task, run, address, ready_at) in rows {
        let ready = ready((task, run, address, ready_at))?;
        windows.entry(Id::from_uuid(head)).or_default().push(ready);
    }
    Ok(windows)
}

fn ready((task, run, address, ready_at): (Uuid, Uuid, String, i64)) -> Result<Ready, Error> {
    Ok(Ready {
        task: Id::from_uuid(task),
        run: Id::from_uuid(run),
        address: address.parse().map_err(Error::corrupt("tasks.address"))?,
        since: UnixMillis(ready_at),
    })
}
