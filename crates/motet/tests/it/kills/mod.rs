//! What was acknowledged is there and whole, whenever the server is killed (`spec/wire.md` 5.7, 11.10; `spec/hub.md` 13).
//!
//! The server is killed at a random moment, and started again. Every push that was acknowledged must be there, the one
//! that was under way either whole or not at all, and repeating it must succeed.
//!
//! | file            | what is there                                                                 |
//! |-----------------|-------------------------------------------------------------------------------|
//! | `mod.rs`        | kills while one push lands; the moment of a kill                                |
//! | `ledger.rs`     | many clients, collections and walks at once; the ledger of what was acknowledged |
//! | `line.rs`       | what one client pushes to one branch, and what it knows of it                   |
//! | `collecting.rs` | kills between the steps of collection and tidying                               |
//! | `forking.rs`    | kills between the steps of copying a history                                     |
//! | `graphing.rs`   | kills while what is derived from a history is made                              |

mod collecting;
mod forking;
mod graphing;
mod ledger;
mod line;

use std::time::Duration;

use api::{Value, wire::Format};
use names::{CommitId, Random};
use testkit::{Broken, Person, Server, Story};
use tokio::time::sleep;

use crate::{MOTET, ground::Ground, server_and_anna, store};

/// How often the server is killed.
const ROUNDS: usize = 10;
/// The server is killed within this time of a push: about as long as one takes.
const LONGEST_LANDING: Duration = Duration::from_millis(16);
const SONG: &str = "anna/song";

/// A number below `end`.
pub(crate) fn draw(random: &Random, end: u64) -> u64 {
    u64::from_be_bytes(random.bytes()) % end
}

/// Adds a commit that changes one file, adds one and keeps the others.
pub(crate) fn compose(story: &mut Story, random: &Random) -> CommitId {
    let number = story.commits.len();
    let (large, small) = (random.bytes::<4096>().repeat(20), format!("verse {number}\n"));
    let name = format!("verses/{number}.txt");
    let parents: Vec<_> = story.commits.last().map(|it| it.commit_id).into_iter().collect();
    let files = [
        ("take.bin", large.as_slice()),
        (name.as_str(), small.as_bytes()),
        ("same.txt", b"same\n"),
    ];
    story.commit(&parents, &format!("commit {number}"), &files)
}

/// Uploads the objects of commit number `at` of the story.
pub(crate) async fn upload(
    server: &Server,
    anna: &Person,
    story: &Story,
    at: usize,
) -> Result<(), Broken> {
    let push = story.push_since(at, "main");
    let ids = push.snapshots.iter().flat_map(|it| it.manifest.values());
    let list = ids.map(|id| testkit::object(&story.objects[id]).into_value(Format::MessagePack));
    let body = Value::map([("objects", Value::list(list))]);
    let stored = server.wire(anna, SONG, "push/objects", &body).try_send().await?;
    assert_eq!(stored.status, 200, "{}", stored.text());
    Ok(())
}

/// Pushes commit number `at` of the story, whose objects are there.
async fn land(server: &Server, anna: &Person, story: &Story, at: usize) -> Result<(), Broken> {
    let body = story.push_since(at, "main").into_value(Format::MessagePack);
    let pushed = server.wire(anna, SONG, "push", &body).try_send().await?;
    assert_eq!(pushed.status, 200, "{}", pushed.text());
    Ok(())
}

/// Both, as a client does.
async fn push(server: &Server, anna: &Person, story: &Story, at: usize) -> Result<(), Broken> {
    upload(server, anna, story, at).await?;
    land(server, anna, story, at).await
}

/// Everything up to `head` is there and is what its id says.
pub(crate) async fn is_whole(server: &Server, anna: &Person, story: &Story, head: usize) {
    let fetched = server.fetch(anna, SONG, &[story.commits[head].commit_id], &[]).await;
    assert_eq!(fetched.commits.len(), head + 1);
    for commit in &fetched.commits {
        history::verify_commit(commit).unwrap();
        assert!(fetched.snapshots.iter().any(|it| it.snapshot_id == commit.snapshot_id));
    }
    for snapshot in &fetched.snapshots {
        history::verify_snapshot(snapshot).unwrap();
        let mut named = snapshot.manifest.values();
        assert!(named.all(|id| fetched.objects.iter().any(|it| it.object_id == *id)));
    }
    for object in &fetched.objects {
        history::verify_object(object.object_id, &object.content).unwrap();
    }
}

/// Kills the server at a random moment before `longest`.
pub(crate) async fn kill_within(server: &Server, random: &Random, longest: Duration) {
    let moment = draw(random, u64::try_from(longest.as_micros()).unwrap());
    // Not to wait for anything: the moment is what is tried.
    sleep(Duration::from_micros(moment)).await;
    server.kill_now();
}

/// The number of the commit that the branch is at.
pub(crate) async fn head_of(server: &Server, anna: &Person, story: &Story) -> usize {
    let head = server.head(anna, SONG, "main").await;
    let at = story.commits.iter().position(|it| Some(it.commit_id) == head);
    at.unwrap_or_else(|| panic!("the head is {head:?}, which nobody pushed"))
}

/// A chance that can be had again by its seed.
pub(crate) fn seeded() -> Random {
    let seed = u64::from_be_bytes(Random::default().bytes());
    eprintln!("the seed of this run is {seed}");
    Random::seeded(seed)
}

/// The time is over in which others wait for a process that died; with `all`, also that in which work waits that was
/// put off. The server does not run.
pub(crate) async fn over(ground: &Ground, server: &Server, all: bool) {
    if !all && matches!(ground, Ground::Sqlite) {
        // Whoever starts knows that the other is dead.
        return;
    }
    let db = ground.db(server).await;
    let mut tx = db.write().await.unwrap();
    store::end_leases(&mut tx).await.unwrap();
    if all {
        store::end_waits(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    db.close().await;
}

/// A server, and a story of which the first commit is pushed.
pub(crate) async fn begin() -> (Random, Server, Person, Story) {
    let random = seeded();
    let (server, anna) = server_and_anna().await;
    let mut story = Story::default();
    compose(&mut story, &random);
    push(&server, &anna, &story, 0).await.unwrap();
    (random, server, anna, story)
}

#[tokio::test]
async fn a_push_is_whole_or_not_there_when_the_server_is_killed_while_it_lands() {
    let (random, mut server, anna, mut story) = begin().await;
    for round in 0..ROUNDS {
        compose(&mut story, &random);
        let last = story.commits.len() - 1;
        upload(&server, &anna, &story, last).await.unwrap();
        let kill = kill_within(&server, &random, LONGEST_LANDING);
        let (landed, ()) = tokio::join!(land(&server, &anna, &story, last), kill);
        server.kill().await;
        server.restart().await;

        let at = head_of(&server, &anna, &story).await;
        eprintln!("round {round}: acknowledged {}, there {}", landed.is_ok(), at == last);
        assert!(
            at == last || (at + 1 == last && landed.is_err()),
            "round {round}: an acknowledged push is lost"
        );
        is_whole(&server, &anna, &story, at).await;
        push(&server, &anna, &story, last).await.unwrap();
        is_whole(&server, &anna, &story, last).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let mut server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    let story = Story::of_one("a song");
    server.push_story(&anna, SONG, &story, "main").await;
    server.kill().await;
    server.restart().await;
    assert_eq!(server.head(&anna, SONG, "main").await, Some(story.tip()));
    let fetched = server.fetch(&anna, SONG, &[story.tip()], &[]).await;
    assert_eq!(fetched.objects[0].content, b"a song");
}

#[tokio::test]
async fn what_was_uploaded_waits_through_a_kill() {
    let mut server = Server::start(MOTET).await;
    let anna = server.register("anna").await;
    let story = Story::of_one("a song");
    server.push_objects(&anna, SONG, story.inline()).await.assert_status(200);
    server.kill().await;
    server.restart().await;
    let ids: Vec<_> = story.objects.keys().copied().collect();
    assert_eq!(server.missing(&anna, SONG, &ids).await, []);
    server.push(&anna, SONG, story.push_to("main")).await.assert_status(200);
}
