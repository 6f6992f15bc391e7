//! Pushes over wire 2: begun, sent page by page, made history at once (`spec/wire.md` 8, 9; 11, points 5, 9, 10, 12, 15).
//!
//! | file         | what is promised                                                         |
//! |--------------|--------------------------------------------------------------------------|
//! | `pushing.rs` | the calls of a push as a client makes them, for the tests below             |
//! | `whole.rs`   | what is pushed is there, all of it at once, and nothing before               |
//! | `refused.rs` | what is not what it says is refused, and nothing of it is kept               |
//! | `entries.rs` | entries that their pusher signed hold at one place in one log                |
//! | `client.rs`  | `motet push`: several refs, cut anywhere, killed at any moment               |

mod client;
mod entries;
mod refused;
mod whole;

use api::{
    CommitRecord, Value,
    stream::{Begin, Frame, SmallObject, SnapshotPart, StreamKind, Writer},
    wire2::{
        OpenPush, PushCheck, PushLanded, PushMissing, PushOpened, PushState, RefPlace, Update,
    },
};
use history::ref_log::RefEntry;
use http::Method;
use names::{Clock, CommitId, ObjectId, SnapshotId};
use testkit::{Answer, Person, Request, Server, Story};

use super::SONG;
use crate::ref_log::{field, text};

/// Who speaks wire 2 to one repository.
#[derive(Clone)]
struct Pusher<'a> {
    server: &'a Server,
    by: Person,
    repository: String,
}

/// A push that has begun.
#[derive(Clone)]
struct Begun {
    id: String,
    token: String,
}

fn update(name: &str, old: Option<CommitId>, new: Option<CommitId>) -> Update {
    let (entry, signature) = (String::new(), String::new());
    Update { name: name.to_owned(), old, new, force: false, entry, signature }
}

impl<'a> Pusher<'a> {
    fn new(server: &'a Server, by: &Person) -> Self {
        Self { server, by: by.clone(), repository: SONG.to_owned() }
    }

    fn asking(&self, method: Method, endpoint: &str, body: impl Into<Value>) -> Request {
        let target = format!("/{}/v2/push{endpoint}", self.repository);
        let is_post = method == Method::POST;
        let request = self.server.request(method, &target).by(&self.by);
        let accept = "application/x-msgpack";
        if is_post { request.msgpack(&body.into()) } else { request.header("accept", accept) }
    }

    async fn open(&self, updates: Vec<Update>) -> Answer {
        self.asking(Method::POST, "", OpenPush { updates }).send().await
    }

    async fn begin(&self, updates: Vec<Update>) -> Begun {
        let answer = self.open(updates).await;
        answer.assert_status(201);
        let opened = PushOpened::try_from(answer.value()).unwrap();
        Begun { id: opened.push_id, token: opened.token }
    }

    async fn check(&self, push: &Begun, ask: PushCheck) -> PushMissing {
        self.asking(Method::POST, &format!("/{}/check", push.id), ask).send().await.wire()
    }

    async fn state(&self, push: &Begun) -> PushState {
        self.asking(Method::GET, &format!("/{}", push.id), Value::Nil).send().await.wire()
    }

    fn streaming(&self, push: &Begun, offset: u64, bytes: &[u8]) -> Request {
        let target = format!("/{}/v2/push/{}/stream", self.repository, push.id);
        self.server
            .request(Method::PUT, &target)
            .header("authorization", &format!("Bearer {}", push.token))
            .header("content-type", "application/vnd.motet.stream")
            .header("accept", "application/x-msgpack")
            .header("motet-offset", &offset.to_string())
            .body(bytes.to_vec())
    }

    async fn stream(&self, push: &Begun, offset: u64, bytes: &[u8]) -> Answer {
        self.streaming(push, offset, bytes).send().await
    }

    fn committing(&self, push: &Begun) -> Request {
        self.asking(Method::POST, &format!("/{}/commit", push.id), Value::map::<&str>([]))
    }

    async fn commit(&self, push: &Begun) -> Answer {
        self.committing(push).send().await
    }

    /// All of it: begun, sent whole, made history.
    async fn push(&self, updates: Vec<Update>, stream: &[u8]) -> Answer {
        let push = self.begin(updates).await;
        self.stream(&push, 0, stream).await.assert_status(200);
        self.commit(&push).await
    }

    /// The repository's id, and where each ref stands in its chain.
    async fn places(&self) -> (String, Vec<RefPlace>) {
        let asked = self.server.get(&format!("/{}/refs", self.repository)).by(&self.by);
        let accept = "application/x-msgpack";
        let told =
            asked.header("motet-protocol", "2").header("accept", accept).send().await.value();
        let list = |name| match field(&told, name) {
            Value::Array(items) => items.clone(),
            other => panic!("{other:?} is no list"),
        };
        let places = [list("refs"), list("gone")].concat().into_iter();
        let places = places.map(|it| RefPlace::try_from(it).unwrap()).collect();
        (text(&told, "repository_id").to_owned(), places)
    }

    /// An update with its entry, for the next place of the log as it is.
    async fn signed(&self, name: &str, new: Option<CommitId>) -> Update {
        let (repository_id, places) = self.places().await;
        let place = places.iter().find(|it| it.name == name);
        let old = place.and_then(|it| it.target);
        let id = |it: Option<CommitId>| it.map(|it| it.to_string()).unwrap_or_default();
        let entry = RefEntry {
            repository_id,
            name: name.to_owned(),
            old: id(old),
            new: id(new),
            counter: place.map_or(0, |it| it.counter) + 1,
            prev: place.and_then(|it| it.entry_hash.parse().ok()),
            pusher_key: self.by.key().fingerprint().to_string(),
            time: Clock::default().now().to_string(),
        };
        sign(update(name, old, new), &entry, &self.by)
    }
}

/// The same with this entry, signed.
fn sign(update: Update, entry: &RefEntry, by: &Person) -> Update {
    let record = entry.bytes();
    let signature = by.key().sign(&record).to_commit_text();
    Update { entry: String::from_utf8(record).unwrap(), signature, ..update }
}

/// The refs that moved.
fn landed(answer: &Answer) -> PushLanded {
    answer.wire()
}

/// A stream that is being written.
struct Tape(Writer);

impl Tape {
    fn begin() -> Self {
        let (repo_id, want, common) = (String::new(), Vec::new(), Vec::new());
        let kind = StreamKind::Push;
        Self(Writer::begin(Begin { kind, repo_id, want, common, cursor: None }).unwrap())
    }

    fn write(&mut self, frame: Frame) {
        self.0.write(frame).unwrap();
    }

    fn objects<'b>(&mut self, bytes: impl IntoIterator<Item = &'b Vec<u8>>) {
        let object =
            |bytes: &Vec<u8>| SmallObject { id: ObjectId::of(bytes), bytes: bytes.clone() };
        let objects: Vec<_> = bytes.into_iter().map(object).collect();
        if !objects.is_empty() {
            self.write(Frame::Objects(objects));
        }
    }

    fn snapshot(&mut self, story: &Story, id: SnapshotId, base: Option<SnapshotId>) {
        let whole = &story.snapshots[&id];
        let before = base.map(|id| story.snapshots[&id].manifest.clone()).unwrap_or_default();
        let set = whole.manifest.iter().filter(|(path, id)| before.get(*path) != Some(*id));
        let del = before.keys().filter(|path| !whole.manifest.contains_key(*path));
        self.write(Frame::Snapshot(SnapshotPart {
            snapshot_id: id,
            base,
            part: 0,
            last: true,
            files: whole.manifest.len() as u64,
            created_at: whole.created_at.clone(),
            set: set.map(|(path, id)| (path.clone(), *id)).collect(),
            del: del.cloned().collect(),
        }));
    }

    /// A commit with everything that it needs, as a page.
    fn commit(&mut self, story: &Story, record: &CommitRecord) {
        let manifest = &story.snapshots[&record.snapshot_id].manifest;
        let mut ids: Vec<_> = manifest.values().filter(|id| **id != ObjectId::EMPTY).collect();
        ids.sort();
        ids.dedup();
        self.objects(ids.into_iter().map(|id| &story.objects[id]));
        let parent = record.parents().next();
        let base = parent.and_then(|id| story.commits.iter().find(|it| it.commit_id == id));
        self.snapshot(story, record.snapshot_id, base.map(|it| it.snapshot_id));
        self.write(Frame::Commits(vec![record.clone()]));
        self.write(Frame::Cursor(record.commit_id.short()));
    }

    fn end(mut self) -> Vec<u8> {
        self.0.end(false).unwrap();
        self.0.take_written()
    }
}

/// The commits of a story from number `first` on, a page each.
fn stream_since(story: &Story, first: usize) -> Vec<u8> {
    let mut tape = Tape::begin();
    story.commits[first..].iter().for_each(|record| tape.commit(story, record));
    tape.end()
}

/// All of a story.
fn stream_of(story: &Story) -> Vec<u8> {
    stream_since(story, 0)
}
