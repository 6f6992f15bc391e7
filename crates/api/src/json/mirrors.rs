//! Histories that come from other servers, and follow them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is shown to another server; never given back.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteCredentials {
    /// The user name; servers that take tokens take any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password or token.
    pub password: String,
}

impl fmt::Debug for RemoteCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteCredentials")
    }
}

/// The body of `POST /api/v1/repos/{owner}/{name}/import`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewImport {
    /// The address of a repository of Git, over https.
    pub url: String,
    /// What is shown there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<RemoteCredentials>,
    /// `branches`, `tags`; both unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<Vec<String>>,
}

/// How far an import is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Where the history comes from.
    pub url: String,
    /// `branches`, `tags`.
    pub what: Vec<String>,
    /// `waiting`, `fetching`, `writing`, `done`, `failed` or `cancelled`.
    pub state: String,
    /// Tries that came to nothing.
    pub failures: u32,
    /// Bytes that came, in this try.
    pub received_bytes: u64,
    /// Objects that came.
    pub received_objects: u64,
    /// Objects that are to come; 0 while nobody knows.
    pub total_objects: u64,
    /// Branches and tags that moved.
    pub refs_moved: u64,
    /// Branches and tags that were left out.
    pub refs_left: u64,
    /// Why it failed, or what was left out.
    pub error: Option<String>,
    /// When it was asked for.
    pub asked_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
}

/// The body of `POST /api/v1/repos/{owner}/{name}/mirrors`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMirror {
    /// `pull`: this repository follows the other one; `push`: the other one follows this.
    pub direction: String,
    /// The address of a repository of Git, over https.
    pub url: String,
    /// Patterns such as `refs/heads/*` and `refs/tags/v*`; all branches and tags unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refs: Option<Vec<String>>,
    /// Minutes between two looks of one that pulls, at least 10; 60 unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_minutes: Option<u32>,
    /// What is shown there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<RemoteCredentials>,
}

/// The body of `PATCH /api/v1/repos/{owner}/{name}/mirrors/{mirror}`: what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeMirror {
    /// Another address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Other patterns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refs: Option<Vec<String>>,
    /// Other minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_minutes: Option<u32>,
    /// Something else to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<RemoteCredentials>,
    /// Show nothing from now on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub forget_credentials: bool,
}

/// A mirror.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirror {
    /// Which.
    pub id: String,
    /// `pull` or `push`.
    pub direction: String,
    /// The other repository.
    pub url: String,
    /// Which branches and tags.
    pub refs: Vec<String>,
    /// Minutes between two looks of one that pulls.
    pub every_minutes: u32,
    /// Whether something is shown there.
    pub has_credentials: bool,
    /// `active`, `paused` or `stopped`.
    pub state: String,
    /// Failures since it last went well.
    pub failures: u32,
    /// Why it failed, or what was left out.
    pub error: Option<String>,
    /// When it was made.
    pub made_at: String,
    /// When it runs next by itself.
    pub next_run_at: Option<String>,
    /// When it last ran.
    pub last_run_at: Option<String>,
    /// When it last went well.
    pub last_success_at: Option<String>,
}

/// The mirrors of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorPage {
    /// The oldest first.
    pub items: Vec<Mirror>,
    /// Nothing: the list is short.
    pub next_cursor: Option<String>,
}
