//! From a text to a query, or everything that is wrong with it.

use super::{
    Clause, Key, MAX_QUERY_BYTES, MAX_TERMS, Query, QueryFault, Range, Subject, Term, is_word,
    is_word_char,
};

/// A shorter beginning is that of too many words.
const MIN_PREFIX_CHARS: usize = 2;
/// Digits of an id that are enough to name a commit.
const MIN_ID_DIGITS: usize = 7;
/// Digits of a whole id.
const ID_DIGITS: usize = 64;

/// A piece of the text between white space.
struct Piece<'a> {
    at: usize,
    is_negated: bool,
    /// What stands before the colon, in lower case.
    key: Option<String>,
    /// Where the value begins.
    value_at: usize,
    value: String,
    is_quoted: bool,
    /// As it stands.
    whole: &'a str,
}

/// What a piece says.
enum Said {
    And(usize),
    Or(usize),
    Clause(Clause),
}

fn fault(at: usize, code: &'static str, message: impl Into<String>) -> QueryFault {
    QueryFault { at, code, message: message.into() }
}

impl Query {
    /// Reads a query about `subject`; of a text that is none, every fault.
    pub fn parse(text: &str, subject: Subject) -> Result<Self, Vec<QueryFault>> {
        if text.len() > MAX_QUERY_BYTES {
            let message = format!("a query has at most {MAX_QUERY_BYTES} bytes");
            return Err(vec![fault(MAX_QUERY_BYTES, "too_long", message)]);
        }
        let (mut faults, mut said) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(piece) = next_piece(text, &mut at, &mut faults) {
            match read(&piece, subject) {
                Ok(it) => said.push(it),
                Err(wrong) => faults.push(wrong),
            }
        }
        let terms = said.iter().filter(|it| matches!(it, Said::Clause(_))).count();
        if terms > MAX_TERMS {
            faults.push(fault(
                0,
                "too_many_terms",
                format!("a query has at most {MAX_TERMS} terms"),
            ));
        }
        let query = grouped(said, &mut faults);
        if faults.is_empty() && query.groups.is_empty() {
            faults.push(fault(0, "empty", "a query says what to look for"));
        }
        if faults.is_empty() { Ok(query) } else { Err(faults) }
    }
}

/// Puts clauses together: `AND` changes nothing, `OR` begins another group.
fn grouped(said: Vec<Said>, faults: &mut Vec<QueryFault>) -> Query {
    let (mut groups, mut group) = (Vec::new(), Vec::new());
    let mut waits: Option<(usize, &str)> = None;
    let mut is_first = true;
    for it in said {
        let joint = match it {
            Said::Clause(clause) => {
                group.push(clause);
                (waits, is_first) = (None, false);
                continue;
            }
            Said::And(at) => (at, "AND"),
            Said::Or(at) => (at, "OR"),
        };
        if is_first || waits.is_some() {
            let message =
                format!("nothing stands before {}; write \"{}\" to look for it", joint.1, joint.1);
            faults.push(fault(joint.0, "nothing_before", message));
        }
        if joint.1 == "OR" && !group.is_empty() {
            groups.push(std::mem::take(&mut group));
        }
        waits = Some(joint);
    }
    if let Some((at, word)) = waits {
        let message = format!("nothing follows {word}; write \"{word}\" to look for it");
        faults.push(fault(at, "nothing_after", message));
    }
    if !group.is_empty() {
        groups.push(group);
    }
    Query { groups }
}

/// The next piece from `at` on, which moves behind it.
fn next_piece<'a>(
    text: &'a str,
    at: &mut usize,
    faults: &mut Vec<QueryFault>,
) -> Option<Piece<'a>> {
    let rest = text.get(*at..)?;
    let begin = *at + (rest.len() - rest.trim_start().len());
    let rest = text.get(begin..).filter(|it| !it.is_empty())?;
    let after_sign =
        rest.strip_prefix('-').filter(|it| it.starts_with(|c: char| !c.is_whitespace()));
    let is_negated = after_sign.is_some();
    let rest = after_sign.unwrap_or(rest);
    let mut value_at = begin + usize::from(is_negated);
    let key = key_of(rest);
    let rest = match &key {
        Some(key) => {
            value_at += key.len() + 1;
            rest.get(key.len() + 1..).unwrap_or_default()
        }
        None => rest,
    };
    let (value, is_quoted, length) = if let Some(inner) = rest.strip_prefix('"') {
        let (value, length) = unquoted(inner);
        if length.is_none() {
            let message = "the quotation is not closed: add \" at its end";
            faults.push(fault(value_at, "unclosed_quotation", message));
        }
        (value, true, length.unwrap_or(inner.len()) + 1)
    } else {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        (rest.get(..end).unwrap_or_default().to_owned(), false, end)
    };
    *at = value_at + length;
    let whole = text.get(begin..*at).unwrap_or_default();
    let key = key.map(str::to_ascii_lowercase);
    Some(Piece { at: begin, is_negated, key, value_at, value, is_quoted, whole })
}

/// Letters before a single colon.
fn key_of(text: &str) -> Option<&str> {
    let (key, after) = text.split_once(':')?;
    let is_key = !key.is_empty() && key.bytes().all(|it| it.is_ascii_alphabetic());
    Some(key).filter(|_| is_key && !after.starts_with(':'))
}

/// What stands before the closing `"`, and the length up to behind it; no length if there is none.
fn unquoted(text: &str) -> (String, Option<usize>) {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, Some(at + 1)),
            '\\' => match chars.next() {
                Some((_, next @ ('"' | '\\'))) => value.push(next),
                Some((_, next)) => value.extend(['\\', next]),
                None => value.push('\\'),
            },
            _ => value.push(c),
        }
    }
    (value, None)
}

fn read(piece: &Piece<'_>, subject: Subject) -> Result<Said, QueryFault> {
    let plain = piece.key.is_none() && !piece.is_quoted;
    match piece.whole {
        "AND" if plain => return Ok(Said::And(piece.at)),
        "OR" if plain => return Ok(Said::Or(piece.at)),
        _ => {}
    }
    let term = match &piece.key {
        None => plain_term(piece)?,
        Some(key) => known_term(piece, key, subject)?,
    };
    Ok(Said::Clause(Clause { is_negated: piece.is_negated, term }))
}

/// White space of any length is one space; none stands at the ends.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain_term(piece: &Piece<'_>) -> Result<Term, QueryFault> {
    let text = spaced(&piece.value).to_lowercase();
    if text.is_empty() {
        return Err(fault(piece.value_at, "empty", "nothing stands between the quotation marks"));
    }
    if piece.is_quoted {
        return Ok(Term::Characters(text));
    }
    if is_word(&text) {
        return Ok(Term::Word(text));
    }
    match text.strip_suffix('*').filter(|it| is_word(it)) {
        Some(begin) if begin.chars().count() < MIN_PREFIX_CHARS => {
            let message =
                format!("the beginning of a word has at least {MIN_PREFIX_CHARS} characters");
            Err(fault(piece.at, "prefix_too_short", message))
        }
        Some(begin) => Ok(Term::Prefix(begin.to_owned())),
        None => Ok(Term::Characters(text)),
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn known_term(piece: &Piece<'_>, word: &str, subject: Subject) -> Result<Term, QueryFault> {
    let Some(key) = Key::named(word) else {
        let keys: Vec<_> = Key::of(subject).map(Key::as_str).collect();
        let message = format!(
            "`{word}:` is not a key; the keys are {}; write \"{}\" to look for these characters",
            keys.join(", "),
            piece.whole.trim_start_matches('-'),
        );
        return Err(fault(piece.at, "unknown_key", message));
    };
    if !key.subjects().contains(&subject) {
        let message = format!("`{key}:` says nothing about {subject}");
        return Err(fault(piece.at, "key_elsewhere", message));
    }
    let value = spaced(&piece.value);
    if value.is_empty() {
        return Err(fault(piece.value_at, "empty", format!("`{key}:` needs a value")));
    }
    let wrong = |what: &str| fault(piece.value_at, "bad_value", format!("`{key}:` takes {what}"));
    let lower = value.to_lowercase();
    let days = "a day such as 2026-01-31";
    Ok(match key {
        Key::Stars => {
            let range = Range::of_numbers(&lower);
            Term::Within(key, range.ok_or_else(|| wrong("a number, >number, <number or a..b"))?)
        }
        Key::Pushed => {
            let range = Range::of_days(&lower);
            Term::Within(key, range.ok_or_else(|| wrong("a day, >day, <day or day..day"))?)
        }
        Key::Since => Term::Within(key, Range::since(&lower).ok_or_else(|| wrong(days))?),
        Key::Until => Term::Within(key, Range::until(&lower).ok_or_else(|| wrong(days))?),
        Key::Archived => match lower.as_str() {
            "yes" | "true" => Term::Is(key, true),
            "no" | "false" => Term::Is(key, false),
            _ => return Err(wrong("yes or no")),
        },
        Key::Id => {
            let digits = lower.trim_start_matches("sha256:");
            let is_id = (MIN_ID_DIGITS..=ID_DIGITS).contains(&digits.len())
                && digits.bytes().all(|it| it.is_ascii_hexdigit());
            let what = "7 to 64 hexadecimal digits";
            Term::Known(key, is_id.then(|| digits.to_owned()).ok_or_else(|| wrong(what))?)
        }
        Key::Symbol if !lower.chars().all(is_word_char) => return Err(wrong("one name")),
        Key::Ext => {
            let ending = lower.trim_start_matches('.');
            Term::Known(key, some(ending).ok_or_else(|| wrong("what a name ends in"))?)
        }
        // Names of directories and agents are told apart by case.
        Key::Path if subject == Subject::Commits => {
            let path = value.trim_matches('/');
            Term::Known(key, some(path).ok_or_else(|| wrong("a file or a directory"))?)
        }
        Key::Agent => Term::Known(key, value),
        Key::Repo
        | Key::Owner
        | Key::Topic
        | Key::Licence
        | Key::Format
        | Key::Lang
        | Key::Path
        | Key::Symbol
        | Key::Author
        | Key::Signer => Term::Known(key, lower),
    })
}
