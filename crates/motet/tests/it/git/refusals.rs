//! What a push may not bring, and which refs it may not move.

use std::io::Write as _;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use flate2::{Compression, write::ZlibEncoder};
use serde_json::json;

use super::{Stage, User, address, directory, is_empty, refs, stage, token};
use crate::ground::{Ground, on_both, settled};

on_both! {
    async fn refs_that_are_not_for_pushing_are_refused(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } = stage(ground.server().arg("--git-prune-seconds=0"), "private").await;
        for (name, word) in [
            ("refs/pull/1/head", "only branches"),
            ("refs/proposals/1/head", "only branches"),
            ("refs/motet/x", "hidden ref"),
            ("refs/queue/x", "hidden ref"),
            ("refs/notes/commits", "only branches"),
            ("refs/for/main", "proposals are not there yet"),
            ("refs/heads/0123456789012345678901234567890123456789", "commit id"),
            ("refs/heads/ä", "branch name"),
            ("refs/tags/a+b", "tag name"),
        ] {
            let said = user.tries("one", &["push", &url, &format!("HEAD:{name}")]);
            assert!(!said.is_well && said.err.contains(word), "{name}: {}", said.err);
        }
        assert!(refs(&server, &anna, &songs).await.is_empty());
        assert!(is_empty(&directory(&server, &anna, &songs).await));
        user.does("one", &["push", "-q", &url, "main"]);
        for (name, word) in [(":main", "shown first"), ("main:main/a", "directory of the other")] {
            let said = user.tries("one", &["push", &url, name]);
            assert!(!said.is_well && said.err.contains(word), "{name}: {}", said.err);
        }
        // What leads to no commit.
        let tree = user.does("one", &["rev-parse", "HEAD^{tree}"]);
        let said = user.tries("one", &["push", &url, &format!("{tree}:refs/tags/tree")]);
        assert!(!said.is_well && said.err.contains("lead to commits"), "{}", said.err);
        assert_eq!(refs(&server, &anna, &songs).await.len(), 1);
        settled(&server).await;
    }
}

on_both! {
    async fn whoever_may_write_may_not_take_history_away(ground: Ground) {
        let Stage { server, anna, songs, url: of_anna, user, .. } =
            stage(ground.server().arg("--git-prune-seconds=0"), "public").await;
        let boris = server.register("boris").await;
        user.does("one", &["push", "-q", &of_anna, "main"]);
        let (write, read) = (token(&server, &boris, "write").await, token(&server, &boris, "read").await);
        let of_boris = address(&server, &write, &songs);
        // A reader of what is public pushes nothing.
        let said = user.tries("one", &["push", &of_boris, "main:side"]);
        assert!(!said.is_well && said.err.contains("403"), "{}", said.err);
        let level = format!("/api/v1/repos/{songs}/collaborators/boris");
        let given = server.request(http::Method::PUT, &level).json(&json!({ "level": "write" }));
        assert!(given.by(&anna).send().await.status < 300);
        let said = user.tries("one", &["push", &address(&server, &read, &songs), "main:side"]);
        assert!(!said.is_well, "{}", said.err);
        user.does("one", &["push", "-q", &of_boris, "main:side"]);
        user.does("one", &["commit", "-q", "--amend", "-m", "otherwise"]);
        let said = user.tries("one", &["push", "--force", &of_boris, "main"]);
        assert!(!said.is_well && said.err.contains("right to force"), "{}", said.err);
        user.does("one", &["push", "-q", &of_boris, ":side"]);
        user.does("one", &["push", "-q", "--force", &of_anna, "main"]);
        let done = server.get(&format!("/api/v1/repos/{songs}/log?limit=10")).by(&anna).send().await;
        let done = done.json();
        let forced: Vec<_> =
            done["items"].as_array().unwrap().iter().map(|it| it["forced"].clone()).collect();
        assert_eq!(forced, [json!(true), json!(false), json!(false), json!(false)], "{done}");
        settled(&server).await;
    }
}

/// Commits a tree that Git itself would not make; gives the commit.
pub(super) fn odd_commit(user: &User, entries: &[(&str, &str, &str)]) -> String {
    let mut tree = Vec::new();
    for (mode, name, id) in entries {
        tree.extend(format!("{mode} {name}\0").into_bytes());
        let digits = (0..id.len()).step_by(2);
        tree.extend(digits.map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()));
    }
    let words = ["hash-object", "-t", "tree", "--literally", "-w", "--stdin"];
    let tree = user.feeds("one", &words, &tree);
    user.does("one", &["commit-tree", "-m", "odd", &tree])
}

#[tokio::test]
async fn objects_that_would_hurt_somebody_leave_nothing_behind() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    let blob = user.does("one", &["rev-parse", "HEAD:README.md"]);
    let dir = directory(&server, &anna, &songs).await;
    for (entries, word) in [
        (vec![("100644", ".git", blob.as_str())], "hasDotgit"),
        (vec![("100644", ".GIT", blob.as_str())], "hasDotgit"),
        (vec![("100644", "git~1", blob.as_str())], "hasDotgit"),
        (vec![("100644", "..", blob.as_str())], "hasDotdot"),
        (vec![("100644", "a/b", blob.as_str())], "fullPathname"),
        (vec![("100645", "a", blob.as_str())], "badFilemode"),
        (vec![("100644", "b", blob.as_str()), ("100644", "a", blob.as_str())], "treeNotSorted"),
    ] {
        let commit = odd_commit(&user, &entries);
        let said = user.tries("one", &["push", &url, &format!("{commit}:refs/heads/main")]);
        assert!(!said.is_well && said.err.contains(word), "{word}: {}", said.err);
        assert!(is_empty(&dir), "{word}");
    }
    assert!(refs(&server, &anna, &songs).await.is_empty());
    user.does("one", &["push", "-q", &url, "main"]);
}

fn pkt(text: &str) -> Vec<u8> {
    format!("{:04x}{text}", text.len() + 4).into_bytes()
}

/// The request of a push of `pack` to `main`, by a client that is told why.
pub(crate) fn request(commit: &str, pack: &[u8]) -> Vec<u8> {
    let none = "0".repeat(40);
    let line = format!("{none} {commit} refs/heads/main\0report-status side-band-64k\n");
    [pkt(&line), b"0000".to_vec(), pack.to_vec()].concat()
}

/// What an entry of a pack begins with: a kind and a length.
pub(super) fn head_of_entry(kind: u8, length: u64) -> Vec<u8> {
    let (mut head, mut rest) = (Vec::new(), length >> 4);
    let mut byte = (kind << 4) | u8::try_from(length & 15).unwrap();
    while rest > 0 {
        head.push(byte | 0x80);
        byte = u8::try_from(rest & 127).unwrap();
        rest >>= 7;
    }
    head.push(byte);
    head
}

pub(super) fn sha1(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec()
}

/// A pack with the sum at its end.
pub(super) fn sealed(pack: Vec<u8>) -> Vec<u8> {
    let sum = sha1(&pack);
    [pack, sum].concat()
}

/// An object in a pack that says how long it is, whatever follows.
fn entry(kind: u8, length: u64, bytes: &[u8]) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    [head_of_entry(kind, length), packed.finish().unwrap()].concat()
}

/// A pack of that object alone.
fn pack_of(kind: u8, length: u64, bytes: &[u8]) -> Vec<u8> {
    sealed([b"PACK\0\0\0\x02\0\0\0\x01".to_vec(), entry(kind, length, bytes)].concat())
}

/// H21.
#[tokio::test]
async fn a_forged_object_in_a_pack_is_refused_and_the_right_bytes_then_succeed() {
    let Stage { server, anna, songs, token, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    let dir = directory(&server, &anna, &songs).await;
    let commit = user.does("one", &["rev-parse", "HEAD"]);
    let named = [("commit", "HEAD"), ("tree", "HEAD^{tree}"), ("blob", "HEAD:README.md")];
    let objects = named.map(|it| {
        let (kind, name) = it;
        user.command("one", &["cat-file", kind, name]).output().unwrap().stdout
    });
    let told = async |objects: &[Vec<u8>]| {
        let entries =
            objects.iter().zip(1..).map(|(bytes, kind)| entry(kind, bytes.len() as u64, bytes));
        let pack = [b"PACK\0\0\0\x02\0\0\0\x03".to_vec(), entries.collect::<Vec<_>>().concat()];
        let post = server.post(&format!("/{songs}.git/git-receive-pack"));
        let post = post.header("authorization", &format!("Bearer {token}"));
        let post = post.header("content-type", "application/x-git-receive-pack-request");
        post.body(request(&commit, &sealed(pack.concat()))).send().await.text()
    };
    let raw = format!("/{songs}/raw/main/README.md");
    for (forged, (kind, _)) in named.iter().enumerate() {
        let mut objects = objects.clone();
        // The last bit but one: of a message, of a name, of a text.
        *objects[forged].last_mut().unwrap() ^= 2;
        let text = told(&objects).await;
        assert!(!text.contains("ok refs/heads/main"), "{kind}: {text}");
        assert!(is_empty(&dir) && refs(&server, &anna, &songs).await.is_empty(), "{kind}");
        server.get(&raw).by(&anna).send().await.assert_status(404);
    }
    let text = told(&objects).await;
    assert!(text.contains("ok refs/heads/main"), "{text}");
    assert_eq!(server.get(&raw).by(&anna).send().await.text(), "# Songs\n");
}

#[tokio::test]
async fn packs_that_are_none_leave_nothing_behind() {
    let Stage { server, anna, songs, token, .. } = stage(Ground::Sqlite.server(), "private").await;
    let dir = directory(&server, &anna, &songs).await;
    let commit = "12".repeat(20);
    let good = pack_of(3, 5, b"hello");
    let mut one_off = good.clone();
    let last = one_off.len() - 1;
    one_off[last] ^= 1;
    for (what, pack) in [
        ("no pack", b"nonsense".to_vec()),
        ("nothing", Vec::new()),
        ("one bit off", one_off),
        ("cut", good[..good.len() - 25].to_vec()),
        ("without the commit", good),
        ("shorter than it says", pack_of(3, 50, b"hello")),
        ("longer than it says", pack_of(3, 2, b"hello")),
        // More than a process may have in memory.
        ("a bomb", pack_of(1, 3 << 30, &vec![b' '; 1 << 20])),
        ("a broken commit", pack_of(1, 5, b"hello")),
    ] {
        let post = server.post(&format!("/{songs}.git/git-receive-pack"));
        let post = post.header("authorization", &format!("Bearer {token}"));
        let post = post.header("content-type", "application/x-git-receive-pack-request");
        let answer = post.body(request(&commit, &pack)).send().await;
        let text = answer.text();
        assert!(!text.contains("ok refs/heads/main"), "{what}: {text}");
        assert!(is_empty(&dir), "{what}: {text}");
    }
    assert!(refs(&server, &anna, &songs).await.is_empty());
}

#[tokio::test]
async fn a_pack_that_is_too_large_is_told_so_and_leaves_nothing_behind() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server().arg("--git-push-bytes=1048576"), "private").await;
    user.does("one", &["push", "-q", &url, "main"]);
    let large: Vec<u8> =
        (0..3_u32 << 20).map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes()[1]).collect();
    std::fs::write(user.path("one/large"), large).unwrap();
    user.does("one", &["add", "large"]);
    user.does("one", &["-c", "core.compression=0", "commit", "-q", "-m", "large"]);
    let said = user.tries("one", &["-c", "pack.compression=0", "push", &url, "main"]);
    assert!(
        !said.is_well && said.err.contains("pack exceeds maximum allowed size"),
        "{}",
        said.err
    );
    let packs = directory(&server, &anna, &songs).await.join("objects");
    let left: Vec<_> = std::fs::read_dir(&packs).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(left.iter().all(|it| it.ends_with("pack") || it.ends_with("info")), "{left:?}");
    // Far above it the body is cut off.
    let said = user.tries("one", &["-c", "pack.compression=0", "push", &url, "main:other"]);
    assert!(!said.is_well, "{}", said.err);
    user.does("one", &["push", "-q", &url, "main~1:refs/heads/small"]);
}

#[tokio::test]
async fn what_is_above_a_quota_is_refused_and_the_rest_goes_on() {
    let Stage { server: _server, url, user, .. } =
        stage(Ground::Sqlite.server().arg("--quota-repository-objects=4"), "private").await;
    user.does("one", &["push", "-q", &url, "main"]);
    user.writes("one", "b.txt", "b\n");
    let said = user.tries("one", &["push", &url, "main"]);
    assert!(!said.is_well && said.err.contains("objects of 4"), "{}", said.err);
    user.does("", &["clone", "-q", &url, "two"]);
    assert_eq!(user.does("two", &["rev-list", "--count", "HEAD"]), "1");
}

#[tokio::test]
async fn an_agent_pushes_below_its_own_name_alone() {
    let Stage { server, anna, songs, user, .. } = stage(Ground::Sqlite.server(), "private").await;
    let loom = crate::matrix::agent(&server, &anna).await;
    let scope = json!({ "planes": { "hub": "write" }, "repositories": "all" });
    let mint = server.post("/api/v1/agents/loom/tokens").json(&json!({ "scope": scope }));
    let minted = mint.by(&anna).send().await;
    minted.assert_status(201);
    let token = minted.json()["value"].as_str().unwrap().to_owned();
    drop(loom);
    let url = address(&server, &token, &songs);
    for name in ["refs/heads/main", "refs/tags/v1"] {
        let said = user.tries("one", &["push", &url, &format!("HEAD:{name}")]);
        assert!(!said.is_well && said.err.contains("may not move"), "{}", said.err);
    }
    user.does("one", &["push", "-q", &url, "HEAD:refs/heads/agent/loom/try"]);
}
