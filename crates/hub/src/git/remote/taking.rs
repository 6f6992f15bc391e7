//! What was fetched is judged as a push is, and taken: refs by refs what may not be is left out and told.
//!
//! Packs are linked into the repository and stay in their place until rows lead to them, so that a run that died and one that
//! did not come to the same.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use names::Id;
use trust::{Actor, Place};

use super::{
    super::{
        GitCaller, GitVia,
        chores::pointed,
        commits,
        directory::Berth,
        judging::{Judge, Present, Update},
        receive::{Step, Verdict, check_signatures, fault_of, tips, weigh},
        store,
    },
    RemoteFault,
    asking::Fetched,
};
use crate::{Error, Hub, Repository, mirrors::Patterns, quotas::Change, wire::push::blocking};

/// In whose name something is taken, and how.
#[derive(Debug, Clone)]
pub(crate) struct Taker {
    /// Whoever set it up.
    pub(crate) actor: Actor,
    /// An import, or a mirror.
    pub(crate) via: GitVia,
    /// Which refs go that are there no more; nothing where none does.
    pub(crate) follows: Option<Patterns>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Landed {
    /// Refs that moved.
    pub(crate) moved: u64,
    /// Refs that did not, each with the reason.
    pub(crate) left: Vec<String>,
    /// What else is told of what came.
    pub(crate) told: Vec<String>,
}

impl Landed {
    /// What is told of refs that were left out, or of what came, in a line.
    pub(crate) fn note(&self) -> Option<String> {
        let all = if self.left.is_empty() { &self.told } else { &self.left };
        let first = all.first()?;
        Some(match all.len() {
            1 => first.clone(),
            more => format!("{first}; and {} more", more - 1),
        })
    }
}

impl Hub {
    /// Takes what was fetched.
    pub(crate) async fn take_remote(
        &self,
        berth: Berth,
        taker: Taker,
        fetched: Fetched,
    ) -> Result<Landed, RemoteFault> {
        let landed = self.taken(berth, &taker, fetched).await;
        if !matches!(landed, Err(RemoteFault::Failed(_) | RemoteFault::Ours(_))) {
            self.git.leave_incoming(berth).await?;
        }
        landed
    }

    async fn taken(
        &self,
        berth: Berth,
        taker: &Taker,
        fetched: Fetched,
    ) -> Result<Landed, RemoteFault> {
        let id = berth.repository;
        let mut tx = self.db.glance().await.map_err(Error::from)?;
        let allowed = Self::pushed_still(&mut tx, id, &taker.actor).await.map_err(refused)?;
        let repository = allowed.resource();
        check_signatures(repository).map_err(refused)?;
        let rows = store::present(&mut tx, id).await.map_err(Error::from)?;
        drop(tx);
        let updates = updates(&rows, &fetched, taker.follows.as_ref());
        let place = self.git.0.directories.incoming(berth);
        let packs = self.packs(id).with(place.join("objects"));
        let news: Vec<_> = updates.iter().filter_map(|it| it.new).collect();
        let pointed = pointed(&packs, &news).await?;
        let default_branch = &repository.default_branch;
        let judged = Judge { rows: &rows, pointed: &pointed, default_branch }.judge(&updates);
        let (mut going, mut sound, mut landed) = (Vec::new(), Vec::new(), Landed::default());
        for (update, judged) in updates.into_iter().zip(judged) {
            if let Some(why) = fault_of(&allowed, &judged) {
                landed.left.push(format!("{}: {why}", update.name));
                continue;
            }
            going.push(update);
            sound.push(judged);
        }
        if going.is_empty() {
            return Ok(landed);
        }
        let folder = place.join("objects");
        let weighed = folder.clone();
        let change = blocking(move || weigh(&weighed).map_err(Error::Git)).await?;
        let (owner, name) = (repository.resource.owner, repository.full_name());
        self.check_room(owner, Some(repository), name, change.bytes).await.map_err(refused)?;
        let mut tx = self.db.glance().await.map_err(Error::from)?;
        let new =
            commits::new_commits(&mut tx, id, &packs, &tips(&sound)).await.map_err(refused)?;
        drop(tx);
        landed.told.extend(self.inspect_packs(repository, &packs, &new).await.map_err(refused)?);
        self.land_remote((id, taker, fetched.shown), (folder, change), going, landed).await
    }

    /// Lets what came into the repository, and moves refs to it, in a transaction for all that come. Goes on to its end
    /// whoever leaves.
    async fn land_remote(
        &self,
        (id, taker, shown): (Id<Repository>, &Taker, Option<names::BranchName>),
        (folder, change): (PathBuf, Change),
        going: Vec<Update>,
        mut landed: Landed,
    ) -> Result<Landed, RemoteFault> {
        let shared = self.git.lock(id).read_owned().await;
        let dir = self.git.directory(id);
        let to = dir.join("objects/pack");
        let caller =
            GitCaller { actor: taker.actor.clone(), place: Place::Unknown, via: taker.via };
        let together = usize::MAX;
        let mut step = Step {
            hub: self.clone(),
            caller,
            repository: id,
            dir,
            taken: change,
            together,
            shown,
            foreseen: None,
        };
        let work = tokio::spawn(async move {
            blocking(move || adopt(&folder.join("pack"), &to).map_err(Error::Git)).await?;
            let (verdicts, sentences) = step.all(&going, false).await;
            drop(shared);
            Ok::<_, Error>((going, verdicts, sentences))
        });
        let ended =
            work.await.map_err(|error| Error::Broken(format!("a worker ended: {error}")))?;
        let (going, verdicts, sentences) = ended?;
        for (update, verdict) in going.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Moved => landed.moved += 1,
                Verdict::Refused(why) => landed.left.push(format!("{}: {why}", update.name)),
            }
        }
        match sentences.into_iter().next() {
            Some(sentence) if landed.moved == 0 => Err(RemoteFault::Failed(sentence)),
            _ => Ok(landed),
        }
    }
}

/// What a repository says no to, or what broke.
fn refused(error: Error) -> RemoteFault {
    match error {
        Error::Wire(_) | Error::Refused(_) | Error::NotFound | Error::TooLarge(_) => {
            RemoteFault::Refused(super::super::receive::sentence(error))
        }
        error => RemoteFault::Ours(error),
    }
}

/// How refs of here differ from those that came.
fn updates(
    rows: &std::collections::BTreeMap<String, Present>,
    fetched: &Fetched,
    follows: Option<&Patterns>,
) -> Vec<Update> {
    let come = fetched.refs.iter().filter_map(|(name, new)| {
        let old = rows.get(name).map(Present::held);
        (old != Some(*new)).then(|| Update { name: name.clone(), old, new: Some(*new) })
    });
    let is_gone = |name: &str| {
        follows.is_some_and(|it| it.match_name(name)) && !fetched.refs.contains_key(name)
    };
    let gone = rows.iter().filter(|(name, _)| is_gone(name)).map(|(name, it)| Update {
        name: name.clone(),
        old: Some(it.held()),
        new: None,
    });
    come.chain(gone).collect()
}

/// Links packs into a repository, each with what belongs to it before its index: only with that it is there for Git.
fn adopt(from: &Path, to: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let kind = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
        match kind {
            "pack" | "rev" => files.push((false, path)),
            "idx" => files.push((true, path)),
            _ => {}
        }
    }
    files.sort();
    for (_, path) in &files {
        let Some(name) = path.file_name() else { continue };
        match fs::hard_link(path, to.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            linked => linked?,
        }
    }
    fs::File::open(to)?.sync_all()
}
