use keys::{PrivateKey, PublicKey, Signature};
use names::{CommitId, Secret};
use proptest::prelude::*;

use super::*;

const REPOSITORY: &str = "0191b2c3-0000-7000-8000-000000000001";

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(Secret::new([seed; 32]))
}

/// The keys with the seeds 1 (a pusher) and 2, 3 (of the server).
struct Known;

impl Signatures for Known {
    fn pusher(&self, name: &str, message: &[u8], signature: &[u8; 64]) -> Option<bool> {
        check(&[1], name, message, signature)
    }

    fn server(&self, name: &str, message: &[u8], signature: &[u8; 64]) -> Option<bool> {
        check(&[2, 3], name, message, signature)
    }
}

fn check(seeds: &[u8], name: &str, message: &[u8], signature: &[u8; 64]) -> Option<bool> {
    let public = seeds.iter().map(|seed| *key(*seed).public());
    let found: PublicKey = public.into_iter().find(|it| it.fingerprint().to_string() == name)?;
    Some(found.verify(message, &Signature::from_bytes(*signature)))
}

/// Writes a log as a server does.
#[derive(Default)]
struct Writer {
    items: Vec<Item>,
}

impl Writer {
    fn movement(&mut self, name: &str, new: &str, is_signed: bool) {
        let before = self.items.iter().rev().find(|it| it.entry.name == name);
        let entry = RefEntry {
            repository_id: REPOSITORY.to_owned(),
            name: name.to_owned(),
            old: before.map(|it| it.entry.new.clone()).unwrap_or_default(),
            new: new.to_owned(),
            counter: before.map_or(1, |it| it.entry.counter + 1),
            prev: before.map(|it| it.entry.hash(it.signature.as_ref())),
            pusher_key: key(1).fingerprint().to_string(),
            time: "2026-11-30T09:00:00.000Z".to_owned(),
        };
        let signature = is_signed.then(|| *key(1).sign(&entry.bytes()).as_bytes());
        self.seal(entry, signature, &key(2));
    }

    fn seal(&mut self, entry: RefEntry, signature: Option<[u8; 64]>, with: &PrivateKey) {
        let last = self.items.last();
        let seal = Seal {
            repository_id: REPOSITORY.to_owned(),
            seq: last.map_or(1, |it| it.seal.seq + 1),
            prev_seal: last.map(|it| it.seal.hash(&it.seal_signature)),
            entry_hash: entry.hash(signature.as_ref()),
            evidence: None,
            principal: "anna".to_owned(),
            via: "msign".to_owned(),
            time: entry.time.clone(),
            server_key: with.fingerprint().to_string(),
        };
        let seal_signature = *with.sign(&seal.bytes()).as_bytes();
        self.items.push(Item { entry, signature, seal, seal_signature });
    }
}

fn follow(items: &[Item]) -> Result<Chain, LogFault> {
    let mut chain = Chain::new(REPOSITORY.to_owned());
    items.iter().try_for_each(|item| chain.take(item, &Known))?;
    Ok(chain)
}

fn id(number: u8) -> String {
    CommitId::of(&[number]).to_string()
}

fn some_movements() -> Writer {
    let mut log = Writer::default();
    log.movement("refs/heads/main", &id(1), false);
    log.movement("refs/heads/topic", &id(2), true);
    log.movement("refs/heads/main", &id(2), true);
    log.movement("refs/heads/topic", "", true);
    log.movement("refs/heads/topic", &id(3), false);
    log
}

#[test]
fn records_have_one_form() {
    for item in some_movements().items {
        assert_eq!(RefEntry::read(&item.entry.bytes()), Some(item.entry.clone()));
        assert_eq!(Seal::read(&item.seal.bytes()), Some(item.seal.clone()));
        assert_eq!(Seal::read(&item.entry.bytes()), None);
        assert_eq!(RefEntry::read(&item.seal.bytes()), None);
    }
    let entry = &some_movements().items[0].entry;
    let text = String::from_utf8(entry.bytes()).unwrap();
    assert!(text.starts_with("motet-ref-v1\nrepository_id 36\n0191b2c3-"), "{text}");
    for (from, to) in [("counter 1\n1", "counter 2\n01"), ("counter 1\n1", "counter 1\n0")] {
        assert_eq!(RefEntry::read(text.replace(from, to).as_bytes()), None);
    }
    assert_ne!(entry.hash(None), entry.hash(Some(&[0; 64])));
}

#[test]
fn a_sound_log_is_followed_in_one_go_or_in_parts() {
    let log = some_movements();
    let whole = follow(&log.items).unwrap();
    assert_eq!((whole.seq, whole.unchecked), (5, 0));
    assert_eq!(whole.refs["refs/heads/topic"].counter, 3);
    assert_eq!(whole.refs["refs/heads/topic"].target, id(3));
    for cut in 0..log.items.len() {
        let mut chain = follow(&log.items[..cut]).unwrap();
        log.items[cut..].iter().for_each(|item| chain.take(item, &Known).unwrap());
        assert_eq!(chain, whole);
    }
}

#[test]
fn a_key_of_the_server_that_changes_says_so() {
    let mut log = some_movements();
    let (old, new) = (key(2).fingerprint().to_string(), key(3).fingerprint().to_string());
    let mut silent = Writer { items: log.items.clone() };
    let last = log.items[2].entry.clone();
    let next = RefEntry {
        old: last.new.clone(),
        new: id(9),
        counter: last.counter + 1,
        prev: Some(last.hash(log.items[2].signature.as_ref())),
        ..last
    };
    silent.seal(next.clone(), None, &key(3));
    assert_eq!(follow(&silent.items), Err(LogFault::Key { seq: 6 }));
    let change = RefEntry {
        name: SERVER_KEY.to_owned(),
        old,
        new,
        counter: 1,
        prev: None,
        pusher_key: String::new(),
        ..next.clone()
    };
    log.seal(change, None, &key(2));
    log.seal(next, None, &key(3));
    assert_eq!(follow(&log.items).unwrap().seq, 7);
}

#[test]
fn what_nobody_can_check_is_counted_and_never_good() {
    let mut log = Writer::default();
    let entry = RefEntry {
        repository_id: REPOSITORY.to_owned(),
        name: "refs/heads/main".to_owned(),
        old: String::new(),
        new: id(1),
        counter: 1,
        prev: None,
        pusher_key: key(7).fingerprint().to_string(),
        time: "2026-11-30T09:00:00.000Z".to_owned(),
    };
    let signature = *key(7).sign(&entry.bytes()).as_bytes();
    log.seal(entry, Some(signature), &key(8));
    assert_eq!(follow(&log.items).unwrap().unchecked, 2);
}

proptest! {
    /// `H67`: one changed text, one missing item, one swapped pair are each found.
    #[test]
    fn whatever_is_changed_is_found(at in 0..5_usize, what in 0..13_u8, other in 0..5_usize) {
        let log = some_movements();
        let mut items = log.items.clone();
        let item = &mut items[at];
        match what {
            0 => item.entry.old.push('0'),
            1 => item.entry.new = id(77),
            2 => item.entry.counter += 1,
            3 => item.entry.prev = Some(Digest::of(b"other")),
            4 => item.entry.pusher_key.push('x'),
            5 => item.entry.time.push('0'),
            6 => item.entry.name.push('x'),
            7 => item.seal.principal.push('x'),
            8 => item.seal.via = "token".to_owned(),
            9 => item.seal.evidence = Some(Digest::of(b"other")),
            10 => item.seal_signature[at] ^= 1,
            11 => drop(items.remove(at)),
            _ => items.swap(at, other),
        }
        prop_assume!(items != log.items);
        // The last item missing is found by those who remember it, or by the refs that it moved.
        prop_assume!(what != 11 || at != 4);
        prop_assert!(follow(&items).is_err());
    }
}
