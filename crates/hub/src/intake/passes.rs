//! What somebody let pass: a finding that is no secret, or one that does no harm any more. Each is recorded with who did it.

use names::{Handle, UnixMillis};
use trust::{
    Actor, Allowed, act,
    audit::{Entry, Noted, On},
};

use super::{FindingId, store};
use crate::{Error, Hub, Repository};

/// Findings of one repository that may pass. Whoever has more of them turns the protection off.
const MAX_PASSES: i64 = 1_000;

/// A finding that somebody let pass.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) finding: FindingId,
    pub(crate) by: Handle,
    /// Why, in a line.
    pub(crate) reason: String,
    pub(crate) created_at: UnixMillis,
}

impl Hub {
    /// Lets a finding pass from now on. Of two words the second stays.
    pub(crate) async fn let_pass(
        &self,
        allowed: &Allowed<act::RefPush, Repository>,
        finding: FindingId,
        reason: String,
    ) -> Result<Pass, Error> {
        let (actor, created_at) = (allowed.actor(), self.clock.now());
        let by = actor.principal().ok_or(Error::NotFound)?;
        let pass = Pass { finding, by: by.handle.clone(), reason, created_at };
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RefPush, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let it = allowed.resource();
        if store::count(&mut tx, it.id).await? >= MAX_PASSES {
            let message = format!("{MAX_PASSES} findings may pass already; take one back first");
            return Err(Error::Asked { field: "fingerprint", message });
        }
        store::add(&mut tx, it.id, &pass, by.id).await?;
        self.note_pass(&mut tx, actor, it, ("secret_passed", finding)).await?;
        tx.commit().await?;
        Ok(pass)
    }

    /// Lets a finding pass no more. To do it twice changes nothing.
    pub(crate) async fn stop_passing(
        &self,
        allowed: &Allowed<act::RefPush, Repository>,
        finding: FindingId,
    ) -> Result<(), Error> {
        let actor = allowed.actor();
        let mut tx = self.trust.begin(actor).await?;
        let allowed: Allowed<act::RefPush, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let it = allowed.resource();
        if store::remove(&mut tx, it.id, finding).await? {
            self.note_pass(&mut tx, actor, it, ("secret_pass_ended", finding)).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What may pass, the last first.
    pub(crate) async fn passes(
        &self,
        allowed: &Allowed<act::RepoSettings, Repository>,
    ) -> Result<Vec<Pass>, Error> {
        Ok(store::list(&mut self.db.glance().await?, allowed.resource().id).await?)
    }

    async fn note_pass(
        &self,
        tx: &mut db::Tx,
        actor: &Actor,
        of: &Repository,
        (what, finding): (&str, FindingId),
    ) -> Result<(), Error> {
        let entry = Entry::done(Noted::RepoUpdated, actor, On::new("repository", of.id))
            .with(what, finding.to_string());
        let chain = self.trust.chain_of(tx, of.resource.owner).await?;
        self.trust.note(tx, chain, entry).await?;
        Ok(())
    }
}
