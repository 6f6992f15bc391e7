//! From a commit to files.

use std::{io, ops::Bound};

use names::{CommitId, ObjectId, RepoPath};

use super::{
    Head, Result, WorkingCopy, WorktreeError,
    dir::{Dir, Found},
    files::split,
    store::hash_into,
};
use crate::{Manifest, check_no_conflict};

/// What becomes of changes of the user that are in no commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite<'a> {
    /// They stay, and nothing else happens.
    Never,
    /// They are moved to below `.muse/motet/rescued/`, into a directory of this name.
    Rescue(&'a str),
}

/// What has to change in the user's files.
struct Plan {
    /// Files to write: new, or with other content.
    write: Vec<(RepoPath, ObjectId)>,
    /// Files to remove.
    remove: Vec<RepoPath>,
}

impl WorkingCopy {
    /// Makes the files those of `to`, then HEAD `head`. `from` is the commit that the files were made from:
    /// none after a fresh clone. Files that are the same in both stay as they are, changed by the user or not;
    /// if a file that has to change holds something else than either side, nothing is touched.
    ///
    /// New files are written before old ones go, never through a symbolic link and never into `.muse` (a
    /// `RepoPath` cannot lead there).
    pub fn checkout(&self, from: Option<CommitId>, to: CommitId, head: &Head) -> Result<()> {
        let (old, new) = (self.manifest_of(from)?, self.manifest_of(Some(to))?);
        self.replace_files(&old, &new, Overwrite::Never)?;
        self.set_head(head)
    }

    /// Makes the files that differ between `old` and `new` those of `new`; all others stay as they are. What
    /// stands there and is of neither side is in the way: nothing is touched then, or it is moved where
    /// [`Overwrite::Rescue`] says. Gives the paths that were rescued.
    pub fn replace_files(
        &self,
        old: &Manifest,
        new: &Manifest,
        overwrite: Overwrite<'_>,
    ) -> Result<Vec<RepoPath>> {
        check_no_conflict(new)?;
        let plan = plan(old, new);
        self.check_objects(&plan)?;
        let in_the_way = self.in_the_way(&plan, old, new)?;
        match overwrite {
            Overwrite::Never if !in_the_way.is_empty() => {
                return Err(WorktreeError::InTheWay(in_the_way));
            }
            Overwrite::Never => {}
            Overwrite::Rescue(place) => {
                for path in &in_the_way {
                    self.rescue(path, old, place)?;
                }
            }
        }
        self.carry_out(&plan, new)?;
        Ok(in_the_way)
    }

    /// Writes and removes files. What is interrupted leaves each file whole, and is done again by the next try.
    fn carry_out(&self, plan: &Plan, new: &Manifest) -> Result<()> {
        for path in &plan.remove {
            // A file where a directory must be, or below a name that becomes a file, has to go first.
            if blocks(path, new) {
                self.remove_path(path)?;
            }
        }
        for (path, object) in &plan.write {
            self.write_path(path, object)?;
        }
        for path in &plan.remove {
            if !blocks(path, new) {
                self.remove_path(path)?;
            }
        }
        Ok(())
    }

    /// Moves what stands in the way of `path` to below `.muse/motet/rescued/<place>`: the file, or the file that
    /// stands where a directory must be, or the directory that stands where the file must be.
    fn rescue(&self, path: &RepoPath, old: &Manifest, place: &str) -> Result<()> {
        let text = path.as_str();
        let ends = text.match_indices('/').map(|(at, _)| at).chain([text.len()]);
        for end in ends {
            let above = text.get(..end).unwrap_or(text);
            let (parent, name) = split(above);
            let find = || match self.root.descend(parent)? {
                Some(directory) => Ok(directory.find(name)?.map(|found| (directory, found))),
                None => Ok(None),
            };
            match find().map_err(WorktreeError::io(path))? {
                None => return Ok(()),
                Some((_, Found::Directory)) if end < text.len() => {}
                // It goes by itself.
                Some((_, Found::File(_))) if end < text.len() && old.contains_key(above) => {
                    return Ok(());
                }
                Some((directory, _)) => {
                    let target = format!("motet/rescued/{place}/{parent}");
                    let moved = || directory.move_to(name, &self.muse.make(&target)?, name);
                    return moved().map_err(WorktreeError::io(path));
                }
            }
        }
        Ok(())
    }

    fn check_objects(&self, plan: &Plan) -> Result<()> {
        self.bring(plan.write.iter().map(|(_, object)| *object))?;
        for (path, object) in &plan.write {
            if !self.has_object(object)? {
                return Err(WorktreeError::MissingObject { path: path.clone(), object: *object });
            }
        }
        Ok(())
    }

    /// The paths at which something would be lost.
    fn in_the_way(&self, plan: &Plan, old: &Manifest, new: &Manifest) -> Result<Vec<RepoPath>> {
        let written = plan.write.iter().map(|(path, _)| path);
        let mut in_the_way = Vec::new();
        for path in written.chain(&plan.remove) {
            let known = [old.get(path), new.get(path)];
            let safe = match self.on_disk(path, old).map_err(WorktreeError::io(path))? {
                OnDisk::Nothing => true,
                OnDisk::File(object) => known.contains(&Some(&object)),
                OnDisk::Else => false,
            };
            if !safe {
                in_the_way.push(path.clone());
            }
        }
        Ok(in_the_way)
    }

    /// What stands at `path` now. A directory there is nothing if all in it is known to `old`, a file above it
    /// if it is: both are among what goes.
    fn on_disk(&self, path: &RepoPath, old: &Manifest) -> io::Result<OnDisk> {
        let parent = path.parent().unwrap_or_default();
        let directory = match self.root.descend(parent) {
            Ok(Some(directory)) => directory,
            Ok(None) => return Ok(OnDisk::Nothing),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                let ends = parent.match_indices('/').map(|(at, _)| at).chain([parent.len()]);
                let known =
                    ends.filter_map(|end| parent.get(..end)).any(|above| old.contains_key(above));
                return Ok(if known { OnDisk::Nothing } else { OnDisk::Else });
            }
            Err(error) => return Err(error),
        };
        match directory.find(path.file_name())? {
            None => Ok(OnDisk::Nothing),
            Some(Found::File(_)) => match directory.open_file(path.file_name())? {
                Some(mut file) => Ok(OnDisk::File(hash_into(&mut file, |_| Ok(()))?)),
                None => Ok(OnDisk::Nothing),
            },
            Some(Found::Directory) if self.holds_only(path.as_str(), old)? => Ok(OnDisk::Nothing),
            Some(Found::Directory | Found::Link | Found::Other) => Ok(OnDisk::Else),
        }
    }

    /// Whether every file below a directory belongs to `old`.
    fn holds_only(&self, directory: &str, old: &Manifest) -> io::Result<bool> {
        let mut waiting = vec![directory.to_owned()];
        while let Some(path) = waiting.pop() {
            let Some(directory) = self.root.descend(&path)? else { continue };
            for (name, found) in directory.entries()? {
                let Some(name) = name.to_str() else { return Ok(false) };
                let inside = format!("{path}/{name}");
                match found {
                    Found::Directory => waiting.push(inside),
                    Found::File(_) if old.contains_key(inside.as_str()) => {}
                    Found::File(_) | Found::Link | Found::Other => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    fn write_path(&self, path: &RepoPath, object: &ObjectId) -> Result<()> {
        let temporaries = self.temporaries()?;
        let parent = path.parent().unwrap_or_default();
        let directory = self.root.make(parent).map_err(WorktreeError::io(path))?;
        if directory.find(path.file_name()).map_err(WorktreeError::io(path))?
            == Some(Found::Directory)
        {
            directory.remove_empty(path.file_name()).map_err(WorktreeError::io(path))?;
        }
        let fill = |file: &mut std::fs::File| -> Result<(), Filled> {
            self.copy_object(object, |part| io::Write::write_all(file, part))
                .map_err(Filled::Source)?;
            Ok(())
        };
        directory.write_with(path.file_name(), &temporaries, &self.random, fill).map_err(|failed| {
            match failed {
                Filled::Source(error) => error,
                Filled::Target(cause) => WorktreeError::io(path)(cause),
            }
        })
    }

    /// Removes a file, and the directories above it that are empty then.
    fn remove_path(&self, path: &RepoPath) -> Result<()> {
        let mut inside = Some(path.as_str());
        let mut is_file = true;
        while let Some(gone) = inside {
            let (above, name) = gone.rsplit_once('/').unwrap_or(("", gone));
            let remove = |directory: &Dir| {
                if is_file {
                    directory.remove_file(name).map(|()| true)
                } else {
                    directory.remove_empty(name)
                }
            };
            let directory = self.root.descend(above).map_err(WorktreeError::io(gone))?;
            let removed =
                directory.as_ref().map_or(Ok(true), remove).map_err(WorktreeError::io(gone))?;
            inside = (removed && !above.is_empty()).then_some(above);
            is_file = false;
        }
        Ok(())
    }
}

/// What stands at a path.
enum OnDisk {
    Nothing,
    File(ObjectId),
    Else,
}

/// On which side a copy failed.
enum Filled {
    Source(WorktreeError),
    Target(io::Error),
}

impl From<io::Error> for Filled {
    fn from(error: io::Error) -> Self {
        Self::Target(error)
    }
}

fn plan(old: &Manifest, new: &Manifest) -> Plan {
    let write = new.iter().filter(|(path, object)| old.get(*path) != Some(object));
    let remove = old.keys().filter(|path| !new.contains_key(*path));
    Plan {
        write: write.map(|(path, object)| (path.clone(), *object)).collect(),
        remove: remove.cloned().collect(),
    }
}

/// Whether a file that goes stands where a directory of `new` must be, or below a file of it.
fn blocks(path: &RepoPath, new: &Manifest) -> bool {
    let text = path.as_str();
    let above = text.match_indices('/').filter_map(|(at, _)| text.get(..at));
    let below = format!("{path}/");
    // All paths in a directory stand together, beginning at the first one that is not less.
    let next = new.range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded)).next();
    above.into_iter().any(|directory| new.contains_key(directory))
        || next.is_some_and(|(path, _)| path.as_str().starts_with(&below))
}
