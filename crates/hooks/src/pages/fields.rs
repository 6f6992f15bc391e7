//! What is typed of a webhook.

use api::json;
use serde::Deserialize;
use web::look::visible;

use super::{
    Faults,
    view::{Field, Fields},
};
use crate::{Content, Ordering, Webhook, Wishes};

/// What stands in the form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    url: String,
    events: String,
    content: String,
    ordering: String,
    /// A box that is not ticked is not sent.
    confidential: Option<String>,
    branches: String,
    labels: String,
    actors: String,
    max_in_flight: String,
    description: String,
    active: Option<String>,
}

impl Typed {
    /// A new one.
    pub(super) fn empty() -> Self {
        Self {
            url: String::new(),
            events: "*".to_owned(),
            content: Content::Full.as_str().to_owned(),
            ordering: Ordering::Subject.as_str().to_owned(),
            confidential: None,
            branches: String::new(),
            labels: String::new(),
            actors: String::new(),
            max_in_flight: crate::subscriptions::IN_FLIGHT_USUAL.to_string(),
            description: String::new(),
            active: None,
        }
    }

    /// One that is there.
    pub(super) fn of(it: &Webhook) -> Self {
        let Wishes { url, events, content, ordering, filter, .. } = &it.wishes;
        let ticked = |is: bool| is.then(|| "yes".to_owned());
        Self {
            url: url.clone(),
            events: events.words().join("\n"),
            content: content.as_str().to_owned(),
            ordering: ordering.as_str().to_owned(),
            confidential: ticked(it.wishes.confidential),
            branches: filter.branches.join("\n"),
            labels: filter.labels.join("\n"),
            actors: filter.actors.join("\n"),
            max_in_flight: it.wishes.max_in_flight.to_string(),
            description: it.wishes.description.clone(),
            active: ticked(it.state.is_on()),
        }
    }

    /// The JSON call that says the same.
    pub(super) fn asked(self, is_new: bool) -> json::WebhookChanges {
        let lines = |text: &str| {
            let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let filter = json::WebhookFilter {
            branches: lines(&self.branches),
            labels: lines(&self.labels),
            actors: lines(&self.actors),
        };
        json::WebhookChanges {
            url: Some(self.url.trim().to_owned()),
            secret: None,
            events: Some(self.events.split_whitespace().map(str::to_owned).collect()),
            content: Some(self.content),
            ordering: Some(self.ordering),
            confidential: Some(self.confidential.is_some()),
            filter: Some(filter),
            // A number that is none is one that is never right.
            max_in_flight: Some(self.max_in_flight.trim().parse().unwrap_or_default()),
            description: Some(self.description),
            active: (!is_new).then_some(self.active.is_some()),
        }
    }

    /// For the template, with what does not hold.
    pub(super) fn shown(&self, faults: &Faults) -> Fields {
        let field = |name: &str, text: &str| Field {
            value: visible::value(text),
            fault: faults.told(name),
        };
        Fields {
            url: field("url", &self.url),
            events: field("events", &self.events),
            is_thin: self.content == Content::Thin.as_str(),
            is_unordered: self.ordering == Ordering::None.as_str(),
            confidential: self.confidential.is_some(),
            branches: field("filter", &self.branches),
            labels: field("filter", &self.labels),
            actors: field("filter", &self.actors),
            max_in_flight: field("max_in_flight", &self.max_in_flight),
            description: field("description", &self.description),
            active: self.active.is_some(),
        }
    }
}
