//! `motet clone`: a repository into a new directory.

use std::path::{Path, PathBuf};

use api::stream::StreamError;
use history::worktree::{Head, Remote, RemoteName, WorkingCopy};
use names::BranchName;
use serde_json::json;

use super::{counted, fetch::no_branch, sized};
use crate::{
    client::RepositoryAddress,
    context::{Context, ORIGIN},
    failure::{Exit, Failure},
    report::Report,
    transfer::{Fetched, Files, Heads, Note, Source, TransferError, fetch},
    visible,
};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet clone https://forge.example/ada/songs
  motet clone http://127.0.0.1:4000/ada/songs work --branch draft
  motet clone https://forge.example/ada/songs --objects tips")]
pub struct Clone {
    /// The repository
    pub address: RepositoryAddress,
    /// The directory to make, named after the repository if left out
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// The branch to check out, instead of the default one
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<BranchName>,
    /// Which files come along: all, or tips; older ones are fetched when they are needed
    #[arg(
        long,
        value_name = "WHICH",
        default_value = "all",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub objects: Files,
}

pub(super) async fn run(arguments: &Clone, context: &Context) -> Result<Report, Failure> {
    let Clone { address, directory, branch, objects } = arguments;
    let directory = match directory {
        Some(directory) => context.at(directory),
        None => context.at(Path::new(address.name.as_str())),
    };
    let client = context.client_of_account(&address.origin)?;
    let source = Source::of(&client, address);
    let place = Place::of(&directory, &source.address(), context)?;
    let offer = source.offer().await?;
    let log = source.follow(None, &offer).await?;
    let heads = offer.heads;
    let branch = which_branch(branch.as_ref(), offer.default_branch, &heads)?;

    let (nest, copy) = match place {
        Place::Begun(copy) => (None, copy),
        Place::New(mut nest) => {
            let now = context.clock.now();
            let mut copy = WorkingCopy::init(&nest.path, &offer.domain, now, &context.random)?;
            if source.is_paged() && !heads.is_empty() {
                // From here on whoever is cut off finds what has come, and goes on from there.
                nest.settle()?;
                copy = WorkingCopy::discover(&nest.path, &context.random)?;
                Note { address: source.address(), ..Note::default() }.keep(&copy)?;
                if *objects == Files::Tips {
                    copy.set_promised_by(Some(&ORIGIN.parse()?))?;
                }
            }
            (Some(nest), copy)
        }
    };
    let want = heads.iter().map(|(_, commit)| commit);
    // One that was begun ends as it began.
    let files = if copy.promised_by()?.is_some() { Files::Tips } else { Files::All };
    let fetched = match fetch(&copy, source, want, files, &context.progress).await {
        Ok(fetched) => fetched,
        Err(error) => {
            if let (true, Some(nest)) = (goes_on(&error, &copy)?, nest) {
                nest.keep()?;
            }
            return Err(error.into());
        }
    };
    write_refs(&copy, address, &heads, &branch)?;
    if let Some(log) = log {
        copy.set_remote_log(&ORIGIN.parse()?, &log)?;
    }
    if let Some(commit) = heads.get(&branch) {
        copy.checkout(None, commit, &Head::Branch(branch.clone()))?;
    }
    if let Some(nest) = nest {
        nest.keep()?;
    }
    Ok(report(arguments, &directory, &branch, &heads, &fetched))
}

/// Whether the same command brings what is missing.
fn goes_on(error: &TransferError, copy: &WorkingCopy) -> Result<bool, Failure> {
    let is_cut =
        matches!(error, TransferError::Cut(_) | TransferError::Stream(StreamError::Cut { .. }));
    Ok(is_cut && Note::of(copy)?.is_some_and(|note| note.cursor.is_some()))
}

fn report(
    arguments: &Clone,
    directory: &Path,
    branch: &BranchName,
    heads: &Heads,
    fetched: &Fetched,
) -> Report {
    let directory = visible(&directory.to_string_lossy());
    let branches: Vec<_> = heads.iter().map(|(name, _)| name).collect();
    let result = json!({
        "address": arguments.address.to_string(),
        "directory": directory,
        "branch": branch,
        "head": heads.get(branch),
        "branches": branches,
        "commits": fetched.commits,
        "objects": fetched.objects,
        "object_bytes": fetched.object_bytes,
    });
    let text = if heads.is_empty() {
        format!("cloned into {directory}; the repository is empty")
    } else {
        format!(
            "cloned into {directory}: {}, {}, {}; on {branch}",
            counted(fetched.commits as u64, "commit"),
            counted(fetched.objects, "object"),
            sized(fetched.object_bytes),
        )
    };
    Report::news(result, text)
}

fn which_branch(
    asked: Option<&BranchName>,
    default: BranchName,
    heads: &Heads,
) -> Result<BranchName, Failure> {
    if let Some(branch) = asked {
        if heads.get(branch).is_some() {
            return Ok(branch.clone());
        }
        return Err(no_branch(branch, heads));
    }
    // A default branch without a commit is beside the point as long as others have some.
    let first = heads.iter().next().map(|(name, _)| name.clone());
    Ok(if heads.get(&default).is_some() { default } else { first.unwrap_or(default) })
}

/// Branches here and there, and where they came from.
fn write_refs(
    copy: &WorkingCopy,
    address: &RepositoryAddress,
    heads: &Heads,
    branch: &BranchName,
) -> Result<(), Failure> {
    super::begin_on(copy, branch)?;
    let remote: RemoteName = ORIGIN.parse()?;
    for (name, commit) in heads.iter() {
        copy.set_branch_head(name, Some(commit))?;
    }
    copy.set_remote_heads(&remote, heads.iter())?;
    let mut config = copy.config()?;
    let url = address.to_string();
    config.set_remote(&Remote { name: remote, url, branch: Some(branch.clone()) });
    Ok(copy.write_config(&config)?)
}

/// Where a clone goes.
enum Place {
    /// There is nothing yet.
    New(Nest),
    /// One of the same repository was cut there.
    Begun(WorkingCopy),
}

impl Place {
    fn of(target: &Path, address: &str, context: &Context) -> Result<Self, Failure> {
        if target.join(".muse").is_dir() {
            let copy = WorkingCopy::discover(target, &context.random)?;
            if Note::of(&copy)?.is_some_and(|note| note.address == address) {
                return Ok(Self::Begun(copy));
            }
        }
        Nest::prepare(target, context).map(Self::New)
    }
}

/// Where a clone grows. Dropped before it is kept, it goes with all that is in it.
pub(super) struct Nest {
    /// Where it grows: beside the target, or in it if that is there and empty.
    pub(super) path: PathBuf,
    target: PathBuf,
    /// Whether the target was not there before.
    is_made: bool,
    is_kept: bool,
}

impl Nest {
    pub(super) fn prepare(target: &Path, context: &Context) -> Result<Self, Failure> {
        let shown = visible(&target.to_string_lossy());
        let path = match std::fs::read_dir(target).map(|mut entries| entries.next().is_none()) {
            Ok(true) => target.to_owned(),
            Ok(false) => {
                return Err(Failure::new(
                    Exit::Decide,
                    "not_empty",
                    format!("{shown} is not empty"),
                )
                .hint("name another directory after the address"));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let suffix = u64::from_be_bytes(context.random.bytes());
                let name = target.file_name().unwrap_or_default().to_string_lossy();
                let path = target.with_file_name(format!(".{name}-{suffix:016x}"));
                std::fs::create_dir_all(&path)?;
                path
            }
            Err(error) => {
                let message = format!("{shown}: {error}");
                return Err(Failure::new(Exit::Usage, "no_directory", message));
            }
        };
        let is_made = path != target;
        Ok(Self { path, target: target.to_owned(), is_made, is_kept: false })
    }

    /// Gives the directory its name, though what is in it is not kept yet.
    fn settle(&mut self) -> Result<(), Failure> {
        if self.path != self.target {
            std::fs::rename(&self.path, &self.target)?;
            self.path.clone_from(&self.target);
        }
        Ok(())
    }

    /// Gives the directory its name.
    pub(super) fn keep(mut self) -> Result<(), Failure> {
        self.settle()?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        // Nobody is left to tell that something could not be removed.
        if self.is_made {
            std::fs::remove_dir_all(&self.path).unwrap_or_default();
            return;
        }
        for entry in std::fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => std::fs::remove_dir_all(path).unwrap_or_default(),
                Ok(_) | Err(_) => std::fs::remove_file(path).unwrap_or_default(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use names::{Clock, Random};

    use super::*;
    use crate::{progress::Progress, store::Store};

    fn context(directory: &Path) -> Context {
        Context {
            directory: directory.to_owned(),
            store: Store::new(Some(directory.join("config")), &Random::seeded(1)).unwrap(),
            insecure: false,
            progress: Progress::silent(),
            clock: Clock::default(),
            random: Random::seeded(2),
        }
    }

    #[test]
    fn a_clone_that_fails_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let context = context(home.path());
        let target = home.path().join("songs");
        let nest = Nest::prepare(&target, &context).unwrap();
        std::fs::write(nest.path.join("half"), "x").unwrap();
        drop(nest);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);

        std::fs::create_dir(&target).unwrap();
        let nest = Nest::prepare(&target, &context).unwrap();
        std::fs::create_dir_all(nest.path.join("deep/er")).unwrap();
        std::fs::write(nest.path.join("deep/half"), "x").unwrap();
        drop(nest);
        assert_eq!(std::fs::read_dir(&target).unwrap().count(), 0);

        std::fs::write(target.join("mine"), "x").unwrap();
        let failure = Nest::prepare(&target, &context).map(drop).unwrap_err();
        assert_eq!((failure.exit, failure.code.as_ref()), (Exit::Decide, "not_empty"));
        assert!(target.join("mine").exists());
    }

    #[test]
    fn a_clone_that_succeeds_takes_its_name() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("songs");
        let nest = Nest::prepare(&target, &context(home.path())).unwrap();
        std::fs::write(nest.path.join("whole"), "x").unwrap();
        nest.keep().unwrap();
        assert!(target.join("whole").exists());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
