//! H43: archives, the same bytes every time, with what the tree holds.

use std::{collections::BTreeMap, io::Write as _, process::Command};

use names::{Digest, RepoPath};
use testkit::{Server, Story};

use crate::server_and_anna;

fn story() -> Story {
    let mut story = Story::default();
    let long = format!("{}/end.txt", "directory/".repeat(15).trim_end_matches('/'));
    let text: String =
        (0..20_000).map(|it| format!("line {}\n", it * it % 9_973)).collect::<Vec<_>>().concat();
    let attributes = b"*.log export-ignore\n/private export-ignore\n";
    let files: [(&str, &[u8]); 9] = [
        (".gitattributes", attributes),
        ("README.md", b"# Song\n"),
        ("build.log", b"left out"),
        ("deep/own.log", b"kept"),
        ("deep/.gitattributes", b"own.log -export-ignore\n"),
        ("empty", b""),
        ("größe/名前.txt", "Größe\n".as_bytes()),
        ("private/key", b"left out"),
        (&long, text.as_bytes()),
    ];
    story.commit(&[], "files", &files);
    story
}

const LEFT_OUT: [&str; 2] = ["build.log", "private/key"];

/// The files of an archive by the tools of the system.
fn unpacked(name: &str, bytes: &[u8]) -> BTreeMap<RepoPath, Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(name);
    std::fs::File::create(&file).unwrap().write_all(bytes).unwrap();
    let out = dir.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let ran = if file.extension().is_some_and(|it| it == "zip") {
        Command::new("python3").args(["-m", "zipfile", "-e"]).arg(&file).arg(&out).output()
    } else {
        Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(&out).output()
    };
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    let tops: Vec<_> = std::fs::read_dir(&out).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(tops.len(), 1, "{tops:?}");
    let (mut files, mut waiting) = (BTreeMap::new(), tops.clone());
    while let Some(at) = waiting.pop() {
        if at.is_dir() {
            waiting.extend(std::fs::read_dir(&at).unwrap().map(|it| it.unwrap().path()));
        } else {
            let path = at.strip_prefix(&tops[0]).unwrap().to_str().unwrap().parse().unwrap();
            files.insert(path, std::fs::read(&at).unwrap());
        }
    }
    files
}

async fn get(server: &Server, target: &str) -> testkit::Answer {
    let answer = server.get(target).send().await;
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer
}

/// Of two servers. The hash of form 1 stands in `history::archive::tests`.
#[tokio::test]
async fn an_archive_has_the_same_bytes_on_every_server() {
    let story = story();
    let mut seen: Vec<BTreeMap<String, String>> = Vec::new();
    for _ in 0..2 {
        let (server, anna) = server_and_anna().await;
        server.create(&anna, "song", "public").await;
        server.push_story(&anna, "anna/song", &story, "main").await;
        let mut hashes = BTreeMap::new();
        for ending in ["tar", "tar.gz", "zip"] {
            let target = format!("/anna/song/archive/main.{ending}");
            let answer = get(&server, &target).await;
            assert!(get(&server, &target).await.body == answer.body);
            let files = unpacked(&format!("x.{ending}"), &answer.body);
            let manifest = &story.snapshots[&story.commits[0].snapshot_id].manifest;
            let expected: BTreeMap<_, _> = manifest
                .iter()
                .filter(|(path, _)| !LEFT_OUT.contains(&path.as_str()))
                .map(|(path, object)| (path.clone(), story.objects[object].clone()))
                .collect();
            assert!(files == expected, "{ending}: {:?}", files.keys());
            let name = format!("song-{}.{ending}", story.tip().short());
            let saved = answer.header("content-disposition");
            assert_eq!(saved, format!("attachment; filename=\"{name}\""));
            let known = server.get(&target).header("if-none-match", answer.header("etag"));
            assert_eq!(known.send().await.status, 304);
            hashes.insert(ending.to_owned(), Digest::of(&answer.body).to_string());
        }
        seen.push(hashes);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn parts_of_a_tar_are_its_bytes() {
    let (server, anna) = server_and_anna().await;
    let story = story();
    server.create(&anna, "song", "public").await;
    server.push_story(&anna, "anna/song", &story, "main").await;
    let target = format!("/anna/song/archive/{}.tar", story.tip());
    let whole = get(&server, &target).await;
    assert_eq!(whole.header("cache-control"), "public, max-age=31536000, immutable");
    let size = whole.body.len();
    for (from, to) in
        [(0, 1), (0, size), (511, 2_000), (1_024, 1_025), (5_000, size), (size - 1, size)]
    {
        let range = format!("bytes={from}-{}", to - 1);
        let part = server.get(&target).header("range", &range).send().await;
        assert_eq!(part.status, 206, "{range}");
        assert!(part.body == whole.body[from..to], "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{size}", to - 1));
    }
    let beyond = server.get(&target).header("range", &format!("bytes={size}-")).send().await;
    assert_eq!(beyond.status, 416);
    // Of what is compressed, nobody knows where a part begins.
    let zip = format!("/anna/song/archive/{}.zip", story.tip());
    let all = server.get(&zip).header("range", "bytes=0-0").send().await;
    assert!(all.status == 200 && all.body == get(&server, &zip).await.body);
}

#[tokio::test]
async fn a_directory_a_tag_and_what_is_not_there() {
    let (server, anna) = server_and_anna().await;
    let story = story();
    server.create(&anna, "song", "public").await;
    let empty = server.get("/anna/song/archive/main.tar").send().await;
    assert_eq!(empty.status, 404, "H28: there is nothing yet");
    server.push_story(&anna, "anna/song", &story, "main").await;
    let deep = get(&server, "/anna/song/archive/main.tar?path=deep").await;
    let files = unpacked("x.tar", &deep.body);
    let paths: Vec<_> = files.keys().map(ToString::to_string).collect();
    assert_eq!(paths, ["deep/.gitattributes", "deep/own.log"]);
    crate::releases::publish(&server, &anna, "anna/song", &story, "v1.0.0").await;
    let tagged = get(&server, "/anna/song/archive/v1.0.0.zip").await;
    let saved = tagged.header("content-disposition");
    assert_eq!(saved, "attachment; filename=\"song-v1.0.0.zip\"");
    for bad in
        ["main", "main.rar", "none.tar", ".tar", "main.tar?path=none", "main.tar?path=README.md"]
    {
        let answer = server.get(&format!("/anna/song/archive/{bad}")).send().await;
        assert_eq!(answer.status, 404, "{bad}");
    }
}
