//! Objects of Git that this server makes: directories and commits. What is written here is read here, and Git's own check of what
//! is received takes it.

use std::{collections::BTreeMap, fmt::Write as _};

use names::{CommitId, NodeId};

use crate::tree::{Kind, Mode};

/// A directory, out of names and what they stand for; nothing if one of them is no name of Git's.
pub fn write_tree(entries: &BTreeMap<Box<[u8]>, (Kind, Mode)>) -> Option<Vec<u8>> {
    let mut sorted: Vec<_> = entries.iter().collect();
    // A directory sorts as if its name ended in `/`.
    let slash = |kind: &Kind| matches!(kind, Kind::Directory(_)).then_some(&b'/');
    sorted.sort_by(|(a, (of_a, _)), (b, (of_b, _))| {
        a.iter().chain(slash(of_a)).cmp(b.iter().chain(slash(of_b)))
    });
    let mut bytes = Vec::with_capacity(sorted.len() * 48);
    for (name, (kind, mode)) in sorted {
        let (word, id) = match kind {
            Kind::Directory(id) => ("40000", id.sha1()?),
            Kind::Module(id) => ("160000", id.sha1()?),
            Kind::File(id) => {
                let word = match mode {
                    Mode::Executable => "100755",
                    Mode::Link => "120000",
                    Mode::Plain | Mode::Module => "100644",
                };
                (word, id.sha1()?)
            }
        };
        bytes.extend_from_slice(word.as_bytes());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(&id);
    }
    Some(bytes)
}

/// A commit that is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewGitCommit<'a> {
    /// The root directory.
    pub tree: NodeId,
    /// What it follows.
    pub parent: Option<CommitId>,
    /// Who made and recorded it: `Name <mail>`.
    pub who: &'a str,
    /// When, in seconds.
    pub seconds: i64,
    /// What is said of it.
    pub message: &'a str,
}

impl NewGitCommit<'_> {
    /// The bytes that are signed.
    pub fn unsigned(&self) -> Vec<u8> {
        let Self { tree, parent, who, seconds, message } = self;
        let mut text = format!("tree {tree}\n");
        if let Some(parent) = parent {
            // Writing to a text does not fail.
            writeln!(text, "parent {parent}").unwrap_or_default();
        }
        let end = if message.ends_with('\n') { "" } else { "\n" };
        let who = format!("{who} {seconds} +0000");
        write!(text, "author {who}\ncommitter {who}\n\n{message}{end}").unwrap_or_default();
        text.into_bytes()
    }
}

/// The bytes of a commit with a signature of what it is without one.
pub fn signed_commit(unsigned: &[u8], armoured: &str) -> Vec<u8> {
    let head = unsigned.windows(2).position(|it| it == b"\n\n").map_or(unsigned.len(), |it| it + 1);
    let (head, rest) = unsigned.split_at_checked(head).unwrap_or((unsigned, &[]));
    let folded = armoured.trim_end().replace('\n', "\n ");
    [head, b"gpgsig ", folded.as_bytes(), b"\n", rest].concat()
}

#[cfg(test)]
mod tests {
    use names::ObjectId;

    use super::*;
    use crate::git::{GitCommit, read_tree};

    #[test]
    fn a_directory_is_written_in_gits_order_and_read_again() {
        let file = Kind::File(ObjectId::from_sha1([1; 20]));
        let entries: BTreeMap<Box<[u8]>, _> = [
            (&b"a"[..], (Kind::Directory(NodeId::from_sha1([2; 20])), Mode::Plain)),
            (&b"a.b"[..], (file, Mode::Plain)),
            (&b"run"[..], (file, Mode::Executable)),
            (&b"to"[..], (file, Mode::Link)),
            (&b"under"[..], (Kind::Module(CommitId::from_sha1([3; 20])), Mode::Module)),
            (&b"gr\xfcn"[..], (file, Mode::Plain)),
        ]
        .map(|(name, entry)| (Box::from(name), entry))
        .into();
        let bytes = write_tree(&entries).unwrap();
        let read = read_tree(&bytes).unwrap();
        let names: Vec<_> = read.iter().map(|it| it.name).collect();
        assert_eq!(names, [&b"a.b"[..], b"a", b"gr\xfcn", b"run", b"to", b"under"]);
        for it in read {
            assert_eq!(entries.get(it.name), Some(&(it.kind, it.mode)));
        }
        let other = Kind::File(ObjectId::of(b"no name of Git's"));
        assert_eq!(write_tree(&[(Box::from(&b"x"[..]), (other, Mode::Plain))].into()), None);
    }

    #[test]
    fn a_commit_is_read_as_it_was_meant_and_its_signature_is_of_the_rest() {
        let new = NewGitCommit {
            tree: NodeId::from_sha1([1; 20]),
            parent: Some(CommitId::from_sha1([2; 20])),
            who: "anna <anna@forge.example>",
            seconds: 1_700_000_000,
            message: "Tune\n\ngpgsig no header\n",
        };
        let unsigned = new.unsigned();
        let bytes = signed_commit(&unsigned, "-----BEGIN X-----\nabc\n-----END X-----\n");
        let read = GitCommit::parse(&bytes).unwrap();
        assert_eq!((read.tree, read.parents), (new.tree, vec![new.parent.unwrap()]));
        assert_eq!((read.author.who.as_str(), read.message.as_str()), (new.who, new.message));
        let signature = read.signature.unwrap();
        assert_eq!(signature.armoured, b"-----BEGIN X-----\nabc\n-----END X-----\n");
        assert_eq!(signature.payload(&bytes), unsigned);
        let first = NewGitCommit { parent: None, message: "one line", ..new };
        let first = GitCommit::parse(&first.unsigned()).unwrap();
        assert_eq!((first.parents.len(), first.message.as_str()), (0, "one line\n"));
    }
}
