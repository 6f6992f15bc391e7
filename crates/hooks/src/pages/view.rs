//! What the templates show. Texts of others come escaped, with deceiving characters made visible.

use askama::Template;
use web::look::{Html, Layout, When};

use crate::{DeliveryState, State};

/// The tabs of everybody's own settings.
#[derive(Debug, Clone, Template)]
#[template(path = "../../web/templates/_settings_tabs.html")]
pub(super) struct Tabs {
    pub(super) layout: Layout,
}

/// What is around the forms of a page.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// What stands above the page.
    pub(super) tabs: Html,
    /// The address of all webhooks of the thing.
    pub(super) href: String,
    /// The thing.
    pub(super) named: String,
    /// The mark of the session; without one there are no forms.
    pub(super) csrf: Option<String>,
    /// Whether nothing of it changes.
    pub(super) is_archived: bool,
}

impl Frame {
    /// The mark, where forms are.
    pub(super) fn mark(&self) -> Option<&str> {
        self.csrf.as_deref().filter(|_| !self.is_archived)
    }
}

/// A word with the kind of its badge.
pub(super) type Badge = (&'static str, &'static str);

/// How a webhook does.
pub(super) const fn state_of(it: State) -> Badge {
    let kind = match it {
        State::Active => "good",
        State::Paused => "quiet",
        State::Failing => "warn",
        State::Gone | State::Deleted => "bad",
    };
    (it.as_str(), kind)
}

/// How a delivery stands.
pub(super) const fn delivery_state(it: DeliveryState) -> Badge {
    let kind = match it {
        DeliveryState::Pending | DeliveryState::Delivering | DeliveryState::Cancelled => "quiet",
        DeliveryState::Delivered => "good",
        DeliveryState::Dead => "bad",
    };
    (it.as_str(), kind)
}

/// A field: what stands in it, and what is wrong with that.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) value: Html,
    pub(super) fault: Option<Html>,
}

/// The fields of a webhook.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of its own")]
pub(super) struct Fields {
    pub(super) url: Field,
    pub(super) events: Field,
    pub(super) is_thin: bool,
    pub(super) is_unordered: bool,
    pub(super) confidential: bool,
    pub(super) branches: Field,
    pub(super) labels: Field,
    pub(super) actors: Field,
    pub(super) max_in_flight: Field,
    pub(super) description: Field,
    pub(super) active: bool,
}

/// A webhook in a list.
#[derive(Debug, Clone)]
pub(super) struct HookRow {
    pub(super) href: String,
    pub(super) url: Html,
    pub(super) description: Html,
    pub(super) events: String,
    pub(super) state: Badge,
    pub(super) last: Option<When>,
    pub(super) is_managed: bool,
}

/// All of them.
#[derive(Debug, Clone, Template)]
#[template(path = "webhooks.html")]
pub(super) struct ListPage {
    pub(super) layout: Layout,
    pub(super) frame: Frame,
    pub(super) rows: Vec<HookRow>,
    pub(super) fields: Fields,
    /// That of the one that was just made.
    pub(super) secret: Option<String>,
    /// How many there may be.
    pub(super) most: u32,
}

/// A secret, without its value.
#[derive(Debug, Clone)]
pub(super) struct SecretRow {
    pub(super) id: String,
    pub(super) last4: String,
    pub(super) made: When,
    pub(super) ends: Option<When>,
}

/// A delivery in a list.
#[derive(Debug, Clone)]
pub(super) struct DeliveryRow {
    pub(super) href: String,
    pub(super) kind: String,
    pub(super) subject: Html,
    pub(super) state: Badge,
    pub(super) reason: Option<String>,
    pub(super) attempts: u32,
    pub(super) happened: When,
}

/// One of them.
#[derive(Debug, Clone, Template)]
#[template(path = "webhook.html")]
pub(super) struct OnePage {
    pub(super) layout: Layout,
    pub(super) frame: Frame,
    pub(super) here: String,
    pub(super) url: Html,
    pub(super) host: Html,
    pub(super) state: Badge,
    pub(super) is_managed: bool,
    pub(super) fields: Fields,
    /// Why it is as it was.
    pub(super) fault: Option<Html>,
    pub(super) secret_fault: Option<Html>,
    /// One that was just made.
    pub(super) secret: Option<String>,
    pub(super) secrets: Vec<SecretRow>,
    pub(super) deliveries: Vec<DeliveryRow>,
    pub(super) states: [&'static str; 5],
    pub(super) state_asked: &'static str,
    pub(super) kind_asked: Html,
    pub(super) next: Option<String>,
}

/// An attempt.
#[derive(Debug, Clone)]
pub(super) struct AttemptRow {
    pub(super) number: u32,
    pub(super) kind: String,
    pub(super) began: When,
    pub(super) took_ms: u64,
    pub(super) outcome: String,
    pub(super) status: Option<u16>,
    pub(super) media: Option<Html>,
    pub(super) body: Option<Html>,
}

/// A delivery.
#[derive(Debug, Clone, Template)]
#[template(path = "webhook_delivery.html")]
pub(super) struct DeliveryPage {
    pub(super) layout: Layout,
    pub(super) frame: Frame,
    pub(super) webhook: String,
    pub(super) here: String,
    pub(super) id: String,
    pub(super) event: String,
    pub(super) kind: String,
    pub(super) subject: Html,
    pub(super) sequence: u64,
    pub(super) state: Badge,
    pub(super) reason: Option<String>,
    pub(super) has_ended: bool,
    pub(super) happened: When,
    pub(super) due: Option<When>,
    pub(super) ended: Option<When>,
    pub(super) attempts: Vec<AttemptRow>,
}

/// How far it is with what is sent once more.
#[derive(Debug, Clone, Template)]
#[template(path = "webhook_resend.html")]
pub(super) struct ResendPage {
    pub(super) layout: Layout,
    pub(super) frame: Frame,
    pub(super) webhook: String,
    pub(super) here: String,
    pub(super) total: u32,
    pub(super) resent: u32,
    pub(super) asked: When,
    pub(super) ended: Option<When>,
}
