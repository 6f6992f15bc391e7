//! Who somebody is, and what is theirs.

use askama::Template;
use web::look::{Layout, Monogram, When};

use super::{RepositoryRow, filters};

/// `/{handle}`.
#[derive(Debug, Clone, Template)]
#[template(path = "profile.html")]
pub(crate) struct ProfilePage {
    /// The frame.
    pub layout: Layout,
    /// The handle.
    pub handle: String,
    /// Its face.
    pub monogram: Monogram,
    /// `person`, `agent`, `organization` or `operator`.
    pub kind: String,
    /// Since when it is here.
    pub joined: Option<When>,
    /// How many keys are registered and not revoked.
    pub key_count: u64,
    /// Those of its repositories that the reader may see.
    pub repositories: Vec<RepositoryRow>,
    /// The page with more recent ones.
    pub newer_href: Option<String>,
    /// The page with older ones.
    pub older_href: Option<String>,
    /// Whether the reader is this principal: then the empty state says how to begin.
    pub is_own: bool,
    /// Address of this installation with scheme and host, without a closing slash.
    pub origin: String,
}
