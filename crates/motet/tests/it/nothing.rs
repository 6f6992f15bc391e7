//! What holds nothing: a file without a byte, a repository without a commit (`spec/hub.md` 13, H27, H28).

use api::wire::Refs;
use names::ObjectId;
use serde_json::json;
use testkit::{Server, Story};

use crate::{
    MOTET,
    ground::{Ground, on_both},
    people::Machine,
};

on_both! {
    async fn a_file_without_a_byte_is_there_on_every_surface(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        let mut story = Story::default();
        story.commit(&[], "nothing", &[("empty", b""), ("dir/none.txt", b"")]);
        // Nobody has to send it.
        let mut push = story.push_to("main");
        push.objects.clear();
        server.push(&anna, "anna/song", push).await.assert_status(200);
        let see = async |target: &str| server.get(target).by(&anna).send().await;
        for target in ["/anna/song", "/anna/song/blob/main/empty", "/anna/song/tree/main/dir", "/anna/song/blame/main/empty"] {
            see(target).await.assert_status(200);
        }
        let raw = see("/anna/song/raw/main/dir/none.txt").await;
        raw.assert_status(200);
        assert_eq!(raw.text(), "");
        let object = see(&format!("/anna/song/v2/objects/{}", ObjectId::EMPTY)).await;
        object.assert_status(200);
        assert_eq!(object.text(), "");
        let blob = see("/api/v1/repos/anna/song/blob?ref=main&path=empty").await.json();
        assert_eq!(blob["size"], 0, "{blob}");
        let archive = see("/anna/song/archive/main.tar").await;
        archive.assert_status(200);
        let text = archive.text();
        assert!(text.contains("/empty") && text.contains("/dir/none.txt"));
    }
}

on_both! {
    async fn a_repository_without_a_commit_has_an_answer_on_every_surface(ground: Ground) {
        let server = ground.server().start().await;
        let anna = server.register("anna").await;
        server.create(&anna, "song", "public").await;
        let see = async |target: &str| server.get(target).by(&anna).send().await;
        for target in [
            "/anna/song",
            "/anna/song/log",
            "/anna/song/forks",
            "/anna/song/settings/general",
            "/api/v1/repos/anna/song",
            "/api/v1/repos/anna/song/refs",
            "/api/v1/repos/anna/song/log",
            "/api/v1/search?type=code&q=song",
            "/anna/song/commits/main.atom",
            "/anna/song/tags.atom",
        ] {
            let answer = see(target).await;
            assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        }
        for target in [
            "/anna/song/archive/main.tar",
            "/anna/song/tree/main/",
            "/anna/song/blob/main/README.md",
            "/anna/song/raw/main/README.md",
            "/api/v1/repos/anna/song/tree?ref=main",
            "/api/v1/repos/anna/song/commits/main",
        ] {
            let answer = see(target).await;
            assert_eq!(answer.status, 404, "{target}: {}", answer.text());
        }
        let refs: Refs = see("/anna/song/refs").await.wire();
        assert!(refs.branch_heads.is_empty());
    }
}

#[tokio::test]
async fn nothing_is_cloned_filled_and_cloned_again() {
    let server = Server::start(MOTET).await;
    let ada = Machine::of(&server, "ada");
    let address = ada.done(&["repo", "create", "song"])["address"].as_str().unwrap().to_owned();
    let place = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| place.path().join(name).display().to_string());
    ada.done(&["clone", &address, &one]);
    std::fs::write(format!("{one}/empty"), "").unwrap();
    ada.done(&["-C", &one, "commit", "-m", "nothing much"]);
    ada.done(&["-C", &one, "push"]);
    ada.done(&["clone", &address, &two]);
    assert_eq!(std::fs::read(format!("{two}/empty")).unwrap(), b"");
    let status = ada.done(&["-C", &two, "status"]);
    assert_ne!(status, json!(null), "{status}");
    ada.done(&["-C", &two, "verify"]);
}
