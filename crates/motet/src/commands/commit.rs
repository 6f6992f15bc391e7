//! `motet commit`: the files as they are, kept.

use history::worktree::{CommitFiles, WorktreeError};
use serde_json::json;

use super::working::{commit_value, head_name, new_commit, paths, sign};
use crate::{context::Context, failure::Failure, report::Report};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet commit -m \"A second verse\"
  motet commit -m \"Only the words\" words.txt verses/")]
pub struct Commit {
    /// Only these files and directories, on top of the last commit
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// What the commit says
    #[arg(short, long, value_name = "TEXT")]
    pub message: String,
    /// Commit even if no file has changed
    #[arg(long)]
    pub allow_empty: bool,
    /// Do not sign, though there is a key
    #[arg(long)]
    pub no_sign: bool,
    /// Who made it, as `name <email>`; as configured if left out
    #[arg(long, value_name = "TEXT")]
    pub author: Option<String>,
    /// The agent that made it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub agent_id: String,
    /// The model behind the agent
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub model_id: String,
    /// The tools that the agent used
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub toolchain_id: String,
    /// A hash of what the agent was asked
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub prompt_hash: String,
    /// A pair of the metadata; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub meta: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as key=value".to_owned()),
    }
}

pub(super) fn run(arguments: &Commit, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    let paths = paths(context, &copy, &arguments.paths)?;
    let mut new = new_commit(context, &copy, &arguments.message)?;
    if !paths.is_everything() || !arguments.paths.is_empty() {
        new.files = CommitFiles::Paths(paths);
    }
    new.author = arguments.author.clone().unwrap_or(new.author);
    new.agent_id.clone_from(&arguments.agent_id);
    new.model_id.clone_from(&arguments.model_id);
    new.toolchain_id.clone_from(&arguments.toolchain_id);
    new.prompt_hash.clone_from(&arguments.prompt_hash);
    new.metadata = arguments.meta.iter().cloned().collect();
    new.allow_empty = arguments.allow_empty;
    let mut record = match copy.prepare_commit(&new) {
        Ok(record) => record,
        Err(error @ WorktreeError::NothingToCommit) => {
            let result = json!({ "committed": false, "commit": copy.head_commit()? });
            return Ok(Report::news(result, error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    if !arguments.no_sign {
        sign(context, &copy, &mut record)?;
    }
    copy.finish_commit(&record)?;
    let result = json!({ "committed": true, "commit": commit_value(&record) });
    let subject = super::working::subject(&record);
    let on = head_name(&copy.head()?);
    Ok(Report::news(result, format!("committed {} on {on}: {subject}", record.commit_id.short())))
}
