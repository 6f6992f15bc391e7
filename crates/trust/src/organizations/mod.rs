//! Organizations and who is in them (`spec/trust.md` 1).
//!
//! | file       | what is there                                            |
//! |------------|----------------------------------------------------------|
//! | `mod.rs`   | [`Membership`], the door's methods                         |
//! | `store.rs` | the SQL                                                  |

mod store;

use db::Tx;
use names::{Handle, Id, UnixMillis};

use crate::{
    Account, Act, Allowed, Anything, Error, Kind, Level, Principal, Trust, act,
    audit::{Chain, Entry, Noted, On},
    authority::Role,
    store as rows,
};
pub(crate) use store::{STATEMENTS, add as add_organization, count_owners_but};

/// Organizations that one person may own.
const MAX_OWNED: u64 = 50;

/// Somebody's place in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// In which.
    pub organization: Handle,
    /// Who.
    pub member: Handle,
    /// What the member is.
    pub kind: Kind,
    /// As what.
    pub role: Role,
    /// Since when.
    pub created_at: UnixMillis,
}

/// What members of an organization may do with its repositories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseLevel(Level);

impl TryFrom<Level> for BaseLevel {
    type Error = Error;

    fn try_from(level: Level) -> Result<Self, Error> {
        if matches!(level, Level::None | Level::Read | Level::Write) {
            return Ok(Self(level));
        }
        let message = "the level of members is none, read or write".to_owned();
        Err(Error::Invalid { pointer: "/base_level", message })
    }
}

impl BaseLevel {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        self.0.as_str()
    }
}

/// Sets what members may do with the organization's repositories.
pub(crate) async fn set_base_level(
    tx: &mut Tx,
    organization: Id<Principal>,
    level: BaseLevel,
) -> Result<(), db::Error> {
    store::set_base_level(tx, organization, level.0).await
}

impl Trust {
    /// Makes an organization with whoever asks as its owner.
    pub async fn create_organization(
        &self,
        allowed: &Allowed<act::OrgCreate, Anything>,
        handle: Handle,
        display_name: &str,
    ) -> Result<Principal, Error> {
        let owner = allowed.actor().principal().filter(|it| it.kind == Kind::Person);
        let owner = owner.ok_or(Error::NoSuchThing)?;
        let now = self.0.clock.now();
        let organization = Principal {
            id: Id::new(now, &self.0.random),
            kind: Kind::Organization,
            handle,
            is_active: true,
            is_install_admin: false,
            created_at: now,
        };
        let mut tx = self.begin(allowed.actor()).await?;
        rows::hold_namespace(&mut tx, owner.id).await?;
        if store::count_owned(&mut tx, owner.id).await? >= MAX_OWNED {
            return Err(Error::TooManyOrganizations);
        }
        if !rows::add_principal(&mut tx, &organization, None).await? {
            return Err(Error::HandleTaken);
        }
        store::add(&mut tx, organization.id, display_name).await?;
        let membership = (organization.id, owner.id, Role::Owner);
        store::add_member(&mut tx, membership, None, now).await?;
        let on = On::principal(organization.id);
        let created = Entry::done(Noted::OrgCreated, allowed.actor(), on);
        let created = created.with("handle", organization.handle.as_str());
        self.note(&mut tx, Chain::of(organization.id), created).await?;
        tx.commit().await?;
        tracing::info!(organization = %organization.handle, "organization created");
        Ok(organization)
    }

    /// Who is in the organization, by their handles; after `after`, at most `limit`.
    pub async fn members(
        &self,
        allowed: &Allowed<act::MemberRead, Account>,
        after: Option<&Handle>,
        limit: u16,
    ) -> Result<Vec<Membership>, Error> {
        let mut tx = self.0.db.glance().await?;
        let organization = allowed.resource().organization()?;
        Ok(store::members(&mut tx, organization, after, limit).await?)
    }

    /// The organizations that somebody is in.
    pub async fn memberships(
        &self,
        allowed: &Allowed<act::MeRead, Anything>,
    ) -> Result<Vec<Membership>, Error> {
        let me = allowed.actor().principal().ok_or(Error::NoSuchThing)?;
        Ok(store::memberships(&mut self.0.db.glance().await?, me).await?)
    }

    /// Takes a newcomer in. One who is in already keeps the higher role.
    pub(crate) async fn join(
        &self,
        tx: &mut Tx,
        organization: Id<Principal>,
        member: &Principal,
        role: Role,
    ) -> Result<Membership, Error> {
        check_role(member.kind, role)?;
        rows::hold_namespace(tx, organization).await?;
        let its = rows::actor(tx, organization).await?.filter(|it| it.principal.is_active);
        let its = its.ok_or(Error::InviteFailed)?.principal;
        let now = self.0.clock.now();
        let before = store::role(tx, organization, member.id).await?;
        let role = before.map_or(role, |before| before.max(role));
        store::add_member(tx, (organization, member.id, role), None, now).await?;
        tracing::info!(organization = %its.handle, member = %member.handle, role = role.as_str(), "member added");
        let (organization, handle) = (its.handle, member.handle.clone());
        Ok(Membership { organization, member: handle, kind: member.kind, role, created_at: now })
    }

    /// Gives a member another role. Only an owner makes owners, or takes that away; the last owner stays one.
    pub async fn change_member(
        &self,
        allowed: &Allowed<act::MemberChange, Account>,
        member: &Handle,
        role: Role,
    ) -> Result<(), Error> {
        let (account, mut tx) = (allowed.resource(), self.begin_on(allowed).await?);
        let (member, before) = self.member(&mut tx, account, member).await?;
        check_role(member.kind, role)?;
        if (before == Role::Owner || role == Role::Owner) && !account.is_owned() {
            return Err(Error::OwnersOnly);
        }
        if before == Role::Owner && role != Role::Owner {
            self.keep_an_administrator(&mut tx, account.principal.id, Some(member.id), None)
                .await?;
        }
        store::set_role(&mut tx, account.principal.id, member.id, role).await?;
        let on = On::principal(member.id);
        let changed = Entry::done(Noted::MemberRoleChanged, allowed.actor(), on)
            .with("from", before.as_str())
            .with("to", role.as_str());
        self.note(&mut tx, Chain::of(account.principal.id), changed).await?;
        tx.commit().await?;
        tracing::info!(organization = %account.principal.handle, member = %member.handle, role = role.as_str(), "role changed");
        Ok(())
    }

    /// Takes a member out.
    pub async fn remove_member(
        &self,
        allowed: &Allowed<act::MemberRemove, Account>,
        member: &Handle,
    ) -> Result<(), Error> {
        let (account, mut tx) = (allowed.resource(), self.begin_on(allowed).await?);
        let (member, role) = self.member(&mut tx, account, member).await?;
        if role == Role::Owner && !account.is_owned() {
            return Err(Error::OwnersOnly);
        }
        self.take_out(tx, allowed, &member, role).await
    }

    /// Leaves an organization. The last owner cannot.
    pub async fn leave(&self, allowed: &Allowed<act::MemberLeave, Account>) -> Result<(), Error> {
        let me = allowed.actor().principal().ok_or(Error::NoSuchThing)?;
        let (account, mut tx) = (allowed.resource(), self.begin_on(allowed).await?);
        let (member, role) = self.member(&mut tx, account, &me.handle).await?;
        self.take_out(tx, allowed, &member, role).await
    }

    async fn take_out<A: Act>(
        &self,
        mut tx: Tx,
        allowed: &Allowed<A, Account>,
        member: &Principal,
        role: Role,
    ) -> Result<(), Error> {
        let account = allowed.resource();
        if role == Role::Owner {
            self.keep_an_administrator(&mut tx, account.principal.id, Some(member.id), None)
                .await?;
        }
        store::remove_member(&mut tx, account.principal.id, member.id).await?;
        let on = On::principal(member.id);
        let removed = Entry::done(Noted::MemberRevoked, allowed.actor(), on);
        let removed = removed.with("from", role.as_str());
        self.note(&mut tx, Chain::of(account.principal.id), removed).await?;
        tx.commit().await?;
        tracing::info!(organization = %account.principal.handle, member = %member.handle, "member removed");
        Ok(())
    }

    /// A member of the organization and its role; the organization is held.
    async fn member(
        &self,
        tx: &mut Tx,
        account: &Account,
        handle: &Handle,
    ) -> Result<(Principal, Role), Error> {
        let organization = account.organization()?.id;
        let member = rows::principal_by_handle(tx, handle).await?.ok_or(Error::NoSuchThing)?;
        let role = store::role(tx, organization, member.id).await?.ok_or(Error::NoSuchThing)?;
        Ok((member, role))
    }
}

impl Account {
    /// The organization that it is.
    fn organization(&self) -> Result<&Principal, Error> {
        let is_one = self.principal.kind == Kind::Organization;
        is_one.then_some(&self.principal).ok_or(Error::NoSuchThing)
    }

    /// Whether whoever asked for it owns it.
    pub(crate) fn is_owned(&self) -> bool {
        self.granted.own == Level::Owner
    }
}

/// A program never rules over people.
const fn check_role(kind: Kind, role: Role) -> Result<(), Error> {
    match (kind, role) {
        (Kind::Person, _) | (Kind::Agent, Role::Viewer | Role::Reviewer | Role::Member) => Ok(()),
        (Kind::Agent, Role::Admin | Role::Owner) => Err(Error::NotForAgents),
        (Kind::Organization | Kind::Operator, _) => Err(Error::NoSuchThing),
    }
}
