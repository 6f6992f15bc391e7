//! After a crash: Git's refs follow the rows (`spec/hub.md` 13, H59).
//!
//! Rows are committed first. Between that and the movement of Git's own refs a process may die; a row of `git_moves` says
//! in which repository. What it says is done before the server listens.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use api::WireCode;
use db::Tx;
use jobs::{Done, Failure, Job, Kind, NewJob};
use names::{CommitId, Id, UnixMillis};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{chores::RefMove, store};
use crate::{Error, Hub, Repository, repositories, wire::push::blocking};

/// Nothing of Git's lives longer (`process::LIFETIME`), so a lock that is older is nobody's.
const STALE: Duration = Duration::from_mins(15);
/// What directories are called in which pushes lie before they are taken: by Git, and by older ones.
const QUARANTINES: [&[u8]; 2] = [b"tmp_objdir-", b"incoming-"];
/// What takes pushes.
const SERVICE: &[u8] = b"receive-pack";

/// Lets Git follow the rows of one repository, in which something else than a push of Git moved a ref.
pub(crate) const SETTLE: Kind<Settle> = Kind::new("hub.git_settle");

/// Which.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Settle {
    repository: Uuid,
}

pub(crate) async fn settle(hub: Hub, job: Job<Settle>) -> Result<Done, Failure> {
    hub.settle(Id::from_uuid(job.payload.repository)).await?;
    Ok(Done::default())
}

impl Hub {
    /// Asks for it, in the transaction in which the row of a ref moves.
    pub(crate) async fn git_follows(
        &self,
        tx: &mut Tx,
        id: Id<Repository>,
        now: UnixMillis,
    ) -> Result<(), Error> {
        store::begin(tx, (Uuid::from_bytes(self.random.bytes()), id), now).await?;
        let job = NewJob::new(SETTLE, &Settle { repository: id.uuid() })?;
        let bell = self.queue.push(tx, job.unique(format!("hub.git_settle/{id}"))).await?;
        tx.hold(bell);
        // Perhaps away from something.
        let bell = self.push_prune(tx, id).await?;
        tx.hold(bell);
        Ok(())
    }

    /// Refuses a commit whose objects were taken out, though its row is there still: Git could not follow to it.
    pub(crate) async fn check_in_packs(
        &self,
        repository: &Repository,
        commit: CommitId,
    ) -> Result<(), Error> {
        let packs = self.packs(repository.id);
        if packs.read(move |it| Ok(it.commit(commit)?.is_some())).await? {
            return Ok(());
        }
        let sentence =
            format!("the commit {} was taken out of the repository; push it again", commit.short());
        Err(Error::wire(WireCode::UnknownCommit, sentence))
    }

    /// Lets Git follow in every repository where it may be behind; before anybody can ask for anything.
    pub async fn settle_git(&self) -> Result<(), Error> {
        if self.git.program().is_err() {
            return Ok(());
        }
        let unsettled = store::unsettled(&mut self.db.glance().await?).await?;
        for id in unsettled {
            let dir = self.git.directory(id);
            // Nobody is at work yet.
            blocking(move || unlock(&dir, Duration::ZERO).map_err(Error::Git)).await?;
            match self.settle(id).await {
                Ok(()) => tracing::warn!(repository = %id, "git's refs follow the rows again"),
                Err(error) => tracing::error!(repository = %id, %error, "git is behind its rows"),
            }
        }
        Ok(())
    }

    /// Lets Git follow the rows of one repository.
    pub(super) async fn settle(&self, id: Id<Repository>) -> Result<(), Error> {
        let mut tx = self.db.write().await?;
        crate::wire::lock(&mut tx, id).await?;
        let Some(repository) = repositories::by_id(&mut tx, id).await? else { return Ok(()) };
        let rows = store::present(&mut tx, id).await?;
        let dir = self.git.stand(&repository).await?;
        let found = self.git.refs(&dir).await?;
        let mut moves = Vec::new();
        for (name, old) in found.iter().filter(|(name, _)| !rows.contains_key(*name)) {
            moves.push(RefMove { name, old: Some(*old), new: None });
        }
        for (name, present) in &rows {
            let (old, new) = (found.get(name).copied(), present.held());
            if old != Some(new) {
                moves.push(RefMove { name, old, new: Some(new) });
            }
        }
        // What goes first makes room for what comes.
        let (gone, come): (Vec<_>, Vec<_>) = moves.into_iter().partition(|it| it.new.is_none());
        for moves in [gone, come] {
            if moves.is_empty() {
                continue;
            }
            match self.git.prepare(&dir, &moves).await? {
                Ok(prepared) => prepared.commit().await?,
                Err(words) => return Err(Error::Broken(format!("git says: {words}"))),
            }
        }
        store::settled(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// Removes locks that nobody holds any more; gives whether there were some.
    pub(super) async fn unlock_stale(&self, dir: &Path) -> Result<bool, Error> {
        let dir = dir.to_owned();
        blocking(move || unlock(&dir, STALE).map_err(Error::Git)).await
    }
}

/// Removes locks of refs that are older than `age`.
fn unlock(dir: &Path, age: Duration) -> io::Result<bool> {
    let mut removed = false;
    let mut waiting: Vec<PathBuf> = vec![dir.join("refs")];
    let mut found = vec![dir.join("packed-refs.lock"), dir.join("HEAD.lock")];
    while let Some(folder) = waiting.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            } else if entry.path().extension().is_some_and(|it| it == "lock") {
                found.push(entry.path());
            }
        }
    }
    for path in found {
        let Ok(meta) = fs::metadata(&path) else { continue };
        if elapsed(meta.modified()?) >= age {
            fs::remove_file(&path)?;
            removed = true;
        }
    }
    Ok(removed)
}

/// Removes the marks with which pushes that died hold packs. Git refuses a pack that it has already under another mark, so
/// whoever pushes once more after a crash would be refused for ever.
pub(super) fn let_go(dir: &Path) -> io::Result<()> {
    let packs = match fs::read_dir(dir.join("objects/pack")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        packs => packs?,
    };
    for entry in packs {
        let path = entry?.path();
        if path.extension().is_none_or(|it| it != "keep") {
            continue;
        }
        let Ok(mark) = fs::read_to_string(&path) else { continue };
        let Ok(meta) = fs::metadata(&path) else { continue };
        if is_dead(&mark) || elapsed(meta.modified()?) >= STALE {
            fs::remove_file(&path)?;
        }
    }
    sweep(dir)
}

/// Removes what lies in quarantine of pushes that died with their machine: of those that are killed it is taken away at once.
pub(super) fn sweep(dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(dir.join("objects")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let is_quarantine = QUARANTINES.iter().any(|it| name.as_encoded_bytes().starts_with(it));
        if !is_quarantine {
            continue;
        }
        // Whoever clears it away at this moment is welcome to.
        let Ok(meta) = entry.metadata() else { continue };
        if elapsed(meta.modified()?) < STALE {
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => tracing::info!(dir = %entry.path().display(), "a push that died was cleared away"),
        }
    }
    Ok(())
}

/// Whether a mark, `receive-pack 17 on host`, is that of a process of this machine that is no more. Its number may be
/// somebody else's by now, and what has ended and was not waited for has no command line.
fn is_dead(mark: &str) -> bool {
    let parts = mark.trim_end().strip_prefix("receive-pack ").and_then(|it| it.split_once(" on "));
    let Some((number, host)) = parts else { return false };
    let here = rustix::system::uname();
    let Ok(number) = number.parse::<u32>() else { return false };
    let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
    let is_pushing = line.windows(SERVICE.len()).any(|it| it == SERVICE);
    here.nodename().to_str() == Ok(host) && !is_pushing
}

/// How long ago the file system says that it was, by its own clock.
fn elapsed(then: SystemTime) -> Duration {
    then.elapsed().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::{
        io::Read as _,
        process::{Command, Stdio},
    };

    use super::*;

    #[test]
    fn what_lies_in_quarantine_goes_when_it_is_nobodys_any_more() {
        let place = tempfile::tempdir().unwrap();
        let objects = place.path().join("objects");
        let now = fs::metadata(place.path()).unwrap().modified().unwrap();
        let old = now - STALE - Duration::from_mins(1);
        for (name, is_old) in [
            ("tmp_objdir-incoming-A1b2", true),
            ("incoming-A1b2", true),
            ("incoming-C3d4", false),
            ("pack", true),
            ("00", true),
        ] {
            let dir = objects.join(name);
            fs::create_dir_all(dir.join("pack")).unwrap();
            fs::write(dir.join("pack/tmp_pack_x"), "half").unwrap();
            if is_old {
                fs::File::open(&dir).unwrap().set_modified(old).unwrap();
            }
        }
        sweep(place.path()).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(&objects).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["00", "incoming-C3d4", "pack"]);
        sweep(&place.path().join("none")).unwrap();
    }

    #[test]
    fn packs_are_let_go_of_by_those_who_died() {
        let place = tempfile::tempdir().unwrap();
        let packs = place.path().join("objects/pack");
        fs::create_dir_all(&packs).unwrap();
        let uname = rustix::system::uname();
        let host = uname.nodename().to_str().unwrap();
        let mut ended = Command::new("true").arg("receive-pack").spawn().unwrap();
        let gone = ended.id();
        ended.wait().unwrap();
        let waits = ["-c", "echo; read line", "receive-pack"];
        let mut pushing = Command::new("sh");
        let pushing = pushing.args(waits).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut pushing = pushing.spawn().unwrap();
        // It has a command line only once it runs.
        pushing.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let marks = [
            ("live", format!("receive-pack {} on {host}\n", pushing.id()), true),
            ("other", format!("receive-pack {} on {host}\n", std::process::id()), false),
            ("dead", format!("receive-pack {gone} on {host}\n"), false),
            ("elsewhere", format!("receive-pack {gone} on {host}-2\n"), true),
            ("people", "because I say so\n".to_owned(), true),
        ];
        for (name, text, _) in &marks {
            fs::write(packs.join(format!("pack-{name}.keep")), text).unwrap();
        }
        fs::write(packs.join("pack-dead.pack"), "").unwrap();
        let_go(place.path()).unwrap();
        for (name, _, stays) in &marks {
            assert_eq!(packs.join(format!("pack-{name}.keep")).exists(), *stays, "{name}");
        }
        assert!(packs.join("pack-dead.pack").exists());
        let_go(&place.path().join("none")).unwrap();
        pushing.kill().unwrap();
        pushing.wait().unwrap();
    }
}
