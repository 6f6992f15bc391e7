//! Tags: what the server hands out and wants back unchanged (cursors, codes), marked with a key that only it has.

use hkdf::hmac::{Hmac, KeyInit as _, Mac as _};
use names::Secret;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Bytes of a tag: half of HMAC-SHA256, which is what NIST SP 800-107 5.3.3 calls enough, and short in addresses.
pub const TAG_BYTES: usize = 16;

/// The tag of `parts` under `key`. The parts are told apart: `["ab", "c"]` and `["a", "bc"]` have different tags.
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104 §2)")]
pub fn tag(key: &Secret<[u8; 32]>, parts: &[&[u8]]) -> [u8; TAG_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("any length will do");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    whole.first_chunk().copied().unwrap_or_default()
}

/// Whether `claimed` is the tag of `parts`; in constant time.
pub fn is_tag(key: &Secret<[u8; 32]>, parts: &[&[u8]], claimed: &[u8]) -> bool {
    tag(key, parts).ct_eq(claimed).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_holds_for_its_key_and_its_parts_alone() {
        let (key, other) = (Secret::new([1; 32]), Secret::new([2; 32]));
        let made = tag(&key, &[b"ab", b"c"]);
        assert!(is_tag(&key, &[b"ab", b"c"], &made));
        assert!(!is_tag(&other, &[b"ab", b"c"], &made));
        assert!(!is_tag(&key, &[b"a", b"bc"], &made));
        assert!(!is_tag(&key, &[b"ab", b"c"], &made[1..]));
    }
}
