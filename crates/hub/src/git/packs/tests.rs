//! What is read out of packs is what Git says of them, whoever packed them and however.

use std::{
    fmt::Write as _,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use history::tree::{Kind, Mode};

use super::*;
use crate::git::commits;

/// The installed Git, and an older one that stands beside it.
fn versions() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["/usr/local/bin/git", "/usr/bin/git"].map(PathBuf::from).into();
    found.retain(|it| it.is_file());
    assert!(!found.is_empty(), "git is needed");
    found
}

/// A bare repository in a directory of its own.
struct Bare {
    place: tempfile::TempDir,
    program: PathBuf,
}

impl Bare {
    fn new(program: &Path) -> Self {
        let it = Self { place: tempfile::tempdir().unwrap(), program: program.to_owned() };
        it.git(&["init", "-q", "--bare", "."], b"");
        it
    }

    fn dir(&self) -> &Path {
        self.place.path()
    }

    fn git(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new(&self.program)
            .args(arguments)
            .current_dir(self.dir())
            .env_clear()
            .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/nonexistent")])
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let out = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        let told = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{arguments:?}: {told}");
        out.stdout
    }

    fn text(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.git(arguments, b"")).unwrap().trim_end().to_owned()
    }

    fn packs(&self) -> Packs {
        Stores::default().of(Id::from_uuid(uuid::Uuid::nil()), self.dir())
    }

    /// Every object with its kind.
    fn all(&self) -> Vec<(String, String)> {
        let format = "--batch-check=%(objectname) %(objecttype)";
        let told = self.text(&["cat-file", format, "--batch-all-objects"]);
        let pair =
            |line: &str| line.split_once(' ').map(|(id, kind)| (id.to_owned(), kind.to_owned()));
        told.lines().filter_map(pair).collect()
    }
}

/// A history with everything that Git has: merges of two and of many, moves, links, submodules, odd names, empty files.
fn stream() -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    let mut put = |text: &str| out.extend_from_slice(text.as_bytes());
    let data = |text: &str| format!("data {}\n{text}\n", text.len());
    let mut mark = 0;
    let mut commit = |branch: &str, from: &[u32], changes: &str| {
        mark += 1;
        let mut text = format!("commit refs/heads/{branch}\nmark :{mark}\n");
        let when = 1_700_000_000 + mark * 60;
        writeln!(text, "author A Ü <a@example.test> {when} +0200").unwrap();
        writeln!(text, "committer C <c@example.test> {} -0330", when + 1).unwrap();
        text.push_str(&data(&format!("commit {mark}\n\nof {branch}\n")));
        for (at, parent) in from.iter().enumerate() {
            writeln!(text, "{} :{parent}", if at == 0 { "from" } else { "merge" }).unwrap();
        }
        text.push_str(changes);
        text.push('\n');
        put(&text);
        mark
    };
    let lines = |n: u32| {
        (0..200)
            .map(|it| format!("line {} of {n}\n", it * it % (n + 7)))
            .collect::<Vec<_>>()
            .concat()
    };
    let file =
        |mode: &str, path: &str, text: &str| format!("M {mode} inline {path}\n{}", data(text));
    let first = commit(
        "main",
        &[],
        &[
            file("100644", "README.md", "# Read\n"),
            file("100755", "run.sh", "#!/bin/sh\n"),
            file("120000", "to", "README.md"),
            file("100644", "empty", ""),
            file("100644", "a/b/c.txt", &lines(1)),
            "M 160000 1111111111111111111111111111111111111111 sub\n".to_owned(),
            file("100644", "\"gr\\374n\\001\"", "latin\n"),
            file("100644", "größe/ü \\\\ x", "odd\n"),
        ]
        .concat(),
    );
    let mut main = first;
    for n in 2..60 {
        main = commit("main", &[main], &file("100644", "a/b/c.txt", &lines(n)));
    }
    let one = commit("one", &[first], &file("100644", "one", &lines(90)));
    let two = commit("two", &[first], "R a/b a/moved\n");
    let three = commit("three", &[main], &file("100755", "README.md", "# Read\n"));
    let octopus = commit("main", &[main, one, two, three], &file("100644", "all", "all\n"));
    commit("main", &[octopus], "deleteall\n");
    put("done\n");
    out
}

/// What Git lists of a tree, as it is read here.
fn listed(bare: &Bare, id: &str) -> Vec<(String, String, String)> {
    let told = bare.git(&["ls-tree", "-z", id], b"");
    let mut found: Vec<_> = told
        .split(|it| *it == 0)
        .filter(|it| !it.is_empty())
        .map(|entry| {
            let tab = entry.iter().position(|it| *it == b'\t').unwrap();
            let head = std::str::from_utf8(&entry[..tab]).unwrap();
            let (mode, rest) = head.split_once(' ').unwrap();
            let (_, id) = rest.split_once(' ').unwrap();
            let name = history::git::shown_name(&entry[tab + 1..]).into_owned();
            (mode.to_owned(), id.to_owned(), name)
        })
        .collect();
    found.sort();
    found
}

async fn is_as_git_says(bare: &Bare, packs: &Packs) {
    for (id, kind) in bare.all() {
        match kind.as_str() {
            "tree" => {
                let node = id.parse().unwrap();
                let node = packs.read(move |it| it.node(node)).await.unwrap();
                let mut ours: Vec<_> = node
                    .entries()
                    .iter()
                    .map(|it| {
                        let (mode, id) = match it.kind {
                            Kind::File(id) => (it.mode.octal(), id.to_string()),
                            Kind::Directory(id) => ("040000", id.to_string()),
                            Kind::Module(id) => (it.mode.octal(), id.to_string()),
                        };
                        (mode.to_owned(), id, it.name.to_string())
                    })
                    .collect();
                ours.sort();
                assert_eq!(ours, listed(bare, &id));
            }
            "blob" => {
                let object = id.parse().unwrap();
                let (bytes, size) = packs.read(move |it| it.bytes(object, u64::MAX)).await.unwrap();
                assert_eq!(bytes, bare.git(&["cat-file", "blob", &id], b""));
                assert_eq!(size, bytes.len() as u64);
            }
            "commit" => {
                let commit = id.parse().unwrap();
                let (commit, raw) = packs.read(move |it| it.commit(commit)).await.unwrap().unwrap();
                assert_eq!(raw, bare.git(&["cat-file", "commit", &id], b""));
                let format = "--format=%T%n%P%n%an <%ae>%n%cn <%ce>%n%aI%n%cI%n%B";
                let parents: Vec<_> = commit.parents.iter().map(ToString::to_string).collect();
                let ours = format!(
                    "{}\n{}\n{}\n{}\n{}\n{}\n{}",
                    commit.tree,
                    parents.join(" "),
                    commit.author.who,
                    commit.committer.who,
                    commit.author.time,
                    commit.committer.time,
                    commit.message.trim_end()
                );
                assert_eq!(ours, bare.text(&["log", "-1", format, &id]));
            }
            _ => {
                let object = id.parse().unwrap();
                assert!(packs.read(move |it| it.tag(object)).await.unwrap().is_some());
            }
        }
    }
}

#[tokio::test]
async fn packs_say_what_git_says_of_them() {
    for program in versions() {
        let bare = Bare::new(&program);
        bare.git(&["fast-import", "--quiet", "--date-format=raw", "--done"], &stream());
        let packs = bare.packs();
        is_as_git_says(&bare, &packs).await;
        // Deltas of deltas, as deep as Git makes them.
        bare.git(&["repack", "-adfq", "--depth=4000", "--window=60"], b"");
        is_as_git_says(&bare, &packs).await;
        is_as_git_says(&bare, &bare.packs()).await;
        // And everything by itself.
        let pack: Vec<_> = std::fs::read_dir(bare.dir().join("objects/pack"))
            .unwrap()
            .map(|it| it.unwrap().path())
            .filter(|it| it.extension().is_some_and(|it| it == "pack"))
            .collect();
        for pack in pack {
            let bytes = std::fs::read(&pack).unwrap();
            for ending in ["pack", "idx", "rev"] {
                if pack.with_extension(ending).exists() {
                    std::fs::remove_file(pack.with_extension(ending)).unwrap();
                }
            }
            bare.git(&["unpack-objects", "-q"], &bytes);
        }
        is_as_git_says(&bare, &packs).await;
    }
}

#[tokio::test]
async fn a_repack_by_somebody_else_disturbs_nobody_who_reads() {
    let bare = Bare::new(&versions()[0]);
    bare.git(&["fast-import", "--quiet", "--date-format=raw", "--done"], &stream());
    let packs = bare.packs();
    let blobs: Vec<_> = bare.all().into_iter().filter(|it| it.1 == "blob").collect();
    let expected: Vec<_> =
        blobs.iter().map(|(id, _)| bare.git(&["cat-file", "blob", id], b"")).collect();
    let ids: Vec<names::ObjectId> = blobs.iter().map(|it| it.0.parse().unwrap()).collect();
    let reading = tokio::spawn({
        let (packs, ids, expected) = (packs.clone(), ids.clone(), expected.clone());
        async move {
            for _ in 0..30 {
                let ids = ids.clone();
                let found = packs.read(move |it| {
                    ids.into_iter()
                        .map(|id| Ok(it.bytes(id, u64::MAX)?.0))
                        .collect::<Result<Vec<_>, _>>()
                });
                assert!(found.await.unwrap() == expected);
            }
        }
    });
    for depth in ["--depth=1", "--depth=50", "--depth=2", "--depth=40"] {
        bare.git(&["repack", "-adfq", depth], b"");
    }
    reading.await.unwrap();
    let id = ids[0];
    assert_eq!(packs.read(move |it| it.bytes(id, u64::MAX)).await.unwrap().0, expected[0]);
}

#[tokio::test]
async fn what_lies_in_quarantine_is_read_before_it_is_taken() {
    let bare = Bare::new(&versions()[0]);
    let quarantine = bare.dir().join("objects/incoming");
    std::fs::create_dir(&quarantine).unwrap();
    let hash = |text: &[u8], dir: &Path| {
        let out = Command::new(&bare.program)
            .args(["hash-object", "-w", "--stdin"])
            .current_dir(bare.dir())
            .env("GIT_OBJECT_DIRECTORY", dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = out;
        child.stdin.take().unwrap().write_all(text).unwrap();
        let told = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        told.trim().parse::<names::ObjectId>().unwrap()
    };
    let (kept, new) = (hash(b"kept", &bare.dir().join("objects")), hash(b"new", &quarantine));
    let packs = bare.packs();
    let with = packs.with(quarantine);
    for id in [kept, new] {
        assert!(with.read(move |it| it.bytes(id, 10)).await.is_ok());
    }
    let missing = packs.read(move |it| it.bytes(new, 10)).await;
    assert!(matches!(missing, Err(Error::Objects(objects::Error::Missing(id))) if id == new));
}

#[tokio::test]
async fn a_damaged_object_is_never_handed_out() {
    let bare = Bare::new(&versions()[0]);
    let text = (0..2_000).map(|it| format!("{}\n", it * 7919)).collect::<Vec<_>>().concat();
    let id =
        String::from_utf8(bare.git(&["hash-object", "-w", "--stdin"], text.as_bytes())).unwrap();
    let other = String::from_utf8(bare.git(&["hash-object", "-w", "--stdin"], b"other")).unwrap();
    let path = |id: &str| bare.dir().join("objects").join(&id[..2]).join(&id[2..40]);
    // Another object under its name, whole in itself.
    std::fs::remove_file(path(&id)).unwrap();
    std::fs::copy(path(&other), path(&id)).unwrap();
    let object: names::ObjectId = id.trim().parse().unwrap();
    let read = bare.packs().read(move |it| it.bytes(object, u64::MAX)).await;
    assert!(matches!(read, Err(Error::Objects(objects::Error::Corrupt(it))) if it == object));
    // And bytes that are no object at all.
    std::fs::remove_file(path(&id)).unwrap();
    std::fs::write(path(&id), b"nothing").unwrap();
    let read = bare.packs().read(move |it| it.bytes(object, u64::MAX)).await;
    assert!(matches!(read, Err(Error::Objects(objects::Error::Corrupt(it))) if it == object));
}

/// Longer than what is held: as it is in a pack, loose, and as what differs from another one.
#[tokio::test]
async fn a_long_file_is_streamed_and_its_beginning_read() {
    let bare = Bare::new(&versions()[0]);
    let mut bytes = Vec::new();
    let mut seed = 1_u32;
    while bytes.len() as u64 <= WHOLE_BYTES + 1_000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.extend_from_slice(format!("{seed:08x} ").repeat(8).as_bytes());
    }
    let mut other = bytes.clone();
    other.extend_from_slice(b"and a little more\n");
    let ids: Vec<names::ObjectId> = [&bytes, &other]
        .map(|it| bare.git(&["-c", "core.compression=1", "hash-object", "-w", "--stdin"], it))
        .iter()
        .map(|it| std::str::from_utf8(it).unwrap().trim().parse().unwrap())
        .collect();
    let check = async || {
        for (id, bytes) in ids.iter().zip([&bytes, &other]) {
            let (id, packs) = (*id, bare.packs());
            let (start, size) = packs.read(move |it| it.bytes(id, 1_000)).await.unwrap();
            assert!(start == bytes[..1_000] && size == bytes.len() as u64);
            let found = packs.read(move |it| {
                let mut found = Vec::new();
                it.pieces(id, &mut |piece| {
                    found.extend_from_slice(piece);
                    true
                })?;
                Ok(found)
            });
            assert!(found.await.unwrap() == *bytes);
        }
    };
    check().await;
    let list = ids.iter().map(|it| format!("{it}\n")).collect::<Vec<_>>().concat();
    for threshold in ["core.bigFileThreshold=1m", "core.bigFileThreshold=1g"] {
        bare.git(
            &[
                "-c",
                threshold,
                "-c",
                "pack.compression=1",
                "pack-objects",
                "-q",
                "--no-reuse-object",
                "objects/pack/pack",
            ],
            list.as_bytes(),
        );
        bare.git(&["prune-packed"], b"");
        check().await;
        for file in std::fs::read_dir(bare.dir().join("objects/pack")).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|it| it == "pack") {
                let pack = std::fs::read(&path).unwrap();
                for ending in ["pack", "idx", "rev"] {
                    if path.with_extension(ending).exists() {
                        std::fs::remove_file(path.with_extension(ending)).unwrap();
                    }
                }
                bare.git(&["-c", "core.compression=1", "unpack-objects", "-q"], &pack);
            }
        }
    }
}

#[tokio::test]
async fn trees_that_lead_out_are_not_read_and_those_of_a_million_entries_are_bounded() {
    let bare = Bare::new(&versions()[0]);
    let blob = String::from_utf8(bare.git(&["hash-object", "-w", "--stdin"], b"x")).unwrap();
    let blob = blob.trim();
    let raw: [u8; 20] = blob.parse::<names::ObjectId>().unwrap().sha1().unwrap();
    let tree = |entries: &mut dyn Iterator<Item = Vec<u8>>| {
        let mut bytes = Vec::new();
        for name in entries {
            bytes.extend_from_slice(b"100644 ");
            bytes.extend_from_slice(&name);
            bytes.push(0);
            bytes.extend_from_slice(&raw);
        }
        let write = ["hash-object", "-w", "-t", "tree", "--literally", "--stdin"];
        let id = String::from_utf8(bare.git(&write, &bytes)).unwrap();
        id.trim().parse::<NodeId>().unwrap()
    };
    let packs = bare.packs();
    // What no file system may be led to is shown under another name, and by that it is found.
    let odd = tree(
        &mut [&b".git"[..], b".gitmodules", b"git~1", b"x\xff"].map(<[u8]>::to_vec).into_iter(),
    );
    let node = packs.read(move |it| it.node(odd)).await.unwrap();
    let names: Vec<_> = node.entries().iter().map(|it| &*it.name).collect();
    assert_eq!(names, [".gitmodules", "\\056git", "\\147it~1", "x\\377"]);
    assert!(node.entries().iter().all(|it| it.mode == Mode::Plain && it.size == 1));
    for bad in [&b".."[..], b"."] {
        let id = tree(&mut [bad.to_vec()].into_iter());
        let read = packs.read(move |it| it.node(id)).await;
        assert!(matches!(read, Err(Error::Broken(_))), "{bad:?}");
    }
    let names = |count: usize| (0..count).map(|it| format!("{it:07}").into_bytes());
    let largest = tree(&mut names(history::git::MAX_ENTRIES));
    let entries = packs.read(move |it| Ok(it.node(largest)?.entries().len())).await.unwrap();
    assert_eq!(entries, history::git::MAX_ENTRIES);
    let larger = tree(&mut names(history::git::MAX_ENTRIES + 1));
    let read = packs.read(move |it| it.node(larger)).await;
    assert!(matches!(read, Err(Error::TooLarge(_))));
}

/// Who leads to whom is found without rows too: all of it, parents first.
#[tokio::test]
async fn names_lead_through_tags_to_what_they_name() {
    let bare = Bare::new(&versions()[0]);
    bare.git(&["fast-import", "--quiet", "--date-format=raw", "--done"], &stream());
    bare.git(
        &["-c", "user.name=T", "-c", "user.email=t@x", "tag", "-a", "-m", "t", "v1", "main"],
        b"",
    );
    bare.git(
        &["-c", "user.name=T", "-c", "user.email=t@x", "tag", "-a", "-m", "t", "v2", "v1"],
        b"",
    );
    let main: names::CommitId = bare.text(&["rev-parse", "main"]).parse().unwrap();
    let packs = bare.packs();
    for (name, expected) in [
        ("v1", Some(Peeled::Commit(main))),
        ("v2", Some(Peeled::Commit(main))),
        ("main", Some(Peeled::Commit(main))),
        ("main^{tree}", Some(Peeled::Other)),
    ] {
        let id = bare.text(&["rev-parse", name]).parse().unwrap();
        assert_eq!(packs.read(move |it| it.peel(id)).await.unwrap(), expected, "{name}");
    }
    let nowhere = "1".repeat(40).parse().unwrap();
    assert_eq!(packs.read(move |it| it.peel(nowhere)).await.unwrap(), None);
    let found = commits::tests::all_of(&packs, main).await;
    let told = bare.text(&["rev-list", "--parents", "main"]);
    assert_eq!(found.len(), told.lines().count());
    for line in told.lines() {
        let mut ids = line.split(' ').map(|it| it.parse::<names::CommitId>().unwrap());
        let at = |id| found.iter().position(|it| *it == id).unwrap();
        let child = at(ids.next().unwrap());
        assert!(ids.all(|parent| at(parent) < child));
    }
}
