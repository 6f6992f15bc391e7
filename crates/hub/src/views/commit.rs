//! One commit: what it says of itself, what is known about it, what it changed.

use askama::Template;
use web::look::{Layout, When};

use super::{
    Head, Signature,
    diff::{Changes, FileBody},
    filters,
};

/// `/{owner}/{name}/commit/{id}`.
#[derive(Debug, Clone, Template)]
#[template(path = "commit.html")]
pub(crate) struct CommitPage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// First line of the message; may be empty.
    pub subject: String,
    /// The rest of the message, without the blank line between; may be empty.
    pub body: String,
    /// The full id.
    pub id: String,
    /// Its tree.
    pub tree_href: String,
    /// Its files as one file: the ending and the address.
    pub archives: Vec<(&'static str, String)>,
    /// None, one or two.
    pub parents: Vec<Parent>,
    /// What follows it.
    pub children: Vec<Parent>,
    /// The refs that lead to it; none where they are too far away to be told.
    pub refs: Option<Vec<RefLink>>,
    /// How many more there are.
    pub hidden_refs: u64,
    /// The claimed author, as written; may be empty.
    pub author: String,
    /// The claimed time, as written.
    pub committed_at: String,
    /// The claimed time, understood.
    pub when: When,
    /// The branch that it was made on, as written; may be empty.
    pub branch: String,
    /// Its labels, as written.
    pub labels: Vec<String>,
    /// What else it says.
    pub metadata: Vec<(String, String)>,
    /// Claimed provenance.
    pub provenance: Provenance,
    /// State of the signature.
    pub signature: Signature,
    /// The key that signed, as written; may be empty.
    pub signer_key_id: String,
    /// `major`, `minor` or `patch` as the client estimated it; empty for none.
    pub bump: String,
    /// What it breaks, as the client says.
    pub breaking_changes: Vec<String>,
    /// Whether the difference is to the first of several parents.
    pub is_merge: bool,
    /// What it changed.
    pub changes: Changes,
}

/// A ref.
#[derive(Debug, Clone)]
pub(crate) struct RefLink {
    /// Its name; a branch without `refs/heads/`.
    pub name: String,
    /// Its files.
    pub href: String,
}

/// A commit that stands beside another one.
#[derive(Debug, Clone)]
pub(crate) struct Parent {
    /// The first digits of its id.
    pub short_id: String,
    /// Its page.
    pub href: String,
}

/// Who and what made a commit, as it claims; each may be empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Provenance {
    /// The agent.
    pub agent_id: String,
    /// The model.
    pub model_id: String,
    /// The tools.
    pub toolchain_id: String,
    /// The hash of what the agent was asked.
    pub prompt_hash: String,
    /// Whether the agent is named but did not sign.
    pub is_untrusted_agent: bool,
}
