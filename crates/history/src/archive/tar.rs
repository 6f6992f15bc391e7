//! Tar as POSIX has it: one header a file, and records before it where the header has no room for a name.

use names::RepoPath;

use super::About;
use crate::tree::Mode;

/// Everything is padded to these.
pub(super) const BLOCK: u64 = 512;
/// The same, to be held in memory.
const BLOCK_BYTES: usize = 512;
/// The longest name that a header holds.
const NAME_BYTES: usize = 100;
/// A size or time in a header has eleven octal digits.
const MOST: u64 = 0o777_7777_7777;

/// Who may do what with a member.
const READ: &[u8] = b"0000644\0";
const RUN: &[u8] = b"0000755\0";
const ALL: &[u8] = b"0000777\0";

/// Where a tar is: how much of a file has been put.
#[derive(Debug, Default)]
pub(super) struct Tar {
    put: u64,
}

/// What a header is for.
#[derive(Clone, Copy)]
enum Kind {
    File = b'0' as isize,
    Link = b'2' as isize,
    Directory = b'5' as isize,
    /// Records that hold for the file that follows.
    Records = b'x' as isize,
    /// Records that hold for all.
    AllRecords = b'g' as isize,
}

impl Tar {
    /// The commit, where `git get-tar-commit-id` looks for it.
    pub(super) fn begin(about: &About, out: &mut Vec<u8>) {
        let records = record("comment", &about.commit.to_string());
        records_block("pax_global_header", Kind::AllRecords, &records, about, out);
    }

    pub(super) fn begin_file(
        &mut self,
        about: &About,
        path: &RepoPath,
        mode: Mode,
        size: u64,
        out: &mut Vec<u8>,
    ) {
        let bits = if mode == Mode::Executable { RUN } else { READ };
        member((Kind::File, bits), &format!("{}{path}", about.prefix), "", size, about, out);
        self.put = 0;
    }

    pub(super) fn link(about: &About, path: &RepoPath, target: &str, out: &mut Vec<u8>) {
        member((Kind::Link, ALL), &format!("{}{path}", about.prefix), target, 0, about, out);
    }

    pub(super) fn module(about: &About, path: &RepoPath, out: &mut Vec<u8>) {
        member((Kind::Directory, RUN), &format!("{}{path}/", about.prefix), "", 0, about, out);
    }

    pub(super) fn count(&mut self, bytes: &[u8]) {
        self.put += bytes.len() as u64;
    }

    pub(super) fn end_file(&mut self, out: &mut Vec<u8>) {
        pad(self.put, out);
        self.put = 0;
    }

    pub(super) fn finish(out: &mut Vec<u8>) {
        out.extend_from_slice(&[0; 2 * BLOCK_BYTES]);
    }
}

/// A header, behind records for what it has no room for.
fn member(
    kind: (Kind, &[u8]),
    name: &str,
    target: &str,
    size: u64,
    about: &About,
    out: &mut Vec<u8>,
) {
    let is_short = |text: &str| text.len() <= NAME_BYTES && text.is_ascii();
    let mut records = String::new();
    for (key, text) in [("path", name), ("linkpath", target)] {
        if !is_short(text) {
            records.push_str(&record(key, text));
        }
    }
    if !records.is_empty() {
        records_block("pax_header", Kind::Records, &records, about, out);
    }
    header(kind, (cut(name), cut(target)), size, about, out);
}

/// As much of a text as a header holds.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(NAME_BYTES)).unwrap_or_default()
}

fn pad(size: u64, out: &mut Vec<u8>) {
    let missing = size.next_multiple_of(BLOCK) - size;
    out.extend(std::iter::repeat_n(0, usize::try_from(missing).unwrap_or_default()));
}

/// A pax record begins with its own length.
fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length = length.to_string().len() + rest.len();
    }
    format!("{length}{rest}")
}

fn records_block(name: &str, kind: Kind, records: &str, about: &About, out: &mut Vec<u8>) {
    let size = records.len() as u64;
    header((kind, READ), (name, ""), size, about, out);
    out.extend_from_slice(records.as_bytes());
    pad(size, out);
}

fn header(
    (kind, bits): (Kind, &[u8]),
    (name, target): (&str, &str),
    size: u64,
    about: &About,
    out: &mut Vec<u8>,
) {
    let mut block = [0; BLOCK_BYTES];
    let mut set = |at: usize, text: &[u8]| {
        for (to, from) in block.iter_mut().skip(at).zip(text) {
            *to = *from;
        }
    };
    set(0, name.as_bytes());
    set(100, bits);
    set(108, b"0000000\0");
    set(116, b"0000000\0");
    set(124, format!("{:011o}\0", size.min(MOST)).as_bytes());
    set(136, format!("{:011o}\0", about.seconds.min(MOST)).as_bytes());
    // The sum is taken with blanks in its place.
    set(148, b"        ");
    set(156, &[kind as u8]);
    set(157, target.as_bytes());
    set(257, b"ustar\x0000");
    set(329, b"0000000\0");
    set(337, b"0000000\0");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let mut set = |at: usize, text: &[u8]| {
        for (to, from) in block.iter_mut().skip(at).zip(text) {
            *to = *from;
        }
    };
    set(148, format!("{sum:06o}\0 ").as_bytes());
    out.extend_from_slice(&block);
}
