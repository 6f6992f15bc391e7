//! The compressor of archives, and gzip around it. Its version is pinned in `Cargo.toml`: another one may give other
//! bytes, and then the form of archives is another one.

use miniz_oxide::{
    DataFormat, MZFlush,
    deflate::{core::CompressorOxide, stream::deflate},
};

/// Middling: a higher one costs much and saves little.
const LEVEL: u8 = 6;
/// What the compressor writes at a time.
const STEP_BYTES: usize = 64 << 10;

/// Deflate without anything around it.
pub(super) struct Deflate {
    compressor: CompressorOxide,
    step: Box<[u8]>,
}

impl std::fmt::Debug for Deflate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Deflate")
    }
}

impl Default for Deflate {
    fn default() -> Self {
        let mut compressor = CompressorOxide::default();
        compressor.set_format_and_level(DataFormat::Raw, LEVEL);
        Self { compressor, step: vec![0; STEP_BYTES].into() }
    }
}

impl Deflate {
    /// Takes bytes; gives how many came out.
    pub(super) fn put(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> u64 {
        self.run(bytes, MZFlush::None, out)
    }

    /// Ends the stream, and is ready for another one.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> u64 {
        let written = self.run(&[], MZFlush::Finish, out);
        self.compressor.reset();
        written
    }

    fn run(&mut self, mut bytes: &[u8], flush: MZFlush, out: &mut Vec<u8>) -> u64 {
        let mut written = 0;
        loop {
            let did = deflate(&mut self.compressor, bytes, &mut self.step, flush);
            bytes = bytes.get(did.bytes_consumed..).unwrap_or_default();
            out.extend_from_slice(self.step.get(..did.bytes_written).unwrap_or_default());
            written += did.bytes_written as u64;
            let is_at_end = match flush {
                MZFlush::Finish => did.status != Ok(miniz_oxide::MZStatus::Ok),
                _ => bytes.is_empty() && did.bytes_written < STEP_BYTES,
            };
            if is_at_end || (did.bytes_consumed == 0 && did.bytes_written == 0) {
                return written;
            }
        }
    }
}

/// Gzip, with neither a name nor a time.
#[derive(Debug)]
pub(super) struct Gzip {
    deflate: Deflate,
    sum: crc32fast::Hasher,
    size: u32,
}

impl Gzip {
    pub(super) fn new(out: &mut Vec<u8>) -> Self {
        // Deflate, no flags, no time, no hint, an unknown system.
        out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        Self { deflate: Deflate::default(), sum: crc32fast::Hasher::new(), size: 0 }
    }

    pub(super) fn put(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.sum.update(bytes);
        // The size is kept without what goes beyond 32 bits.
        self.size = self.size.wrapping_add(u32::try_from(bytes.len()).unwrap_or_default());
        self.deflate.put(bytes, out);
    }

    pub(super) fn finish(mut self: Box<Self>, out: &mut Vec<u8>) {
        self.deflate.finish(out);
        out.extend_from_slice(&self.sum.clone().finalize().to_le_bytes());
        out.extend_from_slice(&self.size.to_le_bytes());
    }
}
