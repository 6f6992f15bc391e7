//! Exchanges of the Muse client 0.1.5, recorded with another server, get the same answers from this one
//! (`spec/wire.md` 11.2).
//!
//! Statuses, ids, counts and sets agree. `repo_id`, messages, ids and times of releases and the order inside lists are the
//! server's own, and so is the split between presigned and inline uploads. The empty object is never reported missing
//! (`spec/wire.md` D1). Two recordings show a server that refuses everything; what they say is in the library's own test.

mod ten_thousand;

use std::collections::{BTreeMap, BTreeSet};

use api::{
    Limits, Value,
    wire::{
        FetchAnswer, Missing, Negotiated, Presigned, PushRequest, Pushed, Refs, ReleaseMade,
        Releases, Retracted, Stored,
    },
};
use http::Method;
use names::ObjectId;
use testkit::{Answer, Person, Request, Server};

use crate::{MOTET, fixture, fixture_json, server_and_anna};

/// A command of the client, and the exchanges that it made.
type Command = (&'static str, &'static [&'static str]);

const PUSH: &[&str] = &["1-refs", "2-filter-objects", "3-push-objects", "4-push"];

/// What one working copy after the other sent to one repository.
const SONGBOOK: [Command; 21] = [
    ("01-push-first", &["1-refs", "2-filter-objects", "3-presign", "4-push-objects", "5-push"]),
    ("03-push-incremental", PUSH),
    ("04-push-nothing", &["1-refs"]),
    ("05-push-branch", PUSH),
    ("06-push-merge", PUSH),
    ("07-ls-remote", &["1-refs"]),
    ("08-clone", &["1-refs", "2-fetch"]),
    ("09-push-for-fetch", PUSH),
    ("10-fetch", &["1-refs", "2-fetch"]),
    ("11-pull", &["1-refs", "2-negotiate", "3-fetch"]),
    ("12-push-hmac-signed", PUSH),
    ("13-push-diverged", PUSH),
    ("14-pull-merge", &["1-refs", "2-negotiate", "3-fetch"]),
    ("15-push-after-merge", &["1-refs", "2-filter-objects", "3-push"]),
    ("16-push-same-head", &["1-refs", "2-filter-objects", "3-push"]),
    ("17-release-push", &["1-releases"]),
    ("18-release-push-beta", &["1-releases"]),
    ("19-release-push-again", &["1-releases"]),
    ("20-release-list", &["1-releases"]),
    ("21-release-list-beta", &["1-releases"]),
    ("22-release-delete", &["1-releases"]),
];

/// Those up to the clone: what comes after them asks a public repository.
const FIRST: usize = 7;

/// Written anew for each connection.
const OWN_HEADERS: [&str; 4] = ["authorization", "host", "content-length", "connection"];

async fn quartet() -> (Server, Person) {
    let server = Server::start(MOTET).await;
    let quartet = server.register("quartet").await;
    (server, quartet)
}

/// A recorded request, with all that the client sent but its token and its host.
fn request_to(server: &Server, stem: &str, target: &str) -> Request {
    let recorded = fixture_json(&format!("{stem}.request.json"));
    let method: Method = recorded["method"].as_str().unwrap().parse().unwrap();
    let mut request = server.request(method, target);
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

fn request(server: &Server, stem: &str) -> Request {
    let recorded = fixture_json(&format!("{stem}.request.json"));
    request_to(server, stem, recorded["path"].as_str().unwrap())
}

/// Whether the client sent its token.
fn has_token(stem: &str) -> bool {
    let recorded = fixture_json(&format!("{stem}.request.json"));
    recorded["headers"].as_array().unwrap().iter().any(|header| header[0] == "Authorization")
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
    let recording = fixture_json(&format!("{stem}.response.json"));
    let status = recording["status"].as_u64().unwrap();
    assert_eq!(u64::from(answer.status), status, "{stem}: {}", answer.text());
    if status != 200 {
        let theirs = String::from_utf8(fixture(&format!("{stem}.response.bin"))).unwrap();
        assert_eq!(Some(&*answer.code()), theirs.split(':').next(), "{stem}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8", "{stem}");
        return;
    }
    if recording["body_bytes"] == 0 {
        assert!(answer.body.is_empty(), "{stem}");
        return;
    }
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
        "negotiate" => {
            let (ours, theirs) = (answer.wire::<Negotiated>(), recorded::<Negotiated>(stem));
            assert_eq!(set(&ours.ack), set(&theirs.ack), "{stem}");
            // Which of them is a server's choice: ours is the newest.
            let base = ours.common_base.filter(|base| ours.ack.contains(base));
            assert_eq!(base.is_some(), theirs.common_base.is_some(), "{stem}");
            assert_eq!(ours.ready, theirs.ready, "{stem}");
        }
        "fetch" => agree_on_history(&answer.wire(), &recorded(stem)),
        "releases" => agree_on_releases(stem, answer),
        other => panic!("nothing is known of the endpoint {other}"),
    }
}

fn agree_on_releases(stem: &str, answer: &Answer) {
    let recording = fixture_json(&format!("{stem}.request.json"));
    match recording["method"].as_str().unwrap() {
        "POST" => {
            let ReleaseMade { release_id } = recorded(stem);
            assert_eq!(answer.wire::<ReleaseMade>().release_id.len(), release_id.len(), "{stem}");
        }
        "DELETE" => assert_eq!(answer.wire::<Retracted>(), recorded(stem), "{stem}"),
        _ => {
            let bare = |mut it: Releases| {
                for release in &mut it.releases {
                    let own =
                        [&mut release.release_id, &mut release.repo_id, &mut release.created_at];
                    own.into_iter().for_each(String::clear);
                }
                it
            };
            assert_eq!(bare(answer.wire()), bare(recorded(stem)), "{stem}");
        }
    }
}

fn agree_on_history(ours: &FetchAnswer, theirs: &FetchAnswer) {
    let commits = |it: &FetchAnswer| -> BTreeMap<_, _> {
        it.commits.iter().map(|commit| (commit.commit_id, commit.clone())).collect()
    };
    assert_eq!((ours.commits.len(), commits(ours)), (theirs.commits.len(), commits(theirs)));
    let first = |it: &FetchAnswer| it.commits.first().map(|commit| commit.commit_id);
    assert_eq!(first(ours), first(theirs), "tips come first");
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

fn stems(commands: &[Command]) -> Vec<String> {
    let of = |(folder, stems): &Command| {
        stems.iter().map(|stem| format!("{folder}/{stem}")).collect::<Vec<_>>()
    };
    commands.iter().flat_map(of).collect()
}

/// Sends everything in order, signed by `quartet` where the client sent its token, and compares each answer.
async fn replay(server: &Server, quartet: &Person, commands: &[Command]) {
    for stem in stems(commands) {
        let signer = has_token(&stem).then_some(quartet);
        agree(&stem, &request(server, &stem).by_some(signer).send().await);
    }
}

/// The same for a private repository: everything is signed.
async fn replay_signed(server: &Server, quartet: &Person, stems: &[String]) {
    for stem in stems {
        agree(stem, &request(server, stem).by(quartet).send().await);
    }
}

#[tokio::test]
async fn every_recorded_command_of_one_repository_gets_its_answer() {
    let (server, quartet) = quartet().await;
    server.create(&quartet, "songbook", "public").await;
    replay(&server, &quartet, &SONGBOOK).await;

    let ids = fixture_json("ids.json");
    let refs = server.refs(&quartet, "quartet/songbook").await;
    let heads: BTreeMap<_, _> =
        refs.branch_heads.iter().map(|(name, id)| (name.clone(), id.to_string())).collect();
    assert_eq!(serde_json::json!(heads), ids["final_heads"]);
    // The one that was signed with a shared secret is shown for what it is worth.
    let signed = "6beb7e313981834032b8de1f76f5d2cbd31fa822afd88cb72d9ac0785ba85927";
    let page = server.get(&format!("/quartet/songbook/commit/{signed}")).send().await;
    page.assert_status(200);
    assert!(page.text().contains("unverifiable") && !page.text().contains("verified</span>"));
}

#[tokio::test]
async fn the_recorded_upload_to_an_address_gets_its_answer() {
    let (server, quartet) = quartet().await;
    server.create(&quartet, "presigned", "private").await;
    let at = |stem: &str| format!("02-push-presigned/{stem}");
    let before = ["1-refs", "2-filter-objects"].map(at);
    replay_signed(&server, &quartet, &before).await;
    let stem = at("3-presign");
    let presigned = request(&server, &stem).by(&quartet).send().await;
    agree(&stem, &presigned);
    let Presigned { presigned, inline } = presigned.wire();
    assert_eq!((presigned.len(), inline.len()), (1, 0));
    let target = presigned[0].1.strip_prefix(&server.base_url()).unwrap();
    let stem = at("4-upload");
    agree(&stem, &request_to(&server, &stem, target).send().await);
    replay_signed(&server, &quartet, &["5-push-objects", "6-push"].map(at)).await;
}

#[tokio::test]
async fn a_repository_that_was_made_before_takes_every_recorded_push() {
    let (server, quartet) = quartet().await;
    server.create(&quartet, "songbook", "private").await;
    replay_signed(&server, &quartet, &stems(&SONGBOOK[..FIRST])).await;
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
    replay_signed(&server, &quartet, &stems(&SONGBOOK)[1..]).await;
}

#[tokio::test]
async fn the_recorded_heads_and_objects_are_those_of_the_list_of_ids() {
    let (server, quartet) = quartet().await;
    server.create(&quartet, "songbook", "private").await;
    replay_signed(&server, &quartet, &stems(&SONGBOOK[..FIRST])).await;

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
    replay_signed(&server, &quartet, &stems(&SONGBOOK[..FIRST])[1..]).await;
    for stem in ["08-clone/1-refs", "08-clone/2-fetch"] {
        let answer = request(&server, stem).send().await;
        // The client cannot read anything but MessagePack and lines of text.
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        answer.assert_refused(404, "not_found");
    }
}

#[tokio::test]
async fn the_recorded_clones_of_an_empty_and_of_a_private_repository_get_their_answers() {
    let (server, quartet) = quartet().await;
    server.create(&quartet, "hollow", "public").await;
    server.create(&quartet, "private", "private").await;
    for stem in ["25-clone-empty/1-refs", "26-clone-private/1-refs"] {
        agree(stem, &request(&server, stem).send().await);
    }
}

#[tokio::test]
async fn the_recorded_clone_of_made_up_commits_gets_its_answer_and_so_does_their_push() {
    let (server, quartet) = quartet().await;
    server.create(&quartet, "crafted", "public").await;
    server.create(&quartet, "copied", "public").await;
    let FetchAnswer { commits, snapshots, objects, branch_heads } =
        recorded("27-clone-crafted/2-fetch");
    for (branch, head) in branch_heads {
        // The tip first, and what it leads to.
        let mut waiting = vec![head];
        let mut reached = Vec::new();
        while let Some(id) = waiting.pop() {
            let commit = commits.iter().find(|it| it.commit_id == id).unwrap();
            if !reached.contains(commit) {
                reached.push(commit.clone());
                waiting.extend(commit.parents());
            }
        }
        let (snapshots, objects) = (snapshots.clone(), objects.clone());
        let push = PushRequest { commits: reached, snapshots, objects, branch, force: false };
        server.push(&quartet, "quartet/crafted", push).await.assert_status(200);
    }
    replay(&server, &quartet, &[("27-clone-crafted", &["1-refs", "2-fetch"])]).await;
    replay(&server, &quartet, &[("28-push-crafted", PUSH)]).await;
}

/// A server that takes no token of the client, and one that takes none at all, say so as they were recorded to.
#[tokio::test]
async fn a_client_whose_token_is_bad_is_told_what_the_recorded_one_was() {
    let (server, _) = server_and_anna().await;
    let bad = "mt_personal_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_AAAAAA";
    for stem in ["1-refs", "2-filter-objects", "3-presign", "5-refs"] {
        let stem = format!("23-error-401/{stem}");
        let recorded = fixture_json(&format!("{stem}.request.json"));
        let target = recorded["path"].as_str().unwrap().replace("/err/401/x/", "/anna/song/");
        let request = request_to(&server, &stem, &target);
        let answer = request.header("authorization", &format!("Bearer {bad}")).send().await;
        agree(&stem, &answer);
        assert!(answer.all("www-authenticate").contains(r#"MSign realm="motet""#));
    }
}
