//! From JSON to [`Schema`]: every keyword is known, or a fault; all faults at once.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{Format, Node, Pattern, Schema, keywords};
use crate::{
    fault::{Code, Fault},
    json::{Place, canonical},
};

/// Bytes of one schema.
const MAX_BYTES: usize = 256 << 10;
/// Schemas inside each other.
const MAX_DEPTH: usize = 32;
/// Keywords of one schema.
const MAX_KEYWORDS: usize = 5_000;
/// How the one kind of reference begins.
const REFERENCE: &str = "#/schemas/";

/// The schemas of a definition that others may refer to.
#[derive(Debug, Default)]
pub struct Library {
    raw: Map<String, Value>,
    read: BTreeMap<String, Arc<Node>>,
}

impl Library {
    /// Reads the member `schemas` of a definition, which stands at `place`.
    pub fn read(raw: Map<String, Value>, place: &Place, faults: &mut Vec<Fault>) -> Self {
        let mut read = BTreeMap::new();
        for (name, value) in &raw {
            if !read.contains_key(name) {
                let mut compiler = Compiler::new(&raw, &mut read, faults, place);
                compiler.named(name, value);
            }
        }
        Self { raw, read }
    }

    /// Reads a schema that may refer to these.
    pub fn compile(&self, value: &Value, place: &Place, faults: &mut Vec<Fault>) -> Schema {
        let mut read = self.read.clone();
        let mut compiler = Compiler::new(&self.raw, &mut read, faults, place);
        Schema(Arc::new(compiler.whole(value, place)))
    }

    /// The schema that `reference` names, as it was written.
    pub fn find(&self, reference: &str) -> Option<&Value> {
        self.raw.get(reference.strip_prefix(REFERENCE)?)
    }
}

/// Reads schemas, one inside another.
pub(super) struct Compiler<'c> {
    raw: &'c Map<String, Value>,
    read: &'c mut BTreeMap<String, Arc<Node>>,
    faults: &'c mut Vec<Fault>,
    library: &'c Place,
    /// The names that are being read: coming back to one is a circle.
    open: Vec<String>,
    keywords: usize,
}

impl<'c> Compiler<'c> {
    fn new(
        raw: &'c Map<String, Value>,
        read: &'c mut BTreeMap<String, Arc<Node>>,
        faults: &'c mut Vec<Fault>,
        library: &'c Place,
    ) -> Self {
        Self { raw, read, faults, library, open: Vec::new(), keywords: 0 }
    }

    pub(super) fn fault(&mut self, place: &Place, code: Code, message: impl Into<String>) {
        self.faults.push(Fault::at(place, code, message));
    }

    pub(super) fn invalid(&mut self, place: &Place, wanted: &str) {
        self.fault(place, Code::SchemaInvalid, format!("{wanted} is wanted here"));
    }

    /// A schema of the library.
    fn named(&mut self, name: &str, value: &Value) -> Arc<Node> {
        let outside = std::mem::take(&mut self.keywords);
        self.open.push(name.to_owned());
        let place = self.library.at(name);
        let node = Arc::new(self.whole(value, &place));
        self.open.pop();
        self.keywords = outside;
        self.read.insert(name.to_owned(), Arc::clone(&node));
        node
    }

    /// A schema that stands alone in the definition.
    fn whole(&mut self, value: &Value, place: &Place) -> Node {
        if canonical(value).len() > MAX_BYTES {
            self.fault(place, Code::SchemaInvalid, "a schema has at most 256 KiB");
            return Node::default();
        }
        let node = self.node(value, place, 0);
        if self.keywords > MAX_KEYWORDS {
            self.fault(place, Code::SchemaInvalid, format!("more than {MAX_KEYWORDS} keywords"));
        }
        node
    }

    /// A schema anywhere.
    pub(super) fn node(&mut self, value: &Value, place: &Place, depth: usize) -> Node {
        let fields = match value {
            Value::Bool(takes_all) => {
                return Node { refuses_all: !takes_all, ..Node::default() };
            }
            Value::Object(fields) => fields,
            _ => {
                self.invalid(place, "a schema: an object, true or false");
                return Node::default();
            }
        };
        if depth >= MAX_DEPTH {
            self.fault(place, Code::SchemaInvalid, format!("schemas lie at most {MAX_DEPTH} deep"));
            return Node::default();
        }
        let mut node = Node::default();
        for (name, value) in fields {
            self.keywords += 1;
            let at = place.at(name);
            let inside = keywords::Keyword { value, place: &at, depth: depth + 1 };
            if !keywords::read(self, &mut node, name, &inside) && !name.starts_with("x-") {
                self.fault(&at, Code::SchemaUnknownKeyword, format!("{name} is no keyword"));
            }
        }
        node
    }

    pub(super) fn reference(&mut self, value: &Value, place: &Place) -> Option<Arc<Node>> {
        let Some(text) = value.as_str() else {
            self.invalid(place, "a text");
            return None;
        };
        let name = text.strip_prefix(REFERENCE).filter(|name| self.raw.contains_key(*name));
        let Some(name) = name else {
            let why = "a reference is #/schemas/ and a name that stands there";
            self.fault(place, Code::SchemaRemoteRef, why);
            return None;
        };
        if self.open.iter().any(|it| it == name) {
            self.fault(place, Code::SchemaRecursive, "this reference comes back to itself");
            return None;
        }
        if let Some(read) = self.read.get(name) {
            return Some(Arc::clone(read));
        }
        let value = self.raw.get(name)?;
        Some(self.named(name, value))
    }

    pub(super) fn pattern(&mut self, text: &str, place: &Place) -> Option<Pattern> {
        Pattern::read(text).map_err(|why| self.fault(place, Code::RegexUnsupported, why)).ok()
    }

    pub(super) fn format(&mut self, value: &Value, place: &Place) -> Option<Format> {
        let Some(name) = value.as_str() else {
            self.invalid(place, "a text");
            return None;
        };
        let format = Format::named(name);
        if format.is_none() {
            self.fault(place, Code::SchemaUnknownKeyword, format!("{name} is no format"));
        }
        format
    }
}
