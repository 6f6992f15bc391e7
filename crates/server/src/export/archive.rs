//! Lines and bytes become a ZIP, piece by piece.

use std::{
    io::{self, Write},
    path::Path,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use futures_util::Stream;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use zip::{CompressionMethod, ZipWriter, result::ZipResult, write::SimpleFileOptions};

/// Pieces that wait to be sent; who writes waits for who reads.
const WAITING: usize = 8;
/// Bytes of a piece.
const PIECE: usize = 32 << 10;

/// What the archive is told.
#[derive(Debug)]
pub(super) enum Line {
    /// What follows belongs into the file of that name.
    File(String),
    /// A line of that file.
    Row(Value),
    /// Bytes of it, packed already.
    Bytes(Bytes),
    /// How many things those bytes were.
    Count(u64),
    /// That was all.
    Whole,
    /// Nothing more comes, and it was not all.
    Broken,
}

/// The bytes of the archive, as they come.
#[derive(Debug)]
pub(super) struct Written(mpsc::Receiver<io::Result<Bytes>>);

impl Written {
    /// Writes what is told, beside the caller: packing takes time.
    pub(super) fn by(lines: mpsc::Receiver<Line>) -> Self {
        let (pieces, written) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = write(lines, &pieces) {
                // The reader has gone, or is told that this is not all.
                let _gone = pieces.blocking_send(Err(io::Error::other(error)));
            }
        });
        Self(written)
    }
}

impl Stream for Written {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

/// What is known of a file that is under way.
struct File {
    name: String,
    count: u64,
    hash: Sha256,
}

fn write(
    mut lines: mpsc::Receiver<Line>,
    pieces: &mpsc::Sender<io::Result<Bytes>>,
) -> ZipResult<()> {
    let pipe = Pipe { piece: Vec::with_capacity(PIECE), pieces: pieces.clone() };
    let mut archive = ZipWriter::new_stream(pipe);
    let (mut files, mut open) = (Vec::new(), None);
    loop {
        match lines.blocking_recv() {
            Some(Line::File(name)) => {
                files.extend(open.take().map(manifest));
                // The names of lines say so; other bytes are packed already, and may be many.
                let options = SimpleFileOptions::default();
                let is_lines = Path::new(&*name).extension().is_some_and(|it| it == "jsonl");
                let options = if is_lines {
                    options
                } else {
                    options.compression_method(CompressionMethod::Stored).large_file(true)
                };
                archive.start_file(&*name, options)?;
                open = Some(File { name, count: 0, hash: Sha256::new() });
            }
            Some(Line::Row(row)) => {
                let text = format!("{row}\n");
                if let Some(file) = &mut open {
                    file.count += 1;
                    file.hash.update(&text);
                }
                archive.write_all(text.as_bytes())?;
            }
            Some(Line::Bytes(bytes)) => {
                if let Some(file) = &mut open {
                    file.hash.update(&bytes);
                }
                archive.write_all(&bytes)?;
            }
            Some(Line::Count(count)) => {
                if let Some(file) = &mut open {
                    file.count = count;
                }
            }
            Some(Line::Whole) => break,
            Some(Line::Broken) | None => {
                return Err(io::Error::other("the export broke off").into());
            }
        }
    }
    files.extend(open.take().map(manifest));
    archive.start_file("manifest.json", SimpleFileOptions::default())?;
    let manifest = json!({ "format": "motet-export-v1", "files": files });
    archive.write_all(format!("{manifest}\n").as_bytes())?;
    archive.finish()?.into_inner().flush()?;
    Ok(())
}

fn manifest(file: File) -> Value {
    let hash = names::Digest::from_bytes(file.hash.finalize().into());
    json!({ "name": file.name, "count": file.count, "sha256": hash.to_string() })
}

/// Sends bytes in pieces.
struct Pipe {
    piece: Vec<u8>,
    pieces: mpsc::Sender<io::Result<Bytes>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        if piece.is_empty() {
            return Ok(());
        }
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the reader has gone");
        self.pieces.blocking_send(Ok(Bytes::from(piece))).map_err(gone)
    }
}
