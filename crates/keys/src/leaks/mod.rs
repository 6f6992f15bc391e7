//! Keys and tokens that were left in a text (`spec/hub.md` 1, secret protection): the forms that are known, found while the
//! text streams by.
//!
//! Pure. Nothing here knows a path, a repository or what becomes of a finding, and no finding holds what was found: its kind,
//! its line and a digest, by which the same one is known again.
//!
//! What always holds:
//! - each byte is looked at a bounded number of times, whatever the text is, and no more than a few times [`WINDOW`] are kept;
//! - how a text is cut into pieces changes nothing;
//! - a form that has check digits is found only where they are right.
//!
//! | file        | what is there                                             |
//! |-------------|-----------------------------------------------------------|
//! | `mod.rs`    | [`LeakScanner`]: a text in pieces, and what was found in it |
//! | `forms.rs`  | the forms, as a table                                       |
//! | `shape.rs`  | the parts that a form is made of                            |
//! | `checks.rs` | check digits                                                |

mod checks;
mod forms;
mod shape;

use sha2::{Digest as _, Sha256};

use shape::Form;

/// Texts above this are not looked through (`spec/hub.md` 1).
pub const MAX_TEXT_BYTES: u64 = 1 << 20;
/// How far the longest form is followed: a private key of 4,096 bits in its block.
const WINDOW: usize = 4 << 10;
/// Findings of one text: whoever left as many knows by then.
const MAX_FOUND: usize = 20;
/// Where a NUL makes a text none (`spec/hub.md` 3, `blob`).
const TEXT_HEAD: u64 = 8_000;
/// Bytes that are taken up at once.
const STEP: usize = 16 << 10;

/// That something was left in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// What it is, as in "an access key of AWS".
    pub kind: &'static str,
    /// On which line it begins, from 1.
    pub line: u32,
    /// The SHA-256 of what it is and of its bytes.
    pub digest: [u8; 32],
}

/// Looks through one text, piece by piece.
#[derive(Default)]
pub struct LeakScanner {
    /// What was not looked at yet.
    kept: Vec<u8>,
    /// The byte before what is kept.
    before: Option<u8>,
    lines: u32,
    seen_bytes: u64,
    coding: Coding,
    found: Vec<Leak>,
}

impl std::fmt::Debug for LeakScanner {
    /// Without the text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let found = self.found.len();
        f.debug_struct("LeakScanner").field("found", &found).finish_non_exhaustive()
    }
}

/// How the text is written, as far as that can be told.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// It has not begun.
    #[default]
    Unknown,
    /// Its first byte is this, which may be half of a mark.
    Half(u8),
    /// Each letter is a byte, as far as keys are concerned.
    Bytes,
    /// Each letter is two bytes, of which one is zero.
    Pairs,
    /// It is no text, or one that is too long.
    Other,
}

impl LeakScanner {
    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        self.seen_bytes += piece.len() as u64;
        if self.seen_bytes > MAX_TEXT_BYTES {
            self.coding = Coding::Other;
        }
        let mut piece = piece;
        let mut half = None;
        while let (Coding::Unknown | Coding::Half(_), Some((first, rest))) =
            (self.coding, piece.split_first())
        {
            (half, self.coding) = match (self.coding, *first) {
                (Coding::Half(0xff), 0xfe) | (Coding::Half(0xfe), 0xff) => (None, Coding::Pairs),
                (Coding::Half(one), _) => (Some(one), Coding::Bytes),
                (_, it @ (0xff | 0xfe)) => (None, Coding::Half(it)),
                (_, _) => (None, Coding::Bytes),
            };
            if self.coding == Coding::Bytes {
                break;
            }
            piece = rest;
        }
        if let Some(one) = half {
            self.take(&[one]);
        }
        let head = TEXT_HEAD.saturating_sub(self.seen_bytes - piece.len() as u64);
        let head = usize::try_from(head).unwrap_or(usize::MAX).min(piece.len());
        if self.coding == Coding::Bytes && piece.iter().take(head).any(|it| *it == 0) {
            self.coding = Coding::Other;
        }
        for step in piece.chunks(STEP) {
            match self.coding {
                Coding::Unknown | Coding::Half(_) | Coding::Other => return,
                Coding::Bytes => self.take(step),
                Coding::Pairs => {
                    let letters: Vec<u8> = step.iter().copied().filter(|it| *it != 0).collect();
                    self.take(&letters);
                }
            }
        }
    }

    /// Ends the text; gives what was found in it, in order.
    pub fn finish(mut self) -> Vec<Leak> {
        if self.coding == Coding::Other {
            return Vec::new();
        }
        self.look(true);
        self.found
    }

    fn take(&mut self, bytes: &[u8]) {
        if self.found.len() < MAX_FOUND {
            self.kept.extend_from_slice(bytes);
        }
        // Many small pieces are looked at together.
        if self.kept.len() >= WINDOW + STEP {
            self.look(false);
        }
    }

    /// Looks at every place behind which enough is kept for the longest form; at the end, at all of them.
    fn look(&mut self, is_end: bool) {
        let end = self.kept.len().saturating_sub(if is_end { 0 } else { WINDOW });
        let mut at = 0;
        while at < end && self.found.len() < MAX_FOUND {
            let rest = self.kept.get(at..).unwrap_or_default();
            let rest = rest.get(..WINDOW).unwrap_or(rest);
            let length = match forms::at(self.before, rest) {
                Some((form, length)) => {
                    let bytes = rest.get(..length).unwrap_or_default();
                    self.found.push(leak(form, self.lines + 1, bytes));
                    length.max(1)
                }
                None => 1,
            };
            let passed = rest.get(..length).unwrap_or_default();
            let ended = passed.iter().fold(0, |sum, it| sum + u32::from(*it == b'\n'));
            self.lines = self.lines.saturating_add(ended);
            self.before = passed.last().copied();
            at += length;
        }
        self.kept.drain(..at.min(self.kept.len()));
    }
}

fn leak(form: &Form, line: u32, bytes: &[u8]) -> Leak {
    let digest = Sha256::new().chain_update(form.kind).chain_update([0]).chain_update(bytes);
    Leak { kind: form.kind, line, digest: digest.finalize().into() }
}

#[cfg(test)]
mod tests {
    use names::Random;
    use proptest::prelude::*;

    use super::{
        forms::FORMS,
        shape::{Check, Part, Set},
        *,
    };

    fn found(text: &[u8]) -> Vec<Leak> {
        let mut scanner = LeakScanner::default();
        scanner.feed(text);
        scanner.finish()
    }

    fn kinds(text: &[u8]) -> Vec<&'static str> {
        found(text).into_iter().map(|it| it.kind).collect()
    }

    /// Something of that form, with check digits that are right.
    fn planted(form: &Form, random: &Random) -> Vec<u8> {
        let mut text = Vec::new();
        for part in form.parts {
            match part {
                Part::Text(it) | Part::Word(it) => text.extend_from_slice(it.as_bytes()),
                Part::Run(set, least, _) => {
                    for _ in 0..*least {
                        text.push(letter(*set, random));
                    }
                }
                Part::Block => {
                    text.push(b'\n');
                    text.extend((0..64).map(|_| letter(Set::Base64, random)));
                    text.extend_from_slice(b"\n-----END");
                }
            }
        }
        match form.check {
            Check::None | Check::NoExample => text,
            Check::Own => {
                let kind = std::str::from_utf8(&text[3..text.len() - 51]).unwrap();
                crate::TokenText::generate(kind, random).expose().clone().into_bytes()
            }
            Check::Webhook => {
                text.truncate("whsec_".len());
                text.extend_from_slice(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
                text
            }
            Check::Base62 => {
                let secret = text.len() - 6;
                let check = checks::base62(&text[4..secret]);
                text.truncate(secret);
                text.extend(check);
                text
            }
            Check::Bech32 => checks::bech32_of(&text[..text.len() - 6]),
        }
    }

    fn letter(set: Set, random: &Random) -> u8 {
        let all: Vec<u8> = (0..=127).filter(|it| set.has(*it)).collect();
        all[usize::from(random.bytes::<1>()[0]) % all.len()]
    }

    #[test]
    fn every_form_is_found_alone_in_code_and_in_pieces() {
        let random = Random::seeded(1);
        assert!(FORMS.len() >= 50, "{}", FORMS.len());
        for form in FORMS {
            let secret = planted(form, &random);
            assert_eq!(kinds(&secret), [form.kind], "{}", form.kind);
            let lead = "a line that says nothing\n".repeat(900);
            let code = [b"two = \"", &secret[..], b"\"; // three\nfour\n"].concat();
            let code = [lead.as_bytes(), &code, lead.as_bytes()].concat();
            let whole = found(&code);
            assert_eq!((whole[0].kind, whole[0].line, whole.len()), (form.kind, 901, 1));
            for length in [1, 61, 4_095, lead.len() + 9] {
                let mut scanner = LeakScanner::default();
                code.chunks(length).for_each(|piece| scanner.feed(piece));
                assert_eq!(scanner.finish(), whole, "{} in pieces of {length}", form.kind);
            }
        }
    }

    #[test]
    fn ten_thousand_with_wrong_check_digits_are_not_found() {
        let random = Random::seeded(2);
        let checked: Vec<_> = FORMS
            .iter()
            .filter(|it| matches!(it.check, Check::Own | Check::Base62 | Check::Bech32))
            .collect();
        assert!(checked.len() >= 8);
        for turn in 0..10_000 {
            let mut text = planted(checked[turn % checked.len()], &random);
            let at = text.len() - 1 - turn % 6;
            text[at] = if text[at] == b'Q' { b'P' } else { b'Q' };
            assert_eq!(kinds(&text), [""; 0], "turn {turn}");
        }
    }

    #[test]
    fn what_only_looks_alike_is_not_found() {
        let quiet = [
            "-----BEGIN RSA PRIVATE KEY-----\nwhere the key stands\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n",
            concat!("AKIA", "IOSFODNN7EXAMPLE"),
            concat!("AKIA", "0123456789012345"),
            concat!("xAKIA", "ABCDEFGHIJKLMNOP"),
            concat!("AKIA", "ABCDEFGHIJKLMNOPQ"),
            concat!("aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            concat!("mt_", "personal_short"),
            "risk_live_with_it, task-lists and skeletons",
        ];
        for text in quiet {
            assert_eq!(kinds(text.as_bytes()), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_is_no_text_or_too_long_is_passed_over_and_two_bytes_a_letter_are_read() {
        let secret = crate::TokenText::generate("git", &Random::seeded(3)).expose().clone();
        let kind = kinds(secret.as_bytes())[0];
        assert_eq!(kinds(format!("\0{secret}").as_bytes()), [""; 0]);
        let late = [&b" ".repeat(8_000)[..], b"\0", secret.as_bytes()].concat();
        assert_eq!(kinds(&late), [kind]);
        for mark in [[0xff, 0xfe], [0xfe, 0xff]] {
            let pair = |it: u8| if mark[0] == 0xff { [it, 0] } else { [0, it] };
            let wide: Vec<u8> = mark.into_iter().chain(secret.bytes().flat_map(pair)).collect();
            assert_eq!(kinds(&wide), [kind]);
            let mut scanner = LeakScanner::default();
            for byte in &wide {
                scanner.feed(std::slice::from_ref(byte));
            }
            assert_eq!(scanner.finish().len(), 1);
        }
        let limit = usize::try_from(MAX_TEXT_BYTES).unwrap();
        let long = [&b" ".repeat(limit - secret.len())[..], secret.as_bytes()].concat();
        assert_eq!(kinds(&long), [kind]);
        assert_eq!(kinds(&[&long[..], b" "].concat()), [""; 0]);
        assert_eq!(found(&[secret.as_bytes(), b"\n"].concat().repeat(50)).len(), MAX_FOUND);
    }

    #[test]
    fn the_same_has_the_same_digest_and_another_one_another() {
        let random = Random::seeded(4);
        for form in FORMS {
            let (one, other) = (planted(form, &random), planted(form, &random));
            let digest = |text: &[u8]| found(text)[0].digest;
            assert_eq!(digest(&one), digest(&[b"\n\n", &one[..], b"\n"].concat()));
            if form.check != Check::Webhook {
                assert_ne!(digest(&one), digest(&other), "{}", form.kind);
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(text in prop::collection::vec(any::<u8>(), 0..200), cut in 0..200_usize) {
            let mut scanner = LeakScanner::default();
            scanner.feed(&text[..cut.min(text.len())]);
            scanner.feed(&text[cut.min(text.len())..]);
            prop_assert_eq!(scanner.finish(), found(&text));
        }

        /// What forms are made of, one behind the other in any order.
        #[test]
        fn pieces_of_forms_change_nothing(
            parts in prop::collection::vec((0..FORMS.len(), 0..9_usize, 0..80_usize), 0..60),
            length in 1..400_usize,
        ) {
            let random = Random::seeded(5);
            let mut text = Vec::new();
            for (form, part, run) in parts {
                match FORMS[form].parts.get(part) {
                    Some(Part::Text(it) | Part::Word(it)) => text.extend_from_slice(it.as_bytes()),
                    Some(Part::Run(set, ..)) => text.extend((0..run).map(|_| letter(*set, &random))),
                    Some(Part::Block) => text.extend((0..run).map(|_| letter(Set::Base64, &random))),
                    None if run == 0 => text.extend(planted(&FORMS[form], &random)),
                    None => text.push(b'\n'),
                }
            }
            // Longer than what is kept.
            let text = [&text[..], &b" ".repeat(WINDOW + STEP)[..], &text[..]].concat();
            let mut scanner = LeakScanner::default();
            text.chunks(length).for_each(|piece| scanner.feed(piece));
            let whole = found(&text);
            prop_assert_eq!(scanner.finish(), whole.clone());
            prop_assert!(whole.is_sorted_by_key(|it| it.line));
        }
    }
}
