//! A chain from the tables, a page at a time: for the check here, and for the export.

use db::{Db, Error};
use names::UnixMillis;

use super::{Chain, Exported, Head, Line, store};
use crate::signing_keys::{self, Purpose};

/// Rows of a page: a MiB at most.
const PAGE_ROWS: u32 = 200;

/// Goes through a chain as it stood when the walk began. Rows do not change, so no transaction is held on the way.
#[derive(Debug)]
pub struct Walk {
    db: Db,
    chain: Chain,
    /// What comes before the first page of rows.
    opening: Option<Vec<Line>>,
    /// The last row that has been given.
    after: i64,
    /// The last head that has been given.
    heads_after: i64,
    /// The last row of the walk.
    until: i64,
    /// The first head behind the last row, if there is one: its row is missing.
    ahead: Option<Head>,
}

impl Walk {
    /// Begins at the first row; ends with the row `until`, or the last one there is.
    pub(super) async fn begin(
        db: Db,
        chain: Chain,
        now: UnixMillis,
        until: Option<i64>,
    ) -> Result<Self, Error> {
        let mut tx = db.read().await?;
        let (first, last) = store::ends(&mut tx, chain).await?.unwrap_or((1, 0));
        let ahead =
            if until.is_none() { store::head_after(&mut tx, chain, last).await? } else { None };
        let until = until.unwrap_or(last);
        let mut opening = vec![Line::Export(Exported::new(chain, now.0, until))];
        let keys = signing_keys::all(&mut tx, Purpose::Audit).await?;
        opening.extend(keys.into_iter().map(Line::from));
        let (opening, after) = (Some(opening), first - 1);
        // The head of what was pruned stands for it.
        Ok(Self { db, chain, opening, after, heads_after: first - 2, until, ahead })
    }

    /// The next lines, in order; nothing when all were given.
    pub async fn next(&mut self) -> Result<Option<Vec<Line>>, Error> {
        if let Some(opening) = self.opening.take() {
            return Ok(Some(opening));
        }
        if self.after >= self.until {
            return Ok(self.ahead.take().map(|head| vec![Line::Head(head)]));
        }
        let (chain, until) = (self.chain, self.until);
        let mut tx = self.db.read().await?;
        let rows = store::rows(&mut tx, chain, self.after, until, PAGE_ROWS).await?;
        // None left although there should be: the end is seen to be missing.
        let reached = rows.last().map_or(until, |row| row.seq);
        let heads = store::heads(&mut tx, chain, self.heads_after, reached).await?;
        (self.after, self.heads_after) = (reached, reached);
        let rows = rows.into_iter().map(|row| Line::Row(Box::new(row)));
        let mut lines: Vec<_> = rows.chain(heads.into_iter().map(Line::Head)).collect();
        lines.sort_by_key(Line::place);
        Ok(Some(lines))
    }
}
