//! What is asked of `commits` for the graph, and the rows that are derived from a history.

use std::collections::HashMap;

use db::{Error, Tx};
use names::{CommitId, Digest, Id, NodeId, UnixMillis};
use uuid::Uuid;

use super::{
    months::{Month, Months},
    numbers::{Contributor, Day, Tally, Who},
};
use crate::{Format, Repository, git, reading};

db::statements! {
    EPOCH = "SELECT history_epoch, format FROM repositories WHERE id = $1";
    RENUMBER = "UPDATE repositories SET history_epoch = history_epoch + 1 WHERE id = $1";
    AFTER = "
        SELECT c.position, c.id, c.parent1, c.parent2, c.generation, c.committed_at, c.snapshot_id, s.root_node
          FROM commits AS c JOIN snapshots AS s ON s.repository_id = c.repository_id AND s.id = c.snapshot_id
         WHERE c.repository_id = $1 AND c.position > $2 ORDER BY c.position LIMIT $3";
    SEAL = "SELECT seal_hash FROM ref_seals WHERE repository_id = $1 ORDER BY seq DESC LIMIT 1";
    TARGETS = "SELECT DISTINCT target FROM refs WHERE repository_id = $1";
    DEFAULT_HEAD = "
        SELECT f.target FROM repositories AS r
          JOIN refs AS f ON f.repository_id = r.id AND f.name = 'refs/heads/' || r.default_branch
         WHERE r.id = $1";
    HEADS = "SELECT name, target FROM refs WHERE repository_id = $1 AND kind = 'branch'";
    MADE_BY = {
        sqlite "
        SELECT c.id, c.author, c.agent_id, c.committed_at FROM json_each($2) AS wanted
          CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = unhex(wanted.value)",
        postgres "
        SELECT c.id, c.author, c.agent_id, c.committed_at FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN commits AS c ON c.repository_id = $1 AND c.id = decode(wanted.value, 'hex')"
    };
    TOLD = {
        sqlite "
        SELECT c.id, c.message, c.committed_at FROM json_each($2) AS wanted
          CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = unhex(wanted.value)",
        postgres "
        SELECT c.id, c.message, c.committed_at FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN commits AS c ON c.repository_id = $1 AND c.id = decode(wanted.value, 'hex')"
    };
    STATE = "SELECT head FROM index_states WHERE repository_id = $1 AND kind = 'numbers'";
    SET_STATE = "
        INSERT INTO index_states (repository_id, kind, head) VALUES ($1, 'numbers', $2)
        ON CONFLICT (repository_id, kind) DO UPDATE SET head = excluded.head";
    DROP_STATE = "DELETE FROM index_states WHERE repository_id = $1 AND kind = 'numbers'";
    DROP_LANGUAGES = "DELETE FROM language_stats WHERE repository_id = $1";
    DROP_CONTRIBUTORS = "DELETE FROM contributor_stats WHERE repository_id = $1";
    DROP_DAYS = "DELETE FROM commit_days WHERE repository_id = $1";
    ADD_LANGUAGES = {
        sqlite "
        INSERT INTO language_stats (repository_id, language, files, bytes)
        SELECT $2, value ->> 0, value ->> 1, value ->> 2 FROM json_each($1) WHERE true
        ON CONFLICT (repository_id, language) DO UPDATE
        SET files = language_stats.files + excluded.files, bytes = language_stats.bytes + excluded.bytes",
        postgres "
        INSERT INTO language_stats (repository_id, language, files, bytes)
        SELECT $2, value ->> 0, (value ->> 1)::bigint, (value ->> 2)::bigint FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (repository_id, language) DO UPDATE
        SET files = language_stats.files + excluded.files, bytes = language_stats.bytes + excluded.bytes"
    };
    DROP_NO_LANGUAGES = "DELETE FROM language_stats WHERE repository_id = $1 AND files <= 0";
    // What lists of repositories say and are narrowed by.
    NAME_LANGUAGE = "
        UPDATE repositories
           SET language = coalesce((SELECT l.language FROM language_stats AS l WHERE l.repository_id = $1
                                     ORDER BY l.bytes DESC, l.language LIMIT 1), '')
         WHERE id = $1";
    ADD_CONTRIBUTORS = {
        sqlite "
        INSERT INTO contributor_stats (repository_id, who, author, agent_id, commits, first_at, last_at)
        SELECT $2, unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5
          FROM json_each($1) WHERE true
        ON CONFLICT (repository_id, who) DO UPDATE
        SET commits = contributor_stats.commits + excluded.commits,
            first_at = min(contributor_stats.first_at, excluded.first_at),
            last_at = max(contributor_stats.last_at, excluded.last_at)",
        postgres "
        INSERT INTO contributor_stats (repository_id, who, author, agent_id, commits, first_at, last_at)
        SELECT $2, decode(value ->> 0, 'hex'), value ->> 1, value ->> 2, (value ->> 3)::bigint, (value ->> 4)::bigint,
               (value ->> 5)::bigint
          FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (repository_id, who) DO UPDATE
        SET commits = contributor_stats.commits + excluded.commits,
            first_at = least(contributor_stats.first_at, excluded.first_at),
            last_at = greatest(contributor_stats.last_at, excluded.last_at)"
    };
    ADD_DAYS = {
        sqlite "
        INSERT INTO commit_days (repository_id, day, people, agents)
        SELECT $2, value ->> 0, value ->> 1, value ->> 2 FROM json_each($1) WHERE true
        ON CONFLICT (repository_id, day) DO UPDATE
        SET people = commit_days.people + excluded.people, agents = commit_days.agents + excluded.agents",
        postgres "
        INSERT INTO commit_days (repository_id, day, people, agents)
        SELECT $2, (value ->> 0)::bigint, (value ->> 1)::bigint, (value ->> 2)::bigint FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (repository_id, day) DO UPDATE
        SET people = commit_days.people + excluded.people, agents = commit_days.agents + excluded.agents"
    };
    LANGUAGES = "
        SELECT language, files, bytes FROM language_stats WHERE repository_id = $1 ORDER BY bytes DESC, language";
    CONTRIBUTORS = "
        SELECT author, agent_id, commits, first_at, last_at FROM contributor_stats
         WHERE repository_id = $1 AND (agent_id <> '') = ($2 = 1) ORDER BY commits DESC, last_at DESC, who LIMIT $3";
    COUNT_CONTRIBUTORS = "
        SELECT count(*), count(CASE WHEN agent_id <> '' THEN 1 END) FROM contributor_stats
         WHERE repository_id = $1";
    DAYS = "
        SELECT day, people, agents FROM commit_days WHERE repository_id = $1 AND day >= $2 AND day <= $3 ORDER BY day";
    SUM_DAYS = "
        SELECT CAST(coalesce(sum(people), 0) AS BIGINT), CAST(coalesce(sum(agents), 0) AS BIGINT), coalesce(min(day), 0),
               coalesce(max(day), 0)
          FROM commit_days WHERE repository_id = $1";
    MONTHS = "
        SELECT month, commit_id, languages FROM language_months WHERE repository_id = $1 ORDER BY month";
    KEEP_MONTHS = {
        sqlite "
        DELETE FROM language_months
         WHERE repository_id = $1 AND month NOT IN (SELECT value FROM json_each($2))",
        postgres "
        DELETE FROM language_months
         WHERE repository_id = $1 AND month NOT IN (SELECT jsonb_array_elements_text($2::jsonb))"
    };
    PUT_MONTHS = {
        sqlite "
        INSERT INTO language_months (repository_id, month, commit_id, languages)
        SELECT $2, value ->> 0, unhex(value ->> 1), value ->> 2 FROM json_each($1) WHERE true
        ON CONFLICT (repository_id, month) DO UPDATE
        SET commit_id = excluded.commit_id, languages = excluded.languages",
        postgres "
        INSERT INTO language_months (repository_id, month, commit_id, languages)
        SELECT $2, value ->> 0, decode(value ->> 1, 'hex'), value ->> 2 FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (repository_id, month) DO UPDATE
        SET commit_id = excluded.commit_id, languages = excluded.languages"
    };
    ANSWERS = "
        SELECT commit_id, answers, used_at FROM dir_last_commits WHERE repository_id = $1 AND place = $2
         ORDER BY used_at DESC LIMIT $3";
    KEPT = "
        SELECT path, commit_id FROM dir_last_commits WHERE repository_id = $1 AND branch = $2
         ORDER BY used_at DESC LIMIT $3";
    KEEP = "
        INSERT INTO dir_last_commits (repository_id, place, commit_id, path, branch, answers, used_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (repository_id, place, commit_id) DO UPDATE
        SET answers = excluded.answers, used_at = excluded.used_at,
            branch = CASE WHEN excluded.branch = '' THEN dir_last_commits.branch ELSE excluded.branch END";
    CARRIED = "
        DELETE FROM dir_last_commits WHERE repository_id = $1 AND place = $2 AND branch = $3 AND commit_id <> $4";
    CROWDED = "
        DELETE FROM dir_last_commits WHERE repository_id = $1 AND place = $2 AND commit_id NOT IN
            (SELECT d.commit_id FROM dir_last_commits AS d WHERE d.repository_id = $1 AND d.place = $2
              ORDER BY d.used_at DESC, d.commit_id LIMIT $3)";
    USED = "UPDATE dir_last_commits SET used_at = $4 WHERE repository_id = $1 AND place = $2 AND commit_id = $3";
    UNUSED = {
        sqlite "
        DELETE FROM dir_last_commits WHERE (repository_id, place, commit_id) IN
            (SELECT repository_id, place, commit_id FROM dir_last_commits WHERE used_at < $1 LIMIT $2)",
        postgres "
        DELETE FROM dir_last_commits WHERE (repository_id, place, commit_id) IN
            (SELECT repository_id, place, commit_id FROM dir_last_commits WHERE used_at < $1 LIMIT $2)"
    };
    EXISTING = {
        sqlite "
        SELECT r.id FROM json_each($1) AS wanted CROSS JOIN repositories AS r ON r.id = unhex(wanted.value, '-')",
        postgres "
        SELECT r.id FROM jsonb_array_elements_text($1::jsonb) AS wanted JOIN repositories AS r ON r.id = wanted.value::uuid"
    };
}

fn id<T: for<'a> TryFrom<&'a [u8], Error = names::BadDigest>>(bytes: &[u8]) -> Result<T, Error> {
    bytes.try_into().map_err(Error::corrupt("an id column"))
}

fn count(number: i64) -> Result<u64, Error> {
    u64::try_from(number).map_err(Error::corrupt("a count"))
}

/// Which numbering of its commits a repository has, and where its directories lie; nothing if there is no such repository.
pub(super) async fn epoch(tx: &mut Tx, of: Id<Repository>) -> Result<Option<(u64, Format)>, Error> {
    let row: Option<(i64, String)> = db::fetch_optional!(tx, EPOCH, of.uuid())?;
    let format = |it: &str| it.parse().map_err(Error::corrupt("repositories.format"));
    row.map(|(epoch, of)| Ok((count(epoch)?, format(&of)?))).transpose()
}

/// Takes another numbering, in the transaction in which commits go.
pub(crate) async fn renumber(tx: &mut Tx, of: Id<Repository>) -> Result<(), Error> {
    db::execute!(tx, RENUMBER, of.uuid()).map(drop)
}

/// A commit as the graph wants it.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) row: i64,
    pub(super) id: CommitId,
    /// In their order.
    pub(super) parents: Vec<CommitId>,
    pub(super) generation: u32,
    pub(super) time: i64,
    pub(super) root: NodeId,
}

/// The commits behind a row, in their order.
pub(super) async fn after(
    tx: &mut Tx,
    of: Id<Repository>,
    row: i64,
    limit: usize,
) -> Result<Vec<Node>, Error> {
    type Row = (i64, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>, i64, i64, Vec<u8>, Vec<u8>);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = db::fetch_all!(tx, AFTER, of.uuid(), row, limit)?;
    let believe = |(row, commit, one, other, generation, time, snapshot, root): Row| {
        let parents = [one, other].into_iter().flatten().map(|it| id(&it));
        Ok(Node {
            row,
            id: id(&commit)?,
            parents: parents.collect::<Result<_, Error>>()?,
            generation: u32::try_from(generation).map_err(Error::corrupt("commits.generation"))?,
            time,
            root: reading::snapshot_root(&id(&snapshot)?, id(&root)?),
        })
    };
    let mut found: Vec<Node> = rows.into_iter().map(believe).collect::<Result<_, Error>>()?;
    let each = found.iter_mut().map(|it| (it.id, &mut it.parents)).collect();
    git::add_more_parents(tx, of, each).await?;
    Ok(found)
}

/// What the state of all refs is known by; nothing while none has moved since there is a log.
pub(super) async fn seal(tx: &mut Tx, of: Id<Repository>) -> Result<Option<Digest>, Error> {
    let row: Option<(Vec<u8>,)> = db::fetch_optional!(tx, SEAL, of.uuid())?;
    row.map(|(hash,)| id(&hash)).transpose()
}

/// The commits that refs lead to.
pub(super) async fn targets(tx: &mut Tx, of: Id<Repository>) -> Result<Vec<CommitId>, Error> {
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, TARGETS, of.uuid())?;
    rows.iter().map(|(target,)| id(target)).collect()
}

/// The commit of the default branch.
pub(super) async fn default_head(
    tx: &mut Tx,
    of: Id<Repository>,
) -> Result<Option<CommitId>, Error> {
    let row: Option<(Vec<u8>,)> = db::fetch_optional!(tx, DEFAULT_HEAD, of.uuid())?;
    row.map(|(target,)| id(&target)).transpose()
}

/// The branches by their full names.
pub(super) async fn heads(
    tx: &mut Tx,
    of: Id<Repository>,
) -> Result<Vec<(String, CommitId)>, Error> {
    let rows: Vec<(String, Vec<u8>)> = db::fetch_all!(tx, HEADS, of.uuid())?;
    rows.into_iter().map(|(name, target)| Ok((name, id(&target)?))).collect()
}

/// Who made commits, and when they say they did.
pub(super) async fn made_by(
    tx: &mut Tx,
    of: Id<Repository>,
    ids: &[CommitId],
) -> Result<Vec<(Who, UnixMillis)>, Error> {
    let rows: Vec<(Vec<u8>, String, String, i64)> =
        db::fetch_all!(tx, MADE_BY, of.uuid(), db::rows(ids))?;
    let believe = |(_, author, agent_id, at)| (Who { author, agent_id }, UnixMillis(at));
    Ok(rows.into_iter().map(believe).collect())
}

/// What a listing tells of commits: the message and the time.
pub(super) async fn told(
    tx: &mut Tx,
    of: Id<Repository>,
    ids: &[CommitId],
) -> Result<HashMap<CommitId, (String, UnixMillis)>, Error> {
    let rows: Vec<(Vec<u8>, String, i64)> = db::fetch_all!(tx, TOLD, of.uuid(), db::rows(ids))?;
    rows.into_iter().map(|(it, message, at)| Ok((id(&it)?, (message, UnixMillis(at))))).collect()
}

/// The commit that the numbers are those of.
pub(super) async fn state(tx: &mut Tx, of: Id<Repository>) -> Result<Option<CommitId>, Error> {
    let row: Option<(Vec<u8>,)> = db::fetch_optional!(tx, STATE, of.uuid())?;
    row.map(|(head,)| id(&head)).transpose()
}

/// Writes what a tally adds; begun from nothing, it replaces what was there.
pub(super) async fn put_numbers(
    tx: &mut Tx,
    of: Id<Repository>,
    tally: &Tally,
    head: Option<CommitId>,
) -> Result<(), Error> {
    let of = of.uuid();
    if tally.is_from_nothing {
        db::execute!(tx, DROP_LANGUAGES, of)?;
        db::execute!(tx, DROP_CONTRIBUTORS, of)?;
        db::execute!(tx, DROP_DAYS, of)?;
    }
    let languages = tally.languages.iter().map(|(language, it)| (language, it.files, it.bytes));
    db::execute!(tx, ADD_LANGUAGES, db::rows(languages), of)?;
    db::execute!(tx, DROP_NO_LANGUAGES, of)?;
    db::execute!(tx, NAME_LANGUAGE, of)?;
    let contributors = tally.contributors.iter().map(|(who, it)| {
        (who.key(), &who.author, &who.agent_id, it.commits, it.first_at.0, it.last_at.0)
    });
    db::execute!(tx, ADD_CONTRIBUTORS, db::rows(contributors), of)?;
    let days = tally.days.iter().map(|(day, it)| (day, it.people, it.agents));
    db::execute!(tx, ADD_DAYS, db::rows(days), of)?;
    put_months(tx, of, &tally.months).await?;
    match head {
        Some(head) => db::execute!(tx, SET_STATE, of, &head.as_bytes()[..]).map(drop),
        None => db::execute!(tx, DROP_STATE, of).map(drop),
    }
}

async fn put_months(tx: &mut Tx, of: Uuid, months: &Months) -> Result<(), Error> {
    db::execute!(tx, KEEP_MONTHS, of, db::rows(&months.names))?;
    let row = |it: &Month| {
        let languages = serde_json::to_string(&it.languages);
        let languages = languages.map_err(Error::corrupt("language_months.languages"))?;
        Ok((it.name.clone(), it.commit, languages))
    };
    let rows = months.changed.iter().map(row).collect::<Result<Vec<_>, Error>>()?;
    db::execute!(tx, PUT_MONTHS, db::rows(rows), of).map(drop)
}

/// The months, the oldest first.
pub(super) async fn months(tx: &mut Tx, of: Id<Repository>) -> Result<Vec<Month>, Error> {
    let rows: Vec<(String, Vec<u8>, String)> = db::fetch_all!(tx, MONTHS, of.uuid())?;
    let believe = |(month, commit, languages): (String, Vec<u8>, String)| {
        let languages = serde_json::from_str(&languages);
        let languages = languages.map_err(Error::corrupt("language_months.languages"))?;
        Ok(Month { name: month, commit: id(&commit)?, languages })
    };
    rows.into_iter().map(believe).collect()
}

/// A language: its name, its files, their bytes.
pub(super) async fn languages(
    tx: &mut Tx,
    of: Id<Repository>,
) -> Result<Vec<(String, u64, u64)>, Error> {
    let rows: Vec<(String, i64, i64)> = db::fetch_all!(tx, LANGUAGES, of.uuid())?;
    rows.into_iter().map(|(name, files, bytes)| Ok((name, count(files)?, count(bytes)?))).collect()
}

/// The most active contributors, people or agents.
pub(super) async fn contributors(
    tx: &mut Tx,
    of: Id<Repository>,
    are_agents: bool,
    limit: u32,
) -> Result<Vec<(Who, Contributor)>, Error> {
    let rows: Vec<(String, String, i64, i64, i64)> =
        db::fetch_all!(tx, CONTRIBUTORS, of.uuid(), i64::from(are_agents), i64::from(limit))?;
    let believe = |(author, agent_id, commits, first, last)| {
        let (first_at, last_at) = (UnixMillis(first), UnixMillis(last));
        let commits = count(commits)?;
        Ok((Who { author, agent_id }, Contributor { commits, first_at, last_at }))
    };
    rows.into_iter().map(believe).collect()
}

/// How many contributors there are: people, then agents.
pub(super) async fn count_contributors(
    tx: &mut Tx,
    of: Id<Repository>,
) -> Result<(u64, u64), Error> {
    let (all, agents): (i64, i64) = db::fetch_one!(tx, COUNT_CONTRIBUTORS, of.uuid())?;
    Ok((count(all - agents)?, count(agents)?))
}

/// The days from one to another on which there were commits.
pub(super) async fn days(
    tx: &mut Tx,
    of: Id<Repository>,
    (from, to): (i64, i64),
) -> Result<Vec<(i64, Day)>, Error> {
    let rows: Vec<(i64, i64, i64)> = db::fetch_all!(tx, DAYS, of.uuid(), from, to)?;
    let believe =
        |(day, people, agents)| Ok((day, Day { people: count(people)?, agents: count(agents)? }));
    rows.into_iter().map(believe).collect()
}

/// All days together, the first and the last.
pub(super) async fn sum_days(tx: &mut Tx, of: Id<Repository>) -> Result<(Day, i64, i64), Error> {
    let (people, agents, first, last): (i64, i64, i64, i64) =
        db::fetch_one!(tx, SUM_DAYS, of.uuid())?;
    Ok((Day { people: count(people)?, agents: count(agents)? }, first, last))
}

/// What is remembered of a directory, as seen from a commit.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) commit: CommitId,
    pub(super) answers: Vec<u8>,
    pub(super) used_at: UnixMillis,
}

/// The answers for a directory that were used last.
pub(super) async fn answers(
    tx: &mut Tx,
    of: Id<Repository>,
    place: Digest,
    limit: u32,
) -> Result<Vec<Kept>, Error> {
    let place = &place.as_bytes()[..];
    let rows: Vec<(Vec<u8>, Vec<u8>, i64)> =
        db::fetch_all!(tx, ANSWERS, of.uuid(), place, i64::from(limit))?;
    let believe = |(commit, answers, used_at): (Vec<u8>, Vec<u8>, i64)| {
        Ok(Kept { commit: id(&commit)?, answers, used_at: UnixMillis(used_at) })
    };
    rows.into_iter().map(believe).collect()
}

/// The directories that are remembered as seen from heads of a branch.
pub(super) async fn kept(
    tx: &mut Tx,
    of: Id<Repository>,
    branch: &str,
    limit: u32,
) -> Result<Vec<(String, CommitId)>, Error> {
    let rows: Vec<(String, Vec<u8>)> =
        db::fetch_all!(tx, KEPT, of.uuid(), branch, i64::from(limit))?;
    rows.into_iter().map(|(path, commit)| Ok((path, id(&commit)?))).collect()
}

/// An answer to be remembered.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) place: Digest,
    pub(super) path: &'a str,
    pub(super) commit: CommitId,
    pub(super) branch: &'a str,
    pub(super) answers: &'a [u8],
}

/// Remembers an answer; what a branch's former head said goes, and so does what is too much for one directory.
pub(super) async fn keep(
    tx: &mut Tx,
    of: Id<Repository>,
    it: &Answer<'_>,
    (now, most): (UnixMillis, u32),
) -> Result<(), Error> {
    let (of, place, commit) = (of.uuid(), &it.place.as_bytes()[..], &it.commit.as_bytes()[..]);
    db::execute!(tx, KEEP, of, place, commit, it.path, it.branch, it.answers, now.0)?;
    if !it.branch.is_empty() {
        db::execute!(tx, CARRIED, of, place, it.branch, commit)?;
    }
    db::execute!(tx, CROWDED, of, place, i64::from(most)).map(drop)
}

/// Notes that an answer was of use.
pub(super) async fn used(
    tx: &mut Tx,
    of: Id<Repository>,
    (place, commit): (Digest, CommitId),
    now: UnixMillis,
) -> Result<(), Error> {
    let (place, commit) = (&place.as_bytes()[..], &commit.as_bytes()[..]);
    db::execute!(tx, USED, of.uuid(), place, commit, now.0).map(drop)
}

/// Forgets answers that nobody used since `before`; gives how many.
pub(crate) async fn forget_unused(
    tx: &mut Tx,
    before: UnixMillis,
    limit: u32,
) -> Result<u64, Error> {
    db::execute!(tx, UNUSED, before.0, i64::from(limit))
}

/// Which of some repositories there are.
pub(super) async fn existing(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, EXISTING, db::rows(ids))?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
