//! The tables `search_states`, `search_documents`, `search_texts` and `search_terms`.
//!
//! Whoever searches names a reader, and every statement that finds something joins `resources` by the authority's
//! predicate for lists.

use std::collections::{BTreeSet, HashMap};

use db::{Error, Tx};
use names::{CommitId, Id, UnixMillis};
use uuid::Uuid;

use super::documents::{Document, Kind};
use crate::{Repository, wire::landing::hex};

db::statements! {
    STATE = "
        SELECT form, head, target, done_path, files_done, commits_done FROM search_states WHERE repository_id = $1";
    SET_STATE = "
        INSERT INTO search_states
               (repository_id, form, head, target, done_path, files_done, commits_done, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (repository_id) DO UPDATE
           SET form = excluded.form, head = excluded.head, target = excluded.target, done_path = excluded.done_path,
               files_done = excluded.files_done, commits_done = excluded.commits_done, updated_at = excluded.updated_at";
    HEADS = {
        sqlite "
        SELECT t.repository_id, coalesce(t.target, t.head) FROM json_each($1) AS wanted
          CROSS JOIN search_states AS t ON t.repository_id = unhex(wanted.value)",
        postgres "
        SELECT t.repository_id, coalesce(t.target, t.head) FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN search_states AS t ON t.repository_id = CAST(wanted.value AS uuid)"
    };
    REMOVE = {
        sqlite "
        DELETE FROM search_documents WHERE repository_id = $1 AND kind = $2
           AND name IN (SELECT value FROM json_each($3))",
        postgres "
        DELETE FROM search_documents WHERE repository_id = $1 AND kind = $2
           AND name IN (SELECT jsonb_array_elements_text($3::jsonb))"
    };
    FORGET_SOME = "
        DELETE FROM search_documents WHERE id IN
            (SELECT id FROM search_documents WHERE repository_id = $1 LIMIT $2)";
    FORGET_STATE = "DELETE FROM search_states WHERE repository_id = $1";
    ADD = {
        sqlite "
        INSERT INTO search_documents (repository_id, kind, name, language, size_bytes, happened_at)
        SELECT $1, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
               json_extract(value, '$[3]'), json_extract(value, '$[4]')
          FROM json_each($2)",
        postgres "
        INSERT INTO search_documents (repository_id, kind, name, language, size_bytes, happened_at)
        SELECT $1, value->>0, value->>1, value->>2, CAST(value->>3 AS bigint), CAST(value->>4 AS bigint)
          FROM jsonb_array_elements($2::jsonb)"
    };
    ADD_TEXTS = {
        sqlite "
        INSERT INTO search_texts (document_id, packed)
        SELECT d.id, unhex(json_extract(value, '$[2]')) FROM json_each($2)
          CROSS JOIN search_documents AS d ON d.repository_id = $1 AND d.kind = json_extract(value, '$[0]')
           AND d.name = json_extract(value, '$[1]')",
        postgres "
        INSERT INTO search_texts (document_id, packed)
        SELECT d.id, decode(value->>2, 'hex') FROM jsonb_array_elements($2::jsonb)
          JOIN search_documents AS d ON d.repository_id = $1 AND d.kind = value->>0 AND d.name = value->>1"
    };
    ADD_TERMS = {
        sqlite "
        INSERT INTO search_terms (rowid, terms)
        SELECT d.id, json_extract(value, '$[2]') FROM json_each($2)
          CROSS JOIN search_documents AS d ON d.repository_id = $1 AND d.kind = json_extract(value, '$[0]')
           AND d.name = json_extract(value, '$[1]')",
        postgres "
        INSERT INTO search_terms (rowid, terms)
        SELECT d.id, array_to_tsvector(string_to_array(value->>2, ' ')) FROM jsonb_array_elements($2::jsonb)
          JOIN search_documents AS d ON d.repository_id = $1 AND d.kind = value->>0 AND d.name = value->>1"
    };
    MATCHING = {
        sqlite (concat!("
        SELECT d.id, d.repository_id, d.name, d.language, d.size_bytes, d.happened_at
          FROM search_terms CROSS JOIN search_documents AS d ON d.id = search_terms.rowid
          JOIN resources AS s ON s.id = d.repository_id JOIN repositories AS r ON r.id = d.repository_id
         WHERE search_terms MATCH $2 AND search_terms.rowid < $3 AND ", trust::visible!(), " AND r.indexed = 1
         ORDER BY search_terms.rowid DESC LIMIT $4")),
        postgres (concat!("
        SELECT d.id, d.repository_id, d.name, d.language, d.size_bytes, d.happened_at
          FROM search_terms AS x JOIN search_documents AS d ON d.id = x.rowid
          JOIN resources AS s ON s.id = d.repository_id JOIN repositories AS r ON r.id = d.repository_id
         WHERE x.terms @@ CAST($2 AS tsquery) AND x.rowid < $3 AND ", trust::visible!(), " AND r.indexed = 1
         ORDER BY x.rowid + 0 DESC LIMIT $4"))
    };
    // Identifiers of a piece, whatever is in them: how much is looked at does not depend on what is found.
    NAMES = {
        sqlite (concat!("
        SELECT d.id, d.repository_id, d.name, d.language, d.size_bytes, d.happened_at
          FROM search_documents AS d
          JOIN resources AS s ON s.id = d.repository_id JOIN repositories AS r ON r.id = d.repository_id
         WHERE d.id < $2 AND d.id >= $3 AND d.kind = 'file' AND lower(d.name) LIKE $4 ESCAPE '\\'
           AND (d.repository_id IN (SELECT unhex(value) FROM json_each($5)) OR $5 = '[]')
           AND ", trust::visible!(), " AND r.indexed = 1
         ORDER BY d.id DESC")),
        postgres (concat!("
        SELECT d.id, d.repository_id, d.name, d.language, d.size_bytes, d.happened_at
          FROM search_documents AS d
          JOIN resources AS s ON s.id = d.repository_id JOIN repositories AS r ON r.id = d.repository_id
         WHERE d.id < $2 AND d.id >= $3 AND d.kind = 'file' AND lower(d.name) LIKE $4 ESCAPE '\\'
           AND ($5 = '[]' OR d.repository_id IN
                (SELECT CAST(jsonb_array_elements_text(CAST($5 AS jsonb)) AS uuid)))
           AND ", trust::visible!(), " AND r.indexed = 1
         ORDER BY d.id DESC"))
    };
    NEWEST = "SELECT coalesce(max(id), 0) FROM search_documents";
    TEXTS = {
        sqlite "
        SELECT t.document_id, t.packed FROM json_each($1) AS wanted CROSS JOIN search_texts AS t ON t.document_id = wanted.value",
        postgres "
        SELECT t.document_id, t.packed FROM jsonb_array_elements_text($1::jsonb) AS wanted
          JOIN search_texts AS t ON t.document_id = CAST(wanted.value AS bigint)"
    };
    REPOSITORIES_NAMED = (concat!("
        SELECT r.id FROM repositories AS r JOIN resources AS s ON s.id = r.id
         WHERE (s.owner_handle = $2 OR $2 = '') AND (r.name = $3 OR $3 = '') AND ", trust::visible!(), "
         ORDER BY r.id LIMIT $4"));
    LANGUAGES = "
        SELECT language, CAST(sum(size_bytes) AS bigint) FROM search_documents
         WHERE repository_id = $1 AND kind = 'file' AND language <> '' GROUP BY language ORDER BY language";
    TOPICS = (concat!("
        SELECT t.topic, count(*) FROM repository_topics AS t JOIN resources AS s ON s.id = t.repository_id
         WHERE t.topic > $2 AND ", trust::visible!(), "
         GROUP BY t.topic ORDER BY t.topic LIMIT $3"));
    STATES = "
        SELECT r.id, coalesce(t.form, 0), CAST(CASE WHEN t.target IS NULL THEN 0 ELSE 1 END AS bigint)
          FROM repositories AS r LEFT JOIN search_states AS t ON t.repository_id = r.id
         WHERE r.id > $1 ORDER BY r.id LIMIT $2";
    FORGET_FORMS = {
        sqlite "
        UPDATE search_states SET form = 0 WHERE repository_id IN (SELECT unhex(value) FROM json_each($1))",
        postgres "
        UPDATE search_states SET form = 0
         WHERE repository_id IN (SELECT CAST(jsonb_array_elements_text(CAST($1 AS jsonb)) AS uuid))"
    };
    WITHIN = {
        sqlite "SELECT CAST($1 AS TEXT)",
        postgres "SELECT set_config('statement_timeout', $1, true)"
    };
}

/// How far the documents of a repository have come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) form: i64,
    /// What they are of.
    pub(super) head: Option<CommitId>,
    /// What they are on their way to.
    pub(super) target: Option<CommitId>,
    /// Of that, files up to here are done.
    pub(super) done_path: String,
    pub(super) are_files_done: bool,
    pub(super) commits_done: u64,
}

/// A document that fits, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) repository: Id<Repository>,
    pub(super) name: String,
    pub(super) language: String,
    pub(super) size_bytes: u64,
    pub(super) happened_at: i64,
}

type RawRow = (i64, Uuid, String, String, i64, i64);

fn row((id, repository, name, language, size, happened_at): RawRow) -> Result<Row, Error> {
    let size_bytes = u64::try_from(size).map_err(Error::corrupt("search_documents.size_bytes"))?;
    Ok(Row { id, repository: Id::from_uuid(repository), name, language, size_bytes, happened_at })
}

fn commit(bytes: &[u8]) -> Result<CommitId, Error> {
    bytes.try_into().map_err(Error::corrupt("search_states.head"))
}

pub(super) async fn state(tx: &mut Tx, of: Id<Repository>) -> Result<Option<State>, Error> {
    type Raw = (i64, Option<Vec<u8>>, Option<Vec<u8>>, String, i64, i64);
    let row: Option<Raw> = db::fetch_optional!(tx, STATE, of.uuid())?;
    let Some((form, head, target, done_path, files_done, commits_done)) = row else {
        return Ok(None);
    };
    Ok(Some(State {
        form,
        head: head.as_deref().map(commit).transpose()?,
        target: target.as_deref().map(commit).transpose()?,
        done_path,
        are_files_done: files_done == 1,
        commits_done: u64::try_from(commits_done)
            .map_err(Error::corrupt("search_states.commits_done"))?,
    }))
}

pub(super) async fn set_state(
    tx: &mut Tx,
    of: Id<Repository>,
    it: &State,
    now: UnixMillis,
) -> Result<(), Error> {
    let bytes = |id: Option<CommitId>| id.map(|it| it.as_bytes().to_vec());
    let (head, target) = (bytes(it.head), bytes(it.target));
    let commits = i64::try_from(it.commits_done).unwrap_or(i64::MAX);
    let files = i64::from(it.are_files_done);
    db::execute!(
        tx,
        SET_STATE,
        of.uuid(),
        it.form,
        head,
        target,
        &it.done_path,
        files,
        commits,
        now.0
    )
    .map(drop)
}

/// The commits that the documents of those repositories are of.
pub(super) async fn heads(
    tx: &mut Tx,
    of: &[Id<Repository>],
) -> Result<HashMap<Id<Repository>, CommitId>, Error> {
    let wanted = db::rows(of.iter().map(|it| it.uuid().simple().to_string()));
    let rows: Vec<(Uuid, Option<Vec<u8>>)> = db::fetch_all!(tx, HEADS, wanted)?;
    let known = rows.into_iter().filter_map(|(id, head)| Some((Id::from_uuid(id), head?)));
    known.map(|(id, head)| Ok((id, commit(&head)?))).collect()
}

/// Takes documents away by their names.
pub(super) async fn remove(
    tx: &mut Tx,
    of: Id<Repository>,
    kind: Kind,
    names: &[String],
) -> Result<(), Error> {
    db::execute!(tx, REMOVE, of.uuid(), kind.as_str(), db::rows(names)).map(drop)
}

/// Takes some documents of a repository away; says how many.
pub(super) async fn forget_some(tx: &mut Tx, of: Id<Repository>, limit: u32) -> Result<u64, Error> {
    db::execute!(tx, FORGET_SOME, of.uuid(), i64::from(limit))
}

pub(super) async fn forget_state(tx: &mut Tx, of: Id<Repository>) -> Result<(), Error> {
    db::execute!(tx, FORGET_STATE, of.uuid()).map(drop)
}

/// Adds documents, each with its packed text; none of their names is there.
pub(super) async fn add(
    tx: &mut Tx,
    of: Id<Repository>,
    documents: &[(Document, Option<Vec<u8>>)],
) -> Result<(), Error> {
    let rows = documents
        .iter()
        .map(|(it, _)| (it.kind.as_str(), &it.name, &it.language, it.size_bytes, it.happened_at));
    db::execute!(tx, ADD, of.uuid(), db::rows(rows))?;
    let texts = documents
        .iter()
        .filter_map(|(it, packed)| Some((it.kind.as_str(), &it.name, hex(packed.as_deref()?))));
    db::execute!(tx, ADD_TEXTS, of.uuid(), db::rows(texts))?;
    let joined =
        |terms: &BTreeSet<String>| terms.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let found = documents.iter().filter(|(it, _)| !it.terms.is_empty());
    let terms = found.map(|(it, _)| (it.kind.as_str(), &it.name, joined(&it.terms)));
    db::execute!(tx, ADD_TERMS, of.uuid(), db::rows(terms)).map(drop)
}

/// Bounds every statement of this transaction, where a database can.
pub(super) async fn within(tx: &mut Tx, millis: u64) -> Result<(), Error> {
    let set: Result<(String,), Error> = db::fetch_one!(tx, WITHIN, millis.max(1).to_string());
    set.map(drop)
}

/// Documents that fit, of what the reader may see, the newest first, from below `before` on.
pub(super) async fn matching(
    tx: &mut Tx,
    reader: Uuid,
    expression: &str,
    before: i64,
    limit: u32,
) -> Result<Vec<Row>, Error> {
    let limit = i64::from(limit);
    let rows: Vec<RawRow> = db::fetch_all!(tx, MATCHING, reader, expression, before, limit)?;
    rows.into_iter().map(row).collect()
}

/// Files whose path is like `pattern`, of what the reader may see: in those repositories, or in all where
/// none are named.
pub(super) async fn names(
    tx: &mut Tx,
    reader: Uuid,
    (before, from): (i64, i64),
    pattern: &str,
    within: Option<&[Id<Repository>]>,
) -> Result<Vec<Row>, Error> {
    let ids = within.unwrap_or_default().iter().map(|it| it.uuid().simple().to_string());
    let within = db::rows(ids);
    let rows: Vec<RawRow> = db::fetch_all!(tx, NAMES, reader, before, from, pattern, within)?;
    rows.into_iter().map(row).collect()
}

/// The highest number of a document.
pub(super) async fn newest(tx: &mut Tx) -> Result<i64, Error> {
    let (newest,): (i64,) = db::fetch_one!(tx, NEWEST)?;
    Ok(newest)
}

/// The packed texts of documents. The caller has found them for a reader.
pub(super) async fn texts(tx: &mut Tx, ids: &[i64]) -> Result<HashMap<i64, Vec<u8>>, Error> {
    let rows: Vec<(i64, Vec<u8>)> = db::fetch_all!(tx, TEXTS, db::rows(ids))?;
    Ok(rows.into_iter().collect())
}

/// What a name means to a reader: of an owner, or a name, or both; an empty one is any.
pub(super) async fn repositories_named(
    tx: &mut Tx,
    reader: Uuid,
    (owner, name): (&str, &str),
    limit: u32,
) -> Result<Vec<Id<Repository>>, Error> {
    let limit = i64::from(limit);
    let rows: Vec<(Uuid,)> = db::fetch_all!(tx, REPOSITORIES_NAMED, reader, owner, name, limit)?;
    Ok(rows.into_iter().map(|(id,)| Id::from_uuid(id)).collect())
}

/// The language that most of a repository is in; empty if none is known.
pub(super) async fn main_language(tx: &mut Tx, of: Id<Repository>) -> Result<String, Error> {
    let rows: Vec<(String, i64)> = db::fetch_all!(tx, LANGUAGES, of.uuid())?;
    let most = rows.into_iter().max_by_key(|(_, bytes)| *bytes);
    Ok(most.map(|(language, _)| language).unwrap_or_default())
}

/// What repositories that the reader may see are about, and how many of them, from behind `after` on.
pub(super) async fn topics(
    tx: &mut Tx,
    reader: Uuid,
    after: &str,
    limit: u32,
) -> Result<Vec<(String, u64)>, Error> {
    let rows: Vec<(String, i64)> = db::fetch_all!(tx, TOPICS, reader, after, i64::from(limit))?;
    Ok(rows.into_iter().map(|(topic, count)| (topic, count.unsigned_abs())).collect())
}

/// A repository with how far its documents have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) repository: Id<Repository>,
    pub(super) form: i64,
    /// Whether they are on their way.
    pub(super) is_half: bool,
}

/// Repositories in order, from behind one on.
pub(super) async fn states(
    tx: &mut Tx,
    after: Option<Id<Repository>>,
    limit: u32,
) -> Result<Vec<Standing>, Error> {
    let after = after.map_or(Uuid::nil(), Id::uuid);
    let rows: Vec<(Uuid, i64, i64)> = db::fetch_all!(tx, STATES, after, i64::from(limit))?;
    let one =
        |(id, form, half)| Standing { repository: Id::from_uuid(id), form, is_half: half == 1 };
    Ok(rows.into_iter().map(one).collect())
}

/// Lets documents be of a form that none is made in.
pub(super) async fn forget_forms(tx: &mut Tx, of: &[Id<Repository>]) -> Result<(), Error> {
    let of = db::rows(of.iter().map(|it| it.uuid().simple().to_string()));
    db::execute!(tx, FORGET_FORMS, of).map(drop)
}
