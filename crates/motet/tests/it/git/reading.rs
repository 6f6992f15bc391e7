//! H48, H27, H43, H53: what is pushed by Git reads as the same history does in the other format, with all that only Git has.

use std::{collections::BTreeSet, fs, os::unix::ffi::OsStrExt as _, path::Path, process::Command};

use names::ObjectId;
use serde_json::Value;
use testkit::{Person, Server};

use super::{Stage, User, address, create, stage, token};
use crate::{
    ground::{Ground, on_both, settled},
    reading::{Twin, escaped, generated, git, json, page},
};

/// What tells of the format and not of the history: who vouches for it, where it was made, places in lists, and colours, which
/// come of ids.
const OWN: [&str; 6] =
    ["signature", "branch", "colour", "next_cursor", "untrusted_agent", "metadata"];

/// What is called differently in the two.
struct Names(Vec<(String, String)>);

impl Names {
    /// Ids of commits and of files, from Git's to the other's.
    fn of(twin: &Twin) -> Self {
        let mut names: Vec<_> =
            (0..twin.ids.len()).map(|at| (twin.ids[at].clone(), twin.id(at).to_string())).collect();
        let mut files = BTreeSet::new();
        for id in &twin.ids {
            for line in twin.told(&["ls-tree", "-r", "--format=%(objectname)", id]).lines() {
                files.insert(line.to_owned());
            }
        }
        for file in files {
            let bytes = git(twin.dir.path(), &["cat-file", "blob", &file], b"");
            names.push((file, ObjectId::of(&bytes).to_string()));
        }
        Self(names)
    }

    fn renamed(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

/// Takes out what is each format's own. Children are told in the order of their ids.
fn bare(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !OWN.contains(&key.as_str()));
            if let Some(Value::Array(children)) = map.get_mut("children") {
                children.sort_by_key(ToString::to_string);
            }
            if map.get("kind").is_some_and(|it| it == "directory") {
                map.remove("size");
            }
            map.values_mut().for_each(bare);
        }
        Value::Array(items) => items.iter_mut().for_each(bare),
        _ => {}
    }
}

struct Both<'a> {
    server: &'a Server,
    anna: &'a Person,
    /// The names of the two repositories.
    muse: String,
    git: String,
    names: Names,
}

impl Both<'_> {
    /// What is asked of one is asked of the other, and answered alike.
    async fn agree(&self, target: &str) -> Value {
        let mut theirs = json(self.server, self.anna, &Self::of(target, &self.muse)).await;
        let asked =
            self.names.0.iter().fold(target.to_owned(), |it, (from, to)| it.replace(to, from));
        let ours = json(self.server, self.anna, &Self::of(&asked, &self.git)).await;
        let text = self.names.renamed(&ours.to_string()).replace(&self.git, &self.muse);
        let mut ours: Value = serde_json::from_str(&text).unwrap();
        bare(&mut ours);
        bare(&mut theirs);
        assert_eq!(ours, theirs, "{target}");
        theirs
    }

    fn of(target: &str, name: &str) -> String {
        match target.strip_prefix('/') {
            Some(rest) => format!("/{}", rest.replace("{}", &format!("anna/{name}"))),
            None => format!("/api/v1/repos/anna/{name}/{target}"),
        }
    }

    async fn bytes(&self, target: &str, name: &str) -> Vec<u8> {
        let target = format!("/anna/{name}/{target}");
        let answer = self.server.get(&target).by(self.anna).send().await;
        assert_eq!(answer.status, 200, "{target}");
        answer.body.to_vec()
    }

    /// Archives of both hold the same files.
    async fn archives_agree(&self) {
        let place = tempfile::tempdir().unwrap();
        for ending in ["tar", "tar.gz", "zip"] {
            for name in [&self.muse, &self.git] {
                let dir = place.path().join(format!("{name}-{ending}"));
                fs::create_dir(&dir).unwrap();
                let file = place.path().join(format!("{name}.{ending}"));
                let archive = format!("archive/main.{ending}");
                let bytes = self.bytes(&archive, name).await;
                assert!(bytes == self.bytes(&archive, name).await, "the same bytes twice");
                fs::write(&file, bytes).unwrap();
                let mut unpack = if ending == "zip" {
                    let mut python = Command::new("python3");
                    python.args(["-m", "zipfile", "-e"]).arg(&file).arg(&dir);
                    python
                } else {
                    let mut tar = Command::new("tar");
                    tar.arg("-xf").arg(&file).arg("-C").arg(&dir);
                    tar
                };
                assert!(unpack.status().unwrap().success());
            }
            let at = |name: &str| only(&place.path().join(format!("{name}-{ending}")));
            let same =
                Command::new("diff").arg("-r").arg(at(&self.muse)).arg(at(&self.git)).status();
            assert!(same.unwrap().success(), "{ending}");
        }
    }
}

/// The one directory in a directory.
fn only(dir: &Path) -> std::path::PathBuf {
    let mut found = fs::read_dir(dir).unwrap();
    found.next().unwrap().unwrap().path()
}

/// Pushes a history by Git.
fn push(twin: &Twin, url: &str) {
    git(twin.dir.path(), &["push", "-q", url, "main"], b"");
}

/// Asks for every directory, file and commit, for logs, differences, blame, the graph and numbers.
async fn everything_agrees(both: &Both<'_>, twin: &Twin) {
    let last = twin.ids.len() - 1;
    for at in 0..=last {
        let id = twin.id(at);
        both.agree(&format!("tree?ref={id}&last_commits=1")).await;
        both.agree(&format!("commits/{id}")).await;
        both.agree(&format!("commits/{id}/diff")).await;
        both.agree(&format!("files?ref={id}")).await;
        both.agree(&format!("compare/{}...{id}", twin.id(last / 2))).await;
    }
    let paths = twin.told(&["ls-tree", "-r", "-t", "--name-only", "main"]);
    for path in paths.lines() {
        let path = escaped(path);
        both.agree(&format!("commits?path={path}&limit=100")).await;
        let target = format!("tree?ref=main&path={path}&last_commits=1");
        if both.server.get(&Both::of(&target, &both.muse)).by(both.anna).send().await.status == 200
        {
            both.agree(&target).await;
            continue;
        }
        both.agree(&format!("blob?ref=main&path={path}")).await;
        both.agree(&format!("blame?ref=main&path={path}")).await;
        both.agree(&format!("commits?path={path}&follow=1&limit=100")).await;
        let raw = format!("raw/main/{path}");
        assert_eq!(both.bytes(&raw, &both.muse).await, both.bytes(&raw, &both.git).await);
    }
    both.agree("commits?limit=100").await;
    let drawn = both.agree("graph?limit=200").await;
    assert_eq!(drawn["items"].as_array().map_or(0, Vec::len), twin.ids.len(), "{drawn}");
    for numbers in ["languages", "contributors", "heatmap"] {
        both.agree(numbers).await;
    }
}

async fn pages_are_there(both: &Both<'_>) {
    let targets =
        "tree/main commits/main commits/main.atom graph insights branches find/main activity";
    for target in targets.split(' ') {
        let answer = page(both.server, both.anna, &format!("/anna/{}/{target}", both.git)).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    }
}

on_both! {
    async fn one_history_reads_the_same_in_both_formats(ground: Ground) {
        let server = ground.server().arg("--git-prune-seconds=0").start().await;
        let anna = server.register("anna").await;
        let token = token(&server, &anna, "write").await;
        for seed in [4, 9] {
            let twin = generated(seed, 14);
            let (muse, git) = (format!("muse{seed}"), format!("fgit{seed}"));
            server.push_story(&anna, &format!("anna/{muse}"), &twin.story, "main").await;
            let made = create(&server, &anna, &git, "private").await;
            push(&twin, &address(&server, &token, &made));
            settled(&server).await;
            let both = Both { server: &server, anna: &anna, muse, git, names: Names::of(&twin) };
            everything_agrees(&both, &twin).await;
            both.archives_agree().await;
            pages_are_there(&both).await;
            let found = both.agree("/api/v1/search?type=code&q=changed+repo:{}").await;
            assert!(!found["items"].as_array().unwrap().is_empty(), "{found}");
        }
    }
}

/// A history with what the other format does not have.
fn of_git(user: &User) -> Vec<String> {
    fs::create_dir(user.path("one")).unwrap();
    user.does("one", &["init", "-q"]);
    let at = |path: &str| user.path("one").join(path);
    fs::write(at("run.sh"), "#!/bin/sh\n").unwrap();
    fs::write(at("empty"), "").unwrap();
    fs::write(at("plain"), "plain\n").unwrap();
    std::os::unix::fs::symlink("run.sh", at("to")).unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"gr\xfcn.txt");
    fs::write(user.path("one").join(odd), "latin\n").unwrap();
    user.does("one", &["add", "-A"]);
    user.does("one", &["update-index", "--chmod=+x", "run.sh"]);
    let module = format!("160000,{},under", "1".repeat(40));
    user.does("one", &["update-index", "--add", "--cacheinfo", &module]);
    user.does("one", &["commit", "-q", "-m", "first"]);
    let first = user.does("one", &["rev-parse", "HEAD"]);
    let mut heads = vec![first.clone()];
    for name in ["a", "b", "c"] {
        user.does("one", &["checkout", "-q", "-b", name, &first]);
        heads.push(user.writes("one", &format!("{name}.txt"), name));
    }
    user.does("one", &["checkout", "-q", "main"]);
    heads.push(user.writes("one", "d.txt", "d"));
    user.does("one", &["merge", "-q", "-m", "octopus", "a", "b", "c"]);
    heads.push(user.does("one", &["rev-parse", "HEAD"]));
    heads
}

/// A listing, with what each entry is.
async fn entries_are_what_they_are(server: &Server, anna: &Person, songs: &str, first: &str) {
    let api = format!("/api/v1/repos/{songs}");
    let tree = json(server, anna, &format!("{api}/tree")).await;
    let shown = tree["items"].as_array().unwrap().iter().map(|it| {
        let text = |key: &str| it[key].as_str().unwrap_or_default().to_owned();
        let (mode, kind, name) = (text("mode"), text("kind"), text("name"));
        format!("{mode} {kind} {name} {}{}", it["size"], text("target"))
    });
    let module = format!("160000 submodule under 0{}", "1".repeat(40));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "100644 file a.txt 1",
            "100644 file b.txt 1",
            "100644 file c.txt 1",
            "100644 file d.txt 1",
            "100644 file empty 0",
            "100644 file gr\\374n.txt 6",
            "100644 file plain 6",
            "100755 file run.sh 10",
            "120000 link to 6",
            &module,
        ]
    );
    let listing = page(server, anna, &format!("/{songs}")).await.text();
    assert!(listing.contains("aria-label=\"submodule\"") && listing.contains("1111111111"));
    // A file whose name is no text has a page, bytes, and lines that somebody wrote.
    let odd = escaped("gr\\374n.txt");
    assert_eq!(page(server, anna, &format!("/{songs}/blob/main/{odd}")).await.status, 200);
    let raw = server.get(&format!("/{songs}/raw/main/{odd}")).by(anna).send().await;
    assert_eq!(raw.text(), "latin\n");
    let blame = json(server, anna, &format!("{api}/blame?path={odd}")).await;
    assert_eq!(blame["runs"][0]["commit"], first);
    // A link is what it leads to, and an empty file is there.
    let link = json(server, anna, &format!("{api}/blob?path=to")).await;
    assert_eq!(link["text"], "run.sh", "{link}");
    let empty = server.get(&format!("/{songs}/raw/main/empty")).by(anna).send().await;
    assert_eq!((empty.status, empty.text()), (200, String::new()));
}

/// A merge of four: all of them are its parents, and what only the last leads to is seen.
async fn a_merge_of_many_leads_to_all(
    server: &Server,
    anna: &Person,
    songs: &str,
    heads: &[String],
) {
    let api = format!("/api/v1/repos/{songs}");
    let merge = json(server, anna, &format!("{api}/commits/{}", heads[5])).await;
    let parents = [&heads[4], &heads[1], &heads[2], &heads[3]];
    assert_eq!(merge["parents"], serde_json::json!(parents));
    assert_eq!(page(server, anna, &format!("/{songs}/commit/{}", heads[5])).await.status, 200);
    for (named, expected) in
        heads.iter().map(|it| (it.as_str(), it)).chain([("main%5E4", &heads[3])])
    {
        let tree = json(server, anna, &format!("{api}/tree?ref={named}")).await;
        assert_eq!(tree["commit"], **expected);
    }
    let log = json(server, anna, &format!("{api}/commits")).await;
    assert_eq!(log["items"].as_array().unwrap().len(), 6);
    let last = json(server, anna, &format!("{api}/commits?path=c.txt")).await;
    assert_eq!(last["items"][0]["id"], *heads[3]);
    let apart = json(server, anna, &format!("{api}/compare/{}...main", heads[3])).await;
    assert_eq!((&apart["ahead"], &apart["behind"]), (&4.into(), &0.into()), "{apart}");
    assert_eq!(apart["merge_base"], *heads[3]);
    let graph = json(server, anna, &format!("{api}/graph")).await;
    assert_eq!(graph["items"][0]["parents"].as_array().unwrap().len(), 4, "{graph}");
    // Short ids, and 40 digits that are none.
    let short = json(server, anna, &format!("{api}/tree?ref={}", &heads[1][..8])).await;
    assert_eq!(short["commit"], *heads[1]);
    let none = server.get(&format!("{api}/tree?ref={}", "2".repeat(40))).by(anna).send().await;
    assert_eq!(none.status, 404);
}

/// In an archive files may be run, links lead, and a submodule is an empty directory.
async fn an_archive_keeps_modes(server: &Server, anna: &Person, songs: &str, user: &User) {
    let tar = server.get(&format!("/{songs}/archive/main.tar")).by(anna).send().await;
    let file = user.path("x.tar");
    fs::write(&file, &tar.body).unwrap();
    let listed = Command::new("tar").args(["--utc", "-tvf"]).arg(&file).output().unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let kinds = listed.lines().map(|it| {
        let (_, path) = it.split_once(" songs-").unwrap();
        format!("{} {}", it.split(' ').next().unwrap(), path.split_once('/').unwrap().1)
    });
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [
            "-rw-r--r-- a.txt",
            "-rw-r--r-- b.txt",
            "-rw-r--r-- c.txt",
            "-rw-r--r-- d.txt",
            "-rw-r--r-- empty",
            "-rw-r--r-- gr\\\\374n.txt",
            "-rw-r--r-- plain",
            "-rwxr-xr-x run.sh",
            "lrwxrwxrwx to -> run.sh",
            "drwxr-xr-x under/",
        ]
    );
}

on_both! {
    async fn what_only_git_has_is_shown_as_what_it_is(ground: Ground) {
        let server = ground.server().arg("--git-prune-seconds=0").start().await;
        let anna = server.register("anna").await;
        let (user, songs) = (User::new(), create(&server, &anna, "songs", "private").await);
        let heads = of_git(&user);
        let url = address(&server, &token(&server, &anna, "write").await, &songs);
        user.does("one", &["push", "-q", &url, "main"]);
        // Before the graph is made, and after.
        a_merge_of_many_leads_to_all(&server, &anna, &songs, &heads).await;
        settled(&server).await;
        a_merge_of_many_leads_to_all(&server, &anna, &songs, &heads).await;
        entries_are_what_they_are(&server, &anna, &songs, &heads[0]).await;
        an_archive_keeps_modes(&server, &anna, &songs, &user).await;
    }
}

on_both! {
    /// Packs are joined while pages are read.
    async fn a_repack_disturbs_no_page(ground: Ground) {
        let Stage { server, anna, songs, url, user, .. } = stage(ground.server().arg("--git-prune-seconds=0"), "private").await;
        let directory = crate::git::directory(&server, &anna, &songs).await;
        for step in 0..6 {
            user.writes("one", "song.txt", &format!("step {step}\n"));
            user.does("one", &["push", "-q", &url, "main"]);
            let raw = format!("/{songs}/raw/main/song.txt");
            let raw = server.get(&raw).by(&anna).send().await;
            assert_eq!(raw.text(), format!("step {step}\n"));
            if step % 2 == 1 {
                git(&directory, &["repack", "-adq"], b"");
            }
            let first = server.get(&format!("/{songs}/raw/main/README.md")).by(&anna).send().await;
            assert_eq!(first.text(), "# Songs\n");
        }
        settled(&server).await;
    }
}
