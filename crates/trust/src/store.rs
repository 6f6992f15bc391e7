//! The tables `principals`, `keys` and `resources`.

use db::{Error, Tx};
use keys::{Fingerprint, PublicKey};
use names::{Handle, Id, UnixMillis};
use uuid::Uuid;

use crate::{Key, Kind, Principal, Visibility};

db::statements! {
    PRINCIPAL_BY_HANDLE = "
        SELECT id, kind, handle, status, install_admin, created_at FROM principals WHERE handle = $1";
    KEY_OWNER = "
        SELECT k.id AS key_id, k.fingerprint, k.public_key, k.label, k.created_at AS key_created_at,
               p.id, p.kind, p.handle, p.status, p.install_admin, p.created_at
          FROM keys AS k JOIN principals AS p ON p.id = k.principal_id
         WHERE k.fingerprint = $1 AND k.revoked_at IS NULL";
    LIVE_KEYS = "
        SELECT id AS key_id, fingerprint, public_key, label, created_at AS key_created_at
          FROM keys WHERE principal_id = $1 AND revoked_at IS NULL ORDER BY created_at, id";
    ADD_PRINCIPAL = "
        INSERT INTO principals (id, kind, handle, tos_version, tos_accepted_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (handle) DO NOTHING";
    ADD_KEY = "
        INSERT INTO keys (id, principal_id, fingerprint, public_key, label, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (fingerprint) DO NOTHING";
    HOLD_NAMESPACE = {
        // The transaction holds SQLite's one write lock already.
        sqlite "SELECT 1 WHERE $1 IS NOT NULL",
        postgres "SELECT 1::bigint FROM principals WHERE id = $1 FOR NO KEY UPDATE"
    };
    ADD_RESOURCE = "
        INSERT INTO resources (id, kind, owner_id, owner_handle, visibility, state)
        SELECT $1, 'repository', id, handle, $3, $4 FROM principals WHERE id = $2";
    SET_RESOURCE = "
        UPDATE resources
           SET owner_id = $2, owner_handle = (SELECT handle FROM principals WHERE id = $2),
               visibility = $3, state = $4
         WHERE id = $1";
    REMOVE_RESOURCES = {
        sqlite "DELETE FROM resources WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))",
        postgres "
        DELETE FROM resources WHERE id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)"
    };
}

/// A row of `principals`, before it has been believed.
#[derive(sqlx::FromRow)]
pub(crate) struct PrincipalRow {
    id: Uuid,
    kind: String,
    handle: String,
    status: String,
    install_admin: i64,
    created_at: i64,
}

impl TryFrom<PrincipalRow> for Principal {
    type Error = Error;

    fn try_from(row: PrincipalRow) -> Result<Self, Error> {
        let kind = match row.kind.as_str() {
            "person" => Kind::Person,
            "agent" => Kind::Agent,
            "organization" => Kind::Organization,
            "operator" => Kind::Operator,
            other => return Err(Error::corrupt("principals.kind")(other)),
        };
        Ok(Self {
            id: Id::from_uuid(row.id),
            kind,
            handle: row.handle.parse().map_err(Error::corrupt("principals.handle"))?,
            is_active: row.status == "active",
            is_install_admin: row.install_admin == 1,
            created_at: UnixMillis(row.created_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    key_id: Uuid,
    fingerprint: String,
    public_key: Vec<u8>,
    label: String,
    key_created_at: i64,
}

impl TryFrom<KeyRow> for Key {
    type Error = Error;

    fn try_from(row: KeyRow) -> Result<Self, Error> {
        let bytes: [u8; 32] =
            row.public_key.as_slice().try_into().map_err(Error::corrupt("keys.public_key"))?;
        Ok(Self {
            id: Id::from_uuid(row.key_id),
            fingerprint: row.fingerprint.parse().map_err(Error::corrupt("keys.fingerprint"))?,
            public: PublicKey::from_bytes(&bytes).map_err(Error::corrupt("keys.public_key"))?,
            label: row.label,
            created_at: UnixMillis(row.key_created_at),
        })
    }
}

#[derive(sqlx::FromRow)]
struct KeyOwnerRow {
    #[sqlx(flatten)]
    key: KeyRow,
    #[sqlx(flatten)]
    principal: PrincipalRow,
}

/// The principal that has `handle`, in any state.
pub(crate) async fn principal_by_handle(
    tx: &mut Tx,
    handle: &Handle,
) -> Result<Option<Principal>, Error> {
    let row: Option<PrincipalRow> = db::fetch_optional!(tx, PRINCIPAL_BY_HANDLE, handle.as_str())?;
    row.map(Principal::try_from).transpose()
}

/// The live key of that name and whose it is.
pub(crate) async fn key_owner(
    tx: &mut Tx,
    name: Fingerprint,
) -> Result<Option<(Key, Principal)>, Error> {
    let row: Option<KeyOwnerRow> = db::fetch_optional!(tx, KEY_OWNER, name.to_string())?;
    row.map(|row| Ok((row.key.try_into()?, row.principal.try_into()?))).transpose()
}

/// The live keys of a principal, oldest first.
pub(crate) async fn live_keys(tx: &mut Tx, principal: Id<Principal>) -> Result<Vec<Key>, Error> {
    let rows: Vec<KeyRow> = db::fetch_all!(tx, LIVE_KEYS, principal.uuid())?;
    rows.into_iter().map(Key::try_from).collect()
}

/// Adds a principal; `false` if the handle is taken.
pub(crate) async fn add_principal(
    tx: &mut Tx,
    principal: &Principal,
    terms: Option<&str>,
) -> Result<bool, Error> {
    let added = db::execute!(
        tx,
        ADD_PRINCIPAL,
        principal.id.uuid(),
        principal.kind.as_str(),
        principal.handle.as_str(),
        terms,
        terms.map(|_| principal.created_at.0),
        principal.created_at.0,
    )?;
    Ok(added == 1)
}

/// Adds a key; `false` if its fingerprint is known, live or revoked.
pub(crate) async fn add_key(tx: &mut Tx, owner: Id<Principal>, key: &Key) -> Result<bool, Error> {
    let added = db::execute!(
        tx,
        ADD_KEY,
        key.id.uuid(),
        owner.uuid(),
        key.fingerprint.to_string(),
        &key.public.as_bytes()[..],
        &key.label,
        key.created_at.0,
    )?;
    Ok(added == 1)
}

/// Whether a thing can be had at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceState {
    /// Being made: only its maker's uploads know of it.
    Nascent,
    /// There.
    Live,
    /// There, and not to be changed.
    Archived,
    /// Gone for everybody.
    Deleted,
}

/// A row of `resources`: what the authority needs to know of a thing. Made from a row, or by the room that makes
/// the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceRow {
    /// The thing's own id.
    pub id: Uuid,
    /// Whose it is.
    pub owner: Id<Principal>,
    /// Who may see it.
    pub visibility: Visibility,
    /// Whether it is there.
    pub state: ResourceState,
}

impl ResourceRow {
    /// Believes the columns `owner_id, visibility, state` of a joined row.
    pub fn parse(id: Uuid, owner: Uuid, visibility: &str, state: &str) -> Result<Self, Error> {
        let visibility = match visibility {
            "public" => Visibility::Public,
            "private" => Visibility::Private,
            other => return Err(Error::corrupt("resources.visibility")(other)),
        };
        let state = match state {
            "nascent" => ResourceState::Nascent,
            "live" => ResourceState::Live,
            "archived" => ResourceState::Archived,
            "deleted" => ResourceState::Deleted,
            other => return Err(Error::corrupt("resources.state")(other)),
        };
        Ok(Self { id, owner: Id::from_uuid(owner), visibility, state })
    }
}

impl ResourceState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Nascent => "nascent",
            Self::Live => "live",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
        }
    }
}

pub(crate) async fn hold_namespace(tx: &mut Tx, id: Id<Principal>) -> Result<(), Error> {
    let _held: Option<(i64,)> = db::fetch_optional!(tx, HOLD_NAMESPACE, id.uuid())?;
    Ok(())
}

pub(crate) async fn add_resource(tx: &mut Tx, row: &ResourceRow) -> Result<(), Error> {
    let (visibility, state) = (row.visibility.as_str(), row.state.as_str());
    db::execute!(tx, ADD_RESOURCE, row.id, row.owner.uuid(), visibility, state).map(drop)
}

pub(crate) async fn set_resource(tx: &mut Tx, row: &ResourceRow) -> Result<(), Error> {
    let (visibility, state) = (row.visibility.as_str(), row.state.as_str());
    db::execute!(tx, SET_RESOURCE, row.id, row.owner.uuid(), visibility, state).map(drop)
}

pub(crate) async fn remove_resources(tx: &mut Tx, ids: &[Uuid]) -> Result<(), Error> {
    db::execute!(tx, REMOVE_RESOURCES, db::rows(ids)).map(drop)
}
