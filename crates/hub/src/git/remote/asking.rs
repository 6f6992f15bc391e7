//! Which refs another server has, and everything that they lead to, into a place of its own beside the repository.
//!
//! What came stays there until it was taken, over the end of a process too: `whole` says that it did. A pack that was cut off
//! is fetched anew.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use names::{BranchName, CommitId};
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use super::{
    super::{
        directory::Berth,
        process::{Chore, GitProcess},
        store,
    },
    Git, Progress, Remote, RemoteFault,
    line::{LONGEST, Line, THERE},
    progress::heard,
};
use crate::{
    Error, Hub, Repository,
    mirrors::Patterns,
    quotas::{Limited, Usage},
    wire::push::blocking,
};

/// What a list of refs may take: a million short ones.
const LISTED_BYTES: u64 = 128 << 20;
/// What the other server may send beside what there is room for: what is here already, and how it is packed.
const BESIDE_BYTES: u64 = 64 << 20;
/// Says that everything came.
const WHOLE: &str = "motet-whole";

/// What a run of Git came to.
pub(super) struct Ran {
    pub(super) is_well: bool,
    pub(super) text: String,
    pub(super) complaint: String,
}

/// What another server has.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    /// Names that were asked for, and what they name.
    pub(super) refs: BTreeMap<String, CommitId>,
    /// The branch that is shown first there, where that was asked.
    pub(super) shown: Option<BranchName>,
}

impl Git {
    /// Runs Git with a line to another server.
    pub(super) async fn run_there(
        &self,
        (dir, line): (&Path, &Line),
        (arguments, refspecs): (Vec<&str>, &[String]),
        progress: &Progress,
    ) -> Result<Ran, RemoteFault> {
        let environment = line.environment(refspecs);
        let chore = Chore { arguments, environment, lifetime: Some(LONGEST) };
        let GitProcess { input, output, errors, mut life } = self.program()?.run(dir, &chore)?;
        drop(input);
        let (mut text, mut output) = (String::new(), output.take(LISTED_BYTES));
        let (read, complaint) =
            tokio::join!(output.read_to_string(&mut text), heard(errors, progress));
        let status = life.ended().await.map_err(Error::Git)?;
        read.map_err(Error::Git)?;
        let complaint = line.plainly(&complaint);
        Ok(Ran { is_well: status.success(), text, complaint })
    }

    /// The same where nothing but success is of use.
    async fn told_there(
        &self,
        (dir, line): (&Path, &Line),
        (arguments, refspecs): (Vec<&str>, &[String]),
        progress: &Progress,
    ) -> Result<String, RemoteFault> {
        let ran = self.run_there((dir, line), (arguments, refspecs), progress).await?;
        if ran.is_well {
            return Ok(ran.text);
        }
        Err(line.fault().unwrap_or(RemoteFault::Failed(ran.complaint)))
    }

    /// The branches and tags of another server.
    pub(super) async fn refs_there(
        &self,
        at: (&Path, &Line),
    ) -> Result<BTreeMap<String, CommitId>, RemoteFault> {
        let arguments = vec!["ls-remote", "--quiet", "--refs", "--heads", "--tags", THERE];
        let text = self.told_there(at, (arguments, &[]), &Progress::default()).await?;
        let pair = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            Some((name.to_owned(), id.parse().ok()?))
        };
        Ok(text.lines().filter_map(pair).collect())
    }

    /// The branch that it shows first, if that is one that could be here.
    async fn shown_there(&self, at: (&Path, &Line)) -> Result<Option<BranchName>, RemoteFault> {
        let arguments = vec!["ls-remote", "--quiet", "--symref", THERE, "HEAD"];
        let text = self.told_there(at, (arguments, &[]), &Progress::default()).await?;
        let named = text.lines().find_map(|it| it.strip_prefix("ref: refs/heads/"));
        Ok(named.and_then(|it| it.split('\t').next()?.parse().ok()))
    }

    /// A place for what comes, empty unless it is whole.
    async fn place_for(&self, berth: Berth) -> Result<PathBuf, RemoteFault> {
        let git = self.clone();
        let made = blocking(move || {
            let directories = &git.0.directories;
            if !directories.incoming(berth).join(WHOLE).exists() {
                directories.remove_incoming(berth).map_err(Error::Git)?;
            }
            directories.stand_incoming(berth).map_err(Error::Git)
        });
        Ok(made.await?)
    }

    /// Throws away what came.
    pub(crate) async fn leave_incoming(&self, berth: Berth) -> Result<(), Error> {
        let git = self.clone();
        blocking(move || git.0.directories.remove_incoming(berth).map_err(Error::Git)).await
    }
}

impl Hub {
    /// Looks what another server has of these names, and fetches what is not here. Nothing is taken yet; nothing where
    /// rows say the same already.
    pub(crate) async fn fetch_remote(
        &self,
        (repository, remote): (&Repository, &Remote),
        (patterns, run): (&Patterns, Uuid),
        progress: &Arc<Progress>,
    ) -> Result<Option<Fetched>, RemoteFault> {
        let (git, id) = (&self.git, repository.id);
        let berth = Berth { repository: id, run };
        let most_bytes = self.room(repository).await?;
        let dir = git.stand(repository).await?;
        let line =
            Line::open(git, (remote, &self.random), most_bytes, Arc::clone(progress)).await?;
        let mut there = git.refs_there((&dir, &line)).await?;
        there.retain(|name, _| patterns.match_name(name));
        let rows = store::present(&mut self.db.glance().await.map_err(Error::from)?, id).await;
        let mut rows = rows.map_err(Error::from)?;
        rows.retain(|name, _| patterns.match_name(name));
        let is_same = there.len() == rows.len()
            && there.iter().all(|(name, at)| rows.get(name).is_some_and(|it| it.held() == *at));
        if is_same {
            git.leave_incoming(berth).await?;
            return Ok(None);
        }
        let shown = match repository.pushed_at {
            None => git.shown_there((&dir, &line)).await?,
            Some(_) => None,
        };
        let place = git.place_for(berth).await?;
        let refspecs = patterns.refspecs(|name| there.contains_key(name));
        if !refspecs.is_empty() {
            let arguments = vec![
                "fetch",
                "--progress",
                "--prune",
                "--force",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-auto-gc",
                "--no-recurse-submodules",
                THERE,
            ];
            git.told_there((&place, &line), (arguments, &refspecs), progress).await?;
        }
        let whole = place.join(WHOLE);
        blocking(move || mark(&whole).map_err(Error::Git)).await?;
        let mut refs: BTreeMap<_, _> = git.refs(&place).await?.into_iter().collect();
        refs.retain(|name, _| patterns.match_name(name));
        Ok(Some(Fetched { refs, shown }))
    }

    /// What another server may send: what there is room for, and something beside.
    async fn room(&self, repository: &Repository) -> Result<u64, Error> {
        let mut tx = self.db.read().await?;
        let usage = self.usage(&mut tx, repository.resource.owner, Some(repository)).await?;
        let left = |it: &Usage| it.allowed.saturating_sub(it.used);
        let bytes = usage.iter().filter(|it| it.of != Limited::RepositoryObjects).map(left).min();
        Ok(bytes.unwrap_or_default().saturating_add(BESIDE_BYTES))
    }
}

fn mark(path: &Path) -> io::Result<()> {
    fs::File::create(path)?.sync_all()
}
