//! Exchanges of the Muse client 0.1.5, recorded with another server, get the same answers from this one
//! (`spec/wire.md` 11.2).
//!
//! Statuses, ids, counts and sets agree. `repo_id`, messages and the order inside lists are the server's own, and so is
//! the split between presigned and inline uploads. The empty object is never reported missing (`spec/wire.md` D1).

use std::collections::{BTreeMap, BTreeSet};

use api::{
    Limits, Value,
    wire::{FetchAnswer, Missing, Presigned, Pushed, Refs, Stored},
};
use http::Method;
use names::ObjectId;
use testkit::{Answer, Person, Request, Server};

use crate::{MOTET, fixture, fixture_json};

/// What one command of the client sent.
const COMMANDS: [(&str, &[&str]); 5] = [
    ("01-push-first", &["1-refs", "2-filter-objects", "3-presign", "4-push-objects", "5-push"]),
    ("03-push-incremental", &["1-refs", "2-filter-objects", "3-push-objects", "4-push"]),
    ("05-push-branch", &["1-refs", "2-filter-objects", "3-push-objects", "4-push"]),
    ("06-push-merge", &["1-refs", "2-filter-objects", "3-push-objects", "4-push"]),
    ("08-clone", &["1-refs", "2-fetch"]),
];

/// Written anew for each connection.
const OWN_HEADERS: [&str; 4] = ["authorization", "host", "content-length", "connection"];

async fn quartet() -> (Server, Person) {
    let server = Server::start(MOTET).await;
    let quartet = server.register("quartet").await;
    (server, quartet)
}

/// A recorded request, with all that the client sent but its token and its host.
fn request(server: &Server, stem: &str) -> Request {
    let recorded = fixture_json(&format!("{stem}.request.json"));
    let method: Method = recorded["method"].as_str().unwrap().parse().unwrap();
    let mut request = server.request(method, recorded["path"].as_str().unwrap());
    for header in recorded["headers"].as_array().unwrap() {
        let (name, value) = (header[0].as_str().unwrap(), header[1].as_str().unwrap());
        if !OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            request = request.header(name, value);
        }
    }
    if recorded["body_bytes"] == 0 {
        request
    } else {
        request.body(fixture(&format!("{stem}.request.bin")))
    }
}

fn recorded_answer(stem: &str) -> Value {
    let bytes = fixture(&format!("{stem}.response.bin"));
    Value::from_msgpack_reader(&*bytes, &Limits::of_body(1 << 20)).unwrap()
}

fn recorded<T: TryFrom<Value, Error = api::WireError>>(stem: &str) -> T {
    T::try_from(recorded_answer(stem)).unwrap()
}

fn set<T: Ord + Clone>(items: &[T]) -> BTreeSet<T> {
    items.iter().cloned().collect()
}

/// Compares what both servers mean.
fn agree(stem: &str, answer: &Answer) {
    let status = fixture_json(&format!("{stem}.response.json"))["status"].as_u64().unwrap();
    assert_eq!(u64::from(answer.status), status, "{stem}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/x-msgpack", "{stem}");
    match &stem.rsplit_once('/').unwrap().1[2..] {
        "refs" => {
            let (ours, theirs) = (answer.wire::<Refs>(), recorded::<Refs>(stem));
            assert_eq!(ours.domain, theirs.domain, "{stem}");
            assert_eq!(ours.default_branch, theirs.default_branch, "{stem}");
            assert_eq!(set(&ours.branch_heads), set(&theirs.branch_heads), "{stem}");
        }
        "filter-objects" => {
            let (ours, theirs) =
                (answer.wire::<Missing>().missing, recorded::<Missing>(stem).missing);
            let mut theirs = set(&theirs);
            theirs.remove(&ObjectId::EMPTY);
            assert_eq!(ours.len(), theirs.len(), "{stem}");
            assert_eq!(set(&ours), theirs, "{stem}");
        }
        "presign" => {
            let (ours, theirs) = (answer.wire::<Presigned>(), recorded::<Presigned>(stem));
            let all = |it: &Presigned| {
                it.presigned
                    .iter()
                    .map(|(id, _)| *id)
                    .chain(it.inline.iter().copied())
                    .collect::<BTreeSet<_>>()
            };
            assert_eq!(all(&ours), all(&theirs), "{stem}");
        }
        "push-objects" => assert_eq!(answer.wire::<Stored>(), recorded::<Stored>(stem), "{stem}"),
        "push" => {
            let (ours, theirs) = (answer.wire::<Pushed>(), recorded::<Pushed>(stem));
            assert!(ours.ok, "{stem}");
            assert_eq!(set(&ours.branch_heads), set(&theirs.branch_heads), "{stem}");
        }
        "fetch" => agree_on_history(&answer.wire(), &recorded(stem)),
        other => panic!("nothing is known of the endpoint {other}"),
    }
}

fn agree_on_history(ours: &FetchAnswer, theirs: &FetchAnswer) {
    let commits = |it: &FetchAnswer| -> BTreeMap<_, _> {
        it.commits.iter().map(|commit| (commit.commit_id, commit.clone())).collect()
    };
    assert_eq!((ours.commits.len(), commits(ours)), (theirs.commits.len(), commits(theirs)));
    assert_eq!(ours.commits[0].commit_id, theirs.commits[0].commit_id, "tips come first");
    let manifests = |it: &FetchAnswer| -> BTreeMap<_, _> {
        it.snapshots
            .iter()
            .map(|snapshot| (snapshot.snapshot_id, snapshot.manifest.clone()))
            .collect()
    };
    assert_eq!(
        (ours.snapshots.len(), manifests(ours)),
        (theirs.snapshots.len(), manifests(theirs))
    );
    let objects = |it: &FetchAnswer| -> BTreeMap<_, _> {
        it.objects.iter().map(|object| (object.object_id, object.content.clone())).collect()
    };
    assert_eq!((ours.objects.len(), objects(ours)), (theirs.objects.len(), objects(theirs)));
    assert_eq!(set(&ours.branch_heads), set(&theirs.branch_heads));
}

/// Sends everything from number `first` on, in order, and compares each answer.
async fn replay(server: &Server, quartet: &Person, first: usize) {
    let stems = COMMANDS
        .iter()
        .flat_map(|(folder, stems)| stems.iter().map(move |stem| format!("{folder}/{stem}")));
    for stem in stems.skip(first) {
        agree(&stem, &request(server, &stem).by(quartet).send().await);
    }
}

#[tokio::test]
async fn a_repository_that_was_made_before_takes_every_recorded_push() {
    let (server, quartet) = quartet().await;
    server.create(&quartet, "songbook", "private").await;
    replay(&server, &quartet, 0).await;
}

#[tokio::test]
async fn the_first_recorded_push_makes_the_repository() {
    let (server, quartet) = quartet().await;
    // The client goes on after this one.
    request(&server, "01-push-first/1-refs")
        .by(&quartet)
        .send()
        .await
        .assert_refused(404, "not_found");
    replay(&server, &quartet, 1).await;
}

#[tokio::test]
async fn the_recorded_heads_and_objects_are_those_of_the_list_of_ids() {
    let (server, quartet) = quartet().await;
    server.create(&quartet, "songbook", "private").await;
    replay(&server, &quartet, 0).await;

    let ids = fixture_json("ids.json");
    let id_of =
        |number: usize| ids["commits"][number - 1]["commit_id"].as_str().unwrap().to_owned();
    let refs = server.refs(&quartet, "quartet/songbook").await;
    let heads: Vec<_> =
        refs.branch_heads.iter().map(|(name, id)| (name.as_str(), id.to_string())).collect();
    assert_eq!(
        heads,
        [("main", id_of(5)), ("side/descant", id_of(3))],
        "the default branch comes first"
    );

    let tip = refs.branch_heads[0].1;
    let fetched = server.fetch(&quartet, "quartet/songbook", &[tip], &[]).await;
    assert_eq!((fetched.commits.len(), fetched.snapshots.len(), fetched.objects.len()), (5, 5, 12));
    for commit in &fetched.commits {
        history::verify_commit(commit).unwrap();
    }
    for snapshot in &fetched.snapshots {
        history::verify_snapshot(snapshot).unwrap();
    }
    for object in &fetched.objects {
        history::verify_object(object.object_id, &object.content).unwrap();
        assert_eq!(ids["objects"][object.object_id.to_string()], object.content.len());
    }
}

#[tokio::test]
async fn a_pushed_repository_is_private_and_a_clone_without_a_signature_finds_nothing() {
    let (server, quartet) = quartet().await;
    request(&server, "01-push-first/1-refs").by(&quartet).send().await.assert_status(404);
    replay(&server, &quartet, 1).await;
    for stem in ["08-clone/1-refs", "08-clone/2-fetch"] {
        let answer = request(&server, stem).send().await;
        // The client cannot read anything but MessagePack and lines of text.
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        answer.assert_refused(404, "not_found");
    }
}
