//! H45: bytes of files, and parts of them.

use http::Method;
use testkit::{Answer, Server, Story};

use super::API;
use crate::server_and_anna;

async fn part(server: &Server, target: &str, range: &str) -> Answer {
    server.get(target).header("range", range).send().await
}

#[tokio::test]
async fn parts_of_a_file_are_its_bytes() {
    let (server, anna) = server_and_anna().await;
    // Longer than one piece, with a value at each place that tells where it is.
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).take(5_000_000).collect();
    let mut story = Story::default();
    story.commit(
        &[],
        "files",
        &[("large.bin", &large), ("small.txt", b"0123456789"), ("none", b"")],
    );
    server.create(&anna, "song", "public").await;
    server.push_story(&anna, "anna/song", &story, "main").await;
    for (target, bytes) in [
        ("/anna/song/raw/main/large.bin", &large[..]),
        ("/anna/song/raw/main/small.txt", b"0123456789"),
        (&format!("{API}/song/raw?path=small.txt"), b"0123456789"),
    ] {
        let whole = server.get(target).send().await;
        assert!(whole.status == 200 && whole.body == bytes, "{target}");
        assert_eq!(whole.header("accept-ranges"), "bytes");
        assert_eq!(whole.header("content-length"), bytes.len().to_string());
        let size = bytes.len();
        for (range, from, to) in [
            ("bytes=0-0", 0, 1),
            ("bytes=3-6", 3, 7),
            ("bytes=4-", 4, size),
            ("bytes=-3", size - 3, size),
            ("bytes=0-99999999999", 0, size),
        ] {
            let some = part(&server, target, range).await;
            assert_eq!(some.status, 206, "{target} {range}");
            assert!(some.body == bytes[from..to], "{target} {range}");
            let told = format!("bytes {from}-{}/{size}", to - 1);
            assert_eq!(some.header("content-range"), told, "{target}");
            assert_eq!(some.header("content-type"), whole.header("content-type"));
            assert_eq!(some.header("etag"), whole.header("etag"));
        }
        let beyond = part(&server, target, &format!("bytes={size}-")).await;
        assert_eq!(
            (beyond.status, beyond.header("content-range")),
            (416, &*format!("bytes */{size}"))
        );
        assert_eq!(part(&server, target, "bytes=0-1,3-4").await.status, 200);
        let other = server.get(target).header("range", "bytes=0-0").header("if-range", "\"x\"");
        assert_eq!(other.send().await.status, 200);
        let etag = whole.header("etag").to_owned();
        let same = server.get(target).header("range", "bytes=0-0").header("if-range", &etag);
        assert_eq!(same.send().await.status, 206);
        let known = server.get(target).header("if-none-match", &etag).send().await;
        assert_eq!((known.status, known.body.len()), (304, 0));
        let head = server.request(Method::HEAD, target).send().await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), size.to_string());
    }
    let none = server.get("/anna/song/raw/main/none").send().await;
    assert_eq!((none.status, none.body.len()), (200, 0));
    assert_eq!(part(&server, "/anna/song/raw/main/none", "bytes=0-").await.status, 416);
}

#[tokio::test]
async fn nothing_that_a_browser_could_run_comes_as_itself() {
    let (server, anna) = server_and_anna().await;
    let files: [(&str, &[u8], &str); 5] = [
        ("page.html", b"<script>alert(1)</script>", "text/plain; charset=utf-8"),
        ("drawing.svg", b"<svg onload='alert(1)'/>", "text/plain; charset=utf-8"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0", "image/png"),
        ("fake.png", b"<script>alert(1)</script>", "text/plain; charset=utf-8"),
        ("größe.bin", b"\0\x01", "application/octet-stream"),
    ];
    let mut story = Story::default();
    story.commit(&[], "files", &files.map(|(name, bytes, _)| (name, bytes)));
    server.create(&anna, "song", "public").await;
    server.push_story(&anna, "anna/song", &story, "main").await;
    let tip = story.tip();
    for (name, bytes, kind) in files {
        for at in ["main", &tip.to_string()] {
            let target = format!("/anna/song/raw/{at}/{}", super::escaped(name));
            let answer = server.get(&target).send().await;
            assert_eq!((answer.status, &answer.body[..]), (200, bytes), "{target}");
            assert_eq!(answer.header("content-type"), kind, "{target}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            let policy = answer.header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'; sandbox"), "{policy}");
            let keep = if at == "main" {
                "private, no-cache"
            } else {
                "public, max-age=31536000, immutable"
            };
            assert_eq!(answer.header("cache-control"), keep, "{target}");
            let saved = answer.header("content-disposition");
            let expected = if kind == "application/octet-stream" {
                "attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe.bin"
            } else {
                ""
            };
            assert_eq!(saved, expected, "{target}");
        }
    }
}
