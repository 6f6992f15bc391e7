//! The tables `organizations` and `org_members`.

use db::{Error, Tx};
use names::{Handle, Id, UnixMillis};

use super::Membership;
use crate::{
    Kind, Level, Principal,
    authority::{self, Role},
    store::kind,
};

/// Owners but one who have a way in; the list of providers whose accounts are one comes last.
macro_rules! owners_but {
    () => {
        "SELECT count(*) FROM org_members AS m JOIN principals AS p ON p.id = m.principal_id
          WHERE m.org_id = $1 AND m.role = 'owner' AND m.principal_id <> $2 AND p.status = 'active'
            AND (EXISTS (SELECT 1 FROM keys AS k WHERE k.principal_id = p.id AND k.revoked_at IS NULL)
              OR EXISTS (SELECT 1 FROM passkeys AS k WHERE k.principal_id = p.id)
              OR EXISTS (SELECT 1 FROM external_identities AS e WHERE e.principal_id = p.id AND e.provider"
    };
}

db::statements! {
    ADD = "INSERT INTO organizations (principal_id) VALUES ($1)";
    NAME = "UPDATE principals SET display_name = $2 WHERE id = $1";
    SET_BASE_LEVEL = "UPDATE organizations SET base_level = $2 WHERE principal_id = $1";
    ADD_MEMBER = "
        INSERT INTO org_members (org_id, principal_id, role, invited_by, created_at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (org_id, principal_id) DO UPDATE SET role = excluded.role";
    SET_ROLE = "UPDATE org_members SET role = $3 WHERE org_id = $1 AND principal_id = $2";
    REMOVE_MEMBER = "DELETE FROM org_members WHERE org_id = $1 AND principal_id = $2";
    ROLE = "SELECT role FROM org_members WHERE org_id = $1 AND principal_id = $2";
    COUNT_OWNED = "SELECT count(*) FROM org_members WHERE principal_id = $1 AND role = 'owner'";
    COUNT_OWNERS_BUT = {
        sqlite (concat!(owners_but!(), " IN (SELECT value FROM json_each($3))))")),
        postgres (concat!(owners_but!(), " IN (SELECT jsonb_array_elements_text($3::jsonb))))"))
    };
    MEMBERS = "
        SELECT p.handle, p.kind, m.role, m.created_at
          FROM org_members AS m JOIN principals AS p ON p.id = m.principal_id
         WHERE m.org_id = $1 AND p.handle > $2 AND p.status <> 'deleted' ORDER BY p.handle LIMIT $3";
    MEMBERSHIPS = "
        SELECT p.handle, p.kind, m.role, m.created_at
          FROM org_members AS m JOIN principals AS p ON p.id = m.org_id
         WHERE m.principal_id = $1 AND p.status = 'active' ORDER BY p.handle LIMIT 1000";
}

#[derive(sqlx::FromRow)]
struct Row {
    handle: String,
    kind: String,
    role: String,
    created_at: i64,
}

struct Seen {
    handle: Handle,
    kind: Kind,
    role: Role,
    created_at: UnixMillis,
}

impl TryFrom<Row> for Seen {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            handle: row.handle.parse().map_err(Error::corrupt("principals.handle"))?,
            kind: kind(&row.kind)?,
            role: authority::role(&row.role)?,
            created_at: UnixMillis(row.created_at),
        })
    }
}

pub(crate) async fn add(tx: &mut Tx, id: Id<Principal>, display_name: &str) -> Result<(), Error> {
    db::execute!(tx, ADD, id.uuid())?;
    db::execute!(tx, NAME, id.uuid(), display_name).map(drop)
}

pub(super) async fn set_base_level(
    tx: &mut Tx,
    id: Id<Principal>,
    level: Level,
) -> Result<(), Error> {
    db::execute!(tx, SET_BASE_LEVEL, id.uuid(), level.as_str()).map(drop)
}

/// Adds a member, or gives one another role.
pub(super) async fn add_member(
    tx: &mut Tx,
    (organization, member, role): (Id<Principal>, Id<Principal>, Role),
    invited_by: Option<Id<Principal>>,
    now: UnixMillis,
) -> Result<(), Error> {
    let (organization, member, by) = (organization.uuid(), member.uuid(), invited_by.map(Id::uuid));
    db::execute!(tx, ADD_MEMBER, organization, member, role.as_str(), by, now.0).map(drop)
}

pub(super) async fn set_role(
    tx: &mut Tx,
    organization: Id<Principal>,
    member: Id<Principal>,
    role: Role,
) -> Result<(), Error> {
    db::execute!(tx, SET_ROLE, organization.uuid(), member.uuid(), role.as_str()).map(drop)
}

pub(super) async fn remove_member(
    tx: &mut Tx,
    organization: Id<Principal>,
    member: Id<Principal>,
) -> Result<(), Error> {
    db::execute!(tx, REMOVE_MEMBER, organization.uuid(), member.uuid()).map(drop)
}

pub(super) async fn role(
    tx: &mut Tx,
    organization: Id<Principal>,
    member: Id<Principal>,
) -> Result<Option<Role>, Error> {
    let row: Option<(String,)> = db::fetch_optional!(tx, ROLE, organization.uuid(), member.uuid())?;
    row.map(|(role,)| authority::role(&role)).transpose()
}

/// How many organizations somebody owns.
pub(super) async fn count_owned(tx: &mut Tx, owner: Id<Principal>) -> Result<u64, Error> {
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_OWNED, owner.uuid())?;
    u64::try_from(count).map_err(Error::corrupt("count(*)"))
}

/// How many other owners have a way in.
pub(crate) async fn count_owners_but(
    tx: &mut Tx,
    organization: Id<Principal>,
    leaving: Id<Principal>,
    providers: &[&str],
) -> Result<i64, Error> {
    let (organization, leaving) = (organization.uuid(), leaving.uuid());
    let providers = db::rows(providers);
    let (count,): (i64,) = db::fetch_one!(tx, COUNT_OWNERS_BUT, organization, leaving, providers)?;
    Ok(count)
}

/// Who is in it, by handle.
pub(super) async fn members(
    tx: &mut Tx,
    organization: &Principal,
    after: Option<&Handle>,
    limit: u16,
) -> Result<Vec<Membership>, Error> {
    let (id, after) = (organization.id.uuid(), after.map_or("", Handle::as_str));
    let rows: Vec<Row> = db::fetch_all!(tx, MEMBERS, id, after, i64::from(limit))?;
    let typed = |row: Row| {
        let Seen { handle, kind, role, created_at } = row.try_into()?;
        let organization = organization.handle.clone();
        Ok(Membership { organization, member: handle, kind, role, created_at })
    };
    rows.into_iter().map(typed).collect()
}

/// What somebody is in.
pub(super) async fn memberships(tx: &mut Tx, me: &Principal) -> Result<Vec<Membership>, Error> {
    let rows: Vec<Row> = db::fetch_all!(tx, MEMBERSHIPS, me.id.uuid())?;
    let typed = |row: Row| {
        let Seen { handle, role, created_at, .. } = row.try_into()?;
        let (member, kind) = (me.handle.clone(), me.kind);
        Ok(Membership { organization: handle, member, kind, role, created_at })
    };
    rows.into_iter().map(typed).collect()
}
