//! A part that is one statement: the keeper runs it, and nobody else has the connection meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use sqlx::Connection;
use tokio::sync::oneshot;

use super::{Answer, link::StatementOf};
use crate::Error;

/// One statement, and whom to tell how it ended.
#[derive(Debug)]
pub(super) struct Alone<C: Connection> {
    pub(super) statement: StatementOf<C>,
    pub(super) answer: Answer,
    pledge: Pledge,
}

/// Whether a statement will be run is decided once: by the keeper that begins with it, or by the caller who has waited
/// long enough. So a caller who is told that its turn did not come can believe it.
#[derive(Debug, Clone, Default)]
pub(super) struct Pledge(Arc<AtomicBool>);

impl<C: Connection> Alone<C> {
    pub(super) fn new(
        statement: StatementOf<C>,
    ) -> (Self, oneshot::Receiver<Result<u64, Error>>, Pledge) {
        let (answer, durable) = oneshot::channel();
        let pledge = Pledge::default();
        (Self { statement, answer, pledge: pledge.clone() }, durable, pledge)
    }

    /// Whether whoever asked has stopped waiting.
    pub(super) fn is_left(&self) -> bool {
        self.answer.is_closed()
    }

    /// Whether it may still be begun; then it is.
    pub(super) fn begin(&self) -> bool {
        !self.pledge.0.swap(true, Ordering::AcqRel)
    }
}

impl Pledge {
    /// Whether nobody has begun; then nobody will.
    pub(super) fn withdraw(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}
