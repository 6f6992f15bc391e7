//! Key files that were cut, altered or put together from parts of two.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use keys::{PrivateKey, PrivateKeyError};
use names::{Random, Secret};

use crate::vectors::V1;

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";

fn file() -> String {
    V1.key().to_openssh("note").expose().clone()
}

fn bytes_of(file: &str) -> Vec<u8> {
    let body: String = file.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(body).unwrap()
}

fn file_of(bytes: &[u8]) -> String {
    format!("{BEGIN}\n{}\n{END}\n", STANDARD.encode(bytes))
}

fn refusal(text: &str) -> Option<PrivateKeyError> {
    PrivateKey::from_openssh(text).err()
}

#[test]
fn layout_does_not_matter() {
    let file = file();
    assert!(file.lines().all(|line| line.len() <= 70));
    for text in [
        file.clone(),
        file.replace('\n', "\r\n"),
        format!("\n{file}\n\n"),
        file_of(&bytes_of(&file)),
    ] {
        let (key, comment) = PrivateKey::from_openssh(&text).unwrap();
        assert!(key.seed().matches(&V1.seed));
        assert_eq!(comment.as_deref(), Some("note"));
    }
}

#[test]
fn other_texts_are_refused() {
    use PrivateKeyError::{Damaged, Form, PublicHalf};
    let good = file();
    for (text, why) in [
        (String::new(), Form),
        ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----".to_owned(), Form),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----".to_owned(), Form),
        (format!("{good}{}", "\n#".repeat(10_000)), Form),
        (V1.openssh.to_owned(), PublicHalf),
        (good.replace(END, ""), Damaged),
        (good.replace(END, "-----END-----"), Damaged),
        (format!("{BEGIN}\n{END}"), Damaged),
        (good.replace("b3Bl", "*3Bl"), Damaged),
        (format!("{good}{good}"), Damaged),
    ] {
        assert_eq!(refusal(&text), Some(why), "{text}");
    }
}

#[test]
fn no_altered_byte_gives_another_key() {
    let good = bytes_of(&file());
    let comment = good.windows(4).position(|window| window == b"note").unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        match PrivateKey::from_openssh(&file_of(&bytes)) {
            Err(_) => {}
            // Only the comment may read otherwise.
            Ok((key, _)) => {
                assert!((comment..comment + 4).contains(&at), "byte {at}");
                assert!(key.seed().matches(&V1.seed));
            }
        }
    }
    for length in 0..good.len() {
        assert!(refusal(&file_of(&good[..length])).is_some(), "cut at {length}");
    }
}

#[test]
fn halves_of_two_keys_are_refused() {
    let (one, two) = (V1.key(), PrivateKey::generate(&Random::seeded(6)));
    let swap = |from: &[u8; 32], to: &[u8; 32], nth: usize| {
        let mut bytes = bytes_of(&file());
        let places: Vec<_> =
            (0..bytes.len() - 31).filter(|at| bytes[*at..at + 32] == from[..]).collect();
        bytes[places[nth]..places[nth] + 32].copy_from_slice(to);
        file_of(&bytes)
    };
    let (public, other) = (one.public().as_bytes(), two.public().as_bytes());
    for nth in 0..3 {
        assert_eq!(refusal(&swap(public, other, nth)), Some(PrivateKeyError::Damaged), "{nth}");
    }
    let seed = swap(&V1.seed, two.seed().expose(), 0);
    assert_eq!(refusal(&seed), Some(PrivateKeyError::Damaged));
}

#[test]
fn a_comment_cannot_break_the_file() {
    let key = PrivateKey::from_seed(Secret::new([9; 32]));
    let long = format!("a\nb {}", "é".repeat(2000));
    let (read, comment) = PrivateKey::from_openssh(key.to_openssh(&long).expose()).unwrap();
    assert_eq!(read.public(), key.public());
    let comment = comment.unwrap();
    assert!(comment.starts_with("a b é") && comment.len() <= 1024, "{}", comment.len());
}
