//! The tables `mirrors` and `mirror_refs`.

use std::collections::BTreeMap;

use db::{Error, Tx};
use names::{CommitId, Id, UnixMillis};
use uuid::Uuid;

use super::{Mirror, State};
use crate::Repository;

macro_rules! mirror {
    () => {
        "SELECT m.id, m.repository_id, m.direction, m.url, m.patterns, m.every_minutes, m.made_by, m.made_at, m.state,
                m.failures, m.asked, m.next_at, m.last_run_at, m.last_success_at, m.last_error, c.id AS shown
           FROM mirrors AS m LEFT JOIN remote_credentials AS c ON c.id = m.id"
    };
}

db::statements! {
    ADD = "
        INSERT INTO mirrors (id, repository_id, direction, url, patterns, every_minutes, made_by, made_at, state)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    OF_REPOSITORY = (concat!(mirror!(), " WHERE m.repository_id = $1 ORDER BY m.made_at, m.id"));
    FIND = (concat!(mirror!(), " WHERE m.id = $1"));
    SET = "
        UPDATE mirrors
           SET url = $2, patterns = $3, every_minutes = $4, made_by = $5, state = $6, failures = $7, next_at = NULL,
               last_error = NULL, asked = asked + 1
         WHERE id = $1";
    ASK = "UPDATE mirrors SET asked = asked + 1 WHERE id = $1";
    SET_NEXT = "UPDATE mirrors SET next_at = $2 WHERE id = $1";
    END_RUN = "
        UPDATE mirrors
           SET state = $2, failures = $3, next_at = $4, last_run_at = $5, last_success_at = $6, last_error = $7
         WHERE id = $1 RETURNING asked";
    REMOVE = "DELETE FROM mirrors WHERE id = $1";
    REFS = "SELECT name, object FROM mirror_refs WHERE mirror_id = $1";
    FORGET_REFS = "DELETE FROM mirror_refs WHERE mirror_id = $1";
    ADD_REFS = {
        sqlite "
        INSERT INTO mirror_refs (mirror_id, name, object)
        SELECT $2, value ->> 0, unhex(value ->> 1) FROM json_each($1)",
        postgres "
        INSERT INTO mirror_refs (mirror_id, name, object)
        SELECT $2, value ->> 0, decode(value ->> 1, 'hex') FROM jsonb_array_elements($1::jsonb)"
    };
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    repository_id: Uuid,
    direction: String,
    url: String,
    patterns: String,
    every_minutes: i64,
    made_by: Uuid,
    made_at: i64,
    state: String,
    failures: i64,
    asked: i64,
    next_at: Option<i64>,
    last_run_at: Option<i64>,
    last_success_at: Option<i64>,
    last_error: Option<String>,
    shown: Option<Uuid>,
}

impl TryFrom<Row> for Mirror {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let number = |it: i64| u32::try_from(it).map_err(Error::corrupt("mirrors.failures"));
        Ok(Self {
            id: Id::from_uuid(row.id),
            repository: Id::from_uuid(row.repository_id),
            direction: row.direction.parse().map_err(Error::corrupt("mirrors.direction"))?,
            url: row.url.parse().map_err(Error::corrupt("mirrors.url"))?,
            patterns: row.patterns.parse().map_err(Error::corrupt("mirrors.patterns"))?,
            every_minutes: number(row.every_minutes)?,
            made_by: Id::from_uuid(row.made_by),
            made_at: UnixMillis(row.made_at),
            state: row.state.parse().map_err(Error::corrupt("mirrors.state"))?,
            failures: number(row.failures)?,
            asked: row.asked,
            next_at: row.next_at.map(UnixMillis),
            last_run_at: row.last_run_at.map(UnixMillis),
            last_success_at: row.last_success_at.map(UnixMillis),
            last_error: row.last_error,
            has_credentials: row.shown.is_some(),
        })
    }
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) state: State,
    pub(super) failures: u32,
    pub(super) next_at: Option<UnixMillis>,
    pub(super) last_success_at: Option<UnixMillis>,
    pub(super) last_error: Option<String>,
}

pub(super) async fn add(tx: &mut Tx, it: &Mirror) -> Result<(), Error> {
    let (id, repository, by) = (it.id.uuid(), it.repository.uuid(), it.made_by.uuid());
    let (direction, url, patterns) =
        (it.direction.as_str(), it.url.as_str(), it.patterns.to_string());
    let (every, at, state) = (i64::from(it.every_minutes), it.made_at.0, it.state.as_str());
    db::execute!(tx, ADD, id, repository, direction, url, patterns, every, by, at, state).map(drop)
}

/// The mirrors of a repository, the oldest first.
pub(super) async fn of_repository(
    tx: &mut Tx,
    repository: Id<Repository>,
) -> Result<Vec<Mirror>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, OF_REPOSITORY, repository.uuid())?;
    rows.into_iter().map(Mirror::try_from).collect()
}

pub(super) async fn find(tx: &mut Tx, id: Id<Mirror>) -> Result<Option<Mirror>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, FIND, id.uuid())?;
    row.map(Mirror::try_from).transpose()
}

/// Writes what a person says of a mirror.
pub(super) async fn set(tx: &mut Tx, it: &Mirror) -> Result<(), Error> {
    let (id, by, patterns) = (it.id.uuid(), it.made_by.uuid(), it.patterns.to_string());
    let (every, failures) = (i64::from(it.every_minutes), i64::from(it.failures));
    let (url, state) = (it.url.as_str(), it.state.as_str());
    db::execute!(tx, SET, id, url, patterns, every, by, state, failures).map(drop)
}

/// Something is to be sent, or looked at.
pub(super) async fn ask(tx: &mut Tx, id: Id<Mirror>) -> Result<(), Error> {
    db::execute!(tx, ASK, id.uuid()).map(drop)
}

pub(super) async fn set_next(tx: &mut Tx, id: Id<Mirror>, at: UnixMillis) -> Result<(), Error> {
    db::execute!(tx, SET_NEXT, id.uuid(), at.0).map(drop)
}

/// Writes how a run ended; gives how much was asked for by then, and nothing where the mirror is gone.
pub(super) async fn end_run(
    tx: &mut Tx,
    id: Id<Mirror>,
    began: UnixMillis,
    ended: &Ended,
) -> Result<Option<i64>, Error> {
    let (state, failures) = (ended.state.as_str(), i64::from(ended.failures));
    let (next, success) = (ended.next_at.map(|it| it.0), ended.last_success_at.map(|it| it.0));
    let error = ended.last_error.as_deref();
    let row: Option<(i64,)> = db::fetch_optional!(
        tx,
        END_RUN,
        id.uuid(),
        state,
        failures,
        next,
        began.0,
        success,
        error,
    )?;
    Ok(row.map(|(asked,)| asked))
}

pub(super) async fn remove(tx: &mut Tx, id: Id<Mirror>) -> Result<(), Error> {
    db::execute!(tx, REMOVE, id.uuid()).map(drop)
}

/// Where refs of the other side were when they were last sent.
pub(super) async fn refs(tx: &mut Tx, id: Id<Mirror>) -> Result<BTreeMap<String, CommitId>, Error> {
    let rows: Vec<(String, Vec<u8>)> = db::fetch_all!(tx, REFS, id.uuid())?;
    let believe = |(name, object): (String, Vec<u8>)| {
        let object = object.as_slice().try_into().map_err(Error::corrupt("mirror_refs.object"))?;
        Ok((name, object))
    };
    rows.into_iter().map(believe).collect()
}

pub(super) async fn forget_refs(tx: &mut Tx, id: Id<Mirror>) -> Result<(), Error> {
    db::execute!(tx, FORGET_REFS, id.uuid()).map(drop)
}

/// Writes where they are now.
pub(super) async fn set_refs(
    tx: &mut Tx,
    id: Id<Mirror>,
    refs: &BTreeMap<String, CommitId>,
) -> Result<(), Error> {
    forget_refs(tx, id).await?;
    if find(tx, id).await?.is_none() {
        return Ok(());
    }
    db::execute!(tx, ADD_REFS, db::rows(refs), id.uuid()).map(drop)
}
