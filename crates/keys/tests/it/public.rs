//! Which public keys are taken, and what is said of the others (`spec/trust.md` 2; 16, point 13).

use keys::{PublicKey, PublicKeyError};

use crate::vectors::{V1, V2};

/// The 32 bytes of V1 in base64url.
const RAW: &str = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg";

fn hex(text: &str) -> [u8; 32] {
    *text.parse::<names::Digest>().unwrap().as_bytes()
}

#[test]
fn both_texts_are_read() {
    let key = *V1.key().public();
    let comment = |text: &str| Some(text.to_owned());
    for (text, expected) in [
        (V1.openssh.to_owned(), None),
        (format!("{}\n", V1.openssh), None),
        (format!("  {}\r\n", V1.openssh), None),
        (format!("{} ", V1.openssh), None),
        (format!("{} me@laptop\n", V1.openssh), comment("me@laptop")),
        (format!("{}  Größe, two  words ", V1.openssh), comment("Größe, two  words")),
        (V1.openssh.replace(' ', "\t"), None),
        (V1.openssh.replace(' ', "   "), None),
        (RAW.to_owned(), None),
        (format!("{RAW}\n"), None),
    ] {
        assert_eq!(PublicKey::parse(&text), Ok((key, expected)), "{text:?}");
    }
    assert_eq!(PublicKey::from_base64url(RAW), Ok(key));
    assert_eq!(PublicKey::from_bytes(key.as_bytes()), Ok(key));
}

#[test]
fn other_texts_are_named() {
    use PublicKeyError::{
        Certificate, Damaged, Form, Length, NonCanonical, NotOneLine, OtherType, PrivateHalf,
        SecurityKey, TypesDiffer,
    };
    let base64 = V1.openssh.trim_start_matches("ssh-ed25519 ");
    for (text, why) in [
        (String::new(), Form),
        ("hello".to_owned(), Form),
        ("hello world".to_owned(), Form),
        ("ssh-ed25519".to_owned(), Form),
        (format!("no-pty {}", V1.openssh), Form),
        (format!("SSH-ED25519 {base64}"), Form),
        ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ me".to_owned(), OtherType("RSA")),
        ("rsa-sha2-512 AAAA".to_owned(), OtherType("RSA")),
        ("ecdsa-sha2-nistp256 AAAAE2VjZHNh".to_owned(), OtherType("ECDSA")),
        ("ssh-dss AAAAB3NzaC1kc3M".to_owned(), OtherType("DSA")),
        ("ssh-ed448 AAAA".to_owned(), OtherType("Ed448")),
        ("sk-ssh-ed25519@openssh.com AAAAGnNr".to_owned(), SecurityKey),
        ("sk-ecdsa-sha2-nistp256@openssh.com AAAAInNr".to_owned(), SecurityKey),
        ("ssh-ed25519-cert-v01@openssh.com AAAAIHNz".to_owned(), Certificate),
        ("sk-ssh-ed25519-cert-v01@openssh.com AAAAIHNz".to_owned(), Certificate),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n".to_owned(), PrivateHalf),
        (format!("{}\n{}", V1.openssh, V2.openssh), NotOneLine),
        (format!("{} {}", V1.openssh, "c".repeat(4096)), NotOneLine),
        (format!("{} a\0b", V1.openssh), NotOneLine),
        (format!("ssh-ed25519 {}", &base64[..67]), Damaged),
        (format!("ssh-ed25519 {}", &base64[..64]), Damaged),
        (format!("ssh-ed25519 {base64}AAAA"), Damaged),
        (format!("ssh-ed25519 {}", base64.replace('/', "_")), Damaged),
        // A blob that says `ssh-rsa`, and one whose key has 31 bytes.
        ("ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQAB".to_owned(), TypesDiffer),
        (
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAHwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
                .to_owned(),
            Length,
        ),
        // The two spare bits of the last character set; y = p; another alphabet.
        (format!("{}h", &RAW[..42]), Form),
        ("7f_______________________________________38".to_owned(), NonCanonical),
        (RAW.replace('_', "/"), Form),
    ] {
        assert_eq!(PublicKey::parse(&text), Err(why), "{text:?}");
        assert!(!why.to_string().is_empty());
    }
    assert_eq!(PublicKey::from_base64url(&RAW[1..]), Err(Length));
    assert_eq!(PublicKeyError::CODE, "unsupported_key");
}

#[test]
fn points_of_small_order_and_second_spellings_are_refused() {
    use PublicKeyError::{NonCanonical, SmallOrder};
    // The eight points of small order, and the spellings of them that RFC 8032 §5.1.3 forbids (the list of
    // "Taming the many EdDSAs", table 6 and appendix).
    for (text, why) in [
        ("0100000000000000000000000000000000000000000000000000000000000000", SmallOrder),
        ("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", SmallOrder),
        ("0000000000000000000000000000000000000000000000000000000000000000", SmallOrder),
        ("0000000000000000000000000000000000000000000000000000000000000080", SmallOrder),
        ("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", SmallOrder),
        ("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", SmallOrder),
        ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", SmallOrder),
        ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", SmallOrder),
        ("0100000000000000000000000000000000000000000000000000000000000080", NonCanonical),
        ("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", NonCanonical),
        ("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", NonCanonical),
        ("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", NonCanonical),
        ("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", NonCanonical),
        ("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", NonCanonical),
        // y = p + 3: a point of the curve, but 3 is its canonical spelling.
        ("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", NonCanonical),
        // y = 2 is no point of the curve.
        ("0200000000000000000000000000000000000000000000000000000000000000", NonCanonical),
    ] {
        assert_eq!(PublicKey::from_bytes(&hex(text)), Err(why), "{text}");
    }
}

#[test]
fn the_published_keys_are_known_by_sight() {
    assert_eq!(V1.key().public().refuse_published(), Err(PublicKeyError::Published));
    let fresh = *keys::PrivateKey::generate(&names::Random::default()).public();
    assert!(!fresh.is_published_test_key());
    assert_eq!(fresh.refuse_published(), Ok(fresh));
}

#[test]
fn a_second_spelling_of_a_good_signature_is_refused() {
    // S + L says the same as S to a careless verifier (RFC 8032 §8.4). L in little-endian bytes:
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let key = V1.key();
    let mut bytes = *key.sign(b"message").as_bytes();
    assert!(key.public().verify(b"message", &keys::Signature::from_bytes(bytes)));
    let mut carry = 0;
    for (byte, add) in bytes[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert!(!key.public().verify(b"message", &keys::Signature::from_bytes(bytes)));
}
