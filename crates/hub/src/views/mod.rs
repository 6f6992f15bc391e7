//! What the pages of this room show: plain data, one struct a page, filled by `pages` and laid out by askama.
//!
//! Every text of a repository or a principal is an ordinary `String` here, just as it was written; the templates
//! escape it and make deceiving characters visible (filters `seen` and `named`). Addresses come percent-encoded.
//! Templates extend the frame of `web` by its way from their own folder (see `web::look`).
//!
//! | file            | page                                                             |
//! |-----------------|------------------------------------------------------------------|
//! | `explore.rs`    | `/`, `/explore`                                                  |
//! | `profile.rs`    | `/{handle}`                                                      |
//! | `repository.rs` | `/{owner}/{name}` and `/{owner}/{name}/tree/{ref}/{path}`         |
//! | `blob.rs`       | `/{owner}/{name}/blob/{ref}/{path}`                              |
//! | `commits.rs`    | `/{owner}/{name}/commits/{ref}/{path}`                           |
//! | `compare.rs`    | `/{owner}/{name}/compare/{a}...{b}`                              |
//! | `commit.rs`     | `/{owner}/{name}/commit/{id}`; `diff.rs` is its lower half       |
//! | `embed.rs`      | cards that stand in pages elsewhere                               |
//! | `search.rs`     | `/search`, `/{owner}/{name}/find/{ref}`                          |
//! | `graph.rs`      | `/{owner}/{name}/graph`                                           |
//! | `insights.rs`   | `/{owner}/{name}/insights`                                        |
//! | `refs.rs`       | `/{owner}/{name}/branches`, `/{owner}/{name}/tags`                |
//! | `forks.rs`      | `/{owner}/{name}/forks`                                          |
//! | `new.rs`        | `/new`                                                           |
//! | `log.rs`        | `/{owner}/{name}/log`                                            |
//! | `around.rs`     | activity, people, `/`, `/usage`                                     |
//! | `settings.rs`   | `/{owner}/{name}/settings/…`, `/settings/repositories`            |
//! | `mirrors.rs`     | `/{owner}/{name}/settings/mirrors`                                |
//! | `filters.rs`    | what templates do to values                                      |

pub(crate) mod around;
pub(crate) mod blame;
pub(crate) mod blob;
pub(crate) mod commit;
pub(crate) mod commits;
pub(crate) mod compare;
pub(crate) mod diff;
pub(crate) mod embed;
pub(crate) mod explore;
mod filters;
pub(crate) mod forks;
pub(crate) mod graph;
pub(crate) mod insights;
pub(crate) mod log;
pub(crate) mod mirrors;
pub(crate) mod new;
pub(crate) mod profile;
pub(crate) mod refs;
pub(crate) mod repository;
pub(crate) mod search;
pub(crate) mod settings;

#[cfg(test)]
mod around_samples;
#[cfg(test)]
mod history_samples;
#[cfg(test)]
mod mirrors_samples;
#[cfg(test)]
mod records_samples;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod search_samples;
#[cfg(test)]
mod settings_samples;
#[cfg(test)]
mod tests;

use web::look::When;

/// What stands above every page of a repository.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Handle of the owner.
    pub owner: String,
    /// Name of the repository.
    pub name: String,
    /// Address of the repository's first page.
    pub href: String,
    /// Address of the commits of the shown ref; nothing while there are none.
    pub commits_href: Option<String>,
    /// Address of the settings, for those who may see them.
    pub settings_href: Option<String>,
    /// Whether only members see it.
    pub is_private: bool,
    /// Whether it can only be read.
    pub is_archived: bool,
    /// Whether what is shown is a commit that no ref leads to.
    pub is_hidden: bool,
    /// Which tab is open.
    pub section: Section,
}

/// The tabs of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    /// Tree and files.
    Code,
    /// Commits.
    Commits,
    /// Branches and tags.
    Branches,
    /// Commits as they hang together.
    Graph,
    /// What happened.
    Activity,
    /// The history in numbers.
    Insights,
    /// What it says of itself, and who may do what.
    Settings,
}

impl Head {
    fn is_code(&self) -> bool {
        self.section == Section::Code
    }

    fn is_commits(&self) -> bool {
        self.section == Section::Commits
    }

    fn is_activity(&self) -> bool {
        self.section == Section::Activity
    }

    fn is_branches(&self) -> bool {
        self.section == Section::Branches
    }

    fn is_graph(&self) -> bool {
        self.section == Section::Graph
    }

    fn is_insights(&self) -> bool {
        self.section == Section::Insights
    }

    fn is_settings(&self) -> bool {
        self.section == Section::Settings
    }

    fn visibility(&self) -> &'static str {
        visibility(self.is_private)
    }
}

fn visibility(is_private: bool) -> &'static str {
    if is_private { "private" } else { "public" }
}

/// One repository in a list.
#[derive(Debug, Clone)]
pub(crate) struct RepositoryRow {
    /// Handle of the owner.
    pub owner: String,
    /// Name of the repository.
    pub name: String,
    /// Its address.
    pub href: String,
    /// One line; may be empty.
    pub description: String,
    /// Time of the last push, if there was one.
    pub pushed: Option<When>,
    /// Commits of the default branch.
    pub commits: u64,
    /// Bytes of all its objects.
    pub size_bytes: u64,
    /// How many like it.
    pub stars: u64,
    /// What most of it is written in; may be empty.
    pub language: String,
    /// Whether only members see it.
    pub is_private: bool,
}

impl RepositoryRow {
    fn visibility(&self) -> &'static str {
        visibility(self.is_private)
    }
}

/// The menu of branches.
#[derive(Debug, Clone)]
pub(crate) struct BranchMenu {
    /// The branch, tag or commit that is shown; a commit by its short id.
    pub current: String,
    /// What `current` is: `branch`, `tag` or `commit`.
    pub kind: &'static str,
    /// The same, percent-encoded and in full, for addresses.
    pub ref_path: String,
    /// The branches to go to, the default one first.
    pub branches: Vec<BranchItem>,
    /// How many more branches there are than the menu holds.
    pub hidden: u64,
}

/// One branch of the menu.
#[derive(Debug, Clone)]
pub(crate) struct BranchItem {
    /// Its name.
    pub name: String,
    /// The same place on that branch.
    pub href: String,
    /// Whether it is the one that is shown.
    pub is_current: bool,
    /// Whether it is the repository's default branch.
    pub is_default: bool,
}

/// What is known about the signature of a commit (`spec/wire.md` 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signature {
    /// Good, by a key of this principal (handle).
    Verified(String),
    /// Good, by this server, which made the commit for its author.
    Server,
    /// Good, but received after this principal (handle) had revoked its key.
    RevokedKey(String),
    /// Well formed, by a key that nobody registered.
    UnknownKey,
    /// Something that a server cannot verify.
    Unverifiable,
    /// None.
    Unsigned,
}

impl Signature {
    /// The state in a word, as in API answers.
    fn word(&self) -> &'static str {
        match self {
            Self::Verified(_) | Self::Server => "verified",
            Self::RevokedKey(_) => "key revoked",
            Self::UnknownKey => "key unknown",
            Self::Unverifiable => "unverifiable",
            Self::Unsigned => "unsigned",
        }
    }

    /// What the state means of a commit, in a sentence.
    fn meaning(&self) -> String {
        self.meaning_of("commit")
    }

    /// The same of something else that can be signed.
    fn meaning_of(&self, what: &str) -> String {
        match self {
            Self::Verified(handle) => format!("The signature is good, by a key of {handle}."),
            Self::Server => format!("This server made the {what} for its author, and signed it."),
            Self::RevokedKey(handle) => {
                format!(
                    "Signed by a key of {handle} that was revoked before the {what} was received."
                )
            }
            Self::UnknownKey => "Signed by a key that nobody registered here.".to_owned(),
            Self::Unverifiable => {
                "The signature is of a kind that a server cannot verify.".to_owned()
            }
            Self::Unsigned => format!("Nobody signed this {what}."),
        }
    }

    fn class(&self) -> &'static str {
        match self {
            Self::Verified(_) | Self::Server => "good",
            Self::RevokedKey(_) => "bad",
            Self::UnknownKey | Self::Unverifiable | Self::Unsigned => "quiet",
        }
    }

    fn is_verified(&self) -> bool {
        matches!(self, Self::Verified(_) | Self::Server)
    }
}

impl CommitLine {
    /// The author without the address behind the name; all of it where there is no name.
    fn author_name(&self) -> &str {
        match self.author.split_once('<') {
            Some((name, _)) if !name.trim().is_empty() => name.trim(),
            Some(_) | None => &self.author,
        }
    }
}

/// A commit in one line.
#[derive(Debug, Clone)]
pub(crate) struct CommitLine {
    /// First line of the message; may be empty.
    pub subject: String,
    /// Its page.
    pub href: String,
    /// The claimed author, as written; may be empty.
    pub author: String,
    /// The first digits of its id.
    pub short_id: String,
    /// When it says it was made.
    pub when: When,
    /// State of its signature.
    pub signature: Signature,
    /// The agent that it names; may be empty.
    pub agent_id: String,
    /// Whether that agent did not sign it.
    pub is_untrusted_agent: bool,
    /// Whether the message has more than one line.
    pub has_body: bool,
    /// Its labels, as written, where the page shows them.
    pub labels: Vec<String>,
}
