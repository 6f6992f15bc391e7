//! `motet init`: a working copy.

use std::path::PathBuf;

use history::worktree::WorkingCopy;
use names::BranchName;
use serde_json::json;

use crate::{context::Context, failure::Failure, report::Report, visible};

/// What `--with-files` writes.
const IGNORE: &str = "# What is never part of a commit.\n[global]\npatterns = []\n";

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet init
  motet init songs --domain midi --branch trunk")]
pub struct Init {
    /// The directory, made if it is not there; the one that you are in if left out
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// What the files are, as `code` or `midi`
    #[arg(long, value_name = "DOMAIN", default_value = "code")]
    pub domain: String,
    /// The first branch
    #[arg(long, value_name = "BRANCH", default_value = "main")]
    pub branch: BranchName,
    /// Without files of yours: a place that others push to
    #[arg(long)]
    pub bare: bool,
    /// Write an empty .museignore too
    #[arg(long, conflicts_with = "bare")]
    pub with_files: bool,
}

pub(super) fn run(arguments: &Init, context: &Context) -> Result<Report, Failure> {
    let directory = match &arguments.directory {
        Some(directory) => context.at(directory),
        None => context.directory.clone(),
    };
    let make = if arguments.bare { WorkingCopy::init_bare } else { WorkingCopy::init };
    let copy = make(&directory, &arguments.domain, context.clock.now(), &context.random)?;
    super::begin_on(&copy, &arguments.branch)?;
    let ignore = copy.path().join(history::worktree::IGNORE_FILE);
    if arguments.with_files && !ignore.exists() {
        std::fs::write(ignore, IGNORE)?;
    }
    let shown = visible(&copy.path().to_string_lossy());
    let result = json!({
        "directory": shown,
        "repo_id": copy.repo_id(),
        "domain": copy.domain(),
        "branch": arguments.branch,
        "bare": arguments.bare,
    });
    Ok(Report::news(result, format!("made {shown} a working copy, on {}", arguments.branch)))
}
