//! What a handler is given, and what it gives back.

use std::{error, fmt, future::ready, pin::Pin, sync::Arc, time::Duration};

use db::Tx;
use names::UnixMillis;
use serde::de::DeserializeOwned;

use crate::{Bell, Claimed, JobId, Kind, NewJob, Posted, outbox::Post};

/// What is kept of an error: enough to understand it, not a log file.
const ERROR_BYTES: usize = 2_000;

/// One job in the hands of its handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job<P> {
    /// Which.
    pub id: JobId,
    /// What the handler needs to know.
    pub payload: P,
    /// When it was due: for scheduled work the planned moment.
    pub run_at: UnixMillis,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// How many tries it has.
    pub max_attempts: u32,
}

/// The work is done. The transaction that comes with it is committed together with the end of the job: what was
/// written there happens once, or, if the lease was lost meanwhile, not at all.
///
/// Do slow things first and open the transaction last: it holds up other writers. Without a transaction the dispatcher
/// ends the job a moment later, together with others.
#[derive(Debug, Default)]
pub struct Done {
    pub(crate) tx: Option<Tx>,
    pub(crate) bells: Vec<Bell>,
    pub(crate) again_at: Option<UnixMillis>,
}

impl Done {
    /// With the open transaction that holds the effects.
    pub const fn with(tx: Tx) -> Self {
        Self { tx: Some(tx), bells: Vec::new(), again_at: None }
    }

    /// And work was pushed in it: the bell rings after the commit.
    #[must_use]
    pub fn ringing(mut self, bell: Bell) -> Self {
        self.bells.push(bell);
        self
    }

    /// For now: the job stays, and is due again at `at` with all its tries before it.
    #[must_use]
    pub const fn again_at(mut self, at: UnixMillis) -> Self {
        self.again_at = Some(at);
        self
    }
}

impl From<()> for Done {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl From<Tx> for Done {
    fn from(tx: Tx) -> Self {
        Self::with(tx)
    }
}

/// What should follow a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Retry,
    /// After this wait, whatever number the try had.
    RetryIn(Duration),
    GiveUp,
}

/// The work is not done. Any error becomes one with `?`, and is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub(crate) text: String,
    pub(crate) verdict: Verdict,
}

impl Failure {
    /// Try again later, while there are tries.
    pub fn retry(reason: impl fmt::Display) -> Self {
        Self { text: shortened(reason.to_string()), verdict: Verdict::Retry }
    }

    /// Try again after `wait`, while there are tries: for what others are known to be done with by then.
    pub fn retry_in(wait: Duration, reason: impl fmt::Display) -> Self {
        Self { verdict: Verdict::RetryIn(wait), ..Self::retry(reason) }
    }

    /// Trying again cannot help: the job is dead at once.
    pub fn give_up(reason: impl fmt::Display) -> Self {
        Self { text: shortened(reason.to_string()), verdict: Verdict::GiveUp }
    }
}

impl<E: error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        Self::retry(text)
    }
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(ERROR_BYTES));
    // PostgreSQL keeps no NUL in a text.
    text.replace('\0', "\u{fffd}")
}

/// What was thrown, in words.
pub(crate) fn panicked(thrown: &(dyn std::any::Any + Send)) -> Failure {
    let words = thrown.downcast_ref::<&str>().map(|it| (*it).to_owned());
    let words = words.or_else(|| thrown.downcast_ref::<String>().cloned());
    Failure::retry(format!("panicked: {}", words.as_deref().unwrap_or("without a word")))
}

/// What took longer than it may.
pub(crate) fn too_slow(limit: Duration) -> Failure {
    Failure::retry(format!("took longer than {limit:?}"))
}

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send>>;
pub(crate) type Handler = Arc<dyn Fn(&Claimed) -> Answer<Done> + Send + Sync>;
pub(crate) type Consumer = Arc<dyn Fn(&Post) -> Answer<Vec<NewJob>> + Send + Sync>;

/// A handler that reads the payload before it calls `handler`.
pub(crate) fn handler<P, Run, Ends, D>(_: Kind<P>, handler: Run) -> Handler
where
    P: DeserializeOwned,
    Run: Fn(Job<P>) -> Ends + Send + Sync + 'static,
    Ends: Future<Output = Result<D, Failure>> + Send + 'static,
    D: Into<Done>,
{
    Arc::new(move |claimed| {
        let payload = match serde_json::from_str(&claimed.payload) {
            Ok(payload) => payload,
            Err(error) => return unreadable(&error),
        };
        let ends = handler(Job {
            id: claimed.lease.id,
            payload,
            run_at: claimed.run_at,
            attempt: claimed.attempts,
            max_attempts: claimed.max_attempts,
        });
        Box::pin(async move { ends.await.map(Into::into) })
    })
}

/// A consumer that reads the payload before it calls `consumer`.
pub(crate) fn consumer<P, Run, Ends>(_: Kind<P>, consumer: Run) -> Consumer
where
    P: DeserializeOwned,
    Run: Fn(Posted<P>) -> Ends + Send + Sync + 'static,
    Ends: Future<Output = Result<Vec<NewJob>, Failure>> + Send + 'static,
{
    Arc::new(move |post| {
        let payload = match serde_json::from_str(&post.payload) {
            Ok(payload) => payload,
            Err(error) => return unreadable(&error),
        };
        Box::pin(consumer(Posted { id: post.id, payload, posted_at: post.created_at }))
    })
}

/// Says where the payload is not as it should be, and nothing of what it holds: the parser would quote it, and errors
/// stand in lists and logs.
fn unreadable<T: Send + 'static>(error: &serde_json::Error) -> Answer<T> {
    let (line, column) = (error.line(), error.column());
    let text =
        format!("the payload does not parse as this kind's, at line {line}, column {column}");
    Box::pin(ready(Err(Failure::give_up(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_every_cause_and_is_not_a_log_file() {
        #[derive(Debug, thiserror::Error)]
        #[error("the far side is down")]
        struct Down(#[source] std::io::Error);

        let failure = Failure::from(Down(std::io::Error::other("no route")));
        assert_eq!(failure.text, "the far side is down: no route");
        assert_eq!(failure.verdict, Verdict::Retry);
        let long = Failure::give_up("é\0".repeat(ERROR_BYTES));
        assert!(long.text.len() <= ERROR_BYTES * 2 && !long.text.contains('\0'));
    }

    #[test]
    fn what_was_thrown_is_put_into_words() {
        assert_eq!(panicked(&"why").text, "panicked: why");
        assert_eq!(panicked(&String::from("how")).text, "panicked: how");
        assert_eq!(panicked(&7).text, "panicked: without a word");
    }
}
