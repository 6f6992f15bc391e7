//! Check digits: what tells a key from a text that only looks like one.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::shape::Check;
use crate::TokenText;

/// The digits of base 62, as GitHub and npm count.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The digits of bech32 (BIP 173), in capitals.
pub(super) const BECH32: &[u8; 32] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
/// Bytes of a webhook's secret (`spec/webhooks.md` 3).
const WEBHOOK_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Letters of a prefix before what [`base62`] checks, and of the check.
const PREFIX: usize = 4;
const CHECK: usize = 6;

/// Whether `text`, which has the shape, is right beside that.
pub(super) fn holds(check: Check, text: &[u8]) -> bool {
    match check {
        Check::None => true,
        Check::NoExample => !text.windows(7).any(|it| it == b"EXAMPLE"),
        Check::Own => std::str::from_utf8(text).is_ok_and(|it| TokenText::parse(it).is_ok()),
        Check::Webhook => {
            let secret = text.get("whsec_".len()..).unwrap_or_default();
            STANDARD.decode(secret).is_ok_and(|it| WEBHOOK_BYTES.contains(&it.len()))
        }
        Check::Base62 => {
            let secret = text.get(PREFIX..text.len().saturating_sub(CHECK)).unwrap_or_default();
            text.ends_with(&base62(secret))
        }
        Check::Bech32 => is_bech32(text),
    }
}

/// The CRC-32 of `secret`, in six digits.
pub(super) fn base62(secret: &[u8]) -> [u8; CHECK] {
    let mut rest = crc32fast::hash(secret);
    let mut digits = [BASE62[0]; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((rest % 62) as usize).copied().unwrap_or_default();
        rest /= 62;
    }
    digits
}

/// Whether the last six digits fit all before them.
fn is_bech32(text: &[u8]) -> bool {
    let Some(at) = text.iter().rposition(|it| *it == b'1') else { return false };
    let (name, data) = text.split_at(at);
    let digits = data.iter().skip(1).map(|it| BECH32.iter().position(|of| of == it));
    let Some(digits) = digits.collect::<Option<Vec<_>>>() else { return false };
    let digits = digits.into_iter().map(|it| u32::try_from(it).unwrap_or_default());
    polymod(name, digits) == 1
}

/// The remainder of BIP 173.
fn polymod(name: &[u8], digits: impl Iterator<Item = u32>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let name: Vec<u32> = name.iter().map(|it| u32::from(it.to_ascii_lowercase())).collect();
    let expanded = name.iter().map(|it| it >> 5).chain([0]).chain(name.iter().map(|it| it & 31));
    expanded.chain(digits).fold(1, |sum, digit| {
        let mixed = ((sum & 0x01ff_ffff) << 5) ^ digit;
        let tops = GENERATOR.iter().enumerate();
        tops.filter(|(at, _)| (sum >> 25 >> at) & 1 == 1).fold(mixed, |it, (_, by)| it ^ by)
    })
}

/// `text` with the six digits that fit.
#[cfg(test)]
pub(super) fn bech32_of(text: &[u8]) -> Vec<u8> {
    let at = text.iter().rposition(|it| *it == b'1').unwrap();
    let digit = |it: &u8| u32::try_from(BECH32.iter().position(|of| of == it).unwrap()).unwrap();
    let digits = text[at + 1..].iter().map(digit).chain([0; 6]);
    let sum = polymod(&text[..at], digits) ^ 1;
    let check = (0..6).map(|it| BECH32[(sum >> (5 * (5 - it)) & 31) as usize]);
    text.iter().copied().chain(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_known_examples() {
        // An example that stands in public articles about this form.
        assert_eq!(&base62(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), b"0mLq17");
        // Vectors of BIP 173.
        for valid in ["A12UEL5L", "ABCDEF1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LMQQQXW"] {
            assert!(is_bech32(valid.as_bytes()), "{valid}");
        }
        for broken in
            ["A12UEL5Q", "ABCDEF1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LMQQQXQ", "A12UELB5", "", "1"]
        {
            assert!(!is_bech32(broken.as_bytes()), "{broken}");
        }
        assert_eq!(bech32_of(b"A1"), b"A12UEL5L");
    }
}
