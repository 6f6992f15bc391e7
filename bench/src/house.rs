//! A release server on a fresh data directory, with somebody registered.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use keys::PrivateKey;
use motet::client::{Client, Options, Origin};
use names::{Handle, Random};
use tempfile::TempDir;

/// A running server; it is killed when this is dropped.
pub(crate) struct House {
    child: Child,
    pub(crate) dir: TempDir,
    pub(crate) origin: Origin,
    /// The metrics listener's address.
    pub(crate) metrics: String,
    /// From the start of the process to its ready line.
    pub(crate) started_in: Duration,
}

/// What is measured is the work, not who may ask for it how often.
const WIDE_LIMITS: &str = "--limit=ip=1000000000,anonymous=1000000000,principal=1000000000,auth=1000000,\
    registrations=1000000,pushes=1000000,push-bytes=1000000000000,uploads=1000000000,wire-reads=1000000000,\
    wire-anonymous=1000000000,downloads=1000000000,downloads-anonymous=1000000000,points=1000000000,\
    points-around=1000000000,failures=1000000000,\
    claims=1000000000,result-bytes=1000000000000,calls=1000000000,starts=1000000000,open-runs=1000000000,open-tasks=1000000000";

/// A server that begins no transaction for so long is at rest.
const REST: Duration = Duration::from_millis(500);

impl House {
    pub(crate) fn start(binary: &Path) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir_in(std::env::current_dir()?)?;
        Self::start_on(binary, dir)
    }

    /// Starts on a directory that may hold data already.
    pub(crate) fn start_on(binary: &Path, dir: TempDir) -> anyhow::Result<Self> {
        let metrics = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let started = Instant::now();
        let mut child = Command::new(binary)
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--log",
                "warn",
                "--metrics-listen",
                &metrics,
                // Everything comes from one address, as fast as it can.
                WIDE_LIMITS,
            ])
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let mut line = String::new();
        let out = child.stdout.take().context("the server's output")?;
        BufReader::new(out).read_line(&mut line)?;
        let started_in = started.elapsed();
        let address = line.trim().rsplit(' ').next().context("the ready line")?;
        let origin = address.parse().with_context(|| format!("the server said {line:?}"))?;
        Ok(Self { child, dir, origin, metrics, started_in })
    }

    /// A client whose key is registered under `handle`.
    pub(crate) async fn somebody(&self, handle: &str) -> anyhow::Result<Client> {
        self.somebody_with(handle, &PrivateKey::generate(&Random::default())).await
    }

    /// The same with this key.
    pub(crate) async fn somebody_with(
        &self,
        handle: &str,
        key: &PrivateKey,
    ) -> anyhow::Result<Client> {
        let handle: Handle = handle.parse()?;
        // Not signed: the key is not known before it is registered.
        let anybody = Client::new(self.origin.clone(), None, Options::default())?;
        anybody.register(&handle, key, None, None).await?;
        Ok(Client::new(self.origin.clone(), Some(key.clone()), Options::default())?)
    }

    /// Stops the server and gives its directory back.
    pub(crate) fn stop(mut self) -> anyhow::Result<TempDir> {
        self.kill();
        let empty = tempfile::tempdir()?;
        Ok(std::mem::replace(&mut self.dir, empty))
    }

    /// Transactions and single reads that the server has begun.
    pub(crate) fn transactions(&self) -> anyhow::Result<f64> {
        counted(&self.metrics)
    }

    /// Waits until the server does nothing of its own any more: what a push leaves to be done is not measured with the next one.
    pub(crate) async fn at_rest(&self) -> anyhow::Result<()> {
        let (mut before, mut since) = (self.transactions()?, Instant::now());
        while since.elapsed() < REST {
            tokio::time::sleep(REST / 10).await;
            let now = self.transactions()?;
            if now.to_bits() != before.to_bits() {
                (before, since) = (now, Instant::now());
            }
        }
        Ok(())
    }

    /// Resident memory of the server, in bytes.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<f64> {
        self.memory("VmRSS:")
    }

    /// The most memory that the server has had resident, in bytes.
    pub(crate) fn peak_bytes(&self) -> anyhow::Result<f64> {
        self.memory("VmHWM:")
    }

    /// From now on the most memory is counted anew.
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        Ok(std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?)
    }

    fn memory(&self, field: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).context("memory")?;
        let kib: f64 = line.split_whitespace().next().context("memory")?.parse()?;
        Ok(kib * 1024.0)
    }

    fn kill(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

/// Transactions and single reads that a server has begun, by its metrics listener.
pub(crate) fn counted(metrics: &str) -> anyhow::Result<f64> {
    let mut stream = TcpStream::connect(metrics)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: metrics\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let mut lines = answer.lines();
    let line = lines.find_map(|line| line.strip_prefix("motet_db_transactions_total "));
    Ok(line.context("the counter of transactions")?.trim().parse()?)
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill();
    }
}
