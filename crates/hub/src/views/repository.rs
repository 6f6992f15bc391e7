//! A repository's first page and its directories.

use askama::Template;
use web::look::{Crumb, Html, Layout, Share, When};

use super::{BranchMenu, CommitLine, Head, around::MarksBar, filters};

/// `/{owner}/{name}`.
#[derive(Debug, Clone, Template)]
#[template(path = "repository.html")]
pub(crate) struct RepositoryPage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// One line; may be empty.
    pub description: String,
    /// Its page elsewhere.
    pub homepage: Option<String>,
    /// What it is about.
    pub topics: Vec<String>,
    /// On which terms it is had.
    pub licence: Option<String>,
    /// What it was made from, for those who may see that.
    pub forked_from: Option<String>,
    /// Whether its history is being copied still.
    pub is_copying: bool,
    /// The repository on another server that it follows.
    pub mirror_of: Option<String>,
    /// Whether its history is on its way from another server.
    pub is_importing: bool,
    /// Where one makes one's own from it.
    pub fork_href: Option<String>,
    /// Install admins who looked into it, for those who run it.
    pub looks: Vec<Look>,
    /// Stars and watches.
    pub marks: MarksBar,
    /// What `motet clone` and `motet push` take.
    pub address: String,
    /// Whether it is pushed to with Git.
    pub is_git: bool,
    /// The same over SSH, where Git is answered there.
    pub ssh_address: Option<String>,
    /// What one types to have it.
    pub clone_command: String,
    /// Address of this installation with scheme and host, without a closing slash.
    pub origin: String,
    /// Bytes of all its objects.
    pub size_bytes: u64,
    /// Commits of the shown branch.
    pub commit_count: u64,
    /// All its branches.
    pub branch_count: u64,
    /// All its tags.
    pub tag_count: u64,
    /// In which languages it is written, by bytes; nothing while that was not counted.
    pub languages: Vec<Share>,
    /// What it holds; nothing before the first push.
    pub contents: Option<Contents>,
}

impl RepositoryPage {
    /// What one types to push to it first.
    fn first_push(&self) -> String {
        format!("git push {} main", self.address)
    }

    /// A command of Git's with the address over SSH, if it has one.
    fn ssh(&self, verb: &str, behind: &str) -> Option<String> {
        let address = self.ssh_address.as_ref()?;
        Some(format!("git {verb} {address}{behind}"))
    }
}

/// An install admin looked into a private repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// Who.
    pub admin: String,
    /// Since when.
    pub opened: When,
    /// Why, in their own words.
    pub reason: String,
}

/// What a repository that was pushed to shows.
#[derive(Debug, Clone)]
pub(crate) struct Contents {
    /// The menu of branches.
    pub branches: BranchMenu,
    /// The directory.
    pub listing: Listing,
}

/// `/{owner}/{name}/tree/{ref}/{path}`.
#[derive(Debug, Clone, Template)]
#[template(path = "tree.html")]
pub(crate) struct TreePage {
    /// The frame.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// The menu of branches, each leading to the same path.
    pub branches: BranchMenu,
    /// From the repository's root to this directory, which is last and has no address.
    pub path: Vec<Crumb>,
    /// The directory.
    pub listing: Listing,
}

/// One directory.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    /// The newest commit that is shown above the entries.
    pub last: Option<CommitLine>,
    /// The directory above.
    pub parent_href: Option<String>,
    /// Directories first.
    pub entries: Vec<Entry>,
    /// Whether some last commits are still looked for.
    pub is_pending: bool,
    /// The next page of a large directory.
    pub more_href: Option<String>,
    /// This directory at the full commit id; nothing when this is that page.
    pub permalink_href: Option<String>,
    /// Names that some file systems cannot tell apart, in a sentence.
    pub clash: Option<String>,
    /// The text that explains the directory.
    pub readme: Option<Readme>,
}

/// One entry of a directory.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Its name; a chain of single directories joined by slashes.
    pub name: String,
    /// Its page; empty for a submodule, of which nothing is here.
    pub href: String,
    /// The commit of a submodule.
    pub target: Option<String>,
    /// Size of a file.
    pub size_bytes: Option<u64>,
    /// The newest commit that changed it, when known.
    pub last: Option<EntryCommit>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// A commit of another repository.
    Module,
}

impl Entry {
    fn kind_word(&self) -> &'static str {
        match self.kind {
            EntryKind::Directory => "directory",
            EntryKind::File => "file",
            EntryKind::Link => "link",
            EntryKind::Module => "submodule",
        }
    }

    fn is_directory(&self) -> bool {
        self.kind == EntryKind::Directory
    }
}

/// The commit that changed an entry last.
#[derive(Debug, Clone)]
pub(crate) struct EntryCommit {
    /// First line of its message; may be empty.
    pub subject: String,
    /// Its page.
    pub href: String,
    /// When it says it was made.
    pub when: When,
}

/// A text below a directory.
#[derive(Debug, Clone)]
pub(crate) struct Readme {
    /// Name of its file.
    pub name: String,
    /// Its page.
    pub href: String,
    /// The text, rendered.
    pub html: Html,
}
