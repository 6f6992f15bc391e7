//! Other servers that a repository follows, and that follow it.

use askama::Template;
use web::look::{Layout, When};

use super::{
    Head, filters,
    settings::{Field, Frame},
};

/// `/{owner}/{name}/settings/mirrors`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_mirrors.html")]
pub(crate) struct MirrorsPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// What is around the forms.
    pub frame: Frame,
    /// Whether the repository is one of Git: others have none.
    pub is_git: bool,
    /// The last import.
    pub import: Option<ImportRow>,
    /// The oldest first.
    pub mirrors: Vec<MirrorRow>,
    /// From where something is to come once.
    pub import_url: Field,
    /// In which way the new one goes.
    pub direction: Field,
    /// Where the new one goes.
    pub url: Field,
    /// Which branches and tags.
    pub refs: Field,
    /// How often it looks.
    pub every_minutes: Field,
    /// What is wrong with what is shown there.
    pub credentials_fault: Option<String>,
    /// What does not hold of a mirror that is there.
    pub changed: Option<Changed>,
}

/// A mirror that was to be another one, and is not.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    /// Why not.
    pub fault: String,
}

/// An import, as far as it is.
#[derive(Debug, Clone)]
pub(crate) struct ImportRow {
    /// From where.
    pub url: String,
    /// Where it stands.
    pub state: &'static str,
    /// Whether it goes on.
    pub is_open: bool,
    /// Whether it can be left off.
    pub can_cancel: bool,
    /// Bytes that came.
    pub bytes: u64,
    /// Objects that came.
    pub objects: u64,
    /// Objects that are to come; 0 while nobody knows.
    pub total: u64,
    /// Branches and tags that moved.
    pub moved: u64,
    /// Branches and tags that were left out.
    pub left: u64,
    /// Why it failed, or what was left out.
    pub told: Option<String>,
    /// When it was asked for.
    pub asked: When,
}

/// One mirror.
#[derive(Debug, Clone)]
pub(crate) struct MirrorRow {
    /// Which.
    pub id: String,
    /// Whether this repository follows the other one.
    pub pulls: bool,
    /// The other one.
    pub url: String,
    /// Which branches and tags, with spaces between.
    pub refs: String,
    /// How often it looks.
    pub every_minutes: u32,
    /// Whether something is shown there.
    pub has_credentials: bool,
    /// The word of its state, and how it looks.
    pub state: (&'static str, &'static str),
    /// Why it failed, or what was left out.
    pub told: Option<String>,
    /// When it last went well.
    pub last: Option<When>,
    /// When it runs next by itself.
    pub next: Option<String>,
}
