//! The start page and the list of public repositories.

use askama::Template;
use web::look::Layout;

use super::{RepositoryRow, filters};

/// `/` and `/explore`.
#[derive(Debug, Clone, Template)]
#[template(path = "explore.html")]
pub(crate) struct ExplorePage {
    /// The frame.
    pub layout: Layout,
    /// Whether to say what Motet is: for readers who are not signed in.
    pub is_visitor: bool,
    /// What all of them are about, if only such are shown.
    pub topic: Option<String>,
    /// The repositories of this page, the latest push first.
    pub repositories: Vec<RepositoryRow>,
    /// The page with more recent ones.
    pub newer_href: Option<String>,
    /// The page with older ones.
    pub older_href: Option<String>,
    /// Address of this installation with scheme and host, without a closing slash.
    pub origin: String,
}
