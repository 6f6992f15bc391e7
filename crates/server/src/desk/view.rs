//! What the pages of signing in and of settings show. Texts that somebody chose are made visible before they get here.

use askama::Template;
use web::look::{Html, Layout, When};

/// `/login`.
#[derive(Debug, Clone, Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage {
    /// The frame.
    pub(crate) layout: Layout,
    /// Where the install is.
    pub(crate) origin: String,
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
