//! From text to expression, by the grammar of `spec/work.md` 2.

use std::iter::Peekable;

use serde_json::Value;

use super::{
    Comparison, Function, Term,
    words::{Word, words},
};

/// A longer text is no condition any more.
const MAX_BYTES: usize = 1024;
/// Brackets, calls and negations inside each other.
const MAX_DEPTH: usize = 16;

/// The text is no expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: {why}")]
pub struct BadExpression {
    /// Where, in bytes.
    pub at: usize,
    /// Why.
    pub why: &'static str,
}

/// Reads a whole expression.
pub(super) fn read(text: &str) -> Result<Term, BadExpression> {
    if text.len() > MAX_BYTES {
        return Err(BadExpression { at: MAX_BYTES, why: "an expression has at most 1 KiB" });
    }
    let mut reader = Reader { words: words(text)?.into_iter().peekable() };
    let at_end = |why| BadExpression { at: text.len(), why };
    let term = reader.either(0).map_err(at_end)?;
    if reader.words.next().is_some() {
        return Err(at_end("it goes on after its end"));
    }
    Ok(term)
}

struct Reader<I: Iterator<Item = Word>> {
    words: Peekable<I>,
}

type Read<T> = Result<T, &'static str>;

impl<I: Iterator<Item = Word>> Reader<I> {
    fn takes(&mut self, word: &Word) -> bool {
        self.words.next_if(|next| next == word).is_some()
    }

    fn takes_name(&mut self, name: &str) -> bool {
        self.words.next_if(|next| matches!(next, Word::Name(it) if it == name)).is_some()
    }

    fn expects(&mut self, word: &Word, why: &'static str) -> Read<()> {
        if self.takes(word) { Ok(()) } else { Err(why) }
    }

    /// `expr`
    fn either(&mut self, depth: usize) -> Read<Term> {
        let first = self.both(depth)?;
        let mut parts = vec![first];
        while self.takes_name("or") {
            parts.push(self.both(depth)?);
        }
        Ok(one_or(parts, Term::Or))
    }

    /// `and`
    fn both(&mut self, depth: usize) -> Read<Term> {
        let first = self.negation(depth)?;
        let mut parts = vec![first];
        while self.takes_name("and") {
            parts.push(self.negation(depth)?);
        }
        Ok(one_or(parts, Term::And))
    }

    /// `not`
    fn negation(&mut self, depth: usize) -> Read<Term> {
        let mut negations = 0;
        while self.takes_name("not") {
            negations += 1;
            if depth + negations > MAX_DEPTH {
                return Err("it is too deep");
            }
        }
        let inner = self.comparison(depth + negations)?;
        Ok((0..negations).fold(inner, |inner, _| Term::Not(Box::new(inner))))
    }

    /// `cmp`
    fn comparison(&mut self, depth: usize) -> Read<Term> {
        let one = self.term(depth)?;
        let is_sign = |word: &Word| match word {
            Word::Sign(_) => true,
            Word::Name(name) => name == "in",
            _ => false,
        };
        let sign = match self.words.next_if(is_sign) {
            None => return Ok(one),
            Some(Word::Sign(sign)) => sign,
            Some(_) => Comparison::In,
        };
        let other = self.term(depth)?;
        Ok(Term::Compare(Box::new(one), sign, Box::new(other)))
    }

    /// `term`
    fn term(&mut self, depth: usize) -> Read<Term> {
        match self.words.next().ok_or("something is missing at its end")? {
            Word::Literal(value) => Ok(Term::Literal(value)),
            Word::Reference(root, pointer) => Ok(Term::Reference(root, pointer)),
            Word::OpenList => self.list(depth + 1).map(Term::Literal),
            Word::Open => {
                let inner = self.nested(depth + 1)?;
                self.expects(&Word::Close, "a ) is missing")?;
                Ok(inner)
            }
            Word::Name(name) => match constant(&name) {
                Some(value) => Ok(Term::Literal(value)),
                None => self.call(&name, depth),
            },
            Word::Sign(_) | Word::Close | Word::CloseList | Word::Comma => {
                Err("a value is missing")
            }
        }
    }

    fn nested(&mut self, depth: usize) -> Read<Term> {
        if depth > MAX_DEPTH { Err("it is too deep") } else { self.either(depth) }
    }

    /// `func`
    fn call(&mut self, name: &str, depth: usize) -> Read<Term> {
        let function = Function::named(name).ok_or("no function has that name")?;
        self.expects(&Word::Open, "a ( is missing")?;
        let mut arguments = vec![self.nested(depth + 1)?];
        while self.takes(&Word::Comma) {
            arguments.push(self.nested(depth + 1)?);
        }
        self.expects(&Word::Close, "a ) is missing")?;
        if arguments.len() == function.arguments() {
            Ok(Term::Call(function, arguments))
        } else {
            Err("the function takes another number of values")
        }
    }

    /// `literal` in brackets: only literals stand inside.
    fn list(&mut self, depth: usize) -> Read<Value> {
        if depth > MAX_DEPTH {
            return Err("it is too deep");
        }
        let mut items = Vec::new();
        if self.takes(&Word::CloseList) {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(match self.words.next() {
                Some(Word::Literal(value)) => value,
                Some(Word::OpenList) => self.list(depth + 1)?,
                Some(Word::Name(name)) => constant(&name).ok_or("only literals stand in a list")?,
                _ => return Err("only literals stand in a list"),
            });
            if self.takes(&Word::CloseList) {
                return Ok(Value::Array(items));
            }
            self.expects(&Word::Comma, "a ] is missing")?;
        }
    }
}

fn one_or(mut parts: Vec<Term>, many: impl Fn(Vec<Term>) -> Term) -> Term {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            many(parts)
        }
    }
}

fn constant(name: &str) -> Option<Value> {
    match name {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        "null" => Some(Value::Null),
        _ => None,
    }
}
