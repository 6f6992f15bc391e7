//! The closed list of events (`spec/webhooks.md` 2), and which of them a subscription asks for.

use std::{fmt, str::FromStr};

/// Types of one noun, without it.
struct Noun(&'static str, &'static [&'static str]);

/// Types that stand alone.
static ALONE: [&str; 2] = ["push", "ping"];

/// All others.
static NOUNS: [Noun; 28] = [
    Noun("ref", &["created", "deleted"]),
    Noun(
        "repository",
        &[
            "created",
            "renamed",
            "transferred",
            "visibility_changed",
            "archived",
            "deleted",
            "starred",
            "forked",
        ],
    ),
    Noun(
        "issue",
        &[
            "opened",
            "edited",
            "closed",
            "reopened",
            "labeled",
            "unlabeled",
            "assigned",
            "unassigned",
            "milestoned",
            "demilestoned",
            "locked",
            "unlocked",
            "pinned",
            "unpinned",
            "transferred",
            "deleted",
        ],
    ),
    Noun("comment", &["created", "edited", "deleted", "hidden"]),
    Noun("label", &["created", "edited", "deleted"]),
    Noun("milestone", &["created", "edited", "closed", "reopened", "deleted"]),
    Noun(
        "proposal",
        &[
            "opened",
            "edited",
            "revised",
            "ready",
            "drafted",
            "retargeted",
            "closed",
            "reopened",
            "conflicted",
            "queued",
            "dequeued",
            "auto_merge_enabled",
            "auto_merge_disabled",
            "merged",
            "labeled",
            "unlabeled",
            "assigned",
            "unassigned",
            "milestoned",
            "demilestoned",
            "locked",
            "unlocked",
        ],
    ),
    Noun("review", &["submitted", "dismissed", "stale"]),
    Noun("review_request", &["added", "removed"]),
    Noun("thread", &["resolved", "unresolved"]),
    Noun("release", &["published", "edited", "yanked", "unyanked"]),
    Noun("check", &["queued", "started", "completed"]),
    Noun("build", &["started", "completed", "failed", "verified", "mismatched"]),
    Noun("pipeline", &["version_created"]),
    Noun("run", &["started", "composed", "completed", "failed", "cancelled", "expired"]),
    Noun(
        "task",
        &[
            "ready",
            "claimed",
            "extended",
            "released",
            "lease_expired",
            "completed",
            "failed",
            "dead",
        ],
    ),
    Noun("approval", &["requested", "resolved"]),
    Noun("session", &["started", "ended", "budget_reached"]),
    Noun("turn", &["started", "completed", "failed", "cancelled"]),
    Noun("feed", &["synced", "failed", "paused"]),
    Noun("watcher", &["fired"]),
    Noun("window", &["completed"]),
    Noun("entity", &["merged", "split"]),
    Noun("member", &["added", "removed", "role_changed"]),
    Noun("key", &["added", "revoked"]),
    Noun("token", &["created", "revoked"]),
    Noun("delivery", &["dead"]),
    Noun("endpoint", &["failing", "recovered", "gone"]),
];

/// How many a subscription may name.
const MOST: usize = 100;

/// A type of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventType {
    noun: &'static str,
    verb: &'static str,
}

/// A word that is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no event: use a type such as issue.opened, a prefix such as issue.*, or *")]
pub struct UnknownEvent(String);

impl EventType {
    /// Sent once to a new subscription, and whenever somebody asks for it.
    pub const PING: Self = Self { noun: "ping", verb: "" };
    /// A delivery was given up.
    pub const DELIVERY_DEAD: Self = Self { noun: "delivery", verb: "dead" };
    /// A receiver has failed five times in a row.
    pub const ENDPOINT_FAILING: Self = Self { noun: "endpoint", verb: "failing" };
    /// It answers again.
    pub const ENDPOINT_RECOVERED: Self = Self { noun: "endpoint", verb: "recovered" };
    /// It wants nothing more.
    pub const ENDPOINT_GONE: Self = Self { noun: "endpoint", verb: "gone" };
    /// A run has its output: what its manager answers is the verdict.
    pub const RUN_COMPOSED: Self = Self { noun: "run", verb: "composed" };

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let alone = ALONE.iter().map(|noun| Self { noun: *noun, verb: "" });
        let others = NOUNS.iter().flat_map(|Noun(noun, verbs)| {
            verbs.iter().map(|verb| Self { noun: *noun, verb: *verb })
        });
        alone.chain(others)
    }

    /// Whether it tells of webhooks themselves: what becomes of its own deliveries makes no event.
    pub fn is_of_webhooks(self) -> bool {
        matches!(self.noun, "ping" | "delivery" | "endpoint")
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun)?;
        if self.verb.is_empty() { Ok(()) } else { write!(f, ".{}", self.verb) }
    }
}

impl FromStr for EventType {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        let (noun, verb) = text.split_once('.').unwrap_or((text, ""));
        let found = Self::all().find(|it| it.noun == noun && it.verb == verb);
        found.filter(|it| it.to_string() == text).ok_or_else(|| UnknownEvent(text.to_owned()))
    }
}

/// One thing that a subscription asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// `*`: everything.
    All,
    /// `issue.*`: everything of a noun.
    Noun(&'static str),
    /// One type.
    Exact(EventType),
}

impl Pattern {
    fn matches(self, kind: EventType) -> bool {
        match self {
            Self::All => true,
            Self::Noun(noun) => kind.noun == noun,
            Self::Exact(exact) => kind == exact,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Noun(noun) => write!(f, "{noun}.*"),
            Self::Exact(kind) => kind.fmt(f),
        }
    }
}

impl FromStr for Pattern {
    type Err = UnknownEvent;

    fn from_str(text: &str) -> Result<Self, UnknownEvent> {
        if text == "*" {
            return Ok(Self::All);
        }
        match text.strip_suffix(".*") {
            None => text.parse().map(Self::Exact),
            Some(noun) => NOUNS
                .iter()
                .map(|Noun(known, _)| *known)
                .find(|known| *known == noun)
                .map(Self::Noun)
                .ok_or_else(|| UnknownEvent(text.to_owned())),
        }
    }
}

/// What a subscription asks for: 1 to 100 patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns(Vec<Pattern>);

/// Why a list of events cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternsError {
    /// None, or too many.
    #[error("a subscription names 1 to {MOST} events")]
    Count,
    /// One that is not there.
    #[error("{0}")]
    Unknown(UnknownEvent),
}

impl Patterns {
    /// Reads a list.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, PatternsError> {
        let read: Result<Vec<Pattern>, _> = words.into_iter().map(str::parse).collect();
        let read = read.map_err(PatternsError::Unknown)?;
        if read.is_empty() || read.len() > MOST {
            Err(PatternsError::Count)
        } else {
            Ok(Self(read))
        }
    }

    /// Whether the subscription asks for events of this type.
    pub fn matches(&self, kind: EventType) -> bool {
        self.0.iter().any(|pattern| pattern.matches(kind))
    }

    /// As they were written.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(Pattern::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_type_is_its_own_word() {
        let words: HashSet<_> = EventType::all().map(|it| it.to_string()).collect();
        assert_eq!(words.len(), EventType::all().count());
        for kind in EventType::all() {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for kind in [
            EventType::PING,
            EventType::DELIVERY_DEAD,
            EventType::ENDPOINT_FAILING,
            EventType::ENDPOINT_RECOVERED,
            EventType::ENDPOINT_GONE,
        ] {
            assert!(words.contains(&kind.to_string()), "{kind}");
            assert!(kind.is_of_webhooks());
        }
    }

    #[test]
    fn what_is_asked_for_is_exact_a_noun_or_everything() {
        let matches = |words: &[&str], kind: &str| {
            Patterns::parse(words.iter().copied()).unwrap().matches(kind.parse().unwrap())
        };
        assert!(matches(&["push"], "push"));
        assert!(!matches(&["push"], "ref.created"));
        assert!(matches(&["issue.*"], "issue.closed"));
        assert!(!matches(&["issue.*"], "comment.created"));
        assert!(!matches(&["review.*"], "review_request.added"));
        assert!(matches(&["issue.opened", "push"], "push"));
        assert!(matches(&["*"], "delivery.dead"));
    }

    #[test]
    fn an_unknown_event_is_an_error() {
        for word in [
            "",
            "issue",
            "issue.",
            "issue.opened.",
            "Issue.opened",
            "issues.*",
            "push.*",
            "i*",
            "**",
            ".*",
            "push.",
        ] {
            assert!(matches!(Patterns::parse([word]), Err(PatternsError::Unknown(_))), "{word}");
        }
        assert_eq!(Patterns::parse([]), Err(PatternsError::Count));
        assert_eq!(Patterns::parse(vec!["push"; 101]), Err(PatternsError::Count));
        let words = ["issue.*", "push", "*"];
        assert_eq!(
            Patterns::parse(words).map(|it| it.words()),
            Ok(words.map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn the_guide_names_what_is_sent() {
        let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/webhooks.md");
        let guide = std::fs::read_to_string(guide).unwrap();
        let (_, table) = guide.split_once("## The events").unwrap();
        let (table, _) = table.split_once("\n## ").unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        let firsts = rows.filter_map(|row| row.split_once(" |")).map(|(first, _)| first);
        let named: Vec<EventType> = firsts
            .flat_map(|first| first.split_whitespace())
            .map(|word| word.trim_matches('`').parse().unwrap())
            .collect();
        let not_made = ["release.edited", "release.unyanked"];
        let sent = [
            "ref",
            "repository",
            "release",
            "pipeline",
            "run",
            "task",
            "approval",
            "member",
            "key",
            "token",
            "delivery",
            "endpoint",
        ];
        for it in EventType::all() {
            let word = it.to_string();
            let is_sent = it.verb.is_empty() || sent.contains(&it.noun);
            assert_eq!(
                named.contains(&it),
                is_sent && !not_made.contains(&word.as_str()),
                "{word}"
            );
        }
    }
}
