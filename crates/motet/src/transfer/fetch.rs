//! From a server to a working copy.

use std::collections::HashSet;

use history::worktree::{Graph, Remote, WorkingCopy};
use names::CommitId;

use super::{
    Fetched, Incoming, Source, TransferError,
    promise::{all_behind, complete},
};
use crate::progress::Progress;

/// How far back a line of history is offered to a server that may lack the newest of it.
const MAX_OFFERED_DEPTH: u32 = 4096;

/// Which files come with a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Files {
    /// Those of every commit
    #[default]
    All,
    /// Those of the newest commits; older ones are fetched when they are needed
    Tips,
    /// Those of the commits that are new: in a copy whose older ones another remote promised
    #[value(skip)]
    New,
}

/// Fetches the histories of `want` into `copy`, as far as they are not here, and checks all of it. Refs are not
/// touched; what they may lead to is on the disk when this returns. Where a remote promised files, those of the newest
/// commits are here then, and with [`Files::All`] all of them.
pub async fn fetch(
    copy: &WorkingCopy,
    source: Source<'_>,
    want: impl IntoIterator<Item = CommitId>,
    files: Files,
    progress: &Progress,
) -> Result<Fetched, TransferError> {
    let tips = tips(copy)?;
    let mut want: Vec<CommitId> = want.into_iter().collect();
    want.sort_unstable();
    want.dedup();
    let heads = want.clone();
    lacking(copy, &tips, &mut want)?;
    let mut incoming = Incoming::new(copy, progress)?;
    if !want.is_empty() {
        let only_tips = files == Files::Tips;
        source.bring(&want, &offered(copy, &tips)?, only_tips, &mut incoming).await?;
        incoming.check(&want)?;
    }
    if incoming.is_promised && source.is_paged() {
        let commits = match files {
            Files::Tips | Files::New => heads,
            Files::All => all_behind(copy, heads.into_iter().chain(tips))?,
        };
        complete(source, commits, &mut incoming).await?;
    }
    copy.sync()?;
    Ok(incoming.fetched)
}

/// The commits that refs name and that are here.
fn tips(copy: &WorkingCopy) -> Result<HashSet<CommitId>, TransferError> {
    let mut tips: HashSet<CommitId> = copy.head_commit()?.into_iter().collect();
    let mut add =
        |refs: Vec<(_, Option<CommitId>)>| tips.extend(refs.into_iter().filter_map(|it| it.1));
    add(copy.branches()?);
    add(copy.tags()?);
    for Remote { name, .. } in copy.config()?.remotes() {
        add(copy.remote_heads(&name)?);
    }
    let graph = Graph::new(copy);
    tips.retain(|id| graph.parents(id).is_some());
    graph.check()?;
    Ok(tips)
}

/// Leaves of `want` what no ref here leads to.
fn lacking(
    copy: &WorkingCopy,
    tips: &HashSet<CommitId>,
    want: &mut Vec<CommitId>,
) -> Result<(), TransferError> {
    want.retain(|id| !tips.contains(id));
    let graph = Graph::new(copy);
    // The whole history is read only if one of them is somewhere in it.
    if want.iter().any(|id| graph.parents(id).is_some()) {
        let reached = graph.reached(tips.iter().copied());
        want.retain(|id| !reached.contains(id) || graph.parents(id).is_none());
    }
    Ok(graph.check()?)
}

/// What a server is told that is here: what refs name, and of each line before it the commits at distances that
/// double, for a server that does not know the newest ones (`spec/wire.md` 9).
fn offered(copy: &WorkingCopy, tips: &HashSet<CommitId>) -> Result<Vec<CommitId>, TransferError> {
    let graph = Graph::new(copy);
    let (mut offered, mut seen) = (HashSet::new(), HashSet::new());
    for tip in tips {
        let mut at = Some(*tip);
        for distance in 0..MAX_OFFERED_DEPTH {
            let Some(id) = at.filter(|id| seen.insert(*id)) else { break };
            let parents = graph.parents(&id);
            // A commit that is not here cannot be offered.
            if parents.is_some() && (distance == 0 || distance.is_power_of_two()) {
                offered.insert(id);
            }
            at = parents.and_then(|parents| parents.first());
        }
    }
    graph.check()?;
    let mut offered: Vec<_> = offered.into_iter().collect();
    offered.sort_unstable();
    Ok(offered)
}
