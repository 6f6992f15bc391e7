//! A snapshot as what differs from the one before it, in parts.

use api::{SnapshotRecord, stream::SnapshotPart};
use history::Manifest;
use names::{ObjectId, RepoPath, SnapshotId};

/// What one part has: small enough to fit into a frame even if nothing of it packs.
const PART_BYTES: usize = 512 << 10;
/// What a path costs beside its name.
const NAME_BYTES: usize = 48;

/// A snapshot by what differs from another one.
#[derive(Debug)]
pub(super) struct Delta {
    id: SnapshotId,
    base: Option<SnapshotId>,
    files: u64,
    created_at: String,
    /// In the order of the paths; nothing stands where a file is gone.
    changes: Vec<(RepoPath, Option<ObjectId>)>,
}

impl Delta {
    /// What `to` has otherwise than `base`, or than nothing.
    pub(super) fn between(base: Option<(SnapshotId, &Manifest)>, to: &SnapshotRecord) -> Self {
        let mut before = base.map(|(_, manifest)| manifest.iter()).into_iter().flatten().peekable();
        let mut changes = Vec::new();
        for (path, object) in &to.manifest {
            while let Some((gone, _)) = before.next_if(|(it, _)| *it < path) {
                changes.push((gone.clone(), None));
            }
            let stays = before.next_if(|(it, _)| *it == path);
            if stays.is_none_or(|(_, it)| it != object) {
                changes.push((path.clone(), Some(*object)));
            }
        }
        changes.extend(before.map(|(gone, _)| (gone.clone(), None)));
        Self {
            id: to.snapshot_id,
            base: base.map(|(id, _)| id),
            files: to.manifest.len() as u64,
            created_at: to.created_at.clone(),
            changes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    /// The objects that it names.
    pub(super) fn objects(&self) -> impl Iterator<Item = ObjectId> {
        let named = self.changes.iter().filter_map(|(_, object)| *object);
        named.filter(|id| *id != ObjectId::EMPTY)
    }

    /// It, as it is sent.
    pub(super) fn into_parts(self) -> Vec<SnapshotPart> {
        let Self { id, base, files, created_at, changes } = self;
        let empty = |part: u32| SnapshotPart {
            snapshot_id: id,
            base,
            part,
            last: false,
            files,
            created_at: created_at.clone(),
            set: Vec::new(),
            del: Vec::new(),
        };
        let (mut parts, mut part, mut bytes) = (Vec::new(), empty(0), 0);
        for (path, object) in changes {
            if bytes >= PART_BYTES {
                let next = empty(part.part + 1);
                parts.push(std::mem::replace(&mut part, next));
                bytes = 0;
            }
            bytes += path.as_str().len() + NAME_BYTES;
            match object {
                Some(object) => part.set.push((path, object)),
                None => part.del.push(path),
            }
        }
        part.last = true;
        parts.push(part);
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(files: &[(&str, &str)]) -> SnapshotRecord {
        let file =
            |(path, text): &(&str, &str)| (path.parse().unwrap(), ObjectId::of(text.as_bytes()));
        let manifest: Manifest = files.iter().map(file).collect();
        let snapshot_id = history::snapshot_id(&manifest);
        SnapshotRecord { snapshot_id, manifest, created_at: String::new() }
    }

    #[test]
    fn what_is_new_other_or_gone_is_told_in_order_and_in_parts() {
        let before = snapshot(&[("a", "1"), ("b", "1"), ("c", "1"), ("z", "1")]);
        let after = snapshot(&[("a", "1"), ("b", "2"), ("d", "1")]);
        let delta = Delta::between(Some((before.snapshot_id, &before.manifest)), &after);
        let told: Vec<_> =
            delta.changes.iter().map(|(path, object)| (path.as_str(), object.is_some())).collect();
        assert_eq!(told, [("b", true), ("c", false), ("d", true), ("z", false)]);
        let whole = Delta::between(None, &after);
        assert_eq!((whole.len(), whole.base), (3, None));

        let names: Vec<_> =
            (0..20_000).map(|it| format!("a/path/of/some/length/{it:06}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
        let parts = Delta::between(None, &snapshot(&many)).into_parts();
        assert!(parts.len() > 1);
        assert_eq!(parts.iter().map(|it| it.set.len()).sum::<usize>(), many.len());
        let numbered = parts.iter().zip(0..).all(|(part, number)| part.part == number);
        let lasts = parts.iter().filter(|it| it.last).count();
        assert!(numbered && lasts == 1 && parts.last().is_some_and(|it| it.last));
    }
}
