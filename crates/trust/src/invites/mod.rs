//! Invitations: into the install, or into an organization (`spec/trust.md` 1, 2, 5).
//!
//! An invitation is a token of kind `invite`: good once, for seven days, whoever brings it.

mod store;

use std::time::Duration;

use db::Tx;
use keys::TokenText;
use names::{Id, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::{
    Account, Actor, Allowed, Anything, Error, Principal, Trust, act, authority::Role,
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
    /// A role in an organization.
    Organization(Id<Principal>, Role),
}

/// What is kept of an invitation beside its hash.
#[derive(Debug, Serialize, Deserialize)]
struct Terms {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
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
        let mut tx = self.begin(allowed.actor()).await?;
        let to = Invited::Organization(account.principal.id, role);
        let made = self.invite(&mut tx, allowed.actor(), to).await?;
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
        let made = self.invite(&mut tx, allowed.actor(), Invited::Install).await?;
        tx.commit().await?;
        tracing::info!("newcomer invited");
        Ok(made)
    }

    async fn invite(&self, tx: &mut Tx, by: &Actor, to: Invited) -> Result<Invitation, Error> {
        let now = self.0.clock.now();
        let (organization, role) = match to {
            Invited::Install => (None, None),
            Invited::Organization(id, role) => (Some(id), Some(role.as_str().to_owned())),
        };
        if store::count(tx, organization, now).await? >= MAX_WAITING {
            return Err(Error::TooManyInvites);
        }
        let text = TokenText::generate("invite", &self.0.random);
        let expires_at = now.plus(LIFE);
        let terms =
            serde_json::to_string(&Terms { role }).map_err(db::Error::corrupt("tokens.scope"))?;
        let row = store::NewInvite {
            id: Id::new(now, &self.0.random),
            organization,
            terms,
            by: by.principal().map(|it| it.id),
            now,
            expires_at,
        };
        store::add(tx, &row, &text).await?;
        Ok(Invitation { text, expires_at })
    }

    /// Uses an invitation up; unknown, used and ended are one answer.
    pub(crate) async fn use_invite(&self, tx: &mut Tx, code: &str) -> Result<Invited, Error> {
        let text = TokenText::parse(code.trim()).map_err(|_| Error::InviteFailed)?;
        let now = self.0.clock.now();
        let (organization, terms) =
            store::take(tx, &text.hash(), now).await?.ok_or(Error::InviteFailed)?;
        let Some(organization) = organization else { return Ok(Invited::Install) };
        let terms: Terms =
            serde_json::from_str(&terms).map_err(db::Error::corrupt("tokens.scope"))?;
        let role = crate::authority::role(&terms.role.unwrap_or_default())?;
        Ok(Invited::Organization(organization, role))
    }

    /// Follows an invitation into an organization.
    pub async fn accept_invite(
        &self,
        allowed: &Allowed<act::MemberAccept, Anything>,
        code: &str,
    ) -> Result<Membership, Error> {
        let principal = allowed.actor().principal().ok_or(Error::InviteFailed)?;
        let mut tx = self.begin(allowed.actor()).await?;
        let Invited::Organization(organization, role) = self.use_invite(&mut tx, code).await?
        else {
            return Err(Error::InviteFailed);
        };
        let joined = self.join(&mut tx, organization, principal, role).await?;
        tx.commit().await?;
        Ok(joined)
    }
}
