//! Signatures that are verified before a transaction, so that nobody waits for that.

use keys::Fingerprint;
use names::CommitId;

use super::Proofs;

/// What was verified, by the numbers that commits have in a push, from 1 on: four bytes each, however many there are.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    keys: Vec<Fingerprint>,
    /// Which key, counted from 1; 0 for none.
    by: Vec<u32>,
}

impl Ahead {
    /// Takes what was proved of commits.
    pub(crate) fn take(&mut self, commits: impl Iterator<Item = (i64, CommitId)>, proofs: &Proofs) {
        for (number, id) in commits {
            let (Some(key), Ok(number)) = (proofs.by(id), usize::try_from(number)) else {
                continue;
            };
            let at = self.keys.iter().position(|it| *it == key).unwrap_or_else(|| {
                self.keys.push(key);
                self.keys.len() - 1
            });
            if self.by.len() <= number {
                self.by.resize(number + 1, 0);
            }
            if let (Some(place), Ok(at)) = (self.by.get_mut(number), u32::try_from(at + 1)) {
                *place = at;
            }
        }
    }

    /// The key that was found to have signed commit `number`.
    pub(crate) fn key(&self, number: i64) -> Option<Fingerprint> {
        let at = *self.by.get(usize::try_from(number).ok()?)?;
        self.keys.get(usize::try_from(at).ok()?.checked_sub(1)?).copied()
    }
}
