//! Rows of the beginning that nobody wants to keep go, up to a signed head, which stands for them from then on
//! (`spec/trust.md` 11).

use names::UnixMillis;

use super::{Chain, Entry, HEAD_EVERY_ROWS, Noted, On, Who, store};
use crate::{Allowed, Anything, Error, Trust, act};

/// Rows that one transaction removes at least, if there are so many: others wait for the chain meanwhile.
const PRUNED_AT_ONCE: i64 = 2 * HEAD_EVERY_ROWS;

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// How many rows.
    pub rows: u64,
    /// The signed head that stands for them; nothing if nothing was removed.
    pub until: Option<i64>,
}

impl Trust {
    /// Removes rows of the install's chain that are older than `before`: from the first one up to a signed head, and no
    /// more than a few thousand at once, so whoever wants all of them gone asks until there is nothing left. The row
    /// that tells of it is written in the same transaction.
    pub async fn prune_audit(
        &self,
        allowed: &Allowed<act::ConfigWrite, Anything>,
        before: UnixMillis,
    ) -> Result<Pruned, Error> {
        let chain = Chain::INSTALL;
        let mut tx = self.begin(allowed.actor()).await?;
        store::hold(&mut tx, chain).await?;
        let first = store::ends(&mut tx, chain).await?.map_or(1, |(first, _)| first);
        let upto = first + PRUNED_AT_ONCE - 1;
        let Some(until) = store::head_before(&mut tx, chain, (first, upto), before).await? else {
            return Ok(Pruned { rows: 0, until: None });
        };
        // The guards of the table let the first row of a chain go and no other, so they go one by one.
        for seq in first..=until {
            store::delete(&mut tx, chain, seq).await?;
        }
        store::delete_heads_before(&mut tx, chain, until).await?;
        let on = On::new("audit", chain.uuid());
        let pruned = Entry::done(Noted::AuditPruned, Who::from(allowed.actor()), on);
        let pruned = pruned.with("from", first).with("until", until);
        self.note(&mut tx, chain, pruned).await?;
        tx.commit().await?;
        tracing::warn!(from = first, until, "rows of the audit log were removed");
        let rows = u64::try_from(until - first + 1).unwrap_or_default();
        Ok(Pruned { rows, until: Some(until) })
    }
}
