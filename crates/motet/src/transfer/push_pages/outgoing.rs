//! A stream on its way out, page by page: it holds a piece of it, and of the history what stands before the next cursor.

use std::io::Read as _;

use api::{
    CommitRecord, msgpack,
    stream::{Begin, Frame, LargeObject, SmallObject, SnapshotPart, StreamKind, Writer, limits},
    wire2::PushState,
};
use history::{
    Fault,
    worktree::{WorkingCopy, WorktreeError},
};
use names::{CommitId, Hasher, ObjectId};

use super::super::TransferError;
use crate::{
    client::{Flight, OpenedPush, Wire},
    progress::Progress,
};

/// What is read from a file, and handed to the connection, at once.
const PIECE_BYTES: usize = 512 << 10;
/// Small objects and commits that travel in one frame.
const FRAME_BYTES: u64 = 512 << 10;
/// After so many bytes a request ends, behind a cursor.
const REQUEST_BYTES: u64 = 64 << 20;

/// What was sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    pub(super) objects: u64,
    pub(super) object_bytes: u64,
}

/// A request under way, with what is written into it.
struct Request {
    flight: Flight,
    writer: Writer,
    /// Where it began.
    from: u64,
}

/// The stream of one push.
pub(super) struct Outgoing<'a> {
    copy: &'a WorkingCopy,
    wire: Wire<'a>,
    push: &'a OpenedPush,
    progress: &'a Progress,
    tips: Vec<CommitId>,
    state: PushState,
    request: Option<Request>,
    /// Where the last cursor stands.
    closed: u64,
    small: Vec<SmallObject>,
    small_bytes: u64,
    commits: Vec<CommitRecord>,
    commit_bytes: u64,
    sent: Sent,
}

impl<'a> Outgoing<'a> {
    /// One that goes on where the push stands.
    pub(super) fn new(
        (copy, wire, progress): (&'a WorkingCopy, Wire<'a>, &'a Progress),
        push: &'a OpenedPush,
        tips: Vec<CommitId>,
        state: PushState,
    ) -> Self {
        let closed = state.offset;
        Self {
            copy,
            wire,
            push,
            progress,
            tips,
            state,
            request: None,
            closed,
            small: Vec::new(),
            small_bytes: 0,
            commits: Vec::new(),
            commit_bytes: 0,
            sent: Sent::default(),
        }
    }

    /// Sends an object.
    pub(super) async fn object(&mut self, id: ObjectId) -> Result<(), TransferError> {
        let damaged = |reason: &str| WorktreeError::Damaged {
            path: format!(".muse/objects/{id}"),
            reason: reason.to_owned(),
        };
        let mut file = self.copy.open_object(&id)?.ok_or_else(|| damaged("it is not there"))?;
        let unread = |error: std::io::Error| damaged(&error.to_string());
        let size = file.metadata().map_err(unread)?.len();
        self.sent.objects += 1;
        self.sent.object_bytes += size;
        if size <= limits::SMALL_OBJECT_BYTES as u64 {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(unread)?;
            let computed = ObjectId::of(&bytes);
            if computed != id {
                return Err(Fault::ObjectMismatch { claimed: id, computed }.into());
            }
            self.small_bytes += bytes.len() as u64;
            self.small.push(SmallObject { id, bytes });
            if self.small_bytes >= FRAME_BYTES {
                self.small_objects().await?;
            }
            return self.page_may_end().await;
        }
        let max_bytes = limits::OBJECT_BYTES;
        if size > max_bytes {
            return Err(TransferError::TooLarge { object: id, max_bytes });
        }
        self.small_objects().await?;
        // No commit can stand in the middle of an object.
        self.waiting_commits().await?;
        let kept = self.state.part.filter(|(kept, bytes)| *kept == id && *bytes < size);
        let kept = kept.map_or(0, |(_, bytes)| bytes);
        let head = |offset| Frame::Object(LargeObject { id, size, offset });
        let (mut hasher, mut piece, mut at) = (Hasher::default(), vec![0; PIECE_BYTES], 0);
        loop {
            // What was kept there is read, so that the whole is known to be what it is called, and not sent.
            let end = if at < kept { kept } else { size };
            let room = usize::try_from(end - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
            let length = file.read(piece.get_mut(..room).unwrap_or_default()).map_err(unread)?;
            if at == kept {
                self.put(head(at)).await?;
            }
            if length == 0 {
                break;
            }
            let bytes = piece.get(..length).unwrap_or_default();
            hasher.update(bytes);
            if at >= kept {
                self.put(Frame::Data(bytes.to_vec())).await?;
            }
            at += length as u64;
            if at > kept && at < size && self.page_bytes() >= limits::PAGE_BYTES {
                self.cursor().await?;
                self.put(head(at)).await?;
            }
        }
        let computed = ObjectId::from_bytes(hasher.finish());
        if computed != id {
            return Err(Fault::ObjectMismatch { claimed: id, computed }.into());
        }
        self.put(Frame::ObjectEnd(id)).await?;
        self.page_may_end().await
    }

    /// Sends a snapshot, whose objects are there or were sent.
    pub(super) async fn snapshot(&mut self, parts: Vec<SnapshotPart>) -> Result<(), TransferError> {
        self.small_objects().await?;
        for part in parts {
            self.put(Frame::Snapshot(part)).await?;
        }
        Ok(())
    }

    /// Sends a commit, whose snapshot and parents are there or were sent.
    pub(super) async fn commit(&mut self, record: CommitRecord) -> Result<(), TransferError> {
        self.commit_bytes += msgpack::encoded_len(&record.clone().into());
        self.commits.push(record);
        self.progress.advance(1);
        if self.commits.len() >= limits::COMMITS {
            return self.cursor().await;
        }
        self.page_may_end().await
    }

    /// Sends what is left; gives what was sent in all.
    pub(super) async fn finish(mut self) -> Result<Sent, TransferError> {
        if self.request.is_some() || !self.small.is_empty() || !self.commits.is_empty() {
            self.cursor().await?;
        }
        if let Some(request) = &mut self.request {
            request.writer.end(false)?;
            self.land().await?;
        }
        Ok(self.sent)
    }

    /// Bytes since the last cursor, those that wait among them.
    fn page_bytes(&self) -> u64 {
        let written = self.request.as_ref().map_or(self.closed, |it| it.writer.bytes());
        written.saturating_sub(self.closed) + self.small_bytes + self.commit_bytes
    }

    async fn page_may_end(&mut self) -> Result<(), TransferError> {
        if self.page_bytes() >= limits::PAGE_BYTES { self.cursor().await } else { Ok(()) }
    }

    /// Ends a page: what stands before it is closed.
    async fn cursor(&mut self) -> Result<(), TransferError> {
        self.small_objects().await?;
        self.waiting_commits().await?;
        // Where the stream goes on is asked of the server; the text is for those who look.
        let page = self.request.as_ref().map_or(0, |it| it.writer.bytes());
        self.put(Frame::Cursor(format!("at {page}"))).await?;
        let Some(request) = &self.request else { return Ok(()) };
        self.closed = request.writer.bytes();
        if self.closed - request.from >= REQUEST_BYTES {
            return self.land().await;
        }
        self.flush().await
    }

    /// Sends the commits that wait.
    async fn waiting_commits(&mut self) -> Result<(), TransferError> {
        let (mut frame, mut bytes) = (Vec::new(), 0);
        for record in std::mem::take(&mut self.commits) {
            let length = msgpack::encoded_len(&record.clone().into());
            if bytes + length > FRAME_BYTES && !frame.is_empty() {
                self.put(Frame::Commits(std::mem::take(&mut frame))).await?;
                bytes = 0;
            }
            bytes += length;
            frame.push(record);
        }
        if !frame.is_empty() {
            self.put(Frame::Commits(frame)).await?;
        }
        self.commit_bytes = 0;
        Ok(())
    }

    async fn small_objects(&mut self) -> Result<(), TransferError> {
        if self.small.is_empty() {
            return Ok(());
        }
        self.small_bytes = 0;
        let objects = std::mem::take(&mut self.small);
        self.put(Frame::Objects(objects)).await
    }

    async fn put(&mut self, frame: Frame) -> Result<(), TransferError> {
        let mut request = match self.request.take() {
            Some(request) => request,
            None => self.begin()?,
        };
        let written = request.writer.write(frame);
        let is_full = request.writer.waiting() >= PIECE_BYTES;
        self.request = Some(request);
        written?;
        if is_full { self.flush().await } else { Ok(()) }
    }

    /// A request that goes on where the push stands.
    fn begin(&self) -> Result<Request, TransferError> {
        let from = self.state.offset;
        let flight = self.wire.take_off(self.push, from)?;
        let writer = match from {
            0 => Writer::begin(Begin {
                kind: StreamKind::Push,
                repo_id: String::new(),
                want: self.tips.clone(),
                common: Vec::new(),
                cursor: None,
            })?,
            from => Writer::resumed(from),
        };
        Ok(Request { flight, writer, from })
    }

    /// Hands what was written to the connection.
    async fn flush(&mut self) -> Result<(), TransferError> {
        let Some(request) = &mut self.request else { return Ok(()) };
        let piece = request.writer.take_written();
        if piece.is_empty() || self.wire.send_piece(&request.flight, piece.into()).await? {
            return Ok(());
        }
        // The server has answered before the end: it says why.
        self.land().await?;
        Err(TransferError::Delta("the server takes no more, and does not say why".to_owned()))
    }

    /// Ends a request and hears where the push stands.
    async fn land(&mut self) -> Result<(), TransferError> {
        let Some(Request { flight, mut writer, .. }) = self.request.take() else { return Ok(()) };
        let piece = writer.take_written();
        if !piece.is_empty() {
            // If it is not taken any more, the answer says why.
            let _is_taken = self.wire.send_piece(&flight, piece.into()).await?;
        }
        self.state = self.wire.land(flight).await?;
        self.closed = self.state.offset;
        if self.state.offset != writer.bytes() {
            let what = format!(
                "the server stands at byte {} of {} that were sent",
                self.state.offset,
                writer.bytes()
            );
            return Err(TransferError::Delta(what));
        }
        Ok(())
    }
}
