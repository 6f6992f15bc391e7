//! The parts that a form is made of. They are followed from left to right without ever going back, so a form costs at most its
//! own length.

use super::checks;

/// A form of keys or tokens.
#[derive(Debug)]
pub(super) struct Form {
    /// What it is, as in "an access key of AWS".
    pub(super) kind: &'static str,
    pub(super) parts: &'static [Part],
    pub(super) check: Check,
}

/// What comes next in a form.
#[derive(Debug)]
pub(super) enum Part {
    /// Exactly this.
    Text(&'static str),
    /// This, in any case.
    Word(&'static str),
    /// As many of these as there are, at least the one number and at most the other.
    Run(Set, usize, usize),
    /// What stands in a block of a private key, up to its end: a line of base64 and whatever is around it.
    Block,
}

/// Letters that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Set {
    Digit,
    Lower,
    LowerDigit,
    UpperDigit,
    Letter,
    Alnum,
    Hex,
    LowerHex,
    Base32,
    Base64,
    Base64Url,
    Bech32,
    /// What stands between a name and its value.
    Glue,
    /// What ends a line.
    Break,
    /// What fills base64 up.
    Pad,
}

/// What has to be right beside the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing: it has no check digits.
    None,
    /// That it is none of the examples which every manual shows.
    NoExample,
    /// Those of our own tokens.
    Own,
    /// That it is the base64 of a secret of webhooks.
    Webhook,
    /// A CRC-32 in six digits of base 62, over what stands behind the prefix of four letters.
    Base62,
    /// That of bech32 (BIP 173).
    Bech32,
}

/// The shortest line of base64 by which the block of a key is known: those of keys have 64 letters or 70.
const LINE: usize = 40;

impl Set {
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Digit => byte.is_ascii_digit(),
            Self::Lower => byte.is_ascii_lowercase(),
            Self::LowerDigit => byte.is_ascii_lowercase() || byte.is_ascii_digit(),
            Self::UpperDigit => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Letter => byte.is_ascii_alphabetic(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::LowerHex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Self::Base32 => byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'),
            Self::Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Bech32 => checks::BECH32.contains(&byte),
            Self::Glue => matches!(byte, b' ' | b'\t' | b'=' | b':' | b'>' | b'"' | b'\'' | b'`'),
            Self::Break => matches!(byte, b'\r' | b'\n'),
            Self::Pad => byte == b'=',
        }
    }
}

impl Form {
    /// Whether one can begin with this byte.
    pub(super) fn begins_with(&self, byte: u8) -> bool {
        match self.parts.first() {
            Some(Part::Text(it)) => it.as_bytes().first() == Some(&byte),
            Some(Part::Word(it)) => {
                it.as_bytes().first().is_some_and(|first| first.eq_ignore_ascii_case(&byte))
            }
            Some(Part::Run(set, ..)) => set.has(byte),
            Some(Part::Block) | None => false,
        }
    }

    /// Whether it has check digits. They say more than what is around.
    pub(super) const fn has_digits(&self) -> bool {
        matches!(self.check, Check::Own | Check::Base62 | Check::Bech32)
    }

    /// How long it is, if `text` begins with one.
    pub(super) fn length(&self, text: &[u8]) -> Option<usize> {
        let (mut rest, mut last) = (text, None);
        for part in self.parts {
            let taken = part.length(rest)?;
            rest = rest.get(taken..)?;
            last = match part {
                Part::Run(set, ..) => Some(*set),
                Part::Text(_) | Part::Word(_) | Part::Block => None,
            };
        }
        let goes_on = last.is_some_and(|set| rest.first().is_some_and(|it| set.has(*it)));
        if goes_on && !self.has_digits() {
            return None;
        }
        let length = text.len() - rest.len();
        checks::holds(self.check, text.get(..length)?).then_some(length)
    }
}

impl Part {
    fn length(&self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Text(it) => text.starts_with(it.as_bytes()).then_some(it.len()),
            Self::Word(it) => {
                let here = text.get(..it.len())?;
                here.eq_ignore_ascii_case(it.as_bytes()).then_some(it.len())
            }
            Self::Run(set, least, most) => {
                let run = text.iter().take(*most).take_while(|it| set.has(**it)).count();
                (run >= *least).then_some(run)
            }
            Self::Block => block(text),
        }
    }
}

/// How long the inside of a block is: up to its end, or to that of what is kept. Nothing if it holds no line of a key.
fn block(text: &[u8]) -> Option<usize> {
    let (mut run, mut longest, mut dashes) = (0, 0, 0);
    let mut length = 0;
    for byte in text {
        dashes = if *byte == b'-' { dashes + 1 } else { 0 };
        if dashes == 5 {
            // Where the five of them begin.
            length -= 4;
            break;
        }
        run = if Set::Base64.has(*byte) { run + 1 } else { 0 };
        longest = longest.max(run);
        length += 1;
    }
    (longest >= LINE).then_some(length)
}
