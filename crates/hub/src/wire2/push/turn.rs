//! One request of a stream at a time: what was cut may still be at work on what had come by then. Whoever goes on with a push,
//! or asks where it stands, waits for that.
//!
//! Between processes the offset alone decides: a page is kept where the push stands, or not at all.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use api::WireCode;
use names::Id;
use tokio::{sync::Notify, time::timeout};
use uuid::Uuid;

use super::session::Session;
use crate::Error;

/// How long a request waits: less than a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Pushes whose stream is being taken.
static UNDER_WAY: Mutex<BTreeSet<Uuid>> = Mutex::new(BTreeSet::new());
/// Rung whenever one is done.
static DONE: Notify = Notify::const_new();

/// The stream of one push, held.
#[derive(Debug)]
pub(super) struct Turn(Uuid);

impl Turn {
    /// Waits until nobody else has it.
    pub(super) async fn of(id: Id<Session>) -> Result<Self, Error> {
        let id = id.uuid();
        let waiting = async {
            loop {
                let done = DONE.notified();
                if UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
                    return Self(id);
                }
                done.await;
            }
        };
        timeout(PATIENCE, waiting).await.map_err(|_| {
            let sentence = "an earlier request of this push is still at work; try again";
            Error::wire(WireCode::Unavailable, sentence)
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
        DONE.notify_waiters();
    }
}
