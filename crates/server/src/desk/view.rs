//! What the pages of signing in and of settings show. Texts that somebody chose are made visible before they get here.

use askama::Template;
use trust::Offer;
use web::look::{Html, Layout, When};

/// `/login`.
#[derive(Debug, Clone, Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// Where the install is.
    pub(crate) origin: String,
    /// The mark of the session, if this browser has one already.
    pub(crate) csrf: Option<String>,
    /// Where a sign-in leads.
    pub(crate) return_to: String,
    /// Scheme, host and port of the pages on which passkeys work.
    pub(crate) passkeys_at: Option<String>,
    /// The address of the script that speaks with authenticators.
    pub(crate) script: &'static str,
    /// Who else may say who somebody is.
    pub(crate) offers: Vec<Offer>,
}

impl LoginPage {
    /// What one types on the machine that has the key.
    fn login_command(&self) -> String {
        format!("motet login --web {}", self.origin)
    }
}

/// A page that leads on by itself.
#[derive(Debug, Clone, Template)]
#[template(path = "onward.html")]
pub(crate) struct OnwardPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// What happens.
    pub(crate) lead: String,
    /// The words of the link.
    pub(crate) link: String,
    /// Where it leads.
    pub(crate) href: String,
}

/// `/login/with/{provider}/handle`.
#[derive(Debug, Clone, Template)]
#[template(path = "login_handle.html")]
pub(crate) struct HandlePage {
    /// The frame.
    pub(crate) layout: Layout,
    /// The version of the terms that having an account accepts.
    pub(crate) terms: &'static str,
    /// What was chosen before.
    pub(crate) handle: String,
    /// Why that could not be had.
    pub(crate) fault: Option<String>,
}

/// `/settings/passkeys`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_passkeys.html")]
pub(crate) struct PasskeysPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// The mark of the session; without one there are no forms.
    pub(crate) csrf: Option<String>,
    /// Scheme, host and port of the pages on which passkeys work.
    pub(crate) passkeys_at: Option<String>,
    /// The address of the script that speaks with authenticators.
    pub(crate) script: &'static str,
    /// The passkeys, oldest first.
    pub(crate) passkeys: Vec<PasskeyRow>,
}

/// A passkey.
#[derive(Debug, Clone)]
pub(crate) struct PasskeyRow {
    /// Which.
    pub(crate) id: String,
    /// What its person calls it.
    pub(crate) label: Html,
    /// What it signs with.
    pub(crate) algorithm: &'static str,
    /// Since when.
    pub(crate) created: When,
    /// When it was last used.
    pub(crate) used: Option<When>,
}

/// `/settings/logins`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_logins.html")]
pub(crate) struct LoginsPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// The mark of the session; without one there are no forms.
    pub(crate) csrf: Option<String>,
    /// Every provider that is set up or linked.
    pub(crate) logins: Vec<LoginRow>,
}

/// A provider, and the account with it.
#[derive(Debug, Clone)]
pub(crate) struct LoginRow {
    /// The word in addresses; nothing if the provider is not set up any more.
    pub(crate) slug: Option<&'static str>,
    /// What people call it.
    pub(crate) name: String,
    /// Its own address.
    pub(crate) issuer: String,
    /// Its name for the account, since when it is linked, when it was last used.
    pub(crate) linked: Option<(Html, When, Option<When>)>,
}

/// `/login/once/{code}`.
#[derive(Debug, Clone, Template)]
#[template(path = "login_once.html")]
pub(crate) struct OncePage {
    /// The frame.
    pub(crate) layout: Layout,
    /// Whom it signs in.
    pub(crate) handle: String,
}

/// `/settings/keys`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_keys.html")]
pub(crate) struct KeysPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// Whose they are.
    pub(crate) handle: String,
    /// The mark of the session; without one there are no forms.
    pub(crate) csrf: Option<String>,
    /// Whether only one of them lives.
    pub(crate) is_last: bool,
    /// The keys, oldest first.
    pub(crate) keys: Vec<KeyRow>,
}

/// A key.
#[derive(Debug, Clone)]
pub(crate) struct KeyRow {
    /// Which.
    pub(crate) id: String,
    /// Its name.
    pub(crate) fingerprint: String,
    /// What its owner calls it.
    pub(crate) label: Html,
    /// Since when.
    pub(crate) created: When,
    /// When it was last used.
    pub(crate) used: Option<When>,
    /// Since when it is over, and why.
    pub(crate) revoked: Option<(When, &'static str)>,
}

/// `/settings/tokens`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_tokens.html")]
pub(crate) struct TokensPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// The mark of the session; without one there are no forms.
    pub(crate) csrf: Option<String>,
    /// The token that was just made.
    pub(crate) minted: Option<String>,
    /// How long a new one may live, in days.
    pub(crate) lives: Vec<u16>,
    /// The tokens, newest first.
    pub(crate) tokens: Vec<TokenRow>,
}

/// A token.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    /// Which.
    pub(crate) id: String,
    /// What it is for.
    pub(crate) kind: &'static str,
    /// What its owner calls it.
    pub(crate) label: Html,
    /// Its last characters.
    pub(crate) last8: String,
    /// What it may be used for, as JSON.
    pub(crate) scope: Html,
    /// Since when.
    pub(crate) created: When,
    /// When it was last used.
    pub(crate) used: Option<When>,
    /// When it ends.
    pub(crate) ends: Option<When>,
}

/// `/settings/sessions`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_sessions.html")]
pub(crate) struct SessionsPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// The mark of the session; without one there are no forms.
    pub(crate) csrf: Option<String>,
    /// The sessions, newest first.
    pub(crate) sessions: Vec<SessionRow>,
}

/// A session.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    /// Which.
    pub(crate) id: String,
    /// Whether it is the one that asks.
    pub(crate) is_this: bool,
    /// What opened it, in its own words.
    pub(crate) user_agent: Html,
    /// From where.
    pub(crate) ip: String,
    /// Since when.
    pub(crate) created: When,
    /// When it was last used.
    pub(crate) seen: When,
    /// When it ends at the latest.
    pub(crate) ends: When,
}

/// `/settings/organizations`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_organizations.html")]
pub(crate) struct OrganizationsPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// The mark of the session; without one there are no forms.
    pub(crate) csrf: Option<String>,
    /// By their handles.
    pub(crate) organizations: Vec<OrganizationRow>,
}

/// An organization that somebody is in.
#[derive(Debug, Clone)]
pub(crate) struct OrganizationRow {
    /// Its name.
    pub(crate) handle: String,
    /// As what.
    pub(crate) role: &'static str,
    /// Since when.
    pub(crate) since: When,
}

/// `/settings/organizations/{handle}`.
#[derive(Debug, Clone, Template)]
#[template(path = "settings_organization.html")]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of its own")]
pub(crate) struct OrganizationPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// Its name.
    pub(crate) handle: String,
    /// What it is called.
    pub(crate) name: Html,
    /// The mark of the session; without one there are no forms.
    pub(crate) csrf: Option<String>,
    /// Whether the reader may change roles.
    pub(crate) runs: bool,
    /// Whether the reader may invite.
    pub(crate) invites: bool,
    /// Whether its publisher side is switched on.
    pub(crate) is_publisher: bool,
    /// Whether the reader may switch it on.
    pub(crate) may_enable: bool,
    /// The roles that the reader may invite to.
    pub(crate) roles: Vec<&'static str>,
    /// The code of an invitation that was just made.
    pub(crate) code: Option<String>,
    /// By their handles.
    pub(crate) members: Vec<MemberRow>,
    /// After whom the next page begins, if there is one.
    pub(crate) next: Option<String>,
}

/// Somebody in an organization.
#[derive(Debug, Clone)]
pub(crate) struct MemberRow {
    /// Who.
    pub(crate) handle: String,
    /// `person` or `agent`.
    pub(crate) kind: &'static str,
    /// As what.
    pub(crate) role: &'static str,
    /// Since when.
    pub(crate) since: When,
    /// Whether it is the reader.
    pub(crate) is_me: bool,
    /// The roles that the reader may give.
    pub(crate) roles: Vec<&'static str>,
}
