//! What a remote promised, brought when it is needed (`spec/hub.md` 10).

use std::{collections::HashSet, panic, thread};

use api::wire2::ObjectsRequest;
use history::worktree::{Bring, BringError, Graph, WorkingCopy};
use names::{CommitId, ObjectId, SnapshotId};
use tokio::runtime;

use super::{Incoming, Note, Source, TransferError, pages::cut, receiver::Receiver};
use crate::{
    client::{RepositoryAddress, Wire},
    context::Context,
    failure::{Exit, Failure},
    progress::Progress,
};

/// As many objects as a server sends at once.
const AT_ONCE: usize = 10_000;

/// A remote that promised what is not here, and who asks it.
pub struct Promise {
    /// Who asks, apart from what it is asked for.
    pub context: Context,
    /// The remote.
    pub address: RepositoryAddress,
}

impl Bring for Promise {
    fn bring(&self, copy: &WorkingCopy, ids: &[ObjectId]) -> Result<(), BringError> {
        // Whoever needs an object may be at work in a runtime of its own, and waits in any case.
        let brought = thread::scope(|scope| {
            scope.spawn(|| self.bring_here(copy, ids)).join().unwrap_or_else(|panicked| {
                panic::resume_unwind(panicked);
            })
        });
        Ok(brought?)
    }
}

impl Promise {
    fn bring_here(&self, copy: &WorkingCopy, ids: &[ObjectId]) -> Result<(), Failure> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(Exit::Internal, "runtime", error))?;
        runtime.block_on(async {
            let client = self.context.client_of_account(&self.address.origin)?;
            let wire = client.wire(&self.address.owner, &self.address.name);
            let progress = Progress::silent();
            let mut incoming = Incoming::new(copy, &progress)?;
            bring(wire, ids, &mut incoming).await?;
            Ok(copy.sync()?)
        })
    }
}

/// Brings these objects, of which none is here.
async fn bring(
    wire: Wire<'_>,
    ids: &[ObjectId],
    incoming: &mut Incoming<'_>,
) -> Result<(), TransferError> {
    for ids in ids.chunks(AT_ONCE) {
        let mut note = Note::default();
        let mut receiver = Receiver::of_objects(incoming, &mut note, ids);
        let ask = ObjectsRequest { ids: ids.to_vec() };
        wire.fetch_objects(ask, |bytes| receiver.take(bytes)).await.map_err(cut)?;
        receiver.finish()?;
    }
    Ok(())
}

/// Brings what is not here of the snapshots of these commits.
pub(super) async fn complete(
    source: Source<'_>,
    commits: impl IntoIterator<Item = CommitId>,
    incoming: &mut Incoming<'_>,
) -> Result<(), TransferError> {
    let Source::Server(wire) = source;
    let copy = incoming.copy;
    let (mut seen, mut asked) = (HashSet::<SnapshotId>::new(), HashSet::<ObjectId>::new());
    let mut missing = Vec::new();
    for id in commits {
        let commit = copy.commit(&id)?.ok_or(TransferError::NoCommit(id))?;
        if !seen.insert(commit.snapshot_id) {
            continue;
        }
        let snapshot = copy.snapshot(&commit.snapshot_id)?;
        let snapshot = snapshot.ok_or(TransferError::NoSnapshot(commit.snapshot_id))?;
        for object in snapshot.manifest.into_values() {
            if asked.insert(object) && !copy.has_object(&object)? {
                missing.push(object);
            }
        }
        if missing.len() >= AT_ONCE {
            bring(wire, &std::mem::take(&mut missing), incoming).await?;
        }
    }
    bring(wire, &missing, incoming).await
}

/// Every commit that these lead to.
pub(super) fn all_behind(
    copy: &WorkingCopy,
    commits: impl IntoIterator<Item = CommitId>,
) -> Result<Vec<CommitId>, TransferError> {
    let graph = Graph::new(copy);
    let reached = graph.reached(commits);
    graph.check()?;
    Ok(reached.into_iter().collect())
}
