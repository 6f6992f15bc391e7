//! Throw-away S3 servers for tests.
//!
//! A test process that asks for one gets it, with fresh buckets on it: [`Store::shared`], [`Store::bucket`]. Nothing is
//! left when the process has ended, however it ended. A machine without the server fails the test that needs it, with
//! a sentence: a missing store is not a pass.
//!
//! Two kinds, because no one server does it all: [`Kind::Garage`] stores bytes as others do in earnest and takes parts,
//! but overwrites where it was told not to; [`Kind::Moto`] keeps everything in memory and honours `If-None-Match`.
//! Both check signatures. [`Proxy`] stands before either and does what networks do.
//!
//! | file        | what is there                                                      |
//! |-------------|----------------------------------------------------------------------|
//! | `lib.rs`    | [`Store`], [`Bucket`]                                                  |
//! | `garage.rs` | how Garage is set up                                                   |
//! | `moto.rs`   | how moto is set up                                                     |
//! | `proxy.rs`  | [`Proxy`], [`Mode`]: slow, silent, cut, changed                         |
//! | `guard.rs`  | the process beside the server that starts, stops and removes it         |
//! | `guard.sh`  | what that process runs                                                  |
//! | `asking.rs` | one request to a server, for setting it up                              |
//!
//! For tests only: it panics where production code would return an error. Knows none of our crates.
#![expect(clippy::expect_used, reason = "a test that cannot go on should stop")]

mod asking;
mod garage;
mod guard;
mod moto;
mod proxy;

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use garage::Garage;
use moto::Moto;

pub use proxy::{Mode, Proxy};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Keeps bytes on disk, checks signatures and hashes, takes parts; ignores `If-None-Match`.
    Garage,
    /// Keeps bytes in memory until it ends, checks signatures, honours `If-None-Match`.
    Moto,
}

/// A running S3 server.
#[derive(Debug, Clone)]
pub struct Store(Arc<Server>);

#[derive(Debug)]
enum Server {
    Garage(Garage),
    Moto(Moto),
}

/// A bucket of its own, and who may use it.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Where the server listens, as `http://address:port`.
    pub endpoint: String,
    /// What signatures are made for.
    pub region: String,
    /// The name.
    pub name: String,
    /// Which key signs.
    pub key_id: String,
    /// What it signs with.
    pub secret: String,
}

impl Store {
    /// The server of this process, started by whoever asks first.
    pub async fn shared(kind: Kind) -> Self {
        static GARAGE: OnceLock<Store> = OnceLock::new();
        static MOTO: OnceLock<Store> = OnceLock::new();
        let shared = match kind {
            Kind::Garage => &GARAGE,
            Kind::Moto => &MOTO,
        };
        blocking(move || shared.get_or_init(|| Self::start_now(kind)).clone()).await
    }

    /// A server for one test, to be killed or restarted; it is stopped and removed when the last of these is dropped.
    pub async fn start(kind: Kind) -> Self {
        blocking(move || Self::start_now(kind)).await
    }

    fn start_now(kind: Kind) -> Self {
        Self(Arc::new(match kind {
            Kind::Garage => Server::Garage(Garage::start()),
            Kind::Moto => Server::Moto(Moto::start()),
        }))
    }

    /// A fresh, empty bucket.
    pub async fn bucket(&self) -> Bucket {
        let server = Arc::clone(&self.0);
        blocking(move || match &*server {
            Server::Garage(garage) => garage.bucket(),
            Server::Moto(moto) => moto.bucket(),
        })
        .await
    }

    /// Uploads in parts that were begun in a bucket and neither finished nor given up.
    ///
    /// # Panics
    /// On moto, which does not tell.
    pub async fn unfinished_uploads(&self, bucket: &str) -> u64 {
        self.count(bucket, "unfinishedMultipartUploads").await
    }

    async fn count(&self, bucket: &str, what: &'static str) -> u64 {
        let (server, bucket) = (Arc::clone(&self.0), bucket.to_owned());
        blocking(move || match &*server {
            Server::Garage(garage) => garage.count(&bucket, what),
            Server::Moto(_) => panic!("moto does not count its {what}"),
        })
        .await
    }

    /// How many keys a bucket has.
    ///
    /// # Panics
    /// On moto, which does not tell.
    pub async fn objects(&self, bucket: &str) -> u64 {
        self.count(bucket, "objects").await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        match &*self.0 {
            Server::Garage(garage) => garage.address(),
            Server::Moto(moto) => moto.address(),
        }
    }

    /// The process that stops the server and removes its files once this process has ended.
    pub fn guard_process(&self) -> u32 {
        self.guard().process_id()
    }

    /// Ends the server at once, as a loss of power would.
    pub async fn kill(&self) {
        self.tell("kill").await;
    }

    /// Asks the server to end, and waits until it has.
    pub async fn stop(&self) {
        self.tell("stop").await;
    }

    /// Starts the server after [`Store::kill`] or [`Store::stop`], on the same port: Garage with what it had, moto
    /// with nothing.
    pub async fn start_again(&self) {
        self.tell("start").await;
        let server = Arc::clone(&self.0);
        blocking(move || match &*server {
            Server::Garage(garage) => garage.await_ready(),
            Server::Moto(moto) => moto.await_ready(),
        })
        .await;
    }

    fn guard(&self) -> &guard::Guard {
        match &*self.0 {
            Server::Garage(garage) => garage.guard(),
            Server::Moto(moto) => moto.guard(),
        }
    }

    async fn tell(&self, word: &'static str) {
        let store = self.clone();
        blocking(move || store.guard().tell(word)).await;
    }
}

/// Runs what waits for another process where it may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
