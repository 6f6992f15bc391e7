//! The ref log of a repository.

use askama::Template;
use web::look::{Layout, When};

use super::{Head, filters};

/// `/{owner}/{name}/log`.
#[derive(Debug, Clone, Template)]
#[template(path = "log.html")]
pub(crate) struct LogPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// The newest first.
    pub rows: Vec<LogRow>,
    /// Whether what is shown follows one another and is signed as it says.
    pub is_whole: bool,
    /// Number and hash of the last seal.
    pub last: Option<(u64, String)>,
    /// What `motet clone` takes.
    pub address: String,
    /// The page with newer ones.
    pub newer_href: Option<String>,
    /// The page with older ones.
    pub older_href: Option<String>,
}

/// A movement of a ref.
#[derive(Debug, Clone)]
pub(crate) struct LogRow {
    /// Its number.
    pub seq: u64,
    /// `branch`, `tag` or `key of the server`.
    pub kind: &'static str,
    /// Its name without what all of its kind begin with; may be empty.
    pub name: String,
    /// Where it was; nothing for a new one.
    pub old: Option<Place>,
    /// Where it went; nothing for one that was taken away.
    pub new: Option<Place>,
    /// Whether it left commits behind.
    pub is_forced: bool,
    /// Who moved it; empty for nobody.
    pub who: String,
    /// How it came.
    pub how: &'static str,
    /// `good`, `warn` or `quiet`.
    pub signature_class: &'static str,
    /// On whose word, in words.
    pub signature: String,
    /// The key of that word; may be empty.
    pub key: String,
    /// When the server sealed it.
    pub when: Option<When>,
}

/// A commit, or a key.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The first digits of a commit; the whole name of a key.
    pub text: String,
    /// Its page.
    pub href: Option<String>,
}
