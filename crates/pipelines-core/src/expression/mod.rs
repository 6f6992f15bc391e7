//! The small language of `skip_if` (`spec/work.md` 2, Expressions): total, without loops or arithmetic, of linear cost.
//!
//! | file       | what is there                                                   |
//! |------------|-----------------------------------------------------------------|
//! | `read.rs`  | text to [`Expression`]; every refusal says where                |
//! | `words.rs` | the words that the text is made of                              |
//! | `value.rs` | what an expression is worth in a [`Scope`]                      |

mod read;
mod value;
mod words;

use std::{borrow::Cow, str::FromStr};

use serde_json::Value;

use crate::{json::Pointer, name::StepId};

pub use read::BadExpression;

/// What an expression may look at: the start of a reference, before its pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// The run's input.
    Run,
    /// The task's resolved inputs.
    Input,
    /// The element that the instance was spawned for.
    Item,
    /// The index of that element.
    Index,
    /// The output of a step.
    Step(StepId),
}

/// Gives references their values.
pub trait Scope {
    /// What stands at `pointer` below `root`; nothing where there is nothing.
    fn find(&self, root: &Root, pointer: &Pointer) -> Option<Cow<'_, Value>>;
}

/// An expression that was read. It has a value in every scope.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    term: Term,
    roots: Vec<Root>,
}

impl Expression {
    /// What the expression looks at, in the order of the text.
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// Its value.
    pub fn value<'s>(&'s self, scope: &'s dyn Scope) -> Cow<'s, Value> {
        value::of(&self.term, scope)
    }

    /// Whether the value is exactly `true`.
    pub fn holds(&self, scope: &dyn Scope) -> bool {
        value::is_true(&self.value(scope))
    }
}

impl FromStr for Expression {
    type Err = BadExpression;

    fn from_str(text: &str) -> Result<Self, BadExpression> {
        let term = read::read(text)?;
        let mut roots = Vec::new();
        term.roots(&mut roots);
        Ok(Self { term, roots })
    }
}

/// One node of an expression.
#[derive(Debug, Clone, PartialEq)]
enum Term {
    Literal(Value),
    Reference(Root, Pointer),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    Compare(Box<Self>, Comparison, Box<Self>),
    Call(Function, Vec<Self>),
}

impl Term {
    fn roots(&self, found: &mut Vec<Root>) {
        match self {
            Self::Literal(_) => {}
            Self::Reference(root, _) => found.push(root.clone()),
            Self::Not(inner) => inner.roots(found),
            Self::And(parts) | Self::Or(parts) | Self::Call(_, parts) => {
                for part in parts {
                    part.roots(found);
                }
            }
            Self::Compare(one, _, other) => {
                one.roots(found);
                other.roots(found);
            }
        }
    }
}

/// The signs between two terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

/// The functions, all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Size,
    Has,
    Type,
    Lower,
    Starts,
    Default,
}

impl Function {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "size" => Self::Size,
            "has" => Self::Has,
            "type" => Self::Type,
            "lower" => Self::Lower,
            "starts" => Self::Starts,
            "default" => Self::Default,
            _ => return None,
        })
    }

    const fn arguments(self) -> usize {
        match self {
            Self::Size | Self::Has | Self::Type | Self::Lower => 1,
            Self::Starts | Self::Default => 2,
        }
    }
}
