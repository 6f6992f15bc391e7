//! Cards that stand in pages elsewhere: plain markup, nothing that runs.

use askama::Template;

use super::filters;

/// A repository, or lines of one of its files.
#[derive(Debug, Clone, Template)]
#[template(path = "embed.html")]
pub(crate) struct Card {
    /// `owner/name`.
    pub repository: String,
    /// Its address with scheme and host.
    pub repository_href: String,
    /// What it is, in a line; may be empty.
    pub about: String,
    /// The file, with the address that was asked for.
    pub path: Option<(String, String)>,
    /// Some of its lines.
    pub lines: Vec<CardLine>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(crate) struct CardLine {
    /// From 1.
    pub number: u64,
    /// As it stands.
    pub text: String,
}
