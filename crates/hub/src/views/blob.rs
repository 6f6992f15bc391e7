//! One file.

use askama::Template;
use web::look::{Crumb, Html, Layout};

use super::{BranchMenu, CommitLine, Head, filters};

/// `/{owner}/{name}/blob/{ref}/{path}`.
#[derive(Debug, Clone, Template)]
#[template(path = "blob.html")]
pub(crate) struct BlobPage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// The menu of branches, each leading to the same path.
    pub branches: BranchMenu,
    /// From the repository's root to this file, which is last and has no address.
    pub path: Vec<Crumb>,
    /// The file's name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// How many lines it has, if it is text.
    pub line_count: Option<u64>,
    /// Its language, if known; may be empty.
    pub language: String,
    /// The full id of its object.
    pub object_id: String,
    /// Its bytes.
    pub raw_href: String,
    /// Its lines with the commits that they came with; nothing if it has none.
    pub blame_href: Option<String>,
    /// The same file at the full commit id; nothing when this is that page.
    pub permalink_href: Option<String>,
    /// Commits that changed it; nothing while they cannot be listed.
    pub history_href: Option<String>,
    /// The newest commit that changed it, when known.
    pub last: Option<CommitLine>,
    /// Whether that is still looked for.
    pub is_pending: bool,
    /// Names that some file systems cannot tell apart, in a sentence.
    pub clash: Option<String>,
    /// What is shown of it.
    pub content: BlobContent,
}

impl BlobPage {
    /// The first digits of the object's id.
    fn short_object(&self) -> &str {
        self.object_id.get(..12).unwrap_or(&self.object_id)
    }
}

/// What is shown of a file.
#[derive(Debug, Clone)]
pub(crate) enum BlobContent {
    /// Nothing is in it.
    Empty,
    /// Lines of text.
    Text {
        /// Each line, highlighted.
        lines: Vec<Html>,
        /// How many bytes these lines are, if the file has more.
        shown_bytes: Option<u64>,
        /// The rendered form of a Markdown file.
        rendered_href: Option<String>,
    },
    /// A Markdown file, rendered.
    Markdown {
        /// The text.
        html: Html,
        /// Its source.
        source_href: String,
    },
    /// A picture, shown from its raw address.
    Image,
    /// Bytes that are no text.
    Binary {
        /// The beginning, 16 bytes a row.
        dump: Vec<HexRow>,
    },
}

/// Sixteen bytes.
#[derive(Debug, Clone)]
pub(crate) struct HexRow {
    /// Position of the first, in hexadecimal.
    pub offset: String,
    /// The bytes in hexadecimal.
    pub hex: String,
    /// The bytes as text, a dot for what cannot be shown.
    pub text: String,
}

impl HexRow {
    /// `bytes` as rows of sixteen.
    pub(crate) fn rows(bytes: &[u8]) -> Vec<Self> {
        bytes.chunks(16).enumerate().map(|(row, chunk)| Self::new(row * 16, chunk)).collect()
    }

    fn new(position: usize, chunk: &[u8]) -> Self {
        let half = |bytes: &[u8]| {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
        };
        let hex = chunk.chunks(8).map(half).collect::<Vec<_>>().join("  ");
        let show = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
        let text = chunk.iter().map(show).collect();
        Self { offset: format!("{position:08x}"), hex, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_has_sixteen_bytes_a_row() {
        let rows = HexRow::rows(b"\0MOTET\xff <tag>\x7f\n0123");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].hex, "00 4d 4f 54 45 54 ff 20  3c 74 61 67 3e 7f 0a 30");
        assert_eq!(rows[0].text, ".MOTET. <tag>..0");
        assert_eq!((rows[1].offset.as_str(), rows[1].text.as_str()), ("00000010", "123"));
        assert!(HexRow::rows(b"").is_empty());
    }
}
