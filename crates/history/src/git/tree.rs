//! A directory: `mode name NUL id`, one entry behind the other.

use names::{CommitId, NodeId, ObjectId};

use super::{GitFault, shown_name};
use crate::tree::{Entry, Kind, Mode, Node};

/// Entries of one directory.
pub const MAX_ENTRIES: usize = 1_000_000;
/// Bytes of one directory: what so many entries with long names come to.
pub const MAX_TREE_BYTES: u64 = 128 << 20;
/// Bytes of an id.
const ID_BYTES: usize = 20;

/// An entry as it stands in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeEntry<'a> {
    /// Its name: not empty, without `/` and NUL, neither `.` nor `..`. It need not be UTF-8.
    pub name: &'a [u8],
    /// What it is.
    pub kind: Kind,
    /// The same, as far as a file is concerned.
    pub mode: Mode,
}

/// Reads the bytes of a tree. Git's own check of what is pushed refuses what is refused here.
pub fn read_tree(bytes: &[u8]) -> Result<Vec<TreeEntry<'_>>, GitFault> {
    let (mut rest, mut entries) = (bytes, Vec::<TreeEntry<'_>>::new());
    while !rest.is_empty() {
        let (entry, behind) = entry(rest)?;
        if entries.last().is_some_and(|last| !is_before(last, &entry)) {
            return Err(GitFault::Order);
        }
        entries.push(entry);
        if entries.len() > MAX_ENTRIES {
            return Err(GitFault::Large("so many entries"));
        }
        rest = behind;
    }
    Ok(entries)
}

/// The directory as it is read: with names that can be shown, and with the sizes of its files. Where a name is shown as
/// another one is called, nobody could tell them apart, and the tree is refused.
pub fn tree_node<E: From<GitFault>>(
    bytes: &[u8],
    mut size: impl FnMut(ObjectId) -> Result<u64, E>,
) -> Result<Node, E> {
    let stored = read_tree(bytes)?;
    let mut entries = Vec::with_capacity(stored.len());
    for TreeEntry { name, kind, mode } in stored {
        let (size, files) = match kind {
            Kind::File(object) => (size(object)?, 1),
            Kind::Directory(_) => (0, 0),
            Kind::Module(_) => (0, 1),
        };
        entries.push(Entry { name: shown_name(name).into(), kind, mode, size, files });
    }
    Node::of(entries).ok_or_else(|| GitFault::Order.into())
}

fn entry(rest: &[u8]) -> Result<(TreeEntry<'_>, &[u8]), GitFault> {
    let space = rest.iter().take(8).position(|byte| *byte == b' ').ok_or(GitFault::Mode)?;
    let (mode, rest) = rest.split_at_checked(space).ok_or(GitFault::Entry)?;
    let rest = rest.get(1..).unwrap_or_default();
    let end = rest.iter().position(|byte| *byte == 0).ok_or(GitFault::Entry)?;
    let (name, rest) = rest.split_at_checked(end).ok_or(GitFault::Entry)?;
    let (id, rest) =
        rest.get(1..).and_then(<[u8]>::split_first_chunk::<ID_BYTES>).ok_or(GitFault::Entry)?;
    if name.is_empty() || name.contains(&b'/') || name == b"." || name == b".." {
        return Err(GitFault::Name);
    }
    let (kind, mode) = kind(mode, *id)?;
    Ok((TreeEntry { name, kind, mode }, rest))
}

/// Old programs wrote leading zeros, and files that the group may write.
fn kind(mode: &[u8], id: [u8; ID_BYTES]) -> Result<(Kind, Mode), GitFault> {
    let start = mode.iter().position(|byte| *byte != b'0').unwrap_or(mode.len());
    let file = Kind::File(ObjectId::from_sha1(id));
    if id == [0; ID_BYTES] {
        return Err(GitFault::Entry);
    }
    match mode.get(start..).unwrap_or_default() {
        b"100644" | b"100664" => Ok((file, Mode::Plain)),
        b"100755" => Ok((file, Mode::Executable)),
        b"120000" => Ok((file, Mode::Link)),
        b"40000" => Ok((Kind::Directory(NodeId::from_sha1(id)), Mode::Plain)),
        b"160000" => Ok((Kind::Module(CommitId::from_sha1(id)), Mode::Module)),
        _ => Err(GitFault::Mode),
    }
}

/// A directory sorts as if its name ended in `/`.
fn is_before(a: &TreeEntry<'_>, b: &TreeEntry<'_>) -> bool {
    let slash = |it: &TreeEntry<'_>| matches!(it.kind, Kind::Directory(_)).then_some(&b'/');
    a.name.iter().chain(slash(a)).lt(b.name.iter().chain(slash(b)))
}
