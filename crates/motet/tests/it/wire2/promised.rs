//! A clone of the newest files alone: older ones come when a command needs them (`spec/hub.md` 13, H84).

use std::{fs, path::PathBuf};

use names::ObjectId;
use testkit::{Person, Server, Story};

use super::noise;
use crate::{
    ground::{Ground, on_both},
    working_copies::Desk,
};

/// Larger than what stands among others in a stream.
const LARGE_BYTES: usize = 300 << 10;

/// A clone, and what of it is there.
struct Clone {
    desk: Desk,
}

impl Clone {
    fn of(server: &Server) -> Self {
        let desk = Desk::empty();
        let address = format!("{}/anna/song", server.base_url());
        desk.ok(&["clone", &address, ".", "--objects", "tips"]);
        Self { desk }
    }

    fn place(&self, content: &[u8]) -> PathBuf {
        let id = ObjectId::of(content).to_string();
        let (shard, rest) = id.split_at(2);
        self.desk.path().join(".muse/objects").join(shard).join(rest)
    }

    fn has(&self, content: &[u8]) -> bool {
        self.place(content).is_file()
    }

    fn is_promised(&self) -> bool {
        self.desk.exists(".muse/motet/promised.json")
    }
}

/// Three commits of one line, and one beside them.
fn story() -> Story {
    let mut story = Story::default();
    let large = noise(7, LARGE_BYTES);
    let mut files =
        vec![("a", b"one\n".as_slice()), ("large", &large), ("same", b"never changes\n")];
    let first = story.commit(&[], "one", &files);
    files[0].1 = b"one\ntwo\n";
    files[1].1 = b"small by now\n";
    let second = story.commit(&[first], "two", &files);
    files[0].1 = b"one\ntwo\nthree\n";
    story.commit(&[second], "three", &files);
    story
}

async fn publish(ground: &Ground) -> (Server, Person, Story) {
    let (server, story) = (ground.server().start().await, story());
    let anna = server.register("anna").await;
    server.create(&anna, "song", "public").await;
    server.push_story(&anna, "anna/song", &story, "main").await;
    (server, anna, story)
}

/// What is checked by `verify`, and what is told not to be here.
fn verified(desk: &Desk) -> (u64, usize) {
    let told = desk.ok(&["verify", "--local"]);
    assert_eq!(told["sound"], true, "{told}");
    let missing = told["unchecked"].as_array().unwrap();
    let missing = missing.iter().filter(|it| it.as_str().unwrap().ends_with("not here"));
    (told["objects"].as_u64().unwrap(), missing.count())
}

on_both! {
    /// H84.
    async fn older_files_come_when_they_are_asked_for(ground: Ground) {
        let (server, _, _) = publish(&ground).await;
        let clone = Clone::of(&server);
        let (desk, large) = (&clone.desk, noise(7, LARGE_BYTES));
        assert!(clone.is_promised() && clone.has(b"one\ntwo\nthree\n"));
        assert!(!clone.has(b"one\ntwo\n") && !clone.has(b"one\n") && !clone.has(&large));
        assert_eq!(desk.ok(&["log"])["commits"].as_array().unwrap().len(), 3);
        assert_eq!(desk.ok(&["status"])["clean"], true);
        // What is not here is told, and fetched by nobody who only looks.
        assert_eq!(verified(desk), (3, 3));

        let shown = desk.ok(&["diff", "@~1", "@"]);
        assert_eq!(shown["files"][0]["added"], 1, "{shown}");
        assert!(clone.has(b"one\ntwo\n") && !clone.has(b"one\n"));

        let blamed = desk.ok(&["blame", "a"]);
        assert_eq!(blamed["runs"].as_array().unwrap().len(), 3, "{blamed}");
        assert!(clone.has(b"one\n") && !clone.has(&large));

        desk.ok(&["checkout", "@~2"]);
        assert!(fs::read(desk.path().join("large")).unwrap() == large);
        assert_eq!(verified(desk), (6, 0));
    }
}

on_both! {
    /// What is fetched later comes as the clone did, until all is asked for.
    async fn a_fetch_goes_on_as_the_clone_began(ground: Ground) {
        let (server, anna, mut story) = publish(&ground).await;
        let clone = Clone::of(&server);
        let desk = &clone.desk;
        let fourth = story.commit(&[story.tip()], "four", &[("a", b"four\n")]);
        story.commit(&[fourth], "five", &[("a", b"five\n"), ("same", b"never changes\n")]);
        server.push_story(&anna, "anna/song", &story, "main").await;
        let pulled = desk.ok(&["pull"]);
        assert_eq!(pulled["fetch"]["objects"], 1, "{pulled}");
        assert_eq!(desk.read("a"), "five\n");
        assert!(clone.has(b"five\n") && !clone.has(b"four\n"));

        // A commit on top of it is pushed like any other.
        desk.commit("b", "mine\n");
        desk.ok(&["merge", "@~1"]);

        let fetched = desk.ok(&["fetch", "--objects", "all"]);
        assert_eq!(fetched["objects"], 4, "{fetched}");
        assert!(!clone.is_promised() && clone.has(b"four\n") && clone.has(b"one\n"));
        assert_eq!(verified(desk).1, 0);
    }
}

/// Without the remote what is promised is missing, and only that.
#[tokio::test]
async fn a_promise_that_cannot_be_kept_is_a_failure_of_the_server() {
    let (mut server, _, _) = publish(&Ground::Sqlite).await;
    let clone = Clone::of(&server);
    let desk = &clone.desk;
    server.kill().await;
    assert_eq!(desk.fails(&["checkout", "@~2"]).0, 5);
    assert_eq!(desk.read("a"), "one\ntwo\nthree\n", "nothing was touched");
    assert_eq!(desk.ok(&["status"])["clean"], true);
    desk.ok(&["diff", "@"]);
    desk.ok(&["remote", "remove", "origin"]);
    assert_eq!(desk.fails(&["checkout", "@~2"]), (4, "missing_object".to_owned()));
}
