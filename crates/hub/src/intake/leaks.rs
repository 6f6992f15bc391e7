//! Keys and tokens that were left in what comes: looked for in the objects that are new to a repository, before its transaction
//! (`spec/hub.md` 1, secret protection).
//!
//! What is told of a finding is where it is, what it is and its fingerprint; its bytes stay where they are.

use std::collections::{BTreeMap, HashMap, HashSet};

use api::WireCode;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use keys::{Leak, LeakScanner, MAX_TEXT_BYTES};
use names::{Id, ObjectId};
use objects::{Objects, Piece, Uploader};
use uuid::Uuid;

use super::{
    SecretProtection,
    inspect::{Asks, Heads, News, told},
    store,
};
use crate::{Error, Hub, Repository, wire::push::blocking};

/// Objects whose places are looked up together.
const BATCH: usize = 2_000;
/// Objects whose places are put in order together: those that lie together are then read together.
const TOGETHER: usize = 200_000;
/// How much of what came before its push is read once more for it, where findings are only told: so many objects, in so many
/// pieces of at most 1 MiB. A bucket is asked once a piece. Where findings are refused all is read, however long that takes.
const TOLD_OF: usize = 200_000;
const TOLD_PIECES: usize = 2_000;
/// Pieces that are read and looked through at the same time; none is in memory for longer.
const READS: usize = 16;

/// What was found, by the objects in which it is. Objects in which nothing was found are not here.
pub(crate) type Leaks = HashMap<ObjectId, Vec<Leak>>;

/// Which finding is meant: the first bytes of a SHA-256 over what was found and the path where it is. Enough to tell one from
/// another; whoever could make two that are alike may let both pass anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FindingId(pub(super) [u8; 8]);

impl FindingId {
    fn of(path: &str, leak: &Leak) -> Self {
        let mut hasher = names::Hasher::default();
        for part in [&b"motet-finding-v1"[..], path.as_bytes(), &leak.digest] {
            hasher.update(part);
            hasher.update(&[0]);
        }
        Self(hasher.finish().first_chunk().copied().unwrap_or_default())
    }
}

impl std::fmt::Display for FindingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl std::str::FromStr for FindingId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_one =
            text.len() == 16 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        let number = Some(text).filter(|_| is_one).and_then(|it| u64::from_str_radix(it, 16).ok());
        let number = number.ok_or("a fingerprint is 16 hexadecimal digits in small letters")?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// What was left in bytes that are at hand.
pub(crate) fn leaks_in(bytes: &[u8]) -> Vec<Leak> {
    let mut scanner = LeakScanner::default();
    scanner.feed(bytes);
    scanner.finish()
}

impl Hub {
    /// What was left in objects that are new to a repository: in those that were looked through while they came, and in those
    /// that wait in the store.
    pub(crate) async fn leaks(
        &self,
        (asks, repository): (Asks, Option<&Repository>),
        mut at_hand: Leaks,
        waiting: &[ObjectId],
    ) -> Result<Leaks, Error> {
        if asks.secrets == SecretProtection::Off {
            return Ok(Leaks::new());
        }
        if let Some(repository) = repository {
            let found: Vec<_> = at_hand.keys().copied().collect();
            for id in self.held_of(repository.id, &found).await? {
                at_hand.remove(&id);
            }
        }
        let (most, mut pieces_left) = match asks.secrets {
            SecretProtection::Refuse => (waiting.len(), usize::MAX),
            SecretProtection::Warn | SecretProtection::Off => {
                (waiting.len().min(TOLD_OF), TOLD_PIECES)
            }
        };
        for some in waiting.get(..most).unwrap_or_default().chunks(TOGETHER) {
            let mut pieces = self.pieces_of(some).await?;
            pieces.truncate(pieces_left);
            pieces_left -= pieces.len();
            let looks = pieces.into_iter().map(|piece| look_through(self.objects.clone(), piece));
            let mut looks = stream::iter(looks).buffer_unordered(READS);
            while let Some(found) = looks.try_next().await? {
                at_hand.extend(found);
            }
        }
        Ok(at_hand)
    }

    /// Those of `ids` that a repository does not hold.
    pub(crate) async fn new_to(
        &self,
        repository: Id<Repository>,
        ids: &[ObjectId],
    ) -> Result<Vec<ObjectId>, Error> {
        let mut new = Vec::new();
        for batch in ids.chunks(BATCH) {
            let held = self.held_of(repository, batch).await?;
            new.extend(batch.iter().filter(|id| !held.contains(id) && **id != ObjectId::EMPTY));
        }
        Ok(new)
    }

    /// Refuses what a repository does not take, of files and of what was left in them; gives what is only told.
    pub(crate) async fn judge_news(
        &self,
        at: (Asks, Option<&Repository>),
        news: &[News],
        heads: &Heads,
        leaks: &Leaks,
    ) -> Result<Vec<String>, Error> {
        let mut told = self.inspect(at.0, news, heads).await?;
        told.extend(self.judge_leaks(at, news, leaks).await?);
        Ok(told)
    }

    /// Refuses what was left in files, if the repository says so; gives what is only told. What somebody let pass is neither.
    async fn judge_leaks(
        &self,
        (asks, repository): (Asks, Option<&Repository>),
        news: &[News],
        leaks: &Leaks,
    ) -> Result<Vec<String>, Error> {
        if leaks.is_empty() {
            return Ok(Vec::new());
        }
        let pairs = news.iter().flat_map(News::pairs);
        let found = pairs.flat_map(|(path, id)| {
            leaks.get(id).into_iter().flatten().map(|leak| (path.as_str(), leak))
        });
        self.judge_found((asks, repository), found.collect()).await
    }

    /// The same for what was found elsewhere than in the store: paths, and what was left there.
    pub(crate) async fn judge_found(
        &self,
        (asks, repository): (Asks, Option<&Repository>),
        found: Vec<(&str, &Leak)>,
    ) -> Result<Vec<String>, Error> {
        let mut findings = BTreeMap::new();
        for (path, leak) in found {
            findings.entry(FindingId::of(path, leak)).or_insert((path, leak));
        }
        if let Some(repository) = repository {
            let ids: Vec<_> = findings.keys().copied().collect();
            let mut tx = self.db.glance().await?;
            for passed in store::passed(&mut tx, repository.id, &ids).await? {
                findings.remove(&passed);
            }
        }
        let mut findings: Vec<_> = findings.into_iter().collect();
        findings.sort_unstable_by_key(|(id, (path, leak))| (*path, leak.line, *id));
        let sentence = |(id, (path, leak)): &(FindingId, (&str, &Leak))| {
            format!("`{path}`, line {}: {} (fingerprint {id})", leak.line, leak.kind)
        };
        let sentences = findings.iter().map(sentence);
        if findings.is_empty() {
            return Ok(Vec::new());
        }
        match asks.secrets {
            SecretProtection::Off => Ok(Vec::new()),
            SecretProtection::Warn => {
                let next = "this looks like a secret; make it invalid where it was made";
                Ok(told(sentences.map(|it| format!("{it}: {next}")).collect()))
            }
            SecretProtection::Refuse => {
                let next = match findings.len() {
                    1 => "a secret was left in a file; take it out of every commit, or let it pass"
                        .to_owned(),
                    many => format!(
                        "{many} secrets were left in files; take them out of every commit, or let each pass"
                    ),
                };
                let all = told(sentences.collect()).join("; ");
                let sentence = format!("{next} with `motet repo pass`: {all}");
                Err(Error::wire(WireCode::SecretFound, sentence))
            }
        }
    }

    /// Which of `ids` the repository holds.
    async fn held_of(
        &self,
        repository: Id<Repository>,
        ids: &[ObjectId],
    ) -> Result<HashSet<ObjectId>, Error> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        // Nobody's pending objects.
        let of = Uploader { repository: repository.uuid(), principal: Uuid::nil() };
        let mut tx = self.db.glance().await?;
        Ok(self.objects.available(&mut tx, of, ids).await?.into_keys().collect())
    }

    /// Objects that may be looked through, in the pieces in which they are read.
    async fn pieces_of(&self, ids: &[ObjectId]) -> Result<Vec<Piece>, Error> {
        let mut places = Vec::with_capacity(ids.len());
        for batch in ids.chunks(BATCH) {
            let mut tx = self.db.glance().await?;
            let found = self.objects.find(&mut tx, batch).await?;
            places.extend(found.into_iter().filter(|(_, it)| it.size <= MAX_TEXT_BYTES));
        }
        Ok(Piece::of(places))
    }
}

/// Reads a piece and looks through its objects, on a thread that may take long; gives those in which something was left.
async fn look_through(objects: Objects, piece: Piece) -> Result<Vec<(ObjectId, Vec<Leak>)>, Error> {
    let read = objects.read_piece(piece).await?;
    blocking(move || {
        let found = read.iter().map(|(id, bytes)| (*id, leaks_in(bytes)));
        Ok(found.filter(|(_, found)| !found.is_empty()).collect())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_has_one_name_wherever_its_line_is() {
        let leak = |line, byte| Leak { kind: "a key", line, digest: [byte; 32] };
        let one = FindingId::of("a/b", &leak(1, 7));
        assert_eq!(one, FindingId::of("a/b", &leak(2, 7)));
        assert_ne!(one, FindingId::of("a/c", &leak(1, 7)));
        assert_ne!(one, FindingId::of("a/b", &leak(1, 8)));
        assert_eq!(one.to_string().parse(), Ok(one));
        for bad in [
            "",
            "0",
            "00000000000000000",
            "000000000000000G",
            "00000000000000AB",
            "+000000000000000",
        ] {
            assert!(bad.parse::<FindingId>().is_err(), "{bad}");
        }
    }
}
