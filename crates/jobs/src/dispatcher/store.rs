//! When the dispatcher has something to do next, over all three tables.

use db::{Error, Tx};
use names::UnixMillis;

/// Strange kinds told of at once: more is a mistake that one line shows as well as twenty.
const STRANGERS: i64 = 20;

/// The first job of each priority is found in the index; kinds without a handler are passed over.
macro_rules! next {
    ($kinds:literal, $facts:literal) => {
        concat!(
            "SELECT (SELECT min((SELECT coalesce(lease_ends, run_at) FROM jobs
                                  WHERE state <> 'dead' AND priority = each.column1 AND kind IN ",
            $kinds,
            "                     ORDER BY coalesce(lease_ends, run_at) LIMIT 1))
                       FROM (VALUES (0), (1), (2)) AS each),
                    (SELECT min(due_at) FROM outbox WHERE kind IN ",
            $facts,
            "),     (SELECT min(next_at) FROM schedules WHERE enabled)"
        )
    };
}

db::statements! {
    NEXT = {
        sqlite next!("(SELECT value FROM json_each($1))", "(SELECT value FROM json_each($2))"),
        postgres next!("(SELECT jsonb_array_elements_text($1::jsonb))", "(SELECT jsonb_array_elements_text($2::jsonb))")
    };
    STRANGERS_DUE = {
        sqlite "
        SELECT kind FROM (
            SELECT kind FROM jobs
             WHERE state <> 'dead' AND priority IN (0, 1, 2) AND coalesce(lease_ends, run_at) <= $3
               AND kind NOT IN (SELECT value FROM json_each($1))
             UNION
            SELECT kind FROM outbox WHERE due_at <= $3 AND kind NOT IN (SELECT value FROM json_each($2))) AS strange
         LIMIT $4",
        postgres "
        SELECT kind FROM (
            SELECT kind FROM jobs
             WHERE state <> 'dead' AND priority IN (0, 1, 2) AND coalesce(lease_ends, run_at) <= $3
               AND kind NOT IN (SELECT jsonb_array_elements_text($1::jsonb))
             UNION
            SELECT kind FROM outbox
             WHERE due_at <= $3 AND kind NOT IN (SELECT jsonb_array_elements_text($2::jsonb))) AS strange
         LIMIT $4"
    };
}

/// When the first of each is due.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) job: Option<UnixMillis>,
    pub(super) post: Option<UnixMillis>,
    pub(super) schedule: Option<UnixMillis>,
}

pub(super) async fn next(tx: &mut Tx, kinds: &[&str], facts: &[&str]) -> Result<Next, Error> {
    let (job, post, schedule): (Option<i64>, Option<i64>, Option<i64>) =
        db::fetch_one!(tx, NEXT, db::rows(kinds), db::rows(facts))?;
    Ok(Next {
        job: job.map(UnixMillis),
        post: post.map(UnixMillis),
        schedule: schedule.map(UnixMillis),
    })
}

/// Kinds of due rows that are none of these.
pub(super) async fn strangers(
    tx: &mut Tx,
    kinds: &[&str],
    facts: &[&str],
    now: UnixMillis,
) -> Result<Vec<String>, Error> {
    let (kinds, facts) = (db::rows(kinds), db::rows(facts));
    let rows: Vec<(String,)> = db::fetch_all!(tx, STRANGERS_DUE, kinds, facts, now.0, STRANGERS)?;
    Ok(rows.into_iter().map(|(kind,)| kind).collect())
}
