//! What a server holds in memory while much goes through it.

use std::{path::Path, process::Command};

use anyhow::ensure;
use names::Random;

use crate::{house::House, row::Row};

/// What is pushed: files, and the bytes of each.
const FILES: usize = 50;
const FILE_BYTES: usize = 10 << 20;
/// Parts of what a file is made of.
const CHUNK_BYTES: usize = 4 << 10;
/// What the server may have resident (`spec/hub.md` 12).
const LIMIT_BYTES: f64 = 150e6;

/// The most that is resident while 500 MiB are pushed over wire 2.
pub(crate) async fn push(binary: &Path) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    let (work, config) = (house.dir.path().join("work"), house.dir.path().join("config"));
    std::fs::create_dir(&work)?;
    let random = Random::seeded(11);
    for number in 0..FILES {
        let chunks = std::iter::repeat_with(|| random.bytes::<CHUNK_BYTES>());
        let bytes: Vec<u8> = chunks.take(FILE_BYTES / CHUNK_BYTES).flatten().collect();
        std::fs::write(work.join(format!("take-{number:02}.raw")), bytes)?;
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
    let address = format!("{origin}/ada/takes");
    house.forget_peak()?;
    motet(&["push", &address])?;
    let megabyte = 1e6;
    let how = format!(
        "VmHWM of the server while {FILES} files of {} MiB are pushed over wire 2",
        FILE_BYTES >> 20
    );
    let peak = house.peak_bytes()?;
    Ok(Row::at_most("hub.push.memory", "MB", peak / megabyte, LIMIT_BYTES / megabyte, how))
}
