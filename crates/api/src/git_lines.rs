//! What Git and its clients say in lines: packets, movements of refs, versions of the protocol (`man gitprotocol-common`). Pure,
//! so that it can be fuzzed by itself.

use std::str::FromStr;

use names::CommitId;

/// What the length itself takes.
const HEAD_BYTES: usize = 4;
/// The longest packet, with its length.
const PACKET_BYTES: usize = 65_520;
/// Digits of an id of Git.
const ID_DIGITS: usize = 40;
/// No `Git-Protocol` says more.
const PROTOCOL_BYTES: usize = 64;

/// What the four digits say that a packet begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketHead {
    /// A part has ended.
    Flush,
    /// So many bytes follow.
    Line(usize),
}

impl PacketHead {
    /// The end of a part.
    pub const FLUSH: &[u8] = b"0000";

    /// Reads the digits. No packet has one of the lengths 1 to 3, of which other versions of the protocol make use.
    pub fn parse(digits: [u8; HEAD_BYTES]) -> Option<Self> {
        // A number may have a sign, a length has none.
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let text = str::from_utf8(&digits).ok()?;
        match usize::from_str_radix(text, 16).ok()? {
            0 => Some(Self::Flush),
            length @ HEAD_BYTES..=PACKET_BYTES => Some(Self::Line(length - HEAD_BYTES)),
            _ => None,
        }
    }
}

/// `bytes` as a packet; more than fits into one is cut.
pub fn packet(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.get(..PACKET_BYTES - HEAD_BYTES).unwrap_or(bytes);
    let mut packet = format!("{:04x}", bytes.len() + HEAD_BYTES).into_bytes();
    packet.extend(bytes);
    packet
}

/// A ref as a push wants it: nothing stands for "not there". Whether it can be called so, others say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    /// Its full name.
    pub name: String,
    /// Where it has to be.
    pub old: Option<CommitId>,
    /// Where it shall be.
    pub new: Option<CommitId>,
}

impl RefUpdate {
    /// `old new ref`, as Git tells hooks.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let text = str::from_utf8(line).ok()?;
        let mut parts = text.splitn(3, ' ');
        let (old, new, name) = (parts.next()?, parts.next()?, parts.next()?);
        let id = |text: &str| match text {
            _ if text.len() != ID_DIGITS => None,
            zeros if zeros.bytes().all(|it| it == b'0') => Some(None),
            id => id.parse().ok().map(Some),
        };
        Some(Self { old: id(old)?, new: id(new)?, name: name.to_owned() })
    }
}

/// What a client said of protocols that it speaks: `version=2`, and perhaps more behind colons. Nothing is a client that
/// speaks the oldest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitProtocol(String);

impl GitProtocol {
    /// As it was said: words and numbers, and nothing that a shell or an environment would stumble over.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the second version is spoken.
    pub fn is_second(&self) -> bool {
        self.0.split(':').any(|it| it == "version=2")
    }
}

impl FromStr for GitProtocol {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_word = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric());
        let is_pair = |it: &str| match it.split_once('=') {
            Some((key, value)) => is_word(key) && is_word(value),
            None => is_word(it),
        };
        let holds = text.len() <= PROTOCOL_BYTES && text.split(':').all(is_pair);
        if text.is_empty() || holds { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_four_digits_and_nothing_else() {
        for (digits, head) in [
            (b"0000", Some(PacketHead::Flush)),
            (b"0004", Some(PacketHead::Line(0))),
            (b"000e", Some(PacketHead::Line(10))),
            (b"FFF0", Some(PacketHead::Line(65_516))),
            (b"fff1", None),
            (b"0001", None),
            (b"0003", None),
            (b"+00f", None),
            (b"zzzz", None),
            (b" 00f", None),
        ] {
            assert_eq!(PacketHead::parse(*digits), head, "{digits:?}");
        }
        assert_eq!(packet(b"version=1\n"), b"000eversion=1\n");
        assert_eq!(packet(&vec![b'x'; 70_000]).len(), PACKET_BYTES);
    }

    #[test]
    fn an_update_is_two_ids_and_a_name() {
        let (none, id) = ("0".repeat(40), "12".repeat(20));
        let read = RefUpdate::parse(format!("{none} {id} refs/heads/a b").as_bytes()).unwrap();
        assert_eq!((read.old, read.new), (None, Some(id.parse().unwrap())));
        assert_eq!(read.name, "refs/heads/a b");
        for line in [
            String::new(),
            format!("{id} {id}"),
            format!(" {id} refs/heads/a"),
            format!("0 {id} refs/heads/a"),
            format!("{id} {}x refs/heads/a", "0".repeat(39)),
            format!("{} {id} refs/heads/a", "1".repeat(64)),
        ] {
            assert_eq!(RefUpdate::parse(line.as_bytes()), None, "{line}");
        }
        assert_eq!(RefUpdate::parse(b"\xff \xff \xff"), None);
    }

    #[test]
    fn a_protocol_is_words_and_nothing_else() {
        for good in ["", "version=2", "version=1", "version=2:agent=x", "0", "a=b:c"] {
            assert_eq!(good.parse::<GitProtocol>().unwrap().as_str(), good);
        }
        let long = format!("version=2:{}", "a".repeat(PROTOCOL_BYTES));
        for bad in ["version=2\n", "version=", "=2", "a b", "version=2:", "a=b=c", "ä=1", &long] {
            assert_eq!(bad.parse::<GitProtocol>(), Err(()), "{bad:?}");
        }
    }
}
