//! A tag with a message.

use std::iter;

use names::{CommitId, NodeId, ObjectId};

use super::{
    GitFault, Person, Signature,
    headers::{Lines, headers, id},
    text,
};

/// The largest tag that is taken.
pub const MAX_TAG_BYTES: usize = 1 << 20;

/// What begins a signature below a message.
const BEGINS: [&[u8]; 4] = [
    b"-----BEGIN SSH SIGNATURE-----",
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"-----BEGIN SIGNED MESSAGE-----",
];

/// What a tag points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tagged {
    /// A commit.
    Commit(CommitId),
    /// Another tag.
    Tag(ObjectId),
    /// A directory.
    Tree(NodeId),
    /// A file.
    Blob(ObjectId),
}

/// A tag of Git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitTag {
    /// What it points to.
    pub target: Tagged,
    /// Its own name.
    pub name: String,
    /// Who made it; old ones do not say.
    pub tagger: Option<Person>,
    /// As text, without a signature.
    pub message: String,
    /// Its signature, if it has one.
    pub signature: Option<Signature>,
}

impl GitTag {
    /// Reads the bytes of a tag.
    pub fn parse(bytes: &[u8]) -> Result<Self, GitFault> {
        if bytes.len() > MAX_TAG_BYTES {
            return Err(GitFault::Large("so many bytes"));
        }
        let (found, message_at) = headers(bytes)?;
        let mut lines = Lines(found.iter().peekable());
        let object = id(lines.next("object")?, "object")?;
        let target = match lines.next("type")? {
            b"commit" => Tagged::Commit(CommitId::from_sha1(object)),
            b"tag" => Tagged::Tag(ObjectId::from_sha1(object)),
            b"tree" => Tagged::Tree(NodeId::from_sha1(object)),
            b"blob" => Tagged::Blob(ObjectId::from_sha1(object)),
            _ => return Err(GitFault::Kind),
        };
        let name = text(lines.next("tag")?, None);
        let tagger = lines.next_if("tagger").map(|line| Person::parse(line, None, "tagger"));
        let tagger = tagger.transpose()?;
        let signed_at = signed_at(bytes, message_at);
        let message = text(bytes.get(message_at..signed_at).unwrap_or_default(), None);
        let signature = bytes.get(signed_at..).filter(|it| !it.is_empty()).map(|armoured| {
            let cut = signed_at..bytes.len();
            Signature { armoured: armoured.to_vec(), cuts: iter::once(cut).collect() }
        });
        Ok(Self { target, name, tagger, message, signature })
    }
}

/// Where the signature begins: the last line that begins one. The end of the tag, if it has none.
fn signed_at(bytes: &[u8], message_at: usize) -> usize {
    let (mut at, mut found) = (message_at, bytes.len());
    for line in bytes.get(message_at..).unwrap_or_default().split_inclusive(|it| *it == b'\n') {
        if BEGINS.iter().any(|begin| line.starts_with(begin)) {
            found = at;
        }
        at += line.len();
    }
    found
}
