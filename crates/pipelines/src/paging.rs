//! Pages of lists: how long they are, and where they go on (`spec/conventions.md`, JSON).

use serde::Deserialize;
use uuid::Uuid;
use web::{Cursors, Fault, Problem};

/// Rows of a page unless said otherwise, and at most.
const PAGE: (u32, u32) = (30, 100);

/// Where a list begins, and how far it goes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    limit: Option<usize>,
    pub(crate) cursor: Option<String>,
}

impl PageQuery {
    /// Rows of the page.
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        let rows = limit(self.limit)?;
        Ok(u32::try_from(rows).unwrap_or(PAGE.1))
    }
}

/// How many rows a page has; one more is read, to see whether there are others.
pub(crate) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    let [usual, most] = [PAGE.0, PAGE.1].map(|it| it as usize);
    match asked.unwrap_or(usual) {
        limit if (1..=most).contains(&limit) => Ok(limit),
        _ => Err(Problem::invalid(vec![Fault {
            pointer: "/limit".to_owned(),
            code: "out_of_range",
            message: format!("a page has 1 to {most} rows"),
        }])),
    }
}

/// One row more than a page, for a statement.
pub(crate) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit + 1).unwrap_or(i64::MAX)
}

/// A cursor that this list did not hand out.
pub(crate) fn bad_cursor() -> Problem {
    Problem::malformed("the cursor is not one that this list handed out; begin again without it")
}

/// Where a list goes on: behind which id.
pub(crate) fn position(
    cursors: &Cursors,
    list: &str,
    cursor: Option<&str>,
    start: Uuid,
) -> Result<Uuid, Problem> {
    let Some(text) = cursor else { return Ok(start) };
    let found = cursors.read(list, text).and_then(|bytes| Uuid::from_slice(&bytes).ok());
    found.ok_or_else(bad_cursor)
}

/// Cuts the rows of a page, and says where the list goes on.
pub(crate) fn cut<T>(
    rows: &mut Vec<T>,
    limit: usize,
    (cursors, list): (&Cursors, &str),
    id: impl Fn(&T) -> Uuid,
) -> Option<String> {
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let shown = rows.last().filter(|_| has_more)?;
    Some(cursors.write(list, id(shown).as_bytes()))
}
