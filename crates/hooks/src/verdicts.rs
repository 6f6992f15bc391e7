//! What the manager of a pipeline answers to the output of a run (`spec/work.md` 9): the room of runs reads it.

use std::fmt;

use async_trait::async_trait;
use db::Tx;
use names::Id;
use uuid::Uuid;

use crate::{Delivery, EventRow, Subject};

/// The delivery of a run's output to whoever manages its pipeline.
#[derive(Debug, Clone, Copy)]
pub struct Composed<'a> {
    /// What manages the subscription.
    pub manager: Uuid,
    /// Which run, as `run:<id>`.
    pub run: &'a Subject,
    /// Of which event.
    pub event: Id<EventRow>,
    /// On which way.
    pub delivery: Id<Delivery>,
}

/// Whether an answer could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It says something, and that was taken.
    Taken,
    /// It says nothing that is known: the try has failed.
    Unreadable,
}

/// Whoever hears what comes of a run's output. Both are called in the transaction in which the end is written down.
#[async_trait]
pub trait Verdicts: fmt::Debug + Send + Sync {
    /// The receiver said yes with this status and these bytes, the first 4 KiB of its answer.
    async fn answered(
        &self,
        tx: &mut Tx,
        composed: Composed<'_>,
        status: u16,
        body: &[u8],
    ) -> Result<Verdict, db::Error>;

    /// The delivery ended without an answer: it was given up or called off, for this reason.
    async fn died(
        &self,
        tx: &mut Tx,
        composed: Composed<'_>,
        reason: &str,
    ) -> Result<(), db::Error>;
}
