//! Invitations: into the install, into an organization, or back to an account without a key (`spec/trust.md` 1, 2, 5).
//!
//! An invitation is a token of kind `invite`: good once, for seven days, whoever brings it.

mod store;

use std::time::Duration;

use db::Tx;
use keys::TokenText;
use names::{Id, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::{
    Account, Actor, Allowed, Anything, Error, Principal, Trust, act,
    audit::{Chain, Entry, Noted, On, Who},
    authority::Role,
    organizations::Membership,
};
pub(crate) use store::STATEMENTS;

/// How long an invitation is good.
const LIFE: Duration = Duration::from_hours(7 * 24);
/// Invitations into one organization, or into the install, that may wait at once.
const MAX_WAITING: i64 = 500;

/// What an invitation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invited {
    /// A registration on this install.
    Install,
    /// The same, as an install admin.
    Office,
    /// One new key of an account that has none any more.
    Key(Id<Principal>),
    /// A role in an organization.
    Organization(Id<Principal>, Role),
}

impl Invited {
    fn chain(self) -> Chain {
        match self {
            Self::Install | Self::Office | Self::Key(_) => Chain::INSTALL,
            Self::Organization(id, _) => Chain::of(id),
        }
    }
}

/// An invitation that is used up in the transaction under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    id: Id<Invitation>,
    pub(crate) to: Invited,
}

/// What is kept of an invitation beside its hash.
#[derive(Debug, Serialize, Deserialize)]
struct Terms {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    office: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_of: Option<Id<Principal>>,
}

/// An invitation that was just made: the only moment at which it can be read.
pub struct Invitation {
    /// The code.
    pub text: TokenText,
    /// When it ends.
    pub expires_at: UnixMillis,
}

impl Trust {
    /// Invites somebody into the organization. Only an owner invites owners.
    pub async fn invite_member(
        &self,
        allowed: &Allowed<act::MemberInvite, Account>,
        role: Role,
    ) -> Result<Invitation, Error> {
        let account = allowed.resource();
        if role == Role::Owner && !account.is_owned() {
            return Err(Error::OwnersOnly);
        }
        let mut tx = self.begin_on(allowed).await?;
        let to = Invited::Organization(account.principal.id, role);
        let (_, made) = self.invite(&mut tx, Some(allowed.actor()), to, LIFE).await?;
        tx.commit().await?;
        tracing::info!(organization = %account.principal.handle, role = role.as_str(), "member invited");
        Ok(made)
    }

    /// Invites somebody to register here.
    pub async fn invite_newcomer(
        &self,
        allowed: &Allowed<act::InviteCreate, Anything>,
    ) -> Result<Invitation, Error> {
        let mut tx = self.begin(allowed.actor()).await?;
        let by = Some(allowed.actor());
        let (_, made) = self.invite(&mut tx, by, Invited::Install, LIFE).await?;
        tx.commit().await?;
        tracing::info!("newcomer invited");
        Ok(made)
    }

    /// Invites whoever has the code to give an account a key: one that somebody came back to.
    pub(crate) async fn invite_key(
        &self,
        tx: &mut Tx,
        by: &Actor,
        whose: Id<Principal>,
    ) -> Result<Invitation, Error> {
        Ok(self.invite(tx, Some(by), Invited::Key(whose), LIFE).await?.1)
    }

    /// Makes an invitation; the install itself does where nobody is named.
    pub(crate) async fn invite(
        &self,
        tx: &mut Tx,
        by: Option<&Actor>,
        to: Invited,
        life: Duration,
    ) -> Result<(Id<Invitation>, Invitation), Error> {
        let now = self.0.clock.now();
        let (organization, role) = match to {
            Invited::Install | Invited::Office | Invited::Key(_) => (None, None),
            Invited::Organization(id, role) => (Some(id), Some(role.as_str().to_owned())),
        };
        if store::count(tx, organization, now).await? >= MAX_WAITING {
            return Err(Error::TooManyInvites);
        }
        let text = TokenText::generate("invite", &self.0.random);
        let expires_at = now.plus(life);
        let key_of = match to {
            Invited::Key(whose) => Some(whose),
            Invited::Install | Invited::Office | Invited::Organization(..) => None,
        };
        let terms = Terms { role, office: to == Invited::Office, key_of };
        let terms = serde_json::to_string(&terms).map_err(db::Error::corrupt("tokens.scope"))?;
        let row = store::NewInvite {
            id: Id::new(now, &self.0.random),
            organization,
            terms,
            by: by.and_then(Actor::principal).map(|it| it.id),
            now,
            expires_at,
        };
        store::add(tx, &row, &text).await?;
        let on = On::new("invite", row.id);
        let who = by.map_or(Who::INSTALL, Who::from);
        let entry = match to {
            Invited::Install | Invited::Office => Entry::done(Noted::InviteCreated, who, on),
            Invited::Key(whose) => {
                Entry::done(Noted::InviteCreated, who, on).with("key_of", whose.to_string())
            }
            Invited::Organization(_, role) => {
                Entry::done(Noted::MemberInvited, who, on).with("role", role.as_str())
            }
        };
        self.note(tx, to.chain(), entry).await?;
        Ok((row.id, Invitation { text, expires_at }))
    }

    /// Uses an invitation up; unknown, used and ended are one answer.
    pub(crate) async fn use_invite(&self, tx: &mut Tx, code: &str) -> Result<Used, Error> {
        let text = TokenText::parse(code.trim()).map_err(|_| Error::InviteFailed)?;
        let now = self.0.clock.now();
        let (id, organization, terms) =
            store::take(tx, &text.hash(), now).await?.ok_or(Error::InviteFailed)?;
        let terms: Terms =
            serde_json::from_str(&terms).map_err(db::Error::corrupt("tokens.scope"))?;
        let Some(organization) = organization else {
            let to = match terms.key_of {
                Some(whose) => Invited::Key(whose),
                None if terms.office => Invited::Office,
                None => Invited::Install,
            };
            return Ok(Used { id, to });
        };
        let role = crate::authority::role(&terms.role.unwrap_or_default())?;
        Ok(Used { id, to: Invited::Organization(organization, role) })
    }

    /// Writes down that an invitation was used, and that somebody came into an organization by it.
    pub(crate) async fn note_used(
        &self,
        tx: &mut Tx,
        who: Who,
        member: Id<Principal>,
        used: Used,
    ) -> Result<(), Error> {
        let entry = Entry::done(Noted::InviteUsed, who, On::new("invite", used.id));
        self.note(tx, used.to.chain(), entry).await?;
        let on = On::principal(member);
        let also = match used.to {
            Invited::Install | Invited::Key(_) => return Ok(()),
            Invited::Office => {
                Entry::done(Noted::InstallAdminChanged, who, on).with("install_admin", true)
            }
            Invited::Organization(_, role) => {
                Entry::done(Noted::MemberAdded, who, on).with("role", role.as_str())
            }
        };
        self.note(tx, used.to.chain(), also).await?;
        Ok(())
    }

    /// Follows an invitation into an organization.
    pub async fn accept_invite(
        &self,
        allowed: &Allowed<act::MemberAccept, Anything>,
        code: &str,
    ) -> Result<Membership, Error> {
        let principal = allowed.actor().principal().ok_or(Error::InviteFailed)?;
        let mut tx = self.begin(allowed.actor()).await?;
        let used = self.use_invite(&mut tx, code).await?;
        let Invited::Organization(organization, role) = used.to else {
            return Err(Error::InviteFailed);
        };
        let joined = self.join(&mut tx, organization, principal, role).await?;
        self.note_used(&mut tx, Who::from(allowed.actor()), principal.id, used).await?;
        tx.commit().await?;
        Ok(joined)
    }
}
