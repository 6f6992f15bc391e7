//! What a type of a request looks like, told by the type itself: it is asked to read a request, and watched while it says
//! what it expects. So what is told of it cannot differ from what it takes.
//!
//! | file        | what is there                                                        |
//! |-------------|-----------------------------------------------------------------------|
//! | `mod.rs`    | [`Shape`], [`Field`]: what was seen, and how a type is gone through      |
//! | `probe.rs`  | one look: along one path into a type, to say what it expects at its end   |
//! | `sample.rs` | which fields may not be left out: it is asked to read something without them |

mod probe;
mod sample;
#[cfg(test)]
mod tests;

use serde::de::DeserializeOwned;

/// How many steps are gone into a type: one that holds itself ends there.
const MAX_DEPTH: usize = 6;

/// What a value looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Yes or no.
    Bool,
    /// A whole number, perhaps below zero.
    Integer,
    /// A whole number from zero on.
    Count,
    /// Any number.
    Number,
    /// Text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of such values.
    List(Box<Self>),
    /// Such values, under keys of the caller's choice.
    Map(Box<Self>),
    /// These fields, in the order in which the type has them.
    Fields(Vec<Field>),
    /// Anything.
    Any,
}

/// A field of an object, or of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is called.
    pub name: &'static str,
    /// What it looks like.
    pub shape: Shape,
    /// Whether it cannot be left out.
    pub is_required: bool,
    /// Whether it may be said to be nothing.
    pub is_nullable: bool,
}

/// A step into a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Into the field of that name.
    Field(&'static str),
    /// Into what a list holds.
    Item,
    /// Into what a map holds.
    Value,
}

/// What is at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Leaf(Leaf),
    List,
    Map,
    Fields(&'static [&'static str]),
}

/// What holds nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaf {
    Bool,
    Integer,
    Count,
    Number,
    Text,
    Word(&'static [&'static str]),
    Any,
}

impl From<Leaf> for Shape {
    fn from(leaf: Leaf) -> Self {
        match leaf {
            Leaf::Bool => Self::Bool,
            Leaf::Integer => Self::Integer,
            Leaf::Count => Self::Count,
            Leaf::Number => Self::Number,
            Leaf::Text => Self::Text,
            Leaf::Word(words) => Self::Word(words),
            Leaf::Any => Self::Any,
        }
    }
}

impl Shape {
    /// What `T` looks like.
    pub fn of<T: DeserializeOwned>() -> Self {
        Self::at::<T>(&mut Vec::new()).0
    }

    /// What is at the end of `path` within `T`, and whether it may be nothing.
    fn at<T: DeserializeOwned>(path: &mut Vec<Step>) -> (Self, bool) {
        let (found, is_nullable) = probe::look::<T>(path);
        let shape = match found {
            Found::Leaf(leaf) => leaf.into(),
            _ if path.len() >= MAX_DEPTH => Self::Any,
            Found::List => Self::List(Box::new(Self::within::<T>(path, Step::Item).0)),
            Found::Map => Self::Map(Box::new(Self::within::<T>(path, Step::Value).0)),
            Found::Fields(names) => {
                let mut fields = Vec::with_capacity(names.len());
                for name in names {
                    let (shape, is_nullable) = Self::within::<T>(path, Step::Field(name));
                    fields.push(Field { name, shape, is_required: false, is_nullable });
                }
                for at in sample::required::<T>(path, &fields) {
                    if let Some(field) = fields.get_mut(at) {
                        field.is_required = true;
                    }
                }
                Self::Fields(fields)
            }
        };
        (shape, is_nullable)
    }

    fn within<T: DeserializeOwned>(path: &mut Vec<Step>, step: Step) -> (Self, bool) {
        path.push(step);
        let inner = Self::at::<T>(path);
        path.pop();
        inner
    }
}
