//! What a server gave out that proves who somebody is, and the search for it in what the server writes
//! (`spec/trust.md` 12, Canary test).

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

use crate::Answer;

/// Texts before a secret, wherever they stand in an answer.
const MARKS: [&str; 5] = ["mt_", "/login/once/", "/o/up/", "whsec_", "code="];
/// Members of JSON answers whose texts are secrets.
const MEMBERS: [&str; 6] =
    ["value", "user_code", "device_code", "access_token", "refresh_token", "device_token"];
/// What a mark has behind it is a word of its own below this, such as a name or an id.
const SECRET_CHARS: usize = 43;

/// Longer answers are histories.
const MAX_BYTES: usize = 4 << 20;

/// Every secret that was seen in an answer. Shared by all who speak to one server.
#[derive(Clone, Default)]
pub struct Canaries(Arc<Mutex<BTreeSet<String>>>);

impl fmt::Debug for Canaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Canaries({})", self.all().len())
    }
}

impl Canaries {
    /// Adds one of which no answer tells, such as a setting.
    pub fn add(&self, secret: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
    }

    /// All of them.
    pub fn all(&self) -> BTreeSet<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those that stand in `bytes`.
    pub fn found_in(&self, bytes: &[u8]) -> Vec<String> {
        let text = String::from_utf8_lossy(bytes);
        self.all().into_iter().filter(|secret| text.contains(secret.as_str())).collect()
    }

    /// Remembers what an answer gave out.
    pub(crate) fn heed(&self, answer: &Answer) {
        for line in answer.headers.get_all("set-cookie") {
            let value = line.to_str().unwrap().split(';').next().unwrap();
            let value = value.split_once('=').map_or("", |(_, value)| value);
            if value.len() >= SECRET_CHARS {
                self.add(value);
            }
        }
        let is_text =
            ["json", "html", "msgpack"].iter().any(|it| answer.header("content-type").contains(it));
        if answer.status >= 300 || !is_text || answer.body.len() > MAX_BYTES {
            return;
        }
        let text = answer.text();
        for mark in MARKS {
            for (at, _) in text.match_indices(mark) {
                let rest = &text[at + mark.len()..];
                let is_part = |c: char| c.is_ascii_alphanumeric() || "-_+/=".contains(c);
                let secret = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
                if secret.len() >= SECRET_CHARS {
                    self.add(secret);
                }
            }
        }
        if let Ok(body) = serde_json::from_slice(&answer.body) {
            self.heed_members(&body);
        }
    }

    fn heed_members(&self, body: &Value) {
        match body {
            Value::Object(members) => {
                for (name, value) in members {
                    match value.as_str() {
                        Some(text) if MEMBERS.contains(&name.as_str()) => self.add(text),
                        _ => self.heed_members(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.heed_members(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}
