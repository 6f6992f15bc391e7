//! The form that makes a repository.

use askama::Template;
use web::look::Layout;

use super::settings::Field;

/// `/new`.
#[derive(Debug, Clone, Template)]
#[template(path = "new.html")]
pub(crate) struct NewPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// The mark of the session; without one there is no form.
    pub csrf: Option<String>,
    /// Whose it can be.
    pub owners: Vec<String>,
    /// Templates that the reader may see, as `owner/name`.
    pub templates: Vec<String>,
    /// Licences whose texts are here.
    pub licences: Vec<&'static str>,
    /// Kinds of projects whose leavings are known.
    pub ignored: Vec<&'static str>,
    /// What was chosen.
    pub typed: Typed,
    /// The name in full, where somebody asked whether it is free, and it is.
    pub is_free: Option<String>,
    /// Whose it shall be.
    pub owner: Field,
    /// What it shall be called.
    pub name: Field,
    /// What it is, in a line.
    pub description: Field,
    /// From which template.
    pub template: Field,
    /// From where its history comes.
    pub import_url: Field,
    /// What is wrong with the licence.
    pub licence_fault: Option<String>,
    /// What is wrong with the kind of project.
    pub ignore_fault: Option<String>,
}

/// What was chosen of what there is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed {
    /// Whether it is kept as Git does.
    pub is_git: bool,
    /// Whether everybody may see it.
    pub is_public: bool,
    /// Whether it begins with a readme.
    pub has_readme: bool,
    /// The licence that it begins with.
    pub licence: String,
    /// The kind of project that it is.
    pub ignore: String,
}
