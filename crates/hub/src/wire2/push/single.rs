//! One ref is moved without a stream, to a commit that is here already: by the rules of a push.

use api::wire2::{Landed, Update};
use trust::{Allowed, act};

use super::landing::Brought;
use crate::{Error, Hub, Repository, repositories::PushTarget};

impl Hub {
    /// Moves, makes or takes away a ref.
    pub(crate) async fn move_one(
        &self,
        allowed: &Allowed<act::RefPush, Repository>,
        update: Update,
    ) -> Result<Landed, Error> {
        let (actor, now) = (allowed.actor(), self.clock.now());
        let mut tx = self.trust.begin(actor).await?;
        let still: Allowed<act::RefPush, _> =
            self.again(&mut tx, actor, allowed.resource().id).await?;
        let repository = still.resource();
        let target = PushTarget::Existing(Box::new(repository.clone()));
        let upload = Allowed::ask(actor, target).map_err(Error::Refused)?;
        let at = (&upload, repository);
        let updates = [update];
        let planned = self.check_updates(&mut tx, at, &updates, now).await?;
        let mut landed = Vec::with_capacity(planned.len());
        for plan in &planned {
            landed.push(self.move_planned(&mut tx, at, plan, now).await?);
        }
        self.count_in(&mut tx, repository, (&planned, &Brought::default()), now).await?;
        let landed = landed.pop().ok_or(Error::NotFound)?;
        tx.commit().await?;
        tracing::info!(repository = repository.full_name(), name = landed.name, "a ref was moved");
        Ok(landed)
    }
}
