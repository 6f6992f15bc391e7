//! `motet push`: branches and tags to a server.

use std::fmt::Write as _;

use history::{
    CommitTime,
    worktree::{Config, Head, NewCommit, Remote, RemoteName, WorkingCopy, WorktreeError},
};
use names::BranchName;
use serde_json::{Value, json};

use super::{
    counted,
    working::{address_of, which_remote},
};
use crate::{
    client::{Client, RepositoryAddress},
    context::{Context, ORIGIN, origin_address},
    failure::Failure,
    report::Report,
    transfer::{PushOptions, Pushed, PushedRef, RefName, push},
    visible,
};

/// What the first commit says unless told otherwise.
const FIRST_MESSAGE: &str = "First commit";
/// The domain of a working copy that is made here.
const DOMAIN: &str = "code";
/// How many files that are left out are named.
const MAX_NAMED: usize = 5;

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet push                                        the branch you are on, to where it came from
  motet push https://forge.example/ada/songs -m \"First songs\"
  motet push origin draft --force
  motet push origin main draft --tags               several at once, all of them or none
  motet push origin --delete draft")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Push {
    /// The address of a repository, or the name of a remote; `origin` if left out
    #[arg(value_name = "ADDRESS|REMOTE")]
    pub target: Option<String>,
    /// Branches; the one you are on if left out
    #[arg(value_name = "BRANCH")]
    pub branches: Vec<BranchName>,
    /// Push all tags too
    #[arg(long, conflicts_with = "delete")]
    pub tags: bool,
    /// Take the branches away on the server
    #[arg(long, requires = "branches", conflicts_with_all = ["message", "set_upstream"])]
    pub delete: bool,
    /// Replace the branch on the server even if it loses commits
    #[arg(long)]
    pub force: bool,
    /// Remember that this branch belongs to this remote
    #[arg(short = 'u', long)]
    pub set_upstream: bool,
    /// What the first commit of a new working copy says
    #[arg(short, long, value_name = "TEXT")]
    pub message: Option<String>,
}

/// Where a push goes.
struct Target {
    address: RepositoryAddress,
    /// The remote with this address, if there is one.
    remote: Option<RemoteName>,
}

pub(super) async fn run(arguments: &Push, context: &Context) -> Result<Report, Failure> {
    match context.find_working_copy()? {
        Some(copy) if arguments.message.is_none() => {
            let branch = which_branch(arguments, &copy)?;
            let target = which_target(arguments, &copy.config()?, &branch)?;
            let (_, client) = context.signed_in(&target.address.origin)?;
            send(arguments, context, (&copy, &client), (&target, &branch), None).await
        }
        Some(_) => {
            Err(Failure::usage("has_commits", "-m is for a directory that is no working copy yet")
                .hint("leave -m out: what is committed is pushed"))
        }
        None => push_plain_directory(arguments, context).await,
    }
}

async fn push_plain_directory(arguments: &Push, context: &Context) -> Result<Report, Failure> {
    let Some(text) = arguments.target.as_deref().filter(|text| text.contains('/')) else {
        let directory = context.directory.clone();
        return Err(Failure::from(WorktreeError::NoWorkingCopy { directory })
            .hint("motet push <address> makes this directory one and pushes it"));
    };
    let address: RepositoryAddress = text.parse()?;
    // Asked before anything is made.
    let (account, client) = context.signed_in(&address.origin)?;
    let made = make_working_copy(arguments, context, &address, account.handle.as_str());
    let (copy, branch, news) = match made {
        Ok(made) => made,
        Err(failure) => {
            // A directory without a commit is as it was; the first error is the one to tell.
            std::fs::remove_dir_all(context.directory.join(".muse")).unwrap_or_default();
            return Err(failure);
        }
    };
    let target = Target { address, remote: Some(ORIGIN.parse()?) };
    let sent = send(arguments, context, (&copy, &client), (&target, &branch), Some(news)).await;
    sent.map_err(|failure| {
        let before = failure.hint.clone().map(|hint| format!("{hint}; ")).unwrap_or_default();
        failure.hint(format!("{before}the working copy is made, so motet push is enough then"))
    })
}

/// A working copy with one commit of the files, and what there is to say about it.
fn make_working_copy(
    arguments: &Push,
    context: &Context,
    address: &RepositoryAddress,
    author: &str,
) -> Result<(WorkingCopy, BranchName, String), Failure> {
    let now = context.clock.now();
    let copy = WorkingCopy::init(&context.directory, DOMAIN, now, &context.random)?;
    let branch = which_branch(arguments, &copy)?;
    super::begin_on(&copy, &branch)?;
    let message = arguments.message.as_deref().unwrap_or(FIRST_MESSAGE);
    let new = NewCommit::new(message, author, CommitTime::from_millis(now));
    let record = copy.record_commit(&new)?;
    let mut config = copy.config()?;
    let (name, url) = (ORIGIN.parse()?, address.to_string());
    config.set_remote(&Remote { name, url, branch: Some(branch.clone()) });
    copy.write_config(&config)?;
    let files = copy.manifest_of(Some(record.commit_id))?.len();
    let mut news = format!(
        "made .muse with the commit {} of {}; the remote {ORIGIN} is {address}\n",
        record.commit_id.short(),
        counted(files as u64, "file"),
    );
    let skipped = copy.scan()?.skipped;
    for (path, reason) in skipped.iter().take(MAX_NAMED) {
        // Writing into a text does not fail.
        writeln!(news, "left out {}: {reason}", visible(&path.to_string_lossy()))
            .unwrap_or_default();
    }
    if skipped.len() > MAX_NAMED {
        writeln!(news, "left out {} more", skipped.len() - MAX_NAMED).unwrap_or_default();
    }
    Ok((copy, branch, news))
}

async fn send(
    arguments: &Push,
    context: &Context,
    (copy, client): (&WorkingCopy, &Client),
    (target, branch): (&Target, &BranchName),
    made: Option<String>,
) -> Result<Report, Failure> {
    let address = &target.address;
    let wire = client.wire(&address.owner, &address.name);
    let (named, tags) = (vec![branch.clone()], tags_of(arguments, copy)?);
    let branches = if arguments.branches.is_empty() { &named } else { &arguments.branches };
    let (delete, force) = (arguments.delete, arguments.force);
    let options = PushOptions { branches, tags: &tags, delete, force };
    let pushed = push(copy, wire, &options, &context.progress).await.map_err(|error| {
        let failure = Failure::from(error);
        if failure.code != "not_found" {
            return failure;
        }
        let (owner, name, origin) = (&address.owner, &address.name, &address.origin);
        failure.hint(format!("motet repo create {owner}/{name} --host {origin} makes it"))
    })?;
    let mut remote = target.remote.clone();
    if arguments.set_upstream {
        remote = Some(follow(copy, target, branch)?);
    }
    if let Some(remote) = &remote {
        for it in &pushed.refs {
            match (&it.name, it.new) {
                (RefName::Branch(name), Some(new)) => copy.set_remote_head(remote, name, new)?,
                (RefName::Branch(name), None) => copy.delete_remote_head(remote, name)?,
                (RefName::Tag(_), _) => {}
            }
        }
    }
    let news = made.as_deref().unwrap_or_default();
    let text = format!("{news}{}", told(&pushed, address));
    Ok(Report::news(result(&pushed, address, remote.as_ref(), made.is_some()), text))
}

fn told(pushed: &Pushed, address: &RepositoryAddress) -> String {
    let (there, moved): (Vec<&PushedRef>, Vec<_>) =
        pushed.refs.iter().partition(|it| it.is_up_to_date());
    let shown = |it: &PushedRef| match &it.name {
        RefName::Branch(name) => name.to_string(),
        RefName::Tag(name) => format!("the tag {name}"),
    };
    let mut lines = Vec::new();
    for it in moved {
        let name = shown(it);
        lines.push(match (it.old, it.new) {
            (Some(old), None) => format!("took {name} away at {address}: it was {}", old.short()),
            (Some(old), Some(new)) => {
                format!("pushed {name} to {address}: {} → {}", old.short(), new.short())
            }
            (None, new) => {
                let new = new.map(|it| it.short()).unwrap_or_default();
                format!("pushed {name} to {address}: {new} (new)")
            }
        });
    }
    if let Some(last) = lines.last_mut().filter(|_| pushed.refs.iter().any(|it| it.new.is_some())) {
        // Writing into a text does not fail.
        write!(
            last,
            ", {}, {}, {}",
            counted(pushed.commits as u64, "commit"),
            counted(pushed.objects, "object"),
            super::sized(pushed.object_bytes),
        )
        .unwrap_or_default();
    }
    // Of many tags most are there already.
    let quiet = |it: &&PushedRef| matches!(it.name, RefName::Branch(_));
    let there = there.into_iter().filter(quiet);
    lines.extend(there.map(|it| {
        let state = if it.new.is_some() { "is up to date" } else { "is not there" };
        format!("{} {state} at {address}", shown(it))
    }));
    lines.join("\n")
}

fn result(
    pushed: &Pushed,
    address: &RepositoryAddress,
    remote: Option<&RemoteName>,
    made_working_copy: bool,
) -> Value {
    let of_ref = |it: &PushedRef| {
        let (kind, name) = match &it.name {
            RefName::Branch(name) => ("branch", name),
            RefName::Tag(name) => ("tag", name),
        };
        json!({ kind: name, "old": it.old, "new": it.new, "up_to_date": it.is_up_to_date() })
    };
    let first = pushed.refs.first();
    json!({
        "address": address.to_string(),
        "remote": remote.map(RemoteName::as_str),
        "branch": first.map(|it| it.name.name()),
        "old": first.and_then(|it| it.old),
        "new": first.and_then(|it| it.new),
        "up_to_date": pushed.refs.iter().all(PushedRef::is_up_to_date),
        "refs": pushed.refs.iter().map(of_ref).collect::<Vec<_>>(),
        "commits": pushed.commits,
        "objects": pushed.objects,
        "object_bytes": pushed.object_bytes,
        "message": pushed.message,
        "made_working_copy": made_working_copy,
    })
}

/// The tags that are here, if they are to go along.
fn tags_of(arguments: &Push, copy: &WorkingCopy) -> Result<Vec<BranchName>, Failure> {
    if !arguments.tags {
        return Ok(Vec::new());
    }
    let tags = copy.tags()?.into_iter();
    Ok(tags.filter_map(|(name, commit)| commit.map(|_| name)).collect())
}

fn which_branch(arguments: &Push, copy: &WorkingCopy) -> Result<BranchName, Failure> {
    match (arguments.branches.first(), copy.head()?) {
        (Some(branch), _) => Ok(branch.clone()),
        (None, Head::Branch(branch)) => Ok(branch),
        (None, Head::Detached(_)) => Err(Failure::usage("detached", "you are on no branch")
            .hint("name the branch to push: motet push origin <branch>")),
    }
}

fn which_target(arguments: &Push, config: &Config, branch: &BranchName) -> Result<Target, Failure> {
    let remotes = config.remotes();
    if let Some(text) = arguments.target.as_deref().filter(|text| text.contains('/')) {
        let address: RepositoryAddress = text.parse()?;
        let known = |remote: &&Remote| remote.url.parse().as_ref() == Ok(&address);
        let remote = remotes.iter().find(known).map(|remote| remote.name.clone());
        return Ok(Target { address, remote });
    }
    let named = arguments.target.as_deref().map(str::parse).transpose()?;
    let remote = which_remote(config, named.as_ref(), Some(branch))?;
    let address = address_of(&remote)?;
    Ok(Target { address, remote: Some(remote.name) })
}

/// Remembers that `branch` belongs to the target, which becomes `origin` if it has no name yet.
fn follow(copy: &WorkingCopy, target: &Target, branch: &BranchName) -> Result<RemoteName, Failure> {
    let mut config = copy.config()?;
    let name = match &target.remote {
        Some(name) => name.clone(),
        None if config.remotes().iter().any(|remote| remote.name.as_str() == ORIGIN) => {
            let now = origin_address(&config).map_or_else(String::new, |now| format!(" ({now})"));
            let message = format!("the remote {ORIGIN} is another address{now}");
            return Err(Failure::usage("other_origin", message)
                .hint("pushed all the same; change .muse/config.toml to follow this one"));
        }
        None => ORIGIN.parse()?,
    };
    let url = target.address.to_string();
    config.set_remote(&Remote { name: name.clone(), url, branch: Some(branch.clone()) });
    copy.write_config(&config)?;
    Ok(name)
}
