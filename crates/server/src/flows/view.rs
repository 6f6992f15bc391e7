//! What the pages of flows show. Texts that somebody chose are made visible before they get here.

use askama::Template;
use trust::Words;
use web::{
    Call,
    look::{Html, Layout, When},
};

use super::consent::LIVES;

/// For whoever has to sign in first.
#[derive(Debug, Clone, Template)]
#[template(path = "flow_sign_in.html")]
pub(super) struct SignInPage {
    layout: Layout,
    origin: String,
    /// This page again: a browser that came from another site brings its cookie only then.
    here: String,
}

impl SignInPage {
    pub(super) fn new(layout: Layout, call: &Call) -> Self {
        let here = call.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        Self { layout, origin: call.context.base_url.clone(), here }
    }
}

/// `/login/device`, before a code was sent.
#[derive(Debug, Clone, Template)]
#[template(path = "flow_device.html")]
pub(super) struct DevicePage {
    pub(super) layout: Layout,
    pub(super) csrf: String,
    /// What the address says, to be looked at and sent.
    pub(super) code: Html,
}

/// `/login/device`, with what waits.
#[derive(Debug, Clone, Template)]
#[template(path = "flow_device_shown.html")]
pub(super) struct DeviceShownPage {
    pub(super) layout: Layout,
    pub(super) csrf: String,
    /// Who decides.
    pub(super) handle: String,
    pub(super) origin: String,
    /// Whether the session is young enough to agree.
    pub(super) is_fresh: bool,
    pub(super) code: Html,
    /// The application; nothing for the command line of Motet.
    pub(super) application: Option<Html>,
    pub(super) label: Html,
    pub(super) ip: String,
    pub(super) user_agent: Html,
    pub(super) ends: When,
    pub(super) choices: Choices,
}

/// `/login/authorize`.
#[derive(Debug, Clone, Template)]
#[template(path = "flow_authorize.html")]
pub(super) struct AuthorizePage {
    pub(super) layout: Layout,
    pub(super) csrf: String,
    pub(super) handle: String,
    pub(super) origin: String,
    pub(super) is_fresh: bool,
    pub(super) application: Html,
    /// The address of the document that describes it.
    pub(super) is_described: Option<Html>,
    /// Where it would be led.
    pub(super) site: Html,
    /// What the form carries on of the request.
    pub(super) carried: Vec<(&'static str, String)>,
    pub(super) choices: Choices,
}

/// The page that leads back.
#[derive(Debug, Clone, Template)]
#[template(path = "flow_lead.html")]
pub(super) struct LeadPage {
    pub(super) layout: Layout,
    pub(super) site: Html,
    pub(super) address: String,
}

/// It is decided.
#[derive(Debug, Clone, Template)]
#[template(path = "flow_done.html")]
pub(super) struct DonePage {
    pub(super) layout: Layout,
    /// What was decided.
    pub(super) is_agreed: bool,
    /// The agent as which the token acts; nothing where the person does.
    pub(super) agent: Option<String>,
}

/// What can be chosen.
#[derive(Debug, Clone)]
pub(super) struct Choices {
    pub(super) words: Vec<WordRow>,
    /// For how many days.
    pub(super) lives: Vec<u16>,
    /// The agents that could act; nothing where the person does.
    pub(super) agents: Option<Vec<String>>,
}

/// A word of the scope.
#[derive(Debug, Clone)]
pub(super) struct WordRow {
    pub(super) word: String,
    /// The same for people.
    pub(super) says: String,
}

impl Choices {
    pub(super) fn new(words: &Words, agents: Option<Vec<String>>) -> Self {
        let row = |word: String| WordRow { says: says(&word), word };
        let words = words.each().into_iter().map(row).collect();
        Self { words, lives: LIVES.to_vec(), agents }
    }
}

/// A word for people.
fn says(word: &str) -> String {
    let (first, second) = word.split_once(':').unwrap_or((word, ""));
    let what = match first {
        "hub" => "repositories",
        "collab" => "issues, proposals and releases",
        "work" => "pipelines and runs",
        "build" => "builds",
        "session" => "coding sessions",
        "context" => "entities and feeds",
        "trust" => "what belongs to the account",
        "ops" => "the install",
        _ => return format!("do {second}"),
    };
    let verb = if second == "write" { "read and change" } else { "read" };
    format!("{verb} {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_it_lets_do() {
        for (word, told) in [
            ("hub:read", "read repositories"),
            ("collab:write", "read and change issues, proposals and releases"),
            ("action:hub.ref.push", "do hub.ref.push"),
        ] {
            assert_eq!(says(word), told);
        }
    }
}
