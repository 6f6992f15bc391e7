//! A refusal, and how each surface tells it.

use std::fmt::Display;

use api::{FieldProblem, ProblemBody};
use axum::{
    body::Body,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse as _, Response},
};
use names::UnixMillis;
use trust::{Exceeded, FlowFault, HostFault, Refusal};

use crate::look::{ErrorPage, Layout};
use crate::{Context, Surface, codes::codes};

/// The longest error sentence on the Muse wire, in bytes: the Muse client prints the first 400 characters.
const MAX_WIRE_SENTENCE: usize = 400;

/// One fault of a request, by where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901).
    pub pointer: String,
    /// Stable word.
    pub code: &'static str,
    /// What to do about it.
    pub message: String,
}

/// A refusal: a status, a stable code and a sentence that a person can act on.
#[derive(Debug)]
pub struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) faults: Vec<Fault>,
    headers: Vec<(HeaderName, HeaderValue)>,
    server_time: Option<UnixMillis>,
    moved: Option<Box<Moved>>,
}

/// Where what was asked for is now, as `owner/name`. Behind a pointer: a refusal goes through many hands.
#[derive(Debug)]
struct Moved {
    to: String,
}

impl Problem {
    /// A refusal that the caller can do something about.
    pub fn refuse(
        status: StatusCode,
        code: &'static str,
        detail: &(impl Display + ?Sized),
    ) -> Self {
        let mut problem = Self {
            status,
            code,
            detail: detail.to_string(),
            faults: Vec::new(),
            headers: Vec::new(),
            server_time: None,
            moved: None,
        };
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static(r#"MSign realm="motet""#);
            problem.headers.push((WWW_AUTHENTICATE, scheme));
        }
        problem
    }

    /// There is nothing here, or nothing that this caller may know about: one answer.
    pub fn not_found() -> Self {
        Self::refuse(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing at this address, or not for you",
        )
    }

    /// What was asked for is `owner/name` by now: for those alone who may read it. A page leads there.
    pub fn moved(to: String) -> Self {
        let detail = format!("this repository is {to} now");
        let mut problem = Self::refuse(StatusCode::NOT_FOUND, "not_found", &detail);
        problem.moved = Some(Box::new(Moved { to }));
        problem
    }

    /// `owner/name` of what was asked for, if it has moved.
    pub(crate) fn moved_to(&self) -> Option<&str> {
        self.moved.as_ref().map(|moved| moved.to.as_str())
    }

    /// The request cannot be read.
    pub fn malformed(detail: &(impl Display + ?Sized)) -> Self {
        Self::refuse(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// Some values do not hold; every fault is listed.
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let detail =
            faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ");
        let mut problem = Self::refuse(StatusCode::UNPROCESSABLE_ENTITY, "invalid", &detail);
        problem.faults = faults;
        problem
    }

    /// The same refusal with places, or words, that belong to it.
    #[must_use]
    pub fn with(mut self, faults: Vec<Fault>) -> Self {
        self.faults.extend(faults);
        self
    }

    /// A dependency that the answer needs is down. The cause goes to the log, once, here.
    pub fn unavailable(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "the request could not be served");
        Self::refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "a part of the server that this needs does not answer at the moment; try again soon",
        )
        .retry_after(1)
    }

    /// Our fault. The whole chain goes to the log, once, here; the client learns nothing.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = chain(error), "the request failed");
        Self::refuse(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something broke on our side; it has been logged under this request's id",
        )
    }

    /// Adds how long to wait.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
        self
    }

    /// Adds what a limit has to say of itself: draft-ietf-httpapi-ratelimit-headers-10.
    #[must_use]
    pub fn limited(self, by: &Exceeded) -> Self {
        let policy = format!("\"{}\";q={};w={}", by.policy, by.limit, by.window_seconds);
        let left = format!("\"{}\";r={};t={}", by.policy, by.remaining, by.reset_seconds);
        let mut problem = self.retry_after(by.retry_after_seconds);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                problem.headers.push((HeaderName::from_static(name), value));
            }
        }
        problem
    }

    /// The same refusal with a further sentence.
    #[must_use]
    pub fn hint(mut self, sentence: &str) -> Self {
        self.detail = format!("{}; {sentence}", self.detail);
        self
    }

    /// The status.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// Tells it as `surface` does.
    pub fn tell(mut self, surface: Surface, context: &Context) -> Response {
        if self.code == "archived" && surface == Surface::Wire && !context.speaks_protocol_2 {
            // The Muse client tells a 409 as "has diverged" (`spec/wire.md` 5.1).
            self.status = StatusCode::FORBIDDEN;
        }
        let as_problem =
            context.speaks_protocol_2 || matches!(surface, Surface::Api | Surface::Plain);
        let (kind, body) = match surface {
            Surface::Page => ("text/html; charset=utf-8", self.page(context)),
            Surface::Oauth => ("application/json", self.oauth()),
            _ if as_problem => ("application/problem+json", self.document(context)),
            Surface::Wire | Surface::Git | Surface::Api | Surface::Plain => {
                ("text/plain; charset=utf-8", self.sentence(context))
            }
        };
        let mut response = (self.status, Body::from(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers);
        response
    }

    fn title(&self) -> &'static str {
        let known = codes().iter().find(|(code, _)| *code == self.code);
        known
            .map_or_else(|| self.status.canonical_reason().unwrap_or("Refused"), |(_, title)| title)
    }

    /// What a problem document says of it.
    pub fn document_body(&self, context: &Context) -> ProblemBody {
        let told = |Fault { pointer, code, message }: &Fault| FieldProblem {
            pointer: pointer.clone(),
            code: (*code).to_owned(),
            message: message.clone(),
        };
        ProblemBody {
            type_uri: format!("/help/errors#{}", self.code),
            title: self.title().to_owned(),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            detail: self.detail.clone(),
            request_id: context.request_id.clone(),
            errors: self.faults.iter().map(told).collect(),
            server_time: self.server_time.map(|time| time.to_string()),
            moved_to: self.moved_to().map(str::to_owned),
        }
    }

    fn document(&self, context: &Context) -> String {
        serde_json::to_string(&self.document_body(context)).unwrap_or_default()
    }

    /// As RFC 6749 section 5.2 has it: the grammar knows neither quotes nor letters beyond ASCII.
    fn oauth(&self) -> String {
        let plain = |c: char| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        };
        let description: String = self.detail.chars().map(plain).collect();
        serde_json::json!({ "error": self.oauth_word(), "error_description": description })
            .to_string()
    }

    /// The word that OAuth clients know for it.
    fn oauth_word(&self) -> &'static str {
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                "temporarily_unavailable"
            }
            StatusCode::INTERNAL_SERVER_ERROR => "server_error",
            StatusCode::BAD_REQUEST if self.code != "malformed" => self.code,
            _ => "invalid_request",
        }
    }

    fn sentence(&self, context: &Context) -> String {
        let tail = format!(" (request {})\n", context.request_id);
        let mut line: String = format!("{}: {}", self.code, self.detail)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let room = MAX_WIRE_SENTENCE.saturating_sub(tail.len());
        line.truncate(
            (0..=room.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0),
        );
        line + &tail
    }

    fn page(&self, context: &Context) -> String {
        let layout = Layout {
            title: self.title().to_owned(),
            reader: context.reader(),
            request_id: context.request_id.clone(),
            is_noindex: true,
            ..Layout::default()
        };
        let (title, detail) = (layout.title.clone(), sentence_case(&self.detail));
        let (status, code) = (self.status.as_u16(), self.code);
        let page = ErrorPage { layout, status, title, detail, code };
        askama::Template::render(&page).unwrap_or_else(|error| {
            tracing::error!(%error, "the error page cannot be rendered");
            self.detail.clone()
        })
    }
}

/// An error and what caused it, down to the root: the log shows the first alone.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let its_text = error.to_string();
        // Some say again what their cause says.
        if !text.ends_with(&its_text) {
            text = format!("{text}: {its_text}");
        }
        cause = error.source();
    }
    text
}

/// `text` as a sentence of its own.
fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), chars.as_str())
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated => Self::refuse(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "sign the request with a registered key",
            ),
            Refusal::Forbidden => Self::refuse(
                StatusCode::FORBIDDEN,
                "forbidden",
                "you may see this, but not change it so",
            ),
            Refusal::NotFound => Self::not_found(),
            Refusal::Archived => Self::refuse(
                StatusCode::CONFLICT,
                "archived",
                "the repository is archived; its owner can unarchive it",
            ),
            Refusal::BearerRefused => Self::from(trust::Error::BearerRefused),
            Refusal::NotFresh => Self::refuse(
                StatusCode::FORBIDDEN,
                "fresh_sign_in_required",
                "this needs a sign-in within the last ten minutes; sign in again and repeat it",
            ),
        }
    }
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        Self::refuse(StatusCode::TOO_MANY_REQUESTS, "rate_limited", &exceeded).limited(&exceeded)
    }
}

impl From<HostFault> for Problem {
    fn from(fault: HostFault) -> Self {
        match fault {
            HostFault::Unreadable => Self::malformed(&fault),
            HostFault::Misdirected => trust::Error::Misdirected.into(),
            HostFault::Forbidden => Self::refuse(StatusCode::FORBIDDEN, "forbidden_host", &fault),
        }
    }
}

impl From<db::Error> for Problem {
    fn from(error: db::Error) -> Self {
        if error.is_outage() { Self::unavailable(&error) } else { Self::internal(&error) }
    }
}

/// The one place where the trust plane's failures become HTTP (`spec/trust.md` 3.2). No wildcard arm.
impl From<trust::Error> for Problem {
    fn from(error: trust::Error) -> Self {
        use trust::Error as E;
        let error = match error {
            E::Invalid { pointer, message } => {
                let pointer = pointer.to_owned();
                return Self::invalid(vec![Fault { pointer, code: "invalid", message }]);
            }
            E::NoSuchThing => return Self::not_found(),
            E::ElsewhereDown(fault) => return Self::unavailable(&fault),
            E::Refused(refusal) => return refusal.into(),
            E::RateLimited(exceeded) => return exceeded.into(),
            E::Db(error) => return error.into(),
            other => other,
        };
        let (status, code) = code_of(&error);
        let mut problem = Self::refuse(status, code, &error);
        match error {
            E::ClockSkew { server_time } => problem.server_time = Some(server_time),
            // As many as one key may have alive; each is good for half a minute.
            E::TooManyNonces => {
                return problem.limited(&Exceeded::wait("nonces", 20_000, 31, 5));
            }
            E::NonceStoreFull | E::ChallengesFull => return problem.retry_after(5),
            E::Flow(FlowFault::Full) => return problem.retry_after(60),
            _ => {}
        }
        problem
    }
}

/// The status and the word of a failure.
const fn code_of(error: &trust::Error) -> (StatusCode, &'static str) {
    use trust::Error as E;
    match error {
        E::SignatureMalformed(_) | E::MessageSignature(_) => {
            (StatusCode::UNAUTHORIZED, "signature_malformed")
        }
        E::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed"),
        E::Misdirected => (StatusCode::MISDIRECTED_REQUEST, "misdirected"),
        E::ClockSkew { .. } => (StatusCode::UNAUTHORIZED, "clock_skew"),
        E::DigestRequired => (StatusCode::UNAUTHORIZED, "digest_required"),
        E::DigestMismatch => (StatusCode::UNAUTHORIZED, "digest_mismatch"),
        E::EncodedBody => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
        E::Unauthenticated | E::SessionEnded => (StatusCode::UNAUTHORIZED, "unauthenticated"),
        E::BearerRefused => (StatusCode::UNAUTHORIZED, "bearer_refused"),
        E::Replayed => (StatusCode::UNAUTHORIZED, "replayed"),
        E::TooManyNonces => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
        E::SecretExists | E::AnswerNotKept => (StatusCode::CONFLICT, "conflict"),
        E::OtherRequest => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_mismatch"),
        E::NoActiveSecret => (StatusCode::CONFLICT, "no_active_secret"),
        E::NonceStoreFull | E::ChallengesFull | E::Locked | E::NobodyHere => {
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
        E::ChallengeFailed => (StatusCode::UNAUTHORIZED, "challenge_failed"),
        E::UnsupportedKey(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unsupported_key"),
        E::KeyTaken => (StatusCode::CONFLICT, "key_taken"),
        E::HandleTaken => (StatusCode::CONFLICT, "handle_taken"),
        E::RegistrationClosed => (StatusCode::FORBIDDEN, "registration_closed"),
        E::InviteRequired => (StatusCode::FORBIDDEN, "invite_required"),
        E::TermsChanged => (StatusCode::CONFLICT, "tos_changed"),
        E::LabelTooLong | E::Token(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
        E::Flow(FlowFault::UserCode) => (StatusCode::UNAUTHORIZED, "user_code_failed"),
        E::Flow(FlowFault::Full) => (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable"),
        E::Flow(fault) => (StatusCode::BAD_REQUEST, fault.word()),
        E::LoginEnded => (StatusCode::NOT_FOUND, "login_ended"),
        E::HttpsRequired => (StatusCode::FORBIDDEN, "https_required"),
        E::LastKey => (StatusCode::CONFLICT, "last_key"),
        E::SoleOwner(_) => (StatusCode::CONFLICT, "sole_owner"),
        E::PasskeyFailed => (StatusCode::UNAUTHORIZED, "passkey_failed"),
        E::PasskeyTaken => (StatusCode::CONFLICT, "passkey_taken"),
        E::NoPasskeys => (StatusCode::CONFLICT, "passkeys_off"),
        E::NeedsBrowser => (StatusCode::FORBIDDEN, "fresh_sign_in_required"),
        E::ElsewhereFailed => (StatusCode::UNAUTHORIZED, "oauth_failed"),
        E::NotLinked => (StatusCode::FORBIDDEN, "not_linked"),
        E::IdentityTaken => (StatusCode::CONFLICT, "identity_taken"),
        E::LastAdmin => (StatusCode::CONFLICT, "last_admin"),
        E::TooManyKeys
        | E::TooManyPasskeys
        | E::TooManyTokens
        | E::TooManyGitTokens
        | E::TooManyAgents
        | E::TooManyOrganizations
        | E::TooManyCollaborators
        | E::TooManyRemembered
        | E::TooManyInvites => (StatusCode::CONFLICT, "quota_exceeded"),
        E::InviteFailed => (StatusCode::FORBIDDEN, "invite_failed"),
        E::OwnersOnly | E::NotForAgents | E::NotAPerson => (StatusCode::FORBIDDEN, "forbidden"),
        // Each is told in its own way, before it comes to this.
        E::Invalid { .. }
        | E::NoSuchThing
        | E::ElsewhereDown(_)
        | E::Refused(_)
        | E::RateLimited(_)
        | E::Db(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context { request_id: "r1".to_owned(), ..Context::default() }
    }

    #[test]
    fn the_wire_gets_one_bounded_line() {
        let problem = Problem::refuse(
            StatusCode::CONFLICT,
            "unknown_parent",
            &format!("a\n{}", "ü".repeat(500)),
        );
        let line = problem.sentence(&context());
        assert!(line.len() <= MAX_WIRE_SENTENCE);
        assert!(line.starts_with("unknown_parent: a ü") && line.ends_with(" (request r1)\n"));
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[test]
    fn the_api_gets_a_problem_document() {
        let problem = Problem::from(trust::Error::ClockSkew { server_time: UnixMillis(0) });
        let body = serde_json::to_value(problem.document_body(&context())).unwrap();
        assert_eq!(body["type"], "/help/errors#clock_skew");
        assert_eq!((body["status"].as_u64(), &body["request_id"]), (Some(401), &"r1".into()));
        assert_eq!(body["server_time"], "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn every_429_says_what_the_limit_is_and_when_to_come_back() {
        for (error, policy, left, wait) in [
            (
                trust::Error::RateLimited(Exceeded::wait("auth", 20, 60, 12)),
                "\"auth\";q=20;w=60",
                "\"auth\";r=0;t=12",
                "12",
            ),
            (trust::Error::TooManyNonces, "\"nonces\";q=20000;w=31", "\"nonces\";r=0;t=5", "5"),
        ] {
            let response = Problem::from(error).tell(Surface::Page, &context());
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(response.headers()["ratelimit-policy"], policy);
            assert_eq!(response.headers()["ratelimit"], left);
            assert_eq!(response.headers()[RETRY_AFTER], wait);
        }
    }

    #[test]
    fn oauth_clients_get_words_that_they_know() {
        let told = |problem: Problem| {
            let text = problem.oauth();
            let body: serde_json::Value = serde_json::from_str(&text).unwrap();
            body["error"].as_str().unwrap().to_owned()
        };
        assert_eq!(told(trust::Error::from(FlowFault::SlowDown).into()), "slow_down");
        assert_eq!(told(Problem::malformed("x")), "invalid_request");
        assert_eq!(told(Exceeded::wait("auth", 20, 60, 12).into()), "temporarily_unavailable");
        assert_eq!(told(trust::Error::BearerRefused.into()), "invalid_request");
        let text = Problem::malformed("\"ü\" \\ `x`").oauth();
        assert!(text.contains(r#""error_description":"'?' ' `x`""#), "{text}");
    }

    #[test]
    fn every_401_names_the_scheme() {
        let response = Problem::from(Refusal::Unauthenticated).tell(Surface::Wire, &context());
        assert_eq!(response.headers()[WWW_AUTHENTICATE], r#"MSign realm="motet""#);
    }
}
