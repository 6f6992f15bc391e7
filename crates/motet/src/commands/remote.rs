//! `motet remote`: other places with the same history.

use history::worktree::{Config, Remote as Place, RemoteName, WorkingCopy};
use serde_json::json;

use crate::{
    client::RepositoryAddress,
    context::Context,
    failure::{Exit, Failure},
    report::Report,
    visible,
};

/// What can be done with remotes.
#[derive(Debug, clap::Subcommand)]
pub enum Remote {
    /// List them
    List,
    /// Add one
    Add {
        /// What it is called here
        #[arg(value_parser = remote_name)]
        name: RemoteName,
        /// Where it is
        address: RepositoryAddress,
    },
    /// Remove one, with what was seen there
    Remove {
        /// What it is called here
        #[arg(value_parser = remote_name)]
        name: RemoteName,
    },
    /// Call one otherwise
    Rename {
        /// What it is called here
        #[arg(value_parser = remote_name)]
        old: RemoteName,
        /// What it shall be called
        #[arg(value_parser = remote_name)]
        new: RemoteName,
    },
    /// Change where one is
    SetUrl {
        /// What it is called here
        #[arg(value_parser = remote_name)]
        name: RemoteName,
        /// Where it is
        address: RepositoryAddress,
    },
}

pub(super) fn remote_name(text: &str) -> Result<RemoteName, String> {
    text.parse().map_err(|error: history::worktree::WorktreeError| error.to_string())
}

impl Remote {
    /// What the command is called in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List => "remote list",
            Self::Add { .. } => "remote add",
            Self::Remove { .. } => "remote remove",
            Self::Rename { .. } => "remote rename",
            Self::SetUrl { .. } => "remote set-url",
        }
    }
}

pub(super) fn run(command: &Remote, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    let mut config = copy.config()?;
    let report = match command {
        Remote::List => return Ok(list(&config)),
        Remote::Add { name, address } => {
            check_free(&config, name)?;
            let (name, url) = (name.clone(), address.to_string());
            config.set_remote(&Place { name: name.clone(), url, branch: None });
            told(&name, format!("{name} is {address}"))
        }
        Remote::SetUrl { name, address } => {
            let remote = config.remote(name)?;
            config.set_remote(&Place { url: address.to_string(), ..remote });
            told(name, format!("{name} is {address}"))
        }
        Remote::Remove { name } => {
            config.remote(name)?;
            config.remove_remote(name);
            forget(&copy, name)?;
            told(name, format!("removed {name}"))
        }
        Remote::Rename { old, new } => {
            check_free(&config, new)?;
            let remote = config.remote(old)?;
            config.set_remote(&Place { name: new.clone(), ..remote });
            config.remove_remote(old);
            for (branch, commit) in copy.remote_heads(old)? {
                if let Some(commit) = commit {
                    copy.set_remote_head(new, &branch, commit)?;
                }
            }
            if let Some(log) = copy.remote_log(old)? {
                copy.set_remote_log(new, &log)?;
            }
            forget(&copy, old)?;
            told(new, format!("{old} is called {new} now"))
        }
    };
    copy.write_config(&config)?;
    Ok(report)
}

fn told(name: &RemoteName, text: String) -> Report {
    Report::news(json!({ "name": name.as_str() }), text)
}

fn list(config: &Config) -> Report {
    let remotes = config.remotes();
    let line = |remote: &Place| format!("{} {}\n", remote.name, visible(&remote.url));
    let value = |remote: &Place| json!({ "name": remote.name.as_str(), "url": remote.url, "branch": remote.branch });
    let values: Vec<_> = remotes.iter().map(value).collect();
    Report::answer(json!({ "remotes": values }), remotes.iter().map(line).collect::<String>())
}

fn check_free(config: &Config, name: &RemoteName) -> Result<(), Failure> {
    if config.remote(name).is_err() {
        return Ok(());
    }
    let message = format!("the remote `{name}` is there");
    let failure = Failure::new(Exit::Decide, "remote_exists", message);
    Err(failure.hint(format!("motet remote set-url {name} <address> changes it")))
}

fn forget(copy: &WorkingCopy, name: &RemoteName) -> Result<(), Failure> {
    for (branch, _) in copy.remote_heads(name)? {
        copy.delete_remote_head(name, &branch)?;
    }
    Ok(())
}
