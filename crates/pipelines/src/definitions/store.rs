//! The tables `work_publishers`, `pipelines`, `pipeline_versions` and `pipeline_schedules`.

use std::collections::BTreeMap;

use db::{Error, Tx};
use names::{Digest, Handle, Id, UnixMillis};
use pipelines_core::{json::Form, name::PipelineId, schedule::Missed};
use trust::Principal;
use uuid::Uuid;

use super::{
    Audience, Key, Pipeline,
    schedules::{Scheduled, missed_word},
    versions::{Version, form_word},
};

macro_rules! pipeline {
    () => {
        "SELECT p.id, p.current_version, p.last_version, p.audience, p.paused, p.created_at, p.changed_at, p.archived_at,
               v.title, v.sha256
          FROM pipelines AS p
          JOIN pipeline_versions AS v ON v.publisher_id = p.publisher_id AND v.pipeline_id = p.id
                                     AND v.version = coalesce(p.current_version, p.last_version)"
    };
}

db::statements! {
    PIN = "
        SELECT v.version, v.sha256, p.audience, p.paused, p.archived_at
          FROM pipelines AS p JOIN pipeline_versions AS v ON v.publisher_id = p.publisher_id AND v.pipeline_id = p.id
         WHERE p.publisher_id = $1 AND p.id = $2 AND v.version = coalesce($3, p.current_version)";
    DEFINITION = "
        SELECT definition FROM pipeline_versions WHERE publisher_id = $1 AND pipeline_id = $2 AND version = $3";
    SOURCE = "
        SELECT source, source_type FROM pipeline_versions
         WHERE publisher_id = $1 AND pipeline_id = $2 AND version = $3";
    GRANT = "SELECT max_priority FROM work_publishers WHERE publisher_id = $1";
    FIND = (concat!(pipeline!(), " WHERE p.publisher_id = $1 AND p.id = $2"));
    LIST = (concat!(pipeline!(), "
         WHERE p.publisher_id = $1 AND p.id > $2 AND p.archived_at IS NULL ORDER BY p.id LIMIT $3"));
    COUNT = "SELECT count(*) FROM pipelines WHERE publisher_id = $1";
    ADD = "
        INSERT INTO pipelines
            (publisher_id, id, current_version, last_version, audience, paused, created_at, changed_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
    ADVANCE = "
        UPDATE pipelines SET current_version = $3, last_version = $4, changed_at = $5, archived_at = NULL
         WHERE publisher_id = $1 AND id = $2";
    SET = "
        UPDATE pipelines SET current_version = $3, audience = $4, paused = $5, changed_at = $6
         WHERE publisher_id = $1 AND id = $2";
    ARCHIVE = "UPDATE pipelines SET archived_at = $3, changed_at = $3 WHERE publisher_id = $1 AND id = $2";
    VERSION_WITH = "
        SELECT version FROM pipeline_versions WHERE publisher_id = $1 AND pipeline_id = $2 AND sha256 = $3";
    VERSIONS = "
        SELECT v.version, v.sha256, v.title, v.source_type, w.handle, v.created_at
          FROM pipeline_versions AS v JOIN principals AS w ON w.id = v.created_by
         WHERE v.publisher_id = $1 AND v.pipeline_id = $2 AND v.version < $3 ORDER BY v.version DESC LIMIT $4";
    ADD_VERSION = "
        INSERT INTO pipeline_versions
            (publisher_id, pipeline_id, version, sha256, title, source, source_type, definition, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    SCHEDULES = "
        SELECT name, cron, zone, missed, next_at, last_run, failures, paused FROM pipeline_schedules
         WHERE publisher_id = $1 AND pipeline_id = $2 ORDER BY name";
    REMOVE_SCHEDULES = "DELETE FROM pipeline_schedules WHERE publisher_id = $1 AND pipeline_id = $2";
    ADD_SCHEDULES = {
        sqlite "
        INSERT INTO pipeline_schedules
            (publisher_id, pipeline_id, name, cron, zone, missed, next_at, last_run, failures, paused)
        SELECT $1, $2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, unhex(value ->> 5, '-'),
               value ->> 6, value ->> 7
          FROM json_each($3)",
        postgres "
        INSERT INTO pipeline_schedules
            (publisher_id, pipeline_id, name, cron, zone, missed, next_at, last_run, failures, paused)
        SELECT $1, $2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, (value ->> 4)::bigint, (value ->> 5)::uuid,
               (value ->> 6)::bigint, (value ->> 7)::boolean
          FROM jsonb_array_elements($3::jsonb) AS value"
    };
    LIVE_RUNS = "
        SELECT count(*) FROM runs
         WHERE publisher_id = $1 AND pipeline_id = $2 AND state IN ('queued', 'running', 'held', 'composed')";
    // Only what is still due as it was: a version that came meanwhile has other rows.
    MOVE_SCHEDULE = "
        UPDATE pipeline_schedules SET next_at = $5, last_run = $6, failures = $7, paused = $8
         WHERE publisher_id = $1 AND pipeline_id = $2 AND name = $3 AND next_at = $4 AND NOT paused";
    LAST_STATES = "
        SELECT s.name, r.state FROM pipeline_schedules AS s JOIN runs AS r ON r.id = s.last_run
         WHERE s.publisher_id = $1 AND s.pipeline_id = $2";
    SET_SCHEDULE = "
        UPDATE pipeline_schedules SET next_at = $4, failures = $5, paused = $6
         WHERE publisher_id = $1 AND pipeline_id = $2 AND name = $3";
}

/// What a run is held to, before its definition was read.
pub(super) struct Pin {
    pub(super) version: u32,
    pub(super) sha256: Digest,
    pub(super) audience: Audience,
    pub(super) is_paused: bool,
    pub(super) is_archived: bool,
}

/// What [`PIN`] gives.
#[derive(sqlx::FromRow)]
struct PinRow {
    version: i64,
    sha256: Vec<u8>,
    audience: String,
    paused: bool,
    archived_at: Option<i64>,
}

/// `number` as the number of a version.
pub(super) fn version(number: i64) -> Result<u32, Error> {
    number.try_into().map_err(Error::corrupt("pipeline_versions.version"))
}

/// `bytes` as the hash of a version.
pub(super) fn sha256(bytes: &[u8]) -> Result<Digest, Error> {
    bytes.try_into().map_err(Error::corrupt("pipeline_versions.sha256"))
}

/// `word` as an audience.
pub(super) fn audience(word: &str) -> Result<Audience, Error> {
    word.parse().map_err(Error::corrupt("pipelines.audience"))
}

/// A version of a pipeline, or the current one.
pub(super) async fn pin(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    asked: Option<u32>,
) -> Result<Option<Pin>, Error> {
    let (id, asked) = (publisher.uuid(), asked.map(i64::from));
    let row: Option<PinRow> = db::fetch_optional!(tx, PIN, id, pipeline.as_str(), asked)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Pin {
        version: version(row.version)?,
        sha256: sha256(&row.sha256)?,
        audience: audience(&row.audience)?,
        is_paused: row.paused,
        is_archived: row.archived_at.is_some(),
    }))
}

/// The canonical text of a version that is there.
pub(super) async fn definition(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    version: u32,
) -> Result<String, Error> {
    let (id, version) = (publisher.uuid(), i64::from(version));
    let (text,): (String,) = db::fetch_one!(tx, DEFINITION, id, pipeline.as_str(), version)?;
    Ok(text)
}

/// The highest priority that the operator grants to a publisher; nothing where nothing was said.
pub(super) async fn max_priority(
    tx: &mut Tx,
    publisher: Id<Principal>,
) -> Result<Option<u8>, Error> {
    let row: Option<(i64,)> = db::fetch_optional!(tx, GRANT, publisher.uuid())?;
    let read = |(number,): (i64,)| {
        number.try_into().map_err(Error::corrupt("work_publishers.max_priority"))
    };
    row.map(read).transpose()
}

/// What [`FIND`] and [`LIST`] give.
#[derive(sqlx::FromRow)]
struct PipelineRow {
    id: String,
    current_version: Option<i64>,
    last_version: i64,
    audience: String,
    paused: bool,
    created_at: i64,
    changed_at: i64,
    archived_at: Option<i64>,
    title: Option<String>,
    sha256: Vec<u8>,
}

impl TryFrom<PipelineRow> for Pipeline {
    type Error = Error;

    fn try_from(row: PipelineRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.id.parse().map_err(Error::corrupt("pipelines.id"))?,
            title: row.title,
            current_version: row.current_version.map(version).transpose()?,
            last_version: version(row.last_version)?,
            sha256: sha256(&row.sha256)?,
            audience: audience(&row.audience)?,
            is_paused: row.paused,
            created_at: UnixMillis(row.created_at),
            changed_at: UnixMillis(row.changed_at),
            archived_at: row.archived_at.map(UnixMillis),
        })
    }
}

pub(super) async fn find(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
) -> Result<Option<Pipeline>, Error> {
    let row: Option<PipelineRow> =
        db::fetch_optional!(tx, FIND, publisher.uuid(), pipeline.as_str())?;
    row.map(TryInto::try_into).transpose()
}

/// Those that are not archived, by id, after one.
pub(super) async fn list(
    tx: &mut Tx,
    publisher: Id<Principal>,
    after: Option<&PipelineId>,
    limit: u32,
) -> Result<Vec<Pipeline>, Error> {
    let after = after.map_or("", PipelineId::as_str);
    let rows: Vec<PipelineRow> =
        db::fetch_all!(tx, LIST, publisher.uuid(), after, i64::from(limit))?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(super) async fn count(tx: &mut Tx, publisher: Id<Principal>) -> Result<u32, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, publisher.uuid())?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A pipeline with its first version, which may be the current one.
pub(super) async fn add(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    (current, last): (Option<u32>, u32),
    now: UnixMillis,
) -> Result<(), Error> {
    let (current, last) = (current.map(i64::from), i64::from(last));
    let audience = Audience::default().as_str();
    let id = publisher.uuid();
    db::execute!(tx, ADD, id, pipeline.as_str(), current, last, audience, false, now.0).map(drop)
}

/// Another current and another last version; what was archived is there again.
pub(super) async fn advance(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    (current, last): (Option<u32>, u32),
    now: UnixMillis,
) -> Result<(), Error> {
    let (current, last) = (current.map(i64::from), i64::from(last));
    db::execute!(tx, ADVANCE, publisher.uuid(), pipeline.as_str(), current, last, now.0).map(drop)
}

/// What is set beside the versions.
pub(super) async fn set(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    to: &Pipeline,
    now: UnixMillis,
) -> Result<(), Error> {
    let (id, current) = (publisher.uuid(), to.current_version.map(i64::from));
    let audience = to.audience.as_str();
    db::execute!(tx, SET, id, pipeline.as_str(), current, audience, to.is_paused, now.0).map(drop)
}

pub(super) async fn archive(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, ARCHIVE, publisher.uuid(), pipeline.as_str(), now.0).map(drop)
}

/// The version that has that hash.
pub(super) async fn version_with(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    sha256: Digest,
) -> Result<Option<u32>, Error> {
    let hash = &sha256.as_bytes()[..];
    let row: Option<(i64,)> =
        db::fetch_optional!(tx, VERSION_WITH, publisher.uuid(), pipeline.as_str(), hash)?;
    row.map(|(number,)| version(number)).transpose()
}

fn form(word: &str) -> Result<Form, Error> {
    let found = [Form::Json, Form::Yaml].into_iter().find(|it| form_word(*it) == word);
    found.ok_or_else(|| Error::corrupt("pipeline_versions.source_type")(word))
}

/// What [`VERSIONS`] gives.
#[derive(sqlx::FromRow)]
struct VersionRow {
    version: i64,
    sha256: Vec<u8>,
    title: Option<String>,
    source_type: String,
    handle: String,
    created_at: i64,
}

impl TryFrom<VersionRow> for Version {
    type Error = Error;

    fn try_from(row: VersionRow) -> Result<Self, Error> {
        Ok(Self {
            number: version(row.version)?,
            sha256: sha256(&row.sha256)?,
            title: row.title,
            form: form(&row.source_type)?,
            by: row.handle.parse::<Handle>().map_err(Error::corrupt("principals.handle"))?,
            created_at: UnixMillis(row.created_at),
        })
    }
}

/// Versions, the newest first, before one.
pub(super) async fn versions(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    before: Option<u32>,
    limit: u32,
) -> Result<Vec<Version>, Error> {
    let before = before.map_or(i64::MAX, i64::from);
    let (id, limit) = (publisher.uuid(), i64::from(limit));
    let rows: Vec<VersionRow> = db::fetch_all!(tx, VERSIONS, id, pipeline.as_str(), before, limit)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

/// The bytes of a version, as they came.
pub(super) async fn source(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    version: u32,
) -> Result<Option<(Vec<u8>, Form)>, Error> {
    let version = i64::from(version);
    let row: Option<(Vec<u8>, String)> =
        db::fetch_optional!(tx, SOURCE, publisher.uuid(), pipeline.as_str(), version)?;
    row.map(|(bytes, word)| Ok::<_, Error>((bytes, form(&word)?))).transpose()
}

/// A version that is not there yet.
pub(super) struct NewVersion<'v> {
    pub(super) version: u32,
    pub(super) sha256: Digest,
    pub(super) title: Option<&'v str>,
    pub(super) source: &'v [u8],
    pub(super) form: Form,
    pub(super) definition: &'v str,
    pub(super) by: Id<Principal>,
}

pub(super) async fn add_version(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    new: NewVersion<'_>,
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(
        tx,
        ADD_VERSION,
        publisher.uuid(),
        pipeline.as_str(),
        i64::from(new.version),
        &new.sha256.as_bytes()[..],
        new.title,
        new.source,
        form_word(new.form),
        new.definition,
        new.by.uuid(),
        now.0,
    )
    .map(drop)
}

#[derive(sqlx::FromRow)]
struct ScheduleRow {
    name: String,
    cron: String,
    zone: String,
    missed: String,
    next_at: Option<i64>,
    last_run: Option<Uuid>,
    failures: i64,
    paused: bool,
}

impl TryFrom<ScheduleRow> for Scheduled {
    type Error = Error;

    fn try_from(row: ScheduleRow) -> Result<Self, Error> {
        let all = [Missed::Skip, Missed::Latest, Missed::All];
        let missed = all.into_iter().find(|it| missed_word(*it) == row.missed);
        let corrupt = || Error::corrupt("pipeline_schedules.missed")(row.missed.as_str());
        Ok(Self {
            missed: missed.ok_or_else(corrupt)?,
            name: row.name,
            cron: row.cron,
            zone: row.zone,
            next_at: row.next_at.map(UnixMillis),
            last_run: row.last_run.map(Id::from_uuid),
            failures: u32::try_from(row.failures)
                .map_err(Error::corrupt("pipeline_schedules.failures"))?,
            is_paused: row.paused,
        })
    }
}

/// Those of a pipeline, by name.
pub(super) async fn schedules(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
) -> Result<Vec<Scheduled>, Error> {
    let rows: Vec<ScheduleRow> =
        db::fetch_all!(tx, SCHEDULES, publisher.uuid(), pipeline.as_str())?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(super) async fn remove_schedules(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
) -> Result<(), Error> {
    db::execute!(tx, REMOVE_SCHEDULES, publisher.uuid(), pipeline.as_str()).map(drop)
}

pub(super) async fn add_schedules(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    schedules: &[Scheduled],
) -> Result<(), Error> {
    let row = |it: &Scheduled| {
        let texts = (it.name.clone(), it.cron.clone(), it.zone.clone(), missed_word(it.missed));
        let (next, last) = (it.next_at.map(|at| at.0), it.last_run.map(|id| id.to_string()));
        let (name, cron, zone, missed) = texts;
        (name, cron, zone, missed, next, last, it.failures, it.is_paused)
    };
    let rows = db::rows(schedules.iter().map(row));
    db::execute!(tx, ADD_SCHEDULES, publisher.uuid(), pipeline.as_str(), rows).map(drop)
}

/// What changes of a schedule while its version stays.
pub(super) async fn set_schedule(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    it: &Scheduled,
) -> Result<(), Error> {
    let (id, name) = (publisher.uuid(), it.name.as_str());
    let (next, failures) = (it.next_at.map(|at| at.0), i64::from(it.failures));
    db::execute!(tx, SET_SCHEDULE, id, pipeline.as_str(), name, next, failures, it.is_paused)
        .map(drop)
}

/// After a schedule has fired.
pub(super) async fn move_schedule(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
    before: &Scheduled,
    after: &Scheduled,
) -> Result<(), Error> {
    db::execute!(
        tx,
        MOVE_SCHEDULE,
        publisher.uuid(),
        pipeline.as_str(),
        before.name.as_str(),
        before.next_at.map(|at| at.0),
        after.next_at.map(|at| at.0),
        after.last_run.map(Id::uuid),
        i64::from(after.failures),
        after.is_paused,
    )
    .map(drop)
}

/// Where the runs are that the schedules of a pipeline started last, by the names of the schedules.
pub(super) async fn last_states(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
) -> Result<BTreeMap<String, String>, Error> {
    let rows: Vec<(String, String)> =
        db::fetch_all!(tx, LAST_STATES, publisher.uuid(), pipeline.as_str())?;
    Ok(rows.into_iter().collect())
}

/// Whether runs of a pipeline are under way.
pub(super) async fn has_live_runs(
    tx: &mut Tx,
    Key { publisher, pipeline }: Key<'_>,
) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, LIVE_RUNS, publisher.uuid(), pipeline.as_str())?;
    Ok(count > 0)
}

/// The newest version of a pipeline.
pub(crate) async fn last_version(tx: &mut Tx, key: Key<'_>) -> Result<u32, Error> {
    Ok(find(tx, key).await?.map_or(0, |it| it.last_version))
}
