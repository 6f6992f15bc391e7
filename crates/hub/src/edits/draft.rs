//! Files changed, hashed and laid out: everything of a commit that costs time, done before its transaction.

use std::collections::{BTreeMap, HashMap, HashSet};

use api::{SnapshotRecord, WireCode, wire::limits};
use db::Tx;
use history::{
    CommitTime, Manifest, snapshot_id,
    tree::{self, Tree, TreeWalk},
};
use names::{CommitId, ObjectId, RepoPath, UnixMillis};
use objects::{Objects, Staged};

use crate::{
    Error, Repository,
    intake::{Asks, Heads, Leaks, News, head_of, leaks_in},
    reading,
    wire::push::blocking,
};

/// The files of a snapshot, with their sizes.
pub(crate) type Files = BTreeMap<RepoPath, (ObjectId, u64)>;

/// What becomes of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edit {
    /// It has these bytes from now on, whether it was there or not.
    Write {
        /// Where it is.
        path: RepoPath,
        /// What it holds.
        bytes: Vec<u8>,
    },
    /// It is no more.
    Remove {
        /// Where it was.
        path: RepoPath,
    },
    /// It is somewhere else.
    Move {
        /// Where it was.
        from: RepoPath,
        /// Where it is.
        path: RepoPath,
        /// What it holds, if that is something else.
        bytes: Option<Vec<u8>>,
    },
}

impl Edit {
    /// Where it is, or was.
    pub(crate) const fn path(&self) -> &RepoPath {
        match self {
            Self::Write { path, .. } | Self::Remove { path } | Self::Move { path, .. } => path,
        }
    }
}

/// A snapshot that is ready to be written, with the objects that it brings.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(super) snapshot: SnapshotRecord,
    pub(super) tree: Tree,
    pub(super) staged: Staged,
    /// What is to be linked, with its size.
    pub(super) objects: HashMap<ObjectId, u64>,
    /// What it brings, where somebody asks.
    pub(super) news: News,
    /// The first bytes of what was written.
    pub(super) heads: Heads,
    /// What was left in it.
    pub(super) leaks: Leaks,
}

impl Draft {
    /// Changes `files`, all edits at once: what is moved is taken from where it was before any of them. The bytes are
    /// durable afterwards, and nothing names them.
    pub(crate) async fn of(
        store: &Objects,
        files: Files,
        edits: Vec<Edit>,
        (asks, now): (Asks, UnixMillis),
    ) -> Result<Self, Error> {
        let staging_store = store.clone();
        let laid_out = move || {
            let (mut staging, mut heads) = (staging_store.stage(), Heads::new());
            let mut leaks = Leaks::new();
            let mut files = files;
            let before = files.clone();
            let objects = change(&mut files, edits, |bytes| {
                let id = staging.add(bytes)?;
                heads.insert(id, head_of(bytes));
                let found = leaks_in(bytes);
                if !found.is_empty() {
                    leaks.insert(id, found);
                }
                Ok(id)
            })?;
            if files == before {
                let message = "these files are like that already".to_owned();
                return Err(Error::Asked { field: "files", message });
            }
            let (snapshot, tree) = lay_out(&files, now)?;
            let news = if asks.is_anything() || !leaks.is_empty() {
                News::of_manifest(asks, &snapshot.manifest, &manifest_of(&before))
            } else {
                News::default()
            };
            Ok((snapshot, tree, staging.finish()?, objects, (news, heads, leaks)))
        };
        let (snapshot, tree, sealed, objects, seen) = blocking(laid_out).await?;
        let (news, heads, leaks) = seen;
        let staged = store.keep(sealed).await?;
        Ok(Self { snapshot, tree, staged, objects, news, heads, leaks })
    }

    /// Files that others hold already, as they are: all of them are to be linked.
    pub(crate) async fn copied(
        store: &Objects,
        files: Files,
        now: UnixMillis,
    ) -> Result<Self, Error> {
        let staging_store = store.clone();
        let laid_out = move || {
            let objects = files.values().copied().filter(|(id, _)| *id != ObjectId::EMPTY);
            let objects = objects.collect();
            let (snapshot, tree) = lay_out(&files, now)?;
            Ok((snapshot, tree, staging_store.stage().finish()?, objects))
        };
        let (snapshot, tree, sealed, objects) = blocking(laid_out).await?;
        let staged = store.keep(sealed).await?;
        let (news, heads, leaks) = (News::default(), Heads::new(), Leaks::new());
        Ok(Self { snapshot, tree, staged, objects, news, heads, leaks })
    }

    /// The objects that are to be linked.
    pub(crate) fn objects(&self) -> Vec<ObjectId> {
        self.objects.keys().copied().collect()
    }
}

/// The snapshot of files, and its directories.
fn lay_out(files: &Files, now: UnixMillis) -> Result<(SnapshotRecord, Tree), Error> {
    if files.len() > limits::FILES {
        let sentence = format!("{} files: the limit is {}", files.len(), limits::FILES);
        return Err(Error::wire(WireCode::TooLarge, sentence));
    }
    let entries = files.iter().map(|(path, (object, size))| (path, *object, *size));
    let tree = tree::build(entries)
        .map_err(|error| Error::wire(WireCode::PathConflict, error.to_string()))?;
    let manifest = manifest_of(files);
    let created_at = CommitTime::from_millis(now).as_str().to_owned();
    Ok((SnapshotRecord { snapshot_id: snapshot_id(&manifest), manifest, created_at }, tree))
}

fn manifest_of(files: &Files) -> Manifest {
    files.iter().map(|(path, (id, _))| (path.clone(), *id)).collect()
}

/// Changes `files`; gives the objects that this wrote, with their sizes.
fn change(
    files: &mut Files,
    edits: Vec<Edit>,
    mut write: impl FnMut(&[u8]) -> Result<ObjectId, Error>,
) -> Result<HashMap<ObjectId, u64>, Error> {
    let asked = |message: String| Error::Asked { field: "files", message };
    let missing = |path: &RepoPath| asked(format!("there is no file `{path}`"));
    let mut named = HashSet::new();
    if let Some(twice) = edits.iter().find(|it| !named.insert(it.path().clone())) {
        return Err(asked(format!("`{}` is there twice", twice.path())));
    }
    let mut moved = HashMap::new();
    for edit in &edits {
        match edit {
            Edit::Write { .. } => {}
            Edit::Remove { path } => drop(files.remove(path).ok_or_else(|| missing(path))?),
            Edit::Move { from, .. } => {
                let file = files.remove(from).ok_or_else(|| missing(from))?;
                moved.insert(from.clone(), file);
            }
        }
    }
    let mut written = HashMap::new();
    for edit in edits {
        let (path, file) = match edit {
            Edit::Remove { .. } => continue,
            Edit::Move { from, path, bytes: None } => {
                let file = moved.get(&from).copied().ok_or_else(|| missing(&from))?;
                (path, file)
            }
            Edit::Write { path, bytes } | Edit::Move { path, bytes: Some(bytes), .. } => {
                let size = bytes.len() as u64;
                // Every repository holds the empty object from the start (`spec/wire.md` D1).
                let id = if bytes.is_empty() { ObjectId::EMPTY } else { write(&bytes)? };
                if id != ObjectId::EMPTY {
                    written.insert(id, size);
                }
                (path, (id, size))
            }
        };
        files.insert(path, file);
    }
    Ok(written)
}

/// The files of a commit that the repository holds.
pub(crate) async fn files_of(
    tx: &mut Tx,
    repository: &Repository,
    commit: CommitId,
) -> Result<Files, Error> {
    let commit = reading::commit(tx, repository, commit).await?;
    let root = reading::root_of(tx, repository, &commit).await?;
    let (mut walk, mut files) = (TreeWalk::new(root), Files::new());
    loop {
        let found = std::iter::from_fn(|| walk.next_file());
        files.extend(found.map(|it| (it.path, (it.object, it.size_bytes))));
        if walk.is_complete() {
            return Ok(files);
        }
        let given = reading::nodes(tx, &walk.needs()).await?;
        walk.give(&given).map_err(|error| Error::Broken(error.to_string()))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepoPath {
        text.parse().unwrap()
    }

    fn files(of: &[(&str, &str)]) -> Files {
        let file = |text: &str| (ObjectId::of(text.as_bytes()), text.len() as u64);
        of.iter().map(|(name, text)| (path(name), file(text))).collect()
    }

    fn write(name: &str, text: &str) -> Edit {
        Edit::Write { path: path(name), bytes: text.as_bytes().to_vec() }
    }

    fn moved(from: &str, to: &str) -> Edit {
        Edit::Move { from: path(from), path: path(to), bytes: None }
    }

    fn changed(of: &[(&str, &str)], edits: Vec<Edit>) -> Result<Files, String> {
        let mut it = files(of);
        let written = change(&mut it, edits, |bytes| Ok(ObjectId::of(bytes)));
        written.map(|_| it).map_err(|error| error.to_string())
    }

    #[test]
    fn all_edits_are_of_the_files_as_they_were() {
        let before = [("a", "1"), ("b", "2"), ("c", "3")];
        let swapped = changed(&before, vec![moved("a", "b"), moved("b", "a")]).unwrap();
        assert_eq!(swapped, files(&[("a", "2"), ("b", "1"), ("c", "3")]));
        let edits = vec![
            write("new/x", "x"),
            Edit::Remove { path: path("c") },
            Edit::Move { from: path("a"), path: path("d"), bytes: Some(b"4".to_vec()) },
            write("empty", ""),
        ];
        let after = changed(&before, edits).unwrap();
        assert_eq!(after, files(&[("b", "2"), ("d", "4"), ("empty", ""), ("new/x", "x")]));
    }

    #[test]
    fn what_cannot_be_changed_is_named() {
        let before = [("a", "1"), ("b", "2")];
        for (edits, told) in [
            (vec![Edit::Remove { path: path("c") }], "`c`"),
            (vec![moved("c", "d")], "`c`"),
            (vec![moved("a", "c"), moved("a", "d")], "`a`"),
            (vec![write("a", "x"), Edit::Remove { path: path("a") }], "`a` is there twice"),
        ] {
            let error = changed(&before, edits).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_file_cannot_be_a_directory_as_well() {
        let both = files(&[("x", "1"), ("x/y", "2")]);
        assert!(lay_out(&both, UnixMillis(0)).is_err());
    }
}
