//! A throw-away PostgreSQL for tests.
//!
//! A test process that asks for it gets one server of its own, made from the installed Debian package `postgresql`,
//! with fresh databases on it: [`Cluster::shared`], [`Cluster::database`]. Nothing is left when the process has ended,
//! however it ended. A machine without PostgreSQL fails the test that needs it, with a sentence: a missing database is
//! not a pass.
//!
//! | file       | what is there                                                      |
//! |------------|--------------------------------------------------------------------|
//! | `lib.rs`   | [`Cluster`], [`Database`]                                            |
//! | `guard.rs` | the process beside the server that starts, stops and removes it       |
//! | `guard.sh` | what that process runs                                                |
//! | `system.rs`| where the server is installed, which user may run it                  |
//! | `ports.rs` | [`free_ports`]: for servers of tests, whichever they are               |
//!
//! For tests only: it panics where production code would return an error. Knows no table and none of our crates; the
//! schema of a template comes from whoever asks for it.
#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

mod guard;
mod ports;
mod system;

use std::{
    collections::HashSet,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use guard::Guard;
pub use ports::free_ports;
use system::Installed;

/// How a server is run.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Whether a commit waits for the disk. Off is faster, and only right where nothing is killed.
    pub fsync: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { fsync: true }
    }
}

/// A running PostgreSQL server.
#[derive(Debug)]
pub struct Cluster {
    server: Arc<Server>,
    /// Templates that are ready. Locked while one is made, so that it is made once.
    templates: tokio::sync::Mutex<HashSet<&'static str>>,
}

#[derive(Debug)]
struct Server {
    installed: Installed,
    port: u16,
    guard: Guard,
    databases: AtomicU32,
}

/// A database of its own, dropped with this.
#[derive(Debug)]
pub struct Database {
    /// What to connect to.
    pub url: String,
    name: String,
    server: Arc<Server>,
}

impl Cluster {
    /// The server of this process, started by whoever asks first.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        blocking(|| SHARED.get_or_init(|| Self::start_now(Settings::default()))).await
    }

    /// A server for one test, to be killed or restarted; it is stopped and removed when this is dropped.
    pub async fn start(settings: Settings) -> Self {
        blocking(move || Self::start_now(settings)).await
    }

    fn start_now(settings: Settings) -> Self {
        let installed = Installed::find();
        let [port] = free_ports();
        let guard = Guard::start(&installed, port, settings);
        let server = Server { installed, port, guard, databases: AtomicU32::new(0) };
        Self { server: Arc::new(server), templates: tokio::sync::Mutex::default() }
    }

    /// A fresh, empty database.
    pub async fn database(&self) -> Database {
        self.server.database("template1").await
    }

    /// A fresh copy of the database `template`, which `make` fills the first time in this process. It is given the
    /// address to connect to.
    pub async fn copy_of(
        &self,
        template: &'static str,
        make: impl AsyncFnOnce(String),
    ) -> Database {
        let mut templates = self.templates.lock().await;
        if !templates.contains(template) {
            self.server.run("createdb", &[template]).await;
            make(self.server.url(template)).await;
            // Nothing is copied while somebody is connected.
            let closed = format!(
                "ALTER DATABASE {template} ALLOW_CONNECTIONS false; \
                 SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'"
            );
            self.server.run("psql", &["--quiet", "--command", &closed, "postgres"]).await;
            templates.insert(template);
        }
        drop(templates);
        self.server.database(template).await
    }

    /// The process that stops the server and removes its files once this process has ended.
    pub fn guard_process(&self) -> u32 {
        self.server.guard.process_id()
    }

    /// Stops the server as its own tools would, ending every connection, and starts it again on the same data.
    pub async fn restart(&self) {
        self.server.tell("restart").await;
    }

    /// Ends every connection to a database, as an operator would.
    pub async fn cut_connections(&self, database: &Database) {
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            database.name
        );
        self.server
            .run("psql", &["--quiet", "--output=/dev/null", "--command", &cut, "postgres"])
            .await;
    }

    /// Ends all processes of the server at once, as a loss of power would.
    pub async fn kill(&self) {
        self.server.tell("kill").await;
    }

    /// Starts the server after [`Cluster::kill`], on the same data and port.
    pub async fn start_again(&self) {
        self.server.tell("start").await;
    }
}

impl Server {
    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    async fn database(self: &Arc<Self>, template: &str) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run("createdb", &["--template", template, &name]).await;
        Database { url: self.url(&name), name, server: Arc::clone(self) }
    }

    /// Runs one of PostgreSQL's own client programs.
    async fn run(self: &Arc<Self>, program: &'static str, args: &[&str]) {
        let server = Arc::clone(self);
        let args: Vec<_> = args.iter().map(|&arg| arg.to_owned()).collect();
        blocking(move || {
            let output = server.installed.client(program, server.port).args(&args).output();
            let output = output.expect("the server's client programs are installed with it");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{program} {args:?}: {said}");
        })
        .await;
    }

    async fn tell(self: &Arc<Self>, word: &'static str) {
        let server = Arc::clone(self);
        blocking(move || server.guard.tell(word)).await;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A server that was killed or has gone takes its databases with it.
        let _gone = self
            .server
            .installed
            .client("dropdb", self.server.port)
            .args(["--force", "--if-exists", &self.name])
            .output();
    }
}

/// Runs what waits for another process where it may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Writes a test for both databases: `async fn name(place: Place)` becomes a test of that name for each. Where it
/// stands there is a `Place` with `Place::sqlite()` and `Place::postgres().await`.
#[macro_export]
macro_rules! on_both {
    ($(#[$doc:meta])* async fn $name:ident($place:ident: Place) $body:block) => {
        $(#[$doc])*
        mod $name {
            use super::*;

            async fn run($place: Place) $body

            #[tokio::test]
            async fn sqlite() {
                run(Place::sqlite()).await;
            }

            #[tokio::test]
            async fn postgres() {
                run(Place::postgres().await).await;
            }
        }
    };
}
