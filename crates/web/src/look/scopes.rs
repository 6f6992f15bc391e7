//! From the hundreds of scopes of syntect's grammars to the dozen classes of our style sheet.

use std::sync::LazyLock;

use syntect::parsing::Scope;

/// What a piece of source code is, as far as its colour goes. Plain variables and punctuation have none:
/// they are the colour of text, and half of all tokens need no markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Comment,
    Keyword,
    String,
    Number,
    Function,
    Type,
    Constant,
    Variable,
    Operator,
    Punctuation,
    Tag,
    Attribute,
    Inserted,
    Deleted,
    Heading,
}

impl Kind {
    /// Every kind, so that a test can look for each in the style sheet.
    #[cfg(test)]
    pub(super) const ALL: [Self; 15] = [
        Self::Comment,
        Self::Keyword,
        Self::String,
        Self::Number,
        Self::Function,
        Self::Type,
        Self::Constant,
        Self::Variable,
        Self::Operator,
        Self::Punctuation,
        Self::Tag,
        Self::Attribute,
        Self::Inserted,
        Self::Deleted,
        Self::Heading,
    ];

    /// Its class in the style sheet. Short, because a page has thousands.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Comment => "hl-c",
            Self::Keyword => "hl-k",
            Self::String => "hl-s",
            Self::Number => "hl-n",
            Self::Function => "hl-f",
            Self::Type => "hl-t",
            Self::Constant => "hl-x",
            Self::Variable => "hl-v",
            Self::Operator => "hl-o",
            Self::Punctuation => "hl-p",
            Self::Tag => "hl-g",
            Self::Attribute => "hl-a",
            Self::Inserted => "hl-i",
            Self::Deleted => "hl-d",
            Self::Heading => "hl-h",
        }
    }
}

/// Scopes and what they become; the first that is a prefix wins, so the special stand before the general.
/// `None` ends the search: code inside a string (interpolation) is plain again.
const TABLE: &[(&str, Option<Kind>)] = &[
    ("source", None),
    ("text", None),
    ("meta.interpolation", None),
    ("meta.template.expression", None),
    ("comment", Some(Kind::Comment)),
    ("string", Some(Kind::String)),
    ("constant.numeric", Some(Kind::Number)),
    ("constant", Some(Kind::Constant)),
    ("support.constant", Some(Kind::Constant)),
    ("keyword.operator.word", Some(Kind::Keyword)),
    ("keyword.operator", Some(Kind::Operator)),
    ("keyword.other.unit", Some(Kind::Number)),
    ("keyword", Some(Kind::Keyword)),
    ("storage", Some(Kind::Keyword)),
    ("entity.name.function", Some(Kind::Function)),
    ("entity.name.macro", Some(Kind::Function)),
    ("support.function", Some(Kind::Function)),
    ("support.macro", Some(Kind::Function)),
    ("variable.function", Some(Kind::Function)),
    ("entity.name.tag", Some(Kind::Tag)),
    ("entity.other.attribute-name", Some(Kind::Attribute)),
    ("support.type.property-name", Some(Kind::Attribute)),
    ("variable.annotation", Some(Kind::Attribute)),
    ("meta.annotation", Some(Kind::Attribute)),
    ("meta.mapping.key", Some(Kind::Attribute)),
    ("entity.name.section", Some(Kind::Heading)),
    ("markup.heading", Some(Kind::Heading)),
    ("meta.diff.header", Some(Kind::Heading)),
    ("meta.diff.range", Some(Kind::Heading)),
    ("entity.name.label", Some(Kind::Constant)),
    ("entity.name.constant", Some(Kind::Constant)),
    ("entity.name", Some(Kind::Type)),
    ("entity.other.inherited-class", Some(Kind::Type)),
    ("support.type", Some(Kind::Type)),
    ("support.class", Some(Kind::Type)),
    ("variable.language", Some(Kind::Keyword)),
    ("variable.parameter", Some(Kind::Variable)),
    ("markup.inserted", Some(Kind::Inserted)),
    ("markup.deleted", Some(Kind::Deleted)),
    ("markup.raw", Some(Kind::String)),
    ("markup.underline.link", Some(Kind::String)),
    ("punctuation.definition.tag", Some(Kind::Punctuation)),
];

/// The scope around the key of a JSON object, whose text is a string like any other.
const JSON_KEY: &str = "meta.structure.dictionary.key";

struct Table {
    kinds: Vec<(Scope, Option<Kind>)>,
    json_key: Option<Scope>,
}

static COMPILED: LazyLock<Table> = LazyLock::new(|| Table {
    kinds: TABLE
        .iter()
        .filter_map(|(text, kind)| Scope::new(text).ok().map(|scope| (scope, *kind)))
        .collect(),
    json_key: Scope::new(JSON_KEY).ok(),
});

/// What the innermost known scope of `stack` makes of the text.
pub(super) fn kind(stack: &[Scope]) -> Option<Kind> {
    let table = &*COMPILED;
    let found = stack.iter().rev().find_map(|scope| {
        table.kinds.iter().find(|(known, _)| known.is_prefix_of(*scope)).map(|(_, kind)| *kind)
    })?;
    let is_key = |scope: &Scope| table.json_key.is_some_and(|key| key.is_prefix_of(*scope));
    match found {
        Some(Kind::String) if stack.iter().any(is_key) => Some(Kind::Attribute),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(text: &str) -> Vec<Scope> {
        text.split(' ').map(|scope| Scope::new(scope).unwrap()).collect()
    }

    #[test]
    fn the_innermost_known_scope_decides() {
        for (scopes, expected) in [
            ("source.rust", None),
            ("source.rust meta.function storage.type.function", Some(Kind::Keyword)),
            ("source.rust string.quoted punctuation.definition.string.begin", Some(Kind::String)),
            ("source.rust string.quoted constant.character.escape", Some(Kind::Constant)),
            ("source.js string.template meta.template.expression variable.other", None),
            ("source.json meta.structure.dictionary.key string.quoted", Some(Kind::Attribute)),
            ("source.c constant.numeric.integer", Some(Kind::Number)),
        ] {
            assert_eq!(kind(&stack(scopes)), expected, "{scopes}");
        }
    }

    #[test]
    fn every_scope_of_the_table_is_one() {
        assert_eq!(COMPILED.kinds.len(), TABLE.len());
        assert!(COMPILED.json_key.is_some());
    }
}
