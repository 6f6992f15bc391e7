//! Snapshots as what differs from another one (`spec/wire.md` 9.1, b): the manifest of the base and the delta, both in
//! the order of their paths, become one, and are hashed on the way. No manifest need be in memory.

use std::iter::Peekable;

use api::stream::SnapshotPart;
use names::{ObjectId, RepoPath, SnapshotId};

use crate::{Fault, SnapshotHasher};

/// A path and what stands there.
pub type ManifestEntry = (RepoPath, ObjectId);

/// Why a delta is refused.
#[derive(Debug, thiserror::Error)]
pub enum DeltaError<E> {
    /// The base cannot be read, or the result not be kept.
    #[error(transparent)]
    Kept(E),
    /// The result is not what the id names, or cannot be on a disk.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A path that comes twice, or before one that it sorts behind.
    #[error("the paths of snapshot {snapshot} are not in order: `{path}` comes too late")]
    Order {
        /// The snapshot.
        snapshot: SnapshotId,
        /// The path.
        path: RepoPath,
    },
    /// The number of files is another one than was announced.
    #[error("snapshot {snapshot} has {found} files and not {told}")]
    Files {
        /// The snapshot.
        snapshot: SnapshotId,
        /// How many there are.
        found: u64,
        /// How many there should be.
        told: u64,
    },
}

/// A snapshot that comes in parts, beside the base that it is told by. Each entry of the result is handed on as soon as
/// it is known, and is not to be believed before [`SnapshotMerge::finish`].
pub struct SnapshotMerge<B: Iterator> {
    snapshot: SnapshotId,
    base: Peekable<B>,
    hasher: SnapshotHasher,
    /// The last path that a part named.
    named: Option<RepoPath>,
    /// The last entry of the result, and before it those that are a beginning of it.
    nested: Vec<RepoPath>,
    files: u64,
}

impl<E, B: Iterator<Item = Result<ManifestEntry, E>>> SnapshotMerge<B> {
    /// Begins with the entries of the base, sorted; with none where a full manifest comes.
    pub fn new(snapshot: SnapshotId, base: B) -> Self {
        let (hasher, named, nested) = (SnapshotHasher::default(), None, Vec::new());
        Self { snapshot, base: base.peekable(), hasher, named, nested, files: 0 }
    }

    /// Takes the next part, and hands on all entries up to its last path.
    pub fn part(
        &mut self,
        part: SnapshotPart,
        mut keep: impl FnMut(&ManifestEntry) -> Result<(), E>,
    ) -> Result<(), DeltaError<E>> {
        let mut set = part.set.into_iter().peekable();
        let mut del = part.del.into_iter().peekable();
        loop {
            let takes_set = match (set.peek(), del.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((new, _)), Some(gone)) => new < gone,
            };
            let (path, object) = if takes_set {
                set.next().map(|(path, object)| (path, Some(object))).unzip()
            } else {
                (del.next(), None)
            };
            let (Some(path), object) = (path, object.flatten()) else { return Ok(()) };
            self.name(&path)?;
            self.base_before(Some(&path), &mut keep)?;
            if let Some(object) = object {
                self.put((path, object), &mut keep)?;
            }
        }
    }

    /// Hands on what is left of the base, and says whether the whole is what it should be.
    pub fn finish(
        mut self,
        told_files: u64,
        mut keep: impl FnMut(&ManifestEntry) -> Result<(), E>,
    ) -> Result<(), DeltaError<E>> {
        self.base_before(None, &mut keep)?;
        let (claimed, computed) = (self.snapshot, self.hasher.finish());
        if computed != claimed {
            return Err(Fault::SnapshotMismatch { claimed, computed }.into());
        }
        if self.files != told_files {
            let (snapshot, found, told) = (claimed, self.files, told_files);
            return Err(DeltaError::Files { snapshot, found, told });
        }
        Ok(())
    }

    /// Paths of parts only go up.
    fn name(&mut self, path: &RepoPath) -> Result<(), DeltaError<E>> {
        if self.named.as_ref().is_some_and(|named| named >= path) {
            return Err(DeltaError::Order { snapshot: self.snapshot, path: path.clone() });
        }
        self.named = Some(path.clone());
        Ok(())
    }

    /// Hands on the base up to `path`, whose own entry is left out; all of it where there is none.
    fn base_before(
        &mut self,
        path: Option<&RepoPath>,
        keep: &mut impl FnMut(&ManifestEntry) -> Result<(), E>,
    ) -> Result<(), DeltaError<E>> {
        let reaches = |entry: &Result<ManifestEntry, E>| match (entry, path) {
            (Err(_), _) | (Ok(_), None) => true,
            (Ok((at, _)), Some(path)) => at <= path,
        };
        while let Some(entry) = self.base.next_if(reaches) {
            let entry = entry.map_err(DeltaError::Kept)?;
            if path != Some(&entry.0) {
                self.put(entry, keep)?;
            }
        }
        Ok(())
    }

    fn put(
        &mut self,
        entry: ManifestEntry,
        keep: &mut impl FnMut(&ManifestEntry) -> Result<(), E>,
    ) -> Result<(), DeltaError<E>> {
        let (path, object) = &entry;
        if self.nested.last().is_some_and(|last| last >= path) {
            return Err(DeltaError::Order { snapshot: self.snapshot, path: path.clone() });
        }
        while self.nested.last().is_some_and(|it| !path.as_str().starts_with(it.as_str())) {
            self.nested.pop();
        }
        // Whatever is below a file begins with it, and stands between it and the first that does not.
        let is_below =
            |file: &&RepoPath| path.as_str().as_bytes().get(file.as_str().len()) == Some(&b'/');
        if let Some(file) = self.nested.iter().find(is_below) {
            return Err(Fault::PathConflict { file: file.clone(), inside: path.clone() }.into());
        }
        self.hasher.push(path, object);
        keep(&entry).map_err(DeltaError::Kept)?;
        self.files += 1;
        self.nested.push(entry.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;
    use crate::{Manifest, check_no_conflict, snapshot_id};

    type Merged = Result<Manifest, DeltaError<Infallible>>;

    fn entry(path: &str, content: u8) -> ManifestEntry {
        (path.parse().unwrap(), ObjectId::of(&[content]))
    }

    fn merged(id: SnapshotId, base: &Manifest, parts: Vec<SnapshotPart>, files: u64) -> Merged {
        let entries = base.iter().map(|(path, object)| Ok((path.clone(), *object)));
        let (mut merge, mut out) = (SnapshotMerge::new(id, entries), Manifest::new());
        let mut keep = |(path, object): &ManifestEntry| {
            assert!(out.insert(path.clone(), *object).is_none());
            Ok(())
        };
        for part in parts {
            merge.part(part, &mut keep)?;
        }
        merge.finish(files, &mut keep)?;
        Ok(out)
    }

    fn part(set: Vec<ManifestEntry>, del: Vec<RepoPath>) -> SnapshotPart {
        let (snapshot_id, created_at) = (SnapshotId::of(b""), String::new());
        SnapshotPart {
            snapshot_id,
            base: None,
            part: 0,
            last: true,
            files: 0,
            created_at,
            set,
            del,
        }
    }

    fn manifest() -> impl Strategy<Value = Manifest> {
        let path = "[a-c.-]{0,1}[ab](/[ab0-]{1,2}){0,2}";
        proptest::collection::btree_map(path, 0..3_u8, 0..12).prop_map(|entries| {
            entries.iter().map(|(path, content)| entry(path, *content)).collect()
        })
    }

    /// What differs, cut into parts of `size` names.
    fn delta(from: &Manifest, to: &Manifest, size: usize) -> Vec<SnapshotPart> {
        let mut names: Vec<&RepoPath> = from.keys().chain(to.keys()).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|path| from.get(*path) != to.get(*path));
        let cut = |names: &[&RepoPath]| {
            let (set, del): (Vec<&RepoPath>, Vec<&RepoPath>) =
                names.iter().copied().partition(|path| to.contains_key(*path));
            let set = set.into_iter().map(|path| (path.clone(), to[path])).collect();
            part(set, del.into_iter().cloned().collect())
        };
        names.chunks(size).map(cut).collect()
    }

    proptest! {
        #[test]
        fn base_and_delta_give_the_manifest(from in manifest(), to in manifest(), size in 1..6_usize) {
            let parts = delta(&from, &to, size);
            let result = merged(snapshot_id(&to), &from, parts.clone(), to.len() as u64);
            if check_no_conflict(&to).is_ok() {
                prop_assert_eq!(result.unwrap(), to);
            } else {
                let is_refused =
                    matches!(result, Err(DeltaError::Fault(Fault::PathConflict { .. })));
                prop_assert!(is_refused);
            }
        }

        #[test]
        fn another_result_has_another_id(from in manifest(), to in manifest(), other in manifest()) {
            prop_assume!(to != other && check_no_conflict(&to).is_ok());
            let parts = delta(&from, &to, 4);
            let result = merged(snapshot_id(&other), &from, parts, to.len() as u64);
            let is_refused = matches!(result, Err(DeltaError::Fault(Fault::SnapshotMismatch { .. })));
            prop_assert!(is_refused);
        }
    }

    #[test]
    fn names_that_come_twice_or_too_late_are_refused() {
        let base = Manifest::from([entry("a", 1), entry("m", 1)]);
        let id = snapshot_id(&base);
        for parts in [
            vec![part(vec![entry("b", 1), entry("a", 1)], vec![])],
            vec![part(vec![entry("b", 1), entry("b", 2)], vec![])],
            vec![part(vec![entry("b", 1)], vec!["b".parse().unwrap()])],
            vec![part(vec![entry("b", 1)], vec![]), part(vec![entry("a", 2)], vec![])],
        ] {
            assert!(matches!(merged(id, &base, parts, 2), Err(DeltaError::Order { .. })));
        }
        assert!(matches!(merged(id, &base, vec![], 3), Err(DeltaError::Files { found: 2, .. })));
        assert_eq!(merged(id, &base, vec![], 2).unwrap(), base);
    }
}
