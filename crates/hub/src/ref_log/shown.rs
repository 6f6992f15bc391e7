//! The log as people read it, newest first: who moved what, on whose word, and whether what is shown follows one another.

use std::collections::HashMap;

use db::Tx;
use history::ref_log::Item;
use keys::{Fingerprint, PublicKey, Signature};
use names::Handle;
use trust::{Allowed, act, signing_keys::Purpose};

use super::{
    Logged,
    store::{self, LastSeal},
};
use crate::{Error, Hub, Repository};

/// On whose word a ref moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signed {
    /// Its pusher signed the entry, with a key of this principal.
    By(Handle),
    /// The server signed it.
    Server,
    /// A key signed it that is not known here.
    Unknown,
    /// A key signed the request, and nobody the entry; whose key it is, if that is known.
    Request(Option<Handle>),
    /// Nobody signed anything.
    Nobody,
}

/// A movement as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct Moved {
    pub(crate) item: Item,
    pub(crate) is_forced: bool,
    pub(crate) signed: Signed,
}

/// A page of the log.
#[derive(Debug)]
pub(crate) struct Log {
    /// The newest first.
    pub(crate) rows: Vec<Moved>,
    /// Whether the seals of these follow one another, are of their entries, and are signed, as these are.
    pub(crate) is_whole: bool,
    /// The end of the log; nothing while it is empty.
    pub(crate) last: Option<LastSeal>,
    /// Before which number the next page is, if there is more.
    pub(crate) older: Option<u64>,
}

/// The keys that signed something, with whose they are.
#[derive(Debug, Default)]
struct Keys {
    somebody: HashMap<String, (PublicKey, Handle)>,
    server: HashMap<String, PublicKey>,
}

impl Hub {
    /// At most `limit` movements before the number `before`.
    pub(crate) async fn movements(
        &self,
        allowed: &Allowed<act::RefRead, Repository>,
        before: Option<u64>,
        limit: u16,
    ) -> Result<Log, Error> {
        let id = allowed.resource().id;
        let mut tx = self.db.read().await?;
        // One more, which the last of the page names as the seal before it.
        let more = u64::from(limit) + 1;
        let mut items = store::before(&mut tx, id, before.unwrap_or(u64::MAX), more).await?;
        let last = store::last_seal(&mut tx, id).await?;
        let keys = self.keys_of(&mut tx, &items).await?;
        let is_whole = keys.are_whole(&items);
        let older = (items.len() as u64 == more).then(|| {
            items.pop();
            items.last().map_or(0, |it| it.item.seal.seq)
        });
        let shown = |it: Logged| {
            let Logged { item, is_forced } = it;
            Moved { signed: keys.signed(&item), item, is_forced }
        };
        Ok(Log { rows: items.into_iter().map(shown).collect(), is_whole, last, older })
    }

    async fn keys_of(&self, tx: &mut Tx, items: &[Logged]) -> Result<Keys, Error> {
        let pushers = items.iter().filter_map(|it| it.item.entry.pusher_key.parse().ok());
        let mut names: Vec<Fingerprint> = pushers.collect();
        names.sort_unstable();
        names.dedup();
        let somebody = trust::signers(tx, &names).await?;
        let somebody =
            somebody.into_iter().map(|(name, it)| (name.to_string(), (it.public, it.handle)));
        let server = self.trust.signing_keys()?.list(tx, Purpose::Server).await?;
        let server = server.into_iter().map(|it| (it.kid, it.public));
        Ok(Keys { somebody: somebody.collect(), server: server.collect() })
    }
}

impl Keys {
    fn signed(&self, item: &Item) -> Signed {
        let key = &item.entry.pusher_key;
        let whose = self.somebody.get(key).map(|(_, handle)| handle.clone());
        match (&item.signature, whose) {
            (None, whose) if !key.is_empty() => Signed::Request(whose),
            (None, _) => Signed::Nobody,
            (Some(_), Some(handle)) => Signed::By(handle),
            (Some(_), None) if self.server.contains_key(key) => Signed::Server,
            (Some(_), None) => Signed::Unknown,
        }
    }

    /// Whether items, newest first, follow one another, and are signed as they say.
    fn are_whole(&self, items: &[Logged]) -> bool {
        let sound = items.iter().all(|it| self.is_sound(&it.item));
        let follows = items.windows(2).all(|pair| match pair {
            [newer, older] => {
                let (newer, older) = (&newer.item, &older.item);
                newer.seal.seq == older.seal.seq + 1
                    && newer.seal.prev_seal == Some(older.seal.hash(&older.seal_signature))
            }
            _ => true,
        });
        let begins = items
            .last()
            .is_none_or(|first| (first.item.seal.seq == 1) == first.item.seal.prev_seal.is_none());
        sound && follows && begins
    }

    fn is_sound(&self, item: &Item) -> bool {
        let Item { entry, signature, seal, seal_signature } = item;
        let is_sealed = self
            .server
            .get(&seal.server_key)
            .is_some_and(|key| key.verify(&seal.bytes(), &Signature::from_bytes(*seal_signature)));
        let key = self.somebody.get(&entry.pusher_key).map(|(key, _)| key);
        let key = key.or_else(|| self.server.get(&entry.pusher_key));
        let is_false = match (signature, key) {
            (Some(signature), Some(key)) => {
                !key.verify(&entry.bytes(), &Signature::from_bytes(*signature))
            }
            _ => false,
        };
        is_sealed && !is_false && seal.entry_hash == entry.hash(signature.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use history::ref_log::{RefEntry, Seal};
    use keys::PrivateKey;
    use names::Secret;

    use super::*;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from_seed(Secret::new([seed; 32]))
    }

    /// A log of three movements, newest first.
    fn log() -> Vec<Logged> {
        let (anna, server) = (key(1), key(2));
        let (mut before, mut prev, mut items) = (None, None, Vec::new());
        for seq in 1..=3 {
            let entry = RefEntry {
                repository_id: "r".to_owned(),
                name: "refs/heads/main".to_owned(),
                old: String::new(),
                new: seq.to_string(),
                counter: seq,
                prev,
                pusher_key: anna.fingerprint().to_string(),
                time: "t".to_owned(),
            };
            let signature = *anna.sign(&entry.bytes()).as_bytes();
            let entry_hash = entry.hash(Some(&signature));
            let seal = Seal {
                repository_id: "r".to_owned(),
                seq,
                prev_seal: before,
                entry_hash,
                evidence: None,
                principal: "anna".to_owned(),
                via: "msign".to_owned(),
                time: "t".to_owned(),
                server_key: server.fingerprint().to_string(),
            };
            let seal_signature = *server.sign(&seal.bytes()).as_bytes();
            (before, prev) = (Some(seal.hash(&seal_signature)), Some(entry_hash));
            let item = Item { entry, signature: Some(signature), seal, seal_signature };
            items.insert(0, Logged { item, is_forced: false });
        }
        items
    }

    fn keys() -> Keys {
        let (anna, server) = (key(1), key(2));
        let handle = "anna".parse().unwrap();
        Keys {
            somebody: [(anna.fingerprint().to_string(), (*anna.public(), handle))].into(),
            server: [(server.fingerprint().to_string(), *server.public())].into(),
        }
    }

    /// What somebody does to a log.
    type Change = fn(&mut Vec<Logged>);

    #[test]
    fn a_page_is_whole_and_whatever_is_changed_in_it_is_not() {
        assert!(keys().are_whole(&log()));
        assert!(keys().are_whole(&[]));
        assert!(keys().are_whole(&log()[..2]));
        assert_eq!(keys().signed(&log()[0].item), Signed::By("anna".parse().unwrap()));
        let changes: [(&str, Change); 7] = [
            ("a missing item", |it| drop(it.remove(1))),
            ("a swapped pair", |it| it.swap(0, 1)),
            ("another target", |it| it[1].item.entry.new = "x".to_owned()),
            ("another principal", |it| it[0].item.seal.principal = "eve".to_owned()),
            ("another seal", |it| it[2].item.seal_signature[7] ^= 1),
            ("no signature", |it| it[0].item.signature = None),
            ("another beginning", |it| {
                it.pop();
                it.pop();
                it[0].item.seal.seq = 1;
            }),
        ];
        for (what, change) in changes {
            let mut log = log();
            change(&mut log);
            assert!(!keys().are_whole(&log), "{what}");
        }
    }
}
