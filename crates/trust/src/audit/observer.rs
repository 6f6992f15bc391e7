//! Who hears of what is written down, in the transaction in which it is: webhooks tell others of it.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use db::{Error, Tx};

use super::{Chain, Entry};
use crate::Trust;

/// Whoever hears of it.
#[async_trait]
pub trait Observer: fmt::Debug + Send + Sync {
    /// This is about to be written to that chain. An error undoes the change that it tells of.
    async fn noted(&self, tx: &mut Tx, chain: Chain, entry: &Entry) -> Result<(), Error>;
}

impl Trust {
    /// Says who hears of what is written down; the first who is named stays.
    pub fn observed_by(&self, observer: Arc<dyn Observer>) {
        if self.0.observer.set(observer).is_err() {
            tracing::error!("two want to hear of what is written down");
        }
    }
}
