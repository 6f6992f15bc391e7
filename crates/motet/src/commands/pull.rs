//! `motet pull`: what others have done, and it into your branch.

use history::worktree::{Head, Remote, RemoteName, WorktreeError};
use names::BranchName;
use serde_json::json;

use super::{
    fetch::{Asked, bring},
    merge::{Follow, Join, JoinManner, follow, join},
    remote::remote_name,
    working,
};
use crate::{
    context::Context,
    failure::{Exit, Failure},
    report::Report,
};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet pull
  motet pull origin draft           that branch into the one you are on
  motet pull --ff-only              or nothing, if both have gone on")]
pub struct Pull {
    /// A remote; the one that your branch follows if left out
    #[arg(value_parser = remote_name)]
    pub remote: Option<RemoteName>,
    /// The branch there; the one with your branch's name if left out
    pub branch: Option<BranchName>,
    /// Only follow; if both sides have gone on, do nothing
    #[arg(long)]
    pub ff_only: bool,
    /// Remember that this branch belongs to this remote
    #[arg(short = 'u', long)]
    pub set_upstream: bool,
    /// How it is taken in
    #[command(flatten)]
    pub manner: JoinManner,
}

pub(super) async fn run(arguments: &Pull, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    let Head::Branch(current) = copy.head()? else {
        return Err(Failure::usage("detached", "you are on no branch")
            .hint("motet fetch brings the commits; motet checkout <branch> goes to a branch"));
    };
    if copy.merge_state()?.is_some() {
        return Err(WorktreeError::Merging.into());
    }
    let remote = working::which_remote(&copy.config()?, arguments.remote.as_ref(), Some(&current))?;
    let branch = arguments.branch.as_ref().unwrap_or(&current);
    if arguments.set_upstream && *branch != current {
        let message = format!("`{current}` can belong to a branch of the same name only");
        return Err(Failure::usage("other_name", message));
    }
    let asked = Asked { branches: std::slice::from_ref(branch), prune: false, objects: None };
    let brought = bring(context, &copy, &remote, asked).await?;
    let theirs = brought.head(branch).ok_or_else(|| {
        Failure::new(Exit::NotFound, "no_branch", format!("there is no branch `{branch}`"))
    })?;
    if arguments.set_upstream {
        let mut config = copy.config()?;
        config.set_remote(&Remote { branch: Some(branch.clone()), ..remote.clone() });
        copy.write_config(&config)?;
    }
    let name = format!("{}/{branch}", remote.name);
    let way = if arguments.ff_only { Follow::Must } else { Follow::May };
    let it = Join { theirs, name: &name, manner: &arguments.manner, follow: way };
    let joined = match copy.head_commit()? {
        Some(_) => join(context, &copy, &it)?,
        // Before the first commit there is nothing to merge with.
        None => follow(context, &copy, None, &it)?,
    };
    let result = json!({ "fetch": brought.value(), "merge": joined.result });
    let text = format!("{}\n{}", brought.told(), joined.text);
    Ok(Report { result, text, ..joined })
}
