//! Makes the file of a layer.

use std::{
    io::{self, Write},
    sync::Arc,
};

use super::{
    GraphError, NewCommit, Stored,
    block::{PAYLOAD_BYTES, check},
    layer::{ALIGNED, Commits, Head, MAGIC, MORE, NO_PARENT, bucket_bits, bucket_of, prefix_of},
};

/// What a layer is made of, and what it says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    /// Whose history it is of.
    pub repository: [u8; 16],
    /// Which numbering of the commits it follows.
    pub epoch: u64,
    /// The position of its first commit.
    pub base: u32,
    /// The row of its last commit.
    pub last_row: i64,
    /// The commits, in their order.
    pub commits: Of<'a>,
}

/// Where the commits of a layer come from.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// They are new.
    New(&'a [NewCommit]),
    /// They stand in layers that follow each other, and become one.
    Layers(&'a [Arc<Stored>]),
}

/// Why a layer was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// What it is made from cannot be read, or is too much.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The file cannot be written.
    #[error("the graph file cannot be written")]
    Io(#[from] io::Error),
}

/// Writes a layer as a file. Of a long history 12 bytes a commit are held in memory, nothing else.
pub fn write(layer: &Written<'_>, out: impl Write) -> Result<(), WriteError> {
    match layer.commits {
        Of::New(commits) => write_of(layer, commits, out),
        Of::Layers(layers) => write_of(layer, layers, out),
    }
}

fn write_of(
    layer: &Written<'_>,
    commits: &(impl Commits + ?Sized),
    out: impl Write,
) -> Result<(), WriteError> {
    let count = commits.count();
    let (mut filter_bytes, mut more) = (0_u64, 0);
    for at in 0..count {
        filter_bytes += commits.filter(at)?.as_bytes().len() as u64;
        if commits.link(at)?.has_more {
            more += commits.more(at)?.len();
        }
    }
    let head = Head {
        repository: layer.repository,
        epoch: layer.epoch,
        base: layer.base,
        count: u32::try_from(count).map_err(|_| GraphError::TooLong)?,
        last_row: layer.last_row,
        filter_bytes,
        more: u32::try_from(more).map_err(|_| GraphError::TooLong)?,
    };
    let fits = layer.base.checked_add(head.count).is_some_and(|end| end < MORE);
    if !fits || u32::try_from(filter_bytes).is_err() {
        return Err(GraphError::TooLong.into());
    }
    let mut out = Sheets { out, block: Vec::with_capacity(PAYLOAD_BYTES), number: 0 };
    write_head(&mut out, &head)?;
    write_links(&mut out, commits)?;
    for at in 0..count {
        out.put(commits.id(at)?.as_bytes())?;
    }
    out.end_section()?;
    for at in 0..count {
        out.put(commits.root(at)?.as_bytes())?;
    }
    out.end_section()?;
    write_index(&mut out, commits, head.count)?;
    for at in 0..count {
        out.put(commits.filter(at)?.as_bytes())?;
    }
    Ok(out.end()?)
}

fn write_head<W: Write>(out: &mut Sheets<W>, head: &Head) -> io::Result<()> {
    out.put(MAGIC)?;
    out.put(&head.repository)?;
    out.put(&head.epoch.to_be_bytes())?;
    out.put(&head.base.to_be_bytes())?;
    out.put(&head.count.to_be_bytes())?;
    out.put(&head.last_row.to_be_bytes())?;
    out.put(&bucket_bits(head.count).to_be_bytes())?;
    out.put(&head.filter_bytes.to_be_bytes())?;
    out.put(&head.more.to_be_bytes())?;
    out.end_section()
}

fn write_links<W: Write>(
    out: &mut Sheets<W>,
    commits: &(impl Commits + ?Sized),
) -> Result<(), WriteError> {
    let mut filter_end = 0_u32;
    for at in 0..commits.count() {
        let link = commits.link(at)?;
        let length = u32::try_from(commits.filter(at)?.as_bytes().len());
        let length = length.map_err(|_| GraphError::TooLong)?;
        filter_end = filter_end.checked_add(length).ok_or(GraphError::TooLong)?;
        let [first, second] = link.parents.map(|it| it.map_or(NO_PARENT, |it| it.0));
        out.put(&first.to_be_bytes())?;
        out.put(&(if link.has_more { second | MORE } else { second }).to_be_bytes())?;
        out.put(&link.generation.to_be_bytes())?;
        out.put(&filter_end.to_be_bytes())?;
        out.put(&link.time.to_be_bytes())?;
    }
    out.end_section()?;
    for at in 0..commits.count() {
        if !commits.link(at)?.has_more {
            continue;
        }
        let own = u32::try_from(at).map_err(|_| GraphError::TooLong)?;
        for parent in commits.more(at)? {
            out.put(&own.to_be_bytes())?;
            out.put(&parent.0.to_be_bytes())?;
        }
    }
    Ok(out.end_section()?)
}

fn write_index<W: Write>(
    out: &mut Sheets<W>,
    commits: &(impl Commits + ?Sized),
    count: u32,
) -> Result<(), WriteError> {
    let mut sorted = Vec::with_capacity(count as usize);
    for own in 0..count {
        sorted.push((prefix_of(&commits.id(own as usize)?), own));
    }
    sorted.sort_unstable();
    let bits = bucket_bits(count);
    let mut at = 0;
    for bucket in 0..1_u64 << bits {
        while sorted.get(at).is_some_and(|(prefix, _)| bucket_of(*prefix, bits) <= bucket) {
            at += 1;
        }
        out.put(&u32::try_from(at).unwrap_or(u32::MAX).to_be_bytes())?;
    }
    out.end_section()?;
    for (prefix, own) in sorted {
        out.put(&prefix.to_be_bytes())?;
        out.put(&own.to_be_bytes())?;
    }
    Ok(out.end_section()?)
}

/// Gathers bytes to blocks.
struct Sheets<W> {
    out: W,
    block: Vec<u8>,
    number: u32,
}

impl<W: Write> Sheets<W> {
    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = (PAYLOAD_BYTES - self.block.len()).min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() == PAYLOAD_BYTES {
                self.end_block()?;
            }
        }
        Ok(())
    }

    /// The next section begins at a multiple of [`ALIGNED`].
    fn end_section(&mut self) -> io::Result<()> {
        let filled = self.block.len().next_multiple_of(ALIGNED);
        self.block.resize(filled, 0);
        if filled == PAYLOAD_BYTES { self.end_block() } else { Ok(()) }
    }

    /// The last block may be short.
    fn end(mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        self.out.flush()
    }

    fn end_block(&mut self) -> io::Result<()> {
        self.out.write_all(&self.block)?;
        self.out.write_all(&check(self.number, &self.block))?;
        self.block.clear();
        self.number = self.number.saturating_add(1);
        Ok(())
    }
}
