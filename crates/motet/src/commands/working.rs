//! What commands in a working copy share: paths as they were typed, who commits, what is signed.

use std::path::Path;

use api::CommitRecord;
use history::{
    CommitTime, signing_bytes,
    worktree::{Config, Head, NewCommit, Overwrite, Paths, Remote, RemoteName, WorkingCopy},
};
use names::{BranchName, CommitId, PathError, RepoPath};
use serde_json::{Value, json};

use crate::{
    client::RepositoryAddress,
    context::{Context, ORIGIN, origin_address},
    failure::Failure,
    store::{Credential, load_key},
    visible::{visible, visible_lines},
};

/// The paths as they were typed, below the directory in which they were.
pub(super) fn paths(
    context: &Context,
    copy: &WorkingCopy,
    typed: &[String],
) -> Result<Paths, Failure> {
    Paths::parse(inside(context, copy)?, typed.iter().map(String::as_str)).map_err(bad_path)
}

/// The one file that was typed, below the directory in which it was.
pub(super) fn file(
    context: &Context,
    copy: &WorkingCopy,
    typed: &str,
) -> Result<RepoPath, Failure> {
    let path = Paths::parse_one(inside(context, copy)?, typed).map_err(bad_path)?;
    path.ok_or_else(|| Failure::usage("bad_path", "that is no file").hint("name a file"))
}

fn bad_path(error: PathError) -> Failure {
    Failure::usage("bad_path", error).hint("name paths of this working copy")
}

/// Where in the working copy a command was typed.
fn inside<'a>(context: &'a Context, copy: &WorkingCopy) -> Result<&'a str, Failure> {
    let inside = context.directory.strip_prefix(copy.path()).unwrap_or(Path::new(""));
    inside.to_str().ok_or_else(|| Failure::usage("bad_path", "the directory's name is not UTF-8"))
}

/// The remote that is meant: the named one, else the one that the branch follows, else `origin`, else the only one.
pub(super) fn which_remote(
    config: &Config,
    named: Option<&RemoteName>,
    branch: Option<&BranchName>,
) -> Result<Remote, Failure> {
    if let Some(name) = named {
        return Ok(config.remote(name)?);
    }
    let remotes = config.remotes();
    let follows = |remote: &&Remote| branch.is_some() && remote.branch.as_ref() == branch;
    let found = remotes
        .iter()
        .find(follows)
        .or_else(|| remotes.iter().find(|remote| remote.name.as_str() == ORIGIN))
        .or_else(|| remotes.first().filter(|_| remotes.len() == 1));
    found.cloned().ok_or_else(|| {
        Failure::usage("no_remote", "this working copy has no remote that is meant")
            .hint("motet remote add origin <address> makes one, motet push <address> -u too")
    })
}

/// Where a remote is.
pub(super) fn address_of(remote: &Remote) -> Result<RepositoryAddress, Failure> {
    remote.url.parse().map_err(|error| {
        Failure::from(error).hint(format!("the remote {} is in .muse/config.toml", remote.name))
    })
}

/// Lets a remote that no branch follows be followed by `branch`.
pub(super) fn follow(
    copy: &WorkingCopy,
    name: &RemoteName,
    branch: &BranchName,
) -> Result<(), Failure> {
    let mut config = copy.config()?;
    let Ok(remote) = config.remote(name) else { return Ok(()) };
    if remote.branch.is_none() {
        config.set_remote(&Remote { branch: Some(branch.clone()), ..remote });
        copy.write_config(&config)?;
    }
    Ok(())
}

/// A commit on HEAD by whoever is configured: in the working copy, else by the handle at its server.
pub(super) fn new_commit(
    context: &Context,
    copy: &WorkingCopy,
    message: &str,
) -> Result<NewCommit, Failure> {
    let config = copy.config()?;
    let mut author = config.user().author();
    if author.is_empty()
        && let Some(address) = origin_address(&config)
        && let Some(account) = context.store.account(&address.origin)?
    {
        author = account.handle.to_string();
    }
    Ok(NewCommit::new(message, &author, CommitTime::from_millis(context.clock.now())))
}

/// Signs a commit with the key of the account at the server that the working copy came from, if there is one.
pub(super) fn sign(
    context: &Context,
    copy: &WorkingCopy,
    record: &mut CommitRecord,
) -> Result<(), Failure> {
    let Some(address) = origin_address(&copy.config()?) else { return Ok(()) };
    let Some(account) = context.store.account(&address.origin)? else { return Ok(()) };
    let Credential::Key(file) = account.credential else { return Ok(()) };
    let key = load_key(&file)?;
    record.signer_key_id = key.fingerprint().to_string();
    record.signature = key.sign(&signing_bytes(record)).to_commit_text();
    Ok(())
}

/// What becomes of changes in the way; the name holds what `--force` moves away.
pub(super) fn overwrite(force: bool, place: &str) -> Overwrite<'_> {
    if force { Overwrite::Rescue(place) } else { Overwrite::Never }
}

/// A directory name for what is rescued now.
pub(super) fn rescue_place(context: &Context) -> String {
    context.clock.now().0.to_string()
}

/// What was rescued, for people; nothing if nothing was.
pub(super) fn told_rescued(rescued: &[RepoPath], place: &str) -> String {
    if rescued.is_empty() {
        return String::new();
    }
    let names: Vec<_> = rescued.iter().map(|path| visible(path.as_str())).collect();
    format!("\nkept a copy of {} in .muse/motet/rescued/{place}", names.join(", "))
}

/// What HEAD is called in sentences.
pub(super) fn head_name(head: &Head) -> String {
    match head {
        Head::Branch(branch) => branch.to_string(),
        Head::Detached(commit) => commit.short(),
    }
}

/// A commit for programs.
pub(super) fn commit_value(record: &CommitRecord) -> Value {
    json!({
        "commit_id": record.commit_id,
        "snapshot_id": record.snapshot_id,
        "parents": record.parents().collect::<Vec<CommitId>>(),
        "author": record.author,
        "committed_at": record.committed_at,
        "branch": record.branch,
        "message": record.message,
        "metadata": record.metadata,
        "agent_id": record.agent_id,
        "model_id": record.model_id,
        "signed": !record.signature.is_empty(),
        "signer_key_id": record.signer_key_id,
    })
}

/// The first line of a message.
pub(super) fn subject(record: &CommitRecord) -> String {
    visible(record.message.lines().next().unwrap_or_default())
}

/// A commit for people, with its whole message.
pub(super) fn told_commit(record: &CommitRecord, names: &str) -> String {
    let heading = anstyle::AnsiColor::Yellow.on_default();
    let mut lines = vec![format!("{heading}commit {}{heading:#}{names}", record.commit_id)];
    let parents: Vec<_> = record.parents().map(|id| id.short()).collect();
    if parents.len() > 1 {
        lines.push(format!("merge  {}", parents.join(" ")));
    }
    for (name, text) in
        [("author", &record.author), ("agent", &record.agent_id), ("model", &record.model_id)]
    {
        if !text.is_empty() {
            lines.push(format!("{name:<6} {}", visible(text)));
        }
    }
    lines.push(format!("date   {}", visible(&record.committed_at)));
    lines.push(String::new());
    lines.extend(
        visible_lines(&record.message)
            .lines()
            .map(|line| format!("    {line}").trim_end().to_owned()),
    );
    lines.join("\n") + "\n"
}
