//! The table `passkeys`, and the rows of `one_time_codes` that are challenges.

use db::{Error, Tx};
use names::{Id, UnixMillis};
use uuid::Uuid;

use super::{Known, Passkey, PasskeyChallenge, algorithm_name, ceremony::Created, cose::Algorithm};
use crate::{Principal, store::PrincipalRow};

db::statements! {
    COUNT_CHALLENGES = "SELECT count(*) FROM one_time_codes WHERE purpose = 'passkey'";
    ADD_CHALLENGE = "
        INSERT INTO one_time_codes (id, purpose, code_hash, principal_id, expires_at)
        VALUES ($1, 'passkey', $2, $3, $4)";
    TAKE_CHALLENGE = "
        DELETE FROM one_time_codes WHERE code_hash = $1 AND purpose = 'passkey' RETURNING principal_id, expires_at";
    LIST = "
        SELECT id, label, alg, created_at, last_used_at FROM passkeys WHERE principal_id = $1 ORDER BY created_at, id";
    NAMES = "SELECT credential_id FROM passkeys WHERE principal_id = $1 ORDER BY created_at, id";
    ADD = "
        INSERT INTO passkeys (id, principal_id, credential_id, public_key, alg, sign_count, label, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (credential_id) DO NOTHING";
    REMOVE = "DELETE FROM passkeys WHERE principal_id = $1 AND id = $2";
    FIND = "
        SELECT k.id AS passkey_id, k.public_key, k.sign_count,
               p.id, p.kind, p.handle, p.status, p.install_admin, p.created_at
          FROM passkeys AS k JOIN principals AS p ON p.id = k.principal_id
         WHERE k.credential_id = $1";
    NOTE_USE = "
        UPDATE passkeys SET sign_count = $3, last_used_at = $4 WHERE id = $1 AND sign_count = $2";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    label: String,
    alg: i64,
    created_at: i64,
    last_used_at: Option<i64>,
}

impl TryFrom<Row> for Passkey {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let algorithm = Algorithm::ALL.into_iter().find(|it| it.number() == row.alg);
        let algorithm = algorithm.ok_or("unknown").map_err(Error::corrupt("passkeys.alg"))?;
        Ok(Self {
            id: Id::from_uuid(row.id),
            label: row.label,
            algorithm: algorithm_name(algorithm),
            created_at: UnixMillis(row.created_at),
            last_used_at: row.last_used_at.map(UnixMillis),
        })
    }
}

#[derive(sqlx::FromRow)]
struct KnownRow {
    passkey_id: Uuid,
    public_key: Vec<u8>,
    sign_count: i64,
    #[sqlx(flatten)]
    principal: PrincipalRow,
}

impl TryFrom<KnownRow> for Known {
    type Error = Error;

    fn try_from(row: KnownRow) -> Result<Self, Error> {
        let sign_count = row.sign_count.try_into();
        Ok(Self {
            id: Id::from_uuid(row.passkey_id),
            person: row.principal.try_into()?,
            public_key: row.public_key,
            sign_count: sign_count.map_err(Error::corrupt("passkeys.sign_count"))?,
        })
    }
}

pub(super) async fn count_challenges(tx: &mut Tx) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_CHALLENGES)?;
    Ok(count)
}

/// Adds a challenge: for a person who adds a passkey, or for nobody who is known.
pub(super) async fn add_challenge(
    tx: &mut Tx,
    id: Id<PasskeyChallenge>,
    hash: &[u8; 32],
    person: Option<Id<Principal>>,
    expires_at: UnixMillis,
) -> Result<(), Error> {
    let person = person.map(Id::uuid);
    db::execute!(tx, ADD_CHALLENGE, id.uuid(), &hash[..], person, expires_at.0).map(drop)
}

/// Uses a challenge up: for whom it was, and until when.
pub(super) async fn take_challenge(
    tx: &mut Tx,
    hash: &[u8; 32],
) -> Result<Option<(Option<Id<Principal>>, UnixMillis)>, Error> {
    let row: Option<(Option<Uuid>, i64)> = db::fetch_optional!(tx, TAKE_CHALLENGE, &hash[..])?;
    Ok(row.map(|(person, at)| (person.map(Id::from_uuid), UnixMillis(at))))
}

/// The passkeys of a person, oldest first; at most ten.
pub(super) async fn list(tx: &mut Tx, person: Id<Principal>) -> Result<Vec<Passkey>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, LIST, person.uuid())?;
    rows.into_iter().map(Passkey::try_from).collect()
}

/// What authenticators call the passkeys of a person.
pub(super) async fn names(tx: &mut Tx, person: Id<Principal>) -> Result<Vec<Vec<u8>>, Error> {
    let rows: Vec<(Vec<u8>,)> = db::fetch_all!(tx, NAMES, person.uuid())?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

/// Adds a passkey; `false` if somebody has it already.
pub(super) async fn add(
    tx: &mut Tx,
    person: Id<Principal>,
    passkey: &Passkey,
    made: &Created,
) -> Result<bool, Error> {
    let added = db::execute!(
        tx,
        ADD,
        passkey.id.uuid(),
        person.uuid(),
        &made.credential_id[..],
        &made.public_key[..],
        made.algorithm.number(),
        i64::from(made.sign_count),
        &passkey.label,
        passkey.created_at.0,
    )?;
    Ok(added == 1)
}

pub(super) async fn remove(
    tx: &mut Tx,
    person: Id<Principal>,
    id: Id<Passkey>,
) -> Result<(), Error> {
    db::execute!(tx, REMOVE, person.uuid(), id.uuid()).map(drop)
}

/// The passkey of that name, and whose it is.
pub(super) async fn find(tx: &mut Tx, credential_id: &[u8]) -> Result<Option<Known>, Error> {
    let row: Option<KnownRow> = db::fetch_optional!(tx, FIND, credential_id)?;
    row.map(Known::try_from).transpose()
}

/// Notes that a passkey signed; `false` if it has counted on since it was read.
pub(super) async fn note_use(
    tx: &mut Tx,
    known: &Known,
    sign_count: u32,
    now: UnixMillis,
) -> Result<bool, Error> {
    let (before, after) = (i64::from(known.sign_count), i64::from(sign_count));
    let noted = db::execute!(tx, NOTE_USE, known.id.uuid(), before, after, now.0)?;
    Ok(noted == 1)
}
