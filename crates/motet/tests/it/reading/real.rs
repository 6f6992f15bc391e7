//! H49: histories of real projects give the same answers here and in git. What differs stands in `docs/reading.md`.
//!
//! Five are the releases of a package, a commit each, with branches where lines of releases parted; the sixth is a part of
//! this repository's own history, with its merges (`tests/fixtures/histories/README.md`).

use std::{collections::BTreeMap, path::Path};

use api::wire::PushRequest;
use testkit::{Person, Server, Story};

use super::{Dice, Twin, beside_git, git};
use crate::server_and_anna;

/// The parents of each commit, as numbers of commits.
type Parents = Vec<Vec<usize>>;

/// A bundle of the fixtures, in git and as a story.
fn twin_of(name: &str) -> (Twin, Parents) {
    let bundle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/histories");
    let bundle = bundle.join(format!("{name}.bundle")).canonicalize().unwrap();
    let mut twin = Twin::new();
    let both = "refs/heads/*:refs/heads/*";
    git(twin.dir.path(), &["fetch", "--quiet", bundle.to_str().unwrap(), both], b"");
    let told = twin.told(&["rev-list", "--topo-order", "--reverse", "--parents", "--branches"]);
    let (mut parents, mut blobs) = (Parents::new(), BTreeMap::new());
    for line in told.lines() {
        let mut ids = line.split(' ');
        let id = ids.next().unwrap().to_owned();
        let place = |id: &str| twin.ids.iter().position(|it| it == id).unwrap();
        let of: Vec<_> = ids.map(place).collect();
        let files = files_of(&twin, &id, &mut blobs);
        let files: Vec<_> =
            files.iter().map(|(path, blob)| (path.as_str(), blobs[blob].as_slice())).collect();
        let known: Vec<_> = of.iter().map(|at| twin.id(*at)).collect();
        let message = format!("commit {}", twin.ids.len());
        twin.story.commit(&known, &message, &files);
        twin.ids.push(id);
        parents.push(of);
    }
    let told = twin.told(&["for-each-ref", "--format=%(refname:short) %(objectname)"]);
    for line in told.lines() {
        let (branch, id) = line.split_once(' ').unwrap();
        let at = twin.ids.iter().position(|it| it == id).unwrap();
        twin.branches.push((branch.to_owned(), at));
    }
    (twin, parents)
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
fn push_of(story: &Story, parents: &Parents, tip: usize, branch: &str) -> PushRequest {
    let mut is_reached = vec![false; parents.len()];
    is_reached[tip] = true;
    for at in (0..=tip).rev() {
        if is_reached[at] {
            parents[at].iter().for_each(|parent| is_reached[*parent] = true);
        }
    }
    let commits = (0..=tip).rev().filter(|at| is_reached[*at]);
    let commits: Vec<_> = commits.map(|at| story.commits[at].clone()).collect();
    let used = |id| commits.iter().any(|commit| commit.snapshot_id == id);
    let snapshots = story.snapshots.values().filter(|it| used(it.snapshot_id)).cloned().collect();
    let (objects, branch) = (Vec::new(), branch.to_owned());
    PushRequest { commits, snapshots, objects, branch, force: false }
}

async fn pushed(server: &Server, anna: &Person, name: &str, (twin, parents): &(Twin, Parents)) {
    let repository = format!("anna/{name}");
    for some in twin.story.inline().chunks(400) {
        server.push_objects(anna, &repository, some.to_vec()).await.assert_status(200);
    }
    for (branch, tip) in &twin.branches {
        let push = push_of(&twin.story, parents, *tip, branch);
        server.push(anna, &repository, push).await.assert_status(200);
    }
}

/// Everything that is asked of a history, of each of its branches.
async fn agrees(name: &str) {
    let history = twin_of(name);
    let (server, anna) = server_and_anna().await;
    pushed(&server, &anna, name, &history).await;
    let twin = &history.0;
    beside_git::patches_agree(&server, &anna, name, twin).await;
    for seed in 0..4 {
        beside_git::bases_agree(&server, &anna, name, twin, &Dice::new(seed)).await;
    }
    for (branch, _) in &twin.branches {
        beside_git::logs_agree(&server, &anna, name, twin, (branch, 100)).await;
        let (lines, other) = beside_git::blames_agree(&server, &anna, name, twin, branch).await;
        assert!(lines > 100, "{branch}: {lines}");
        assert_eq!(other, 0, "{branch}: lines that came with another commit");
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
