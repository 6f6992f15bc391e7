//! Whoever reads something long is asked for again while it goes on: rights that were taken away end it within a second
//! (`spec/hub.md` 1, Members).

use std::{io, time::Duration};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::StreamExt as _;
use names::Id;
use tokio::time::Instant;
use trust::{Actor, Allowed, Kind, Mandate, act};

use crate::{Error, Hub, Repository};

/// After so much of a stream, and after so long, its reader is asked for.
const WATCH_BYTES: u64 = 4 << 20;
const WATCH_TIME: Duration = Duration::from_millis(500);
/// What is sent at once.
pub(crate) const PIECE_BYTES: usize = 256 << 10;

/// Who reads a stream, and of which repository: asked again while it is written.
#[derive(Debug)]
pub(crate) struct Watch {
    repository: Id<Repository>,
    reader: Reader,
    /// What was written when it was asked last, and when that was.
    asked: (u64, Instant),
}

/// On whose word a stream is read.
#[derive(Debug, Clone, Copy)]
enum Reader {
    /// Nobody's: what everybody may read.
    Anybody,
    /// That of a credential.
    Credential(Mandate),
    /// That of somebody whose credential cannot be asked again.
    Trusted,
}

impl Watch {
    pub(crate) fn of(allowed: &Allowed<act::ObjectRead, Repository>) -> Self {
        let actor = allowed.actor();
        let is_operator = actor.principal().is_some_and(|it| it.kind == Kind::Operator);
        let reader = match Mandate::of(actor) {
            _ if actor.is_anonymous() => Reader::Anybody,
            Some(mandate) if !is_operator => Reader::Credential(mandate),
            Some(_) | None => Reader::Trusted,
        };
        Self { repository: allowed.resource().id, reader, asked: (0, Instant::now()) }
    }

    /// For what its owner takes away, in a request that was allowed.
    pub(super) fn of_owner(repository: Id<Repository>) -> Self {
        Self { repository, reader: Reader::Trusted, asked: (0, Instant::now()) }
    }

    /// Whether the stream may go on, once it has gone on for some bytes or some time since that was asked.
    pub(crate) async fn check(&mut self, hub: &Hub, written: u64) -> Result<(), Error> {
        let (before, at) = self.asked;
        if written.saturating_sub(before) < WATCH_BYTES && at.elapsed() < WATCH_TIME {
            return Ok(());
        }
        self.asked = (written, Instant::now());
        let gone = || Error::NotFound;
        let actor = match self.reader {
            Reader::Trusted => return Ok(()),
            Reader::Anybody => Actor::anonymous(),
            Reader::Credential(mandate) => {
                let mut tx = hub.db.glance().await?;
                hub.trust.mandated(&mut tx, mandate).await?.ok_or_else(gone)?
            }
        };
        let still = hub.repository_still(self.repository, &actor).await.map_err(|_| gone())?;
        Allowed::<act::ObjectRead, _>::ask(&actor, still).map(drop).map_err(|_| gone())
    }

    /// Lets a body go on as long as the reader may read. One that is cut off is shorter than was said.
    pub(crate) fn over(self, hub: Hub, body: Body) -> Body {
        let going = Going {
            watch: self,
            hub,
            rest: body.into_data_stream(),
            frame: Bytes::new(),
            written: 0,
        };
        Body::from_stream(futures_util::stream::unfold(Some(going), async |going| {
            let mut going = going?;
            let piece = going.next().await?;
            let rest = piece.is_ok().then_some(going);
            Some((piece, rest))
        }))
    }
}

/// A body on its way out.
struct Going {
    watch: Watch,
    hub: Hub,
    rest: BodyDataStream,
    /// What has come of it and was not handed on.
    frame: Bytes,
    written: u64,
}

impl Going {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while self.frame.is_empty() {
            match self.rest.next().await? {
                Ok(frame) => self.frame = frame,
                Err(error) => return Some(Err(io::Error::other(error))),
            }
        }
        if let Err(error) = self.watch.check(&self.hub, self.written).await {
            tracing::warn!(%error, "an answer ends early");
            return Some(Err(io::Error::other("whoever reads it may not read it any more")));
        }
        let piece = self.frame.split_to(self.frame.len().min(PIECE_BYTES));
        self.written += piece.len() as u64;
        Some(Ok(piece))
    }
}
