//! Bytes that no row names: removed once readers have finished, or kept in quarantine first.

use db::Tx;
use names::{ObjectId, UnixMillis};

use super::{QUARANTINE, store};
use crate::{Error, FaultKind, Objects, Place, address::Address, faults::resolve};

/// Has bytes removed, or moved, when `due`.
pub(crate) async fn add(
    tx: &mut Tx,
    what: &[(Address, u64)],
    fate: &str,
    due: UnixMillis,
) -> Result<(), db::Error> {
    if what.is_empty() { Ok(()) } else { store::add_waste(tx, what, fate, due).await }
}

/// The files of their own among copies that were given up, with their bytes.
pub(crate) fn files(copies: &[(ObjectId, Place)]) -> Vec<(Address, u64)> {
    let files = copies.iter().filter(|(_, place)| !place.in_segment);
    files.map(|(id, place)| (Address::of(*id, place), place.size)).collect()
}

impl Objects {
    /// Removes at most `limit` things whose time has come; gives how many there were.
    pub async fn clear_waste(&self, limit: usize) -> Result<u64, Error> {
        let now = self.0.clock.now();
        let due = store::due_waste(&mut self.0.db.glance().await?, now, limit).await?;
        let (moved, removed): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|it| it.fate == "quarantine");
        let addresses: Vec<_> = removed.iter().filter_map(|it| it.name.parse().ok()).collect();
        self.0.depot.remove(addresses).await?;
        for it in &moved {
            if let Ok(address) = it.name.parse::<Address>() {
                self.0.depot.rename(address.clone(), address.quarantined()).await?;
            }
        }
        let done = (moved.len() + removed.len()) as u64;
        if done == 0 {
            return Ok(0);
        }
        let mut tx = self.0.db.write().await?;
        let names: Vec<_> = moved.iter().chain(&removed).map(|it| it.name.as_str()).collect();
        store::drop_waste(&mut tx, &names).await?;
        let mut in_quarantine = Vec::new();
        for it in &moved {
            if let Ok(address) = it.name.parse::<Address>() {
                in_quarantine.push((address.quarantined(), it.bytes));
            }
            resolve(&mut tx, FaultKind::Orphan, &it.name, now, "moved to quarantine").await?;
        }
        add(&mut tx, &in_quarantine, "remove", now.plus(QUARANTINE)).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// When the next waste is due.
    pub async fn next_waste(&self) -> Result<Option<UnixMillis>, Error> {
        Ok(store::next_waste(&mut self.0.db.glance().await?).await?)
    }
}
