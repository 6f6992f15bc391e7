//! What the lists of branches and tags ask of `refs`.

use db::{Error, Tx};
use names::{Id, UnixMillis};

use super::{Counts, Deleted, Listed, Show, Wanted};
use crate::Repository;

db::statements! {
    COUNT_TAGS = "SELECT count(*) FROM refs WHERE repository_id = $1 AND kind = 'tag'";
    COUNTS = "
        SELECT count(*), coalesce(sum(CASE WHEN c.committed_at >= $2 THEN 1 ELSE 0 END), 0),
               coalesce(sum(CASE WHEN s.principal = $3 THEN 1 ELSE 0 END), 0)
          FROM refs AS r
          JOIN commits AS c ON c.repository_id = r.repository_id AND c.id = r.target
          LEFT JOIN ref_seals AS s ON s.repository_id = r.repository_id AND s.entry_hash = r.entry_hash
         WHERE r.repository_id = $1 AND r.kind = 'branch'";
    BRANCHES_SHOWN = "
        SELECT r.name, r.target, r.updated_at, s.principal
          FROM refs AS r
          JOIN commits AS c ON c.repository_id = r.repository_id AND c.id = r.target
          LEFT JOIN ref_seals AS s ON s.repository_id = r.repository_id AND s.entry_hash = r.entry_hash
         WHERE r.repository_id = $1 AND r.kind = 'branch'
           AND ($2 = 'all' OR ($2 = 'active' AND c.committed_at >= $3) OR ($2 = 'stale' AND c.committed_at < $3)
                OR ($2 = 'mine' AND s.principal = $4) OR r.name = $5)
           AND lower(r.name) LIKE $6 ESCAPE '!'
         ORDER BY CASE WHEN r.name = $5 THEN 0 ELSE 1 END, c.committed_at DESC, r.name LIMIT $7 OFFSET $8";
    TAGS_SHOWN = "
        SELECT r.name, r.target, r.updated_at, s.principal
          FROM refs AS r
          LEFT JOIN ref_seals AS s ON s.repository_id = r.repository_id AND s.entry_hash = r.entry_hash
         WHERE r.repository_id = $1 AND r.kind = 'tag' AND lower(r.name) LIKE $2 ESCAPE '!'
         ORDER BY r.updated_at DESC, r.name LIMIT $3 OFFSET $4";
    DELETED = "
        SELECT e.ref, e.old, s.time_text, s.principal
          FROM ref_seals AS s JOIN ref_log AS e ON e.entry_hash = s.entry_hash
         WHERE s.repository_id = $1 AND s.seq > (SELECT max(seq) FROM ref_seals WHERE repository_id = $1) - $2
           AND s.time_text >= $3 AND e.new = '' AND lower(e.ref) LIKE $4 ESCAPE '!'
           AND NOT EXISTS (SELECT 1 FROM ref_log AS n
                            WHERE n.repository_id = $1 AND n.ref = e.ref AND n.counter > e.counter)
         ORDER BY s.seq DESC LIMIT $5 OFFSET $6";
    DELETED_ONE = "
        SELECT e.ref, e.old, s.time_text, s.principal
          FROM ref_log AS e JOIN ref_seals AS s ON s.entry_hash = e.entry_hash
         WHERE e.repository_id = $1 AND e.ref = $2 AND e.new = '' AND s.time_text >= $3
           AND NOT EXISTS (SELECT 1 FROM ref_log AS n
                            WHERE n.repository_id = $1 AND n.ref = e.ref AND n.counter > e.counter)";
    RELEASES = {
        sqlite "
        SELECT x.tag, x.channel, x.yanked_at IS NOT NULL FROM json_each($2) AS wanted
          CROSS JOIN releases AS x ON x.repository_id = $1 AND x.tag = wanted.value
         WHERE x.published_at IS NOT NULL",
        postgres "
        SELECT x.tag, x.channel, x.yanked_at IS NOT NULL FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN releases AS x ON x.repository_id = $1 AND x.tag = wanted.value
         WHERE x.published_at IS NOT NULL"
    };
}

/// A number of rows.
fn number(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(Error::corrupt("count(*)"))
}

/// How many tags there are.
pub(crate) async fn count_tags(tx: &mut Tx, repository: Id<Repository>) -> Result<u64, Error> {
    let (found,): (i64,) = db::fetch_one!(tx, COUNT_TAGS, repository.uuid())?;
    number(found)
}

/// How many branches each list has.
pub(super) async fn counts(
    tx: &mut Tx,
    repository: Id<Repository>,
    (active_since, reader): (UnixMillis, &str),
) -> Result<Counts, Error> {
    let row: (i64, i64, i64) =
        db::fetch_one!(tx, COUNTS, repository.uuid(), active_since.0, reader)?;
    Ok(Counts { all: number(row.0)?, active: number(row.1)?, mine: number(row.2)? })
}

/// What `lower(name) LIKE` finds by a part of a name.
fn pattern(below: &str, part: &str) -> String {
    let part = part.to_lowercase();
    let escaped = part.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("{below}%{escaped}%")
}

type Row = (String, Vec<u8>, i64, Option<String>);

fn believe((name, target, updated_at, mover): Row) -> Result<Listed, Error> {
    Ok(Listed {
        name,
        target: target.as_slice().try_into().map_err(Error::corrupt("refs.target"))?,
        updated_at: UnixMillis(updated_at),
        mover: mover.filter(|it| !it.is_empty()),
    })
}

/// The branch that is shown first, then the wanted ones, the newest commit first.
pub(super) async fn branches(
    tx: &mut Tx,
    repository: Id<Repository>,
    wanted: &Wanted<'_>,
    (limit, skip): (u32, u64),
) -> Result<Vec<Listed>, Error> {
    let Wanted { show, active_since, reader, first, part } = wanted;
    let pattern = pattern("refs/heads/", part);
    let (limit, skip) = (i64::from(limit), i64::try_from(skip).unwrap_or(i64::MAX));
    let rows: Vec<Row> = db::fetch_all!(
        tx,
        BRANCHES_SHOWN,
        repository.uuid(),
        show.word(),
        active_since.0,
        *reader,
        first.as_str(),
        pattern,
        limit,
        skip
    )?;
    rows.into_iter().map(believe).collect()
}

/// Tags, the one that moved last first.
pub(super) async fn tags(
    tx: &mut Tx,
    repository: Id<Repository>,
    part: &str,
    (limit, skip): (u32, u64),
) -> Result<Vec<Listed>, Error> {
    let pattern = pattern("refs/tags/", part);
    let (limit, skip) = (i64::from(limit), i64::try_from(skip).unwrap_or(i64::MAX));
    let rows: Vec<Row> = db::fetch_all!(tx, TAGS_SHOWN, repository.uuid(), pattern, limit, skip)?;
    rows.into_iter().map(believe).collect()
}

fn believe_deleted(row: (String, String, String, String)) -> Result<Deleted, Error> {
    let (name, old, time, by) = row;
    let name = name.strip_prefix("refs/heads/").unwrap_or(&name);
    Ok(Deleted {
        name: name.parse().map_err(Error::corrupt("ref_log.ref"))?,
        target: old.parse().map_err(Error::corrupt("ref_log.old"))?,
        at: time.parse().map_err(Error::corrupt("ref_seals.time_text"))?,
        by: Some(by).filter(|it| !it.is_empty()),
    })
}

/// Branches that were taken away since a moment and did not come again, by the last `looked` movements: the last one
/// first.
pub(super) async fn deleted(
    tx: &mut Tx,
    repository: Id<Repository>,
    (since, looked, part): (UnixMillis, u32, &str),
    (limit, skip): (u32, u64),
) -> Result<Vec<Deleted>, Error> {
    let (looked, since, pattern) =
        (i64::from(looked), since.to_string(), pattern("refs/heads/", part));
    let (limit, skip) = (i64::from(limit), i64::try_from(skip).unwrap_or(i64::MAX));
    let id = repository.uuid();
    let rows: Vec<(String, String, String, String)> =
        db::fetch_all!(tx, DELETED, id, looked, since, pattern, limit, skip)?;
    rows.into_iter().map(believe_deleted).collect()
}

/// The branch of a name, if it was taken away since a moment and did not come again.
pub(super) async fn deleted_one(
    tx: &mut Tx,
    repository: Id<Repository>,
    name: &str,
    since: UnixMillis,
) -> Result<Option<Deleted>, Error> {
    let row: Option<(String, String, String, String)> =
        db::fetch_optional!(tx, DELETED_ONE, repository.uuid(), name, since.to_string())?;
    row.map(believe_deleted).transpose()
}

/// The releases of these tags: tag, channel, whether it was taken out of use.
pub(super) async fn releases(
    tx: &mut Tx,
    repository: Id<Repository>,
    tags: &[&str],
) -> Result<Vec<(String, String, bool)>, Error> {
    db::fetch_all!(tx, RELEASES, repository.uuid(), db::rows(tags.iter()))
}

impl Show {
    /// The word in addresses and statements.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Mine => "mine",
            Self::Stale => "stale",
            Self::All => "all",
            Self::Deleted => "deleted",
        }
    }
}
