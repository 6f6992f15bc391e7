//! A repository of Git that begins with something: a few files, or those of a template, in one commit that the server signs
//! (`spec/hub.md` 1, `initialize`, `template`).
//!
//! What it begins with is made and packed before the transaction. Within it the packs are laid where the new repository lies, and
//! the commit goes the way of a push; so the repository is there with it, or not at all.

use std::path::PathBuf;

use db::Tx;
use gix_object::Kind;
use history::git::{NewGitCommit, signed_commit};
use keys::SshSignature;
use names::{CommitId, NodeId};
use trust::{Actor, Allowed, Place, act};

use super::{
    GitCaller, GitVia,
    edits::{By, change},
    making::{Made, Quarantine},
    outline::Outline,
    own,
    receive::{self, Update, Verdict},
};
use crate::{Error, Hub, Repository, edits::Edit, reading, repositories};

/// What a repository of Git begins with.
pub(crate) struct First {
    made: Made,
    commit: CommitId,
    /// The objects of a template, packed beside it.
    copied: Option<Copied>,
}

struct Copied {
    template: Box<Allowed<act::ObjectRead, Repository>>,
    at: CommitId,
    packs: Quarantine,
}

impl Hub {
    /// A first commit of files.
    pub(crate) async fn first_of_files(
        &self,
        actor: &Actor,
        files: Vec<Edit>,
        message: &'static str,
    ) -> Result<First, Error> {
        let by = self.by(actor).await?;
        let nowhere = self.git.stand_empty().await?;
        let packs = self.packs_at(&nowhere);
        let made = packs.read(move |reader| {
            let (mut made, mut outline) = (Made::default(), Outline::of(reader, None)?);
            change(&mut outline, files, &mut |bytes| made.file(bytes))?;
            let tree = outline.write(&mut |bytes| made.directory(bytes))?;
            let commit = commit_to(&mut made, tree, &by, message)?;
            Ok(First { made, commit, copied: None })
        });
        made.await
    }

    /// A first commit of the files that a template shows first.
    pub(crate) async fn first_of_template(
        &self,
        actor: &Actor,
        template: Box<Allowed<act::ObjectRead, Repository>>,
        message: &'static str,
    ) -> Result<First, Error> {
        let of = template.resource();
        let heads = reading::branches(&mut self.db.glance().await?, of.id).await?;
        let Some((_, at)) = reading::shown_first(&heads, of) else {
            let message = format!("{} holds no files yet", of.full_name());
            return Err(Error::Asked { field: "template", message });
        };
        let at = *at;
        let packs = self.packs(of.id);
        let tree = packs.read(move |reader| {
            let missing = || Error::Broken(format!("the commit {at} is missing"));
            Ok(reader.commit(at)?.ok_or_else(missing)?.0.tree)
        });
        let tree = tree.await?;
        let packs = self.packed_tree(of, tree).await?;
        let by = self.by(actor).await?;
        let mut made = Made::default();
        let commit = commit_to(&mut made, tree, &by, message)?;
        Ok(First { made, commit, copied: Some(Copied { template, at, packs }) })
    }

    /// Lets a repository that is being made begin with its first commit, and ends the transaction. Where that fails, nothing
    /// of it is left.
    pub(crate) async fn begin_with(
        &self,
        tx: Tx,
        (repository, actor): (&Repository, &Actor),
        first: First,
    ) -> Result<(), Error> {
        let dir = self.git.stand(repository).await?;
        let begun = self.begun_with(tx, (repository, actor), first, dir).await;
        if begun.is_err()
            && let Err(error) = self.git.remove(repository.id).await
        {
            tracing::warn!(%error, "the directory of a repository that was not made lies about");
        }
        begun
    }

    async fn begun_with(
        &self,
        mut tx: Tx,
        (repository, actor): (&Repository, &Actor),
        first: First,
        dir: PathBuf,
    ) -> Result<(), Error> {
        let First { made, commit, copied } = first;
        let mut taken = crate::quotas::Change::default();
        if let Some(Copied { template, at, packs }) = copied {
            check_template(&mut tx, actor, (&*template, at)).await?;
            taken = receive::weighed(packs.dir.clone()).await?;
            self.git.keep_made(repository.id, packs).await?;
        }
        let checked = self.git.check_made((&dir, &self.random), made).await?;
        let own = checked.map_err(|words| Error::Broken(format!("git says: {words}")))?;
        let of_own = receive::weighed(own.dir.clone()).await?;
        self.git.keep_made(repository.id, own).await?;
        taken.objects += of_own.objects;
        taken.bytes += of_own.bytes;
        let (actor, place) = (actor.clone(), Place::of(None));
        let caller = GitCaller { actor, place, via: GitVia::Server };
        let update =
            Update { name: repository.default_branch.full(), old: None, new: Some(commit) };
        let at = (repository.id, dir);
        match own::land_first(self.clone(), caller, at, (update, taken), tx).await? {
            Verdict::Moved => Ok(()),
            Verdict::Refused(why) => Err(Error::Broken(format!("a first commit: {why}"))),
        }
    }
}

fn commit_to(made: &mut Made, tree: NodeId, by: &By, message: &str) -> Result<CommitId, Error> {
    let new = NewGitCommit { tree, parent: None, who: &by.who, seconds: by.seconds, message };
    let unsigned = new.unsigned();
    let signature = by.key.sign_ssh(&unsigned, SshSignature::GIT);
    let bytes = signed_commit(&unsigned, &signature);
    made.put(Kind::Commit, bytes).map(CommitId::from_sha1)
}

/// Whoever asks may still read the template, and it still holds what was read.
async fn check_template(
    tx: &mut Tx,
    actor: &Actor,
    (template, at): (&Allowed<act::ObjectRead, Repository>, CommitId),
) -> Result<(), Error> {
    let id = template.resource().id;
    let found = repositories::by_id_for(tx, id, actor.readers()).await?.ok_or(Error::NotFound)?;
    let still = Allowed::<act::ObjectRead, _>::ask(actor, found).map_err(Error::Refused)?;
    let is_known = reading::known_commits(tx, id, &[at]).await?.contains_key(&at);
    if is_known && still.resource().is_template {
        return Ok(());
    }
    let message = "the template has changed meanwhile; try again".to_owned();
    Err(Error::Asked { field: "template", message })
}
