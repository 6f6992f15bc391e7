//! The tables `push_sessions`, `push_snapshots`, `push_commits`, `push_objects`.

use std::collections::{HashMap, HashSet};

use api::{CommitRecord, Limits, Value, wire2::OpenPush, wire2::PushLanded, wire2::PushState};
use db::{Error, Tx};
use keys::AddressToken;
use names::{CommitId, Id, NodeId, ObjectId, SnapshotId, UnixMillis};
use trust::{Mandate, Principal};
use uuid::Uuid;

use super::{page::Built, session::Session};
use crate::{Repository, reading::row_id as id, wire::bundle::CheckedCommit};

/// The longest text of a session: a thousand updates with their entries.
const TEXT_BYTES: u64 = 16 << 20;

macro_rules! session {
    () => {
        "SELECT id, repository_id, principal_id, key_id, token_id, updates, received, cursor_text, commits, snapshots,
                objects, result, created_at FROM push_sessions "
    };
}

macro_rules! of_caller {
    () => {
        "WHERE id = $1 AND repository_id = $2 AND principal_id = $3 AND ends_at >= $4"
    };
}

db::statements! {
    ADD = "
        INSERT INTO push_sessions
            (id, repository_id, principal_id, key_id, token_id, token_hash, updates, created_at, ends_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    BY_TOKEN = (concat!(session!(), "WHERE token_hash = $1 AND ends_at >= $2"));
    BY_ID = (concat!(session!(), of_caller!()));
    HOLD = {
        // The transaction holds SQLite's one write lock already.
        sqlite (concat!(session!(), of_caller!())),
        postgres (concat!(session!(), of_caller!(), " FOR UPDATE"))
    };
    COUNT_LIVE = "
        SELECT count(*) FROM push_sessions WHERE principal_id = $1 AND ends_at >= $2 AND result IS NULL";
    ADVANCE = "
        UPDATE push_sessions
           SET received = $3, cursor_text = $4, commits = $5, snapshots = $6, objects = $7, ends_at = $8
         WHERE id = $1 AND received = $2 AND result IS NULL";
    DROP = "DELETE FROM push_sessions WHERE id = $1";
    SET_RESULT = "UPDATE push_sessions SET result = $2 WHERE id = $1 AND result IS NULL";
    CLEAR_SNAPSHOTS = "DELETE FROM push_snapshots WHERE session_id = $1";
    CLEAR_COMMITS = "DELETE FROM push_commits WHERE session_id = $1";
    CLEAR_OBJECTS = "DELETE FROM push_objects WHERE session_id = $1";
    END = "
        DELETE FROM push_sessions WHERE id IN
            (SELECT id FROM push_sessions WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)";
    GENERATIONS = {
        sqlite "
        SELECT c.id, c.generation FROM json_each($2) AS wanted
          CROSS JOIN push_commits AS c ON c.session_id = $1 AND c.id = unhex(wanted.value)",
        postgres "
        SELECT c.id, c.generation FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN push_commits AS c ON c.session_id = $1 AND c.id = decode(wanted.value, 'hex')"
    };
    ROOTS = {
        sqlite "
        SELECT s.id, s.root_node FROM json_each($2) AS wanted
          CROSS JOIN push_snapshots AS s ON s.session_id = $1 AND s.id = unhex(wanted.value)",
        postgres "
        SELECT s.id, s.root_node FROM jsonb_array_elements_text($2::jsonb) AS wanted
          JOIN push_snapshots AS s ON s.session_id = $1 AND s.id = decode(wanted.value, 'hex')"
    };
    ADD_SNAPSHOTS = {
        sqlite "
        INSERT INTO push_snapshots
            (session_id, id, base, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, unhex(value ->> 0), unhex(value ->> 1), unhex(value ->> 2), value ->> 3, value ->> 4, value ->> 5,
               value ->> 6
          FROM json_each($1) WHERE true ON CONFLICT (session_id, id) DO NOTHING",
        postgres "
        INSERT INTO push_snapshots
            (session_id, id, base, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, decode(value ->> 0, 'hex'), decode(value ->> 1, 'hex'), decode(value ->> 2, 'hex'),
               (value ->> 3)::bigint, (value ->> 4)::bigint, (value ->> 5)::bigint, value ->> 6
          FROM jsonb_array_elements($1::jsonb) ON CONFLICT (session_id, id) DO NOTHING"
    };
    ADD_COMMITS = {
        sqlite "
        INSERT INTO push_commits
            (session_id, id, position, snapshot_id, parent1, parent2, generation, committed_at, wire_bytes, record)
        SELECT $2, unhex(value ->> 0), value ->> 1, unhex(value ->> 2), unhex(value ->> 3), unhex(value ->> 4),
               value ->> 5, value ->> 6, value ->> 7, unhex(value ->> 8)
          FROM json_each($1)",
        postgres "
        INSERT INTO push_commits
            (session_id, id, position, snapshot_id, parent1, parent2, generation, committed_at, wire_bytes, record)
        SELECT $2, decode(value ->> 0, 'hex'), (value ->> 1)::bigint, decode(value ->> 2, 'hex'),
               decode(value ->> 3, 'hex'), decode(value ->> 4, 'hex'), (value ->> 5)::bigint, (value ->> 6)::bigint,
               (value ->> 7)::bigint, decode(value ->> 8, 'hex')
          FROM jsonb_array_elements($1::jsonb)"
    };
    ADD_OBJECTS = {
        sqlite "
        INSERT INTO push_objects (session_id, object_id, size)
        SELECT $2, unhex(value ->> 0), value ->> 1 FROM json_each($1) WHERE true
        ON CONFLICT (session_id, object_id) DO NOTHING",
        postgres "
        INSERT INTO push_objects (session_id, object_id, size)
        SELECT $2, decode(value ->> 0, 'hex'), (value ->> 1)::bigint FROM jsonb_array_elements($1::jsonb)
        ON CONFLICT (session_id, object_id) DO NOTHING"
    };
    OBJECTS_AFTER = "
        SELECT object_id, size FROM push_objects WHERE session_id = $1 AND object_id > $2
         ORDER BY object_id LIMIT $3";
    COMMITS_AFTER = "
        SELECT position, generation, committed_at, wire_bytes, record FROM push_commits
         WHERE session_id = $1 AND position > $2 ORDER BY position LIMIT $3";
    LAND_SNAPSHOTS = "
        INSERT INTO snapshots (repository_id, id, root_node, files, bytes, wire_bytes, created_at_text)
        SELECT $2, id, root_node, files, bytes, wire_bytes, created_at_text
          FROM push_snapshots WHERE session_id = $1
        ON CONFLICT (repository_id, id) DO NOTHING";
    // What was there when it was told by, or named, and is there no more.
    LOST_BASE = "
        SELECT p.base FROM push_snapshots AS p
         WHERE p.session_id = $1 AND p.base IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM snapshots AS s WHERE s.repository_id = $2 AND s.id = p.base) LIMIT 1";
    LOST_SNAPSHOT = "
        SELECT p.snapshot_id FROM push_commits AS p
         WHERE p.session_id = $1
           AND NOT EXISTS (SELECT 1 FROM snapshots AS s WHERE s.repository_id = $2 AND s.id = p.snapshot_id) LIMIT 1";
    LOST_PARENT = {
        sqlite "
        SELECT parent.id FROM push_commits AS p
          JOIN (SELECT id AS child, parent1 AS id FROM push_commits WHERE session_id = $1 AND parent1 IS NOT NULL
                UNION ALL
                SELECT id AS child, parent2 AS id FROM push_commits WHERE session_id = $1 AND parent2 IS NOT NULL
               ) AS parent ON parent.child = p.id
         WHERE p.session_id = $1
           AND NOT EXISTS (SELECT 1 FROM push_commits AS c WHERE c.session_id = $1 AND c.id = parent.id)
           AND NOT EXISTS (SELECT 1 FROM commits AS c WHERE c.repository_id = $2 AND c.id = parent.id) LIMIT 1",
        postgres "
        SELECT parent.id FROM push_commits AS p
         CROSS JOIN LATERAL (VALUES (p.parent1), (p.parent2)) AS parent (id)
         WHERE p.session_id = $1 AND parent.id IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM push_commits AS c WHERE c.session_id = $1 AND c.id = parent.id)
           AND NOT EXISTS (SELECT 1 FROM commits AS c WHERE c.repository_id = $2 AND c.id = parent.id) LIMIT 1"
    };
    ROOTS_OF = "
        SELECT coalesce(b.root_node, h.root_node), p.root_node FROM push_snapshots AS p
          LEFT JOIN push_snapshots AS b ON b.session_id = p.session_id AND b.id = p.base
          LEFT JOIN snapshots AS h ON h.repository_id = $2 AND h.id = p.base
         WHERE p.session_id = $1";
    RELEASED = "
        SELECT count(*) FROM releases WHERE repository_id = $1 AND tag = $2 AND published_at IS NOT NULL";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    repository_id: Uuid,
    principal_id: Uuid,
    key_id: Option<Uuid>,
    token_id: Option<Uuid>,
    updates: String,
    received: i64,
    cursor_text: String,
    commits: i64,
    snapshots: i64,
    objects: i64,
    result: Option<String>,
    created_at: i64,
}

fn number(count: i64) -> Result<u64, Error> {
    u64::try_from(count).map_err(Error::corrupt("push_sessions.*"))
}

fn bound(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A message that was written down.
fn message<T: TryFrom<Value, Error = api::WireError>>(text: &str) -> Result<T, Error> {
    let value = Value::from_json_reader(text.as_bytes(), &Limits::of_body(TEXT_BYTES))
        .map_err(Error::corrupt("push_sessions.updates"))?;
    T::try_from(value).map_err(Error::corrupt("push_sessions.updates"))
}

fn written(message: impl Into<Value>) -> String {
    let mut text = Vec::new();
    // Writing into memory does not fail.
    message.into().write_json(&mut text).unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

impl TryFrom<Row> for Session {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let mandate = match (row.key_id, row.token_id) {
            (Some(key), None) => Mandate::Key(Id::from_uuid(key)),
            (None, Some(token)) => Mandate::Token(Id::from_uuid(token)),
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::corrupt("push_sessions.key_id")("one of key and token"));
            }
        };
        let OpenPush { updates } = message(&row.updates)?;
        Ok(Self {
            id: Id::from_uuid(row.id),
            repository: Id::from_uuid(row.repository_id),
            principal: Id::from_uuid(row.principal_id),
            mandate,
            updates,
            state: PushState {
                offset: number(row.received)?,
                cursor: row.cursor_text,
                commits: number(row.commits)?,
                snapshots: number(row.snapshots)?,
                objects: number(row.objects)?,
                part: None,
            },
            result: row.result.as_deref().map(message).transpose()?,
            created_at: UnixMillis(row.created_at),
        })
    }
}

/// Writes a push down that begins.
pub(super) async fn add(
    tx: &mut Tx,
    session: &Session,
    token: &AddressToken,
    ends: UnixMillis,
) -> Result<(), Error> {
    let (key, by_token) = match session.mandate {
        Mandate::Key(id) => (Some(id.uuid()), None),
        Mandate::Token(id) => (None, Some(id.uuid())),
    };
    let updates = written(OpenPush { updates: session.updates.clone() });
    let (of, by, hash) = (session.repository.uuid(), session.principal.uuid(), token.hash());
    let began = session.created_at.0;
    let id = session.id.uuid();
    db::execute!(tx, ADD, id, of, by, key, by_token, &hash[..], updates, began, ends.0).map(drop)
}

/// The push that a token is for, if it has not ended.
pub(super) async fn by_token(
    tx: &mut Tx,
    token: &AddressToken,
    now: UnixMillis,
) -> Result<Option<Session>, Error> {
    let hash = token.hash();
    let row: Option<Row> = db::fetch_optional!(tx, BY_TOKEN, &hash[..], now.0)?;
    row.map(Session::try_from).transpose()
}

/// Whose, where, which.
pub(super) type Of = (Id<Session>, Id<Repository>, Id<Principal>);

pub(super) async fn find(
    tx: &mut Tx,
    (id, of, by): Of,
    now: UnixMillis,
) -> Result<Option<Session>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, BY_ID, id.uuid(), of.uuid(), by.uuid(), now.0)?;
    row.map(Session::try_from).transpose()
}

/// The same, and nobody else changes it until the transaction ends.
pub(super) async fn hold(
    tx: &mut Tx,
    (id, of, by): Of,
    now: UnixMillis,
) -> Result<Option<Session>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, HOLD, id.uuid(), of.uuid(), by.uuid(), now.0)?;
    row.map(Session::try_from).transpose()
}

pub(super) async fn count_live(
    tx: &mut Tx,
    principal: Id<Principal>,
    now: UnixMillis,
) -> Result<u64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_LIVE, principal.uuid(), now.0)?;
    number(count)
}

/// Goes on from the offset `from`; false if the push stands elsewhere by now.
pub(super) async fn advance(
    tx: &mut Tx,
    id: Id<Session>,
    from: u64,
    to: &PushState,
    ends: UnixMillis,
) -> Result<bool, Error> {
    let [commits, snapshots, objects] = [to.commits, to.snapshots, to.objects].map(bound);
    let (from, offset) = (bound(from), bound(to.offset));
    let moved = db::execute!(
        tx,
        ADVANCE,
        id.uuid(),
        from,
        offset,
        &to.cursor,
        commits,
        snapshots,
        objects,
        ends.0
    )?;
    Ok(moved == 1)
}

pub(super) async fn remove(tx: &mut Tx, id: Id<Session>) -> Result<(), Error> {
    db::execute!(tx, DROP, id.uuid()).map(drop)
}

/// Keeps the answer, and lets go of what is history now.
pub(super) async fn conclude(
    tx: &mut Tx,
    id: Id<Session>,
    result: &PushLanded,
) -> Result<(), Error> {
    db::execute!(tx, SET_RESULT, id.uuid(), written(result.clone()))?;
    db::execute!(tx, CLEAR_COMMITS, id.uuid())?;
    db::execute!(tx, CLEAR_SNAPSHOTS, id.uuid())?;
    db::execute!(tx, CLEAR_OBJECTS, id.uuid()).map(drop)
}

pub(super) async fn end(tx: &mut Tx, now: UnixMillis, limit: u32) -> Result<u64, Error> {
    db::execute!(tx, END, now.0, i64::from(limit))
}

/// Those of `ids` that have come, with their generations.
pub(super) async fn generations(
    tx: &mut Tx,
    session: Id<Session>,
    ids: &[CommitId],
) -> Result<HashMap<CommitId, i64>, Error> {
    let rows: Vec<(Vec<u8>, i64)> = db::fetch_all!(tx, GENERATIONS, session.uuid(), db::rows(ids))?;
    rows.into_iter().map(|(bytes, generation)| Ok((id(&bytes)?, generation))).collect()
}

/// Those of `ids` that have come, with their root directories.
pub(super) async fn roots(
    tx: &mut Tx,
    session: Id<Session>,
    ids: &[SnapshotId],
) -> Result<HashMap<SnapshotId, NodeId>, Error> {
    let rows: Vec<(Vec<u8>, Vec<u8>)> = db::fetch_all!(tx, ROOTS, session.uuid(), db::rows(ids))?;
    rows.into_iter().map(|(snapshot, root)| Ok((id(&snapshot)?, id(&root)?))).collect()
}

/// Adds snapshots, and the objects that they name beside what their bases name.
pub(super) async fn add_snapshots(
    tx: &mut Tx,
    session: Id<Session>,
    built: &[Built],
) -> Result<(), Error> {
    if built.is_empty() {
        return Ok(());
    }
    let rows = db::rows(built.iter().map(|it| {
        let tree = &it.tree;
        let base = it.base.map(|it| it.to_string());
        (it.id, base, tree.root, tree.files, tree.bytes, it.wire_bytes, &it.created_at)
    }));
    db::execute!(tx, ADD_SNAPSHOTS, rows, session.uuid())?;
    let mut seen = HashSet::new();
    let named = built.iter().flat_map(|it| &it.named).filter(|(id, _)| seen.insert(*id));
    let rows = db::rows(named.map(|(id, size)| (*id, *size)));
    db::execute!(tx, ADD_OBJECTS, rows, session.uuid()).map(drop)
}

/// Adds commits behind the first `before` ones.
pub(super) async fn add_commits(
    tx: &mut Tx,
    session: Id<Session>,
    before: u64,
    commits: &[(&CheckedCommit, i64)],
) -> Result<(), Error> {
    if commits.is_empty() {
        return Ok(());
    }
    let rows =
        db::rows(commits.iter().zip(before + 1..).map(|((commit, generation), position)| {
            let it = &commit.record;
            let mut record = Vec::new();
            // Writing into memory does not fail.
            api::msgpack::write_value(&mut record, &Value::from(it.clone())).unwrap_or_default();
            serde_json::json!([
                it.commit_id,
                position,
                it.snapshot_id,
                it.parent_commit_id,
                it.parent2_commit_id,
                generation,
                commit.committed_at.0,
                commit.wire_bytes,
                crate::wire::landing::hex(&record),
            ])
        }));
    db::execute!(tx, ADD_COMMITS, rows, session.uuid()).map(drop)
}

/// The next objects that the push names, with their sizes.
pub(super) async fn objects_after(
    tx: &mut Tx,
    session: Id<Session>,
    after: Option<ObjectId>,
    limit: u32,
) -> Result<Vec<(ObjectId, u64)>, Error> {
    let after = after.map(|it| it.as_bytes().to_vec()).unwrap_or_default();
    let rows: Vec<(Vec<u8>, i64)> =
        db::fetch_all!(tx, OBJECTS_AFTER, session.uuid(), after, i64::from(limit))?;
    rows.into_iter().map(|(bytes, size)| Ok((id(&bytes)?, number(size)?))).collect()
}

/// A commit on its way.
pub(super) struct Waiting {
    pub(super) position: i64,
    pub(super) generation: i64,
    pub(super) checked: CheckedCommit,
}

/// The next commits of the push, parents first.
pub(super) async fn commits_after(
    tx: &mut Tx,
    session: Id<Session>,
    after: i64,
    limit: u32,
) -> Result<Vec<Waiting>, Error> {
    type Row = (i64, i64, i64, i64, Vec<u8>);
    let rows: Vec<Row> =
        db::fetch_all!(tx, COMMITS_AFTER, session.uuid(), after, i64::from(limit))?;
    let believe = |(position, generation, committed_at, wire_bytes, record): Row| {
        let limits = Limits::of_body(record.len() as u64);
        let value = Value::from_msgpack_reader(&record[..], &limits)
            .map_err(Error::corrupt("push_commits.record"))?;
        let record =
            CommitRecord::try_from(value).map_err(Error::corrupt("push_commits.record"))?;
        let committed_at = UnixMillis(committed_at);
        let checked = CheckedCommit { record, committed_at, wire_bytes: number(wire_bytes)? };
        Ok(Waiting { position, generation, checked })
    };
    rows.into_iter().map(believe).collect()
}

/// Makes the snapshots of the push the repository's.
pub(super) async fn land_snapshots(
    tx: &mut Tx,
    session: Id<Session>,
    repository: Id<Repository>,
) -> Result<u64, Error> {
    db::execute!(tx, LAND_SNAPSHOTS, session.uuid(), repository.uuid())
}

/// What the push stands on and the repository does not hold any more.
pub(super) struct Lost {
    pub(super) snapshot: Option<SnapshotId>,
    pub(super) parent: Option<CommitId>,
}

pub(super) async fn lost(
    tx: &mut Tx,
    session: Id<Session>,
    repository: Id<Repository>,
) -> Result<Lost, Error> {
    let (session, repository) = (session.uuid(), repository.uuid());
    let base: Option<(Vec<u8>,)> = db::fetch_optional!(tx, LOST_BASE, session, repository)?;
    let named: Option<(Vec<u8>,)> = db::fetch_optional!(tx, LOST_SNAPSHOT, session, repository)?;
    let parent: Option<(Vec<u8>,)> = db::fetch_optional!(tx, LOST_PARENT, session, repository)?;
    Ok(Lost {
        snapshot: base.or(named).map(|(bytes,)| id(&bytes)).transpose()?,
        parent: parent.map(|(bytes,)| id(&bytes)).transpose()?,
    })
}

/// The root of each snapshot that has come, behind that of the one which it follows.
pub(super) async fn roots_of(
    tx: &mut Tx,
    session: Id<Session>,
    repository: Id<Repository>,
) -> Result<Vec<(Option<NodeId>, NodeId)>, Error> {
    let rows: Vec<(Option<Vec<u8>>, Vec<u8>)> =
        db::fetch_all!(tx, ROOTS_OF, session.uuid(), repository.uuid())?;
    let node = |bytes: &[u8]| -> Result<NodeId, Error> {
        bytes.try_into().map_err(Error::corrupt("push_snapshots.root_node"))
    };
    let believe = |(before, after): (Option<Vec<u8>>, Vec<u8>)| {
        Ok((before.as_deref().map(node).transpose()?, node(&after)?))
    };
    rows.into_iter().map(believe).collect()
}

/// Whether a release that was published has this tag.
pub(super) async fn is_released(
    tx: &mut Tx,
    repository: Id<Repository>,
    tag: &str,
) -> Result<bool, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, RELEASED, repository.uuid(), tag)?;
    Ok(count > 0)
}
