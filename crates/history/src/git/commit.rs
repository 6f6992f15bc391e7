//! A commit, and what of it is signed.

use names::{CommitId, NodeId};

use super::{
    GitFault, Person, Signature,
    headers::{Header, Lines, headers, id},
    text,
};

/// The largest commit that is taken: its message is a text that people read.
pub const MAX_COMMIT_BYTES: usize = 4 << 20;
/// Parents of one commit: the largest merges that are known have some sixty.
pub const MAX_PARENTS: usize = 512;
/// What is kept of a message; the rest is in the pack. As much as a commit of a Muse history may have.
const MAX_MESSAGE_BYTES: usize = 256 << 10;
/// What stands where a message was cut.
const CUT: &str = "\n[the message goes on; it is cut here]\n";

/// A commit of Git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitCommit {
    /// The root directory.
    pub tree: NodeId,
    /// Its parents, in order, none twice.
    pub parents: Vec<CommitId>,
    /// Who made the change.
    pub author: Person,
    /// Who recorded it.
    pub committer: Person,
    /// As text: see the head of this module.
    pub message: String,
    /// Its signature, if it has one, whether or not anybody can verify it.
    pub signature: Option<Signature>,
}

impl GitCommit {
    /// Reads the bytes of a commit.
    pub fn parse(bytes: &[u8]) -> Result<Self, GitFault> {
        if bytes.len() > MAX_COMMIT_BYTES {
            return Err(GitFault::Large("so many bytes"));
        }
        let (found, message_at) = headers(bytes)?;
        let encoding = found.iter().find(|it| it.key == b"encoding").map(Header::line);
        let mut lines = Lines(found.iter().peekable());
        let tree = NodeId::from_sha1(id(lines.next("tree")?, "tree")?);
        let mut parents: Vec<CommitId> = Vec::new();
        while let Some(parent) = lines.next_if("parent") {
            let parent = CommitId::from_sha1(id(parent, "parent")?);
            if parents.contains(&parent) {
                return Err(GitFault::SameParent);
            }
            parents.push(parent);
            if parents.len() > MAX_PARENTS {
                return Err(GitFault::Large("so many parents"));
            }
        }
        let author = Person::parse(lines.next("author")?, encoding, "author")?;
        let committer = Person::parse(lines.next("committer")?, encoding, "committer")?;
        let message = message(bytes.get(message_at..).unwrap_or_default(), encoding);
        Ok(Self { tree, parents, author, committer, message, signature: signature(&found) })
    }
}

fn message(bytes: &[u8], encoding: Option<&[u8]>) -> String {
    let mut message = text(bytes.get(..MAX_MESSAGE_BYTES).unwrap_or(bytes), encoding);
    if bytes.len() > MAX_MESSAGE_BYTES {
        message.push_str(CUT);
    }
    message
}

/// The lines of the signature. Those of a commit's other hash are no part of what is signed either.
fn signature(found: &[Header<'_>]) -> Option<Signature> {
    let own = found.iter().filter(|it| it.key == b"gpgsig");
    let armoured: Vec<u8> = own.flat_map(Header::lines).collect();
    let cut = found.iter().filter(|it| it.key == b"gpgsig" || it.key == b"gpgsig-sha256");
    let cuts = cut.map(|it| it.at.clone()).collect();
    (!armoured.is_empty()).then_some(Signature { armoured, cuts })
}
