//! The tables `skills` and `skill_files`.

use std::{collections::BTreeMap, fmt::Write as _};

use db::{Error, Tx};
use names::{Digest, Handle, Id, UnixMillis};
use pipelines_core::skill;
use trust::Principal;
use uuid::Uuid;

use super::{Bundle, File, Skill};

macro_rules! skill {
    () => {
        "SELECT name, version, ordinal, sha256, description, public, created_at, deprecated_at FROM skills"
    };
}

/// Which version `s` a reference `r` of publisher `$2` stands for.
macro_rules! referred {
    () => {
        " JOIN principals AS p ON p.handle = r.value ->> 1
          JOIN skills AS s ON s.publisher_id = p.id AND s.name = r.value ->> 2
         WHERE s.deprecated_at IS NULL AND (s.public OR s.publisher_id = $2)
           AND (s.version = r.value ->> 3
                OR (r.value ->> 3 = 'latest' AND NOT EXISTS (
                    SELECT 1 FROM skills AS n
                     WHERE n.publisher_id = s.publisher_id AND n.name = s.name AND n.ordinal > s.ordinal
                       AND n.deprecated_at IS NULL AND (n.public OR n.publisher_id = $2))))"
    };
}

db::statements! {
    RESOLVE = {
        sqlite concat!("
        SELECT r.value ->> 0, p.handle, s.name, s.version, s.sha256 FROM json_each($1) AS r", referred!()),
        postgres concat!("
        SELECT r.value ->> 0, p.handle, s.name, s.version, s.sha256
          FROM jsonb_array_elements($1::jsonb) AS r (value)", referred!())
    };
    FIND = (concat!(skill!(), " WHERE publisher_id = $1 AND name = $2 AND version = $3"));
    LIST = (concat!(skill!(), "
         WHERE publisher_id = $1 AND (name > $2 OR (name = $2 AND ordinal < $3))
         ORDER BY name, ordinal DESC LIMIT $4"));
    COUNT = "SELECT count(*) FROM skills WHERE publisher_id = $1";
    ADD = "
        INSERT INTO skills
            (publisher_id, name, version, ordinal, sha256, description, public, created_by, created_at)
        VALUES ($1, $2, $3,
                (SELECT coalesce(max(ordinal), 0) + 1 FROM skills WHERE publisher_id = $1 AND name = $2),
                $4, $5, $6, $7, $8)";
    ADD_FILES = {
        sqlite "
        INSERT INTO skill_files (publisher_id, name, version, path, size, sha256, content)
        SELECT $1, $2, $3, value ->> 0, value ->> 1, unhex(value ->> 2), unhex(value ->> 3) FROM json_each($4)",
        postgres "
        INSERT INTO skill_files (publisher_id, name, version, path, size, sha256, content)
        SELECT $1, $2, $3, value ->> 0, (value ->> 1)::bigint, decode(value ->> 2, 'hex'), decode(value ->> 3, 'hex')
          FROM jsonb_array_elements($4::jsonb) AS value"
    };
    SET_PUBLIC = "UPDATE skills SET public = $4 WHERE publisher_id = $1 AND name = $2 AND version = $3";
    DEPRECATE = "UPDATE skills SET deprecated_at = $4 WHERE publisher_id = $1 AND name = $2 AND version = $3";
    FILES = "
        SELECT path, size, sha256 FROM skill_files
         WHERE publisher_id = $1 AND name = $2 AND version = $3 ORDER BY path";
    PUBLISHED = "
        SELECT s.publisher_id FROM skills AS s JOIN principals AS p ON p.id = s.publisher_id
         WHERE p.handle = $1 AND s.name = $2 AND s.version = $3";
    CONTENT = "
        SELECT content FROM skill_files
         WHERE publisher_id = $1 AND name = $2 AND version = $3 AND path = $4";
}

fn sha256(bytes: &[u8]) -> Result<Digest, Error> {
    bytes.try_into().map_err(Error::corrupt("skills.sha256"))
}

/// What references stand for, by how they are written: each with the publisher, the name and the version that it names.
pub(crate) async fn resolve<'r>(
    tx: &mut Tx,
    by: Id<Principal>,
    references: impl Iterator<Item = (&'r str, Handle, &'r str, &'r str)>,
) -> Result<BTreeMap<String, String>, Error> {
    let asked = references
        .map(|(text, publisher, name, version)| (text, publisher.to_string(), name, version));
    let asked = db::rows(asked);
    let rows: Vec<(String, String, String, String, Vec<u8>)> =
        db::fetch_all!(tx, RESOLVE, &asked, by.uuid())?;
    let read = |(text, publisher, name, version, hash): (_, String, String, String, Vec<u8>)| {
        Ok((text, skill::resolved(&publisher, &name, &version, sha256(&hash)?)))
    };
    rows.into_iter().map(read).collect()
}

#[derive(sqlx::FromRow)]
struct Row {
    name: String,
    version: String,
    ordinal: i64,
    sha256: Vec<u8>,
    description: String,
    public: bool,
    created_at: i64,
    deprecated_at: Option<i64>,
}

impl TryFrom<Row> for Skill {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            name: row.name,
            version: row.version,
            ordinal: row.ordinal.try_into().map_err(Error::corrupt("skills.ordinal"))?,
            sha256: sha256(&row.sha256)?,
            description: row.description,
            is_public: row.public,
            created_at: UnixMillis(row.created_at),
            deprecated_at: row.deprecated_at.map(UnixMillis),
        })
    }
}

pub(super) async fn find(
    tx: &mut Tx,
    publisher: Id<Principal>,
    name: &str,
    version: &str,
) -> Result<Option<Skill>, Error> {
    let row: Option<Row> = db::fetch_optional!(tx, FIND, publisher.uuid(), name, version)?;
    row.map(TryInto::try_into).transpose()
}

/// By name, the newest version of each first, after one.
pub(super) async fn list(
    tx: &mut Tx,
    publisher: Id<Principal>,
    after: Option<(&str, u32)>,
    limit: u32,
) -> Result<Vec<Skill>, Error> {
    let (name, ordinal) = after.unwrap_or_default();
    let (ordinal, limit) = (i64::from(ordinal), i64::from(limit));
    let rows: Vec<Row> = db::fetch_all!(tx, LIST, publisher.uuid(), name, ordinal, limit)?;
    rows.into_iter().map(TryInto::try_into).collect()
}

pub(super) async fn count(tx: &mut Tx, publisher: Id<Principal>) -> Result<u32, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT, publisher.uuid())?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

pub(super) async fn add(
    tx: &mut Tx,
    publisher: Id<Principal>,
    bundle: &Bundle,
    (by, now): (Id<Principal>, UnixMillis),
) -> Result<(), Error> {
    let id = publisher.uuid();
    let (name, version) = (bundle.name.as_str(), bundle.version.as_str());
    let (hash, description) = (&bundle.sha256.as_bytes()[..], bundle.description.as_str());
    let is_public = bundle.is_public;
    db::execute!(tx, ADD, id, name, version, hash, description, is_public, by.uuid(), now.0)?;
    let row = |(path, content): (&String, &Vec<u8>)| {
        (path.clone(), content.len(), Digest::of(content).to_string(), hex(content))
    };
    let rows = db::rows(bundle.files.iter().map(row));
    db::execute!(tx, ADD_FILES, id, name, version, &rows).map(drop)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // A text takes whatever is written to it.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Says who may name it.
pub(super) async fn set_public(
    tx: &mut Tx,
    publisher: Id<Principal>,
    (name, version): (&str, &str),
    is_public: bool,
) -> Result<(), Error> {
    db::execute!(tx, SET_PUBLIC, publisher.uuid(), name, version, is_public).map(drop)
}

pub(super) async fn deprecate(
    tx: &mut Tx,
    publisher: Id<Principal>,
    (name, version): (&str, &str),
    now: UnixMillis,
) -> Result<(), Error> {
    db::execute!(tx, DEPRECATE, publisher.uuid(), name, version, now.0).map(drop)
}

/// What is in it, by path.
pub(super) async fn files(
    tx: &mut Tx,
    publisher: Id<Principal>,
    (name, version): (&str, &str),
) -> Result<Vec<File>, Error> {
    let rows: Vec<(String, i64, Vec<u8>)> =
        db::fetch_all!(tx, FILES, publisher.uuid(), name, version)?;
    let read = |(path, size, hash): (String, i64, Vec<u8>)| {
        let size = size.try_into().map_err(Error::corrupt("skill_files.size"))?;
        Ok(File { path, size, sha256: sha256(&hash)? })
    };
    rows.into_iter().map(read).collect()
}

/// The bytes of a file.
pub(super) async fn content(
    tx: &mut Tx,
    publisher: Id<Principal>,
    (name, version): (&str, &str),
    path: &str,
) -> Result<Option<Vec<u8>>, Error> {
    let row: Option<(Vec<u8>,)> =
        db::fetch_optional!(tx, CONTENT, publisher.uuid(), name, version, path)?;
    Ok(row.map(|(bytes,)| bytes))
}

/// Who published a version, by the name that a definition calls it.
pub(super) async fn published(
    tx: &mut Tx,
    publisher: &Handle,
    (name, version): (&str, &str),
) -> Result<Option<Id<Principal>>, Error> {
    let row: Option<(Uuid,)> =
        db::fetch_optional!(tx, PUBLISHED, publisher.as_str(), name, version)?;
    Ok(row.map(|(id,)| Id::from_uuid(id)))
}
