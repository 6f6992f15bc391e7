//! From a working copy to a server.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io,
};

use api::{
    CommitRecord, SnapshotRecord,
    wire::{PushRequest, limits},
};
use history::{
    Parents, reachable_not,
    worktree::{Graph, WorkingCopy, WorktreeError},
};
use names::{BranchName, CommitId, ObjectId};

use super::{Heads, TransferError, push_pages};
use crate::{
    client::{ObjectBatch, Wire},
    progress::Progress,
};

/// How many ids one question holds.
const IDS_PER_QUESTION: usize = 50_000;
/// How many paths the snapshots of one push may hold together, about 64 MiB in memory and in the message. A
/// longer history goes in several pushes, each of which moves the branch on.
const MAX_STAGE_PATHS: usize = 400_000;
/// And how many commits.
const MAX_STAGE_COMMITS: usize = limits::RECORDS / 4;

/// What is pushed.
#[derive(Debug, Clone, Copy)]
pub struct PushOptions<'a> {
    /// Branches, of the same names on both sides.
    pub branches: &'a [BranchName],
    /// Tags.
    pub tags: &'a [BranchName],
    /// Whether the branches go away there instead.
    pub delete: bool,
    /// Whether the server's branches may lose commits.
    pub force: bool,
}

/// A branch or a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefName {
    /// A branch.
    Branch(BranchName),
    /// A tag.
    Tag(BranchName),
}

impl RefName {
    /// The name as people write it.
    pub const fn name(&self) -> &BranchName {
        match self {
            Self::Branch(name) | Self::Tag(name) => name,
        }
    }
}

/// A ref that is to be somewhere.
pub(super) struct Wish {
    /// The full name.
    pub(super) name: String,
    pub(super) shown: RefName,
    /// Nowhere, if it shall go.
    pub(super) new: Option<CommitId>,
}

impl PushOptions<'_> {
    /// Where each ref shall be.
    pub(super) fn wishes(&self, copy: &WorkingCopy) -> Result<Vec<Wish>, TransferError> {
        let mut wishes = Vec::new();
        for branch in self.branches {
            let head = copy.branch_head(branch);
            let new = if self.delete {
                None
            } else {
                Some(head?.ok_or_else(|| TransferError::NoCommits(branch.clone()))?)
            };
            let shown = RefName::Branch(branch.clone());
            wishes.push(Wish { name: branch.full(), shown, new });
        }
        for tag in self.tags {
            let new = copy.tag(tag)?.ok_or_else(|| TransferError::NoCommits(tag.clone()))?;
            let (name, shown) = (format!("refs/tags/{tag}"), RefName::Tag(tag.clone()));
            wishes.push(Wish { name, shown, new: Some(new) });
        }
        Ok(wishes)
    }
}

/// What became of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedRef {
    /// Which.
    pub name: RefName,
    /// Where it was on the server.
    pub old: Option<CommitId>,
    /// Where it is; nowhere if it is gone.
    pub new: Option<CommitId>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pushed {
    /// In the order in which they were named.
    pub refs: Vec<PushedRef>,
    /// How many commits were sent.
    pub commits: usize,
    /// How many objects were sent.
    pub objects: u64,
    /// How many bytes these objects have.
    pub object_bytes: u64,
    /// What the server said.
    pub message: String,
}

impl PushedRef {
    /// Whether it was there already.
    pub fn is_up_to_date(&self) -> bool {
        self.old == self.new
    }
}

/// Pushes. A repository that does not exist is pushed to all the same: some servers make it then.
pub async fn push(
    copy: &WorkingCopy,
    wire: Wire<'_>,
    options: &PushOptions<'_>,
    progress: &Progress,
) -> Result<Pushed, TransferError> {
    let there = match wire.refs_and_places().await {
        Ok(there) => Some(there),
        Err(error) if error.refusal_code() == "not_found" => None,
        Err(error) => return Err(error.into()),
    };
    if wire.is_paged() {
        return push_pages::push(copy, wire, options, there, progress).await;
    }
    if options.delete || !options.tags.is_empty() {
        return Err(TransferError::BranchesOnly);
    }
    let mut pushed = Pushed::default();
    for branch in options.branches {
        // Asked again for each: what one push brought need not come with the next.
        let heads = match wire.refs().await {
            Ok(refs) => Heads::of(&refs)?,
            Err(error) if error.refusal_code() == "not_found" => Heads::default(),
            Err(error) => return Err(error.into()),
        };
        push_branch((copy, wire, progress), (branch, options.force), &heads, &mut pushed).await?;
    }
    Ok(pushed)
}

/// Pushes a branch over wire 1.
async fn push_branch(
    (copy, wire, progress): (&WorkingCopy, Wire<'_>, &Progress),
    (branch, force): (&BranchName, bool),
    heads: &Heads,
    pushed: &mut Pushed,
) -> Result<(), TransferError> {
    let tip = copy.branch_head(branch)?.ok_or_else(|| TransferError::NoCommits(branch.clone()))?;
    let (name, old) = (RefName::Branch(branch.clone()), heads.get(branch));
    pushed.refs.push(PushedRef { name, old, new: Some(tip) });
    if old == Some(tip) {
        return Ok(());
    }
    let graph = Graph::new(copy);
    let theirs = heads.iter().map(|(_, commit)| commit);
    let new = reachable_not([tip], theirs, |id| graph.parents(id))?;
    graph.check()?;
    progress.begin("sending commits", new.len().max(1) as u64);
    let mut sender = Sender { copy, graph: &graph, wire, branch, force, progress, pushed };
    if new.is_empty() {
        // The server has it all under other names; a push needs a commit all the same.
        let mut stage = Stage::default();
        stage.take_commit(copy, &tip)?;
        sender.send(stage).await?;
    } else {
        sender.send_all(tip, &new).await?;
    }
    progress.end();
    Ok(())
}

/// Commits and snapshots that go together.
#[derive(Default)]
struct Stage {
    /// Parents before children, so the tip is the last one.
    commits: Vec<CommitRecord>,
    snapshots: Vec<SnapshotRecord>,
    paths: usize,
}

impl Stage {
    fn take_commit(&mut self, copy: &WorkingCopy, id: &CommitId) -> Result<(), TransferError> {
        let record = copy.commit(id)?.ok_or(WorktreeError::MissingCommit(*id))?;
        self.commits.push(record);
        Ok(())
    }

    fn take_snapshot(&mut self, snapshot: SnapshotRecord) {
        self.paths += snapshot.manifest.len();
        self.snapshots.push(snapshot);
    }

    fn is_full(&self) -> bool {
        self.paths >= MAX_STAGE_PATHS || self.commits.len() >= MAX_STAGE_COMMITS
    }
}

struct Sender<'a> {
    copy: &'a WorkingCopy,
    graph: &'a Graph<'a>,
    wire: Wire<'a>,
    branch: &'a BranchName,
    force: bool,
    progress: &'a Progress,
    pushed: &'a mut Pushed,
}

impl Sender<'_> {
    /// Sends `new`, which stand parents first, in as few pushes as their size allows. A push ends at a commit of
    /// the tip's own line, because what it leads to must have been sent by then.
    async fn send_all(&mut self, tip: CommitId, new: &[CommitId]) -> Result<(), TransferError> {
        let place: HashMap<CommitId, usize> =
            new.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let mut line = Vec::new();
        let mut at = Some(tip);
        while let Some(id) = at.filter(|id| place.contains_key(id)) {
            line.push(id);
            at = self.graph.parents(&id).and_then(|parents| parents.first());
        }
        let (mut stage, mut sent) = (Stage::default(), HashSet::new());
        let mut snapshots = HashSet::new();
        for end in line.into_iter().rev() {
            for id in self.below(end, &place, &mut sent) {
                stage.take_commit(self.copy, &id)?;
                let snapshot = stage.commits.last().map(|record| record.snapshot_id);
                for id in snapshot.into_iter().filter(|id| snapshots.insert(*id)) {
                    let snapshot = self.copy.snapshot(&id)?;
                    stage.take_snapshot(snapshot.ok_or(WorktreeError::MissingSnapshot(id))?);
                }
                tokio::task::yield_now().await;
            }
            if stage.is_full() || end == tip {
                self.send(std::mem::take(&mut stage)).await?;
            }
        }
        Ok(())
    }

    /// Everything that `end` leads to and that was not sent, parents first.
    fn below(
        &self,
        end: CommitId,
        place: &HashMap<CommitId, usize>,
        sent: &mut HashSet<CommitId>,
    ) -> Vec<CommitId> {
        let (mut found, mut waiting) = (Vec::new(), vec![end]);
        while let Some(id) = waiting.pop() {
            if place.contains_key(&id) && sent.insert(id) {
                found.push(id);
                waiting.extend(self.graph.parents(&id).iter().flat_map(Parents::iter));
            }
        }
        found.sort_unstable_by_key(|id| place.get(id));
        found
    }

    async fn send(&mut self, stage: Stage) -> Result<(), TransferError> {
        let Stage { mut commits, snapshots, paths: _ } = stage;
        let objects: BTreeSet<ObjectId> =
            snapshots.iter().flat_map(|snapshot| snapshot.manifest.values().copied()).collect();
        self.upload(objects).await?;
        let count = commits.len();
        // The tip comes first (`spec/wire.md` 4, push).
        commits.reverse();
        let request = PushRequest {
            commits,
            snapshots,
            objects: Vec::new(),
            branch: self.branch.to_string(),
            force: self.force,
        };
        let answer = self.wire.push(request).await?;
        self.pushed.message = crate::visible::visible(&answer.message);
        self.pushed.commits += count;
        self.progress.advance(count as u64);
        Ok(())
    }

    /// Uploads what the server lacks of `objects`.
    async fn upload(&mut self, mut objects: BTreeSet<ObjectId>) -> Result<(), TransferError> {
        objects.remove(&ObjectId::EMPTY);
        let offered: Vec<ObjectId> = objects.iter().copied().collect();
        let mut batch = ObjectBatch::default();
        for question in offered.chunks(IDS_PER_QUESTION) {
            for id in self.wire.filter_objects(question.to_vec()).await? {
                // What is not of this history is nobody's business.
                if !objects.contains(&id) {
                    return Err(TransferError::NotOffered(id));
                }
                let content = self.read(&id)?;
                if !batch.fits(content.len()) {
                    self.wire.push_objects(std::mem::take(&mut batch)).await?;
                }
                batch.push(&id, &content);
                self.pushed.objects += 1;
                self.pushed.object_bytes += content.len() as u64;
                tokio::task::yield_now().await;
            }
        }
        if !batch.is_empty() {
            self.wire.push_objects(batch).await?;
        }
        Ok(())
    }

    /// The bytes of an object, as long as they fit into a message.
    fn read(&self, id: &ObjectId) -> Result<Vec<u8>, TransferError> {
        let max_bytes = limits::INLINE_OBJECT_BYTES;
        let (mut bytes, mut is_too_large) = (Vec::new(), false);
        let copied = self.copy.copy_object(id, |part| {
            if (bytes.len() + part.len()) as u64 > max_bytes {
                is_too_large = true;
                return Err(io::Error::from(io::ErrorKind::FileTooLarge));
            }
            bytes.extend_from_slice(part);
            Ok(())
        });
        match copied {
            Err(_) if is_too_large => Err(TransferError::TooLarge { object: *id, max_bytes }),
            Ok(true) => Ok(bytes),
            Ok(false) => Err(WorktreeError::Damaged {
                path: format!(".muse/objects/{id}"),
                reason: "it is not there".to_owned(),
            }
            .into()),
            Err(error) => Err(error.into()),
        }
    }
}
