//! Objects on their way in: asked for, received, hashed, pending (`spec/wire.md` 4, 6.4).
//!
//! Invariant: what is answered depends on this repository and on this caller's own pending objects alone.

use std::{io::BufReader, sync::Arc};

use api::{
    Limits, WireCode,
    msgpack::Reader,
    wire::{
        Format, Missing, ObjectIds, ObjectSink, ObjectsError, PushRequest, Stored, limits,
        read_push, read_push_json, read_push_objects, read_push_objects_json,
    },
};
use db::Tx;
use keys::LeakScanner;
use names::{Id, ObjectId};
use objects::{Objects, Sealed, Staged, Staging, Uploader};
use trust::{Allowed, ResourceState, Visibility, act};
use web::{Call, Problem};

use super::{
    Answer, body,
    weights::{TOGETHER, Weight},
};
use crate::{
    Error, Format as Kept, Hub, NewRepository, Repository,
    intake::{HEAD, Heads, Leaks},
    repositories::{self, PushTarget},
};

/// How long a pending object is kept.
pub(crate) const PENDING: std::time::Duration = std::time::Duration::from_hours(24);
/// What a decoder asks the body for at once.
const READ_BUFFER: usize = 256 << 10;

pub(crate) type Upload = Allowed<act::RefPush, PushTarget>;

/// The ids that the repository does not hold and the caller has not uploaded.
pub(super) async fn filter_objects(
    hub: Hub,
    allowed: Upload,
    call: Call,
) -> Result<Answer, Problem> {
    let format = super::accepted(&call);
    let (message, _weight) = body::weighed(call, limits::PUSH_BODY_BYTES).await?;
    let ids = ObjectIds::parse(message, limits::IDS).map_err(Error::Wire)?.object_ids;
    let missing = hub.missing(&allowed, &ids).await?;
    Ok(Answer { format, body: Missing { missing }.into() })
}

/// Takes objects in. Each is hashed while it arrives; one wrong hash refuses them all.
pub(super) async fn push_objects(hub: Hub, allowed: Upload, call: Call) -> Result<Answer, Problem> {
    let format = super::accepted(&call);
    let encoding = Format::of_content_type(Some(call.header("content-type")));
    let announced = call.header("content-length").parse().unwrap_or(0);
    hub.check_announced(&allowed, announced).await?;
    let store = hub.objects.clone();
    let limits = body::limits(limits::PUSH_BODY_BYTES, &Arc::new(Weight::on(&TOGETHER)));
    let (sealed, repeated) =
        body::read(call.body, move |reader| stage(&store, encoding, reader, &limits)).await?;
    let staged = hub.objects.keep(sealed).await.map_err(Error::Objects)?;
    let mut tx = hub.trust.begin(allowed.actor()).await?;
    let repository = hub.target(&mut tx, &allowed).await?;
    let stored = hub.make_pending(&mut tx, &allowed, &repository, &staged).await?;
    tx.commit().await.map_err(Error::Db)?;
    let skipped = staged.objects().count() as u64 - stored + repeated;
    Ok(Answer { format, body: Stored { stored, skipped }.into() })
}

/// Hashes and writes the objects of a body. Gives them synced, and how many came more than once.
fn stage(
    store: &Objects,
    encoding: Format,
    reader: body::BodyReader,
    limits: &Limits,
) -> Result<(Sealed, u64), Error> {
    let mut sink = Sink { staging: store.stage(), taken: 0 };
    let mut buffered = BufReader::with_capacity(READ_BUFFER, reader);
    let outcome = match encoding {
        Format::MessagePack => {
            let mut reader = Reader::with_limits(&mut buffered, limits.clone());
            read_push_objects(&mut reader, &mut sink)
        }
        Format::Json => read_push_objects_json(&mut buffered, limits, &mut sink),
    };
    outcome.map_err(of_objects)?;
    buffered.into_inner().finish()?;
    let repeated = sink.taken - sink.staging.len() as u64;
    Ok((sink.staging.finish()?, repeated))
}

fn of_objects(error: ObjectsError<Error>) -> Error {
    match error {
        ObjectsError::Refused(refusal) => Error::Wire(refusal),
        ObjectsError::Io(error) => body::of_io(error),
        ObjectsError::Sink(error) => error,
    }
}

/// Objects that came inside a push.
pub(super) struct Carried {
    pub(super) sealed: Sealed,
    /// Their first bytes.
    pub(super) heads: Heads,
    /// What was left in them.
    pub(super) leaks: Leaks,
    /// The first that is not what the client says that it is.
    pub(super) wrong: Option<Error>,
}

/// Reads a push. Its objects are hashed and written while they arrive, like those of `push/objects`.
pub(super) fn take_push(
    store: &Objects,
    encoding: Format,
    reader: body::BodyReader,
    limits: &Limits,
) -> Result<(PushRequest, Carried), Error> {
    let sink = Sink { staging: store.stage(), taken: 0 };
    let mut sink = Patient {
        sink,
        head: Vec::new(),
        heads: Heads::new(),
        scanner: LeakScanner::default(),
        leaks: Leaks::new(),
        wrong: None,
    };
    let mut buffered = BufReader::with_capacity(READ_BUFFER, reader);
    let outcome = match encoding {
        Format::MessagePack => {
            read_push(&mut Reader::with_limits(&mut buffered, limits.clone()), &mut sink)
        }
        Format::Json => read_push_json(&mut buffered, limits, &mut sink),
    };
    let request = outcome.map_err(of_objects)?;
    buffered.into_inner().finish()?;
    let Patient { sink, heads, leaks, wrong, .. } = sink;
    Ok((request, Carried { sealed: sink.staging.finish()?, heads, leaks, wrong }))
}

/// Takes a wrong object for what it is and goes on: the name of the branch is judged before it (`spec/wire.md` 5), and
/// stands behind it.
struct Patient {
    sink: Sink,
    /// The first bytes of the object that is coming.
    head: Vec<u8>,
    heads: Heads,
    /// Looks through the object that is coming.
    scanner: LeakScanner,
    leaks: Leaks,
    wrong: Option<Error>,
}

impl ObjectSink for Patient {
    type Error = Error;

    fn begin(&mut self, size_bytes: u64) -> Result<(), Error> {
        self.head.clear();
        self.scanner = LeakScanner::default();
        if self.wrong.is_some() { Ok(()) } else { self.sink.begin(size_bytes) }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let room = HEAD.saturating_sub(self.head.len());
        self.head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.scanner.feed(bytes);
        if self.wrong.is_some() { Ok(()) } else { self.sink.write(bytes) }
    }

    fn end(&mut self, claimed: ObjectId) -> Result<(), Error> {
        if self.wrong.is_some() {
            return Ok(());
        }
        match self.sink.end(claimed) {
            Err(wrong @ Error::Wire(_)) => self.wrong = Some(wrong),
            other => {
                other?;
                self.heads.insert(claimed, std::mem::take(&mut self.head));
                let found = std::mem::take(&mut self.scanner).finish();
                if !found.is_empty() {
                    self.leaks.insert(claimed, found);
                }
            }
        }
        Ok(())
    }
}

/// Hashes each object and compares with what the client says that it is.
struct Sink {
    staging: Staging,
    taken: u64,
}

impl ObjectSink for Sink {
    type Error = Error;

    fn begin(&mut self, _: u64) -> Result<(), Error> {
        self.staging.begin();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        Ok(self.staging.write(bytes)?)
    }

    fn end(&mut self, claimed: ObjectId) -> Result<(), Error> {
        self.taken += 1;
        let id = self.staging.end()?;
        if id == claimed { Ok(()) } else { Err(mismatch(claimed, id)) }
    }
}

pub(crate) fn mismatch(claimed: ObjectId, computed: ObjectId) -> Error {
    let sentence = format!("object {claimed} has the id {computed} by its bytes; nothing was kept");
    Error::wire(WireCode::HashMismatch, sentence)
}

impl Hub {
    /// Which of `ids`, each once and in order, are neither linked here nor pending for the caller.
    pub(crate) async fn missing(
        &self,
        allowed: &Upload,
        ids: &[ObjectId],
    ) -> Result<Vec<ObjectId>, Error> {
        let mut seen = std::collections::HashSet::new();
        let mut missing: Vec<_> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
        // Every repository holds the empty object from the start (`spec/wire.md` D1).
        missing.retain(|id| *id != ObjectId::EMPTY);
        let PushTarget::Existing(repository) = allowed.resource() else { return Ok(missing) };
        let mut tx = self.db.glance().await?;
        let uploader = uploader(allowed, repository)?;
        let held = self.objects.available(&mut tx, uploader, &missing).await?;
        missing.retain(|id| !held.contains_key(id));
        Ok(missing)
    }

    /// The repository that an upload goes to, as it is in this transaction. On the first upload to a free name in
    /// one's own space this makes a hidden row that only the caller's pushes see.
    pub(crate) async fn target(&self, tx: &mut Tx, allowed: &Upload) -> Result<Repository, Error> {
        self.target_of(tx, allowed, Kept::Muse).await
    }

    /// The same for a push of that format; refuses a repository of the other.
    pub(crate) async fn target_of(
        &self,
        tx: &mut Tx,
        allowed: &Upload,
        format: Kept,
    ) -> Result<Repository, Error> {
        let target = self.found_or_made(tx, allowed, format).await?;
        if target.format == format { Ok(target) } else { Err(other_format(&target)) }
    }

    async fn found_or_made(
        &self,
        tx: &mut Tx,
        allowed: &Upload,
        format: Kept,
    ) -> Result<Repository, Error> {
        let (owner, name) = match allowed.resource() {
            PushTarget::Existing(repository) => (repository.resource.owner, &repository.name),
            PushTarget::Absent { space, name } => (space.id.ok_or(Error::NotFound)?, name),
        };
        let readers = allowed.actor().readers();
        if let Some(repository) = repositories::find(tx, owner, name, readers).await? {
            return Ok(repository);
        }
        // Of several first pushes at once one makes it, and the others find it.
        self.trust.hold_namespace(tx, owner).await?;
        if let Some(repository) = repositories::find(tx, owner, name, readers).await? {
            return Ok(repository);
        }
        match allowed.resource() {
            PushTarget::Absent { space, name } => {
                let new = NewRepository {
                    name: name.clone(),
                    visibility: Visibility::Private,
                    format,
                    description: String::new(),
                    default_branch: default_branch()?,
                };
                self.insert(tx, space, new, ResourceState::Nascent).await
            }
            PushTarget::Existing(_) => Err(Error::NotFound),
        }
    }

    /// Refuses what could not be kept by the length that it announces.
    pub(crate) async fn check_announced(
        &self,
        allowed: &Upload,
        announced: u64,
    ) -> Result<(), Error> {
        match allowed.resource() {
            PushTarget::Existing(it) => {
                self.check_room(it.resource.owner, Some(it), it.full_name(), announced).await
            }
            PushTarget::Absent { space, name } => {
                let owner = space.id.ok_or(Error::NotFound)?;
                let name = format!("{}/{name}", space.handle);
                self.check_room(owner, None, name, announced).await
            }
        }
    }

    /// Writes the rows of what was staged, pending for the caller. Gives the number of objects that were not.
    pub(crate) async fn make_pending(
        &self,
        tx: &mut Tx,
        allowed: &Upload,
        repository: &Repository,
        staged: &Staged,
    ) -> Result<u64, Error> {
        self.objects.register(tx, staged).await?;
        let ids: Vec<_> = staged.objects().map(|(id, _)| id).collect();
        let uploader = uploader(allowed, repository)?;
        Ok(self.objects.make_pending(tx, uploader, &ids, PENDING).await?)
    }
}

/// Who pushes.
pub(crate) fn principal(allowed: &Upload) -> Result<Id<trust::Principal>, Error> {
    Ok(allowed.actor().principal().ok_or(Error::NotFound)?.id)
}

/// Whose pending objects they are, and where.
pub(crate) fn uploader(allowed: &Upload, repository: &Repository) -> Result<Uploader, Error> {
    Ok(Uploader { repository: repository.id.uuid(), principal: principal(allowed)?.uuid() })
}

/// Refuses on the Muse wire what is kept as something else.
pub(crate) fn muse(it: &Repository) -> Result<(), Error> {
    if it.format == Kept::Muse { Ok(()) } else { Err(other_format(it)) }
}

/// What whoever comes with the other tool is told.
pub(crate) fn other_format(it: &Repository) -> Error {
    let (name, tool) = (
        it.full_name(),
        match it.format {
            Kept::Muse => "motet or muse",
            Kept::Git => "git",
        },
    );
    let sentence =
        format!("{name} is a repository of the format {}; use {tool} with it", it.format);
    Error::wire(WireCode::Forbidden, sentence)
}

fn default_branch() -> Result<names::BranchName, Error> {
    "main".parse().map_err(|error| Error::Broken(format!("`main` is a branch name: {error}")))
}
