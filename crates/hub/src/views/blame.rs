//! The lines of a file with the commits that they came with.

use askama::Template;
use web::look::{Crumb, Html, Layout, When};

use super::{BranchMenu, Head, filters};

/// `/{owner}/{name}/blame/{ref}/{path}`.
#[derive(Debug, Clone, Template)]
#[template(path = "blame.html")]
pub(crate) struct BlamePage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// The menu of branches, each leading to the same path.
    pub branches: BranchMenu,
    /// From the repository's root to this file, which is last and has no address.
    pub path: Vec<Crumb>,
    /// The file's name.
    pub name: String,
    /// The file without its commits.
    pub blob_href: String,
    /// From top to bottom; empty for an empty file, or one that is no text.
    pub runs: Vec<BlameRun>,
    /// How many they are.
    pub run_count: u64,
    /// Why there are no lines, in a sentence.
    pub notice: Option<String>,
    /// Where the walk goes on, if it ended before every line was settled.
    pub more_href: Option<String>,
}

/// Lines that stand together and came with one commit.
#[derive(Debug, Clone)]
pub(crate) struct BlameRun {
    /// First line of the commit's message.
    pub subject: String,
    /// The commit's page.
    pub href: String,
    /// The first digits of its id.
    pub short_id: String,
    /// The claimed author; may be empty.
    pub author: String,
    /// The agent that it names; may be empty.
    pub agent_id: String,
    /// Whether that agent did not sign it.
    pub is_untrusted_agent: bool,
    /// When it says it was made.
    pub when: When,
    /// How old the lines are beside the others: 0, the newest, to 9, the oldest.
    pub age: u8,
    /// The path that the file had then, if it is another one.
    pub former_path: Option<String>,
    /// The file before this commit; nothing where it came with it.
    pub before_href: Option<String>,
    /// Whether the commit is where they came from; else they are older.
    pub is_settled: bool,
    /// The lines.
    pub lines: Vec<BlameLine>,
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct BlameLine {
    /// Its number, from 1.
    pub number: u32,
    /// Its text, highlighted.
    pub text: Html,
}
