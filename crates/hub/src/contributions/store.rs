//! The tables `contributions` and `contribution_states`, and the history that they are made from.

use db::{Error, Tx};
use names::{CommitId, Id, UnixMillis};
use uuid::Uuid;

use super::sweep::Met;
use crate::{Repository, git};

macro_rules! day {
    () => {
        "x.at / 86400000"
    };
}

db::statements! {
    BELOW = "
        SELECT id, parent1, parent2, generation, signer_key_id, signature_state FROM commits
         WHERE repository_id = $1 AND (generation, id) < ($2, $3)
         ORDER BY generation DESC, id DESC LIMIT $4";
    ADD = {
        sqlite "
        INSERT INTO contributions (repository_id, commit_id, signer, at, received_at)
        SELECT c.repository_id, c.id, c.signer_key_id, c.committed_at, c.received_at FROM json_each($2) AS wanted
          CROSS JOIN commits AS c ON c.repository_id = $1 AND c.id = unhex(wanted.value)
         WHERE c.committed_at >= 0 ON CONFLICT (repository_id, commit_id) DO NOTHING",
        postgres "
        INSERT INTO contributions (repository_id, commit_id, signer, at, received_at)
        SELECT c.repository_id, c.id, c.signer_key_id, c.committed_at, c.received_at
          FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN commits AS c ON c.repository_id = $1 AND c.id = decode(wanted.value, 'hex')
         WHERE c.committed_at >= 0 ON CONFLICT (repository_id, commit_id) DO NOTHING"
    };
    REMOVE = {
        sqlite "
        DELETE FROM contributions WHERE repository_id = $1 AND commit_id IN (SELECT unhex(value) FROM json_each($2))",
        postgres "
        DELETE FROM contributions
         WHERE repository_id = $1 AND commit_id IN (SELECT decode(value, 'hex') FROM jsonb_array_elements_text($2::jsonb))"
    };
    HEAD = "SELECT head FROM contribution_states WHERE repository_id = $1";
    SET_HEAD = "
        INSERT INTO contribution_states (repository_id, head) VALUES ($1, $2)
        ON CONFLICT (repository_id) DO UPDATE SET head = excluded.head";
    CLEAR = "DELETE FROM contributions WHERE repository_id = $1";
    FORGET_HEAD = "DELETE FROM contribution_states WHERE repository_id = $1";
    // What came when a key was not believed any more counts for nobody.
    OWN_DAYS = (concat!("
        SELECT ", day!(), " AS day, count(DISTINCT x.commit_id) AS number
          FROM keys AS k JOIN contributions AS x ON x.signer = k.fingerprint
          JOIN resources AS s ON s.id = x.repository_id
         WHERE ", trust::visible!(), " AND k.principal_id = $2 AND x.at >= $3 AND x.at < $4
           AND x.received_at < coalesce(k.compromised_since, k.revoked_at, x.received_at + 1)
         GROUP BY ", day!()));
    DAYS_BY_AGENTS = (concat!("
        SELECT ", day!(), " AS day, count(DISTINCT x.commit_id) AS number
          FROM agents AS g JOIN keys AS k ON k.principal_id = g.principal_id
          JOIN contributions AS x ON x.signer = k.fingerprint
          JOIN resources AS s ON s.id = x.repository_id
         WHERE ", trust::visible!(), " AND g.owner_id = $2 AND x.at >= $3 AND x.at < $4
           AND x.received_at < coalesce(k.compromised_since, k.revoked_at, x.received_at + 1)
         GROUP BY ", day!()));
}

/// A place in the order of a sweep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    generation: i64,
    id: [u8; 32],
}

impl Place {
    /// Before everything of that generation.
    pub(super) const fn above(generation: i64) -> Self {
        Self { generation: generation.saturating_add(1), id: [0; 32] }
    }
}

/// A commit, as far as a sweep looks at it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: CommitId,
    pub(super) parents: Vec<CommitId>,
    pub(super) signer: Option<String>,
    generation: i64,
}

impl Row {
    pub(super) const fn place(&self) -> Place {
        Place { generation: self.generation, id: *self.id.as_bytes() }
    }
}

#[derive(sqlx::FromRow)]
struct Stored {
    id: Vec<u8>,
    parent1: Option<Vec<u8>>,
    parent2: Option<Vec<u8>>,
    generation: i64,
    signer_key_id: String,
    signature_state: String,
}

fn commit(bytes: &[u8]) -> Result<CommitId, Error> {
    bytes.try_into().map_err(Error::corrupt("commits.id"))
}

impl TryFrom<Stored> for Row {
    type Error = Error;

    fn try_from(row: Stored) -> Result<Self, Error> {
        let parents = [row.parent1, row.parent2].into_iter().flatten();
        Ok(Self {
            id: commit(&row.id)?,
            parents: parents.map(|it| commit(&it)).collect::<Result<_, Error>>()?,
            signer: (row.signature_state == "verified").then_some(row.signer_key_id),
            generation: row.generation,
        })
    }
}

/// The next commits of a sweep.
pub(super) async fn below(
    tx: &mut Tx,
    repository: Id<Repository>,
    from: Place,
    limit: u32,
) -> Result<Vec<Row>, Error> {
    let (generation, id) = (from.generation, from.id.to_vec());
    let rows: Vec<Stored> =
        db::fetch_all!(tx, BELOW, repository.uuid(), generation, id, i64::from(limit))?;
    let found = rows.into_iter().map(Row::try_from).collect::<Result<Vec<_>, _>>();
    let mut found: Vec<Row> = found?;
    let each = found.iter_mut().map(|it| (it.id, &mut it.parents)).collect();
    git::add_more_parents(tx, repository, each).await?;
    Ok(found)
}

/// Adds those of them that somebody signed.
pub(super) async fn add(tx: &mut Tx, id: Id<Repository>, met: &[Met]) -> Result<(), Error> {
    let signed = met.iter().filter(|it| it.signer.is_some()).map(|it| it.id);
    let signed = signed.collect::<Vec<_>>();
    if signed.is_empty() {
        return Ok(());
    }
    db::execute!(tx, ADD, id.uuid(), db::rows(signed)).map(drop)
}

/// Takes those away to which the branch leads no more.
pub(super) async fn remove(tx: &mut Tx, id: Id<Repository>, met: &[Met]) -> Result<(), Error> {
    if met.is_empty() {
        return Ok(());
    }
    let gone = db::rows(met.iter().map(|it| it.id));
    db::execute!(tx, REMOVE, id.uuid(), gone).map(drop)
}

/// The head that the rows fit.
pub(super) async fn head(tx: &mut Tx, id: Id<Repository>) -> Result<Option<CommitId>, Error> {
    let row: Option<(Vec<u8>,)> = db::fetch_optional!(tx, HEAD, id.uuid())?;
    row.map(|(head,)| commit(&head)).transpose()
}

pub(super) async fn set_head(tx: &mut Tx, id: Id<Repository>, head: CommitId) -> Result<(), Error> {
    db::execute!(tx, SET_HEAD, id.uuid(), head.as_bytes().to_vec()).map(drop)
}

/// Takes all rows of a repository away.
pub(super) async fn clear(tx: &mut Tx, id: Id<Repository>) -> Result<(), Error> {
    db::execute!(tx, CLEAR, id.uuid()).map(drop)
}

pub(super) async fn forget_head(tx: &mut Tx, id: Id<Repository>) -> Result<(), Error> {
    db::execute!(tx, FORGET_HEAD, id.uuid()).map(drop)
}

/// How many commits a day somebody's keys signed, or those of somebody's agents, that `reader` may see.
pub(super) async fn days(
    tx: &mut Tx,
    reader: Uuid,
    of: Uuid,
    (from, until): (UnixMillis, UnixMillis),
    is_by_agents: bool,
) -> Result<Vec<(i64, i64)>, Error> {
    if is_by_agents {
        db::fetch_all!(tx, DAYS_BY_AGENTS, reader, of, from.0, until.0)
    } else {
        db::fetch_all!(tx, OWN_DAYS, reader, of, from.0, until.0)
    }
}
