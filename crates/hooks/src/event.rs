//! What happened, as a room tells it, and the bytes that are made of it (`spec/webhooks.md` 2).

use std::{fmt, str::FromStr};

use names::{Id, UnixMillis};
use serde::Serialize;
use serde_json::{Map, Value};
use trust::Principal;
use uuid::Uuid;

use crate::{
    EventType, Traits,
    shape::{BODY_BYTES, fitted, thin},
};

/// Which shape of an event this is: members may be added within it, none changes its type.
const VERSION: u32 = 1;
/// Bytes of a subject: a ref's name is the longest part of one.
const SUBJECT_BYTES: usize = 400;
/// What a subject can be.
const SUBJECTS: [&str; 15] = [
    "ref",
    "repository",
    "issue",
    "proposal",
    "release",
    "check",
    "build",
    "pipeline",
    "run",
    "session",
    "feed",
    "watcher",
    "entity",
    "principal",
    "webhook",
];

/// An event, for its `id`.
#[derive(Debug)]
pub enum EventRow {}

/// What an event is about, as `kind:id`: its events are counted and delivered in order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Subject(String);

/// A text that is no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subject is a kind, a colon and an id")]
pub struct NotASubject;

impl Subject {
    /// A thing of its own.
    pub fn of(kind: &'static str, id: impl fmt::Display) -> Result<Self, NotASubject> {
        format!("{kind}:{id}").parse()
    }

    /// The whole.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of thing, and what says which.
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once(':').unwrap_or((&self.0, ""))
    }
}

impl FromStr for Subject {
    type Err = NotASubject;

    fn from_str(text: &str) -> Result<Self, NotASubject> {
        let (kind, id) = text.split_once(':').ok_or(NotASubject)?;
        let is_one = SUBJECTS.contains(&kind)
            && !id.is_empty()
            && text.len() <= SUBJECT_BYTES
            && !text.contains(char::is_control);
        if is_one { Ok(Self(text.to_owned())) } else { Err(NotASubject) }
    }
}

/// Where something happens, and what a subscription hears of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Realm {
    /// One repository.
    Repository(Uuid),
    /// An organization with its repositories, members and keys.
    Organization(Id<Principal>),
    /// A publisher with its pipelines, runs and tasks.
    Publisher(Id<Principal>),
    /// The whole installation.
    Installation,
}

impl Realm {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repository(_) => "repository",
            Self::Organization(_) => "organization",
            Self::Publisher(_) => "publisher",
            Self::Installation => "installation",
        }
    }

    /// The repository, if it is one.
    pub(crate) const fn repository(self) -> Option<Uuid> {
        match self {
            Self::Repository(id) => Some(id),
            Self::Organization(_) | Self::Publisher(_) | Self::Installation => None,
        }
    }

    /// Subscriptions of one realm.
    pub(crate) const fn most(self) -> u32 {
        match self {
            Self::Repository(_) | Self::Organization(_) | Self::Publisher(_) => 20,
            Self::Installation => 50,
        }
    }
}

/// Somebody, as events name them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Party {
    /// The principal.
    pub id: Uuid,
    /// Its handle.
    pub handle: String,
    /// Its kind.
    pub kind: &'static str,
}

/// What happened. Whoever makes it has shaped `data` as the list of events says.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its id, if whoever makes it has named it already.
    pub id: Option<Id<EventRow>>,
    /// Which of the list.
    pub kind: EventType,
    /// What it is about.
    pub subject: Subject,
    /// Where it happened.
    pub realm: Realm,
    /// The request that did it, if one did.
    pub request_id: Option<String>,
    /// Where a person sees it.
    pub action_url: String,
    /// Whoever did it.
    pub actor: Option<Party>,
    /// For whom an agent did it.
    pub on_behalf_of: Option<Party>,
    /// The repository: `{id, owner, name, format, visibility, url}`.
    pub repository: Option<Map<String, Value>>,
    /// The organization.
    pub organization: Option<Map<String, Value>>,
    /// The publisher.
    pub publisher: Option<Map<String, Value>>,
    /// Whether it is of a confidential issue.
    pub is_confidential: bool,
    /// The branch that it is about, if it is about one.
    pub branch: Option<String>,
    /// The labels of what it is about, if that can have any.
    pub labels: Option<Vec<String>>,
    /// The manager whose subscription hears of it besides those that ask for it; that of others does not.
    pub manager: Option<Uuid>,
    /// What there is to say.
    pub data: Map<String, Value>,
}

/// How much a subscription wants to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// Everything.
    #[default]
    Full,
    /// Ids and addresses.
    Thin,
}

impl Content {
    /// The word in rows and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Thin => "thin",
        }
    }
}

impl FromStr for Content {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let found = [Self::Full, Self::Thin].into_iter().find(|it| it.as_str() == text);
        found.ok_or("content is `full` or `thin`")
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: String,
    id: Id<EventRow>,
    timestamp: UnixMillis,
    version: u32,
    subject: &'a str,
    sequence: u64,
    request_id: Option<&'a str>,
    action_url: &'a str,
    actor: Option<Value>,
    on_behalf_of: Option<Value>,
    repository: Option<Map<String, Value>>,
    organization: Option<Map<String, Value>>,
    publisher: Option<Map<String, Value>>,
    data: Map<String, Value>,
}

impl Event {
    /// Something that happened to a thing, with nothing said of it yet.
    pub fn new(
        kind: EventType,
        subject: Subject,
        realm: Realm,
        action_url: impl Into<String>,
    ) -> Self {
        Self {
            id: None,
            kind,
            subject,
            realm,
            request_id: None,
            action_url: action_url.into(),
            actor: None,
            on_behalf_of: None,
            repository: None,
            organization: None,
            publisher: None,
            is_confidential: false,
            branch: None,
            labels: None,
            manager: None,
            data: Map::new(),
        }
    }

    /// What filters look at.
    pub(crate) fn traits(&self) -> Traits<'_> {
        Traits {
            branch: self.branch.as_deref(),
            labels: self.labels.as_deref(),
            actor: self.actor.as_ref().map(|it| it.handle.as_str()),
        }
    }

    /// The bytes that are sent.
    pub(crate) fn body(
        &self,
        content: Content,
        (id, sequence): (Id<EventRow>, u64),
        now: UnixMillis,
    ) -> Vec<u8> {
        let object = |it: &Option<Map<String, Value>>| {
            it.as_ref().map(|it| match content {
                Content::Full => fitted(it),
                Content::Thin => thin(it),
            })
        };
        let party = |it: &Option<Party>| {
            it.as_ref().and_then(|it| match content {
                Content::Full => serde_json::to_value(it).ok(),
                Content::Thin => serde_json::to_value(Map::from_iter([(
                    "id".to_owned(),
                    Value::String(it.id.to_string()),
                )]))
                .ok(),
            })
        };
        let data = fitted(&self.data);
        let body = Body {
            kind: self.kind.to_string(),
            id,
            timestamp: now,
            version: VERSION,
            subject: self.subject.as_str(),
            sequence,
            request_id: self.request_id.as_deref(),
            action_url: &self.action_url,
            actor: party(&self.actor),
            on_behalf_of: party(&self.on_behalf_of),
            repository: object(&self.repository),
            organization: object(&self.organization),
            publisher: object(&self.publisher),
            data: match content {
                Content::Full => data,
                Content::Thin => thin(&data),
            },
        };
        // Maps with text keys and numbers always serialize.
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        debug_assert!(bytes.len() <= BODY_BYTES, "what is around the data is small");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use names::Random;
    use serde_json::json;

    use super::*;

    fn event() -> Event {
        let party = |handle: &str| {
            Some(Party { id: Uuid::nil(), handle: handle.to_owned(), kind: "person" })
        };
        Event {
            id: None,
            kind: "issue.opened".parse().unwrap(),
            subject: "issue:7".parse().unwrap(),
            realm: Realm::Installation,
            request_id: Some("r".to_owned()),
            action_url: "https://forge.example/acme/app/issues/12".to_owned(),
            actor: party("dev-1"),
            on_behalf_of: None,
            repository: json!({"id": "1", "name": "app", "url": "https://x"}).as_object().cloned(),
            organization: None,
            publisher: None,
            is_confidential: false,
            branch: None,
            labels: Some(vec![]),
            manager: None,
            data: json!({"issue": {"id": "7", "title": "naïve"}}).as_object().cloned().unwrap(),
        }
    }

    fn read(content: Content) -> Value {
        let id = Id::new(UnixMillis(1_795_294_380_123), &Random::seeded(1));
        let bytes = event().body(content, (id, 7), UnixMillis(1_795_294_380_123));
        serde_json::from_slice(&bytes).unwrap()
    }

    #[test]
    fn a_body_has_the_members_of_the_specification() {
        let mut body = read(Content::Full);
        body["id"] = Value::Null;
        assert_eq!(
            body,
            json!({
                "type": "issue.opened", "id": null, "timestamp": "2026-11-21T20:53:00.123Z", "version": 1,
                "subject": "issue:7", "sequence": 7, "request_id": "r",
                "action_url": "https://forge.example/acme/app/issues/12",
                "actor": {"id": Uuid::nil(), "handle": "dev-1", "kind": "person"}, "on_behalf_of": null,
                "repository": {"id": "1", "name": "app", "url": "https://x"},
                "organization": null, "publisher": null, "data": {"issue": {"id": "7", "title": "naïve"}},
            })
        );
    }

    #[test]
    fn a_thin_body_names_and_does_not_tell() {
        let body = read(Content::Thin);
        assert_eq!(body["data"], json!({"issue": {"id": "7"}}));
        assert_eq!(body["actor"], json!({"id": Uuid::nil()}));
        assert_eq!(body["repository"], json!({"id": "1", "url": "https://x"}));
        assert_eq!(body["sequence"], 7);
    }

    #[test]
    fn a_subject_is_a_known_kind_and_an_id() {
        for good in ["issue:7", "ref:1:refs/heads/main", "webhook:x"] {
            assert!(good.parse::<Subject>().is_ok(), "{good}");
        }
        for bad in
            ["", "issue", "issue:", "thing:7", "issue:\n", &format!("ref:{}", "a".repeat(400))]
        {
            assert!(bad.parse::<Subject>().is_err(), "{bad}");
        }
        assert_eq!("ref:1:a:b".parse::<Subject>().unwrap().parts(), ("ref", "1:a:b"));
    }
}
