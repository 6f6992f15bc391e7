//! The office of the install: who holds it, whom it stops, and its look into what is private (`spec/trust.md` 1, 8.2).
//!
//! | file       | what is there                                                     |
//! |------------|-------------------------------------------------------------------|
//! | `mod.rs`   | install admins, suspending, the invitation of the first boot        |
//! | `glass.rs` | [`Glass`]: an install admin looks into a private repository           |
//! | `store.rs` | the SQL                                                           |

mod glass;
mod store;

use std::time::Duration;

use db::Tx;
use names::{Handle, Id};

use crate::{
    Allowed, Anything, Error, Invitation, Invited, Kind, Principal, Refusal, Trust, act,
    audit::{Chain, Entry, Noted, On},
    store as rows,
};
pub use glass::Glass;
pub(crate) use store::STATEMENTS;

/// How long the invitation of the first boot is good.
const FIRST_INVITE: Duration = Duration::from_hours(24);
/// Where it is remembered which one that was.
const FIRST_INVITE_STATE: &str = "first_invite";
/// The longest reason, in characters.
const MAX_REASON: usize = 500;

impl Trust {
    /// Makes a person an install admin, or takes that away. Only the operator does.
    pub async fn set_install_admin(
        &self,
        allowed: &Allowed<act::InstallAdminChange, Anything>,
        handle: &Handle,
        is_admin: bool,
    ) -> Result<Principal, Error> {
        if !allowed.actor().principal().is_some_and(|it| it.kind == Kind::Operator) {
            return Err(Error::Refused(Refusal::Forbidden));
        }
        let mut tx = self.begin(allowed.actor()).await?;
        let found = self.principal(&mut tx, handle).await?;
        let person = found.filter(|it| it.kind == Kind::Person).ok_or(Error::NoSuchThing)?;
        if store::set_install_admin(&mut tx, person.id, is_admin).await? {
            let changed =
                Entry::done(Noted::InstallAdminChanged, allowed.actor(), On::principal(person.id));
            let changed = changed.with("install_admin", is_admin);
            self.note(&mut tx, Chain::INSTALL, changed).await?;
            tracing::info!(%handle, is_admin, "an install admin was made or unmade");
        }
        tx.commit().await?;
        Ok(Principal { is_install_admin: is_admin, ..person })
    }

    /// Stops somebody: nothing that they prove themselves by is believed any more, nor that of their agents. An install
    /// admin is stopped by the operator alone.
    pub async fn suspend(
        &self,
        allowed: &Allowed<act::PrincipalSuspend, Anything>,
        handle: &Handle,
        reason: &str,
    ) -> Result<(), Error> {
        check_reason(reason)?;
        self.set_status(allowed, handle, "suspended", reason).await
    }

    /// Lets somebody go on who was stopped.
    pub async fn restore(
        &self,
        allowed: &Allowed<act::PrincipalSuspend, Anything>,
        handle: &Handle,
    ) -> Result<(), Error> {
        self.set_status(allowed, handle, "active", "").await
    }

    async fn set_status(
        &self,
        allowed: &Allowed<act::PrincipalSuspend, Anything>,
        handle: &Handle,
        status: &'static str,
        reason: &str,
    ) -> Result<(), Error> {
        let by_operator = allowed.actor().principal().is_some_and(|it| it.kind == Kind::Operator);
        let mut tx = self.begin(allowed.actor()).await?;
        let found = rows::principal_by_handle(&mut tx, handle).await?;
        let found = found.filter(|it| it.kind != Kind::Operator).ok_or(Error::NoSuchThing)?;
        if found.is_install_admin && !by_operator {
            return Err(Error::Refused(Refusal::Forbidden));
        }
        let (from, what) = match status {
            "active" => ("suspended", Noted::PrincipalRestored),
            _ => ("active", Noted::PrincipalSuspended),
        };
        // Whoever has left does not come back by this door.
        if !store::set_status(&mut tx, found.id, from, status).await? {
            return Err(Error::NoSuchThing);
        }
        let entry = Entry::done(what, allowed.actor(), On::principal(found.id));
        let entry = entry.with("handle", handle.as_str()).with("why", reason);
        self.note(&mut tx, Chain::INSTALL, entry).await?;
        tx.commit().await?;
        tracing::info!(%handle, status, "a principal was stopped, or goes on");
        Ok(())
    }

    /// At the first boot of all, an invitation that makes whoever follows it an install admin.
    pub async fn first_invite(&self) -> Result<Option<Invitation>, Error> {
        let mut tx = self.0.db.write().await?;
        let is_first = crate::boot::state(&mut tx, FIRST_INVITE_STATE).await?.is_none();
        if !is_first || store::has_persons(&mut tx).await? {
            return Ok(None);
        }
        let to = Invited::Office;
        let (id, made) = self.invite(&mut tx, None, to, FIRST_INVITE).await?;
        let id = id.to_string();
        if !crate::boot::set_state_from(&mut tx, FIRST_INVITE_STATE, None, &id).await? {
            // Another process boots for the first time too, and has left one: this one is undone.
            return Ok(None);
        }
        tx.commit().await?;
        Ok(Some(made))
    }

    /// Whether the invitation of the first boot can still be used.
    pub async fn is_first_invite_open(&self) -> Result<bool, Error> {
        let mut tx = self.0.db.glance().await?;
        let Some(id) = crate::boot::state(&mut tx, FIRST_INVITE_STATE).await? else {
            return Ok(false);
        };
        let id: Id<Invitation> = id.parse().map_err(db::Error::corrupt("install_state.value"))?;
        Ok(store::is_invite_open(&mut tx, id, self.0.clock.now()).await?)
    }

    /// Makes a newcomer an install admin, who followed an invitation into the office.
    pub(crate) async fn join_office(
        &self,
        tx: &mut Tx,
        person: &mut Principal,
    ) -> Result<(), Error> {
        person.is_install_admin = store::set_install_admin(tx, person.id, true).await?;
        Ok(())
    }
}

/// Refuses a reason that says nothing, or too much.
fn check_reason(reason: &str) -> Result<(), Error> {
    let length = reason.trim().chars().count();
    if (1..=MAX_REASON).contains(&length) {
        return Ok(());
    }
    let message = format!("say why, in at most {MAX_REASON} characters");
    Err(Error::Invalid { pointer: "/reason", message })
}
