//! What a server costs that nobody uses.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use crate::{
    house::House,
    load,
    row::{Row, median},
};

const MIB: f64 = 1024.0 * 1024.0;
/// How long nothing happens.
const IDLE: Duration = Duration::from_mins(1);
/// Starts that the median is taken of.
const STARTS: usize = 9;

/// Resident memory after some pages were read and nothing happened for a while.
pub(crate) async fn memory(binary: &Path) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    house.somebody("ada").await?;
    let browser = |_| "User-Agent: Mozilla/5.0\r\n".to_owned();
    let (authority, time) = (house.origin.authority(), Duration::from_secs(2));
    load::get_with(authority, "/explore", browser, 8, time).await?;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let value = house.resident_bytes()? / MIB;
    let how = "VmRSS of the server, 5 s after 2 s of 8 connections reading a page".to_owned();
    Ok(Row::at_most("idle.memory", "MiB", value, 60.0 * 1e6 / MIB, how))
}

/// Transactions that an idle server begins in a minute.
pub(crate) async fn transactions(binary: &Path) -> anyhow::Result<Row> {
    let house = House::start(binary)?;
    house.somebody("ada").await?;
    let before = house.transactions()?;
    tokio::time::sleep(IDLE).await;
    let value = house.transactions()? - before;
    let how =
        "transactions and single reads begun in 60 s without requests, by the server's own counter"
            .to_owned();
    Ok(Row::at_most("idle.transactions", "in 60 s", value, 0.0, how))
}

/// From starting the process to its first answer, on a data directory that exists.
pub(crate) fn start(binary: &Path) -> anyhow::Result<Row> {
    let mut dir = House::start(binary)?.stop()?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let house = House::start_on(binary, dir)?;
        let asked = std::time::Instant::now();
        let mut stream = TcpStream::connect(house.origin.authority())?;
        stream.write_all(
            format!("GET /livez HTTP/1.1\r\nHost: {}\r\n\r\n", house.origin.authority()).as_bytes(),
        )?;
        stream.read_exact(&mut [0; 15])?;
        times.push((house.started_in + asked.elapsed()).as_secs_f64() * 1000.0);
        dir = house.stop()?;
    }
    let how = format!("median of {STARTS} starts on existing data, process start to first answer");
    Ok(Row::at_most("idle.start", "ms", median(times), 150.0, how))
}

/// Size of the stripped binary. No bound is promised; the figure is there to be watched.
pub(crate) fn binary(binary: &Path) -> anyhow::Result<Row> {
    #[expect(clippy::cast_precision_loss, reason = "a binary is far below 2^52 bytes")]
    let value = std::fs::metadata(binary)?.len() as f64 / MIB;
    Ok(Row::at_most(
        "idle.binary",
        "MiB",
        value,
        60.0,
        "size of the stripped release binary".to_owned(),
    ))
}
