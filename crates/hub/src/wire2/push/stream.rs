//! The stream of a push, decoded while it arrives: objects go to the disk as they come, and whatever stands before a cursor
//! is handed over together.

use std::{io::Read as _, time::Duration};

use api::{
    CommitRecord, WireCode, msgpack,
    stream::{Decoder, Frame, LargeObject, SnapshotPart, StreamError, StreamKind, limits},
    wire2::PushState,
};
use axum::http::header;
use keys::AddressToken;
use names::ObjectId;
use objects::{Part, Sealed, Staging};
use tokio::{runtime::Handle, time::Instant};
use trust::{Actor, Allowed, Anything, Class, act, limits::Admitted};
use web::{Call, Problem};

use super::{
    digests,
    session::Session,
    store,
    tree::{Manifests, SnapshotDelta},
    turn::Turn,
};
use crate::{
    Error, Hub,
    wire::{Answer, accepted, body, upload},
};

/// One request of a stream: the largest object, and what stands around it.
pub(crate) const STREAM_BODY_BYTES: u64 = limits::OBJECT_BYTES + (1 << 30);
/// How long a stream is taken before whoever pushes is asked for again.
const WATCH_TIME: Duration = Duration::from_millis(500);
/// What is taken from a body at once.
const PIECE: usize = 256 << 10;
/// Paths that the snapshots of one page name together: one snapshot of the largest kind.
const PAGE_PATHS: usize = api::wire::limits::FILES;
/// What the commits of one page have together, in MessagePack.
const PAGE_COMMIT_BYTES: u64 = 64 << 20;

/// What stands before a cursor.
#[derive(Default)]
pub(super) struct Page {
    pub(super) sealed: Sealed,
    pub(super) snapshots: Vec<SnapshotDelta>,
    pub(super) commits: Vec<CommitRecord>,
    pub(super) cursor: String,
    /// Where the stream goes on behind it.
    pub(super) offset: u64,
}

/// Takes the next bytes of a push, on the word of its token.
pub(crate) async fn stream(
    hub: Hub,
    _: Allowed<act::ObjectPut, Anything>,
    mut call: Call,
) -> Result<Answer, Problem> {
    let format = accepted(&call);
    let (token, named) =
        (shown(call.header(header::AUTHORIZATION.as_str())), call.params.text("push").to_owned());
    let Some(found) = hub.session_of(token.as_ref()).await? else {
        // Whoever tries tokens is counted as a stranger of the wire.
        let (nobody, place) = (Actor::anonymous(), call.context.place());
        hub.trust.limits().admit(Class::Upload, &nobody, place, "")?;
        return Err(Error::Trust(trust::Error::Unauthenticated).into());
    };
    let turn = Turn::of(found.id).await?;
    let session = hub.session_of(token.as_ref()).await?;
    let session = session.filter(|it| it.id.to_string() == named).ok_or(Error::NotFound)?;
    let mut tx = hub.db.glance().await?;
    let (allowed, repository) = hub.still_pushes(&mut tx, &session).await?;
    drop(tx);
    let named = format!("{}/{}", call.params.text("owner"), call.params.text("name"));
    if !named.eq_ignore_ascii_case(&repository.full_name()) {
        return Err(Problem::not_found());
    }
    let (limits, place) = (hub.trust.limits(), call.context.place());
    // Held until everything is kept.
    let Admitted { turn: _turn, meter } =
        limits.admit(Class::Upload, allowed.actor(), place, &repository.full_name())?;
    call.body.charge(meter);
    let asked = call.header("motet-offset").parse::<u64>().map_err(|_| {
        Error::wire(WireCode::Malformed, "`Motet-Offset` says where the stream goes on")
    })?;
    if session.result.is_some() || asked != session.state.offset {
        return Err(wrong_offset(&session).into());
    }
    let announced = call.header("content-length").parse().unwrap_or(0);
    hub.check_announced(&allowed, announced).await?;
    let runtime = Handle::current();
    let state = body::read(call.body, move |body| {
        let _turn = turn;
        Receiver::new(hub, session, runtime).take(body)
    })
    .await?;
    Ok(Answer::in_format(format, state))
}

/// The token of a push in a line `Authorization`.
fn shown(line: &str) -> Option<AddressToken> {
    let (scheme, text) = line.split_once(' ')?;
    AddressToken::parse(text.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))
}

/// A push goes on where it stands, and nowhere else.
pub(super) fn wrong_offset(session: &Session) -> Error {
    let sentence = match session.result {
        Some(_) => "the push is history already".to_owned(),
        None => format!("the push stands at byte {}", session.state.offset),
    };
    Error::wire(WireCode::WrongOffset, sentence)
}

impl Hub {
    /// The push whose token a request shows.
    async fn session_of(&self, token: Option<&AddressToken>) -> Result<Option<Session>, Error> {
        let Some(token) = token else { return Ok(None) };
        let mut tx = self.db.glance().await?;
        Ok(store::by_token(&mut tx, token, self.clock.now()).await?)
    }

    /// What is kept of a large object that has not come to its end.
    pub(super) fn part_of(&self, session: &Session) -> Result<Option<(ObjectId, u64)>, Error> {
        Ok(self.objects.kept_part(session.id.uuid())?.map(|it| (it.object, it.bytes)))
    }
}

/// Takes one request of a stream. For a blocking thread.
struct Receiver {
    hub: Hub,
    session: Session,
    runtime: Handle,
    decoder: Decoder,
    staging: Staging,
    /// The large object that is coming.
    object: Option<ObjectId>,
    snapshots: Vec<SnapshotDelta>,
    commits: Vec<CommitRecord>,
    cursor: String,
    objects: u64,
    paths: usize,
    commit_bytes: u64,
    manifests: Manifests,
}

impl Receiver {
    fn new(hub: Hub, session: Session, runtime: Handle) -> Self {
        let decoder = match session.state.offset {
            0 => Decoder::default(),
            offset => Decoder::resumed(offset, digests::at(session.id, offset)),
        };
        let (staging, cursor) = (hub.objects.stage(), session.state.cursor.clone());
        Self {
            hub,
            session,
            runtime,
            decoder,
            staging,
            object: None,
            snapshots: Vec::new(),
            commits: Vec::new(),
            cursor,
            objects: 0,
            paths: 0,
            commit_bytes: 0,
            manifests: Manifests::default(),
        }
    }

    /// Reads the body to its end, or to what is wrong in it. Each page is kept as soon as it is whole.
    fn take(mut self, mut body: body::BodyReader) -> Result<PushState, Error> {
        let mut piece = vec![0; PIECE];
        let mut asked = Instant::now();
        loop {
            let length = match body.read(&mut piece) {
                Ok(0) => {
                    self.keep_part()?;
                    self.session.state.part = self.hub.part_of(&self.session)?;
                    return Ok(self.session.state);
                }
                Ok(length) => length,
                Err(error) => {
                    // What was cut goes on behind the whole frames that came.
                    self.keep_part()?;
                    return Err(body::of_io(error));
                }
            };
            // Each page asks again when it is kept; one that is long is not taken to its end for nothing.
            if asked.elapsed() >= WATCH_TIME {
                asked = Instant::now();
                self.runtime.block_on(self.still_there())?;
            }
            self.decoder.feed(piece.get(..length).unwrap_or_default());
            while let Some(frame) = self.decoder.next_frame().map_err(|error| of_stream(&error))? {
                self.frame(frame)?;
            }
        }
    }

    /// Refuses the rest where whoever pushes may not any more.
    async fn still_there(&self) -> Result<(), Error> {
        let mut tx = self.hub.db.glance().await?;
        self.hub.still_pushes(&mut tx, &self.session).await.map(drop)
    }

    fn frame(&mut self, frame: Frame) -> Result<(), Error> {
        match frame {
            Frame::Begin(begin) if begin.kind == StreamKind::Push => Ok(()),
            Frame::Begin(_) | Frame::Log(_) => Err(malformed("this is not the stream of a push")),
            Frame::Objects(objects) => objects.iter().try_for_each(|it| {
                let id = if it.bytes.is_empty() {
                    ObjectId::EMPTY
                } else {
                    self.staging.add(&it.bytes)?
                };
                self.came(it.id, id)
            }),
            Frame::Object(head) => self.begin_object(head),
            Frame::Data(bytes) => Ok(self.staging.write(&bytes)?),
            Frame::ObjectEnd(claimed) => {
                self.object = None;
                let id = self.staging.end()?;
                self.came(claimed, id)
            }
            Frame::Snapshot(part) => self.part(part),
            Frame::Commits(records) => self.commits(records),
            Frame::Cursor(cursor) => {
                self.cursor = cursor;
                self.keep_part()?;
                self.hand_over()
            }
            Frame::End(_) => self.hand_over(),
            Frame::Error(_) => Err(malformed("the stream was given up")),
            Frame::Progress(_) => Ok(()),
        }
    }

    fn came(&mut self, claimed: ObjectId, computed: ObjectId) -> Result<(), Error> {
        if claimed != computed {
            return Err(upload::mismatch(claimed, computed));
        }
        self.objects += 1;
        Ok(())
    }

    fn begin_object(&mut self, head: LargeObject) -> Result<(), Error> {
        match (self.object, head.offset) {
            (None, 0) => {
                self.object = Some(head.id);
                self.staging.begin();
                Ok(())
            }
            // Behind a cursor within it, in the same stream.
            (Some(_), _) => Ok(()),
            (None, bytes) => {
                let (of, part) = (self.session.id.uuid(), Part { object: head.id, bytes });
                if !self.hub.objects.resume_part(&mut self.staging, of, part)? {
                    return Err(malformed("so much of this object is not here"));
                }
                self.object = Some(head.id);
                Ok(())
            }
        }
    }

    /// Keeps what has come of the large object that is coming, if there is one.
    fn keep_part(&mut self) -> Result<(), Error> {
        let Some(object) = self.object else { return Ok(()) };
        let of = self.session.id.uuid();
        Ok(self.hub.objects.keep_part(&mut self.staging, of, object)?)
    }

    fn part(&mut self, part: SnapshotPart) -> Result<(), Error> {
        self.paths += part.set.len() + part.del.len();
        if self.paths > PAGE_PATHS {
            let sentence = format!("more than {PAGE_PATHS} paths between two cursors");
            return Err(Error::wire(WireCode::TooLarge, sentence));
        }
        if part.part == 0 {
            self.snapshots.push(SnapshotDelta::of(part));
        } else if let Some(begun) = self.snapshots.last_mut() {
            begun.parts.push(part);
        }
        Ok(())
    }

    fn commits(&mut self, records: Vec<CommitRecord>) -> Result<(), Error> {
        let length = |it: &CommitRecord| msgpack::encoded_len(&it.clone().into());
        self.commit_bytes += records.iter().map(length).sum::<u64>();
        self.commits.extend(records);
        if self.commits.len() > limits::COMMITS || self.commit_bytes > PAGE_COMMIT_BYTES {
            let sentence = format!(
                "more than {} commits, or {PAGE_COMMIT_BYTES} bytes of them, between two cursors",
                limits::COMMITS
            );
            return Err(Error::wire(WireCode::TooLarge, sentence));
        }
        Ok(())
    }

    /// Keeps what came since the last cursor, with the offset behind it.
    fn hand_over(&mut self) -> Result<(), Error> {
        let mut staging = std::mem::replace(&mut self.staging, self.hub.objects.stage());
        if let Some(coming) = staging.take_coming() {
            self.staging.go_on(coming);
        }
        let page = Page {
            sealed: staging.finish()?,
            snapshots: std::mem::take(&mut self.snapshots),
            commits: std::mem::take(&mut self.commits),
            cursor: self.cursor.clone(),
            offset: self.decoder.offset(),
        };
        let came = std::mem::take(&mut self.objects);
        (self.paths, self.commit_bytes) = (0, 0);
        let keeping = self.hub.keep_page(&self.session, page, came, &mut self.manifests);
        self.session.state = self.runtime.block_on(keeping)?;
        digests::remember(self.session.id, self.session.state.offset, self.decoder.seen());
        Ok(())
    }
}

fn malformed(sentence: &str) -> Error {
    Error::wire(WireCode::Malformed, sentence)
}

/// What is wrong with the bytes, in the words of the wire.
fn of_stream(error: &StreamError) -> Error {
    let code = match error {
        StreamError::Cut { .. } | StreamError::Malformed { .. } => WireCode::Malformed,
        StreamError::TooLarge { .. } => WireCode::TooLarge,
        StreamError::Digest => WireCode::HashMismatch,
    };
    Error::wire(code, error.to_string())
}
