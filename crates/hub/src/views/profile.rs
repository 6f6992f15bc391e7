//! Who somebody is, and what is theirs.

use askama::Template;
use web::look::{Html, Layout, Monogram, When};

use super::{
    around::{AroundList, Choice, ProfileBody},
    filters,
};

/// `/{handle}`.
#[derive(Debug, Clone, Template)]
#[template(path = "profile.html")]
pub(crate) struct ProfilePage {
    /// The frame.
    pub layout: Layout,
    /// The handle.
    pub handle: String,
    /// Its first letter.
    pub monogram: Monogram,
    /// What they want to be called; may be empty.
    pub display_name: String,
    /// `person`, `agent`, `organization` or `operator`.
    pub kind: String,
    /// A few sentences.
    pub bio: Option<Html>,
    /// Their page elsewhere.
    pub website: Option<String>,
    /// Since when it is here.
    pub joined: Option<When>,
    /// How many keys are registered and not revoked.
    pub key_count: u64,
    /// Agents, organizations, members, the owner.
    pub around: Vec<AroundList>,
    /// The tabs.
    pub tabs: Vec<Choice>,
    /// What the open tab holds.
    pub body: ProfileBody,
    /// The mark of the session, for a reader who may follow them.
    pub follow_csrf: Option<String>,
    /// Whether the reader follows them.
    pub is_followed: bool,
    /// The mark of the session, for their own page: they may pin.
    pub pin_csrf: Option<String>,
    /// What stands in the form: `owner/name`, with spaces between.
    pub pins: String,
    /// The same for readers of feeds.
    pub feed_href: String,
    /// The page before.
    pub newer_href: Option<String>,
    /// The page after.
    pub older_href: Option<String>,
    /// Whether the reader is this principal: then the empty state says how to begin.
    pub is_own: bool,
    /// Address of this installation with scheme and host, without a closing slash.
    pub origin: String,
}
