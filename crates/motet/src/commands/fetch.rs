//! `motet fetch`: what others have done, without touching what you do.

use history::{
    is_ancestor,
    worktree::{Graph, Head, Remote, RemoteName, WorkingCopy},
};
use names::{BranchName, CommitId};
use serde_json::{Value, json};

use super::{
    counted,
    remote::remote_name,
    sized,
    working::{address_of, which_remote},
};
use crate::{
    client::RepositoryAddress,
    context::Context,
    failure::{Exit, Failure},
    report::{BAD, GOOD, ODD, Report},
    transfer::{Fetched, Files, Heads, Source, fetch},
};

/// What can be said with the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  motet fetch
  motet fetch origin draft
  motet fetch --objects all         older files too, after a clone of the newest
  motet log origin/main             what it brought")]
pub struct Fetch {
    /// A remote; the one that your branch follows if left out
    #[arg(value_parser = remote_name)]
    pub remote: Option<RemoteName>,
    /// Only these branches
    #[arg(value_name = "BRANCH")]
    pub branches: Vec<BranchName>,
    /// Forget branches that are gone there
    #[arg(long, conflicts_with = "branches")]
    pub prune: bool,
    /// Which files come along: all, or tips; as they came before if left out
    #[arg(long, value_name = "WHICH", hide_possible_values = true)]
    pub objects: Option<Files>,
}

pub(super) async fn run(arguments: &Fetch, context: &Context) -> Result<Report, Failure> {
    let copy = context.working_copy()?;
    let current = match copy.head()? {
        Head::Branch(branch) => Some(branch),
        Head::Detached(_) => None,
    };
    let remote = which_remote(&copy.config()?, arguments.remote.as_ref(), current.as_ref())?;
    let asked =
        Asked { branches: &arguments.branches, prune: arguments.prune, objects: arguments.objects };
    let brought = bring(context, &copy, &remote, asked).await?;
    Ok(Report::news(brought.value(), brought.told()))
}

/// What is brought from a remote.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// All branches if none is named.
    pub(super) branches: &'a [BranchName],
    /// Whether branches are forgotten that are gone.
    pub(super) prune: bool,
    /// Which files; as they came before if it is not said.
    pub(super) objects: Option<Files>,
}

/// What became of one branch of the remote, as it is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    New,
    Unchanged,
    /// It went on.
    Forward,
    /// It lost commits.
    Forced,
    /// It is not there any more, and is remembered.
    Gone,
    /// It is not there any more, and is forgotten.
    Pruned,
}

impl Change {
    const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Unchanged => "unchanged",
            Self::Forward => "forward",
            Self::Forced => "forced",
            Self::Gone => "gone",
            Self::Pruned => "pruned",
        }
    }
}

#[derive(Debug)]
struct Moved {
    branch: BranchName,
    old: Option<CommitId>,
    new: Option<CommitId>,
    change: Change,
}

/// What a fetch brought.
#[derive(Debug)]
pub(super) struct Brought {
    remote: RemoteName,
    address: RepositoryAddress,
    branches: Vec<Moved>,
    fetched: Fetched,
}

impl Brought {
    /// Where a branch of the remote is now.
    pub(super) fn head(&self, branch: &BranchName) -> Option<CommitId> {
        self.branches.iter().find(|moved| moved.branch == *branch).and_then(|moved| moved.new)
    }

    /// For programs.
    pub(super) fn value(&self) -> Value {
        let branches = self.branches.iter().map(|Moved { branch, old, new, change }| {
            json!({ "branch": branch, "old": old, "new": new, "change": change.word() })
        });
        json!({
            "remote": self.remote.as_str(),
            "address": self.address.to_string(),
            "branches": branches.collect::<Vec<_>>(),
            "commits": self.fetched.commits,
            "objects": self.fetched.objects,
            "object_bytes": self.fetched.object_bytes,
        })
    }

    /// For people: what is new.
    pub(super) fn told(&self) -> String {
        let Self { remote, address, branches, fetched } = self;
        let news = branches.iter().filter(|it| it.change != Change::Unchanged);
        let lines: Vec<_> = news
            .map(|Moved { branch, old, new, change }| {
                let style = match change {
                    Change::New | Change::Forward | Change::Unchanged => GOOD,
                    Change::Gone | Change::Pruned => ODD,
                    Change::Forced => BAD,
                };
                let (word, name) = (change.word(), format!("{remote}/{branch}"));
                let way: Vec<_> = [old, new].into_iter().flatten().map(CommitId::short).collect();
                format!("\n  {style}{word:<7}{style:#} {name} {}", way.join(" → "))
            })
            .collect();
        if lines.is_empty() {
            return format!("nothing new at {address}");
        }
        let commits = counted(fetched.commits as u64, "commit");
        let objects = counted(fetched.objects, "object");
        let size = sized(fetched.object_bytes);
        format!("fetched from {address}: {commits}, {objects}, {size}{}", lines.concat())
    }
}

/// Brings the branches of a remote here, all of them if none is named, and then notes where they are.
pub(super) async fn bring(
    context: &Context,
    copy: &WorkingCopy,
    remote: &Remote,
    Asked { branches: named, prune, objects }: Asked<'_>,
) -> Result<Brought, Failure> {
    let address = address_of(remote)?;
    let client = context.client_of_account(&address.origin)?;
    let source = Source::of(&client, &address);
    let offer = source.offer().await?;
    let log = source.follow(copy.remote_log(&remote.name)?, &offer).await?;
    let heads = offer.heads;
    let wanted: Vec<(&BranchName, CommitId)> = if named.is_empty() {
        heads.iter().collect()
    } else {
        let find = |branch| {
            let commit = heads.get(branch).ok_or_else(|| no_branch(branch, &heads));
            commit.map(|commit| (branch, commit))
        };
        named.iter().map(find).collect::<Result<_, _>>()?
    };
    let want = wanted.iter().map(|(_, commit)| *commit);
    let files = which_files(copy, &remote.name, objects.filter(|_| source.is_paged()))?;
    let fetched = fetch(copy, source, want, files, &context.progress).await?;
    if objects == Some(Files::All) && source.is_paged() {
        copy.set_promised_by(None)?;
    }
    let mut branches = Vec::new();
    for (branch, new) in &wanted {
        branches.push(compare(copy, &remote.name, branch, *new)?);
    }
    let gone = forget_gone(copy, &remote.name, &heads, named.is_empty(), prune)?;
    copy.set_remote_heads(&remote.name, wanted)?;
    if let Some(log) = log {
        copy.set_remote_log(&remote.name, &log)?;
    }
    branches.extend(gone);
    Ok(Brought { remote: remote.name.clone(), address, branches, fetched })
}

/// What is asked for, and promised from now on; else the files that came before.
fn which_files(
    copy: &WorkingCopy,
    remote: &RemoteName,
    asked: Option<Files>,
) -> Result<Files, Failure> {
    let promised_by = copy.promised_by()?;
    if asked == Some(Files::Tips) && promised_by.is_none() {
        copy.set_promised_by(Some(remote))?;
    }
    Ok(asked.unwrap_or(match &promised_by {
        None => Files::All,
        Some(by) if by == remote => Files::Tips,
        Some(_) => Files::New,
    }))
}

fn compare(
    copy: &WorkingCopy,
    remote: &RemoteName,
    branch: &BranchName,
    new: CommitId,
) -> Result<Moved, Failure> {
    let old = copy.remote_head(remote, branch)?;
    let graph = Graph::new(copy);
    let change = match old {
        None => Change::New,
        Some(old) if old == new => Change::Unchanged,
        Some(old) if is_ancestor(old, new, |id| graph.parents(id)) => Change::Forward,
        Some(_) => Change::Forced,
    };
    graph.check().map_err(Failure::from)?;
    Ok(Moved { branch: branch.clone(), old, new: Some(new), change })
}

/// What is remembered of the remote and not there any more. It is forgotten if that is wanted, or if its name is in
/// the way of one that is there.
fn forget_gone(
    copy: &WorkingCopy,
    remote: &RemoteName,
    heads: &Heads,
    is_told: bool,
    prune: bool,
) -> Result<Vec<Moved>, Failure> {
    let mut gone = Vec::new();
    for (branch, old) in copy.remote_heads(remote)? {
        if heads.get(&branch).is_some() {
            continue;
        }
        let is_forgotten = prune || heads.iter().any(|(other, _)| other.clashes_with(&branch));
        if is_forgotten {
            copy.delete_remote_head(remote, &branch)?;
        }
        if is_told || is_forgotten {
            let change = if is_forgotten { Change::Pruned } else { Change::Gone };
            gone.push(Moved { branch, old, new: None, change });
        }
    }
    Ok(gone)
}

/// The failure of whoever asks for a branch that a server does not have.
pub(super) fn no_branch(branch: &BranchName, heads: &Heads) -> Failure {
    let known: Vec<_> = heads.iter().map(|(name, _)| name.as_str()).collect();
    let failure =
        Failure::new(Exit::NotFound, "no_branch", format!("there is no branch `{branch}`"));
    failure.hint(match known.as_slice() {
        [] => "the repository is empty".to_owned(),
        known => format!("there are: {}", known.join(", ")),
    })
}
