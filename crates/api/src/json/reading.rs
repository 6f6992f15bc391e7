//! Answers about the history of a repository (`spec/hub.md` 9).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeEntry {
    /// Its name.
    pub name: String,
    /// Its path from the root.
    pub path: String,
    /// `file`, `directory`, `link` or `submodule`.
    pub kind: String,
    /// The object of a file or a link; nothing for a directory or a submodule.
    pub id: Option<String>,
    /// Bytes of the file, or of all files below the directory; Git does not know the latter, and it is 0 there.
    pub size: u64,
    /// As git writes it.
    pub mode: String,
    /// What a submodule leads to.
    pub target: Option<String>,
    /// The commit that changed it last, where that was asked for and is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastCommit>,
}

/// Some entries of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// The commit.
    pub commit: String,
    /// The directory; empty for the root.
    pub path: String,
    /// Directories first, then by name.
    pub items: Vec<TreeEntry>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
    /// Whether last commits are still looked for: the same address tells them later.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_pending: bool,
}

/// The commit that changed an entry last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCommit {
    /// Its id.
    pub commit: String,
    /// The first line of its message.
    pub subject: String,
    /// When it says it was made.
    pub at: String,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// The commit.
    pub commit: String,
    /// Its path.
    pub path: String,
    /// Its object.
    pub id: String,
    /// Its length in bytes.
    pub size: u64,
    /// `text`, `binary`, `image` or `lfs`.
    pub kind: String,
    /// `utf-8`, `utf-16` or `latin-1`, if it is text.
    pub encoding: Option<String>,
    /// How many lines it has, if it is text and at hand.
    pub line_count: Option<u64>,
    /// What it holds, if it is text of at most 1 MiB.
    pub text: Option<String>,
    /// The address of its bytes.
    pub raw: String,
}

/// What is known of a commit's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitSignature {
    /// `verified`, `key revoked`, `key unknown`, `unverifiable` or `unsigned`.
    pub state: String,
    /// Whose key it is.
    pub signer: Option<String>,
    /// The key, as the commit names it.
    pub key: Option<String>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// What it follows.
    pub parents: Vec<String>,
    /// Its message.
    pub message: String,
    /// Who made it, as it says.
    pub author: String,
    /// When it was made, as it says.
    pub committed_at: String,
    /// The same moment as every other time of this API.
    pub time: String,
    /// The branch that it was made on, as it says.
    pub branch: String,
    /// The agent that it names.
    pub agent_id: String,
    /// Whether that agent did not sign it.
    pub untrusted_agent: bool,
    /// The model that it names.
    pub model_id: String,
    /// The tools that it names.
    pub toolchain_id: String,
    /// The hash of what the agent was asked.
    pub prompt_hash: String,
    /// How its client estimates the change of version.
    pub sem_ver_bump: String,
    /// What it breaks, as its client says.
    pub breaking_changes: Vec<String>,
    /// What else it says.
    pub metadata: BTreeMap<String, String>,
    /// Its signature.
    pub signature: CommitSignature,
    /// The path that was asked for, as it was called then.
    pub path: Option<String>,
}

/// Some commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitPage {
    /// The newest first.
    pub items: Vec<Commit>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
    /// Whether time ran out before the page was full.
    pub partial: bool,
}

/// A commit with what is around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitDetail {
    /// The commit.
    #[serde(flatten)]
    pub commit: Commit,
    /// What follows it.
    pub children: Vec<String>,
    /// The refs that lead to it; nothing where they are too far away to be told.
    pub refs: Option<Vec<String>>,
    /// Whether no ref leads to it, so that only those who may push see it.
    pub hidden: bool,
}

/// A label of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitLabel {
    /// Which: whoever made it chose it.
    pub id: String,
    /// The words, such as `section:verse`.
    pub label: String,
    /// When it was made, as its maker wrote it.
    pub created_at: String,
}

/// A changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffFile {
    /// `A`, `M`, `D` or `R`.
    pub status: String,
    /// Its path.
    pub path: String,
    /// The path that it had, if it moved.
    pub old_path: Option<String>,
    /// How much of it is the same, of 100, if it moved.
    pub similarity: Option<u8>,
    /// What it held.
    pub old_id: Option<String>,
    /// What it holds.
    pub new_id: Option<String>,
    /// Its length before.
    pub old_size: Option<u64>,
    /// Its length now.
    pub new_size: Option<u64>,
    /// Lines that came.
    pub added: Option<u32>,
    /// Lines that went.
    pub removed: Option<u32>,
    /// `text`, `binary`, `folded`, `too_large` or `same`.
    pub body: String,
    /// The changed places of a text.
    pub hunks: Vec<DiffHunk>,
}

/// A changed place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffHunk {
    /// The first old line.
    pub old_start: u32,
    /// Old lines.
    pub old_lines: u32,
    /// The first new line.
    pub new_start: u32,
    /// New lines.
    pub new_lines: u32,
    /// All of them.
    pub lines: Vec<DiffLine>,
}

/// A line of a changed place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    /// ` `, `-` or `+`.
    pub sign: char,
    /// Its number before.
    pub old: Option<u32>,
    /// Its number now.
    pub new: Option<u32>,
    /// Without its line end.
    pub text: String,
    /// What differs from the line that it is paired with, as pairs of byte positions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<(usize, usize)>,
    /// Whether the file ends without a line end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_newline: bool,
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffPage {
    /// The older side; nothing for the beginning of a history.
    pub before: Option<String>,
    /// The newer side.
    pub after: String,
    /// How many files differ.
    pub file_count: u64,
    /// Whether more differ than are counted.
    pub truncated: bool,
    /// Some of them.
    pub files: Vec<DiffFile>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}

/// One revision beside another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// The commit of the first.
    pub base: String,
    /// The commit of the second.
    pub head: String,
    /// The newest commit that both lead to.
    pub merge_base: Option<String>,
    /// Commits of the second that the first does not have.
    pub ahead: u64,
    /// Commits of the first that the second does not have.
    pub behind: u64,
    /// Some of those of the second, the newest first.
    pub commits: Vec<Commit>,
    /// What the second changed since the merge base.
    pub diff: DiffPage,
}

/// Lines that stand together and came with one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlameRun {
    /// The first line, from 1.
    pub start: u32,
    /// How many they are.
    pub lines: u32,
    /// The commit.
    pub commit: String,
    /// The first line of its message.
    pub subject: String,
    /// Who made it, as it says.
    pub author: String,
    /// When.
    pub time: String,
    /// The first line in that commit, from 1.
    pub original_start: u32,
    /// The path in that commit.
    pub original_path: String,
    /// The commit before, if it has the file.
    pub before: Option<String>,
    /// The path in the commit before.
    pub before_path: Option<String>,
    /// Whether they came with that commit; else they are older, and time ran out.
    pub settled: bool,
}

/// Who changed which line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlameAnswer {
    /// The commit that was asked about.
    pub commit: String,
    /// The file.
    pub path: String,
    /// From top to bottom.
    pub runs: Vec<BlameRun>,
    /// Whether some are not settled.
    pub partial: bool,
    /// Asks for the rest.
    pub next_cursor: Option<String>,
}

/// All paths of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileList {
    /// The commit.
    pub commit: String,
    /// In the order of their bytes.
    pub paths: Vec<String>,
    /// Whether there are more.
    pub truncated: bool,
}
