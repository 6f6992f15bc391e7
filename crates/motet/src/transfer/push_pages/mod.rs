//! Pushing over wire 2: what the server lacks, as a stream that goes on where it was cut; then everything at once becomes
//! history there (`spec/wire.md` 9, 9.2).
//!
//! | file          | what is there                                     |
//! |---------------|---------------------------------------------------|
//! | `mod.rs`      | a push from its beginning to its end                |
//! | `note.rs`     | [`PushNote`]: a push that has begun                  |
//! | `delta.rs`    | a snapshot by what differs from another one          |
//! | `outgoing.rs` | the stream, page by page                           |

mod delta;
mod note;
mod outgoing;

use std::collections::{HashMap, HashSet};

use api::{
    CommitRecord,
    wire2::{CHECKED_IDS, PushCheck, RefPlace, Update},
};
use history::{
    Manifest, reachable_not,
    ref_log::RefEntry,
    worktree::{Graph, WorkingCopy, WorktreeError},
};
use names::{CommitId, ObjectId, SnapshotId};

use super::{PushOptions, Pushed, PushedRef, TransferError, pages::cut, push::Wish};
use crate::{
    client::{ClientError, OpenedPush, RefsAndPlaces, Wire},
    progress::Progress,
};
use delta::Delta;
use note::PushNote;
use outgoing::Outgoing;

/// Commits whose snapshots are compared before the server is asked for their objects.
const GROUP_COMMITS: usize = 500;
/// And paths in which they differ.
const GROUP_PATHS: usize = 20_000;
/// How often a push asks where it stands: an earlier request may have been on its way still.
const ATTEMPTS: usize = 3;

/// Pushes over wire 2. `there` is what the server has; nothing if the repository does not exist.
pub(super) async fn push(
    copy: &WorkingCopy,
    wire: Wire<'_>,
    options: &PushOptions<'_>,
    there: Option<RefsAndPlaces>,
    progress: &Progress,
) -> Result<Pushed, TransferError> {
    let repository = there.as_ref().map(|it| it.refs.repo_id.clone());
    let places = there.map(|it| it.places).unwrap_or_default();
    let places: HashMap<&str, &RefPlace> = places.iter().map(|it| (it.name.as_str(), it)).collect();
    let mut pushed = Pushed::default();
    let mut updates = Vec::new();
    for wish in options.wishes(copy)? {
        let place = places.get(wish.name.as_str()).copied();
        let Wish { name, shown, new, .. } = wish;
        let old = place.and_then(|it| it.target);
        if old != new {
            let force = options.force;
            let (entry, signature) = (String::new(), String::new());
            updates.push(Update { name, old, new, force, entry, signature });
        }
        pushed.refs.push(PushedRef { name: shown, old, new });
    }
    let address = wire.address();
    if updates.is_empty() {
        copy.end_push(&address)?;
        return Ok(pushed);
    }
    let theirs: Vec<_> = places.values().filter_map(|it| it.target).collect();
    let tips: Vec<_> = updates.iter().filter_map(|it| it.new).collect();
    let graph = Graph::new(copy);
    let new = reachable_not(tips.iter().copied(), theirs, |id| graph.parents(id))?;
    graph.check()?;
    drop(graph);

    let begun = begin(copy, wire, (repository, &places), updates).await?;
    let line = Line { copy, wire, progress, push: &begun, tips };
    let done = line.run(&new, &mut pushed).await;
    match done {
        Ok(()) => {
            copy.end_push(&address)?;
            progress.end();
            Ok(pushed)
        }
        Err(error) => {
            if is_over(&error) {
                copy.end_push(&address)?;
                // It ends by itself, if it cannot be told.
                wire.drop_push(&begun).await.unwrap_or_default();
            }
            Err(cut(error))
        }
    }
}

/// Whether a push was refused for good.
fn is_over(error: &TransferError) -> bool {
    match error {
        TransferError::Client(ClientError::Refused(refusal)) => {
            !matches!(refusal.status, 401 | 429 | 500..)
        }
        _ => false,
    }
}

/// Goes on with the push of the same refs that was cut, or begins one.
async fn begin(
    copy: &WorkingCopy,
    wire: Wire<'_>,
    (repository, places): (Option<String>, &HashMap<&str, &RefPlace>),
    mut updates: Vec<Update>,
) -> Result<OpenedPush, TransferError> {
    let address = wire.address();
    if let Some(note) = PushNote::of(copy, &address)? {
        let is_same = note.updates == updates;
        match wire.push_state(&note.push).await {
            Ok(_) if is_same => return Ok(note.push),
            // It was about something else.
            Ok(_) => wire.drop_push(&note.push).await?,
            Err(error) if error.refusal_code() == "not_found" => {}
            Err(error) => return Err(cut(error.into())),
        }
        copy.end_push(&address)?;
    }
    let unsigned = updates.clone();
    if let Some(repository) = &repository {
        for update in &mut updates {
            sign(wire, repository, places.get(update.name.as_str()).copied(), update);
        }
    }
    let push = wire.open_push(updates).await?;
    let note = PushNote { address, push, updates: unsigned };
    note.keep(copy)?;
    Ok(note.push)
}

/// Signs the movement of a ref, where there is a key: for the next place in its chain.
fn sign(wire: Wire<'_>, repository: &str, place: Option<&RefPlace>, update: &mut Update) {
    let Some(key) = wire.key() else { return };
    let id = |it: Option<CommitId>| it.map(|it| it.to_string()).unwrap_or_default();
    let entry = RefEntry {
        repository_id: repository.to_owned(),
        name: update.name.clone(),
        old: id(update.old),
        new: id(update.new),
        counter: place.map_or(0, |it| it.counter) + 1,
        prev: place.and_then(|it| it.entry_hash.parse().ok()),
        pusher_key: key.fingerprint().to_string(),
        time: wire.now().to_string(),
    };
    let record = entry.bytes();
    update.signature = key.sign(&record).to_commit_text();
    update.entry = String::from_utf8_lossy(&record).into_owned();
}

/// A push under way.
struct Line<'a> {
    copy: &'a WorkingCopy,
    wire: Wire<'a>,
    progress: &'a Progress,
    push: &'a OpenedPush,
    tips: Vec<CommitId>,
}

/// A commit to be sent, with its snapshot if that has to be sent too.
struct Step {
    record: CommitRecord,
    delta: Option<Delta>,
}

impl Line<'_> {
    async fn run(&self, new: &[CommitId], pushed: &mut Pushed) -> Result<(), TransferError> {
        let mut attempt = 1;
        loop {
            match self.send(new, pushed).await {
                // What an earlier request brought was kept meanwhile: it is not sent again.
                Err(TransferError::Client(error))
                    if error.refusal_code() == "wrong_offset" && attempt < ATTEMPTS =>
                {
                    attempt += 1;
                }
                sent => {
                    sent?;
                    break;
                }
            }
        }
        let landed = self.wire.commit_push(self.push).await?;
        let moved = landed.updates.len();
        let told = landed.warnings.iter().map(|it| format!("; {it}"));
        pushed.message = format!("{moved} ref(s) moved{}", told.collect::<String>());
        Ok(())
    }

    /// Sends what the server lacks of `new`, which stand parents first.
    async fn send(&self, new: &[CommitId], pushed: &mut Pushed) -> Result<(), TransferError> {
        let state = self.wire.push_state(self.push).await?;
        let mut missing = HashSet::new();
        for ids in new.chunks(CHECKED_IDS) {
            let ask = PushCheck { commits: ids.to_vec(), ..PushCheck::default() };
            missing.extend(self.wire.check_push(self.push, ask).await?.commits);
        }
        let line: Vec<_> = new.iter().copied().filter(|id| missing.contains(id)).collect();
        pushed.commits = line.len();
        self.progress.begin("sending commits", line.len().max(1) as u64);
        let with = (self.copy, self.wire, self.progress);
        let mut out = Outgoing::new(with, self.push, self.tips.clone(), state);
        let (mut sent, mut snapshots) = (HashSet::new(), HashSet::new());
        let (mut group, mut paths, mut last) = (Vec::new(), 0, None);
        for chunk in line.chunks(CHECKED_IDS) {
            let lacking = self.lacking(chunk).await?;
            for id in chunk {
                let step = self.step(id, &lacking, &mut snapshots, &mut last)?;
                paths += step.delta.as_ref().map_or(0, Delta::len);
                group.push(step);
                if group.len() >= GROUP_COMMITS || paths >= GROUP_PATHS {
                    self.send_group(std::mem::take(&mut group), &mut sent, &mut out).await?;
                    paths = 0;
                }
            }
        }
        self.send_group(group, &mut sent, &mut out).await?;
        let sent = out.finish().await?;
        (pushed.objects, pushed.object_bytes) = (sent.objects, sent.object_bytes);
        Ok(())
    }

    /// The snapshots of those commits that the server lacks.
    async fn lacking(&self, commits: &[CommitId]) -> Result<HashSet<SnapshotId>, TransferError> {
        let mut snapshots = HashSet::new();
        for id in commits {
            snapshots.insert(self.record(id)?.snapshot_id);
        }
        let snapshots = snapshots.into_iter().collect();
        let ask = PushCheck { snapshots, ..PushCheck::default() };
        Ok(self.wire.check_push(self.push, ask).await?.snapshots.into_iter().collect())
    }

    fn record(&self, id: &CommitId) -> Result<CommitRecord, TransferError> {
        Ok(self.copy.commit(id)?.ok_or(WorktreeError::MissingCommit(*id))?)
    }

    /// What is to be sent of a commit. `last` is the snapshot that was read last.
    fn step(
        &self,
        id: &CommitId,
        lacking: &HashSet<SnapshotId>,
        sent: &mut HashSet<SnapshotId>,
        last: &mut Option<(SnapshotId, Manifest)>,
    ) -> Result<Step, TransferError> {
        let record = self.record(id)?;
        let of = record.snapshot_id;
        if !lacking.contains(&of) || !sent.insert(of) {
            return Ok(Step { record, delta: None });
        }
        let read = |id: SnapshotId| -> Result<_, TransferError> {
            Ok(self.copy.snapshot(&id)?.ok_or(WorktreeError::MissingSnapshot(id))?)
        };
        let base = match record.parents().next() {
            None => None,
            Some(parent) => Some(self.record(&parent)?.snapshot_id),
        };
        let before = match (base, last.take()) {
            (None, _) => None,
            (Some(base), Some((id, manifest))) if id == base => Some((base, manifest)),
            (Some(base), _) => Some((base, read(base)?.manifest)),
        };
        let whole = read(of)?;
        let told_by = before.as_ref().map(|(id, manifest)| (*id, manifest));
        let delta = Delta::between(told_by, &whole);
        *last = Some((of, whole.manifest));
        Ok(Step { record, delta: Some(delta) })
    }

    /// Sends some commits, each behind what it needs.
    async fn send_group(
        &self,
        group: Vec<Step>,
        sent: &mut HashSet<ObjectId>,
        out: &mut Outgoing<'_>,
    ) -> Result<(), TransferError> {
        let named = group.iter().filter_map(|it| it.delta.as_ref()).flat_map(Delta::objects);
        let named: HashSet<_> = named.filter(|id| !sent.contains(id)).collect();
        let asked: Vec<_> = named.iter().copied().collect();
        let mut missing = HashSet::new();
        for ids in asked.chunks(CHECKED_IDS) {
            let ask = PushCheck { objects: ids.to_vec(), ..PushCheck::default() };
            missing.extend(self.wire.check_push(self.push, ask).await?.objects);
        }
        // What is not of this history is nobody's business.
        if let Some(other) = missing.iter().find(|id| !named.contains(id)) {
            return Err(TransferError::NotOffered(*other));
        }
        for Step { record, delta } in group {
            if let Some(delta) = delta {
                let objects: Vec<_> = delta.objects().collect();
                for id in objects {
                    if missing.remove(&id) {
                        sent.insert(id);
                        out.object(id).await?;
                    }
                }
                out.snapshot(delta.into_parts()).await?;
            }
            out.commit(record).await?;
        }
        Ok(())
    }
}
