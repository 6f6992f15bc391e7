//! Whoever holds a key becomes an [`Actor`] over SSH (`spec/hub.md` 5, SSH): the key says who it is, no name does.

use std::sync::{Arc, OnceLock, atomic::AtomicBool};

use keys::PublicKey;
use names::Id;

use crate::{Actor, Credential, Error, Kind, Proof, Trust, principal::Acting, store::key_owner};

impl Trust {
    /// Whose the key is that somebody has proved to hold; nobody if it is unknown, was given up, or is somebody's who may
    /// not act. The operator has nothing to do there.
    ///
    /// Asked again while a session goes on, so that what was taken away since is not there any more.
    pub async fn by_ssh_key(&self, key: &PublicKey) -> Result<Option<Actor>, Error> {
        let mut tx = self.0.db.glance().await?;
        let found = key_owner(&mut tx, key.fingerprint()).await?;
        drop(tx);
        // A row names the key by its hash; it is the key itself that was proved.
        let found = found.filter(|(row, _)| row.public == *key);
        let Some((key, who)) = found else { return Ok(None) };
        if !who.principal.is_active || who.principal.kind == Kind::Operator {
            return Ok(None);
        }
        let now = self.0.clock.now();
        self.note_key(&key, now);
        let proof = Proof {
            key_id: key.id,
            fingerprint: key.fingerprint,
            // The session is the proof, and nobody can say it again: that the key lives is asked in each transaction.
            nonce: None,
            nonce_ends: now,
            request: Id::<Proof>::unguessable(&self.0.random).uuid(),
            spent: AtomicBool::new(false),
        };
        let (scopes, behind) = who.behind.map(|it| (vec![it.scope], it.owner)).unzip();
        let acting = Acting {
            principal: who.principal,
            behind,
            credential: Credential::Key(proof),
            scopes: scopes.unwrap_or_default(),
            under_way: OnceLock::new(),
        };
        Ok(Some(Actor(Some(Arc::new(acting)))))
    }
}
