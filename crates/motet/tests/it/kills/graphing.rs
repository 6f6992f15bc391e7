//! What is derived from a history is made across kills, and tells the same in the end (`spec/hub.md` 4, 13, H90).

use std::time::Duration;

use serde_json::json;
use testkit::{Server, Story};

use super::{kill_within, over, seeded};
use crate::{
    ground::{Ground, jobs, on_both, settled},
    long_histories::all_told,
};

/// Pushes, each followed by a kill, and the commits of one.
const PUSHES: usize = 10;
const COMMITS: usize = 60;
/// The server is killed within this time of a push: about as long as its job takes.
const LONGEST: Duration = Duration::from_millis(120);
const SONG: &str = "anna/song";

/// Commits that change one file each, in several directories and languages.
fn story() -> Story {
    let names = ["a.rs", "src/x.py", "src/y.py", "docs/z.md", "src/deep/w.go"];
    let mut files: Vec<(&str, Vec<u8>)> = names.map(|name| (name, b"begin".to_vec())).into();
    let (mut story, mut tip) = (Story::default(), None);
    for number in 0..PUSHES * COMMITS {
        let (at, text) = (number % files.len(), format!("verse {number}"));
        files[at].1 = text.repeat(1 + number % 3).into_bytes();
        let held: Vec<_> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
        tip = Some(story.commit(&tip.into_iter().collect::<Vec<_>>(), &text, &held));
        if number % 4 == 0 {
            "robot".clone_into(&mut story.last().agent_id);
        }
    }
    story
}

on_both! {
    async fn what_is_derived_across_kills_tells_what_it_tells_without(ground: Ground) {
        let (random, story) = (seeded(), story());
        // Once without a kill.
        let calm = Server::start(crate::MOTET).await;
        let her = calm.register("anna").await;
        calm.push_story(&her, SONG, &story, "main").await;
        settled(&calm).await;
        let expected = all_told(&calm, &her).await;

        let mut server = ground.server().start().await;
        let anna = server.register("anna").await;
        for push in 1..=PUSHES {
            let mut some = story.clone();
            some.commits.truncate(push * COMMITS);
            server.push_story(&anna, SONG, &some, "main").await;
            kill_within(&server, &random, LONGEST).await;
            server.kill().await;
            over(&ground, &server, false).await;
            server.restart().await;
            // Whoever looks has last commits remembered, which the next push carries forward.
            all_told(&server, &anna).await;
        }
        settled(&server).await;
        assert_eq!(jobs(&server, "dead").await["counts"]["dead"], json!(0));
        assert_eq!(all_told(&server, &anna).await, expected);
    }
}
