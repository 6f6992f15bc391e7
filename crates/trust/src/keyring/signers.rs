//! Whose keys signed something, for rooms that show or ask for signatures (`spec/wire.md` 7).

use std::collections::HashMap;

use db::{Error, Tx};
use keys::{Fingerprint, PublicKey};
use names::{Handle, Id, UnixMillis};

use super::store;
use crate::{Kind, Level, Principal, Readers, ResourceRow};

/// A registered key and whose it is; given up or not.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The key.
    pub public: PublicKey,
    /// Whose it is.
    pub principal: Id<Principal>,
    /// Their handle.
    pub handle: Handle,
    /// What they are.
    pub kind: Kind,
    /// Whose agent they are.
    pub owner: Option<Id<Principal>>,
    /// Since when nothing that it signs is believed.
    pub(crate) ended_at: Option<UnixMillis>,
}

impl Signer {
    /// Whether what this key signed is believed, if it was received at that moment: before the key was given up, and
    /// before somebody else may have had it.
    pub fn is_believed_at(&self, received: UnixMillis) -> bool {
        self.ended_at.is_none_or(|ended| received < ended)
    }

    /// Whose grants tell whether the signer may push: its own, and those of the owner of an agent.
    pub fn readers(&self) -> Readers {
        let behind = self.owner.map_or(Readers::NOBODY.behind, Id::uuid);
        Readers { own: self.principal.uuid(), behind }
    }

    /// Whether the signer may push to a thing that was loaded for [`Signer::readers`]. An agent may where its owner may.
    pub fn may_push(&self, row: &ResourceRow) -> bool {
        let level = match self.owner {
            Some(owner) if row.owner == owner => Level::Owner,
            Some(_) => row.granted.behind,
            None if row.owner == self.principal => Level::Owner,
            None => row.granted.own,
        };
        level >= Level::Write
    }
}

/// The registered ones of those keys.
pub async fn signers(
    tx: &mut Tx,
    keys: &[Fingerprint],
) -> Result<HashMap<Fingerprint, Signer>, Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    store::signers(tx, keys).await
}
