//! Packs as large as the limit lets through, and one that is larger (H29, H57): stock Git, in little memory.

use std::fs::File;

use testkit::Server;

use super::{Stage, User, directory, is_empty, refs, stage};
use crate::ground::Ground;

/// What the server may have resident above what it has at rest.
const ABOVE_IDLE_BYTES: u64 = 64 << 20;
/// A file is kept, packed and sent as it is, so that a pack is as long as what it holds.
const AS_IT_IS: [&str; 6] =
    ["-c", "core.compression=0", "-c", "pack.compression=0", "-c", "core.bigFileThreshold=1m"];

/// Commits a file of so many bytes. Nothing is between its bytes, so that the disk holds it once, in a pack.
fn commits(user: &User, mebibytes: u64) {
    let file = File::create(user.path("one/large.bin")).unwrap();
    file.set_len(mebibytes << 20).unwrap();
    user.does("one", &[&AS_IT_IS[..], &["add", "large.bin"]].concat());
    user.does("one", &[&AS_IT_IS[..], &["commit", "-q", "-m", "large"]].concat());
}

/// Pushes what was committed, and looks at what that took.
fn pushes(server: &Server, user: &User, url: &str) {
    server.forget_peak();
    let idle = server.peak_bytes();
    user.does("one", &[&AS_IT_IS[..], &["push", "-q", url, "main"]].concat());
    let above = server.peak_bytes() - idle;
    assert!(above < ABOVE_IDLE_BYTES, "{} MiB above idle", above >> 20);
}

#[tokio::test]
async fn a_push_of_480_mib_is_taken() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    commits(&user, 480);
    pushes(&server, &user, &url);
    let head = user.does("one", &["rev-parse", "HEAD"]);
    assert_eq!(refs(&server, &anna, &songs).await, [("refs/heads/main".to_owned(), head)]);
}

#[tokio::test]
async fn a_push_of_501_mib_is_told_the_limit_and_leaves_no_file() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    commits(&user, 501);
    let said = user.tries("one", &[&AS_IT_IS[..], &["push", &url, "main"]].concat());
    assert!(!said.is_well, "{}", said.err);
    assert!(said.err.contains("pack exceeds maximum allowed size (500.00 MiB)"), "{}", said.err);
    assert!(refs(&server, &anna, &songs).await.is_empty());
    assert!(is_empty(&directory(&server, &anna, &songs).await));
}

#[tokio::test]
async fn a_push_of_1_gib_is_taken_where_the_operator_says_so_and_its_file_is_shown() {
    let setup = Ground::Sqlite.server().arg(format!("--git-push-bytes={}", 1_100_u64 << 20));
    let Stage { server, anna, songs, url, user, .. } = stage(setup, "private").await;
    commits(&user, 1 << 10);
    pushes(&server, &user, &url);
    assert_eq!(refs(&server, &anna, &songs).await.len(), 1);
    // It is never held, neither by whoever hashes it nor by whoever shows it.
    let tree = server.get(&format!("/api/v1/repos/{songs}/tree")).by(&anna).send().await.json();
    let large = tree["items"].as_array().unwrap().iter().find(|it| it["name"] == "large.bin");
    assert_eq!(large.unwrap()["size"], 1_u64 << 30, "{tree}");
    server.forget_peak();
    let idle = server.peak_bytes();
    let page = server.get(&format!("/{songs}/blob/main/large.bin"));
    let page = page.header("accept", "text/html").by(&anna).send().await;
    page.assert_status(200);
    assert!(page.text().contains(&format!("/{songs}/raw/main/large.bin")));
    let above = server.peak_bytes() - idle;
    assert!(above < ABOVE_IDLE_BYTES, "{} MiB above idle", above >> 20);
}
