//! [`ProblemBody`]: the one shape of an error outside the Muse wire (RFC 9457; `spec/conventions.md`, Errors).

use serde::{Deserialize, Serialize};

/// An error as a client sees it. Unknown members are ignored when one is read: RFC 9457 §3.2 wants it, and some
/// errors carry more (`moved_to`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemBody {
    /// `/help/errors#<code>`.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The code in words; the same for every error of this code.
    pub title: String,
    /// The HTTP status, again.
    pub status: u16,
    /// A stable word that programs match on.
    pub code: String,
    /// What happened this time, and what can be done.
    pub detail: String,
    /// Which request, for those who read the log.
    pub request_id: String,
    /// Every fault of the request; empty unless the error is about fields.
    #[serde(default)]
    pub errors: Vec<FieldProblem>,
    /// What time it is here (RFC 3339), when the client's clock is the fault, so that it can correct itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<String>,
    /// `owner/name`, where what was asked for is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// Where: a JSON pointer into the request (RFC 6901).
    pub pointer: String,
    /// A stable word that programs match on.
    pub code: String,
    /// What is wrong, in words.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_written_as_the_conventions_say() {
        let mut body = ProblemBody {
            type_uri: "/help/errors#invalid".into(),
            title: "The request is invalid".into(),
            status: 422,
            code: "invalid".into(),
            detail: "one field is wrong".into(),
            request_id: "r-1".into(),
            errors: vec![FieldProblem {
                pointer: "/title".into(),
                code: "too_long".into(),
                message: "at most 100 characters".into(),
            }],
            server_time: None,
            moved_to: None,
        };
        let json = serde_json::to_string(&body).unwrap();
        let expected = concat!(
            r#"{"type":"/help/errors#invalid","title":"The request is invalid","status":422,"#,
            r#""code":"invalid","detail":"one field is wrong","request_id":"r-1","#,
            r#""errors":[{"pointer":"/title","code":"too_long","message":"at most 100 characters"}]}"#,
        );
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<ProblemBody>(&json).unwrap(), body);
        body.server_time = Some("2026-11-21T20:53:00.123Z".into());
        let json = serde_json::to_string(&body).unwrap();
        assert!(json.ends_with(r#","server_time":"2026-11-21T20:53:00.123Z"}"#), "{json}");
    }
}
