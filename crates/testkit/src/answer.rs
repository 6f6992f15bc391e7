//! What came back.

use api::{Limits, Value, wire::Format};
use bytes::Bytes;
use http::HeaderMap;

/// Larger than any answer of wire 1.
const MAX_ANSWER_BYTES: u64 = 128 << 20;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status, as a number.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it came.
    pub body: Bytes,
}

impl Answer {
    /// A header as text; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// All values of a header, joined by a comma as HTTP lets one do.
    pub fn all(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter();
        values.map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(", ")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("{} is not JSON: {error}: {}", self.status, self.text()),
        }
    }

    /// The body as a message of the wire, by its content type.
    pub fn value(&self) -> Value {
        let format = Format::of_content_type(Some(self.header("content-type")));
        match format.read(&*self.body, &Limits::of_body(MAX_ANSWER_BYTES)) {
            Ok(value) => value,
            Err(error) => panic!("{} is no message: {error}: {}", self.status, self.text()),
        }
    }

    /// The body as an answer of wire 1; it must have succeeded.
    pub fn wire<T: TryFrom<Value, Error = api::WireError>>(&self) -> T {
        assert_eq!(self.status, 200, "{}", self.text());
        T::try_from(self.value()).unwrap()
    }

    /// The stable code of a refusal, from a problem document or from the line that the wire speaks.
    pub fn code(&self) -> String {
        let text = self.text();
        if text.starts_with('{') {
            return self.json()["code"].as_str().unwrap_or_default().to_owned();
        }
        text.split(':').next().unwrap_or_default().to_owned()
    }

    /// Fails unless this is the refusal with this status and code.
    #[track_caller]
    pub fn assert_refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{}", self.text());
    }

    /// Fails unless this has the status.
    #[track_caller]
    pub fn assert_status(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
    }

    /// The whole answer as text, without what differs between two requests: the request's id and the date. Two answers
    /// that look the same here tell their reader nothing.
    pub fn faceless(&self) -> String {
        let id = self.header("x-request-id");
        let mut lines: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"))
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        format!("{}\n{}\n\n{}", self.status, lines.join("\n"), self.text().replace(id, "REQUEST"))
    }
}
