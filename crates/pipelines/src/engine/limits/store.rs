//! The table `work_counts`.

use std::collections::BTreeSet;

use db::{Error, Tx};
use uuid::Uuid;

use super::Holder;

db::statements! {
    READ = {
        sqlite "
        SELECT c.holder_id, c.counts, c.piece, c.used
          FROM json_each($1) AS w JOIN work_counts AS c
            ON c.holder_id = unhex(w.value ->> 0, '-') AND c.counts = w.value ->> 1",
        postgres "
        SELECT c.holder_id, c.counts, c.piece, c.used
          FROM jsonb_array_elements($1::jsonb) AS w (value) JOIN work_counts AS c
            ON c.holder_id = (w.value ->> 0)::uuid AND c.counts = w.value ->> 1"
    };
    // In order, so that two groups never wait for each other in a ring. A row that held an older piece begins anew.
    ADD = {
        sqlite "
        INSERT INTO work_counts (holder_id, counts, place, piece, used)
        SELECT unhex(value ->> 0, '-'), value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each($1) WHERE true
        ON CONFLICT (holder_id, counts, place) DO UPDATE
           SET used = CASE WHEN excluded.piece > work_counts.piece THEN excluded.used ELSE work_counts.used + excluded.used END,
               piece = excluded.piece",
        postgres "
        INSERT INTO work_counts (holder_id, counts, place, piece, used)
        SELECT (value ->> 0)::uuid, value ->> 1, (value ->> 2)::bigint, (value ->> 3)::bigint, (value ->> 4)::bigint
          FROM jsonb_array_elements($1::jsonb) ORDER BY 1, 2, 3
        ON CONFLICT (holder_id, counts, place) DO UPDATE
           SET used = CASE WHEN excluded.piece > work_counts.piece THEN excluded.used ELSE work_counts.used + excluded.used END,
               piece = excluded.piece"
    };
}

/// What these have had: whose, in which piece, how much.
pub(super) async fn read(
    tx: &mut Tx,
    holders: &BTreeSet<Holder>,
) -> Result<Vec<(Holder, i64, i64)>, Error> {
    let asked = db::rows(holders.iter().map(|(holder, of)| (holder, of.as_str())));
    let rows: Vec<(Uuid, String, i64, i64)> = db::fetch_all!(tx, READ, asked)?;
    let typed = |(holder, of, piece, used): (Uuid, String, i64, i64)| {
        let of = of.parse().map_err(Error::corrupt("work_counts.counts"))?;
        Ok(((holder, of), piece, used))
    };
    rows.into_iter().map(typed).collect()
}

/// Adds to what was had: whose, of what, in which row and piece, how much.
pub(super) async fn add(
    tx: &mut Tx,
    rows: &[(Uuid, &'static str, i64, i64, i64)],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    db::execute!(tx, ADD, db::rows(rows)).map(drop)
}
