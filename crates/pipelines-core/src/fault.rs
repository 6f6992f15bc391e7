//! What is wrong with a definition or a result, and where.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::json::Place;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The stable word for a fault (`spec/work.md` 2, Static checks).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// No YAML, or no JSON.
    YamlSyntax = "yaml_syntax",
    /// More than one document.
    YamlDocuments = "yaml_documents",
    /// An anchor or an alias.
    YamlAlias = "yaml_alias",
    /// A tag.
    YamlTag = "yaml_tag",
    /// A merge key.
    YamlMergeKey = "yaml_merge_key",
    /// A name that stands twice in one object.
    DuplicateKey = "duplicate_key",
    /// Too many bytes or values.
    TooLarge = "too_large",
    /// Too many levels.
    TooDeep = "too_deep",
    /// A member that nobody knows.
    UnknownField = "unknown_field",
    /// A member that is not there.
    MissingField = "missing_field",
    /// A value of another type, or spelled wrongly.
    WrongType = "wrong_type",
    /// A value beyond its limits.
    OutOfRange = "out_of_range",
    /// Two steps of one name.
    StepIdDuplicate = "step_id_duplicate",
    /// No step of that name.
    StepUnknown = "step_unknown",
    /// A template of two spawners.
    TemplateShared = "template_shared",
    /// A subcommand with the name of a built-in one.
    SubcommandReserved = "subcommand_reserved",
    /// Two subcommands of one name.
    SubcommandDuplicate = "subcommand_duplicate",
    /// Spawners that form a ring.
    Unreachable = "unreachable",
    /// Steps that wait for each other.
    Cycle = "cycle",
    /// A step that cannot be seen from here.
    ReferenceOutOfScope = "reference_out_of_scope",
    /// Fan-outs more than three deep.
    FanOutTooDeep = "fan_out_too_deep",
    /// A join that means nothing.
    JoinInvalid = "join_invalid",
    /// A place that the source's schema does not declare.
    InputPathUnknown = "input_path_unknown",
    /// A place that may be absent, without a default.
    InputNotGuaranteed = "input_not_guaranteed",
    /// A fan-out over what is no list.
    ForEachNotArray = "for_each_not_array",
    /// A keyword with a value that it does not take.
    SchemaInvalid = "schema_invalid",
    /// A keyword or a format that nobody knows.
    SchemaUnknownKeyword = "schema_unknown_keyword",
    /// A reference that leads out of the definition.
    SchemaRemoteRef = "schema_remote_ref",
    /// A reference that comes back to itself.
    SchemaRecursive = "schema_recursive",
    /// A pattern that no engine with linear time takes.
    RegexUnsupported = "regex_unsupported",
    /// An expression that does not read.
    ExpressionInvalid = "expression_invalid",
    /// A rule that does not read.
    ComposeSyntax = "compose_syntax",
    /// A rule about what is not there.
    ComposeSource = "compose_source",
    /// A rule about what has another type.
    ComposeType = "compose_type",
    /// A rule that needs one instance and names many.
    ComposeNeedsSingle = "compose_needs_single",
    /// A template that is not spawned from that field.
    ComposeUnpaired = "compose_unpaired",
    /// Limits in the wrong order.
    LimitInverted = "limit_inverted",
    /// Ballots that could elect two.
    QuorumInvalid = "quorum_invalid",
    /// A priority that the operator has not granted.
    PriorityNotGranted = "priority_not_granted",
    /// A budget below what every run spends.
    BudgetUnreachable = "budget_unreachable",
    /// A schedule that does not read, or whose input does not fit.
    ScheduleInvalid = "schedule_invalid",
    /// An endpoint where no request may go.
    EndpointRefused = "endpoint_refused",
    /// A webhook where no request may go.
    WebhookRefused = "webhook_refused",
    /// A skill that is not there.
    SkillUnknown = "skill_unknown",
    /// A warning: two rules write one member.
    ComposeCollision = "compose_collision",
    /// A warning: nothing looks at a step's output.
    UnusedStep = "unused_step",
    /// A result with a list that is longer than its fan-out may be.
    FanOutTooWide = "fan_out_too_wide",
    /// A result that takes too long to judge.
    ValidationTooCostly = "validation_too_costly",
    /// An output that breaks its schema.
    ComposeInvalid = "compose_invalid",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let found = Self::ALL.iter().copied().find(|it| it.as_str() == word);
        found.ok_or_else(|| D::Error::custom(format!("{word} is no code")))
    }
}

/// One fault: the place of the member at fault, the code, and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fault {
    /// RFC 6901.
    pub pointer: String,
    /// The stable word.
    pub code: Code,
    /// What is wrong, in a sentence.
    pub message: String,
}

impl Fault {
    /// A fault at a place.
    pub fn at(place: &Place, code: Code, message: impl Into<String>) -> Self {
        Self { pointer: place.as_str().to_owned(), code, message: message.into() }
    }

    /// A fault of the whole document.
    pub fn whole(code: Code, message: impl Into<String>) -> Self {
        Self::at(&Place::root(), code, message)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:?}: {}", self.code, self.pointer, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = Code::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
        let is_plain = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        assert!(words.iter().all(is_plain));
    }
}
