//! Histories that somebody made to hurt whoever reads them: refused, or read with bounds (H24, H53, H57).

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use history::git::MAX_ENTRIES;
use http::Method;
use serde_json::json;
use testkit::{Person, Server};

use super::{
    Stage, User, directory, is_empty, refs,
    refusals::{head_of_entry, odd_commit, request, sealed, sha1},
    stage,
};
use crate::{
    ground::{Ground, on_both, settled},
    reading::page,
};

/// What a push of this commit is told.
fn refused(user: &User, url: &str, commit: &str) -> String {
    let said = user.tries("one", &["push", url, &format!("{commit}:refs/heads/main")]);
    assert!(!said.is_well, "{}", said.err);
    said.err
}

#[tokio::test]
async fn what_a_client_would_be_led_astray_by_is_refused() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    let write = |text: &str| user.feeds("one", &["hash-object", "-w", "--stdin"], text.as_bytes());
    let out = write("../../../../etc");
    let option = write("[submodule \"a\"]\n\tpath = a\n\turl = -u./payload\n");
    let place = write("[submodule \"a\"]\n\tpath = -a\n\turl = https://forge.example/a\n");
    let folder = user.does("one", &["rev-parse", "HEAD^{tree}"]);
    let dir = directory(&server, &anna, &songs).await;
    for (entries, word) in [
        // Through a link into what lies behind it.
        (vec![("120000", "a", &out), ("40000", "a", &folder)], "duplicateEntries"),
        (vec![("120000", ".gitmodules", &out)], "gitmodulesSymlink"),
        (vec![("120000", "gitmod~1", &out)], "gitmodulesSymlink"),
        (vec![("100644", ".gitmodules", &option)], "gitmodulesUrl"),
        (vec![("100644", ".gitmodules", &place)], "gitmodulesPath"),
        // What some file systems take for `.git`.
        (vec![("100644", ".g\u{200c}it", &out)], "hasDotgit"),
        (vec![("40000", ".git ", &folder)], "hasDotgit"),
        (vec![("40000", ".git::$INDEX_ALLOCATION", &folder)], "hasDotgit"),
        (vec![("40000", ".", &folder)], "hasDot"),
    ] {
        let entries: Vec<_> =
            entries.iter().map(|(mode, name, id)| (*mode, *name, id.as_str())).collect();
        let told = refused(&user, &url, &odd_commit(&user, &entries));
        assert!(told.contains(word), "{word}: {told}");
        assert!(is_empty(&dir), "{word}");
    }
    assert!(refs(&server, &anna, &songs).await.is_empty());
}

#[tokio::test]
async fn a_link_leads_nowhere_here() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    for (name, to) in [("passwd", "/etc/passwd"), ("etc", "/etc"), ("up", "../../../../..")] {
        std::os::unix::fs::symlink(to, user.path("one").join(name)).unwrap();
    }
    user.does("one", &["add", "-A"]);
    user.does("one", &["commit", "-q", "-m", "links"]);
    user.does("one", &["push", "-q", &url, "main"]);
    for (name, to) in [("passwd", "/etc/passwd"), ("etc", "/etc"), ("up", "../../../../..")] {
        let raw = server.get(&format!("/{songs}/raw/main/{name}")).by(&anna).send().await;
        assert_eq!((raw.status, raw.text()), (200, to.to_owned()));
    }
    for behind in ["etc/passwd", "up/etc/passwd", "passwd/x"] {
        for kind in ["raw", "blob", "tree", "blame"] {
            let answer = page(&server, &anna, &format!("/{songs}/{kind}/main/{behind}")).await;
            assert_eq!(answer.status, 404, "{kind} {behind}");
        }
        let target = format!("/api/v1/repos/{songs}/blob?path={behind}");
        server.get(&target).by(&anna).send().await.assert_status(404);
    }
    settled(&server).await;
    user.does("", &["clone", "-q", &url, "two"]);
}

/// Two names that one file system tells apart and another does not.
const CLASHING: [[&str; 2]; 2] = [["Song.txt", "song.txt"], ["caf\u{e9}.txt", "cafe\u{301}.txt"]];

on_both! {
    async fn names_that_clash_are_marked_or_refused(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } = stage(ground.server(), "private").await;
        let blob = user.does("one", &["rev-parse", "HEAD:README.md"]);
        let commit = |pair: &[&str; 2]| {
            let mut names = *pair;
            names.sort_unstable();
            let entries: Vec<_> = names.iter().map(|it| ("100644", *it, blob.as_str())).collect();
            odd_commit(&user, &entries)
        };
        // Both are kept as they are, and the page says so.
        user.does("one", &["push", "-q", &url, &format!("{}:refs/heads/main", commit(&CLASHING[0]))]);
        let shown = page(&server, &anna, &format!("/{songs}")).await.text();
        assert!(shown.contains("differ in case only"), "{shown}");
        let normal = format!("{}:refs/heads/normal", commit(&CLASHING[1]));
        user.does("one", &["push", "-q", &url, &normal]);
        let tree = format!("/api/v1/repos/{songs}/tree?ref=normal");
        let tree = server.get(&tree).by(&anna).send().await.json();
        assert_eq!(tree["items"].as_array().unwrap().len(), 2, "{tree}");
        let rule = json!({ "clashing_paths": "refuse" });
        let set = server.request(Method::PATCH, &format!("/api/v1/repos/{songs}")).json(&rule);
        set.by(&anna).send().await.assert_status(200);
        for pair in &CLASHING {
            // Not the same commit again.
            let again = user.does("one", &["commit-tree", "-m", "again", &format!("{}^{{tree}}", commit(pair))]);
            let said = user.tries("one", &["push", &url, &format!("{again}:refs/heads/other")]);
            assert!(!said.is_well && said.err.contains(pair[0]), "{pair:?}: {}", said.err);
        }
        assert_eq!(refs(&server, &anna, &songs).await.len(), 2);
    }
}

#[tokio::test]
async fn a_directory_of_more_than_a_million_entries_is_refused() {
    let Stage { server, anna, songs, url, user, .. } =
        stage(Ground::Sqlite.server(), "private").await;
    let blob = user.does("one", &["rev-parse", "HEAD:README.md"]);
    let raw = blob.parse::<names::ObjectId>().unwrap().sha1().unwrap();
    let mut tree = Vec::with_capacity(36 * MAX_ENTRIES);
    for number in 0..=MAX_ENTRIES {
        write!(tree, "100644 {number:07}\0").unwrap();
        tree.extend(raw);
    }
    let words = ["-c", "core.compression=1", "hash-object", "-t", "tree", "-w", "--stdin"];
    let tree = user.feeds("one", &words, &tree);
    let commit = user.does("one", &["commit-tree", "-m", "wide", &tree]);
    let told = refused(&user, &url, &commit);
    assert!(told.contains("more entries"), "{told}");
    assert!(is_empty(&directory(&server, &anna, &songs).await));
    user.does("one", &["push", "-q", &url, "main"]);
}

/// A pack with a commit of one file that is made of `depth` others, one after the other; and the commit, and what the file
/// holds.
pub(super) fn chained(depth: usize) -> (String, Vec<u8>, String) {
    const REST: &str = "what stays the same from the first to the last of all of them\n";
    let content = |number: usize| format!("{number:08}\n{REST}");
    let packed = |bytes: &[u8]| {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    let named = |kind: &str, bytes: &[u8]| {
        sha1(&[format!("{kind} {}\0", bytes.len()).as_bytes(), bytes].concat())
    };
    let last = content(depth);
    let tree = [b"100644 song.txt\0".to_vec(), named("blob", last.as_bytes())].concat();
    let hex = |id: &[u8]| id.iter().map(|it| format!("{it:02x}")).collect::<Vec<_>>().concat();
    let who = "Anna <anna@example.org> 1700000000 +0000";
    let tree_id = hex(&named("tree", &tree));
    let commit = format!("tree {tree_id}\nauthor {who}\ncommitter {who}\n\ndeep\n");
    let put = |pack: &mut Vec<u8>, kind: u8, bytes: &[u8]| {
        pack.extend(head_of_entry(kind, bytes.len() as u64));
        pack.extend(packed(bytes));
    };
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    pack.extend(u32::try_from(depth + 3).unwrap().to_be_bytes());
    put(&mut pack, 1, commit.as_bytes());
    put(&mut pack, 2, &tree);
    let mut before = pack.len();
    put(&mut pack, 3, content(0).as_bytes());
    let length = u8::try_from(last.len()).unwrap();
    for number in 1..=depth {
        let at = pack.len();
        // Eight bytes of its own, the others from the one before.
        let mut delta = vec![length, length, 8];
        delta.extend(format!("{number:08}").bytes());
        delta.extend([0x91, 8, length - 8]);
        pack.extend(head_of_entry(6, delta.len() as u64));
        pack.extend(distance(at - before));
        pack.extend(packed(&delta));
        before = at;
    }
    (hex(&named("commit", commit.as_bytes())), sealed(pack), last)
}

/// How far before an entry lies what it is made of, as packs write it.
fn distance(mut far: usize) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(far & 127).unwrap()];
    far >>= 7;
    while far > 0 {
        far -= 1;
        bytes.push(u8::try_from(far & 127).unwrap() | 0x80);
        far >>= 7;
    }
    bytes.reverse();
    bytes
}

async fn send(
    (server, anna): (&Server, &Person),
    songs: &str,
    commit: &str,
    pack: &[u8],
) -> String {
    let post = server.post(&format!("/{songs}.git/git-receive-pack"));
    let kind = "application/x-git-receive-pack-request";
    post.header("content-type", kind).body(request(commit, pack)).by(anna).send().await.text()
}

#[tokio::test]
async fn what_is_made_of_thousands_of_others_is_read_and_of_more_refused() {
    let Stage { server, anna, songs, .. } = stage(Ground::Sqlite.server(), "private").await;
    let dir = directory(&server, &anna, &songs).await;
    let (commit, pack, _) = chained(5_000);
    let told = send((&server, &anna), &songs, &commit, &pack).await;
    assert!(told.contains("made of too many others"), "{told}");
    assert!(refs(&server, &anna, &songs).await.is_empty() && is_empty(&dir));
    let (commit, pack, holds) = chained(4_000);
    let told = send((&server, &anna), &songs, &commit, &pack).await;
    assert!(told.contains("ok refs/heads/main"), "{told}");
    let raw = server.get(&format!("/{songs}/raw/main/song.txt")).by(&anna).send().await;
    assert_eq!((raw.status, raw.text()), (200, holds));
    settled(&server).await;
}
