//! The words of an expression.

use serde_json::Value;

use super::{Comparison, Root, read::BadExpression};
use crate::{json::Pointer, name::StepId};

/// What the text is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    /// A text or a number.
    Literal(Value),
    /// `and`, `size`, `true` and their kin.
    Name(String),
    /// `$run/country`.
    Reference(Root, Pointer),
    /// `==` and its kin; `in` is a name until it is looked at.
    Sign(Comparison),
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `[`.
    OpenList,
    /// `]`.
    CloseList,
    /// `,`.
    Comma,
}

/// The words of `text`, in order.
pub(super) fn words(text: &str) -> Result<Vec<Word>, BadExpression> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches(BLANKS);
    while let Some(first) = rest.chars().next() {
        let (word, after) =
            next(first, rest).map_err(|why| BadExpression { at: text.len() - rest.len(), why })?;
        found.push(word);
        rest = after.trim_start_matches(BLANKS);
    }
    Ok(found)
}

const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

type Next<'t> = Result<(Word, &'t str), &'static str>;

fn next(first: char, rest: &str) -> Next<'_> {
    let simple = |word: Word, length: usize| Ok((word, rest.get(length..).unwrap_or_default()));
    match first {
        '(' => simple(Word::Open, 1),
        ')' => simple(Word::Close, 1),
        '[' => simple(Word::OpenList, 1),
        ']' => simple(Word::CloseList, 1),
        ',' => simple(Word::Comma, 1),
        '"' => text(rest).map(|(it, after)| (Word::Literal(it.into()), after)),
        '$' => reference(rest),
        '-' | '0'..='9' => number(rest),
        'a'..='z' => {
            let length = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
            let (name, after) = rest.split_at(length);
            Ok((Word::Name(name.to_owned()), after))
        }
        _ => {
            let signs = [
                ("==", Comparison::Equal),
                ("!=", Comparison::Unequal),
                ("<=", Comparison::LessOrEqual),
                (">=", Comparison::GreaterOrEqual),
                ("<", Comparison::Less),
                (">", Comparison::Greater),
            ];
            let found = signs.iter().find(|(sign, _)| rest.starts_with(sign));
            let (sign, comparison) = found.ok_or("this character means nothing here")?;
            simple(Word::Sign(*comparison), sign.len())
        }
    }
}

/// A JSON string at the front of `rest`.
fn text(rest: &str) -> Result<(String, &str), &'static str> {
    let mut is_escaped = false;
    let end = rest.char_indices().skip(1).find_map(|(at, c)| {
        let is_end = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end.then_some(at + 1)
    });
    let (whole, after) =
        end.and_then(|end| rest.split_at_checked(end)).ok_or("it is not closed")?;
    let read = serde_json::from_str(whole).map_err(|_| "it is no JSON string")?;
    Ok((read, after))
}

fn number(rest: &str) -> Next<'_> {
    let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let (whole, after) = rest.split_at(length);
    let read: Value = serde_json::from_str(whole).map_err(|_| "it is no JSON number")?;
    Ok((Word::Literal(read), after))
}

fn reference(rest: &str) -> Next<'_> {
    let after_sign = rest.get(1..).unwrap_or_default();
    let is_root = |c: char| c.is_ascii_lowercase();
    let length = after_sign.find(|c| !is_root(c)).unwrap_or(after_sign.len());
    let (word, mut after) = after_sign.split_at(length);
    let root = match word {
        "run" => Root::Run,
        "input" => Root::Input,
        "item" => Root::Item,
        "index" => Root::Index,
        "step" => {
            let id = after.strip_prefix('.').ok_or("a step is named as $step.id")?;
            let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let length = id.find(|c| !is_part(c)).unwrap_or(id.len());
            let (id, behind) = id.split_at(length);
            after = behind;
            Root::Step(id.parse::<StepId>().map_err(|_| "that is no name of a step")?)
        }
        _ => return Err("only $run, $input, $item, $index and $step.id are known"),
    };
    let (pointer, after) = if after.starts_with('"') {
        text(after)?
    } else if after.starts_with('/') {
        let is_bare = |c: char| c.is_ascii_alphanumeric() || "_~./-".contains(c);
        let length = after.find(|c| !is_bare(c)).unwrap_or(after.len());
        let (bare, behind) = after.split_at(length);
        (bare.to_owned(), behind)
    } else if after.starts_with(|c: char| c.is_ascii_alphanumeric() || "_.~-".contains(c)) {
        return Err("a reference goes on with a pointer or ends");
    } else {
        (String::new(), after)
    };
    let pointer = pointer.parse().map_err(|_| "that is no pointer")?;
    Ok((Word::Reference(root, pointer), after))
}
