//! Repositories are forked and handed on.

use serde::{Deserialize, Serialize};

/// The body of `POST /api/v1/repos/{owner}/{name}/forks`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewFork {
    /// Whose it shall be: the caller's, unless an organization is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The name to take, unless that of the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether only the branch that is shown first is taken over.
    #[serde(default)]
    pub default_branch_only: bool,
}

/// The body of `POST /api/v1/repos/{owner}/{name}/transfer`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTransfer {
    /// Whose it shall be.
    pub to: String,
    /// `owner/name` as it is, to confirm.
    pub confirm: String,
}

/// A repository that waits for somebody to take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Which.
    pub id: String,
    /// What is handed on, as `owner/name`.
    pub repository: String,
    /// Whose it would be.
    pub to: String,
    /// Since when.
    pub created_at: String,
    /// Until when it can be taken.
    pub ends_at: String,
}

/// Repositories that wait to be taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferPage {
    /// The last asked for first.
    pub items: Vec<Transfer>,
    /// Nothing: the list is short.
    pub next_cursor: Option<String>,
}

/// The body of `POST /api/v1/transfers/{id}/accept`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// Another name, where its own is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
