//! The bucket against real S3 servers, each started by the test process: Garage for signatures, hashes and parts, moto
//! for what is only put where nothing is.

mod faults;
mod keys;
mod settings;
mod uploads;

use std::path::PathBuf;

use buckets::{Kind, Proxy, Store};
use egress::Bytes;
use futures_util::TryStreamExt as _;
use names::{Hasher, Secret};
use tempfile::TempDir;

use super::{Bucket, BucketError, BucketSettings, Patience};

const GARAGE: [Kind; 1] = [Kind::Garage];
const BOTH: [Kind; 2] = [Kind::Garage, Kind::Moto];

/// A bucket on a server, and a directory for files on their way.
struct Ground {
    store: Store,
    settings: BucketSettings,
    bucket: Bucket,
    dir: TempDir,
}

impl Ground {
    /// A fresh bucket on a server that is shared with whoever else wants one.
    async fn on(kind: Kind) -> Self {
        Self::of(Store::shared(kind).await).await
    }

    async fn of(store: Store) -> Self {
        let settings = settings_of(store.bucket().await);
        let bucket = Bucket::open(&settings, Patience::default()).unwrap();
        Self { store, settings, bucket, dir: TempDir::new().unwrap() }
    }

    /// The same bucket, asked in another way.
    fn with(&self, patience: Patience, change: impl FnOnce(&mut BucketSettings)) -> Bucket {
        let mut settings = self.settings.clone();
        change(&mut settings);
        Bucket::open(&settings, patience).unwrap()
    }

    /// The same bucket behind a proxy.
    async fn behind(&self, patience: Patience) -> (Proxy, Bucket) {
        let proxy = Proxy::before(self.store.address()).await;
        let endpoint = format!("http://{}", proxy.address());
        let bucket = self.with(patience, |settings| settings.endpoint = endpoint);
        (proxy, bucket)
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(format!("{:?}", std::thread::current().id()));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), BucketError> {
        put(&self.bucket, &self.file(bytes), key, bytes).await
    }
}

fn settings_of(bucket: buckets::Bucket) -> BucketSettings {
    BucketSettings {
        endpoint: bucket.endpoint,
        region: bucket.region,
        bucket: bucket.name,
        prefix: "motet/tests".to_owned(),
        key_id: bucket.key_id,
        secret: Secret::new(bucket.secret),
        path_style: true,
    }
}

async fn put(
    bucket: &Bucket,
    file: &std::path::Path,
    key: &str,
    bytes: &[u8],
) -> Result<(), BucketError> {
    bucket.put(key, file, bytes.len() as u64, Some(sha256(bytes))).await
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

async fn read(
    bucket: &Bucket,
    key: &str,
    range: Option<std::ops::Range<u64>>,
) -> Result<Vec<u8>, BucketError> {
    let pieces: Vec<Bytes> = bucket.get(key, range).await?.try_collect().await?;
    Ok(pieces.concat())
}

async fn keys(bucket: &Bucket, prefix: &str) -> Vec<String> {
    let listed = bucket.list(prefix, None, usize::MAX).await.unwrap();
    listed.into_iter().map(|it| it.key).collect()
}
