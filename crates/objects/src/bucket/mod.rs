//! A bucket of an S3-compatible store: keys to bytes, over the egress client.
//!
//! Owns nothing but the way there: which objects exist, and what a key means, is known above. Keys are written below
//! the prefix of the settings and come back without it. Signing, lists and parts are the work of the library
//! `object_store`; every request of it goes out through `egress`, which reaches the configured origin and no other
//! (`docs/decisions/0007`).
//!
//! Invariants: each operation may be carried out twice without harm, so a passing fault is tried again, a bounded
//! number of times; what was put is read back before it counts; nothing is waited for longer than [`Patience`] says;
//! no error, log line or `Debug` text holds the secret or anything that was signed.
//!
//! | file          | what is there                                                        |
//! |---------------|------------------------------------------------------------------------|
//! | `mod.rs`      | [`Bucket`]: get, head, delete, rename, list, probe                       |
//! | `upload.rs`   | put: at once up to 64 MiB, else in parts                                 |
//! | `settings.rs` | [`BucketSettings`], [`SetupError`]                                       |
//! | `patience.rs` | [`Patience`]: how long is waited, how often it is tried                  |
//! | `wire.rs`     | the library's requests as requests of `egress`                           |
//! | `failure.rs`  | [`BucketError`], and how an answer becomes one                           |

use std::{fmt, future::Future, ops::Range, sync::Arc};

use egress::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use names::UnixMillis;
use object_store::{
    CopyOptions, GetOptions, GetRange, ObjectStore as _, PutOptions, PutPayload,
    aws::AmazonS3,
    list::{PaginatedListOptions, PaginatedListStore as _},
    path::Path as Location,
};
use tokio::{sync::Semaphore, time::timeout};

mod failure;
mod patience;
mod settings;
#[cfg(test)]
mod tests;
mod upload;
mod wire;

pub use failure::BucketError;
pub(crate) use patience::Patience;
pub use settings::{BucketSettings, SetupError};

use failure::explain;

/// Keys in one answer to a list; no store gives more.
const PAGE_KEYS: usize = 1_000;

/// One key of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Without the prefix of the settings.
    pub(crate) key: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// When it was written last, by the store's clock.
    pub(crate) modified: UnixMillis,
}

/// A bucket. Cheap to clone; clones share their connections and their bound on memory.
#[derive(Clone)]
pub(crate) struct Bucket(Arc<Inner>);

struct Inner {
    store: AmazonS3,
    /// Empty, or ends in `/`.
    prefix: String,
    patience: Patience,
    /// Mebibytes that uploads may hold in memory, all together.
    memory: Arc<Semaphore>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} below {:?}", self.0.store, self.0.prefix)
    }
}

impl Bucket {
    /// Makes a client from settings. Nothing is asked yet: [`Bucket::probe`] tells whether the bucket answers.
    pub(crate) fn open(settings: &BucketSettings, patience: Patience) -> Result<Self, SetupError> {
        let store = settings.store(patience)?;
        let memory = Arc::new(Semaphore::new(upload::MEMORY_MIB));
        Ok(Self(Arc::new(Inner { store, prefix: settings.key_prefix()?, patience, memory })))
    }

    /// The bytes of `key`, or a range of them, as they come. A connection that breaks is taken up again where it
    /// broke. Whether they are the right bytes is for the caller to check.
    pub(crate) async fn get(
        &self,
        key: &str,
        range: Option<Range<u64>>,
    ) -> Result<impl Stream<Item = Result<Bytes, BucketError>> + Send + use<>, BucketError> {
        let location = self.location(key)?;
        if range.as_ref().is_some_and(Range::is_empty) {
            return Ok(stream::empty().boxed());
        }
        let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
        let answer = self.0.store.get_opts(&location, options).await;
        let answer = answer.map_err(|error| explain(&error, key))?;
        let key = key.to_owned();
        Ok(answer.into_stream().map_err(move |error| explain(&error, &key)).boxed())
    }

    /// The length of `key`, if it is there.
    pub(crate) async fn head(&self, key: &str) -> Result<Option<u64>, BucketError> {
        self.question(self.length(key)).await
    }

    async fn length(&self, key: &str) -> Result<Option<u64>, BucketError> {
        let location = self.location(key)?;
        let options = GetOptions { head: true, ..GetOptions::default() };
        let answer = self.0.store.get_opts(&location, options).await;
        match answer.map_err(|error| explain(&error, key)) {
            Ok(found) => Ok(Some(found.meta.size)),
            Err(BucketError::Missing { .. }) => self.length_or_why(&location, key).await,
            Err(error) => Err(error),
        }
    }

    /// An answer to HEAD has no body, so it does not tell a missing key from a missing bucket; that to GET does.
    async fn length_or_why(
        &self,
        location: &Location,
        key: &str,
    ) -> Result<Option<u64>, BucketError> {
        let answer = self.0.store.get_opts(location, GetOptions::default()).await;
        match answer.map_err(|error| explain(&error, key)) {
            Ok(found) => Ok(Some(found.meta.size)),
            Err(BucketError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes keys away. One that is not there is no error.
    pub(crate) async fn delete(&self, keys: &[String]) -> Result<(), BucketError> {
        for some in keys.chunks(PAGE_KEYS) {
            self.question(self.delete_some(some)).await?;
        }
        Ok(())
    }

    async fn delete_some(&self, keys: &[String]) -> Result<(), BucketError> {
        let locations: Vec<_> =
            keys.iter().map(|key| self.location(key)).collect::<Result<_, _>>()?;
        let first = keys.first().map_or("", String::as_str);
        let locations = stream::iter(locations.into_iter().map(Ok)).boxed();
        let mut done = self.0.store.delete_stream(locations);
        while let Some(answer) = done.next().await {
            answer.map_err(|error| explain(&error, first))?;
        }
        Ok(())
    }

    /// Gives the bytes of a key another one, in the store itself; what was there is overwritten. The old key goes only
    /// after the new one has been seen.
    pub(crate) async fn rename(&self, from: &str, to: &str) -> Result<(), BucketError> {
        let (source, target) = (self.location(from)?, self.location(to)?);
        let bytes = self.head(from).await?.ok_or(BucketError::Missing { key: from.to_owned() })?;
        let copied = self.0.store.copy_opts(&source, &target, CopyOptions::default()).await;
        copied.map_err(|error| explain(&error, from))?;
        self.confirm(to, bytes).await?;
        self.delete(&[from.to_owned()]).await
    }

    /// Looks whether `key` has as many bytes as it should.
    async fn confirm(&self, key: &str, bytes: u64) -> Result<(), BucketError> {
        match self.head(key).await? {
            Some(there) if there == bytes => Ok(()),
            Some(there) => Err(BucketError::OtherSize { key: key.to_owned(), there, bytes }),
            None => Err(BucketError::Lost { key: key.to_owned() }),
        }
    }

    /// Up to `limit` keys that begin with `prefix` and follow `after`, in the order of their bytes. Fewer than `limit`
    /// means that there are no more.
    pub(crate) async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Listed>, BucketError> {
        let mut found: Vec<Listed> = Vec::new();
        let mut last = after.map(str::to_owned);
        while found.len() < limit {
            let page = self.page(prefix, last.as_deref(), limit - found.len());
            let (keys, is_last) = self.question(page).await?;
            for listed in keys {
                // Scans walk along this order; a store without it would have them skip keys.
                if last.as_ref().is_some_and(|last| *last >= listed.key) {
                    return Err(BucketError::Unreadable { why: "keys are not listed in order" });
                }
                last = Some(listed.key.clone());
                found.push(listed);
            }
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// One answer to a list, and whether it is the last.
    async fn page(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Listed>, bool), BucketError> {
        let base = &self.0.prefix;
        let prefix = format!("{base}{prefix}");
        let options = PaginatedListOptions {
            offset: after.map(|after| format!("{base}{after}")),
            max_keys: Some(limit.min(PAGE_KEYS)),
            ..PaginatedListOptions::default()
        };
        let prefix = Some(prefix.as_str()).filter(|it| !it.is_empty());
        let page = self.0.store.list_paginated(prefix, options).await;
        let page = page.map_err(|error| explain(&error, ""))?;
        let is_last = page.page_token.is_none() || page.result.objects.is_empty();
        let keys = page.result.objects.into_iter().filter_map(|object| {
            let key = object.location.as_ref().strip_prefix(base.as_str())?.to_owned();
            let modified = UnixMillis(object.last_modified.timestamp_millis());
            Some(Listed { key, bytes: object.size, modified })
        });
        Ok((keys.collect(), is_last))
    }

    /// Proves that the bucket can be written, read and cleared: a few bytes there, back, and gone.
    pub(crate) async fn probe(&self, nonce: &[u8; 16]) -> Result<(), BucketError> {
        let key = format!("tmp/probe-{:032x}", u128::from_be_bytes(*nonce));
        let location = self.location(&key)?;
        let payload = PutPayload::from(nonce.to_vec());
        let put = async {
            let put = self.0.store.put_opts(&location, payload, PutOptions::default()).await;
            put.map_err(|error| explain(&error, &key))
        };
        self.question(put).await?;
        let back = async {
            let pieces = self.get(&key, None).await?;
            pieces
                .try_fold(Vec::new(), async |mut whole, piece| {
                    whole.extend_from_slice(&piece);
                    Ok(whole)
                })
                .await
        };
        let back = self.question(back).await?;
        self.delete(std::slice::from_ref(&key)).await?;
        if back == nonce { Ok(()) } else { Err(BucketError::Damaged { key }) }
    }

    fn location(&self, key: &str) -> Result<Location, BucketError> {
        let whole = format!("{}{key}", self.0.prefix);
        match Location::parse(&whole) {
            // The library takes slashes off the ends; a key that it would change is not a key.
            Ok(location) if location.as_ref() == whole => Ok(location),
            _ => Err(BucketError::Key { key: key.to_owned() }),
        }
    }

    /// The answer of something that carries no object, within its time.
    async fn question<T>(
        &self,
        work: impl Future<Output = Result<T, BucketError>>,
    ) -> Result<T, BucketError> {
        let limit = self.0.patience.question;
        timeout(limit, work).await.unwrap_or(Err(BucketError::Slow {
            why: format!("no answer within {} ms", limit.as_millis()),
        }))
    }
}
