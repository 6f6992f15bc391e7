//! Dictionaries of structured fields (RFC 8941): read strictly, written as §4.1 says.
//!
//! What stands twice is refused, although RFC 8941 lets the last one win: nobody who signs writes a thing twice, and
//! two readers may choose differently.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Fifteen digits (RFC 8941 §3.3.1).
const MAX_DIGITS: usize = 15;

/// A bare item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A whole number.
    Whole(i64),
    /// A number with a fraction, as it stands.
    Fraction(String),
    /// A string, without its escapes.
    Text(String),
    /// A token.
    Token(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// `?1` or `?0`, or a parameter without a value.
    Truth(bool),
}

/// Parameters, in order.
pub(super) type Params = Vec<(String, Item)>;

/// What stands under a key of a dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    /// An item; its parameters mean nothing here.
    Item(Item),
    /// An inner list: items with parameters, and parameters of its own.
    List { items: Vec<(Item, Params)>, params: Params },
}

/// The text that has not been read yet. It is ASCII wherever something is taken from it.
struct Rest<'a>(&'a str);

/// Reads a dictionary (§4.2.2).
pub(super) fn dictionary(text: &str) -> Option<Vec<(String, Member)>> {
    let mut rest = Rest(text.trim_matches(' '));
    let mut members: Vec<(String, Member)> = Vec::new();
    loop {
        let key = rest.key()?;
        let member = if rest.takes('=') { rest.member()? } else { Member::Item(Item::Truth(true)) };
        if let Member::Item(_) = member {
            rest.params()?;
        }
        if members.iter().any(|(known, _)| *known == key) {
            return None;
        }
        members.push((key, member));
        rest.skip([' ', '\t']);
        if rest.0.is_empty() {
            return Some(members);
        }
        if !rest.takes(',') {
            return None;
        }
        rest.skip([' ', '\t']);
    }
}

/// Parameters as §4.1.1.2 writes them.
pub(super) fn params_text(params: &Params) -> String {
    let mut text = String::new();
    for (name, item) in params {
        text.push(';');
        text.push_str(name);
        if *item != Item::Truth(true) {
            text.push('=');
            text.push_str(&item.to_text());
        }
    }
    text
}

impl Item {
    /// The item as §4.1.3.1 writes it.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Fraction(text) | Self::Token(text) => text.clone(),
            Self::Text(text) => {
                format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
            }
            Self::Bytes(bytes) => format!(":{}:", STANDARD.encode(bytes)),
            Self::Truth(it) => format!("?{}", u8::from(*it)),
        }
    }
}

impl<'a> Rest<'a> {
    /// Takes one character.
    fn takes(&mut self, c: char) -> bool {
        match self.0.strip_prefix(c) {
            Some(after) => {
                self.0 = after;
                true
            }
            None => false,
        }
    }

    fn skip<const N: usize>(&mut self, blanks: [char; N]) {
        self.0 = self.0.trim_start_matches(blanks);
    }

    /// Takes characters for as long as they fit.
    fn take(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !fits(c)).unwrap_or(self.0.len());
        let (taken, after) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = after;
        taken
    }

    /// A key (§4.2.3.3).
    fn key(&mut self) -> Option<String> {
        if !self.0.starts_with(|c: char| c.is_ascii_lowercase() || c == '*') {
            return None;
        }
        let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c);
        Some(self.take(is_part).to_owned())
    }

    fn member(&mut self) -> Option<Member> {
        if !self.takes('(') {
            return self.item().map(Member::Item);
        }
        let mut items = Vec::new();
        loop {
            self.skip([' ']);
            if self.takes(')') {
                return Some(Member::List { items, params: self.params()? });
            }
            items.push((self.item()?, self.params()?));
            // Items are apart from each other (§4.2.1.2).
            if !self.0.starts_with([' ', ')']) {
                return None;
            }
        }
    }

    /// Parameters (§4.2.3.2).
    fn params(&mut self) -> Option<Params> {
        let mut params = Params::new();
        while self.takes(';') {
            self.skip([' ']);
            let key = self.key()?;
            let item = if self.takes('=') { self.item()? } else { Item::Truth(true) };
            if params.iter().any(|(known, _)| *known == key) {
                return None;
            }
            params.push((key, item));
        }
        Some(params)
    }

    /// A bare item (§4.2.3.1).
    fn item(&mut self) -> Option<Item> {
        match self.0.chars().next()? {
            '"' => self.text().map(Item::Text),
            ':' => self.bytes().map(Item::Bytes),
            '?' => {
                self.takes('?');
                let is_true = self.takes('1');
                (is_true || self.takes('0')).then_some(Item::Truth(is_true))
            }
            '-' | '0'..='9' => self.number(),
            c if c.is_ascii_alphabetic() || c == '*' => {
                let is_part =
                    |c: char| c.is_ascii_alphanumeric() || ":/!#$%&'*+-.^_`|~".contains(c);
                Some(Item::Token(self.take(is_part).to_owned()))
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Item> {
        let sign = if self.takes('-') { "-" } else { "" };
        let digits = self.take(|c| c.is_ascii_digit());
        if digits.is_empty() || digits.len() > MAX_DIGITS {
            return None;
        }
        if !self.takes('.') {
            return format!("{sign}{digits}").parse().ok().map(Item::Whole);
        }
        let fraction = self.take(|c| c.is_ascii_digit());
        let fits = (1..=3).contains(&fraction.len()) && digits.len() <= 12;
        fits.then(|| Item::Fraction(format!("{sign}{digits}.{fraction}")))
    }

    fn text(&mut self) -> Option<String> {
        let mut text = String::new();
        self.takes('"');
        let mut chars = self.0.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = self.0.get(at + 1..)?;
                    return Some(text);
                }
                '\\' => match chars.next()?.1 {
                    c @ ('"' | '\\') => text.push(c),
                    _ => return None,
                },
                ' '..='~' => text.push(c),
                _ => return None,
            }
        }
        None
    }

    /// Canonical base64 with its padding: what RFC 8941 lets readers repair has two spellings, and is refused.
    fn bytes(&mut self) -> Option<Vec<u8>> {
        self.takes(':');
        let (encoded, after) = self.0.split_once(':')?;
        self.0 = after;
        STANDARD.decode(encoded).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_canonical_is_written_as_it_was_read() {
        for params in [
            ";a=1;b=\"x\\\\y\\\"z\";c=tok/en:x;d;e=?0;f=:AAEC:;g=-5;h=1.5",
            "",
            ";created=1795294383;nonce=\"MDEyMzQ1Njc4OTo7PD0-Pw\"",
        ] {
            let read = dictionary(&format!("sig1=(\"a\" \"b\"){params}")).unwrap();
            let (_, Member::List { items, params: read }) = &read[0] else { panic!("{read:?}") };
            assert_eq!((items.len(), params_text(read).as_str()), (2, params));
        }
    }

    #[test]
    fn blanks_between_things_mean_nothing() {
        let tidy = dictionary("a=(\"x\" \"y\");t=1, b=:AAEC:").unwrap();
        assert_eq!(dictionary(" a=(  \"x\"   \"y\" ); t=1 \t,\t b=:AAEC: ").unwrap(), tidy);
    }

    #[test]
    fn what_no_dictionary_is_is_refused() {
        for bad in [
            "",
            "A=1",
            "a=",
            "a=(",
            "a=(\"x\"\"y\")",
            "a=(\"x\"",
            "a=\"x",
            "a=\"\u{e9}\"",
            "a=\"\\x\"",
            "a=:AAE:",
            "a=:AAE",
            "a=1,",
            "a=1,,b=2",
            "a=1 b=2",
            "a=1, a=2",
            "a=();p=1;p=2",
            "a=1234567890123456",
            "a=1.",
            "a=1.2345",
            "a=?2",
            "a=@1",
        ] {
            assert_eq!(dictionary(bad), None, "{bad}");
        }
    }
}
