//! Lines become a ZIP, piece by piece.

use std::{
    io::{self, Write},
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use futures_util::Stream;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use zip::{ZipWriter, result::ZipResult, write::SimpleFileOptions};

/// Pieces that wait to be sent; who writes waits for who reads.
const WAITING: usize = 8;
/// Bytes of a piece.
const PIECE: usize = 32 << 10;

/// What the archive is told.
#[derive(Debug)]
pub(super) enum Line {
    /// What follows belongs into the file of that name.
    File(&'static str),
    /// A line of that file.
    Row(Value),
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
    lines: u64,
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
                let file = File { name: format!("{name}.jsonl"), lines: 0, hash: Sha256::new() };
                archive.start_file(&file.name, SimpleFileOptions::default())?;
                open = Some(file);
            }
            Some(Line::Row(row)) => {
                let text = format!("{row}\n");
                if let Some(file) = &mut open {
                    file.lines += 1;
                    file.hash.update(&text);
                }
                archive.write_all(text.as_bytes())?;
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
    json!({ "name": file.name, "count": file.lines, "sha256": hash.to_string() })
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
