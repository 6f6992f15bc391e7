//! Directories that are being changed: read out of packs as far as they have to be, and written where something changed.
//!
//! Names are bytes, as Git keeps them; paths name them as they are shown. Whatever is not touched stays what it was, with its
//! mode.

use std::collections::BTreeMap;

use api::WireCode;
use history::{
    git::{read_tree, shown_name, write_tree},
    tree::{Kind, Mode},
};
use names::{NodeId, ObjectId, RepoPath};

use super::packs::Reader;
use crate::Error;

type Name = Box<[u8]>;

/// A file: what it holds, and what it is.
pub(super) type File = (ObjectId, Mode);

/// A tree that is being changed.
pub(super) struct Outline<'a> {
    reader: &'a Reader,
    root: Dir,
}

#[derive(Default)]
struct Dir(BTreeMap<Name, Item>);

enum Item {
    /// As it is stored.
    Kept(Kind, Mode),
    /// A directory that was looked into.
    Open(Dir),
}

impl<'a> Outline<'a> {
    /// That of a commit; nothing of the first.
    pub(super) fn of(reader: &'a Reader, tree: Option<NodeId>) -> Result<Self, Error> {
        let root = tree.map(|id| Dir::read(reader, id)).transpose()?.unwrap_or_default();
        Ok(Self { reader, root })
    }

    /// The file at a path.
    pub(super) fn find(&mut self, path: &RepoPath) -> Result<Option<File>, Error> {
        let Some((dir, name)) = self.root.parent(self.reader, path, false)? else {
            return Ok(None);
        };
        Ok(dir.0.get(&name).and_then(Item::file))
    }

    /// Takes the file at a path away.
    pub(super) fn take(&mut self, path: &RepoPath) -> Result<Option<File>, Error> {
        let Some((dir, name)) = self.root.parent(self.reader, path, false)? else {
            return Ok(None);
        };
        let found = dir.0.get(&name).and_then(Item::file);
        if found.is_some() {
            dir.0.remove(&name);
        }
        Ok(found)
    }

    /// Puts a file at a path, where nothing or another file is.
    pub(super) fn put(&mut self, path: &RepoPath, (object, mode): File) -> Result<(), Error> {
        let found = self.root.parent(self.reader, path, true)?;
        let (dir, name) = found.ok_or_else(|| conflict(path, "has no name"))?;
        match dir.0.get(&name) {
            None => check_name(path, path.file_name())?,
            Some(Item::Open(below)) if below.holds_nothing() => {}
            Some(Item::Kept(Kind::File(_), _)) => {}
            Some(Item::Kept(Kind::Module(_), _)) => {
                return Err(conflict(path, "is a submodule, and cannot be a file as well"));
            }
            Some(Item::Open(_) | Item::Kept(Kind::Directory(_), _)) => {
                return Err(conflict(path, "is a directory, and cannot be a file as well"));
            }
        }
        dir.0.insert(name, Item::Kept(Kind::File(object), mode));
        Ok(())
    }

    /// Writes every directory that changed; gives the root.
    pub(super) fn write(
        self,
        keep: &mut impl FnMut(Vec<u8>) -> Result<NodeId, Error>,
    ) -> Result<NodeId, Error> {
        match self.root.write(keep)? {
            Some(id) => Ok(id),
            None => keep(Vec::new()),
        }
    }
}

impl Item {
    const fn file(&self) -> Option<File> {
        match self {
            Self::Kept(Kind::File(object), mode) => Some((*object, *mode)),
            Self::Kept(Kind::Directory(_) | Kind::Module(_), _) | Self::Open(_) => None,
        }
    }
}

impl Dir {
    fn read(reader: &Reader, id: NodeId) -> Result<Self, Error> {
        let bytes = reader.tree(id)?;
        let entries = read_tree(&bytes)?;
        let item =
            |it: history::git::TreeEntry<'_>| (Box::from(it.name), Item::Kept(it.kind, it.mode));
        Ok(Self(entries.into_iter().map(item).collect()))
    }

    /// The directory in which a path ends, and the name there. Those on the way are made, if they shall be.
    fn parent<'d>(
        &'d mut self,
        reader: &Reader,
        path: &RepoPath,
        makes: bool,
    ) -> Result<Option<(&'d mut Self, Name)>, Error> {
        let mut segments = path.segments().peekable();
        let mut at = self;
        while let Some(segment) = segments.next() {
            let name = at.stored(segment);
            if segments.peek().is_none() {
                return Ok(Some((at, name)));
            }
            if makes && !at.0.contains_key(&name) {
                check_name(path, segment)?;
                at.0.insert(name.clone(), Item::Open(Self::default()));
            }
            let Some(item) = at.0.get_mut(&name) else { return Ok(None) };
            if let Item::Kept(Kind::Directory(id), _) = item {
                *item = Item::Open(Self::read(reader, *id)?);
            }
            match item {
                Item::Open(below) => at = below,
                Item::Kept(..) if makes => {
                    return Err(conflict(path, "is below a file, which is no directory as well"));
                }
                Item::Kept(..) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The name that is shown so.
    fn stored(&self, shown: &str) -> Name {
        let plain: Name = Box::from(shown.as_bytes());
        // Without an escape a name is shown as it is.
        if !shown.contains('\\') {
            return plain;
        }
        self.0.keys().find(|it| shown_name(it) == shown).cloned().unwrap_or(plain)
    }

    fn holds_nothing(&self) -> bool {
        self.0.values().all(|it| matches!(it, Item::Open(below) if below.holds_nothing()))
    }

    /// Nothing for one that is empty: Git keeps none.
    fn write(
        self,
        keep: &mut impl FnMut(Vec<u8>) -> Result<NodeId, Error>,
    ) -> Result<Option<NodeId>, Error> {
        let mut entries = BTreeMap::new();
        for (name, item) in self.0 {
            let entry = match item {
                Item::Kept(kind, mode) => Some((kind, mode)),
                Item::Open(below) => {
                    below.write(keep)?.map(|id| (Kind::Directory(id), Mode::Plain))
                }
            };
            entries.extend(entry.map(|entry| (name, entry)));
        }
        if entries.is_empty() {
            return Ok(None);
        }
        let bytes = write_tree(&entries);
        keep(bytes.ok_or_else(|| Error::Broken("a directory holds other names".to_owned()))?)
            .map(Some)
    }
}

/// A name that would be shown as another one is given to no file here.
fn check_name(path: &RepoPath, segment: &str) -> Result<(), Error> {
    if shown_name(segment.as_bytes()) == segment {
        return Ok(());
    }
    Err(conflict(path, "has a name with what is read as an escape"))
}

fn conflict(path: &RepoPath, what: &str) -> Error {
    Error::wire(WireCode::PathConflict, format!("`{path}` {what}"))
}
