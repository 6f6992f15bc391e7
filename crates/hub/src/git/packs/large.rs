//! Objects that are longer than what is held: unpacked as they are read, from a loose file or from a pack that holds them as
//! they are. Those that a pack holds as what differs from another object are none of these.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use flate2::bufread::ZlibDecoder;
use gix_odb::pack::index;

/// What is handed on at once.
pub(super) const PIECE_BYTES: usize = 128 << 10;
/// The number of a file in the head of an entry.
const BLOB: u8 = 3;
/// The head of a loose object: `blob`, a length, NUL.
const LOOSE_HEAD_BYTES: usize = 32;
/// The bytes that say how long an entry is: seven bits each behind the first four.
const MOST_LENGTH_BYTES: usize = 10;

/// Where a file can be read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stream {
    /// A loose file.
    Loose(PathBuf),
    /// The packed bytes in a pack begin here.
    Packed(PathBuf, u64),
}

/// Looks for a file among the objects below a directory.
pub(super) fn find(objects: &Path, name: &[u8; 20]) -> io::Result<Option<Stream>> {
    let text = gix_hash::ObjectId::from(*name).to_string();
    let (folder, rest) = text.split_at(2);
    let loose = objects.join(folder).join(rest);
    if loose.is_file() {
        return Ok(Some(Stream::Loose(loose)));
    }
    let packs = match std::fs::read_dir(objects.join("pack")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        packs => packs?,
    };
    for file in packs {
        let path = file?.path();
        if path.extension().is_none_or(|it| it != "idx") {
            continue;
        }
        // One that is gone by now has been joined with others.
        let Ok(index) = index::File::at(&path, gix_hash::Kind::Sha1) else { continue };
        let Some(at) = index.lookup(gix_hash::ObjectId::from(*name)) else { continue };
        if let Some(found) = entry(path.with_extension("pack"), index.pack_offset_at_index(at))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The entry of a pack at an offset, if it is a file as it is.
fn entry(pack: PathBuf, offset: u64) -> io::Result<Option<Stream>> {
    let mut file = match File::open(&pack) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    file.seek(SeekFrom::Start(offset))?;
    let mut head = Vec::with_capacity(MOST_LENGTH_BYTES);
    file.take(MOST_LENGTH_BYTES as u64).read_to_end(&mut head)?;
    let is_file = head.first().is_some_and(|it| it >> 4 & 7 == BLOB);
    let length = head.iter().position(|it| it & 0x80 == 0);
    let Some(length) = length.filter(|_| is_file) else { return Ok(None) };
    Ok(Some(Stream::Packed(pack, offset + length as u64 + 1)))
}

impl Stream {
    /// Reads the file in pieces, as long as somebody takes them.
    pub(super) fn read(&self, each: &mut dyn FnMut(&[u8]) -> bool) -> io::Result<()> {
        let (path, at) = match self {
            Self::Loose(path) => (path, 0),
            Self::Packed(path, at) => (path, *at),
        };
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = ZlibDecoder::new(BufReader::new(file));
        if matches!(self, Self::Loose(_)) {
            skip_head(&mut bytes)?;
        }
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = bytes.read(&mut piece)?;
            if read == 0 || !each(piece.get(..read).unwrap_or_default()) {
                return Ok(());
            }
        }
    }
}

fn skip_head(bytes: &mut impl Read) -> io::Result<()> {
    for _ in 0..LOOSE_HEAD_BYTES {
        let mut byte = [0];
        bytes.read_exact(&mut byte)?;
        if byte == [0] {
            return Ok(());
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "a loose object has no head"))
}
