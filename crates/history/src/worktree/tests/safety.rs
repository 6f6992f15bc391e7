//! H82: whatever the user did, going from one commit to another loses nothing that is in no commit.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    trees::{Dice, stir},
    *,
};

/// Every file, link and socket of the user by its path, with what tells it from another.
fn everything(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let name = path.strip_prefix(root).unwrap().to_owned();
            if kind.is_dir() {
                if name.to_str() != Some(".muse") {
                    waiting.push(path);
                }
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                found.insert(name, [b"-> ", target.as_os_str().as_encoded_bytes()].concat());
            } else if kind.is_file() {
                found.insert(name, fs::read(&path).unwrap());
            } else {
                found.insert(name, b"a socket".to_vec());
            }
        }
    }
    found
}

fn commit_all(place: &Place, message: &str) -> Manifest {
    let new = NewCommit { allow_empty: true, ..new_commit(message) };
    place.copy.record_commit(&new).unwrap();
    place.copy.manifest_of(place.copy.head_commit().unwrap()).unwrap()
}

/// Whether a file of the user is in one of the two commits, so that it need not be kept.
fn is_known(path: &Path, content: &[u8], sides: [&Manifest; 2]) -> bool {
    let Some(path) = path.to_str().and_then(|path| path.parse::<RepoPath>().ok()) else {
        return false;
    };
    sides.iter().any(|side| side.get(&path) == Some(&ObjectId::of(content)))
}

#[test]
fn nothing_of_the_user_is_lost() {
    for seed in 0..150 {
        let (place, dice) = (place(), Dice(Random::seeded(1000 + seed)));
        let root = place.directory.path();
        stir(&dice, root, 0);
        let to = commit_all(&place, "first");
        stir(&dice, root, 0);
        let from = commit_all(&place, "second");
        stir(&dice, root, 0);
        let before = everything(root);
        let outcome = place.copy.replace_files(&from, &to, Overwrite::Never);
        if let Err(error) = outcome {
            assert!(matches!(error, WorktreeError::InTheWay(_)), "seed {seed}: {error:?}");
            assert_eq!(everything(root), before, "seed {seed}: refused, and changed all the same");
            place.copy.replace_files(&from, &to, Overwrite::Rescue("1")).unwrap();
        }
        let (after, rescued) = (everything(root), everything(&root.join(".muse/motet/rescued/1")));
        for (path, content) in &before {
            let is_there = after.get(path) == Some(content) || rescued.get(path) == Some(content);
            let known = is_known(path, content, [&from, &to]);
            assert!(is_there || known, "seed {seed}: {} is lost", path.display());
        }
        for (path, object) in to.iter().filter(|(path, object)| from.get(*path) != Some(object)) {
            let found = after.get(Path::new(path.as_str())).map(|it| ObjectId::of(it));
            assert_eq!(found.as_ref(), Some(object), "seed {seed}: {path} is not there");
        }
    }
}
