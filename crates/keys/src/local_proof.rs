//! What the operator's key signs to show a program that it speaks with the local server whose directory it can read
//! (`spec/trust.md` 7).

/// The first line, which keeps these bytes apart from everything else that is signed.
const VERSION: &str = "motet-local-v1";
/// The longest nonce, in bytes.
const MAX_NONCE: usize = 128;

/// The message that proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalProof(String);

/// What is no nonce of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "client_nonce is 1 to 128 visible ASCII characters; make it anew, of 16 random bytes or more, for each request"
)]
pub struct BadLocalNonce;

impl LocalProof {
    /// The message for the nonce of a client. No line ends in it: nobody gets the operator's key to sign lines of their
    /// choice.
    pub fn new(client_nonce: &str) -> Result<Self, BadLocalNonce> {
        let has_room = (1..=MAX_NONCE).contains(&client_nonce.len());
        if has_room && client_nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(format!("{VERSION}\n{client_nonce}")))
        } else {
            Err(BadLocalNonce)
        }
    }

    /// The two lines, joined by LF, without one at the end.
    pub fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_one_line_of_visible_characters() {
        let nonce = "AAECAwQFBgcICQoLDA0ODw";
        assert_eq!(LocalProof::new(nonce).unwrap().text(), format!("motet-local-v1\n{nonce}"));
        for bad in ["", "a b", "ü", &format!("{nonce}\n"), &"a".repeat(129)] {
            assert_eq!(LocalProof::new(bad), Err(BadLocalNonce), "{bad}");
        }
    }
}
