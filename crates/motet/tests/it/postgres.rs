//! The path through every floor on PostgreSQL: register, push, read, restart.

use cluster::Cluster;
use testkit::{Ground, Server, Story};

use crate::MOTET;

/// An install key: with PostgreSQL one is never made.
pub(crate) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const SONG: &str = "anna/song";

#[tokio::test]
async fn a_signed_push_is_read_again_after_a_kill() {
    let database = Cluster::shared().await.database().await;
    let mut server = Server::with(MOTET)
        .on(Ground::SqliteDisk)
        .env("MOTET_DATABASE_URL", &database.url)
        .env("MOTET_INSTALL_KEY", KEY)
        .start()
        .await;
    let anna = server.register("anna").await;
    server.create(&anna, "song", "public").await;
    let mut story = Story::of_one("root");
    let root = story.tip();
    story.commit(&[root], "a verse", &[("verse/one.txt", b"la la"), ("README.md", b"# Song")]);
    server.push_story(&anna, SONG, &story, "main").await;

    server.kill().await;
    server.restart().await;
    assert_eq!(server.head(&anna, SONG, "main").await, Some(story.tip()));
    let fetched = server.fetch(&anna, SONG, &[story.tip()], &[]).await;
    assert_eq!(fetched.commits.len(), 2);
    for place in
        ["/", "/anna", "/anna/song", "/anna/song/blob/main/README.md", "/anna/song/commits/main"]
    {
        server.get(place).send().await.assert_status(200);
    }
    let commit = format!("/anna/song/commit/{}", story.tip());
    assert!(server.get(&commit).send().await.text().contains("a verse"));
    server.get("/healthz").send().await.assert_status(200);
}

#[tokio::test]
async fn without_an_install_key_nothing_is_made() {
    let database = Cluster::shared().await.database().await;
    let setup = Server::with(MOTET).on(Ground::SqliteDisk);
    let ended = setup.env("MOTET_DATABASE_URL", &database.url).refuses().await;
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert!(ended.log.contains("install.key is missing"), "{}", ended.log);
}
