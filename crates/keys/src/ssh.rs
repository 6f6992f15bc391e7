//! The length-prefixed strings of SSH (RFC 4251 §5), read and appended; what both halves of a key are
//! wrapped in. Knows no key.

/// The name of the one key type that Motet takes (RFC 8709 §4).
pub(crate) const ED25519: &str = "ssh-ed25519";

/// Reads strings and numbers from the front of some bytes.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// A big-endian number; nothing if fewer than four bytes are left.
    pub(crate) fn number(&mut self) -> Option<u32> {
        let (head, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*head))
    }

    /// A string with its length before it; nothing if the length points past the end.
    pub(crate) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    /// What has not been read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// Appends `bytes` with their length before them.
pub(crate) fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    // No caller has 4 GiB to write: keys are fixed in size and comments are capped.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The public half as SSH writes it: the type, then the 32 bytes.
pub(crate) fn public_blob(key: &[u8; 32]) -> Vec<u8> {
    let mut blob = Vec::with_capacity(51);
    put_string(&mut blob, ED25519.as_bytes());
    put_string(&mut blob, key);
    blob
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_go_there_and_back() {
        let mut bytes = Vec::new();
        put_string(&mut bytes, b"one");
        put_string(&mut bytes, b"");
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.string(), Some(&b"one"[..]));
        assert_eq!(reader.string(), Some(&b""[..]));
        assert!(reader.rest().is_empty());
        assert_eq!(reader.string(), None);
    }

    #[test]
    fn a_length_past_the_end_is_nothing() {
        assert_eq!(Reader::new(&[0, 0, 0, 2, 1]).string(), None);
        assert_eq!(Reader::new(&[255, 255, 255, 255]).string(), None);
        assert_eq!(Reader::new(&[0, 0, 0]).number(), None);
    }
}
