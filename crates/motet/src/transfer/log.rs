//! The log of a server, followed item by item (`spec/wire.md` 8). A server is believed as long as what it shows goes on
//! from what it showed before.

use std::collections::{HashMap, HashSet};

use api::wire2::{KEYS, LOG_ITEMS, LogHead, LogItem, LogPage, RefPlace};
use history::ref_log::{Chain, Item, LogFault, RefEntry, Seal, Signatures};
use keys::{PublicKey, Signature};

use super::{Offer, TransferError};
use crate::{client::Wire, visible::visible};

/// Keys by their fingerprints.
#[derive(Debug, Default)]
pub struct Keys(HashMap<String, PublicKey>);

impl Keys {
    /// Takes a key, under the name that it has by its bytes.
    pub fn add(&mut self, line: &str) {
        if let Ok((key, _)) = PublicKey::from_openssh(line) {
            self.0.insert(key.fingerprint().to_string(), key);
        }
    }

    /// Whether the key of that name is here.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether a signature is good; nothing if the key is not known.
    pub fn verify(&self, name: &str, message: &[u8], signature: &[u8; 64]) -> Option<bool> {
        let key = self.0.get(name)?;
        Some(key.verify(message, &Signature::from_bytes(*signature)))
    }
}

impl Signatures for Keys {
    fn pusher(&self, key: &str, message: &[u8], signature: &[u8; 64]) -> Option<bool> {
        self.verify(key, message, signature)
    }

    fn server(&self, key: &str, message: &[u8], signature: &[u8; 64]) -> Option<bool> {
        self.verify(key, message, signature)
    }
}

/// Follows the log from where it was followed before to the end that was offered, and compares its end with the
/// branches that were offered.
pub(super) async fn follow(
    wire: Wire<'_>,
    known: Option<Chain>,
    offer: &Offer,
) -> Result<Option<Chain>, TransferError> {
    let Some(head) = &offer.log else {
        return match known {
            Some(chain) if chain.seq > 0 => Err(another("it shows no log any more".to_owned())),
            Some(_) | None => Ok(None),
        };
    };
    let mut chain = known.unwrap_or_else(|| Chain::new(offer.repository_id.clone()));
    if chain.repository_id != offer.repository_id {
        return Err(another("it is another repository".to_owned()));
    }
    if head.seq < chain.seq {
        let sentence = format!("its log ends at {}, and was at {} before", head.seq, chain.seq);
        return Err(another(sentence));
    }
    let mut keys = Keys::default();
    keys.add(&head.public_key);
    while chain.seq < head.seq {
        let limit = (head.seq - chain.seq).min(LOG_ITEMS as u64);
        let page = wire.log(chain.seq, limit).await?;
        take_page(wire, &mut chain, &mut keys, &page).await?;
    }
    check_end(&chain, head, offer)?;
    Ok(Some(chain))
}

/// Takes the items of a page, with the keys that they need.
async fn take_page(
    wire: Wire<'_>,
    chain: &mut Chain,
    keys: &mut Keys,
    page: &LogPage,
) -> Result<(), TransferError> {
    let items: Vec<Item> = page.items.iter().map(read).collect::<Result<_, _>>()?;
    if items.is_empty() {
        return Err(another(format!("its log has nothing behind {}", chain.seq)));
    }
    learn(wire, keys, &items).await?;
    for item in &items {
        chain.take(item, &*keys).map_err(|fault: LogFault| another(fault.to_string()))?;
    }
    Ok(())
}

/// Asks for the keys that signed these items and are not known. What the server says of them is believed by their
/// fingerprints.
async fn learn(wire: Wire<'_>, keys: &mut Keys, items: &[Item]) -> Result<(), TransferError> {
    if items.iter().any(|it| !keys.has(&it.seal.server_key)) {
        wire.server_keys().await?.items.iter().for_each(|it| keys.add(&it.public_key));
    }
    let signed = items.iter().filter(|it| it.signature.is_some());
    let mut wanted: Vec<_> = signed.map(|it| it.entry.pusher_key.clone()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.retain(|name| !keys.has(name));
    for names in wanted.chunks(KEYS) {
        let found = wire.known_keys(names.to_vec()).await?;
        found.keys.iter().for_each(|it| keys.add(&it.public_key));
    }
    Ok(())
}

fn check_end(chain: &Chain, head: &LogHead, offer: &Offer) -> Result<(), TransferError> {
    let told = chain.seal_hash.map(|it| it.to_string()).unwrap_or_default();
    if told != head.seal_hash {
        return Err(another(format!("the seal {} is another one than before", chain.seq)));
    }
    for (branch, commit) in offer.heads.iter() {
        let name = branch.full();
        // What has not moved since there is a log is not in it.
        let Some(state) = chain.refs.get(&name) else { continue };
        if state.target != commit.to_string() {
            return Err(another(format!("{branch} is not where its log says")));
        }
    }
    for RefPlace { name, target, counter, entry_hash } in &offer.places {
        let target = target.map(|it| it.to_string()).unwrap_or_default();
        let is_as_logged = match chain.refs.get(name) {
            Some(state) => {
                (state.counter, &state.target) == (*counter, &target)
                    && state.entry_hash.to_string() == *entry_hash
            }
            None => *counter == 0,
        };
        if !is_as_logged {
            return Err(another(format!("{} is not where its log says", visible(name))));
        }
    }
    let told: HashSet<&str> = offer.places.iter().map(|it| it.name.as_str()).collect();
    let is_there = |name: &str| {
        let of_branch =
            |branch: &str| !branch.parse().is_ok_and(|branch| offer.heads.get(&branch).is_none());
        match name.strip_prefix("refs/heads/") {
            Some(branch) => of_branch(branch),
            // Where refs are told, tags are; others may be hidden.
            None => told.is_empty() || !name.starts_with("refs/tags/") || told.contains(name),
        }
    };
    let gone = chain.refs.iter().find(|(name, state)| !state.target.is_empty() && !is_there(name));
    match gone {
        Some((name, _)) => Err(another(format!("{name} is gone, and its log does not say so"))),
        None => Ok(()),
    }
}

/// An item as it was signed.
fn read(item: &LogItem) -> Result<Item, TransferError> {
    let bad = || another("an item of its log cannot be read".to_owned());
    let signature =
        |text: &str| Signature::from_commit_text(text).map(|it| *it.as_bytes()).map_err(|_| bad());
    Ok(Item {
        entry: RefEntry::read(item.entry.as_bytes()).ok_or_else(bad)?,
        signature: (!item.signature.is_empty()).then(|| signature(&item.signature)).transpose()?,
        seal: Seal::read(item.seal.as_bytes()).ok_or_else(bad)?,
        seal_signature: signature(&item.seal_signature)?,
    })
}

fn another(sentence: String) -> TransferError {
    TransferError::Log(sentence)
}
