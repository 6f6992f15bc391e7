//! An export: one JSON object a line, and all that is needed to check it without a server.
//!
//! ```json
//! {"export":{"version":1,"chain":"…","exported_at":1795294380000,"until":1}}
//! {"key":{"kid":"SHA256:…","public_key":"ssh-ed25519 …","created_at":1795294380000}}
//! {"row":{"id":"…","chain":"…","seq":1, …,"hash":"…"}}
//! {"head":{"chain":"…","seq":1,"hash":"…","time":1795294380000,"kid":"SHA256:…","signature":"…"}}
//! ```

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Chain, Ends, Head, Row, Verdict, Verifier, Why};
use crate::signing_keys::VerifyingKey;

/// The form of the lines.
const VERSION: u8 = 1;
/// No line is longer: a row has some fields of half a KiB and a detail of 4, of which each byte is six at worst.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// What follows.
    Export(Exported),
    /// A key that signs heads.
    Key(ExportedKey),
    /// A row.
    Row(Box<Row>),
    /// A signed head; it follows its row.
    Head(Head),
}

/// What an export is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// The form of the lines.
    pub version: u8,
    /// The chain.
    pub chain: Uuid,
    /// When, in milliseconds since 1970.
    pub exported_at: i64,
    /// The number of the last row.
    pub until: i64,
}

/// A key that signs heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportedKey {
    /// Its name: the fingerprint.
    pub kid: String,
    /// The public half as an OpenSSH line.
    pub public_key: String,
    /// Since when, in milliseconds since 1970.
    pub created_at: i64,
}

impl Exported {
    pub(super) const fn new(chain: Chain, exported_at: i64, until: i64) -> Self {
        Self { version: VERSION, chain: chain.uuid(), exported_at, until }
    }
}

impl From<VerifyingKey> for Line {
    fn from(key: VerifyingKey) -> Self {
        let public_key = key.public.to_openssh();
        Self::Key(ExportedKey { kid: key.kid, public_key, created_at: key.created_at.0 })
    }
}

impl Line {
    /// The line as text, with its end.
    pub fn to_text(&self) -> String {
        // Texts, numbers and maps with text names always become JSON.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Where it stands among rows and heads: a head comes after its row.
    pub(super) const fn place(&self) -> (i64, u8) {
        match self {
            Self::Export(_) | Self::Key(_) => (0, 0),
            Self::Row(row) => (row.seq, 0),
            Self::Head(head) => (head.seq, 1),
        }
    }
}

/// Checks an export line by line, with nothing but the lines.
#[derive(Debug, Default)]
pub struct LineVerifier {
    verifier: Option<Verifier>,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
}

impl LineVerifier {
    /// Looks at the next bytes of an export, wherever they are cut. An error is the last word.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Verdict> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.begun.len() + part.len() > MAX_LINE_BYTES {
                return Err(self.unreadable());
            }
            self.begun.extend_from_slice(part);
            if part.ends_with(b"\n") {
                self.take_begun()?;
            }
        }
        Ok(())
    }

    fn take_begun(&mut self) -> Result<(), Verdict> {
        match String::from_utf8(std::mem::take(&mut self.begun)) {
            Ok(line) => self.take(&line),
            Err(_) => Err(self.unreadable()),
        }
    }

    /// The key that signed the last head.
    pub fn signed_by(&self) -> Option<&str> {
        self.verifier.as_ref().and_then(Verifier::signed_by)
    }

    fn unreadable(&self) -> Verdict {
        let seq = self.verifier.as_ref().map_or(1, Verifier::next_seq);
        Verdict::Broken { seq, why: Why::Unreadable }
    }

    /// Looks at the next line. An error is the last word.
    pub fn take(&mut self, text: &str) -> Result<(), Verdict> {
        let unreadable = self.unreadable();
        if text.len() > MAX_LINE_BYTES {
            return Err(unreadable);
        }
        let line: Line = serde_json::from_str(text).map_err(|_| unreadable.clone())?;
        match (&mut self.verifier, line) {
            (None, Line::Export(export)) if export.version == VERSION => {
                let mut verifier = Verifier::new(Chain::from_uuid(export.chain));
                let outcome = verifier.take(Line::Export(export));
                self.verifier = Some(verifier);
                outcome
            }
            (Some(verifier), line @ (Line::Key(_) | Line::Row(_) | Line::Head(_))) => {
                verifier.take(line)
            }
            (None, _) | (Some(_), Line::Export(_)) => Err(unreadable),
        }
    }

    /// The last word: an export ends with a head that is signed over its last row.
    pub fn finish(&mut self) -> Verdict {
        if !self.begun.is_empty()
            && let Err(verdict) = self.take_begun()
        {
            return verdict;
        }
        let nothing = Verdict::HeadMissing { seq: 1, why: Why::Unsigned };
        self.verifier.as_ref().map_or(nothing, |verifier| verifier.finish(Ends::Signed))
    }
}
