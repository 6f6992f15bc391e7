//! The bytes of a node, which name it. One form only: whatever decodes encodes to the same bytes.
//!
//! ```text
//! node   = 4d 54 01                      "MT", version 1
//!          count                         number of entries
//!          entry × count                 strictly ascending, a directory as if its name ended in `/`
//! entry  = kind                          one byte: 0 file, 1 directory, 2 file that may be run, 3 link, 4 submodule
//!          length, name                  one segment of a path, 1 to 255 bytes of UTF-8
//!          id                            32 bytes: object, node or commit
//!          size                          bytes of the file, or of all files below
//!          files                         directories only: number of files below, 1 or more
//! count, length, size, files             unsigned LEB128, shortest form
//! ```
//!
//! Only the root of the empty snapshot has no entries: directories without files are not versioned.

use names::{CommitId, NodeId, ObjectId, RepoPath};

use super::node::{Entry, Kind, Mode, Node};

const HEAD: &[u8; 3] = b"MT\x01";
const FILE: u8 = 0;
const DIRECTORY: u8 = 1;
const EXECUTABLE: u8 = 2;
const LINK: u8 = 3;
const MODULE: u8 = 4;
/// The least that an entry takes: kind, length, a name of one byte, id, size. Bounds what a false count can
/// make us reserve.
const LEAST_ENTRY_BYTES: usize = 36;

/// Why bytes are not a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// Other bytes at the front.
    #[error("not a tree node of version 1")]
    Head,
    /// They end too early, or too late.
    #[error("the tree node is cut short or has bytes behind its end")]
    Length,
    /// A number that is too large, or longer than it need be.
    #[error("a number in the tree node is not in its shortest form")]
    Number,
    /// Of no known kind.
    #[error("an entry of the tree node is of no known kind")]
    Kind,
    /// Not one segment of a path.
    #[error("a name in the tree node is not a segment of a path")]
    Name,
    /// Not ascending, or one name twice.
    #[error("the entries of the tree node are out of order or repeat a name")]
    Order,
    /// A directory without files.
    #[error("a directory in the tree node holds no files")]
    EmptyDirectory,
}

impl Node {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + self.entries.len() * 56);
        bytes.extend_from_slice(HEAD);
        put_number(&mut bytes, self.entries.len() as u64);
        for entry in &self.entries {
            let (kind, id) = match &entry.kind {
                Kind::File(object) => match entry.mode {
                    Mode::Plain | Mode::Module => (FILE, object.as_bytes()),
                    Mode::Executable => (EXECUTABLE, object.as_bytes()),
                    Mode::Link => (LINK, object.as_bytes()),
                },
                Kind::Directory(node) => (DIRECTORY, node.as_bytes()),
                Kind::Module(commit) => (MODULE, commit.as_bytes()),
            };
            bytes.push(kind);
            put_number(&mut bytes, entry.name.len() as u64);
            bytes.extend_from_slice(entry.name.as_bytes());
            bytes.extend_from_slice(id);
            put_number(&mut bytes, entry.size);
            if entry.is_directory() {
                put_number(&mut bytes, u64::from(entry.files));
            }
        }
        bytes
    }

    /// The id: SHA-256 of the canonical bytes.
    pub fn id(&self) -> NodeId {
        NodeId::of(&self.encode())
    }

    /// Reads canonical bytes; anything else is an error, never a panic or a guess.
    pub fn decode(bytes: &[u8]) -> Result<Self, NodeError> {
        let mut rest = Rest(bytes.strip_prefix(HEAD).ok_or(NodeError::Head)?);
        let count = usize::try_from(rest.number()?).map_err(|_| NodeError::Length)?;
        if count > rest.0.len() / LEAST_ENTRY_BYTES {
            return Err(NodeError::Length);
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(count);
        for _ in 0..count {
            let entry = rest.entry()?;
            if entries.last().is_some_and(|last| last.order(&entry).is_ge()) {
                return Err(NodeError::Order);
            }
            entries.push(entry);
        }
        if !rest.0.is_empty() {
            return Err(NodeError::Length);
        }
        let node = Self { entries };
        if node.repeats_a_name().is_some() {
            return Err(NodeError::Order);
        }
        Ok(node)
    }

    /// A name that is both file and directory.
    pub(super) fn repeats_a_name(&self) -> Option<&str> {
        let mut directories = self.entries.iter().filter(|entry| entry.is_directory());
        let twice = directories.find(|entry| self.find_as(&entry.name, false).is_some())?;
        Some(&twice.name)
    }
}

fn put_number(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], NodeError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(NodeError::Length)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, NodeError> {
        let (byte, rest) = self.0.split_first().ok_or(NodeError::Length)?;
        self.0 = rest;
        Ok(*byte)
    }

    fn number(&mut self) -> Result<u64, NodeError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let low = u64::from(byte & 0x7f);
            if (low << shift) >> shift != low || (low == 0 && byte == 0 && shift > 0) {
                return Err(NodeError::Number);
            }
            value |= low << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(NodeError::Number)
    }

    fn entry(&mut self) -> Result<Entry, NodeError> {
        let kind = self.byte()?;
        let length = usize::try_from(self.number()?).map_err(|_| NodeError::Length)?;
        let name = segment(self.take(length)?).ok_or(NodeError::Name)?;
        let id = self.take(32)?;
        let size = self.number()?;
        let file = || ObjectId::try_from(id).map(Kind::File).map_err(|_| NodeError::Length);
        let (kind, mode, files) = match kind {
            FILE => (file()?, Mode::Plain, 1),
            EXECUTABLE => (file()?, Mode::Executable, 1),
            LINK => (file()?, Mode::Link, 1),
            MODULE => {
                let commit = CommitId::try_from(id).map_err(|_| NodeError::Length)?;
                (Kind::Module(commit), Mode::Module, 1)
            }
            DIRECTORY => {
                let files = u32::try_from(self.number()?).map_err(|_| NodeError::Number)?;
                let node = NodeId::try_from(id).map_err(|_| NodeError::Length)?;
                (Kind::Directory(node), Mode::Plain, files)
            }
            _ => return Err(NodeError::Kind),
        };
        if files == 0 {
            return Err(NodeError::EmptyDirectory);
        }
        Ok(Entry { name, kind, mode, size, files })
    }
}

/// A path of one segment is a segment of a path.
fn segment(bytes: &[u8]) -> Option<Box<str>> {
    let path: RepoPath = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    path.parent().is_none().then(|| path.as_str().into())
}
