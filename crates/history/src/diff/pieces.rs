//! How similar two contents are: by the bytes of the lines that they share, in whatever order these stand. The measure
//! of git, so that what moved there moved here.

/// What equal contents come to.
pub(super) const ALIKE: u32 = 60_000;
/// A longer line counts as several pieces.
const MAX_PIECE_BYTES: u32 = 64;

/// What a content is made of: its different pieces, and how many bytes each of them comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    size: u64,
    /// By hash, each once.
    pieces: Box<[(u64, u32)]>,
}

impl Pieces {
    /// Cuts a content after each line, and after 64 bytes of a longer one. In text a line end of two characters is one.
    pub fn of(content: &[u8]) -> Self {
        let is_text = !content.iter().take(super::SNIFFED_BYTES).any(|byte| *byte == 0);
        let (mut pieces, mut hash, mut length) = (Vec::new(), FNV_BASIS, 0);
        let mut bytes = content.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            if is_text && byte == b'\r' && bytes.peek() == Some(&b'\n') {
                continue;
            }
            hash = (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
            length += 1;
            if length == MAX_PIECE_BYTES || byte == b'\n' {
                pieces.push((hash, length));
                (hash, length) = (FNV_BASIS, 0);
            }
        }
        if length > 0 {
            pieces.push((hash, length));
        }
        pieces.sort_unstable_by_key(|(hash, _)| *hash);
        pieces.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                kept.1 = kept.1.saturating_add(next.1);
            }
            is_same
        });
        Self { size: content.len() as u64, pieces: pieces.into() }
    }

    /// How much of the larger one both have, of [`ALIKE`].
    pub(super) fn alike(&self, other: &Self) -> u32 {
        let (mut own, mut others) = (self.pieces.iter().peekable(), other.pieces.iter().peekable());
        let mut shared = 0;
        while let (Some(mine), Some(yours)) = (own.peek(), others.peek()) {
            match mine.0.cmp(&yours.0) {
                std::cmp::Ordering::Less => drop(own.next()),
                std::cmp::Ordering::Greater => drop(others.next()),
                std::cmp::Ordering::Equal => {
                    shared += u64::from(mine.1.min(yours.1));
                    own.next();
                    others.next();
                }
            }
        }
        let larger = self.size.max(other.size).max(1);
        u32::try_from(shared * u64::from(ALIKE) / larger).unwrap_or(ALIKE)
    }
}

/// FNV-1a: quick, and good enough for what is counted and never believed.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_lines_count_by_their_bytes_wherever_they_stand() {
        let alike = |a: &str, b: &str| Pieces::of(a.as_bytes()).alike(&Pieces::of(b.as_bytes()));
        assert_eq!(alike("a\nb\n", "b\na\n"), ALIKE);
        assert_eq!(alike("a\nb\n", "a\nc\n"), ALIKE / 2);
        assert_eq!(alike("a\n", "a\na\n"), ALIKE / 2);
        assert_eq!(alike("a\nb\n", ""), 0);
        assert_eq!(alike("", ""), 0);
        let long = "x".repeat(1_000);
        assert!(alike(&long, &format!("{long}y")) > ALIKE / 100 * 95);
    }
}
