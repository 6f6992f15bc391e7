//! Whatever an address, a manifest, an edit or a tree names, no file outside of the data directory is opened: a trace of
//! every file that the server opens, and whatever it starts, says so (H24).

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use tempfile::TempDir;
use testkit::{Ground, Person, Server, Story, object};

use super::{Stage, refusals::odd_commit, stage};
use crate::{
    MOTET,
    ground::settled,
    paths::{CONTENT, SONG, push_of},
    reading::escaped,
};

/// What the system has a process open: libraries, zones, certificates, what is asked of the kernel, and the home that Git has
/// not. No name of a user leads there.
const SYSTEM: &[&str] = &[
    "/usr/",
    "/lib/",
    "/lib64/",
    "/proc/",
    "/sys/",
    "/dev/",
    "/etc/ld.so.",
    "/etc/ssl/",
    "/nonexistent/",
];
/// What lies beside the data directory, for whoever climbs out of it.
const OUTSIDE: &str = "outside.txt";
/// The longest path.
const MAX_PATH_BYTES: usize = 4096;
/// How far a name climbs: further than anything lies in the data directory.
const CLIMBS: usize = 9;

/// A program that runs the server under a trace, and where that is written.
fn traced(dir: &TempDir) -> (PathBuf, PathBuf) {
    let (program, trace) = (dir.path().join("motet"), dir.path().join("trace"));
    // The server stays the child of whoever starts it; `-y` says where a descriptor leads.
    let script = format!(
        "#!/bin/sh\nexec strace -D -f -qq -y -s 9999 -e signal=none -e trace=open,openat,openat2 -o '{}' '{MOTET}' \"$@\"\n",
        trace.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (program, trace)
}

/// Names that lead out of where they begin, or into what is not for reading.
fn climbing() -> Vec<String> {
    let up = (1..=CLIMBS).map(|it| format!("{}{OUTSIDE}", "../".repeat(it)));
    let others = [
        "/etc/passwd",
        "//etc/passwd",
        "a/../../../etc/passwd",
        "./README.md",
        ".git/config",
        ".GIT/config",
        ".muse/HEAD",
        ".MUSE/HEAD",
        ".g\u{200c}it/config",
        "git~1/config",
        ".git::$INDEX_ALLOCATION/config",
        "README.md\0.png",
    ];
    let long = "x/".repeat(MAX_PATH_BYTES / 2) + "x/x";
    up.chain(others.map(str::to_owned)).chain([long]).collect()
}

/// The same as parts of an address: as they are written, with every slash hidden, and hidden twice.
fn addressed(name: &str) -> [String; 3] {
    let plain = escaped(name);
    let hidden = plain.replace('.', "%2e").replace('/', "%2f");
    [plain, hidden.replace('%', "%25"), hidden]
}

/// Reads by every address that takes a name; nothing comes of any of them.
async fn reads(server: &Server, anna: &Person, repository: &str) {
    for name in climbing() {
        for part in addressed(&name) {
            for place in ["raw/main/", "tree/main/", "raw/", "archive/"] {
                finds_nothing(server, anna, &format!("/{repository}/{place}{part}")).await;
            }
        }
        let [.., hidden] = addressed(&name);
        for kind in ["blob", "blame", "commits"] {
            finds_nothing(server, anna, &format!("/{repository}/{kind}/main/{hidden}")).await;
        }
        let part = escaped(&name).replace('/', "%2F");
        for query in ["blob?path=", "raw?path=", "blame?path=", "blob?path=README.md&ref="] {
            let target = format!("/api/v1/repos/{repository}/{query}{part}");
            finds_nothing(server, anna, &target).await;
        }
    }
}

async fn finds_nothing(server: &Server, anna: &Person, target: &str) {
    let answer = server.get(target).by(anna).send().await;
    let is_nothing = matches!(answer.status, 400 | 404 | 414 | 422 | 431);
    assert!(is_nothing, "{target}: {} {}", answer.status, answer.text());
}

/// Changes files by every name; none is changed.
async fn edits(server: &Server, anna: &Person, repository: &str, head: &str) {
    for name in climbing() {
        for file in [
            json!({ "path": name, "content_b64": STANDARD.encode("x") }),
            json!({ "path": name, "content_b64": null }),
            json!({ "path": "taken", "content_b64": null, "from": name }),
        ] {
            let body =
                json!({ "branch": "main", "expected": head, "message": "m", "files": [file] });
            let post = server.post(&format!("/api/v1/repos/{repository}/edits")).json(&body);
            post.by(anna).send().await.assert_status(422);
        }
    }
}

#[tokio::test]
async fn no_name_opens_a_file_outside_of_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (program, trace) = traced(&dir);
    let setup = Server::with(program.to_str().unwrap()).on(Ground::SqliteDisk);
    let Stage { mut server, anna, songs, url, user, .. } = stage(setup, "private").await;
    let data = server.data_dir().canonicalize().unwrap();
    fs::write(data.parent().unwrap().join(OUTSIDE), "nobody reads this").unwrap();

    // Of Git: links that lead out are kept as they are, and trees that lead out are not taken.
    for climb in 1..=CLIMBS {
        let to = format!("{}{OUTSIDE}", "../".repeat(climb));
        std::os::unix::fs::symlink(to, user.path("one").join(format!("up{climb}"))).unwrap();
    }
    std::os::unix::fs::symlink("/etc/passwd", user.path("one").join("passwd")).unwrap();
    user.does("one", &["add", "-A"]);
    user.does("one", &["commit", "-q", "-m", "links"]);
    user.does("one", &["push", "-q", &url, "main"]);
    let head = user.does("one", &["rev-parse", "HEAD"]);
    let blob = user.does("one", &["rev-parse", "HEAD:README.md"]);
    for name in ["..", ".", ".git", "git~1", "a/b", "../outside.txt", ".g\u{200c}it"] {
        let commit = odd_commit(&user, &[("100644", name, &blob)]);
        let said = user.tries("one", &["push", &url, &format!("{commit}:refs/heads/odd")]);
        assert!(!said.is_well, "{name}");
    }
    for name in ["README.md", "up1", "passwd"] {
        for kind in ["raw", "blob", "blame"] {
            let target = format!("/{songs}/{kind}/main/{name}");
            server.get(&target).by(&anna).send().await.assert_status(200);
        }
    }
    server.get(&format!("/{songs}/archive/main.zip")).by(&anna).send().await.assert_status(200);

    // Of Muse: the same, in manifests.
    server.push_objects(&anna, SONG, vec![object(CONTENT)]).await.assert_status(200);
    for name in climbing() {
        push_of(&server, &anna, &[&name]).send().await.assert_refused(422, "bad_path");
    }
    let story = Story::of_one("a song");
    server.push_story(&anna, SONG, &story, "main").await;

    for (repository, head) in [(songs.as_str(), head), (SONG, story.tip().to_string())] {
        reads(&server, &anna, repository).await;
        edits(&server, &anna, repository, &head).await;
    }
    settled(&server).await;
    server.stop().await;

    let text = fs::read_to_string(&trace).unwrap();
    let opened: Vec<_> = text.lines().filter_map(Opened::read).collect();
    // The trace saw the server read, and Git.
    for place in ["git", "objects"] {
        let place = data.join(place);
        assert!(opened.iter().any(|it| it.is_open && it.path.starts_with(&place)), "{place:?}");
    }
    let is_known = |path: &Path| {
        let is_system = SYSTEM.iter().any(|it| path.to_str().unwrap().starts_with(it));
        is_system || path.starts_with(&data)
    };
    let outside: BTreeSet<_> = opened.iter().filter(|it| !is_known(&it.path)).collect();
    assert!(outside.is_empty(), "{outside:#?}");
}

/// A file that was opened, or that somebody tried to open.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Opened {
    path: PathBuf,
    is_open: bool,
}

impl Opened {
    /// Reads a line of the trace, such as `openat(AT_FDCWD</srv>, "a/b", O_RDONLY) = 3</srv/a/b>`.
    fn read(line: &str) -> Option<Self> {
        let led = line.rsplit_once(" = ").and_then(|(_, led)| led.trim_end().strip_suffix('>'));
        if let Some((_, path)) = led.and_then(|it| it.split_once('<')) {
            return Some(Self { path: path.into(), is_open: true });
        }
        let (_, arguments) = line.split_once("open")?;
        let (before, rest) = arguments.split_once('"')?;
        let base = before.split_once('<').and_then(|(_, base)| base.split_once('>'));
        let base = base.map_or("/", |(base, _)| base);
        let name = rest.split_once('"')?.0;
        Some(Self { path: normal(&Path::new(base).join(name)), is_open: false })
    }
}

/// Where a path leads if nothing on it is a link.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut at, part| {
        match part {
            Component::ParentDir => drop(at.pop()),
            Component::CurDir => {}
            other => at.push(other),
        }
        at
    })
}
