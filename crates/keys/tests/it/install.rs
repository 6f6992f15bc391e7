//! The install key: which texts are one, and what follows from it (`spec/trust.md` 5, 12; 16, point 30).

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use keys::{InstallKey, InstallKeyError};
use names::Random;

/// A key whose texts use the characters in which the two alphabets differ.
const KEY: [u8; 32] = [
    0xfb, 0xff, 0xfe, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
    24, 25, 26, 27, 28, 29, 30, 31,
];

fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(u32::from(digit), 16).unwrap()).collect()
}

#[test]
fn five_texts_are_one_key() {
    let expected = InstallKey::parse(STANDARD.encode(KEY).as_bytes()).unwrap();
    let mixed = hex(&KEY).replace('f', "F");
    for text in [
        STANDARD.encode(KEY),
        URL_SAFE.encode(KEY),
        URL_SAFE_NO_PAD.encode(KEY),
        hex(&KEY),
        hex(&KEY).to_uppercase(),
        mixed,
        format!("{}\n", STANDARD.encode(KEY)),
        format!("{}\n", hex(&KEY)),
    ] {
        let key =
            InstallKey::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(key.key_id(), expected.key_id(), "{text:?}");
        assert_eq!(key.to_text().expose(), &STANDARD.encode(KEY));
    }
}

#[test]
fn every_other_text_is_refused() {
    use InstallKeyError::{Blank, Encoding, Length};
    let (base64, digits) = (STANDARD.encode(KEY), hex(&KEY));
    for (text, why) in [
        (String::new(), Length(0)),
        ("\n".to_owned(), Length(0)),
        (STANDARD.encode([7; 24]), Length(32)),
        (STANDARD.encode([7; 31]), Encoding),
        (STANDARD.encode([7; 33]), Encoding),
        (URL_SAFE_NO_PAD.encode([7; 31]), Length(42)),
        (hex(&[7; 24]), Length(48)),
        (hex(&[7; 31]), Length(62)),
        (hex(&[7; 33]), Length(66)),
        (STANDARD_NO_PAD.encode(KEY), Encoding),
        (base64.replace('=', ""), Encoding),
        // The last character before the padding has four spare bits: `9` is `8` with one of them set.
        (base64.replace("8=", "9="), Encoding),
        (base64.replace('/', "_"), Encoding),
        (format!("{base64} "), Blank),
        (format!(" {base64}"), Blank),
        (format!("{base64}\n\n"), Blank),
        (format!("{base64}\r\n"), Blank),
        (format!("{} {}", &base64[..20], &base64[20..]), Blank),
        (format!("{digits} "), Blank),
        (digits.replace("1f", "1g"), Encoding),
        (format!("0x{}", &digits[2..]), Encoding),
        (format!("+{}", &digits[1..]), Encoding),
        (format!("\"{base64}\""), Length(46)),
    ] {
        assert_eq!(InstallKey::parse(text.as_bytes()).map(|_| ()), Err(why), "{text:?}");
    }
    assert_eq!(InstallKey::parse(&[0xff; 44]).map(|_| ()), Err(Encoding));
}

/// Computed with another implementation of HMAC-SHA256 from the definitions (RFC 5869 §2; `spec/trust.md` 5).
/// A change here locks every install out of its own secrets.
#[test]
fn what_follows_from_a_key_never_changes() {
    let key =
        InstallKey::parse(b"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
            .unwrap();
    assert_eq!(hex(&key.key_id()), "9ed1ae700f3617e1");
    assert_eq!(
        hex(key.derive("motet-seal-v1").expose()),
        "5e57d2d27795efc6faafefef1c8fb781dd54fb57f81057d05440ea4012b2eccd"
    );
    assert_eq!(
        hex(&key.sample()),
        "95711cbf8a266a29977f24b5b4f1fcb8f63d83816f0d24ce6befe48852b0d995"
    );
}

#[test]
fn children_differ_by_label_and_by_parent() {
    let random = Random::seeded(3);
    let (one, two) = (InstallKey::generate(&random), InstallKey::generate(&random));
    let seal = one.derive("motet-seal-v1");
    assert!(seal.matches(one.derive("motet-seal-v1").expose()));
    assert!(!seal.matches(one.derive("motet-csrf-v1").expose()));
    assert!(!seal.matches(two.derive("motet-seal-v1").expose()));
}

#[test]
fn another_key_is_noticed_at_boot() {
    let random = Random::seeded(4);
    let (one, two) = (InstallKey::generate(&random), InstallKey::generate(&random));
    let stored = one.sample();
    assert!(one.check_sample(&stored));
    assert!(!two.check_sample(&stored));
    assert!(!one.check_sample(&stored[..31]));
    assert!(!one.check_sample(&[]));
    let again = InstallKey::parse(one.to_text().expose().as_bytes()).unwrap();
    assert!(again.check_sample(&stored));
}
