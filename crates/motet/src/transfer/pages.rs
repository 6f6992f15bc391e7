//! A history over wire 2, page by page (`spec/wire.md` 9, 9.2).

use std::collections::HashSet;

use api::wire2::{Fetch, HAVES, Negotiate, Negotiated, Objects, Wanted};
use history::worktree::{Graph, WorkingCopy};
use names::CommitId;

use super::{
    Incoming, Note, TransferError,
    receiver::{Receiver, malformed},
};
use crate::client::{ClientError, Wire};

/// How far back the gap above what is common is looked through.
const MAX_GAP: usize = 100_000;

/// Brings what `want` leads to and `have` does not. A transfer from the same repository that was cut is ended first.
pub(super) async fn bring(
    wire: Wire<'_>,
    want: &[CommitId],
    have: &[CommitId],
    tips: bool,
    incoming: &mut Incoming<'_>,
) -> Result<(), TransferError> {
    let mut have = have.to_vec();
    if let Some(note) = begun(wire, incoming.copy)? {
        let wanted = note.want.clone();
        match go_on(wire, note, incoming).await {
            Ok(()) => have.extend(wanted),
            // The server cannot go on from there: it is asked anew. What has come is not written again.
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    let held: HashSet<_> = have.iter().copied().collect();
    let want: Vec<_> = want.iter().copied().filter(|id| !held.contains(id)).collect();
    if want.is_empty() {
        return Ok(incoming.copy.end_transfer()?);
    }
    let Negotiated { common, plan, .. } = negotiate(wire, incoming.copy, &want, &have).await?;
    let address = wire.address();
    let note = Note { address, want, common, tips, ..Note::default() }.planned(plan);
    note.keep(incoming.copy)?;
    go_on(wire, note, incoming).await
}

/// The transfer from this repository that was cut, if there is one.
fn begun(wire: Wire<'_>, copy: &WorkingCopy) -> Result<Option<Note>, TransferError> {
    let note = Note::of(copy)?;
    Ok(note.filter(|note| note.address == wire.address() && note.cursor.is_some()))
}

/// Whether a server cannot go on from a cursor, or does not know any more what was asked for.
fn is_gone(error: &TransferError) -> bool {
    match error {
        TransferError::Client(error) => matches!(error.refusal_code(), "cursor_gone" | "not_found"),
        _ => false,
    }
}

/// Fetches to the end of a transfer.
async fn go_on(
    wire: Wire<'_>,
    mut note: Note,
    incoming: &mut Incoming<'_>,
) -> Result<(), TransferError> {
    incoming.progress.begin("receiving", note.total_bytes);
    incoming.progress.advance(note.object_bytes);
    loop {
        let ask = Fetch {
            want: note.want.iter().copied().map(Wanted::Commit).collect(),
            common: note.common.clone(),
            objects: if note.tips { Objects::Tips } else { Objects::All },
            cursor: note.cursor.clone(),
            max_bytes: None,
        };
        let before = note.cursor.clone();
        let mut receiver = Receiver::new(incoming, &mut note);
        wire.fetch_pages(ask, |bytes| receiver.take(bytes)).await.map_err(cut)?;
        if !receiver.finish()? {
            break;
        }
        if note.cursor == before {
            return Err(malformed("nothing new came, and there is said to be more"));
        }
    }
    incoming.progress.end();
    incoming.copy.sync()?;
    Ok(incoming.copy.end_transfer()?)
}

/// The connection broke: the next command goes on.
pub(super) fn cut(error: TransferError) -> TransferError {
    match error {
        TransferError::Client(
            inner @ (ClientError::CutOff { .. }
            | ClientError::TimedOut { .. }
            | ClientError::Unreachable { .. }),
        ) => TransferError::Cut(inner),
        error => error,
    }
}

/// Finds what both sides hold: by a few commits of each line, then by those above the newest common one.
async fn negotiate(
    wire: Wire<'_>,
    copy: &WorkingCopy,
    want: &[CommitId],
    have: &[CommitId],
) -> Result<Negotiated, TransferError> {
    let want: Vec<_> = want.iter().copied().map(Wanted::Commit).collect();
    let offer = have.iter().copied().take(HAVES).collect();
    let told = wire.negotiate(Negotiate { want: want.clone(), have: offer }).await?;
    if told.ready {
        return Ok(told);
    }
    let have = gap(copy, have, &told.common)?;
    Ok(wire.negotiate(Negotiate { want, have }).await?)
}

/// What is common, and commits above it, evenly apart if there are too many.
fn gap(
    copy: &WorkingCopy,
    have: &[CommitId],
    common: &[CommitId],
) -> Result<Vec<CommitId>, TransferError> {
    let graph = Graph::new(copy);
    let (mut above, mut seen) = (Vec::new(), common.iter().copied().collect::<HashSet<_>>());
    for id in have {
        let mut at = Some(*id);
        while let Some(id) = at.filter(|id| above.len() < MAX_GAP && seen.insert(*id)) {
            let Some(parents) = graph.parents(&id) else { break };
            above.push(id);
            at = parents.first();
        }
    }
    graph.check()?;
    let room = HAVES.saturating_sub(common.len()).max(1);
    let step = above.len().div_ceil(room).max(1);
    let offered = common.iter().copied().take(HAVES / 2);
    Ok(offered.chain(above.into_iter().step_by(step)).take(HAVES).collect())
}
