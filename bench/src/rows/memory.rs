//! What a server holds in memory while much goes through it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
};

use anyhow::{Context as _, ensure};
use names::Random;

use crate::{house::House, row::Row};

/// What is pushed: files, and the bytes of each.
const FILES: usize = 50;
const FILE_BYTES: usize = 10 << 20;
/// Parts of what a file is made of.
const CHUNK_BYTES: usize = 4 << 10;
/// What the server may have resident (`spec/hub.md` 12).
const LIMIT_BYTES: f64 = 150e6;

/// What an archive holds, and what the server may have resident while it is sent.
const ARCHIVED: usize = 103;
const ARCHIVE_LIMIT_BYTES: f64 = 100e6;
const MEGABYTE: f64 = 1e6;

/// The most that is resident while 500 MiB are pushed over wire 2.
pub(crate) fn push(binary: &Path) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    let peak = pushed(&house, binary, FILES)?;
    let how = format!(
        "VmHWM of the server while {FILES} files of {} MiB are pushed over wire 2",
        FILE_BYTES >> 20
    );
    Ok(Row::at_most("hub.push.memory", "MB", peak / MEGABYTE, LIMIT_BYTES / MEGABYTE, how))
}

/// The most that is resident while an archive of 1 GiB is sent.
pub(crate) fn archive(binary: &Path) -> anyhow::Result<Row> {
    // The push is another process's affair: what it needed is not of the archive.
    let house = House::start(binary)?;
    pushed(&house, binary, ARCHIVED)?;
    let house = House::start_on(binary, house.stop()?)?;
    house.forget_peak()?;
    let mut stream = TcpStream::connect(house.origin.authority())?;
    let authority = house.origin.authority();
    write!(
        stream,
        "GET /ada/takes/archive/main.tar HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: motet-bench\r\n\
         Connection: close\r\n\r\n"
    )?;
    let (mut piece, mut bytes) = (vec![0; 1 << 20], 0_usize);
    loop {
        let count = stream.read(&mut piece)?;
        if bytes == 0 {
            let head = piece.get(..count.min(12)).context("an answer")?;
            ensure!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(head));
        }
        if count == 0 {
            break;
        }
        bytes += count;
    }
    ensure!(bytes > ARCHIVED * FILE_BYTES, "{bytes} bytes came");
    let how = format!("VmHWM of the server while a tar of {} MiB is read", bytes >> 20);
    let peak = house.peak_bytes()?;
    let limit = ARCHIVE_LIMIT_BYTES / MEGABYTE;
    Ok(Row::at_most("hub.archive.memory", "MB", peak / MEGABYTE, limit, how))
}

/// Pushes so many files to a public repository; the most that the server had resident meanwhile, in bytes.
fn pushed(house: &House, binary: &Path, files: usize) -> anyhow::Result<f64> {
    let (work, config) = (house.dir.path().join("work"), house.dir.path().join("config"));
    std::fs::create_dir(&work)?;
    let random = Random::seeded(11);
    for number in 0..files {
        let chunks = std::iter::repeat_with(|| random.bytes::<CHUNK_BYTES>());
        let bytes: Vec<u8> = chunks.take(FILE_BYTES / CHUNK_BYTES).flatten().collect();
        std::fs::write(work.join(format!("take-{number:03}.raw")), bytes)?;
    }
    let motet = |arguments: &[&str]| -> anyhow::Result<()> {
        let mut command = Command::new(binary);
        command.arg("-C").arg(&work).arg("--config-dir").arg(&config).arg("-q").args(arguments);
        let status = command.status()?;
        ensure!(status.success(), "{command:?} ended with {status}");
        Ok(())
    };
    let origin = house.origin.to_string();
    motet(&["keygen"])?;
    motet(&["register", &origin, "ada"])?;
    motet(&["repo", "create", "takes", "--public"])?;
    let address = format!("{origin}/ada/takes");
    house.forget_peak()?;
    motet(&["push", &address])?;
    house.peak_bytes()
}
