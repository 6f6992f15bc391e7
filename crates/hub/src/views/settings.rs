//! The settings of a repository, and what was deleted.

use askama::Template;
use web::look::{Html, Layout, When, visible};

use super::{Head, filters};

/// A field of a form: what stands in it, and what is wrong with that.
#[derive(Debug, Clone, Default)]
pub(crate) struct Field {
    /// What stands in it: what is set, or what was typed.
    pub value: String,
    /// What is wrong with it, in a sentence.
    pub fault: Option<String>,
}

impl Field {
    /// What stands in it, for its attribute.
    pub(crate) fn kept(&self) -> Html {
        visible::value(&self.value)
    }

    /// What is wrong with it; it may repeat what was typed.
    pub(crate) fn told(&self) -> Option<Html> {
        self.fault.as_deref().map(visible::html)
    }
}

/// The pages of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    /// What it says of itself.
    General,
    /// Who was given a level.
    Members,
    /// Which other servers it follows, and which follow it.
    Mirrors,
    /// Who is told what happens; another room's pages.
    Webhooks,
    /// What is not taken back easily.
    Danger,
}

impl Tab {
    /// The last part of its address.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Members => "members",
            Self::Mirrors => "mirrors",
            Self::Webhooks => "webhooks",
            Self::Danger => "danger",
        }
    }

    /// What it is called.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::General => "General settings",
            Self::Members => "Members",
            Self::Mirrors => "Mirrors",
            Self::Webhooks => "Webhooks",
            Self::Danger => "Danger zone",
        }
    }
}

/// What is around the forms of one page.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Which page.
    pub tab: Tab,
    /// Address of all of them, without the last part.
    pub href: String,
    /// The mark of the session; without one there are no forms.
    pub csrf: Option<String>,
    /// Whether the repository can only be read.
    pub is_archived: bool,
    /// Whether some of it needs another sign-in.
    pub is_stale: bool,
}

impl Frame {
    pub(super) fn is_general(&self) -> bool {
        self.tab == Tab::General
    }

    pub(super) fn is_members(&self) -> bool {
        self.tab == Tab::Members
    }

    pub(super) fn is_mirrors(&self) -> bool {
        self.tab == Tab::Mirrors
    }

    pub(super) fn is_webhooks(&self) -> bool {
        self.tab == Tab::Webhooks
    }

    pub(super) fn is_danger(&self) -> bool {
        self.tab == Tab::Danger
    }

    pub(super) fn title(&self) -> &'static str {
        self.tab.title()
    }
}

/// What stands above each of these pages, for those that another room makes.
#[derive(Debug, Clone, Template)]
#[template(path = "_repository_settings.html")]
pub(crate) struct Tabs {
    /// Owner, name, tabs.
    pub head: Head,
    /// Which page.
    pub frame: Frame,
}

/// `/{owner}/{name}/settings/general`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_general.html")]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of its own")]
pub(crate) struct GeneralPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// What is around the form.
    pub frame: Frame,
    /// One line; may be empty.
    pub description: Field,
    /// Its page elsewhere.
    pub homepage: Field,
    /// The branch that is shown first.
    pub default_branch: Field,
    /// What it is about, with spaces between.
    pub topics: Field,
    /// On which terms it is had.
    pub licence: Field,
    /// Whether others may make theirs from it.
    pub allows_forks: bool,
    /// The branches that there are; none before the first push.
    pub branches: Vec<String>,
    /// Whether those who train models are asked to leave it alone.
    pub says_no_training: bool,
    /// Whether it is searched.
    pub is_indexed: bool,
    /// Whether others may begin theirs with its files.
    pub is_template: bool,
    /// Whether paths are refused that some file systems take for one.
    pub refuses_clashes: bool,
    /// What can be said of files that are not what their names say.
    pub policies: [&'static str; 3],
    /// What is.
    pub content_policy: Field,
    /// What can become of keys and tokens that were left in a file.
    pub protections: [&'static str; 3],
    /// What does.
    pub secret_protection: Field,
    /// Whether only members see it.
    pub is_private: bool,
}

/// `/{owner}/{name}/settings/members`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_members.html")]
pub(crate) struct MembersPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// What is around the forms.
    pub frame: Frame,
    /// By their handles.
    pub members: Vec<MemberRow>,
    /// Who is asked in and has not decided, the last first.
    pub invited: Vec<InvitedRow>,
    /// What can be given, the least first.
    pub levels: [&'static str; 4],
    /// Who is to be given a level.
    pub handle: Field,
    /// Which.
    pub level: Field,
}

/// Somebody who was given a level.
#[derive(Debug, Clone)]
pub(crate) struct MemberRow {
    /// Who.
    pub handle: String,
    /// `person` or `agent`.
    pub kind: &'static str,
    /// How far they may go.
    pub level: &'static str,
    /// Since when.
    pub since: When,
    /// Whether it is the reader.
    pub is_me: bool,
}

/// Somebody who is asked in.
#[derive(Debug, Clone)]
pub(crate) struct InvitedRow {
    /// Who.
    pub handle: String,
    /// How far they may go then.
    pub level: &'static str,
    /// By whom.
    pub by: String,
    /// Until when they can take it.
    pub until: When,
}

/// `/settings/invitations`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_invitations.html")]
pub(crate) struct InvitationsPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// The mark of the session; without one there are no forms.
    pub csrf: Option<String>,
    /// The last asked for first.
    pub invitations: Vec<InvitationRow>,
    /// How long one can be taken.
    pub open_days: u16,
}

/// A repository that the reader is asked into.
#[derive(Debug, Clone)]
pub(crate) struct InvitationRow {
    /// Which.
    pub id: String,
    /// `owner/name`.
    pub full_name: String,
    /// How far they may go then.
    pub level: &'static str,
    /// By whom.
    pub by: String,
    /// Until when it can be taken.
    pub until: When,
}

/// `/{owner}/{name}/settings/danger`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_danger.html")]
pub(crate) struct DangerPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// What is around the forms.
    pub frame: Frame,
    /// `owner/name`.
    pub full_name: String,
    /// Whether the reader owns it.
    pub owns: bool,
    /// Whether only members see it.
    pub is_private: bool,
    /// Another name.
    pub name: Field,
    /// The name, to show it to everybody.
    pub confirm_visibility: Field,
    /// The name, to delete it.
    pub confirm_delete: Field,
    /// How long it can be restored.
    pub kept_days: u16,
    /// For whom it waits, and until when.
    pub waits_for: Option<(String, When)>,
    /// Whose it shall be.
    pub to: Field,
    /// The name, to hand it on.
    pub confirm_transfer: Field,
    /// How long it waits to be taken.
    pub waits_days: u16,
}

/// `/settings/repositories`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_deleted.html")]
pub(crate) struct DeletedPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// The mark of the session; without one there are no forms.
    pub csrf: Option<String>,
    /// Whether restoring needs another sign-in.
    pub is_stale: bool,
    /// Whose are shown.
    pub owner: String,
    /// Whose can be shown: one's own, and those of organizations that one owns.
    pub owners: Vec<String>,
    /// What waits to be taken by the reader, or by others.
    pub transfers: Vec<TransferRow>,
    /// The last deleted first.
    pub repositories: Vec<DeletedRow>,
    /// How long what is deleted can be restored.
    pub kept_days: u16,
}

/// A deleted repository.
#[derive(Debug, Clone)]
pub(crate) struct DeletedRow {
    /// Which, for the ids of fields.
    pub id: String,
    /// `owner/name`.
    pub full_name: String,
    /// Where its forms go, without the last part.
    pub href: String,
    /// Whether only members saw it.
    pub is_private: bool,
    /// Since when.
    pub deleted: Option<When>,
    /// Until when it can be restored.
    pub until: Option<When>,
    /// Another name.
    pub name: Field,
    /// The name, to remove it for good.
    pub confirm: Field,
}

impl DeletedRow {
    fn visibility(&self) -> &'static str {
        super::visibility(self.is_private)
    }
}

/// A repository that waits to be taken.
#[derive(Debug, Clone)]
pub(crate) struct TransferRow {
    /// Which.
    pub id: String,
    /// `owner/name` as it is now.
    pub full_name: String,
    /// Whose it would be.
    pub to: String,
    /// Until when it waits.
    pub until: When,
    /// Whether the reader decides.
    pub is_mine: bool,
    /// Another name.
    pub name: Field,
}

/// `/{owner}/{name}/fork`.
#[derive(Debug, Clone, Template)]
#[template(path = "fork.html")]
pub(crate) struct ForkPage {
    /// The frame of all pages.
    pub layout: Layout,
    /// Owner, name, tabs.
    pub head: Head,
    /// The mark of the session; without one there is no form.
    pub csrf: Option<String>,
    /// Whether others may make theirs from it.
    pub allows_forks: bool,
    /// Whether only members see it.
    pub is_private: bool,
    /// Whose it can be.
    pub owners: Vec<String>,
    /// Whose it shall be.
    pub owner: Field,
    /// What it shall be called.
    pub name: Field,
    /// Whether only the branch that is shown first is taken over.
    pub default_branch_only: bool,
    /// That branch.
    pub default_branch: String,
}
