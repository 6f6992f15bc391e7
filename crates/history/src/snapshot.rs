//! Snapshots: the flat map from path to object, its canonical bytes and the id that they give
//! (`spec/wire.md` 1.2), and the paths that cannot stand beside each other (6.1).
//!
//! The order is that of the bytes of the whole path, which is how a `BTreeMap<RepoPath, _>` walks; it is not
//! the order of a walk by directories (`a-b`, `a.txt`, `a/b.txt`, `a0`).

use std::collections::{BTreeMap, HashMap};

use names::{Hasher, ObjectId, RepoPath, SnapshotId};
use unicode_normalization::UnicodeNormalization as _;

use crate::{Fault, hex::hash_text};

/// Path to object, for every file.
pub type Manifest = BTreeMap<RepoPath, ObjectId>;

/// The id of a snapshot whose entries come one by one, so that no manifest need be in memory.
///
/// The entries must come in the order of the bytes of their paths: another order gives another id.
#[derive(Debug, Default)]
pub struct SnapshotHasher {
    hasher: Hasher,
    begun: bool,
}

impl SnapshotHasher {
    /// Takes the next entry.
    pub fn push(&mut self, path: &RepoPath, object: &ObjectId) {
        if self.begun {
            self.hasher.update(b"\0");
        }
        self.begun = true;
        self.hasher.update(path.as_str().as_bytes());
        self.hasher.update(b"\0");
        hash_text(&mut self.hasher, object);
    }

    /// The id of all entries taken.
    pub fn finish(self) -> SnapshotId {
        SnapshotId::from_bytes(self.hasher.finish())
    }
}

/// The id of `manifest`: SHA-256 over `path NUL object_id`, joined by NUL.
pub fn snapshot_id(manifest: &Manifest) -> SnapshotId {
    let mut hasher = SnapshotHasher::default();
    for (path, object) in manifest {
        hasher.push(path, object);
    }
    hasher.finish()
}

/// Refuses a manifest in which one path is a directory of another, as `x` is of `x/y`: no file system can
/// hold both (`spec/wire.md` 6.1).
pub fn check_no_conflict(manifest: &Manifest) -> Result<(), Fault> {
    // `x` and `x/y` need not be neighbours (`x-y` sorts between them), so every directory is looked up; the
    // directories of a path's predecessor have been already.
    let mut looked_up = "";
    for path in manifest.keys() {
        let Some(parent) = path.parent() else { continue };
        if parent == looked_up {
            continue;
        }
        looked_up = parent;
        let ends = parent.match_indices('/').map(|(at, _)| at).chain([parent.len()]);
        for directory in ends.filter_map(|end| parent.get(..end)) {
            if let Some((file, _)) = manifest.get_key_value(directory) {
                return Err(Fault::PathConflict { file: file.clone(), inside: path.clone() });
            }
        }
    }
    Ok(())
}

/// Groups of paths, each in order, that some file systems take for one: equal but for case or normal form.
/// They are allowed, with a warning, unless the repository says otherwise (`spec/wire.md` 6.1).
///
/// A directory clashes by its files: `A/x` beside `a/x` is found, `A/x` beside `a/y` harms nothing.
pub fn clashing_paths<'a>(paths: impl Iterator<Item = &'a RepoPath> + Clone) -> Vec<Vec<RepoPath>> {
    // Where two are taken for one, at least one of them is not what it is folded to. Most are.
    let mut groups: HashMap<String, Vec<RepoPath>> = HashMap::new();
    for path in paths.clone().filter(|path| !is_folded(path)) {
        groups.entry(folded(path.as_str())).or_default().push(path.clone());
    }
    if groups.is_empty() {
        return Vec::new();
    }
    for path in paths.filter(|path| is_folded(path)) {
        if let Some(group) = groups.get_mut(path.as_str()) {
            group.push(path.clone());
        }
    }
    let mut clashes: Vec<_> = groups.into_values().filter(|group| group.len() > 1).collect();
    for group in &mut clashes {
        group.sort_unstable();
    }
    clashes.sort();
    clashes
}

/// Whether a path is certainly what it is folded to.
fn is_folded(path: &RepoPath) -> bool {
    path.as_str().bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
}

/// A path, or a name in one, as a file system without case and with one normal form sees it.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Upper case first, because `ß` and `ſ` have no lower case that shows what they equal. Folding may undo
    // the normal form, so that is made last.
    let plain: String = text.nfd().collect();
    plain.to_uppercase().to_lowercase().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(paths: &[&str]) -> Manifest {
        paths.iter().map(|path| (path.parse().unwrap(), ObjectId::of(path.as_bytes()))).collect()
    }

    #[test]
    fn a_file_that_is_also_a_directory_is_refused_and_both_are_named() {
        for (paths, file, inside) in [
            (&["x", "x/y"][..], "x", "x/y"),
            (&["x", "x-y", "x/y"], "x", "x/y"),
            (&["a/b", "a/b.c", "a/b/c/d"], "a/b", "a/b/c/d"),
            (&["a", "a/b/c/d"], "a", "a/b/c/d"),
            (&["a/z", "b/z", "b/z/q"], "b/z", "b/z/q"),
        ] {
            let fault = check_no_conflict(&manifest(paths)).unwrap_err();
            assert_eq!(fault.code(), "path_conflict");
            let (file, inside) = (file.parse().unwrap(), inside.parse().unwrap());
            assert_eq!(fault, Fault::PathConflict { file, inside });
        }
        for good in [&["x", "x-y", "xy/z"][..], &[], &["a/b", "a/c", "a-b/c", "b/a"]] {
            assert_eq!(check_no_conflict(&manifest(good)), Ok(()));
        }
    }

    #[test]
    fn paths_equal_but_for_case_or_normal_form_clash() {
        let paths = [
            "Readme",
            "README",
            "readme.md",
            "é",
            "e\u{301}",
            "STRASSE/x",
            "straße/x",
            "A/y",
            "a/x",
        ];
        let text =
            |group: &Vec<RepoPath>| group.iter().map(ToString::to_string).collect::<Vec<_>>();
        let clashes: Vec<_> = clashing_paths(manifest(&paths).keys()).iter().map(text).collect();
        assert_eq!(
            clashes,
            [vec!["README", "Readme"], vec!["STRASSE/x", "straße/x"], vec!["e\u{301}", "é"]]
        );
    }
}
