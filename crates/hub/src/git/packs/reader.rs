//! One object at a time, on a thread that may block.

use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
    fmt::Display,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use gix_object::{Find as _, Kind};
use gix_odb::{HandleArc, Header as _};
use history::{
    git::{GitCommit, GitTag, MAX_COMMIT_BYTES, MAX_TAG_BYTES, MAX_TREE_BYTES, Tagged, tree_node},
    tree::Node,
};
use names::{CommitId, NodeId, ObjectId};

use super::{DELTA_BYTES, Packs, WHOLE_BYTES, large};
use crate::Error;

/// The name that Git gives a directory without entries, whether or not anybody wrote it down.
const EMPTY_TREE: [u8; 20] =
    *b"\x4b\x82\x5d\xc6\x42\xcb\x6e\xb9\xa0\x60\xe5\x4b\xf8\xd6\x92\x88\xfb\xee\x49\x04";
/// An object may be made out of so many others, one after the other: the most that Git writes.
const MOST_DELTAS: u32 = 4_095;
/// Tags of tags that are followed.
const MOST_TAGS: usize = 50;

/// What is known of an object before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(super) kind: Kind,
    pub(crate) size: u64,
    deltas: u32,
}

/// What a name leads to, through tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peeled {
    /// A commit.
    Commit(CommitId),
    /// A directory or a file.
    Other,
}

/// Reads objects. Belongs to one thread.
pub(crate) struct Reader {
    packs: Packs,
    /// One a place, opened when it is first asked.
    handles: RefCell<Vec<HandleArc>>,
    waited: Arc<AtomicBool>,
}

/// The object, as errors name it.
fn object(id: &[u8; 20]) -> ObjectId {
    ObjectId::from_sha1(*id)
}

/// The twenty bytes of a name that a history of Git has.
pub(super) fn sha1(id: Option<[u8; 20]>) -> Result<[u8; 20], Error> {
    id.ok_or_else(|| Error::Broken("a name in a history of Git is none of Git's".to_owned()))
}

impl Reader {
    pub(super) fn new(packs: Packs, waited: Arc<AtomicBool>) -> Self {
        Self { packs, handles: RefCell::default(), waited }
    }

    /// Ends what nobody waits for.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.waited.load(Ordering::Relaxed) { Ok(()) } else { Err(Error::Slow) }
    }

    /// Asks one place after the other; all of them once more, opened anew, where that fails: packs may have been joined in
    /// the middle of it.
    fn ask<T, E: Display>(
        &self,
        id: &[u8; 20],
        ask: impl Fn(&HandleArc) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, Error> {
        self.check()?;
        let failed = match self.ask_once(false, &ask)? {
            Ok(found) => return Ok(found),
            Err(failed) => failed,
        };
        tracing::debug!(object = %object(id), error = %failed, "packs are opened again");
        self.ask_once(true, &ask)?.map_err(|error| {
            tracing::error!(object = %object(id), %error, "an object of git cannot be read");
            objects::Error::Corrupt(object(id)).into()
        })
    }

    fn ask_once<T, E>(
        &self,
        anew: bool,
        ask: &impl Fn(&HandleArc) -> Result<Option<T>, E>,
    ) -> Result<Result<Option<T>, E>, Error> {
        let mut handles = self.handles.borrow_mut();
        if anew {
            handles.clear();
        }
        for (at, place) in self.packs.places().enumerate() {
            if handles.len() <= at {
                handles.push(place.handle(anew).map_err(objects::Error::Io)?);
            }
            let Some(handle) = handles.get(at) else { continue };
            match ask(handle) {
                Ok(None) => {}
                found => return Ok(found),
            }
        }
        Ok(Ok(None))
    }

    /// What is known of an object before it is read; nothing if it is not there.
    fn head(&self, id: &[u8; 20]) -> Result<Option<Head>, Error> {
        let name = gix_hash::ObjectId::from(*id);
        let found = self.ask(id, |handle| handle.try_header(&name))?;
        Ok(found.map(|it| {
            let deltas = it.num_deltas().unwrap_or_default();
            Head { kind: it.kind(), size: it.size(), deltas }
        }))
    }

    /// An object that is known to be there and not too long.
    fn whole(&self, id: &[u8; 20], head: Head) -> Result<Vec<u8>, Error> {
        if head.deltas > MOST_DELTAS {
            return Err(Error::TooLarge("an object that is made of too many others is not read"));
        }
        let name = gix_hash::ObjectId::from(*id);
        let large = &self.packs.0.shared.large;
        let _alone =
            (head.size > WHOLE_BYTES).then(|| large.lock().unwrap_or_else(PoisonError::into_inner));
        let found = self.ask(id, |handle| {
            let mut bytes = Vec::new();
            let found = handle.try_find(&name, &mut bytes).map(|it| it.map(|it| it.kind));
            found.map(|it| it.map(|kind| (kind, bytes)))
        })?;
        let (kind, bytes) = found.ok_or(objects::Error::Missing(object(id)))?;
        let hashed = gix_object::compute_hash(gix_hash::Kind::Sha1, kind, &bytes);
        if kind != head.kind || !hashed.is_ok_and(|it| it == name) {
            return Err(objects::Error::Corrupt(object(id)).into());
        }
        Ok(bytes)
    }

    /// An object of that kind with at most so many bytes; nothing if there is none of that name and kind.
    fn of_kind(&self, id: &[u8; 20], kind: Kind, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let head = self.head(id)?.filter(|it| it.kind == kind);
        let Some(head) = head else { return Ok(None) };
        if head.size > most {
            return Err(Error::TooLarge("a directory, commit or tag of such a length is not read"));
        }
        self.whole(id, head).map(Some)
    }

    /// A directory. One that is missing is a broken tree.
    pub(crate) fn node(&self, id: NodeId) -> Result<Arc<Node>, Error> {
        self.node_with(id, true)
    }

    /// The same without the sizes of its files, each of which would have to be looked up.
    pub(crate) fn shape(&self, id: NodeId) -> Result<Arc<Node>, Error> {
        let nodes = &self.packs.0.shared.nodes;
        match nodes.get(&(self.packs.0.serial, id, true)) {
            Some(node) => Ok(node),
            None => self.node_with(id, false),
        }
    }

    fn node_with(&self, id: NodeId, sizes: bool) -> Result<Arc<Node>, Error> {
        let place = (self.packs.0.serial, id, sizes);
        if let Some(node) = self.packs.0.shared.nodes.get(&place) {
            return Ok(node);
        }
        let bytes = self.tree(id)?;
        // One content may stand under many names.
        let mut known = HashMap::new();
        let size = |object| match known.entry(object) {
            _ if !sizes => Ok(0),
            Entry::Occupied(found) => Ok(*found.get()),
            Entry::Vacant(free) => self.size(object).map(|size| *free.insert(size)),
        };
        let node = Arc::new(tree_node(&bytes, size)?);
        self.packs.0.shared.nodes.insert(place, Arc::clone(&node));
        Ok(node)
    }

    /// A directory as it is stored. One that is missing is a broken tree.
    pub(crate) fn tree(&self, id: NodeId) -> Result<Vec<u8>, Error> {
        let name = sha1(id.sha1())?;
        match self.of_kind(&name, Kind::Tree, MAX_TREE_BYTES)? {
            Some(bytes) => Ok(bytes),
            None if name == EMPTY_TREE => Ok(Vec::new()),
            None => Err(Error::Broken(format!("the directory {id} is missing"))),
        }
    }

    /// How many bytes a directory has as it is stored.
    pub(crate) fn node_bytes(&self, id: NodeId) -> Result<u64, Error> {
        Ok(self.head(&sha1(id.sha1())?)?.map_or(0, |it| it.size))
    }

    /// How many bytes a file has.
    pub(crate) fn size(&self, id: ObjectId) -> Result<u64, Error> {
        let head = self.head(&sha1(id.sha1())?)?;
        Ok(head.ok_or(objects::Error::Missing(id))?.size)
    }

    /// A commit, and its bytes; nothing if there is none of that name.
    pub(crate) fn commit(&self, id: CommitId) -> Result<Option<(GitCommit, Vec<u8>)>, Error> {
        let found = self.of_kind(&sha1(id.sha1())?, Kind::Commit, MAX_COMMIT_BYTES as u64)?;
        found.map(|bytes| Ok((GitCommit::parse(&bytes)?, bytes))).transpose()
    }

    /// A tag, and its bytes; nothing if there is none of that name.
    pub(crate) fn tag(&self, id: ObjectId) -> Result<Option<(GitTag, Vec<u8>)>, Error> {
        let found = self.of_kind(&sha1(id.sha1())?, Kind::Tag, MAX_TAG_BYTES as u64)?;
        found.map(|bytes| Ok((GitTag::parse(&bytes)?, bytes))).transpose()
    }

    /// What a name leads to, through tags; nothing if there is nothing of that name.
    pub(crate) fn peel(&self, id: ObjectId) -> Result<Option<Peeled>, Error> {
        let mut at = id;
        for _ in 0..MOST_TAGS {
            let Some(head) = self.head(&sha1(at.sha1())?)? else { return Ok(None) };
            match head.kind {
                Kind::Commit => {
                    return Ok(Some(Peeled::Commit(CommitId::from_bytes(*at.as_bytes()))));
                }
                Kind::Tree | Kind::Blob => return Ok(Some(Peeled::Other)),
                Kind::Tag => {}
            }
            let Some((tag, _)) = self.tag(at)? else { return Ok(None) };
            at = match tag.target {
                Tagged::Commit(id) => ObjectId::from_bytes(*id.as_bytes()),
                Tagged::Tag(id) | Tagged::Blob(id) => id,
                Tagged::Tree(id) => ObjectId::from_bytes(*id.as_bytes()),
            };
        }
        Err(Error::TooLarge("tags of tags are not followed so far"))
    }

    /// A file, or its first `limit` bytes, and its length. All of it is hashed either way.
    pub(crate) fn bytes(&self, id: ObjectId, limit: u64) -> Result<(Vec<u8>, u64), Error> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        let size = self.hashed(id, &mut |piece| {
            let left = most.saturating_sub(bytes.len());
            bytes.extend_from_slice(piece.get(..left).unwrap_or(piece));
        })?;
        Ok((bytes, size))
    }

    /// A file in pieces, once all of it has been hashed; gives its length. Ends early where nobody takes them.
    pub(crate) fn pieces(
        &self,
        id: ObjectId,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Error> {
        let (name, head) = self.file(id)?;
        if let Some(stream) = self.stream(&name, head)? {
            self.hashed(id, &mut |_| {})?;
            return stream.read(each).map_err(|error| self.unreadable(id, &error));
        }
        let bytes = self.whole(&name, head)?;
        // Whoever takes no more has gone.
        let _taken = bytes.chunks(large::PIECE_BYTES).all(each);
        Ok(())
    }

    /// Reads a file to its end and hashes it; gives its length.
    fn hashed(&self, id: ObjectId, each: &mut dyn FnMut(&[u8])) -> Result<u64, Error> {
        let (name, head) = self.file(id)?;
        let Some(stream) = self.stream(&name, head)? else {
            each(&self.whole(&name, head)?);
            return Ok(head.size);
        };
        let mut hasher = gix_hash::hasher(gix_hash::Kind::Sha1);
        hasher.update(format!("blob {}\0", head.size).as_bytes());
        let mut read = 0;
        let streamed = stream.read(&mut |piece| {
            hasher.update(piece);
            read += piece.len() as u64;
            each(piece);
            self.check().is_ok()
        });
        streamed.map_err(|error| self.unreadable(id, &error))?;
        self.check()?;
        let is_sound = hasher.try_finalize().is_ok_and(|it| it == gix_hash::ObjectId::from(name));
        if read == head.size && is_sound {
            Ok(read)
        } else {
            Err(objects::Error::Corrupt(id).into())
        }
    }

    fn unreadable(&self, id: ObjectId, error: &std::io::Error) -> Error {
        tracing::error!(object = %id, %error, dir = ?self.packs, "an object of git cannot be read");
        objects::Error::Corrupt(id).into()
    }

    fn file(&self, id: ObjectId) -> Result<([u8; 20], Head), Error> {
        let name = sha1(id.sha1())?;
        let head = self.head(&name)?.filter(|it| it.kind == Kind::Blob);
        Ok((name, head.ok_or(objects::Error::Missing(id))?))
    }

    /// Where a long file can be read from without holding it; nothing for one that is held, or made of another one.
    fn stream(&self, name: &[u8; 20], head: Head) -> Result<Option<large::Stream>, Error> {
        if head.size <= WHOLE_BYTES {
            return Ok(None);
        }
        for place in self.packs.places() {
            let found = large::find(&place.objects, name);
            let found = found.map_err(|error| self.unreadable(object(name), &error))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        if head.size > DELTA_BYTES {
            let sentence =
                "a file of such a length is read only where it is not made of another one";
            return Err(Error::TooLarge(sentence));
        }
        Ok(None)
    }
}
