//! H49: histories of real projects give the same answers here and in git. What differs stands in `docs/reading.md`.
//!
//! Five are the releases of a package, a commit each, with branches where lines of releases parted; the sixth is a part of
//! this repository's own history, with its merges (`tests/fixtures/histories/README.md`).

use std::{collections::BTreeMap, path::Path};

use api::wire::PushRequest;
use testkit::{Person, Server, Story};

use super::{Dice, Twin, beside_git, git};
use crate::server_and_anna;

/// Files that are told otherwise than by git, with the numbers of the commits: one that was written anew almost whole, in
/// which many lines are alike, so that others of them are told to have stayed (`docs/reading.md`, Beside git).
const OTHER: [(&str, usize, &str); 4] = [
    ("motet", 33, "worktree/scan.rs"),
    ("motet", 34, "worktree/scan.rs"),
    ("motet", 39, "worktree/scan.rs"),
    ("motet", 43, "worktree/scan.rs"),
];

/// Files of which lines have another commit than by walking along git's differences, for the same reason: that one, and the
/// one that it came from.
const OTHER_BLAME: [(&str, &str); 2] =
    [("motet", "worktree/files.rs"), ("motet", "worktree/scan.rs")];

/// A bundle of the fixtures, in git and as a story.
struct History {
    name: &'static str,
    twin: Twin,
    /// The parents of each commit, as numbers of commits.
    parents: Vec<Vec<usize>>,
    /// The paths of each commit, with their blobs.
    trees: Vec<BTreeMap<String, String>>,
    blobs: BTreeMap<String, Vec<u8>>,
}

fn history_of(name: &'static str) -> History {
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/histories");
    let bundle = bundle.join(format!("{name}.bundle")).canonicalize().unwrap();
    let (twin, blobs) = (Twin::new(), BTreeMap::new());
    let mut history = History { name, twin, parents: Vec::new(), trees: Vec::new(), blobs };
    let both = "refs/heads/*:refs/heads/*";
    let args = ["fetch", "--quiet", bundle.to_str().unwrap(), both];
    git(history.twin.dir.path(), &args, b"");
    let all = ["rev-list", "--topo-order", "--reverse", "--parents", "--branches"];
    for line in history.twin.told(&all).lines() {
        let mut ids = line.split(' ');
        let id = ids.next().unwrap().to_owned();
        let place = |id: &str| history.twin.ids.iter().position(|it| it == id).unwrap();
        history.parents.push(ids.map(place).collect());
        history.add(id);
    }
    let told = history.twin.told(&["for-each-ref", "--format=%(refname:short) %(objectname)"]);
    for line in told.lines() {
        let (branch, id) = line.split_once(' ').unwrap();
        let at = history.twin.ids.iter().position(|it| it == id).unwrap();
        history.twin.branches.push((branch.to_owned(), at));
    }
    history
}

impl History {
    /// Takes over the next commit, whose parents stand here already.
    fn add(&mut self, id: String) {
        let files = files_of(&self.twin, &id, &mut self.blobs);
        let bytes = files.iter().map(|(path, it)| (path.as_str(), self.blobs[it].as_slice()));
        let bytes: Vec<_> = bytes.collect();
        let parents = self.parents.last().unwrap().iter();
        let parents: Vec<_> = parents.map(|at| self.twin.id(*at)).collect();
        let message = format!("commit {}", self.twin.ids.len());
        self.twin.story.commit(&parents, &message, &bytes);
        self.twin.ids.push(id);
        self.trees.push(files.into_iter().collect());
    }

    /// What a file of a commit was called in a parent, if it was there.
    fn source(&self, commit: usize, path: &str, parent: usize) -> Option<String> {
        if self.trees[parent].contains_key(path) {
            return Some(path.to_owned());
        }
        // As for blame, whatever went may be what this one was, and no other file that is new has a claim to it.
        let gone = self.trees[parent].keys().filter(|it| !self.trees[commit].contains_key(*it));
        let ids = &self.twin.ids;
        let args = ["--literal-pathspecs", "diff", "--name-status", "-M50%", "-l1000"];
        let (before, after) = (ids[parent].as_str(), ids[commit].as_str());
        let sides = ["--diff-filter=R", before, after, "--", path];
        let args = args.into_iter().chain(sides).chain(gone.map(String::as_str));
        let told = self.twin.told(&args.collect::<Vec<_>>());
        let mut pairs = told.lines().filter_map(|line| line.split_once('\t')?.1.split_once('\t'));
        pairs.find(|(_, now)| *now == path).map(|(before, _)| before.to_owned())
    }

    /// The line of the older blob that each line of the newer one was, by git's own difference.
    fn kept(&self, older: &str, newer: &str) -> Vec<Option<usize>> {
        let lines = self.blobs[newer].split_inclusive(|byte| *byte == b'\n').count();
        let mut kept = vec![None; lines];
        let (mut old, mut new) = (0, 0);
        let told = self.twin.told(&["diff", "--histogram", "-U0", older, newer]);
        let hunks = told.lines().filter_map(|line| line.strip_prefix("@@ -")?.split_once(" @@"));
        for (hunk, _) in hunks {
            let (before, after) = hunk.split_once(" +").unwrap();
            let (before, after) = (span(before), span(after));
            for (at, it) in kept.iter_mut().enumerate().take(after.start).skip(new) {
                *it = Some(old + at - new);
            }
            (old, new) = (before.end, after.end);
        }
        for (at, it) in kept.iter_mut().enumerate().skip(new) {
            *it = Some(old + at - new);
        }
        kept
    }

    /// The commit of each line of a file, by walking along git's own differences: a line that stayed is the parent's, the
    /// first one's before the second one's; a file that is equal in one of them is that one's whole.
    fn walked_blame(&self, tip: usize, path: &str) -> Vec<String> {
        let count = self.blobs[&self.trees[tip][path]].split_inclusive(|it| *it == b'\n').count();
        let mut owners = vec![tip; count];
        let mut waiting: BTreeMap<(usize, String), Vec<(usize, usize)>> = BTreeMap::new();
        waiting.insert((tip, path.to_owned()), (0..count).map(|at| (at, at)).collect());
        while let Some(((commit, path), mut lines)) = waiting.pop_last() {
            let own = &self.trees[commit][&path];
            let sources = self.parents[commit].iter();
            let sources = sources.filter_map(|it| Some((*it, self.source(commit, &path, *it)?)));
            let sources: Vec<_> = sources.collect();
            let is_equal = |it: &&(usize, String)| self.trees[it.0][&it.1] == *own;
            if let Some(whole) = sources.iter().find(is_equal) {
                waiting.entry(whole.clone()).or_default().append(&mut lines);
                continue;
            }
            for source in sources {
                let kept = self.kept(&self.trees[source.0][&source.1], own);
                let (stayed, rest): (Vec<_>, Vec<_>) =
                    lines.into_iter().partition(|(_, here)| kept[*here].is_some());
                let stayed = stayed.into_iter().map(|(line, here)| (line, kept[here].unwrap()));
                waiting.entry(source).or_default().extend(stayed);
                lines = rest;
            }
            for (line, _) in lines {
                owners[line] = commit;
            }
        }
        owners.into_iter().map(|at| self.twin.id(at).to_string()).collect()
    }
}

/// Lines of a side of a hunk, counted from zero; behind what stands before it if there are none.
fn span(text: &str) -> std::ops::Range<usize> {
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    let (start, count): (usize, usize) = (start.parse().unwrap(), count.parse().unwrap());
    let start = if count == 0 { start } else { start - 1 };
    start..start + count
}

/// The paths of a commit with the blobs there, which are read if they are new.
fn files_of(
    twin: &Twin,
    commit: &str,
    blobs: &mut BTreeMap<String, Vec<u8>>,
) -> Vec<(String, String)> {
    let told = twin.told(&["ls-tree", "-r", "-z", commit]);
    let entry = |entry: &str| {
        let (head, path) = entry.split_once('\t').unwrap();
        (path.to_owned(), head.rsplit(' ').next().unwrap().to_owned())
    };
    let files: Vec<_> = told.split_terminator('\0').map(entry).collect();
    let new: Vec<_> = files.iter().filter(|it| !blobs.contains_key(&it.1)).collect();
    let asked = new.iter().fold(String::new(), |out, it| out + &it.1 + "\n");
    let told = git(twin.dir.path(), &["cat-file", "--batch"], asked.as_bytes());
    let mut rest = told.as_slice();
    for (_, blob) in new {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let size: usize = head.rsplit(' ').next().unwrap().parse().unwrap();
        let bytes = &rest[end + 1..end + 1 + size];
        blobs.insert(blob.clone(), bytes.to_vec());
        rest = &rest[end + 1 + size + 1..];
    }
    files
}

/// A push of what a commit leads to.
fn push_of(story: &Story, parents: &[Vec<usize>], tip: usize, branch: &str) -> PushRequest {
    let mut is_reached = vec![false; parents.len()];
    is_reached[tip] = true;
    for at in (0..=tip).rev() {
        if is_reached[at] {
            for parent in &parents[at] {
                is_reached[*parent] = true;
            }
        }
    }
    let commits = (0..=tip).rev().filter(|at| is_reached[*at]);
    let commits: Vec<_> = commits.map(|at| story.commits[at].clone()).collect();
    let used = |id| commits.iter().any(|commit| commit.snapshot_id == id);
    let snapshots = story.snapshots.values().filter(|it| used(it.snapshot_id)).cloned().collect();
    let (objects, branch) = (Vec::new(), branch.to_owned());
    PushRequest { commits, snapshots, objects, branch, force: false }
}

async fn pushed(server: &Server, anna: &Person, history: &History) {
    let repository = format!("anna/{}", history.name);
    for some in history.twin.story.inline().chunks(400) {
        server.push_objects(anna, &repository, some.to_vec()).await.assert_status(200);
    }
    for (branch, tip) in &history.twin.branches {
        let push = push_of(&history.twin.story, &history.parents, *tip, branch);
        server.push(anna, &repository, push).await.assert_status(200);
    }
}

/// Everything that is asked of a history, of each of its branches.
async fn agrees(name: &'static str) {
    let history = history_of(name);
    let (server, anna) = server_and_anna().await;
    pushed(&server, &anna, &history).await;
    let twin = &history.twin;
    let listed = OTHER.iter().filter(|it| it.0 == name);
    let listed: Vec<_> = listed.map(|(_, at, path)| (*at, (*path).to_owned())).collect();
    assert_eq!(beside_git::other_patches(&server, &anna, name, twin).await, listed);
    for seed in 0..4 {
        beside_git::bases_agree(&server, &anna, name, twin, &Dice::new(seed)).await;
    }
    for (branch, tip) in &twin.branches {
        beside_git::logs_agree(&server, &anna, name, twin, (branch, 100)).await;
        for path in history.trees[*tip].keys() {
            let ours = beside_git::blamed(&server, &anna, name, (branch, path)).await;
            let is_same = ours == history.walked_blame(*tip, path);
            let is_listed = OTHER_BLAME.contains(&(name, path.as_str()));
            assert_eq!(is_same, !is_listed, "{branch} {path}");
        }
    }
}

#[tokio::test]
async fn the_releases_of_debug_read_as_they_do_in_git() {
    agrees("debug").await;
}

#[tokio::test]
async fn the_releases_of_dotenv_read_as_they_do_in_git() {
    agrees("dotenv").await;
}

#[tokio::test]
async fn the_releases_of_minimist_read_as_they_do_in_git() {
    agrees("minimist").await;
}

#[tokio::test]
async fn the_releases_of_nanoid_read_as_they_do_in_git() {
    agrees("nanoid").await;
}

#[tokio::test]
async fn the_releases_of_qs_read_as_they_do_in_git() {
    agrees("qs").await;
}

#[tokio::test]
async fn a_part_of_this_repository_with_its_merges_reads_as_it_does_in_git() {
    agrees("motet").await;
}
