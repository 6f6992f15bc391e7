//! What was made from something private: it is there only as long as its owner may read that (`spec/hub.md` 1, Fork).
//!
//! Nothing has to be noticed for it: whether a thing is hidden so is asked of the rows each time, by [`crate::state!`]
//! for one thing and by [`crate::visible!`] for lists. Only how long it has been so is written down.

mod store;

use db::Tx;
use names::UnixMillis;
use uuid::Uuid;

use crate::{Error, Trust};
pub(crate) use store::STATEMENTS;

/// Whether the thing `resources AS s` is bound to something that its owner may not read.
#[macro_export]
macro_rules! suspended {
    () => {
        "EXISTS (SELECT 1 FROM bound_resources AS b LEFT JOIN resources AS f ON f.id = b.source_id
                  WHERE b.id = s.id AND NOT (f.id IS NOT NULL AND f.state IN ('live', 'archived')
                    AND (f.visibility = 'public' OR f.owner_id = s.owner_id
                      OR EXISTS (SELECT 1 FROM collaborators AS c
                                  WHERE c.repo_id = f.id AND c.principal_id = s.owner_id)
                      OR EXISTS (SELECT 1 FROM org_members AS m JOIN organizations AS o ON o.principal_id = m.org_id
                                  WHERE m.org_id = f.owner_id AND m.principal_id = s.owner_id
                                    AND (m.role <> 'member' OR o.base_level <> 'none')))))"
    };
}

/// The column `state` of [`crate::ResourceRow`], of `resources AS s`.
#[macro_export]
macro_rules! state {
    () => {
        concat!(
            "CASE WHEN s.state IN ('live', 'archived') AND ",
            $crate::suspended!(),
            " THEN 'suspended' ELSE s.state END AS state"
        )
    };
}

impl Trust {
    /// Binds a thing to the private one that it was made from, in the transaction that makes it.
    pub async fn bind(&self, tx: &mut Tx, id: Uuid, source: Uuid) -> Result<(), Error> {
        Ok(store::bind(tx, id, source).await?)
    }

    /// Frees everything that was made from a thing, in the transaction that shows it to everybody.
    pub async fn unbind_from(&self, tx: &mut Tx, source: Uuid) -> Result<(), Error> {
        Ok(store::unbind_from(tx, source).await?)
    }

    /// Whether a thing is bound to a private one.
    pub async fn is_bound(&self, tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
        Ok(store::is_bound(tx, id).await?)
    }

    /// Whether a thing is bound to one that its owner may not read.
    pub async fn is_suspended(&self, tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
        Ok(store::is_suspended(tx, id).await?)
    }

    /// Writes down what is suspended now, and what is not any more; gives at most `limit` of those that have been since
    /// before `cutoff`.
    pub async fn look_at_suspended(
        &self,
        tx: &mut Tx,
        cutoff: UnixMillis,
        limit: u32,
    ) -> Result<Vec<Uuid>, Error> {
        store::note_suspended(tx, self.0.clock.now()).await?;
        Ok(store::suspended_before(tx, cutoff, limit).await?)
    }
}
