//! What is kept of a person, taken away and left behind (`spec/trust.md` 13).
//!
//! | file       | what is there                                                       |
//! |------------|---------------------------------------------------------------------|
//! | `mod.rs`   | leaving: at once, coming back, and what a job does thirty days later     |
//! | `rows.rs`  | [`Portion`]: the rows that tell of a person, table by table            |
//! | `store.rs` | the SQL                                                             |

mod rows;
mod store;

use std::time::Duration;

use db::Tx;
use names::{Handle, Id, UnixMillis};

use crate::{
    Account, Act, Allowed, Anything, Error, Invitation, Kind, Principal, Refusal, Trust, act,
    audit::{Chain, Entry, Noted, On, Who},
    store as principals,
};
pub use rows::{EXEMPT, EXPORTED, Portion};
pub(crate) use store::STATEMENTS;

/// How long what was left can be brought back.
const KEPT: Duration = Duration::from_hours(30 * 24);

impl Trust {
    /// Leaves: at once nothing that the person proved themselves by is there any more, and everything that is theirs is
    /// hidden. The handle is taken for good. `confirm` is the handle once more.
    pub async fn leave_install(
        &self,
        allowed: &Allowed<act::MeDelete, Account>,
        confirm: &str,
    ) -> Result<(), Error> {
        let me = &allowed.resource().principal;
        if me.kind != Kind::Person {
            return Err(Error::NotAPerson);
        }
        check_confirmed(me, confirm)?;
        let mut tx = self.begin_on(allowed).await?;
        let sole = store::solely_owned(&mut tx, me.id).await?;
        if !sole.is_empty() {
            return Err(Error::SoleOwner(sole));
        }
        let now = self.0.clock.now();
        store::end_ways_in(&mut tx, me.id, now).await?;
        store::end_memberships(&mut tx, me.id).await?;
        self.delete(&mut tx, allowed, Noted::AccountDeleted, Chain::INSTALL).await?;
        tx.commit().await?;
        tracing::info!(handle = %me.handle, "an account was deleted");
        Ok(())
    }

    /// Ends an organization in the same way.
    pub async fn delete_organization(
        &self,
        allowed: &Allowed<act::OrgDelete, Account>,
        confirm: &str,
    ) -> Result<(), Error> {
        let organization = &allowed.resource().principal;
        if organization.kind != Kind::Organization {
            return Err(Error::NoSuchThing);
        }
        check_confirmed(organization, confirm)?;
        let mut tx = self.begin_on(allowed).await?;
        store::end_organization(&mut tx, organization.id, self.0.clock.now()).await?;
        let chain = Chain::of(organization.id);
        self.delete(&mut tx, allowed, Noted::OrgDeleted, chain).await?;
        tx.commit().await?;
        tracing::info!(handle = %organization.handle, "an organization was deleted");
        Ok(())
    }

    async fn delete<A: Act>(
        &self,
        tx: &mut Tx,
        allowed: &Allowed<A, Account>,
        what: Noted,
        chain: Chain,
    ) -> Result<(), Error> {
        let (id, now) = (allowed.resource().principal.id, self.0.clock.now());
        let purge_after = now.plus(KEPT);
        store::stop_agents(tx, id, now).await?;
        store::delete_principal(tx, id, now, purge_after).await?;
        store::hide_resources(tx, id).await?;
        let gone = Entry::done(what, allowed.actor(), On::principal(id));
        self.note(tx, chain, gone.with("purge_after", purge_after.to_string())).await?;
        Ok(())
    }

    /// Brings somebody back who left less than thirty days ago: the account and the repositories as they were. What the
    /// person proved themselves by is gone, so the invitation lets one new key in. Only the operator does.
    pub async fn bring_back(
        &self,
        allowed: &Allowed<act::PrincipalSuspend, Anything>,
        handle: &Handle,
    ) -> Result<Invitation, Error> {
        let actor = allowed.actor();
        if !actor.principal().is_some_and(|it| it.kind == Kind::Operator) {
            return Err(Error::Refused(Refusal::Forbidden));
        }
        let mut tx = self.begin(actor).await?;
        let found =
            principals::principal_by_handle(&mut tx, handle).await?.ok_or(Error::NoSuchThing)?;
        if !store::bring_back(&mut tx, found.id, self.0.clock.now()).await? {
            return Err(Error::NoSuchThing);
        }
        let restored = Entry::done(Noted::PrincipalRestored, actor, On::principal(found.id));
        let restored = restored.with("handle", handle.as_str()).with("had_left", true);
        self.note(&mut tx, Chain::INSTALL, restored).await?;
        let invitation = self.invite_key(&mut tx, actor, found.id).await?;
        tx.commit().await?;
        tracing::info!(%handle, "an account that was deleted is back");
        Ok(invitation)
    }

    /// Who left so long ago that their things go; at most `limit`.
    pub async fn to_purge(&self, limit: u32) -> Result<Vec<Id<Principal>>, Error> {
        let mut tx = self.0.db.glance().await?;
        Ok(store::to_purge(&mut tx, self.0.clock.now(), limit).await?)
    }

    /// Writes down that all things of somebody who left are gone.
    pub async fn purged(&self, tx: &mut Tx, id: Id<Principal>) -> Result<(), Error> {
        if store::end_purge(tx, id).await? {
            let purged = Entry::done(Noted::AccountPurged, Who::INSTALL, On::principal(id));
            self.note(tx, Chain::INSTALL, purged).await?;
        }
        Ok(())
    }

    /// Writes down that whoever asks takes their data away.
    pub async fn note_export(
        &self,
        allowed: &Allowed<act::MeExport, Account>,
    ) -> Result<(), Error> {
        let mut tx = self.begin(allowed.actor()).await?;
        let on = On::principal(allowed.resource().principal.id);
        let exported = Entry::done(Noted::DataExported, allowed.actor(), on);
        self.note(&mut tx, Chain::INSTALL, exported).await?;
        Ok(tx.commit().await?)
    }
}

fn check_confirmed(account: &Principal, confirm: &str) -> Result<(), Error> {
    if confirm == account.handle.as_str() {
        return Ok(());
    }
    let message = format!("to confirm, give the handle: {}", account.handle);
    Err(Error::Invalid { pointer: "/confirm", message })
}

/// When, for rows.
fn text(at: UnixMillis) -> String {
    at.to_string()
}
