//! JSON Schema 2020-12 as definitions use it (`spec/work.md` 2, Schemas): strict when it is read, linear when it judges.
//!
//! Unknown keywords and formats are faults, `$ref` leads into the definition's own `schemas` only and never in a circle,
//! patterns run on an engine without backtracking, and judging has a budget of steps.
//!
//! | file          | what is there                                                        |
//! |---------------|----------------------------------------------------------------------|
//! | `compile.rs`  | text to [`Schema`], all faults at once                               |
//! | `keywords.rs` | the values that keywords take                                        |
//! | `pattern.rs`  | patterns of ECMA-262 on an engine with linear time                   |
//! | `format.rs`   | what `format` asserts                                                |
//! | `judge.rs`    | a value against a [`Schema`]                                         |
//! | `objects.rs`  | the part of it that is about objects                                 |
//! | `paths.rs`    | what a schema declares at a pointer                                  |

mod compile;
mod format;
mod judge;
mod keywords;
mod objects;
mod paths;
mod pattern;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Number, Value};

pub use compile::Library;
pub use format::Format;
pub use judge::{MAX_FAULTS, MAX_STEPS};
pub use paths::{Declared, declared};
pub use pattern::Pattern;

use crate::fault::Fault;

/// A schema that was read whole.
#[derive(Debug, Clone)]
pub struct Schema(Arc<Node>);

impl Schema {
    /// What is wrong with `value`; nothing if it fits. At most [`MAX_FAULTS`] faults are told, and a value that costs
    /// more than [`MAX_STEPS`] has one: `validation_too_costly`.
    pub fn judge(&self, value: &Value) -> Vec<Fault> {
        judge::judge(&self.0, value)
    }
}

/// The types of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Type {
    Null,
    Boolean,
    Object,
    Array,
    Number,
    Integer,
    String,
}

/// One schema inside another: what its keywords say. A keyword that is not there says nothing.
#[derive(Debug, Default)]
struct Node {
    /// `false` takes nothing.
    refuses_all: bool,
    types: Option<Vec<Type>>,
    allowed: Option<Vec<Value>>,
    constant: Option<Value>,
    reference: Option<Arc<Node>>,
    all_of: Vec<Node>,
    any_of: Vec<Node>,
    one_of: Vec<Node>,
    not: Option<Box<Node>>,
    condition: Option<Box<Node>>,
    then: Option<Box<Node>>,
    otherwise: Option<Box<Node>>,
    numbers: Numbers,
    texts: Texts,
    lists: Lists,
    objects: Objects,
}

/// What is said of numbers.
#[derive(Debug, Default)]
struct Numbers {
    multiple_of: Option<Number>,
    minimum: Option<Number>,
    above: Option<Number>,
    maximum: Option<Number>,
    below: Option<Number>,
}

/// What is said of texts.
#[derive(Debug, Default)]
struct Texts {
    min_length: Option<usize>,
    max_length: Option<usize>,
    pattern: Option<Pattern>,
    format: Option<Format>,
}

/// What is said of lists.
#[derive(Debug, Default)]
struct Lists {
    first: Vec<Node>,
    items: Option<Box<Node>>,
    contains: Option<Box<Node>>,
    min_contains: Option<usize>,
    max_contains: Option<usize>,
    min_items: Option<usize>,
    max_items: Option<usize>,
    are_unique: bool,
    unevaluated: Option<Box<Node>>,
}

/// What is said of objects.
#[derive(Debug, Default)]
struct Objects {
    properties: BTreeMap<String, Node>,
    patterns: Vec<(Pattern, Node)>,
    additional: Option<Box<Node>>,
    names: Option<Box<Node>>,
    required: Vec<String>,
    min_members: Option<usize>,
    max_members: Option<usize>,
    dependent_names: BTreeMap<String, Vec<String>>,
    dependent_schemas: BTreeMap<String, Node>,
    unevaluated: Option<Box<Node>>,
}

#[cfg(test)]
mod tests;
