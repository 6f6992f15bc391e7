//! The tables `principals`, `keys` and `resources`.

use db::{Error, Tx};
use keys::{Fingerprint, PublicKey};
use names::{Handle, Id, UnixMillis};
use uuid::Uuid;

use crate::{
    Account, Actor, Key, Kind, Level, Principal, Visibility,
    authority::{self, Granted, Readers, Role},
    principal::Behind,
};

/// The columns of [`PrincipalRow`] and [`BehindRow`].
macro_rules! who {
    () => {
        "p.id, p.kind, p.handle, p.status, p.install_admin, p.created_at, a.owner_id AS agent_owner, \
         a.scope AS agent_scope, a.disabled_at AS agent_disabled, o.status AS agent_owner_status"
    };
}

/// What is behind a principal `p`, if it is an agent.
macro_rules! behind {
    () => {
        "LEFT JOIN agents AS a ON a.principal_id = p.id LEFT JOIN principals AS o ON o.id = a.owner_id"
    };
}
pub(crate) use {behind, who};

db::statements! {
    // With whose eyes somebody reads: an agent with those of its owner.
    READER = "
        SELECT coalesce(a.owner_id, p.id) FROM principals AS p LEFT JOIN agents AS a ON a.principal_id = p.id
          LEFT JOIN principals AS o ON o.id = a.owner_id
         WHERE p.id = $1 AND p.status = 'active' AND a.disabled_at IS NULL AND (o.id IS NULL OR o.status = 'active')";
    MAY_HEAR = (concat!("
        SELECT count(*) FROM resources AS s
         WHERE s.id = $2
           AND (", crate::visible!(), "
             OR (s.state = 'deleted' AND (s.owner_id = $1
                  OR EXISTS (SELECT 1 FROM org_members AS m
                              WHERE m.org_id = s.owner_id AND m.principal_id = $1 AND m.role = 'owner'))))"));
    MAY_READ = (concat!("SELECT count(*) FROM resources AS s WHERE s.id = $2 AND ", crate::visible!()));
    PRINCIPAL_BY_HANDLE = "
        SELECT id, kind, handle, status, install_admin, created_at FROM principals WHERE handle = $1";
    KEY_OWNER = (concat!("
        SELECT k.id AS key_id, k.fingerprint, k.public_key, k.label, k.created_at AS key_created_at,
               k.last_used_at, k.revoked_at, k.revoke_reason, ", who!(), "
          FROM keys AS k JOIN principals AS p ON p.id = k.principal_id ", behind!(), "
         WHERE k.fingerprint = $1 AND k.revoked_at IS NULL"));
    KEYS = "
        SELECT id AS key_id, fingerprint, public_key, label, created_at AS key_created_at, last_used_at, revoked_at,
               revoke_reason
          FROM keys WHERE principal_id = $1 ORDER BY created_at, id";
    PRINCIPAL_BY_ID = (concat!("
        SELECT ", who!(), " FROM principals AS p ", behind!(), " WHERE p.id = $1"));
    SPACE = "
        SELECT p.id, p.kind, p.handle, p.status, p.install_admin, p.created_at, a.owner_id AS agent_owner,
               (SELECT m.role FROM org_members AS m WHERE m.org_id = p.id AND m.principal_id = $2) AS own_role,
               (SELECT m.role FROM org_members AS m WHERE m.org_id = p.id AND m.principal_id = $3) AS behind_role,
               (SELECT m.role FROM org_members AS m WHERE m.org_id = a.owner_id AND m.principal_id = $2) AS owner_role
          FROM principals AS p LEFT JOIN agents AS a ON a.principal_id = p.id WHERE p.handle = $1";
    // Of two first boots the second meets the handle or the one row of an operator, whichever it comes to first.
    ADD_PRINCIPAL = "
        INSERT INTO principals (id, kind, handle, tos_version, tos_accepted_at, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT DO NOTHING";
    ADD_KEY = "
        INSERT INTO keys (id, principal_id, fingerprint, public_key, label, created_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (fingerprint) DO NOTHING";
    HOLD_NAMESPACE = {
        // The transaction holds SQLite's one write lock already.
        sqlite "SELECT 1 WHERE $1 IS NOT NULL",
        postgres "SELECT 1::bigint FROM principals WHERE id = $1 FOR NO KEY UPDATE"
    };
    WAYS_IN = {
        sqlite "
        SELECT (SELECT count(*) FROM keys WHERE principal_id = $1 AND revoked_at IS NULL)
             + (SELECT count(*) FROM passkeys WHERE principal_id = $1)
             + (SELECT count(*) FROM external_identities
                 WHERE principal_id = $1 AND provider IN (SELECT value FROM json_each($2)))",
        postgres "
        SELECT (SELECT count(*) FROM keys WHERE principal_id = $1 AND revoked_at IS NULL)
             + (SELECT count(*) FROM passkeys WHERE principal_id = $1)
             + (SELECT count(*) FROM external_identities
                 WHERE principal_id = $1 AND provider IN (SELECT jsonb_array_elements_text($2::jsonb)))"
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
        Ok(Self {
            id: Id::from_uuid(row.id),
            kind: kind(&row.kind)?,
            handle: row.handle.parse().map_err(Error::corrupt("principals.handle"))?,
            is_active: row.status == "active",
            is_install_admin: row.install_admin == 1,
            created_at: UnixMillis(row.created_at),
        })
    }
}

pub(crate) fn kind(text: &str) -> Result<Kind, Error> {
    match text {
        "person" => Ok(Kind::Person),
        "agent" => Ok(Kind::Agent),
        "organization" => Ok(Kind::Organization),
        "operator" => Ok(Kind::Operator),
        other => Err(Error::corrupt("principals.kind")(other)),
    }
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    key_id: Uuid,
    fingerprint: String,
    public_key: Vec<u8>,
    label: String,
    key_created_at: i64,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
    revoke_reason: Option<String>,
}

impl TryFrom<KeyRow> for Key {
    type Error = Error;

    fn try_from(row: KeyRow) -> Result<Self, Error> {
        let bytes: [u8; 32] =
            row.public_key.as_slice().try_into().map_err(Error::corrupt("keys.public_key"))?;
        let reason = row.revoke_reason.as_deref().map(str::parse).transpose();
        let reason = reason.map_err(Error::corrupt("keys.revoke_reason"))?;
        Ok(Self {
            id: Id::from_uuid(row.key_id),
            fingerprint: row.fingerprint.parse().map_err(Error::corrupt("keys.fingerprint"))?,
            public: PublicKey::from_bytes(&bytes).map_err(Error::corrupt("keys.public_key"))?,
            label: row.label,
            created_at: UnixMillis(row.key_created_at),
            last_used_at: row.last_used_at.map(UnixMillis),
            revoked: row.revoked_at.map(UnixMillis).zip(reason),
        })
    }
}

/// What is behind an agent, before it has been believed; nothing for everybody else.
#[derive(sqlx::FromRow)]
#[expect(clippy::struct_field_names, reason = "the columns stand beside those of the principal")]
struct BehindRow {
    agent_owner: Option<Uuid>,
    agent_scope: Option<String>,
    agent_disabled: Option<i64>,
    agent_owner_status: Option<String>,
}

/// A principal as whoever acts: with what is behind it.
#[derive(sqlx::FromRow)]
pub(crate) struct WhoRow {
    #[sqlx(flatten)]
    principal: PrincipalRow,
    #[sqlx(flatten)]
    behind: BehindRow,
}

/// Somebody who may act, and whose agent it is.
#[derive(Debug)]
pub(crate) struct Who {
    /// Active only if whoever is behind it is, too.
    pub(crate) principal: Principal,
    pub(crate) behind: Option<Behind>,
}

impl TryFrom<WhoRow> for Who {
    type Error = Error;

    fn try_from(row: WhoRow) -> Result<Self, Error> {
        let mut principal = Principal::try_from(row.principal)?;
        let BehindRow { agent_owner, agent_scope, agent_disabled, agent_owner_status } = row.behind;
        let Some((owner, scope)) = agent_owner.zip(agent_scope) else {
            // An agent of nobody acts for nobody.
            principal.is_active &= principal.kind != Kind::Agent;
            return Ok(Self { principal, behind: None });
        };
        let is_owner_active = agent_owner_status.as_deref() == Some("active");
        principal.is_active &= agent_disabled.is_none() && is_owner_active;
        let scope = serde_json::from_str(&scope).map_err(Error::corrupt("agents.scope"))?;
        Ok(Self { principal, behind: Some(Behind { owner: Id::from_uuid(owner), scope }) })
    }
}

#[derive(sqlx::FromRow)]
struct KeyOwnerRow {
    #[sqlx(flatten)]
    key: KeyRow,
    #[sqlx(flatten)]
    who: WhoRow,
}

#[derive(sqlx::FromRow)]
struct SpaceRow {
    #[sqlx(flatten)]
    principal: PrincipalRow,
    agent_owner: Option<Uuid>,
    own_role: Option<String>,
    behind_role: Option<String>,
    owner_role: Option<String>,
}

/// A principal by its handle, and how whoever asks stands to it.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) principal: Principal,
    /// The owner of an agent.
    pub(crate) owner: Option<Id<Principal>>,
    /// The role of whoever asks in an organization, and that of the owner of the agent that asks.
    pub(crate) role: Option<Role>,
    pub(crate) behind_role: Option<Role>,
    /// The role of whoever asks in the organization whose agent this is.
    pub(crate) owner_role: Option<Role>,
}

impl Space {
    /// Whether whoever asks may make things in the name of an organization.
    pub(crate) fn takes_new_things(&self) -> bool {
        self.role.is_some_and(|role| role >= Role::Member)
    }

    /// Whether `me` runs this agent: as its owner, or as an admin of the organization that owns it.
    pub(crate) fn is_run_by(&self, me: &Principal) -> bool {
        let is_own = self.owner == Some(me.id) && me.kind == Kind::Person;
        is_own || self.owner_role.is_some_and(|role| role >= Role::Admin)
    }

    /// The account, as `actor` stands to it.
    pub(crate) fn account(self, actor: &Actor) -> Account {
        let me = actor.principal();
        let is_own = me.is_some_and(|me| me.id == self.principal.id || self.is_run_by(me));
        let own = match self.role {
            _ if is_own => Level::Owner,
            Some(role) => role.rank(),
            None => Level::None,
        };
        let behind = self.behind_role.map_or(Level::None, Role::rank);
        Account { principal: self.principal, owner: self.owner, granted: Granted { own, behind } }
    }
}

impl TryFrom<SpaceRow> for Space {
    type Error = Error;

    fn try_from(row: SpaceRow) -> Result<Self, Error> {
        let its_role = |text: Option<String>| text.as_deref().map(authority::role).transpose();
        Ok(Self {
            principal: row.principal.try_into()?,
            owner: row.agent_owner.map(Id::from_uuid),
            role: its_role(row.own_role)?,
            behind_role: its_role(row.behind_role)?,
            owner_role: its_role(row.owner_role)?,
        })
    }
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
pub(crate) async fn key_owner(tx: &mut Tx, name: Fingerprint) -> Result<Option<(Key, Who)>, Error> {
    let row: Option<KeyOwnerRow> = db::fetch_optional!(tx, KEY_OWNER, name.to_string())?;
    row.map(|row| Ok((row.key.try_into()?, row.who.try_into()?))).transpose()
}

/// A principal by its id, as whoever acts.
pub(crate) async fn actor(tx: &mut Tx, id: Id<Principal>) -> Result<Option<Who>, Error> {
    let row: Option<WhoRow> = db::fetch_optional!(tx, PRINCIPAL_BY_ID, id.uuid())?;
    row.map(Who::try_from).transpose()
}

/// The principal that has `handle`, in any state, as `readers` stand to it.
pub(crate) async fn space(
    tx: &mut Tx,
    handle: &Handle,
    readers: Readers,
) -> Result<Option<Space>, Error> {
    let (own, behind) = (readers.own, readers.behind);
    let row: Option<SpaceRow> = db::fetch_optional!(tx, SPACE, handle.as_str(), own, behind)?;
    row.map(Space::try_from).transpose()
}

/// The keys of a principal, oldest first, ended ones too.
pub(crate) async fn keys(tx: &mut Tx, principal: Id<Principal>) -> Result<Vec<Key>, Error> {
    let rows: Vec<KeyRow> = db::fetch_all!(tx, KEYS, principal.uuid())?;
    rows.into_iter().map(Key::try_from).collect()
}

/// The live keys of a principal, oldest first.
pub(crate) async fn live_keys(tx: &mut Tx, principal: Id<Principal>) -> Result<Vec<Key>, Error> {
    Ok(keys(tx, principal).await?.into_iter().filter(|it| it.revoked.is_none()).collect())
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

/// What [`crate::granted!`] selects, before it has been believed.
#[derive(Debug, sqlx::FromRow)]
pub struct GrantedRow {
    own_role: Option<String>,
    own_level: Option<String>,
    behind_role: Option<String>,
    behind_level: Option<String>,
    base_level: Option<String>,
}

impl TryFrom<GrantedRow> for Granted {
    type Error = Error;

    fn try_from(row: GrantedRow) -> Result<Self, Error> {
        let base = row.base_level.as_deref().map_or(Ok(Level::None), authority::level)?;
        let highest = |its_role: Option<&str>, its_level: Option<&str>| {
            let by_role =
                its_role.map(|it| authority::role(it).map(|role| role.level(base))).transpose()?;
            let by_level = its_level.map(authority::level).transpose()?;
            Ok::<_, Error>(by_role.into_iter().chain(by_level).max().unwrap_or(Level::None))
        };
        Ok(Self {
            own: highest(row.own_role.as_deref(), row.own_level.as_deref())?,
            behind: highest(row.behind_role.as_deref(), row.behind_level.as_deref())?,
        })
    }
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
    /// Gone for as long as its owner may not read what it was made from. No row says so: it follows from others.
    Suspended,
}

/// Whether somebody who acts here may read a thing.
pub(crate) async fn may_read(
    tx: &mut Tx,
    somebody: Id<Principal>,
    resource: Uuid,
) -> Result<bool, Error> {
    let reader: Option<(Uuid,)> = db::fetch_optional!(tx, READER, somebody.uuid())?;
    let Some((reader,)) = reader else { return Ok(false) };
    let (count,): (i64,) = db::fetch_one!(tx, MAY_READ, reader, resource)?;
    Ok(count > 0)
}

/// Whether they may read it, or could bring it back.
pub(crate) async fn may_hear(
    tx: &mut Tx,
    somebody: Id<Principal>,
    resource: Uuid,
) -> Result<bool, Error> {
    let reader: Option<(Uuid,)> = db::fetch_optional!(tx, READER, somebody.uuid())?;
    let Some((reader,)) = reader else { return Ok(false) };
    let (count,): (i64,) = db::fetch_one!(tx, MAY_HEAR, reader, resource)?;
    Ok(count > 0)
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
    /// What whoever asked for the row was granted on it.
    pub granted: Granted,
}

impl ResourceRow {
    /// Believes the columns `owner_id, visibility, state` of a joined row, and those of [`crate::granted!`].
    pub fn parse(
        id: Uuid,
        owner: Uuid,
        visibility: &str,
        state: &str,
        granted: GrantedRow,
    ) -> Result<Self, Error> {
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
            "suspended" => ResourceState::Suspended,
            other => return Err(Error::corrupt("resources.state")(other)),
        };
        Ok(Self {
            id,
            owner: Id::from_uuid(owner),
            visibility,
            state,
            granted: granted.try_into()?,
        })
    }
}

impl ResourceState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Nascent => "nascent",
            Self::Live => "live",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
            Self::Suspended => "suspended",
        }
    }
}

pub(crate) async fn hold_namespace(tx: &mut Tx, id: Id<Principal>) -> Result<(), Error> {
    let _held: Option<(i64,)> = db::fetch_optional!(tx, HOLD_NAMESPACE, id.uuid())?;
    Ok(())
}

/// In how many ways a person can get in: live keys, passkeys, and accounts with `providers`.
pub(crate) async fn ways_in(
    tx: &mut Tx,
    person: Id<Principal>,
    providers: &[&str],
) -> Result<i64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, WAYS_IN, person.uuid(), db::rows(providers))?;
    Ok(count)
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
