//! What a server stands on: the one place that chooses.
//!
//! The variable `MOTET_TEST_GROUND` is `sqlite+disk`, which it also is when it is not there, or `postgres+s3`. On the
//! second each server gets a fresh database on the PostgreSQL of this process and a fresh bucket on its Garage, so the
//! whole suite runs on both. A test about files of one ground says so with [`crate::Setup::on`].

use std::{ffi::OsString, path::Path, sync::Arc};

use buckets::{Bucket, Kind, Store};
use cluster::{Cluster, Database, Settings};
use tokio::sync::OnceCell;

/// On PostgreSQL the install key is never made: it could not be told whether data was made under another one.
const INSTALL_KEY: &str = "505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f";

/// Where rows and bytes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Both in the data directory.
    SqliteDisk,
    /// Rows on a PostgreSQL server, bytes on an S3 server.
    PostgresS3,
}

impl Ground {
    /// What this run is about.
    #[expect(
        clippy::disallowed_methods,
        reason = "the run as a whole chooses, and it is no setting of a server"
    )]
    pub fn of_this_run() -> Self {
        match std::env::var("MOTET_TEST_GROUND").as_deref() {
            Err(_) | Ok("sqlite+disk") => Self::SqliteDisk,
            Ok("postgres+s3") => Self::PostgresS3,
            Ok(other) => {
                panic!("MOTET_TEST_GROUND is sqlite+disk or postgres+s3, and not `{other}`")
            }
        }
    }
}

/// How many generated histories this run is about: as many as `MOTET_TEST_HISTORIES` says, or `usual`.
#[expect(clippy::disallowed_methods, reason = "the run as a whole chooses")]
pub fn histories(usual: u64) -> u64 {
    std::env::var("MOTET_TEST_HISTORIES").map_or(usual, |it| it.parse().unwrap())
}

/// How much of something this run is about: as the variable `MOTET_TEST_{what}` says, or `usual`.
#[expect(clippy::disallowed_methods, reason = "the run as a whole chooses")]
pub fn scale(what: &str, usual: usize) -> usize {
    std::env::var(format!("MOTET_TEST_{what}")).map_or(usual, |it| it.parse().unwrap())
}

/// What was made for one server; the database goes with the last who stands on it.
#[derive(Debug, Clone)]
pub(crate) enum Footing {
    Directory,
    Servers(Arc<(Database, Bucket)>),
}

impl Footing {
    pub(crate) async fn make(ground: Ground) -> Self {
        match ground {
            Ground::SqliteDisk => Self::Directory,
            Ground::PostgresS3 => {
                let database = cluster().await.database().await;
                let bucket = Store::shared(Kind::Garage).await.bucket().await;
                Self::Servers(Arc::new((database, bucket)))
            }
        }
    }

    /// How a server is told.
    pub(crate) fn env(&self) -> Vec<(OsString, OsString)> {
        let Self::Servers(servers) = self else { return Vec::new() };
        let (database, bucket) = &**servers;
        let told = [
            ("MOTET_DATABASE_URL", database.url.as_str()),
            ("MOTET_INSTALL_KEY", INSTALL_KEY),
            ("MOTET_S3_ENDPOINT", &bucket.endpoint),
            ("MOTET_S3_REGION", &bucket.region),
            ("MOTET_S3_BUCKET", &bucket.name),
            ("MOTET_S3_PREFIX", "motet"),
            ("MOTET_S3_KEY_ID", &bucket.key_id),
            ("MOTET_S3_SECRET", &bucket.secret),
        ];
        told.map(|(name, value)| (name.into(), value.into())).to_vec()
    }

    /// How many files or keys hold bytes of repositories, or are on their way to.
    pub(crate) async fn stored(&self, data_dir: &Path) -> u64 {
        let objects = data_dir.join("objects");
        match self {
            Self::Directory => files_below(&objects),
            Self::Servers(servers) => {
                let store = Store::shared(Kind::Garage).await;
                // What is kept of a bucket beside it may go at any time and does not count.
                files_below(&objects.join("tmp")) + store.objects(&servers.1.name).await
            }
        }
    }
}

/// The PostgreSQL of this process. Only servers of ours are killed here, never this one, so it need not wait for the
/// disk.
async fn cluster() -> &'static Cluster {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_init(|| Cluster::start(Settings { fsync: false })).await
}

fn files_below(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { files_below(&path) } else { 1 }).sum()
}
