//! A history as a stream, page by page (`spec/wire.md` 9, 9.1).
//!
//! A commit is sent as the objects that none of its parents has, then what differs from the snapshot of its first
//! parent, then itself. A page ends behind 500 commits or 8 MiB, in the middle of a large commit or of a large object
//! too: whatever stands before its cursor needs nothing that stands behind.

use std::collections::HashSet;

use api::{
    CommitRecord, Value, msgpack,
    stream::{
        Begin, Frame, SnapshotPart, StreamKind,
        limits::{COMMITS, FETCH_BYTES, LEAST_FETCH_BYTES, PAGE_BYTES},
    },
    wire2::{Fetch, Objects},
};
use axum::response::Response;
use history::tree::Change;
use names::{CommitId, Id, NodeId, ObjectId};
use trust::{Actor, Allowed, act};
use web::{Call, Problem};

use super::{
    bytes::{Batch, Large, is_small},
    line::{Changes, Line, News, Step, left_behind},
    position::{self, Bound, Position},
    sending::{Sending, Stop, Work},
    store,
    visible::Seen,
    watch::Watch,
};
use crate::{Error, Hub, Repository};

/// Objects that are known to have been sent. Beyond them some may be sent twice, which costs their bytes.
const SENT: usize = 100_000;
/// What the names in one part of a snapshot come to.
const PART_BYTES: usize = 256 << 10;
/// What one name costs beside its bytes.
const NAME_BYTES: usize = 48;
/// What the commits in one frame come to, before the last one.
const COMMITS_BYTES: u64 = 512 << 10;

/// Whatever the client lacks.
pub(super) async fn fetch(
    hub: Hub,
    allowed: Allowed<act::ObjectRead, Repository>,
    call: Call,
) -> Result<Response, Problem> {
    crate::wire::muse(allowed.resource())?;
    let context = call.context.clone();
    let Fetch { want, common, objects, cursor, max_bytes } = super::message(call).await?;
    let (seen, id) = (Seen::by(&allowed), allowed.resource().id);
    let mut tx = hub.db.read().await?;
    let wanted = seen.wanted(&hub, &mut tx, &want).await;
    let want = match wanted {
        // Refs have moved since: what was asked for then is not shown any more.
        Err(Error::Wire(_)) if cursor.is_some() => return Err(position::gone().into()),
        wanted => wanted?,
    };
    let bound = Bound::to(id, allowed.actor(), (&want, &common), objects);
    let position = match &cursor {
        None => Position::START,
        Some(text) => bound.read(&hub.cursors, text, hub.clock.now())?,
    };
    let held = seen.commits(&mut tx, &common).await?;
    let held_root = match held.first() {
        None => None,
        Some(first) => store::trees(&mut tx, id, &[*first]).await?.remove(first).map(|it| it.root),
    };
    drop(tx);
    let begin = Begin {
        kind: StreamKind::Fetch,
        repo_id: id.to_string(),
        want: want.clone(),
        common: held.clone(),
        cursor,
    };
    let fetching = Fetching {
        tips: want.iter().copied().collect(),
        line: Line::new(id, want, held, position.after),
        objects,
        held_root,
        bound,
        max_bytes: max_bytes.unwrap_or(FETCH_BYTES).max(LEAST_FETCH_BYTES),
        position,
        sent: HashSet::new(),
        waiting: Vec::new(),
        page_commits: 0,
        page_begins: 0,
    };
    let watch = Watch::of(&allowed);
    Ok(Sending::answer(hub, (context, watch), begin, fetching).await?)
}

/// A fetch at work.
pub(super) struct Fetching {
    line: Line,
    tips: HashSet<CommitId>,
    objects: Objects,
    /// A tree that the client holds with its objects.
    held_root: Option<NodeId>,
    bound: Bound,
    max_bytes: u64,
    position: Position,
    sent: HashSet<ObjectId>,
    /// Commits of the page, whose objects and snapshots have been sent.
    waiting: Vec<CommitRecord>,
    /// How many commits the page has.
    page_commits: usize,
    /// How many bytes stand before the page.
    page_begins: u64,
}

/// Whether a fetch goes on, or has brought as much as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    On,
    NoFurther,
}

impl Work for Fetching {
    async fn write(mut self, to: &mut Sending) -> Result<bool, Stop> {
        let hub = to.hub.clone();
        loop {
            let steps = to.patiently(self.line.batch(&hub)).await?;
            if steps.is_empty() {
                self.end_page(to).await?;
                return Ok(false);
            }
            for step in steps {
                if self.commit(to, step).await? == Goes::NoFurther {
                    return Ok(true);
                }
            }
        }
    }
}

impl Fetching {
    /// One that brings everything that `want` leads to and `common` does not, in one stream.
    pub(super) fn whole(
        repository: Id<Repository>,
        actor: &Actor,
        want: Vec<CommitId>,
        common: Vec<CommitId>,
    ) -> Self {
        let bound = Bound::to(repository, actor, (&want, &common), Objects::All);
        Self {
            tips: HashSet::new(),
            line: Line::new(repository, want, common, Position::START.after),
            objects: Objects::All,
            held_root: None,
            bound,
            max_bytes: u64::MAX,
            position: Position::START,
            sent: HashSet::new(),
            waiting: Vec::new(),
            page_commits: 0,
            page_begins: 0,
        }
    }

    async fn commit(&mut self, to: &mut Sending, step: Step) -> Result<Goes, Stop> {
        if self.send_objects(to, &step).await? == Goes::NoFurther {
            return Ok(Goes::NoFurther);
        }
        send_snapshot(to, &step).await?;
        self.position = Position { after: step.at, changes: 0, bytes: 0 };
        self.waiting.push(step.record);
        self.page_commits += 1;
        self.end_full_page(to).await
    }

    /// What is new in a commit, as far as objects are wanted.
    fn news(&self, step: &Step) -> Option<News> {
        match self.objects {
            Objects::All => Some(News::of(step)),
            Objects::Tips if self.tips.contains(&step.at.id) => {
                Some(News::beside(self.held_root, step.tree.root))
            }
            Objects::Tips | Objects::None => None,
        }
    }

    async fn send_objects(&mut self, to: &mut Sending, step: &Step) -> Result<Goes, Stop> {
        let Some(mut news) = self.news(step) else { return Ok(Goes::On) };
        let (hub, begin, mut passed) = (to.hub.clone(), self.position, 0);
        let mut batch = Batch::default();
        let held = match self.objects {
            Objects::All => to.patiently(left_behind(&hub, step)).await?,
            Objects::Tips | Objects::None => HashSet::new(),
        };
        while let Some(change) = to.patiently(news.next(&hub)).await? {
            passed += 1;
            // What was sent before the cursor that the client came with.
            if passed <= begin.changes {
                continue;
            }
            let offset = if passed == begin.changes + 1 { begin.bytes } else { 0 };
            let Change { after: Some(file), .. } = change else { continue };
            if held.contains(&file.object) || !self.is_new(file.object) {
                continue;
            }
            if is_small(file.size_bytes) {
                if !batch.add(file.object, file.size_bytes) {
                    continue;
                }
                batch.send(to).await?;
            } else {
                batch.send(to).await?;
                // A page may end in the middle of it, where no commit can stand.
                self.send_commits(to).await?;
                self.position.changes = passed - 1;
                if self.send_large(to, file.object, offset).await? == Goes::NoFurther {
                    return Ok(Goes::NoFurther);
                }
            }
            (self.position.changes, self.position.bytes) = (passed, 0);
            if self.end_full_page(to).await? == Goes::NoFurther {
                return Ok(Goes::NoFurther);
            }
        }
        batch.send(to).await?;
        Ok(Goes::On)
    }

    async fn send_large(
        &mut self,
        to: &mut Sending,
        id: ObjectId,
        offset: u64,
    ) -> Result<Goes, Stop> {
        let hub = to.hub.clone();
        let place = to.patiently(hub.objects.place(id)).await?;
        let mut large = Large::new(&hub, id, place, offset);
        to.put(large.head()).await?;
        while let Some(piece) = to.patiently(large.next(&hub)).await? {
            to.put(Frame::Data(piece.into())).await?;
            self.position.bytes = large.at();
            let before = to.bytes();
            if self.end_full_page(to).await? == Goes::NoFurther {
                return Ok(Goes::NoFurther);
            }
            // A cursor stands in the middle of it.
            if to.bytes() > before {
                to.put(large.head()).await?;
            }
        }
        to.put(Frame::ObjectEnd(id)).await?;
        Ok(Goes::On)
    }

    /// Whether an object has not been sent, as far as that is remembered.
    fn is_new(&mut self, object: ObjectId) -> bool {
        if self.sent.len() >= SENT {
            self.sent.clear();
        }
        self.sent.insert(object)
    }

    async fn end_full_page(&mut self, to: &mut Sending) -> Result<Goes, Stop> {
        if self.page_commits < COMMITS && to.bytes() - self.page_begins < PAGE_BYTES {
            return Ok(Goes::On);
        }
        self.end_page(to).await?;
        Ok(if to.bytes() < self.max_bytes { Goes::On } else { Goes::NoFurther })
    }

    /// Sends the commits of the page, and where the next one begins.
    async fn end_page(&mut self, to: &mut Sending) -> Result<(), Stop> {
        self.send_commits(to).await?;
        let cursor = self.bound.write(&to.hub.cursors, &self.position, to.hub.clock.now());
        to.put(Frame::Cursor(cursor)).await?;
        (self.page_begins, self.page_commits) = (to.bytes(), 0);
        to.flush().await
    }

    /// Sends the commits that wait.
    async fn send_commits(&mut self, to: &mut Sending) -> Result<(), Stop> {
        let (mut frame, mut bytes) = (Vec::new(), 0);
        for record in std::mem::take(&mut self.waiting) {
            let size = msgpack::encoded_len(&Value::from(record.clone()));
            if bytes + size > COMMITS_BYTES && !frame.is_empty() {
                to.put(Frame::Commits(std::mem::take(&mut frame))).await?;
                bytes = 0;
            }
            bytes += size;
            frame.push(record);
        }
        if !frame.is_empty() {
            to.put(Frame::Commits(frame)).await?;
        }
        Ok(())
    }
}

/// A snapshot as what differs from that of the first parent.
async fn send_snapshot(to: &mut Sending, step: &Step) -> Result<(), Stop> {
    let (hub, tree, base) = (to.hub.clone(), &step.tree, step.parents.first());
    if base.is_some_and(|base| base.snapshot == tree.snapshot) {
        return Ok(());
    }
    let empty = |part: u32| SnapshotPart {
        snapshot_id: tree.snapshot,
        base: base.map(|base| base.snapshot),
        part,
        last: false,
        files: tree.files,
        created_at: tree.created_at.clone(),
        set: Vec::new(),
        del: Vec::new(),
    };
    let (mut part, mut bytes) = (empty(0), 0);
    let mut changes = Changes::between(base.map(|base| base.root), tree.root);
    while let Some(change) = to.patiently(changes.next(&hub)).await? {
        if bytes >= PART_BYTES {
            let next = empty(part.part + 1);
            to.put(Frame::Snapshot(std::mem::replace(&mut part, next))).await?;
            bytes = 0;
        }
        bytes += change.path.as_str().len() + NAME_BYTES;
        match change.after {
            Some(file) => part.set.push((change.path, file.object)),
            None => part.del.push(change.path),
        }
    }
    part.last = true;
    to.put(Frame::Snapshot(part)).await
}
