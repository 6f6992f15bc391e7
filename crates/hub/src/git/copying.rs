//! What refs of one repository lead to comes into another one: a fork, or one that follows its source (`spec/hub.md` 1, Fork).
//!
//! Git packs exactly what is reached, so nothing comes along to which no ref leads, and checks it where it arrives. Packs are not
//! shared between repositories: whatever lies in one can be asked for by its name, and is taken out there without asking others.

use std::path::Path;

use names::{CommitId, Id, NodeId};
use tokio::{fs::File, io::AsyncWriteExt as _, sync::OwnedRwLockReadGuard};

use super::{
    Git, chores::complaint, commits, making::Quarantine, process::Chore, process::GitProcess,
    receive, store,
};
use crate::{
    Error, Hub, Repository,
    quotas::Change,
    wire::{Counted, landing_count, push::blocking},
};

/// Objects that have come, and are kept from being taken out until refs lead to them.
#[derive(Debug)]
pub(crate) struct Come {
    taken: Change,
    _shared: OwnedRwLockReadGuard<()>,
}

impl Hub {
    /// Copies what refs of `from` lead to.
    pub(crate) async fn copy_objects(
        &self,
        (from, to): (&Repository, &Repository),
        tips: &[CommitId],
    ) -> Result<Come, Error> {
        let quarantine = self.packed((from, to), (tips, &[])).await?;
        self.come(to, quarantine).await
    }

    /// Copies what `tip` leads to and `have` does not, if the files of it are taken where they come to.
    pub(crate) async fn copy_between(
        &self,
        (from, to): (&Repository, &Repository),
        (tip, have): (CommitId, &[CommitId]),
    ) -> Result<Come, Error> {
        let quarantine = self.packed((from, to), (&[tip], have)).await?;
        let within = self.packs(to.id).with(quarantine.dir.clone());
        let mut tx = self.db.glance().await?;
        let new = commits::new_commits(&mut tx, to.id, &within, &[tip]).await?;
        drop(tx);
        // What is only told nobody would read here.
        self.inspect_packs(to, &within, &new).await?;
        self.come(to, quarantine).await
    }

    async fn come(&self, to: &Repository, quarantine: Quarantine) -> Result<Come, Error> {
        let taken = receive::weighed(quarantine.dir.clone()).await?;
        let (owner, name) = (to.resource.owner, to.full_name());
        self.check_room(owner, Some(to), name, taken.bytes).await?;
        let shared = self.git.lock(to.id).read_owned().await;
        if taken.objects > 0 {
            self.git.keep_made(to.id, quarantine).await?;
        }
        Ok(Come { taken, _shared: shared })
    }

    /// Packs what is reached, and has it checked where it is to come to.
    async fn packed(
        &self,
        (from, to): (&Repository, &Repository),
        (tips, have): (&[CommitId], &[CommitId]),
    ) -> Result<Quarantine, Error> {
        let (source, dir) = (self.git.stand(from).await?, self.git.stand(to).await?);
        let (place, random) = (dir.clone(), self.random.clone());
        let opened = move || Quarantine::open(&place, &random).map_err(Error::Git);
        let quarantine = blocking(opened).await?;
        let path = quarantine.next(&self.random);
        let wanted = tips.iter().map(|it| format!("{it}\n"));
        let had = have.iter().map(|it| format!("^{it}\n"));
        self.git.pack_into(&source, wanted.chain(had).collect(), &path).await?;
        let path = path.display().to_string();
        let chore = Chore::of(vec!["index-pack", "--strict", path.as_str()]);
        self.git.listed(&dir, &chore, String::new()).await?;
        Ok(quarantine)
    }

    /// Packs a directory with all that is below it; the pack lies beside the repository that it is of.
    pub(super) async fn packed_tree(
        &self,
        of: &Repository,
        tree: NodeId,
    ) -> Result<Quarantine, Error> {
        let dir = self.git.stand(of).await?;
        let (place, random) = (dir.clone(), self.random.clone());
        let opened = move || Quarantine::open(&place, &random).map_err(Error::Git);
        let quarantine = blocking(opened).await?;
        let path = quarantine.next(&self.random);
        self.git.pack_into(&dir, format!("{tree}\n"), &path).await?;
        let path = path.display().to_string();
        let chore = Chore::of(vec!["index-pack", "--strict", path.as_str()]);
        self.git.listed(&dir, &chore, String::new()).await?;
        Ok(quarantine)
    }

    /// Counts objects that have come, in the transaction in which refs lead to them.
    pub(crate) async fn count_come(
        &self,
        tx: &mut db::Tx,
        to: &Repository,
        come: &Come,
    ) -> Result<(), Error> {
        let (taken, now) = (come.taken, self.clock.now());
        let branch = Some(&to.default_branch);
        let counted = Counted { taken, branch, domain: None, now };
        let held = landing_count(tx, to.id, &counted).await?;
        self.charge(tx, to, held, taken).await
    }
}

impl Git {
    /// Whether repositories of Git are served at all.
    pub(crate) fn check_there(&self) -> Result<(), Error> {
        self.program().map(drop)
    }

    /// Writes a pack of what `revisions` say.
    async fn pack_into(&self, dir: &Path, revisions: String, path: &Path) -> Result<(), Error> {
        let arguments = vec!["pack-objects", "-q", "--revs", "--stdout", "--delta-base-offset"];
        let GitProcess { mut input, mut output, errors, mut life } =
            self.program()?.run(dir, &Chore::of(arguments))?;
        let write = async move {
            input.write_all(revisions.as_bytes()).await?;
            input.shutdown().await
        };
        let copy = async {
            let mut file = File::create_new(path).await?;
            tokio::io::copy(&mut output, &mut file).await?;
            file.sync_all().await
        };
        let (written, copied, complaint) = tokio::join!(write, copy, complaint(errors));
        if !life.ended().await.map_err(Error::Git)?.success() {
            return Err(Error::Broken(format!("git did not pack a history: {complaint}")));
        }
        copied.and(written).map_err(Error::Git)
    }
}

/// Says which tag a ref names that was copied.
pub(crate) async fn name_tag(
    tx: &mut db::Tx,
    repository: Id<Repository>,
    (name, object): (&str, CommitId),
) -> Result<(), Error> {
    Ok(store::set_object(tx, repository, name, Some(object)).await?)
}
