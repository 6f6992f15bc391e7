//! The start page and the list of public repositories.

use askama::Template;
use web::look::Layout;

use super::{RepositoryRow, filters};

/// `/explore`, and `/` for readers who are not signed in.
#[derive(Debug, Clone, Template)]
#[template(path = "explore.html")]
pub(crate) struct ExplorePage {
    /// The frame.
    pub layout: Layout,
    /// Whether to say what Motet is: for readers who are not signed in.
    pub is_visitor: bool,
    /// What is asked for.
    pub chosen: Chosen,
    /// The repositories of this page.
    pub repositories: Vec<RepositoryRow>,
    /// The page before.
    pub newer_href: Option<String>,
    /// The page after.
    pub older_href: Option<String>,
    /// Address of this installation with scheme and host, without a closing slash.
    pub origin: String,
}

/// What of everything is asked for; what is empty is anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// What it is about.
    pub topic: String,
    /// What most of it is written in.
    pub language: String,
    /// On which terms it is had.
    pub licence: String,
    /// Whether what most like comes first.
    pub by_stars: bool,
}

impl Chosen {
    fn is_everything(&self) -> bool {
        self.topic.is_empty() && self.language.is_empty() && self.licence.is_empty()
    }
}
