//! Errors of servers: problem documents (RFC 9457), and the line of the Muse wire.

use std::fmt;

use api::{FieldProblem, ProblemBody};

use crate::visible::visible;

/// The longest detail that is kept, in characters.
const MAX_DETAIL_CHARS: usize = 1000;

/// What a server said instead of doing it. All texts are made fit to be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// A stable word that programs match on; `http_<status>` if the answer held none.
    pub code: String,
    /// What happened, and what can be done.
    pub detail: String,
    /// Which request, for those who read the log; empty if the answer did not say.
    pub request_id: String,
    /// Faults of single fields.
    pub errors: Vec<FieldProblem>,
    /// The server's time, if the clock is the fault.
    pub server_time: Option<String>,
    /// Seconds to wait, if the server said so.
    pub retry_after_seconds: Option<u64>,
}

impl Refusal {
    /// Reads the body of an error.
    pub(crate) fn read(status: u16, content_type: &str, body: &[u8]) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let read = match kind {
            "application/problem+json" => Self::problem(status, body),
            "application/json" => Self::problem(status, body).or_else(|| Self::oauth(status, body)),
            "text/plain" => Self::line(status, body),
            _ => None,
        };
        read.unwrap_or_else(|| Self::bare(status, kind))
    }

    fn problem(status: u16, body: &[u8]) -> Option<Self> {
        let problem: ProblemBody = serde_json::from_slice(body).ok()?;
        let errors = problem.errors.into_iter().map(|field| FieldProblem {
            pointer: tidy(&field.pointer),
            code: tidy(&field.code),
            message: tidy(&field.message),
        });
        Some(Self {
            status,
            code: tidy(&problem.code),
            detail: tidy(if problem.detail.is_empty() { &problem.title } else { &problem.detail }),
            request_id: tidy(&problem.request_id),
            errors: errors.collect(),
            server_time: problem.server_time,
            retry_after_seconds: None,
        })
    }

    /// `{"error", "error_description"}` (RFC 6749 section 5.2).
    fn oauth(status: u16, body: &[u8]) -> Option<Self> {
        let body: serde_json::Value = serde_json::from_slice(body).ok()?;
        let code = tidy(body.get("error")?.as_str()?);
        let told = body.get("error_description").and_then(serde_json::Value::as_str);
        Some(Self { detail: tidy(told.unwrap_or(&code)), code, ..Self::bare(status, "") })
    }

    /// `<code>: <sentence> (request <id>)` (`spec/wire.md` 3).
    fn line(status: u16, body: &[u8]) -> Option<Self> {
        let text = str::from_utf8(body).ok()?.trim();
        let (code, rest) = text.split_once(": ")?;
        let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if code.is_empty() || !code.chars().all(is_code) {
            return None;
        }
        let (sentence, request_id) = rest
            .strip_suffix(')')
            .and_then(|rest| rest.rsplit_once(" (request "))
            .unwrap_or((rest, ""));
        Some(Self {
            status,
            code: code.to_owned(),
            detail: tidy(sentence),
            request_id: tidy(request_id),
            errors: Vec::new(),
            server_time: None,
            retry_after_seconds: None,
        })
    }

    fn bare(status: u16, kind: &str) -> Self {
        let kind = if kind.is_empty() { "no content" } else { kind };
        Self {
            status,
            code: format!("http_{status}"),
            detail: format!("the server answered with status {status} and {}", tidy(kind)),
            request_id: String::new(),
            errors: Vec::new(),
            server_time: None,
            retry_after_seconds: None,
        }
    }
}

fn tidy(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_DETAIL_CHARS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    visible(&short)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        for error in &self.errors {
            write!(f, "; {}: {}", error.pointer, error.message)?;
        }
        if !self.request_id.is_empty() {
            write!(f, " (request {})", self.request_id)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_document_is_read() {
        let body = br#"{"type":"/help/errors#invalid","title":"Invalid","status":422,"code":"invalid",
            "detail":"one field is wrong","request_id":"r1",
            "errors":[{"pointer":"/name","code":"taken","message":"the name is taken"}],"moved_to":"x"}"#;
        let refusal = Refusal::read(422, "application/problem+json", body);
        assert_eq!((refusal.status, refusal.code.as_str()), (422, "invalid"));
        let text = "one field is wrong; /name: the name is taken (request r1)";
        assert_eq!(refusal.to_string(), text);
    }

    #[test]
    fn the_words_of_oauth_are_read() {
        let body = br#"{"error":"slow_down","error_description":"asked too soon"}"#;
        let refusal = Refusal::read(400, "application/json", body);
        assert_eq!(
            (refusal.code.as_str(), refusal.to_string().as_str()),
            ("slow_down", "asked too soon")
        );
        assert_eq!(Refusal::read(400, "application/json", b"{}").code, "http_400");
    }

    #[test]
    fn the_line_of_the_wire_is_read_and_control_characters_are_shown() {
        let body = "not_fast_forward: main is at \u{1b}[31mabc (request 01ab)\n";
        let refusal = Refusal::read(409, "text/plain; charset=utf-8", body.as_bytes());
        assert_eq!(
            (refusal.code.as_str(), refusal.request_id.as_str()),
            ("not_fast_forward", "01ab")
        );
        assert_eq!(refusal.detail, "main is at ⟨U+001B⟩[31mabc");
    }

    #[test]
    fn anything_else_is_named_by_its_status() {
        for (kind, body) in [("text/html", "<h1>"), ("text/plain", "Bad gateway"), ("", "")] {
            let refusal = Refusal::read(502, kind, body.as_bytes());
            assert_eq!(refusal.code, "http_502");
        }
    }
}
