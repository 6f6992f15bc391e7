//! Files of a repository of Git that are changed in a page or by an agent: one commit, which the server signs (`spec/hub.md` 1,
//! 9; `spec/wire.md` 7).
//!
//! What was made is checked by Git and looked through like what is pushed, and goes on the way of a push: rows and Git's own
//! refs move in the one transaction of `receive.rs`.

use std::collections::{HashMap, HashSet};

use api::{CommitRecord, WireCode};
use gix_object::Kind;
use history::{
    git::{NewGitCommit, signed_commit},
    tree::Mode,
};
use keys::SshSignature;
use names::{CommitId, NodeId, ObjectId, RepoPath};
use trust::{
    Actor, Allowed, Place, act,
    signing_keys::{Purpose, SigningKey},
};

use super::{
    GitCaller, GitVia, commits,
    making::Made,
    outline::{File, Outline},
    own,
    packs::Reader,
    receive::{self, Update, Verdict},
};
use crate::{
    Error, Hub, Repository,
    edits::{Edit, Edits},
    reading,
};

/// Who makes a commit, when, and what signs it.
pub(super) struct By {
    pub(super) who: String,
    pub(super) seconds: i64,
    pub(super) key: SigningKey,
}

impl Hub {
    /// Commits changes of files to a branch, which was found where whoever asks expects it; gives also what is told of the
    /// files.
    pub(crate) async fn commit_to_git(
        &self,
        allowed: &Allowed<act::RefPush, Repository>,
        edits: Edits,
    ) -> Result<(CommitRecord, Vec<String>), Error> {
        let (actor, repository) = (allowed.actor(), allowed.resource());
        let Edits { branch, expected, message, files } = edits;
        if !branch.is_ref_of_git() {
            let sentence = format!("`{branch}` is no branch of Git");
            return Err(Error::wire(WireCode::BadRef, sentence));
        }
        let dir = self.git.stand(repository).await?;
        let (by, packs) = (self.by(actor).await?, self.packs(repository.id));
        let made = packs.read(move |reader| make(reader, expected, files, &message, &by));
        let (made, commit) = made.await?;
        let shared = self.git.lock(repository.id).read_owned().await;
        let checked = self.git.check_made((&dir, &self.random), made).await?;
        let quarantine = checked.map_err(|words| asked(format!("git says: {words}")))?;
        let within = packs.with(quarantine.dir.clone());
        let mut tx = self.db.glance().await?;
        let new = commits::new_commits(&mut tx, repository.id, &within, &[commit]).await?;
        drop(tx);
        let warnings = self.inspect_packs(repository, &within, &new).await?;
        let taken = receive::weighed(quarantine.dir.clone()).await?;
        let (owner, name) = (repository.resource.owner, repository.full_name());
        self.check_room(owner, Some(repository), name.clone(), taken.bytes).await?;
        self.git.keep_made(repository.id, quarantine).await?;
        let caller =
            GitCaller { actor: actor.clone(), place: Place::of(None), via: GitVia::Server };
        let update = Update { name: branch.full(), old: expected, new: Some(commit) };
        let place = (repository.id, dir);
        let landed = own::land_own(self.clone(), caller, place, (update, taken), shared);
        if let Verdict::Refused(why) = landed.await? {
            return Err(Error::wire(WireCode::NotFastForward, format!("{branch}: {why}")));
        }
        let mut tx = self.db.glance().await?;
        let made = reading::commit(&mut tx, repository, commit).await?;
        tracing::info!(repository = name, %branch, tip = commit.short(), "files were committed");
        Ok((CommitRecord { branch: branch.to_string(), ..made.record }, warnings))
    }

    /// The name of whoever asks, as Git writes names, and the server's key.
    pub(super) async fn by(&self, actor: &Actor) -> Result<By, Error> {
        let principal = actor.principal().ok_or(Error::NotFound)?;
        let mut tx = self.db.write().await?;
        let key = self.trust.signing_keys()?.active(&mut tx, Purpose::Server).await?;
        tx.commit().await?;
        let url = self.trust.settings().public_url.as_str();
        let authority = url.split_once("://").map_or(url, |(_, it)| it);
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
            Some(_) | None => authority,
        };
        let who = format!("{0} <{0}@{host}>", principal.handle);
        Ok(By { who, seconds: self.clock.now().0.div_euclid(1000), key })
    }
}

/// Changes files and makes the commit; gives its name.
fn make(
    reader: &Reader,
    parent: Option<CommitId>,
    edits: Vec<Edit>,
    message: &str,
    by: &By,
) -> Result<(Made, CommitId), Error> {
    let before = match parent {
        None => None,
        Some(id) => {
            let found = reader.commit(id)?;
            let missing = || Error::Broken(format!("the commit {id} is missing"));
            Some(NodeId::from_bytes(*found.ok_or_else(missing)?.0.tree.as_bytes()))
        }
    };
    let (mut made, mut outline) = (Made::default(), Outline::of(reader, before)?);
    change(&mut outline, edits, &mut |bytes| made.file(bytes))?;
    let tree = outline.write(&mut |bytes| made.directory(bytes))?;
    if before == Some(tree) {
        return Err(asked("these files are like that already".to_owned()));
    }
    let new = NewGitCommit { tree, parent, who: &by.who, seconds: by.seconds, message };
    let unsigned = new.unsigned();
    let signature = by.key.sign_ssh(&unsigned, SshSignature::GIT);
    let commit = made.put(Kind::Commit, signed_commit(&unsigned, &signature))?;
    Ok((made, CommitId::from_sha1(commit)))
}

fn asked(message: String) -> Error {
    Error::Asked { field: "files", message }
}

fn missing(path: &RepoPath) -> Error {
    asked(format!("there is no file `{path}`"))
}

/// Changes files, all edits at once: what is moved is taken from where it was before any of them, and a file stays what it
/// was, one that may be run or a link.
pub(super) fn change(
    outline: &mut Outline<'_>,
    edits: Vec<Edit>,
    write: &mut impl FnMut(Vec<u8>) -> Result<ObjectId, Error>,
) -> Result<(), Error> {
    let mut named = HashSet::new();
    if let Some(twice) = edits.iter().find(|it| !named.insert(it.path().clone())) {
        return Err(asked(format!("`{}` is there twice", twice.path())));
    }
    let (mut modes, mut moved) = (HashMap::new(), HashMap::<RepoPath, File>::new());
    for edit in &edits {
        if let Edit::Write { path, .. } = edit
            && let Some((_, mode)) = outline.find(path)?
        {
            modes.insert(path.clone(), mode);
        }
    }
    for edit in &edits {
        match edit {
            Edit::Write { .. } => {}
            Edit::Remove { path } => {
                outline.take(path)?.ok_or_else(|| missing(path))?;
            }
            Edit::Move { from, .. } => {
                let file = outline.take(from)?.ok_or_else(|| missing(from))?;
                moved.insert(from.clone(), file);
            }
        }
    }
    for edit in edits {
        let (path, file) = match edit {
            Edit::Remove { .. } => continue,
            Edit::Write { path, bytes } => {
                let mode = modes.get(&path).copied().unwrap_or(Mode::Plain);
                let object = write(bytes)?;
                (path, (object, mode))
            }
            Edit::Move { from, path, bytes } => {
                let (object, mode) = moved.get(&from).copied().ok_or_else(|| missing(&from))?;
                let object = bytes.map(&mut *write).transpose()?.unwrap_or(object);
                (path, (object, mode))
            }
        };
        outline.put(&path, file)?;
    }
    Ok(())
}
