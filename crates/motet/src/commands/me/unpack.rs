//! `motet me unpack`: a repository out of what one has taken away, without any server.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
};

use api::wire::Refs;
use history::worktree::{Head, WorkingCopy};
use names::{BranchName, CommitId, RepositoryName};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use zip::{ZipArchive, result::ZipError};

use crate::{
    commands::{begin_on, clone::Nest, counted, sized},
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    transfer::{Fetched, Heads, UnpackError, check_unpacked, unpack},
    visible,
};

/// The longest line of a list that is believed.
const LINE_BYTES: u64 = 1 << 20;

/// What can be said with `unpack`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet me export kept.zip --histories
  motet me unpack kept.zip songs")]
pub struct Unpack {
    /// What `motet me export` wrote with --histories
    pub file: PathBuf,
    /// Which of the repositories in it
    pub repository: RepositoryName,
    /// The directory to make, named after the repository if left out
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// A line of `repositories.jsonl`, as far as it is needed.
#[derive(Debug, Deserialize)]
struct Repository {
    name: String,
    default_branch: BranchName,
    domain: String,
}

/// A line of `refs.jsonl`.
#[derive(Debug, Deserialize)]
struct Ref {
    repository: String,
    #[serde(rename = "ref")]
    full_name: String,
    target: CommitId,
}

pub(super) fn run(arguments: &Unpack, context: &Context) -> Result<Report, Failure> {
    let Unpack { file, repository, directory } = arguments;
    let mut archive = Archive::open(file, context)?;
    let (about, heads, tags) = archive.about(repository)?;
    let directory = directory.as_deref().unwrap_or_else(|| Path::new(repository.as_str()));
    let nest = Nest::prepare(&context.at(directory), context)?;
    let now = context.clock.now();
    let copy = WorkingCopy::init(&nest.path, &about.domain, now, &context.random)?;
    let fetched = archive.bring(repository, &copy, context)?;
    let want: Vec<_> = heads.iter().chain(tags.iter()).map(|(_, commit)| commit).collect();
    check_unpacked(&copy, &want, &context.progress)?;
    let first = heads.iter().next().map(|(name, _)| name.clone());
    let has_default = heads.get(&about.default_branch).is_some();
    let branch = if has_default { Some(about.default_branch.clone()) } else { first };
    let branch = branch.unwrap_or(about.default_branch);
    begin_on(&copy, &branch)?;
    for (name, commit) in heads.iter() {
        copy.set_branch_head(name, Some(commit))?;
    }
    for (name, commit) in tags.iter() {
        copy.set_tag(name, commit)?;
    }
    if let Some(commit) = heads.get(&branch) {
        copy.checkout(None, commit, &Head::Branch(branch.clone()))?;
    }
    nest.keep()?;
    Ok(report(directory, &branch, &heads, &fetched))
}

fn report(directory: &Path, branch: &BranchName, heads: &Heads, fetched: &Fetched) -> Report {
    let directory = visible(&directory.to_string_lossy());
    let branches: Vec<_> = heads.iter().map(|(name, _)| name).collect();
    let text = format!(
        "unpacked into {directory}: {}, {}, {}; on {branch}",
        counted(fetched.commits as u64, "commit"),
        counted(fetched.objects, "object"),
        sized(fetched.object_bytes),
    );
    let result = json!({
        "directory": directory, "branch": branch, "head": heads.get(branch), "branches": branches,
        "commits": fetched.commits, "objects": fetched.objects, "object_bytes": fetched.object_bytes,
    });
    Report::news(result, text)
}

/// What was taken away.
struct Archive {
    zip: ZipArchive<File>,
    shown: String,
}

impl Archive {
    fn open(file: &Path, context: &Context) -> Result<Self, Failure> {
        let shown = visible(&file.to_string_lossy());
        let zip = ZipArchive::new(File::open(context.at(file))?);
        let zip = zip.map_err(|error| unreadable(&shown, error))?;
        Ok(Self { zip, shown })
    }

    /// What is said of a repository, its branches and its tags.
    fn about(&mut self, name: &RepositoryName) -> Result<(Repository, Heads, Heads), Failure> {
        // Listed as its owner's, `ada/songs`.
        let is_it = |it: &Repository| it.name.rsplit('/').next() == Some(name.as_str());
        let Some(about) = self.lines("repositories.jsonl", is_it)?.into_iter().next() else {
            let message = format!("{} holds no repository `{name}`", self.shown);
            return Err(Failure::new(Exit::Usage, "not_found", message));
        };
        let refs = self.lines("refs.jsonl", |it: &Ref| it.repository == name.as_str())?;
        let below = |prefix: &str| {
            let heads =
                refs.iter().filter_map(|it| Some((it.full_name.strip_prefix(prefix)?, it.target)));
            Heads::of(&Refs {
                repo_id: String::new(),
                domain: about.domain.clone(),
                default_branch: about.default_branch.to_string(),
                branch_heads: heads.map(|(name, target)| (name.to_owned(), target)).collect(),
            })
        };
        let (heads, tags) = (below("refs/heads/")?, below("refs/tags/")?);
        Ok((about, heads, tags))
    }

    /// The lines of a list that are meant.
    fn lines<T: DeserializeOwned>(
        &mut self,
        name: &str,
        is_meant: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, Failure> {
        let shown = self.shown.clone();
        let file = match self.zip.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => {
                let message = format!("{shown} holds no histories");
                let hint = "take everything away once more: motet me export FILE --histories";
                return Err(Failure::new(Exit::Usage, "not_found", message).hint(hint));
            }
            Err(error) => return Err(unreadable(&shown, error)),
        };
        let (mut read, mut found) = (BufReader::new(file), Vec::new());
        loop {
            let mut line = String::new();
            if read.by_ref().take(LINE_BYTES).read_line(&mut line)? == 0 {
                return Ok(found);
            }
            let row = serde_json::from_str(&line).map_err(|error| unreadable(&shown, error))?;
            if is_meant(&row) {
                found.push(row);
            }
        }
    }

    /// Takes the streams of a history in, one after the other.
    fn bring(
        &mut self,
        name: &RepositoryName,
        copy: &WorkingCopy,
        context: &Context,
    ) -> Result<Fetched, Failure> {
        let mut all = Fetched::default();
        for number in 1_u64.. {
            let stream = match self.zip.by_name(&format!("histories/{name}/{number}.stream")) {
                Ok(stream) => stream,
                Err(ZipError::FileNotFound) => break,
                Err(error) => return Err(unreadable(&self.shown, error)),
            };
            let some = unpack(copy, stream, &context.progress).map_err(|error| match error {
                UnpackError::Io(error) => unreadable(&self.shown, error),
                UnpackError::Transfer(error) => error.into(),
            })?;
            all.commits += some.commits;
            all.objects += some.objects;
            all.object_bytes += some.object_bytes;
        }
        Ok(all)
    }
}

fn unreadable(shown: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, "unreadable", format!("{shown} cannot be read: {error}"))
}
