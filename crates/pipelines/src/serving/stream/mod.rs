//! `GET /api/v1/stream`: server-sent events of runs, of a publisher, and of what an agent holds (`spec/work.md` 12).
//!
//! A stream is made while it is read: nothing waits in memory for a client that is slow. Who reads it is asked for again
//! twice a second, for a session that was ended, a token that was taken away and a member who has left lose it within one.
//! With several processes what others did is looked for then too.
//!
//! | file        | what is there                              |
//! |-------------|--------------------------------------------|
//! | `mod.rs`    | the handler; a stream on its way out        |
//! | `topics.rs` | what can be followed, and what is told of it |
//! | `seats.rs`  | how many there may be; all end at shutdown  |

mod seats;
mod topics;

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use db::Dialect;
use http::{StatusCode, header};
use pipelines_core::name::RunId;
use serde::Deserialize;
use tokio::{
    sync::{broadcast, watch},
    time::{Instant, sleep_until},
};
use trust::{Actor, Allowed, Anything, Trust, act};
use web::{Problem, Queried};

pub(crate) use seats::Seats;

use seats::Seat;
use topics::Topic;

use super::places::principal;
use crate::Door;

/// What a stream is.
pub(super) const MEDIA_TYPE: &str = "text/event-stream";
/// How often whoever reads is asked for, and what others did is looked for.
const WATCH: Duration = Duration::from_millis(500);
/// How long a client hears nothing: what stands between takes silence for the end.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a stream lasts; clients come back (`spec/trust.md` 9).
const LONGEST: Duration = Duration::from_hours(1);
/// How soon a client that was cut off comes back, in milliseconds.
const COME_BACK_MS: u32 = 1_000;

/// What is followed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Follow {
    topic: String,
    after: Option<u64>,
}

/// Somebody follows a run, the runs of a publisher, or what it holds: whether it may, the topic asks.
pub(super) async fn follow(
    door: Door,
    allowed: Allowed<act::RunList, Anything>,
    call: Queried<Follow>,
) -> Result<Response, Problem> {
    let (actor, asked) = (allowed.actor(), call.query()?);
    let seen = match call.header("last-event-id") {
        "" => asked.after,
        text => {
            let read = text.parse().map_err(|_| Problem::malformed("Last-Event-ID is a number"));
            Some(read?)
        }
    };
    call.end().await?;
    let mut topic = Topic::named(&door, actor, &asked.topic).await?;
    let (seat, is_ending) = door.pipelines.0.streams.take(principal(actor)?)?;
    // Before the first look: what changes after it is heard.
    let changes = door.pipelines.0.engine.listen();
    let first = topic.begin(&mut door.db().glance().await?, actor, seen).await?;
    // Browsers that are told so do not come back.
    let Some(first) = first else { return Ok(StatusCode::NO_CONTENT.into_response()) };
    let now = Instant::now();
    let following = Following {
        door,
        actor: actor.clone(),
        topic,
        changes,
        is_ending,
        first: Some(format!("retry: {COME_BACK_MS}\n{first}")),
        ends_at: now + LONGEST,
        asked_at: now,
        said_at: now,
        is_due: true,
        is_stale: false,
        _seat: seat,
    };
    let pieces = futures_util::stream::unfold(following, async |mut following| {
        let piece = following.next().await?;
        Some((Ok::<_, Infallible>(piece), following))
    });
    let head = [(header::CONTENT_TYPE, MEDIA_TYPE), (header::CACHE_CONTROL, "no-store")];
    Ok((head, Body::from_stream(pieces)).into_response())
}

/// A stream on its way out.
struct Following {
    door: Door,
    actor: Actor,
    topic: Topic,
    changes: broadcast::Receiver<RunId>,
    is_ending: watch::Receiver<bool>,
    /// What is said before anything else.
    first: Option<String>,
    ends_at: Instant,
    /// When it was asked last who reads.
    asked_at: Instant,
    said_at: Instant,
    /// There may be something to tell.
    is_due: bool,
    /// Something has changed that may be told when the time has come.
    is_stale: bool,
    _seat: Seat,
}

impl Following {
    /// The next piece; nothing where the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first.into());
        }
        while !*self.is_ending.borrow() && Instant::now() < self.ends_at {
            if self.asked_at.elapsed() >= WATCH {
                self.ask_again().await?;
            }
            if std::mem::take(&mut self.is_due) {
                let mut tx = self.door.db().glance().await.ok()?;
                let seen = self.topic.look(&mut tx, &self.actor).await;
                let seen =
                    seen.inspect_err(|error| tracing::warn!(%error, "a stream ends")).ok()?;
                self.is_due = seen.has_more;
                if seen.is_over {
                    self.ends_at = Instant::now();
                }
                if !seen.text.is_empty() {
                    self.said_at = Instant::now();
                    return Some(seen.text.into());
                }
                continue;
            }
            if self.said_at.elapsed() >= PATIENCE {
                self.said_at = Instant::now();
                return Some(Bytes::from_static(b":\n\n"));
            }
            self.wait().await?;
        }
        None
    }

    /// Whether whoever reads may still read, as things stand now.
    async fn ask_again(&mut self) -> Option<()> {
        self.asked_at = Instant::now();
        let trust: &Trust = self.door.as_ref();
        let anew = trust.anew(&mut self.door.db().glance().await.ok()?, &self.actor).await;
        self.actor = anew.ok()??;
        self.topic.ask(&self.door, &self.actor).await.ok()?;
        let is_shared = self.door.db().dialect() == Dialect::Postgres;
        self.is_due |= std::mem::take(&mut self.is_stale) || is_shared;
        Some(())
    }

    /// Waits for a change, or until it is time to ask again. Nothing if nobody changes anything any more.
    async fn wait(&mut self) -> Option<()> {
        let until = (self.asked_at + WATCH).min(self.ends_at);
        tokio::select! {
            ending = self.is_ending.changed() => ending.ok(),
            () = sleep_until(until) => Some(()),
            changed = self.changes.recv() => {
                match changed {
                    Ok(run) if self.topic.concerns(run) => self.is_due = true,
                    Ok(_) => self.is_stale = true,
                    // Some were missed.
                    Err(broadcast::error::RecvError::Lagged(_)) => self.is_due = true,
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
                Some(())
            }
        }
    }
}
