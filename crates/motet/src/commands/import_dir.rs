//! `motet import-dir`: a commit from a directory that stands elsewhere.

use std::path::{Path, PathBuf};

use history::{
    CommitTime, Manifest, Parents,
    worktree::{Head, IGNORE_FILE, Ignore, WorkingCopy, WorktreeError},
};
use names::{BranchName, RepoPath};
use serde_json::json;

use crate::{
    context::Context,
    failure::{Exit, Failure},
    record::{Words, keep, move_branch},
    report::Report,
    visible,
};

/// The domain of a working copy that is made here.
const DOMAIN: &str = "code";

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet import-dir ../export --message \"Export of May\"
  motet import-dir tree --into demo --branch draft --message Draft --time 2026-05-01T09:00:00+02:00")]
pub struct ImportDir {
    /// The directory with the files
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// The working copy, made if it is not there; the one that you are in if left out
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// What the commit says
    #[arg(short, long, value_name = "TEXT")]
    pub message: String,
    /// Who made it, as `name <email>`; as configured if left out
    #[arg(long, value_name = "TEXT")]
    pub author: Option<String>,
    /// When, as 2026-05-01T09:00:00+02:00; now if left out
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// The branch that it is added to, made if it is not there; the one that is checked out if left out
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<BranchName>,
    /// A branch whose commit becomes the second parent
    #[arg(long, value_name = "BRANCH")]
    pub parent2: Option<BranchName>,
}

pub(super) fn run(arguments: &ImportDir, context: &Context) -> Result<Report, Failure> {
    let copy = open_or_make(arguments, context)?;
    let head = copy.head()?;
    let branch = match (&arguments.branch, &head) {
        (Some(branch), _) | (None, Head::Branch(branch)) => branch.clone(),
        (None, Head::Detached(_)) => {
            return Err(Failure::usage("detached", "you are on no branch")
                .hint("name the branch with --branch"));
        }
    };
    let time = match &arguments.time {
        Some(text) => {
            CommitTime::parse(text).map_err(|fault| Failure::usage(fault.code(), fault))?
        }
        None => CommitTime::from_millis(context.clock.now()),
    };
    let is_checked_out = head == Head::Branch(branch.clone());
    let old = copy.branch_head(&branch)?;
    // A branch begins where one is.
    let first = if old.is_none() && !is_checked_out { copy.head_commit()? } else { old };
    let second = arguments.parent2.as_ref().map(|name| parent(&copy, name)).transpose()?;
    let manifest = Import::of(&copy, &context.at(&arguments.directory))?.manifest;
    let files = manifest.len();
    let author = arguments
        .author
        .clone()
        .map_or_else(|| Ok(copy.config()?.user().author()), Ok::<_, WorktreeError>)?;
    let words = Words { message: &arguments.message, author: &author, time: &time };
    let kept = keep(&copy, &branch, Parents::new(first, second), manifest, &words)?;
    let commit = kept.commit_id;
    if is_checked_out {
        // First, because changes in the way leave everything as it was.
        copy.checkout(old, commit, &head)?;
    }
    move_branch(&copy, &branch, &kept)?;
    let result = json!({
        "commit": commit,
        "branch": branch,
        "files": files,
        "parents": Parents::new(first, second).iter().collect::<Vec<_>>(),
        "working_copy": visible(&copy.path().to_string_lossy()),
    });
    let files = super::counted(files as u64, "file");
    Ok(Report::news(result, format!("recorded {} on {branch}: {files}", commit.short())))
}

fn open_or_make(arguments: &ImportDir, context: &Context) -> Result<WorkingCopy, Failure> {
    let Some(into) = &arguments.into else { return context.working_copy() };
    let into = context.at(into);
    if into.join(".muse").is_dir() {
        return Ok(WorkingCopy::discover(&into, &context.random)?);
    }
    Ok(WorkingCopy::init(&into, DOMAIN, context.clock.now(), &context.random)?)
}

fn parent(copy: &WorkingCopy, name: &BranchName) -> Result<names::CommitId, Failure> {
    copy.branch_head(name)?.ok_or_else(|| {
        Failure::new(Exit::NotFound, "no_branch", format!("the branch `{name}` has no commit"))
    })
}

/// A walk through the directory, which stores each file.
struct Import<'a> {
    copy: &'a WorkingCopy,
    ignore: Ignore,
    manifest: Manifest,
}

impl<'a> Import<'a> {
    fn of(copy: &'a WorkingCopy, root: &Path) -> Result<Self, Failure> {
        let rules = match std::fs::read(root.join(IGNORE_FILE)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let ignore = Ignore::new(copy.domain(), rules.as_deref()).map_err(WorktreeError::from)?;
        let mut import = Self { copy, ignore, manifest: Manifest::new() };
        let mut waiting = vec![(root.to_owned(), String::new())];
        while let Some((directory, prefix)) = waiting.pop() {
            import.look(&directory, &prefix, &mut waiting)?;
        }
        Ok(import)
    }

    fn look(
        &mut self,
        directory: &Path,
        prefix: &str,
        waiting: &mut Vec<(PathBuf, String)>,
    ) -> Result<(), Failure> {
        let failed = |error| {
            let shown = directory.display();
            Failure::new(Exit::NotFound, "no_directory", format!("{shown}: {error}"))
        };
        for entry in std::fs::read_dir(directory).map_err(failed)? {
            let entry = entry?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            let Some(name) = name.to_str() else { continue };
            if kind.is_dir() && self.ignore.is_never(name) {
                continue;
            }
            let path: RepoPath = format!("{prefix}{name}").parse().map_err(|error| {
                Failure::usage("bad_path", format!("`{prefix}{name}`: {error}"))
            })?;
            if kind.is_dir() && !self.ignore.is_ignored_whole(&path) {
                waiting.push((entry.path(), format!("{path}/")));
            } else if kind.is_file() && !self.ignore.is_ignored(&path) {
                let object = self.copy.write_object(&std::fs::read(entry.path())?)?;
                self.manifest.insert(path, object);
            }
        }
        Ok(())
    }
}
