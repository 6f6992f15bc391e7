//! A network of forks.

use askama::Template;
use web::look::{Layout, When};

use super::{Head, filters, settings::Field};

/// `/{owner}/{name}/forks`.
#[derive(Debug, Clone, Template)]
#[template(path = "forks.html")]
pub(crate) struct ForksPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// From the first one on, each behind what it was made from.
    pub rows: Vec<ForkRow>,
    /// Whether there are more.
    pub is_truncated: bool,
    /// The mark of the session, for those who may push; without it there is no form.
    pub csrf: Option<String>,
    /// What this one was made from, if the reader may see that.
    pub source: Option<String>,
    /// The branch that is to follow.
    pub branch: Field,
}

/// A repository of the network.
#[derive(Debug, Clone)]
pub(crate) struct ForkRow {
    /// `owner/name`.
    pub full_name: String,
    /// Its page.
    pub href: String,
    /// How far it is from the first one, at most 8.
    pub indent: usize,
    /// Whether it is the one that was asked for.
    pub is_own: bool,
    /// Whether only members see it.
    pub is_private: bool,
    /// The branch that is compared.
    pub branch: String,
    /// Commits that it has and the one which was asked for has not, and the other way round; nothing where they were not
    /// counted.
    pub apart: Option<(u64, u64)>,
    /// When something was last pushed.
    pub pushed: Option<When>,
}
