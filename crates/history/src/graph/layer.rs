//! A layer in a file, and a layer in memory.
//!
//! ```text
//! file     = block*                     each: payload of 16,320 bytes, fewer in the last one, and a check of 8
//! payloads = head, links, more, ids, roots, buckets, index, filters; each filled up with zeros to a multiple of 96
//! head     = "MTGRAPH2", repository 16, epoch 8, base 4, count 4, last row 8, bucket bits 4, filter bytes 8, more 4
//! links    = (parent1 4, parent2 4, generation 4, filter end 4, time 8)    one a commit; ff ff ff ff is no parent; the
//!            highest bit of parent2 says that there are more
//! more     = (commit 4, parent 4)       parents beyond the second: by commit, of one in order
//! ids      = 32 a commit
//! roots    = 32 a commit
//! buckets  = 4 each                     where the ids that begin with these bits end in the index
//! index    = (first 8 bytes of the id, commit 4)    sorted
//! filters  = bytes, one filter behind the other
//! ```
//!
//! Numbers are big-endian. 96 is a multiple of every record, and a block of 96, so no record lies in two blocks. Positions of parents count from the beginning of the history,
//! so layers are joined by writing their sections one behind the other.

use std::{collections::HashMap, sync::Arc};

use names::{CommitId, NodeId};

use super::{Blocks, Filter, GraphError, Link, NewCommit, Position, Way, block::PAYLOAD_BYTES};

pub(super) const MAGIC: &[u8; 8] = b"MTGRAPH2";
/// Sections begin at multiples of this: a multiple of every record's length.
pub(super) const ALIGNED: usize = 96;
pub(super) const HEAD_BYTES: usize = 64;
pub(super) const LINK_BYTES: usize = 24;
pub(super) const ID_BYTES: usize = 32;
pub(super) const BUCKET_BYTES: usize = 4;
pub(super) const INDEX_BYTES: usize = 12;
pub(super) const MORE_BYTES: usize = 8;
pub(super) const NO_PARENT: u32 = u32::MAX;
/// The bit of a second parent beside which there are more; so positions have 31 bits.
pub(super) const MORE: u32 = 1 << 31;
/// Ids that share a bucket, about.
const BUCKET: u32 = 16;
/// Buckets of one layer: a megabyte of them at most.
const MOST_BUCKET_BITS: u32 = 18;

/// What a layer says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) repository: [u8; 16],
    pub(super) epoch: u64,
    pub(super) base: u32,
    pub(super) count: u32,
    pub(super) last_row: i64,
    pub(super) filter_bytes: u64,
    /// Parents beyond the second, of all commits together.
    pub(super) more: u32,
}

/// How many buckets the index has, as a power of two.
pub(super) fn bucket_bits(count: u32) -> u32 {
    (count / BUCKET).checked_ilog2().unwrap_or(0).min(MOST_BUCKET_BITS)
}

/// The bucket of an id that begins with `prefix`.
pub(super) const fn bucket_of(prefix: u64, bits: u32) -> u64 {
    if bits == 0 { 0 } else { prefix >> (64 - bits) }
}

/// The first 8 bytes of an id.
pub(super) fn prefix_of(id: &CommitId) -> u64 {
    number(id.as_bytes())
}

/// A big-endian number from the front of `bytes`.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn short(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..at + 4).unwrap_or_default();
    bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

/// What a section takes that has as many bytes.
const fn filled(bytes: u64) -> u64 {
    bytes.next_multiple_of(ALIGNED as u64)
}

/// Where each section begins, in bytes of payload.
#[derive(Debug, Clone, Copy)]
struct Sections {
    links: u64,
    more: u64,
    ids: u64,
    roots: u64,
    buckets: u64,
    index: u64,
    filters: u64,
}

impl Sections {
    fn of(head: &Head) -> Self {
        let count = u64::from(head.count);
        let links = filled(HEAD_BYTES as u64);
        let more = links + filled(count * LINK_BYTES as u64);
        let ids = more + filled(u64::from(head.more) * MORE_BYTES as u64);
        let roots = ids + filled(count * ID_BYTES as u64);
        let buckets = roots + filled(count * ID_BYTES as u64);
        let index = buckets + filled((1 << bucket_bits(head.count)) * BUCKET_BYTES as u64);
        let filters = index + filled(count * INDEX_BYTES as u64);
        Self { links, more, ids, roots, buckets, index, filters }
    }
}

/// The block that holds a byte of payload, and where in it.
fn place_of(at: u64) -> Result<(u32, usize), GraphError> {
    let number = u32::try_from(at / PAYLOAD_BYTES as u64).map_err(|_| GraphError::TooLong)?;
    Ok((number, usize::try_from(at % PAYLOAD_BYTES as u64).unwrap_or_default()))
}

/// A layer in a file.
#[derive(Debug)]
pub struct Stored {
    blocks: Box<dyn Blocks>,
    head: Head,
    sections: Sections,
}

impl Stored {
    /// Reads the head of a file. What it says of the history is checked as it is read.
    pub fn open(blocks: Box<dyn Blocks>) -> Result<Self, GraphError> {
        let block = blocks.block(0)?;
        let mut rest: &[u8] = &block;
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at_checked(count).unwrap_or_default();
            rest = left;
            taken
        };
        if take(8) != MAGIC {
            return Err(GraphError::Damaged("it does not begin as one"));
        }
        let mut repository = [0; 16];
        repository.copy_from_slice(take(16));
        let epoch = number(take(8));
        let (base, count) = (short(take(4), 0), short(take(4), 0));
        let last_row = number(take(8)).cast_signed();
        let (bits, filter_bytes, more) = (short(take(4), 0), number(take(8)), short(take(4), 0));
        let fits = base.checked_add(count).is_some_and(|end| end < MORE);
        if !fits || bits != bucket_bits(count) || filter_bytes > u64::from(u32::MAX) {
            return Err(GraphError::Damaged("its head does not fit together"));
        }
        let head = Head { repository, epoch, base, count, last_row, filter_bytes, more };
        Ok(Self { blocks, head, sections: Sections::of(&head) })
    }

    /// Whose history it is of.
    pub const fn repository(&self) -> [u8; 16] {
        self.head.repository
    }

    /// Which numbering of the commits it follows: another one after some were let go.
    pub const fn epoch(&self) -> u64 {
        self.head.epoch
    }

    /// The position of its first commit.
    pub const fn base(&self) -> u32 {
        self.head.base
    }

    /// How many commits it holds.
    pub const fn len(&self) -> u32 {
        self.head.count
    }

    /// Whether it holds none.
    pub const fn is_empty(&self) -> bool {
        self.head.count == 0
    }

    /// The row of its last commit, as the caller numbers rows.
    pub const fn last_row(&self) -> i64 {
        self.head.last_row
    }

    /// The bytes of one record of a section.
    fn record<T>(
        &self,
        section: u64,
        (width, at): (usize, u64),
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, GraphError> {
        let (number, from) = place_of(section + at * width as u64)?;
        let block = self.blocks.block(number)?;
        let record = block.get(from..from + width);
        Ok(read(record.ok_or(GraphError::Damaged("a record is missing"))?))
    }

    /// The link of a commit, and where its filter ends.
    fn whole_link(&self, own: u32) -> Result<(Link, u32), GraphError> {
        let read = |it: &[u8]| {
            let time = number(it.get(16..).unwrap_or_default()).cast_signed();
            (short(it, 0), short(it, 4), short(it, 8), short(it, 12), time)
        };
        let record = (LINK_BYTES, u64::from(own));
        let (first, second, generation, filter_end, time) =
            self.record(self.sections.links, record, read)?;
        let at = self.head.base.saturating_add(own);
        let parent = |it: u32| match it {
            NO_PARENT => Ok(None),
            it if it < at => Ok(Some(Position(it))),
            _ => Err(GraphError::Damaged("a parent stands behind its child")),
        };
        let has_more = second != NO_PARENT && second & MORE != 0;
        let parents = [parent(first)?, parent(if has_more { second & !MORE } else { second })?];
        if generation == 0 || (parents[0].is_none() && parents[1].is_some()) {
            return Err(GraphError::Damaged("a commit hangs wrongly"));
        }
        Ok((Link { parents, has_more, generation, time }, filter_end))
    }

    pub(super) fn link(&self, own: u32) -> Result<Link, GraphError> {
        Ok(self.whole_link(own)?.0)
    }

    /// The parents of a commit beyond the second.
    pub(super) fn more(&self, own: u32) -> Result<Vec<Position>, GraphError> {
        let read = |at: u32| {
            let record = (MORE_BYTES, u64::from(at));
            self.record(self.sections.more, record, |it| (short(it, 0), short(it, 4)))
        };
        let (mut low, mut high) = (0, self.head.more);
        while low < high {
            let middle = low + (high - low) / 2;
            if read(middle)?.0 < own {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let mut found = Vec::new();
        for at in low..self.head.more {
            let (commit, parent) = read(at)?;
            if commit != own {
                break;
            }
            if parent >= self.head.base.saturating_add(own) {
                return Err(GraphError::Damaged("a parent stands behind its child"));
            }
            found.push(Position(parent));
        }
        Ok(found)
    }

    pub(super) fn id(&self, own: u32) -> Result<CommitId, GraphError> {
        let read = |it: &[u8]| CommitId::try_from(it);
        let id = self.record(self.sections.ids, (ID_BYTES, u64::from(own)), read)?;
        id.map_err(|_| GraphError::Damaged("an id is cut"))
    }

    pub(super) fn root(&self, own: u32) -> Result<NodeId, GraphError> {
        let read = |it: &[u8]| NodeId::try_from(it);
        let id = self.record(self.sections.roots, (ID_BYTES, u64::from(own)), read)?;
        id.map_err(|_| GraphError::Damaged("an id is cut"))
    }

    /// From where to where the filter of a commit lies.
    fn filter_span(&self, own: u32) -> Result<(u64, u64), GraphError> {
        let (start, end) = match own.checked_sub(1) {
            None => (0, self.filter_end(own)?),
            Some(before) => self.filter_ends(before)?,
        };
        let (start, end) = (u64::from(start), u64::from(end));
        if start > end || end > self.head.filter_bytes {
            return Err(GraphError::Damaged("a filter ends before it begins"));
        }
        Ok((start, end))
    }

    /// Where the filters of a commit and of the next one end: mostly they stand in one block.
    fn filter_ends(&self, own: u32) -> Result<(u32, u32), GraphError> {
        let (number, from) = place_of(self.sections.links + u64::from(own) * LINK_BYTES as u64)?;
        let until = from + 2 * LINK_BYTES;
        if until > PAYLOAD_BYTES {
            return Ok((self.filter_end(own)?, self.filter_end(own + 1)?));
        }
        let block = self.blocks.block(number)?;
        let both = block.get(from..until).ok_or(GraphError::Damaged("a record is missing"))?;
        Ok((short(both, 12), short(both, LINK_BYTES + 12)))
    }

    fn filter_end(&self, own: u32) -> Result<u32, GraphError> {
        self.record(self.sections.links, (LINK_BYTES, u64::from(own)), |it| short(it, 12))
    }

    pub(super) fn filter(&self, own: u32) -> Result<Filter, GraphError> {
        let (mut at, end) = self.filter_span(own)?;
        let mut bytes = Vec::new();
        while at < end {
            let (number, from) = place_of(self.sections.filters + at)?;
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            let until = from.saturating_add(left).min(PAYLOAD_BYTES);
            let block = self.blocks.block(number)?;
            let piece = block.get(from..until).unwrap_or_default();
            if piece.is_empty() {
                return Err(GraphError::Damaged("a filter is cut"));
            }
            bytes.extend_from_slice(piece);
            at += piece.len() as u64;
        }
        Ok(Filter::from_bytes(bytes))
    }

    /// Whether a commit surely did not touch what is at the end of a way. Long walks ask this of each commit, so nothing is
    /// copied where the filter lies in one block.
    pub(super) fn excludes(&self, own: u32, way: &Way) -> Result<bool, GraphError> {
        let (start, end) = self.filter_span(own)?;
        let (number, from) = place_of(self.sections.filters + start)?;
        let until = usize::try_from(end - start).ok().and_then(|it| from.checked_add(it));
        match until.filter(|until| start < end && *until <= PAYLOAD_BYTES) {
            Some(until) => {
                let block = self.blocks.block(number)?;
                let bytes = block.get(from..until).ok_or(GraphError::Damaged("a filter is cut"))?;
                Ok(way.is_excluded_by(bytes))
            }
            None => Ok(way.is_excluded_by(self.filter(own)?.as_bytes())),
        }
    }

    /// Where a commit stands in this layer.
    pub(super) fn find(&self, id: &CommitId) -> Result<Option<u32>, GraphError> {
        let prefix = prefix_of(id);
        let bucket = bucket_of(prefix, bucket_bits(self.head.count));
        let end_of = |bucket: u64| {
            self.record(self.sections.buckets, (BUCKET_BYTES, bucket), |it| short(it, 0))
        };
        let start = if bucket == 0 { 0 } else { end_of(bucket - 1)? };
        let end = end_of(bucket)?.min(self.head.count);
        for at in start..end {
            let read = |it: &[u8]| (number(it), short(it, 8));
            let record = (INDEX_BYTES, u64::from(at));
            let (found, own) = self.record(self.sections.index, record, read)?;
            if found > prefix {
                break;
            }
            if found == prefix && own < self.head.count && self.id(own)? == *id {
                return Ok(Some(own));
            }
        }
        Ok(None)
    }
}

/// A layer in memory: what came since the files were written.
#[derive(Debug)]
pub struct Fresh {
    base: u32,
    commits: Vec<NewCommit>,
    index: HashMap<CommitId, u32>,
}

impl Fresh {
    /// The commits that stand behind `base`, in their order.
    pub fn new(base: u32, commits: Vec<NewCommit>) -> Self {
        let index = (0..).zip(&commits).map(|(at, commit)| (commit.id, at)).collect();
        Self { base, commits, index }
    }

    pub(super) const fn base(&self) -> u32 {
        self.base
    }

    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.commits.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn get(&self, own: u32) -> Result<&NewCommit, GraphError> {
        let found = self.commits.get(own as usize);
        found.ok_or(GraphError::Damaged("a position is outside of the graph"))
    }

    pub(super) fn find(&self, id: &CommitId) -> Option<u32> {
        self.index.get(id).copied()
    }
}

/// What a layer is written from.
pub(super) trait Commits {
    fn count(&self) -> usize;
    fn link(&self, at: usize) -> Result<Link, GraphError>;
    fn more(&self, at: usize) -> Result<Vec<Position>, GraphError>;
    fn id(&self, at: usize) -> Result<CommitId, GraphError>;
    fn root(&self, at: usize) -> Result<NodeId, GraphError>;
    fn filter(&self, at: usize) -> Result<Filter, GraphError>;
}

impl Commits for [NewCommit] {
    fn count(&self) -> usize {
        self.len()
    }
    fn link(&self, at: usize) -> Result<Link, GraphError> {
        self.get(at).map(|it| it.link).ok_or(GraphError::TooLong)
    }
    fn more(&self, at: usize) -> Result<Vec<Position>, GraphError> {
        self.get(at).map(|it| it.more.clone()).ok_or(GraphError::TooLong)
    }
    fn id(&self, at: usize) -> Result<CommitId, GraphError> {
        self.get(at).map(|it| it.id).ok_or(GraphError::TooLong)
    }
    fn root(&self, at: usize) -> Result<NodeId, GraphError> {
        self.get(at).map(|it| it.root).ok_or(GraphError::TooLong)
    }
    fn filter(&self, at: usize) -> Result<Filter, GraphError> {
        self.get(at).map(|it| it.filter.clone()).ok_or(GraphError::TooLong)
    }
}

/// Layers that follow each other.
impl Commits for [Arc<Stored>] {
    fn count(&self) -> usize {
        self.iter().map(|layer| layer.len() as usize).sum()
    }
    fn link(&self, at: usize) -> Result<Link, GraphError> {
        let (layer, own) = within(self, at)?;
        layer.link(own)
    }
    fn more(&self, at: usize) -> Result<Vec<Position>, GraphError> {
        let (layer, own) = within(self, at)?;
        layer.more(own)
    }
    fn id(&self, at: usize) -> Result<CommitId, GraphError> {
        let (layer, own) = within(self, at)?;
        layer.id(own)
    }
    fn root(&self, at: usize) -> Result<NodeId, GraphError> {
        let (layer, own) = within(self, at)?;
        layer.root(own)
    }
    fn filter(&self, at: usize) -> Result<Filter, GraphError> {
        let (layer, own) = within(self, at)?;
        layer.filter(own)
    }
}

fn within(layers: &[Arc<Stored>], at: usize) -> Result<(&Stored, u32), GraphError> {
    let mut left = u32::try_from(at).map_err(|_| GraphError::TooLong)?;
    for layer in layers {
        if left < layer.len() {
            return Ok((layer, left));
        }
        left -= layer.len();
    }
    Err(GraphError::TooLong)
}
