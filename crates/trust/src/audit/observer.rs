//! Who hears of what is written down, in the transaction in which it is: webhooks tell others of it.

use std::{
    fmt,
    sync::{Arc, PoisonError},
};

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
    /// Says who hears of what is written down, beside those who do already; in this order.
    pub fn observed_by(&self, observer: Arc<dyn Observer>) {
        self.0.observers.write().unwrap_or_else(PoisonError::into_inner).push(observer);
    }

    /// Everybody who hears of it.
    pub(super) fn observers(&self) -> Vec<Arc<dyn Observer>> {
        self.0.observers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
