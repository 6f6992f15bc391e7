//! Benchmarks: what Motet does, beside the bare limit of the same work on the same machine in the same run.
//!
//! `bin/bench [NAME...] [--json]` prints rows and writes `bench/latest.json`. A row's `ratio` is value / limit; whether
//! it is `met` is a statement about this machine now, and no test depends on it.
//!
//! | file           | what is there                                                   |
//! |----------------|-----------------------------------------------------------------|
//! | `main.rs`      | which rows, printed and written                                   |
//! | `row.rs`       | [`row::Row`]                                                       |
//! | `house.rs`     | a release server with somebody registered                         |
//! | `load.rs`      | many connections that ask the same thing                          |
//! | `bare.rs`      | the same framework with one prepared read, as a server of its own   |
//! | `bare/rows.rs` | the same statements through the library alone                     |
//! | `ground.rs`    | databases to measure, many callers that write, how long the disk takes |
//! | `rows/`        | one file a group of rows                                          |

mod bare;
mod ground;
mod house;
mod load;
mod row;
mod rows;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Parser;
use row::{Report, Row};

/// Measures Motet beside the bare limit.
#[derive(Debug, Parser)]
struct Cli {
    /// Rows to measure, by name or by the beginning of one; all unless given
    names: Vec<String>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// The binary to measure
    #[arg(long, default_value = "target/release/motet")]
    binary: PathBuf,
    /// Where the report is written
    #[arg(long, default_value = "bench/latest.json")]
    out: PathBuf,
    /// How many tasks the rows of long queues enqueue
    #[arg(long)]
    tasks: Option<u64>,
    /// Serve the bare answer from this database instead of measuring; prints its address
    #[arg(long, hide = true)]
    bare: Option<PathBuf>,
    /// The repository that the bare server reads
    #[arg(long, hide = true)]
    bare_id: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _told = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    if let (Some(database), Some(id)) = (&cli.bare, &cli.bare_id) {
        return bare::serve(database, id, &mut out).await;
    }
    rows::enqueue(cli.tasks);
    let wanted = |name: &str| {
        cli.names.is_empty() || cli.names.iter().any(|it| name.starts_with(it.as_str()))
    };
    let mut rows: Vec<Row> = Vec::new();
    for (name, measure) in rows::ALL {
        if !wanted(name) {
            continue;
        }
        let row = measure(&cli.binary).await.with_context(|| format!("measuring {name}"))?;
        if !cli.json {
            writeln!(out, "{row}")?;
        }
        rows.push(row);
    }
    let report = Report { machine: row::machine(), rows };
    write(&cli.out, &report)?;
    if cli.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    }
    Ok(())
}

fn write(path: &Path, report: &Report) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))
}
