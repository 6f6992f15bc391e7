//! More than wire 1 can carry, in little memory on both sides (`spec/wire.md` 11, point 11).

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use names::ObjectId;
use testkit::{Ground, Server, Story};

use super::noise;
use crate::{MOTET, working_copies::Desk};

/// One object each, so that nothing of it packs or is there twice.
const OBJECTS: u64 = 72;
const OBJECT_BYTES: usize = 1 << 20;
/// What a transfer may have resident above what is at rest.
const ABOVE_IDLE_BYTES: u64 = 64 << 20;

/// The most memory that a process has had resident.
fn peak_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
}

/// Runs a command to its good end, and looks at what it has resident.
fn run_in_little_memory(desk: &Desk, arguments: &[&str]) {
    let mut command = Command::new(MOTET)
        .arg("-C")
        .arg(desk.path())
        .arg("--config-dir")
        .arg(desk.config())
        .args(["--progress", "json"])
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A line comes when something has: from the first one on what is resident is looked at.
    let (pid, lines) = (command.id(), BufReader::new(command.stderr.take().unwrap()).lines());
    let peaks: Vec<u64> = lines.map_while(Result::ok).filter_map(|_| peak_of(pid)).collect();
    assert!(command.wait().unwrap().success());
    let above = peaks.last().unwrap() - peaks.first().unwrap();
    assert!(above < ABOVE_IDLE_BYTES, "the client had {} MiB above its first", above >> 20);
    assert!(*peaks.last().unwrap() < 2 * ABOVE_IDLE_BYTES, "{peaks:?}");
}

/// The other way: many objects, and one that alone is longer than what may be resident.
#[tokio::test]
async fn what_is_pushed_over_wire_2_takes_little_memory_on_both_sides() {
    const COMMITS: u64 = 6;
    let server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    let desk = Desk::new();
    let origin = server.base_url();
    desk.ok(&["keygen"]);
    desk.ok(&["register", &origin, "ada"]);
    for commit in 0..COMMITS {
        for number in 0..OBJECTS / COMMITS {
            let bytes = noise(commit * 100 + number, OBJECT_BYTES);
            fs::write(desk.path().join(format!("take-{commit}-{number}.raw")), bytes).unwrap();
        }
        desk.ok(&["commit", "-m", "takes"]);
    }
    fs::write(desk.path().join("whole.raw"), noise(7, 80 << 20)).unwrap();
    desk.ok(&["commit", "-m", "the whole"]);
    server.forget_peak();
    let idle = server.peak_bytes();
    run_in_little_memory(&desk, &["push", &format!("{origin}/ada/takes")]);
    let above = server.peak_bytes() - idle;
    assert!(above < ABOVE_IDLE_BYTES, "the server had {} MiB above idle", above >> 20);

    // A file each, as none of them is small.
    assert!(server.stored().await > OBJECTS);
}

#[tokio::test]
async fn what_is_too_large_for_wire_1_is_cloned_over_wire_2_in_little_memory() {
    let server = Server::with(MOTET).on(Ground::SqliteDisk).start().await;
    let anna = server.register("anna").await;
    server.create(&anna, "song", "public").await;
    let mut story = Story::default();
    let contents: Vec<_> = (0..OBJECTS).map(|seed| noise(seed, OBJECT_BYTES)).collect();
    let names: Vec<_> = (0..OBJECTS).map(|number| format!("takes/{number:02}.raw")).collect();
    let files: Vec<(&str, &[u8])> = names
        .iter()
        .zip(&contents)
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let first = story.commit(&[], "half", &files[..36]);
    story.commit(&[first], "all", &files);
    server.push_story(&anna, "anna/song", &story, "main").await;

    let body = api::wire::FetchRequest { want: vec![story.tip()], have: vec![] }.into();
    let refused = server.wire(&anna, "anna/song", "fetch", &body).send().await;
    refused.assert_refused(413, "too_large");

    drop((contents, story));
    server.forget_peak();
    let idle = server.peak_bytes();
    let desk = Desk::empty();
    run_in_little_memory(&desk, &["clone", &format!("{}/anna/song", server.base_url())]);
    let above = server.peak_bytes() - idle;
    assert!(above < ABOVE_IDLE_BYTES, "the server had {} MiB above idle", above >> 20);

    for (number, name) in names.iter().enumerate() {
        let bytes = fs::read(desk.path().join("song").join(name)).unwrap();
        assert_eq!(ObjectId::of(&bytes), ObjectId::of(&noise(number as u64, OBJECT_BYTES)));
    }
}
