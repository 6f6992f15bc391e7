//! What happened, who likes and watches, whom somebody follows, what is used.

use askama::Template;
use web::look::{Html, Layout, Monogram, When};

use super::{Head, RepositoryRow, filters};

/// Something that leads somewhere else, and whether the reader is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The word.
    pub text: String,
    /// Where it leads.
    pub href: String,
    /// How many there are, where that is counted.
    pub count: Option<u64>,
    /// Whether it is what is shown.
    pub is_current: bool,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// As it is.
    pub text: String,
    /// Where it leads.
    pub href: Option<String>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Who did it; nobody: the server.
    pub actor: Option<String>,
    /// Whether that is an agent.
    pub is_agent: bool,
    /// For whom the agent did it.
    pub behind: Option<String>,
    /// What was done.
    pub pieces: Vec<Piece>,
    /// When.
    pub when: When,
}

/// What happened on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventDay {
    /// Which.
    pub title: String,
    /// The last first.
    pub lines: Vec<Line>,
}

/// `/{owner}/{name}/activity`.
#[derive(Debug, Clone, Template)]
#[template(path = "activity.html")]
pub(crate) struct ActivityPage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// What can be shown.
    pub kinds: Vec<Choice>,
    /// The last first.
    pub days: Vec<EventDay>,
    /// The same for readers of feeds.
    pub feed_href: String,
    /// The page with later ones.
    pub newer_href: Option<String>,
    /// The page with earlier ones.
    pub older_href: Option<String>,
}

/// Somebody in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// The handle.
    pub handle: String,
    /// `person`, `agent`, `organization` or `operator`.
    pub kind: String,
    /// The first letter.
    pub monogram: Monogram,
    /// Since when they are in it.
    pub since: When,
    /// How much a watcher wants to know.
    pub level: Option<String>,
}

/// `/{owner}/{name}/stargazers`, `/{owner}/{name}/watchers`.
#[derive(Debug, Clone, Template)]
#[template(path = "people.html")]
pub(crate) struct PeoplePage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// What the list is.
    pub title: String,
    /// What is said where nobody is in it.
    pub empty: String,
    /// By their handles.
    pub people: Vec<Person>,
    /// The first page.
    pub newer_href: Option<String>,
    /// The page after.
    pub older_href: Option<String>,
}

/// What a reader has set on a repository, and may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MarksBar {
    /// The repository's address.
    pub href: String,
    /// How many like it.
    pub stars: u64,
    /// How many watch it.
    pub watchers: u64,
    /// The mark of the session, for those who may set something.
    pub csrf: Option<String>,
    /// Whether the reader likes it.
    pub has_starred: bool,
    /// Every level of watching: its word, what it means, whether it is the reader's.
    pub levels: Vec<(&'static str, &'static str, bool)>,
}

/// A map of days, and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct HeatBox {
    /// The heading.
    pub title: String,
    /// How much there was in all.
    pub total: u64,
    /// The picture and its table.
    pub picture: Html,
}

/// What follows the head of a profile.
#[derive(Debug, Clone)]
pub(crate) enum ProfileBody {
    /// What they own.
    Repositories {
        /// Pinned ones, in their order.
        pinned: Vec<RepositoryRow>,
        /// What their work comes to.
        maps: Vec<HeatBox>,
        /// Those of this page.
        rows: Vec<RepositoryRow>,
    },
    /// What they like.
    Stars(Vec<RepositoryRow>),
    /// Who follows them, or whom they follow.
    People(Vec<Person>),
    /// What they did.
    Activity(Vec<EventDay>),
}

/// Those around somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AroundList {
    /// What they are to them.
    pub title: &'static str,
    /// Their handles.
    pub handles: Vec<String>,
}

/// `/` for who is signed in.
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage {
    /// The frame.
    pub layout: Layout,
    /// The reader.
    pub handle: String,
    /// Their own repositories, the newest push first.
    pub repositories: Vec<RepositoryRow>,
    /// Where all of them are, if these are not all.
    pub more_href: Option<String>,
    /// What happened to what they own and watch.
    pub days: Vec<EventDay>,
    /// What happened before.
    pub older_href: Option<String>,
    /// Later.
    pub newer_href: Option<String>,
    /// Address of this installation with scheme and host, without a closing slash.
    pub origin: String,
}

/// `/usage`.
#[derive(Debug, Clone, Template)]
#[template(path = "usage.html")]
pub(crate) struct UsagePage {
    /// The frame.
    pub layout: Layout,
    /// Whose.
    pub handle: String,
    /// Of what is bounded, how much is used.
    pub limits: Html,
    /// The largest repositories.
    pub repositories: Html,
    /// Whether there is none.
    pub is_empty: bool,
    /// Others of whom the reader may see the same.
    pub others: Vec<Choice>,
}
