//! Where repositories of Git lie, and what is written there beside objects and refs.
//!
//! | below `<data>/git`  | what it is                                                          |
//! |---------------------|---------------------------------------------------------------------|
//! | `<uuid>.git/`       | a bare repository                                                     |
//! | `empty.git/`        | what is shown of one that the first push will make                    |
//! | `hooks/`            | the one directory of hooks: links to this very program                |
//! | `run/`              | a socket for each push that is under way                              |
//! | `aside/`            | what was taken out of a repository and is kept for a while            |
//! | `incoming/`         | what came from another server and was not taken yet                   |
//!
//! Invariant: nobody but Motet writes a configuration or a hook. Both are compared with what they should be before each
//! run of Git, and written anew where they differ.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use names::{BranchName, Id};
use uuid::Uuid;

use crate::Repository;

/// The hooks that there are. Everything else of Git's list does not exist here.
const HOOKS: [&str; 2] = ["pre-receive", "proc-receive"];
/// Git says which repository it is by having these.
const FOLDERS: [&str; 5] = ["objects/info", "objects/pack", "refs/heads", "refs/tags", "info"];

/// Where something from another server lies: of which repository, and for which import or mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Berth {
    pub(crate) repository: Id<Repository>,
    pub(crate) run: Uuid,
}

/// All directories of Git. Cheap to clone is what holds it.
#[derive(Debug)]
pub(super) struct Directories {
    root: PathBuf,
    config: String,
}

impl Directories {
    /// Makes what is missing below `root`, which is absolute from then on. `program` is what hooks run: this one.
    pub(super) fn open(root: &Path, program: &Path, push_bytes: u64) -> io::Result<Self> {
        for folder in ["hooks", "run", "aside"] {
            fs::create_dir_all(root.join(folder))?;
        }
        let root = root.canonicalize()?;
        // What sockets a former process left nobody answers any more.
        for socket in fs::read_dir(root.join("run"))? {
            fs::remove_file(socket?.path())?;
        }
        for name in HOOKS {
            link(program, &root.join("hooks").join(name))?;
        }
        let config = config(&root.join("hooks"), push_bytes)?;
        Ok(Self { root, config })
    }

    /// Where a repository lies, whether it is there or not.
    pub(super) fn of(&self, id: Id<Repository>) -> PathBuf {
        self.root.join(format!("{}.git", id.uuid()))
    }

    /// Where sockets of pushes are.
    pub(super) fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// Where what was taken out of a repository is kept.
    pub(super) fn aside(&self, id: Id<Repository>) -> PathBuf {
        self.root.join("aside").join(id.uuid().to_string())
    }

    /// Makes a repository where there is none, and gives it configuration and `HEAD` as they should be.
    pub(super) fn stand(&self, id: Id<Repository>, head: &BranchName) -> io::Result<PathBuf> {
        let dir = self.of(id);
        self.furnish(&dir, head)?;
        Ok(dir)
    }

    /// The same for what is shown of a repository that does not exist yet.
    pub(super) fn stand_empty(&self, head: &BranchName) -> io::Result<PathBuf> {
        let dir = self.root.join("empty.git");
        self.furnish(&dir, head)?;
        Ok(dir)
    }

    /// Where what another server has is put, until it is looked at and taken.
    pub(super) fn incoming(&self, Berth { repository, run }: Berth) -> PathBuf {
        self.root.join("incoming").join(repository.uuid().to_string()).join(format!("{run}.git"))
    }

    /// Makes that place where there is none. It borrows what the repository has, which has to stand.
    pub(super) fn stand_incoming(&self, berth: Berth) -> io::Result<PathBuf> {
        let (dir, borrowed) = (self.incoming(berth), self.of(berth.repository).join("objects"));
        for folder in FOLDERS {
            fs::create_dir_all(dir.join(folder))?;
        }
        let borrowed = borrowed.to_str().ok_or_else(|| io::Error::other("the path is no text"))?;
        write(&dir.join("objects/info/alternates"), &format!("{borrowed}\n"))?;
        write(&dir.join("config"), &self.config)?;
        // A branch of this name cannot be fetched, so whatever is is not the one that stands here.
        write(&dir.join("HEAD"), "ref: refs/motet/none\n")?;
        Ok(dir)
    }

    /// Removes that place.
    pub(super) fn remove_incoming(&self, berth: Berth) -> io::Result<()> {
        gone(fs::remove_dir_all(self.incoming(berth)))
    }

    /// Removes a repository with everything that was kept of it.
    pub(super) fn remove(&self, id: Id<Repository>) -> io::Result<()> {
        gone(fs::remove_dir_all(self.root.join("incoming").join(id.uuid().to_string())))?;
        gone(fs::remove_dir_all(self.of(id)))?;
        gone(fs::remove_dir_all(self.aside(id)))
    }

    fn furnish(&self, dir: &Path, head: &BranchName) -> io::Result<()> {
        for folder in FOLDERS {
            fs::create_dir_all(dir.join(folder))?;
        }
        write(&dir.join("config"), &self.config)?;
        write(&dir.join("HEAD"), &format!("ref: {}\n", head.full()))
    }
}

/// What is gone already is gone.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Writes a file whole, unless it holds that already.
fn write(path: &Path, text: &str) -> io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    match fs::read_to_string(path) {
        Ok(found) if found == text => return Ok(()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // Not text: nothing of ours.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
        Err(error) => return Err(error),
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Two that write at once write the same.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_file_name(format!("{name}.motet.{number}"));
    fs::write(&temporary, text)?;
    fs::rename(&temporary, path)
}

/// Lets `path` lead to `to`, whatever it led to before.
fn link(to: &Path, path: &Path) -> io::Result<()> {
    if fs::read_link(path).is_ok_and(|it| it == to) {
        return Ok(());
    }
    gone(fs::remove_file(path))?;
    symlink(to, path)
}

/// What every repository is configured with (`spec/hub.md` 5, Process).
fn config(hooks: &Path, push_bytes: u64) -> io::Result<String> {
    let hooks = hooks.to_str().filter(|it| !it.contains(['"', '\\', '\n', ';', '#']));
    let hooks = hooks.ok_or_else(|| {
        io::Error::other("the path of the data directory has characters that Git cannot be told")
    })?;
    Ok(format!(
        "\
# Written by Motet, and written again whenever it differs.
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\thooksPath = \"{hooks}\"
\tfsync = committed
\tlogAllRefUpdates = false
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\tbigFileThreshold = 16m
\tdeltaBaseCacheLimit = 32m
[receive]
\tfsckObjects = true
\tmaxInputSize = {push_bytes}
\tunpackLimit = 1
\tadvertisePushOptions = true
\tprocReceiveRefs = refs
\tautogc = false
\tupdateServerInfo = false
[receive \"fsck\"]
\tbadFilemode = error
[fetch \"fsck\"]
\tbadFilemode = error
[transfer]
\tfsckObjects = true
\tunpackLimit = 1
\thideRefs = refs/motet
\thideRefs = refs/queue
[uploadpack]
\tallowFilter = true
\thideRefs = refs
\thideRefs = !refs/heads
\thideRefs = !refs/tags
[gc]
\tauto = 0
[maintenance]
\tauto = false
[pack]
\tthreads = 1
\twindowMemory = 128m
\tdeltaCacheSize = 64m
"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Id<Repository> {
        Id::from_uuid(Uuid::from_u128(7))
    }

    #[test]
    fn what_others_wrote_into_a_repository_is_written_over() {
        let place = tempfile::tempdir().unwrap();
        let directories = Directories::open(place.path(), Path::new("/bin/true"), 500).unwrap();
        let main: BranchName = "main".parse().unwrap();
        let dir = directories.stand(id(), &main).unwrap();
        let meant = fs::read_to_string(dir.join("config")).unwrap();
        assert!(meant.contains("maxInputSize = 500\n"), "{meant}");
        fs::write(dir.join("config"), "[core]\n\thooksPath = /tmp\n").unwrap();
        fs::write(dir.join("HEAD"), [0xff]).unwrap();
        directories.stand(id(), &"other".parse().unwrap()).unwrap();
        assert_eq!(fs::read_to_string(dir.join("config")).unwrap(), meant);
        assert_eq!(fs::read_to_string(dir.join("HEAD")).unwrap(), "ref: refs/heads/other\n");
        directories.remove(id()).unwrap();
        assert!(!dir.exists());
        directories.remove(id()).unwrap();
    }

    #[test]
    fn hooks_lead_to_the_program_that_runs_now() {
        let place = tempfile::tempdir().unwrap();
        Directories::open(place.path(), Path::new("/bin/false"), 1).unwrap();
        Directories::open(place.path(), Path::new("/bin/true"), 1).unwrap();
        for name in HOOKS {
            let leads = fs::read_link(place.path().join("hooks").join(name)).unwrap();
            assert_eq!(leads, Path::new("/bin/true"));
        }
        assert_eq!(fs::read_dir(place.path().join("hooks")).unwrap().count(), HOOKS.len());
    }
}
