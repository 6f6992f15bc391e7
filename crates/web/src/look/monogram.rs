//! The first letter of a handle in one of eight colours: a face for those who have no picture.

use sha2::{Digest as _, Sha256};

/// How many colours there are, `--v1` to `--v8` of the style sheet.
pub const VOICES: u8 = 8;

/// Which of the eight colours a text has: always the same one. Colours repeat, so they never tell two texts apart alone.
pub fn voice(text: &str) -> u8 {
    let first = Sha256::digest(text.as_bytes()).first().copied().unwrap_or_default();
    first % VOICES + 1
}

/// What the template macro `monogram` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monogram {
    /// The first letter or digit.
    pub letter: char,
    /// One of the eight colours, from 1.
    pub voice: u8,
}

impl Monogram {
    /// The monogram of a handle.
    pub fn of(handle: &str) -> Self {
        let letter = handle.chars().find(|it| it.is_alphanumeric()).unwrap_or('·');
        Self { letter, voice: voice(handle) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_has_one_letter_and_always_the_same_colour() {
        assert_eq!(Monogram::of("_ada").letter, 'a');
        assert_eq!(Monogram::of("...").letter, '·');
        assert_eq!(Monogram::of("ada"), Monogram::of("ada"));
        for number in 0..200 {
            assert!((1..=VOICES).contains(&voice(&number.to_string())));
        }
    }
}
