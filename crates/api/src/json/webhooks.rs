//! JSON of outgoing webhooks (`spec/webhooks.md` 1).

use serde::{Deserialize, Serialize};

/// What narrows a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookFilter {
    /// Patterns of branch names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
    /// Names of labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Handles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<String>,
}

/// The body of `POST …/webhooks`, and of `PATCH …/webhooks/{id}`, where what is not named stays.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookChanges {
    /// Where deliveries go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What deliveries are signed with, for a new one; made here unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Types, prefixes such as `issue.*`, or `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// `full`, unless `thin` is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// `subject`, unless `none` is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering: Option<String>,
    /// Whether events of confidential issues are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidential: Option<bool>,
    /// What narrows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<WebhookFilter>,
    /// Deliveries at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_in_flight: Option<u32>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it is switched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

/// A secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecret {
    /// Which.
    pub id: String,
    /// Its last characters.
    pub last4: String,
    /// When it was made.
    pub created_at: String,
    /// When it ends, if another one took its place.
    pub expires_at: Option<String>,
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Which.
    pub id: String,
    /// Where deliveries go.
    pub url: String,
    /// What is asked for.
    pub events: Vec<String>,
    /// `full` or `thin`.
    pub content: String,
    /// `subject` or `none`.
    pub ordering: String,
    /// Whether events of confidential issues are sent.
    pub confidential: bool,
    /// What narrows it, if anything does.
    pub filter: Option<WebhookFilter>,
    /// Deliveries at once.
    pub max_in_flight: u32,
    /// What it is for.
    pub description: String,
    /// Whether it is switched on.
    pub active: bool,
    /// `active`, `paused`, `failing` or `gone`.
    pub state: String,
    /// Its active secrets, the newest first.
    pub secrets: Vec<WebhookSecret>,
    /// Who made it: the principal's id.
    pub created_by: String,
    /// When.
    pub created_at: String,
    /// When the last of its deliveries was made.
    pub last_delivery: Option<String>,
    /// The version of a pipeline that makes and changes it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
}

/// A subscription that was just made or was given another secret. This answer alone shows the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeWebhook {
    /// The subscription.
    pub webhook: Webhook,
    /// The whole secret.
    pub secret: Option<String>,
    /// Whether the secret was shown before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret_shown: bool,
}

/// The answer of `GET …/webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookPage {
    /// The subscriptions, oldest first: there are never more than fit into one answer.
    pub items: Vec<Webhook>,
    /// Always nothing.
    pub next_cursor: Option<String>,
}

/// The body of `POST …/webhooks/{id}/secrets`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewWebhookSecret {
    /// How long the older one signs beside it; a day unless given, at most seven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u64>,
    /// The secret; made here unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDelivery {
    /// Which: `webhook-id` of each try.
    pub id: String,
    /// Of which event.
    pub event_id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Which event of its subject it is.
    pub sequence: u64,
    /// `pending`, `delivering`, `delivered`, `dead` or `cancelled`.
    pub state: String,
    /// Why it ended, or why it failed last.
    pub reason: Option<String>,
    /// How many attempts are written down.
    pub attempt_count: u32,
    /// When it is tried next.
    pub due_at: Option<String>,
    /// When the event happened.
    pub created_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
}

/// The answer of `GET …/deliveries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDeliveryPage {
    /// The deliveries, the newest first.
    pub items: Vec<WebhookDelivery>,
    /// Where the list goes on.
    pub next_cursor: Option<String>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookAttempt {
    /// Which, from 1.
    pub number: u32,
    /// `try`, `probe`, `resend` or `circuit_open`.
    pub kind: String,
    /// When it began.
    pub started_at: String,
    /// How long it took.
    pub duration_ms: u64,
    /// What it came to.
    pub outcome: String,
    /// The status of the answer, if one came.
    pub status: Option<u16>,
    /// The media type of the answer.
    pub response_type: Option<String>,
    /// The first 4 KiB of it, as text.
    pub response_body: Option<String>,
}

/// The answer of `GET …/deliveries/{delivery}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDeliveryDetail {
    /// The delivery.
    pub delivery: WebhookDelivery,
    /// Its attempts, oldest first.
    pub attempts: Vec<WebhookAttempt>,
}

/// The body of `POST …/webhooks/{id}/resend`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResendDeliveries {
    /// Those that stand so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Those of events that did not happen before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Those of events that happened before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Those of events of this type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// The answer of `POST …/webhooks/{id}/resend` and of `GET …/resends/{resend}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resent {
    /// Which.
    pub id: String,
    /// `running` or `done`.
    pub state: String,
    /// Deliveries that were named, 10,000 at most.
    pub total: u32,
    /// How many of them are on their way once more.
    pub resent: u32,
    /// When it was asked for.
    pub created_at: String,
    /// When the last was sent on its way.
    pub finished_at: Option<String>,
}
